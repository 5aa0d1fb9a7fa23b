/*
 * proplist.h -- which properties a PROPFIND asked for, and writing them for one resource.
 *
 * What is the same for all members (which hooks answer for a name, which id the store
 * gave it, what has to be looked up at all) is worked out once, so a member costs little
 * more than the writing.
 */
#ifndef PROVIDER_PROPLIST_H
#define PROVIDER_PROPLIST_H

#include <mod_dav.h>

#include "propstore/nodes.h"
#include "provider/bodies.h"
#include "provider/content_type.h"
#include "propstore/filestat.h"
#include "provider/multistatus.h"
#include "provider/output.h"

/** What was asked for. */
typedef struct proplist_t proplist_t;

/**
 * Work out what FORM and NAMES ask for.
 * @param r the request
 * @param resource the request's resource
 * @param names prop_name_t: those asked for by name, or allprop's "include"; twins are dropped
 * @param ns gets the namespaces the answer needs
 * @param result_pool lifetime of the list
 */
proplist_t *proplist_create(request_rec *r, const dav_resource *resource, propfind_form_e form,
                            const apr_array_header_t *names, multistatus_ns_t *ns,
                            apr_pool_t *result_pool);

/** Whether members' nodes are needed; then proplist_find_names() must be called before writing. */
int proplist_needs_store(const proplist_t *list);

/** Whether members' states are needed. */
int proplist_needs_stat(const proplist_t *list);

/** Whether members' content types are needed. */
int proplist_needs_type(const proplist_t *list);

/** Whether members' dav_resource is needed, for other modules' properties. */
int proplist_needs_resource(const proplist_t *list);

/** Whether members' locks are needed. */
int proplist_needs_locks(const proplist_t *list);

/** Find the ids of the names asked for.  @return APR_SUCCESS or the store's error */
apr_status_t proplist_find_names(proplist_t *list, store_txn_t *txn);

/** A resource whose properties are to be written. */
typedef struct proplist_member_t {
    int collection;
    const filestat_t *st;         /**< if needed, else NULL */
    content_type_t type;          /**< if needed */
    const node_t *node;           /**< its node, or NULL if it has none */
    store_txn_t *txn;             /**< that NODE was read in */
    const dav_resource *resource; /**< if needed */
    const char *active_locks;     /**< activelock elements, if needed; NULL for none */
} proplist_member_t;

/** Write MEMBER's propstats. */
void proplist_write(proplist_t *list, output_t *out, const proplist_member_t *member,
                    apr_pool_t *scratch_pool);

#endif /* PROVIDER_PROPLIST_H */
