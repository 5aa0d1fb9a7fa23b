/*
 * nodecount LMDB-DIRECTORY: how many keys each table of a store has, "N 12" for 12 nodes.
 * For tests that ask what is left of deleted trees.
 */
#include <stdio.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/store.h"

static int count_tables(store_t *store, apr_pool_t *pool)
{
    unsigned long counts[256] = {0};
    store_range_t all = {.limit = 0};
    store_cursor_t *cursor;
    store_slice_t key;
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, pool);

    if (status == APR_SUCCESS)
        status = store_scan(&cursor, txn, &all, pool);
    while (status == APR_SUCCESS && (status = store_next(cursor, &key, NULL)) == APR_SUCCESS)
        counts[*(const unsigned char *)key.data]++;
    if (status != STORE_ABSENT)
        return 1;
    store_abort(txn);
    for (int table = 0; table < 256; table++) {
        if (counts[table] > 0)
            printf("%c %lu\n", table, counts[table]);
    }
    return 0;
}

int main(int argc, char *argv[])
{
    const char *error = "usage: nodecount LMDB-DIRECTORY", *word;
    apr_pool_t *pool;
    store_spec_t *spec;
    store_t *store;
    int result = 2;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (argc == 2) {
        word = apr_pstrcat(pool, "lmdb:", argv[1], NULL);
        if (store_spec_parse(&spec, 1, &word, &error, pool) == APR_SUCCESS &&
            store_open(&store, spec, NULL, pool) == APR_SUCCESS)
            result = count_tables(store, pool);
        else if (error == NULL)
            error = "the store cannot be opened";
    }
    if (result == 2)
        fprintf(stderr, "nodecount: %s\n", error);
    apr_pool_destroy(pool);
    return result;
}
