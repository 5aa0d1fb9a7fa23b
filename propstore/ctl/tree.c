#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "propstore/ctl/ctl.h"

/** Whether the directory PATH has members.  @return APR_SUCCESS; ENOENT if not; an error */
static apr_status_t has_members(const char *path)
{
    DIR *stream = opendir(path);
    const struct dirent *entry;
    apr_status_t status = ENOENT;

    if (stream == NULL)
        return errno;
    while (status != APR_SUCCESS && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lost+found") != 0)
            status = APR_SUCCESS;
    }
    closedir(stream);
    return status;
}

char *ctl_path(const char *word, apr_pool_t *result_pool)
{
    char *path = NULL;
    apr_size_t length;

    if (apr_filepath_merge(&path, NULL, word, APR_FILEPATH_NATIVE, result_pool) != APR_SUCCESS)
        return NULL;
    length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    return path;
}

int ctl_tree(char **path_p, const ctl_t *ctl, const char *word, int filled)
{
    apr_finfo_t info;
    char *path = ctl_path(word, ctl->pool);
    apr_status_t status = path != NULL ? apr_stat(&info, path, APR_FINFO_TYPE, ctl->pool) : ENOENT;

    *path_p = path;
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", word);
    status = filled || info.filetype != APR_DIR ? has_members(path) : APR_SUCCESS;
    if (APR_STATUS_IS_ENOENT(status))
        return ctl_fail(ctl, APR_SUCCESS, "%s is empty; is its file system mounted?", path);
    return status == APR_SUCCESS ? CTL_FINE : ctl_fail(ctl, status, "%s", path);
}
