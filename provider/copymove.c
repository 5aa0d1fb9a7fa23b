#include "provider/copymove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <http_log.h>

#include "propstore/intents.h"
#include "provider/errmap.h"
#include "provider/filetree.h"
#include "provider/metadata.h"
#include "provider/place.h"
#include "provider/private.h"
#include "provider/recovery.h"
#include "provider/removal.h"
#include "provider/resource.h"
#include "provider/settling.h"
#include "provider/tempfile.h"
#include "provider/tree_ops.h"

APLOG_USE_MODULE(dav_depot);

/** Copies made of a file that changes while it is copied. */
#define COPIES_MAX 16

/**
 * A COPY or MOVE under way.  Both end with a rename to the destination: of the source, or of a
 * copy that was made beside the destination, under a private name, with a copy of the metadata.
 */
typedef struct transfer_t {
    const dav_resource *src;
    dav_resource *dst;
    const char *from, *to;
    const pins_t *pins; /* that hold their directories, or NULL */
    store_t *store;
    tree_failures_t failures;
    int copies;       /* what is renamed is a copy, */
    int crosses;      /* whose source goes then */
    int recurse;      /* its members are copied too */
    filestat_t seen;  /* the source when it was copied */
    int is_tree;      /* a collection is renamed, or replaced */
    int is_gone;      /* there is no source any more */
    place_t place;    /* the rename */
    int placed;       /* it is done */
    int done;         /* there was nothing for the store to do */
    intent_t intent;  /* what is to be done, */
    int journaled;    /* if that is in the store */
    int given_up;     /* it could be neither done nor undone: recovery.h has it */
    intent_t clear;   /* what is then left to remove */
    apr_pool_t *pool; /* lifetime of the transfer */
} transfer_t;

static void begin(transfer_t *transfer, const dav_resource *src, dav_resource *dst)
{
    memset(transfer, 0, sizeof(*transfer));
    transfer->src = src;
    transfer->dst = dst;
    transfer->from = src->info->path;
    transfer->to = dst->info->path;
    transfer->pins = dst->info->pins != NULL ? dst->info->pins : src->info->pins;
    transfer->store = dst->info->settings.store;
    transfer->failures.uri = src->uri;
    transfer->failures.r = src->info->r;
    transfer->failures.pool = dst->pool;
    apr_pool_create(&transfer->pool, dst->pool);
    apr_pool_tag(transfer->pool, "depot_transfer");
}

/** Look at the source. */
static apr_status_t look_at_source(transfer_t *transfer, filestat_t *st)
{
    apr_status_t status = filestat_read(st, AT_FDCWD, transfer->src->info->at, FILESTAT_LINK);

    transfer->is_gone = status == ENOENT || status == ENOTDIR;
    return status;
}

/* ---- a copy under a private name ---- */

/** The intent to remove PATH, in the place of INTENT. */
static intent_t clearing_of(const intent_t *intent, const char *path)
{
    intent_t clear = *intent;

    clear.kind = INTENT_CLEAR;
    clear.temporary = 0;
    clear.from = path;
    clear.to = clear.old = "";
    clear.from_parent = intent->to_parent;
    clear.to_parent = 0;
    return clear;
}

/** store_write_fn: write down that the copy is nobody's yet. */
static apr_status_t journal_copy(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    transfer_t *transfer = baton;

    transfer->intent.id = 0;
    return intents_add(txn, &transfer->intent, scratch_pool);
}

/** Make a copy of the source beside the destination.  @param staged_p set to its path */
static apr_status_t stage(transfer_t *transfer, const char **staged_p)
{
    apr_status_t status;

    *staged_p = NULL;
    status =
        tempfile_name(staged_p, resource_parent_path(transfer->to, transfer->pool), transfer->pool);
    transfer->copies = 1;
    /* A crash must not leave half a tree; half a file is known by its name (leftovers.h). */
    if (status == APR_SUCCESS && transfer->src->collection) {
        transfer->intent = clearing_of(&transfer->intent, *staged_p);
        settling_locate(&transfer->intent, transfer->pins, transfer->pool);
        status = store_write(transfer->store, journal_copy, transfer, transfer->pool);
        transfer->journaled = status == APR_SUCCESS;
    }
    if (status == APR_SUCCESS)
        status = filetree_copy(transfer->src->info->at, resource_linked(transfer->src),
                               pins_path(transfer->pins, *staged_p, transfer->pool),
                               transfer->recurse, tree_failed, &transfer->failures, transfer->pool);
    if (status == ENOENT || status == ENOTDIR)
        (void)look_at_source(transfer, &transfer->seen);
    return status;
}

/** store_write_fn: forget the intent alone. */
static apr_status_t drop_intent(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const transfer_t *transfer = baton;

    (void)scratch_pool;
    return intents_remove(txn, transfer->intent.id);
}

/** The copy has become the destination, or is gone. */
static void forget_staged(transfer_t *transfer)
{
    apr_status_t status = APR_SUCCESS;

    if (transfer->journaled)
        status = store_write(transfer->store, drop_intent, transfer, transfer->pool);
    if (status != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, transfer->src->info->r, "%s: its intent is left",
                      transfer->to);
    transfer->journaled = 0;
}

/** Remove the copy that is not wanted. */
static void discard(transfer_t *transfer, const char *staged)
{
    intent_t clear = clearing_of(&transfer->intent, staged);

    if (staged == NULL || transfer->given_up)
        return;
    if (transfer->journaled)
        (void)removal_clear(transfer->store, transfer->pins, &clear, NULL, NULL, NULL,
                            transfer->pool);
    else
        (void)filetree_remove(pins_path(transfer->pins, staged, transfer->pool), NULL, NULL,
                              transfer->pool);
}

/* ---- the rename ---- */

/** Rename, if that is not done. */
static apr_status_t place_source(transfer_t *transfer)
{
    apr_status_t status =
        transfer->placed ? APR_SUCCESS : place_rename(&transfer->place, transfer->pool);

    transfer->placed = status == APR_SUCCESS;
    return status;
}

/** Whether a rename alone does it all: in one step, with nothing for the store to follow. */
static int is_simple(const transfer_t *transfer)
{
    return transfer->intent.from_node == 0 && transfer->intent.to_node == 0 &&
           (!transfer->place.replace || !transfer->is_tree);
}

/** Whether a power failure may undo the rename, when it is done: nothing relies on it. */
static int may_be_lost(const transfer_t *transfer)
{
    return resource_is_relaxed(transfer->src) && resource_is_relaxed(transfer->dst) &&
           !transfer->journaled && !transfer->crosses;
}

/** Whether what is at the destination may be replaced (RFC 4918 section 10.6). */
static int may_overwrite(const transfer_t *transfer)
{
    const char *overwrite = apr_table_get(transfer->failures.r->headers_in, "Overwrite");

    return overwrite == NULL || ap_cstr_casecmp(overwrite, "F") != 0;
}

/**
 * Whether the source is another file than the one that was copied: then what is known of it does
 * not belong to the copy.
 */
static int has_changed(const transfer_t *transfer, const filestat_t *now)
{
    return transfer->copies && !S_ISDIR(transfer->seen.mode) &&
           (now->inode != transfer->seen.inode || now->ctime_ns != transfer->seen.ctime_ns);
}

/** Think of the rename, beside what is there now, in the writer's turn. */
static apr_status_t look(transfer_t *transfer)
{
    filestat_t source, target;
    apr_status_t status = look_at_source(transfer, &source);
    apr_status_t found = filestat_read(&target, AT_FDCWD, transfer->dst->info->at, FILESTAT_LINK);

    if (status != APR_SUCCESS)
        return status;
    if (has_changed(transfer, &source))
        return EAGAIN;
    if (found == APR_SUCCESS && !may_overwrite(transfer))
        return EEXIST;
    transfer->is_tree = S_ISDIR(source.mode) || (found == APR_SUCCESS && S_ISDIR(target.mode));
    return place_plan(&transfer->place, transfer->pins, transfer->place.from, transfer->to,
                      found == APR_SUCCESS, transfer->pool);
}

/**
 * See that the file that was copied is still there, with the properties that were copied: the
 * copy appears when both are as they were.  A collection is copied member by member, over time.
 */
static apr_status_t check_source(transfer_t *transfer, store_txn_t *txn)
{
    filestat_t now;
    apr_status_t status = look_at_source(transfer, &now);
    int same;

    if (status != APR_SUCCESS || !transfer->copies || S_ISDIR(transfer->seen.mode))
        return status;
    if (has_changed(transfer, &now))
        return EAGAIN;
    status = nodes_compare_props(&same, txn, transfer->from, transfer->place.from);
    return status == APR_SUCCESS && !same ? EAGAIN : status;
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

/** Write down that PLACE is to be made, in the place of what was to be done. */
static apr_status_t intend(transfer_t *transfer, store_txn_t *txn, apr_pool_t *scratch_pool)
{
    intent_t *intent = &transfer->intent;
    const place_t *place = &transfer->place;
    apr_status_t status;

    intent->kind = INTENT_MOVE;
    intent->temporary = transfer->copies;
    intent->from = place->from;
    intent->to = place->to;
    intent->old = place->old != NULL ? place->old : "";
    /* One that a run before this one had was not committed. */
    if (!transfer->journaled)
        intent->id = 0;
    status = settling_identify(intent, transfer->pins, scratch_pool);
    if (status == APR_SUCCESS && intent->to_parent == 0)
        status = ENOENT;
    return status == APR_SUCCESS ? intents_add(txn, intent, scratch_pool) : status;
}

/** store_write_fn: do what is simple, or write down what is to be done. */
static apr_status_t plan(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    transfer_t *transfer = baton;
    intent_t *intent = &transfer->intent;
    apr_status_t status = tree_check(&transfer->failures, txn);

    if (status == APR_SUCCESS && !transfer->placed)
        status = look(transfer);
    if (status == APR_SUCCESS)
        status = metadata_node_id(&intent->from_node, txn, transfer->from);
    if (status == APR_SUCCESS)
        status = metadata_node_id(&intent->to_node, txn, transfer->to);
    if (status != APR_SUCCESS)
        return status;
    if (is_simple(transfer)) {
        transfer->place.old = NULL;
        status = place_source(transfer);
        transfer->done = transfer->placed;
        return status == APR_SUCCESS ? STORE_NOTHING : status;
    }
    if (transfer->copies) {
        status = copy_metadata(transfer, txn, scratch_pool);
        if (status == APR_SUCCESS)
            status = metadata_node_id(&intent->from_node, txn, transfer->place.from);
    }
    return status == APR_SUCCESS ? intend(transfer, txn, scratch_pool) : status;
}

/** store_write_fn: rename, and follow. */
static apr_status_t step(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    transfer_t *transfer = baton;
    const place_t *place = &transfer->place;
    const intent_t *intent = &transfer->intent;
    apr_status_t status = tree_check(&transfer->failures, txn);

    if (status == APR_SUCCESS && !transfer->placed)
        status = check_source(transfer, txn);
    if (status == APR_SUCCESS)
        status = place_source(transfer);
    /* The store must not be ahead of the files. */
    if (status == APR_SUCCESS)
        status = place_sync(place, scratch_pool);
    /* What was known of TO goes, whatever the source has. */
    if (status == APR_SUCCESS)
        status = nodes_remove(txn, place->to, scratch_pool);
    if (status == APR_SUCCESS)
        status = metadata_move(txn, place->from, intent->from_node, place->to, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    if (place->old == NULL)
        return intents_remove(txn, intent->id);
    transfer->clear = clearing_of(intent, place->old);
    return intents_put(txn, &transfer->clear, scratch_pool);
}

/** After a change that failed: whether the collection that the source is in was moved away. */
static void note_gone(transfer_t *transfer, apr_status_t status)
{
    if (status == ENOENT && pins_check(transfer->pins, transfer->from) != APR_SUCCESS)
        transfer->is_gone = 1;
}

/** Rename SOURCE to the destination, with its metadata, in the place of what is there. */
static apr_status_t move_into_place(transfer_t *transfer, const char *source)
{
    recovery_scope_t scope = {.paths = {transfer->from, transfer->to}, .pins = transfer->pins};
    apr_status_t status;

    transfer->place.from = source;
    transfer->place.pins = transfer->pins;
    status = recovery_write(transfer->store, &scope, plan, transfer, transfer->pool);
    if (status != APR_SUCCESS) {
        note_gone(transfer, status);
        return status;
    }
    if (transfer->done) {
        if (!may_be_lost(transfer))
            status = place_sync(&transfer->place, transfer->pool);
        forget_staged(transfer);
        return status;
    }
    transfer->journaled = 1;
    scope.own = transfer->intent.id;
    status = recovery_write(transfer->store, &scope, step, transfer, transfer->pool);
    if (status != APR_SUCCESS) {
        transfer->given_up =
            recovery_undo(transfer->store, &transfer->intent, transfer->pool) != APR_SUCCESS;
        note_gone(transfer, status);
        transfer->journaled = transfer->copies; /* as one to clear the copy away */
        return status;
    }
    /* What was replaced is nobody's; that it is left has been logged. */
    if (transfer->place.old != NULL)
        (void)removal_clear(transfer->store, transfer->pins, &transfer->clear, NULL, NULL, NULL,
                            transfer->pool);
    return APR_SUCCESS;
}

/* ---- copying ---- */

/** Copy, and put the copy in place. */
static apr_status_t copy_once(transfer_t *transfer)
{
    const char *staged = NULL;
    apr_status_t status = look_at_source(transfer, &transfer->seen);

    /* An earlier try has settled its intent. */
    transfer->journaled = 0;
    if (status == APR_SUCCESS)
        status = stage(transfer, &staged);
    if (status != APR_SUCCESS) {
        discard(transfer, staged);
        return status;
    }
    status = move_into_place(transfer, staged);
    if (status != APR_SUCCESS)
        discard(transfer, staged);
    /* The collection that the copy was made in was moved away, and another may be there; not so
       where it is held, and the next copy would be made in it again. */
    return status == ENOENT && !transfer->is_gone &&
                   pins_check(transfer->pins, transfer->to) == APR_SUCCESS
               ? EAGAIN
               : status;
}

/** The same, until neither the source nor the destination's collection has changed meanwhile. */
static apr_status_t copy_into_place(transfer_t *transfer)
{
    apr_status_t status = EAGAIN;

    for (int tries = 0; status == EAGAIN && !transfer->given_up && tries < COPIES_MAX; tries++)
        status = copy_once(transfer);
    return status == EAGAIN ? STORE_BUSY : status;
}

/** Move to another file system: copy all of it or nothing, then remove the source. */
static apr_status_t move_across(transfer_t *transfer)
{
    const char *staged;
    apr_status_t status = tree_may_remove(transfer->src->info->at, transfer->pool);

    if (status == APR_SUCCESS)
        status = look_at_source(transfer, &transfer->seen);
    if (status != APR_SUCCESS)
        return status;
    transfer->recurse = 1;
    transfer->crosses = 1;
    status = stage(transfer, &staged);
    if (status == APR_SUCCESS && transfer->failures.first == NULL)
        status = move_into_place(transfer, staged);
    if (status != APR_SUCCESS || transfer->failures.first != NULL) {
        discard(transfer, staged);
        return status;
    }
    status = removal_run(transfer->store, transfer->pins, transfer->from,
                         resource_is_relaxed(transfer->src), tree_check, tree_failed,
                         &transfer->failures, transfer->pool);
    /* Members that stay are in the multistatus. */
    return transfer->failures.first != NULL ? APR_SUCCESS : status;
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
    if (status != APR_SUCCESS && transfer->is_gone)
        return errmap_error_as(pool, HTTP_NOT_FOUND, status,
                               "Somebody else was first at the source.");
    if (status == ENOENT || status == ENOTDIR)
        return errmap_error_as(pool, HTTP_CONFLICT, status,
                               "There is no collection at the destination to put it in.");
    if (status == EEXIST)
        return errmap_error_as(pool, HTTP_PRECONDITION_FAILED, status,
                               "Somebody else was first at the destination.");
    if (status != APR_SUCCESS)
        return errmap_error(pool, status, "Could not put it at the destination.");

    /* Whatever has become of it since, it was there. */
    (void)resource_refresh(dst);
    if (transfer->failures.first != NULL) {
        *response_p = transfer->failures.first;
        return dav_new_error(pool, HTTP_MULTI_STATUS, 0, 0, "Some members failed.");
    }
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
