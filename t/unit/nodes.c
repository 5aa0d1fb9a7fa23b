/*
 * The metadata tree: each function at its edges.  nodes_tree.c has what happens to
 * subtrees, nodes_model.c compares whole histories.
 */
#include "propstore/nodes.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/record.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"
#include "t/unit/tree.h"

/** The longest value kept within a node's record, as FORMAT says. */
#define INLINE_MAX 2048

static const node_limits_t no_limits = {0};

/* ---- finding and patching ---- */

static void test_patch(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    node_t node;

    is_status(nodes_find(&node, txn, "/a"), STORE_ABSENT, "no node yet");
    is_int((long long)node.id, 0, "which the node says too");
    is_status(tree_set(txn, "/a/b", "p", 'x', 3, pool), APR_SUCCESS, "a property");
    tree_counts(txn, 3, 0, pool);
    is_str(tree_get(txn, "/a/b", "p", pool), "x3", "is there");
    is_str(tree_get(txn, "//a///b/", "p", pool), "x3", "however many slashes");
    is_str(tree_get(txn, "/a", "p", pool), "none", "not above");
    is_status(nodes_find(&node, txn, "/a/b/c"), STORE_ABSENT, "nothing below");
    is_int((long long)node.id, 0, "nor the id of what is above it");

    is_status(nodes_find(&node, txn, "/a/b"), APR_SUCCESS, "the node");
    ok(node.kind == NODE_FILE && memcmp(&node.fingerprint, &tree_print, sizeof(tree_print)) == 0,
       "kind and fingerprint are the resource's");
    is_status(nodes_find(&node, txn, "/a"), APR_SUCCESS, "the one above");
    ok(node.kind == NODE_COLLECTION && node.fingerprint.inode == 0, "is a bare collection");

    is_status(tree_set(txn, "/a/b", "p", 'y', 0, pool), APR_SUCCESS, "an empty value");
    is_str(tree_get(txn, "/a/b", "p", pool), "-0", "is a value");
    is_status(tree_set(txn, "/a", "p", 'z', 1, pool), APR_SUCCESS, "a property above");
    is_status(tree_set(txn, "/a/b", "p", 0, 0, pool), APR_SUCCESS, "removed below");
    tree_counts(txn, 2, 0, pool);
    is_status(tree_set(txn, "/a", "unknown", 0, 0, pool), APR_SUCCESS,
              "a name nobody knows, removed");
    is_str(tree_get(txn, "/a", "p", pool), "z1", "changes nothing");
    is_status(tree_set(txn, "/x/y/z", "p", 0, 0, pool), APR_SUCCESS, "removed where nothing is");
    tree_counts(txn, 2, 0, pool);
    is_status(tree_set(txn, "/a", "p", 0, 0, pool), APR_SUCCESS, "the last one removed");
    tree_counts(txn, 1, 0, pool);
    store_abort(txn);
}

static void test_prune(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);

    tree_set(txn, "/a/b/c/d", "p", 'x', 1, pool);
    tree_set(txn, "/a/b", "p", 'x', 1, pool);
    tree_set(txn, "/a/b/e", "p", 'x', 1, pool);
    tree_counts(txn, 6, 0, pool);
    is_status(tree_set(txn, "/a/b", "p", 0, 0, pool), APR_SUCCESS,
              "one with members loses the last");
    tree_counts(txn, 6, 0, pool);
    is_status(tree_set(txn, "/a/b/c/d", "p", 0, 0, pool), APR_SUCCESS, "a branch goes");
    tree_counts(txn, 4, 0, pool);
    is_status(nodes_remove(txn, "/a/b/e", pool), APR_SUCCESS, "and the other");
    tree_counts(txn, 1, 0, pool);
    store_abort(txn);
}

static void test_root(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);

    is_status(tree_set(txn, "/", "p", 'r', 1, pool), APR_SUCCESS, "a property of the root");
    is_status(tree_set(txn, "/", "q", 'r', INLINE_MAX + 1, pool), APR_SUCCESS, "and a large one");
    is_str(tree_get(txn, "", "p", pool), "r1", "the root has two spellings");
    tree_counts(txn, 1, 1, pool);
    is_status(tree_set(txn, "/", "p", 0, 0, pool), APR_SUCCESS, "removed");
    is_status(tree_set(txn, "/", "q", 0, 0, pool), APR_SUCCESS, "removed");
    tree_counts(txn, 1, 0, pool);
    is_int((long long)tree_id(txn, "/"), NODE_ROOT_ID, "the root stays");

    tree_set(txn, "/", "q", 'r', INLINE_MAX + 1, pool);
    tree_set(txn, "/a/b", "q", 'a', INLINE_MAX + 1, pool);
    is_status(nodes_copy(txn, "/", "/c", 0, pool), APR_SUCCESS, "the root's properties copied");
    is_str(tree_get(txn, "/c", "q", pool), "r2049", "are there");
    is_status(nodes_copy(txn, "/", "/d", 1, pool), STORE_MISUSE, "not the whole into itself");
    is_status(nodes_move(txn, "/", "/d", pool), STORE_MISUSE, "nor moved into itself");
    is_status(nodes_move(txn, "/a", "/", pool), STORE_MISUSE, "nor a part over the whole");
    tree_counts(txn, 4, 3, pool);
    is_status(nodes_remove(txn, "/", pool), APR_SUCCESS, "all is removed");
    tree_counts(txn, 1, 0, pool);
    is_str(tree_get(txn, "/", "q", pool), "none", "the root's properties too");
    is_status(tree_set(txn, "/a", "p", 'a', 1, pool), APR_SUCCESS, "and it can be used again");
    is_str(tree_get(txn, "/a", "p", pool), "a1", "as before");
    store_abort(txn);
}

static void test_spill(store_t *store, apr_pool_t *pool)
{
    static const struct {
        apr_size_t length;
        int spilled;
    } steps[] = {
        {INLINE_MAX, 0},     {INLINE_MAX + 1, 1}, {INLINE_MAX + 9, 1}, {1, 0}, {1 << 20, 1}, {0, 0},
        {INLINE_MAX + 1, 1}, {INLINE_MAX, 0},     {INLINE_MAX + 1, 1}};
    store_txn_t *txn = tree_begin(store, pool);

    tree_set(txn, "/f", "other", 'o', INLINE_MAX + 1, pool);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char fill = (char)('a' + i);

        is_status(tree_set(txn, "/f", "p", fill, steps[i].length, pool), APR_SUCCESS, "%u bytes",
                  (unsigned)steps[i].length);
        is_str(
            tree_get(txn, "/f", "p", pool),
            apr_psprintf(pool, "%c%" APR_SIZE_T_FMT, steps[i].length ? fill : '-', steps[i].length),
            "are kept");
        tree_counts(txn, 2, 1 + steps[i].spilled, pool);
    }
    is_str(tree_get(txn, "/f", "other", pool), "o2049", "the other is untouched");
    is_status(tree_set(txn, "/f", "p", 0, 0, pool), APR_SUCCESS, "removed");
    tree_counts(txn, 2, 1, pool);
    is_status(nodes_remove(txn, "/f", pool), APR_SUCCESS, "the file is removed");
    tree_counts(txn, 1, 0, pool);
    store_abort(txn);
}

static void test_order_of_changes(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    static const prop_change_t changes[] = {
        {{"urn:t", "a"}, "1", 1}, {{"urn:t", "b"}, "22", 2}, {{"urn:t", "a"}, NULL, 0},
        {{"urn:t", "c"}, "4", 1}, {{"urn:t", "b"}, "55", 2}, {{"urn:u", "b"}, "666", 3},
    };
    node_props_iter_t iter;
    node_prop_t prop;
    apr_uint32_t before = 0;
    node_t node;
    unsigned n = 0;

    /* Known names in another order, so that the record's order is not that of arrival. */
    tree_set(txn, "/x", "c", 'x', 1, pool);
    tree_set(txn, "/x", "b", 'x', 1, pool);
    is_status(nodes_patch(txn, "/f", NODE_FILE, &tree_print, changes, 6, &no_limits, NULL, pool),
              APR_SUCCESS, "changes that undo each other");
    is_str(tree_get(txn, "/f", "a", pool), "none", "set, then removed");
    is_str(tree_get(txn, "/f", "b", pool), "52", "set twice");
    is_str(tree_get(txn, "/f", "c", pool), "41", "set once");
    is_status(nodes_find(&node, txn, "/f"), APR_SUCCESS, "the node");
    is_int(node.prop_count, 3, "has three properties");
    node_props_begin(&iter, &node);
    while (node_props_next(&prop, &iter) == APR_SUCCESS) {
        n += prop.name > before;
        before = prop.name;
    }
    is_int(n, 3, "in the order of their names' ids");
    is_status(nodes_patch(txn, "/g/h", NODE_FILE, &tree_print, changes, 0, &no_limits, NULL, pool),
              APR_SUCCESS, "no change at all");
    tree_counts(txn, 3, 0, pool);
    store_abort(txn);
}

static void check_limit(store_txn_t *txn, const char *what, node_limits_t limits,
                        apr_size_t refused, apr_pool_t *pool)
{
    static const prop_change_t changes[] = {
        {{"urn:t", "a"}, "1", 1},
        {{"urn:t", "b"}, "22", 2},
        {{"urn:t", "c"}, "333", 3},
    };
    apr_size_t failed = 99;
    apr_status_t status =
        nodes_patch(txn, "/f", NODE_FILE, &tree_print, changes, 3, &limits, &failed, pool);

    is_status(status, refused == 99 ? APR_SUCCESS : STORE_LIMIT, "%s", what);
    is_int((long long)failed, (long long)refused, "refused where it was passed");
    is_str(tree_get(txn, "/f", "a", pool), refused == 99 ? "11" : "none", "all or nothing");
    if (refused == 99)
        nodes_remove(txn, "/f", pool);
}

static void test_limits(store_t *store, apr_pool_t *pool)
{
    char member[KEY_MEMBER_MAX + 3] = "/", ns[NAMES_LENGTH_MAX + 1];
    static const prop_change_t again[] = {
        {{"urn:t", "a"}, "333", 3},
        {{"urn:t", "a"}, "4444", 4},
        {{"urn:t", "a"}, NULL, 0},
    };
    static const node_limits_t four_bytes = {.node_max = 4};
    prop_change_t too_long = {{ns, "x"}, "1", 1};
    store_txn_t *txn = tree_begin(store, pool);
    apr_size_t failed = 99;
    node_t node;

    check_limit(txn, "names, one too many", (node_limits_t){.names_max = 2}, 2, pool);
    store_abort(txn);
    txn = tree_begin(store, pool);
    check_limit(txn, "names, just enough", (node_limits_t){.names_max = 3}, 99, pool);
    check_limit(txn, "a value too long", (node_limits_t){.value_max = 1}, 1, pool);
    check_limit(txn, "just short enough", (node_limits_t){.value_max = 3}, 99, pool);
    check_limit(txn, "too many properties", (node_limits_t){.props_max = 1}, 1, pool);
    check_limit(txn, "just few enough", (node_limits_t){.props_max = 3}, 99, pool);
    check_limit(txn, "too many bytes", (node_limits_t){.node_max = 5}, 2, pool);
    check_limit(txn, "just enough", (node_limits_t){.node_max = 6}, 99, pool);

    is_status(nodes_patch(txn, "/f", NODE_FILE, &tree_print, again, 3, &four_bytes, NULL, pool),
              APR_SUCCESS, "what is replaced or removed does not count");
    is_status(nodes_patch(txn, "/f", NODE_FILE, &tree_print, again, 2, &four_bytes, &failed, pool),
              APR_SUCCESS, "nor what was there before");
    is_int((long long)failed, 99, "nothing is refused");

    memset(ns, 'n', sizeof(ns));
    ns[NAMES_LENGTH_MAX] = '\0';
    is_status(
        nodes_patch(txn, "/f", NODE_FILE, &tree_print, &too_long, 1, &no_limits, &failed, pool),
        STORE_LIMIT, "a name too long");
    is_int((long long)failed, 0, "is said to be the reason");
    too_long.value = NULL;
    is_status(nodes_patch(txn, "/f", NODE_FILE, &tree_print, &too_long, 1, &no_limits, NULL, pool),
              APR_SUCCESS, "but is not there to be removed");

    memset(member + 1, 'm', KEY_MEMBER_MAX);
    is_status(tree_set(txn, member, "a", 'l', 1, pool), APR_SUCCESS, "the longest member");
    is_str(tree_get(txn, member, "a", pool), "l1", "is kept");
    memset(member + 1, 'm', KEY_MEMBER_MAX + 1);
    is_status(nodes_find(&node, txn, member), STORE_ABSENT, "a longer one is not found");
    is_status(nodes_remove(txn, member, pool), APR_SUCCESS, "nor in the way of a removal");
    is_status(tree_set(txn, member, "a", 'l', 1, pool), STORE_LIMIT, "nor taken");
    store_abort(txn);
}

static void test_members(store_t *store, apr_pool_t *pool)
{
    char longer[2 * STORE_KEY_MAX];
    const char *const names[] = {"c", "a", "missing", "\xff\n", longer, "b"};
    apr_status_t statuses[6];
    node_t nodes[6];
    store_slice_t record;
    char *bytes;
    key_buf_t buf;
    store_txn_t *txn = tree_begin(store, pool);

    memset(longer, 'm', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    tree_set(txn, "/d/a", "p", 'a', 1, pool);
    tree_set(txn, "/d/b", "p", 'b', 1, pool);
    tree_set(txn, "/d/c", "p", 'c', 1, pool);
    tree_set(txn, "/d/\xff\n", "p", 'x', 1, pool);
    is_status(store_get(txn, key_node(&buf, tree_id(txn, "/d"), "b", 1), &record), APR_SUCCESS,
              "a record");
    bytes = apr_pmemdup(pool, record.data, record.len);
    bytes[record.len - 1] ^= 1;
    record.data = bytes;
    store_put(txn, key_node(&buf, tree_id(txn, "/d"), "b", 1), record);

    is_status(nodes_find_members(nodes, statuses, txn, tree_id(txn, "/d"), names, 6, pool),
              APR_SUCCESS, "members are looked up");
    for (int i = 0; i < 5; i++)
        is_status(statuses[i], APR_SUCCESS, "member %d is sound", i);
    is_status(statuses[5], STORE_CORRUPT, "the damaged one is not");
    ok(nodes[0].id == tree_id(txn, "/d/c") && nodes[1].id == tree_id(txn, "/d/a") &&
           nodes[3].id == tree_id(txn, "/d/\xff\n"),
       "each has its own node");
    ok(nodes[2].id == 0 && nodes[4].id == 0 && nodes[5].id == 0, "or none");
    is_status(nodes_find_members(nodes, statuses, txn, tree_id(txn, "/d"), names, 0, pool),
              APR_SUCCESS, "nothing is looked up");
    is_status(nodes_find(&nodes[0], txn, "/d/b"), STORE_CORRUPT, "damage is not absence");
    is_status(tree_set(txn, "/d/b", "p", 'n', 1, pool), STORE_CORRUPT, "nor overwritten unseen");
    store_abort(txn);
}

/* ---- damage ---- */

/** Change a byte of KEY's record. */
static void damage(store_txn_t *txn, store_slice_t key, int at, apr_pool_t *pool)
{
    store_slice_t record = {0};
    char *bytes;

    is_status(store_get(txn, key, &record), APR_SUCCESS, "a record");
    bytes = apr_pmemdup(pool, record.data, record.len);
    bytes[at] ^= 0x20;
    record.data = bytes;
    is_status(store_put(txn, key, record), APR_SUCCESS, "is damaged");
}

static void test_damage(store_t *store, apr_pool_t *pool)
{
    static const char strange[] = "N\0\0\0\0\0\0\0\1a/b";
    const store_slice_t strange_key = {strange, 12};
    const char *corrupt = store_strerror(STORE_CORRUPT, apr_palloc(pool, 120), 120);
    const prop_name_t name = {"urn:t", "p"};
    store_txn_t *txn = tree_begin(store, pool);
    apr_uint32_t name_id = 0;
    apr_uint64_t id;
    key_buf_t buf;
    node_t root = {.id = 7, .kind = NODE_FILE};

    tree_set(txn, "/a/b", "p", 'x', INLINE_MAX + 1, pool);
    id = tree_id(txn, "/a/b");
    names_find(&name_id, txn, &name);
    damage(txn, key_value(&buf, id, name_id), 100, pool);
    is_str(tree_get(txn, "/a/b", "p", pool), corrupt, "a damaged value is noticed");
    is_status(store_del(txn, key_value(&buf, id, name_id)), APR_SUCCESS, "lost");
    is_str(tree_get(txn, "/a/b", "p", pool), corrupt, "so is a lost one");
    store_put(txn, key_value(&buf, id, name_id), record_make("short", 5, pool));
    is_str(tree_get(txn, "/a/b", "p", pool), corrupt, "and one of another length");
    is_status(store_del(txn, key_value(&buf, id, name_id)), APR_SUCCESS, "lost again");
    is_status(nodes_copy(txn, "/a", "/c", 1, pool), STORE_CORRUPT, "it cannot be copied");
    is_status(tree_set(txn, "/a/b", "p", 'y', 1, pool), APR_SUCCESS, "but replaced");

    is_status(store_del(txn, key_node_place(&buf, id)), APR_SUCCESS, "lost");
    is_status(nodes_remove(txn, "/a", pool), STORE_CORRUPT, "a lost place is noticed");
    store_abort(txn);

    txn = tree_begin(store, pool);
    store_put(txn, strange_key, record_pack_node(&root, NULL, 0, pool));
    is_status(nodes_remove(txn, "/", pool), STORE_CORRUPT, "a name no file can have is noticed");
    is_status(store_del(txn, strange_key), APR_SUCCESS, "taken away");
    damage(txn, key_node(&buf, 0, "", 0), 30, pool);
    is_status(tree_set(txn, "/a", "p", 'x', 1, pool), STORE_CORRUPT, "a damaged root is noticed");
    is_status(store_del(txn, key_node(&buf, 0, "", 0)), APR_SUCCESS, "lost");
    is_status(tree_set(txn, "/a", "p", 'x', 1, pool), STORE_CORRUPT, "and a lost one");
    store_abort(txn);
}

int main(void)
{
    apr_initialize();
    fixture_run("finding and patching", test_patch);
    fixture_run("pruning", test_prune);
    fixture_run("the root", test_root);
    fixture_run("spilled values", test_spill);
    fixture_run("order of changes", test_order_of_changes);
    fixture_run("limits", test_limits);
    fixture_run("members", test_members);
    fixture_run("damage", test_damage);
    apr_terminate();
    return done_testing();
}
