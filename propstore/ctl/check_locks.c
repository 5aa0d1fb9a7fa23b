/*
 * Checks of locks, their indexes, and intents.
 */
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_int.h"
#include "propstore/intents.h"

const char *check_lock_text(const lock_t *lock, apr_pool_t *result_pool)
{
    char token[LOCK_TOKEN_TEXT_SIZE];

    locks_token_text(token, &lock->token);
    if (lock->principal == NULL)
        return apr_pstrdup(result_pool, token);
    return apr_psprintf(result_pool, "%s of %s", token,
                        *lock->principal ? lock->principal : "nobody known");
}

/** Note that LOCK lacks the index entry KEY, unless it is there. */
static apr_status_t check_index(check_t *check, store_slice_t lock_key, const lock_t *lock,
                                store_slice_t key, const char *what)
{
    apr_status_t status = check_exists(check->txn, key);

    if (status != STORE_ABSENT)
        return status;
    check_found(check, CHECK_LOCK_INDEX, lock_key, lock->path,
                "the lock %s on %s is missing from the locks %s",
                check_lock_text(lock, check->iterpool), lock->path, what);
    return APR_SUCCESS;
}

/** That LOCK is in all indexes it belongs into. */
static apr_status_t check_indexes(check_t *check, store_slice_t key, const lock_t *lock)
{
    const unsigned char *token = lock->token.bytes;
    apr_uint64_t id = lock->node;
    key_buf_t buf;
    apr_status_t status =
        check_index(check, key, lock, key_node_lock(&buf, id, token), "of its node");

    if (status == APR_SUCCESS)
        status =
            check_index(check, key, lock, key_user_lock(&buf, record_hash(lock->principal), token),
                        "of its user");
    if (status == APR_SUCCESS && lock->expires != LOCK_NEVER)
        status =
            check_index(check, key, lock, key_lock_expiry(&buf, (apr_uint64_t)lock->expires, token),
                        "by time of expiry");
    while (status == APR_SUCCESS && id != NODE_ROOT_ID) {
        record_place_t place;

        status = check_get_place(&place, check->txn, id);
        if (status != APR_SUCCESS)
            break;
        id = place.parent;
        status = check_index(check, key, lock, key_lock_below(&buf, id, token),
                             apr_pstrcat(check->iterpool, "below ",
                                         check_path_of(check->txn, id, check->iterpool), NULL));
    }
    return status;
}

apr_status_t check_lock(check_t *check, store_slice_t key, store_slice_t value)
{
    lock_t lock = {.scope = 0};
    apr_uint64_t end;
    node_t node;
    apr_status_t status;

    if (key.len != 1 + LOCK_TOKEN_SIZE) {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "a key of a lock that is none, of %" APR_SIZE_T_FMT " bytes", key.len);
        return APR_SUCCESS;
    }
    memcpy(lock.token.bytes, (const char *)key.data + 1, LOCK_TOKEN_SIZE);
    if (locks_read(&lock, value, check->iterpool) != APR_SUCCESS) {
        check_found(check, CHECK_DAMAGED, key, NULL, "the lock %s is damaged",
                    check_lock_text(&lock, check->iterpool));
        return APR_SUCCESS;
    }
    lock.path = check_path_of(check->txn, lock.node, check->iterpool);
    /* Where its node is not in its place, or on no way, that is found already. */
    if (apr_hash_get(check->unplaced, &lock.node, sizeof(lock.node)) != NULL)
        return APR_SUCCESS;
    status = check_find_node(&node, check->txn, lock.node);
    if (status == STORE_ABSENT) {
        check_found(check, CHECK_LOCK, key, NULL, "the lock %s is on no node",
                    check_lock_text(&lock, check->iterpool));
        return APR_SUCCESS;
    }
    if (status != APR_SUCCESS && status != STORE_CORRUPT)
        return status;
    status = check_way(&end, check, lock.node);
    return status == APR_SUCCESS && end == 0 ? check_indexes(check, key, &lock) : status;
}

/** Whether node ABOVE is above node ID.  @return APR_SUCCESS; STORE_ABSENT; STORE_CORRUPT */
static apr_status_t is_above(store_txn_t *txn, apr_uint64_t above, apr_uint64_t id)
{
    for (int depth = 0; id != NODE_ROOT_ID && depth <= NODES_DEPTH_MAX; depth++) {
        record_place_t place;
        apr_status_t status = check_get_place(&place, txn, id);

        if (status != APR_SUCCESS)
            return status == STORE_ABSENT ? STORE_CORRUPT : status;
        id = place.parent;
        if (id == above)
            return APR_SUCCESS;
    }
    return STORE_ABSENT;
}

/** Whether KEY, of an index, belongs to the lock of its token.  @return as is_above() */
static apr_status_t check_belongs(check_t *check, store_slice_t key, const lock_t *lock)
{
    const unsigned char *bytes = key.data;
    apr_uint64_t n = key_get_u64(bytes + 1);

    switch ((key_table_e)bytes[0]) {
    case KEY_NODE_LOCK:
        return n == lock->node ? APR_SUCCESS : STORE_ABSENT;
    case KEY_USER_LOCK:
        return n == record_hash(lock->principal) ? APR_SUCCESS : STORE_ABSENT;
    case KEY_LOCK_EXPIRY:
        return lock->expires != LOCK_NEVER && n == (apr_uint64_t)lock->expires ? APR_SUCCESS
                                                                               : STORE_ABSENT;
    default:
        return is_above(check->txn, n, lock->node);
    }
}

/** An entry of one of the indexes. */
static apr_status_t check_entry(check_t *check, store_slice_t key, store_slice_t value,
                                const char *what)
{
    lock_t lock = {.scope = 0};
    apr_status_t status;

    if (key.len != 9 + LOCK_TOKEN_SIZE) {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "a key of an index of locks that is none, of %" APR_SIZE_T_FMT " bytes",
                    key.len);
        return APR_SUCCESS;
    }
    status =
        check_get_lock(&lock, check->txn, (const unsigned char *)key.data + 9, check->iterpool);
    if (status == APR_SUCCESS)
        status = check_belongs(check, key, &lock);
    if (status == STORE_ABSENT) {
        check_found(check, CHECK_STRAY_INDEX, key, NULL, "the lock %s is not one %s",
                    check_lock_text(&lock, check->iterpool), what);
        return APR_SUCCESS;
    }
    if (value.len > 0)
        check_found(check, CHECK_DAMAGED, key, NULL, "the index entry of lock %s has a value",
                    check_lock_text(&lock, check->iterpool));
    /* A damaged lock, or place, is found elsewhere. */
    return status == STORE_CORRUPT ? APR_SUCCESS : status;
}

apr_status_t check_node_lock(check_t *check, store_slice_t key, store_slice_t value)
{
    return check_entry(check, key, value, "of the node it is listed for");
}

apr_status_t check_lock_below(check_t *check, store_slice_t key, store_slice_t value)
{
    return check_entry(check, key, value, "below the node it is listed for");
}

apr_status_t check_lock_expiry(check_t *check, store_slice_t key, store_slice_t value)
{
    return check_entry(check, key, value, "that expires when it is listed");
}

apr_status_t check_user_lock(check_t *check, store_slice_t key, store_slice_t value)
{
    return check_entry(check, key, value, "of the user it is listed for");
}

/* ---- intents ---- */

static int is_path(const char *path)
{
    return *path == '\0' || *path == '/';
}

apr_status_t check_intent(check_t *check, store_slice_t key, store_slice_t value)
{
    intent_t intent;

    if (key.len != 9) {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "a key of an intent that is none, of %" APR_SIZE_T_FMT " bytes", key.len);
        return APR_SUCCESS;
    }
    if (intents_read(&intent, value, check->iterpool) != APR_SUCCESS) {
        check_found_damaged(
            check, key,
            apr_psprintf(check->iterpool, "the intent %" APR_UINT64_T_FMT, key_intent_id(key)));
        return APR_SUCCESS;
    }
    /* What it speaks of may be gone; another node with its id must not be taken for it. */
    check_note_node_id(check, intent.id);
    check_note_node_id(check, intent.from_node);
    check_note_node_id(check, intent.to_node);
    if (intent.id != key_intent_id(key))
        check_found(check, CHECK_INTENT, key, NULL,
                    "the intent %" APR_UINT64_T_FMT " for %s has the id %" APR_UINT64_T_FMT,
                    key_intent_id(key), intent.from, intent.id);
    else if (!is_path(intent.from) || !is_path(intent.to) || !is_path(intent.old))
        check_found(check, CHECK_INTENT, key, NULL,
                    "the intent %" APR_UINT64_T_FMT " has a path that is not absolute", intent.id);
    return APR_SUCCESS;
}
