#include "provider/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "provider/private.h"
#include "provider/recovery.h"
#include "provider/resource.h"

/** Looks at a resource that does not come to rest. */
#define TRIES_MAX 1000

/** Whether A and B are the same file in the same state; of a collection, whatever its members. */
static int is_same_state(const filestat_t *a, const filestat_t *b)
{
    return a->inode == b->inode && a->device == b->device && a->mode == b->mode &&
           (S_ISDIR(a->mode) || (a->ctime_ns == b->ctime_ns && a->size == b->size));
}

/** End the transaction.  @return STATUS */
static apr_status_t drop(snapshot_t *snapshot, apr_status_t status)
{
    snapshot_end(snapshot);
    return status;
}

/**
 * Read what the store knows of RESOURCE.
 * @return APR_SUCCESS if it belongs to RESOURCE's state; EAGAIN if not; ENOENT if its collection
 *         was moved; the store's error
 */
static apr_status_t read_once(snapshot_t *snapshot, const dav_resource *resource,
                              apr_pool_t *result_pool)
{
    const char *path = resource->info->path;
    filestat_t now;
    apr_status_t status =
        recovery_read(&snapshot->txn, resource->info->settings.store, path, result_pool);

    if (status != APR_SUCCESS) {
        snapshot->txn = NULL;
        return status;
    }
    status = nodes_find(&snapshot->node, snapshot->txn, path);
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return drop(snapshot, status);
    /* What is held may have been moved away, and what is known of it with it. */
    status = pins_check(resource->info->pins, path);
    if (status != APR_SUCCESS)
        return drop(snapshot, status);
    if (resource_look(&now, resource) != APR_SUCCESS || !is_same_state(&now, &resource->info->st))
        return drop(snapshot, EAGAIN);
    return APR_SUCCESS;
}

apr_status_t snapshot_begin(snapshot_t *snapshot, dav_resource *resource, apr_pool_t *result_pool)
{
    apr_status_t status = read_once(snapshot, resource, result_pool);

    for (int tries = 1; status == EAGAIN && tries < TRIES_MAX; tries++) {
        status = resource_refresh(resource);
        if (status == APR_SUCCESS)
            status = read_once(snapshot, resource, result_pool);
    }
    return status == EAGAIN ? STORE_BUSY : status;
}

void snapshot_end(snapshot_t *snapshot)
{
    if (snapshot->txn != NULL)
        store_abort(snapshot->txn);
    snapshot->txn = NULL;
}
