#include "provider/content_type.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_request.h>

#include "provider/multistatus.h"
#include "provider/sections.h"

/** Extensions remembered before beginning anew: names like "x.000001" must not fill memory. */
#define REMEMBER_MAX 512
/** <Files> sections that are told apart, one bit each. */
#define SECTIONS_MAX 64

struct content_types_t {
    request_rec *r;
    const char *base;
    apr_pool_t *pool;             /* lifetime of this */
    apr_pool_t *known;            /* of what BY_KEY holds */
    apr_hash_t *by_key;           /* section bits and extensions -> content_type_t */
    apr_array_header_t *sections; /* of ap_conf_vector_t *, the <Files> sections; may be NULL */
    int by_name;                  /* no two members may share */
    request_rec *dir; /* a sub-request for the collection, which owns SECTIONS; or NULL */
};

/** The languages joined as Content-Language has them. */
static const char *languages(const apr_array_header_t *list, apr_pool_t *result_pool)
{
    const char *joined;

    if (list == NULL || list->nelts == 0)
        return NULL;
    joined = APR_ARRAY_IDX(list, 0, const char *);
    for (int i = 1; i < list->nelts; i++)
        joined = apr_pstrcat(result_pool, joined, ", ", APR_ARRAY_IDX(list, i, const char *), NULL);
    return apr_pstrdup(result_pool, joined);
}

int content_type_is_forced(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    return core->mime_type != NULL && strcmp(core->mime_type, "none") != 0;
}

static content_type_t type_of(const request_rec *r, apr_pool_t *result_pool)
{
    content_type_t found = {
        .forced = content_type_is_forced(r),
        .type = r->content_type ? apr_pstrdup(result_pool, r->content_type) : NULL,
        .language = languages(r->content_languages, result_pool),
    };

    return found;
}

content_type_t content_type_of_request(const request_rec *r)
{
    return type_of(r, r->pool);
}

content_types_t *content_types_create(request_rec *r, const char *base, apr_pool_t *result_pool)
{
    content_types_t *types = apr_pcalloc(result_pool, sizeof(*types));

    types->r = r;
    types->base = base;
    types->pool = result_pool;
    return types;
}

/** The sub-request's pool goes first: forget it. */
static apr_status_t forget_dir(void *baton)
{
    content_types_t *types = baton;

    types->dir = NULL;
    return APR_SUCCESS;
}

/** What is known of the types goes first: end the sub-request. */
static apr_status_t end_dir(void *baton)
{
    content_types_t *types = baton;

    if (types->dir != NULL) {
        apr_pool_cleanup_kill(types->dir->pool, types, forget_dir);
        ap_destroy_sub_req(types->dir);
    }
    return APR_SUCCESS;
}

/** Find out, once a collection, what in its configuration goes by more than extensions. */
static void prepare(content_types_t *types)
{
    const core_dir_config *core;

    /* PROPFIND, so that no directory index is looked for. */
    types->dir = ap_sub_req_method_uri("PROPFIND", types->base, types->r, NULL);
    apr_pool_cleanup_register(types->dir->pool, types, forget_dir, apr_pool_cleanup_null);
    apr_pool_cleanup_register(types->pool, types, end_dir, apr_pool_cleanup_null);

    core = ap_get_core_module_config(types->dir->per_dir_config);
    types->sections = core->sec_file;
    types->by_name = (core->sec_if && core->sec_if->nelts > 0) ||
                     (types->sections && types->sections->nelts > SECTIONS_MAX) ||
                     ap_find_linked_module("mod_mime_magic.c") != NULL;
}

/** Which <Files> sections NAME falls into, as ap_file_walk() decides it. */
static apr_uint64_t matching_sections(const content_types_t *types, const char *name)
{
    apr_uint64_t bits = 0;

    for (int i = 0; types->sections && i < types->sections->nelts; i++) {
        if (sections_match_file(types->sections, i, name))
            bits |= (apr_uint64_t)1 << i;
    }
    return bits;
}

/** What mod_mime goes by: all from the first dot on that does not begin the name. */
static const char *extensions(const char *name)
{
    const char *dot = strchr(name + strspn(name, "."), '.');

    return dot ? dot : "";
}

static content_type_t ask(const content_types_t *types, const char *name, apr_pool_t *result_pool)
{
    char *escaped = multistatus_escaped(name, result_pool);
    request_rec *sub =
        ap_sub_req_lookup_uri(apr_pstrcat(result_pool, types->base, escaped, NULL), types->r, NULL);
    content_type_t found = {0};

    /* What the user may not GET tells no type. */
    if (sub->status == HTTP_OK)
        found = type_of(sub, result_pool);
    ap_destroy_sub_req(sub);
    return found;
}

content_type_t content_types_get(content_types_t *types, const char *name)
{
    char key[sizeof(apr_uint64_t) + 256];
    const char *suffix;
    apr_uint64_t bits;
    content_type_t *found;
    apr_size_t length;

    if (types->dir == NULL)
        prepare(types);
    if (types->known == NULL) {
        apr_pool_create(&types->known, types->pool);
        types->by_key = apr_hash_make(types->known);
    }

    bits = types->by_name ? 0 : matching_sections(types, name);
    suffix = types->by_name ? name : extensions(name);
    length = strlen(suffix);
    if (length > sizeof(key) - sizeof(bits))
        length = sizeof(key) - sizeof(bits);
    memcpy(key, &bits, sizeof(bits));
    memcpy(key + sizeof(bits), suffix, length);
    length += sizeof(bits);

    found = apr_hash_get(types->by_key, key, (apr_ssize_t)length);
    if (found == NULL) {
        found = apr_palloc(types->known, sizeof(*found));
        *found = ask(types, name, types->known);
        apr_hash_set(types->by_key, apr_pmemdup(types->known, key, length), (apr_ssize_t)length,
                     found);
    }
    return *found;
}

void content_types_trim(content_types_t *types)
{
    if (types->known == NULL || apr_hash_count(types->by_key) < REMEMBER_MAX)
        return;
    apr_pool_clear(types->known);
    types->by_key = apr_hash_make(types->known);
}
