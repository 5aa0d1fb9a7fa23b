/*
 * A store that runs out of room: of bytes, of places for readers, of its map, of its device.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/store.h"
#include "t/unit/child.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define PLACES 4

static int few = 100, many = 4000;

static store_slice_t str(const char *s)
{
    return store_slice_str(s);
}

/** store_write_fn: put *BATON records of 1 KiB. */
static apr_status_t put_kilobytes(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    char kilobyte[1024];
    store_slice_t value = {kilobyte, sizeof(kilobyte)};
    apr_status_t status = APR_SUCCESS;

    memset(kilobyte, 'k', sizeof(kilobyte));
    for (int i = 0; i < *(int *)baton && status == APR_SUCCESS; i++)
        status = store_put(txn, str(apr_psprintf(scratch_pool, "fill%06d", i)), value);
    return status;
}

/** store_write_fn: remove them. */
static apr_status_t remove_all(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    (void)baton;
    (void)scratch_pool;
    return store_del_range(txn, str("fill"), str("fim"), NULL);
}

/** store_write_fn: put the one record that must stay. */
static apr_status_t put_kept(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    (void)baton;
    (void)scratch_pool;
    return store_put(txn, str("kept"), str("it is"));
}

static int is_kept(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    store_slice_t value;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return 0;
    status = store_get(txn, str("kept"), &value);
    store_abort(txn);
    return status == APR_SUCCESS;
}

/** A new directory, and a store in it. */
static const char *new_store(store_t **store_p, const char *params, apr_pool_t *pool)
{
    const char *directory = "";

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(store_p, "lmdb", directory, params, pool), APR_SUCCESS,
              "a store with %s", params);
    return directory;
}

/* ---- bytes ---- */

static void test_full(apr_pool_t *pool)
{
    store_stat_t stat;
    store_t *store;

    new_store(&store, "mapsize=1M", pool);
    is_status(store_write(store, put_kept, NULL, pool), APR_SUCCESS, "has room");
    is_status(store_write(store, put_kilobytes, &many, pool), STORE_FULL, "but not for 4 MiB");
    ok(is_kept(store, pool), "nothing is lost");
    is_status(store_write(store, put_kilobytes, &few, pool), APR_SUCCESS, "less still fits");
    is_status(store_stat(store, &stat), APR_SUCCESS, "store_stat");
    ok(stat.max_bytes == 1 << 20, "knows the limit");
    ok(stat.used_bytes > 100 << 10 && stat.used_bytes < 1 << 20, "and what is used");
    is_status(store_write(store, remove_all, NULL, pool), APR_SUCCESS, "deleting works");
    is_status(store_stat(store, &stat), APR_SUCCESS, "and makes room");
    ok(stat.entries == 1 && stat.used_bytes < 50 << 10, "that is seen");
    is_status(store_write(store, put_kilobytes, &few, pool), APR_SUCCESS, "and can be used");
}

static int hold_read(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;

    if (store_begin(&txn, store, STORE_READ, scratch_pool) != APR_SUCCESS)
        return 1;
    return child_stay();
}

/** Pages that a dead reader holds are got back before the store is called full. */
static void test_pinned(apr_pool_t *pool)
{
    const char *directory;
    store_t *store;
    child_t reader;
    apr_status_t status = APR_SUCCESS;

    directory = new_store(&store, "mapsize=1M", pool);
    is_status(store_write(store, put_kilobytes, &few, pool), APR_SUCCESS, "not nearly full");
    child_start(&reader, directory, "mapsize=1M", hold_read);
    ok(child_wait_ready(&reader), "a reader in another process");
    for (int i = 0; i < 10 && status == APR_SUCCESS; i++)
        status = store_write(store, put_kilobytes, &few, pool);
    is_status(status, STORE_FULL, "keeps old pages from being used again");
    is_int(child_kill(&reader), 128 + SIGKILL, "it is killed");
    is_status(store_write(store, put_kilobytes, &few, pool), APR_SUCCESS,
              "and what it kept is used again");
}

/* ---- readers ---- */

static void test_readers_full(apr_pool_t *pool)
{
    store_txn_t *txns[PLACES], *one_more;
    store_stat_t stat;
    store_t *store;

    new_store(&store, "maxreaders=4", pool);
    for (int i = 0; i < PLACES; i++)
        is_status(store_begin(&txns[i], store, STORE_READ, pool), APR_SUCCESS, "a reader");
    is_status(store_begin(&one_more, store, STORE_READ, pool), STORE_BUSY, "one too many");
    is_status(store_stat(store, &stat), APR_SUCCESS, "store_stat");
    ok(stat.readers == PLACES && stat.max_readers == PLACES, "tells that all places are taken");
    is_status(store_write(store, put_kept, NULL, pool), APR_SUCCESS, "a writer needs no place");
    store_abort(txns[0]);
    is_status(store_begin(&one_more, store, STORE_READ, pool), APR_SUCCESS,
              "there is room when one has ended");
    store_abort(one_more);
    for (int i = 1; i < PLACES; i++)
        store_abort(txns[i]);
}

static int only_open(store_t *store, apr_pool_t *scratch_pool)
{
    (void)store;
    (void)scratch_pool;
    return 0;
}

/** Have all places taken by readers in other processes. */
static void take_places(child_t *readers, const char *directory)
{
    for (int i = 0; i < PLACES; i++) {
        child_start(&readers[i], directory, "maxreaders=4", hold_read);
        ok(child_wait_ready(&readers[i]), "a reader in another process");
    }
}

static void test_readers_killed(apr_pool_t *pool)
{
    child_t readers[PLACES], child;
    const char *directory;
    store_txn_t *txn;
    store_t *store;

    directory = new_store(&store, "maxreaders=4", pool);
    take_places(readers, directory);
    is_status(store_begin(&txn, store, STORE_READ, pool), STORE_BUSY, "there is no place left");
    for (int i = 0; i < PLACES; i++)
        is_int(child_kill(&readers[i]), 128 + SIGKILL, "a reader is killed");
    is_status(store_begin(&txn, store, STORE_READ, pool), APR_SUCCESS, "its place is found free");
    store_abort(txn);

    /* The place kept idle here would be one more than there are. */
    store_close(store);
    is_status(fixture_open(&store, "lmdb", directory, "maxreaders=4", pool), APR_SUCCESS,
              "the store is opened again");
    take_places(readers, directory);
    for (int i = 0; i < PLACES; i++)
        is_int(child_kill(&readers[i]), 128 + SIGKILL, "a reader is killed");
    child_start(&child, directory, "maxreaders=4", only_open);
    is_int(child_wait(&child), 0, "the next process can open the store");
}

/* ---- the map ---- */

static int fill_many(store_t *store, apr_pool_t *scratch_pool)
{
    return store_write(store, put_kilobytes, &many, scratch_pool) != APR_SUCCESS;
}

/** Another process has the larger map, and uses it. */
static void test_outgrown(apr_pool_t *pool)
{
    const char *directory;
    store_txn_t *old, *txn;
    store_slice_t value;
    child_t child;
    store_t *store;

    directory = new_store(&store, "mapsize=1M", pool);
    is_status(store_write(store, put_kept, NULL, pool), APR_SUCCESS, "a small map");
    is_status(store_begin(&old, store, STORE_READ, pool), APR_SUCCESS, "a reader");
    child_start(&child, directory, "mapsize=16M", fill_many);
    is_int(child_wait(&child), 0, "another process, with a larger one, stores 4 MiB");
    is_status(store_get(old, str("kept"), &value), APR_SUCCESS, "the reader reads on");
    is_status(store_begin(&txn, store, STORE_READ, pool), STORE_BUSY,
              "the map cannot change under it");
    store_abort(old);
    is_status(store_begin(&txn, store, STORE_READ, pool), APR_SUCCESS, "but when it has ended");
    is_status(store_get(txn, str("fill003999"), &value), APR_SUCCESS, "all is there");
    store_abort(txn);
    ok(is_kept(store, pool), "what was there before too");
    is_status(store_write(store, remove_all, NULL, pool), APR_SUCCESS, "and can be written");
}

/* ---- the device ---- */

/** A small file system on DIRECTORY, for this process alone.  @return whether it may have one */
static int mount_device(const char *directory)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", directory, "tmpfs", 0, "size=1m") == 0;
}

static void test_device_full(apr_pool_t *pool)
{
    const char *directory = "";
    store_t *store;

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    if (!mount_device(directory)) {
        diag("skipped: a device of its own takes root");
        return;
    }
    is_status(fixture_open(&store, "lmdb", directory, "", pool), APR_SUCCESS,
              "a store on a device of 1 MiB");
    is_status(store_write(store, put_kept, NULL, pool), APR_SUCCESS, "has room");
    is_status(store_write(store, put_kilobytes, &many, pool), STORE_FULL, "but not for 4 MiB");
    ok(is_kept(store, pool), "nothing is lost");
    is_status(store_write(store, put_kilobytes, &few, pool), APR_SUCCESS, "less still fits");
    is_status(store_write(store, remove_all, NULL, pool), APR_SUCCESS, "deleting works");
    is_status(store_write(store, put_kilobytes, &few, pool), APR_SUCCESS, "and makes room");
    store_close(store);
    ok(umount(directory) == 0, "the device is not held when the store is closed");
}

int main(void)
{
    static void (*const tests[])(apr_pool_t *) = {
        test_full,           test_pinned,   test_readers_full,
        test_readers_killed, test_outgrown, test_device_full,
    };

    apr_initialize();
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        apr_pool_t *pool;

        apr_pool_create(&pool, NULL);
        tests[i](pool);
        apr_pool_destroy(pool);
    }
    return done_testing();
}
