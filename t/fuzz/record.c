/*
 * Stored records.  An input's first byte says which, the rest is its body; the seal is put
 * before it here, since nothing would get past it by chance.
 */
#include "propstore/record.h"

#include <string.h>

#include "propstore/intents.h"
#include "propstore/key.h"
#include "propstore/locks.h"
#include "t/fuzz/fuzz.h"

static void read_node(store_slice_t record, apr_pool_t *pool)
{
    apr_array_header_t *props = apr_array_make(pool, 8, sizeof(record_prop_t));
    node_props_iter_t iter;
    node_prop_t prop;
    store_slice_t again;
    node_t node;
    apr_status_t status;

    if (record_read_node(&node, record) != APR_SUCCESS)
        return;
    node_props_begin(&iter, &node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        record_prop_t own = {prop.name, prop.length, prop.spilled, prop.value};

        APR_ARRAY_PUSH(props, record_prop_t) = own;
        (void)node_prop_find(&prop, &node, own.name + 1);
    }
    if (status != STORE_ABSENT)
        return;
    fuzz_accept();
    again = record_pack_node(&node, (record_prop_t *)props->elts, (unsigned)props->nelts, pool);
    fuzz_check(again.len == record.len, "a node that was read can be written");
    /* Two bytes are not looked at, and written as 0. */
    fuzz_check(memcmp((const char *)again.data + RECORD_SEAL_SIZE + 4,
                      (const char *)record.data + RECORD_SEAL_SIZE + 4,
                      record.len - RECORD_SEAL_SIZE - 4) == 0,
               "as the same");
}

static void read_others(store_slice_t record, apr_pool_t *pool)
{
    unsigned char number[RECORD_NUMBER_SIZE];
    record_place_t place;
    prop_name_t name;
    store_slice_t again;
    apr_uint64_t n;

    if (record_read_number(&n, record) == APR_SUCCESS) {
        again = record_pack_number(number, n);
        fuzz_check(memcmp(again.data, record.data, record.len) == 0, "a number is the same");
        fuzz_accept();
    }
    if (record_read_place(&place, record) == APR_SUCCESS) {
        again = record_pack_place(place.parent, place.name.data, place.name.len, pool);
        fuzz_check(memcmp(again.data, record.data, record.len) == 0, "a place is the same");
        fuzz_accept();
    }
    if (record_read_name(&name, record) == APR_SUCCESS) {
        fuzz_check(strlen(name.ns) + strlen(name.local) + 2 + RECORD_SEAL_SIZE == record.len,
                   "a name is two strings");
        fuzz_accept();
    }
}

/** Put RECORD under KEY and read it with what reads locks or intents. */
static void read_stored(unsigned char which, store_slice_t record, apr_pool_t *pool)
{
    static const lock_token_t token = {{1, 2, 3}};
    store_txn_t *txn;
    lock_t lock;
    intent_t intent;
    key_buf_t buf;

    fuzz_check(store_begin(&txn, fuzz_store(), STORE_WRITE, pool) == APR_SUCCESS,
               "a transaction begins");
    if (which == 'L') {
        (void)store_put(txn, key_lock(&buf, token.bytes), record);
        if (locks_get(&lock, txn, &token, 0, pool) == APR_SUCCESS) {
            fuzz_check(lock.principal != NULL && lock.owner != NULL && lock.path != NULL,
                       "a lock is whole");
            fuzz_accept();
        }
    } else {
        (void)store_put(txn, key_intent(&buf, 1), record);
        if (intents_get(&intent, txn, 1, pool) == APR_SUCCESS) {
            fuzz_check(intent.from != NULL && intent.to != NULL && intent.old != NULL,
                       "an intent is whole");
            (void)process_is_alive(&intent.owner);
            fuzz_accept();
        }
    }
    store_abort(txn);
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    store_slice_t record, body;

    if (size == 0)
        return;
    record = record_make(data + 1, size - 1, pool);
    fuzz_check(record_open(&body, record) == APR_SUCCESS && body.len == size - 1, "a seal holds");
    switch (data[0]) {
    case 'N':
        read_node(record, pool);
        break;
    case 'L':
    case 'J':
        read_stored(data[0], record, pool);
        break;
    default:
        read_others(record, pool);
    }
}
