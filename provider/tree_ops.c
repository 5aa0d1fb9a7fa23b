#include "provider/tree_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "provider/creation.h"
#include "provider/errmap.h"
#include "provider/lockcheck.h"
#include "provider/private.h"
#include "provider/removal.h"
#include "provider/resource.h"

/** A MKCOL under way. */
typedef struct making_t {
    const dav_resource *resource;
    dav_error *refused; /* it is locked meanwhile */
} making_t;

/** store_write_fn: make the directory, if locks still allow it.  There is nothing to commit. */
static apr_status_t make_directory(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    making_t *making = baton;
    const dav_resource *resource = making->resource;

    (void)scratch_pool;
    making->refused = lockcheck_again(resource->info->r, txn);
    if (making->refused != NULL)
        return STORE_LOCKED;
    return mkdir(resource->info->at, 0777) == 0 ? STORE_NOTHING : errno;
}

dav_error *tree_create_collection(dav_resource *resource)
{
    const dav_resource_private *info = resource->info;
    making_t making = {.resource = resource};
    apr_status_t status;

    if (info->settings.store == NULL)
        return errmap_no_store(resource->pool);
    status = creation_write(info->settings.store, info->pins, info->path, make_directory, &making,
                            resource->pool);
    if (making.refused != NULL)
        return making.refused;
    if (status == ENOENT || status == ENOTDIR)
        return errmap_error_as(resource->pool, HTTP_CONFLICT, status,
                               "There is no collection to make it in.");
    if (status == EEXIST)
        return errmap_error_as(resource->pool, HTTP_METHOD_NOT_ALLOWED, status,
                               "Could not make the collection.");
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not make the collection.");
    status = resource_sync_directory(resource, resource_parent_path(info->at, resource->pool));
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not make the collection durable.");
    /* Whatever has become of it since, it was made. */
    (void)resource_refresh(resource);
    return NULL;
}

apr_status_t tree_check(void *baton, store_txn_t *txn)
{
    tree_failures_t *failures = baton;

    failures->refused = lockcheck_again(failures->r, txn);
    return failures->refused == NULL ? APR_SUCCESS : STORE_LOCKED;
}

void tree_failed(void *baton, const char *below, int is_collection, apr_status_t status)
{
    tree_failures_t *failures = baton;
    dav_response *response;

    /* The top's own failure is the answer's status. */
    if (*below == '\0')
        return;
    response = apr_pcalloc(failures->pool, sizeof(*response));
    response->href =
        apr_pstrcat(failures->pool, strcmp(failures->uri, "/") == 0 ? "" : failures->uri, below,
                    is_collection ? "/" : "", NULL);
    response->status = errmap_status(status);
    response->next = failures->first;
    failures->first = response;
}

apr_status_t tree_may_remove(const char *path, apr_pool_t *scratch_pool)
{
    const char *parent = resource_parent_path(path, scratch_pool);

    return faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == 0 ? APR_SUCCESS : errno;
}

dav_error *tree_remove(dav_resource *resource, dav_response **response_p)
{
    store_t *store = resource->info->settings.store;
    tree_failures_t failures = {
        .r = resource->info->r, .uri = resource->uri, .pool = resource->pool};
    apr_status_t status;

    *response_p = NULL;
    /* That replaces it itself. */
    if (resource_is_destination(resource->info->r))
        return NULL;
    if (store == NULL)
        return errmap_no_store(resource->pool);
    /* If it cannot be taken out of its collection in the end, do not begin to empty it. */
    status = tree_may_remove(resource->info->at, resource->pool);
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not remove the resource.");

    status = removal_run(store, resource->info->pins, resource->info->path,
                         resource_is_relaxed(resource), tree_check, tree_failed, &failures,
                         resource->pool);
    if (failures.refused != NULL)
        return failures.refused;
    if (failures.first != NULL) {
        *response_p = failures.first;
        return dav_new_error(resource->pool, HTTP_MULTI_STATUS, 0, 0,
                             "Some members could not be removed.");
    }
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not remove the resource.");
    resource->exists = 0;
    resource->collection = 0;
    return NULL;
}
