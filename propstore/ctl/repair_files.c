#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_files.h"
#include "propstore/ctl/repair_int.h"
#include "propstore/intents.h"

/** A resource whose properties are to follow its file. */
typedef struct move_t {
    const char *path, *to;
    const char *aside; /**< its path between the two; NULL: it stays */
    int done;
    const char *words; /**< what is to be said of its locks */
} move_t;

/** A repair of what does not fit the files. */
typedef struct fitting_t {
    repair_t repair;
    apr_array_header_t *intents;
    apr_array_header_t *moves; /**< move_t */
    apr_pool_t *pool;
} fitting_t;

/**
 * Find the node of PATH, if it still does not fit its file, and nobody is about to change it.
 * @return APR_SUCCESS; STORE_ABSENT if there is nothing to do; the store's error
 */
static apr_status_t find_misfit(node_t *node, int *gone_p, fitting_t *fitting, const char *path)
{
    apr_status_t status = nodes_find(node, fitting->repair.txn, path);

    if (status == APR_SUCCESS && (check_is_intended(fitting->intents, path) ||
                                  !check_file_differs(gone_p, path, &node->fingerprint)))
        status = STORE_ABSENT;
    if (status == APR_SUCCESS)
        node->props = nodes_keep_slice(node->props, fitting->repair.iterpool);
    return status;
}

/** What a resource loses by being moved or forgotten, besides its properties. */
static const char *lock_words(fitting_t *fitting, const node_t *node)
{
    store_txn_t *txn = fitting->repair.txn;
    apr_pool_t *iterpool = fitting->repair.iterpool;

    return nodes_is_locked(txn, node->id, iterpool) == APR_SUCCESS ||
                   locks_any_below(txn, node->id, iterpool) == APR_SUCCESS
               ? "; its locks end"
               : "";
}

/* ---- renamed ---- */

static int by_depth(const void *a, const void *b)
{
    size_t first = strlen(((const move_t *)a)->path), second = strlen(((const move_t *)b)->path);

    return first > second ? -1 : first < second;
}

static int by_destination(const void *a, const void *b)
{
    size_t first = strlen(((const move_t *)a)->to), second = strlen(((const move_t *)b)->to);

    return first < second ? -1 : first > second;
}

/** Take MOVE's node out of its place. */
static apr_status_t set_aside(fitting_t *fitting, move_t *move, int number)
{
    const repair_t *repair = &fitting->repair;
    filestat_t st;
    node_t node;
    int gone;
    apr_status_t status = find_misfit(&node, &gone, fitting, move->path);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    if (check_is_intended(fitting->intents, move->to) ||
        filestat_read(&st, AT_FDCWD, move->to, FILESTAT_LINK) != APR_SUCCESS ||
        !check_is_that_file(&node.fingerprint, &st))
        return APR_SUCCESS;
    move->words = lock_words(fitting, &node);
    /* The server makes no node of such a name, and the transaction ends without this one. */
    move->aside = apr_psprintf(fitting->pool, "/.dav-depot.repair-%d", number);
    return nodes_move(repair->txn, move->path, move->aside, repair->iterpool);
}

/** Put it where its file is; or back, if something else has come to be there. */
static apr_status_t put_down(fitting_t *fitting, move_t *move)
{
    repair_t *repair = &fitting->repair;
    node_t other;
    apr_status_t status;

    if (move->aside == NULL)
        return APR_SUCCESS;
    status = nodes_find(&other, repair->txn, move->to);
    if (status == APR_SUCCESS)
        return nodes_move(repair->txn, move->aside, move->path, repair->iterpool);
    if (status != STORE_ABSENT)
        return status;
    move->done = 1;
    repair_did(repair, "move the properties of %s to %s%s", move->path, move->to, move->words);
    return nodes_move(repair->txn, move->aside, move->to, repair->iterpool);
}

/**
 * Let the properties follow their files.  All are set aside before the first is put down, what
 * is inside before what it is in: so names may have been exchanged, and what went out of a
 * collection does not follow it.  What comes to be inside is put down after what it is in.
 */
static apr_status_t follow_all(fitting_t *fitting)
{
    apr_array_header_t *moves = fitting->moves;
    apr_status_t status = APR_SUCCESS;

    qsort(moves->elts, (size_t)moves->nelts, sizeof(move_t), by_depth);
    for (int i = 0; i < moves->nelts && status == APR_SUCCESS; i++) {
        apr_pool_clear(fitting->repair.iterpool);
        status = set_aside(fitting, &APR_ARRAY_IDX(moves, i, move_t), i);
    }
    qsort(moves->elts, (size_t)moves->nelts, sizeof(move_t), by_destination);
    for (int i = 0; i < moves->nelts && status == APR_SUCCESS; i++) {
        apr_pool_clear(fitting->repair.iterpool);
        status = put_down(fitting, &APR_ARRAY_IDX(moves, i, move_t));
    }
    return status;
}

/** Where the node of PATH is after the moves: it may have gone along with what it was in. */
static const char *path_now(const fitting_t *fitting, const char *path)
{
    const move_t *longest = NULL;

    for (int i = 0; i < fitting->moves->nelts; i++) {
        const move_t *move = &APR_ARRAY_IDX(fitting->moves, i, move_t);

        if (move->done && nodes_is_within(path, move->path) &&
            (longest == NULL || strlen(move->path) > strlen(longest->path)))
            longest = move;
    }
    return longest == NULL ? path
                           : apr_pstrcat(fitting->repair.iterpool, longest->to,
                                         path + strlen(longest->path), NULL);
}

/* ---- gone, and replaced ---- */

/** Forget the resource of PATH, which is gone. */
static apr_status_t forget(fitting_t *fitting, const char *path)
{
    repair_t *repair = &fitting->repair;
    node_t node;
    int gone;
    apr_status_t status = find_misfit(&node, &gone, fitting, path);

    if (status != APR_SUCCESS || !gone)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    repair_lost(repair, "forget %s with its properties: %s%s", path,
                repair_list_names(repair->txn, &node, repair->iterpool),
                lock_words(fitting, &node));
    return nodes_remove(repair->txn, path, repair->iterpool);
}

/** Take the file that is at PATH now for the resource. */
static apr_status_t adopt(fitting_t *fitting, const char *path)
{
    repair_t *repair = &fitting->repair;
    node_fingerprint_t fingerprint;
    filestat_t st;
    node_t node;
    int gone;
    apr_status_t status = find_misfit(&node, &gone, fitting, path);

    if (status != APR_SUCCESS || gone ||
        filestat_read(&st, AT_FDCWD, path, FILESTAT_TARGET) != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    fingerprint = filestat_fingerprint(&st);
    repair_did(repair, "let the new file %s keep the properties of the old", path);
    return nodes_touch(repair->txn, path, &fingerprint, repair->iterpool);
}

apr_status_t repair_files(apr_array_header_t *steps, store_txn_t *txn,
                          const apr_array_header_t *findings, apr_pool_t *scratch_pool)
{
    fitting_t fitting = {.repair = {.txn = txn, .steps = steps, .findings = findings}};
    apr_status_t status;

    apr_pool_create(&fitting.pool, scratch_pool);
    apr_pool_create(&fitting.repair.iterpool, fitting.pool);
    fitting.intents = apr_array_make(fitting.pool, 4, sizeof(intent_t));
    fitting.moves = apr_array_make(fitting.pool, 8, sizeof(move_t));
    for (int i = 0; i < findings->nelts; i++) {
        const check_finding_t *finding = &APR_ARRAY_IDX(findings, i, check_finding_t);

        if (finding->kind == CHECK_RENAMED)
            APR_ARRAY_PUSH(fitting.moves, move_t) =
                (move_t){.path = finding->path, .to = finding->to, .words = ""};
    }
    status = intents_list(fitting.intents, txn);
    if (status == APR_SUCCESS)
        status = follow_all(&fitting);
    /* From the inside out, so that each loss is told of. */
    for (int i = findings->nelts - 1; i >= 0 && status == APR_SUCCESS; i--) {
        const check_finding_t *finding = &APR_ARRAY_IDX(findings, i, check_finding_t);
        const char *path;

        apr_pool_clear(fitting.repair.iterpool);
        path = path_now(&fitting, finding->path);
        if (finding->kind == CHECK_GONE)
            status = forget(&fitting, path);
        else if (finding->kind == CHECK_REPLACED)
            status = adopt(&fitting, path);
    }
    apr_pool_destroy(fitting.pool);
    return status;
}
