#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <apr_strings.h>

#include "propstore/lmdb/lmdb_backend.h"
#include "propstore/lmdb/lmdb_int.h"
#include "propstore/lmdb/structure.h"

#define MAPSIZE_DEFAULT ((apr_int64_t)64 << 30)
#define MAPSIZE_MIN ((apr_int64_t)64 << 10)
#define MAPSIZE_MAX ((apr_int64_t)64 << 40)
#define MAXREADERS_MAX 65536
/** Bytes of the lock file a reader takes, and as many times that its head. */
#define READER_SIZE 64
#define HEAD_READERS 2
/** A file of fewer bytes has not even the pages that LMDB begins with. */
#define COPY_SIZE_MIN 8192

static const backend_param_t params[] = {
    {"mapsize", "most bytes the store may grow to, with K, M, G or T; the file is sparse "
                "(default 64G)"},
    {"maxreaders", "readers at one time in all processes together (default 1024)"},
    {"anyfs", "on or off: use it on a network or FUSE file system too, which is known to be safe "
              "(default off)"},
    {NULL, NULL},
};

static const char *const files[] = {LMDB_DATA_FILE, LMDB_LOCK_FILE, NULL};

/*
 * The environments of this process.  LMDB must not open a file twice in one process: the
 * file locks of the one would be lost when the other is closed.
 */
static pthread_mutex_t envs_mutex = PTHREAD_MUTEX_INITIALIZER;
static lmdb_env_t *envs;

apr_status_t lmdb_status(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return APR_SUCCESS;
    case MDB_NOTFOUND:
        return STORE_ABSENT;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STORE_FULL;
    case MDB_READERS_FULL:
    case MDB_MAP_RESIZED: /* and our map was in use, so that it could not be made larger yet */
        return STORE_BUSY;
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return STORE_FORMAT;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
        return STORE_CORRUPT;
    case MDB_BAD_VALSIZE:
        return STORE_LIMIT;
    case MDB_BAD_TXN:
    case MDB_BAD_RSLOT:
    case MDB_BAD_DBI:
        return STORE_MISUSE;
    case EROFS:
        return STORE_READONLY;
    default:
        return rc > 0 ? rc : STORE_CORRUPT;
    }
}

/** Read a number with an optional unit.  @return 0 if TEXT is none or is outside MIN to MAX */
static int read_number(apr_int64_t *n_p, const char *text, apr_int64_t min, apr_int64_t max)
{
    static const char units[] = "KMGT";
    const char *unit;
    char *end;
    apr_int64_t n = apr_strtoi64(text, &end, 10);

    if (end == text || n < 0)
        return 0;
    if (*end != '\0') {
        unit = strchr(units, *end & ~0x20);
        if (unit == NULL || end[1] != '\0')
            return 0;
        for (const char *at = units; at <= unit; at++) {
            if (n > APR_INT64_MAX / 1024)
                return 0;
            n *= 1024;
        }
    }
    *n_p = n;
    return n >= min && n <= max;
}

/** The parameter NAME of SPEC, or DEFAULT_VALUE. */
static apr_status_t number_param(apr_int64_t *n_p, const store_spec_t *spec, const char *name,
                                 apr_int64_t default_value, apr_int64_t min, apr_int64_t max,
                                 const store_t *log)
{
    const char *text = apr_table_get(spec->params, name);

    *n_p = default_value;
    if (text == NULL || read_number(n_p, text, min, max))
        return APR_SUCCESS;
    store_log(log, STORE_LOG_ERROR, STORE_LIMIT,
              "%s=%s: must be a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, name, text,
              min, max);
    return STORE_LIMIT;
}

static apr_status_t make_directory(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) == 0)
        return APR_SUCCESS;
    if (errno != EEXIST)
        return errno;
    if (stat(path, &st) != 0)
        return errno;
    return S_ISDIR(st.st_mode) ? APR_SUCCESS : ENOTDIR;
}

/**
 * Refuse links in the place of the files: a server may open the store as root, in a directory
 * that less trusted processes write to, and LMDB would follow them.
 */
static apr_status_t check_files(const char *directory, apr_pool_t *scratch_pool)
{
    for (const char *const *name = files; *name != NULL; name++) {
        struct stat st;

        if (lstat(apr_pstrcat(scratch_pool, directory, "/", *name, NULL), &st) != 0) {
            if (errno != ENOENT)
                return errno;
        } else if (!S_ISREG(st.st_mode)) {
            return S_ISLNK(st.st_mode) ? ELOOP : EINVAL;
        }
    }
    return APR_SUCCESS;
}

/**
 * See that the lock file has its room on the device: LMDB makes it sparse and maps it, so that on a
 * full device whoever is the first to need one of its pages would be ended by a signal.  Not while
 * this process has the store open: closing the file would end LMDB's locks on it.
 */
static apr_status_t reserve_locks(const char *directory, const lmdb_settings_t *settings,
                                  apr_pool_t *scratch_pool)
{
    const char *path = apr_pstrcat(scratch_pool, directory, "/" LMDB_LOCK_FILE, NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), rc = 0;

    if (fd < 0)
        return lmdb_status(errno);
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0,
                  (off_t)(settings->maxreaders + HEAD_READERS) * READER_SIZE) != 0)
        rc = errno;
    close(fd);
    /* Not every file system can. */
    return rc == EOPNOTSUPP || rc == ENOSYS || rc == EINVAL ? APR_SUCCESS : lmdb_status(rc);
}

/** File systems that LMDB must not be used on, by the kernel's numbers for them. */
static const struct {
    unsigned long magic;
    const char *name;
} remote_systems[] = {
    {NFS_SUPER_MAGIC, "NFS"},     {SMB_SUPER_MAGIC, "SMB"},   {0xFF534D42, "CIFS"},
    {0xFE534D42, "SMB2"},         {AFS_SUPER_MAGIC, "AFS"},   {AFS_FS_MAGIC, "AFS"},
    {CODA_SUPER_MAGIC, "Coda"},   {NCP_SUPER_MAGIC, "NCP"},   {V9FS_MAGIC, "9p"},
    {0x00C36400, "Ceph"},         {FUSE_SUPER_MAGIC, "FUSE"}, {0x786F4256, "VirtualBox's"},
    {OCFS2_SUPER_MAGIC, "OCFS2"}, {0x01161970, "GFS2"},       {0x0BD00BD0, "Lustre"},
};

/**
 * See that DIRECTORY is on a file system of this machine: processes that share a store share
 * memory and locks, which others do not promise, and it would be damaged.
 */
static apr_status_t check_system(const char *directory, const lmdb_settings_t *settings,
                                 const store_t *log)
{
    struct statfs system;

    if (settings->any_system)
        return APR_SUCCESS;
    if (statfs(directory, &system) != 0)
        return errno;
    for (size_t i = 0; i < sizeof(remote_systems) / sizeof(remote_systems[0]); i++) {
        if ((unsigned long)system.f_type != remote_systems[i].magic)
            continue;
        store_log(log, STORE_LOG_ERROR, APR_SUCCESS,
                  "%s is on a file system (%s) on which a store would be damaged; keep it on a "
                  "disk of this machine, or say anyfs=on if it is one",
                  directory, remote_systems[i].name);
        return EOPNOTSUPP;
    }
    return APR_SUCCESS;
}

static apr_status_t read_settings(lmdb_settings_t *settings, const store_spec_t *spec,
                                  const store_t *log)
{
    apr_status_t status = number_param(&settings->mapsize, spec, "mapsize", MAPSIZE_DEFAULT,
                                       MAPSIZE_MIN, MAPSIZE_MAX, log);
    const char *any = apr_table_get(spec->params, "anyfs");

    settings->any_system = any != NULL && strcmp(any, "on") == 0;
    if (any != NULL && !settings->any_system && strcmp(any, "off") != 0) {
        store_log(log, STORE_LOG_ERROR, STORE_LIMIT, "anyfs=%s: must be on or off", any);
        return STORE_LIMIT;
    }
    if (status == APR_SUCCESS)
        status = number_param(&settings->maxreaders, spec, "maxreaders", LMDB_READERS_DEFAULT, 1,
                              MAXREADERS_MAX, log);
    return status;
}

/** Learn the handle of the database. */
static int open_database(lmdb_env_t *env)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->env, NULL, MDB_RDONLY, &txn);

    if (rc != MDB_SUCCESS)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &env->dbi);
    /* A handle opened in a transaction is kept by its commit. */
    if (rc == MDB_SUCCESS)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/** See that LMDB can open the data file at PATH, before it tries. */
static apr_status_t peek(const char *path, unsigned flags, const store_t *log,
                         apr_pool_t *scratch_pool)
{
    char words[STRUCTURE_WORDS_SIZE];
    apr_status_t status = structure_peek(
        words,
        flags & MDB_NOSUBDIR ? path : apr_pstrcat(scratch_pool, path, "/" LMDB_DATA_FILE, NULL));

    if (status == APR_SUCCESS && words[0] != '\0') {
        store_log(log, STORE_LOG_ERROR, STORE_CORRUPT,
                  "the data file is damaged: %s; restore a backup", words);
        status = STORE_CORRUPT;
    }
    return status;
}

/** Open the environment proper, with its database.  @param flags LMDB's, besides our own */
static apr_status_t open_mdb(lmdb_env_t *env, const char *path, const lmdb_settings_t *settings,
                             unsigned flags, const store_t *log)
{
    apr_status_t status = peek(path, flags, log, env->pool);
    int rc;

    if (status == APR_SUCCESS && !(flags & MDB_NOLOCK))
        status = reserve_locks(path, settings, env->pool);
    if (status != APR_SUCCESS)
        return status;
    rc = mdb_env_create(&env->env);
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    rc = mdb_env_set_mapsize(env->env, (size_t)settings->mapsize);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxreaders(env->env, (unsigned)settings->maxreaders);
    /* Read transactions go from thread to thread; no read-ahead, access is by key. */
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(env->env, path, flags | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (rc == MDB_SUCCESS) {
        /* First of all: they may have left no place for the reader that is needed next. */
        lmdb_clear_stale_readers(env, log);
        rc = open_database(env);
    }
    return lmdb_status(rc);
}

/** The process's environment on the data file in DIRECTORY, if it has one. */
static lmdb_env_t *find_env(const char *directory, apr_pool_t *scratch_pool)
{
    const char *file = apr_pstrcat(scratch_pool, directory, "/" LMDB_DATA_FILE, NULL);
    struct stat st;

    if (stat(file, &st) != 0)
        return NULL;
    for (lmdb_env_t *env = envs; env != NULL; env = env->next) {
        /* One that came through fork(2) is the parent's. */
        if (env->device == (apr_uint64_t)st.st_dev && env->inode == (apr_uint64_t)st.st_ino &&
            env->pid == getpid())
            return env;
    }
    return NULL;
}

int lmdb_is_open_here(const char *directory, apr_pool_t *scratch_pool)
{
    int is_open;

    pthread_mutex_lock(&envs_mutex);
    is_open = find_env(directory, scratch_pool) != NULL;
    pthread_mutex_unlock(&envs_mutex);
    return is_open;
}

/** An environment that is yet to be opened. */
static apr_status_t make_env(lmdb_env_t **env_p)
{
    apr_pool_t *pool;
    apr_status_t status;

    /* Unmanaged: it may outlive the store that opened it first. */
    status = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (status != APR_SUCCESS)
        return status;
    *env_p = apr_pcalloc(pool, sizeof(**env_p));
    (*env_p)->pool = pool;
    status = apr_thread_mutex_create(&(*env_p)->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status != APR_SUCCESS)
        apr_pool_destroy(pool);
    return status;
}

static void destroy_env(lmdb_env_t *env)
{
    while (env->idle_count > 0)
        mdb_txn_abort(env->idle[--env->idle_count]);
    if (env->env != NULL)
        mdb_env_close(env->env);
    apr_pool_destroy(env->pool);
}

/** Open a new environment and add it to the process's.  The caller holds the mutex. */
static apr_status_t add_env(lmdb_env_t **env_p, const char *directory,
                            const lmdb_settings_t *settings, const store_t *log)
{
    lmdb_env_t *env;
    apr_status_t status = make_env(&env);
    struct stat st;
    int fd;

    if (status != APR_SUCCESS)
        return status;
    status = open_mdb(env, directory, settings, 0, log);
    if (status == APR_SUCCESS)
        status = lmdb_status(mdb_env_get_fd(env->env, &fd));
    if (status == APR_SUCCESS && fstat(fd, &st) != 0)
        status = errno;
    if (status != APR_SUCCESS) {
        destroy_env(env);
        return status;
    }
    env->device = (apr_uint64_t)st.st_dev;
    env->inode = (apr_uint64_t)st.st_ino;
    env->pid = getpid();
    env->settings = *settings;
    env->next = envs;
    envs = env;
    *env_p = env;
    return APR_SUCCESS;
}

/** Find or open the environment in DIRECTORY, and count one user more. */
static apr_status_t use_env(lmdb_env_t **env_p, const char *directory,
                            const lmdb_settings_t *settings, const store_t *log,
                            apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_SUCCESS;

    pthread_mutex_lock(&envs_mutex);
    *env_p = find_env(directory, scratch_pool);
    if (*env_p == NULL)
        status = add_env(env_p, directory, settings, log);
    else if ((*env_p)->settings.mapsize != settings->mapsize ||
             (*env_p)->settings.maxreaders != settings->maxreaders)
        store_log(log, STORE_LOG_WARNING, APR_SUCCESS,
                  "the store in %s is open already, with other settings, which stay", directory);
    if (status == APR_SUCCESS)
        (*env_p)->users++;
    pthread_mutex_unlock(&envs_mutex);
    return status;
}

static const backend_store_vtable_t store_vtable;

static apr_status_t open_store(void **backend_p, const backend_store_vtable_t **vtable_p,
                               const store_spec_t *spec, const store_t *log,
                               apr_pool_t *result_pool)
{
    lmdb_store_t *store = apr_pcalloc(result_pool, sizeof(*store));
    lmdb_settings_t settings;
    apr_status_t status = read_settings(&settings, spec, log);
    char words[256];

    if (status != APR_SUCCESS)
        return status;
    status = make_directory(spec->location);
    if (status == APR_SUCCESS)
        status = check_system(spec->location, &settings, log);
    if (status == APR_SUCCESS)
        status = check_files(spec->location, result_pool);
    if (status == APR_SUCCESS)
        status = use_env(&store->env, spec->location, &settings, log, result_pool);
    if (status != APR_SUCCESS) {
        store_log(log, STORE_LOG_ERROR, status, "could not open the store in %s: %s",
                  spec->location, store_strerror(status, words, sizeof(words)));
        return status;
    }
    store->log = log;
    *backend_p = store;
    *vtable_p = &store_vtable;
    return APR_SUCCESS;
}

static void close_store(void *backend)
{
    lmdb_env_t *env = ((lmdb_store_t *)backend)->env;

    pthread_mutex_lock(&envs_mutex);
    if (--env->users == 0) {
        lmdb_env_t **link = &envs;

        while (*link != env)
            link = &(*link)->next;
        *link = env->next;
        destroy_env(env);
    }
    pthread_mutex_unlock(&envs_mutex);
}

static const backend_store_vtable_t store_vtable = {
    .begin = lmdb_begin,
    .stat = lmdb_measure,
    .readers = lmdb_readers,
    .verify = lmdb_verify,
    .copy = lmdb_copy,
    .close = close_store,
};

/* ---- copies ---- */

static void close_copy(void *backend)
{
    destroy_env(((lmdb_store_t *)backend)->env);
}

static const backend_store_vtable_t copy_vtable = {
    .begin = lmdb_begin,
    .stat = lmdb_measure,
    .readers = lmdb_readers,
    .verify = lmdb_verify,
    .copy = lmdb_copy,
    .close = close_copy,
};

/** Whether all pages are in the file: what is missing cannot be read without a signal. */
static apr_status_t check_length(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat st;
    int fd, rc = mdb_env_info(env, &info);

    if (rc == MDB_SUCCESS)
        rc = mdb_env_stat(env, &stat);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_get_fd(env, &fd);
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    if (fstat(fd, &st) != 0)
        return errno;
    return (apr_uint64_t)st.st_size / stat.ms_psize > info.me_last_pgno ? APR_SUCCESS
                                                                        : STORE_CORRUPT;
}

/** MDB_assert_func: without words on standard error; whoever waits for us sees the signal. */
static void end_at_assertion(MDB_env *env, const char *message)
{
    (void)env;
    (void)message;
    abort();
}

static apr_status_t open_copy(void **backend_p, const backend_store_vtable_t **vtable_p,
                              const char *path, const store_t *log, apr_pool_t *result_pool)
{
    /* The map is as large as the copy says. */
    static const lmdb_settings_t settings = {.mapsize = 0, .maxreaders = LMDB_READERS_DEFAULT};
    lmdb_store_t *store = apr_pcalloc(result_pool, sizeof(*store));
    char words[256];
    struct stat st;
    apr_status_t status = make_env(&store->env);

    if (status != APR_SUCCESS)
        return status;
    if (stat(path, &st) != 0)
        status = errno;
    else if (!S_ISREG(st.st_mode) || st.st_size < COPY_SIZE_MIN)
        status = STORE_CORRUPT;
    if (status == APR_SUCCESS)
        status = open_mdb(store->env, path, &settings, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, log);
    if (status == APR_SUCCESS)
        status = check_length(store->env->env);
    if (status == APR_SUCCESS)
        status = lmdb_status(mdb_env_set_assert(store->env->env, end_at_assertion));
    if (status != APR_SUCCESS) {
        destroy_env(store->env);
        store_log(log, STORE_LOG_ERROR, status, "could not open the copy %s: %s", path,
                  store_strerror(status, words, sizeof(words)));
        return status;
    }
    store->log = log;
    *backend_p = store;
    *vtable_p = &copy_vtable;
    return APR_SUCCESS;
}

const backend_t backend_lmdb = {
    .name = "lmdb",
    .location_is_path = 1,
    .shared = 1,
    .params = params,
    .open = open_store,
    .files = files,
    .open_copy = open_copy,
    .restore = lmdb_restore,
};
