/*
 * store_int.h -- the front end's own types, for its two parts: store.c, and runner.c, which
 * runs store_write().  Private to propstore/.
 */
#ifndef PROPSTORE_STORE_INT_H
#define PROPSTORE_STORE_INT_H

#include "propstore/backend.h"

/** The writers that wait; runner.c has it. */
typedef struct runner_t runner_t;

struct store_t {
    const backend_t *backend;
    const backend_store_vtable_t *vtable;
    void *impl; /**< the backend's own; NULL once closed */
    int is_shared;
    int is_copy; /**< and only for reading */
    store_log_t log;
    runner_t *runner;
    apr_pool_t *pool;
};

struct store_txn_t {
    store_t *store;
    const backend_txn_vtable_t *vtable;
    backend_txn_t *impl; /**< NULL once ended */
    store_mode_e mode;
    store_txn_t *parent;  /**< that it is nested in, or NULL */
    store_txn_t *child;   /**< the one nested in it, while that is open; or NULL */
    int is_relaxed;       /**< a power failure may take its commit back */
    unsigned long writes; /**< counted, so that scans begun before a write are found stale */
    apr_status_t failed;  /**< of a write that may be half done; nothing of it may be kept then */
    store_cursor_t *cursors;
    apr_pool_t *pool;
};

/** A runner, with nobody waiting. */
runner_t *runner_create(apr_pool_t *result_pool);

/** End all scans in TXN that are still open. */
void store_end_cursors(store_txn_t *txn);

#endif /* PROPSTORE_STORE_INT_H */
