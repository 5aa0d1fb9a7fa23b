/*
 * locks.h -- the lock hooks for mod_dav's core.
 *
 * They tell it of no locks.  What it would do with them has been done before it gets a
 * request: LOCK and UNLOCK are ours (lockmethods.h), and so is the check of other methods
 * (lockcheck.h), which knows RFC 4918's rules and visits locks, not members.  The hooks must
 * be there all the same: the core calls them unchecked, and takes them for class 2.
 */
#ifndef PROVIDER_LOCKS_H
#define PROVIDER_LOCKS_H

#include <mod_dav.h>

extern const dav_hooks_locks depot_locks;

#endif /* PROVIDER_LOCKS_H */
