/*
 * lmdb_int.h -- what the parts of the LMDB backend share.  Private to lmdb/.
 */
#ifndef PROPSTORE_LMDB_INT_H
#define PROPSTORE_LMDB_INT_H

#include <sys/types.h>

#include <apr_thread_mutex.h>
#include <lmdb.h>

#include "propstore/backend.h"

/** Reset read transactions kept for the next reader. */
#define LMDB_IDLE_MAX 64

/** The parameter maxreaders, unless it is given. */
#define LMDB_READERS_DEFAULT 1024

/** Readers remembered whose places were freed. */
#define LMDB_FREED_MAX 64

/** The files in a store's directory, as LMDB names them. */
#define LMDB_DATA_FILE "data.mdb"
#define LMDB_LOCK_FILE "lock.mdb"

/** The parameters, read. */
typedef struct lmdb_settings_t {
    apr_int64_t mapsize;    /**< in bytes */
    apr_int64_t maxreaders; /**< of all processes */
    int any_system;         /**< whatever the file system */
} lmdb_settings_t;

/** An open environment.  LMDB allows one a process for each file (env.c sees to it). */
typedef struct lmdb_env_t {
    MDB_env *env;
    MDB_dbi dbi;                /**< the unnamed database, which holds everything */
    apr_uint64_t device, inode; /**< of the data file, to know it again */
    pid_t pid;                  /**< of the process that opened it; no other may use it */
    lmdb_settings_t settings;   /**< it was opened with */
    int users;                  /**< stores that share it; guarded by env.c's mutex */
    struct lmdb_env_t *next;    /**< of the process's environments; likewise */
    apr_pool_t *pool;           /**< lifetime of this; its own, not a store's */
    apr_thread_mutex_t *mutex;  /**< guards the rest, and the place of the map in memory */
    int active;                 /**< transactions open or just being begun */
    MDB_txn *idle[LMDB_IDLE_MAX];
    int idle_count;
    store_reader_t freed[LMDB_FREED_MAX]; /**< the latest whose places were freed, in a ring */
    unsigned freed_count;                 /**< of all there were */
} lmdb_env_t;

/** A store: one of those that share an environment. */
typedef struct lmdb_store_t {
    lmdb_env_t *env;
    const store_t *log; /**< for store_log() */
} lmdb_store_t;

/** SLICE as LMDB takes it; its type has no const, but it does not write through it. */
MDB_val lmdb_val(store_slice_t slice);

/** Bytes of what stands before each value: a sum of its key and its length. */
#define LMDB_SUM_SIZE 4

/** Write KEY's VALUE to TO, as it is stored: LMDB_SUM_SIZE and its length in bytes. */
void lmdb_value_pack(void *to, store_slice_t key, store_slice_t value);

/** The value in what is STORED, without a look at its sum.  @return APR_SUCCESS; STORE_CORRUPT */
apr_status_t lmdb_value_unpack(store_slice_t *value_p, const MDB_val *stored);

/** Whether what is STORED under KEY was stored under it, and with its length. */
int lmdb_value_is_of(const MDB_val *key, const MDB_val *stored);

/** Whether KEY is before BOUND in the store's order. */
int lmdb_is_before(const MDB_val *key, store_slice_t bound);

/** Translate an LMDB return code.  @return APR_SUCCESS, a STORE_* code or the system's error */
apr_status_t lmdb_status(int rc);

/** backend_store_vtable_t.begin; BACKEND is a lmdb_store_t. */
apr_status_t lmdb_begin(backend_txn_t **txn_p, const backend_txn_vtable_t **vtable_p, void *backend,
                        store_mode_e mode, apr_pool_t *result_pool);

/** The number of TXN's snapshot, as LMDB counts transactions. */
apr_uint64_t lmdb_txn_number(const backend_txn_t *txn);

/** backend_txn_vtable_t.scan; DBI is the database, MDB the transaction. */
apr_status_t lmdb_scan(backend_cursor_t **cursor_p, const backend_cursor_vtable_t **vtable_p,
                       MDB_txn *mdb, MDB_dbi dbi, const store_range_t *range,
                       apr_pool_t *result_pool);

/** Free the places of readers whose process is gone.  @return how many there were */
int lmdb_clear_stale_readers(lmdb_env_t *env, const store_t *log);

/** Whether this process has the store in DIRECTORY open. */
int lmdb_is_open_here(const char *directory, apr_pool_t *scratch_pool);

/** backend_store_vtable_t's stat, readers, verify and copy; BACKEND is a lmdb_store_t. */
apr_status_t lmdb_measure(void *backend, store_stat_t *stat_p);
apr_status_t lmdb_readers(apr_array_header_t *readers, void *backend);
apr_status_t lmdb_verify(store_verified_t *verified, void *backend, store_going_fn *going,
                         void *baton, apr_pool_t *scratch_pool);
apr_status_t lmdb_copy(void *backend, apr_file_t *file, store_going_fn *going, void *baton,
                       apr_pool_t *scratch_pool);

/** backend_t.restore. */
apr_status_t lmdb_restore(const char *path, apr_file_t *file, int replace, store_going_fn *going,
                          void *baton, apr_pool_t *scratch_pool);

#endif /* PROPSTORE_LMDB_INT_H */
