/*
 * xmlbody.h -- reading an XML request body within bounds.
 *
 * libxml2 parses as the body arrives; entities, DTDs and the network are off, and
 * depth and count of elements are bounded, so no body costs more than its size
 * (LimitXMLRequestBody) allows.
 */
#ifndef PROVIDER_XMLBODY_H
#define PROVIDER_XMLBODY_H

#include <libxml/tree.h>
#include <mod_dav.h>

#include "provider/settings.h"

/** The namespace of WebDAV's own elements (RFC 4918 section 14). */
#define XMLBODY_DAV_NS "DAV:"

/**
 * Read R's body.
 * @param doc_p set to the document, freed with r->pool; or to NULL if there is no body
 * @param limits bounds on depth and counts
 * @return NULL; 400 for what is not well-formed or cut off; 403 with
 *         DAV:no-external-entities for a document type declaration (RFC 4918 section 16);
 *         413 if the body is larger than LimitXMLRequestBody, or past LIMITS; 415 if its media type
 * is not XML (section 8.2), or if it is in another encoding than UTF-8 and UTF-16
 */
dav_error *xmlbody_read(xmlDoc **doc_p, request_rec *r, const depot_xml_limits_t *limits);

/**
 * Whether R's body may name COUNT properties.
 * @return NULL; 413
 */
dav_error *xmlbody_check_props(const request_rec *r, int count, const depot_xml_limits_t *limits);

/** Whether NODE is the element LOCAL of namespace NS. */
int xmlbody_is(const xmlNode *node, const char *ns, const char *local);

/** The first child element of PARENT called LOCAL in DAV:, or NULL. */
xmlNode *xmlbody_dav_child(const xmlNode *parent, const char *local);

/** The first child element of PARENT, or NULL. */
xmlNode *xmlbody_first_element(const xmlNode *parent);

/** The next element beside NODE, or NULL. */
xmlNode *xmlbody_next_element(const xmlNode *node);

/** NODE's namespace URI, "" for none. */
const char *xmlbody_ns(const xmlNode *node);

/**
 * NODE as XML that stands by itself: with the declarations of all prefixes it uses, in names
 * and in values, and the xml:lang in scope (RFC 4918 section 4.3).  Prefixes, attributes,
 * white space, comments and mixed content stay as they were sent.
 * @param length_p set to its length in bytes
 * @return it, in RESULT_POOL; NULL if memory ran out
 */
const char *xmlbody_text(const xmlNode *node, apr_size_t *length_p, apr_pool_t *result_pool);

#endif /* PROVIDER_XMLBODY_H */
