#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>

#include "propstore/lmdb/lmdb_int.h"

/** Bytes handed on in one go. */
#define CHUNK 65536
/** What a restored file is called until it is whole. */
#define NEW_FILE LMDB_DATA_FILE ".new"

/** Write all of FROM to TO. */
static apr_status_t pump(apr_file_t *to, apr_file_t *from, store_going_fn *going, void *baton)
{
    apr_uint64_t bytes = 0;
    char buf[CHUNK];

    for (;;) {
        apr_size_t length = sizeof(buf);
        apr_status_t status = apr_file_read(from, buf, &length);

        if (status == APR_EOF)
            return APR_SUCCESS;
        if (status == APR_SUCCESS)
            status = apr_file_write_full(to, buf, length, NULL);
        if (status != APR_SUCCESS)
            return status;
        bytes += length;
        if (going != NULL && !going(baton, bytes))
            return APR_EINTR;
    }
}

/* ---- copying ---- */

/** A copy being written into a pipe. */
typedef struct writer_t {
    MDB_env *env;
    int fd;
    int rc;
} writer_t;

static void *write_copy(void *baton)
{
    writer_t *writer = baton;

    writer->rc = mdb_env_copyfd2(writer->env, writer->fd, MDB_CP_COMPACT);
    close(writer->fd);
    return NULL;
}

/** Write ENV's copy through a pipe: LMDB's own writing can be neither watched nor stopped. */
static apr_status_t copy_env(MDB_env *env, apr_file_t *file, store_going_fn *going, void *baton,
                             apr_pool_t *scratch_pool)
{
    writer_t writer = {.env = env};
    apr_file_t *from;
    pthread_t thread;
    apr_status_t status;
    int ends[2], rc;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    writer.fd = ends[1];
    rc = pthread_create(&thread, NULL, write_copy, &writer);
    if (rc != 0) {
        close(ends[0]);
        close(ends[1]);
        return rc;
    }
    status = apr_os_pipe_put(&from, &ends[0], scratch_pool);
    if (status == APR_SUCCESS)
        status = pump(file, from, going, baton);
    /* Should it still write, it ends with EPIPE; LMDB keeps SIGPIPE away. */
    close(ends[0]);
    pthread_join(thread, NULL);
    if (status != APR_SUCCESS)
        return status;
    /* Here it means that the pages copied are not those the store should have. */
    return writer.rc == MDB_INCOMPATIBLE ? STORE_CORRUPT : lmdb_status(writer.rc);
}

apr_status_t lmdb_copy(void *backend, apr_file_t *file, store_going_fn *going, void *baton,
                       apr_pool_t *scratch_pool)
{
    const lmdb_store_t *store = backend;
    const backend_txn_vtable_t *vtable;
    backend_txn_t *txn;
    /* A transaction of our own sees to it that the map is large enough and stays where it is. */
    apr_status_t status = lmdb_begin(&txn, &vtable, backend, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = copy_env(store->env->env, file, going, baton, scratch_pool);
    vtable->abort(txn);
    return status;
}

/* ---- restoring ---- */

/**
 * Keep all others from opening the store in DIRECTORY, as LMDB does while it sets a store up: by
 * the lock on its lock file's first byte.  It is lost when the process closes the file, however
 * often it is open.
 * @param fd_p set to the lock file, open
 */
static apr_status_t claim(int *fd_p, int directory)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    int fd = openat(directory, LMDB_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    apr_status_t status;

    if (fd < 0)
        return errno;
    if (fcntl(fd, F_SETLK, &lock) == 0) {
        *fd_p = fd;
        return APR_SUCCESS;
    }
    status = errno == EACCES || errno == EAGAIN ? STORE_BUSY : errno;
    close(fd);
    return status;
}

/** Put FILE's bytes in the place of the data file, at once. */
static apr_status_t replace_data(int directory, apr_file_t *file, store_going_fn *going,
                                 void *baton, apr_pool_t *scratch_pool)
{
    apr_status_t status;
    apr_file_t *to;
    int fd;

    /* From a restoration that was killed: nobody else is here. */
    (void)unlinkat(directory, NEW_FILE, 0);
    fd = openat(directory, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    status = apr_os_file_put(&to, &fd, APR_FOPEN_WRITE | APR_FOPEN_BINARY, scratch_pool);
    if (status == APR_SUCCESS)
        status = pump(to, file, going, baton);
    if (status == APR_SUCCESS && fsync(fd) != 0)
        status = errno;
    close(fd);
    if (status == APR_SUCCESS && renameat(directory, NEW_FILE, directory, LMDB_DATA_FILE) != 0)
        status = errno;
    if (status != APR_SUCCESS)
        (void)unlinkat(directory, NEW_FILE, 0);
    else if (fsync(directory) != 0)
        status = errno;
    return status;
}

/**
 * Let LMDB make the lock file fit the new data, while this process has the claim: those who wait
 * for it take the file as it is.
 */
static apr_status_t renew_lock_file(const char *directory)
{
    MDB_env *env;
    int rc = mdb_env_create(&env);

    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    /* The file has room for as many readers as the first says who opens it. */
    rc = mdb_env_set_maxreaders(env, LMDB_READERS_DEFAULT);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(env, directory, MDB_NOTLS, 0600);
    mdb_env_close(env);
    return lmdb_status(rc);
}

static apr_status_t restore_into(int directory, const char *path, apr_file_t *file, int replace,
                                 store_going_fn *going, void *baton, apr_pool_t *scratch_pool)
{
    struct stat st;
    int lock_file = -1;
    apr_status_t status = claim(&lock_file, directory);

    if (status != APR_SUCCESS)
        return status;
    if (!replace && fstatat(directory, LMDB_DATA_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
        status = APR_EEXIST;
    if (status == APR_SUCCESS)
        status = replace_data(directory, file, going, baton, scratch_pool);
    if (status == APR_SUCCESS)
        status = renew_lock_file(path);
    close(lock_file);
    return status;
}

apr_status_t lmdb_restore(const char *path, apr_file_t *file, int replace, store_going_fn *going,
                          void *baton, apr_pool_t *scratch_pool)
{
    int directory, is_new = mkdir(path, 0700) == 0;
    apr_status_t status;

    if (!is_new && errno != EEXIST)
        return errno;
    /* The claim of a process that has the store open would be no claim, and end its locks. */
    if (lmdb_is_open_here(path, scratch_pool))
        return STORE_BUSY;
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno;
    status = restore_into(directory, path, file, replace, going, baton, scratch_pool);
    if (status != APR_SUCCESS && is_new) {
        (void)unlinkat(directory, LMDB_LOCK_FILE, 0);
        (void)rmdir(path);
    }
    close(directory);
    return status;
}
