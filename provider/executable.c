#include "provider/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int executable_parse(int *on_p, const char *value)
{
    *on_p = strcmp(value, "T") == 0;
    return *on_p || strcmp(value, "F") == 0;
}

apr_status_t executable_set(const char *path, int on, mode_t *old_mode_p)
{
    struct stat st;
    mode_t mode;

    if (stat(path, &st) != 0)
        return errno;
    *old_mode_p = st.st_mode & 07777;
    mode = on ? *old_mode_p | S_IXUSR : *old_mode_p & ~(mode_t)S_IXUSR;
    if (mode == *old_mode_p)
        return APR_SUCCESS;
    return executable_restore(path, mode);
}

apr_status_t executable_restore(const char *path, mode_t old_mode)
{
    apr_status_t status = APR_SUCCESS;
    int fd;

    if (chmod(path, old_mode) != 0)
        return errno;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == EACCES) {
        /* One that may not be read: that leaves syncing everything. */
        sync();
        return APR_SUCCESS;
    }
    if (fd < 0)
        return errno;
    if (fsync(fd) != 0)
        status = errno;
    close(fd);
    return status;
}
