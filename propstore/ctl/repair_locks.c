#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/repair_int.h"
#include "propstore/intents.h"
#include "propstore/pairs.h"

/** Whether LOCK is indexed under its token elsewhere than with its node. */
static apr_status_t is_indexed(repair_t *repair, const lock_t *lock)
{
    const unsigned char *token = lock->token.bytes;
    key_buf_t buf;
    apr_status_t status =
        check_exists(repair->txn, key_user_lock(&buf, record_hash(lock->principal), token));

    if (status == STORE_ABSENT && lock->node != NODE_ROOT_ID)
        status = check_exists(repair->txn, key_lock_below(&buf, NODE_ROOT_ID, token));
    if (status == STORE_ABSENT && lock->expires != LOCK_NEVER)
        status =
            check_exists(repair->txn, key_lock_expiry(&buf, (apr_uint64_t)lock->expires, token));
    return status;
}

/** Find the token that LOCK's node is listed to have a lock of, but there is no such lock. */
static apr_status_t find_token(lock_t *lock, repair_t *repair)
{
    key_buf_t from, to, buf;
    store_range_t range = {.from = key_node_locks(&from, lock->node)};
    store_slice_t key;
    store_cursor_t *cursor;
    apr_status_t status;

    range.to = key_after(&to, range.from);
    status = store_scan(&cursor, repair->txn, &range, repair->iterpool);
    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, &key, NULL)) == APR_SUCCESS) {
        if (key.len != 9 + LOCK_TOKEN_SIZE)
            continue;
        memcpy(lock->token.bytes, (const char *)key.data + 9, LOCK_TOKEN_SIZE);
        status = check_exists(repair->txn, key_lock(&buf, lock->token.bytes));
        /* An entry may be altered as well: the others must know the token too. */
        if (status == STORE_ABSENT && (status = is_indexed(repair, lock)) == APR_SUCCESS)
            break;
        if (status != APR_SUCCESS && status != STORE_ABSENT)
            break;
    }
    store_scan_end(cursor);
    return status;
}

apr_status_t repair_return_lock(int *done_p, repair_t *repair, store_slice_t key,
                                store_slice_t value)
{
    lock_t lock = {.scope = 0};
    key_buf_t buf;
    apr_status_t status;

    *done_p = 0;
    if (locks_read(&lock, value, repair->iterpool) != APR_SUCCESS)
        return APR_SUCCESS;
    status = find_token(&lock, repair);
    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    repair_did(repair, "give a lock its token back: %s", check_lock_text(&lock, repair->iterpool));
    *done_p = 1;
    status = store_put(repair->txn, key_lock(&buf, lock.token.bytes), value);
    return status == APR_SUCCESS ? repair_del(repair, key) : status;
}

apr_status_t repair_lock(repair_t *repair, const check_finding_t *finding, store_slice_t value)
{
    (void)value;
    repair_lost(repair, "drop a lock: %s", finding->text);
    return repair_del(repair, finding->key);
}

apr_status_t repair_lock_index(repair_t *repair, const check_finding_t *finding,
                               store_slice_t value)
{
    lock_t lock = {.scope = 0};
    key_buf_t buf;
    int done = 0;
    apr_status_t status;

    memcpy(lock.token.bytes, (const char *)finding->key.data + 1, LOCK_TOKEN_SIZE);
    if (locks_read(&lock, value, repair->iterpool) != APR_SUCCESS)
        return STORE_CORRUPT;
    status = check_exists(repair->txn, key_node_lock(&buf, lock.node, lock.token.bytes));
    if (status == STORE_ABSENT)
        status = repair_return_lock(&done, repair, finding->key, value);
    if (status != APR_SUCCESS || done)
        return status;
    repair_did(repair, "write the lock %s into its indexes",
               check_lock_text(&lock, repair->iterpool));
    return locks_pairs(repair->txn, &lock, pairs_put, repair->txn, repair->iterpool);
}

apr_status_t repair_return_intent(int *done_p, repair_t *repair, store_slice_t key,
                                  store_slice_t value)
{
    intent_t intent;
    key_buf_t buf;
    apr_status_t status;

    *done_p = 0;
    if (intents_read(&intent, value, repair->iterpool) != APR_SUCCESS)
        return APR_SUCCESS;
    status = check_exists(repair->txn, key_intent(&buf, intent.id));
    if (status != STORE_ABSENT)
        return status;
    repair_did(repair, "put the intent %" APR_UINT64_T_FMT " back under its key", intent.id);
    *done_p = 1;
    status = store_put(repair->txn, key_intent(&buf, intent.id), value);
    return status == APR_SUCCESS ? repair_del(repair, key) : status;
}

apr_status_t repair_intent(repair_t *repair, const check_finding_t *finding, store_slice_t value)
{
    int done;
    apr_status_t status;

    status = repair_return_intent(&done, repair, finding->key, value);
    if (status != APR_SUCCESS || done)
        return status;
    repair_lost(repair, "drop an intent: %s", finding->text);
    return repair_del(repair, finding->key);
}
