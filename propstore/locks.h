/*
 * locks.h -- write locks (RFC 4918 sections 6 and 7) in the store.
 *
 * A lock hangs on the node of the resource it was taken out on, whatever its depth: one of
 * depth infinity is one record, and covers what is below by being found on the way there.
 * Each ancestor of a locked node is indexed too, so "is anything below locked" is one short
 * scan.  A node with a lock is kept even without properties; a lock goes with its node.
 *
 * Time is given by the caller, in seconds since 1970.  What has expired is in no answer, and
 * leaves the store with locks_reap().
 */
#ifndef PROPSTORE_LOCKS_H
#define PROPSTORE_LOCKS_H

#include <apr_tables.h>

#include "propstore/nodes.h"
#include "propstore/store.h"

/** Bytes of a token: a UUID. */
#define LOCK_TOKEN_SIZE 16
/** The expiry of a lock that never expires. */
#define LOCK_NEVER APR_INT64_MAX

/**
 * Most locks below that an answer names as in the way; RFC 4918 section 9.10.3 asks for one, and
 * locks_add() looks for them with the writer's lock.
 */
#define LOCKS_CONFLICTS_MAX 100

/** A lock's identity. */
typedef struct lock_token_t {
    unsigned char bytes[LOCK_TOKEN_SIZE];
} lock_token_t;

/** Room for locks_token_text(). */
#define LOCK_TOKEN_TEXT_SIZE 46

/** Write TOKEN as a URI, "urn:uuid:...".  @return BUF */
char *locks_token_text(char buf[LOCK_TOKEN_TEXT_SIZE], const lock_token_t *token);

/** Read a token's URI, "urn:uuid:..." or "opaquelocktoken:...".  @return non-zero if it is one */
int locks_token_parse(lock_token_t *token, const char *uri);

/** Whether others may hold a lock of the same kind beside it. */
typedef enum lock_scope_e { LOCK_EXCLUSIVE = 1, LOCK_SHARED = 2 } lock_scope_e;

/** A lock. */
typedef struct lock_t {
    lock_token_t token;
    lock_scope_e scope;
    int infinite;          /**< Depth: infinity */
    apr_int64_t expires;   /**< or LOCK_NEVER */
    const char *principal; /**< who took it out; "" for nobody known */
    const char *owner;     /**< the DAV:owner element's XML, "" for none */
    apr_uint64_t node;     /**< filled in by the store: what it hangs on */
    const char *path;      /**< likewise: that node's path */
} lock_t;

/** Bounds for locks_add(). */
typedef struct lock_limits_t {
    unsigned per_resource; /**< shared locks of one resource; 0: any number */
    unsigned per_user;     /**< locks of one principal in the store; 0: any number */
    unsigned owner_max;    /**< bytes of the owner element; 0: any number */
} lock_limits_t;

/**
 * Take LOCK out on PATH, unless one that is there forbids it.
 * @param kind,fingerprint of the resource, for its node
 * @param now the time
 * @param conflicts_p set to an array of lock_t, those in the way, in RESULT_POOL; of those below,
 *        some, if there are more than LOCKS_CONFLICTS_MAX
 * @return APR_SUCCESS; STORE_LOCKED with CONFLICTS_P; STORE_LIMIT; the store's error
 */
apr_status_t locks_add(store_txn_t *txn, const char *path, node_kind_e kind,
                       const node_fingerprint_t *fingerprint, const lock_t *lock,
                       const lock_limits_t *limits, apr_int64_t now,
                       apr_array_header_t **conflicts_p, apr_pool_t *result_pool);

/**
 * Read a lock's RECORD; token and path are not in it, and left as they are.
 * @return APR_SUCCESS; STORE_CORRUPT
 */
apr_status_t locks_read(lock_t *lock, store_slice_t record, apr_pool_t *result_pool);

/**
 * The lock with TOKEN.
 * @return APR_SUCCESS; STORE_ABSENT if there is none, or it has expired
 */
apr_status_t locks_get(lock_t *lock, store_txn_t *txn, const lock_token_t *token, apr_int64_t now,
                       apr_pool_t *result_pool);

/** Let the lock with TOKEN expire at EXPIRES.  @return APR_SUCCESS; STORE_ABSENT */
apr_status_t locks_refresh(store_txn_t *txn, const lock_token_t *token, apr_int64_t expires,
                           apr_int64_t now, apr_pool_t *scratch_pool);

/** Remove the lock with TOKEN.  @return APR_SUCCESS; STORE_ABSENT */
apr_status_t locks_remove(store_txn_t *txn, const lock_token_t *token, apr_pool_t *scratch_pool);

/**
 * The locks that cover PATH: its own, and those of depth infinity above.
 * @param locks lock_t is pushed to it, in its pool
 */
apr_status_t locks_covering(apr_array_header_t *locks, store_txn_t *txn, const char *path,
                            apr_int64_t now);

/** The locks on node ID itself.  @param locks lock_t is pushed to it, in its pool */
apr_status_t locks_on_node(apr_array_header_t *locks, store_txn_t *txn, apr_uint64_t id,
                           apr_int64_t now);

/** Whether anything below node ID is locked: APR_SUCCESS or STORE_ABSENT. */
apr_status_t locks_any_below(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool);

/** The locks on what is below PATH.  @param locks lock_t is pushed to it, in its pool */
apr_status_t locks_below(apr_array_header_t *locks, store_txn_t *txn, const char *path,
                         apr_int64_t now);

/** Remove all locks on PATH and below it.  @return APR_SUCCESS, also if there was none */
apr_status_t locks_remove_tree(store_txn_t *txn, const char *path, apr_pool_t *scratch_pool);

/** Remove up to MAX locks that have expired.  @param count_p set to how many, may be NULL */
apr_status_t locks_reap(store_txn_t *txn, apr_int64_t now, unsigned max, unsigned *count_p,
                        apr_pool_t *scratch_pool);

#endif /* PROPSTORE_LOCKS_H */
