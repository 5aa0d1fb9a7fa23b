/*
 * Writers of one process share a commit, and nothing else: each has its own answer, and what
 * one fails at is nowhere.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <apr_time.h>

#include "propstore/store.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define WRITERS 8
#define ROUNDS 60
/** Time for a thread that is about to wait to do so. */
#define A_WHILE apr_time_from_msec(60)

static store_slice_t str(const char *s)
{
    return store_slice_str(s);
}

/** A writer in a thread of its own. */
typedef struct writer_t {
    const char *key; /* that it puts */
    apr_status_t fails;
    int settled;
    unsigned others; /* its first run goes on when so many have come */
    apr_status_t answer;
    int runs;
    const char *seen; /* by its last run: all keys */
    pthread_t ran_in; /* the thread of its last run */
    store_t *store;
    apr_thread_t *thread;
    apr_pool_t *pool;
} writer_t;

/** Bodies that have begun to run, and threads about to ask for theirs. */
static apr_uint32_t running, asking;

/** store_write_fn: tell what there is, put the key, and answer as told. */
static apr_status_t write_key(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    writer_t *writer = baton;
    static const store_range_t all;
    store_cursor_t *cursor;
    store_slice_t key;
    apr_status_t status = store_scan(&cursor, txn, &all, scratch_pool);

    apr_atomic_inc32(&running);
    writer->runs++;
    writer->ran_in = pthread_self();
    writer->seen = "";
    while (status == APR_SUCCESS && (status = store_next(cursor, &key, NULL)) == APR_SUCCESS)
        writer->seen = apr_psprintf(writer->pool, "%s%.*s", writer->seen, (int)key.len,
                                    (const char *)key.data);
    while (writer->runs == 1 && apr_atomic_read32(&asking) < writer->others)
        apr_sleep(1000);
    if (writer->others > 0 && writer->runs == 1)
        apr_sleep(A_WHILE);
    status = status == STORE_ABSENT ? store_put(txn, str(writer->key), str("1")) : status;
    return status == APR_SUCCESS ? writer->fails : status;
}

static void *APR_THREAD_FUNC write_on(apr_thread_t *thread, void *baton)
{
    writer_t *writer = baton;

    apr_atomic_inc32(&asking);
    writer->answer = writer->settled
                         ? store_write_settled(writer->store, write_key, writer, writer->pool)
                         : store_write(writer->store, write_key, writer, writer->pool);
    (void)thread;
    return NULL;
}

/** Let WRITERS write at the same time: while the first runs, the others come to wait. */
static void write_together(store_t *store, writer_t *writers, int count, apr_pool_t *pool)
{
    int failed = 0;

    apr_atomic_set32(&running, 0);
    apr_atomic_set32(&asking, 0);
    writers[0].others = (unsigned)count;
    for (int i = 0; i < count; i++) {
        writers[i].store = store;
        apr_pool_create(&writers[i].pool, pool);
        failed += apr_thread_create(&writers[i].thread, NULL, write_on, &writers[i], pool) != 0;
        /* One after the other, for the order they are run in. */
        while (apr_atomic_read32(i == 0 ? &running : &asking) <= (i == 0 ? 0 : (unsigned)i))
            apr_sleep(1000);
        apr_sleep(A_WHILE / 20);
    }
    for (int i = 0; i < count; i++) {
        apr_status_t status;

        apr_thread_join(&status, writers[i].thread);
    }
    is_int(failed, 0, "%d writers at a time", count);
}

static const char *all_keys(store_t *store, apr_pool_t *pool)
{
    static const store_range_t all;
    const char *keys = "";
    store_txn_t *txn;
    store_cursor_t *cursor;
    store_slice_t key;

    if (store_begin(&txn, store, STORE_READ, pool) != APR_SUCCESS)
        return NULL;
    if (store_scan(&cursor, txn, &all, pool) == APR_SUCCESS) {
        while (store_next(cursor, &key, NULL) == APR_SUCCESS)
            keys = apr_psprintf(pool, "%s%.*s", keys, (int)key.len, (const char *)key.data);
    }
    store_abort(txn);
    return keys;
}

/** store_log_fn: keep what trace says of commits. */
static void note_commit(void *baton, store_log_level_e level, apr_status_t status,
                        const char *message)
{
    int *commits = baton;

    (void)level;
    (void)status;
    *commits += strncmp(message, "commit ", 7) == 0;
}

/** Open a decorated store, empty, that counts commits. */
static store_t *open_counting(int *commits, const char *backend, const char *fail, apr_pool_t *pool)
{
    const char *directory = "", *error, *words[3] = {NULL, "log=on", fail};
    store_log_t log = {note_commit, commits};
    store_spec_t *spec;
    store_t *store = NULL;
    apr_status_t status = APR_SUCCESS;

    *commits = 0;
    if (strstr(backend, "lmdb") != NULL)
        status = fixture_directory(&directory, pool);
    words[0] = apr_pstrcat(pool, "trace:", backend, ":", directory, NULL);
    if (status == APR_SUCCESS)
        status = store_spec_parse(&spec, fail != NULL ? 3 : 2, words, &error, pool);
    if (status == APR_SUCCESS)
        status = store_open(&store, spec, &log, pool);
    is_status(status, APR_SUCCESS, "a store of %s%s%s", backend, fail ? ", " : "",
              fail ? fail : "");
    return store;
}

static void test_shared(const char *backend, apr_pool_t *pool)
{
    writer_t writers[6] = {{.key = "a"}, {.key = "b", .fails = STORE_LIMIT},
                           {.key = "c"}, {.key = "d", .fails = STORE_NOTHING},
                           {.key = "e"}, {.key = "f", .settled = 1}};
    int commits;
    store_t *store = open_counting(&commits, backend, NULL, pool);
    pthread_t leader;

    write_together(store, writers, 6, pool);
    is_int(commits, 2, "share a commit; one more is that of him who wants to see it settled");
    is_str(all_keys(store, pool), "acef", "what they wrote is there, but for what failed");
    leader = writers[0].ran_in;
    ok(pthread_equal(writers[2].ran_in, leader) && pthread_equal(writers[4].ran_in, leader),
       "one thread runs them all");
    is_status(writers[0].answer, APR_SUCCESS, "the first is answered");
    is_status(writers[2].answer, APR_SUCCESS, "another");
    is_str(writers[2].seen, "a",
           "which saw what the one before it wrote, and nothing of a failure");
    is_status(writers[3].answer, APR_SUCCESS, "one with nothing to commit");
    is_status(writers[1].answer, STORE_LIMIT, "one that failed is told why");
    is_int(writers[1].runs, 2, "after a run of its own");
    is_int(writers[4].runs, 1, "the others ran once");
    is_status(writers[5].answer, APR_SUCCESS, "the settled one");
    is_str(writers[5].seen, "ace", "saw what was committed");
    store_close(store);
}

/** When the commit of all fails, each is tried by itself. */
static void test_failing(const char *backend, apr_pool_t *pool)
{
    static const struct {
        const char *fault;
        int commits, failed; /* how many there are */
    } cases[] = {{"fail=commit:1:full", 5, 0},     {"fail=commit:1", 5, 0},
                 {"fail=commit:1:conflict", 5, 0}, {"fail=commit:every/1:full", 5, 4},
                 {"fail=nest:2:full", 2, 0},       {"fail=join:2", 2, 0},
                 {"fail=put:3:full", 2, 0},        {"fail=put:every/1:full", 0, 4}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        writer_t writers[4] = {{.key = "a"}, {.key = "b"}, {.key = "c"}, {.key = "d"}};
        int commits, failed = 0;
        store_t *store = open_counting(&commits, backend, cases[i].fault, pool);

        write_together(store, writers, 4, pool);
        for (int j = 0; j < 4; j++)
            failed += writers[j].answer != APR_SUCCESS;
        is_int(failed, cases[i].failed, "some fail, or none");
        is_int(commits, cases[i].commits, "commits");
        is_str(all_keys(store, pool), failed ? "" : "abcd", "what is there");
        store_close(store);
    }
}

/** One that changes something outside never sees what may yet be lost. */
static void test_settled(const char *backend, apr_pool_t *pool)
{
    writer_t writers[5] = {{.key = "a"},
                           {.key = "b", .settled = 1, .fails = STORE_NOTHING},
                           {.key = "c"},
                           {.key = "d", .settled = 1, .fails = STORE_LOCKED},
                           {.key = "e", .settled = 1}};
    int commits;
    store_t *store = open_counting(&commits, backend, "fail=commit:1:full", pool);

    write_together(store, writers, 5, pool);
    is_status(writers[1].answer, APR_SUCCESS, "one that wrote nothing");
    is_status(writers[3].answer, STORE_LOCKED, "one that was refused");
    is_int(writers[1].runs + writers[3].runs + writers[4].runs, 3, "each ran once");
    is_str(writers[1].seen, "", "and saw nothing of a failed commit");
    is_str(writers[3].seen, "", "nor did the second");
    is_str(writers[4].seen, "", "nor the third");
    is_str(all_keys(store, pool), "ace", "all the others are there");
    store_close(store);
}

/* ---- many ---- */

typedef struct adder_t {
    store_t *store;
    unsigned seed;
    int added, wrong;
    apr_status_t wish;
} adder_t;

/** store_write_fn: count, and answer as wished. */
static apr_status_t add_one(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const adder_t *adder = baton;
    store_slice_t value;
    int n = 0;
    apr_status_t status = store_get(txn, str("counter"), &value);

    if (status == APR_SUCCESS)
        n = atoi(apr_pstrmemdup(scratch_pool, value.data, value.len));
    if (status == APR_SUCCESS || status == STORE_ABSENT)
        status = store_put(txn, str("counter"), str(apr_itoa(scratch_pool, n + 1)));
    return status == APR_SUCCESS ? adder->wish : status;
}

static void *APR_THREAD_FUNC add_on(apr_thread_t *thread, void *baton)
{
    static const apr_status_t wishes[] = {APR_SUCCESS, APR_SUCCESS, STORE_NOTHING, STORE_LIMIT};
    adder_t *adder = baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        apr_status_t answer;

        apr_pool_clear(pool);
        adder->wish = wishes[rand_r(&adder->seed) % 4];
        answer = rand_r(&adder->seed) % 3 == 0
                     ? store_write_settled(adder->store, add_one, adder, pool)
                     : store_write(adder->store, add_one, adder, pool);
        adder->added += adder->wish == APR_SUCCESS;
        adder->wrong += answer != (adder->wish == STORE_LIMIT ? STORE_LIMIT : APR_SUCCESS);
    }
    apr_pool_destroy(pool);
    (void)thread;
    return NULL;
}

static void test_many(store_t *store, apr_pool_t *pool)
{
    adder_t adders[WRITERS], last = {.store = store};
    apr_thread_t *threads[WRITERS];
    int wrong = 0, added = 0;
    store_txn_t *txn;
    store_slice_t value = {NULL, 0};

    for (int i = 0; i < WRITERS; i++) {
        adders[i] = (adder_t){.store = store, .seed = (unsigned)i};
        wrong += apr_thread_create(&threads[i], NULL, add_on, &adders[i], pool) != APR_SUCCESS;
    }
    for (int i = 0; i < WRITERS; i++) {
        apr_status_t status;

        apr_thread_join(&status, threads[i]);
        wrong += adders[i].wrong;
        added += adders[i].added;
    }
    is_int(wrong, 0, "%d threads write, fail and do nothing, and are told so", WRITERS);
    is_status(store_write(store, add_one, &last, pool), APR_SUCCESS, "then one alone");
    if (store_begin(&txn, store, STORE_READ, pool) == APR_SUCCESS) {
        (void)store_get(txn, str("counter"), &value);
        is_int(atoi(apr_pstrmemdup(pool, value.data, value.len)), added + 1,
               "all that was answered with success is counted, and nothing else");
        store_abort(txn);
    }
}

int main(void)
{
    static const char *const backends[] = {"memory", "lmdb"};

    apr_initialize();
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        apr_pool_t *pool;

        apr_pool_create(&pool, NULL);
        test_shared(backends[i], pool);
        test_failing(backends[i], pool);
        test_settled(backends[i], pool);
        apr_pool_destroy(pool);
    }
    fixture_run("many writers", test_many);
    fixture_run_decorated("many writers", test_many);
    return done_testing();
}
