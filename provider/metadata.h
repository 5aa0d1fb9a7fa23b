/*
 * metadata.h -- keeping the store in step with what was done to the tree.
 *
 * Each function is one write transaction, and none at all where the paths have no
 * metadata, so that trees without properties never wait for the store's disk.
 */
#ifndef PROVIDER_METADATA_H
#define PROVIDER_METADATA_H

#include "propstore/store.h"

/** Forget PATH and all below.  @return APR_SUCCESS or the store's error, with nothing changed */
apr_status_t metadata_remove(store_t *store, const char *path, apr_pool_t *scratch_pool);

/** Move what is known of FROM and below to TO, which is forgotten first. */
apr_status_t metadata_move(store_t *store, const char *from, const char *to,
                           apr_pool_t *scratch_pool);

/** Copy what is known of FROM, and of what is below if RECURSE, to TO, forgotten first. */
apr_status_t metadata_copy(store_t *store, const char *from, const char *to, int recurse,
                           apr_pool_t *scratch_pool);

/** Forget what is below PATH, itself included, and is no longer in the file system. */
apr_status_t metadata_reconcile(store_t *store, const char *path, apr_pool_t *scratch_pool);

#endif /* PROVIDER_METADATA_H */
