/*
 * fixture.h -- a fresh store for each test, on each backend that lives on this machine.
 */
#ifndef T_UNIT_FIXTURE_H
#define T_UNIT_FIXTURE_H

#include <apr_pools.h>

#include "propstore/store.h"

/** A test.  STORE is empty and open; it is closed and removed afterwards. */
typedef void fixture_test_fn(store_t *store, apr_pool_t *scratch_pool);

/** Run TEST on an empty store of BACKEND ("lmdb", "trace:memory", ...); NAME is printed before. */
void fixture_run_on(const char *backend, const char *name, fixture_test_fn *test);

/** Run TEST on an empty store of each backend. */
void fixture_run(const char *name, fixture_test_fn *test);

/** The same on those backends under the decorator "trace". */
void fixture_run_decorated(const char *name, fixture_test_fn *test);

/** A new directory for a store, removed with RESULT_POOL. */
apr_status_t fixture_directory(const char **path_p, apr_pool_t *result_pool);

/**
 * Open a store.
 * @param backend "lmdb", "trace:lmdb", ...
 * @param location from fixture_directory(), or ""
 * @param params "key=value ...", may be empty
 */
apr_status_t fixture_open(store_t **store_p, const char *backend, const char *location,
                          const char *params, apr_pool_t *result_pool);

#endif /* T_UNIT_FIXTURE_H */
