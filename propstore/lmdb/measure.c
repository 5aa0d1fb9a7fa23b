#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "propstore/lmdb/lmdb_int.h"

/** What a line of mdb_reader_list() is read into. */
typedef struct reading_t {
    apr_array_header_t *readers; /* store_reader_t */
    apr_uint64_t last_txn;       /* the latest committed */
} reading_t;

/**
 * MDB_msg_func: read "pid thread snapshot", in decimal, hexadecimal and decimal, with "-" for no
 * snapshot.  LMDB tells of readers in no other form.
 */
static int read_line(const char *line, void *baton)
{
    const reading_t *reading = baton;
    store_reader_t reader = {0};
    apr_uint64_t txn;
    char *end, *number;

    reader.pid = (pid_t)strtol(line, &end, 10);
    if (reader.pid <= 0)
        return 0; /* a heading, or that there are none */
    reader.thread = strtoull(end, &end, 16);
    number = end;
    txn = strtoull(number, &end, 10);
    reader.has_snapshot = end != number;
    if (reader.has_snapshot && txn < reading->last_txn)
        reader.age = reading->last_txn - txn;
    APR_ARRAY_PUSH(reading->readers, store_reader_t) = reader;
    return 0;
}

/** The places in use, pushed to READERS. */
static int list(apr_array_header_t *readers, lmdb_env_t *env)
{
    reading_t reading = {.readers = readers};
    MDB_envinfo info;
    int rc;

    apr_thread_mutex_lock(env->mutex); /* it looks into the map */
    rc = mdb_env_info(env->env, &info);
    apr_thread_mutex_unlock(env->mutex);
    if (rc != MDB_SUCCESS)
        return rc;
    reading.last_txn = info.me_last_txnid;
    rc = mdb_reader_list(env->env, read_line, &reading);
    return rc < 0 ? rc : MDB_SUCCESS;
}

static int is_listed(const apr_array_header_t *readers, pid_t pid)
{
    for (int i = 0; i < readers->nelts; i++) {
        if (APR_ARRAY_IDX(readers, i, store_reader_t).pid == pid)
            return 1;
    }
    return 0;
}

/** Keep in mind those that were there BEFORE and are not AFTER: mdb_reader_check() names none. */
static void note_freed(lmdb_env_t *env, const apr_array_header_t *before,
                       const apr_array_header_t *after)
{
    apr_thread_mutex_lock(env->mutex);
    for (int i = 0; i < before->nelts; i++) {
        store_reader_t reader = APR_ARRAY_IDX(before, i, store_reader_t);

        if (is_listed(after, reader.pid))
            continue;
        reader.is_stale = 1;
        env->freed[env->freed_count++ % LMDB_FREED_MAX] = reader;
    }
    apr_thread_mutex_unlock(env->mutex);
}

int lmdb_clear_stale_readers(lmdb_env_t *env, const store_t *log)
{
    apr_array_header_t *before, *after;
    apr_pool_t *pool;
    int dead = 0;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS)
        return 0;
    before = apr_array_make(pool, 16, sizeof(store_reader_t));
    after = apr_array_make(pool, 16, sizeof(store_reader_t));
    if (list(before, env) == MDB_SUCCESS && mdb_reader_check(env->env, &dead) == MDB_SUCCESS &&
        dead > 0 && list(after, env) == MDB_SUCCESS)
        note_freed(env, before, after);
    apr_pool_destroy(pool);
    if (dead > 0)
        store_log(log, STORE_LOG_INFO, APR_SUCCESS,
                  "freed the places of %d readers whose process is gone", dead);
    return dead;
}

apr_status_t lmdb_readers(apr_array_header_t *readers, void *backend)
{
    const lmdb_store_t *store = backend;
    lmdb_env_t *env = store->env;
    int rc;

    lmdb_clear_stale_readers(env, store->log);
    rc = list(readers, env);
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    apr_thread_mutex_lock(env->mutex);
    for (unsigned i = 0; i < env->freed_count && i < LMDB_FREED_MAX; i++)
        APR_ARRAY_PUSH(readers, store_reader_t) = env->freed[i];
    apr_thread_mutex_unlock(env->mutex);
    return APR_SUCCESS;
}

/** MDB_msg_func: count the readers. */
static int count_line(const char *line, void *baton)
{
    unsigned *readers = baton;

    if (strtol(line, NULL, 10) > 0)
        ++*readers;
    return 0;
}

apr_status_t lmdb_measure(void *backend, store_stat_t *stat_p)
{
    const lmdb_env_t *env = ((lmdb_store_t *)backend)->env;
    struct stat file;
    MDB_envinfo info;
    MDB_stat stat;
    int rc, fd;

    apr_thread_mutex_lock(env->mutex); /* both look into the map */
    rc = mdb_env_stat(env->env, &stat);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_info(env->env, &info);
    apr_thread_mutex_unlock(env->mutex);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_get_fd(env->env, &fd);
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    if (mdb_reader_list(env->env, count_line, &stat_p->readers) < 0)
        stat_p->readers = 0;
    stat_p->entries = stat.ms_entries;
    /* Its pages and the two LMDB keeps for itself; free pages are not used. */
    stat_p->used_bytes = (apr_uint64_t)stat.ms_psize *
                         (2 + stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
    if (fstat(fd, &file) == 0)
        stat_p->file_bytes = (apr_uint64_t)file.st_size;
    stat_p->max_bytes = info.me_mapsize;
    stat_p->max_readers = info.me_maxreaders;
    return APR_SUCCESS;
}
