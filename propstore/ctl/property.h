/*
 * property.h -- properties as an administrator names and writes them.
 */
#ifndef PROPSTORE_CTL_PROPERTY_H
#define PROPSTORE_CTL_PROPERTY_H

#include "propstore/ctl/ctl.h"
#include "propstore/nodes.h"

/**
 * Read a name, "{namespace}local"; "{}local" is in no namespace.
 * @param name in the program's pool
 * @return CTL_FINE; CTL_FAILED, reported
 */
int property_name(prop_name_t *name, const ctl_t *ctl, const char *word);

/** NAME as property_name() reads it, for a plain line; in RESULT_POOL. */
const char *property_name_text(const prop_name_t *name, apr_pool_t *result_pool);

/** Whether NAME is a live property: the server works it out, so it is never stored for it. */
int property_is_live(const prop_name_t *name);

/**
 * The element to be stored for a property, which stands by itself, as one that a PROPPATCH
 * stores: well-formed, with the declarations of its prefixes.
 * @param value UTF-8 text; or, if IS_XML, the element itself, whose name must be NAME: it is
 *        stored as it is written
 * @param change NAME and the element, in RESULT_POOL
 * @return NULL; what is wrong, in words, in RESULT_POOL
 */
const char *property_element(prop_change_t *change, const prop_name_t *name, const char *value,
                             int is_xml, apr_pool_t *result_pool);

/**
 * A property of the file PATH as JSON.
 * @param element its value; NULL for none
 * @return a new reference
 */
json_t *property_json(const char *path, const prop_name_t *name, const store_slice_t *element);

/** The text of a stored element; NULL if it holds more than text.  In RESULT_POOL. */
const char *property_text(store_slice_t element, apr_pool_t *result_pool);

#endif /* PROPSTORE_CTL_PROPERTY_H */
