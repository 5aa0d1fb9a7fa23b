/*
 * recovery.h -- changes of files and store together, completed or undone whoever dies.
 *
 * A change that takes a file step and a store step is written down as an intent (intents.h)
 * first.  While it is pending, its paths, what is above and what is below them are its own: whoever
 * else would change one of them waits, for the little time between the intent and its end.  The
 * intents of processes that are gone are settled first, each beside the files it speaks of: a
 * rename that happened is followed by the store's step, one that did not is forgotten with
 * its temporary; a removal that was begun is completed (settling.h).
 *
 * Settling takes one transaction, so of several processes one does it, and one that dies meanwhile
 * has done nothing, or file steps that the next finds done.  What then is left to remove, under
 * private names, is sweep.h's.
 */
#ifndef PROVIDER_RECOVERY_H
#define PROVIDER_RECOVERY_H

#include "propstore/intents.h"
#include "provider/pins.h"

/** What is about to be changed. */
typedef struct recovery_scope_t {
    const char *paths[2]; /**< NULL: one less */
    const pins_t *pins;   /**< that hold their directories, or NULL */
    apr_uint64_t own;     /**< the id of the intent that this is the end of, or 0 */
    int store_only;       /**< no file is touched, only what is known of it */
} recovery_scope_t;

/**
 * store_write_settled() for whoever changes a file, or store_write() if SCOPE says that only what
 * is known of it changes.  When BODY runs no process
 * has an intent for what is in SCOPE, nor will another write one before the end of BODY's
 * transaction.
 * @return as store_write(); ENOENT if a directory that is held was moved or removed; STORE_BUSY if
 *         an intent stays, because it cannot be settled (the file system is not mounted, say)
 */
apr_status_t recovery_write(store_t *store, const recovery_scope_t *scope, store_write_fn *body,
                            void *baton, apr_pool_t *scratch_pool)
    __attribute__((warn_unused_result));

/**
 * store_begin() for whoever looks at PATH, or at its members, and at what is known of them: what is
 * pending there is waited for, or settled.  If nothing is, as nearly always, this takes one look
 * more into the store.
 * @param path NULL: of the whole store, what living processes do not work on
 * @return as store_begin(); STORE_BUSY if something stays, as for recovery_write()
 */
apr_status_t recovery_read(store_txn_t **txn_p, store_t *store, const char *path,
                           apr_pool_t *result_pool);

/** The same for whoever needs no transaction. */
apr_status_t recovery_settle(store_t *store, const char *path, apr_pool_t *scratch_pool);

/**
 * After the step of this process's INTENT failed, or its commit: undo it if that can be done, else
 * complete it.
 * @return APR_SUCCESS; why neither could be stored: the next who comes this way tries again, and
 *         nobody is to touch INTENT's files till then
 */
apr_status_t recovery_undo(store_t *store, const intent_t *intent, apr_pool_t *scratch_pool);

#endif /* PROVIDER_RECOVERY_H */
