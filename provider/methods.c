#include "provider/methods.h"

#include <string.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "provider/deliver.h"
#include "provider/destination.h"
#include "provider/dirscan.h"
#include "provider/multistatus.h"
#include "provider/private.h"
#include "provider/propfind.h"
#include "provider/proppatch.h"

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

int methods_error(request_rec *r, dav_error *err)
{
    /* An input filter has answered already. */
    if (err->status == AP_FILTER_ERROR)
        return AP_FILTER_ERROR;
    if (err->tagname == NULL)
        return dav_handle_err(r, err, NULL);

    /* Not dav_handle_err(): it would log what is the client's mistake as an error of ours. */
    ap_log_rerror(APLOG_MARK, err->status < 500 ? APLOG_INFO : APLOG_ERR, err->aprerr, r, "%s",
                  err->desc);
    r->status = err->status;
    ap_set_content_type(r, "application/xml; charset=\"utf-8\"");
    ap_rputs("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\"><D:", r);
    ap_rputs(err->tagname, r);
    ap_rputs("/></D:error>\n", r);
    return DONE;
}

/** Take TOKEN out of the comma-separated LIST, in place. */
static void remove_token(char *list, const char *token)
{
    apr_size_t length = strlen(token);
    char *at = list;

    while ((at = strstr(at, token)) != NULL) {
        char *rest = at + length;

        if ((at != list && at[-1] != ',') || (*rest != ',' && *rest != '\0')) {
            at = rest;
        } else if (*rest == ',') {
            memmove(at, rest + 1, strlen(rest + 1) + 1);
        } else {
            at[at == list ? 0 : -1] = '\0';
            return;
        }
    }
}

/**
 * Output filter for OPTIONS: mod_dav's core takes lock hooks, which it cannot do without,
 * for locks.  Say class 1 and no LOCK until there are some.
 */
static apr_status_t no_locks_filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    const apr_array_header_t *headers = apr_table_elts(f->r->headers_out);

    for (int i = 0; i < headers->nelts; i++) {
        apr_table_entry_t *header = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);
        int dav = ap_cstr_casecmp(header->key, "DAV") == 0;

        if (dav || ap_cstr_casecmp(header->key, "Allow") == 0) {
            header->val = apr_pstrdup(f->r->pool, header->val);
            remove_token(header->val, dav ? "2" : "LOCK");
            if (!dav)
                remove_token(header->val, "UNLOCK");
        }
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

static ap_filter_rec_t *no_locks;

/** Answer LOCK and UNLOCK. */
static int refuse_locks(request_rec *r)
{
    apr_table_setn(r->headers_out, "Allow",
                   "OPTIONS,GET,HEAD,POST,PUT,DELETE,MKCOL,PROPFIND,PROPPATCH,COPY,MOVE");
    return HTTP_METHOD_NOT_ALLOWED;
}

/** Leave COPY and MOVE to mod_dav's core, with a Destination it understands. */
static int prepare_transfer(request_rec *r)
{
    int status = destination_normalise(r);

    return status == OK ? DECLINED : status;
}

int methods_handler(request_rec *r)
{
    if (strcmp(r->handler, DAV_HANDLER) != 0 || !methods_is_ours(r))
        return DECLINED;

    switch (r->method_number) {
    case M_PROPFIND:
        return propfind_handle(r);
    case M_PROPPATCH:
        return proppatch_handle(r);
    case M_LOCK:
    case M_UNLOCK:
        return refuse_locks(r);
    case M_COPY:
    case M_MOVE:
        return prepare_transfer(r);
    case M_OPTIONS:
        ap_add_output_filter_handle(no_locks, NULL, r, r->connection);
        return DECLINED;
    default:
        return DECLINED;
    }
}

int methods_file_handler(request_rec *r)
{
    dav_resource *resource;
    dav_error *err;

    if (strcmp(r->handler, FILE_HANDLER) != 0)
        return DECLINED;
    if ((err = methods_resource(r, &resource)) != NULL)
        return methods_error(r, err);
    return deliver_file(r, resource);
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
    /* httpd drops a fragment, so a DELETE of one would remove the whole (RFC 9110 section 7.1). */
    if (r->parsed_uri.fragment != NULL)
        return HTTP_BAD_REQUEST;
    if (r->method_number != M_GET && r->method_number != M_POST && r->finfo.filetype == APR_DIR)
        r->finfo.filetype = APR_NOFILE;
    return DECLINED;
}

int methods_fixups_last(request_rec *r)
{
    if (r->handler == NULL && r->method_number == M_GET && r->finfo.filetype == APR_REG &&
        methods_is_ours(r))
        r->handler = FILE_HANDLER;
    return DECLINED;
}

void methods_register_filters(void)
{
    no_locks =
        ap_register_output_filter("DEPOT_NO_LOCKS", no_locks_filter, NULL, AP_FTYPE_CONTENT_SET);
}
