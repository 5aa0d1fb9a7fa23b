/*
 * metadata.h -- keeping the store in step with what was done to the tree.
 *
 * Each function is one write transaction, with or after the tree's own step, also where no
 * metadata is known: a PROPPATCH just under way may be about to write some, and looks at the
 * file in its own transaction, so that one of the two sees the other.  A transaction that changes
 * nothing never waits for the store's disk.
 */
#ifndef PROVIDER_METADATA_H
#define PROVIDER_METADATA_H

#include "propstore/store.h"

/** Forget PATH and all below.  @return APR_SUCCESS or the store's error, with nothing changed */
apr_status_t metadata_remove(store_t *store, const char *path, apr_pool_t *scratch_pool);

/**
 * The tree's step of a COPY or MOVE, run within the write transaction, before the store's.  It
 * may be called again if the transaction has to be, and then must not repeat what is done.
 * @return APR_SUCCESS; anything else ends the transaction and is passed on
 */
typedef apr_status_t metadata_step_fn(void *baton, store_txn_t *txn);

/** Run STEP, and move what is known of FROM and below to TO, which is forgotten first. */
apr_status_t metadata_move(store_t *store, const char *from, const char *to, metadata_step_fn *step,
                           void *baton, apr_pool_t *scratch_pool);

/** How much metadata_copy() copies. */
typedef enum metadata_extent_e {
    METADATA_SELF,    /**< the path's own */
    METADATA_TREE,    /**< and all below */
    METADATA_PRESENT, /**< and those below whose copy is in the file system */
} metadata_extent_e;

/** Run STEP, and copy what is known of FROM to TO, which is forgotten first. */
apr_status_t metadata_copy(store_t *store, const char *from, const char *to,
                           metadata_extent_e extent, metadata_step_fn *step, void *baton,
                           apr_pool_t *scratch_pool);

/** Forget what is below PATH, itself included, and is no longer in the file system. */
apr_status_t metadata_reconcile(store_t *store, const char *path, apr_pool_t *scratch_pool);

#endif /* PROVIDER_METADATA_H */
