#include "provider/walk.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_core.h>

#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/methods.h"
#include "provider/private.h"
#include "provider/resource.h"

/** Members read at a time. */
#define BATCH_SIZE 64

/** A walk under way. */
typedef struct walk_t {
    const dav_walk_params *params;
    dav_walk_resource wres;
    dirscan_links_e links;
} walk_t;

static dav_error *visit(walk_t *walk, const dav_resource *resource)
{
    walk->wres.resource = resource;
    return walk->params->func(&walk->wres,
                              resource->collection ? DAV_CALLTYPE_COLLECTION : DAV_CALLTYPE_MEMBER);
}

static dav_error *visit_members(walk_t *walk, dirscan_t *parent, const char *name, const char *uri,
                                const char *path, int depth, apr_pool_t *scratch_pool);

/** Visit one member, and its own members if DEPTH has any left. */
static dav_error *visit_member(walk_t *walk, dirscan_t *scan, const dirscan_entry_t *entry,
                               const char *uri, const char *path, int depth,
                               apr_pool_t *scratch_pool)
{
    int collection = entry->kind == DIRSCAN_COLLECTION;
    dav_error *err;

    uri = apr_pstrcat(scratch_pool, uri, "/", entry->name, NULL);
    path = apr_pstrcat(scratch_pool, path, "/", entry->name, NULL);
    err = visit(walk,
                resource_for_member(walk->params->root,
                                    collection ? apr_pstrcat(scratch_pool, uri, "/", NULL) : uri,
                                    path, &entry->st, scratch_pool));
    if (err != NULL || !collection || entry->is_link || depth <= 1)
        return err;
    return visit_members(walk, scan, entry->name, uri, path, depth - 1, scratch_pool);
}

/** Visit the members of the collection NAME of PARENT, or at PATH if PARENT is NULL. */
static dav_error *visit_members(walk_t *walk, dirscan_t *parent, const char *name, const char *uri,
                                const char *path, int depth, apr_pool_t *scratch_pool)
{
    int tolerant = (walk->params->walk_type & DAV_WALKTYPE_TOLERANT) != 0;
    dirscan_entry_t *entries = apr_palloc(scratch_pool, BATCH_SIZE * sizeof(*entries));
    apr_pool_t *batch_pool, *member_pool;
    dav_error *err = NULL;
    apr_status_t status;
    dirscan_t *scan;
    int count;

    status = dirscan_open(&scan, parent, parent ? name : path, walk->links, scratch_pool);
    /* A member that is gone or closed keeps nobody from the others, however strict the walk. */
    if (status != APR_SUCCESS)
        return tolerant || (parent != NULL && (status == ENOENT || status == EACCES))
                   ? NULL
                   : errmap_error(walk->params->pool, status, "Could not read a collection.");

    apr_pool_create(&batch_pool, scratch_pool);
    apr_pool_create(&member_pool, scratch_pool);
    apr_pool_tag(member_pool, "depot_walk_member");
    do {
        apr_pool_clear(batch_pool);
        status = dirscan_read(scan, entries, BATCH_SIZE, &count, 1, batch_pool);
        for (int i = 0; i < count && err == NULL; i++) {
            apr_pool_clear(member_pool);
            if (entries[i].status == APR_SUCCESS)
                err = visit_member(walk, scan, &entries[i], uri, path, depth, member_pool);
            else if (!tolerant)
                err = errmap_error(walk->params->pool, entries[i].status,
                                   "Could not look a member up.");
        }
    } while (err == NULL && status == APR_SUCCESS && count > 0);
    dirscan_close(scan);
    apr_pool_destroy(member_pool);
    apr_pool_destroy(batch_pool);
    if (err == NULL && status != APR_SUCCESS)
        err = errmap_error(walk->params->pool, status, "Could not read a collection to its end.");
    return err;
}

/**
 * Whether the walk is one of the core's own, to look for locks member by member, in a request
 * for which that has been done (lockcheck.h).  Walks for listings have the AUTH flag.
 */
static int is_needless(const dav_walk_params *params)
{
    const request_rec *r = params->root->info->r;

    if (r->main != NULL)
        r = r->main;
    return !(params->walk_type & DAV_WALKTYPE_AUTH) &&
           apr_table_get(r->notes, METHODS_CHECKED_NOTE) != NULL;
}

dav_error *walk_resource(const dav_walk_params *params, int depth, dav_response **response_p)
{
    const dav_resource *root = params->root;
    walk_t walk = {.params = params};
    const char *uri = root->uri;
    apr_pool_t *walk_pool;
    dav_error *err;

    walk.wres.walk_ctx = params->walk_ctx;
    walk.wres.pool = params->pool;
    walk.links = dirscan_links_for(ap_allow_options(root->info->r));
    apr_pool_create(&walk_pool, params->pool);
    apr_pool_tag(walk_pool, "depot_walk");

    if (root->exists && root->collection) {
        dav_resource *top =
            resource_for_member(root, uri[1] != '\0' ? apr_pstrcat(walk_pool, uri, "/", NULL) : uri,
                                root->info->path, &root->info->st, walk_pool);

        err = visit(&walk, top);
        if (err == NULL && depth > 0 && !is_needless(params))
            err = visit_members(&walk, NULL, NULL, uri[1] != '\0' ? uri : "", root->info->path,
                                depth, walk_pool);
    } else {
        err = visit(&walk, root);
    }
    apr_pool_destroy(walk_pool);
    *response_p = walk.wres.response;
    return err;
}
