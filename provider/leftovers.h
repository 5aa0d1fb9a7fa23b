/*
 * leftovers.h -- what a process left under private names when it was killed, and the journal does
 * not tell of.
 *
 * A file that replaces another has a private name for the moment between its two names, or, where
 * the file system knows no nameless files, for the whole upload; and a loss of power may bring
 * back what was removed last.  Each such name tells whose it is (tempfile.h): whoever lists the
 * collection removes it when its process is gone.
 */
#ifndef PROVIDER_LEFTOVERS_H
#define PROVIDER_LEFTOVERS_H

#include "propstore/store.h"

/**
 * Remove from DIRECTORY what processes that are gone left there under private names, but for what
 * an intent speaks of, which is sweep.h's.  What cannot be removed stays.
 */
void leftovers_remove(store_t *store, const char *directory, apr_pool_t *scratch_pool);

#endif /* PROVIDER_LEFTOVERS_H */
