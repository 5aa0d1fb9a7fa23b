/*
 * nodes_int.h -- what the parts of nodes.h share with locks.c and depotctl's check.
 */
#ifndef PROPSTORE_NODES_INT_H
#define PROPSTORE_NODES_INT_H

#include "propstore/key.h"
#include "propstore/nodes.h"

/** Longer values have a record of their own, so that a listing need not page over them. */
#define NODES_SPILL_SIZE 2048

/** Collections above each other: no path has more, so more is a circle. */
#define NODES_DEPTH_MAX 4096

/** A step on the way from the root to a node. */
typedef struct node_step_t {
    apr_uint64_t id, parent;
    const char *name; /**< inside the path */
    apr_size_t length;
} node_step_t;

/**
 * The next segment of a path.
 * @param at_p where to look; moved behind it
 * @return non-zero with *NAME_P and *LENGTH_P set; 0 at the end
 */
int nodes_next_segment(const char **at_p, const char **name_p, apr_size_t *length_p);

/**
 * Whether LENGTH bytes at NAME can be a member's name.  Keys bear no checksum, and with a
 * name that no key_node() makes, a walk would overrun its buffers or never come past it.
 */
int nodes_is_member_name(const unsigned char *name, apr_size_t length);

/** Whether PATH is TOP or lies in it. */
int nodes_is_within(const char *path, const char *top);

/** Read the RECORD of PARENT's member.  @return APR_SUCCESS; STORE_CORRUPT, logged */
apr_status_t nodes_read(node_t *node, store_txn_t *txn, store_slice_t record, apr_uint64_t parent,
                        const char *name, apr_size_t length);

/** Read the node of PARENT's member.  @return APR_SUCCESS; STORE_ABSENT; STORE_LIMIT; ... */
apr_status_t nodes_get(node_t *node, store_txn_t *txn, apr_uint64_t parent, const char *name,
                       apr_size_t length);

/**
 * Follow PATH as far as there are nodes.
 * @param steps_p set to an array of node_step_t below the root, in RESULT_POOL
 * @param whole_p set to whether the last step is PATH's own
 */
apr_status_t nodes_follow(apr_array_header_t **steps_p, int *whole_p, store_txn_t *txn,
                          const char *path, apr_pool_t *result_pool);

/**
 * The steps from the root to node ID, the first below the root first.
 * @param steps_p set to an array of node_step_t, in RESULT_POOL
 * @return APR_SUCCESS; STORE_CORRUPT if there is no such way; the store's error
 */
apr_status_t nodes_steps_to(apr_array_header_t **steps_p, store_txn_t *txn, apr_uint64_t id,
                            apr_pool_t *result_pool);

/** The path that STEPS go. */
const char *nodes_path_of(const apr_array_header_t *steps, apr_pool_t *result_pool);

/**
 * Make the nodes of the collections above PATH that are missing.
 * @param last filled in for PATH itself: its parent and name; its id 0 if it has no node
 */
apr_status_t nodes_make_above(node_step_t *last, store_txn_t *txn, const char *path,
                              apr_pool_t *scratch_pool);

/** Write a node's record under PARENT, and where it hangs. */
apr_status_t nodes_put(store_txn_t *txn, apr_uint64_t id, const node_step_t *place,
                       store_slice_t record, apr_pool_t *scratch_pool);

/** Whether node ID has members: APR_SUCCESS or STORE_ABSENT. */
apr_status_t nodes_has_members(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool);

/** Whether node ID has a lock, expired or not: APR_SUCCESS or STORE_ABSENT.  (locks.c) */
apr_status_t nodes_is_locked(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool);

/** Remove the locks of node ID; the node stays.  (locks.c) */
apr_status_t nodes_forget_locks(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool);

/**
 * Take the locks on node ID and below it out of the store; the nodes stay.  (locks.c)
 * @param locks lock_t is pushed to it, in its pool, to be put back with locks_pairs()
 */
apr_status_t nodes_lift_locks(apr_array_header_t *locks, store_txn_t *txn, apr_uint64_t id,
                              apr_pool_t *scratch_pool);

/** Whether node ID is needed for what hangs on it: APR_SUCCESS or STORE_ABSENT. */
apr_status_t nodes_is_needed(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool);

/** Remove the node PLACE, its values, locks and place; it must have no members. */
apr_status_t nodes_drop(store_txn_t *txn, const node_step_t *place, apr_pool_t *scratch_pool);

/** Remove the nodes of STEPS, from the last up, that have neither properties, locks nor members. */
apr_status_t nodes_prune(store_txn_t *txn, const apr_array_header_t *steps,
                         apr_pool_t *scratch_pool);

/** A copy of SLICE in RESULT_POOL. */
store_slice_t nodes_keep_slice(store_slice_t slice, apr_pool_t *result_pool);

#endif /* PROPSTORE_NODES_INT_H */
