#include "propstore/ctl/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

/** Whether PATH is one of the files that the store itself consists of. */
static int is_of_store(const store_spec_t *spec, const char *path, apr_pool_t *scratch_pool)
{
    struct stat mine, its;

    if (stat(path, &mine) != 0)
        return 0;
    for (const char *const *name = store_files(spec); *name != NULL; name++) {
        if (stat(apr_pstrcat(scratch_pool, store_spec_path(spec), "/", *name, NULL), &its) == 0 &&
            its.st_dev == mine.st_dev && its.st_ino == mine.st_ino)
            return 1;
    }
    return 0;
}

/** Give the temporary its name.  @return APR_SUCCESS; EEXIST; the system's error */
static apr_status_t rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return APR_SUCCESS;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* Not every file system can do that; two links for a moment do as well. */
    if (link(from, to) != 0)
        return errno;
    return unlink(from) == 0 ? APR_SUCCESS : errno;
}

/** The directory that PATH is in. */
static const char *directory_of(const char *path, apr_pool_t *result_pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    return slash == path ? "/" : apr_pstrmemdup(result_pool, path, (apr_size_t)(slash - path));
}

static apr_status_t sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t status;

    if (fd < 0)
        return errno;
    status = fsync(fd) == 0 ? APR_SUCCESS : errno;
    close(fd);
    return status;
}

int newfile_create(newfile_t *file, ctl_t *ctl, const store_spec_t *spec, const char *name)
{
    char *temp = apr_pstrcat(ctl->pool, name, ".XXXXXX", NULL);
    struct stat st;
    apr_status_t status;

    if (is_of_store(spec, name, ctl->pool))
        return ctl_fail(ctl, APR_SUCCESS, "%s is a file of the store itself", name);
    if (lstat(name, &st) == 0 && !S_ISREG(st.st_mode))
        return ctl_fail(ctl, APR_SUCCESS, "%s is there, and no plain file", name);
    if (lstat(name, &st) == 0 && ctl_option(ctl, 'f') == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s exists; --force replaces it", name);
    /* For its owner alone, which is what mkstemp(3) makes. */
    status = apr_file_mktemp(&file->file, temp,
                             APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL |
                                 APR_FOPEN_BINARY,
                             ctl->pool);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not create a file beside %s", name);
    file->name = name;
    file->temp = temp;
    return CTL_FINE;
}

/** Sync the temporary and put it in its place. */
static int put_in_place(ctl_t *ctl, const newfile_t *file)
{
    apr_status_t status = apr_file_sync(file->file);

    if (ctl_interrupted())
        return CTL_FAILED;
    if (status == APR_SUCCESS && ctl_option(ctl, 'f') == NULL)
        status = rename_new(file->temp, file->name);
    else if (status == APR_SUCCESS && rename(file->temp, file->name) != 0)
        status = errno;
    if (status == APR_SUCCESS)
        status = sync_directory(directory_of(file->name, ctl->pool));
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not put the new file in the place of %s", file->name);
    return CTL_FINE;
}

int newfile_finish(newfile_t *file, ctl_t *ctl, int result)
{
    if (result == CTL_FINE)
        result = put_in_place(ctl, file);
    if (result != CTL_FINE)
        (void)unlink(file->temp);
    return result;
}
