/*
 * Our live properties for mod_dav's core and for other modules.  Our own PROPFIND and
 * PROPPATCH do not come here; a REPORT of another module does.
 */
#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "provider/errmap.h"
#include "provider/executable.h"
#include "provider/liveprops.h"
#include "provider/private.h"
#include "provider/resource.h"

/** PROP's element on RESOURCE, or NULL; prefixes are declared on it. */
static const char *element(const dav_resource *resource, liveprop_e prop, dav_prop_insert what)
{
    liveprop_source_t source = {.collection = resource->collection, .st = &resource->info->st};
    apr_pool_t *pool = resource->pool;
    const char *local = liveprop_local(prop), *value;
    char buf[LIVEPROP_VALUE_SIZE];
    int dav = strcmp(liveprop_ns(prop), "DAV:") == 0;
    const char *prefix = dav ? "D" : LIVEPROPS_APACHE_PREFIX;
    const char *xmlns = dav ? "" : " xmlns:" LIVEPROPS_APACHE_PREFIX "=\"" LIVEPROPS_APACHE_NS "\"";

    if (what == DAV_PROP_INSERT_SUPPORTED)
        return apr_psprintf(pool, "<D:supported-live-property D:name=\"%s\" D:namespace=\"%s\"/>",
                            local, liveprop_ns(prop));
    value = liveprop_value(prop, &source, buf, pool);
    if (value == NULL)
        return NULL;
    if (what == DAV_PROP_INSERT_NAME)
        return apr_psprintf(pool, "<%s:%s%s/>", prefix, local, xmlns);
    return apr_psprintf(pool, "<%s:%s%s>%s</%s:%s>", prefix, local, xmlns, value, prefix, local);
}

static dav_prop_insert insert_prop(const dav_resource *resource, int propid, dav_prop_insert what,
                                   apr_text_header *phdr)
{
    const char *text = resource->exists ? element(resource, (liveprop_e)propid, what) : NULL;

    if (text == NULL)
        return DAV_PROP_INSERT_NOTDEF;
    apr_text_append(resource->pool, phdr, text);
    return what;
}

static int is_writable(const dav_resource *resource, int propid)
{
    return !resource->collection && liveprop_is_writable((liveprop_e)propid);
}

/** Its address as a patch's context means "T". */
static char executable_on;

static dav_error *patch_validate(const dav_resource *resource, const apr_xml_elem *elem,
                                 int operation, void **context, int *defer_to_dead)
{
    const char *value = dav_xml_get_cdata(elem, resource->pool, 1);
    int on;

    *defer_to_dead = 0;
    if (operation == DAV_PROP_OP_DELETE || !executable_parse(&on, value))
        return dav_new_error(resource->pool, HTTP_CONFLICT, 0, 0, EXECUTABLE_WRONG_VALUE);
    *context = on ? &executable_on : NULL;
    return NULL;
}

/** What undoes a change of "executable". */
struct dav_liveprop_rollback {
    mode_t mode;
};

static dav_error *patch_exec(const dav_resource *resource, const apr_xml_elem *elem, int operation,
                             void *context, dav_liveprop_rollback **rollback_ctx)
{
    dav_liveprop_rollback *rollback = apr_palloc(resource->pool, sizeof(*rollback));
    apr_status_t status;

    (void)elem;
    (void)operation;
    status = executable_set(resource->info->at, resource_linked(resource), context != NULL,
                            &rollback->mode);
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not change whether it is executable.");
    *rollback_ctx = rollback;
    return NULL;
}

static void patch_commit(const dav_resource *resource, int operation, void *context,
                         dav_liveprop_rollback *rollback_ctx)
{
    (void)resource;
    (void)operation;
    (void)context;
    (void)rollback_ctx;
}

static dav_error *patch_rollback(const dav_resource *resource, int operation, void *context,
                                 dav_liveprop_rollback *rollback_ctx)
{
    apr_status_t status;

    (void)operation;
    (void)context;
    if (rollback_ctx == NULL)
        return NULL;
    status = executable_restore(resource->info->at, resource_linked(resource), rollback_ctx->mode);
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not change it back.");
    return NULL;
}

/* Elements declare what they use, so mod_dav need not add declarations of ours. */
static const char *const no_namespaces[] = {NULL};

const dav_hooks_liveprop liveprops_hooks = {
    .insert_prop = insert_prop,
    .is_writable = is_writable,
    .namespace_uris = no_namespaces,
    .patch_validate = patch_validate,
    .patch_exec = patch_exec,
    .patch_commit = patch_commit,
    .patch_rollback = patch_rollback,
};

int liveprops_hook_find(const dav_resource *resource, const char *ns, const char *name,
                        const dav_hooks_liveprop **hooks)
{
    liveprop_e prop;

    if (resource->hooks != &depot_repository)
        return 0;
    prop = liveprop_find(ns, name);
    /* The core finds content types by a sub-request, and has what locks there are. */
    if (prop == LIVEPROP_NONE || liveprop_needs_type(prop) || prop == LIVEPROP_LOCKDISCOVERY ||
        prop == LIVEPROP_SUPPORTEDLOCK || prop == LIVEPROP_RESOURCETYPE)
        return 0;
    *hooks = &liveprops_hooks;
    return (int)prop;
}

void liveprops_hook_insert_all(request_rec *r, const dav_resource *resource, dav_prop_insert what,
                               apr_text_header *phdr)
{
    const dav_hooks_liveprop *hooks;

    (void)r;
    if (resource->hooks != &depot_repository)
        return;
    for (int prop = LIVEPROP_NONE + 1; prop < LIVEPROP_COUNT; prop++) {
        if (liveprops_hook_find(resource, liveprop_ns((liveprop_e)prop),
                                liveprop_local((liveprop_e)prop), &hooks))
            insert_prop(resource, prop, what, phdr);
    }
}
