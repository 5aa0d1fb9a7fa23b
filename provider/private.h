/*
 * private.h -- the provider's part of a dav_resource.  Private to provider/.
 */
#ifndef PROVIDER_PRIVATE_H
#define PROVIDER_PRIVATE_H

#include <httpd.h>
#include <mod_dav.h>

#include "propstore/filestat.h"
#include "provider/pins.h"
#include "provider/settings.h"

/** Behind each dav_resource of ours; allocated in its pool. */
struct dav_resource_private {
    request_rec *r;            /**< the request it was looked up for, a sub-request for a
                                    Destination */
    const char *path;          /**< file-system path, without a slash at the end */
    const char *at;            /**< the same for system calls: through what PINS hold */
    pins_t *pins;              /**< NULL: nothing */
    filestat_t st;             /**< its state when looked up; meaningful if it exists */
    depot_settings_t settings; /**< in force for R */
};

/** The provider, to tell our resources and requests from others'. */
extern const dav_provider depot_provider;

/** dav_hooks_repository of our resources. */
extern const dav_hooks_repository depot_repository;

/** The settings in force for R; see depot_provider_register(). */
depot_settings_t depot_settings(const request_rec *r);

#endif /* PROVIDER_PRIVATE_H */
