/*
 * copymove.h -- COPY and MOVE.
 *
 * A copy is made beside its destination under a private name and then put in place in one
 * step; a move is a rename.  What is at the destination is replaced by that same step, so
 * nobody sees a half, and if the store cannot follow, the step is undone.
 */
#ifndef PROVIDER_COPYMOVE_H
#define PROVIDER_COPYMOVE_H

#include <mod_dav.h>

/**
 * dav_hooks_repository.copy_resource.
 * @param depth 0 or DAV_INFINITY
 * @param response_p set to members that could not be copied (RFC 4918 section 9.8.3)
 * @return NULL; 207 with *RESPONSE_P, the rest being copied; 409 if the destination has no
 *         parent collection; 507; others by errmap.h: nothing has changed then
 */
dav_error *copymove_copy(const dav_resource *src, dav_resource *dst, int depth,
                         dav_response **response_p);

/**
 * dav_hooks_repository.move_resource.  Across file systems it is a copy and a removal.
 * @return as copymove_copy()
 */
dav_error *copymove_move(dav_resource *src, dav_resource *dst, dav_response **response_p);

#endif /* PROVIDER_COPYMOVE_H */
