/*
 * The check of a store: a sound one has no findings, and no byte of a record can be altered,
 * in its key or in its value, without one.
 */
#include "propstore/ctl/check.h"

#include <fcntl.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/ctl/check_files.h"
#include "propstore/ctl/repair.h"
#include "propstore/intents.h"
#include "propstore/key.h"
#include "propstore/locks.h"
#include "propstore/record.h"
#include "t/unit/files.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"
#include "t/unit/tree.h"

/** A record as it was. */
typedef struct pair_t {
    store_slice_t key, value;
} pair_t;

static int go_on(void *baton, apr_uint64_t done)
{
    (void)baton;
    (void)done;
    return 1;
}

static int give_up(void *baton, apr_uint64_t done)
{
    (void)baton;
    return done < 3;
}

/** How many findings there are; -1 if the check fails. */
static int count_findings(store_txn_t *txn, apr_pool_t *scratch_pool)
{
    apr_array_header_t *findings = apr_array_make(scratch_pool, 8, sizeof(check_finding_t));

    if (check_store(findings, txn, go_on, NULL, scratch_pool) != APR_SUCCESS)
        return -1;
    return findings->nelts;
}

static void take_lock(store_txn_t *txn, const char *path, unsigned char n, apr_int64_t expires,
                      apr_pool_t *pool)
{
    const lock_limits_t limits = {.per_resource = 0};
    lock_t lock = {.scope = LOCK_SHARED,
                   .infinite = n & 1,
                   .expires = expires,
                   .principal = "somebody",
                   .owner = "<o/>"};
    apr_array_header_t *conflicts;

    memset(lock.token.bytes, n, LOCK_TOKEN_SIZE);
    is_status(locks_add(txn, path, NODE_FILE, &tree_print, &lock, &limits, 1, &conflicts, pool),
              APR_SUCCESS, "lock %s", path);
}

/** A store with a record of each kind, in a write transaction. */
static store_txn_t *fill(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    intent_t intent = {.kind = INTENT_MOVE, .from = "/a/b", .to = "/c", .old = ""};

    tree_set(txn, "/a/b/c", "p", 'c', 20, pool);
    tree_set(txn, "/a/b/c", "q", 'q', 2049, pool);
    tree_set(txn, "/a/b/d", "q", 'd', 3, pool);
    tree_set(txn, "/a/b", "q", 'b', 3, pool);
    tree_set(txn, "/e", "r", 'e', 2100, pool);
    take_lock(txn, "/a/b/c", 7, 1000, pool);
    take_lock(txn, "/a/f", 9, LOCK_NEVER, pool);
    is_status(intents_add(txn, &intent, pool), APR_SUCCESS, "an intent");
    return txn;
}

/** All records of TXN, as pair_t. */
static apr_array_header_t *all_pairs(store_txn_t *txn, apr_pool_t *pool)
{
    static const store_range_t all;
    apr_array_header_t *pairs = apr_array_make(pool, 64, sizeof(pair_t));
    store_cursor_t *cursor;
    store_slice_t key, value;

    if (store_scan(&cursor, txn, &all, pool) != APR_SUCCESS)
        return pairs;
    while (store_next(cursor, &key, &value) == APR_SUCCESS) {
        pair_t *pair = apr_array_push(pairs);

        pair->key.data = apr_pmemdup(pool, key.data, key.len);
        pair->key.len = key.len;
        pair->value.data = apr_pmemdup(pool, value.data, value.len);
        pair->value.len = value.len;
    }
    store_scan_end(cursor);
    return pairs;
}

/** SLICE with byte I altered by MASK. */
static store_slice_t altered(store_slice_t slice, apr_size_t i, unsigned char mask,
                             apr_pool_t *pool)
{
    unsigned char *bytes = apr_pmemdup(pool, slice.data, slice.len);
    store_slice_t made = {bytes, slice.len};

    bytes[i] ^= mask;
    return made;
}

/**
 * What is done with the store when a record of TABLE was altered.
 * @param in_key 1 if its key was; 2 if it took another record's
 * @return whether it was well
 */
typedef int altered_fn(store_txn_t *txn, const apr_array_header_t *sound, char table, int in_key,
                       apr_pool_t *scratch_pool);

/** Have nothing but PAIRS in the store. */
static void put_all(store_txn_t *txn, const apr_array_header_t *pairs)
{
    static const store_slice_t none;

    (void)store_del_range(txn, none, none, NULL);
    for (int i = 0; i < pairs->nelts; i++) {
        const pair_t *pair = &APR_ARRAY_IDX(pairs, i, pair_t);

        (void)store_put(txn, pair->key, pair->value);
    }
}

/**
 * Alter each byte of record I of SOUND in turn, and do WHAT, which leaves all as it was.
 * @param tried counts the alterations
 * @return how many were not well
 */
static int alter_each(store_txn_t *txn, const apr_array_header_t *sound, int i, altered_fn *what,
                      int *tried, apr_pool_t *pool)
{
    static const unsigned char masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
    const pair_t *pair = &APR_ARRAY_IDX(sound, i, pair_t);
    apr_pool_t *iterpool;
    int bad = 0;

    apr_pool_create(&iterpool, pool);
    for (apr_size_t at = 0; at < pair->key.len + pair->value.len; at++) {
        /* One way is enough for the bytes of a long value. */
        size_t ways = at < 200 ? sizeof(masks) : 1;

        for (size_t way = 0; way < ways; way++) {
            store_slice_t key = pair->key, value = pair->value, there;
            int in_key = at < key.len;
            char table = *(const char *)key.data;

            apr_pool_clear(iterpool);
            if (in_key)
                key = altered(key, at, masks[way], iterpool);
            else
                value = altered(value, at - key.len, masks[way], iterpool);
            (void)store_del(txn, pair->key);
            /* Over another record two are hit. */
            if (in_key && store_get(txn, key, &there) == APR_SUCCESS)
                in_key = 2;
            (void)store_put(txn, key, value);
            ++*tried;
            if (!what(txn, sound, table, in_key, iterpool) && ++bad < 10)
                diag("not so for byte %d ^ %02x of a record of table %c", (int)at, masks[way],
                     table);
        }
    }
    apr_pool_destroy(iterpool);
    return bad;
}

/** altered_fn: it is found. */
static int is_found(store_txn_t *txn, const apr_array_header_t *sound, char table, int in_key,
                    apr_pool_t *scratch_pool)
{
    int count = count_findings(txn, scratch_pool);

    (void)table;
    (void)in_key;
    put_all(txn, sound);
    return count > 0;
}

static void test_each_byte(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    apr_array_header_t *sound = all_pairs(txn, pool);
    int bad = 0, tried = 0;

    is_int(count_findings(txn, pool), 0, "a sound store has no findings");
    ok(sound->nelts > 30, "it has records");
    for (int i = 0; i < sound->nelts; i++)
        bad += alter_each(txn, sound, i, is_found, &tried, pool);
    is_int(bad, 0, "each of %d alterations of a byte is found", tried);
    is_int(count_findings(txn, pool), 0, "and when all is as it was, nothing");
    store_abort(txn);
}

/* ---- repair ---- */

static int is_same_slice(store_slice_t a, store_slice_t b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/** Whether TXN holds the records of SOUND, and no others. */
static int is_as_it_was(store_txn_t *txn, const apr_array_header_t *sound, apr_pool_t *pool)
{
    const apr_array_header_t *now = all_pairs(txn, pool);

    for (int i = 0; i < sound->nelts && i < now->nelts; i++) {
        const pair_t *a = &APR_ARRAY_IDX(sound, i, pair_t), *b = &APR_ARRAY_IDX(now, i, pair_t);

        if (!is_same_slice(a->key, b->key) || !is_same_slice(a->value, b->value))
            return 0;
    }
    return sound->nelts == now->nelts;
}

static int count_losses(const apr_array_header_t *steps)
{
    int count = 0;

    for (int i = 0; i < steps->nelts; i++)
        count += APR_ARRAY_IDX(steps, i, repair_step_t).is_loss;
    return count;
}

/**
 * altered_fn: it is repaired, and then nothing is found.  What other records tell is as it was;
 * only what nothing else tells is lost, and not without a word.
 */
static int is_repaired(store_txn_t *txn, const apr_array_header_t *sound, char table, int in_key,
                       apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps = apr_array_make(scratch_pool, 8, sizeof(repair_step_t));
    int told_twice = in_key == 1 || strchr("IFRTAXU", table) != NULL;
    int well = repair_store(steps, txn, NULL, go_on, NULL, scratch_pool) == APR_SUCCESS &&
               count_findings(txn, scratch_pool) == 0;
    int whole = is_as_it_was(txn, sound, scratch_pool);

    if (told_twice && !whole)
        well = 0;
    if (!whole && count_losses(steps) == 0)
        well = 0;
    if (whole && count_losses(steps) > 0 && told_twice)
        well = 0;
    for (int i = 0; i < steps->nelts && !well; i++)
        diag("  %s", APR_ARRAY_IDX(steps, i, repair_step_t).text);
    put_all(txn, sound);
    return well;
}

static void test_repair(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    apr_array_header_t *sound = all_pairs(txn, pool);
    int bad = 0, tried = 0;

    for (int i = 0; i < sound->nelts; i++)
        bad += alter_each(txn, sound, i, is_repaired, &tried, pool);
    is_int(bad, 0, "each of %d alterations of a byte is repaired", tried);
    ok(is_as_it_was(txn, sound, pool), "the store is as it was");
    store_abort(txn);
}

/** Repair TXN.  @return how much was lost; -1 if it cannot be repaired, or something is left */
static int repair(store_txn_t *txn, apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps = apr_array_make(scratch_pool, 8, sizeof(repair_step_t));
    apr_status_t status = repair_store(steps, txn, NULL, go_on, NULL, scratch_pool);

    if (status == APR_SUCCESS && count_findings(txn, scratch_pool) == 0)
        return count_losses(steps);
    for (int i = 0; i < steps->nelts; i++)
        diag("  %s", APR_ARRAY_IDX(steps, i, repair_step_t).text);
    return -1;
}

/** Each record missing is found too, and repaired. */
static void test_each_record(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    apr_array_header_t *sound = all_pairs(txn, pool);

    for (int i = 0; i < sound->nelts; i++) {
        const pair_t *pair = &APR_ARRAY_IDX(sound, i, pair_t);
        char table = *(const char *)pair->key.data;

        is_status(store_del(txn, pair->key), APR_SUCCESS, "without a record of %c", table);
        if (table == 'J')
            is_int(count_findings(txn, pool), 0, "whose absence means that it is done");
        else
            ok(count_findings(txn, pool) > 0, "there is a finding");
        if (strchr("FRIATXU", table) != NULL) {
            is_int(repair(txn, pool), 0, "nothing is lost by its repair");
            ok(is_as_it_was(txn, sound, pool), "it is there again");
        } else {
            ok(repair(txn, pool) >= 0, "it is repaired");
        }
        put_all(txn, sound);
    }
    store_abort(txn);
}

/** Several records at once, altered or removed by chance. */
static void test_much_damage(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    apr_array_header_t *sound = all_pairs(txn, pool);
    unsigned random = 1;
    apr_pool_t *iterpool;
    int bad = 0;

    apr_pool_create(&iterpool, pool);
    for (int round = 0; round < 1000; round++) {
        apr_pool_clear(iterpool);
        for (int hits = round % 7; hits >= 0; hits--) {
            const pair_t *pair;
            apr_size_t at;
            int in_key;

            random = random * 1103515245u + 12345u;
            pair = &APR_ARRAY_IDX(sound, (int)(random >> 16) % sound->nelts, pair_t);
            random = random * 1103515245u + 12345u;
            at = (random >> 8) % (pair->key.len + pair->value.len + 1);
            in_key = at < pair->key.len;
            if (in_key || at == pair->key.len + pair->value.len)
                (void)store_del(txn, pair->key);
            if (in_key)
                (void)store_put(txn, altered(pair->key, at, (unsigned char)(random | 1), iterpool),
                                pair->value);
            else if (at < pair->key.len + pair->value.len)
                (void)store_put(txn, pair->key,
                                altered(pair->value, at - pair->key.len,
                                        (unsigned char)(random | 1), iterpool));
        }
        if (repair(txn, iterpool) < 0) {
            diag("round %d", round);
            bad++;
        }
        put_all(txn, sound);
    }
    is_int(bad, 0, "much damage is repaired too");
    store_abort(txn);
}

/** Two collections that are in each other. */
static void test_circle(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    node_t node = {.kind = NODE_COLLECTION};
    apr_uint64_t inner, outer;
    key_buf_t buf;

    tree_set(txn, "/outer/inner/file", "p", 'p', 10, pool);
    tree_set(txn, "/other", "p", 'p', 10, pool);
    outer = tree_id(txn, "/outer");
    inner = tree_id(txn, "/outer/inner");
    node.id = outer;
    is_status(store_del(txn, key_node(&buf, NODE_ROOT_ID, "outer", 5)), APR_SUCCESS, "take one");
    is_status(
        store_put(txn, key_node(&buf, inner, "outer", 5), record_pack_node(&node, NULL, 0, pool)),
        APR_SUCCESS, "and put it into the other");
    is_status(
        store_put(txn, key_node_place(&buf, outer), record_pack_place(inner, "outer", 5, pool)),
        APR_SUCCESS, "with its place");
    is_int(count_findings(txn, pool), 3, "to three nodes there is no way");
    is_int(repair(txn, pool), 3, "they are lost");
    is_str(tree_get(txn, "/other", "p", pool), "p10", "and nothing else");
    tree_counts(txn, 2, 0, pool);
    store_abort(txn);
}

/** A node to which no way leads, but whose file is found. */
static void test_rescue(store_t *store, apr_pool_t *pool)
{
    const prop_change_t change = {.name = {"urn:t", "p"}, .value = "pp", .length = 2};
    apr_array_header_t *findings = apr_array_make(pool, 4, sizeof(check_finding_t));
    apr_array_header_t *steps = apr_array_make(pool, 4, sizeof(repair_step_t));
    const char *directory = files_directory(pool), *path = files_path(directory, "found", pool);
    apr_hash_t *paths = apr_hash_make(pool);
    store_txn_t *txn = tree_begin(store, pool);
    node_limits_t limits = {.value_max = 0};
    node_fingerprint_t print;
    apr_uint64_t id, above;
    filestat_t st;
    key_buf_t buf;

    files_write(path, "content", 0644);
    is_status(filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK), APR_SUCCESS, "a file");
    print = filestat_fingerprint(&st);
    is_status(nodes_patch(txn, "/above/lost", NODE_FILE, &print, &change, 1, &limits, NULL, pool),
              APR_SUCCESS, "its property");
    id = tree_id(txn, "/above/lost");
    above = tree_id(txn, "/above");
    is_status(store_del(txn, key_node_place(&buf, above)), APR_SUCCESS, "without the collection");
    is_status(store_del(txn, key_node(&buf, NODE_ROOT_ID, "above", 5)), APR_SUCCESS, "above it");
    is_status(check_store(findings, txn, go_on, NULL, pool), APR_SUCCESS, "check");
    is_int(findings->nelts, 1, "it is an orphan");
    is_status(store_commit(txn), APR_SUCCESS, "committed");
    is_status(check_find_orphans(paths, findings, store, directory, go_on, NULL, pool), APR_SUCCESS,
              "look for its file");
    is_str(apr_hash_get(paths, &id, sizeof(id)), path, "which is found");
    is_status(store_begin(&txn, store, STORE_WRITE, pool), APR_SUCCESS, "begin");
    is_status(repair_store(steps, txn, paths, go_on, NULL, pool), APR_SUCCESS, "repair");
    is_int(count_losses(steps), 0, "nothing is lost");
    is_str(tree_get(txn, path, "p", pool), "p2", "the file has its property");
    is_int(count_findings(txn, pool), 0, "all agrees");
    store_abort(txn);
}

/** A tree at another path: with its locks, and nothing to be found. */
static void test_relocate(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    lock_token_t token;
    lock_t lock;

    memset(token.bytes, 7, LOCK_TOKEN_SIZE);
    is_status(nodes_relocate(txn, "/none", "/z", pool), STORE_ABSENT, "nothing to relocate");
    is_status(nodes_relocate(txn, "/a", "/a/b/z", pool), STORE_MISUSE, "not into itself");
    is_status(nodes_relocate(txn, "/a/b", "/x/y/z", pool), APR_SUCCESS, "relocate");
    is_str(tree_get(txn, "/x/y/z/c", "p", pool), "c20", "the properties are there");
    is_str(tree_get(txn, "/a/b/c", "p", pool), "none", "and not here");
    is_status(locks_get(&lock, txn, &token, 1, pool), APR_SUCCESS, "the lock is still there");
    is_str(lock.path, "/x/y/z/c", "on the same resource");
    is_int(count_findings(txn, pool), 0, "all agrees");
    is_status(nodes_relocate(txn, "/x", "/a", pool), APR_SUCCESS, "over another");
    is_str(tree_get(txn, "/a/y/z/c", "p", pool), "c20", "which is replaced");
    is_int(count_findings(txn, pool), 0, "all agrees");
    store_abort(txn);
}

/** Another file of the same name. */
static void test_touch(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    const node_fingerprint_t print = {.inode = 77, .birth_ns = 78, .size = 79, .mtime_ns = 80};
    node_t node;

    is_status(nodes_touch(txn, "/none", &print, pool), STORE_ABSENT, "no node");
    is_status(nodes_touch(txn, "/a/b/c", &print, pool), APR_SUCCESS, "touch");
    is_status(nodes_find(&node, txn, "/a/b/c"), APR_SUCCESS, "the node");
    ok(memcmp(&node.fingerprint, &print, sizeof(print)) == 0, "has the fingerprint");
    is_str(tree_get(txn, "/a/b/c", "p", pool), "c20", "and its properties");
    is_str(tree_get(txn, "/a/b/c", "q", pool), "q2049", "and large ones");
    is_status(nodes_touch(txn, "/a/b/c", &print, pool), STORE_ABSENT, "again is nothing");
    is_int(count_findings(txn, pool), 0, "all agrees");
    store_abort(txn);
}

static void test_giving_up(store_t *store, apr_pool_t *pool)
{
    apr_array_header_t *findings = apr_array_make(pool, 8, sizeof(check_finding_t));
    store_txn_t *txn = fill(store, pool);

    is_status(check_store(findings, txn, give_up, NULL, pool), APR_EINTR, "it can be given up");
    store_abort(txn);
}

int main(void)
{
    apr_initialize();
    fixture_run("each byte", test_each_byte);
    fixture_run("each record", test_each_record);
    fixture_run("repair", test_repair);
    fixture_run("much damage", test_much_damage);
    fixture_run("a circle", test_circle);
    fixture_run("rescue", test_rescue);
    fixture_run("relocate", test_relocate);
    fixture_run("touch", test_touch);
    fixture_run("giving up", test_giving_up);
    return done_testing();
}
