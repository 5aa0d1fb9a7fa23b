/*
 * removal.h -- removing a resource with all below and all that is known of it, so that a crash
 * leaves it as it was or gone.
 *
 * A file goes by one unlink.  A collection is renamed to a private name first, with its
 * metadata, and emptied there: nobody sees half of it, and what a crash leaves is known from
 * the intent.  If members cannot be removed, what is left is renamed back.
 */
#ifndef PROVIDER_REMOVAL_H
#define PROVIDER_REMOVAL_H

#include "propstore/intents.h"
#include "provider/filetree.h"
#include "provider/pins.h"

/**
 * Asked once more, in the transaction of the change, whether it may be made.
 * @return APR_SUCCESS; anything else ends it and is passed on
 */
typedef apr_status_t removal_check_fn(void *baton, store_txn_t *txn);

/**
 * Remove PATH.
 * @param pins that hold its directory, or NULL
 * @param is_relaxed as resource_is_relaxed()
 * @param check may be NULL
 * @param failed told of members that could not be removed
 * @param baton of both
 * @return APR_SUCCESS if nothing is left; the first failure if something is, or all is
 */
apr_status_t removal_run(store_t *store, const pins_t *pins, const char *path, int is_relaxed,
                         removal_check_fn *check, filetree_failed_fn *failed, void *baton,
                         apr_pool_t *scratch_pool);

/**
 * Do what INTENT, an INTENT_CLEAR of this process, says, and forget it.
 * @param pins that hold its directory, or NULL
 * @param locks lock_t: those that what is put back had, or NULL
 * @param failed may be NULL; else told of members that could not be removed
 * @return as removal_run(); what is left has then been put back, if INTENT says to where
 */
apr_status_t removal_clear(store_t *store, const pins_t *pins, const intent_t *intent,
                           const apr_array_header_t *locks, filetree_failed_fn *failed, void *baton,
                           apr_pool_t *scratch_pool);

#endif /* PROVIDER_REMOVAL_H */
