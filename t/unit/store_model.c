/*
 * Each backend beside a trivial model, a sorted array, through many random steps.  The
 * seed is printed and may be given as the argument, to see a failure again.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "propstore/store.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define KEYS 1200
#define STEPS 12000
#define VALUE_MAX 60000
/** Mismatches told in detail. */
#define TOLD_MAX 10

/** A key that may be in the store. */
typedef struct model_key_t {
    apr_size_t length;
    unsigned char bytes[STORE_KEY_MAX];
} model_key_t;

/** All of them, different and in their order. */
static model_key_t keys[KEYS];

/** A state of the store: for each key what its value is made from, or 0 if it is absent. */
typedef struct model_t {
    unsigned values[KEYS];
} model_t;

/** The test's state. */
typedef struct run_t {
    unsigned seed;
    int step, wrong;
    store_t *store;
    apr_pool_t *txn_pool, *reader_pool;
    store_txn_t *txn, *reader;  /* NULL: none is open */
    store_txn_t *outer;         /* that TXN is nested in, or NULL */
    model_t model, kept, as_of; /* in the transaction; committed; when the reader began */
    model_t before;             /* when the nested transaction began */
} run_t;

static unsigned start_seed = 20261124;

static int below(run_t *run, int n)
{
    return rand_r(&run->seed) % n;
}

static void check(run_t *run, int condition, const char *what)
{
    if (!condition && run->wrong++ < TOLD_MAX)
        diag("step %d: %s", run->step, what);
}

static store_slice_t key_at(int i)
{
    store_slice_t key = {keys[i].bytes, keys[i].length};

    return key;
}

static int compare(const void *a, const void *b)
{
    const model_key_t *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->length < y->length ? x->length : y->length);

    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/** Few letters and short keys make many prefixes of each other; some are of the full length. */
static void make_key(run_t *run, model_key_t *key)
{
    static const unsigned char letters[] = {0x00, 0x01, 'a', 0xff};

    key->length = 1 + (apr_size_t)below(run, 7);
    if (below(run, 20) == 0)
        key->length = STORE_KEY_MAX - (apr_size_t)below(run, 3);
    memset(key->bytes, letters[below(run, 4)], sizeof(key->bytes));
    for (apr_size_t i = 0; i < key->length && i < 7; i++)
        key->bytes[i] = letters[below(run, 4)];
}

static void make_keys(run_t *run)
{
    int count = 0;

    while (count < KEYS) {
        int i = 0;

        make_key(run, &keys[count]);
        while (i < count && compare(&keys[i], &keys[count]) != 0)
            i++;
        count += i == count;
    }
    qsort(keys, KEYS, sizeof(keys[0]), compare);
}

/** The value made from N: many small, some empty, a few that need pages of their own. */
static store_slice_t value_of(unsigned n)
{
    static unsigned char bytes[VALUE_MAX];
    store_slice_t value = {bytes, n % 10 == 0 ? 0 : n % 3000};

    if (n % 97 == 0)
        value.len = VALUE_MAX - n % 7;
    for (apr_size_t i = 0; i < value.len; i++)
        bytes[i] = (unsigned char)(n + i * 7 + i / 256);
    return value;
}

static int is_value(store_slice_t got, unsigned n)
{
    store_slice_t wanted = value_of(n);

    return got.data != NULL && got.len == wanted.len && memcmp(got.data, wanted.data, got.len) == 0;
}

/* ---- reading ---- */

static void check_get(run_t *run, store_txn_t *txn, const model_t *model)
{
    int i = below(run, KEYS);
    store_slice_t value;
    apr_status_t status = store_get(txn, key_at(i), &value);

    check(run, status == (model->values[i] ? APR_SUCCESS : STORE_ABSENT), "get answers otherwise");
    if (status == APR_SUCCESS && model->values[i])
        check(run, is_value(value, model->values[i]), "get has another value");
}

static void check_get_many(run_t *run, store_txn_t *txn, const model_t *model)
{
    store_slice_t wanted[16], values[16];
    int which[16];

    for (int i = 0; i < 16; i++) {
        which[i] = below(run, KEYS);
        wanted[i] = key_at(which[i]);
    }
    check(run, store_get_many(txn, wanted, values, 16) == APR_SUCCESS, "get_many fails");
    for (int i = 0; i < 16; i++) {
        unsigned n = model->values[which[i]];

        check(run, n ? is_value(values[i], n) : values[i].data == NULL, "get_many differs");
    }
}

/**
 * Compare a scan over the keys [LOW, HIGH) with MODEL.  An end of the array is given to
 * the store as an open end.
 */
static void check_scan(run_t *run, store_txn_t *txn, const model_t *model, int low, int high,
                       apr_size_t limit, int reverse, apr_pool_t *scratch_pool)
{
    store_range_t range = {.limit = limit, .reverse = reverse};
    apr_size_t seen = 0;
    store_cursor_t *cursor;
    store_slice_t key, value;

    if (low > 0)
        range.from = key_at(low);
    if (high < KEYS)
        range.to = key_at(high);
    if (store_scan(&cursor, txn, &range, scratch_pool) != APR_SUCCESS) {
        check(run, 0, "a scan does not begin");
        return;
    }
    for (int i = low; i < high; i++) {
        int at = reverse ? high - 1 - (i - low) : i;

        if (model->values[at] == 0)
            continue;
        if (limit != 0 && seen++ == limit)
            break;
        if (store_next(cursor, &key, &value) != APR_SUCCESS) {
            check(run, 0, "a scan ends too early");
            break;
        }
        check(run, key.len == keys[at].length && memcmp(key.data, keys[at].bytes, key.len) == 0,
              "a scan has another key");
        check(run, is_value(value, model->values[at]), "a scan has another value");
    }
    check(run, store_next(cursor, &key, &value) == STORE_ABSENT, "a scan does not end");
    store_scan_end(cursor);
}

static void check_some(run_t *run, store_txn_t *txn, const model_t *model, apr_pool_t *scratch_pool)
{
    int low = below(run, KEYS), high = below(run, KEYS + 1);
    apr_size_t limit = below(run, 3) ? 0 : (apr_size_t)below(run, 50);

    check_scan(run, txn, model, below(run, 8) ? low : 0, below(run, 8) ? high : KEYS, limit,
               below(run, 2), scratch_pool);
}

/* ---- writing ---- */

static void put(run_t *run)
{
    int i = below(run, KEYS);
    unsigned n = 1 + (unsigned)below(run, 1000000);

    check(run, store_put(run->txn, key_at(i), value_of(n)) == APR_SUCCESS, "put fails");
    run->model.values[i] = n;
}

static void del(run_t *run)
{
    int i = below(run, KEYS);
    apr_status_t status = store_del(run->txn, key_at(i));

    check(run, status == (run->model.values[i] ? APR_SUCCESS : STORE_ABSENT), "del differs");
    run->model.values[i] = 0;
}

static void del_range(run_t *run)
{
    const store_slice_t open_end = {NULL, 0};
    int low = below(run, KEYS), high = low + below(run, 60);
    apr_size_t count, wanted = 0;
    apr_status_t status;

    if (high > KEYS)
        high = KEYS;
    status = store_del_range(run->txn, low > 0 ? key_at(low) : open_end,
                             high < KEYS ? key_at(high) : open_end, &count);
    for (int i = low; i < high; i++) {
        wanted += run->model.values[i] != 0;
        run->model.values[i] = 0;
    }
    check(run, status == APR_SUCCESS && count == wanted, "del_range differs");
}

static void end_writing(run_t *run, int keep)
{
    if (keep) {
        check(run, store_commit(run->txn) == APR_SUCCESS, "commit fails");
        run->kept = run->model;
    } else {
        store_abort(run->txn);
        run->model = run->kept;
    }
    run->txn = NULL;
    apr_pool_clear(run->txn_pool);
}

/** Begin a nested transaction, or end it. */
static void turn_nested(run_t *run, int keep)
{
    if (run->outer == NULL) {
        run->outer = run->txn;
        run->before = run->model;
        check(run, store_nest(&run->txn, run->outer, run->txn_pool) == APR_SUCCESS, "nest fails");
        return;
    }
    if (keep) {
        check(run, store_commit(run->txn) == APR_SUCCESS, "a nested commit fails");
    } else {
        store_abort(run->txn);
        run->model = run->before;
    }
    run->txn = run->outer;
    run->outer = NULL;
}

/** Begin a reader, or see that it still sees what it began with. */
static void turn_reader(run_t *run)
{
    if (run->reader == NULL) {
        check(run, store_begin(&run->reader, run->store, STORE_READ, run->reader_pool) == 0,
              "a reader cannot begin");
        run->as_of = run->kept;
        return;
    }
    check_get(run, run->reader, &run->as_of);
    check_get_many(run, run->reader, &run->as_of);
    check_scan(run, run->reader, &run->as_of, 0, KEYS, 0, below(run, 2), run->reader_pool);
    store_abort(run->reader);
    run->reader = NULL;
    apr_pool_clear(run->reader_pool);
}

static void step(run_t *run)
{
    int what = below(run, 1000);

    if (run->txn == NULL &&
        store_begin(&run->txn, run->store, STORE_WRITE, run->txn_pool) != APR_SUCCESS) {
        check(run, 0, "a writer cannot begin");
        return;
    }
    if (what < 500)
        put(run);
    else if (what < 680)
        del(run);
    else if (what < 780)
        check_get(run, run->txn, &run->model);
    else if (what < 830)
        check_get_many(run, run->txn, &run->model);
    else if (what < 930)
        check_some(run, run->txn, &run->model, run->txn_pool);
    else if (what < 945)
        del_range(run);
    else if (what < 970)
        turn_reader(run);
    else if (what < 985 || run->outer != NULL)
        turn_nested(run, below(run, 2));
    else
        end_writing(run, what < 993);
}

static void test_model(store_t *store, apr_pool_t *pool)
{
    run_t *run = apr_pcalloc(pool, sizeof(*run));
    store_stat_t stat;
    apr_uint64_t entries = 0;

    run->seed = start_seed;
    run->store = store;
    apr_pool_create(&run->txn_pool, pool);
    apr_pool_create(&run->reader_pool, pool);
    make_keys(run);
    for (run->step = 0; run->step < STEPS; run->step++)
        step(run);
    if (run->outer != NULL)
        turn_nested(run, 1);
    if (run->txn != NULL)
        end_writing(run, 1);
    if (run->reader != NULL)
        turn_reader(run);
    is_int(run->wrong, 0, "%d random steps agree with the model", STEPS);

    for (int i = 0; i < KEYS; i++)
        entries += run->kept.values[i] != 0;
    is_status(store_stat(store, &stat), APR_SUCCESS, "store_stat");
    is_int((long long)stat.entries, (long long)entries, "counts what the model has");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        start_seed = (unsigned)strtoul(argv[1], NULL, 10);
    apr_initialize();
    diag("seed %u", start_seed);
    fixture_run("a model", test_model);
    fixture_run_decorated("a model", test_model);
    return done_testing();
}
