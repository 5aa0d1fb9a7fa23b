/*
 * intents.h -- the journal of what is about to be done to files and store together.
 *
 * A change of the tree and of the store is two steps, and a process may die between them.  So
 * it first commits an intent, which says what is to be done and by whom; then makes the file
 * step; and then commits the store's step together with the intent's removal.  Whoever finds
 * the intent of a process that is gone looks at the files, and completes or undoes.
 *
 * This header knows the records alone; provider/recovery.h knows what they mean for files.
 */
#ifndef PROPSTORE_INTENTS_H
#define PROPSTORE_INTENTS_H

#include <apr_tables.h>

#include "propstore/store.h"

/** What is to be done. */
typedef enum intent_kind_e {
    INTENT_MOVE = 1,   /**< rename FROM to TO, whose old content is kept at OLD until the end */
    INTENT_REMOVE = 2, /**< remove FROM; if TO is given, by renaming it to that first */
    INTENT_CREATE = 3, /**< make the empty file FROM, to be locked */
    INTENT_MODE = 4    /**< change the permissions of FROM, which were MODE */
} intent_kind_e;

/** A process. */
typedef struct intent_owner_t {
    apr_uint32_t pid;
    apr_uint64_t start; /**< when it was started, in the kernel's ticks: pids come again */
    apr_uint64_t boot;  /**< of the machine's present run, so do ticks */
} intent_owner_t;

/** An intent. */
typedef struct intent_t {
    apr_uint64_t id; /**< filled in by the store */
    intent_kind_e kind;
    intent_owner_t owner;
    int temporary;               /**< FROM is a copy under way, which nobody misses */
    apr_uint64_t inode;          /**< of FROM, or of what is to become FROM, to know it again */
    apr_int64_t birth_ns;        /**< likewise */
    apr_uint64_t from_node;      /**< FROM's node, TO's node: 0 for none.  Ids are never given */
    apr_uint64_t to_node;        /**< again, so what is done to them is not done to a successor's */
    apr_uint32_t mode;           /**< INTENT_MODE: permissions before */
    const char *from, *to, *old; /**< absolute paths; "" for none */
} intent_t;

/** This process.  @return APR_SUCCESS or the system's error */
apr_status_t intents_self(intent_owner_t *owner);

/** Whether OWNER still runs; if that cannot be told, it does. */
int intents_is_alive(const intent_owner_t *owner);

/** Write INTENT down, with this process as its owner.  @param intent gets its id */
apr_status_t intents_add(store_txn_t *txn, intent_t *intent, apr_pool_t *scratch_pool);

/** Replace the intent with INTENT's id by it, with this process as its owner. */
apr_status_t intents_replace(store_txn_t *txn, intent_t *intent, apr_pool_t *scratch_pool);

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
