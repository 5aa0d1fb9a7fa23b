#include "provider/destination.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_vhost.h>

/** Whether URI says what its scheme means anyway, or no port at all. */
static int has_plain_port(const apr_uri_t *uri)
{
    return uri->port_str == NULL || uri->port == apr_uri_port_of_scheme(uri->scheme);
}

/**
 * Whether the comma-separated LIST, which may be NULL, names URI's host.  Ports must agree where
 * both have one that says something.
 */
static int names_host(const char *list, const apr_uri_t *uri, apr_pool_t *scratch_pool)
{
    char *last, *copy = apr_pstrdup(scratch_pool, list ? list : "");

    for (char *entry = apr_strtok(copy, ", ", &last); entry;
         entry = apr_strtok(NULL, ", ", &last)) {
        char *host, *scope;
        apr_port_t port;

        if (apr_parse_addr_port(&host, &scope, &port, entry, scratch_pool) == APR_SUCCESS &&
            host != NULL && ap_cstr_casecmp(host, uri->hostname) == 0 &&
            (port == 0 || has_plain_port(uri) || port == uri->port))
            return 1;
    }
    return 0;
}

/** Whether URI is on this server, by a name the client or a proxy used, or that it has. */
static int is_here(request_rec *r, const apr_uri_t *uri)
{
    if (uri->hostname == NULL)
        return 0;
    if (names_host(apr_table_get(r->headers_in, "Host"), uri, r->pool) ||
        names_host(apr_table_get(r->headers_in, "X-Forwarded-Host"), uri, r->pool))
        return 1;
    /* ServerName and ServerAlias; a proxy's port is not ours. */
    return (has_plain_port(uri) || uri->port == ap_get_server_port(r) ||
            uri->port == r->connection->local_addr->port) &&
           ap_matches_request_vhost(r, uri->hostname, r->server->port);
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
        /* A proxy that ends TLS has the other of the two. */
        if ((ap_cstr_casecmp(uri.scheme, "http") != 0 &&
             ap_cstr_casecmp(uri.scheme, "https") != 0) ||
            !is_here(r, &uri))
            return HTTP_BAD_GATEWAY;
        path = apr_uri_unparse(r->pool, &uri, APR_URI_UNP_OMITSITEPART);
    }
    apr_table_setn(r->headers_in, "Destination", ap_construct_url(r->pool, path, r));
    return OK;
}
