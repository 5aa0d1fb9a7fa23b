/*
 * metadata.h -- what the store knows of a path, as changes of the tree need it.
 */
#ifndef PROVIDER_METADATA_H
#define PROVIDER_METADATA_H

#include "propstore/nodes.h"

/** The id of PATH's node.  @param id_p 0 if it has none, and so nothing below it has */
apr_status_t metadata_node_id(apr_uint64_t *id_p, store_txn_t *txn, const char *path);

/** Forget PATH and all below, if its node is still the one with ID, which may be 0. */
apr_status_t metadata_remove(store_txn_t *txn, const char *path, apr_uint64_t id,
                             apr_pool_t *scratch_pool);

/** Give FROM's node and all below the path TO, if it is still the one with ID, which may be 0. */
apr_status_t metadata_move(store_txn_t *txn, const char *from, apr_uint64_t id, const char *to,
                           apr_pool_t *scratch_pool);

/** nodes_keep_fn: whether there is such a file. */
int metadata_is_there(void *baton, const char *path, const node_t *node);

#endif /* PROVIDER_METADATA_H */
