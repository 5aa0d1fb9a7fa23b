/*
 * As much of httpd and of mod_dav's core as the objects under test call.  It stands before the
 * libraries when a target is linked, so the parts of the provider that know the server (its
 * settings, its hooks) stay out.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_vhost.h>
#include <mod_dav.h>
#include <util_filter.h>

#include "provider/private.h"
#include "t/fuzz/fuzz.h"

const dav_hooks_repository depot_repository = {0};

/** The body that input filters hand out, and what output filters took. */
static struct {
    const uint8_t *data;
    size_t left, piece;
} body;
static struct {
    char *data;
    size_t length, room;
} taken;

depot_settings_t depot_settings(const request_rec *r)
{
    depot_settings_t none = {NULL, NULL};

    (void)r;
    return none;
}

request_rec *fuzz_request(apr_pool_t *pool)
{
    request_rec *r = apr_pcalloc(pool, sizeof(*r));

    r->pool = pool;
    r->connection = apr_pcalloc(pool, sizeof(*r->connection));
    r->connection->pool = pool;
    r->connection->bucket_alloc = apr_bucket_alloc_create(pool);
    r->connection->local_addr = apr_pcalloc(pool, sizeof(*r->connection->local_addr));
    r->connection->local_addr->port = 80;
    r->server = apr_pcalloc(pool, sizeof(*r->server));
    r->server->port = 80;
    r->headers_in = apr_table_make(pool, 4);
    r->headers_out = apr_table_make(pool, 4);
    r->subprocess_env = apr_table_make(pool, 4);
    r->notes = apr_table_make(pool, 4);
    r->uri = apr_pstrdup(pool, "/");
    return r;
}

void fuzz_set_body(const uint8_t *data, size_t size, size_t piece)
{
    body.data = data;
    body.left = size;
    body.piece = piece;
}

apr_status_t ap_get_brigade(ap_filter_t *filter, apr_bucket_brigade *bucket, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t readbytes)
{
    size_t part = body.left < body.piece ? body.left : body.piece;

    (void)filter;
    (void)mode;
    (void)block;
    if (part > (size_t)readbytes)
        part = (size_t)readbytes;
    if (part > 0)
        APR_BRIGADE_INSERT_TAIL(bucket, apr_bucket_heap_create((const char *)body.data, part, NULL,
                                                               bucket->bucket_alloc));
    else
        APR_BRIGADE_INSERT_TAIL(bucket, apr_bucket_eos_create(bucket->bucket_alloc));
    body.data += part;
    body.left -= part;
    return APR_SUCCESS;
}

apr_status_t ap_pass_brigade(ap_filter_t *filter, apr_bucket_brigade *bucket)
{
    (void)filter;
    for (apr_bucket *b = APR_BRIGADE_FIRST(bucket); b != APR_BRIGADE_SENTINEL(bucket);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t length;

        if (APR_BUCKET_IS_METADATA(b))
            continue;
        fuzz_check(apr_bucket_read(b, &data, &length, APR_BLOCK_READ) == APR_SUCCESS,
                   "a bucket can be read");
        if (taken.length + length > taken.room) {
            taken.room = 2 * (taken.length + length);
            taken.data = realloc(taken.data, taken.room);
            fuzz_check(taken.data != NULL, "there is memory");
        }
        memcpy(taken.data + taken.length, data, length);
        taken.length += length;
    }
    apr_brigade_cleanup(bucket);
    return APR_SUCCESS;
}

store_slice_t fuzz_take_output(apr_pool_t *pool)
{
    store_slice_t output = {apr_pmemdup(pool, taken.data ? taken.data : "", taken.length),
                            taken.length};

    taken.length = 0;
    return output;
}

apr_size_t ap_get_limit_xml_body(const request_rec *r)
{
    (void)r;
    return 1000000;
}

int ap_map_http_request_error(apr_status_t rv, int status)
{
    (void)rv;
    return status;
}

dav_error *dav_new_error_tag(apr_pool_t *p, int status, int error_id, apr_status_t aprerr,
                             const char *desc, const char *namespace, const char *tagname)
{
    dav_error *err = apr_pcalloc(p, sizeof(*err));

    err->status = status;
    err->error_id = error_id;
    err->aprerr = aprerr;
    err->desc = desc;
    err->namespace = namespace;
    err->tagname = tagname;
    return err;
}

dav_error *dav_new_error(apr_pool_t *p, int status, int error_id, apr_status_t aprerr,
                         const char *desc)
{
    return dav_new_error_tag(p, status, error_id, aprerr, desc, NULL, NULL);
}

void ap_set_content_type(request_rec *r, const char *ct)
{
    r->content_type = ct;
}

const char *ap_get_status_line(int status)
{
    return status == HTTP_OK ? "200 OK" : "500 Internal Server Error";
}

int ap_allow_options(request_rec *r)
{
    (void)r;
    return OPT_NONE;
}

void ap_update_mtime(request_rec *r, apr_time_t dependency_mtime)
{
    r->mtime = dependency_mtime;
}

int ap_cstr_casecmp(const char *s1, const char *s2)
{
    return strcasecmp(s1, s2);
}

int ap_cstr_casecmpn(const char *s1, const char *s2, apr_size_t n)
{
    return strncasecmp(s1, s2, n);
}

apr_port_t ap_get_server_port(const request_rec *r)
{
    (void)r;
    return 80;
}

int ap_matches_request_vhost(request_rec *r, const char *host, apr_port_t port)
{
    (void)r;
    return port == 80 && strcasecmp(host, "drive.example") == 0;
}

char *ap_construct_url(apr_pool_t *p, const char *uri, request_rec *r)
{
    (void)r;
    return apr_pstrcat(p, "http://drive.example", uri, NULL);
}

const char *ap_context_document_root(request_rec *r)
{
    (void)r;
    return "/";
}

/* No target looks a file up. */
ap_conf_vector_t *ap_create_request_config(apr_pool_t *p)
{
    (void)p;
    abort();
}

int ap_run_create_request(request_rec *r)
{
    (void)r;
    abort();
}

int ap_directory_walk(request_rec *r)
{
    (void)r;
    abort();
}
