/*
 * locks.h -- the lock hooks of a provider without locks.
 *
 * mod_dav's core calls them unchecked for any request with an If header, so they must
 * be there; they answer truthfully that nothing is locked and that nothing can be.
 */
#ifndef PROVIDER_LOCKS_H
#define PROVIDER_LOCKS_H

#include <mod_dav.h>

extern const dav_hooks_locks depot_locks;

#endif /* PROVIDER_LOCKS_H */
