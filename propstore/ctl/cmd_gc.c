#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_files.h"
#include "propstore/ctl/commands.h"
#include "propstore/ctl/trial.h"
#include "propstore/intents.h"
#include "propstore/nodes_int.h"

/** How many are forgotten in one transaction, so that others come to write between. */
#define AT_ONCE 256

/** A resource whose file is gone. */
typedef struct gone_t {
    apr_uint64_t id;
    const char *path;
    unsigned prop_count;
    int locked;
    int forgotten;
} gone_t;

/** A collection under way. */
typedef struct gc_t {
    ctl_t *ctl;
    store_t *store;
    store_txn_t *txn;
    ctl_progress_t *progress;
    apr_uint64_t done;
    apr_array_header_t *gone; /**< gone_t, what is inside behind what it is in */
    int at;                   /**< those from here on have been dealt with */
    int first;                /**< and those from here on are to be, in one transaction */
} gc_t;

/** nodes_keep_fn: note what is gone. */
static int look(void *baton, const char *path, const node_t *node)
{
    static const node_fingerprint_t any;
    gc_t *gc = baton;
    gone_t *gone;
    int is_gone;

    ctl_progress(gc->progress, gc->done++);
    if (ctl_interrupted())
        return 0;
    if (!check_file_differs(&is_gone, path, &any))
        return 1;
    gone = apr_array_push(gc->gone);
    gone->id = node->id;
    gone->path = apr_pstrdup(gc->ctl->pool, path);
    gone->prop_count = node->prop_count;
    gone->locked = nodes_is_locked(gc->txn, node->id, gc->ctl->pool) == APR_SUCCESS;
    gone->forgotten = 0;
    return 1;
}

/** Find all that is gone in TREE. */
static apr_status_t find(gc_t *gc, const char *tree)
{
    apr_status_t status = store_begin(&gc->txn, gc->store, STORE_READ, gc->ctl->pool);

    if (status != APR_SUCCESS)
        return status;
    gc->progress = ctl_progress_begin(gc->ctl, "looking", 0, gc->ctl->pool);
    status = nodes_walk(gc->txn, tree, look, gc, gc->ctl->pool);
    ctl_progress_end(gc->progress);
    store_abort(gc->txn);
    return ctl_interrupted() ? APR_EINTR : status;
}

/** Forget GONE, unless it has come back, or somebody is about to change it. */
static apr_status_t forget(store_txn_t *txn, gone_t *gone, const apr_array_header_t *intents,
                           apr_pool_t *scratch_pool)
{
    static const node_fingerprint_t any;
    int is_gone;
    node_t node;
    apr_status_t status = nodes_find(&node, txn, gone->path);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    if (node.id != gone->id || check_is_intended(intents, gone->path) ||
        !check_file_differs(&is_gone, gone->path, &any))
        return APR_SUCCESS;
    gone->forgotten = 1;
    return nodes_remove(txn, gone->path, scratch_pool);
}

/** store_write_fn: forget the next few, from the inside out. */
static apr_status_t forget_some(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    gc_t *gc = baton;
    apr_array_header_t *intents = apr_array_make(scratch_pool, 4, sizeof(intent_t));
    apr_status_t status = intents_list(intents, txn);

    for (int i = gc->at - 1; i >= gc->first && status == APR_SUCCESS; i--)
        status = forget(txn, &APR_ARRAY_IDX(gc->gone, i, gone_t), intents, scratch_pool);
    return status;
}

/** Tell of those in hand.  @return how many */
static int tell_some(gc_t *gc, int all)
{
    int count = 0;

    for (int i = gc->at - 1; i >= gc->first; i--) {
        const gone_t *gone = &APR_ARRAY_IDX(gc->gone, i, gone_t);
        apr_size_t length = strlen(gone->path);

        /* Collections that were there for what was inside go without saying. */
        if ((!all && !gone->forgotten) || (gone->prop_count == 0 && !gone->locked))
            continue;
        count++;
        ctl_tell(gc->ctl,
                 json_pack("{s:o, s:i, s:b}", "gone", ctl_json_text(gone->path, length),
                           "properties", (int)gone->prop_count, "locked", gone->locked),
                 "%s: %u properties%s", ctl_plain_text(gone->path, length, gc->ctl->pool),
                 gone->prop_count, gone->locked ? ", locked" : "");
    }
    return count;
}

/** Forget all that is gone, or only tell of it.  @param count_p set to how many had anything */
static apr_status_t collect(gc_t *gc, int dry, int *count_p)
{
    apr_status_t status = APR_SUCCESS;

    *count_p = 0;
    for (gc->at = gc->gone->nelts; gc->at > 0 && status == APR_SUCCESS; gc->at = gc->first) {
        gc->first = gc->at > AT_ONCE ? gc->at - AT_ONCE : 0;
        if (ctl_interrupted())
            return APR_EINTR;
        if (!dry)
            status = store_write(gc->store, forget_some, gc, gc->ctl->pool);
        if (status == APR_SUCCESS)
            *count_p += tell_some(gc, dry);
    }
    return status;
}

/** ctl_work_fn; BATON is the tree. */
static int work(ctl_t *ctl, void *baton, void *result)
{
    const int dry = ctl_option(ctl, 'n') != NULL;
    gc_t gc = {.ctl = ctl};
    int count = 0, answer = ctl_open(&gc.store, ctl, ctl->argv[0], CTL_WHOLE);
    apr_status_t status;

    (void)result;
    if (answer != CTL_FINE)
        return answer;
    gc.gone = apr_array_make(ctl->pool, 64, sizeof(gone_t));
    status = find(&gc, baton);
    if (status == APR_SUCCESS)
        status = collect(&gc, dry, &count);
    store_close(gc.store);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == STORE_CORRUPT)
        return ctl_fail(ctl, APR_SUCCESS, "%s is damaged; see depotctl check", ctl->argv[0]);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", ctl->argv[0]);
    ctl_tell(ctl, json_pack("{s:i, s:b}", "resources", count, "forgotten", !dry),
             dry ? "%d resources would be forgotten" : "%d resources forgotten", count);
    return dry && count > 0 ? CTL_FOUND : CTL_FINE;
}

static int run(ctl_t *ctl)
{
    const char *tree = ctl_option(ctl, 't');
    char *path;
    int result;

    if (tree == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "which files?  Say --tree DIR");
    result = ctl_tree(&path, ctl, tree, ctl_option(ctl, 'f') == NULL);
    if (result != CTL_FINE)
        return result;
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), work, path, NULL,
                   0);
}

static const apr_getopt_option_t options[] = {
    {"tree", 't', 1, "DIR   the directory with the files"},
    {"dry-run", 'n', 0, "only tell what would be forgotten"},
    {"force", 'f', 0, "also if DIR is empty"},
    {0},
};

const ctl_command_t ctl_gc = {
    .name = "gc",
    .arguments = "STORE --tree DIR [--dry-run] [--force]",
    .summary = "forget the properties and locks of files that are gone",
    .help = "Forgets what STORE knows of files in DIR and below it that are gone, and tells of\n"
            "each.  A server may use the store meanwhile.  Files that were only renamed are\n"
            "found by depotctl check --tree DIR --repair: run that first.\n"
            "Exit code 1: there is something, and it was only told of (--dry-run).\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
