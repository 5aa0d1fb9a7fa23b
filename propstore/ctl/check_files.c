#include "propstore/ctl/check_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/ctl/check_int.h"
#include "propstore/intents.h"

/** How long after it was first seen a difference is looked at again: a server may be about to
 * commit what follows from a file's new state. */
#define SECOND_LOOK apr_time_from_msec(300)
/** What the server's own temporary files are called; they are on their way to another name. */
#define TEMPORARY ".dav-depot."

/** A node that does not fit its file. */
typedef struct suspect_t {
    struct suspect_t *same_inode; /**< the next one of the same inode */
    apr_uint64_t id;
    const char *path;
    node_fingerprint_t fingerprint;
    unsigned prop_count;
    int locked;
    int gone;
    const char *to; /**< where its file is now; NULL if that is not known */
} suspect_t;

/** A comparison under way. */
typedef struct comparison_t {
    store_txn_t *txn;
    check_going_fn *going;
    void *baton;
    apr_uint64_t done;
    apr_array_header_t *suspects; /**< suspect_t, in the order of the walk */
    apr_hash_t *by_inode, *by_id;
    apr_pool_t *pool; /**< lifetime of the comparison */
    apr_status_t status;
} comparison_t;

/** Whether FINGERPRINT is known and ST is of another file. */
static int is_other_file(const node_fingerprint_t *fingerprint, const filestat_t *st)
{
    if (fingerprint->inode == 0)
        return 0;
    return fingerprint->inode != st->inode || (fingerprint->birth_ns != 0 && st->birth_ns != 0 &&
                                               fingerprint->birth_ns != st->birth_ns);
}

int check_is_that_file(const node_fingerprint_t *fingerprint, const filestat_t *st)
{
    if (fingerprint->inode == 0 || fingerprint->inode != st->inode)
        return 0;
    if (fingerprint->birth_ns != 0 && st->birth_ns != 0)
        return fingerprint->birth_ns == st->birth_ns;
    /* Inodes alone are used again. */
    return fingerprint->size == st->size && fingerprint->mtime_ns == st->mtime_ns;
}

int check_file_differs(int *gone_p, const char *path, const node_fingerprint_t *fingerprint)
{
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, path, FILESTAT_TARGET);

    *gone_p = 0;
    if (status == APR_SUCCESS)
        return is_other_file(fingerprint, &st);
    if (status == ENOENT)
        status = filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK);
    /* What cannot be looked at is not gone. */
    *gone_p = status == ENOENT || status == ENOTDIR;
    return *gone_p;
}

/* ---- nodes against files ---- */

static suspect_t *add_suspect(comparison_t *comparison, const char *path, const node_t *node)
{
    suspect_t *suspect = apr_array_push(comparison->suspects);

    memset(suspect, 0, sizeof(*suspect));
    suspect->id = node->id;
    suspect->path = apr_pstrdup(comparison->pool, path);
    suspect->fingerprint = node->fingerprint;
    suspect->prop_count = node->prop_count;
    return suspect;
}

/** nodes_keep_fn: note the node if it does not fit. */
static int compare(void *baton, const char *path, const node_t *node)
{
    comparison_t *comparison = baton;
    suspect_t *suspect;
    int gone;

    if (comparison->status != APR_SUCCESS)
        return 0;
    if (!comparison->going(comparison->baton, comparison->done++)) {
        comparison->status = APR_EINTR;
        return 0;
    }
    if (!check_file_differs(&gone, path, &node->fingerprint))
        return 1;
    suspect = add_suspect(comparison, path, node);
    suspect->gone = gone;
    return 1;
}

/** Find the nodes of TREE that do not fit. */
static apr_status_t find_suspects(comparison_t *comparison, store_t *store, const char *tree)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, comparison->pool);

    if (status != APR_SUCCESS)
        return status;
    status = nodes_walk(txn, tree, compare, comparison, comparison->pool);
    store_abort(txn);
    return comparison->status != APR_SUCCESS ? comparison->status : status;
}

/* ---- files at other paths ---- */

/** Make the suspects findable.  @return how many can be found by their files' inodes */
static unsigned index_suspects(comparison_t *comparison)
{
    unsigned count = 0;

    for (int i = 0; i < comparison->suspects->nelts; i++) {
        suspect_t *suspect = &APR_ARRAY_IDX(comparison->suspects, i, suspect_t);
        const apr_uint64_t *inode = &suspect->fingerprint.inode;

        apr_hash_set(comparison->by_id, &suspect->id, sizeof(suspect->id), suspect);
        if (*inode == 0)
            continue;
        suspect->same_inode = apr_hash_get(comparison->by_inode, inode, sizeof(*inode));
        apr_hash_set(comparison->by_inode, inode, sizeof(*inode), suspect);
        count++;
    }
    return count;
}

/** Whether the directory's member is the file of a suspect, and note it. */
static void match(comparison_t *comparison, int dirfd, const char *directory, const char *name,
                  apr_uint64_t inode)
{
    suspect_t *suspect = apr_hash_get(comparison->by_inode, &inode, sizeof(inode));
    filestat_t st;

    if (suspect == NULL || strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0 ||
        filestat_read(&st, dirfd, name, FILESTAT_LINK) != APR_SUCCESS)
        return;
    for (; suspect != NULL; suspect = suspect->same_inode) {
        const char *path;

        if (!check_is_that_file(&suspect->fingerprint, &st))
            continue;
        path =
            apr_pstrcat(comparison->pool, directory[1] == '\0' ? "" : directory, "/", name, NULL);
        /* Of several links to the file the first by name. */
        if (suspect->to == NULL || strcmp(path, suspect->to) < 0)
            suspect->to = path;
    }
}

/** Look at the members of DIRECTORY, and push those to enter. */
static apr_status_t search_directory(comparison_t *comparison, apr_array_header_t *to_enter,
                                     const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        /* It may have gone meanwhile, or be closed to us: then its files are not found. */
        return APR_SUCCESS;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!comparison->going(comparison->baton, comparison->done++)) {
            closedir(stream);
            return APR_EINTR;
        }
        match(comparison, dirfd(stream), directory, entry->d_name, entry->d_ino);
        if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)
            APR_ARRAY_PUSH(to_enter, const char *) = apr_pstrcat(
                to_enter->pool, directory[1] == '\0' ? "" : directory, "/", entry->d_name, NULL);
    }
    closedir(stream);
    return APR_SUCCESS;
}

/** Look through TREE for the files of the suspects. */
static apr_status_t search_tree(comparison_t *comparison, const char *tree)
{
    apr_array_header_t *to_enter = apr_array_make(comparison->pool, 64, sizeof(const char *));
    apr_status_t status = APR_SUCCESS;

    APR_ARRAY_PUSH(to_enter, const char *) = tree;
    while (status == APR_SUCCESS && to_enter->nelts > 0)
        status = search_directory(comparison, to_enter, *(const char **)apr_array_pop(to_enter));
    return status;
}

/* ---- the second look ---- */

int check_is_intended(const apr_array_header_t *intents, const char *path)
{
    for (int i = 0; i < intents->nelts; i++) {
        const intent_t *intent = &APR_ARRAY_IDX(intents, i, intent_t);
        const char *const said[] = {intent->from, intent->to, intent->old};

        for (size_t n = 0; n < sizeof(said) / sizeof(said[0]); n++) {
            if (*said[n] != '\0' &&
                (nodes_is_within(path, said[n]) || nodes_is_within(said[n], path)))
                return 1;
        }
    }
    return 0;
}

/**
 * Whether the node of PATH has what must not be forgotten for another's sake: unless its own file
 * was renamed too.
 */
static apr_status_t is_taken(int *taken_p, comparison_t *comparison, const char *path)
{
    const suspect_t *suspect;
    node_t node;
    apr_status_t status = nodes_find(&node, comparison->txn, path);

    *taken_p = 0;
    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    suspect = apr_hash_get(comparison->by_id, &node.id, sizeof(node.id));
    if (suspect != NULL && suspect->to != NULL)
        return APR_SUCCESS;
    *taken_p = node.prop_count > 0;
    if (*taken_p)
        return APR_SUCCESS;
    status = nodes_has_members(comparison->txn, node.id, comparison->pool);
    *taken_p = status == APR_SUCCESS;
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Whether the resource of SUSPECT is still the same, and still does not fit. */
static apr_status_t is_still_one(int *still_p, comparison_t *comparison, suspect_t *suspect,
                                 const apr_array_header_t *intents)
{
    filestat_t st;
    node_t node;
    int taken;
    apr_status_t status = nodes_find(&node, comparison->txn, suspect->path);

    *still_p = 0;
    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    if (node.id != suspect->id || check_is_intended(intents, suspect->path) ||
        !check_file_differs(&suspect->gone, suspect->path, &node.fingerprint))
        return APR_SUCCESS;
    *still_p = 1;
    suspect->prop_count = node.prop_count;
    status = nodes_is_locked(comparison->txn, node.id, comparison->pool);
    suspect->locked = status == APR_SUCCESS;
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    if (suspect->to == NULL)
        return APR_SUCCESS;
    /* The file has been found; but what has properties of its own is not given another's. */
    status = is_taken(&taken, comparison, suspect->to);
    if (taken || check_is_intended(intents, suspect->to) ||
        filestat_read(&st, AT_FDCWD, suspect->to, FILESTAT_LINK) != APR_SUCCESS ||
        !check_is_that_file(&node.fingerprint, &st))
        suspect->to = NULL;
    return status;
}

/** Whether SUSPECT's file went along with TOP, a collection that was renamed. */
static int went_along(const suspect_t *suspect, const suspect_t *top, apr_pool_t *scratch_pool)
{
    const char *there;
    int gone;

    if (top == NULL || !nodes_is_within(suspect->path, top->path))
        return 0;
    there = apr_pstrcat(scratch_pool, top->to, suspect->path + strlen(top->path), NULL);
    return !check_file_differs(&gone, there, &suspect->fingerprint);
}

/** Push what SUSPECT has turned out to be. */
static void tell(apr_array_header_t *findings, const suspect_t *suspect)
{
    check_finding_t *finding = apr_array_push(findings);
    apr_pool_t *result_pool = findings->pool;
    const char *what = apr_psprintf(result_pool, "%s (%u properties%s)", suspect->path,
                                    suspect->prop_count, suspect->locked ? ", locked" : "");

    finding->key.data = "";
    finding->key.len = 0;
    finding->number = 0;
    finding->path = apr_pstrdup(result_pool, suspect->path);
    finding->to = suspect->to != NULL ? apr_pstrdup(result_pool, suspect->to) : NULL;
    if (suspect->to != NULL) {
        finding->kind = CHECK_RENAMED;
        finding->text = apr_psprintf(result_pool, "%s was renamed to %s", what, finding->to);
    } else if (suspect->gone) {
        finding->kind = CHECK_GONE;
        finding->text = apr_psprintf(result_pool, "%s is gone", what);
    } else {
        finding->kind = CHECK_REPLACED;
        finding->text = apr_psprintf(result_pool, "%s was replaced by another file", what);
    }
}

/** Look again at all suspects, and tell of those that are left. */
static apr_status_t look_again(apr_array_header_t *findings, comparison_t *comparison,
                               store_t *store)
{
    apr_array_header_t *intents = apr_array_make(comparison->pool, 4, sizeof(intent_t));
    const suspect_t *top = NULL;
    apr_pool_t *iterpool;
    apr_status_t status = store_begin(&comparison->txn, store, STORE_READ, comparison->pool);

    if (status != APR_SUCCESS)
        return status;
    apr_pool_create(&iterpool, comparison->pool);
    status = intents_list(intents, comparison->txn);
    for (int i = 0; i < comparison->suspects->nelts && status == APR_SUCCESS; i++) {
        suspect_t *suspect = &APR_ARRAY_IDX(comparison->suspects, i, suspect_t);
        int still;

        apr_pool_clear(iterpool);
        status = is_still_one(&still, comparison, suspect, intents);
        if (status != APR_SUCCESS || !still || went_along(suspect, top, iterpool))
            continue;
        if (suspect->to != NULL)
            top = suspect;
        /* A collection without properties was there for what is below, which is told of. */
        if (suspect->to != NULL || !suspect->gone || suspect->prop_count > 0 || suspect->locked)
            tell(findings, suspect);
    }
    store_abort(comparison->txn);
    return status;
}

/** Begin without suspects.  It ends with its pool. */
static void begin(comparison_t *comparison, check_going_fn *going, void *baton,
                  apr_pool_t *parent_pool)
{
    memset(comparison, 0, sizeof(*comparison));
    comparison->going = going;
    comparison->baton = baton;
    apr_pool_create(&comparison->pool, parent_pool);
    comparison->suspects = apr_array_make(comparison->pool, 16, sizeof(suspect_t));
    comparison->by_inode = apr_hash_make(comparison->pool);
    comparison->by_id = apr_hash_make(comparison->pool);
}

apr_status_t check_files(apr_array_header_t *findings, store_t *store, const char *tree,
                         check_going_fn *going, void *baton, apr_pool_t *scratch_pool)
{
    comparison_t comparison;
    apr_status_t status;

    begin(&comparison, going, baton, scratch_pool);
    status = find_suspects(&comparison, store, tree);
    if (status == APR_SUCCESS && index_suspects(&comparison) > 0)
        status = search_tree(&comparison, tree);
    if (status == APR_SUCCESS && comparison.suspects->nelts > 0) {
        apr_sleep(SECOND_LOOK);
        status = look_again(findings, &comparison, store);
    }
    apr_pool_destroy(comparison.pool);
    return status;
}

/* ---- orphans ---- */

/** Make suspects of the nodes that FINDINGS call orphans. */
static apr_status_t add_orphans(comparison_t *comparison, const apr_array_header_t *findings,
                                store_t *store)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, comparison->pool);

    if (status != APR_SUCCESS)
        return status;
    for (int i = 0; i < findings->nelts && status == APR_SUCCESS; i++) {
        const check_finding_t *finding = &APR_ARRAY_IDX(findings, i, check_finding_t);
        store_slice_t record;
        node_t node;

        if (finding->kind != CHECK_ORPHAN)
            continue;
        status = store_get(txn, finding->key, &record);
        if (status == APR_SUCCESS && record_read_node(&node, record) == APR_SUCCESS)
            add_suspect(comparison, finding->path, &node);
        if (status == STORE_ABSENT)
            status = APR_SUCCESS;
    }
    store_abort(txn);
    return status;
}

apr_status_t check_find_orphans(apr_hash_t *paths, const apr_array_header_t *findings,
                                store_t *store, const char *tree, check_going_fn *going,
                                void *baton, apr_pool_t *scratch_pool)
{
    apr_pool_t *result_pool = apr_hash_pool_get(paths);
    comparison_t comparison;
    apr_status_t status;

    begin(&comparison, going, baton, scratch_pool);
    status = add_orphans(&comparison, findings, store);
    if (status == APR_SUCCESS && index_suspects(&comparison) > 0)
        status = search_tree(&comparison, tree);
    for (int i = 0; i < comparison.suspects->nelts && status == APR_SUCCESS; i++) {
        const suspect_t *suspect = &APR_ARRAY_IDX(comparison.suspects, i, suspect_t);

        if (suspect->to != NULL)
            apr_hash_set(paths, apr_pmemdup(result_pool, &suspect->id, sizeof(suspect->id)),
                         sizeof(suspect->id), apr_pstrdup(result_pool, suspect->to));
    }
    apr_pool_destroy(comparison.pool);
    return status;
}
