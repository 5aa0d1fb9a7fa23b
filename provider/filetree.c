#include "provider/filetree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "provider/dirscan.h"
#include "provider/tempfile.h"

/** What is the same for a whole tree. */
typedef struct job_t {
    filetree_failed_fn *failed;
    void *baton;
    apr_uint64_t reported; /* failures so far */
} job_t;

static void report(job_t *job, const char *below, int is_collection, apr_status_t status)
{
    job->reported++;
    if (job->failed != NULL)
        job->failed(job->baton, below, is_collection, status);
}

static int is_full(apr_status_t status)
{
    return status == ENOSPC || status == EDQUOT;
}

/* ---- removing ---- */

static apr_status_t remove_collection(job_t *job, dirscan_t *parent, const char *name,
                                      const char *below, apr_pool_t *scratch_pool);

/** A collection being emptied. */
typedef struct emptying_t {
    job_t *job;
    const char *below;
    int removed;        /* members that are gone */
    apr_status_t first; /* why the first that stayed did */
} emptying_t;

/** Remove one member of SCAN, or note why it is still there. */
static apr_status_t remove_member(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                  apr_pool_t *scratch_pool)
{
    emptying_t *emptying = baton;
    const char *path = apr_pstrcat(scratch_pool, emptying->below, "/", entry->name, NULL);
    apr_status_t status = APR_SUCCESS;

    if (entry->kind == DIRSCAN_COLLECTION) {
        status = remove_collection(emptying->job, scan, entry->name, path, scratch_pool);
    } else if (unlinkat(dirscan_fd(scan), entry->name, 0) != 0 && errno != ENOENT) {
        status = errno;
        report(emptying->job, path, 0, status);
    }
    emptying->removed += status == APR_SUCCESS;
    if (emptying->first == APR_SUCCESS)
        emptying->first = status;
    return APR_SUCCESS;
}

/**
 * Remove the members of the collection NAME of PARENT, once through.
 * @param removed_p set to how many are gone
 * @return APR_SUCCESS, or why the first that stayed did
 */
static apr_status_t empty_collection(job_t *job, dirscan_t *parent, const char *name,
                                     const char *below, int *removed_p, apr_pool_t *scratch_pool)
{
    emptying_t emptying = {.job = job, .below = below};
    apr_pool_t *pass_pool;
    apr_status_t status;
    dirscan_t *scan;

    apr_pool_create(&pass_pool, scratch_pool);
    status = dirscan_open(&scan, parent, name, DIRSCAN_LINKS_RAW, pass_pool);
    if (status == APR_SUCCESS)
        status = dirscan_each(scan, 0, remove_member, &emptying, pass_pool);
    apr_pool_destroy(pass_pool);
    *removed_p = emptying.removed;
    return emptying.first != APR_SUCCESS ? emptying.first : status;
}

/** Remove the collection NAME of PARENT, or at the path NAME if PARENT is NULL. */
static apr_status_t remove_collection(job_t *job, dirscan_t *parent, const char *name,
                                      const char *below, apr_pool_t *scratch_pool)
{
    apr_uint64_t reported = job->reported;
    apr_status_t status;
    int removed, fd;

    /* Again where a directory hid members while it shrank, or somebody added some. */
    do {
        status = empty_collection(job, parent, name, below, &removed, scratch_pool);
        /* What cannot be read can be removed all the same if it is empty. */
        fd = parent != NULL ? dirscan_fd(parent) : AT_FDCWD;
        if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return APR_SUCCESS;
        if (status == APR_SUCCESS && errno != ENOTEMPTY && errno != EEXIST)
            status = errno;
    } while (status == APR_SUCCESS && removed > 0);

    if (status == APR_SUCCESS)
        status = ENOTEMPTY;
    /* That a member stayed says enough of what is above it. */
    if (job->reported == reported)
        report(job, below, 1, status);
    return status;
}

apr_status_t filetree_remove(const char *path, filetree_failed_fn *failed, void *baton,
                             apr_pool_t *scratch_pool)
{
    job_t job = {.failed = failed, .baton = baton};
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK);

    if (status != APR_SUCCESS)
        return status;
    if (S_ISDIR(st.mode))
        return remove_collection(&job, NULL, path, "", scratch_pool);
    return unlink(path) == 0 ? APR_SUCCESS : errno;
}

/* ---- copying ---- */

/** Copy one file; what was begun is removed if it fails.  @param sync whether to sync it */
static apr_status_t copy_file(int at_fd, const char *name, const char *to, int sync)
{
    int from_fd = openat(at_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), to_fd;
    apr_status_t status = APR_SUCCESS;
    struct stat st;

    if (from_fd < 0)
        return errno;
    if (fstat(from_fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(from_fd);
        return ENOENT;
    }
    to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
    if (to_fd < 0) {
        status = errno;
    } else {
        status = tempfile_copy_content(from_fd, to_fd);
        if (status == APR_SUCCESS && sync && fsync(to_fd) != 0)
            status = errno;
        if (close(to_fd) != 0 && status == APR_SUCCESS)
            status = errno;
        if (status != APR_SUCCESS)
            unlink(to);
    }
    close(from_fd);
    return status;
}

static apr_status_t copy_link(int at_fd, const char *name, const char *to, apr_pool_t *scratch_pool)
{
    /* Not on the stack, which a deep tree fills anyway. */
    char *target = apr_palloc(scratch_pool, PATH_MAX);
    ssize_t length = readlinkat(at_fd, name, target, PATH_MAX - 1);

    if (length < 0)
        return errno;
    target[length] = '\0';
    return symlink(target, to) == 0 ? APR_SUCCESS : errno;
}

/** Make the collection that is to become a copy of one with MODE. */
static apr_status_t make_collection(const char *to, mode_t mode)
{
    /* Without these we could not fill it. */
    return mkdir(to, (mode & 0777) | S_IRWXU) == 0 ? APR_SUCCESS : errno;
}

/** A collection being copied. */
typedef struct copying_t {
    job_t *job;
    const char *to, *below;
} copying_t;

static apr_status_t copy_member(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                apr_pool_t *scratch_pool);

/** Copy SCAN's members into the collection TO.  @return APR_SUCCESS unless all is to end */
static apr_status_t copy_members(job_t *job, dirscan_t *scan, const char *to, const char *below,
                                 apr_pool_t *scratch_pool)
{
    copying_t copying = {job, to, below};

    return dirscan_each(scan, 1, copy_member, &copying, scratch_pool);
}

/** Copy the collection NAME of SCAN.  @return APR_SUCCESS, or why it could not be begun */
static apr_status_t copy_collection(job_t *job, dirscan_t *scan, const dirscan_entry_t *entry,
                                    const char *to, const char *below, apr_pool_t *scratch_pool)
{
    dirscan_t *inner;
    /* Opened first: what cannot be read leaves no empty collection behind. */
    apr_status_t status = dirscan_open(&inner, scan, entry->name, DIRSCAN_LINKS_RAW, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = make_collection(to, entry->st.mode);
    if (status == APR_SUCCESS)
        status = copy_members(job, inner, to, below, scratch_pool);
    dirscan_close(inner);
    return status;
}

/** Copy one member of SCAN.  @return APR_SUCCESS unless all is to end */
static apr_status_t copy_member(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                apr_pool_t *scratch_pool)
{
    const copying_t *copying = baton;
    const char *to = apr_pstrcat(scratch_pool, copying->to, "/", entry->name, NULL);
    const char *below = apr_pstrcat(scratch_pool, copying->below, "/", entry->name, NULL);
    apr_status_t status = entry->status;

    if (dirscan_name_is_private(entry->name))
        return APR_SUCCESS;
    if (status == APR_SUCCESS && entry->kind == DIRSCAN_FILE)
        status = copy_file(dirscan_fd(scan), entry->name, to, 0);
    else if (status == APR_SUCCESS && entry->kind == DIRSCAN_LINK)
        status = copy_link(dirscan_fd(scan), entry->name, to, scratch_pool);
    else if (status == APR_SUCCESS && entry->kind == DIRSCAN_COLLECTION)
        status = copy_collection(copying->job, scan, entry, to, below, scratch_pool);
    if (status == APR_SUCCESS || status == ENOENT || is_full(status))
        return status == ENOENT ? APR_SUCCESS : status;
    report(copying->job, below, entry->kind == DIRSCAN_COLLECTION, status);
    return APR_SUCCESS;
}

/** Make the collection TO and what was written into it durable, all at once. */
static apr_status_t sync_tree(const char *to)
{
    int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    apr_status_t status;

    if (fd < 0)
        return errno;
    status = syncfs(fd) == 0 ? APR_SUCCESS : errno;
    close(fd);
    return status;
}

apr_status_t filetree_copy(const char *from, const char *to, int recurse,
                           filetree_failed_fn *failed, void *baton, apr_pool_t *scratch_pool)
{
    job_t job = {.failed = failed, .baton = baton};
    dirscan_t *scan;
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, from, FILESTAT_TARGET);

    if (status != APR_SUCCESS)
        return status;
    if (!S_ISDIR(st.mode)) {
        /* The top may be a link: the resource is what it points to. */
        char target[PATH_MAX];

        return realpath(from, target) != NULL ? copy_file(AT_FDCWD, target, to, 1) : errno;
    }
    status = dirscan_open(&scan, NULL, from, DIRSCAN_LINKS_RAW, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    status = make_collection(to, st.mode);
    if (status == APR_SUCCESS && recurse)
        status = copy_members(&job, scan, to, "", scratch_pool);
    dirscan_close(scan);
    if (status != APR_SUCCESS)
        return status;
    return recurse ? sync_tree(to) : tempfile_sync_directory(to);
}
