/*
 * damage LMDB-DIRECTORY HOW TABLE: damage the last record of a table, in a store that is not
 * looked after.  HOW is "value" or "key", of which the last byte is altered, or "drop".
 * damage LMDB-DIRECTORY format N: make it a store of format N.
 */
#include <stdio.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/record.h"
#include "propstore/store.h"

/** What is to be done. */
typedef struct order_t {
    const char *how;
    unsigned char table;
} order_t;

/** SLICE with its last byte altered; of an empty one, a byte. */
static store_slice_t altered(store_slice_t slice, apr_pool_t *pool)
{
    char *bytes = apr_pstrmemdup(pool, slice.data, slice.len);
    store_slice_t made = {bytes, slice.len > 0 ? slice.len : 1};

    bytes[made.len - 1] ^= 0x11;
    return made;
}

/** store_write_fn */
static apr_status_t damage(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const order_t *order = baton;
    const unsigned char first = order->table, behind = (unsigned char)(first + 1);
    const store_range_t range = {.from = {&first, 1}, .to = {&behind, 1}, .limit = 1, .reverse = 1};
    store_cursor_t *cursor;
    store_slice_t key, value;
    apr_status_t status = store_scan(&cursor, txn, &range, scratch_pool);

    if (status == APR_SUCCESS)
        status = store_next(cursor, &key, &value);
    if (status != APR_SUCCESS)
        return status;
    key.data = apr_pmemdup(scratch_pool, key.data, key.len);
    value.data = apr_pmemdup(scratch_pool, value.data, value.len);
    status = store_del(txn, key);
    if (status != APR_SUCCESS || strcmp(order->how, "drop") == 0)
        return status;
    if (strcmp(order->how, "key") == 0)
        key = altered(key, scratch_pool);
    else
        value = altered(value, scratch_pool);
    return store_put(txn, key, value);
}

/** store_write_fn; BATON is a format. */
static apr_status_t set_format(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    unsigned char record[RECORD_NUMBER_SIZE];
    key_buf_t buf;

    (void)scratch_pool;
    return store_put(txn, key_meta(&buf, META_FORMAT),
                     record_pack_number(record, (apr_uint64_t)apr_atoi64(baton)));
}

int main(int argc, char *argv[])
{
    const char *error = "usage: damage LMDB-DIRECTORY value|key|drop TABLE|format N", *word;
    apr_pool_t *pool;
    store_spec_t *spec;
    store_t *store;
    order_t order;
    int result = 2;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (argc == 4) {
        order.how = argv[2];
        order.table = (unsigned char)*argv[3];
        word = apr_pstrcat(pool, "lmdb:", argv[1], NULL);
        error = "it could not be done";
        if (store_spec_parse(&spec, 1, &word, &error, pool) == APR_SUCCESS &&
            store_open(&store, spec, NULL, pool) == APR_SUCCESS &&
            (strcmp(order.how, "format") == 0
                 ? store_write(store, set_format, argv[3], pool)
                 : store_write(store, damage, &order, pool)) == APR_SUCCESS)
            result = 0;
    }
    if (result != 0)
        fprintf(stderr, "damage: %s\n", error);
    apr_pool_destroy(pool);
    return result;
}
