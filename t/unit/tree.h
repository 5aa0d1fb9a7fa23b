/*
 * tree.h -- the metadata tree in few words, for tests.
 */
#ifndef T_UNIT_TREE_H
#define T_UNIT_TREE_H

#include <apr_pools.h>

#include "propstore/nodes.h"
#include "propstore/store.h"

/** Prepare STORE and begin a write transaction. */
store_txn_t *tree_begin(store_t *store, apr_pool_t *pool);

/** The fingerprint tree_set() records. */
extern const node_fingerprint_t tree_print;

/** Set property LOCAL of the file PATH to LENGTH bytes FILL, or remove it if FILL is 0. */
apr_status_t tree_set(store_txn_t *txn, const char *path, const char *local, char fill,
                      apr_size_t length, apr_pool_t *pool);

/**
 * The value of property LOCAL of PATH: its first byte, or '-', and its length; "none"; or
 * the words of an error.
 */
const char *tree_get(store_txn_t *txn, const char *path, const char *local, apr_pool_t *pool);

/** How many keys of TABLE (key.h) there are; of all if it is 0. */
int tree_count(store_txn_t *txn, char table, apr_pool_t *pool);

/** Check that there are NODES, the root's included, as many places, and SPILLED values. */
void tree_counts(store_txn_t *txn, int nodes, int spilled, apr_pool_t *pool);

/** The id of PATH's node, or 0. */
apr_uint64_t tree_id(store_txn_t *txn, const char *path);

#endif /* T_UNIT_TREE_H */
