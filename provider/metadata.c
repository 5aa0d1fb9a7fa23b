#include "provider/metadata.h"

#include <errno.h>
#include <fcntl.h>

#include "propstore/nodes.h"
#include "provider/filestat.h"

/** What a write transaction is to do. */
typedef struct change_t {
    const char *from, *to;
    int recurse;
} change_t;

/**
 * Whether any of two paths has a node.
 * @param b may be NULL
 * @return APR_SUCCESS if one has; STORE_ABSENT if none has; the store's error
 */
static apr_status_t has_node(store_t *store, const char *a, const char *b, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    node_t node;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = nodes_find(&node, txn, a);
    if (status == STORE_ABSENT && b != NULL)
        status = nodes_find(&node, txn, b);
    store_abort(txn);
    return status;
}

/** Run BODY unless no path of CHANGE has metadata. */
static apr_status_t run(store_t *store, store_write_fn *body, change_t *change,
                        apr_pool_t *scratch_pool)
{
    apr_status_t status = has_node(store, change->from, change->to, scratch_pool);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    return store_write(store, body, change, scratch_pool);
}

static apr_status_t remove_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;

    return nodes_remove(txn, change->from, scratch_pool);
}

apr_status_t metadata_remove(store_t *store, const char *path, apr_pool_t *scratch_pool)
{
    change_t change = {.from = path};

    return run(store, remove_body, &change, scratch_pool);
}

static apr_status_t move_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;

    return nodes_move(txn, change->from, change->to, scratch_pool);
}

apr_status_t metadata_move(store_t *store, const char *from, const char *to,
                           apr_pool_t *scratch_pool)
{
    change_t change = {.from = from, .to = to};

    return run(store, move_body, &change, scratch_pool);
}

static apr_status_t copy_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;

    return nodes_copy(txn, change->from, change->to, change->recurse, scratch_pool);
}

apr_status_t metadata_copy(store_t *store, const char *from, const char *to, int recurse,
                           apr_pool_t *scratch_pool)
{
    change_t change = {.from = from, .to = to, .recurse = recurse};

    return run(store, copy_body, &change, scratch_pool);
}

/** nodes_keep_fn: whether there is such a file. */
static int is_there(void *baton, const char *path, const node_t *node)
{
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK);

    (void)baton;
    (void)node;
    return status != ENOENT && status != ENOTDIR;
}

static apr_status_t reconcile_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;

    return nodes_retain(txn, change->from, is_there, NULL, scratch_pool);
}

apr_status_t metadata_reconcile(store_t *store, const char *path, apr_pool_t *scratch_pool)
{
    change_t change = {.from = path};

    return run(store, reconcile_body, &change, scratch_pool);
}
