/*
 * check_int.h -- what the parts of check.h share.  Private to check*.c and repair*.c.
 */
#ifndef PROPSTORE_CTL_CHECK_INT_H
#define PROPSTORE_CTL_CHECK_INT_H

#include <apr_hash.h>

#include "propstore/ctl/check.h"
#include "propstore/key.h"
#include "propstore/locks.h"
#include "propstore/nodes_int.h"
#include "propstore/record.h"

/** A check under way. */
typedef struct check_t {
    store_txn_t *txn;
    apr_array_header_t *findings;
    check_going_fn *going;
    void *baton;
    apr_uint64_t done;      /**< records looked at */
    apr_pool_t *pool;       /**< lifetime of the check */
    apr_pool_t *iterpool;   /**< cleared before each record */
    apr_hash_t *unplaced;   /**< ids of nodes with a finding CHECK_PLACE */
    apr_hash_t *broken;     /**< finding's index (int) -> id at which its way to the root breaks */
    apr_hash_t *names;      /**< name ids known to be in R */
    apr_uint64_t next_node; /**< above all node ids seen */
    apr_uint64_t next_name; /**< above all name ids seen */
    apr_uint64_t way_id;    /**< the id last asked for by check_way() */
    apr_uint64_t way_end;   /**< and what it answered */
} check_t;

/** The check of one record of a table.  @return APR_SUCCESS, or why the check cannot go on */
typedef apr_status_t check_record_fn(check_t *check, store_slice_t key, store_slice_t value);

/** Note a finding about KEY's record. */
void check_found(check_t *check, check_kind_e kind, store_slice_t key, const char *path,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/** Note that a node has, or had, ID. */
void check_note_node_id(check_t *check, apr_uint64_t id);

/** Note that KEY's value cannot be read. */
void check_found_damaged(check_t *check, store_slice_t key, const char *what);

/* By table; check_nodes.c, check_names.c, check_locks.c. */
check_record_fn check_meta, check_node, check_place, check_value, check_name_id, check_name,
    check_lock, check_node_lock, check_lock_below, check_lock_expiry, check_user_lock, check_intent;

/** What is missing from the whole: records of M, the root, ids that were given. */
apr_status_t check_whole(check_t *check);

/**
 * Get a record and read it, where a missing or damaged one is an answer like any other.
 * @return APR_SUCCESS; STORE_ABSENT; STORE_CORRUPT if it does not decode; the store's error
 */
apr_status_t check_get_node(node_t *node, store_txn_t *txn, apr_uint64_t parent,
                            store_slice_t name);
apr_status_t check_get_place(record_place_t *place, store_txn_t *txn, apr_uint64_t id);
apr_status_t check_get_name(prop_name_t *name, store_txn_t *txn, apr_uint32_t id);
apr_status_t check_get_lock(lock_t *lock, store_txn_t *txn, const unsigned char *token,
                            apr_pool_t *result_pool);

/** Whether KEY is in the store: APR_SUCCESS or STORE_ABSENT. */
apr_status_t check_exists(store_txn_t *txn, store_slice_t key);

/** The node with ID, by way of its place.  @return as check_get_node() */
apr_status_t check_find_node(node_t *node, store_txn_t *txn, apr_uint64_t id);

/**
 * Go from node ID towards the root.
 * @param end_p set to 0 if that is reached; otherwise to the id at which the way breaks
 */
apr_status_t check_way(apr_uint64_t *end_p, check_t *check, apr_uint64_t id);

/** The path of node ID, or words that stand for it where no way leads there. */
const char *check_path_of(store_txn_t *txn, apr_uint64_t id, apr_pool_t *result_pool);

/** That of the member NAME of PARENT. */
const char *check_member_path(store_txn_t *txn, apr_uint64_t parent, store_slice_t name,
                              apr_pool_t *result_pool);

/** The parent and name in a node's KEY.  @return 0 if it is no node's key */
int check_split_node_key(apr_uint64_t *parent_p, store_slice_t *name_p, store_slice_t key);

/** The property name in a key of table F, in RESULT_POOL.  @return 0 if it is none */
int check_split_name_key(prop_name_t *name, store_slice_t key, apr_pool_t *result_pool);

/** A lock for reports: its token, and who has it. */
const char *check_lock_text(const lock_t *lock, apr_pool_t *result_pool);

/** Whether two names are the same bytes. */
int check_is_same(store_slice_t a, store_slice_t b);

#endif /* PROPSTORE_CTL_CHECK_INT_H */
