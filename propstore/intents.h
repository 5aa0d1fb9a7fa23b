/*
 * intents.h -- the journal of what is about to be done to files and store together.
 *
 * A change of the tree and of the store is two steps, and a process may die between them.  So
 * it first commits an intent, which says what is to be done and by whom; then, in a second
 * transaction, makes the file step and the store's step and removes the intent.  Whoever finds
 * the intent of a process that is gone looks at the files, and completes or undoes.
 *
 * This header knows the records alone; provider/recovery.h knows what they mean for files.
 */
#ifndef PROPSTORE_INTENTS_H
#define PROPSTORE_INTENTS_H

#include <apr_tables.h>

#include "propstore/process.h"
#include "propstore/store.h"

/** What is to be done. */
typedef enum intent_kind_e {
    INTENT_MOVE = 1,   /**< rename FROM to TO, whose old content is kept at OLD until the end */
    INTENT_REMOVE = 2, /**< remove FROM; if TO is given, by renaming it to that first */
    INTENT_CREATE = 3, /**< make the empty file FROM, to be locked */
    INTENT_MODE = 4,   /**< change the permissions of FROM, which were MODE */
    INTENT_CLEAR = 5   /**< remove FROM, which has a private name and is missed by nobody; what
                            cannot be removed of it goes to TO, if given */
} intent_kind_e;

/** An intent. */
typedef struct intent_t {
    apr_uint64_t id; /**< filled in by the store; 0 before */
    intent_kind_e kind;
    process_t owner;
    int temporary;               /**< INTENT_MOVE: FROM is a copy, to be removed if not moved */
    apr_uint64_t inode;          /**< of FROM, or of what is to become FROM, to know it again */
    apr_int64_t birth_ns;        /**< likewise */
    apr_uint64_t from_node;      /**< FROM's node, TO's node: 0 for none.  Ids are never given */
    apr_uint64_t to_node;        /**< again, so what is done to them is not done to a successor's */
    apr_uint64_t from_parent;    /**< inodes of the directories that FROM and TO are in, to */
    apr_uint64_t to_parent;      /**< know a drive that is not mounted; 0 for none */
    apr_uint32_t mode;           /**< INTENT_MODE: permissions before */
    const char *from, *to, *old; /**< absolute paths; "" for none */
} intent_t;

/**
 * Write INTENT down, with this process as its owner, in the place of the one with its id if that
 * is not 0.
 * @param intent gets its owner and id
 */
apr_status_t intents_add(store_txn_t *txn, intent_t *intent, apr_pool_t *scratch_pool);

/** The same with the owner it has. */
apr_status_t intents_put(store_txn_t *txn, const intent_t *intent, apr_pool_t *scratch_pool);

/** Remove the intent with ID.  @return APR_SUCCESS; STORE_ABSENT */
apr_status_t intents_remove(store_txn_t *txn, apr_uint64_t id);

/** Read the intent with ID.  @return APR_SUCCESS; STORE_ABSENT; STORE_CORRUPT */
apr_status_t intents_get(intent_t *intent, store_txn_t *txn, apr_uint64_t id,
                         apr_pool_t *result_pool);

/** Read an intent's RECORD, its id included.  @return APR_SUCCESS; STORE_CORRUPT */
apr_status_t intents_read(intent_t *intent, store_slice_t record, apr_pool_t *result_pool);

/** All intents.  @param intents intent_t is pushed to it, in its pool */
apr_status_t intents_list(apr_array_header_t *intents, store_txn_t *txn);

#endif /* PROPSTORE_INTENTS_H */
