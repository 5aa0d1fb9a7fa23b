/*
 * store_verify(): whatever a store has been through, it is sound; and what cannot be is found.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/store.h"
#include "t/unit/child.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

#define ROUNDS 2000
#define VERIFICATIONS 1000

static unsigned below(unsigned n)
{
    static apr_uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/** store_going_fn */
static int go_on(void *baton, apr_uint64_t bytes)
{
    *(apr_uint64_t *)baton = bytes;
    return 1;
}

/** store_going_fn */
static int give_up(void *baton, apr_uint64_t bytes)
{
    (void)baton;
    return bytes < 20000;
}

/** Keys of all lengths, and so branches of all kinds. */
static store_slice_t some_key(unsigned n, apr_pool_t *pool)
{
    apr_size_t length = 4 + n * 7919 % (n % 5 ? 40 : STORE_KEY_MAX - 4);
    char *key = apr_palloc(pool, length);
    store_slice_t slice = {key, length};

    memset(key, 'k', length);
    for (int i = 0; i < 4; i++)
        key[i] = (char)(n >> (24 - 8 * i));
    return slice;
}

static apr_status_t change_one(store_txn_t *txn, unsigned keys, apr_pool_t *pool)
{
    static const char zeros[40000];
    store_slice_t key = some_key(below(keys), pool), value = {zeros, below(below(4) ? 200 : 3000)};
    apr_status_t status;

    if (below(30) == 0)
        value.len = below(sizeof(zeros));
    status = below(3) ? store_put(txn, key, value) : store_del(txn, key);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** store_write_fn: a transaction of its kind, with one within it; *BATON bounds the keys. */
static apr_status_t change(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    unsigned keys = *(const unsigned *)baton;
    apr_status_t status = APR_SUCCESS;
    store_txn_t *nested;

    if (below(20) == 0) {
        unsigned from = below(keys);

        status = store_del_range(txn, some_key(from, pool), some_key(from + below(keys / 4), pool),
                                 NULL);
    }
    for (unsigned i = below(60); i > 0 && status == APR_SUCCESS; i--)
        status = change_one(txn, keys, pool);
    if (status != APR_SUCCESS || below(3) > 0)
        return status;
    status = store_nest(&nested, txn, pool);
    for (unsigned i = below(60); i > 0 && status == APR_SUCCESS; i--)
        status = change_one(nested, keys, pool);
    if (status == APR_SUCCESS && below(2))
        return store_commit(nested);
    store_abort(nested);
    return status;
}

/** Whether STORE is sound, and all of it was seen. */
static int is_sound(store_t *store, apr_pool_t *pool)
{
    store_verified_t verified;
    apr_uint64_t bytes = 0;
    apr_status_t status = store_verify(&verified, store, go_on, &bytes, pool);

    if (status == APR_SUCCESS && verified.records_are_whole &&
        verified.seen_bytes == verified.used_bytes && verified.lost_bytes == 0)
        return 1;
    is_status(status, APR_SUCCESS, "verify");
    diag("%d of %d bytes, %d lost", (int)verified.seen_bytes, (int)verified.used_bytes,
         (int)verified.lost_bytes);
    return 0;
}

static void test_sound(store_t *store, apr_pool_t *pool)
{
    unsigned keys[] = {20, 300, 3000, 40};
    apr_pool_t *iterpool;
    store_txn_t *txn;
    int sound = is_sound(store, pool), rounds = 1;

    apr_pool_create(&iterpool, pool);
    for (int i = 0; i < ROUNDS && sound; i++, rounds++) {
        apr_pool_clear(iterpool);
        if (below(10) == 0 && store_begin(&txn, store, STORE_WRITE, iterpool) == APR_SUCCESS) {
            (void)change(txn, &keys[i * 4 / ROUNDS], iterpool);
            store_abort(txn);
        }
        sound = store_write(store, change, &keys[i * 4 / ROUNDS], iterpool) == APR_SUCCESS &&
                is_sound(store, iterpool);
    }
    is_int(rounds, ROUNDS + 1, "sound after each of its transactions");
    is_status(store_begin(&txn, store, STORE_WRITE, pool), APR_SUCCESS, "begin");
    is_status(store_del_range(txn, store_slice_str(""), store_slice_str(""), NULL), APR_SUCCESS,
              "remove all");
    is_status(store_commit(txn), APR_SUCCESS, "commit");
    ok(is_sound(store, pool), "sound");
    for (int i = 0; i < 5; i++)
        is_status(store_write(store, change, &keys[1], pool), APR_SUCCESS, "fill it again");
    ok(is_sound(store, pool), "sound");
}

/** child_fn: write for as long as it lives. */
static int write_on(store_t *store, apr_pool_t *pool)
{
    unsigned keys = 500;
    apr_pool_t *iterpool;

    apr_pool_create(&iterpool, pool);
    child_say_ready();
    for (;;) {
        apr_pool_clear(iterpool);
        if (store_write(store, change, &keys, iterpool) != APR_SUCCESS)
            return 1;
    }
}

static void test_others(apr_pool_t *pool)
{
    const char *directory = "";
    apr_pool_t *iterpool;
    store_t *store;
    child_t child;
    int sound = 0;

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    child_start(&child, directory, "", write_on);
    ok(child_wait_ready(&child), "another process writes");
    is_status(fixture_open(&store, "lmdb", directory, "", pool), APR_SUCCESS, "its store");
    apr_pool_create(&iterpool, pool);
    for (int i = 0; i < VERIFICATIONS; i++) {
        apr_pool_clear(iterpool);
        sound += is_sound(store, iterpool);
    }
    is_int(sound, VERIFICATIONS, "is sound each time");
    is_int(child_kill(&child), 128 + 9, "it wrote until now");
    store_close(store);
}

static void test_copy(store_t *store, apr_pool_t *pool)
{
    const char *directory = "", *path, *word = "lmdb:/nowhere", *error;
    unsigned keys = 1000;
    apr_uint64_t bytes = 0;
    store_verified_t verified;
    store_spec_t *spec;
    apr_file_t *file;
    store_t *copy;

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(store_spec_parse(&spec, 1, &word, &error, pool), APR_SUCCESS, "a specification");
    for (int i = 0; i < 30; i++)
        is_status(store_write(store, change, &keys, pool), APR_SUCCESS, "fill it");
    is_status(store_verify(&verified, store, give_up, NULL, pool), APR_EINTR,
              "verifying can be given up");
    ok(verified.seen_bytes >= 20000 && verified.seen_bytes < verified.used_bytes,
       "what was seen is told");
    path = apr_pstrcat(pool, directory, "/data.mdb", NULL);
    is_status(
        apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE, APR_FPROT_OS_DEFAULT, pool),
        APR_SUCCESS, "a file");
    is_status(store_copy(store, file, go_on, &bytes, pool), APR_SUCCESS, "copy the store");
    apr_file_close(file);
    is_status(store_open_copy(&copy, spec, path, NULL, pool), APR_SUCCESS, "open the copy");
    ok(is_sound(copy, pool), "it is sound");
    store_close(copy);
    /* As a store of its own. */
    is_status(fixture_open(&copy, "lmdb", directory, "", pool), APR_SUCCESS, "open it as a store");
    for (int i = 0; i < 4; i++) {
        ok(is_sound(copy, pool), "it is sound");
        is_status(store_write(copy, change, &keys, pool), APR_SUCCESS, "and written to");
    }
    store_close(copy);
}

static void test_nothing(store_t *store, apr_pool_t *pool)
{
    store_verified_t verified;

    is_status(store_verify(&verified, store, give_up, NULL, pool), APR_SUCCESS,
              "nothing on disk is sound");
    ok(verified.used_bytes == 0 && verified.records_are_whole, "and takes no room");
    store_close(store);
    is_status(store_verify(&verified, store, give_up, NULL, pool), STORE_MISUSE,
              "a closed store is not verified");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    fixture_run_on("lmdb", "a life", test_sound);
    fixture_run_on("trace:lmdb", "a copy", test_copy);
    fixture_run_on("memory", "nothing", test_nothing);
    test_others(pool);
    apr_pool_destroy(pool);
    return done_testing();
}
