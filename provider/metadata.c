#include "provider/metadata.h"

#include <errno.h>
#include <fcntl.h>

#include "propstore/nodes.h"
#include "propstore/filestat.h"

/** What a write transaction is to do. */
typedef struct change_t {
    const char *from, *to;
    metadata_extent_e extent;
    metadata_step_fn *step;
    void *step_baton;
} change_t;

static apr_status_t remove_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;

    return nodes_remove(txn, change->from, scratch_pool);
}

apr_status_t metadata_remove(store_t *store, const char *path, apr_pool_t *scratch_pool)
{
    change_t change = {.from = path};

    return store_write(store, remove_body, &change, scratch_pool);
}

static apr_status_t move_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;
    apr_status_t status = change->step(change->step_baton, txn);

    return status == APR_SUCCESS ? nodes_move(txn, change->from, change->to, scratch_pool) : status;
}

apr_status_t metadata_move(store_t *store, const char *from, const char *to, metadata_step_fn *step,
                           void *baton, apr_pool_t *scratch_pool)
{
    change_t change = {.from = from, .to = to, .step = step, .step_baton = baton};

    return store_write(store, move_body, &change, scratch_pool);
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

static apr_status_t copy_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;
    apr_status_t status = change->step(change->step_baton, txn);

    if (status == APR_SUCCESS)
        status = nodes_copy(txn, change->from, change->to, change->extent != METADATA_SELF,
                            scratch_pool);
    if (status == APR_SUCCESS && change->extent == METADATA_PRESENT)
        status = nodes_retain(txn, change->to, is_there, NULL, scratch_pool);
    return status;
}

apr_status_t metadata_copy(store_t *store, const char *from, const char *to,
                           metadata_extent_e extent, metadata_step_fn *step, void *baton,
                           apr_pool_t *scratch_pool)
{
    change_t change = {.from = from, .to = to, .extent = extent, .step = step, .step_baton = baton};

    return store_write(store, copy_body, &change, scratch_pool);
}

static apr_status_t reconcile_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const change_t *change = baton;

    return nodes_retain(txn, change->from, is_there, NULL, scratch_pool);
}

apr_status_t metadata_reconcile(store_t *store, const char *path, apr_pool_t *scratch_pool)
{
    change_t change = {.from = path};

    return store_write(store, reconcile_body, &change, scratch_pool);
}
