#include "provider/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "provider/filestat.h"
#include "provider/filetree.h"
#include "provider/resource.h"
#include "provider/tempfile.h"

static apr_status_t move_file(const char *from, const char *to, unsigned flags)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) == 0 ? APR_SUCCESS : errno;
}

/** Rename FROM to TO, where nothing may be. */
static apr_status_t move_new(const char *from, const char *to)
{
    apr_status_t status = move_file(from, to, RENAME_NOREPLACE);
    filestat_t st;

    /* A file system that cannot promise it: look first. */
    if (status == EINVAL || status == ENOSYS) {
        if (filestat_read(&st, AT_FDCWD, to, FILESTAT_LINK) == APR_SUCCESS)
            return EEXIST;
        status = move_file(from, to, 0);
    }
    return status;
}

apr_status_t place_begin(place_t *place, const char *from, const char *to, int replace,
                         apr_pool_t *result_pool)
{
    apr_status_t status;
    const char *old;

    memset(place, 0, sizeof(*place));
    place->from = from;
    place->to = to;
    if (!replace)
        return move_new(from, to);

    status = tempfile_name(&old, resource_parent_path(to, result_pool), result_pool);
    if (status != APR_SUCCESS)
        return status;
    status = move_file(from, to, RENAME_EXCHANGE);
    if (status == ENOENT)
        return move_new(from, to);
    if (status == APR_SUCCESS) {
        /* What was replaced now has the source's name, under which it must not be seen. */
        status = move_file(from, old, 0);
        if (status != APR_SUCCESS)
            (void)move_file(from, to, RENAME_EXCHANGE);
    } else if (status == EINVAL || status == ENOSYS) {
        /* No exchange here: for a moment there is nothing. */
        status = move_file(to, old, 0);
        if (status == APR_SUCCESS && (status = move_file(from, to, 0)) != APR_SUCCESS)
            (void)move_file(old, to, 0);
    }
    if (status == APR_SUCCESS)
        place->old = old;
    return status;
}

apr_status_t place_undo(const place_t *place)
{
    apr_status_t status = move_file(place->to, place->from, 0);

    if (status == APR_SUCCESS && place->old != NULL)
        status = move_file(place->old, place->to, 0);
    return status;
}

apr_status_t place_finish(const place_t *place, apr_pool_t *scratch_pool)
{
    const char *from_parent = resource_parent_path(place->from, scratch_pool);
    const char *to_parent = resource_parent_path(place->to, scratch_pool);
    apr_status_t status = tempfile_sync_directory(to_parent);

    if (status == APR_SUCCESS && strcmp(from_parent, to_parent) != 0)
        status = tempfile_sync_directory(from_parent);
    if (place->old != NULL) {
        apr_status_t removed = filetree_remove(place->old, NULL, NULL, scratch_pool);

        if (status == APR_SUCCESS)
            status = removed;
    }
    return status;
}
