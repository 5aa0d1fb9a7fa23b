/*
 * lifecycle.h -- when stores are opened and closed.
 *
 * While the parent starts, it gives each store's directory to the configured User, and lets a
 * process with that user's rights create and check the store; then each child opens its own.
 * An open store never crosses a fork.
 */
#ifndef MOD_SRC_LIFECYCLE_H
#define MOD_SRC_LIFECYCLE_H

#include <apr_pools.h>

/** Register the hooks that do so. */
void lifecycle_register(apr_pool_t *pconf);

#endif /* MOD_SRC_LIFECYCLE_H */
