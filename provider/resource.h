/*
 * resource.h -- from a request to a resource, and between resources.
 */
#ifndef PROVIDER_RESOURCE_H
#define PROVIDER_RESOURCE_H

#include <mod_dav.h>

#include "provider/private.h"

/**
 * dav_hooks_repository.get_resource: the resource of R, from r->filename and
 * r->path_info, allocated in r->pool.
 * @return NULL; 404 for a private name; 403 if the file may not be looked at; 500
 */
dav_error *resource_get(request_rec *r, const char *root_dir, const char *label, int use_checked_in,
                        dav_resource **resource_p);

/** Whether R looks up the Destination of a COPY or MOVE: mod_dav does so in a sub-request. */
int resource_is_destination(const request_rec *r);

/** dav_hooks_repository.get_parent_resource; *PARENT_P is NULL for the URL's root. */
dav_error *resource_get_parent(const dav_resource *resource, dav_resource **parent_p);

/** dav_hooks_repository.is_same_resource: by device and inode where both exist, else by path. */
int resource_is_same(const dav_resource *a, const dav_resource *b);

/** dav_hooks_repository.is_parent_resource: whether B's path lies below A's. */
int resource_is_parent(const dav_resource *a, const dav_resource *b);

/** dav_hooks_repository.getetag: "" for what does not exist; in the resource's pool. */
const char *resource_etag(const dav_resource *resource);

/** dav_hooks_repository.get_request_rec. */
request_rec *resource_request(const dav_resource *resource);

/** dav_hooks_repository.get_pathname. */
const char *resource_path(const dav_resource *resource);

/**
 * A resource for a member found by a walk.
 * @param parent the collection; lends request, settings and hooks
 * @param uri,path its own; not copied
 * @param st its state
 * @param result_pool becomes its pool
 */
dav_resource *resource_for_member(const dav_resource *parent, const char *uri, const char *path,
                                  const filestat_t *st, apr_pool_t *result_pool);

/**
 * Read the state of what is at RESOURCE's path, which is as it was: of its target if that is a
 * symbolic link.
 * @return APR_SUCCESS; ELOOP for a link that httpd would not follow; the system's error
 */
apr_status_t resource_look(filestat_t *st, const dav_resource *resource);

/** Read RESOURCE's state again, after something changed it; sets exists and collection. */
apr_status_t resource_refresh(dav_resource *resource);

/**
 * The collection a path lies in.
 * @return PATH without its last segment, "/" at the top; in RESULT_POOL
 */
const char *resource_parent_path(const char *path, apr_pool_t *result_pool);

/**
 * What a symbolic link at RESOURCE's path may lead to, for dirscan_open_path(): what was there
 * when it was looked up; NULL where httpd's Options allow no links.
 */
const filestat_t *resource_linked(const dav_resource *resource);

/** RESOURCE's URI as a response has it: escaped, and with a slash at its end if a collection. */
const char *resource_href(const dav_resource *resource, apr_pool_t *result_pool);

/**
 * Whether a power failure may undo what is done to RESOURCE, whole: its settings say so.  That goes
 * for what is one step, of the files or of the store.  Where both have one, an intent and
 * the waits in between keep them together (recovery.h), and none of these can be left out, not even
 * the last: until the intent's end is on the disk, requests that the store does not hear of, a
 * PUT, say, would change what it speaks of.
 */
int resource_is_relaxed(const dav_resource *resource);

/** Let TXN's commit, of a change that is the store's alone, be as lasting as RESOURCE's settings
 * ask for. */
void resource_set_durability(store_txn_t *txn, const dav_resource *resource);

/**
 * Make the entries of DIRECTORY durable, which a change of files alone has changed, if RESOURCE's
 * settings ask for that.
 * @return APR_SUCCESS, also if somebody has removed DIRECTORY since; the system's error
 */
apr_status_t resource_sync_directory(const dav_resource *resource, const char *directory);

/** The node kind the store keeps for RESOURCE. */
node_kind_e resource_node_kind(const dav_resource *resource);

#endif /* PROVIDER_RESOURCE_H */
