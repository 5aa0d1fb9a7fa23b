#include "propstore/locks.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/nodes_int.h"
#include "propstore/pairs.h"
#include "propstore/record.h"

/* A lock's body: version, scope, depth, a byte kept zero, node, expiry, length of principal. */
#define LOCK_VERSION 1
#define LOCK_SCOPE 1
#define LOCK_INFINITE 2
#define LOCK_NODE 4
#define LOCK_EXPIRES 12
#define LOCK_PRINCIPAL 20
#define LOCK_HEAD 24

#define TOKEN_SCHEME "urn:uuid:"
/** As other servers call the same UUID. */
#define OLD_TOKEN_SCHEME "opaquelocktoken:"

/** Tokens looked at in one go, since a scan goes stale by a write. */
#define TOKENS_AT_ONCE 64

/* ---- tokens ---- */

char *locks_token_text(char buf[LOCK_TOKEN_TEXT_SIZE], const lock_token_t *token)
{
    apr_uuid_t uuid;

    memcpy(uuid.data, token->bytes, sizeof(uuid.data));
    memcpy(buf, TOKEN_SCHEME, sizeof(TOKEN_SCHEME));
    apr_uuid_format(buf + sizeof(TOKEN_SCHEME) - 1, &uuid);
    return buf;
}

int locks_token_parse(lock_token_t *token, const char *uri)
{
    apr_uuid_t uuid;

    if (strncasecmp(uri, TOKEN_SCHEME, sizeof(TOKEN_SCHEME) - 1) == 0)
        uri += sizeof(TOKEN_SCHEME) - 1;
    else if (strncasecmp(uri, OLD_TOKEN_SCHEME, sizeof(OLD_TOKEN_SCHEME) - 1) == 0)
        uri += sizeof(OLD_TOKEN_SCHEME) - 1;
    else
        return 0;
    if (strlen(uri) != APR_UUID_FORMATTED_LENGTH || apr_uuid_parse(&uuid, uri) != APR_SUCCESS)
        return 0;
    memcpy(token->bytes, uuid.data, sizeof(token->bytes));
    return 1;
}

/* ---- records ---- */

static store_slice_t pack_lock(const lock_t *lock, apr_pool_t *result_pool)
{
    apr_size_t principal = strlen(lock->principal), owner = strlen(lock->owner);
    apr_size_t length = LOCK_HEAD + principal + owner;
    unsigned char *body = apr_pcalloc(result_pool, length);

    body[0] = LOCK_VERSION;
    body[LOCK_SCOPE] = (unsigned char)lock->scope;
    body[LOCK_INFINITE] = (unsigned char)(lock->infinite != 0);
    key_put_u64(body + LOCK_NODE, lock->node);
    key_put_u64(body + LOCK_EXPIRES, (apr_uint64_t)lock->expires);
    key_put_u32(body + LOCK_PRINCIPAL, (apr_uint32_t)principal);
    memcpy(body + LOCK_HEAD, lock->principal, principal);
    memcpy(body + LOCK_HEAD + principal, lock->owner, owner);
    return record_make(body, length, result_pool);
}

apr_status_t locks_read(lock_t *lock, store_slice_t record, apr_pool_t *result_pool)
{
    store_slice_t body;
    const unsigned char *bytes;
    apr_size_t principal;
    apr_status_t status = record_open(&body, record);

    if (status != APR_SUCCESS)
        return status;
    bytes = body.data;
    if (body.len < LOCK_HEAD || bytes[0] != LOCK_VERSION ||
        (bytes[LOCK_SCOPE] != LOCK_EXCLUSIVE && bytes[LOCK_SCOPE] != LOCK_SHARED))
        return STORE_CORRUPT;
    principal = key_get_u32(bytes + LOCK_PRINCIPAL);
    if (principal > body.len - LOCK_HEAD)
        return STORE_CORRUPT;
    lock->scope = (lock_scope_e)bytes[LOCK_SCOPE];
    lock->infinite = bytes[LOCK_INFINITE] != 0;
    lock->node = key_get_u64(bytes + LOCK_NODE);
    lock->expires = (apr_int64_t)key_get_u64(bytes + LOCK_EXPIRES);
    lock->principal = apr_pstrmemdup(result_pool, (const char *)bytes + LOCK_HEAD, principal);
    lock->owner = apr_pstrmemdup(result_pool, (const char *)bytes + LOCK_HEAD + principal,
                                 body.len - LOCK_HEAD - principal);
    return APR_SUCCESS;
}

/* ---- single locks ---- */

/** The lock with TOKEN, also if it has expired. */
static apr_status_t get_any(lock_t *lock, store_txn_t *txn, const lock_token_t *token,
                            apr_pool_t *result_pool, apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status = store_get(txn, key_lock(&buf, token->bytes), &record);

    memset(lock, 0, sizeof(*lock));
    lock->token = *token;
    if (status == APR_SUCCESS)
        status = locks_read(lock, record, result_pool);
    if (status == APR_SUCCESS)
        status = nodes_steps_to(&steps, txn, lock->node, scratch_pool);
    if (status == APR_SUCCESS)
        lock->path = apr_pstrdup(result_pool, nodes_path_of(steps, scratch_pool));
    return status;
}

apr_status_t locks_get(lock_t *lock, store_txn_t *txn, const lock_token_t *token, apr_int64_t now,
                       apr_pool_t *result_pool)
{
    apr_status_t status = get_any(lock, txn, token, result_pool, result_pool);

    return status == APR_SUCCESS && lock->expires <= now ? STORE_ABSENT : status;
}

/** The pairs of LOCK, whose node is reached by STEPS. */
static apr_status_t list_pairs(const lock_t *lock, const apr_array_header_t *steps, pairs_fn *pair,
                               void *baton, apr_pool_t *scratch_pool)
{
    static const store_slice_t nothing = {"", 0};
    const unsigned char *token = lock->token.bytes;
    key_buf_t buf;
    apr_status_t status = pair(baton, key_lock(&buf, token), pack_lock(lock, scratch_pool));

    if (status == APR_SUCCESS)
        status = pair(baton, key_node_lock(&buf, lock->node, token), nothing);
    if (status == APR_SUCCESS)
        status = pair(baton, key_user_lock(&buf, record_hash(lock->principal), token), nothing);
    if (status == APR_SUCCESS && lock->expires != LOCK_NEVER)
        status = pair(baton, key_lock_expiry(&buf, (apr_uint64_t)lock->expires, token), nothing);
    for (int i = 0; i < steps->nelts && status == APR_SUCCESS; i++) {
        apr_uint64_t above = APR_ARRAY_IDX(steps, i, node_step_t).parent;

        status = pair(baton, key_lock_below(&buf, above, token), nothing);
    }
    return status;
}

apr_status_t locks_pairs(store_txn_t *txn, const lock_t *lock, pairs_fn *pair, void *baton,
                         apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    apr_status_t status = nodes_steps_to(&steps, txn, lock->node, scratch_pool);

    return status == APR_SUCCESS ? list_pairs(lock, steps, pair, baton, scratch_pool) : status;
}

/** Put LOCK's record and its index entries. */
static apr_status_t put_lock(store_txn_t *txn, const lock_t *lock, const apr_array_header_t *steps,
                             apr_pool_t *scratch_pool)
{
    return list_pairs(lock, steps, pairs_put, txn, scratch_pool);
}

/** pairs_fn; BATON is the transaction.  Delete the pair. */
static apr_status_t delete_pair(void *baton, store_slice_t key, store_slice_t value)
{
    (void)value;
    return store_del(baton, key);
}

/** Take LOCK's record and index entries away. */
static apr_status_t del_lock(store_txn_t *txn, const lock_t *lock, const apr_array_header_t *steps,
                             apr_pool_t *scratch_pool)
{
    apr_status_t status = list_pairs(lock, steps, delete_pair, txn, scratch_pool);

    return status == STORE_ABSENT ? STORE_CORRUPT : status;
}

/** Remove a lock, and the nodes that were there for it alone if PRUNE. */
static apr_status_t drop_lock(store_txn_t *txn, const lock_t *lock, int prune,
                              apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    apr_status_t status = nodes_steps_to(&steps, txn, lock->node, scratch_pool);

    if (status == APR_SUCCESS)
        status = del_lock(txn, lock, steps, scratch_pool);
    if (status == APR_SUCCESS && prune)
        status = nodes_prune(txn, steps, scratch_pool);
    return status;
}

apr_status_t locks_remove(store_txn_t *txn, const lock_token_t *token, apr_pool_t *scratch_pool)
{
    lock_t lock;
    apr_status_t status = get_any(&lock, txn, token, scratch_pool, scratch_pool);

    return status == APR_SUCCESS ? drop_lock(txn, &lock, 1, scratch_pool) : status;
}

apr_status_t locks_refresh(store_txn_t *txn, const lock_token_t *token, apr_int64_t expires,
                           apr_int64_t now, apr_pool_t *scratch_pool)
{
    static const store_slice_t nothing = {"", 0};
    key_buf_t buf;
    lock_t lock;
    apr_status_t status = locks_get(&lock, txn, token, now, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    /* That it expires elsewhere is all that its index entries could tell. */
    if (lock.expires != LOCK_NEVER) {
        status = store_del(txn, key_lock_expiry(&buf, (apr_uint64_t)lock.expires, token->bytes));
        if (status != APR_SUCCESS)
            return status == STORE_ABSENT ? STORE_CORRUPT : status;
    }
    lock.expires = expires;
    status = store_put(txn, key_lock(&buf, token->bytes), pack_lock(&lock, scratch_pool));
    if (status == APR_SUCCESS && expires != LOCK_NEVER)
        status =
            store_put(txn, key_lock_expiry(&buf, (apr_uint64_t)expires, token->bytes), nothing);
    return status;
}

/* ---- sets of locks ---- */

/**
 * The tokens at the ends of the keys that begin with PREFIX.
 * @param max 0: all
 * @param tokens lock_token_t is pushed to it
 */
static apr_status_t collect_tokens(apr_array_header_t *tokens, store_txn_t *txn,
                                   store_slice_t prefix, apr_size_t max, apr_pool_t *scratch_pool)
{
    key_buf_t after;
    store_range_t range = {.from = prefix, .limit = max};
    store_cursor_t *cursor;
    store_slice_t key;
    apr_status_t status;

    range.to = key_after(&after, prefix);
    status = store_scan(&cursor, txn, &range, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, &key, NULL)) == APR_SUCCESS) {
        lock_token_t *token;

        if (key.len < prefix.len + LOCK_TOKEN_SIZE) {
            status = STORE_CORRUPT;
            break;
        }
        token = apr_array_push(tokens);
        memcpy(token->bytes, (const char *)key.data + key.len - LOCK_TOKEN_SIZE, LOCK_TOKEN_SIZE);
    }
    store_scan_end(cursor);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Whether one of two locks of a resource forbids the other (RFC 4918 section 6.2). */
static int is_exclusive(const lock_t *a, const lock_t *b)
{
    return a->scope == LOCK_EXCLUSIVE || b->scope == LOCK_EXCLUSIVE;
}

/**
 * Push the locks whose tokens are under PREFIX and that have not expired.
 * @param other NULL: all; or only those that forbid this one, LOCKS_CONFLICTS_MAX at most
 */
static apr_status_t collect_locks(apr_array_header_t *locks, store_txn_t *txn, store_slice_t prefix,
                                  apr_int64_t now, const lock_t *other)
{
    apr_array_header_t *tokens = apr_array_make(locks->pool, 4, sizeof(lock_token_t));
    apr_status_t status = collect_tokens(tokens, txn, prefix, 0, locks->pool);
    apr_pool_t *iterpool;

    if (status != APR_SUCCESS || tokens->nelts == 0)
        return status;
    apr_pool_create(&iterpool, locks->pool);
    for (int i = 0; i < tokens->nelts && status == APR_SUCCESS &&
                    (other == NULL || locks->nelts < LOCKS_CONFLICTS_MAX);
         i++) {
        lock_t lock;

        apr_pool_clear(iterpool);
        status =
            get_any(&lock, txn, &APR_ARRAY_IDX(tokens, i, lock_token_t), locks->pool, iterpool);
        if (status == APR_SUCCESS && lock.expires > now &&
            (other == NULL || is_exclusive(&lock, other)))
            APR_ARRAY_PUSH(locks, lock_t) = lock;
        else if (status == STORE_ABSENT)
            status = APR_SUCCESS;
    }
    apr_pool_destroy(iterpool);
    return status;
}

apr_status_t locks_on_node(apr_array_header_t *locks, store_txn_t *txn, apr_uint64_t id,
                           apr_int64_t now)
{
    key_buf_t buf;

    return collect_locks(locks, txn, key_node_locks(&buf, id), now, NULL);
}

apr_status_t locks_covering(apr_array_header_t *locks, store_txn_t *txn, const char *path,
                            apr_int64_t now)
{
    apr_array_header_t *steps;
    int whole, first = locks->nelts;
    apr_status_t status = nodes_follow(&steps, &whole, txn, path, locks->pool);

    if (status == APR_SUCCESS)
        status = locks_on_node(locks, txn, NODE_ROOT_ID, now);
    for (int i = 0; i < steps->nelts && status == APR_SUCCESS; i++)
        status = locks_on_node(locks, txn, APR_ARRAY_IDX(steps, i, node_step_t).id, now);
    if (status != APR_SUCCESS)
        return status;

    /* Those above count only if they are of depth infinity. */
    for (int i = first; i < locks->nelts;) {
        lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);
        apr_uint64_t own = steps->nelts > 0 ? APR_ARRAY_IDX(steps, steps->nelts - 1, node_step_t).id
                                            : NODE_ROOT_ID;

        if (lock->infinite || (whole && lock->node == own)) {
            i++;
        } else {
            memmove(lock, lock + 1, (size_t)(locks->nelts - i - 1) * sizeof(*lock));
            locks->nelts--;
        }
    }
    return APR_SUCCESS;
}

apr_status_t locks_any_below(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool)
{
    apr_array_header_t *tokens = apr_array_make(scratch_pool, 1, sizeof(lock_token_t));
    key_buf_t buf;
    apr_status_t status = collect_tokens(tokens, txn, key_locks_below(&buf, id), 1, scratch_pool);

    return status == APR_SUCCESS && tokens->nelts == 0 ? STORE_ABSENT : status;
}

/** locks_below(), of those that OTHER asks for as in collect_locks(). */
static apr_status_t find_below(apr_array_header_t *locks, store_txn_t *txn, const char *path,
                               apr_int64_t now, const lock_t *other)
{
    key_buf_t buf;
    node_t node;
    apr_status_t status = nodes_find(&node, txn, path);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    return collect_locks(locks, txn, key_locks_below(&buf, node.id), now, other);
}

apr_status_t locks_below(apr_array_header_t *locks, store_txn_t *txn, const char *path,
                         apr_int64_t now)
{
    return find_below(locks, txn, path, now, NULL);
}

/** Remove all locks whose tokens are under PREFIX. */
static apr_status_t remove_all(store_txn_t *txn, store_slice_t prefix, int prune,
                               apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *iterpool;
    int count = 1;

    apr_pool_create(&iterpool, scratch_pool);
    while (status == APR_SUCCESS && count > 0) {
        apr_array_header_t *tokens;

        apr_pool_clear(iterpool);
        tokens = apr_array_make(iterpool, TOKENS_AT_ONCE, sizeof(lock_token_t));
        status = collect_tokens(tokens, txn, prefix, TOKENS_AT_ONCE, iterpool);
        count = tokens->nelts;
        for (int i = 0; i < count && status == APR_SUCCESS; i++) {
            lock_t lock;

            status =
                get_any(&lock, txn, &APR_ARRAY_IDX(tokens, i, lock_token_t), iterpool, iterpool);
            if (status == APR_SUCCESS)
                status = drop_lock(txn, &lock, prune, iterpool);
            else if (status == STORE_ABSENT)
                status = STORE_CORRUPT;
        }
    }
    apr_pool_destroy(iterpool);
    return status;
}

apr_status_t nodes_forget_locks(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool)
{
    key_buf_t buf;

    return remove_all(txn, key_node_locks(&buf, id), 0, scratch_pool);
}

apr_status_t nodes_lift_locks(apr_array_header_t *locks, store_txn_t *txn, apr_uint64_t id,
                              apr_pool_t *scratch_pool)
{
    apr_array_header_t *tokens = apr_array_make(scratch_pool, 8, sizeof(lock_token_t));
    key_buf_t buf;
    apr_status_t status = collect_tokens(tokens, txn, key_node_locks(&buf, id), 0, scratch_pool);

    if (status == APR_SUCCESS)
        status = collect_tokens(tokens, txn, key_locks_below(&buf, id), 0, scratch_pool);
    for (int i = 0; i < tokens->nelts && status == APR_SUCCESS; i++) {
        lock_t *lock = apr_array_push(locks);

        status =
            get_any(lock, txn, &APR_ARRAY_IDX(tokens, i, lock_token_t), locks->pool, scratch_pool);
        if (status == APR_SUCCESS)
            status = drop_lock(txn, lock, 0, scratch_pool);
    }
    return status == STORE_ABSENT ? STORE_CORRUPT : status;
}

apr_status_t nodes_is_locked(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool)
{
    apr_array_header_t *tokens = apr_array_make(scratch_pool, 1, sizeof(lock_token_t));
    key_buf_t buf;
    apr_status_t status = collect_tokens(tokens, txn, key_node_locks(&buf, id), 1, scratch_pool);

    return status == APR_SUCCESS && tokens->nelts == 0 ? STORE_ABSENT : status;
}

apr_status_t locks_remove_tree(store_txn_t *txn, const char *path, apr_pool_t *scratch_pool)
{
    key_buf_t buf;
    node_t node;
    apr_status_t status = nodes_find(&node, txn, path);

    if (status == APR_SUCCESS)
        status = remove_all(txn, key_locks_below(&buf, node.id), 1, scratch_pool);
    /* Without those below, the node itself may be gone by now. */
    if (status == APR_SUCCESS)
        status = nodes_find(&node, txn, path);
    if (status == APR_SUCCESS)
        status = remove_all(txn, key_node_locks(&buf, node.id), 1, scratch_pool);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

apr_status_t locks_reap(store_txn_t *txn, apr_int64_t now, unsigned max, unsigned *count_p,
                        apr_pool_t *scratch_pool)
{
    apr_array_header_t *tokens = apr_array_make(scratch_pool, 8, sizeof(lock_token_t));
    key_buf_t from, to;
    store_range_t range = {.limit = max};
    store_cursor_t *cursor;
    store_slice_t key;
    apr_status_t status;

    range.from = key_lock_expiries(&from);
    range.to = key_lock_expiry(&to, (apr_uint64_t)now + 1, NULL);
    status = store_scan(&cursor, txn, &range, scratch_pool);
    while (status == APR_SUCCESS && (status = store_next(cursor, &key, NULL)) == APR_SUCCESS) {
        if (key.len >= LOCK_TOKEN_SIZE)
            memcpy(((lock_token_t *)apr_array_push(tokens))->bytes,
                   (const char *)key.data + key.len - LOCK_TOKEN_SIZE, LOCK_TOKEN_SIZE);
    }
    if (status == STORE_ABSENT) {
        store_scan_end(cursor);
        status = APR_SUCCESS;
    }
    for (int i = 0; i < tokens->nelts && status == APR_SUCCESS; i++)
        status = locks_remove(txn, &APR_ARRAY_IDX(tokens, i, lock_token_t), scratch_pool);
    if (count_p != NULL)
        *count_p = (unsigned)tokens->nelts;
    return status;
}

/* ---- taking out ---- */

/** Push to CONFLICTS those of LOCKS that forbid LOCK. */
static void find_conflicts(apr_array_header_t *conflicts, const lock_t *lock,
                           const apr_array_header_t *locks)
{
    for (int i = 0; i < locks->nelts; i++) {
        const lock_t *other = &APR_ARRAY_IDX(locks, i, lock_t);

        if (is_exclusive(lock, other))
            APR_ARRAY_PUSH(conflicts, lock_t) = *other;
    }
}

/** Whether PRINCIPAL may have another lock.  @return APR_SUCCESS; STORE_LIMIT; the store's error */
static apr_status_t check_user(store_txn_t *txn, const char *principal, unsigned max,
                               apr_int64_t now, apr_pool_t *scratch_pool)
{
    apr_array_header_t *tokens = apr_array_make(scratch_pool, 16, sizeof(lock_token_t));
    unsigned count = 0;
    key_buf_t buf;
    apr_status_t status;

    if (max == 0)
        return APR_SUCCESS;
    status =
        collect_tokens(tokens, txn, key_user_locks(&buf, record_hash(principal)), 0, scratch_pool);
    if (status != APR_SUCCESS || (unsigned)tokens->nelts < max)
        return status;
    /* So near the limit it matters which have expired. */
    for (int i = 0; i < tokens->nelts && status == APR_SUCCESS; i++) {
        store_slice_t record;
        lock_t lock;

        status =
            store_get(txn, key_lock(&buf, APR_ARRAY_IDX(tokens, i, lock_token_t).bytes), &record);
        if (status == APR_SUCCESS)
            status = locks_read(&lock, record, scratch_pool);
        count += status == APR_SUCCESS && lock.expires > now;
    }
    if (status == STORE_ABSENT)
        return STORE_CORRUPT;
    return status == APR_SUCCESS && count >= max ? STORE_LIMIT : status;
}

/** The node of PATH, made if there is none, as *ID_P. */
static apr_status_t make_node(apr_uint64_t *id_p, store_txn_t *txn, const char *path,
                              node_kind_e kind, const node_fingerprint_t *fingerprint,
                              apr_pool_t *scratch_pool)
{
    node_t node = {.kind = kind, .fingerprint = *fingerprint};
    node_step_t place;
    apr_status_t status = nodes_make_above(&place, txn, path, scratch_pool);

    *id_p = place.id;
    if (status != APR_SUCCESS || place.id != 0)
        return status;
    status = meta_take_node_id(&node.id, txn);
    if (status == APR_SUCCESS)
        status = nodes_put(txn, node.id, &place, record_pack_node(&node, NULL, 0, scratch_pool),
                           scratch_pool);
    *id_p = node.id;
    return status;
}

apr_status_t locks_add(store_txn_t *txn, const char *path, node_kind_e kind,
                       const node_fingerprint_t *fingerprint, const lock_t *lock,
                       const lock_limits_t *limits, apr_int64_t now,
                       apr_array_header_t **conflicts_p, apr_pool_t *result_pool)
{
    apr_array_header_t *covering = apr_array_make(result_pool, 4, sizeof(lock_t));
    apr_array_header_t *steps;
    lock_t own = *lock;
    apr_status_t status = locks_covering(covering, txn, path, now);

    *conflicts_p = apr_array_make(result_pool, 4, sizeof(lock_t));
    if (status == APR_SUCCESS)
        find_conflicts(*conflicts_p, lock, covering);
    if (status == APR_SUCCESS && lock->infinite)
        status = find_below(*conflicts_p, txn, path, now, lock);
    if (status != APR_SUCCESS)
        return status;
    if ((*conflicts_p)->nelts > 0)
        return STORE_LOCKED;
    if (limits->per_resource != 0 && (unsigned)covering->nelts >= limits->per_resource)
        return STORE_LIMIT;
    if (limits->owner_max != 0 && strlen(lock->owner) > limits->owner_max)
        return STORE_LIMIT;

    status = check_user(txn, lock->principal, limits->per_user, now, result_pool);
    if (status != APR_SUCCESS)
        return status;
    status = make_node(&own.node, txn, path, kind, fingerprint, result_pool);
    if (status == APR_SUCCESS)
        status = nodes_steps_to(&steps, txn, own.node, result_pool);
    return status == APR_SUCCESS ? put_lock(txn, &own, steps, result_pool) : status;
}
