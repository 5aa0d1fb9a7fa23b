/*
 * What store.h promises, asked of every backend, or of those named as arguments
 * ("lmdb", "trace:memory", ...).
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/store.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

static store_slice_t bytes(const void *data, apr_size_t length)
{
    store_slice_t slice = {data, length};

    return slice;
}

static store_slice_t str(const char *s)
{
    return store_slice_str(s);
}

static int is_slice(store_slice_t got, store_slice_t wanted, const char *what)
{
    return ok(got.len == wanted.len && memcmp(got.data, wanted.data, got.len) == 0, "%s", what);
}

static store_txn_t *begin(store_t *store, store_mode_e mode, apr_pool_t *pool)
{
    store_txn_t *txn = NULL;
    apr_status_t status = store_begin(&txn, store, mode, pool);

    if (status != APR_SUCCESS)
        is_status(status, APR_SUCCESS, "begin");
    return txn;
}

/** Store pairs "k=v k=v ..." in one transaction. */
static void fill(store_t *store, const char *pairs, apr_pool_t *pool)
{
    store_txn_t *txn = begin(store, STORE_WRITE, pool);
    char *last, *text = apr_pstrdup(pool, pairs);
    apr_status_t status = APR_SUCCESS;

    for (char *pair = apr_strtok(text, " ", &last); pair; pair = apr_strtok(NULL, " ", &last)) {
        char *equals = strchr(pair, '=');

        *equals = '\0';
        if (status == APR_SUCCESS)
            status = store_put(txn, str(pair), str(equals + 1));
    }
    if (status != APR_SUCCESS || (status = store_commit(txn)) != APR_SUCCESS)
        is_status(status, APR_SUCCESS, "fill");
}

/** The keys a scan visits, joined by blanks. */
static const char *keys_of(store_txn_t *txn, const char *from, const char *to, apr_size_t limit,
                           int reverse, apr_pool_t *pool)
{
    store_range_t range = {str(from), str(to), limit, reverse};
    const char *keys = "";
    store_cursor_t *cursor;
    store_slice_t key;
    apr_status_t status = store_scan(&cursor, txn, &range, pool);

    while (status == APR_SUCCESS && (status = store_next(cursor, &key, NULL)) == APR_SUCCESS)
        keys = apr_psprintf(pool, "%s%s%.*s", keys, *keys ? " " : "", (int)key.len,
                            (const char *)key.data);
    if (status != STORE_ABSENT)
        is_status(status, STORE_ABSENT, "the end of a scan");
    return keys;
}

/* ---- the tests ---- */

static void test_get_put_del(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = begin(store, STORE_WRITE, pool);
    store_slice_t value;

    is_status(store_get(txn, str("a"), &value), STORE_ABSENT, "nothing is there at first");
    is_status(store_put(txn, str("a"), str("1")), APR_SUCCESS, "put");
    is_status(store_get(txn, str("a"), &value), APR_SUCCESS, "a writer sees its own write");
    is_slice(value, str("1"), "as it was put");
    is_status(store_put(txn, str("a"), str("22")), APR_SUCCESS, "put again");
    is_status(store_commit(txn), APR_SUCCESS, "commit");

    txn = begin(store, STORE_READ, pool);
    is_status(store_get(txn, str("a"), &value), APR_SUCCESS, "a later reader sees it");
    is_slice(value, str("22"), "with the last value");
    is_status(store_put(txn, str("b"), str("1")), STORE_READONLY, "a reader cannot put");
    is_status(store_del(txn, str("a")), STORE_READONLY, "nor delete");
    is_status(store_del_range(txn, str(""), str(""), NULL), STORE_READONLY, "nor delete a range");
    store_abort(txn);

    txn = begin(store, STORE_WRITE, pool);
    is_status(store_del(txn, str("a")), APR_SUCCESS, "delete");
    is_status(store_del(txn, str("a")), STORE_ABSENT, "it is there once");
    is_status(store_get(txn, str("a"), &value), STORE_ABSENT, "and gone for the writer");
    store_abort(txn);
    txn = begin(store, STORE_READ, pool);
    is_status(store_get(txn, str("a"), &value), APR_SUCCESS, "an abort leaves it");
    store_abort(txn);
}

static void test_bytes(store_t *store, apr_pool_t *pool)
{
    static const char zero[3] = {0, 0, 0}, high[2] = {'\xff', '\xff'}, mixed[4] = {'a', 0, 'b', 0};
    store_txn_t *txn = begin(store, STORE_WRITE, pool);
    store_slice_t value, keys[5], values[5];
    char longest[STORE_KEY_MAX + 1];

    is_status(store_put(txn, bytes(zero, 3), str("")), APR_SUCCESS, "a key of zeros, no value");
    is_status(store_put(txn, bytes(zero, 1), bytes(zero, 3)), APR_SUCCESS, "a value of zeros");
    is_status(store_put(txn, bytes(high, 2), bytes(mixed, 4)), APR_SUCCESS, "a key of 0xff");
    is_status(store_get(txn, bytes(zero, 3), &value), APR_SUCCESS, "the empty value is there");
    ok(value.len == 0, "and empty");
    is_status(store_get(txn, bytes(high, 2), &value), APR_SUCCESS, "the high key is there");
    is_slice(value, bytes(mixed, 4), "with zeros in its value");

    is_status(store_put(txn, str(""), str("x")), STORE_LIMIT, "an empty key is refused");
    is_status(store_get(txn, str(""), &value), STORE_LIMIT, "in a get too");
    memset(longest, 'k', sizeof(longest));
    is_status(store_put(txn, bytes(longest, STORE_KEY_MAX), str("max")), APR_SUCCESS,
              "the longest key");
    is_status(store_get(txn, bytes(longest, STORE_KEY_MAX), &value), APR_SUCCESS, "is there");
    is_status(store_put(txn, bytes(longest, STORE_KEY_MAX + 1), str("x")), STORE_LIMIT,
              "one byte more is refused");
    is_status(store_put(txn, str("huge"), bytes("", STORE_VALUE_MAX + 1)), STORE_LIMIT,
              "a value past the limit is refused before it is looked at");

    keys[0] = bytes(high, 2);
    keys[1] = str("absent");
    keys[2] = bytes(zero, 3);
    keys[3] = bytes(high, 1);
    keys[4] = bytes(zero, 1);
    is_status(store_get_many(txn, keys, values, 5), APR_SUCCESS, "get_many");
    is_slice(values[0], bytes(mixed, 4), "finds a value");
    ok(values[1].data == NULL && values[3].data == NULL, "tells what is absent");
    ok(values[2].data != NULL && values[2].len == 0, "tells an empty value from none");
    is_slice(values[4], bytes(zero, 3), "in whatever order");
    is_status(store_get_many(txn, keys, values, 0), APR_SUCCESS, "none is none");
    store_abort(txn);
}

static void test_large(store_t *store, apr_pool_t *pool)
{
    apr_size_t size = 5 * 1024 * 1024 + 3;
    char *large = apr_palloc(pool, size);
    store_txn_t *txn = begin(store, STORE_WRITE, pool);
    store_slice_t value;

    for (apr_size_t i = 0; i < size; i++)
        large[i] = (char)(i * 31 + i / 257);
    is_status(store_put(txn, str("large"), bytes(large, size)), APR_SUCCESS, "a value of 5 MiB");
    is_status(store_put(txn, str("small"), str("s")), APR_SUCCESS, "a small one beside it");
    is_status(store_commit(txn), APR_SUCCESS, "commit");
    txn = begin(store, STORE_READ, pool);
    is_status(store_get(txn, str("large"), &value), APR_SUCCESS, "is there");
    is_slice(value, bytes(large, size), "byte for byte");
    store_abort(txn);
}

static void test_order(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn;

    fill(store, "b=1 ab=1 a=1 abc=1 \xc3\xa9=1 B=1 ba=1 aa=1", pool);
    txn = begin(store, STORE_READ, pool);
    is_str(keys_of(txn, "", "", 0, 0, pool), "B a aa ab abc b ba \xc3\xa9", "in memcmp's order");
    is_str(keys_of(txn, "", "", 0, 1, pool), "\xc3\xa9 ba b abc ab aa a B", "and backwards");
    is_str(keys_of(txn, "aa", "b", 0, 0, pool), "aa ab abc", "FROM is included, TO is not");
    is_str(keys_of(txn, "aa", "b", 0, 1, pool), "abc ab aa", "backwards over the same keys");
    is_str(keys_of(txn, "a0", "azz", 0, 0, pool), "aa ab abc", "bounds need not be there");
    is_str(keys_of(txn, "a0", "azz", 0, 1, pool), "abc ab aa", "backwards neither");
    is_str(keys_of(txn, "", "a", 0, 0, pool), "B", "open below");
    is_str(keys_of(txn, "b", "", 0, 1, pool), "\xc3\xa9 ba b", "open above");
    is_str(keys_of(txn, "", "", 3, 0, pool), "B a aa", "a limit");
    is_str(keys_of(txn, "", "", 3, 1, pool), "\xc3\xa9 ba b", "counts from the end it starts at");
    is_str(keys_of(txn, "c", "b", 0, 0, pool), "", "a range whose ends cross is empty");
    is_str(keys_of(txn, "c", "b", 0, 1, pool), "", "backwards too");
    is_str(keys_of(txn, "zz", "zzz", 0, 0, pool), "", "and one between keys");
    is_str(keys_of(txn, "zz", "zzz", 0, 1, pool), "", "backwards too");
    store_abort(txn);
}

static void test_scan_rules(store_t *store, apr_pool_t *pool)
{
    store_range_t all = {.limit = 0};
    store_txn_t *txn;
    store_cursor_t *cursor, *other;
    store_slice_t key;

    fill(store, "a=1 b=2 c=3", pool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_scan(&cursor, txn, &all, pool), APR_SUCCESS, "a scan");
    is_status(store_next(cursor, &key, NULL), APR_SUCCESS, "begins");
    is_status(store_put(txn, str("d"), str("4")), APR_SUCCESS, "a write");
    is_status(store_next(cursor, &key, NULL), STORE_MISUSE, "makes it stale");
    store_scan_end(cursor);
    store_scan_end(cursor);
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b c d", "a new scan sees the write");

    is_status(store_scan(&cursor, txn, &all, pool), APR_SUCCESS, "one scan");
    is_status(store_scan(&other, txn, &all, pool), APR_SUCCESS, "beside another");
    is_status(store_next(cursor, &key, NULL), APR_SUCCESS, "both");
    is_status(store_next(other, &key, NULL), APR_SUCCESS, "go on");
    is_status(store_commit(txn), APR_SUCCESS, "commit ends them");
    is_status(store_next(cursor, &key, NULL), STORE_MISUSE, "they are of no more use");
    store_scan_end(other);

    txn = begin(store, STORE_READ, pool);
    all.limit = 1;
    is_status(store_scan(&cursor, txn, &all, pool), APR_SUCCESS, "a scan of one");
    is_status(store_next(cursor, NULL, NULL), APR_SUCCESS, "has one");
    is_status(store_next(cursor, NULL, NULL), STORE_ABSENT, "and an end");
    is_status(store_next(cursor, NULL, NULL), STORE_ABSENT, "that stays");
    store_abort(txn);
    store_scan_end(cursor);
    ok(1, "a scan may be ended after its transaction");
}

/** Whichever of a scan's pool and its transaction goes first. */
static void test_scan_lifetime(store_t *store, apr_pool_t *pool)
{
    static const store_range_t all;
    apr_pool_t *scan_pool, *txn_pool;
    store_cursor_t *cursor, *rest[3];
    store_txn_t *txn;
    store_slice_t key;

    fill(store, "a=1 b=2 c=3", pool);
    apr_pool_create(&scan_pool, pool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_scan(&rest[0], txn, &all, pool), APR_SUCCESS, "a scan");
    is_status(store_scan(&cursor, txn, &all, scan_pool), APR_SUCCESS, "one in a pool of its own");
    is_status(store_scan(&rest[1], txn, &all, pool), APR_SUCCESS, "another");
    is_status(store_next(cursor, &key, NULL), APR_SUCCESS, "it begins");
    apr_pool_clear(scan_pool);
    is_status(store_next(rest[0], &key, NULL), APR_SUCCESS, "the others go on");
    is_status(store_next(rest[1], &key, NULL), APR_SUCCESS, "when it is gone");
    is_status(store_put(txn, str("d"), str("4")), APR_SUCCESS, "so does the transaction");
    is_status(store_commit(txn), APR_SUCCESS, "to its end");

    apr_pool_create(&txn_pool, pool);
    txn = begin(store, STORE_READ, txn_pool);
    for (int i = 0; i < 3; i++)
        is_status(store_scan(&rest[i], txn, &all, scan_pool), APR_SUCCESS, "a scan");
    store_scan_end(rest[1]);
    apr_pool_destroy(txn_pool);
    for (int i = 0; i < 3; i++)
        is_status(store_next(rest[i], &key, NULL), STORE_MISUSE,
                  "ends with its transaction's pool");
    apr_pool_destroy(scan_pool);
}

/** Bounds are the scan's own, and everything it says stays until the transaction writes. */
static void test_slices(store_t *store, apr_pool_t *pool)
{
    char from[] = "b", to[] = "d";
    store_range_t range = {str(from), str(to), 0, 0};
    store_cursor_t *cursor;
    store_txn_t *txn;
    store_slice_t keys[2], values[2], value;

    fill(store, "a=1 b=2 c=3 d=4", pool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_scan(&cursor, txn, &range, pool), APR_SUCCESS, "a scan");
    from[0] = to[0] = 'x';
    is_status(store_next(cursor, &keys[0], &values[0]), APR_SUCCESS, "keeps its bounds");
    is_status(store_next(cursor, &keys[1], &values[1]), APR_SUCCESS, "to the next");
    is_status(store_next(cursor, NULL, NULL), STORE_ABSENT, "and the end");
    is_status(store_get(txn, str("a"), &value), APR_SUCCESS, "a get beside it");
    store_scan_end(cursor);
    is_slice(keys[0], str("b"), "a key stays");
    is_slice(values[0], str("2"), "with its value");
    is_slice(keys[1], str("c"), "the next too");
    is_slice(values[1], str("3"), "with its own");
    is_slice(value, str("1"), "and what get found");

    from[0] = 'y';
    is_status(store_put(txn, bytes(from, 1), bytes(to, 1)), APR_SUCCESS, "what is put");
    from[0] = to[0] = 'z';
    is_status(store_get(txn, str("y"), &value), APR_SUCCESS, "is copied");
    is_slice(value, str("x"), "value and key");
    store_abort(txn);
}

static void test_stat(store_t *store, apr_pool_t *pool)
{
    apr_size_t size = 200000;
    store_stat_t empty, full;
    store_txn_t *txn;

    is_status(store_stat(store, &empty), APR_SUCCESS, "store_stat");
    ok(empty.entries == 0, "of an empty store");
    fill(store, "a=1 b=2", pool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_put(txn, str("large"), bytes(apr_pcalloc(pool, size), size)), APR_SUCCESS,
              "a large value");
    is_status(store_stat(store, &full), APR_SUCCESS, "store_stat beside a writer");
    ok(full.entries == 2, "counts what is committed");
    is_status(store_commit(txn), APR_SUCCESS, "commit");
    is_status(store_stat(store, &full), APR_SUCCESS, "store_stat");
    ok(full.entries == 3 && full.used_bytes >= empty.used_bytes + size, "counts it then");
    ok(full.max_bytes == 0 || full.max_bytes > full.used_bytes, "there is room");
}

static void test_del_range(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn;
    apr_size_t count = 99;

    fill(store, "a=1 b=1 c=1 d=1 e=1", pool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_del_range(txn, str("b"), str("d"), &count), APR_SUCCESS, "delete [b, d)");
    is_int((long long)count, 2, "removes two");
    is_str(keys_of(txn, "", "", 0, 0, pool), "a d e", "and leaves the rest");
    is_status(store_del_range(txn, str("x"), str("z"), &count), APR_SUCCESS, "an empty range");
    is_int((long long)count, 0, "removes none");
    is_status(store_del_range(txn, str("d"), str("a"), &count), APR_SUCCESS, "a crossed one");
    is_int((long long)count, 0, "neither");
    is_status(store_del_range(txn, str(""), str(""), NULL), APR_SUCCESS, "everything");
    is_str(keys_of(txn, "", "", 0, 0, pool), "", "is gone");
    store_abort(txn);
    txn = begin(store, STORE_READ, pool);
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b c d e", "until the abort");
    store_abort(txn);
}

static void test_snapshot(store_t *store, apr_pool_t *pool)
{
    store_txn_t *before, *after;
    store_slice_t value;

    fill(store, "a=1 b=1", pool);
    before = begin(store, STORE_READ, pool);
    is_status(store_get(before, str("a"), &value), APR_SUCCESS, "a reader");
    fill(store, "a=2 c=2", pool);
    is_slice(value, str("1"), "a slice outlives another's commit");
    is_status(store_get(before, str("a"), &value), APR_SUCCESS, "it still reads");
    is_slice(value, str("1"), "what it read");
    is_str(keys_of(before, "", "", 0, 0, pool), "a b", "and sees no new keys");
    after = begin(store, STORE_READ, pool);
    is_str(keys_of(after, "", "", 0, 0, pool), "a b c", "which a later one sees");
    store_abort(before);
    is_status(store_get(after, str("a"), &value), APR_SUCCESS, "readers are independent");
    is_slice(value, str("2"), "of each other");
    is_status(store_commit(after), APR_SUCCESS, "a reader may commit");
}

static void test_misuse(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = begin(store, STORE_WRITE, pool);
    apr_pool_t *subpool;
    store_slice_t value;

    is_status(store_commit(txn), APR_SUCCESS, "commit");
    is_status(store_commit(txn), STORE_MISUSE, "once");
    is_status(store_get(txn, str("a"), &value), STORE_MISUSE, "no get after the end");
    is_status(store_put(txn, str("a"), str("1")), STORE_MISUSE, "no put");
    store_abort(txn);
    ok(1, "an abort after the end is nothing");

    apr_pool_create(&subpool, pool);
    txn = begin(store, STORE_WRITE, subpool);
    is_status(store_put(txn, str("a"), str("1")), APR_SUCCESS, "a write");
    (void)keys_of(txn, "", "", 0, 0, subpool);
    apr_pool_destroy(subpool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_get(txn, str("a"), &value), STORE_ABSENT,
              "goes with its transaction's pool, and the next writer goes on");
    store_abort(txn);
}

static void test_nested(store_t *store, apr_pool_t *pool)
{
    static const store_range_t all;
    store_txn_t *txn, *nested, *second, *reader;
    store_cursor_t *cursor;
    apr_pool_t *subpool;
    store_slice_t value;

    fill(store, "a=1", pool);
    txn = begin(store, STORE_WRITE, pool);
    is_status(store_put(txn, str("b"), str("1")), APR_SUCCESS, "a write");
    is_status(store_scan(&cursor, txn, &all, pool), APR_SUCCESS, "a scan");
    is_status(store_nest(&nested, txn, pool), APR_SUCCESS, "a transaction within it");
    is_status(store_put(txn, str("c"), str("1")), STORE_MISUSE, "nothing else is to be done then");
    is_status(store_get(txn, str("a"), &value), STORE_MISUSE, "not even a get");
    is_status(store_next(cursor, NULL, NULL), STORE_MISUSE, "nor in the scan");
    is_status(store_nest(&second, txn, pool), STORE_MISUSE, "nor a second one");
    is_str(keys_of(nested, "", "", 0, 0, pool), "a b", "it sees what was written");
    is_status(store_put(nested, str("c"), str("2")), APR_SUCCESS, "and writes");
    is_status(store_del(nested, str("a")), APR_SUCCESS, "and deletes");
    store_abort(nested);
    is_status(store_get(nested, str("a"), &value), STORE_MISUSE, "aborted, it has ended");
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b", "without a trace");
    is_status(store_next(cursor, NULL, NULL), STORE_MISUSE, "the scan is stale");

    is_status(store_nest(&nested, txn, pool), APR_SUCCESS, "another");
    is_status(store_put(nested, str("c"), str("3")), APR_SUCCESS, "writes");
    is_status(store_commit(nested), APR_SUCCESS, "and commits");
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b c", "what is then its parent's");
    reader = begin(store, STORE_READ, pool);
    is_str(keys_of(reader, "", "", 0, 0, pool), "a", "and nobody else's");
    is_status(store_nest(&nested, reader, pool), STORE_READONLY, "there is none in a reader");
    store_abort(reader);
    is_status(store_commit(txn), APR_SUCCESS, "until that commits");
    is_status(store_nest(&nested, txn, pool), STORE_MISUSE, "there is none in what has ended");
    reader = begin(store, STORE_READ, pool);
    is_str(keys_of(reader, "", "", 0, 0, pool), "a b c", "all of it");
    store_abort(reader);

    txn = begin(store, STORE_WRITE, pool);
    is_status(store_nest(&nested, txn, pool), APR_SUCCESS, "one in a transaction");
    is_status(store_nest(&second, nested, pool), APR_SUCCESS, "and one in that");
    is_status(store_put(second, str("d"), str("1")), APR_SUCCESS, "writes");
    is_status(store_commit(nested), STORE_MISUSE, "a commit around it is refused");
    is_status(store_commit(second), STORE_MISUSE, "and has aborted both");
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b c", "the outermost goes on");
    apr_pool_create(&subpool, pool);
    is_status(store_nest(&nested, txn, subpool), APR_SUCCESS, "one in a pool");
    is_status(store_put(nested, str("d"), str("1")), APR_SUCCESS, "writes");
    apr_pool_destroy(subpool);
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b c", "and goes with it");
    is_status(store_nest(&nested, txn, pool), APR_SUCCESS, "one that is open");
    store_abort(txn);
    is_status(store_commit(nested), STORE_MISUSE, "goes with its parent");
}

static void test_relaxed(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = begin(store, STORE_WRITE, pool), *nested;

    store_relax(txn);
    is_status(store_put(txn, str("a"), str("1")), APR_SUCCESS, "a relaxed transaction writes");
    is_status(store_commit(txn), APR_SUCCESS, "and commits");
    txn = begin(store, STORE_WRITE, pool);
    is_str(keys_of(txn, "", "", 0, 0, pool), "a", "so that all see it");
    store_relax(txn);
    is_status(store_nest(&nested, txn, pool), APR_SUCCESS, "a lasting one in a relaxed one");
    is_status(store_put(nested, str("b"), str("1")), APR_SUCCESS, "writes");
    is_status(store_commit(nested), APR_SUCCESS, "and commits");
    is_status(store_commit(txn), APR_SUCCESS, "with it");
    fill(store, "c=1", pool);
    txn = begin(store, STORE_READ, pool);
    is_str(keys_of(txn, "", "", 0, 0, pool), "a b c", "all is there");
    store_abort(txn);
}

/** What the bodies given to store_write() share. */
typedef struct runs_t {
    int runs;
    apr_status_t answer;
} runs_t;

static apr_status_t body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    runs_t *runs = baton;
    apr_status_t status =
        store_put(txn, str("run"), str(apr_psprintf(scratch_pool, "%d", ++runs->runs)));

    return status != APR_SUCCESS ? status : runs->answer;
}

static void test_write(store_t *store, apr_pool_t *pool)
{
    runs_t runs = {0, APR_SUCCESS};
    store_txn_t *txn;
    store_slice_t value;

    is_status(store_write(store, body, &runs, pool), APR_SUCCESS, "store_write commits");
    is_int(runs.runs, 1, "after one run");
    runs.answer = STORE_LIMIT;
    is_status(store_write(store, body, &runs, pool), STORE_LIMIT, "passes a refusal on");
    txn = begin(store, STORE_READ, pool);
    is_status(store_get(txn, str("run"), &value), APR_SUCCESS, "and has aborted");
    is_slice(value, str("1"), "the refused run");
    store_abort(txn);
}

static void everything(const char *backend)
{
    static const struct {
        const char *name;
        fixture_test_fn *test;
    } tests[] = {
        {"get, put, delete", test_get_put_del}, {"any bytes, within limits", test_bytes},
        {"large values", test_large},           {"order and ranges", test_order},
        {"rules of scans", test_scan_rules},    {"deleting ranges", test_del_range},
        {"snapshots", test_snapshot},           {"misuse", test_misuse},
        {"the runner of writes", test_write},   {"how long scans live", test_scan_lifetime},
        {"whose bytes they are", test_slices},  {"measuring", test_stat},
        {"nested transactions", test_nested},   {"durability", test_relaxed},
    };

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        fixture_run_on(backend, tests[i].name, tests[i].test);
}

/** A failing commit, injected: conflicts are run again, all else is passed on. */
static void test_faults(void)
{
    apr_pool_t *pool;
    store_t *store;
    runs_t runs = {0, APR_SUCCESS};
    store_txn_t *txn;
    store_slice_t value;

    apr_pool_create(&pool, NULL);
    is_status(fixture_open(&store, "trace:memory", "", "fail=commit:1:conflict", pool), APR_SUCCESS,
              "a store whose first commit conflicts");
    is_status(store_write(store, body, &runs, pool), APR_SUCCESS, "store_write succeeds");
    is_int(runs.runs, 2, "at the second run");
    txn = begin(store, STORE_READ, pool);
    is_status(store_get(txn, str("run"), &value), APR_SUCCESS, "what is stored");
    is_slice(value, str("2"), "is the second run's");
    store_abort(txn);

    is_status(fixture_open(&store, "trace:memory", "", "fail=commit:every/1:conflict", pool),
              APR_SUCCESS, "a store whose commits all conflict");
    is_status(store_write(store, body, &runs, pool), STORE_CONFLICT, "store_write gives up");
    is_status(fixture_open(&store, "trace:memory", "", "fail=commit:1:full", pool), APR_SUCCESS,
              "a store that is full at the first commit");
    is_status(store_write(store, body, &runs, pool), STORE_FULL, "store_write says so");
    is_status(store_write(store, body, &runs, pool), APR_SUCCESS, "and works afterwards");
    is_status(fixture_open(&store, "trace:memory", "", "fail=put:2:eio delay=10", pool),
              APR_SUCCESS, "a store whose second put fails");
    is_status(store_write(store, body, &runs, pool), APR_SUCCESS, "the first does not");
    ok(store_write(store, body, &runs, pool) != APR_SUCCESS, "the second does");
    apr_pool_destroy(pool);
}

/** A transaction in which a write failed can only end, whatever its caller overlooks. */
static void test_spoilt(void)
{
    static const char *const backends[] = {"trace:memory", "trace:lmdb"};

    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        const char *directory = "";
        apr_pool_t *pool;
        store_t *store;
        store_txn_t *txn;
        store_slice_t value;

        apr_pool_create(&pool, NULL);
        is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
        is_status(fixture_open(&store, backends[i], directory, "fail=put:2:full", pool),
                  APR_SUCCESS, "a store whose second put fails");
        txn = begin(store, STORE_WRITE, pool);
        is_status(store_put(txn, str("a"), str("1")), APR_SUCCESS, "the first does not");
        is_status(store_put(txn, str("b"), str("1")), STORE_FULL, "the second does");
        is_status(store_get(txn, str("a"), &value), STORE_FULL, "it can be read no more");
        is_status(store_put(txn, str("c"), str("1")), STORE_FULL, "nor written");
        is_status(store_commit(txn), STORE_FULL, "nor committed");
        is_status(store_commit(txn), STORE_MISUSE, "it has ended");
        txn = begin(store, STORE_WRITE, pool);
        is_status(store_get(txn, str("a"), &value), STORE_ABSENT, "without a trace");
        is_status(store_del(txn, str("a")), STORE_ABSENT, "what is absent");
        is_status(store_put(txn, str(""), str("")), STORE_LIMIT, "or out of limits");
        is_status(store_commit(txn), APR_SUCCESS, "spoils nothing");

        is_status(fixture_open(&store, backends[i], directory, "fail=commit:1:full", pool),
                  APR_SUCCESS, "a store whose first commit fails");
        txn = begin(store, STORE_WRITE, pool);
        is_status(store_put(txn, str("a"), str("1")), APR_SUCCESS, "a write");
        is_status(store_commit(txn), STORE_FULL, "is not committed");
        txn = begin(store, STORE_WRITE, pool);
        is_status(store_get(txn, str("a"), &value), STORE_ABSENT, "and the next writer goes on");
        store_abort(txn);
        apr_pool_destroy(pool);
    }
}

int main(int argc, const char *const *argv)
{
    static const char *const backends[] = {"memory", "lmdb", "trace:memory", "trace:lmdb"};

    apr_initialize();
    for (int i = 1; i < argc; i++)
        everything(argv[i]);
    for (size_t i = 0; argc < 2 && i < sizeof(backends) / sizeof(backends[0]); i++)
        everything(backends[i]);
    test_faults();
    test_spoilt();
    return done_testing();
}
