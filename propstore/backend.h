/*
 * backend.h -- what a backend implements.  Private to propstore/.
 *
 * The front end (store.c) has checked every argument, the transaction's state and
 * the limits before it calls one of these, and counts writes to find stale cursors;
 * a backend does only what is its own.  All tables are const, with designated
 * initialisers, and every slot is filled that is not said to be for some alone.
 */
#ifndef PROPSTORE_BACKEND_H
#define PROPSTORE_BACKEND_H

#include "propstore/store.h"

/** A backend's transaction; the front end embeds nothing in it. */
typedef struct backend_txn_t backend_txn_t;
/** A backend's cursor. */
typedef struct backend_cursor_t backend_cursor_t;

/** Functions of a cursor. */
typedef struct backend_cursor_vtable_t {
    /** As store_next(); RANGE's bounds, direction and limit are the backend's to keep. */
    apr_status_t (*next)(backend_cursor_t *cursor, store_slice_t *key_p, store_slice_t *value_p);
    /** As store_is_intact(), after next() has answered APR_SUCCESS. */
    int (*is_intact)(const backend_cursor_t *cursor);
    void (*end)(backend_cursor_t *cursor);
} backend_cursor_vtable_t;

/** Functions of a transaction; each as the store_ function of the same name. */
typedef struct backend_txn_vtable_t {
    apr_status_t (*get)(backend_txn_t *txn, store_slice_t key, store_slice_t *value_p);
    apr_status_t (*get_many)(backend_txn_t *txn, const store_slice_t *keys, store_slice_t *values,
                             apr_size_t count);
    apr_status_t (*put)(backend_txn_t *txn, store_slice_t key, store_slice_t value);
    apr_status_t (*del)(backend_txn_t *txn, store_slice_t key);
    apr_status_t (*del_range)(backend_txn_t *txn, store_slice_t from, store_slice_t to,
                              apr_size_t *count_p);
    apr_status_t (*scan)(backend_cursor_t **cursor_p, const backend_cursor_vtable_t **vtable_p,
                         backend_txn_t *txn, const store_range_t *range, apr_pool_t *result_pool);
    /**
     * Begin a transaction within PARENT, a write transaction, which is not used until the new
     * one has ended; the new one has PARENT's table.  NULL in a backend that has no such thing:
     * its writers do not share commits.
     */
    apr_status_t (*nest)(backend_txn_t **txn_p, backend_txn_t *parent, apr_pool_t *result_pool);
    /**
     * Both end and free the transaction; the front end has ended its cursors.
     * @param is_relaxed as after store_relax(); a backend may take no notice
     */
    apr_status_t (*commit)(backend_txn_t *txn, int is_relaxed);
    void (*abort)(backend_txn_t *txn);
} backend_txn_vtable_t;

/** Functions of an open store.  BACKEND is what open() made. */
typedef struct backend_store_vtable_t {
    apr_status_t (*begin)(backend_txn_t **txn_p, const backend_txn_vtable_t **vtable_p,
                          void *backend, store_mode_e mode, apr_pool_t *result_pool);
    apr_status_t (*stat)(void *backend, store_stat_t *stat_p);
    apr_status_t (*readers)(apr_array_header_t *readers, void *backend);
    /** As store_verify(); VERIFIED is all zero before. */
    apr_status_t (*verify)(store_verified_t *verified, void *backend, store_going_fn *going,
                           void *baton, apr_pool_t *scratch_pool);
    apr_status_t (*copy)(void *backend, apr_file_t *file, store_going_fn *going, void *baton,
                         apr_pool_t *scratch_pool);
    void (*close)(void *backend);
    /** As store_undecorated(); NULL unless the backend decorates. */
    store_t *(*inner)(void *backend);
} backend_store_vtable_t;

/** A parameter a backend takes, for checking a specification and for its documentation. */
typedef struct backend_param_t {
    const char *name;
    const char *help; /**< one line: what it means, its unit and default */
} backend_param_t;

/** A backend. */
typedef struct backend_t {
    const char *name;
    int location_is_path;          /**< whether "name:location" names a directory */
    int shared;                    /**< whether several processes may open one store */
    int decorates;                 /**< whether location is the spec of another backend */
    const backend_param_t *params; /**< ends with a NULL name */
    /**
     * Open the store at SPEC->location.
     * @param backend_p set to the backend's own object, allocated in RESULT_POOL
     * @param vtable_p set to its functions
     * @param log the store_t it will belong to, for store_log() only
     */
    apr_status_t (*open)(void **backend_p, const backend_store_vtable_t **vtable_p,
                         const store_spec_t *spec, const store_t *log, apr_pool_t *result_pool);
    /*
     * The rest is asked only of a backend whose location is a path.
     */
    const char *const *files; /**< as store_files() */
    /** Open the copy at PATH for reading. */
    apr_status_t (*open_copy)(void **backend_p, const backend_store_vtable_t **vtable_p,
                              const char *path, const store_t *log, apr_pool_t *result_pool);
    /** As store_restore(), into DIRECTORY. */
    apr_status_t (*restore)(const char *directory, apr_file_t *file, int replace,
                            store_going_fn *going, void *baton, apr_pool_t *scratch_pool);
} backend_t;

/** The backends compiled in, ending with NULL (backends.c, the one table of them). */
extern const backend_t *const store_backends[];

/** The backend whose name are the LENGTH bytes at NAME, or NULL. */
const backend_t *store_backend_find(const char *name, apr_size_t length);

/** The backend that keeps what SPEC names: its own, or the one that this decorates. */
const backend_t *store_backend_of(const store_spec_t *spec);

#endif /* PROPSTORE_BACKEND_H */
