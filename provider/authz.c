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

/** Members read at a time. */
#define BATCH_SIZE 64

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

int authz_may_differ(const dav_resource *resource)
{
    const request_rec *r = resource->info->r;
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    const core_dir_config *dir = ap_get_core_module_config(r->per_dir_config);

    return dir->override != OR_NONE || (dir->sec_if != NULL && dir->sec_if->nelts > 0) ||
           has_section_below(server->sec_dir, resource->info->path) ||
           has_section_below(server->sec_url, resource->uri);
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

/** Ask about the collections in SCAN, which is at HREF, and those below. */
static apr_status_t ask_below(const question_t *question, dirscan_t *scan, const char *href,
                              apr_pool_t *scratch_pool)
{
    dirscan_entry_t *entries = apr_palloc(scratch_pool, BATCH_SIZE * sizeof(*entries));
    apr_pool_t *batch_pool, *iterpool;
    apr_status_t status;
    int count;

    apr_pool_create(&batch_pool, scratch_pool);
    apr_pool_create(&iterpool, scratch_pool);
    do {
        apr_pool_clear(batch_pool);
        status = dirscan_read(scan, entries, BATCH_SIZE, &count, 0, batch_pool);
        for (int i = 0; i < count && status == APR_SUCCESS; i++) {
            const char *below;
            dirscan_t *inner;

            /* Private names have no URL to ask about; they go where their collection goes. */
            if (entries[i].kind != DIRSCAN_COLLECTION || dirscan_name_is_private(entries[i].name))
                continue;
            apr_pool_clear(iterpool);
            below = apr_pstrcat(iterpool, href, multistatus_escaped(entries[i].name, iterpool), "/",
                                NULL);
            if (!authz_allows(question->r, question->r->method, below)) {
                APR_ARRAY_PUSH(question->refusal->hrefs, const char *) =
                    apr_pstrdup(question->r->pool, below);
                continue;
            }
            /* What cannot be opened is for the operation itself to meet. */
            if (dirscan_open(&inner, scan, entries[i].name, DIRSCAN_LINKS_RAW, iterpool) ==
                APR_SUCCESS) {
                status = ask_below(question, inner, below, iterpool);
                dirscan_close(inner);
            }
        }
    } while (status == APR_SUCCESS && count > 0);
    apr_pool_destroy(iterpool);
    apr_pool_destroy(batch_pool);
    return status;
}

dav_error *authz_check_tree(lockcheck_refusal_t *refusal, request_rec *r,
                            const dav_resource *resource)
{
    question_t question = {r, refusal};
    apr_pool_t *scratch_pool;
    dirscan_t *scan;
    apr_status_t status;

    memset(refusal, 0, sizeof(*refusal));
    refusal->hrefs = apr_array_make(r->pool, 2, sizeof(const char *));
    if (!resource->exists || !resource->collection || !authz_may_differ(resource))
        return NULL;
    apr_pool_create(&scratch_pool, r->pool);
    status = dirscan_open(&scan, NULL, resource->info->path, DIRSCAN_LINKS_RAW, scratch_pool);
    if (status == APR_SUCCESS)
        status = ask_below(&question, scan, resource_href(resource, scratch_pool), scratch_pool);
    apr_pool_destroy(scratch_pool);
    if (refusal->hrefs->nelts > 0) {
        refusal->http_status = HTTP_FORBIDDEN;
        refusal->description = "A collection below is forbidden to the user.";
    }
    return status == APR_SUCCESS
               ? NULL
               : errmap_error(r->pool, status, "Could not look at what is below.");
}
