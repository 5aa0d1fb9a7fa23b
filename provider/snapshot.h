/*
 * snapshot.h -- a resource as of one moment: its file, and what the store knows of it.
 *
 * The two are not read in one step, and are not changed in one.  So what is read is thrown away
 * if the file was another one before and after, or if a change of it was under way.
 */
#ifndef PROVIDER_SNAPSHOT_H
#define PROVIDER_SNAPSHOT_H

#include <mod_dav.h>

#include "propstore/nodes.h"

/** A resource as of one moment. */
typedef struct snapshot_t {
    store_txn_t *txn; /**< a read transaction, open until snapshot_end(); NULL: none */
    node_t node;      /**< its id is 0 if the store knows nothing of the resource */
} snapshot_t;

/**
 * Look at RESOURCE, whose state is read again where it has changed since it was looked up, and
 * its node; wait for what is being done to it.
 * @param result_pool lifetime of the transaction
 * @return APR_SUCCESS; ENOENT or ENOTDIR if the resource is gone; STORE_BUSY if it does not come
 *         to rest; the store's error; there is no transaction after any but the first
 */
apr_status_t snapshot_begin(snapshot_t *snapshot, dav_resource *resource, apr_pool_t *result_pool);

/** End it; of the node only the id stays. */
void snapshot_end(snapshot_t *snapshot);

#endif /* PROVIDER_SNAPSHOT_H */
