#include "provider/copymove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <http_log.h>

#include "propstore/intents.h"
#include "provider/errmap.h"
#include "provider/filetree.h"
#include "provider/metadata.h"
#include "provider/place.h"
#include "provider/private.h"
#include "provider/removal.h"
#include "provider/resource.h"
#include "provider/tempfile.h"
#include "provider/tree_ops.h"

APLOG_USE_MODULE(dav_depot);

/**
 * A COPY or MOVE under way.  Both end with a rename to the destination: of the source, or of a
 * copy that was made beside the destination, under a private name, with a copy of the metadata.
 */
typedef struct transfer_t {
    const dav_resource *src;
    dav_resource *dst;
    const char *from, *to;
    store_t *store;
    tree_failures_t failures;
    int copies;       /* what is renamed is a copy */
    int recurse;      /* its members are copied too */
    place_t place;    /* the rename */
    int placed;       /* it is done, and not undone */
    int done;         /* there was nothing for the store to do */
    intent_t intent;  /* what is to be done, */
    int journaled;    /* if that is in the store */
    apr_pool_t *pool; /* lifetime of the transfer */
} transfer_t;

static void begin(transfer_t *transfer, const dav_resource *src, dav_resource *dst)
{
    memset(transfer, 0, sizeof(*transfer));
    transfer->src = src;
    transfer->dst = dst;
    transfer->from = src->info->path;
    transfer->to = dst->info->path;
    transfer->store = dst->info->settings.store;
    transfer->failures.uri = src->uri;
    transfer->failures.r = src->info->r;
    transfer->failures.pool = dst->pool;
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

/* ---- the intent ---- */

/** Write down what is to be done, in the place of what was. */
static apr_status_t put_intent(transfer_t *transfer, store_txn_t *txn, apr_pool_t *scratch_pool)
{
    return transfer->intent.id != 0 ? intents_replace(txn, &transfer->intent, scratch_pool)
                                    : intents_add(txn, &transfer->intent, scratch_pool);
}

/** Make it the intent to remove PATH, which nobody misses. */
static void intend_removal(transfer_t *transfer, const char *path)
{
    apr_uint64_t id = transfer->intent.id;

    transfer->intent = (intent_t){
        .id = id, .kind = INTENT_REMOVE, .temporary = 1, .from = path, .to = "", .old = ""};
}

static apr_status_t journal_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    transfer_t *transfer = baton;

    return put_intent(transfer, txn, scratch_pool);
}

/** store_write_fn: nothing of the intent is left to do; a copy that was not placed is no more. */
static apr_status_t drop_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const transfer_t *transfer = baton;
    apr_status_t status = APR_SUCCESS;

    if (transfer->intent.temporary)
        status = nodes_remove(txn, transfer->intent.from, scratch_pool);
    if (status == APR_SUCCESS)
        status = intents_remove(txn, transfer->intent.id);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

static void drop_intent(transfer_t *transfer)
{
    if (transfer->journaled)
        complain(transfer, store_write(transfer->store, drop_body, transfer, transfer->pool),
                 "its intent is left");
    transfer->journaled = 0;
}

/* ---- the rename ---- */

/** Rename, if that is not done. */
static apr_status_t place_source(transfer_t *transfer)
{
    apr_status_t status;

    if (transfer->placed)
        return APR_SUCCESS;
    status = place_begin(&transfer->place, transfer->pool);
    transfer->placed = status == APR_SUCCESS;
    return status;
}

/** Whether a rename alone does it all: in one step, with nothing for the store to follow. */
static int is_simple(const transfer_t *transfer)
{
    return transfer->intent.from_node == 0 && transfer->intent.to_node == 0 &&
           (!transfer->dst->info->replace ||
            (!transfer->src->collection && !transfer->dst->collection));
}

/** Copy the source's metadata to its copy. */
static apr_status_t copy_metadata(const transfer_t *transfer, store_txn_t *txn,
                                  apr_pool_t *scratch_pool)
{
    apr_status_t status =
        nodes_copy(txn, transfer->from, transfer->place.from, transfer->recurse, scratch_pool);

    if (status == APR_SUCCESS && transfer->failures.first != NULL)
        status = nodes_retain(txn, transfer->place.from, metadata_is_there, NULL, scratch_pool);
    return status;
}

/** store_write_fn: do what is simple, or write down what is to be done. */
static apr_status_t plan(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    transfer_t *transfer = baton;
    intent_t *intent = &transfer->intent;
    const place_t *place = &transfer->place;
    apr_status_t status = tree_check(&transfer->failures, txn);

    if (status == APR_SUCCESS)
        status = metadata_node_id(&intent->from_node, txn, transfer->from);
    if (status == APR_SUCCESS)
        status = metadata_node_id(&intent->to_node, txn, transfer->to);
    if (status != APR_SUCCESS)
        return status;
    if (is_simple(transfer)) {
        status = place_source(transfer);
        transfer->done = transfer->placed;
        return status == APR_SUCCESS ? STORE_NOTHING : status;
    }
    if (transfer->copies) {
        status = copy_metadata(transfer, txn, scratch_pool);
        if (status == APR_SUCCESS)
            status = metadata_node_id(&intent->from_node, txn, place->from);
    }
    intent->kind = INTENT_MOVE;
    intent->temporary = transfer->copies;
    intent->from = place->from;
    intent->to = place->to;
    intent->old = place->old != NULL ? place->old : "";
    return status == APR_SUCCESS ? put_intent(transfer, txn, scratch_pool) : status;
}

/** store_write_fn: rename, and follow. */
static apr_status_t step(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    transfer_t *transfer = baton;
    const place_t *place = &transfer->place;
    intent_t *intent = &transfer->intent;
    intent_t done = *intent;
    apr_status_t status = tree_check(&transfer->failures, txn);

    if (status == APR_SUCCESS)
        status = place_source(transfer);
    /* What was known of TO goes, whatever the source has. */
    if (status == APR_SUCCESS)
        status = nodes_remove(txn, place->to, scratch_pool);
    if (status == APR_SUCCESS)
        status = metadata_move(txn, place->from, intent->from_node, place->to, scratch_pool);
    if (status != APR_SUCCESS || place->old == NULL)
        return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
    done.kind = INTENT_REMOVE;
    done.temporary = 1;
    done.from = place->old;
    done.to = done.old = "";
    return intents_replace(txn, &done, scratch_pool);
}

/** Undo the rename, and forget that it was intended. */
static void undo(transfer_t *transfer)
{
    if (transfer->placed)
        complain(transfer, place_undo(&transfer->place, transfer->pool), "could not be undone");
    transfer->placed = 0;
    drop_intent(transfer);
}

/** Remove what was replaced. */
static void finish_place(transfer_t *transfer)
{
    if (transfer->place.old == NULL)
        return;
    complain(transfer, place_finish(&transfer->place, transfer->pool), "what was replaced is left");
    if (transfer->journaled)
        intend_removal(transfer, transfer->place.old);
    drop_intent(transfer);
}

/** Rename SOURCE to the destination, with its metadata, in the place of what is there. */
static apr_status_t move_into_place(transfer_t *transfer, const char *source)
{
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, source, FILESTAT_LINK);

    if (status == APR_SUCCESS)
        status = place_plan(&transfer->place, source, transfer->to, transfer->dst->info->replace,
                            transfer->pool);
    if (status != APR_SUCCESS)
        return status;
    transfer->intent.inode = st.inode;
    transfer->intent.birth_ns = st.birth_ns;
    status = store_write_settled(transfer->store, plan, transfer, transfer->pool);
    if (status == APR_SUCCESS && !transfer->done) {
        transfer->journaled = 1;
        status = store_write_settled(transfer->store, step, transfer, transfer->pool);
    }
    if (status != APR_SUCCESS) {
        undo(transfer);
        return status;
    }
    if (!transfer->done && transfer->place.old == NULL)
        transfer->journaled = 0; /* the step took it along */
    finish_place(transfer);
    drop_intent(transfer);
    return APR_SUCCESS;
}

/* ---- copying ---- */

/** Make a copy of the source beside the destination.  @param staged_p set to its path */
static apr_status_t stage(transfer_t *transfer, const char **staged_p)
{
    apr_status_t status =
        tempfile_name(staged_p, resource_parent_path(transfer->to, transfer->pool), transfer->pool);

    transfer->copies = 1;
    /* A crash must not leave half a tree; half a file is found by its age. */
    if (status == APR_SUCCESS && transfer->src->collection) {
        intend_removal(transfer, *staged_p);
        status = store_write(transfer->store, journal_body, transfer, transfer->pool);
        transfer->journaled = status == APR_SUCCESS;
    }
    if (status == APR_SUCCESS)
        status = filetree_copy(transfer->from, *staged_p, transfer->recurse, tree_failed,
                               &transfer->failures, transfer->pool);
    return status;
}

/** Remove the copy that is not wanted. */
static void discard(transfer_t *transfer, const char *staged)
{
    (void)filetree_remove(staged, NULL, NULL, transfer->pool);
    drop_intent(transfer);
}

/** Copy, and put the copy in place. */
static apr_status_t copy_into_place(transfer_t *transfer)
{
    const char *staged;
    apr_status_t status = stage(transfer, &staged);

    if (status == APR_SUCCESS)
        status = move_into_place(transfer, staged);
    if (status != APR_SUCCESS)
        discard(transfer, staged);
    return status;
}

/** Move to another file system: copy all of it or nothing, then remove the source. */
static apr_status_t move_across(transfer_t *transfer)
{
    const char *staged;
    apr_status_t status = tree_may_remove(transfer->from, transfer->pool);

    if (status != APR_SUCCESS)
        return status;
    transfer->recurse = 1;
    status = stage(transfer, &staged);
    if (status == APR_SUCCESS && transfer->failures.first == NULL)
        status = move_into_place(transfer, staged);
    if (status != APR_SUCCESS || transfer->failures.first != NULL) {
        discard(transfer, staged);
        return status;
    }
    status = removal_run(transfer->store, transfer->from, tree_check, tree_failed,
                         &transfer->failures, transfer->pool);
    /* Members that stay are in the multistatus. */
    return transfer->failures.first != NULL ? APR_SUCCESS : status;
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
    if (transfer->failures.refused != NULL)
        return transfer->failures.refused;
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
    transfer.recurse = depth != 0;
    return finish(&transfer, copy_into_place(&transfer), response_p);
}

dav_error *copymove_move(dav_resource *src, dav_resource *dst, dav_response **response_p)
{
    transfer_t transfer;
    apr_status_t status;
    dav_error *err;

    if (dst->info->settings.store == NULL)
        return errmap_no_store(dst->pool);
    begin(&transfer, src, dst);
    status = move_into_place(&transfer, transfer.from);
    if (status == EXDEV)
        status = move_across(&transfer);
    err = finish(&transfer, status, response_p);
    if (err == NULL) {
        src->exists = 0;
        src->collection = 0;
    }
    return err;
}
