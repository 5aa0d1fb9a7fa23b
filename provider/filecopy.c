#include "provider/filecopy.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

/** Bytes copied at a time by hand; a file of no more is copied so at once. */
#define COPY_SIZE (32 * 1024)

/** Let the copy share FROM_FD's blocks.  @return whether it does */
static int share_blocks(filecopy_t *found, int from_fd, const struct stat *from, int to_fd)
{
    if (from->st_size == 0 || (found->cannot_share && found->device == from->st_dev))
        return 0;
    if (ioctl(to_fd, FICLONE, from_fd) == 0)
        return 1;
    /* These are about the file systems, the others about this file. */
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EXDEV) {
        found->cannot_share = 1;
        found->device = from->st_dev;
    }
    return 0;
}

apr_status_t filecopy_write(int fd, const void *data, size_t length)
{
    const char *bytes = data;

    while (length > 0) {
        ssize_t wrote = write(fd, bytes, length);

        if (wrote < 0 && errno != EINTR)
            return errno;
        if (wrote > 0) {
            bytes += wrote;
            length -= (size_t)wrote;
        }
    }
    return APR_SUCCESS;
}

/**
 * Copy by hand from the current offsets on.
 * @param left bytes after which the end need not be looked for; if there are others, it is
 */
static apr_status_t copy_by_hand(int from_fd, int to_fd, off_t left)
{
    char buf[COPY_SIZE];
    ssize_t got;

    while ((got = read(from_fd, buf, sizeof(buf))) != 0) {
        apr_status_t status;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        status = filecopy_write(to_fd, buf, (size_t)got);
        left -= got;
        if (status != APR_SUCCESS || left == 0)
            return status;
    }
    return APR_SUCCESS;
}

apr_status_t filecopy_content(filecopy_t *found, int from_fd, const struct stat *from, int to_fd)
{
    off_t left = from->st_size;

    if (share_blocks(found, from_fd, from, to_fd))
        return APR_SUCCESS;
    while (left > COPY_SIZE) {
        ssize_t copied = copy_file_range(from_fd, NULL, to_fd, NULL, (size_t)1 << 30, 0);

        /* The kernel says so before it has copied anything. */
        if (copied == 0 || (copied < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                                           errno == EOPNOTSUPP || errno == EPERM)))
            break;
        if (copied < 0 && errno != EINTR)
            return errno;
        left -= copied > 0 ? copied : 0;
        if (left == 0)
            return APR_SUCCESS;
    }
    return copy_by_hand(from_fd, to_fd, left);
}
