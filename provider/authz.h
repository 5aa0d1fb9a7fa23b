/*
 * authz.h -- what httpd's own authorization says of what lies below the request's resource.
 *
 * A request is authorised for its URL.  What lies below may have sections of the configuration
 * of its own, so whoever goes there asks httpd again by a sub-request: for each collection, and
 * for those members that a <Files> or <If> section could tell from the others; unless nothing
 * in the configuration could tell them apart.
 */
#ifndef PROVIDER_AUTHZ_H
#define PROVIDER_AUTHZ_H

#include <mod_dav.h>

#include "provider/lockcheck.h"

/** What httpd's configuration may say of the members of one collection. */
typedef struct authz_scope_t {
    int collections;                 /**< a section may hold for some collection below alone */
    int conditional;                 /**< an <If> section may hold for some member alone */
    const apr_array_header_t *files; /**< the <Files> sections, or NULL */
    request_rec *sub;                /**< whose memory they are in, if it is kept for them */
} authz_scope_t;

/** Fill in SCOPE for the members of RESOURCE, the request's collection. */
void authz_scope_begin(authz_scope_t *scope, const dav_resource *resource);

/** Whether httpd is to be asked about the member NAME of SCOPE's collection. */
int authz_must_ask(const authz_scope_t *scope, const char *name, int collection);

/**
 * Ask whether R's user may do METHOD to a collection in SCOPE.
 * @param inner filled in for the collection's own members if so; ended by authz_scope_end(),
 *        before SCOPE is
 * @param href its escaped path
 */
int authz_may_enter(authz_scope_t *inner, const authz_scope_t *scope, request_rec *r,
                    const char *method, const char *href);

/** Give back what SCOPE keeps.  It may be all zero. */
void authz_scope_end(authz_scope_t *scope);

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
 * See that R's user may do R's method to all that is below RESOURCE.
 * @param refusal filled in with 403 and those forbidden; or left with status 0
 * @return NULL; an error if the tree could not be read
 */
dav_error *authz_check_tree(lockcheck_refusal_t *refusal, request_rec *r,
                            const dav_resource *resource);

#endif /* PROVIDER_AUTHZ_H */
