#include "provider/listing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "provider/authz.h"
#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/leftovers.h"
#include "provider/locktext.h"
#include "provider/private.h"
#include "provider/recovery.h"
#include "provider/resource.h"
#include "provider/scanahead.h"
#include "provider/snapshot.h"

APLOG_USE_MODULE(dav_depot);

/** Members read, looked up and written together. */
#define BATCH_SIZE SCANAHEAD_BATCH
/** Members after which a thread reads ahead, where the store is asked for each, and where not. */
#define AHEAD_WITH_STORE 256
#define AHEAD_WITHOUT_STORE 1024
/** Bytes that are worth passing on. */
#define PASS_SIZE (32 * 1024)
/** Bytes at which even a batch is interrupted, so that large values do not fill memory. */
#define INTERRUPT_SIZE (256 * 1024)

/** A collection being listed. */
typedef struct frame_t {
    struct frame_t *up;
    apr_pool_t *pool;       /* lifetime of the frame */
    apr_pool_t *batch_pool; /* of the batch and what is entered from it */
    dirscan_t *scan;
    scanahead_t *ahead;       /* what reads it */
    const char *base;         /* escaped URI, a slash at its end */
    const char *uri, *path;   /* not escaped, a slash at their ends; if members need resources */
    content_types_t *types;   /* if members need types */
    authz_scope_t scope;      /* what httpd may say of the members */
    const char *inherited;    /* activelock elements of locks that cover all members, or NULL */
    int has_locks;            /* a member, or something below one, is locked */
    apr_uint64_t node;        /* 0: no metadata here or below */
    dirscan_entry_t *entries; /* the batch, until the next is read */
    content_type_t member_types[BATCH_SIZE];
    node_t nodes[BATCH_SIZE];          /* ids stay valid after the transaction, for entering */
    apr_status_t statuses[BATCH_SIZE]; /* of the nodes */
    authz_scope_t scopes[BATCH_SIZE];  /* of collections that will be entered */
    int count;
    int entered; /* members of the batch that have been considered for entering */
} frame_t;

struct listing_t {
    request_rec *r;
    const dav_resource *resource;
    int depth;
    proplist_t *list;
    store_t *store;  /* NULL if no node is needed */
    snapshot_t root; /* the request's resource, if a node is needed; until it is written */
    apr_status_t store_status; /* why nodes cannot be read at all, or APR_SUCCESS */
    int want_stat;
    apr_int64_t now;     /* for the locks there are */
    int check_members;   /* hooks want to be asked about each member */
    content_type_t type; /* of the request's resource */
    apr_pool_t *pool;
    frame_t *top;     /* the collection being read, or NULL */
    apr_int64_t left; /* members that may still be listed, if DavDepotDepthInfinityMax counts */
    int cut_off;      /* there were more */
};

/** S with a slash at its end. */
static const char *with_slash(const char *s, apr_pool_t *result_pool)
{
    return s[strlen(s) - 1] == '/' ? s : apr_pstrcat(result_pool, s, "/", NULL);
}

/**
 * Members after which a thread reads a collection ahead.  Never where collections are entered,
 * since their scans use the parent's descriptor.  Later where a member costs little but its
 * statx(2): to hand it over from one processor to another costs nearly as much as is left to do.
 */
static int ahead_after(const listing_t *listing)
{
    if (listing->depth != 1 || !listing->want_stat)
        return 0;
    return listing->store != NULL ? AHEAD_WITH_STORE : AHEAD_WITHOUT_STORE;
}

/**
 * Open a collection for reading.
 * @param up the frame NAME was found in, or NULL for the request's resource
 * @param node its node's id, or 0
 */
static apr_status_t push(listing_t *listing, frame_t *up, const char *name, apr_uint64_t node)
{
    apr_pool_t *frame_pool;
    dirscan_links_e links;
    frame_t *frame;
    apr_status_t status;

    apr_pool_create(&frame_pool, up ? up->batch_pool : listing->pool);
    apr_pool_tag(frame_pool, "depot_listing_frame");
    frame = apr_pcalloc(frame_pool, sizeof(*frame));
    frame->up = up;
    frame->pool = frame_pool;
    frame->node = node;
    apr_pool_create(&frame->batch_pool, frame_pool);
    apr_pool_tag(frame->batch_pool, "depot_listing_batch");

    if (up == NULL) {
        frame->base = resource_href(listing->resource, frame_pool);
        frame->uri = with_slash(listing->resource->uri, frame_pool);
        frame->path = with_slash(listing->resource->info->path, frame_pool);
    } else {
        frame->base =
            apr_pstrcat(frame_pool, up->base, multistatus_escaped(name, frame_pool), "/", NULL);
        frame->uri = apr_pstrcat(frame_pool, up->uri, name, "/", NULL);
        frame->path = apr_pstrcat(frame_pool, up->path, name, "/", NULL);
    }
    if (proplist_needs_type(listing->list))
        frame->types = content_types_create(listing->r, frame->base, frame_pool);

    links = dirscan_links_for(ap_allow_options(listing->r));
    status = up != NULL ? dirscan_open(&frame->scan, up->scan, name, links, frame_pool)
                        : dirscan_open_top(&frame->scan, listing->resource->info->at,
                                           resource_linked(listing->resource), links, frame_pool);
    if (status != APR_SUCCESS) {
        apr_pool_destroy(frame_pool);
        return status;
    }
    frame->ahead =
        scanahead_create(frame->scan, listing->want_stat, ahead_after(listing), frame_pool);
    listing->top = frame;
    return APR_SUCCESS;
}

/** Forget the batch. */
static void end_batch(frame_t *frame)
{
    for (int i = 0; i < frame->count; i++)
        authz_scope_end(&frame->scopes[i]);
    frame->count = 0;
    frame->entered = 0;
    apr_pool_clear(frame->batch_pool);
}

/** Remove what killed processes have left in the collection. */
static void clean_up(const listing_t *listing, const frame_t *frame)
{
    store_t *store = listing->resource->info->settings.store;

    if (store != NULL && dirscan_has_temporaries(frame->scan))
        leftovers_remove(store, frame->path, frame->pool);
}

static void pop(listing_t *listing)
{
    frame_t *frame = listing->top;

    listing->top = frame->up;
    apr_pool_destroy(frame->pool);
}

dav_error *listing_open(listing_t **listing_p, request_rec *r, dav_resource *resource, int depth,
                        proplist_t *list, apr_pool_t *result_pool)
{
    listing_t *listing = apr_pcalloc(result_pool, sizeof(*listing));
    apr_status_t status;

    listing->r = r;
    listing->resource = resource;
    listing->depth = depth;
    listing->list = list;
    listing->pool = result_pool;
    listing->now = locktext_now();
    listing->left = -1;
    if (depth == DAV_INFINITY && resource->info->settings.dir->infinity_max > 0)
        listing->left = resource->info->settings.dir->infinity_max;
    /* Now: the response's own content type will take its place in the request. */
    if (resource->collection)
        listing->type.type = CONTENT_TYPE_COLLECTION;
    else
        listing->type = content_type_of_request(r);
    listing->check_members =
        dav_hook_get_method_precondition() && dav_hook_get_method_precondition()->nelts > 0;

    listing->want_stat =
        proplist_needs_stat(list) || proplist_needs_resource(list) || listing->check_members;

    if (proplist_needs_store(list)) {
        listing->store = resource->info->settings.store;
        if (listing->store == NULL)
            return errmap_no_store(r->pool);
        status = snapshot_begin(&listing->root, resource, result_pool);
        if (status == ENOENT || status == ENOTDIR)
            return errmap_error_as(r->pool, HTTP_NOT_FOUND, status, "It has just been removed.");
        listing->store_status = status;
    }
    if (depth != 0 && resource->collection) {
        status = push(listing, NULL, NULL, 0);
        if (status != APR_SUCCESS)
            return errmap_error(r->pool, status, "Could not read the collection.");
        authz_scope_begin(&listing->top->scope, resource);
    }
    *listing_p = listing;
    return NULL;
}

/** The member's dav_resource, for other modules. */
static dav_resource *member_resource(const listing_t *listing, const frame_t *frame,
                                     const dirscan_entry_t *entry, apr_pool_t *result_pool)
{
    const char *slash = entry->kind == DIRSCAN_COLLECTION ? "/" : "";

    return resource_for_member(
        listing->resource, apr_pstrcat(result_pool, frame->uri, entry->name, slash, NULL),
        apr_pstrcat(result_pool, frame->path, entry->name, NULL), &entry->st, result_pool);
}

/** Whether other modules' hooks want MEMBER left out, as mod_dav's core asks them. */
static int is_left_out(const listing_t *listing, dav_resource *member)
{
    dav_error *err = NULL;

    return dav_run_method_precondition(listing->r, NULL, member, NULL, &err) != DECLINED &&
           err != NULL;
}

/**
 * Why the batch's member AT cannot be shown or, if it is a collection, entered; or APR_SUCCESS.
 * It is tried before its response is written, since afterwards there is no place left to tell;
 * and httpd is asked whether the user may see it, since its configuration may differ from its
 * collection's.
 */
static apr_status_t try_member(const listing_t *listing, frame_t *frame, int at,
                               apr_pool_t *scratch_pool)
{
    const dirscan_entry_t *entry = &frame->entries[at];
    int collection = entry->kind == DIRSCAN_COLLECTION;
    const char *href;

    if (collection && listing->depth == DAV_INFINITY &&
        faccessat(dirscan_fd(frame->scan), entry->name, R_OK | X_OK, AT_EACCESS) != 0)
        return errno;
    frame->scopes[at] = frame->scope;
    frame->scopes[at].sub = NULL;
    if (!authz_must_ask(&frame->scope, entry->name, collection))
        return APR_SUCCESS;
    href = apr_pstrcat(scratch_pool, frame->base, multistatus_escaped(entry->name, scratch_pool),
                       collection ? "/" : "", NULL);
    if (collection)
        return authz_may_enter(&frame->scopes[at], &frame->scope, listing->r, "PROPFIND", href)
                   ? APR_SUCCESS
                   : EACCES;
    return authz_allows(listing->r, "PROPFIND", href) ? APR_SUCCESS : EACCES;
}

/** Whether ENTRY is to be tried: of collections, those that are entered or that may be hidden. */
static int is_tried(const listing_t *listing, const dirscan_entry_t *entry)
{
    return entry->kind != DIRSCAN_COLLECTION ||
           (listing->depth == DAV_INFINITY && !entry->is_link) ||
           listing->resource->info->settings.dir->hide_forbidden;
}

/** Find out what takes other modules' answers, while no transaction is open. */
static void prepare_batch(const listing_t *listing, frame_t *frame)
{
    apr_pool_t *iterpool;

    apr_pool_create(&iterpool, frame->batch_pool);
    if (frame->types != NULL)
        content_types_trim(frame->types);
    for (int i = 0; i < frame->count; i++) {
        dirscan_entry_t *entry = &frame->entries[i];

        apr_pool_clear(iterpool);
        if (entry->status != APR_SUCCESS)
            continue;
        if (entry->kind != DIRSCAN_COLLECTION && frame->types != NULL)
            frame->member_types[i] = content_types_get(frame->types, entry->name);
        if (is_tried(listing, entry))
            entry->status = try_member(listing, frame, i, iterpool);
    }
    apr_pool_destroy(iterpool);
}

/**
 * The activelock elements of LOCKS, as the user may see them.
 * @param href the escaped URI of the resource they are on; NULL: look it up for each
 * @param infinite whether only those are wanted that cover members too
 */
static const char *active_locks(const listing_t *listing, const apr_array_header_t *locks,
                                const char *href, int infinite, apr_pool_t *result_pool)
{
    const dav_resource *resource = listing->resource;
    const char *text = NULL;

    for (int i = 0; i < locks->nelts; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);

        if (infinite && !lock->infinite)
            continue;
        text = apr_pstrcat(result_pool, text ? text : "",
                           locktext_active(lock,
                                           href ? href : locktext_root(lock, resource, result_pool),
                                           listing->r->user, resource->info->settings.dir,
                                           listing->now, result_pool),
                           NULL);
    }
    return text;
}

/** The activelock elements of the batch's member AT. */
static apr_status_t member_locks(const char **text_p, const listing_t *listing,
                                 const frame_t *frame, int at, store_txn_t *txn,
                                 apr_pool_t *result_pool)
{
    apr_array_header_t *locks;
    const char *href, *own;
    apr_status_t status;

    *text_p = frame->inherited;
    if (!frame->has_locks || frame->nodes[at].id == 0)
        return APR_SUCCESS;
    locks = apr_array_make(result_pool, 2, sizeof(lock_t));
    status = locks_on_node(locks, txn, frame->nodes[at].id, listing->now);
    href = apr_pstrcat(result_pool, frame->base,
                       multistatus_escaped(frame->entries[at].name, result_pool),
                       frame->entries[at].kind == DIRSCAN_COLLECTION ? "/" : "", NULL);
    own = active_locks(listing, locks, href, 0, result_pool);
    if (own != NULL)
        *text_p = frame->inherited ? apr_pstrcat(result_pool, frame->inherited, own, NULL) : own;
    return status;
}

/** Read the locks of a collection about to be entered that cover its members. */
static void inherit_locks(listing_t *listing, frame_t *frame, apr_pool_t *scratch_pool)
{
    apr_array_header_t *locks = apr_array_make(scratch_pool, 2, sizeof(lock_t));
    const char *own;
    store_txn_t *txn;
    apr_status_t status;

    frame->inherited = frame->up->inherited;
    if (!frame->up->has_locks || frame->node == 0 || !proplist_needs_locks(listing->list))
        return;
    status = store_begin(&txn, listing->store, STORE_READ, scratch_pool);
    if (status == APR_SUCCESS) {
        status = locks_on_node(locks, txn, frame->node, listing->now);
        store_abort(txn);
    }
    if (status != APR_SUCCESS)
        listing->store_status = status;
    own = active_locks(listing, locks, frame->base, 1, frame->pool);
    if (own != NULL)
        frame->inherited =
            frame->inherited ? apr_pstrcat(frame->pool, frame->inherited, own, NULL) : own;
}

/**
 * Write in the place of the batch's member AT that the listing ends here.  A later status cannot
 * become the response's, and an earlier member cannot be told of twice (RFC 4918 section 14.24),
 * so it is the first that is left out who tells (as the request's own URI does in RFC 6578
 * section 3.6).
 */
static void write_end(listing_t *listing, const frame_t *frame, int at, output_t *out)
{
    const dirscan_entry_t *entry = &frame->entries[at];

    multistatus_response(out, frame->base, entry->name, entry->kind == DIRSCAN_COLLECTION);
    multistatus_status(out, HTTP_INSUFFICIENT_STORAGE);
    multistatus_error(out, "number-of-matches-within-limits");
    multistatus_response_end(out);
    listing->cut_off = 1;
}

/** Write the response of the batch's member AT. */
static void write_member(listing_t *listing, frame_t *frame, int at, store_txn_t *txn,
                         output_t *out, apr_pool_t *scratch_pool)
{
    const dirscan_entry_t *entry = &frame->entries[at];
    int collection = entry->kind == DIRSCAN_COLLECTION;
    proplist_member_t member = {.collection = collection, .st = &entry->st, .txn = txn};
    apr_status_t status = entry->status ? entry->status : frame->statuses[at];
    const char *locks = NULL;

    if (status == APR_SUCCESS && proplist_needs_locks(listing->list))
        status = member_locks(&locks, listing, frame, at, txn, scratch_pool);

    if (status == APR_SUCCESS &&
        (listing->check_members || proplist_needs_resource(listing->list))) {
        dav_resource *resource = member_resource(listing, frame, entry, scratch_pool);

        if (listing->check_members && is_left_out(listing, resource))
            return;
        member.resource = resource;
    }

    if (status == EACCES && listing->resource->info->settings.dir->hide_forbidden)
        return;
    multistatus_response(out, frame->base, entry->name, collection);
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, status, listing->r, "could not list %s%s",
                      frame->path, entry->name);
        multistatus_status(out, errmap_status(status));
    } else {
        if (frame->types != NULL && collection)
            member.type.type = CONTENT_TYPE_COLLECTION;
        else if (frame->types != NULL)
            member.type = frame->member_types[at];
        member.active_locks = locks;
        if (frame->nodes[at].id != 0)
            member.node = &frame->nodes[at];
        proplist_write(listing->list, out, &member, scratch_pool);
    }
    multistatus_response_end(out);
}

/**
 * Read the nodes of the batch's members from AT on, in a transaction of its own.
 * @param txn_p set to it, or to NULL if there was nothing to ask the store
 */
static void read_nodes(const listing_t *listing, frame_t *frame, int at, store_txn_t **txn_p,
                       apr_pool_t *scratch_pool)
{
    const char *names[BATCH_SIZE];
    apr_size_t left = (apr_size_t)(frame->count - at);
    apr_status_t status;

    *txn_p = NULL;
    memset(&frame->nodes[at], 0, left * sizeof(frame->nodes[0]));
    for (int i = at; i < frame->count; i++) {
        names[i - at] = frame->entries[i].name;
        frame->statuses[i] = APR_SUCCESS;
    }
    status = listing->store_status;
    if (status == APR_SUCCESS && (listing->store == NULL || frame->node == 0))
        return;

    if (status == APR_SUCCESS)
        status = recovery_read(txn_p, listing->store, frame->path, scratch_pool);
    if (status == APR_SUCCESS && proplist_needs_locks(listing->list)) {
        status = locks_any_below(*txn_p, frame->node, scratch_pool);
        frame->has_locks = status == APR_SUCCESS;
        if (status == STORE_ABSENT)
            status = APR_SUCCESS;
    }
    if (status == APR_SUCCESS)
        status = nodes_find_members(&frame->nodes[at], &frame->statuses[at], *txn_p, frame->node,
                                    names, left, scratch_pool);
    /* Without the store, a member must not look as if it had no properties. */
    for (int i = at; status != APR_SUCCESS && i < frame->count; i++)
        frame->statuses[i] = status;
}

/** Write the batch.  Nothing is passed on while a transaction is open. */
static apr_status_t write_batch(listing_t *listing, frame_t *frame, output_t *out)
{
    apr_pool_t *txn_pool, *member_pool;
    apr_status_t status = APR_SUCCESS;
    int at = 0;

    apr_pool_create(&txn_pool, frame->batch_pool);
    apr_pool_tag(txn_pool, "depot_listing_txn");
    apr_pool_create(&member_pool, frame->batch_pool);
    apr_pool_tag(member_pool, "depot_listing_member");
    while (at < frame->count && !listing->cut_off && status == APR_SUCCESS) {
        store_txn_t *txn;

        read_nodes(listing, frame, at, &txn, txn_pool);
        do {
            if (listing->left == 0)
                write_end(listing, frame, at, out);
            else
                write_member(listing, frame, at++, txn, out, member_pool);
            listing->left--;
            apr_pool_clear(member_pool);
        } while (at < frame->count && !listing->cut_off && output_pending(out) < INTERRUPT_SIZE);
        if (txn != NULL)
            store_abort(txn);
        apr_pool_clear(txn_pool);
        if (output_pending(out) >= PASS_SIZE)
            status = output_pass(out);
    }
    return status;
}

/** Enter the next collection of the batch that is to be entered.  @return whether there is one */
static int enter_next(listing_t *listing, frame_t *frame)
{
    while (listing->depth == DAV_INFINITY && frame->entered < frame->count) {
        int at = frame->entered++;
        const dirscan_entry_t *entry = &frame->entries[at];
        apr_status_t status;

        if (entry->kind != DIRSCAN_COLLECTION || entry->is_link || entry->status != APR_SUCCESS ||
            frame->statuses[at] != APR_SUCCESS)
            continue;
        status = push(listing, frame, entry->name, frame->nodes[at].id);
        if (status == APR_SUCCESS) {
            listing->top->scope = frame->scopes[at];
            inherit_locks(listing, listing->top, frame->batch_pool);
            return 1;
        }
        if (status != ENOENT)
            ap_log_rerror(APLOG_MARK, APLOG_INFO, status, listing->r, "could not enter %s%s",
                          frame->path, entry->name);
    }
    return 0;
}

/** The locks of the request's own resource, and those that its members inherit. */
static apr_status_t root_locks(listing_t *listing, proplist_member_t *member)
{
    const dav_resource *resource = listing->resource;
    apr_array_header_t *locks = apr_array_make(listing->pool, 2, sizeof(lock_t));
    apr_status_t status = locks_covering(locks, member->txn, resource->info->path, listing->now);

    member->active_locks = active_locks(listing, locks, NULL, 0, listing->pool);
    if (listing->top != NULL)
        listing->top->inherited = active_locks(listing, locks, NULL, 1, listing->pool);
    return status;
}

/** What the store knows of the request's own resource, for MEMBER and for its members. */
static apr_status_t read_root(listing_t *listing, proplist_member_t *member)
{
    apr_status_t status = proplist_find_names(listing->list, member->txn);

    if (listing->root.node.id != 0)
        member->node = &listing->root.node;
    if (listing->top != NULL)
        listing->top->node = listing->root.node.id;
    if (status == APR_SUCCESS && proplist_needs_locks(listing->list))
        status = root_locks(listing, member);
    return status;
}

/** Write the response of the request's own resource, and note its node. */
static void write_root(listing_t *listing, output_t *out)
{
    const dav_resource *resource = listing->resource;
    proplist_member_t member = {.collection = resource->collection, .resource = resource};
    apr_pool_t *scratch_pool;

    apr_pool_create(&scratch_pool, listing->pool);
    member.st = &resource->info->st;
    member.type = listing->type;
    member.txn = listing->root.txn;
    if (member.txn != NULL && listing->store_status == APR_SUCCESS)
        listing->store_status = read_root(listing, &member);

    multistatus_response(out, resource_href(resource, scratch_pool), NULL, resource->collection);
    if (listing->store_status == APR_SUCCESS)
        proplist_write(listing->list, out, &member, scratch_pool);
    else
        multistatus_status(out, errmap_status(listing->store_status));
    multistatus_response_end(out);
    snapshot_end(&listing->root);
    apr_pool_destroy(scratch_pool);
}

apr_status_t listing_write(listing_t *listing, output_t *out)
{
    apr_status_t status = APR_SUCCESS;
    frame_t *frame;

    write_root(listing, out);
    while (status == APR_SUCCESS && !listing->cut_off && (frame = listing->top) != NULL) {
        if (enter_next(listing, frame))
            continue;
        end_batch(frame);
        status = scanahead_read(&frame->entries, &frame->count, frame->ahead);
        if (status != APR_SUCCESS)
            ap_log_rerror(APLOG_MARK, APLOG_ERR, status, listing->r, "could not read on in %s",
                          frame->path);
        else if (frame->count == 0) {
            clean_up(listing, frame);
            pop(listing);
        } else {
            prepare_batch(listing, frame);
            status = write_batch(listing, frame, out);
        }
    }
    /* After an error, what is open goes with the listing's pool. */
    return status;
}
