/*
 * The check of a store: a sound one has no findings, and no byte of a record can be altered,
 * in its key or in its value, without one.
 */
#include "propstore/ctl/check.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/intents.h"
#include "propstore/locks.h"
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

/** Whether the check finds nothing with PAIR under KEY, or with VALUE, for what it was. */
static int is_missed(store_txn_t *txn, const pair_t *pair, store_slice_t key, store_slice_t value,
                     apr_pool_t *scratch_pool)
{
    store_slice_t there, kept = {NULL, 0};
    int missed = 1;

    if (store_del(txn, pair->key) != APR_SUCCESS)
        return 1;
    if (store_get(txn, key, &there) == APR_SUCCESS) {
        kept.data = apr_pmemdup(scratch_pool, there.data, there.len);
        kept.len = there.len;
    }
    if (store_put(txn, key, value) == APR_SUCCESS)
        missed = count_findings(txn, scratch_pool) <= 0;
    (void)(kept.data != NULL ? store_put(txn, key, kept) : store_del(txn, key));
    return store_put(txn, pair->key, pair->value) != APR_SUCCESS || missed;
}

/** Alter each byte of PAIR, in turn.  @return how many of the alterations went unnoticed */
static int alter_all(store_txn_t *txn, const pair_t *pair, int *tried, apr_pool_t *pool)
{
    static const unsigned char masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
    apr_pool_t *iterpool;
    int missed = 0;

    apr_pool_create(&iterpool, pool);
    for (apr_size_t i = 0; i < pair->key.len + pair->value.len; i++) {
        /* One way is enough for the bytes of a long value. */
        size_t ways = i < 200 ? sizeof(masks) : 1;

        for (size_t way = 0; way < ways; way++) {
            store_slice_t key = pair->key, value = pair->value;

            apr_pool_clear(iterpool);
            if (i < key.len)
                key = altered(key, i, masks[way], iterpool);
            else
                value = altered(value, i - key.len, masks[way], iterpool);
            ++*tried;
            if (is_missed(txn, pair, key, value, iterpool)) {
                missed++;
                diag("unnoticed: byte %d of a record of table %c", (int)i,
                     *(const char *)pair->key.data);
            }
        }
    }
    apr_pool_destroy(iterpool);
    return missed;
}

static void test_each_byte(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    apr_array_header_t *pairs = all_pairs(txn, pool);
    int missed = 0, tried = 0;

    is_int(count_findings(txn, pool), 0, "a sound store has no findings");
    ok(pairs->nelts > 30, "it has records");
    for (int i = 0; i < pairs->nelts; i++)
        missed += alter_all(txn, &APR_ARRAY_IDX(pairs, i, pair_t), &tried, pool);
    is_int(missed, 0, "of %d alterations of a byte each is found", tried);
    is_int(count_findings(txn, pool), 0, "and when all is as it was, nothing");
    store_abort(txn);
}

/** Each record missing is found too. */
static void test_each_record(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = fill(store, pool);
    apr_array_header_t *pairs = all_pairs(txn, pool);

    for (int i = 0; i < pairs->nelts; i++) {
        const pair_t *pair = &APR_ARRAY_IDX(pairs, i, pair_t);
        char table = *(const char *)pair->key.data;

        is_status(store_del(txn, pair->key), APR_SUCCESS, "without a record of %c", table);
        if (table == 'J')
            is_int(count_findings(txn, pool), 0, "whose absence means that it is done");
        else
            ok(count_findings(txn, pool) > 0, "there is a finding");
        is_status(store_put(txn, pair->key, pair->value), APR_SUCCESS, "with it again");
    }
    is_int(count_findings(txn, pool), 0, "there is none");
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
    fixture_run("giving up", test_giving_up);
    return done_testing();
}
