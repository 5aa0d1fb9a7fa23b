#include "provider/methods.h"

#include <string.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>

#include "propstore/store.h"
#include "provider/authz.h"
#include "provider/deliver.h"
#include "provider/destination.h"
#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/lockcheck.h"
#include "provider/lockmethods.h"
#include "provider/multistatus.h"
#include "provider/private.h"
#include "provider/propfind.h"
#include "provider/proppatch.h"
#include "provider/recovery.h"

APLOG_USE_MODULE(dav_depot);

/** The handler name mod_dav gives requests in its own fixups. */
#define DAV_HANDLER "dav-handler"
/** The handler name of plain files that we serve ourselves. */
#define FILE_HANDLER "dav-depot-file"

int methods_is_ours(request_rec *r)
{
    return dav_get_provider(r) == &depot_provider;
}

dav_error *methods_resource(request_rec *r, dav_resource **resource_p)
{
    dav_error *err = dav_get_resource(r, 0, 0, resource_p);

    if (err == NULL && dav_run_method_precondition(r, *resource_p, NULL, NULL, &err) == DECLINED)
        err = NULL;
    return err;
}

/** Log ERR: what is the client's mistake, or its measure, is no error of ours. */
static void log_error(request_rec *r, const dav_error *err)
{
    for (; err != NULL; err = err->prev) {
        int ours = err->status >= 500 && err->aprerr != STORE_LIMIT;
        /* httpd has no words for the store's codes, which the description has. */
        int known = err->aprerr < STORE_STATUS_START || err->aprerr > STORE_NOTHING;

        ap_log_rerror(APLOG_MARK, ours ? APLOG_ERR : APLOG_INFO, known ? err->aprerr : 0, r,
                      "%s [%d, #%d]", err->desc ? err->desc : "no description", err->status,
                      err->error_id);
    }
}

/** Have httpd's page for ERR say what is wrong, unless the administrator has one. */
static void explain(request_rec *r, const dav_error *err)
{
    const char *title = ap_get_status_line(err->status);

    if (err->desc == NULL || ap_response_code_string(r, ap_index_of_response(err->status)) != NULL)
        return;
    ap_custom_response(r, err->status,
                       apr_pstrcat(r->pool, "<!DOCTYPE html>\n<html><head><title>", title,
                                   "</title></head><body>\n<h1>", title + 4, "</h1>\n<p>",
                                   ap_escape_html(r->pool, err->desc), "</p>\n</body></html>\n",
                                   NULL));
}

int methods_error(request_rec *r, dav_error *err)
{
    /* An input filter has answered already. */
    if (err->status == AP_FILTER_ERROR)
        return AP_FILTER_ERROR;
    log_error(r, err);
    if (err->tagname == NULL) {
        explain(r, err);
        return err->status;
    }
    r->status = err->status;
    ap_set_content_type(r, "application/xml; charset=\"utf-8\"");
    ap_rvputs(r, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\"><D:",
              err->tagname, ">", err->childtags ? err->childtags : "", "</D:", err->tagname,
              "></D:error>\n", NULL);
    return DONE;
}

int methods_pass(request_rec *r, const lockcheck_target_t *targets, int count)
{
    lockcheck_refusal_t refusal, forbidden;
    unsigned effects = LOCKCHECK_NOTHING;
    dav_error *err;

    for (int i = 0; i < count; i++)
        effects |= targets[i].effects;
    if (effects == LOCKCHECK_NOTHING && apr_table_get(r->headers_in, "If") == NULL)
        return DECLINED;
    err = lockcheck_request(&refusal, r, targets, count);

    /* Whatever is removed, moved or copied with its members: they may be forbidden.  Then not
       even their locks are spoken of. */
    for (int i = 0; i < count && err == NULL && refusal.http_status != HTTP_PRECONDITION_FAILED;
         i++) {
        if (!(targets[i].effects & LOCKCHECK_TREE) &&
            (r->method_number != M_COPY || dav_get_depth(r, DAV_INFINITY) == 0))
            continue;
        err = authz_check_tree(&forbidden, r, targets[i].resource);
        if (err == NULL && forbidden.http_status != 0) {
            refusal = forbidden;
            break;
        }
    }

    if (err != NULL)
        return methods_error(r, err);
    return refusal.http_status != 0 ? lockcheck_answer(r, &refusal) : DECLINED;
}

/** The same, and leave the request to mod_dav's core, which is told no more of it. */
static int check_targets(request_rec *r, const lockcheck_target_t *targets, int count)
{
    int status = methods_pass(r, targets, count);

    if (status == DECLINED) {
        apr_table_unset(r->headers_in, "If");
        apr_table_setn(r->notes, METHODS_CHECKED_NOTE, "1");
    }
    return status;
}

static int bad_header(request_rec *r, const char *why)
{
    return methods_error(r, dav_new_error(r->pool, HTTP_BAD_REQUEST, 0, 0, why));
}

/**
 * Refuse values that the grammar does not have (RFC 4918 sections 10.2 and 10.6), whatever the
 * method: the client means something by them.  A LOCK that refreshes must ignore its Depth.
 */
static int check_headers(request_rec *r)
{
    const char *overwrite = apr_table_get(r->headers_in, "Overwrite");

    if (r->method_number != M_LOCK && dav_get_depth(r, DAV_INFINITY) < 0)
        return bad_header(r, "The Depth header must be 0, 1 or infinity.");
    if (overwrite != NULL && ap_cstr_casecmp(overwrite, "T") != 0 &&
        ap_cstr_casecmp(overwrite, "F") != 0)
        return bad_header(r, "The Overwrite header must be T or F.");
    return DECLINED;
}

/** Whether a DELETE, COPY or MOVE has a Depth it may have (sections 9.6.1, 9.8.3 and 9.9.2). */
static int has_right_depth(request_rec *r, const dav_resource *resource)
{
    int depth = dav_get_depth(r, DAV_INFINITY);

    return depth == DAV_INFINITY ||
           (depth == 0 && (!resource->collection || r->method_number == M_COPY));
}

/** PUT, MKCOL and DELETE: check what is ours to check. */
static int prepare_change(request_rec *r)
{
    /* Also of what is not there yet: a LOCK may make it in the meantime. */
    lockcheck_target_t target = {NULL, LOCKCHECK_CONTENT};
    dav_resource *resource;
    dav_error *err = methods_resource(r, &resource);

    if (err != NULL)
        return methods_error(r, err);
    if (r->method_number == M_DELETE && !has_right_depth(r, resource))
        return bad_header(r, "A collection is deleted with Depth: infinity only.");
    target.resource = resource;
    if (r->method_number == M_DELETE)
        target.effects |= LOCKCHECK_MEMBER | LOCKCHECK_TREE;
    else if (!resource->exists)
        target.effects |= LOCKCHECK_MEMBER;
    return check_targets(r, &target, 1);
}

/**
 * Evaluate conditional headers for SOURCE, and only for it: the core would ask the same of the
 * destination, whose sub-request has the same headers.
 */
static int meet_conditions(request_rec *r, dav_resource *source)
{
    static const char *const headers[] = {"If-Match", "If-None-Match", "If-Unmodified-Since",
                                          "If-Modified-Since"};
    dav_error *err = dav_validate_request(r, source, 0, NULL, NULL, DAV_VALIDATE_RESOURCE, NULL);

    if (err != NULL)
        return methods_error(r, err);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        apr_table_unset(r->headers_in, headers[i]);
    return DECLINED;
}

/** COPY and MOVE: the same, with the Destination in a form the core understands. */
static int prepare_transfer(request_rec *r)
{
    lockcheck_target_t targets[2] = {{NULL, LOCKCHECK_NOTHING},
                                     {NULL, LOCKCHECK_CONTENT | LOCKCHECK_MEMBER | LOCKCHECK_TREE}};
    dav_resource *source, *destination = NULL;
    dav_lookup_result lookup;
    const char *url;
    dav_error *err;
    int status = destination_normalise(r);

    if (status != OK)
        return status;
    if ((err = methods_resource(r, &source)) != NULL)
        return methods_error(r, err);
    if (!has_right_depth(r, source))
        return bad_header(r, "The Depth of a COPY is 0 or infinity, that of a MOVE infinity.");
    targets[0].resource = source;
    if (r->method_number == M_MOVE)
        targets[0].effects = LOCKCHECK_CONTENT | LOCKCHECK_MEMBER | LOCKCHECK_TREE;
    /* Where the Destination is no resource of ours, the core says what is wrong with it. */
    url = apr_table_get(r->headers_in, "Destination");
    if (url != NULL) {
        lookup = dav_lookup_uri(url, r, 1);
        if (lookup.rnew != NULL && lookup.rnew->status == HTTP_OK && methods_is_ours(lookup.rnew)) {
            if (!authz_holds(lookup.rnew))
                return HTTP_FORBIDDEN;
            if (dav_get_resource(lookup.rnew, 0, 0, &destination) != NULL)
                destination = NULL;
        }
    }
    targets[1].resource = destination;
    status = check_targets(r, targets, destination != NULL ? 2 : 1);
    return status == DECLINED && source->exists ? meet_conditions(r, source) : status;
}

/**
 * See that what a process left half-done is settled, before anything is looked at.
 * @return DECLINED, or an answer
 */
static int settle(request_rec *r)
{
    store_t *store = depot_settings(r).store;
    apr_status_t status = APR_SUCCESS;

    if (store != NULL)
        status = recovery_settle(store, r->filename, r->pool);
    if (status == APR_SUCCESS)
        return DECLINED;
    return methods_error(
        r, errmap_error(r->pool, status, "Could not settle what another request left half-done."));
}

int methods_handler(request_rec *r)
{
    int status;

    if (strcmp(r->handler, DAV_HANDLER) != 0 || !methods_is_ours(r))
        return DECLINED;
    if (r->method_number != M_OPTIONS && (status = check_headers(r)) != DECLINED)
        return status;
    if ((status = settle(r)) != DECLINED)
        return status;

    switch (r->method_number) {
    case M_PROPFIND:
        return propfind_handle(r);
    case M_PROPPATCH:
        return proppatch_handle(r);
    case M_LOCK:
        return lockmethods_lock(r);
    case M_UNLOCK:
        return lockmethods_unlock(r);
    case M_PUT:
    case M_MKCOL:
    case M_DELETE:
        return prepare_change(r);
    case M_COPY:
    case M_MOVE:
        return prepare_transfer(r);
    default:
        return DECLINED;
    }
}

int methods_file_handler(request_rec *r)
{
    lockcheck_target_t target = {NULL, LOCKCHECK_NOTHING};
    dav_resource *resource;
    dav_error *err;
    int status;

    if (strcmp(r->handler, FILE_HANDLER) != 0)
        return DECLINED;
    if ((status = settle(r)) != DECLINED)
        return status;
    if ((err = methods_resource(r, &resource)) != NULL)
        return methods_error(r, err);
    target.resource = resource;
    status = methods_pass(r, &target, 1);
    return status == DECLINED ? deliver_file(r, resource) : status;
}

/** Replace OLD by NEW wherever it stands in the request's HEADER. */
static void replace_in_header(request_rec *r, const char *header, const char *old,
                              const char *new_text)
{
    const char *value = apr_table_get(r->headers_in, header), *at;

    while (value != NULL && (at = strstr(value, old)) != NULL) {
        value = apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, value, (apr_size_t)(at - value)),
                            new_text, at + strlen(old), NULL);
        apr_table_setn(r->headers_in, header, value);
    }
}

/**
 * Put ETags in conditional headers into the form of ours.  mod_deflate and mod_brotli append a
 * suffix to that of a compressed response: the client sends back what it saw, and means the
 * file.  And If-None-Match compares weakly (RFC 9110 section 13.1.2), for httpd only on GET.
 */
static void normalise_etags(request_rec *r)
{
    static const char *const headers[] = {"If", "If-Match", "If-None-Match", "If-Range"};

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        replace_in_header(r, headers[i], "-gzip\"", "\"");
        replace_in_header(r, headers[i], "-br\"", "\"");
    }
    replace_in_header(r, "If-None-Match", "W/\"", "\"");
}

/** Whether httpd has found something at R's path that is neither file nor collection. */
static int is_special(const request_rec *r)
{
    return r->finfo.filetype != APR_NOFILE && r->finfo.filetype != APR_REG &&
           r->finfo.filetype != APR_DIR;
}

int methods_fixups(request_rec *r)
{
    if (!methods_is_ours(r))
        return DECLINED;
    /* Not there for whoever looks, refused to whoever would make it. */
    if (dirscan_path_is_private(r->uri))
        return r->method_number == M_PUT || r->method_number == M_MKCOL || r->main != NULL
                   ? HTTP_FORBIDDEN
                   : HTTP_NOT_FOUND;
    /* At the end of a link httpd lets it pass, and its own handler would open it. */
    if (is_special(r))
        return HTTP_FORBIDDEN;
    normalise_etags(r);
    /* httpd drops a fragment, so a DELETE of one would remove the whole (RFC 9110 section 7.1). */
    if (r->parsed_uri.fragment != NULL)
        return HTTP_BAD_REQUEST;
    if (r->method_number != M_GET && r->method_number != M_POST && r->finfo.filetype == APR_DIR)
        r->finfo.filetype = APR_NOFILE;
    return DECLINED;
}

int methods_server_options(request_rec *r)
{
    if (r->method_number == M_OPTIONS && r->uri != NULL && strcmp(r->uri, "*") == 0 &&
        depot_settings(r).store != NULL) {
        apr_table_setn(r->headers_out, "DAV", "1,2,3");
        apr_table_setn(r->headers_out, "MS-Author-Via", "DAV");
    }
    return DECLINED;
}

int methods_fixups_last(request_rec *r)
{
    if (r->handler == NULL && r->method_number == M_GET && r->finfo.filetype == APR_REG &&
        methods_is_ours(r))
        r->handler = FILE_HANDLER;
    return DECLINED;
}

/** dav_options_provider.dav_header: mod_dav's core knows of classes 1 and 2. */
static dav_error *add_class_3(request_rec *r, const dav_resource *resource, apr_text_header *phdr)
{
    if (resource->hooks == &depot_repository)
        apr_text_append(r->pool, phdr, "3");
    return NULL;
}

static dav_error *add_no_methods(request_rec *r, const dav_resource *resource,
                                 apr_text_header *phdr)
{
    (void)r;
    (void)resource;
    (void)phdr;
    return NULL;
}

static const dav_options_provider options_provider = {
    .dav_header = add_class_3,
    .dav_method = add_no_methods,
};

void methods_register_options(apr_pool_t *pconf)
{
    dav_options_provider_register(pconf, "depot", &options_provider);
}
