/*
 * repair.h -- making a store keep its invariants again (check.h), and fit its files.
 *
 * What other records still tell is written anew; what nothing tells any more is dropped, and
 * each loss is told of.  All is done within the caller's write transaction, so nobody sees it
 * half done, and a plan can be had by aborting.
 */
#ifndef PROPSTORE_CTL_REPAIR_H
#define PROPSTORE_CTL_REPAIR_H

#include <apr_hash.h>

#include "propstore/ctl/check.h"

/** A step of a repair. */
typedef struct repair_step_t {
    int is_loss;      /**< whether something is given up by it */
    const char *text; /**< in words, one line: "write the place of /a into the index" */
} repair_step_t;

/**
 * Repair what check_store() finds in TXN, until it finds nothing.
 * @param steps repair_step_t is pushed to it, in its pool
 * @param paths where the files of orphans are, from check_find_orphans(); may be NULL
 * @return APR_SUCCESS; APR_EINTR; STORE_CORRUPT if that cannot be done; the store's error; TXN
 *         must be aborted after any but the first
 */
apr_status_t repair_store(apr_array_header_t *steps, store_txn_t *txn, const apr_hash_t *paths,
                          check_going_fn *going, void *baton, apr_pool_t *scratch_pool);

/**
 * Repair those FINDINGS of check_files() that are still true: a renamed resource is found at its
 * file's new path, one that was replaced takes the new file for its own, and what is gone is
 * forgotten.
 * @param steps as for repair_store()
 * @return APR_SUCCESS; STORE_CORRUPT; the store's error
 */
apr_status_t repair_files(apr_array_header_t *steps, store_txn_t *txn,
                          const apr_array_header_t *findings, apr_pool_t *scratch_pool);

#endif /* PROPSTORE_CTL_REPAIR_H */
