#include "provider/foreign.h"

#include <string.h>

#include <apr_strings.h>
#include <ap_provider.h>

#include "provider/liveprops.h"

foreign_prop_t foreign_find(const dav_resource *resource, const char *ns, const char *local)
{
    const apr_array_header_t *hooks = dav_hook_get_find_liveprop();
    foreign_prop_t prop = {NULL, 0};

    for (int i = 0; hooks != NULL && i < hooks->nelts && prop.hooks == NULL; i++) {
        const dav_LINK_find_liveprop_t *hook = &APR_ARRAY_IDX(hooks, i, dav_LINK_find_liveprop_t);

        if (hook->pFunc == dav_core_find_liveprop || hook->pFunc == liveprops_hook_find)
            continue;
        prop.id = hook->pFunc(resource, ns, local, &prop.hooks);
        if (prop.id == 0)
            prop.hooks = NULL;
    }
    return prop;
}

/** The hook at I, or NULL if it is the core's or ours, or mod_dav_fs's, which is for its own. */
static dav_HOOK_insert_all_liveprops_t *allprop_hook(const apr_array_header_t *hooks, int i)
{
    const dav_LINK_insert_all_liveprops_t *hook =
        &APR_ARRAY_IDX(hooks, i, dav_LINK_insert_all_liveprops_t);

    if (hook->pFunc == dav_core_insert_all_liveprops || hook->pFunc == liveprops_hook_insert_all ||
        (hook->szName != NULL && strcmp(hook->szName, "mod_dav_fs.c") == 0))
        return NULL;
    return hook->pFunc;
}

int foreign_has_allprop(void)
{
    const apr_array_header_t *hooks = dav_hook_get_insert_all_liveprops();

    for (int i = 0; hooks != NULL && i < hooks->nelts; i++) {
        if (allprop_hook(hooks, i) != NULL)
            return 1;
    }
    return 0;
}

int foreign_has_types(apr_pool_t *scratch_pool)
{
    return ap_list_provider_names(scratch_pool, DAV_RESOURCE_TYPE_GROUP, "0")->nelts > 0;
}

void foreign_declare(multistatus_ns_t *ns, apr_pool_t *scratch_pool)
{
    apr_text_header declarations = {0};

    /* mod_dav tells its prefixes only as text: one piece each, ` xmlns:PREFIX="URI"`. */
    dav_add_all_liveprop_xmlns(scratch_pool, &declarations);
    for (const apr_text *text = declarations.first; text != NULL; text = text->next) {
        const char *colon = strchr(text->text, ':');
        const char *equals = colon ? strchr(colon, '=') : NULL;
        const char *quote = equals && equals[1] == '"' ? strchr(equals + 2, '"') : NULL;

        if (quote != NULL)
            multistatus_ns_declare(
                ns, apr_pstrmemdup(scratch_pool, colon + 1, (apr_size_t)(equals - colon) - 1),
                apr_pstrmemdup(scratch_pool, equals + 2, (apr_size_t)(quote - equals) - 2));
    }
}

/** All pieces of TEXT as one string. */
static const char *join(const apr_text_header *text, apr_pool_t *result_pool)
{
    const char *joined = "";

    for (const apr_text *piece = text->first; piece != NULL; piece = piece->next)
        joined = apr_pstrcat(result_pool, joined, piece->text, NULL);
    return joined;
}

const char *foreign_text(const foreign_prop_t *prop, const dav_resource *resource,
                         dav_prop_insert what, apr_pool_t *result_pool)
{
    apr_text_header text = {0};

    if (prop->hooks->insert_prop(resource, prop->id, what, &text) != what)
        return NULL;
    return join(&text, result_pool);
}

const char *foreign_all(request_rec *r, const dav_resource *resource, dav_prop_insert what,
                        apr_pool_t *result_pool)
{
    const apr_array_header_t *hooks = dav_hook_get_insert_all_liveprops();
    apr_text_header text = {0};

    for (int i = 0; hooks != NULL && i < hooks->nelts; i++) {
        dav_HOOK_insert_all_liveprops_t *hook = allprop_hook(hooks, i);

        if (hook != NULL)
            hook(r, resource, what, &text);
    }
    return join(&text, result_pool);
}

const char *foreign_types(const dav_resource *resource, apr_pool_t *result_pool)
{
    const apr_array_header_t *names =
        ap_list_provider_names(result_pool, DAV_RESOURCE_TYPE_GROUP, "0");
    const char *types = NULL;

    for (int i = 0; i < names->nelts; i++) {
        const dav_resource_type_provider *provider = dav_get_resource_type_providers(
            APR_ARRAY_IDX(names, i, ap_list_provider_names_t).provider_name);
        const char *name = NULL, *uri = NULL;

        if (provider == NULL || provider->get_resource_type(resource, &name, &uri) != 0 ||
            name == NULL)
            continue;
        types = apr_pstrcat(result_pool, types ? types : "", "<x:", name, " xmlns:x=\"",
                            uri ? uri : "DAV:", "\"/>", NULL);
    }
    return types;
}
