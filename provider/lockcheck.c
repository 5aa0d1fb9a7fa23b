#include "provider/lockcheck.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "provider/errmap.h"
#include "provider/ifheader.h"
#include "provider/locktext.h"
#include "provider/multistatus.h"
#include "provider/output.h"
#include "provider/private.h"
#include "provider/resource.h"

APLOG_USE_MODULE(dav_depot);

/** What lockcheck_again() needs, kept with the request. */
typedef struct kept_t {
    const lockcheck_target_t *targets;
    const dav_resource *const *parents; /* of the targets; NULL for the root's */
    int count;
    const apr_array_header_t *submitted;
} kept_t;

/** A check under way, within one transaction. */
typedef struct check_t {
    request_rec *r;
    store_txn_t *txn;
    apr_int64_t now;
    apr_array_header_t *lists; /* if_list_t, or NULL without an If header */
    /* lock_token_t: those in the header; or NULL without one */
    const apr_array_header_t *submitted;
    lockcheck_refusal_t *refusal;
    apr_hash_t *named; /* the hrefs in it */
} check_t;

int lockcheck_is_own(const request_rec *r, const lock_t *lock)
{
    return *lock->principal == '\0' || (r->user != NULL && strcmp(r->user, lock->principal) == 0);
}

/* ---- the If header ---- */

/** A resource that lists speak of, looked up before the transaction. */
typedef struct tagged_t {
    const char *reference; /* NULL: the request's */
    const dav_resource *resource;
} tagged_t;

/** The resource of a tag; NULL if it is none of ours. */
static const dav_resource *resource_of_tag(request_rec *r, const char *reference)
{
    request_rec *sub;
    dav_resource *resource;
    apr_uri_t uri;

    if (apr_uri_parse(r->pool, reference, &uri) != APR_SUCCESS || uri.path == NULL)
        return NULL;
    sub = ap_sub_req_method_uri("PROPFIND", uri.path, r, NULL);
    /* The sub-request lives on: the resource hangs on it. */
    if (sub->status != HTTP_OK || dav_get_provider(sub) != &depot_provider ||
        dav_get_resource(sub, 0, 0, &resource) != NULL)
        return NULL;
    return resource;
}

/** Look up what the lists speak of.  Not within a transaction: sub-requests may take long. */
static apr_array_header_t *find_tagged(request_rec *r, const dav_resource *own,
                                       const apr_array_header_t *lists)
{
    apr_array_header_t *all = apr_array_make(r->pool, 2, sizeof(tagged_t));
    const char *last = NULL;

    for (int i = 0; i < lists->nelts; i++) {
        const if_list_t *list = &APR_ARRAY_IDX(lists, i, if_list_t);
        tagged_t *tagged;

        if (i > 0 && list->resource == last) {
            /* Several lists behind one tag share it. */
            APR_ARRAY_PUSH(all, tagged_t) = APR_ARRAY_IDX(all, i - 1, tagged_t);
            continue;
        }
        tagged = apr_array_push(all);
        tagged->reference = last = list->resource;
        tagged->resource = last ? resource_of_tag(r, last) : own;
    }
    return all;
}

static apr_status_t is_locked_with(int *yes_p, const check_t *check, const dav_resource *resource,
                                   const char *uri)
{
    apr_array_header_t *locks = apr_array_make(check->r->pool, 4, sizeof(lock_t));
    lock_token_t token;
    apr_status_t status;

    *yes_p = 0;
    if (resource == NULL || !locks_token_parse(&token, uri))
        return APR_SUCCESS;
    status = locks_covering(locks, check->txn, resource->info->path, check->now);
    for (int i = 0; i < locks->nelts && status == APR_SUCCESS; i++)
        *yes_p |= memcmp(&APR_ARRAY_IDX(locks, i, lock_t).token, &token, sizeof(token)) == 0;
    return status;
}

static int has_etag(const dav_resource *resource, const char *etag)
{
    return resource != NULL && resource->exists && strcmp(resource_etag(resource), etag) == 0;
}

static apr_status_t list_holds(int *yes_p, const check_t *check, const if_list_t *list,
                               const dav_resource *resource)
{
    apr_status_t status = APR_SUCCESS;

    *yes_p = 1;
    for (int i = 0; i < list->conditions->nelts && *yes_p && status == APR_SUCCESS; i++) {
        const if_condition_t *condition = &APR_ARRAY_IDX(list->conditions, i, if_condition_t);
        int holds = 0;

        if (condition->is_etag)
            holds = has_etag(resource, condition->value);
        else
            status = is_locked_with(&holds, check, resource, condition->value);
        *yes_p = holds != condition->negated;
    }
    return status;
}

/** Whether any list holds, as one must. */
static apr_status_t evaluate(int *yes_p, const check_t *check, const apr_array_header_t *tagged)
{
    apr_status_t status = APR_SUCCESS;

    *yes_p = 0;
    for (int i = 0; i < check->lists->nelts && !*yes_p && status == APR_SUCCESS; i++)
        status = list_holds(yes_p, check, &APR_ARRAY_IDX(check->lists, i, if_list_t),
                            APR_ARRAY_IDX(tagged, i, tagged_t).resource);
    return status;
}

static apr_array_header_t *tokens_of(const apr_array_header_t *lists, apr_pool_t *result_pool)
{
    apr_array_header_t *tokens = apr_array_make(result_pool, 4, sizeof(lock_token_t));

    for (int i = 0; i < lists->nelts; i++) {
        const apr_array_header_t *conditions = APR_ARRAY_IDX(lists, i, if_list_t).conditions;

        for (int j = 0; j < conditions->nelts; j++) {
            const if_condition_t *condition = &APR_ARRAY_IDX(conditions, j, if_condition_t);
            lock_token_t token;

            /* "Not" or not: by standing there it is submitted (RFC 4918 section 10.4.1). */
            if (!condition->is_etag && locks_token_parse(&token, condition->value))
                APR_ARRAY_PUSH(tokens, lock_token_t) = token;
        }
    }
    return tokens;
}

apr_array_header_t *lockcheck_submitted(request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "If");
    apr_array_header_t *lists;

    if (header == NULL)
        return apr_array_make(r->pool, 1, sizeof(lock_token_t));
    return ifheader_parse(&lists, header, r->pool) ? tokens_of(lists, r->pool) : NULL;
}

/* ---- the locks that count ---- */

static int is_submitted(const check_t *check, const lock_t *lock)
{
    for (int i = 0; check->submitted != NULL && i < check->submitted->nelts; i++) {
        if (memcmp(&APR_ARRAY_IDX(check->submitted, i, lock_token_t), &lock->token,
                   sizeof(lock->token)) == 0)
            return lockcheck_is_own(check->r, lock);
    }
    return 0;
}

/** Note that the resource of LOCK is locked; SEEN_FROM covers it or lies above it. */
static void refuse(const check_t *check, const lock_t *lock, const dav_resource *seen_from,
                   int below)
{
    const char *href = locktext_root(lock, seen_from, check->r->pool);
    lockcheck_refusal_t *refusal = check->refusal;

    refusal->own |= !below;
    if (apr_hash_get(check->named, href, APR_HASH_KEY_STRING) != NULL)
        return;
    apr_hash_set(check->named, href, APR_HASH_KEY_STRING, href);
    refusal->http_status = HTTP_LOCKED;
    refusal->precondition = "lock-token-submitted";
    refusal->description = "A locked resource is concerned, and its token was not submitted.";
    APR_ARRAY_PUSH(refusal->hrefs, const char *) = href;
}

/**
 * See that of the locks covering one resource one is submitted, if there are any: several
 * shared locks are alternatives (RFC 4918 section 7).
 */
static apr_status_t need_covering(const check_t *check, const dav_resource *resource)
{
    apr_array_header_t *locks = apr_array_make(check->r->pool, 4, sizeof(lock_t));
    apr_status_t status = locks_covering(locks, check->txn, resource->info->path, check->now);

    for (int i = 0; i < locks->nelts && status == APR_SUCCESS; i++) {
        if (is_submitted(check, &APR_ARRAY_IDX(locks, i, lock_t)))
            return APR_SUCCESS;
    }
    if (status == APR_SUCCESS && locks->nelts > 0)
        refuse(check, &APR_ARRAY_IDX(locks, 0, lock_t), resource, 0);
    return status;
}

/** The same for each locked resource below; as many as are named in an answer. */
static apr_status_t need_below(const check_t *check, const dav_resource *resource)
{
    apr_array_header_t *locks = apr_array_make(check->r->pool, 4, sizeof(lock_t));
    apr_hash_t *met = apr_hash_make(check->r->pool); /* ids of nodes */
    apr_status_t status = locks_below(locks, check->txn, resource->info->path, check->now);

    for (int i = 0; i < locks->nelts && status == APR_SUCCESS; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);

        if (is_submitted(check, lock))
            apr_hash_set(met, &lock->node, sizeof(lock->node), lock);
    }
    for (int i = 0; i < locks->nelts && status == APR_SUCCESS &&
                    check->refusal->hrefs->nelts < LOCKS_CONFLICTS_MAX;
         i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);

        if (apr_hash_get(met, &lock->node, sizeof(lock->node)) == NULL)
            refuse(check, lock, resource, 1);
    }
    return status;
}

static apr_status_t check_target(const check_t *check, const lockcheck_target_t *target,
                                 const dav_resource *parent)
{
    apr_status_t status = APR_SUCCESS;

    if (target->effects & LOCKCHECK_CONTENT)
        status = need_covering(check, target->resource);
    if (status == APR_SUCCESS && (target->effects & LOCKCHECK_MEMBER) && parent != NULL)
        status = need_covering(check, parent);
    if (status == APR_SUCCESS && (target->effects & LOCKCHECK_TREE))
        status = need_below(check, target->resource);
    return status;
}

static apr_status_t check_targets(const check_t *check, const kept_t *kept)
{
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; i < kept->count && status == APR_SUCCESS; i++)
        status = check_target(check, &kept->targets[i], kept->parents[i]);
    return status;
}

/** All that needs the store. */
static apr_status_t check_all(check_t *check, store_t *store, const kept_t *kept,
                              const apr_array_header_t *tagged)
{
    apr_status_t status = store_begin(&check->txn, store, STORE_READ, check->r->pool);
    int holds = 1;

    if (status != APR_SUCCESS)
        return status;
    if (check->lists != NULL && tagged != NULL)
        status = evaluate(&holds, check, tagged);
    if (status == APR_SUCCESS && !holds) {
        check->refusal->http_status = HTTP_PRECONDITION_FAILED;
        check->refusal->description = "The If header does not hold.";
    }
    if (status == APR_SUCCESS && holds)
        status = check_targets(check, kept);
    store_abort(check->txn);
    return status;
}

dav_error *lockcheck_request(lockcheck_refusal_t *refusal, request_rec *r,
                             const lockcheck_target_t *targets, int count)
{
    const char *header = apr_table_get(r->headers_in, "If");
    check_t check = {
        .r = r, .now = locktext_now(), .refusal = refusal, .named = apr_hash_make(r->pool)};
    const dav_resource **parents =
        apr_pcalloc(r->pool, (apr_size_t)count * sizeof(const dav_resource *));
    store_t *store = targets[0].resource->info->settings.store;
    apr_array_header_t *tagged = NULL;
    kept_t *kept = apr_palloc(r->pool, sizeof(*kept));
    apr_status_t status;

    memset(refusal, 0, sizeof(*refusal));
    refusal->hrefs = apr_array_make(r->pool, 2, sizeof(const char *));
    if (store == NULL)
        return errmap_no_store(r->pool);
    if (header != NULL) {
        if (!ifheader_parse(&check.lists, header, r->pool))
            return dav_new_error(r->pool, HTTP_BAD_REQUEST, 0, 0,
                                 "The If header is not well-formed.");
        check.submitted = tokens_of(check.lists, r->pool);
        tagged = find_tagged(r, targets[0].resource, check.lists);
    }
    for (int i = 0; i < count; i++) {
        dav_resource *parent;
        dav_error *err = resource_get_parent(targets[i].resource, &parent);

        if (err != NULL)
            return err;
        parents[i] = parent;
    }
    *kept = (kept_t){apr_pmemdup(r->pool, targets, (apr_size_t)count * sizeof(*targets)), parents,
                     count, check.submitted};
    ap_set_module_config(r->request_config, &dav_depot_module, kept);
    status = check_all(&check, store, kept, tagged);
    return status == APR_SUCCESS ? NULL
                                 : errmap_error(r->pool, status, "Could not find out about locks.");
}

dav_error *lockcheck_again(request_rec *r, store_txn_t *txn)
{
    request_rec *top = r->main != NULL ? r->main : r;
    const kept_t *kept = ap_get_module_config(top->request_config, &dav_depot_module);
    lockcheck_refusal_t refusal = {.hrefs = apr_array_make(r->pool, 2, sizeof(const char *))};
    check_t check = {.r = top,
                     .txn = txn,
                     .now = locktext_now(),
                     .refusal = &refusal,
                     .named = apr_hash_make(r->pool)};
    const char *hrefs = "";
    dav_error *err;
    apr_status_t status;

    if (kept == NULL)
        return NULL; /* another module's own change, of which nobody has asked */
    check.submitted = kept->submitted;
    status = check_targets(&check, kept);
    if (status != APR_SUCCESS)
        return errmap_error(r->pool, status, "Could not find out about locks.");
    if (refusal.http_status == 0)
        return NULL;
    for (int i = 0; i < refusal.hrefs->nelts; i++)
        hrefs = apr_pstrcat(r->pool, hrefs, "<D:href>",
                            APR_ARRAY_IDX(refusal.hrefs, i, const char *), "</D:href>", NULL);
    err = dav_new_error_tag(r->pool, refusal.http_status, 0, 0,
                            "It was locked while the request was under way.", NULL,
                            refusal.precondition);
    err->childtags = hrefs;
    return err;
}

/* ---- answering ---- */

/** A 207 in which each member in the way has its status (RFC 4918 section 9.6.1). */
static int answer_members(request_rec *r, const lockcheck_refusal_t *refusal)
{
    multistatus_ns_t *ns = multistatus_ns_create(r->pool);
    output_t *out = output_create(r, r->pool);

    multistatus_begin(r, out, ns);
    for (int i = 0; i < refusal->hrefs->nelts; i++) {
        const char *href = APR_ARRAY_IDX(refusal->hrefs, i, const char *);

        multistatus_response(out, href, NULL, 0);
        multistatus_status(out, refusal->http_status);
        if (refusal->precondition != NULL)
            output_puts(out, apr_pstrcat(r->pool, "<D:error><D:", refusal->precondition,
                                         "><D:href>", href, "</D:href></D:", refusal->precondition,
                                         "></D:error>", NULL));
        multistatus_response_end(out);
    }
    multistatus_end(out);
    (void)output_end(out);
    return DONE;
}

int lockcheck_answer(request_rec *r, const lockcheck_refusal_t *refusal)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "%s", refusal->description);
    if (refusal->hrefs->nelts == 0 && refusal->precondition == NULL)
        return refusal->http_status;
    if (!refusal->own && refusal->hrefs->nelts > 0)
        return answer_members(r, refusal);
    r->status = refusal->http_status;
    ap_set_content_type(r, "application/xml; charset=\"utf-8\"");
    ap_rprintf(r, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\"><D:%s>",
               refusal->precondition);
    for (int i = 0; i < refusal->hrefs->nelts; i++)
        ap_rvputs(r, "<D:href>", APR_ARRAY_IDX(refusal->hrefs, i, const char *), "</D:href>", NULL);
    ap_rprintf(r, "</D:%s></D:error>\n", refusal->precondition);
    return DONE;
}
