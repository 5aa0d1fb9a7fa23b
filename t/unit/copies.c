/*
 * What an administrator asks of a store: whether it is there, who reads it, a copy of it while
 * it is in use, and such a copy back in its place.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/store.h"
#include "t/unit/child.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define PAIRS 500

static store_spec_t *spec_of(const char *backend, const char *location, apr_pool_t *pool)
{
    const char *word = apr_pstrcat(pool, backend, ":", location, NULL), *error;
    store_spec_t *spec = NULL;

    if (store_spec_parse(&spec, 1, &word, &error, pool) != APR_SUCCESS)
        ok(0, "%s: %s", word, error);
    return spec;
}

/** store_write_fn: PAIRS pairs, the value of each being BATON. */
static apr_status_t put_pairs(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; i < PAIRS && status == APR_SUCCESS; i++)
        status = store_put(txn, store_slice_str(apr_psprintf(scratch_pool, "key%d", i)),
                           store_slice_str(baton));
    return status;
}

/** The value of all pairs; NULL if there is none, or they differ. */
static const char *value_of_all(store_t *store, apr_pool_t *pool)
{
    static const store_range_t all;
    const char *value = NULL;
    store_cursor_t *cursor;
    store_slice_t slice;
    store_txn_t *txn;
    int count = 0;
    apr_status_t status = store_begin(&txn, store, STORE_READ, pool);

    if (status == APR_SUCCESS)
        status = store_scan(&cursor, txn, &all, pool);
    while (status == APR_SUCCESS && (status = store_next(cursor, NULL, &slice)) == APR_SUCCESS) {
        const char *this = apr_pstrmemdup(pool, slice.data, slice.len);

        if (value != NULL && strcmp(this, value) != 0)
            return NULL;
        value = this;
        count++;
    }
    store_abort(txn);
    return status == STORE_ABSENT && count == PAIRS ? value : NULL;
}

static apr_file_t *open_file(const char *path, apr_int32_t flags, apr_pool_t *pool)
{
    apr_file_t *file = NULL;

    is_status(apr_file_open(&file, path, flags, APR_FPROT_OS_DEFAULT, pool), APR_SUCCESS,
              "open a file");
    return file;
}

/** Copy STORE to the new file PATH. */
static apr_status_t copy_to(const char *path, store_t *store, store_going_fn *going, void *baton,
                            apr_pool_t *pool)
{
    apr_file_t *file =
        open_file(path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE, pool);
    apr_status_t status = store_copy(store, file, going, baton, pool);

    apr_file_close(file);
    return status;
}

static apr_status_t restore_from(const char *path, const store_spec_t *spec, int replace,
                                 store_going_fn *going, apr_pool_t *pool)
{
    apr_file_t *file = open_file(path, APR_FOPEN_READ, pool);
    apr_status_t status = store_restore(spec, file, replace, going, NULL, pool);

    apr_file_close(file);
    return status;
}

/** store_going_fn: note how much. */
static int note_bytes(void *baton, apr_uint64_t bytes)
{
    *(apr_uint64_t *)baton = bytes;
    return 1;
}

/** store_going_fn: no further. */
static int give_up(void *baton, apr_uint64_t bytes)
{
    (void)baton;
    (void)bytes;
    return 0;
}

static void test_exists(apr_pool_t *pool)
{
    const char *above = "", *directory;
    const store_spec_t *spec, *decorated;
    struct stat st;
    store_t *store;

    is_status(fixture_directory(&above, pool), APR_SUCCESS, "a directory");
    directory = apr_pstrcat(pool, above, "/store", NULL);
    spec = spec_of("lmdb", directory, pool);
    decorated = spec_of("trace:lmdb", directory, pool);
    is_str(store_files(spec)[0], "data.mdb", "the file with LMDB's data");
    is_str(store_files(spec)[1], "lock.mdb", "the one with the locks");
    ok(store_files(spec)[2] == NULL, "that is all");
    is_str(store_files(decorated)[0], "data.mdb", "the same under a decorator");
    ok(store_files(spec_of("memory", "", pool))[0] == NULL, "memory has none");
    is_status(store_exists(spec, pool), STORE_ABSENT, "a store is not there");
    ok(stat(directory, &st) != 0, "asking does not create it");
    is_status(store_exists(spec_of("memory", "", pool), pool), STORE_ABSENT, "nor one in memory");
    is_status(fixture_open(&store, "lmdb", directory, "", pool), APR_SUCCESS, "create it");
    store_close(store);
    is_status(store_exists(spec, pool), APR_SUCCESS, "it is there");
    is_status(store_exists(decorated, pool), APR_SUCCESS, "under a decorator too");
    is_status(
        store_exists(spec_of("lmdb", apr_pstrcat(pool, directory, "/data.mdb", NULL), pool), pool),
        ENOTDIR, "a file is no store");
    unlink(apr_pstrcat(pool, directory, "/data.mdb", NULL));
    unlink(apr_pstrcat(pool, directory, "/lock.mdb", NULL));
    rmdir(directory);
}

/** child_fn: read, and keep reading. */
static int stay_reading(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn;

    if (store_begin(&txn, store, STORE_READ, pool) != APR_SUCCESS)
        return 1;
    return child_stay();
}

static int reader_of(store_reader_t *reader, store_t *store, pid_t pid, apr_pool_t *pool)
{
    apr_array_header_t *readers = apr_array_make(pool, 4, sizeof(*reader));

    memset(reader, 0, sizeof(*reader));
    is_status(store_readers(readers, store), APR_SUCCESS, "list the readers");
    for (int i = 0; i < readers->nelts; i++) {
        *reader = APR_ARRAY_IDX(readers, i, store_reader_t);
        if (reader->pid == pid)
            return 1;
    }
    return 0;
}

static void test_readers(apr_pool_t *pool)
{
    const char *directory = "";
    store_reader_t reader;
    store_stat_t stat;
    child_t child;
    store_t *store;

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    child_start(&child, directory, "", stay_reading);
    ok(child_wait_ready(&child), "a process reads");
    is_status(fixture_open(&store, "lmdb", directory, "", pool), APR_SUCCESS, "open its store");
    ok(reader_of(&reader, store, child.pid, pool), "the reader is listed");
    ok(reader.has_snapshot && !reader.is_stale, "with a snapshot, and alive");
    is_int((long long)reader.age, 0, "which is the latest");
    for (int i = 0; i < 3; i++)
        is_status(store_write(store, put_pairs, apr_itoa(pool, i), pool), APR_SUCCESS, "write");
    ok(reader_of(&reader, store, child.pid, pool), "the reader is still listed");
    is_int((long long)reader.age, 3, "and three transactions behind");
    child_kill(&child);
    ok(reader_of(&reader, store, child.pid, pool), "when its process is killed");
    ok(reader.is_stale, "it is listed as stale");
    is_status(store_stat(store, &stat), APR_SUCCESS, "measure");
    is_int(stat.readers, 0, "its place is free");
    ok(stat.file_bytes >= stat.used_bytes && stat.used_bytes > 0, "the file has room for all");
    store_close(store);

    is_status(fixture_open(&store, "memory", "", "", pool), APR_SUCCESS, "a store in memory");
    ok(!reader_of(&reader, store, getpid(), pool), "lists none");
}

static void test_copy(store_t *store, apr_pool_t *pool)
{
    const char *directory = "", *path;
    apr_uint64_t bytes = 0;
    struct stat st;
    store_t *copy;
    store_txn_t *txn;
    store_spec_t *spec = spec_of("trace:lmdb", "/nowhere", pool);

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    path = apr_pstrcat(pool, directory, "/data.mdb", NULL);
    is_status(store_write(store, put_pairs, apr_pstrdup(pool, "first"), pool), APR_SUCCESS, "fill");
    is_status(copy_to(path, store, note_bytes, &bytes, pool), APR_SUCCESS, "copy");
    ok(stat(path, &st) == 0 && bytes == (apr_uint64_t)st.st_size && bytes > 8192,
       "all bytes are told of");
    is_status(store_write(store, put_pairs, apr_pstrdup(pool, "second"), pool), APR_SUCCESS,
              "the store goes on");

    is_status(store_open_copy(&copy, spec, path, NULL, pool), APR_SUCCESS, "open the copy");
    is_str(value_of_all(copy, pool), "first", "it is as the store was");
    is_status(store_begin(&txn, copy, STORE_WRITE, pool), STORE_READONLY, "it is not written to");
    store_close(copy);
    is_str(value_of_all(store, pool), "second", "the store is as it should be");
    is_status(copy_to(path, store, give_up, NULL, pool), APR_EINTR, "a copy can be given up");
    is_status(store_open_copy(&copy, spec, "/nowhere/copy", NULL, pool), ENOENT, "no copy");

    is_status(copy_to(path, store, NULL, NULL, pool), APR_SUCCESS, "the next copy");
    ok(stat(path, &st) == 0 && truncate(path, st.st_size - 4096) == 0, "less a page");
    is_status(store_open_copy(&copy, spec, path, NULL, pool), STORE_CORRUPT, "is refused");
    ok(truncate(path, 100) == 0, "less almost all");
    is_status(store_open_copy(&copy, spec, path, NULL, pool), STORE_CORRUPT, "is too");
    is_status(store_open_copy(&copy, spec, directory, NULL, pool), STORE_CORRUPT, "a directory");
}

/** child_fn: have the store open. */
static int stay_open(store_t *store, apr_pool_t *pool)
{
    (void)store;
    (void)pool;
    return child_stay();
}

static void test_restore(store_t *store, apr_pool_t *pool)
{
    const char *above = "", *into = "", *path;
    const store_spec_t *spec;
    child_t child;
    store_t *other;

    is_status(fixture_directory(&above, pool), APR_SUCCESS, "a directory");
    is_status(fixture_directory(&into, pool), APR_SUCCESS, "another");
    path = apr_pstrcat(pool, above, "/data.mdb", NULL);
    spec = spec_of("lmdb", into, pool);
    is_status(store_write(store, put_pairs, apr_pstrdup(pool, "first"), pool), APR_SUCCESS, "fill");
    is_status(copy_to(path, store, NULL, NULL, pool), APR_SUCCESS, "copy");

    is_status(restore_from(path, spec, 0, give_up, pool), APR_EINTR, "restoring can be given up");
    is_status(store_exists(spec, pool), STORE_ABSENT, "and leaves nothing");
    is_status(restore_from(path, spec, 0, NULL, pool), APR_SUCCESS, "restore");
    is_status(fixture_open(&other, "lmdb", into, "", pool), APR_SUCCESS, "open it");
    is_str(value_of_all(other, pool), "first", "it is as the store was");
    is_status(store_write(other, put_pairs, apr_pstrdup(pool, "third"), pool), APR_SUCCESS,
              "it can be written to");
    is_status(restore_from(path, spec, 1, NULL, pool), STORE_BUSY, "not while it is open here");
    store_close(other);

    is_status(restore_from(path, spec, 0, NULL, pool), APR_EEXIST, "not over a store, unasked");
    child_start(&child, into, "", stay_open);
    ok(child_wait_ready(&child), "another process has it open");
    is_status(restore_from(path, spec, 1, NULL, pool), STORE_BUSY, "not now, even if asked");
    child_kill(&child);
    is_status(restore_from(path, spec, 1, give_up, pool), APR_EINTR, "given up");
    is_status(fixture_open(&other, "lmdb", into, "", pool), APR_SUCCESS, "open it");
    is_str(value_of_all(other, pool), "third", "it is as it was");
    store_close(other);
    is_status(restore_from(path, spec, 1, NULL, pool), APR_SUCCESS, "over a store, asked to");
    is_status(fixture_open(&other, "lmdb", into, "", pool), APR_SUCCESS, "open it");
    is_str(value_of_all(other, pool), "first", "it is the copy again");
    is_status(store_write(other, put_pairs, apr_pstrdup(pool, "fourth"), pool), APR_SUCCESS,
              "and can be written to");
    store_close(other);
}

static child_t waiting;

/** child_fn: whether the store holds what was restored, and can be written to. */
static int find_restored(store_t *store, apr_pool_t *pool)
{
    const char *value = value_of_all(store, pool);

    if (value == NULL || strcmp(value, "first") != 0)
        return 1;
    return store_write(store, put_pairs, apr_pstrdup(pool, "fifth"), pool) == APR_SUCCESS ? 0 : 2;
}

/** store_going_fn: let another process open the store now, once. */
static int open_meanwhile(void *baton, apr_uint64_t bytes)
{
    (void)bytes;
    if (waiting.pid == 0) {
        child_start(&waiting, baton, "", find_restored);
        apr_sleep(apr_time_from_msec(200));
    }
    return 1;
}

static void test_opening_meanwhile(store_t *store, apr_pool_t *pool)
{
    const char *above = "", *into = "", *path;
    union {
        const char *from;
        void *to;
    } baton;
    apr_file_t *file;
    store_t *other;

    is_status(fixture_directory(&above, pool), APR_SUCCESS, "a directory");
    is_status(fixture_directory(&into, pool), APR_SUCCESS, "another");
    path = apr_pstrcat(pool, above, "/data.mdb", NULL);
    is_status(store_write(store, put_pairs, apr_pstrdup(pool, "first"), pool), APR_SUCCESS, "fill");
    is_status(copy_to(path, store, NULL, NULL, pool), APR_SUCCESS, "copy");
    is_status(fixture_open(&other, "lmdb", into, "", pool), APR_SUCCESS, "another store");
    for (int i = 0; i < 10; i++)
        is_status(store_write(other, put_pairs, apr_itoa(pool, i), pool), APR_SUCCESS,
                  "has transactions");
    store_close(other);

    file = open_file(path, APR_FOPEN_READ, pool);
    baton.from = into;
    is_status(store_restore(spec_of("lmdb", into, pool), file, 1, open_meanwhile, baton.to, pool),
              APR_SUCCESS, "restore, while a process opens the store");
    is_int(child_wait(&waiting), 0, "it waited for the restored one");
    is_status(fixture_open(&other, "lmdb", into, "", pool), APR_SUCCESS, "open it");
    is_str(value_of_all(other, pool), "fifth", "and what it wrote is there");
    store_close(other);
}

static void test_no_copies(store_t *store, apr_pool_t *pool)
{
    const char *directory = "", *path;
    store_t *copy;

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    path = apr_pstrcat(pool, directory, "/data.mdb", NULL);
    is_status(copy_to(path, store, NULL, NULL, pool), APR_ENOTIMPL, "no copy");
    is_status(store_open_copy(&copy, spec_of("memory", "", pool), path, NULL, pool), APR_ENOTIMPL,
              "nor can one be opened");
    is_status(restore_from(path, spec_of("memory", "", pool), 0, NULL, pool), APR_ENOTIMPL,
              "or put in its place");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_exists(pool);
    test_readers(pool);
    fixture_run_on("lmdb", "restore", test_restore);
    fixture_run_on("lmdb", "opening meanwhile", test_opening_meanwhile);
    fixture_run_on("lmdb", "copy", test_copy);
    fixture_run_on("trace:lmdb", "copy", test_copy);
    fixture_run_on("memory", "no copies", test_no_copies);
    fixture_run_on("trace:memory", "no copies", test_no_copies);
    apr_pool_destroy(pool);
    return done_testing();
}
