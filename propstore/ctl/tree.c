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

int ctl_tree(char **path_p, const ctl_t *ctl, const char *word, int filled)
{
    apr_finfo_t info;
    apr_size_t length;
    apr_status_t status;

    *path_p = NULL;
    status = apr_filepath_merge(path_p, NULL, word, APR_FILEPATH_NATIVE, ctl->pool);
    if (status == APR_SUCCESS)
        status = apr_stat(&info, *path_p, APR_FINFO_TYPE, ctl->pool);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", word);
    length = strlen(*path_p);
    while (length > 1 && (*path_p)[length - 1] == '/')
        (*path_p)[--length] = '\0';
    status = filled || info.filetype != APR_DIR ? has_members(*path_p) : APR_SUCCESS;
    if (APR_STATUS_IS_ENOENT(status))
        return ctl_fail(ctl, APR_SUCCESS, "%s is empty; is its file system mounted?", *path_p);
    return status == APR_SUCCESS ? CTL_FINE : ctl_fail(ctl, status, "%s", *path_p);
}
