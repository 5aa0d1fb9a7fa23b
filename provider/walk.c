#include "provider/walk.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_core.h>

#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/methods.h"
#include "provider/private.h"
#include "provider/resource.h"

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

/** A collection whose members are being visited. */
typedef struct level_t {
    walk_t *walk;
    const char *uri, *path; /* without a slash at their ends */
    int depth;
    dav_error *err; /* what ended the walk */
} level_t;

static dav_error *visit_members(walk_t *walk, dirscan_t *parent, const char *name, const char *uri,
                                const char *path, int depth, apr_pool_t *scratch_pool);

static int is_tolerant(const walk_t *walk)
{
    return (walk->params->walk_type & DAV_WALKTYPE_TOLERANT) != 0;
}

/** Visit one member, and its own members if the level's depth has any left. */
static apr_status_t visit_member(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                 apr_pool_t *scratch_pool)
{
    level_t *level = baton;
    walk_t *walk = level->walk;
    int collection = entry->kind == DIRSCAN_COLLECTION;
    const char *uri = apr_pstrcat(scratch_pool, level->uri, "/", entry->name, NULL);
    const char *path = apr_pstrcat(scratch_pool, level->path, "/", entry->name, NULL);

    if (entry->status != APR_SUCCESS) {
        if (!is_tolerant(walk))
            level->err =
                errmap_error(walk->params->pool, entry->status, "Could not look a member up.");
    } else {
        const char *own = collection ? apr_pstrcat(scratch_pool, uri, "/", NULL) : uri;

        level->err = visit(
            walk, resource_for_member(walk->params->root, own, path, &entry->st, scratch_pool));
        if (level->err == NULL && collection && !entry->is_link && level->depth > 1)
            level->err =
                visit_members(walk, scan, entry->name, uri, path, level->depth - 1, scratch_pool);
    }
    return level->err == NULL ? APR_SUCCESS : APR_EGENERAL;
}

/** Visit the members of the collection NAME of PARENT, or of the root if PARENT is NULL. */
static dav_error *visit_members(walk_t *walk, dirscan_t *parent, const char *name, const char *uri,
                                const char *path, int depth, apr_pool_t *scratch_pool)
{
    level_t level = {walk, uri, path, depth, NULL};
    dirscan_t *scan;
    apr_status_t status =
        parent != NULL
            ? dirscan_open(&scan, parent, name, walk->links, scratch_pool)
            : dirscan_open_top(&scan, walk->params->root->info->at,
                               resource_linked(walk->params->root), walk->links, scratch_pool);

    /* A member that is gone or closed keeps nobody from the others, however strict the walk. */
    if (status != APR_SUCCESS)
        return is_tolerant(walk) || (parent != NULL && (status == ENOENT || status == EACCES))
                   ? NULL
                   : errmap_error(walk->params->pool, status, "Could not read a collection.");

    status = dirscan_each(scan, 1, visit_member, &level, scratch_pool);
    dirscan_close(scan);
    if (level.err == NULL && status != APR_SUCCESS)
        return errmap_error(walk->params->pool, status, "Could not read a collection to its end.");
    return level.err;
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
