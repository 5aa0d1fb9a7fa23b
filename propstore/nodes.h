/*
 * nodes.h -- the metadata tree: a node for each resource that has dead properties,
 * and for the collections above it.
 *
 * A node is found by its parent's id and its own name, so moving a collection is a
 * change of one record, whatever lies below.  A resource without metadata has no
 * node; a collection without a node has no metadata anywhere below it.
 *
 * Paths are absolute file-system paths without "." or ".." segments; empty segments
 * and a slash at the end do not count.  "/" is the root, whose node always exists.
 * All functions work within the caller's transaction.
 */
#ifndef PROPSTORE_NODES_H
#define PROPSTORE_NODES_H

#include "propstore/names.h"
#include "propstore/store.h"

/** The id of the root's node. */
#define NODE_ROOT_ID 1

/** What a node stands for. */
typedef enum node_kind_e { NODE_COLLECTION = 1, NODE_FILE = 2 } node_kind_e;

/** A file's identity and state as last seen, to find it again when it was moved from outside. */
typedef struct node_fingerprint_t {
    apr_uint64_t inode;
    apr_int64_t birth_ns; /**< nanoseconds since 1970, 0 if the file system does not tell */
    apr_uint64_t size;    /**< bytes */
    apr_int64_t mtime_ns; /**< nanoseconds since 1970 */
} node_fingerprint_t;

/** A node as stored.  Valid as long as a slice from the transaction is (store.h). */
typedef struct node_t {
    apr_uint64_t id; /**< 0: no such node */
    node_kind_e kind;
    node_fingerprint_t fingerprint; /**< all zero for a collection made only as an ancestor */
    unsigned prop_count;
    store_slice_t props; /**< packed; read them with node_props_begin() */
} node_t;

/** A property of a node. */
typedef struct node_prop_t {
    apr_uint32_t name; /**< id of its name */
    apr_size_t length; /**< of its value, in bytes */
    int spilled;       /**< the value is in a record of its own */
    const char *value; /**< the property's XML element, not terminated; NULL if spilled */
} node_prop_t;

/** Where an iteration over a node's properties is. */
typedef struct node_props_iter_t {
    const unsigned char *at, *end;
    unsigned left;
} node_props_iter_t;

/** What a caller wants done to one property. */
typedef struct prop_change_t {
    prop_name_t name;
    const char *value; /**< the element's XML as it is to be sent, or NULL to remove */
    apr_size_t length; /**< of VALUE, in bytes */
} prop_change_t;

/** Bounds for nodes_patch(); 0 means none but the store's own. */
typedef struct node_limits_t {
    apr_size_t value_max;   /**< bytes of one value */
    unsigned props_max;     /**< properties of one resource */
    apr_size_t node_max;    /**< bytes of all values of one resource */
    apr_uint32_t names_max; /**< distinct property names in the store */
} node_limits_t;

/** The bounds that hold where nobody has set others. */
extern const node_limits_t nodes_limits_default;

/**
 * Find the node of PATH.
 * @param node its id is 0 whenever the answer is not APR_SUCCESS
 * @return APR_SUCCESS; STORE_ABSENT; STORE_CORRUPT; the store's error
 */
apr_status_t nodes_find(node_t *node, store_txn_t *txn, const char *path);

/**
 * Find the nodes of several members of one collection in one round trip.
 * @param nodes COUNT places; a member without a node gets id 0
 * @param parent id of the collection's node
 * @param names COUNT member names, NUL-terminated
 * @return APR_SUCCESS; the store's error.  A record that does not decode gives that
 *         member's place in STATUSES STORE_CORRUPT and its node id 0, the others APR_SUCCESS
 */
apr_status_t nodes_find_members(node_t *nodes, apr_status_t *statuses, store_txn_t *txn,
                                apr_uint64_t parent, const char *const *names, apr_size_t count,
                                apr_pool_t *scratch_pool);

/** Begin to read NODE's properties, which come in the order of their name ids. */
void node_props_begin(node_props_iter_t *iter, const node_t *node);

/** The next property.  @return APR_SUCCESS; STORE_ABSENT at the end; STORE_CORRUPT */
apr_status_t node_props_next(node_prop_t *prop, node_props_iter_t *iter);

/**
 * Look one property up by its name's id.
 * @return APR_SUCCESS; STORE_ABSENT; STORE_CORRUPT
 */
apr_status_t node_prop_find(node_prop_t *prop, const node_t *node, apr_uint32_t name);

/**
 * The value of PROP, wherever it is stored.
 * @param value_p set to the element's XML; valid as a slice from the transaction is
 * @return APR_SUCCESS; STORE_CORRUPT; the store's error
 */
apr_status_t node_prop_value(store_slice_t *value_p, store_txn_t *txn, const node_t *node,
                             const node_prop_t *prop);

/**
 * Apply CHANGES in order to the properties of PATH, creating its node and those of
 * the collections above where needed, and dropping them where nothing is left to keep.
 * Removing an absent property changes nothing.
 * @param kind,fingerprint the resource as it is now; recorded with its node
 * @param failed_p set to the index of the change a limit refused, untouched otherwise; may be NULL
 * @return APR_SUCCESS; STORE_LIMIT, also for a segment of over 255 bytes; STORE_FULL;
 *         STORE_CORRUPT; the store's error; after any but the first only store_abort() is useful
 */
apr_status_t nodes_patch(store_txn_t *txn, const char *path, node_kind_e kind,
                         const node_fingerprint_t *fingerprint, const prop_change_t *changes,
                         apr_size_t count, const node_limits_t *limits, apr_size_t *failed_p,
                         apr_pool_t *scratch_pool);

/**
 * Forget PATH and all below it, and those above that then have nothing left to keep.
 * The root's node stays, without properties.
 * @return APR_SUCCESS, also when there was nothing; the store's error
 */
apr_status_t nodes_remove(store_txn_t *txn, const char *path, apr_pool_t *scratch_pool);

/**
 * Give the node of FROM, with all below it, the path TO; what TO had is forgotten first.
 * FROM without a node leaves TO without one.
 * @return APR_SUCCESS; STORE_MISUSE, with nothing changed, if one path is or lies in the
 *         other; the store's error
 */
apr_status_t nodes_move(store_txn_t *txn, const char *from, const char *to,
                        apr_pool_t *scratch_pool);

/**
 * As nodes_move(), for a resource that is the same at another path: its locks go with it.
 * @return also STORE_ABSENT, with nothing changed, if FROM has no node
 */
apr_status_t nodes_relocate(store_txn_t *txn, const char *from, const char *to,
                            apr_pool_t *scratch_pool);

/**
 * Give TO the properties of FROM, and if RECURSE those below it too; what TO had is
 * forgotten first.  The copies have no fingerprint until a nodes_patch() gives them one.
 * @return APR_SUCCESS; STORE_MISUSE, with nothing changed, if FROM is or lies in TO, or
 *         RECURSE and TO lies in FROM; STORE_FULL; the store's error
 */
apr_status_t nodes_copy(store_txn_t *txn, const char *from, const char *to, int recurse,
                        apr_pool_t *scratch_pool);

/**
 * Compare the properties of A and B, values of any length among them.  A resource without a node
 * has none.
 * @param same_p set to whether they are the same
 * @return APR_SUCCESS; STORE_CORRUPT; the store's error
 */
apr_status_t nodes_compare_props(int *same_p, store_txn_t *txn, const char *a, const char *b);

/**
 * Asked by nodes_retain() of each path that has a node.
 * @param path valid during the call only
 * @return non-zero to keep it, 0 to forget it and all below
 */
typedef int nodes_keep_fn(void *baton, const char *path, const node_t *node);

/**
 * Go over PATH and all below it, top down, and forget what KEEP refuses, and what then
 * has nothing left to keep.  KEEP must not use the transaction.
 * @return APR_SUCCESS; the store's error
 */
apr_status_t nodes_retain(store_txn_t *txn, const char *path, nodes_keep_fn *keep, void *baton,
                          apr_pool_t *scratch_pool);

/**
 * Go over PATH and all below it, top down, the members of a collection in the order of their
 * names.  TXN is not written to.
 * @param enter answers 0 for a node whose members are to be left out; it may read TXN
 * @return APR_SUCCESS, also if PATH has no node; STORE_CORRUPT; the store's error
 */
apr_status_t nodes_walk(store_txn_t *txn, const char *path, nodes_keep_fn *enter, void *baton,
                        apr_pool_t *scratch_pool);

/**
 * Note that the resource of PATH, if it has a node, is now another file than it was.
 * @return APR_SUCCESS; STORE_ABSENT if it has none, or nothing had to be changed
 */
apr_status_t nodes_touch(store_txn_t *txn, const char *path, const node_fingerprint_t *fingerprint,
                         apr_pool_t *scratch_pool);

#endif /* PROPSTORE_NODES_H */
