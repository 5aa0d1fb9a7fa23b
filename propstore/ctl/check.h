/*
 * check.h -- whether a store keeps the invariants of FORMAT, section 5.
 *
 * A key bears no checksum: that one was altered is found by the records that should agree
 * with it.  So every record is compared with every other that speaks of the same thing.
 */
#ifndef PROPSTORE_CTL_CHECK_H
#define PROPSTORE_CTL_CHECK_H

#include <apr_tables.h>

#include "propstore/store.h"

/** What is wrong.  They are repaired in this order, since each may be the cause of later ones. */
typedef enum check_kind_e {
    CHECK_META,        /**< what the store says of itself is missing, or damaged */
    CHECK_UNKNOWN,     /**< a key of no table, or of another form than its table's */
    CHECK_DAMAGED,     /**< a value that cannot be read */
    CHECK_PLACE,       /**< a node whose place in the index is missing, or another */
    CHECK_STRAY_PLACE, /**< a place without its node */
    CHECK_ORPHAN,      /**< a node from which no way leads to the root */
    CHECK_NAME,        /**< a property name that is not its id's, or the reverse */
    CHECK_PROPERTIES,  /**< properties without name or value, or not as they should be packed */
    CHECK_STRAY_VALUE, /**< a value in a record of its own that no property has */
    CHECK_LOCK,        /**< a lock on no node */
    CHECK_LOCK_INDEX,  /**< a lock that is missing from an index */
    CHECK_STRAY_INDEX, /**< an index entry without its lock */
    CHECK_INTENT,      /**< an intent under another's id, or with a path that is none */
    CHECK_NEEDLESS,    /**< a node with nothing to keep */
    CHECK_COUNTER,     /**< ids would be given again */
    CHECK_ALTERED, /**< a record that was stored under another key, though nothing else says so */
    CHECK_GONE,    /**< a resource whose file is gone (check_files.h) */
    CHECK_RENAMED, /**< one whose file is at another path */
    CHECK_REPLACED /**< one whose file is another */
} check_kind_e;

/** A finding. */
typedef struct check_finding_t {
    check_kind_e kind;
    store_slice_t key;   /**< of the record that it is about */
    const char *path;    /**< the resource's path, as far as it is known; or NULL */
    const char *to;      /**< CHECK_RENAMED: where its file is now; or NULL */
    apr_uint64_t number; /**< CHECK_COUNTER: what it should be at least */
    const char *text;    /**< in words, one line */
} check_finding_t;

/** A kind's name for programs: "stray-place". */
const char *check_kind_name(check_kind_e kind);

/**
 * Asked before each record.
 * @param done how many were looked at
 * @return non-zero to go on; 0 to give up, which answers APR_EINTR
 */
typedef int check_going_fn(void *baton, apr_uint64_t done);

/**
 * Compare all records of TXN with each other.  TXN is not written to.
 * @param findings check_finding_t is pushed to it, in its pool
 * @return APR_SUCCESS, also if something was found; APR_EINTR; STORE_CORRUPT if the store
 *         cannot be read to its end; the store's error
 */
apr_status_t check_store(apr_array_header_t *findings, store_txn_t *txn, check_going_fn *going,
                         void *baton, apr_pool_t *scratch_pool);

#endif /* PROPSTORE_CTL_CHECK_H */
