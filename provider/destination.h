/*
 * destination.h -- the Destination header (RFC 4918 section 10.3), put into the one form
 * that mod_dav's core takes.
 */
#ifndef PROVIDER_DESTINATION_H
#define PROVIDER_DESTINATION_H

#include <httpd.h>

/**
 * Replace R's Destination by an absolute URL of this server, as it sees itself.  The client
 * may have given an absolute path, or the URL that a proxy in front (one that ends TLS, say)
 * is known by.
 * @return OK, also if there is no header; 400 if it is no URL; 502 if it names another server, or
 *         what no web server serves
 */
int destination_normalise(request_rec *r);

#endif /* PROVIDER_DESTINATION_H */
