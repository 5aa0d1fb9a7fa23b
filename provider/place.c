#include "provider/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "propstore/filestat.h"
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

/**
 * Rename FROM to TO, where a file is, and keep that as OLD.
 * @return APR_SUCCESS; EXDEV; what else means that it cannot be done so
 */
static apr_status_t move_over_file(const char *from, const char *to, const char *old)
{
    apr_status_t status;

    /* With a second name for it, one rename does all the rest. */
    if (link(to, old) != 0)
        return errno;
    status = move_file(from, to, 0);
    if (status != APR_SUCCESS)
        (void)unlink(old);
    return status;
}

/** Rename FROM to TO, where something is, and keep that as OLD. */
static apr_status_t move_over(const char *from, const char *to, const char *old)
{
    apr_status_t status = move_over_file(from, to, old);

    if (status == APR_SUCCESS || status == EXDEV)
        return status;
    status = move_file(from, to, RENAME_EXCHANGE);
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
    return status;
}

apr_status_t place_plan(place_t *place, const pins_t *pins, const char *from, const char *to,
                        int replace, apr_pool_t *result_pool)
{
    *place = (place_t){.from = from, .to = to, .pins = pins, .replace = replace};
    return replace ? tempfile_name(&place->old, resource_parent_path(to, result_pool), result_pool)
                   : APR_SUCCESS;
}

apr_status_t place_rename(place_t *place, apr_pool_t *scratch_pool)
{
    const char *from = pins_path(place->pins, place->from, scratch_pool);
    const char *to = pins_path(place->pins, place->to, scratch_pool);
    apr_status_t status;

    if (!place->replace)
        return move_new(from, to);
    if (place->old == NULL)
        return move_file(from, to, 0);
    status = move_over(from, to, pins_path(place->pins, place->old, scratch_pool));
    if (status != ENOENT)
        return status;
    /* What was to be replaced is gone. */
    place->old = NULL;
    return move_new(from, to);
}

apr_status_t place_sync(const place_t *place, apr_pool_t *scratch_pool)
{
    const char *from = pins_path(place->pins, place->from, scratch_pool);
    const char *to = pins_path(place->pins, place->to, scratch_pool);
    const char *from_parent = resource_parent_path(from, scratch_pool);
    const char *to_parent = resource_parent_path(to, scratch_pool);
    apr_status_t status = tempfile_sync_directory(to_parent);

    if (status == APR_SUCCESS && strcmp(from_parent, to_parent) != 0)
        status = tempfile_sync_directory(from_parent);
    return status;
}
