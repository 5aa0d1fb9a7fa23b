#include "provider/authz.h"

#include <string.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_request.h>

#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/multistatus.h"
#include "provider/private.h"
#include "provider/resource.h"
#include "provider/sections.h"

/** Whether one of SECTIONS is for something below PATH, or might be. */
static int has_section_below(const apr_array_header_t *sections, const char *path)
{
    apr_size_t length = strlen(path);

    while (length > 0 && path[length - 1] == '/')
        length--;
    for (int i = 0; sections != NULL && i < sections->nelts; i++) {
        const core_dir_config *section =
            ap_get_core_module_config(APR_ARRAY_IDX(sections, i, ap_conf_vector_t *));

        /* Patterns and variables may match anywhere. */
        if (section->r != NULL || section->d_is_fnmatch || section->d == NULL)
            return 1;
        if (strncmp(section->d, path, length) == 0 && section->d[length] == '/' &&
            section->d[length + 1] != '\0')
            return 1;
    }
    return 0;
}

/** Note what the sections that hold for a collection say of its members. */
static void read_sections(authz_scope_t *scope, const ap_conf_vector_t *per_dir_config)
{
    const core_dir_config *dir = ap_get_core_module_config(per_dir_config);

    scope->conditional = dir->sec_if != NULL && dir->sec_if->nelts > 0;
    scope->files = dir->sec_file;
}

void authz_scope_begin(authz_scope_t *scope, const dav_resource *resource)
{
    const request_rec *r = resource->info->r;
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    const core_dir_config *dir = ap_get_core_module_config(r->per_dir_config);

    scope->sub = NULL;
    read_sections(scope, r->per_dir_config);
    scope->collections = dir->override != OR_NONE ||
                         has_section_below(server->sec_dir, resource->info->path) ||
                         has_section_below(server->sec_url, resource->uri);
}

int authz_must_ask(const authz_scope_t *scope, const char *name, int collection)
{
    if (scope->conditional || (collection && scope->collections))
        return 1;
    for (int i = 0; !collection && scope->files != NULL && i < scope->files->nelts; i++) {
        if (sections_match_file(scope->files, i, name))
            return 1;
    }
    return 0;
}

int authz_may_enter(authz_scope_t *inner, const authz_scope_t *scope, request_rec *r,
                    const char *method, const char *href)
{
    request_rec *sub = ap_sub_req_method_uri(method, href, r, NULL);
    int allowed = authz_holds(sub);

    *inner = *scope;
    inner->sub = NULL;
    if (allowed)
        read_sections(inner, sub->per_dir_config);
    /* Sections of an .htaccess file are in the sub-request's memory. */
    if (inner->files != scope->files)
        inner->sub = sub;
    else
        ap_destroy_sub_req(sub);
    return allowed;
}

void authz_scope_end(authz_scope_t *scope)
{
    if (scope->sub != NULL)
        ap_destroy_sub_req(scope->sub);
    scope->sub = NULL;
}

int authz_holds(request_rec *sub)
{
    int status;

    if (sub->status != HTTP_OK || sub->main->per_dir_config != sub->per_dir_config)
        return sub->status == HTTP_OK;
    status = ap_run_auth_checker(sub);
    return status == OK || status == DECLINED;
}

int authz_allows(request_rec *r, const char *method, const char *href)
{
    request_rec *sub = ap_sub_req_method_uri(method, href, r, NULL);
    int allowed = authz_holds(sub);

    ap_destroy_sub_req(sub);
    return allowed;
}

/** A tree being asked about. */
typedef struct question_t {
    request_rec *r;
    lockcheck_refusal_t *refusal;
} question_t;

/** One collection of it. */
typedef struct level_t {
    const question_t *question;
    const authz_scope_t *scope;
    const char *href; /* a slash at its end */
} level_t;

static void refuse(const question_t *question, const char *href)
{
    APR_ARRAY_PUSH(question->refusal->hrefs, const char *) = apr_pstrdup(question->r->pool, href);
}

static apr_status_t ask_about(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                              apr_pool_t *scratch_pool);

/** Ask about the collection NAME of SCAN, at HREF, and all below. */
static apr_status_t ask_about_collection(const level_t *above, dirscan_t *scan, const char *name,
                                         const char *href, apr_pool_t *scratch_pool)
{
    const question_t *question = above->question;
    authz_scope_t scope = *above->scope;
    level_t level = {question, &scope, href};
    apr_status_t status = APR_SUCCESS;
    dirscan_t *inner;

    scope.sub = NULL;
    if (authz_must_ask(above->scope, name, 1) &&
        !authz_may_enter(&scope, above->scope, question->r, question->r->method, href)) {
        refuse(question, href);
    } else if (dirscan_open(&inner, scan, name, DIRSCAN_LINKS_RAW, scratch_pool) == APR_SUCCESS) {
        /* What cannot be opened is for the operation itself to meet. */
        status = dirscan_each(inner, 0, ask_about, &level, scratch_pool);
        dirscan_close(inner);
    }
    authz_scope_end(&scope);
    return status;
}

/** Ask about one member. */
static apr_status_t ask_about(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                              apr_pool_t *scratch_pool)
{
    const level_t *level = baton;
    const question_t *question = level->question;
    int collection = entry->kind == DIRSCAN_COLLECTION;
    const char *href;

    /* Private names have no URL to ask about; they go where their collection goes. */
    if (dirscan_name_is_private(entry->name) ||
        (!collection && !authz_must_ask(level->scope, entry->name, 0)))
        return APR_SUCCESS;
    href = apr_pstrcat(scratch_pool, level->href, multistatus_escaped(entry->name, scratch_pool),
                       collection ? "/" : "", NULL);
    if (collection)
        return ask_about_collection(level, scan, entry->name, href, scratch_pool);
    if (!authz_allows(question->r, question->r->method, href))
        refuse(question, href);
    return APR_SUCCESS;
}

dav_error *authz_check_tree(lockcheck_refusal_t *refusal, request_rec *r,
                            const dav_resource *resource)
{
    question_t question = {r, refusal};
    authz_scope_t scope;
    level_t level = {&question, &scope, NULL};
    apr_pool_t *scratch_pool;
    dirscan_t *scan;
    apr_status_t status;

    memset(refusal, 0, sizeof(*refusal));
    refusal->hrefs = apr_array_make(r->pool, 2, sizeof(const char *));
    if (!resource->exists || !resource->collection)
        return NULL;
    authz_scope_begin(&scope, resource);
    if (!scope.collections && !scope.conditional &&
        (scope.files == NULL || scope.files->nelts == 0))
        return NULL;
    apr_pool_create(&scratch_pool, r->pool);
    level.href = resource_href(resource, scratch_pool);
    status = dirscan_open_top(&scan, resource->info->at, resource_linked(resource),
                              DIRSCAN_LINKS_RAW, scratch_pool);
    if (status == APR_SUCCESS)
        status = dirscan_each(scan, 0, ask_about, &level, scratch_pool);
    apr_pool_destroy(scratch_pool);
    if (refusal->hrefs->nelts > 0) {
        refusal->http_status = HTTP_FORBIDDEN;
        refusal->description = "A member below is forbidden to the user.";
    }
    return status == APR_SUCCESS
               ? NULL
               : errmap_error(r->pool, status, "Could not look at what is below.");
}
