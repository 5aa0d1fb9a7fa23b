/*
 * pairs.h -- which keys and values each thing in a store consists of.
 *
 * The functions below are the one place where that is said (FORMAT, section 3): what writes a
 * thing, takes it away, or compares it with what is stored goes through them.
 */
#ifndef PROPSTORE_PAIRS_H
#define PROPSTORE_PAIRS_H

#include "propstore/intents.h"
#include "propstore/locks.h"
#include "propstore/meta.h"
#include "propstore/names.h"
#include "propstore/nodes_int.h"
#include "propstore/record.h"

/**
 * Takes a pair.
 * @param key,value valid during the call only
 * @return APR_SUCCESS for the next one
 */
typedef apr_status_t pairs_fn(void *baton, store_slice_t key, store_slice_t value);

/** pairs_fn; BATON is a write transaction, which gets the pair. */
apr_status_t pairs_put(void *baton, store_slice_t key, store_slice_t value);

/** The pairs of what the store says of itself.  @return what PAIR answered last */
apr_status_t meta_pairs(const meta_t *meta, pairs_fn *pair, void *baton, apr_pool_t *scratch_pool);

/** The pairs of a property name.  @return what PAIR answered last; STORE_LIMIT if it is too long */
apr_status_t names_pairs(apr_uint32_t id, const prop_name_t *name, pairs_fn *pair, void *baton);

/**
 * The pairs of a node.
 * @param node its id, kind and fingerprint
 * @param place its parent and name
 * @param props its properties in the order of their names, all with their values; those that are
 *        too long for the node's record are changed to be spilled
 * @return what PAIR answered last
 */
apr_status_t nodes_pairs(const node_t *node, const node_step_t *place, record_prop_t *props,
                         unsigned count, pairs_fn *pair, void *baton, apr_pool_t *scratch_pool);

/**
 * The pairs of a lock.
 * @param txn where the lock's node is, and those above it
 * @return what PAIR answered last; STORE_CORRUPT if there is no such node; the store's error
 */
apr_status_t locks_pairs(store_txn_t *txn, const lock_t *lock, pairs_fn *pair, void *baton,
                         apr_pool_t *scratch_pool);

/** The pairs of an intent.  @return what PAIR answered last */
apr_status_t intents_pairs(const intent_t *intent, pairs_fn *pair, void *baton,
                           apr_pool_t *scratch_pool);

#endif /* PROPSTORE_PAIRS_H */
