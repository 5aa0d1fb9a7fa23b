/*
 * repair_int.h -- what the parts of repair.h share.  Private to repair*.c.
 */
#ifndef PROPSTORE_CTL_REPAIR_INT_H
#define PROPSTORE_CTL_REPAIR_INT_H

#include "propstore/ctl/check_int.h"
#include "propstore/ctl/repair.h"

/** A repair under way. */
typedef struct repair_t {
    store_txn_t *txn;
    apr_array_header_t *steps;
    const apr_array_header_t *findings; /**< of the last check, this round's and later ones */
    apr_hash_t *paths;                  /**< orphan's id -> where its file is */
    apr_pool_t *iterpool;               /**< cleared before each finding */
} repair_t;

/**
 * The repair of one finding.
 * @param value what is stored under the finding's key, a copy; {NULL, 0} if the finding is
 *        that it is missing
 * @return APR_SUCCESS or the store's error
 */
typedef apr_status_t repair_fn(repair_t *repair, const check_finding_t *finding,
                               store_slice_t value);

/* By kind; repair_nodes.c, repair_locks.c. */
repair_fn repair_place, repair_stray_place, repair_rescue, repair_orphan, repair_properties,
    repair_needless, repair_lock, repair_lock_index, repair_intent;

/** Note a step. */
void repair_did(repair_t *repair, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Note a step by which something is lost. */
void repair_lost(repair_t *repair, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Remove KEY's record; that it is not there is no error. */
apr_status_t repair_del(repair_t *repair, store_slice_t key);

/** Put the record VALUE, of a node whose key was altered, back to its place, if that is free. */
apr_status_t repair_return_node(int *done_p, repair_t *repair, store_slice_t key,
                                store_slice_t value);

/** The same for a lock. */
apr_status_t repair_return_lock(int *done_p, repair_t *repair, store_slice_t key,
                                store_slice_t value);

/** The same for an intent. */
apr_status_t repair_return_intent(int *done_p, repair_t *repair, store_slice_t key,
                                  store_slice_t value);

/**
 * Find a record that belongs nowhere, and whose key is KEY but for one byte.
 * @param record_p,key_p set to it, a copy, and to its key
 * @param body_length what it must have behind its seal
 * @return APR_SUCCESS; STORE_ABSENT
 */
apr_status_t repair_find_close(store_slice_t *record_p, store_slice_t *key_p, repair_t *repair,
                               store_slice_t key, apr_size_t body_length);

/** Make a node for ID at a place, out of what there still is of it. */
apr_status_t repair_make_node(repair_t *repair, apr_uint64_t id, apr_uint64_t parent,
                              store_slice_t name);

/** The names of NODE's properties: "{ns}a, {ns}b"; "none" if it has none. */
const char *repair_list_names(store_txn_t *txn, const node_t *node, apr_pool_t *result_pool);

#endif /* PROPSTORE_CTL_REPAIR_INT_H */
