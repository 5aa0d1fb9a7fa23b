/*
 * lifecycle.h -- when stores are opened and closed.
 *
 * The parent opens each store once while it starts, to create it, check it, and give its
 * files to the configured User, and closes it before children are forked; each child opens
 * its own.  An open store never crosses a fork.
 */
#ifndef MOD_SRC_LIFECYCLE_H
#define MOD_SRC_LIFECYCLE_H

#include <apr_pools.h>

/** Register the hooks that do so. */
void lifecycle_register(apr_pool_t *pconf);

#endif /* MOD_SRC_LIFECYCLE_H */
