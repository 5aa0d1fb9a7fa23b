/*
 * davfs_xml.h -- from the pieces of XML that mod_dav_fs keeps to whole elements as the store has
 * them: with the declarations of all prefixes they use, and well-formed.
 */
#ifndef PROPSTORE_CTL_DAVFS_XML_H
#define PROPSTORE_CTL_DAVFS_XML_H

#include "propstore/ctl/davfs_props.h"
#include "propstore/nodes.h"

/**
 * Make PROP's element, the same that mod_dav_fs would send but for an empty value, of which that
 * forgets the xml:lang.
 * @param change filled in, in RESULT_POOL: the property's name and its element
 * @return APR_SUCCESS; STORE_CORRUPT if it would be no element of that name, or is not well-formed;
 *         STORE_LIMIT if the name is longer than NAMES_LENGTH_MAX
 */
apr_status_t davfs_xml_prop(prop_change_t *change, const davfs_prop_t *prop,
                            const davfs_namespaces_t *namespaces, apr_pool_t *result_pool);

/** Whether TEXT is a DAV:owner element that stands by itself. */
int davfs_xml_is_owner(const char *text, apr_pool_t *scratch_pool);

#endif /* PROPSTORE_CTL_DAVFS_XML_H */
