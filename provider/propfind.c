#include "provider/propfind.h"

#include <http_log.h>
#include <http_protocol.h>
#include <mod_dav.h>

#include "provider/listing.h"
#include "provider/methods.h"
#include "provider/multistatus.h"
#include "provider/output.h"
#include "provider/private.h"
#include "provider/proplist.h"
#include "provider/xmlbody.h"

APLOG_USE_MODULE(dav_depot);

/** What the body asks for. */
typedef struct question_t {
    proplist_form_e form;
    apr_array_header_t *names; /* prop_name_t */
} question_t;

static dav_error *bad_request(request_rec *r, const char *why)
{
    return dav_new_error(r->pool, HTTP_BAD_REQUEST, 0, 0, why);
}

/** Collect the names of PARENT's children.  They live as long as the document. */
static void collect_names(apr_array_header_t *names, const xmlNode *parent)
{
    for (const xmlNode *child = xmlbody_first_element(parent); child != NULL;
         child = xmlbody_next_element(child)) {
        prop_name_t *name = apr_array_push(names);

        name->ns = xmlbody_ns(child);
        name->local = (const char *)child->name;
    }
}

/** Read the propfind element of DOC; no document asks for allprop. */
static dav_error *read_question(question_t *question, request_rec *r, const xmlDoc *doc)
{
    const xmlNode *root, *allprop, *propname, *prop, *include;

    question->form = PROPLIST_ALLPROP;
    question->names = apr_array_make(r->pool, 8, sizeof(prop_name_t));
    if (doc == NULL)
        return NULL;

    root = xmlDocGetRootElement(doc);
    if (root == NULL || !xmlbody_is(root, XMLBODY_DAV_NS, "propfind"))
        return bad_request(r, "The body is not a DAV:propfind element.");
    allprop = xmlbody_dav_child(root, "allprop");
    propname = xmlbody_dav_child(root, "propname");
    prop = xmlbody_dav_child(root, "prop");
    include = xmlbody_dav_child(root, "include");
    if ((allprop != NULL) + (propname != NULL) + (prop != NULL) != 1)
        return bad_request(r, "DAV:propfind must hold one of DAV:allprop, DAV:propname and "
                              "DAV:prop.");
    if (include != NULL && allprop == NULL)
        return bad_request(r, "DAV:include goes with DAV:allprop only.");

    if (prop != NULL) {
        question->form = PROPLIST_PROP;
        collect_names(question->names, prop);
    } else if (propname != NULL) {
        question->form = PROPLIST_PROPNAME;
    } else if (include != NULL) {
        collect_names(question->names, include);
    }
    return NULL;
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
    question_t question;
    proplist_t *list;
    listing_t *listing;
    output_t *out;
    xmlDoc *doc;
    dav_error *err;
    apr_status_t status;
    int depth, answer;

    if ((err = methods_resource(r, &resource)) != NULL)
        return methods_error(r, err);
    if (!resource->exists)
        return HTTP_NOT_FOUND;
    if ((err = xmlbody_read(&doc, r, &resource->info->settings.dir->xml)) != NULL ||
        (err = read_question(&question, r, doc)) != NULL ||
        (err = read_depth(&depth, r, resource)) != NULL)
        return methods_error(r, err);

    target.resource = resource;
    if ((answer = methods_pass(r, &target, 1)) != DECLINED)
        return answer;

    list = proplist_create(r, resource, question.form, question.names, ns, r->pool);
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
