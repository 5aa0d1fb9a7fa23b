#include "provider/metadata.h"

#include <errno.h>
#include <fcntl.h>

#include "propstore/filestat.h"

apr_status_t metadata_node_id(apr_uint64_t *id_p, store_txn_t *txn, const char *path)
{
    node_t node;
    apr_status_t status = nodes_find(&node, txn, path);

    *id_p = status == APR_SUCCESS ? node.id : 0;
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

apr_status_t metadata_remove(store_txn_t *txn, const char *path, apr_uint64_t id,
                             apr_pool_t *scratch_pool)
{
    apr_uint64_t found = 0;
    apr_status_t status = id != 0 ? metadata_node_id(&found, txn, path) : APR_SUCCESS;

    if (status != APR_SUCCESS || id == 0 || found != id)
        return status;
    return nodes_remove(txn, path, scratch_pool);
}

apr_status_t metadata_move(store_txn_t *txn, const char *from, apr_uint64_t id, const char *to,
                           apr_pool_t *scratch_pool)
{
    apr_uint64_t found = 0;
    apr_status_t status = id != 0 ? metadata_node_id(&found, txn, from) : APR_SUCCESS;

    if (status != APR_SUCCESS || id == 0 || found != id)
        return status;
    return nodes_move(txn, from, to, scratch_pool);
}

int metadata_is_there(void *baton, const char *path, const node_t *node)
{
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK);

    (void)baton;
    (void)node;
    return status != ENOENT && status != ENOTDIR;
}
