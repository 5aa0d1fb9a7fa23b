/*
 * walk.h -- walks for mod_dav's core and for other modules.  Our own listings are
 * listing.h's.
 */
#ifndef PROVIDER_WALK_H
#define PROVIDER_WALK_H

#include <mod_dav.h>

/**
 * dav_hooks_repository.walk.  Each member's dav_resource lives during its callback only, so
 * memory does not grow with their number; collections reached through symbolic links are
 * visited but not entered.  Where the core only looks for locks, which have been checked
 * already, the root alone is visited.
 * @return NULL, or the first error of a callback; what the tolerant flag does not excuse
 */
dav_error *walk_resource(const dav_walk_params *params, int depth, dav_response **response_p);

#endif /* PROVIDER_WALK_H */
