#include "provider/propfind.h"

#include <http_log.h>
#include <http_protocol.h>
#include <mod_dav.h>

#include "provider/bodies.h"
#include "provider/listing.h"
#include "provider/methods.h"
#include "provider/multistatus.h"
#include "provider/output.h"
#include "provider/private.h"
#include "provider/proplist.h"
#include "provider/xmlbody.h"

APLOG_USE_MODULE(dav_depot);

static dav_error *bad_request(request_rec *r, const char *why)
{
    return dav_new_error(r->pool, HTTP_BAD_REQUEST, 0, 0, why);
}

/** Depth as the header has it; infinity where it has none (RFC 4918 section 9.1). */
static dav_error *read_depth(int *depth_p, request_rec *r, const dav_resource *resource)
{
    *depth_p = dav_get_depth(r, DAV_INFINITY);
    if (!resource->collection)
        *depth_p = 0;
    if (*depth_p == DAV_INFINITY && !resource->info->settings.dir->depth_infinity)
        return dav_new_error_tag(r->pool, HTTP_FORBIDDEN, 0, 0,
                                 "Depth: infinity is not served here; ask collection by "
                                 "collection.",
                                 NULL, "propfind-finite-depth");
    return NULL;
}

int propfind_handle(request_rec *r)
{
    multistatus_ns_t *ns = multistatus_ns_create(r->pool);
    lockcheck_target_t target = {NULL, LOCKCHECK_NOTHING};
    dav_resource *resource;
    propfind_body_t body;
    proplist_t *list;
    listing_t *listing;
    output_t *out;
    const char *why;
    xmlDoc *doc;
    dav_error *err;
    apr_status_t status;
    int depth, answer;

    if ((err = methods_resource(r, &resource)) != NULL)
        return methods_error(r, err);
    if (!resource->exists)
        return HTTP_NOT_FOUND;
    if ((err = xmlbody_read(&doc, r, &resource->info->settings.dir->xml)) != NULL)
        return methods_error(r, err);
    if ((why = bodies_read_propfind(&body, doc, r->pool)) != NULL)
        return methods_error(r, bad_request(r, why));
    if ((err = xmlbody_check_props(r, body.names->nelts, &resource->info->settings.dir->xml)) !=
            NULL ||
        (err = read_depth(&depth, r, resource)) != NULL)
        return methods_error(r, err);

    target.resource = resource;
    if ((answer = methods_pass(r, &target, 1)) != DECLINED)
        return answer;

    list = proplist_create(r, resource, body.form, body.names, ns, r->pool);
    if ((err = listing_open(&listing, r, resource, depth, list, r->pool)) != NULL)
        return methods_error(r, err);

    out = output_create(r, r->pool);
    multistatus_begin(r, out, ns);
    status = listing_write(listing, out);
    if (status == APR_SUCCESS) {
        multistatus_end(out);
        status = output_end(out);
    }
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, status, r, "listing of %s given up", r->uri);
        /* The client must not take a part for the whole. */
        r->connection->aborted = 1;
    }
    return DONE;
}
