#include "provider/destination.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_vhost.h>

/** Whether the comma-separated LIST, which may be NULL, holds HOST, with or without a port. */
static int names_host(const char *list, const apr_uri_t *uri, apr_pool_t *scratch_pool)
{
    char *last, *copy = apr_pstrdup(scratch_pool, list ? list : "");

    for (char *host = apr_strtok(copy, ", ", &last); host; host = apr_strtok(NULL, ", ", &last)) {
        if (ap_cstr_casecmp(host, uri->hostinfo) == 0 || ap_cstr_casecmp(host, uri->hostname) == 0)
            return 1;
    }
    return 0;
}

/** Whether URI is on this server, by a name the client or a proxy used, or that it has. */
static int is_here(request_rec *r, const apr_uri_t *uri)
{
    if (uri->hostname == NULL)
        return 0;
    return names_host(apr_table_get(r->headers_in, "Host"), uri, r->pool) ||
           names_host(apr_table_get(r->headers_in, "X-Forwarded-Host"), uri, r->pool) ||
           (uri->port_str != NULL &&
            ap_matches_request_vhost(r, uri->hostname, (apr_port_t)uri->port)) ||
           (uri->port_str == NULL &&
            ap_matches_request_vhost(r, uri->hostname, ap_get_server_port(r)));
}

int destination_normalise(request_rec *r)
{
    const char *destination = apr_table_get(r->headers_in, "Destination"), *path;
    apr_uri_t uri;

    if (destination == NULL)
        return OK;
    if (destination[0] == '/' && destination[1] != '/') {
        path = destination;
    } else {
        if (apr_uri_parse(r->pool, destination, &uri) != APR_SUCCESS || uri.scheme == NULL ||
            uri.hostinfo == NULL || uri.path == NULL)
            return HTTP_BAD_REQUEST;
        if (!is_here(r, &uri))
            return HTTP_BAD_GATEWAY;
        path = apr_uri_unparse(r->pool, &uri, APR_URI_UNP_OMITSITEPART);
    }
    apr_table_setn(r->headers_in, "Destination", ap_construct_url(r->pool, path, r));
    return OK;
}
