/*
 * deadprops.h -- dead properties for mod_dav's core and for other modules.
 *
 * Our own PROPFIND and PROPPATCH do not come here.  A database is one resource's
 * properties, read when it is opened; changes are written together when it is closed.
 * mod_dav's interface lets close() answer nothing, so a failure then is logged only: that
 * is why PROPPATCH is ours.
 */
#ifndef PROVIDER_DEADPROPS_H
#define PROVIDER_DEADPROPS_H

#include <mod_dav.h>

extern const dav_hooks_propdb deadprops_hooks;

#endif /* PROVIDER_DEADPROPS_H */
