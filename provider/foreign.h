/*
 * foreign.h -- live properties that other modules define by mod_dav's hooks.
 *
 * mod_dav's core answers for properties by hooks too; those it has are ours to answer or
 * dead, so its hooks are passed over here, and so are our own.
 */
#ifndef PROVIDER_FOREIGN_H
#define PROVIDER_FOREIGN_H

#include <libxml/tree.h>
#include <mod_dav.h>

#include "provider/multistatus.h"

/** A live property of another module. */
typedef struct foreign_prop_t {
    const dav_hooks_liveprop *hooks; /**< NULL: no module has it */
    int id;                          /**< by which the hooks know it */
} foreign_prop_t;

/** The live property called NS, LOCAL, asked for on RESOURCE. */
foreign_prop_t foreign_find(const dav_resource *resource, const char *ns, const char *local);

/** Whether any module adds properties to an allprop or propname. */
int foreign_has_allprop(void);

/** Whether any module adds to DAV:resourcetype. */
int foreign_has_types(apr_pool_t *scratch_pool);

/** Declare the prefixes that modules write their properties with. */
void foreign_declare(multistatus_ns_t *ns, apr_pool_t *scratch_pool);

/**
 * PROP's element on RESOURCE.
 * @param what DAV_PROP_INSERT_VALUE or DAV_PROP_INSERT_NAME
 * @return its XML, in RESULT_POOL; NULL if RESOURCE does not have it
 */
const char *foreign_text(const foreign_prop_t *prop, const dav_resource *resource,
                         dav_prop_insert what, apr_pool_t *result_pool);

/** All elements that modules have for RESOURCE; "" for none. */
const char *foreign_all(request_rec *r, const dav_resource *resource, dav_prop_insert what,
                        apr_pool_t *result_pool);

/** What modules add to RESOURCE's DAV:resourcetype; NULL for nothing. */
const char *foreign_types(const dav_resource *resource, apr_pool_t *result_pool);

/** A change to another module's property, as PROPPATCH makes it. */
typedef struct foreign_change_t foreign_change_t;

/**
 * Ask PROP's module whether it would make a change.
 * @param change_p set to the change, in RESOURCE's pool; or to NULL if the property is to be
 *                 treated as a dead one
 * @param node the property's element in the request
 * @param operation DAV_PROP_OP_SET or DAV_PROP_OP_DELETE
 * @return NULL, or why not
 */
dav_error *foreign_validate(foreign_change_t **change_p, const foreign_prop_t *prop,
                            const dav_resource *resource, const xmlNode *node, int operation);

/** Make the change, so that it can still be undone.  @return NULL, or why not */
dav_error *foreign_exec(foreign_change_t *change);

/** Make it lasting. */
void foreign_commit(foreign_change_t *change);

/** Undo it.  @return NULL, or why not */
dav_error *foreign_rollback(foreign_change_t *change);

#endif /* PROVIDER_FOREIGN_H */
