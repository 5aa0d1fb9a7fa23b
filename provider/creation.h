/*
 * creation.h -- making a file or collection at a path of which the store may still know
 * something, of a file of that name which went away from outside.
 */
#ifndef PROVIDER_CREATION_H
#define PROVIDER_CREATION_H

#include "propstore/store.h"
#include "provider/pins.h"

/**
 * recovery_write() for a BODY that puts something at PATH.  If nothing is there, what is known of
 * PATH is first forgotten, for good, so that what is made does not come into it, whenever the
 * process dies.
 * @return as recovery_write()
 */
apr_status_t creation_write(store_t *store, const pins_t *pins, const char *path,
                            store_write_fn *body, void *baton, apr_pool_t *scratch_pool)
    __attribute__((warn_unused_result));

#endif /* PROVIDER_CREATION_H */
