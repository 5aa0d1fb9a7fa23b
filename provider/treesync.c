#include "provider/treesync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "provider/tempfile.h"

/**
 * Whether syncfs(2) tells of what could not be written: since Linux 5.8, where each open file
 * remembers what its file system had failed at when it was opened.  Before, it was 0 even if
 * everything was lost.
 */
static int syncfs_tells(void)
{
    struct utsname system;
    unsigned major, minor;

    return uname(&system) == 0 && sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 8));
}

apr_status_t treesync_begin(treesync_t *sync, int top_fd)
{
    *sync = (treesync_t){.top = -1, .can_tell = syncfs_tells()};
    if (top_fd < 0)
        return APR_SUCCESS;
    /* As it is now: one that was opened later would not tell of what fails before. */
    sync->top = fcntl(top_fd, F_DUPFD_CLOEXEC, 0);
    return sync->top >= 0 ? APR_SUCCESS : errno;
}

static apr_status_t sync_and_close(int fd)
{
    apr_status_t status = tempfile_sync_open(fd);

    if (close(fd) != 0 && status == APR_SUCCESS)
        status = errno;
    return status;
}

apr_status_t treesync_add_file(treesync_t *sync, int fd)
{
    if (sync->count < TREESYNC_FEW) {
        sync->fds[sync->count++] = fd;
        return APR_SUCCESS;
    }
    if (!sync->can_tell)
        return sync_and_close(fd);
    sync->syncs_all = 1;
    return close(fd) == 0 ? APR_SUCCESS : errno;
}

apr_status_t treesync_add_collection(treesync_t *sync, int fd)
{
    int own = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (own >= 0)
        return treesync_add_file(sync, own);
    sync->syncs_all = 1;
    return APR_SUCCESS;
}

/** Sync what was added, and the top, one by one. */
static apr_status_t sync_each(const treesync_t *sync)
{
    apr_status_t status = APR_SUCCESS;

    /* Begun for all, the first wait is mostly for all. */
    for (int i = 0; i < sync->count && status == APR_SUCCESS; i++)
        status = tempfile_begin_sync(sync->fds[i]);
    for (int i = 0; i < sync->count && status == APR_SUCCESS; i++)
        status = tempfile_sync_open(sync->fds[i]);
    if (status == APR_SUCCESS && sync->top >= 0)
        status = tempfile_sync_open(sync->top);
    return status;
}

apr_status_t treesync_end(treesync_t *sync, apr_status_t status)
{
    if (status == APR_SUCCESS && (!sync->syncs_all || !sync->can_tell))
        status = sync_each(sync);
    if (status == APR_SUCCESS && sync->syncs_all && syncfs(sync->top) != 0)
        status = errno;
    while (sync->count > 0)
        close(sync->fds[--sync->count]);
    if (sync->top >= 0)
        close(sync->top);
    return status;
}
