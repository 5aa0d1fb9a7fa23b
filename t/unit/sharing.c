/*
 * A store among threads and processes: many readers beside a writer, two processes on one
 * store, processes killed while they write.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <apr_time.h>

#include "propstore/store.h"
#include "t/unit/child.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define READERS 8
#define ROUNDS 400
#define KEYS 50
#define KILLS 20

static store_slice_t str(const char *s)
{
    return store_slice_str(s);
}

/** store_write_fn: give all keys the value *BATON, so that readers can tell a mixed state. */
static apr_status_t write_round(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const char *value = apr_itoa(scratch_pool, *(int *)baton);
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; i < KEYS && status == APR_SUCCESS; i++)
        status = store_put(txn, str(apr_psprintf(scratch_pool, "key%d", i)), str(value));
    return status;
}

/** Whether all keys have one value, in one snapshot.  @param value_p set to it */
static int is_whole(store_t *store, int *value_p, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    int whole = 1;

    if (store_begin(&txn, store, STORE_READ, scratch_pool) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < KEYS; i++) {
        store_slice_t value;
        int n;

        if (store_get(txn, str(apr_psprintf(scratch_pool, "key%d", i)), &value) != APR_SUCCESS) {
            whole = 0;
            break;
        }
        n = atoi(apr_pstrmemdup(scratch_pool, value.data, value.len));
        whole &= i == 0 || n == *value_p;
        *value_p = n;
    }
    store_abort(txn);
    return whole;
}

/* ---- threads ---- */

/** The last round whose commit has returned. */
static apr_uint32_t committed;

typedef struct reader_t {
    store_t *store;
    int mixed, missed;
} reader_t;

static void *APR_THREAD_FUNC read_on(apr_thread_t *thread, void *baton)
{
    reader_t *reader = baton;
    int last = 0, value = 0;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    while (last < ROUNDS) {
        apr_pool_clear(pool);
        last = (int)apr_atomic_read32(&committed);
        reader->mixed += !is_whole(reader->store, &value, pool);
        /* It may see a commit that is about to return, so no more than this can be asked. */
        reader->missed += value < last;
    }
    apr_pool_destroy(pool);
    (void)thread;
    return NULL;
}

static void test_threads(store_t *store, apr_pool_t *pool)
{
    reader_t readers[READERS];
    apr_thread_t *threads[READERS];
    int round = 1, wrong = 0;

    is_status(store_write(store, write_round, &round, pool), APR_SUCCESS, "the first round");
    apr_atomic_set32(&committed, 1);
    memset(readers, 0, sizeof(readers));
    for (int i = 0; i < READERS; i++) {
        readers[i].store = store;
        wrong += apr_thread_create(&threads[i], NULL, read_on, &readers[i], pool) != APR_SUCCESS;
    }
    for (round = 2; round <= ROUNDS; round++) {
        wrong += store_write(store, write_round, &round, pool) != APR_SUCCESS;
        apr_atomic_set32(&committed, (apr_uint32_t)round);
    }
    is_int(wrong, 0, "a writer writes beside %d readers", READERS);
    for (int i = 0; i < READERS; i++) {
        apr_status_t status;

        apr_thread_join(&status, threads[i]);
        wrong += readers[i].mixed + readers[i].missed;
    }
    is_int(wrong, 0, "who never see a mixed state, nor miss what was committed before");
}

typedef struct adder_t {
    store_t *store;
    int failed;
} adder_t;

/** store_write_fn: add one to a counter. */
static apr_status_t add_one(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    store_slice_t value;
    int n = 0;

    (void)baton;
    if (store_get(txn, str("counter"), &value) == APR_SUCCESS)
        n = atoi(apr_pstrmemdup(scratch_pool, value.data, value.len));
    return store_put(txn, str("counter"), str(apr_itoa(scratch_pool, n + 1)));
}

static void *APR_THREAD_FUNC add_on(apr_thread_t *thread, void *baton)
{
    adder_t *adder = baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 0; i < 50; i++)
        adder->failed += store_write(adder->store, add_one, NULL, pool) != APR_SUCCESS;
    apr_pool_destroy(pool);
    (void)thread;
    return NULL;
}

static int counter(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    store_slice_t value;
    int n = -1;

    if (store_begin(&txn, store, STORE_READ, scratch_pool) != APR_SUCCESS)
        return -1;
    if (store_get(txn, str("counter"), &value) == APR_SUCCESS)
        n = atoi(apr_pstrmemdup(scratch_pool, value.data, value.len));
    store_abort(txn);
    return n;
}

static void test_writers(store_t *store, apr_pool_t *pool)
{
    adder_t adders[READERS];
    apr_thread_t *threads[READERS];
    int failed = 0;

    for (int i = 0; i < READERS; i++) {
        adders[i].store = store;
        adders[i].failed = 0;
        failed += apr_thread_create(&threads[i], NULL, add_on, &adders[i], pool) != APR_SUCCESS;
    }
    for (int i = 0; i < READERS; i++) {
        apr_status_t status;

        apr_thread_join(&status, threads[i]);
        failed += adders[i].failed;
    }
    is_int(failed, 0, "%d threads write", READERS);
    is_int(counter(store, pool), READERS * 50, "one after the other");
}

/* ---- processes ---- */

static int add_many(store_t *store, apr_pool_t *scratch_pool)
{
    for (int i = 0; i < 100; i++) {
        if (store_write(store, add_one, NULL, scratch_pool) != APR_SUCCESS)
            return 1;
    }
    return 0;
}

static int hold_write(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;

    if (store_begin(&txn, store, STORE_WRITE, scratch_pool) != APR_SUCCESS ||
        store_put(txn, str("counter"), str("666")) != APR_SUCCESS ||
        store_put(txn, str("half"), str("done")) != APR_SUCCESS)
        return 1;
    return child_stay();
}

/** Commit for as long as it lives. */
static int write_on(store_t *store, apr_pool_t *scratch_pool)
{
    apr_pool_t *iterpool;

    apr_pool_create(&iterpool, scratch_pool);
    for (int round = 1; round < 1000000; round++) {
        apr_pool_clear(iterpool);
        if (store_write(store, write_round, &round, iterpool) != APR_SUCCESS)
            return 1;
        if (round == 1)
            child_say_ready();
    }
    return 2;
}

static void test_processes(void)
{
    const char *directory = "";
    apr_pool_t *pool, *store_pool;
    store_t *store;
    child_t children[2];

    apr_pool_create(&pool, NULL);
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    for (int i = 0; i < 2; i++)
        child_start(&children[i], directory, "", add_many);
    for (int i = 0; i < 2; i++)
        is_int(child_wait(&children[i]), 0, "a process writes to the store two share");

    child_start(&children[0], directory, "", hold_write);
    ok(child_wait_ready(&children[0]), "a writer has written");
    is_int(child_kill(&children[0]), 128 + SIGKILL, "and is killed before it commits");

    apr_pool_create(&store_pool, pool);
    is_status(fixture_open(&store, "lmdb", directory, "", store_pool), APR_SUCCESS,
              "the store opens");
    is_int(counter(store, pool), 200, "with all that was committed and nothing that was not");
    child_start(&children[0], directory, "", hold_write);
    ok(child_wait_ready(&children[0]), "another, while the store is open here");
    is_int(child_kill(&children[0]), 128 + SIGKILL, "is killed too");
    is_status(store_write(store, add_one, NULL, pool), APR_SUCCESS, "the next writer goes on");
    is_int(counter(store, pool), 201, "from what was committed");
    apr_pool_destroy(pool);
}

/** Killed at whatever point of its commits, a writer leaves each whole or undone. */
static void test_killed_anywhere(void)
{
    const char *directory = "";
    apr_pool_t *pool;
    store_t *store;
    int wrong = 0, value = 0;

    apr_pool_create(&pool, NULL);
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(&store, "lmdb", directory, "", pool), APR_SUCCESS, "a store");
    for (int i = 0; i < KILLS; i++) {
        child_t child;

        child_start(&child, directory, "", write_on);
        wrong += !child_wait_ready(&child);
        apr_sleep(i * 211);
        wrong += child_kill(&child) != 128 + SIGKILL;
        wrong += !is_whole(store, &value, pool);
    }
    is_int(wrong, 0, "%d writers killed anywhere leave the store whole", KILLS);
    apr_pool_destroy(pool);
}

/** Two stores of one process on one directory share what LMDB must not open twice. */
static void test_twice(void)
{
    const char *directory = "", *link;
    apr_pool_t *pool;
    store_t *first, *second;

    apr_pool_create(&pool, NULL);
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(&first, "lmdb", directory, "", pool), APR_SUCCESS, "opened once");
    is_status(fixture_open(&second, "lmdb", directory, "", pool), APR_SUCCESS, "and again");
    is_status(store_write(first, add_one, NULL, pool), APR_SUCCESS, "written by the one");
    is_int(counter(second, pool), 1, "read by the other");
    store_close(first);
    is_status(store_write(second, add_one, NULL, pool), APR_SUCCESS, "which outlives it");
    is_int(counter(second, pool), 2, "and works");

    link = apr_pstrcat(pool, directory, "/link", NULL);
    ok(symlink(".", link) == 0, "the directory by another name");
    is_status(fixture_open(&first, "lmdb", link, "mapsize=1M", pool), APR_SUCCESS, "opened too");
    is_status(store_write(first, add_one, NULL, pool), APR_SUCCESS, "written");
    is_int(counter(second, pool), 3, "is the same store");
    unlink(link);
    apr_pool_destroy(pool);
}

int main(void)
{
    apr_initialize();
    test_processes(); /* before threads, since these fork */
    test_killed_anywhere();
    fixture_run("readers beside a writer", test_threads);
    fixture_run("writers", test_writers);
    fixture_run_decorated("readers beside a writer", test_threads);
    test_twice();
    return done_testing();
}
