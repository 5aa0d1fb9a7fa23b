#include "t/unit/tree.h"

#include <string.h>

#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "t/unit/tap.h"

const node_fingerprint_t tree_print = {.inode = 5, .birth_ns = 6, .size = 7, .mtime_ns = 8};

store_txn_t *tree_begin(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = NULL;

    is_status(meta_prepare(store, pool), APR_SUCCESS, "prepared");
    is_status(store_begin(&txn, store, STORE_WRITE, pool), APR_SUCCESS, "a transaction");
    return txn;
}

apr_status_t tree_set(store_txn_t *txn, const char *path, const char *local, char fill,
                      apr_size_t length, apr_pool_t *pool)
{
    static const node_limits_t no_limits = {0};
    char *value = apr_palloc(pool, length + 1);
    prop_change_t change = {{"urn:t", local}, fill ? value : NULL, length};

    memset(value, fill, length);
    return nodes_patch(txn, path, NODE_FILE, &tree_print, &change, 1, &no_limits, NULL, pool);
}

const char *tree_get(store_txn_t *txn, const char *path, const char *local, apr_pool_t *pool)
{
    const prop_name_t name = {"urn:t", local};
    store_slice_t value = {0};
    node_prop_t prop;
    node_t node;
    apr_uint32_t id;
    apr_status_t status = nodes_find(&node, txn, path);

    if (status == APR_SUCCESS)
        status = names_find(&id, txn, &name);
    if (status == APR_SUCCESS)
        status = node_prop_find(&prop, &node, id);
    if (status == APR_SUCCESS)
        status = node_prop_value(&value, txn, &node, &prop);
    if (status == STORE_ABSENT)
        return "none";
    if (status != APR_SUCCESS)
        return store_strerror(status, apr_palloc(pool, 120), 120);
    for (apr_size_t i = 1; i < value.len; i++) {
        if (((const char *)value.data)[i] != ((const char *)value.data)[0])
            return "mixed";
    }
    return apr_psprintf(pool, "%c%" APR_SIZE_T_FMT, value.len ? *(const char *)value.data : '-',
                        value.len);
}

int tree_count(store_txn_t *txn, char table, apr_pool_t *pool)
{
    const char from[] = {table}, to[] = {(char)(table + 1)};
    store_range_t range = {.from = {from, table ? 1 : 0}, .to = {to, table ? 1 : 0}};
    store_cursor_t *cursor;
    int n = 0;

    if (store_scan(&cursor, txn, &range, pool) != APR_SUCCESS)
        return -1;
    while (store_next(cursor, NULL, NULL) == APR_SUCCESS)
        n++;
    store_scan_end(cursor);
    return n;
}

void tree_counts(store_txn_t *txn, int nodes, int spilled, apr_pool_t *pool)
{
    is_int(tree_count(txn, KEY_NODE, pool), nodes, "as many nodes as should be");
    is_int(tree_count(txn, KEY_NODE_PLACE, pool), nodes, "as many places");
    is_int(tree_count(txn, KEY_VALUE, pool), spilled, "as many values of their own");
}

apr_uint64_t tree_id(store_txn_t *txn, const char *path)
{
    node_t node;

    return nodes_find(&node, txn, path) == APR_SUCCESS ? node.id : 0;
}
