/*
 * place.h -- putting a file or tree where another one may be.
 *
 * The step itself is one rename (or exchange, where a collection is concerned), so whoever
 * looks sees the old or the new.  What was replaced can be kept under a private name, in case
 * the store's part of the work fails: recovery.h then puts both back.
 */
#ifndef PROVIDER_PLACE_H
#define PROVIDER_PLACE_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "provider/pins.h"

/** A step. */
typedef struct place_t {
    const char *from, *to;
    const pins_t *pins; /**< that hold their directories, or NULL */
    int replace;        /**< whether TO may exist */
    const char *old;    /**< where what is replaced is kept; NULL: it is a file, and is not */
} place_t;

/**
 * Think of a step.
 * @param place filled in; FROM and TO are not copied
 * @param pins that hold their directories, or NULL
 * @param replace whether TO may exist
 * @param result_pool lifetime of the private name
 * @return APR_SUCCESS or the system's error
 */
apr_status_t place_plan(place_t *place, const pins_t *pins, const char *from, const char *to,
                        int replace, apr_pool_t *result_pool);

/**
 * Rename FROM to TO.  It is durable after place_sync().
 * @param place its OLD becomes NULL if there was nothing to replace
 * @return APR_SUCCESS; EEXIST; EXDEV if they are on different file systems; the system's
 *         error: both are then as they were
 */
apr_status_t place_rename(place_t *place, apr_pool_t *scratch_pool);

/** Make the directories of both paths durable.  @return APR_SUCCESS or the system's error */
apr_status_t place_sync(const place_t *place, apr_pool_t *scratch_pool);

#endif /* PROVIDER_PLACE_H */
