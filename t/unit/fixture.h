/*
 * fixture.h -- a fresh store for each test, on each backend that lives on this machine.
 */
#ifndef T_UNIT_FIXTURE_H
#define T_UNIT_FIXTURE_H

#include <apr_pools.h>

#include "propstore/store.h"

/** A test.  STORE is empty and open; it is closed and removed afterwards. */
typedef void fixture_test_fn(store_t *store, apr_pool_t *scratch_pool);

/** Run TEST on an empty store of each backend; NAME is printed before. */
void fixture_run(const char *name, fixture_test_fn *test);

#endif /* T_UNIT_FIXTURE_H */
