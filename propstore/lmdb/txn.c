#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/lmdb/lmdb_int.h"

/** How often, and after what pause, another process's map is tried to be taken over. */
#define ADOPT_TRIES 20
#define ADOPT_PAUSE apr_time_from_msec(1)
/** Bytes; a device with fewer left is full. */
#define DEVICE_ROOM_MIN 65536

struct backend_txn_t {
    lmdb_store_t *store;
    MDB_txn *mdb;
    MDB_dbi dbi;
    int read_only;
    int is_nested;
};

apr_uint64_t lmdb_txn_number(const backend_txn_t *txn)
{
    return mdb_txn_id(txn->mdb);
}

static apr_status_t get(backend_txn_t *txn, store_slice_t key, store_slice_t *value_p)
{
    MDB_val mkey = lmdb_val(key), value;
    int rc = mdb_get(txn->mdb, txn->dbi, &mkey, &value);

    return rc == MDB_SUCCESS ? lmdb_value_unpack(value_p, &value) : lmdb_status(rc);
}

static apr_status_t get_many(backend_txn_t *txn, const store_slice_t *keys, store_slice_t *values,
                             apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        apr_status_t status = get(txn, keys[i], &values[i]);

        if (status == STORE_ABSENT)
            memset(&values[i], 0, sizeof(values[i]));
        else if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}

/** The status of a write that ended with RC. */
static apr_status_t write_status(const backend_txn_t *txn, int rc)
{
    if (rc == MDB_MAP_FULL && lmdb_clear_stale_readers(txn->store->env, txn->store->log) > 0)
        return STORE_CONFLICT; /* with the pages they pinned free again, another run may fit */
    return lmdb_status(rc);
}

static apr_status_t put(backend_txn_t *txn, store_slice_t key, store_slice_t value)
{
    MDB_val mkey = lmdb_val(key), room = {.mv_size = LMDB_SUM_SIZE + value.len};
    int rc = mdb_put(txn->mdb, txn->dbi, &mkey, &room, MDB_RESERVE);

    if (rc == MDB_SUCCESS)
        lmdb_value_pack(room.mv_data, key, value);
    return write_status(txn, rc);
}

static apr_status_t del(backend_txn_t *txn, store_slice_t key)
{
    MDB_val mkey = lmdb_val(key);

    return write_status(txn, mdb_del(txn->mdb, txn->dbi, &mkey, NULL));
}

static apr_status_t del_range(backend_txn_t *txn, store_slice_t from, store_slice_t to,
                              apr_size_t *count_p)
{
    MDB_val key = lmdb_val(from);
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn->mdb, txn->dbi, &cursor);

    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    rc = mdb_cursor_get(cursor, &key, NULL, from.len ? MDB_SET_RANGE : MDB_FIRST);
    while (rc == MDB_SUCCESS && (to.len == 0 || lmdb_is_before(&key, to))) {
        rc = mdb_cursor_del(cursor, 0);
        if (rc == MDB_SUCCESS) {
            ++*count_p;
            /* After a deletion the cursor stands before the next pair. */
            rc = mdb_cursor_get(cursor, &key, NULL, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? APR_SUCCESS : write_status(txn, rc);
}

static apr_status_t scan(backend_cursor_t **cursor_p, const backend_cursor_vtable_t **vtable_p,
                         backend_txn_t *txn, const store_range_t *range, apr_pool_t *result_pool)
{
    return lmdb_scan(cursor_p, vtable_p, txn->mdb, txn->dbi, range, result_pool);
}

/** Count a transaction in or out; while there is one, the map stays where it is. */
static void count_active(lmdb_env_t *env, int change)
{
    apr_thread_mutex_lock(env->mutex);
    env->active += change;
    apr_thread_mutex_unlock(env->mutex);
}

/** Keep a read transaction for the next reader, or end it. */
static void end_read(lmdb_env_t *env, MDB_txn *mdb)
{
    mdb_txn_reset(mdb);
    apr_thread_mutex_lock(env->mutex);
    if (env->idle_count < LMDB_IDLE_MAX) {
        env->idle[env->idle_count++] = mdb;
        mdb = NULL;
    }
    apr_thread_mutex_unlock(env->mutex);
    if (mdb != NULL)
        mdb_txn_abort(mdb);
}

static void abort_txn(backend_txn_t *txn)
{
    if (txn->read_only)
        end_read(txn->store->env, txn->mdb);
    else
        mdb_txn_abort(txn->mdb);
    if (!txn->is_nested)
        count_active(txn->store->env, -1);
}

static apr_status_t nest(backend_txn_t **txn_p, backend_txn_t *parent, apr_pool_t *result_pool)
{
    backend_txn_t *txn = apr_pmemdup(result_pool, parent, sizeof(*parent));
    int rc = mdb_txn_begin(parent->store->env->env, parent->mdb, 0, &txn->mdb);

    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    txn->is_nested = 1;
    *txn_p = txn;
    return APR_SUCCESS;
}

/** Whether there is next to nothing left of ENV's device. */
static int is_device_full(MDB_env *env)
{
    struct statvfs device;
    int fd;

    return mdb_env_get_fd(env, &fd) == MDB_SUCCESS && fstatvfs(fd, &device) == 0 &&
           device.f_bavail * device.f_frsize < DEVICE_ROOM_MIN;
}

static apr_status_t commit(backend_txn_t *txn, int is_relaxed)
{
    MDB_env *env = txn->store->env->env;
    int rc = MDB_SUCCESS;

    if (txn->read_only) {
        abort_txn(txn);
        return APR_SUCCESS;
    }
    if (!txn->is_nested) {
        /* Whether to wait for the page that makes a commit.  The flag is the environment's; only
         * he who holds the writer's lock looks at it, and sets it to what he needs. */
        rc = mdb_env_set_flags(env, MDB_NOMETASYNC, is_relaxed);
    }
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_commit(txn->mdb);
    else
        mdb_txn_abort(txn->mdb);
    if (!txn->is_nested)
        count_active(txn->store->env, -1);
    /* LMDB calls a write that the device could take only in part an I/O error. */
    if (rc == EIO && is_device_full(env))
        return STORE_FULL;
    return write_status(txn, rc);
}

static const backend_txn_vtable_t txn_vtable = {
    .get = get,
    .get_many = get_many,
    .put = put,
    .del = del,
    .del_range = del_range,
    .scan = scan,
    .nest = nest,
    .commit = commit,
    .abort = abort_txn,
};

static int begin_read(const lmdb_store_t *store, MDB_txn **mdb_p)
{
    lmdb_env_t *env = store->env;
    MDB_txn *mdb = NULL;
    int rc;

    apr_thread_mutex_lock(env->mutex);
    if (env->idle_count > 0)
        mdb = env->idle[--env->idle_count];
    apr_thread_mutex_unlock(env->mutex);

    if (mdb != NULL) {
        rc = mdb_txn_renew(mdb);
        if (rc == MDB_SUCCESS)
            *mdb_p = mdb;
        else
            mdb_txn_abort(mdb);
        return rc;
    }
    rc = mdb_txn_begin(env->env, NULL, MDB_RDONLY, mdb_p);
    if (rc == MDB_READERS_FULL && lmdb_clear_stale_readers(env, store->log) > 0)
        rc = mdb_txn_begin(env->env, NULL, MDB_RDONLY, mdb_p);
    return rc;
}

static int begin_once(backend_txn_t *txn)
{
    lmdb_env_t *env = txn->store->env;
    int rc;

    count_active(env, 1);
    if (txn->read_only)
        rc = begin_read(txn->store, &txn->mdb);
    else
        rc = mdb_txn_begin(env->env, NULL, 0, &txn->mdb);
    if (rc != MDB_SUCCESS)
        count_active(env, -1);
    return rc;
}

/**
 * Take the larger map over that another process has filled past ours.
 * @return whether nothing was in the way
 */
static int adopt_map(const lmdb_store_t *store)
{
    lmdb_env_t *env = store->env;
    int rc = MDB_SUCCESS, is_free;

    apr_thread_mutex_lock(env->mutex);
    /* Mapping anew moves what transactions point to.  While the old map is too small none can
     * begin, so those still open soon leave the way free. */
    is_free = env->active == 0;
    if (is_free)
        rc = mdb_env_set_mapsize(env->env, 0);
    apr_thread_mutex_unlock(env->mutex);
    if (rc != MDB_SUCCESS)
        store_log(store->log, STORE_LOG_ERROR, lmdb_status(rc),
                  "could not map the store anew, which another process has enlarged");
    return is_free;
}

apr_status_t lmdb_begin(backend_txn_t **txn_p, const backend_txn_vtable_t **vtable_p, void *backend,
                        store_mode_e mode, apr_pool_t *result_pool)
{
    lmdb_store_t *store = backend;
    backend_txn_t *txn = apr_pcalloc(result_pool, sizeof(*txn));
    int rc;

    txn->store = store;
    txn->dbi = store->env->dbi;
    txn->read_only = mode == STORE_READ;
    rc = begin_once(txn);
    for (int i = 0; rc == MDB_MAP_RESIZED && i < ADOPT_TRIES; i++) {
        /* Not for ever: the transaction in the way may be this thread's own. */
        if (!adopt_map(store))
            apr_sleep(ADOPT_PAUSE);
        rc = begin_once(txn);
    }
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    *txn_p = txn;
    *vtable_p = &txn_vtable;
    return APR_SUCCESS;
}
