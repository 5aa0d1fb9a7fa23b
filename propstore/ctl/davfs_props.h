/*
 * davfs_props.h -- what stands in a property database of mod_dav_fs.
 *
 * A database belongs to one resource.  Under "METADATA" it has a version, and the URIs of its
 * namespaces, numbered from 0.  A property's key is the number of its namespace, or nothing, a
 * colon and the local name; its value a language, and what the element holds.  All strings end
 * with a NUL, and are XML as far as quoting goes; a prefix is "ns" and the namespace's number.
 *
 * All is read with doubt: the bytes may be anybody's.
 */
#ifndef PROPSTORE_CTL_DAVFS_PROPS_H
#define PROPSTORE_CTL_DAVFS_PROPS_H

#include "propstore/ctl/dbm_child.h"

/** The namespaces of a database. */
typedef struct davfs_namespaces_t {
    unsigned count;
    const char *const *uris; /**< quoted for an attribute in double quotes */
} davfs_namespaces_t;

/** A property as it is stored. */
typedef struct davfs_prop_t {
    int ns;            /**< the number of its namespace; -1: none */
    const char *local; /**< its local name */
    const char *lang;  /**< its xml:lang, quoted for an attribute; "" for none */
    const char *inner; /**< XML: what stands between its tags */
} davfs_prop_t;

/** How a database is to be read. */
typedef enum davfs_key_e {
    DAVFS_KEY_PROP, /**< a property's */
    DAVFS_KEY_META, /**< that of the namespaces */
    DAVFS_KEY_OLD   /**< of a form that mod_dav_fs itself has not read since its first days */
} davfs_key_e;

/** What stands under KEY. */
davfs_key_e davfs_key(store_slice_t key);

/**
 * Read the value of DAVFS_KEY_META.
 * @param namespaces filled in with copies in RESULT_POOL
 * @return APR_SUCCESS; STORE_FORMAT for another version; STORE_CORRUPT
 */
apr_status_t davfs_namespaces_read(davfs_namespaces_t *namespaces, store_slice_t value,
                                   apr_pool_t *result_pool);

/**
 * Read the namespaces of a database.
 * @param namespaces filled in as by davfs_namespaces_read(); none, if PAIRS has none
 * @param pairs dbm_pair_t, all of the database
 * @return as davfs_namespaces_read(); STORE_FORMAT also if there is a DAVFS_KEY_OLD
 */
apr_status_t davfs_namespaces_find(davfs_namespaces_t *namespaces, const apr_array_header_t *pairs,
                                   apr_pool_t *result_pool);

/**
 * Read a pair of DAVFS_KEY_PROP.
 * @param prop filled in with copies in RESULT_POOL
 * @return APR_SUCCESS; STORE_CORRUPT
 */
apr_status_t davfs_prop_read(davfs_prop_t *prop, const dbm_pair_t *pair, apr_pool_t *result_pool);

/**
 * Take a string that ends with a NUL off the front of BYTES.
 * @return it, in RESULT_POOL; NULL if there is no NUL
 */
const char *davfs_take_string(store_slice_t *bytes, apr_pool_t *result_pool);

#endif /* PROPSTORE_CTL_DAVFS_PROPS_H */
