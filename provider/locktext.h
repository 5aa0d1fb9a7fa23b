/*
 * locktext.h -- locks as clients write and read them: new tokens, timeouts, activelock elements.
 */
#ifndef PROVIDER_LOCKTEXT_H
#define PROVIDER_LOCKTEXT_H

#include <httpd.h>
#include <mod_dav.h>

#include "propstore/locks.h"
#include "provider/settings.h"

/** What DAV:supportedlock holds: exclusive and shared write locks. */
extern const char locktext_supported[];

/**
 * A new token, a UUID of version 7: nobody can guess it.
 * @return APR_SUCCESS or the system's error, as it has no random numbers
 */
apr_status_t locktext_new_token(lock_token_t *token);

/**
 * Read a Lock-Token header: a URI in angle brackets (RFC 4918 section 10.5).
 * @param token zeroed if it is no token of ours, and so locks nothing here
 * @param header NULL if the request has none
 * @return non-zero if it is well-formed
 */
int locktext_parse_header(lock_token_t *token, const char *header, apr_pool_t *scratch_pool);

/**
 * When a lock is to expire, from the Timeout header and the settings (RFC 4918 section 10.7).
 * @param now seconds since 1970
 */
apr_int64_t locktext_expiry(const request_rec *r, const depot_dir_settings_t *settings,
                            apr_int64_t now);

/**
 * LOCK's activelock element.
 * @param href the escaped URI of the resource it was taken out on
 * @param user who asks, or NULL; others' tokens and owners are hidden as the settings say
 */
const char *locktext_active(const lock_t *lock, const char *href, const char *user,
                            const depot_dir_settings_t *settings, apr_int64_t now,
                            apr_pool_t *result_pool);

/**
 * The escaped URI of LOCK's resource.
 * @param resource one that LOCK covers, or one that is above LOCK's
 */
const char *locktext_root(const lock_t *lock, const dav_resource *resource,
                          apr_pool_t *result_pool);

/** The time, in the seconds that locks are counted in. */
apr_int64_t locktext_now(void);

#endif /* PROVIDER_LOCKTEXT_H */
