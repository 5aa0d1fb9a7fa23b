/*
 * multistatus.h -- writing a 207 Multi-Status body (RFC 4918 section 13), piece by piece.
 *
 * Nothing here keeps what was written; a body of any length takes no more memory
 * than output.h's buckets.
 */
#ifndef PROVIDER_MULTISTATUS_H
#define PROVIDER_MULTISTATUS_H

#include <apr_pools.h>
#include <httpd.h>

#include "propstore/names.h"
#include "provider/output.h"

/** Namespaces declared on the root element, each with a prefix. */
typedef struct multistatus_ns_t multistatus_ns_t;

/** The empty set, which knows DAV: as "D".  @param result_pool lifetime of it and its prefixes */
multistatus_ns_t *multistatus_ns_create(apr_pool_t *result_pool);

/**
 * The prefix for URI, declaring it if multistatus_begin() has not been called yet.
 * @return the prefix; "" for no namespace; NULL if it is not declared and no longer can be
 */
const char *multistatus_ns_prefix(multistatus_ns_t *ns, const char *uri);

/** Declare PREFIX for URI, for elements that others write; unless PREFIX is taken. */
void multistatus_ns_declare(multistatus_ns_t *ns, const char *prefix, const char *uri);

/** Set R's status and content type, and write everything up to the first response. */
void multistatus_begin(request_rec *r, output_t *out, multistatus_ns_t *ns);

/** Write the end of the document; output_end() is the caller's. */
void multistatus_end(output_t *out);

/**
 * Begin a response element.
 * @param base escaped URI, ready to send, with a slash at its end if NAME follows
 * @param name a member's name, not escaped, or NULL for BASE itself
 * @param collection whether a slash ends the name
 */
void multistatus_response(output_t *out, const char *base, const char *name, int collection);

/** End a response element. */
void multistatus_response_end(output_t *out);

/** The response's own status, instead of propstats. */
void multistatus_status(output_t *out, int http_status);

/** The precondition that its status is about: the local name of an element in DAV:. */
void multistatus_error(output_t *out, const char *precondition);

/** Begin a propstat and its prop element. */
void multistatus_propstat(output_t *out);

/**
 * End them.
 * @param http_status the properties' status
 * @param precondition local name of the DAV: element to explain it, or NULL
 * @param description words for people, plain text, or NULL
 */
void multistatus_propstat_end(output_t *out, int http_status, const char *precondition,
                              const char *description);

/** An empty property element: a name without a value. */
void multistatus_empty_prop(output_t *out, multistatus_ns_t *ns, const prop_name_t *name);

/** Write TEXT so that it is character data; what XML cannot hold becomes U+FFFD. */
void multistatus_text(output_t *out, const char *text, apr_size_t length);

/** Write PATH's LENGTH bytes percent-encoded (RFC 3986), slashes kept. */
void multistatus_escape(output_t *out, const char *path, apr_size_t length);

/** The same into a string in RESULT_POOL. */
char *multistatus_escaped(const char *path, apr_pool_t *result_pool);

#endif /* PROVIDER_MULTISTATUS_H */
