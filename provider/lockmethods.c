#include "provider/lockmethods.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <http_protocol.h>
#include <mod_dav.h>

#include "propstore/intents.h"
#include "propstore/locks.h"
#include "provider/authz.h"
#include "provider/bodies.h"
#include "provider/errmap.h"
#include "provider/lockcheck.h"
#include "provider/locktext.h"
#include "provider/methods.h"
#include "provider/multistatus.h"
#include "provider/private.h"
#include "provider/recovery.h"
#include "provider/resource.h"
#include "provider/settling.h"
#include "provider/tempfile.h"
#include "provider/xmlbody.h"

/** Expired locks removed along with each change of locks. */
#define REAP_MAX 64

/** A LOCK under way. */
typedef struct locking_t {
    request_rec *r;
    dav_resource *resource;
    store_t *store;
    lock_t lock;
    apr_int64_t now;
    apr_array_header_t *conflicts; /* lock_t: those in the way */
    int unmapped;                  /* there was nothing at its URL */
    tempfile_t *temp;              /* the empty file to be made for it, or NULL; */
    intent_t intent;               /* that it is to be, */
    int journaled;                 /* if that is in the store; */
    int created;                   /* it is in its place */
    dav_error *refused;            /* others were first with a lock that counts */
} locking_t;

static dav_error *bad_request(request_rec *r, const char *why)
{
    return dav_new_error(r->pool, HTTP_BAD_REQUEST, 0, 0, why);
}

/* ---- what a LOCK asks for ---- */

/** Read the lockinfo element. */
static dav_error *read_lockinfo(locking_t *locking, const xmlDoc *doc)
{
    lock_body_t body;
    const char *why = bodies_read_lock(&body, doc);
    apr_size_t length;

    if (why != NULL)
        return bad_request(locking->r, why);
    locking->lock.scope = body.scope;
    locking->lock.owner = body.owner ? xmlbody_text(body.owner, &length, locking->r->pool) : "";
    return locking->lock.owner
               ? NULL
               : errmap_error(locking->r->pool, ENOMEM, "Could not keep the owner.");
}

static dav_error *read_depth(locking_t *locking)
{
    int depth = dav_get_depth(locking->r, DAV_INFINITY);

    if (depth != 0 && depth != DAV_INFINITY)
        return bad_request(locking->r, "The Depth of a LOCK is 0 or infinity.");
    locking->lock.infinite = depth != 0;
    return NULL;
}

/* ---- taking a lock out ---- */

/** store_write_fn: write down that an empty file is to be made, and locked. */
static apr_status_t plan_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    locking_t *locking = baton;

    locking->intent.id = 0;
    settling_locate(&locking->intent, locking->resource->info->pins, scratch_pool);
    return intents_add(txn, &locking->intent, scratch_pool);
}

/** Begin to make the empty file of a LOCK on an unmapped URL (RFC 4918 section 7.3). */
static apr_status_t plan_file(locking_t *locking)
{
    const char *path = locking->resource->info->path;
    recovery_scope_t scope = {
        .paths = {path}, .pins = locking->resource->info->pins, .store_only = 1};
    apr_pool_t *pool = locking->r->pool;
    filestat_t st;
    apr_status_t status = tempfile_create(&locking->temp, locking->resource->info->at, pool);

    if (status == APR_SUCCESS)
        status = tempfile_sync(locking->temp);
    if (status == APR_SUCCESS)
        status = filestat_read(&st, tempfile_fd(locking->temp), "", FILESTAT_TARGET);
    if (status != APR_SUCCESS)
        return status;
    locking->intent = (intent_t){.kind = INTENT_CREATE,
                                 .inode = st.inode,
                                 .birth_ns = st.birth_ns,
                                 .from = path,
                                 .to = "",
                                 .old = ""};
    status = recovery_write(locking->store, &scope, plan_body, locking, pool);
    locking->journaled = status == APR_SUCCESS;
    return status;
}

/** Put the empty file in its place. */
static apr_status_t create_file(locking_t *locking)
{
    apr_status_t status = tempfile_swap(locking->temp, 0);

    locking->created = status == APR_SUCCESS;
    return status == APR_SUCCESS ? tempfile_sync_directory(tempfile_directory(locking->temp))
                                 : status;
}

/** Find what is to be locked, or make it. */
static apr_status_t find_file(locking_t *locking, store_txn_t *txn, apr_pool_t *scratch_pool)
{
    apr_status_t status = resource_refresh(locking->resource);

    if (status != ENOENT || !locking->unmapped)
        return status;
    /* Not with what a file of that name had, which went away from outside. */
    status = nodes_remove(txn, locking->resource->info->path, scratch_pool);
    if (status == APR_SUCCESS)
        status = create_file(locking);
    return status == APR_SUCCESS ? resource_refresh(locking->resource) : status;
}

/**
 * store_write_fn: with the writer's lock, so that a DELETE, a MOVE, a PUT or another LOCK has its
 * turn before or after.
 */
static apr_status_t add_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    locking_t *locking = baton;
    const dav_resource *resource = locking->resource;
    node_fingerprint_t fingerprint;
    apr_status_t status = locks_reap(txn, locking->now, REAP_MAX, NULL, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    if (!locking->journaled)
        resource_set_durability(txn, resource);
    locking->refused = lockcheck_again(locking->r, txn);
    if (locking->refused != NULL)
        return STORE_LOCKED;
    status = find_file(locking, txn, scratch_pool);
    if (status == APR_SUCCESS) {
        fingerprint = filestat_fingerprint(&resource->info->st);
        status = locks_add(txn, resource->info->path, resource_node_kind(resource), &fingerprint,
                           &locking->lock, &resource->info->settings.dir->lock, locking->now,
                           &locking->conflicts, locking->r->pool);
    }
    return status == APR_SUCCESS && locking->journaled ? intents_remove(txn, locking->intent.id)
                                                       : status;
}

/** Lock what is there, or make it. */
static apr_status_t add(locking_t *locking)
{
    recovery_scope_t scope = {.paths = {locking->resource->info->path},
                              .pins = locking->resource->info->pins};
    apr_status_t status = locking->unmapped ? plan_file(locking) : APR_SUCCESS;

    if (status != APR_SUCCESS)
        return status;
    scope.own = locking->journaled ? locking->intent.id : 0;
    scope.store_only = !locking->journaled;
    status = recovery_write(locking->store, &scope, add_body, locking, locking->r->pool);
    /* The file goes again. */
    if (status != APR_SUCCESS && locking->journaled)
        (void)recovery_undo(locking->store, &locking->intent, locking->r->pool);
    return status;
}

/** Whether HREF is, or lies in, one of HREFS. */
static int is_within(const char *href, const apr_array_header_t *hrefs)
{
    for (int i = 0; i < hrefs->nelts; i++) {
        const char *top = APR_ARRAY_IDX(hrefs, i, const char *);

        if (strncmp(href, top, strlen(top)) == 0)
            return 1;
    }
    return 0;
}

/** Tell which locks are in the way (RFC 4918 sections 9.10.6 and 16). */
static int answer_conflict(const locking_t *locking)
{
    lockcheck_refusal_t forbidden, refusal = {
                                       .http_status = HTTP_LOCKED,
                                       .precondition = "no-conflicting-lock",
                                       .description = "Another lock is in the way.",
                                   };
    request_rec *r = locking->r;
    dav_error *err = authz_check_tree(&forbidden, r, locking->resource);
    apr_size_t own = strlen(locking->resource->info->path);

    if (err != NULL)
        return methods_error(r, err);
    refusal.hrefs = apr_array_make(r->pool, 2, sizeof(const char *));
    for (int i = 0; i < locking->conflicts->nelts; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locking->conflicts, i, lock_t);
        const char *href = locktext_root(lock, locking->resource, r->pool);

        refusal.own |= strlen(lock->path) <= own;
        /* What is in a forbidden collection is not spoken of. */
        if (!is_within(href, forbidden.hrefs))
            APR_ARRAY_PUSH(refusal.hrefs, const char *) = href;
    }
    return lockcheck_answer(r, &refusal);
}

/** Answer with the lock as it now is. */
static int answer_lock(const locking_t *locking, int http_status)
{
    request_rec *r = locking->r;
    const char *href = locktext_root(&locking->lock, locking->resource, r->pool);

    r->status = http_status;
    ap_set_content_type(r, "application/xml; charset=\"utf-8\"");
    ap_rvputs(r,
              "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:prop xmlns:D=\"DAV:\">"
              "<D:lockdiscovery>",
              locktext_active(&locking->lock, href, r->user, locking->resource->info->settings.dir,
                              locking->now, r->pool),
              "</D:lockdiscovery></D:prop>\n", NULL);
    return DONE;
}

/** See that headers and locks let the LOCK through.  @return DECLINED, or what was answered */
static int check(const locking_t *locking, unsigned effects)
{
    lockcheck_target_t target = {locking->resource, effects};
    int status = methods_pass(locking->r, &target, 1);
    dav_error *err;

    if (status != DECLINED)
        return status;
    apr_table_unset(locking->r->headers_in, "If");
    err = dav_validate_request(locking->r, locking->resource, 0, NULL, NULL, DAV_VALIDATE_RESOURCE,
                               NULL);
    return err != NULL ? methods_error(locking->r, err) : DECLINED;
}

/** Answer that the lock could not be taken out, for STATUS. */
static int answer_failure(locking_t *locking, apr_status_t status)
{
    request_rec *r = locking->r;

    if (locking->refused != NULL)
        return methods_error(r, locking->refused);
    if (status == STORE_LOCKED)
        return answer_conflict(locking);
    if (locking->unmapped && (status == ENOENT || status == ENOTDIR || status == EEXIST))
        return methods_error(r, errmap_error_as(r->pool, HTTP_CONFLICT, status,
                                                "Could not make the resource to lock."));
    return methods_error(r, errmap_error(r->pool, status, "Could not lock the resource."));
}

static int take_out(locking_t *locking, const xmlDoc *doc)
{
    request_rec *r = locking->r;
    char token[LOCK_TOKEN_TEXT_SIZE];
    apr_status_t status;
    dav_error *err;
    int answer;

    if ((err = read_lockinfo(locking, doc)) != NULL || (err = read_depth(locking)) != NULL)
        return methods_error(r, err);
    /* A new resource is a new member of its collection. */
    locking->unmapped = !locking->resource->exists;
    answer = check(locking,
                   locking->unmapped ? LOCKCHECK_CONTENT | LOCKCHECK_MEMBER : LOCKCHECK_NOTHING);
    if (answer != DECLINED)
        return answer;

    locking->lock.principal = r->user ? r->user : "";
    locking->lock.path = locking->resource->info->path;
    locking->lock.expires = locktext_expiry(r, locking->resource->info->settings.dir, locking->now);
    status = locktext_new_token(&locking->lock.token);
    if (status == APR_SUCCESS)
        status = add(locking);
    if (status != APR_SUCCESS)
        return answer_failure(locking, status);
    apr_table_setn(
        r->headers_out, "Lock-Token",
        apr_pstrcat(r->pool, "<", locks_token_text(token, &locking->lock.token), ">", NULL));
    return answer_lock(locking, locking->created ? HTTP_CREATED : HTTP_OK);
}

/* ---- refreshing ---- */

/** What a refresh is told, and finds. */
typedef struct refresh_t {
    locking_t *locking;
    const apr_array_header_t *tokens; /* lock_token_t: those submitted */
} refresh_t;

/** Whether LOCK covers PATH. */
static int covers(const lock_t *lock, const char *path)
{
    apr_size_t length = strlen(lock->path);

    if (strcmp(lock->path, path) == 0)
        return 1;
    return lock->infinite && strncmp(lock->path, path, length) == 0 &&
           (path[length] == '/' || strcmp(lock->path, "/") == 0);
}

static apr_status_t refresh_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const refresh_t *refresh = baton;
    locking_t *locking = refresh->locking;
    apr_status_t status = STORE_ABSENT;

    resource_set_durability(txn, locking->resource);
    for (int i = 0; i < refresh->tokens->nelts && status == STORE_ABSENT; i++) {
        const lock_token_t *token = &APR_ARRAY_IDX(refresh->tokens, i, lock_token_t);
        lock_t lock;

        status = locks_get(&lock, txn, token, locking->now, locking->r->pool);
        if (status == APR_SUCCESS &&
            (!covers(&lock, locking->resource->info->path) || !lockcheck_is_own(locking->r, &lock)))
            status = STORE_ABSENT;
        if (status == APR_SUCCESS) {
            lock.expires = locking->lock.expires;
            status = locks_refresh(txn, token, lock.expires, locking->now, scratch_pool);
            locking->lock = lock;
        }
    }
    return status;
}

/** Answer that the tokens are of no lock of the user's on the resource (sections 9.10.6, 9.11.1).
 */
static int answer_no_lock(request_rec *r, int http_status)
{
    return methods_error(r, dav_new_error_tag(r->pool, http_status, 0, 0,
                                              "The resource is not locked with this token.", NULL,
                                              "lock-token-matches-request-uri"));
}

/** A LOCK without a body (RFC 4918 section 9.10.2). */
static int refresh(locking_t *locking)
{
    request_rec *r = locking->r;
    refresh_t work = {locking, lockcheck_submitted(r)};
    apr_status_t status;
    int answer;

    if (apr_table_get(r->headers_in, "If") == NULL)
        return methods_error(r, bad_request(r, "A LOCK without a body refreshes the lock that "
                                               "its If header names; there is none."));
    answer = check(locking, LOCKCHECK_NOTHING);
    if (answer == HTTP_PRECONDITION_FAILED)
        return answer_no_lock(r, answer);
    if (answer != DECLINED)
        return answer;
    locking->lock.expires = locktext_expiry(r, locking->resource->info->settings.dir, locking->now);
    status = store_write(locking->store, refresh_body, &work, r->pool);
    if (status == STORE_ABSENT)
        return answer_no_lock(r, HTTP_PRECONDITION_FAILED);
    if (status != APR_SUCCESS)
        return methods_error(r, errmap_error(r->pool, status, "Could not refresh the lock."));
    return answer_lock(locking, HTTP_OK);
}

int lockmethods_lock(request_rec *r)
{
    locking_t locking = {.r = r, .now = locktext_now()};
    dav_error *err;
    xmlDoc *doc;

    if ((err = methods_resource(r, &locking.resource)) != NULL)
        return methods_error(r, err);
    locking.store = locking.resource->info->settings.store;
    if (locking.store == NULL)
        return methods_error(r, errmap_no_store(r->pool));
    if ((err = xmlbody_read(&doc, r, &locking.resource->info->settings.dir->xml)) != NULL)
        return methods_error(r, err);
    return doc != NULL ? take_out(&locking, doc) : refresh(&locking);
}

/* ---- unlocking ---- */

/** What an UNLOCK is told, and finds. */
typedef struct unlocking_t {
    const request_rec *r;
    const dav_resource *resource;
    lock_token_t token;
    apr_int64_t now;
    int foreign; /* it is somebody else's */
} unlocking_t;

static apr_status_t unlock_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    unlocking_t *unlocking = baton;
    lock_t lock;
    apr_status_t status = locks_get(&lock, txn, &unlocking->token, unlocking->now, scratch_pool);

    if (status == APR_SUCCESS && !covers(&lock, unlocking->resource->info->path))
        status = STORE_ABSENT;
    if (status != APR_SUCCESS)
        return status;
    unlocking->foreign = !lockcheck_is_own(unlocking->r, &lock);
    if (unlocking->foreign)
        return APR_SUCCESS;
    resource_set_durability(txn, unlocking->resource);
    status = locks_remove(txn, &unlocking->token, scratch_pool);
    return status == APR_SUCCESS ? locks_reap(txn, unlocking->now, REAP_MAX, NULL, scratch_pool)
                                 : status;
}

int lockmethods_unlock(request_rec *r)
{
    unlocking_t unlocking = {.r = r, .now = locktext_now()};
    dav_resource *resource;
    apr_status_t status;
    dav_error *err;
    int answer;

    if ((err = methods_resource(r, &resource)) != NULL)
        return methods_error(r, err);
    if (!locktext_parse_header(&unlocking.token, apr_table_get(r->headers_in, "Lock-Token"),
                               r->pool))
        return methods_error(r, bad_request(r, "The Lock-Token header must hold one token in "
                                               "angle brackets."));
    unlocking.resource = resource;
    if (resource->info->settings.store == NULL)
        return methods_error(r, errmap_no_store(r->pool));
    if ((answer = methods_pass(r, &(lockcheck_target_t){resource, LOCKCHECK_NOTHING}, 1)) !=
        DECLINED)
        return answer;
    status = store_write(resource->info->settings.store, unlock_body, &unlocking, r->pool);
    if (status == STORE_ABSENT)
        return answer_no_lock(r, HTTP_CONFLICT);
    if (status != APR_SUCCESS)
        return methods_error(r, errmap_error(r->pool, status, "Could not remove the lock."));
    return unlocking.foreign ? HTTP_FORBIDDEN : HTTP_NO_CONTENT;
}
