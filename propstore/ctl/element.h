/*
 * element.h -- XML elements that come from outside, as texts that stand by themselves.
 */
#ifndef PROPSTORE_CTL_ELEMENT_H
#define PROPSTORE_CTL_ELEMENT_H

#include <libxml/tree.h>

#include "propstore/ctl/ctl.h"

/**
 * Parse UTF-8 text that should be one element and nothing else, with all prefixes declared.
 * Document types are refused.  libxml2's own bounds hold: 256 levels, 10 million bytes of one text.
 * @param doc_p set to the document, for xmlFreeDoc(); NULL on failure
 * @return NULL; what is wrong, in words, in RESULT_POOL
 */
const char *element_parse(xmlDoc **doc_p, const char *xml, apr_size_t length,
                          apr_pool_t *result_pool);

/** The namespace URI of DOC's element, "" for none. */
const char *element_ns(const xmlDoc *doc);

/** Whether DOC's element is called LOCAL in the namespace NS. */
int element_is(const xmlDoc *doc, const char *ns, const char *local);

#endif /* PROPSTORE_CTL_ELEMENT_H */
