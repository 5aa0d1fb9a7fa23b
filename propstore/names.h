/*
 * names.h -- property names, interned: (namespace, local name) <-> a small id.
 *
 * An id is never given to another name, so what was learnt of a committed id stays
 * true for as long as the store lives.
 */
#ifndef PROPSTORE_NAMES_H
#define PROPSTORE_NAMES_H

#include "propstore/store.h"

/** Longest namespace and local name together, in bytes; it keeps them within a key. */
#define NAMES_LENGTH_MAX 440

/** A property's name.  Both strings are UTF-8 without U+0000. */
typedef struct prop_name_t {
    const char *ns;    /**< namespace URI; "" for no namespace */
    const char *local; /**< local name */
} prop_name_t;

/**
 * Find NAME's id.
 * @return APR_SUCCESS; STORE_ABSENT if no resource ever had such a property;
 *         STORE_LIMIT if the name is longer than NAMES_LENGTH_MAX; STORE_CORRUPT
 */
apr_status_t names_find(apr_uint32_t *id_p, store_txn_t *txn, const prop_name_t *name);

/**
 * Find NAME's id, giving it one if it has none.
 * @param max_names how many names the store may hold; 0: any number
 * @return APR_SUCCESS; STORE_LIMIT if it is too long or one too many, after which
 *         only store_abort() is useful; the store's error
 */
apr_status_t names_intern(apr_uint32_t *id_p, store_txn_t *txn, const prop_name_t *name,
                          apr_uint32_t max_names);

/**
 * The name behind ID.
 * @param name filled in with copies allocated in RESULT_POOL
 * @return APR_SUCCESS; STORE_CORRUPT if no name has this id
 */
apr_status_t names_get(prop_name_t *name, store_txn_t *txn, apr_uint32_t id,
                       apr_pool_t *result_pool);

#endif /* PROPSTORE_NAMES_H */
