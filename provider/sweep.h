/*
 * sweep.h -- clearing away what processes that are gone left under private names.
 *
 * Nobody sees it, so it is no part of settling (recovery.h), which comes first, and may take its
 * time.
 */
#ifndef PROVIDER_SWEEP_H
#define PROVIDER_SWEEP_H

#include "propstore/store.h"

/**
 * Settle everything that can be settled, then clear away what is left.  Several processes may do
 * so at a time.  What cannot be done is logged and stays.
 * @return APR_SUCCESS; the store's error
 */
apr_status_t sweep_run(store_t *store, apr_pool_t *scratch_pool);

#endif /* PROVIDER_SWEEP_H */
