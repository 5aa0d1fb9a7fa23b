/*
 * What happens to subtrees of the metadata tree, at the edges.
 */
#include "propstore/nodes.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/key.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"
#include "t/unit/tree.h"

/** The longest value kept within a node's record, as FORMAT says. */
#define INLINE_MAX 2048
/** As deep as a path of 4,096 bytes can be. */
#define DEEP 2047
/** Records of a prepared store: four of meta, and the root's node with its place. */
#define EMPTY_ENTRIES 6

/** HEAD and DEPTH segments "/d". */
static const char *deep_path(const char *head, int depth, apr_pool_t *pool)
{
    apr_size_t length = strlen(head);
    char *path = apr_pcalloc(pool, length + (apr_size_t)depth * 2 + 1);
    char *at = apr_cpystrn(path, head, length + 1);

    for (int i = 0; i < depth; i++) {
        *at++ = '/';
        *at++ = 'd';
    }
    return path;
}

static void test_move(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    apr_uint64_t id;
    node_t node;

    tree_set(txn, "/a/b/c", "p", 'c', INLINE_MAX + 1, pool);
    tree_set(txn, "/a/b", "p", 'b', 1, pool);
    tree_set(txn, "/t/old/below", "p", 'o', INLINE_MAX + 1, pool);
    id = tree_id(txn, "/a/b/c");
    tree_counts(txn, 7, 2, pool);
    is_status(nodes_move(txn, "/a/b", "/t/old", pool), APR_SUCCESS, "moved over another");
    tree_counts(txn, 4, 1, pool);
    is_str(tree_get(txn, "/t/old", "p", pool), "b1", "the top is there");
    is_str(tree_get(txn, "/t/old/c", "p", pool), "c2049", "and below");
    is_str(tree_get(txn, "/t/old/below", "p", pool), "none", "what was there is not");
    ok(tree_id(txn, "/t/old/c") == id && tree_id(txn, "/a") == 0,
       "ids stay, the old way is pruned");
    is_status(nodes_find(&node, txn, "/t/old"), APR_SUCCESS, "the node");
    is_int((long long)node.fingerprint.inode, 5, "keeps its fingerprint");

    is_status(nodes_move(txn, "/t/old", "/new/way/x", pool), APR_SUCCESS, "to a place without way");
    tree_counts(txn, 5, 1, pool);
    is_status(nodes_move(txn, "/new/way/x", "/new/way/y", pool), APR_SUCCESS, "renamed in place");
    is_status(nodes_move(txn, "/new/way/y", "/y", pool), APR_SUCCESS, "moved to the top");
    tree_counts(txn, 3, 1, pool);

    tree_set(txn, "/u/v", "p", 'v', 1, pool);
    is_status(nodes_move(txn, "/nothing", "/u/v", pool), APR_SUCCESS, "nothing moved over one");
    tree_counts(txn, 3, 1, pool);
    is_status(nodes_move(txn, "/y", "/y/z", pool), STORE_MISUSE, "into itself");
    is_status(nodes_move(txn, "/y/c", "//y/", pool), STORE_MISUSE, "over what it is in");
    is_status(nodes_move(txn, "/y", "/y/", pool), STORE_MISUSE, "over itself");
    is_str(tree_get(txn, "/y", "p", pool), "b1", "which leaves all as it was");
    is_status(nodes_move(txn, "/y", "/yy", pool), APR_SUCCESS, "a longer name is another");
    tree_counts(txn, 3, 1, pool);
    store_abort(txn);
}

static void test_copy(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    node_t node;

    tree_set(txn, "/a", "p", 'a', 1, pool);
    tree_set(txn, "/a", "q", 'A', INLINE_MAX + 1, pool);
    tree_set(txn, "/a/m/c", "p", 'c', INLINE_MAX + 1, pool);
    tree_set(txn, "/a/z", "p", 'z', 1, pool);
    is_status(nodes_copy(txn, "/a", "/x/y", 1, pool), APR_SUCCESS, "copied with all below");
    tree_counts(txn, 10, 4, pool);
    is_str(tree_get(txn, "/x/y", "q", pool), "A2049", "the top");
    is_str(tree_get(txn, "/x/y/m/c", "p", pool), "c2049", "below");
    is_str(tree_get(txn, "/x/y/z", "p", pool), "z1", "beside");
    ok(tree_id(txn, "/x/y/m") != tree_id(txn, "/a/m"), "copies have ids of their own");
    is_status(nodes_find(&node, txn, "/x/y"), APR_SUCCESS, "the copy");
    ok(node.fingerprint.inode == 0 && node.kind == NODE_FILE, "has no fingerprint yet");

    is_status(nodes_remove(txn, "/a", pool), APR_SUCCESS, "the original is removed");
    is_str(tree_get(txn, "/x/y/m/c", "p", pool), "c2049", "not these");
    is_status(nodes_copy(txn, "/x/y", "/t", 0, pool), APR_SUCCESS, "copied alone");
    tree_counts(txn, 7, 3, pool);
    is_status(nodes_copy(txn, "/x/y", "/x/y/n", 0, pool), APR_SUCCESS, "copied alone into itself");
    is_str(tree_get(txn, "/x/y/n", "p", pool), "a1", "is possible");
    is_status(nodes_copy(txn, "/x", "/t", 0, pool), APR_SUCCESS, "one without properties, alone");
    is_int((long long)tree_id(txn, "/t"), 0, "leaves none");
    is_status(nodes_copy(txn, "/x/y", "/x/y/k", 1, pool), STORE_MISUSE, "with all into itself");
    is_status(nodes_copy(txn, "/x/y", "/x", 0, pool), STORE_MISUSE, "over what it is in");
    is_status(nodes_copy(txn, "/x/y", "/x/y", 0, pool), STORE_MISUSE, "over itself");
    is_status(nodes_copy(txn, "/nothing", "/x/y", 1, pool), APR_SUCCESS, "nothing over one");
    tree_counts(txn, 1, 0, pool);
    store_abort(txn);
}

/* What test_retain() keeps, and what it was asked. */
typedef struct asked_t {
    apr_pool_t *pool;
    const char *refused;
    const char *paths;
} asked_t;

static int keep(void *baton, const char *path, const node_t *node)
{
    asked_t *asked = baton;

    asked->paths =
        apr_pstrcat(asked->pool, asked->paths, path, node->prop_count ? "! " : " ", NULL);
    return asked->refused == NULL || strcmp(path, asked->refused) != 0;
}

/** Whether A and B have the same properties. */
static int is_same(store_txn_t *txn, const char *a, const char *b)
{
    int same = -1;

    is_status(nodes_compare_props(&same, txn, a, b), APR_SUCCESS, "%s and %s", a, b);
    return same;
}

static void test_compare(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    key_buf_t from, to;
    node_t node;
    int same;

    is_int(is_same(txn, "/a", "/b"), 1, "have none");
    tree_set(txn, "/a", "p", 'x', 10, pool);
    is_int(is_same(txn, "/a", "/b"), 0, "one has one");
    tree_set(txn, "/b", "q", 'x', 10, pool);
    is_int(is_same(txn, "/a", "/b"), 0, "of another name");
    is_status(nodes_copy(txn, "/a", "/b", 0, pool), APR_SUCCESS, "copied");
    is_int(is_same(txn, "/a", "/b"), 1, "are the same");
    tree_set(txn, "/a", "p", 'y', 10, pool);
    is_int(is_same(txn, "/a", "/b"), 0, "have other values");
    tree_set(txn, "/a", "q", 'y', INLINE_MAX + 1, pool);
    is_status(nodes_copy(txn, "/a", "/b", 0, pool), APR_SUCCESS, "copied");
    is_int(is_same(txn, "/a", "/b"), 1, "with a long one are the same");
    tree_set(txn, "/a", "q", 'z', INLINE_MAX + 1, pool);
    is_int(is_same(txn, "/a", "/b"), 0, "have long ones of one length");

    is_status(nodes_find(&node, txn, "/a"), APR_SUCCESS, "the node");
    is_status(store_del_range(txn, key_values(&from, node.id), key_values(&to, node.id + 1), NULL),
              APR_SUCCESS, "without its value");
    is_status(nodes_compare_props(&same, txn, "/b", "/a"), STORE_CORRUPT, "is damaged");
    store_abort(txn);
}

static void test_retain(store_t *store, apr_pool_t *pool)
{
    asked_t asked = {pool, NULL, ""};
    store_txn_t *txn = tree_begin(store, pool);

    tree_set(txn, "/a/b/c", "p", 'c', INLINE_MAX + 1, pool);
    tree_set(txn, "/a/b/d", "p", 'd', 1, pool);
    tree_set(txn, "/a/e/f", "p", 'f', 1, pool);
    tree_set(txn, "/g", "p", 'g', 1, pool);
    is_status(nodes_retain(txn, "/nothing", keep, &asked, pool), APR_SUCCESS, "where nothing is");
    is_str(asked.paths, "", "nothing is asked");
    is_status(nodes_retain(txn, "/a/", keep, &asked, pool), APR_SUCCESS, "all kept");
    is_str(asked.paths, "/a /a/b /a/b/c! /a/b/d! /a/e /a/e/f! ", "each is asked about, top down");
    tree_counts(txn, 8, 1, pool);
    asked = (asked_t){pool, "/a/b", ""};
    is_status(nodes_retain(txn, "/a", keep, &asked, pool), APR_SUCCESS, "one refused");
    is_str(asked.paths, "/a /a/b /a/e /a/e/f! ", "nothing below it is asked about");
    tree_counts(txn, 5, 0, pool);
    asked = (asked_t){pool, "/a/e/f", ""};
    is_status(nodes_retain(txn, "/", keep, &asked, pool), APR_SUCCESS, "the last of a branch");
    is_str(asked.paths, "/ /a /a/e /a/e/f! /g! ", "from the root");
    tree_counts(txn, 2, 0, pool);
    asked.refused = "/g";
    is_status(nodes_retain(txn, "/g", keep, &asked, pool), APR_SUCCESS, "the path itself");
    tree_counts(txn, 1, 0, pool);
    tree_set(txn, "/", "p", 'r', 1, pool);
    tree_set(txn, "/h", "p", 'h', 1, pool);
    asked.refused = "/";
    is_status(nodes_retain(txn, "/", keep, &asked, pool), APR_SUCCESS, "the root itself");
    tree_counts(txn, 1, 0, pool);
    is_str(tree_get(txn, "/", "p", pool), "none", "loses its properties only");
    store_abort(txn);
}

static int keep_all(void *baton, const char *path, const node_t *node)
{
    (void)path;
    (void)node;
    ++*(int *)baton;
    return 1;
}

static void test_deep(store_t *store, apr_pool_t *pool)
{
    const char *path = deep_path("", DEEP, pool);
    store_txn_t *txn = tree_begin(store, pool);
    int asked = 0;

    is_status(tree_set(txn, path, "p", 'x', 1, pool), APR_SUCCESS, "%d levels", DEEP);
    is_str(tree_get(txn, path, "p", pool), "x1", "are followed");
    tree_counts(txn, DEEP + 1, 0, pool);
    is_status(nodes_copy(txn, "/d", "/e", 1, pool), APR_SUCCESS, "copied");
    tree_counts(txn, 2 * DEEP + 1, 0, pool);
    is_status(nodes_move(txn, "/e", "/d/e", pool), APR_SUCCESS, "moved");
    is_str(tree_get(txn, deep_path("/d/e", DEEP - 1, pool), "p", pool), "x1", "followed");
    is_status(tree_set(txn, path, "p", 0, 0, pool), APR_SUCCESS, "pruned from the end");
    tree_counts(txn, DEEP + 2, 0, pool);
    is_status(nodes_retain(txn, "/d", keep_all, &asked, pool), APR_SUCCESS, "retained");
    is_int(asked, DEEP + 1, "each is asked about");
    is_status(nodes_remove(txn, "/d", pool), APR_SUCCESS, "removed");
    tree_counts(txn, 1, 0, pool);
    store_abort(txn);
}

static void test_wide(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    apr_pool_t *iterpool;
    int wrong = 0;

    apr_pool_create(&iterpool, pool);
    for (int i = 0; i < 3000; i++) {
        apr_pool_clear(iterpool);
        wrong += tree_set(txn, apr_psprintf(iterpool, "/w/%d", i), "p", 'w',
                          i % 50 ? 1 : INLINE_MAX + 1, iterpool) != APR_SUCCESS;
    }
    is_int(wrong, 0, "3,000 members");
    is_status(nodes_copy(txn, "/w", "/v", 1, pool), APR_SUCCESS, "copied");
    tree_counts(txn, 6003, 120, pool);
    is_status(nodes_remove(txn, "/w", pool), APR_SUCCESS, "removed");
    is_status(nodes_remove(txn, "/v", pool), APR_SUCCESS, "removed");
    is_int(tree_count(txn, 0, pool), EMPTY_ENTRIES + 2, "nothing is left but the name");
    store_abort(txn);
}

int main(void)
{
    apr_initialize();
    fixture_run("moving", test_move);
    fixture_run("copying", test_copy);
    fixture_run("comparing", test_compare);
    fixture_run("retaining", test_retain);
    fixture_run("deep chains", test_deep);
    fixture_run("wide collections", test_wide);
    apr_terminate();
    return done_testing();
}
