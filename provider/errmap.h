/*
 * errmap.h -- the one place where the store's and the system's codes become HTTP's.
 */
#ifndef PROVIDER_ERRMAP_H
#define PROVIDER_ERRMAP_H

#include <apr_errno.h>
#include <mod_dav.h>

/**
 * The HTTP status for STATUS: 507 for what is full, 403 for what is not permitted,
 * 404 for what is gone, 409 for a missing parent, 414 for a name too long, 503 for
 * what may work later, else 500.
 */
int errmap_status(apr_status_t status);

/**
 * A dav_error for STATUS.
 * @param pool the error's lifetime
 * @param status not APR_SUCCESS
 * @param what what could not be done, for the client and the log, e.g. "Could not remove the file."
 * @return an error with errmap_status(STATUS), and the precondition element RFC 4918 or 4331
 *         defines for it, if any
 */
dav_error *errmap_error(apr_pool_t *pool, apr_status_t status, const char *what);

/** The same with the HTTP status chosen by the caller. */
dav_error *errmap_error_as(apr_pool_t *pool, int http_status, apr_status_t status,
                           const char *what);

/** The error for what needs the store when the process has none: 503. */
dav_error *errmap_no_store(apr_pool_t *pool);

/** Words for STATUS in a 207's or error's description, never naming a server path. */
const char *errmap_words(apr_status_t status, apr_pool_t *pool);

/** The precondition element for STATUS, a local name in DAV:, or NULL. */
const char *errmap_precondition(apr_status_t status);

/** The reason phrase, with its code, for an HTTP status, e.g. "404 Not Found". */
const char *errmap_status_line(int http_status);

#endif /* PROVIDER_ERRMAP_H */
