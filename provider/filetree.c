#include "provider/filetree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "provider/dirscan.h"
#include "provider/filecopy.h"
#include "provider/treesync.h"

/** What is the same for a whole tree. */
typedef struct job_t {
    filetree_failed_fn *failed;
    void *baton;
    apr_uint64_t reported; /* failures so far */
    filecopy_t found;      /* copying alone: of the file systems; */
    treesync_t sync;       /* what was made, to be synced */
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
    status = parent != NULL ? dirscan_open(&scan, parent, name, DIRSCAN_LINKS_RAW, pass_pool)
                            : dirscan_open_top(&scan, name, NULL, DIRSCAN_LINKS_RAW, pass_pool);
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

/** Copy FROM_FD, which is closed, to the new file NAME in AT_FD. */
static apr_status_t copy_open_file(job_t *job, int from_fd, int at_fd, const char *name)
{
    apr_status_t status = APR_SUCCESS;
    struct stat st;
    int to_fd;

    if (fstat(from_fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(from_fd);
        return ENOENT;
    }
    to_fd = openat(at_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
    if (to_fd < 0) {
        status = errno;
    } else {
        status = filecopy_content(&job->found, from_fd, &st, to_fd);
        if (status == APR_SUCCESS)
            status = treesync_add_file(&job->sync, to_fd);
        else
            close(to_fd);
        if (status != APR_SUCCESS)
            unlinkat(at_fd, name, 0);
    }
    close(from_fd);
    return status;
}

/** Copy the file NAME of FROM_FD into TO_FD. */
static apr_status_t copy_file(job_t *job, int from_fd, const char *name, int to_fd)
{
    int fd = openat(from_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    return fd >= 0 ? copy_open_file(job, fd, to_fd, name) : errno;
}

/** Make the link NAME of FROM_FD anew in TO_FD. */
static apr_status_t copy_link(int from_fd, const char *name, int to_fd, apr_pool_t *scratch_pool)
{
    /* Not on the stack, which a deep tree fills anyway. */
    char *target = apr_palloc(scratch_pool, PATH_MAX);
    ssize_t length = readlinkat(from_fd, name, target, PATH_MAX - 1);

    if (length < 0)
        return errno;
    target[length] = '\0';
    return symlinkat(target, to_fd, name) == 0 ? APR_SUCCESS : errno;
}

/** Make the collection NAME in AT_FD that is to become a copy of one with MODE. */
static apr_status_t make_collection(int at_fd, const char *name, mode_t mode)
{
    /* Without these we could not fill it. */
    return mkdirat(at_fd, name, (mode & 0777) | S_IRWXU) == 0 ? APR_SUCCESS : errno;
}

/** A collection being copied.  The copy is a scan too, so that it is filled where it was made. */
typedef struct copying_t {
    job_t *job;
    dirscan_t *to;
    const char *below;
} copying_t;

static apr_status_t copy_member(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                apr_pool_t *scratch_pool);

/** Copy SCAN's members into the collection TO.  @return APR_SUCCESS unless all is to end */
static apr_status_t copy_members(job_t *job, dirscan_t *scan, dirscan_t *to, const char *below,
                                 apr_pool_t *scratch_pool)
{
    copying_t copying = {job, to, below};

    return dirscan_each(scan, 0, copy_member, &copying, scratch_pool);
}

/** Copy INNER, the collection NAME, into TO.  @return APR_SUCCESS, or why it could not be begun */
static apr_status_t copy_into(job_t *job, dirscan_t *inner, const char *name, dirscan_t *to,
                              const char *below, apr_pool_t *scratch_pool)
{
    dirscan_t *inner_to;
    filestat_t st;
    apr_status_t status = filestat_read(&st, dirscan_fd(inner), "", FILESTAT_TARGET);

    if (status == APR_SUCCESS)
        status = make_collection(dirscan_fd(to), name, st.mode);
    if (status == APR_SUCCESS)
        status = dirscan_open(&inner_to, to, name, DIRSCAN_LINKS_RAW, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    status = copy_members(job, inner, inner_to, below, scratch_pool);
    if (status == APR_SUCCESS)
        status = treesync_add_collection(&job->sync, dirscan_fd(inner_to));
    dirscan_close(inner_to);
    return status;
}

/** Copy the collection NAME of SCAN into TO.  @return APR_SUCCESS, or why it could not be begun */
static apr_status_t copy_collection(job_t *job, dirscan_t *scan, const char *name, dirscan_t *to,
                                    const char *below, apr_pool_t *scratch_pool)
{
    dirscan_t *inner;
    /* Opened first: what cannot be read leaves no empty collection behind. */
    apr_status_t status = dirscan_open(&inner, scan, name, DIRSCAN_LINKS_RAW, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = copy_into(job, inner, name, to, below, scratch_pool);
    dirscan_close(inner);
    return status;
}

/** Copy one member of SCAN.  @return APR_SUCCESS unless all is to end */
static apr_status_t copy_member(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                apr_pool_t *scratch_pool)
{
    const copying_t *copying = baton;
    const char *below = apr_pstrcat(scratch_pool, copying->below, "/", entry->name, NULL);
    apr_status_t status = entry->status;

    if (dirscan_name_is_private(entry->name))
        return APR_SUCCESS;
    if (status == APR_SUCCESS && entry->kind == DIRSCAN_FILE)
        status = copy_file(copying->job, dirscan_fd(scan), entry->name, dirscan_fd(copying->to));
    else if (status == APR_SUCCESS && entry->kind == DIRSCAN_LINK)
        status = copy_link(dirscan_fd(scan), entry->name, dirscan_fd(copying->to), scratch_pool);
    else if (status == APR_SUCCESS && entry->kind == DIRSCAN_COLLECTION)
        status = copy_collection(copying->job, scan, entry->name, copying->to, below, scratch_pool);
    if (status == APR_SUCCESS || status == ENOENT || is_full(status))
        return status == ENOENT ? APR_SUCCESS : status;
    report(copying->job, below, entry->kind == DIRSCAN_COLLECTION, status);
    return APR_SUCCESS;
}

/** Make the copy TO, of a collection with MODE, and open it. */
static apr_status_t open_copy(dirscan_t **to_p, const char *to, mode_t mode,
                              apr_pool_t *result_pool)
{
    apr_status_t status = make_collection(AT_FDCWD, to, mode);

    return status == APR_SUCCESS ? dirscan_open_top(to_p, to, NULL, DIRSCAN_LINKS_RAW, result_pool)
                                 : status;
}

/** Copy SCAN, a collection with MODE, to TO, and make that durable. */
static apr_status_t copy_tree(job_t *job, dirscan_t *scan, mode_t mode, const char *to, int recurse,
                              apr_pool_t *scratch_pool)
{
    dirscan_t *copy;
    apr_status_t status = open_copy(&copy, to, mode, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = treesync_begin(&job->sync, dirscan_fd(copy));
    if (status == APR_SUCCESS) {
        if (recurse)
            status = copy_members(job, scan, copy, "", scratch_pool);
        status = treesync_end(&job->sync, status);
    }
    dirscan_close(copy);
    return status;
}

/** Copy FROM_FD, which is closed, to the new file TO, and make that durable. */
static apr_status_t copy_alone(job_t *job, int from_fd, const char *to)
{
    apr_status_t status;

    (void)treesync_begin(&job->sync, -1);
    status = copy_open_file(job, from_fd, AT_FDCWD, to);
    return treesync_end(&job->sync, status);
}

apr_status_t filetree_copy(const char *from, const filestat_t *linked, const char *to, int recurse,
                           filetree_failed_fn *failed, void *baton, apr_pool_t *scratch_pool)
{
    job_t job = {.failed = failed, .baton = baton};
    dirscan_t *scan;
    filestat_t st;
    int fd;
    apr_status_t status = dirscan_open_top(&scan, from, linked, DIRSCAN_LINKS_RAW, scratch_pool);

    if (status == ENOTDIR) {
        status = dirscan_open_path(&fd, from, O_RDONLY | O_NONBLOCK, linked);
        return status == APR_SUCCESS ? copy_alone(&job, fd, to) : status;
    }
    if (status != APR_SUCCESS)
        return status;
    status = filestat_read(&st, dirscan_fd(scan), "", FILESTAT_TARGET);
    if (status == APR_SUCCESS)
        status = copy_tree(&job, scan, st.mode, to, recurse, scratch_pool);
    dirscan_close(scan);
    return status;
}
