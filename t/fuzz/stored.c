/*
 * A store whose contents somebody else wrote.  An input is a list of pairs; each is sealed and put
 * into a store that is otherwise new.  Then everything that reads a store reads it: it must come to
 * an end, and every answer is right as long as there is one.
 */
#include <string.h>

#include "propstore/intents.h"
#include "propstore/key.h"
#include "propstore/locks.h"
#include "propstore/meta.h"
#include "propstore/nodes.h"
#include "propstore/record.h"
#include "t/fuzz/fuzz.h"

/** Pairs of one input. */
#define PAIRS_MAX 64

/** Fill TXN's store.  @return how many pairs were put */
static int fill(store_txn_t *txn, const uint8_t *data, size_t size, apr_pool_t *pool)
{
    store_slice_t key, content, value;
    int count = 0;

    while (count < PAIRS_MAX && fuzz_take_pair(&key, &content, &data, &size)) {
        value = record_make(content.data, content.len, pool);
        /* The values of the locks' indexes are empty. */
        if (strchr("TAXU", *(const char *)key.data) != NULL)
            value.len = 0;
        if (store_put(txn, key, value) == APR_SUCCESS)
            count++;
    }
    return count;
}

/** A new transaction on the store as the input has it. */
static store_txn_t *begin(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    store_txn_t *txn;

    fuzz_check(store_begin(&txn, fuzz_store(), STORE_WRITE, pool) == APR_SUCCESS,
               "a transaction begins");
    (void)fill(txn, data, size, pool);
    return txn;
}

static void read_props(store_txn_t *txn, const node_t *node, apr_pool_t *pool)
{
    node_props_iter_t iter;
    node_prop_t prop;
    prop_name_t name;
    store_slice_t value;

    node_props_begin(&iter, node);
    while (node_props_next(&prop, &iter) == APR_SUCCESS) {
        if (names_get(&name, txn, prop.name, pool) == APR_SUCCESS &&
            node_prop_value(&value, txn, node, &prop) == APR_SUCCESS) {
            fuzz_check(value.len == prop.length, "a value has its length");
            fuzz_accept();
        }
    }
}

static void read_all(store_txn_t *txn, apr_pool_t *pool)
{
    static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/c"};
    static const char *const members[] = {"a", "b", "c"};
    apr_array_header_t *locks = apr_array_make(pool, 4, sizeof(lock_t));
    apr_array_header_t *intents = apr_array_make(pool, 4, sizeof(intent_t));
    node_t node, nodes[3];
    apr_status_t statuses[3];
    meta_t meta;

    (void)meta_read(&meta, txn);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (nodes_find(&node, txn, paths[i]) == APR_SUCCESS) {
            read_props(txn, &node, pool);
            if (nodes_find_members(nodes, statuses, txn, node.id, members, 3, pool) ==
                    APR_SUCCESS &&
                nodes[0].id != 0)
                read_props(txn, &nodes[0], pool);
            (void)locks_any_below(txn, node.id, pool);
        }
        (void)locks_covering(locks, txn, paths[i], 1000);
        (void)locks_below(locks, txn, paths[i], 1000);
    }
    (void)intents_list(intents, txn);
    for (int i = 0; i < locks->nelts; i++)
        fuzz_check(APR_ARRAY_IDX(locks, i, lock_t).expires > 1000, "a lock found has not expired");
}

static int keep_some(void *baton, const char *path, const node_t *node)
{
    (void)baton;
    (void)path;
    return node->kind == NODE_COLLECTION;
}

/** Change what is there in one of the ways that there are. */
static void change(store_txn_t *txn, int way, apr_pool_t *pool)
{
    static const node_limits_t limits = {.value_max = 4096, .props_max = 8, .node_max = 65536};
    static const lock_limits_t lock_limits = {.per_resource = 4};
    const node_fingerprint_t print = {.inode = 1};
    const prop_change_t set = {{"DAV:", "p"}, "<p xmlns=\"DAV:\"/>", 17};
    const lock_t lock = {{{9}}, LOCK_EXCLUSIVE, 1, 2000, "user", "", 0, NULL};
    apr_array_header_t *conflicts;

    switch (way) {
    case 0:
        (void)nodes_patch(txn, "/a/b", NODE_FILE, &print, &set, 1, &limits, NULL, pool);
        break;
    case 1:
        (void)nodes_remove(txn, "/a", pool);
        break;
    case 2:
        (void)nodes_move(txn, "/a", "/m", pool);
        break;
    case 3:
        (void)nodes_copy(txn, "/a", "/m", 1, pool);
        break;
    case 4:
        (void)nodes_retain(txn, "/", keep_some, NULL, pool);
        break;
    case 5:
        (void)locks_reap(txn, 1000, 8, NULL, pool);
        (void)locks_add(txn, "/a", NODE_COLLECTION, &print, &lock, &lock_limits, 1000, &conflicts,
                        pool);
        break;
    default:
        (void)locks_remove_tree(txn, "/a", pool);
    }
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    store_txn_t *txn;

    if (size == 0)
        return;
    txn = begin(data + 1, size - 1, pool);
    read_all(txn, pool);
    change(txn, data[0] % 7, pool);
    read_all(txn, pool);
    store_abort(txn);
}
