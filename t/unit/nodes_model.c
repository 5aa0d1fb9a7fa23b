/*
 * Random histories of the metadata tree, compared after each transaction with a model so
 * plain that it can be seen to be right: a hash from "path|property" to value.  The whole
 * store is read back through its own keys, so what no function would find is found too.
 */
#include "propstore/nodes.h"

#include <string.h>

#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/record.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"
#include "t/unit/tree.h"

#define TRANSACTIONS 1500
#define STEPS_MAX 8
#define SEED 25180

/** More than moves make of paths in so many steps; a cycle would be deeper. */
#define DEPTH_MAX 100

/** The longest value kept within a node's record, as FORMAT says. */
#define INLINE_MAX 2048

/** A generator of our own: APR seeds the C library's when it makes a UUID. */
static apr_uint64_t generator;

static unsigned below(unsigned n)
{
    generator = generator * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(generator >> 33) % n;
}

/* ---- the model ---- */

/** Whether KEY ("path|property") is of PATH or below it. */
static int is_under(const char *key, const char *path)
{
    apr_size_t length = strlen(path);

    return strncmp(key, path, length) == 0 && (key[length] == '/' || key[length] == '|');
}

/** Forget PATH and all below it. */
static void model_remove(apr_hash_t *model, const char *path, apr_pool_t *pool)
{
    for (apr_hash_index_t *at = apr_hash_first(pool, model); at != NULL; at = apr_hash_next(at)) {
        const char *key = apr_hash_this_key(at);

        if (is_under(key, path))
            apr_hash_set(model, key, APR_HASH_KEY_STRING, NULL);
    }
}

/** Copy FROM to TO, with what is below if RECURSE; as the store does, TO is forgotten first. */
static void model_copy(apr_hash_t *model, const char *from, const char *to, int recurse,
                       apr_pool_t *pool)
{
    apr_hash_t *before;
    apr_size_t length = strlen(from);

    model_remove(model, to, pool);
    before = apr_hash_copy(pool, model);
    for (apr_hash_index_t *at = apr_hash_first(pool, before); at != NULL; at = apr_hash_next(at)) {
        const char *key = apr_hash_this_key(at);

        if (is_under(key, from) && (recurse || key[length] == '|'))
            apr_hash_set(model, apr_pstrcat(pool, to, key + length, NULL), APR_HASH_KEY_STRING,
                         apr_hash_this_val(at));
    }
}

/** nodes_keep_fn: an arbitrary choice that depends on PATH and the seed only. */
static int keep(void *baton, const char *path, const node_t *node)
{
    unsigned hash = *(const unsigned *)baton;

    (void)node;
    for (; *path; path++)
        hash = hash * 31 + (unsigned char)*path;
    return (hash >> 4) % 4 != 0;
}

/** Whether KEY, which is under TOP, and all between are kept. */
static int all_kept(const char *key, const char *top, unsigned seed, apr_pool_t *pool)
{
    for (apr_size_t end = strlen(top);; end++) {
        if (key[end] != '/' && key[end] != '|')
            continue;
        if (!keep(&seed, apr_pstrmemdup(pool, key, end), NULL))
            return 0;
        if (key[end] == '|')
            return 1;
    }
}

static void model_retain(apr_hash_t *model, const char *path, unsigned seed, apr_pool_t *pool)
{
    for (apr_hash_index_t *at = apr_hash_first(pool, model); at != NULL; at = apr_hash_next(at)) {
        const char *key = apr_hash_this_key(at);

        if (is_under(key, path) && !all_kept(key, path, seed, pool))
            apr_hash_set(model, key, APR_HASH_KEY_STRING, NULL);
    }
}

/* ---- one step on both ---- */

/** A path of one to four segments out of few, so that histories meet. */
static const char *some_path(apr_pool_t *pool)
{
    static const char *const names[] = {"a", "b", "aa", "\xff"};
    const char *path = "";

    for (unsigned depth = 1 + below(4); depth > 0; depth--)
        path = apr_pstrcat(pool, path, "/", names[below(4)], NULL);
    return path;
}

static apr_status_t step_patch(store_txn_t *txn, apr_hash_t *model, const char *path,
                               apr_pool_t *pool)
{
    static const char *const names[] = {"p", "q", "r", "s", "t"};
    static const apr_size_t lengths[] = {0, 1, 40, INLINE_MAX, INLINE_MAX + 1, 3000};
    static const node_limits_t no_limits = {0};
    prop_change_t changes[6];
    unsigned count = 1 + below(6);

    for (unsigned i = 0; i < count; i++) {
        const char *name = names[below(5)];
        apr_size_t length = lengths[below(6)];
        char *value = below(5) < 2 ? NULL : apr_pcalloc(pool, length + 1);

        if (value != NULL)
            memset(value, (int)('a' + below(26)), length);
        changes[i] = (prop_change_t){{below(2) ? "" : "urn:n", name}, value, length};
        apr_hash_set(model, apr_pstrcat(pool, path, "|", changes[i].name.ns, " ", name, NULL),
                     APR_HASH_KEY_STRING, value);
    }
    return nodes_patch(txn, path, NODE_FILE, &tree_print, changes, count, &no_limits, NULL, pool);
}

/** Copy or move, or see that the store refuses to. */
static apr_status_t step_transfer(store_txn_t *txn, apr_hash_t *model, const char *from,
                                  unsigned what, apr_pool_t *pool)
{
    const char *to = some_path(pool);
    int recurse = what != 0, move = what == 2;
    int overlaps = is_under(apr_pstrcat(pool, from, "|", NULL), to) ||
                   (recurse && is_under(apr_pstrcat(pool, to, "|", NULL), from));
    apr_status_t status =
        move ? nodes_move(txn, from, to, pool) : nodes_copy(txn, from, to, recurse, pool);

    if (overlaps)
        return status == STORE_MISUSE ? APR_SUCCESS : APR_EGENERAL;
    model_copy(model, from, to, recurse, pool);
    if (move)
        model_remove(model, from, pool);
    return status;
}

static apr_status_t step(store_txn_t *txn, apr_hash_t *model, apr_pool_t *pool)
{
    const char *path = some_path(pool);
    unsigned what = below(20), seed;

    if (what < 10)
        return step_patch(txn, model, path, pool);
    if (what < 17)
        return step_transfer(txn, model, path, what % 3, pool);
    if (what < 19) {
        model_remove(model, path, pool);
        return nodes_remove(txn, path, pool);
    }
    seed = below(APR_INT32_MAX);
    model_retain(model, path, seed, pool);
    return nodes_retain(txn, path, keep, &seed, pool);
}

/* ---- reading the whole store ---- */

/* What is wrong with a store, counted; the first is worded. */
typedef struct check_t {
    store_txn_t *txn;
    apr_pool_t *pool;
    apr_hash_t *content; /* as the model */
    int nodes, spilled, wrong;
} check_t;

static void wrong(check_t *check, const char *what, const char *path)
{
    if (check->wrong++ == 0)
        diag("%s: %s", path, what);
}

/** The path of node ID, by its place and those above; NULL if it hangs nowhere. */
static const char *path_of(check_t *check, apr_uint64_t id)
{
    const char *path = "";

    for (int depth = 0; id != NODE_ROOT_ID && depth < DEPTH_MAX; depth++) {
        record_place_t place;
        store_slice_t record;
        key_buf_t buf;

        if (store_get(check->txn, key_node_place(&buf, id), &record) != APR_SUCCESS ||
            record_read_place(&place, record) != APR_SUCCESS)
            return NULL;
        path =
            apr_pstrcat(check->pool, "/",
                        apr_pstrmemdup(check->pool, place.name.data, place.name.len), path, NULL);
        id = place.parent;
    }
    return id == NODE_ROOT_ID ? path : NULL;
}

static void check_props(check_t *check, const node_t *node, const char *path)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_uint32_t before = 0;
    apr_status_t status;

    node_props_begin(&iter, node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        store_slice_t value = {0};
        prop_name_t name;
        apr_uint32_t id = 0;

        if (names_get(&name, check->txn, prop.name, check->pool) != APR_SUCCESS ||
            names_find(&id, check->txn, &name) != APR_SUCCESS || id != prop.name) {
            wrong(check, "a property without a name", path);
            return;
        }
        if (prop.name <= before)
            wrong(check, "properties out of order", path);
        if (prop.spilled != (prop.length > INLINE_MAX))
            wrong(check, "a value in the wrong place", path);
        if (node_prop_value(&value, check->txn, node, &prop) != APR_SUCCESS)
            wrong(check, "a value is missing", path);
        check->spilled += prop.spilled;
        before = prop.name;
        apr_hash_set(check->content,
                     apr_pstrcat(check->pool, path, "|", name.ns, " ", name.local, NULL),
                     APR_HASH_KEY_STRING, apr_pstrmemdup(check->pool, value.data, value.len));
    }
    if (status != STORE_ABSENT)
        wrong(check, "properties do not end well", path);
}

/** Whether node ID has members, asked without the functions under test. */
static int has_members(check_t *check, apr_uint64_t id)
{
    key_buf_t from, to;
    store_range_t range = {.limit = 1};
    store_cursor_t *cursor;
    apr_status_t status;

    range.from = key_members(&from, id);
    range.to = key_after(&to, range.from);
    if (store_scan(&cursor, check->txn, &range, check->pool) != APR_SUCCESS)
        return 0;
    status = store_next(cursor, NULL, NULL);
    store_scan_end(cursor);
    return status == APR_SUCCESS;
}

static void check_node(check_t *check, store_slice_t key, store_slice_t record)
{
    const char *path;
    node_t node, found;

    check->nodes++;
    if (record_read_node(&node, record) != APR_SUCCESS) {
        wrong(check, "a record does not decode", "?");
        return;
    }
    path = path_of(check, node.id);
    if (path == NULL) {
        wrong(check, "a node hangs nowhere", "?");
        return;
    }
    if (nodes_find(&found, check->txn, path) != APR_SUCCESS || found.id != node.id)
        wrong(check, "a node is not found by its path", path);
    if (node.id != NODE_ROOT_ID && key.len == 9)
        wrong(check, "a node without a name", path);
    if (node.id != NODE_ROOT_ID && node.prop_count == 0 && !has_members(check, node.id))
        wrong(check, "a node with nothing to keep", path);
    check_props(check, &node, path);
}

/** Whether A has nothing that B has not. */
static int is_contained(apr_hash_t *a, apr_hash_t *b, const char *what, apr_pool_t *pool)
{
    for (apr_hash_index_t *at = apr_hash_first(pool, a); at != NULL; at = apr_hash_next(at)) {
        const char *key = apr_hash_this_key(at);
        const char *value = apr_hash_get(b, key, APR_HASH_KEY_STRING);

        if (value == NULL || strcmp(value, apr_hash_this_val(at)) != 0) {
            diag("%s: %s", key, what);
            return 0;
        }
    }
    return 1;
}

/** Compare the whole of STORE with MODEL.  @return non-zero if they are the same and sound */
static int compare_all(store_t *store, apr_hash_t *model, apr_pool_t *pool)
{
    check_t check = {.pool = pool, .content = apr_hash_make(pool)};
    const store_range_t nodes = {.from = {"N", 1}, .to = {"O", 1}};
    store_slice_t key, record;
    store_cursor_t *cursor;

    if (store_begin(&check.txn, store, STORE_READ, pool) != APR_SUCCESS ||
        store_scan(&cursor, check.txn, &nodes, pool) != APR_SUCCESS)
        return 0;
    while (store_next(cursor, &key, &record) == APR_SUCCESS)
        check_node(&check, key, record);
    store_scan_end(cursor);
    if (tree_count(check.txn, KEY_NODE_PLACE, pool) != check.nodes)
        wrong(&check, "places without a node", "?");
    if (tree_count(check.txn, KEY_VALUE, pool) != check.spilled)
        wrong(&check, "values without a property", "?");
    store_abort(check.txn);
    return check.wrong == 0 && is_contained(check.content, model, "not in the model", pool) &&
           is_contained(model, check.content, "not in the store", pool);
}

/** A model that lives in RESULT_POOL, with its keys and values. */
static apr_hash_t *keep_model(apr_hash_t *model, apr_pool_t *result_pool)
{
    apr_hash_t *copy = apr_hash_make(result_pool);

    for (apr_hash_index_t *at = apr_hash_first(NULL, model); at != NULL; at = apr_hash_next(at))
        apr_hash_set(copy, apr_pstrdup(result_pool, apr_hash_this_key(at)), APR_HASH_KEY_STRING,
                     apr_pstrdup(result_pool, apr_hash_this_val(at)));
    return copy;
}

/** Run one transaction of random steps; sometimes it is aborted. */
static apr_status_t transact(store_t *store, apr_hash_t **model_p, apr_pool_t *result_pool,
                             apr_pool_t *scratch_pool)
{
    apr_hash_t *model = apr_hash_copy(scratch_pool, *model_p);
    int commits = below(5) != 0;
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_WRITE, scratch_pool);

    for (unsigned n = 1 + below(STEPS_MAX); n > 0 && status == APR_SUCCESS; n--)
        status = step(txn, model, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    if (!commits) {
        store_abort(txn);
        model = *model_p;
    } else {
        status = store_commit(txn);
    }
    *model_p = keep_model(model, result_pool);
    return status;
}

static void test_history(store_t *store, apr_pool_t *scratch_pool)
{
    apr_hash_t *model = apr_hash_make(scratch_pool);
    apr_pool_t *pools[2], *iterpool;
    int most = 0, same = 1, n;

    generator = SEED;
    store_abort(tree_begin(store, scratch_pool));
    apr_pool_create(&pools[0], scratch_pool);
    apr_pool_create(&pools[1], scratch_pool);
    apr_pool_create(&iterpool, scratch_pool);
    for (n = 0; n < TRANSACTIONS && same; n++) {
        apr_pool_clear(iterpool);
        /* The model before lives in the other pool. */
        apr_pool_clear(pools[n % 2]);
        if (transact(store, &model, pools[n % 2], iterpool) != APR_SUCCESS)
            break;
        same = compare_all(store, model, iterpool);
        if ((int)apr_hash_count(model) > most)
            most = (int)apr_hash_count(model);
    }
    is_int(n, TRANSACTIONS, "all transactions succeed (seed %d)", SEED);
    ok(same, "after each, store and model are the same");
    ok(most > 100, "they have been of some size: %d properties", most);
}

int main(void)
{
    apr_initialize();
    fixture_run("random histories", test_history);
    apr_terminate();
    return done_testing();
}
