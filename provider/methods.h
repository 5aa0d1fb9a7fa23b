/*
 * methods.h -- the handlers ahead of mod_dav's, and the fixups before both.
 */
#ifndef PROVIDER_METHODS_H
#define PROVIDER_METHODS_H

#include <httpd.h>
#include <mod_dav.h>

#include "provider/lockcheck.h"

/** Note in a request whose locks and If header have been checked, for walk.h. */
#define METHODS_CHECKED_NOTE "depot-checked"

/** Whether R is served by the provider in this module. */
int methods_is_ours(request_rec *r);

/**
 * Handler ahead of mod_dav's: PROPFIND, PROPPATCH, LOCK and UNLOCK altogether; for methods that
 * change something, the check of If header and locks before mod_dav's core goes on.
 */
int methods_handler(request_rec *r);

/** Handler for GET and HEAD of plain files that no other module has claimed. */
int methods_file_handler(request_rec *r);

/**
 * Fixup after mod_dav's and before mod_dir's: hides directories from mod_dir for DAV methods
 * (it would redirect a PROPFIND or answer it with an index file) and private names from all.
 */
int methods_fixups(request_rec *r);

/**
 * map_to_storage hook ahead of the core's, for OPTIONS of "*": a server that has a store says
 * that it knows WebDAV (RFC 4918 section 10.1).
 */
int methods_server_options(request_rec *r);

/** Last fixup: claims GET and HEAD of plain files for methods_file_handler(). */
int methods_fixups_last(request_rec *r);

/**
 * The request's resource, checked by the method_precondition hooks.
 * @param doc for the hooks, or NULL
 * @return NULL, or the error to answer
 */
dav_error *methods_resource(request_rec *r, dav_resource **resource_p);

/**
 * Evaluate R's If header, see that it submits the tokens of all locks that count, and that what
 * is below is not forbidden where that counts.
 * @param targets COUNT of them, the request's own resource first
 * @return DECLINED to go on; anything else as a handler: it has been answered
 */
int methods_pass(request_rec *r, const lockcheck_target_t *targets, int count);

/** Answer ERR, with its precondition element if it has one (RFC 4918 section 16). */
int methods_error(request_rec *r, dav_error *err);

/** Register what OPTIONS says beyond mod_dav's own. */
void methods_register_options(apr_pool_t *pconf);

#endif /* PROVIDER_METHODS_H */
