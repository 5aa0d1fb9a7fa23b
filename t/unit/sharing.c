/*
 * A store among threads and processes: many readers beside a writer, two processes on one
 * store, processes killed while they read or write, a store that is full.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "propstore/store.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define READERS 8
#define ROUNDS 400
#define KEYS 50

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

/** What a child does with a store of its own on the same directory. */
typedef void child_fn(store_t *store, apr_pool_t *pool);

/** Fork a child that runs WORK; a line on *READY_P says that it has begun to wait, if it does. */
static pid_t start_child(const char *directory, child_fn *work, int *ready_p)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        apr_pool_t *pool;
        store_t *store;

        close(ends[0]);
        if (dup2(ends[1], STDERR_FILENO) < 0)
            _exit(2);
        apr_pool_create(&pool, NULL);
        if (fixture_open(&store, "lmdb", directory, "maxreaders=4", pool) != APR_SUCCESS)
            _exit(2);
        work(store, pool);
        store_close(store);
        _exit(0);
    }
    close(ends[1]);
    *ready_p = ends[0];
    return pid;
}

static void wait_ready(int ready)
{
    char c;

    ok(read(ready, &c, 1) == 1, "the child is where it should be");
    close(ready);
}

static void say_ready(void)
{
    if (write(STDERR_FILENO, "!", 1) != 1)
        _exit(2);
}

static int exit_of(pid_t pid)
{
    int status = 0;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void add_many(store_t *store, apr_pool_t *pool)
{
    for (int i = 0; i < 100; i++) {
        if (store_write(store, add_one, NULL, pool) != APR_SUCCESS)
            _exit(3);
    }
}

static void hold_read(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn;

    if (store_begin(&txn, store, STORE_READ, pool) != APR_SUCCESS)
        _exit(3);
    say_ready();
    pause();
}

static void hold_write(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn;

    if (store_begin(&txn, store, STORE_WRITE, pool) != APR_SUCCESS ||
        store_put(txn, str("counter"), str("666")) != APR_SUCCESS ||
        store_put(txn, str("half"), str("done")) != APR_SUCCESS)
        _exit(3);
    say_ready();
    pause();
}

static void test_processes(void)
{
    const char *directory = "";
    apr_pool_t *pool, *store_pool;
    store_t *store;
    pid_t children[2];
    int ready = -1;

    apr_pool_create(&pool, NULL);
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    for (int i = 0; i < 2; i++) {
        children[i] = start_child(directory, add_many, &ready);
        close(ready);
    }
    for (int i = 0; i < 2; i++)
        is_int(exit_of(children[i]), 0, "a process writes to the store two share");

    for (int i = 0; i < 6; i++) {
        children[0] = start_child(directory, hold_read, &ready);
        wait_ready(ready);
        kill(children[0], SIGKILL);
        is_int(exit_of(children[0]), 128 + SIGKILL, "a reader is killed (of 4 places)");
    }
    children[0] = start_child(directory, hold_write, &ready);
    wait_ready(ready);
    kill(children[0], SIGKILL);
    is_int(exit_of(children[0]), 128 + SIGKILL, "a writer is killed in the middle");

    apr_pool_create(&store_pool, pool);
    is_status(fixture_open(&store, "lmdb", directory, "maxreaders=4", store_pool), APR_SUCCESS,
              "the store opens");
    is_int(counter(store, pool), 200, "with all that was committed and nothing that was not");
    is_status(store_write(store, add_one, NULL, pool), APR_SUCCESS, "the next writer goes on");
    is_int(counter(store, pool), 201, "from there");
    apr_pool_destroy(pool);
}

/** Two stores of one process on one directory share what LMDB must not open twice. */
static void test_twice(void)
{
    const char *directory = "";
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
    apr_pool_destroy(pool);
}

/* ---- limits ---- */

/** store_write_fn: add *BATON records of 1 KiB. */
static apr_status_t add_kilobytes(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    char kilobyte[1024];
    store_slice_t value = {kilobyte, sizeof(kilobyte)};
    apr_status_t status = APR_SUCCESS;

    memset(kilobyte, 'k', sizeof(kilobyte));
    for (int i = 0; i < *(int *)baton && status == APR_SUCCESS; i++)
        status = store_put(txn, str(apr_psprintf(scratch_pool, "fill%06d", i)), value);
    return status;
}

static apr_status_t remove_fill(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    (void)baton;
    (void)scratch_pool;
    return store_del_range(txn, str("fill"), str("fim"), NULL);
}

static void test_full(void)
{
    const char *directory = "";
    apr_pool_t *pool;
    store_t *store;
    int some = 200, many = 4000;

    apr_pool_create(&pool, NULL);
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(&store, "lmdb", directory, "mapsize=1M", pool), APR_SUCCESS,
              "a store of 1 MiB");
    is_status(store_write(store, add_one, NULL, pool), APR_SUCCESS, "has room");
    is_status(store_write(store, add_kilobytes, &many, pool), STORE_FULL, "but not for 4 MiB");
    is_int(counter(store, pool), 1, "nothing is lost");
    is_status(store_write(store, add_kilobytes, &some, pool), APR_SUCCESS, "less still fits");
    is_status(store_write(store, remove_fill, NULL, pool), APR_SUCCESS, "deleting works");
    is_status(store_write(store, add_kilobytes, &some, pool), APR_SUCCESS, "and makes room");
    store_close(store);

    is_status(fixture_open(&store, "lmdb", directory, "mapsize=1", pool), STORE_LIMIT,
              "a map too small to use is refused");
    is_status(fixture_open(&store, "lmdb", directory, "mapsize=12Q", pool), STORE_LIMIT,
              "so is an unknown unit");
    is_status(fixture_open(&store, "lmdb", directory, "maxreaders=0", pool), STORE_LIMIT,
              "so is no reader");
    apr_pool_destroy(pool);
}

/** One reader more than there is room for. */
static void test_readers_full(void)
{
    const char *directory = "";
    store_txn_t *txns[4], *one_more;
    apr_pool_t *pool;
    store_t *store;

    apr_pool_create(&pool, NULL);
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(&store, "lmdb", directory, "maxreaders=4", pool), APR_SUCCESS,
              "a store with room for 4 readers");
    for (int i = 0; i < 4; i++)
        is_status(store_begin(&txns[i], store, STORE_READ, pool), APR_SUCCESS, "a reader");
    is_status(store_begin(&one_more, store, STORE_READ, pool), STORE_BUSY, "one too many");
    store_abort(txns[0]);
    is_status(store_begin(&one_more, store, STORE_READ, pool), APR_SUCCESS,
              "finds room when one has ended");
    store_abort(one_more);
    for (int i = 1; i < 4; i++)
        store_abort(txns[i]);
    apr_pool_destroy(pool);
}

int main(void)
{
    apr_initialize();
    test_processes(); /* before threads, since it forks */
    fixture_run("readers beside a writer", test_threads);
    fixture_run("writers", test_writers);
    test_twice();
    test_full();
    test_readers_full();
    return done_testing();
}
