#include "provider/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/dirscan.h"
#include "provider/tempfile.h"

int executable_parse(int *on_p, const char *value)
{
    *on_p = strcmp(value, "T") == 0;
    return *on_p || strcmp(value, "F") == 0;
}

/** What may be changed: a file that can be opened, or gone through. */
typedef struct target_t {
    int fd;
    int is_path; /* it cannot be read: FD is good for no more than its name */
    struct stat st;
} target_t;

static apr_status_t open_target(target_t *target, const char *path, const filestat_t *linked)
{
    apr_status_t status = dirscan_open_path(&target->fd, path, O_RDONLY | O_NONBLOCK, linked);

    target->is_path = status == EACCES;
    if (target->is_path)
        status = dirscan_open_path(&target->fd, path, O_PATH, linked);
    if (status != APR_SUCCESS)
        return status;
    if (fstat(target->fd, &target->st) == 0)
        return APR_SUCCESS;
    status = errno;
    close(target->fd);
    return status;
}

/** Set the permissions, durably. */
static apr_status_t set_mode(const target_t *target, mode_t mode)
{
    char self[64];

    if (!target->is_path)
        return fchmod(target->fd, mode) == 0 && fsync(target->fd) == 0 ? APR_SUCCESS : errno;
    snprintf(self, sizeof(self), TEMPFILE_DESCRIPTORS "/%d", target->fd);
    if (chmod(self, mode) != 0)
        return errno;
    /* That leaves syncing everything. */
    sync();
    return APR_SUCCESS;
}

apr_status_t executable_set(const char *path, const filestat_t *linked, int on, mode_t *old_mode_p)
{
    target_t target;
    mode_t mode;
    apr_status_t status = open_target(&target, path, linked);

    if (status != APR_SUCCESS)
        return status;
    *old_mode_p = target.st.st_mode & 07777;
    mode = on ? *old_mode_p | S_IXUSR : *old_mode_p & ~(mode_t)S_IXUSR;
    if (mode != *old_mode_p)
        status = set_mode(&target, mode);
    close(target.fd);
    return status;
}

apr_status_t executable_restore(const char *path, const filestat_t *linked, mode_t old_mode)
{
    target_t target;
    apr_status_t status = open_target(&target, path, linked);

    if (status != APR_SUCCESS)
        return status;
    status = set_mode(&target, old_mode);
    close(target.fd);
    return status;
}
