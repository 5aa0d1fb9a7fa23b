/*
 * bodies.h -- what the bodies of PROPFIND, PROPPATCH and LOCK ask for.  Knows nothing of
 * resources: what is read here is what the client wrote, whoever may do it and to what.
 *
 * What is read points into the document and lives as long.  Each function answers NULL, or why
 * the body is no such request (400), in words for the client.
 */
#ifndef PROVIDER_BODIES_H
#define PROVIDER_BODIES_H

#include <apr_tables.h>
#include <libxml/tree.h>

#include "propstore/locks.h"
#include "propstore/names.h"

/** The three forms of a PROPFIND (RFC 4918 section 9.1). */
typedef enum propfind_form_e { PROPFIND_ALLPROP, PROPFIND_PROPNAME, PROPFIND_PROP } propfind_form_e;

/** A DAV:propfind element (RFC 4918 section 14.20). */
typedef struct propfind_body_t {
    propfind_form_e form;
    apr_array_header_t *names; /**< prop_name_t: those asked for, or allprop's "include" */
} propfind_body_t;

/** Read DOC; NULL, no body, asks for allprop. */
const char *bodies_read_propfind(propfind_body_t *body, const xmlDoc *doc, apr_pool_t *result_pool);

/** One instruction of a DAV:propertyupdate. */
typedef struct proppatch_item_t {
    prop_name_t name;
    const xmlNode *node; /**< the property's element */
    int remove;
} proppatch_item_t;

/**
 * Read DOC, a DAV:propertyupdate (RFC 4918 section 14.19).
 * @param items_p set to an array of proppatch_item_t in document order, at least one
 */
const char *bodies_read_proppatch(apr_array_header_t **items_p, const xmlDoc *doc,
                                  apr_pool_t *result_pool);

/** A DAV:lockinfo element (RFC 4918 section 14.11), of a write lock. */
typedef struct lock_body_t {
    lock_scope_e scope;
    const xmlNode *owner; /**< the DAV:owner element, or NULL */
} lock_body_t;

/** Read DOC. */
const char *bodies_read_lock(lock_body_t *body, const xmlDoc *doc);

#endif /* PROVIDER_BODIES_H */
