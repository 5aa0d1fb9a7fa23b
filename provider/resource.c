#include "provider/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_request.h>

#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/multistatus.h"
#include "provider/pinning.h"
#include "provider/tempfile.h"

/** PATH without slashes at its end, unless it is nothing but slashes. */
static const char *without_slash(const char *path, apr_pool_t *result_pool)
{
    apr_size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/')
        length--;
    return apr_pstrmemdup(result_pool, path, length);
}

static void set_state(dav_resource *resource, const filestat_t *st)
{
    resource->exists = 1;
    resource->collection = S_ISDIR(st->mode);
    resource->info->st = *st;
}

apr_status_t resource_look(filestat_t *st, const dav_resource *resource)
{
    const dav_resource_private *info = resource->info;
    dirscan_links_e links;
    apr_status_t status;
    uid_t owner;

    if (dirscan_links_for(ap_allow_options(info->r)) == DIRSCAN_LINKS_FOLLOW)
        return filestat_read(st, AT_FDCWD, info->at, FILESTAT_TARGET);
    status = filestat_read(st, AT_FDCWD, info->at, FILESTAT_LINK);
    if (status != APR_SUCCESS || (st->mode & S_IFMT) != S_IFLNK)
        return status;
    /* It may have come since httpd looked. */
    owner = st->uid;
    links = pinning_links_in(info->r, resource_parent_path(info->path, resource->pool));
    if (links == DIRSCAN_LINKS_HIDE)
        return ELOOP;
    status = filestat_read(st, AT_FDCWD, info->at, FILESTAT_TARGET);
    return status == APR_SUCCESS && links == DIRSCAN_LINKS_OWNER && st->uid != owner ? ELOOP
                                                                                     : status;
}

apr_status_t resource_refresh(dav_resource *resource)
{
    filestat_t st;
    apr_status_t status = resource_look(&st, resource);

    resource->exists = 0;
    resource->collection = 0;
    if (status == APR_SUCCESS)
        set_state(resource, &st);
    return status;
}

/** A resource of ours that does not exist yet, with a private part in POOL. */
static dav_resource *make(request_rec *r, const char *uri, const char *path, apr_pool_t *pool)
{
    dav_resource *resource = apr_pcalloc(pool, sizeof(*resource));

    resource->info = apr_pcalloc(pool, sizeof(*resource->info));
    resource->info->r = r;
    resource->info->path = resource->info->at = path;
    resource->type = DAV_RESOURCE_TYPE_REGULAR;
    resource->hooks = &depot_repository;
    resource->pool = pool;
    resource->uri = uri;
    return resource;
}

/** The error of making a file at a URL that ends with a slash, or NULL for other methods. */
static dav_error *refuse_slash(request_rec *r)
{
    if (r->method_number != M_PUT && r->method_number != M_LOCK)
        return NULL;
    return dav_new_error(r->pool, HTTP_CONFLICT, 0, 0,
                         "A URL that ends with a slash names a collection.");
}

int resource_is_destination(const request_rec *r)
{
    return r->main != NULL && (r->method_number == M_COPY || r->method_number == M_MOVE);
}

dav_error *resource_get(request_rec *r, const char *root_dir, const char *label, int use_checked_in,
                        dav_resource **resource_p)
{
    int slash = r->uri[0] != '\0' && r->uri[strlen(r->uri) - 1] == '/';
    dav_resource *resource;
    apr_status_t status;

    (void)root_dir;
    (void)label;
    (void)use_checked_in;

    if (dirscan_path_is_private(r->uri))
        return dav_new_error(r->pool, HTTP_NOT_FOUND, 0, 0, "This name is kept for the server.");

    /* What directory_walk() did not find is left in path_info. */
    resource = make(r, without_slash(r->uri, r->pool),
                    without_slash(apr_pstrcat(r->pool, r->filename, r->path_info, NULL), r->pool),
                    r->pool);
    resource->info->settings = depot_settings(r);
    *resource_p = resource;

    status = pinning_add(&resource->info->pins, r, resource->info->path);
    resource->info->at = pins_path(resource->info->pins, resource->info->path, r->pool);
    if (status == APR_SUCCESS)
        status = resource_refresh(resource);
    if (status == ENOENT || status == ENOTDIR)
        return slash ? refuse_slash(r) : NULL;
    if (status != APR_SUCCESS)
        return errmap_error(r->pool, status, "Could not look the resource up.");

    /* Or mod_dav would take If-Unmodified-Since on a PUT or DELETE for failed, always. */
    ap_update_mtime(r, resource->info->st.mtime_ns / 1000);
    if (resource->collection)
        return NULL;
    if (!S_ISREG(resource->info->st.mode)) {
        resource->exists = 0;
        return dav_new_error(r->pool, HTTP_FORBIDDEN, 0, 0,
                             "It is neither a file nor a collection.");
    }
    /* A file has no URL with a slash; but it is what a COPY or MOVE to there replaces. */
    if (slash && !resource_is_destination(r)) {
        resource->exists = 0;
        return refuse_slash(r);
    }
    return NULL;
}

const char *resource_parent_path(const char *path, apr_pool_t *result_pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL || slash == path)
        return "/";
    return apr_pstrmemdup(result_pool, path, (apr_size_t)(slash - path));
}

dav_error *resource_get_parent(const dav_resource *resource, dav_resource **parent_p)
{
    dav_resource *parent;
    apr_status_t status;

    *parent_p = NULL;
    if (strcmp(resource->uri, "/") == 0 || strcmp(resource->info->path, "/") == 0)
        return NULL;

    parent = make(resource->info->r, resource_parent_path(resource->uri, resource->pool),
                  resource_parent_path(resource->info->path, resource->pool), resource->pool);
    parent->info->settings = resource->info->settings;
    parent->info->pins = resource->info->pins;
    parent->info->at = pins_path(parent->info->pins, parent->info->path, resource->pool);
    status = resource_refresh(parent);
    if (status != APR_SUCCESS && status != ENOENT && status != ENOTDIR)
        return errmap_error(resource->pool, status, "Could not look the parent collection up.");
    *parent_p = parent;
    return NULL;
}

int resource_is_same(const dav_resource *a, const dav_resource *b)
{
    if (a->hooks != b->hooks)
        return 0;
    /* Also two hard links, or a link and its target: rename(2) would do nothing or harm. */
    if (a->exists && b->exists)
        return a->info->st.device == b->info->st.device && a->info->st.inode == b->info->st.inode;
    return strcmp(a->info->path, b->info->path) == 0;
}

int resource_is_parent(const dav_resource *a, const dav_resource *b)
{
    const char *above = a->info->path, *below = b->info->path;
    apr_size_t length = strlen(above);

    if (a->hooks != b->hooks)
        return 0;
    if (length == 1)
        return below[1] != '\0';
    return strncmp(above, below, length) == 0 && below[length] == '/';
}

const char *resource_etag(const dav_resource *resource)
{
    char *etag;

    if (!resource->exists)
        return "";
    etag = apr_palloc(resource->pool, FILESTAT_ETAG_SIZE);
    etag[filestat_etag(etag, &resource->info->st)] = '\0';
    return etag;
}

request_rec *resource_request(const dav_resource *resource)
{
    return resource->info->r;
}

const char *resource_path(const dav_resource *resource)
{
    return resource->info->path;
}

dav_resource *resource_for_member(const dav_resource *parent, const char *uri, const char *path,
                                  const filestat_t *st, apr_pool_t *result_pool)
{
    dav_resource *member = make(parent->info->r, uri, path, result_pool);

    member->info->settings = parent->info->settings;
    set_state(member, st);
    return member;
}

int resource_is_relaxed(const dav_resource *resource)
{
    return resource->info->settings.dir->relaxed;
}

void resource_set_durability(store_txn_t *txn, const dav_resource *resource)
{
    if (resource_is_relaxed(resource))
        store_relax(txn);
}

apr_status_t resource_sync_directory(const dav_resource *resource, const char *directory)
{
    return resource_is_relaxed(resource) ? APR_SUCCESS : tempfile_sync_directory(directory);
}

const filestat_t *resource_linked(const dav_resource *resource)
{
    filestat_t st;
    int hides = dirscan_links_for(ap_allow_options(resource->info->r)) == DIRSCAN_LINKS_HIDE;

    /* A collection's own Options are about what is in it, not about a link that it is. */
    return hides && !(resource->collection && resource_look(&st, resource) == APR_SUCCESS)
               ? NULL
               : &resource->info->st;
}

node_kind_e resource_node_kind(const dav_resource *resource)
{
    return resource->collection ? NODE_COLLECTION : NODE_FILE;
}

const char *resource_href(const dav_resource *resource, apr_pool_t *result_pool)
{
    const char *escaped = multistatus_escaped(resource->uri, result_pool);

    if (!resource->collection || escaped[strlen(escaped) - 1] == '/')
        return escaped;
    return apr_pstrcat(result_pool, escaped, "/", NULL);
}
