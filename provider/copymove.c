#include "provider/copymove.h"

#include <errno.h>
#include <fcntl.h>

#include <http_log.h>

#include "provider/errmap.h"
#include "provider/filetree.h"
#include "provider/lockcheck.h"
#include "provider/metadata.h"
#include "provider/place.h"
#include "provider/private.h"
#include "provider/resource.h"
#include "provider/tempfile.h"
#include "provider/tree_ops.h"

APLOG_USE_MODULE(dav_depot);

/** A COPY or MOVE under way. */
typedef struct transfer_t {
    const dav_resource *src;
    dav_resource *dst;
    const char *from, *to;
    store_t *store;
    tree_failures_t failures;
    const char *source; /* what is renamed to the destination: FROM, or the staged copy */
    place_t place;
    int placed;         /* PLACE is done, and not undone */
    dav_error *refused; /* the destination was locked meanwhile */
    apr_pool_t *pool;   /* lifetime of the transfer */
} transfer_t;

static void begin(transfer_t *transfer, const dav_resource *src, dav_resource *dst)
{
    transfer->src = src;
    transfer->dst = dst;
    transfer->from = src->info->path;
    transfer->to = dst->info->path;
    transfer->store = dst->info->settings.store;
    transfer->failures.uri = src->uri;
    transfer->failures.first = NULL;
    transfer->failures.pool = dst->pool;
    transfer->placed = 0;
    transfer->refused = NULL;
    apr_pool_create(&transfer->pool, dst->pool);
    apr_pool_tag(transfer->pool, "depot_transfer");
}

/** Note what no longer matters to the client but should not have happened. */
static void complain(const transfer_t *transfer, apr_status_t status, const char *what)
{
    if (status != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, status, transfer->src->info->r, "%s: %s", transfer->to,
                      what);
}

/** Make a copy of the source beside the destination.  @param staged_p set to its path */
static apr_status_t stage(transfer_t *transfer, int recurse, const char **staged_p)
{
    apr_status_t status =
        tempfile_name(staged_p, resource_parent_path(transfer->to, transfer->pool), transfer->pool);

    if (status != APR_SUCCESS)
        return status;
    status = filetree_copy(transfer->from, *staged_p, recurse, tree_failed, &transfer->failures,
                           transfer->pool);
    if (status != APR_SUCCESS)
        (void)filetree_remove(*staged_p, NULL, NULL, transfer->pool);
    return status;
}

/** metadata_step_fn: put SOURCE at the destination, if locks still allow it. */
static apr_status_t place_source(void *baton, store_txn_t *txn)
{
    transfer_t *transfer = baton;
    apr_status_t status;

    transfer->refused = lockcheck_again(transfer->src->info->r, txn);
    if (transfer->refused != NULL)
        return STORE_LOCKED;
    if (transfer->placed)
        return APR_SUCCESS;
    status = place_begin(&transfer->place, transfer->source, transfer->to,
                         transfer->dst->info->replace, transfer->pool);
    transfer->placed = status == APR_SUCCESS;
    return status;
}

/** Keep what is in place if the store could follow; else undo it.  @return FOLLOWED */
static apr_status_t settle(transfer_t *transfer, apr_status_t followed)
{
    if (transfer->placed && followed == APR_SUCCESS)
        complain(transfer, place_finish(&transfer->place, transfer->pool),
                 "what was replaced is left");
    else if (transfer->placed)
        complain(transfer, place_undo(&transfer->place, transfer->pool), "could not be undone");
    transfer->placed = 0;
    return followed;
}

/** Put the staged copy in place, and the store in step with it. */
static apr_status_t place_copy(transfer_t *transfer, const char *staged, metadata_extent_e extent)
{
    transfer->source = staged;
    return settle(transfer, metadata_copy(transfer->store, transfer->from, transfer->to, extent,
                                          place_source, transfer, transfer->pool));
}

/** Copy, and put the copy in place. */
static apr_status_t copy_into_place(transfer_t *transfer, int recurse)
{
    metadata_extent_e extent = recurse ? METADATA_TREE : METADATA_SELF;
    const char *staged;
    apr_status_t status = stage(transfer, recurse, &staged);

    if (status != APR_SUCCESS)
        return status;
    if (transfer->failures.first != NULL)
        extent = METADATA_PRESENT;
    status = place_copy(transfer, staged, extent);
    if (status != APR_SUCCESS)
        (void)filetree_remove(staged, NULL, NULL, transfer->pool);
    return status;
}

/** Move within a file system.  @return EXDEV if it is not one */
static apr_status_t rename_into_place(transfer_t *transfer)
{
    transfer->source = transfer->from;
    return settle(transfer, metadata_move(transfer->store, transfer->from, transfer->to,
                                          place_source, transfer, transfer->pool));
}

/** Remove the source that was copied.  Members that stay are in the multistatus. */
static apr_status_t remove_source(transfer_t *transfer)
{
    apr_status_t removed =
        filetree_remove(transfer->from, tree_failed, &transfer->failures, transfer->pool);
    apr_status_t status;

    if (removed == APR_SUCCESS)
        return metadata_remove(transfer->store, transfer->from, transfer->pool);
    status = metadata_reconcile(transfer->store, transfer->from, transfer->pool);
    return transfer->failures.first != NULL ? status : removed;
}

/** Move to another file system: copy all of it or nothing, then remove the source. */
static apr_status_t move_across(transfer_t *transfer)
{
    const char *staged;
    apr_status_t status = tree_may_remove(transfer->from, transfer->pool);

    if (status == APR_SUCCESS)
        status = stage(transfer, 1, &staged);
    if (status != APR_SUCCESS)
        return status;
    if (transfer->failures.first == NULL)
        status = place_copy(transfer, staged, METADATA_TREE);
    if (status == APR_SUCCESS && transfer->failures.first == NULL)
        return remove_source(transfer);
    (void)filetree_remove(staged, NULL, NULL, transfer->pool);
    return status;
}

static int is_gone(const char *path)
{
    filestat_t st;

    return filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK) == ENOENT;
}

/** What to answer. */
static dav_error *finish(transfer_t *transfer, apr_status_t status, dav_response **response_p)
{
    dav_resource *dst = transfer->dst;
    apr_pool_t *pool = dst->pool;

    apr_pool_destroy(transfer->pool);
    *response_p = NULL;
    if (transfer->refused != NULL)
        return transfer->refused;
    if (status == ENOENT && is_gone(transfer->from))
        return errmap_error(pool, status, "Somebody else was first at the source.");
    if (status == ENOENT || status == ENOTDIR)
        return errmap_error_as(pool, HTTP_CONFLICT, status,
                               "There is no collection at the destination to put it in.");
    if (status == EEXIST)
        return errmap_error_as(pool, HTTP_PRECONDITION_FAILED, status,
                               "Somebody else was first at the destination.");
    if (status != APR_SUCCESS)
        return errmap_error(pool, status, "Could not put it at the destination.");

    dst->info->replace = 0;
    status = resource_refresh(dst);
    if (transfer->failures.first != NULL) {
        *response_p = transfer->failures.first;
        return dav_new_error(pool, HTTP_MULTI_STATUS, 0, 0, "Some members failed.");
    }
    if (status != APR_SUCCESS)
        return errmap_error(pool, status, "The destination is gone again.");
    return NULL;
}

dav_error *copymove_copy(const dav_resource *src, dav_resource *dst, int depth,
                         dav_response **response_p)
{
    transfer_t transfer;

    if (dst->info->settings.store == NULL)
        return errmap_no_store(dst->pool);
    begin(&transfer, src, dst);
    return finish(&transfer, copy_into_place(&transfer, depth != 0), response_p);
}

dav_error *copymove_move(dav_resource *src, dav_resource *dst, dav_response **response_p)
{
    transfer_t transfer;
    apr_status_t status;
    dav_error *err;

    if (dst->info->settings.store == NULL)
        return errmap_no_store(dst->pool);
    begin(&transfer, src, dst);
    status = rename_into_place(&transfer);
    if (status == EXDEV)
        status = move_across(&transfer);
    err = finish(&transfer, status, response_p);
    if (err == NULL) {
        src->exists = 0;
        src->collection = 0;
    }
    return err;
}
