/*
 * tree_ops.h -- MKCOL and DELETE.
 */
#ifndef PROVIDER_TREE_OPS_H
#define PROVIDER_TREE_OPS_H

#include <mod_dav.h>

#include "propstore/store.h"
#include "provider/filetree.h"

/**
 * dav_hooks_repository.create_collection.
 * @return NULL with RESOURCE's state up to date; 409 if there is no parent collection; 405
 */
dav_error *tree_create_collection(dav_resource *resource);

/**
 * dav_hooks_repository.remove_resource: remove the tree, and what the store knows of it.
 *
 * For the Destination of a COPY or MOVE, which mod_dav wants removed first, nothing is done but
 * noted: copymove.h replaces it in one step instead.
 *
 * @param response_p set to the members that could not be removed (RFC 4918 section 9.6.1)
 * @return NULL; 207 with *RESPONSE_P; or why the resource itself could not be removed
 */
dav_error *tree_remove(dav_resource *resource, dav_response **response_p);

/**
 * Whether the process may take PATH out of its collection; if not, its members had better stay.
 * @return APR_SUCCESS; EACCES; the system's error
 */
apr_status_t tree_may_remove(const char *path, apr_pool_t *scratch_pool);

/** What keeps a change of a tree, or of some of its members, from being made. */
typedef struct tree_failures_t {
    request_rec *r;
    const char *uri;     /**< of the top */
    dav_response *first; /**< members that failed, as a multistatus */
    dav_error *refused;  /**< the whole is locked meanwhile, or that could not be found out */
    apr_pool_t *pool;    /**< lifetime of the responses */
} tree_failures_t;

/** A removal_check_fn that asks lockcheck_again() for the tree_failures_t BATON. */
apr_status_t tree_check(void *baton, store_txn_t *txn);

/** A filetree_failed_fn that adds to the tree_failures_t BATON. */
void tree_failed(void *baton, const char *below, int is_collection, apr_status_t status);

#endif /* PROVIDER_TREE_OPS_H */
