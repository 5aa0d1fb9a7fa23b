/*
 * authz.h -- what httpd's own authorization says of collections below the request's.
 *
 * A request is authorised for its URL.  What lies below may have sections of the
 * configuration of its own, so whoever goes there asks httpd again, a sub-request for each
 * collection; unless nothing in the configuration could tell them apart.
 */
#ifndef PROVIDER_AUTHZ_H
#define PROVIDER_AUTHZ_H

#include <mod_dav.h>

#include "provider/lockcheck.h"

/** Whether some section, or an .htaccess file, may hold for what is below RESOURCE alone. */
int authz_may_differ(const dav_resource *resource);

/**
 * Whether a sub-request that httpd let through is authorised.  httpd does not ask again where
 * the same sections of the configuration hold as for the request itself; but they may go by
 * the URL (a <DirectoryMatch> with a named group, say), and give another answer.
 */
int authz_holds(request_rec *sub);

/**
 * Whether R's user may do METHOD to another URL.
 * @param href its escaped path
 */
int authz_allows(request_rec *r, const char *method, const char *href);

/**
 * See that R's user may do R's method to all collections below RESOURCE.
 * @param refusal filled in with 403 and those forbidden; or left with status 0
 * @return NULL; an error if the tree could not be read
 */
dav_error *authz_check_tree(lockcheck_refusal_t *refusal, request_rec *r,
                            const dav_resource *resource);

#endif /* PROVIDER_AUTHZ_H */
