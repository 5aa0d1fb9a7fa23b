/*
 * meta.h -- what a store says of itself: format version, UUID, counters.
 */
#ifndef PROPSTORE_META_H
#define PROPSTORE_META_H

#include <apr_time.h>

#include "propstore/store.h"

/** The format this version writes; FORMAT beside this file describes it. */
#define META_FORMAT_VERSION 1
/** The records of table M. */
#define META_FORMAT "format"
#define META_UUID "uuid"
#define META_NEXT_NODE "next-node"
#define META_NEXT_NAME "next-name"
/** A UUID's length as text, with the NUL. */
#define META_UUID_SIZE 37

/** What meta_read() tells. */
typedef struct meta_t {
    unsigned format;           /**< format version the store was written in */
    char uuid[META_UUID_SIZE]; /**< made when the store was created, as text */
    apr_uint64_t next_node;    /**< the next node id that will be given */
    apr_uint32_t next_name;    /**< the next name id that will be given */
} meta_t;

/**
 * Make STORE ready for use: write format, UUID and the root's node into an empty
 * store, or check that an existing one is of a format we know.
 * @return APR_SUCCESS; STORE_FORMAT (logged) for a newer format; STORE_CORRUPT for
 *         a store that holds something else; or the store's error
 */
apr_status_t meta_prepare(store_t *store, apr_pool_t *scratch_pool);

/**
 * See that STORE, which somebody has prepared, is still there: not an empty one in its place, nor
 * one of a format we do not know.
 * @return APR_SUCCESS; STORE_ABSENT (logged) if it is empty; as meta_prepare()
 */
apr_status_t meta_check(store_t *store, apr_pool_t *scratch_pool);

/**
 * Verify STORE's structure (store_verify()), before anything is read.  How far it came, if not to
 * the end, is logged.
 * @param until when there is no time for more
 * @return APR_SUCCESS; STORE_CORRUPT, logged; the store's error
 */
apr_status_t meta_verify(store_t *store, apr_time_t until, apr_pool_t *scratch_pool);

/**
 * Read STORE from its first record to its last, and try a write that is not committed, so that
 * damage is met now, whatever it does to whoever meets it.  Keys should be those that were stored;
 * what the records say is not looked at.
 * @param until as for meta_verify()
 * @return as meta_verify()
 */
apr_status_t meta_read_through(store_t *store, apr_time_t until, apr_pool_t *scratch_pool);

/** Read what TXN's store says of itself.  @return APR_SUCCESS; STORE_CORRUPT; the store's error */
apr_status_t meta_read(meta_t *meta, store_txn_t *txn);

/** Take the next node id; it is used up when TXN commits.  @return APR_SUCCESS or an error */
apr_status_t meta_take_node_id(apr_uint64_t *id_p, store_txn_t *txn);

/** Take the next name id; it is used up when TXN commits.  @return APR_SUCCESS or an error */
apr_status_t meta_take_name_id(apr_uint32_t *id_p, store_txn_t *txn);

#endif /* PROPSTORE_META_H */
