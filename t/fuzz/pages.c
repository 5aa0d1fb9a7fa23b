/*
 * LMDB's data file.  An input is a list of changes to a sound one: each three bytes that say
 * where, and one that says which bits.  What the structure's check accepts, LMDB must be able to
 * read: it doubts nothing, so a page that should not have been accepted ends the process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "propstore/meta.h"
#include "t/fuzz/fuzz.h"

#define KEYS 400

/** The sound file, and one in memory for each input to change. */
static unsigned char *sound;
static size_t sound_size;
static int file;

/** store_write_fn: put every BATONth key; keys, values and their number are always the same. */
static apr_status_t put_some(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    static const char value[9000];
    const unsigned step = *(const unsigned *)baton;
    apr_status_t status = APR_SUCCESS;

    for (unsigned n = 0; n < KEYS && status == APR_SUCCESS; n += step) {
        store_slice_t key = store_slice_str(apr_psprintf(pool, "%u-key-of-%u", n * 7919 % KEYS, n));
        store_slice_t some = {value, n % 50 == 0 ? 8000 : n % 7 * 40 + step};

        status = store_put(txn, key, some);
    }
    return status;
}

/** Make a store in DIRECTORY, with values of all kinds and pages that are free. */
static void make_store(const char *directory, apr_pool_t *pool)
{
    const char *words[] = {apr_pstrcat(pool, "lmdb:", directory, NULL), "mapsize=16M"};
    unsigned steps[] = {1, 3, 2, 5};
    const char *error;
    store_spec_t *spec;
    store_t *store;

    fuzz_check(store_spec_parse(&spec, 2, words, &error, pool) == APR_SUCCESS &&
                   store_open(&store, spec, NULL, pool) == APR_SUCCESS,
               "a store opens");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        fuzz_check(store_write(store, put_some, &steps[i], pool) == APR_SUCCESS, "it is written");
    store_close(store);
}

/** Make the sound file, once. */
static void prepare(apr_pool_t *pool)
{
    char directory[] = "/tmp/depot-fuzz-XXXXXX";
    const char *path;
    struct stat st;
    FILE *from;

    fuzz_check(mkdtemp(directory) != NULL, "there is a directory");
    make_store(directory, pool);
    path = apr_pstrcat(pool, directory, "/data.mdb", NULL);
    from = fopen(path, "rb");
    fuzz_check(from != NULL && fstat(fileno(from), &st) == 0, "the store has a file");
    sound_size = (size_t)st.st_size;
    sound = malloc(sound_size);
    fuzz_check(sound != NULL && fread(sound, 1, sound_size, from) == sound_size, "it is read");
    fclose(from);
    unlink(path);
    unlink(apr_pstrcat(pool, directory, "/lock.mdb", NULL));
    rmdir(directory);
    file = memfd_create("data", MFD_CLOEXEC);
    fuzz_check(file >= 0, "there is a file in memory");
}

/** Write the sound file with the input's changes to the one in memory. */
static void change(const uint8_t *data, size_t size)
{
    fuzz_check(pwrite(file, sound, sound_size, 0) == (ssize_t)sound_size, "it is written");
    for (; size >= 4; data += 4, size -= 4) {
        size_t at = (((size_t)data[0] << 16) + ((size_t)data[1] << 8) + data[2]) % sound_size;
        unsigned char byte;

        fuzz_check(pread(file, &byte, 1, (off_t)at) == 1, "a byte is read");
        byte ^= data[3];
        fuzz_check(pwrite(file, &byte, 1, (off_t)at) == 1, "a byte is written");
    }
}

/** store_going_fn */
static int go_on(void *baton, apr_uint64_t bytes)
{
    (void)baton;
    (void)bytes;
    return 1;
}

/** Read all of COPY in order, and each record by its key. */
static void read_all(store_t *copy, apr_pool_t *pool)
{
    static const store_range_t all;
    store_slice_t key, value, found;
    store_cursor_t *cursor;
    store_stat_t stat;
    store_txn_t *txn;
    unsigned count = 0;

    fuzz_check(store_stat(copy, &stat) == APR_SUCCESS, "it is measured");
    fuzz_check(store_begin(&txn, copy, STORE_READ, pool) == APR_SUCCESS &&
                   store_scan(&cursor, txn, &all, pool) == APR_SUCCESS,
               "it is read");
    while (store_next(cursor, &key, &value) == APR_SUCCESS) {
        count++;
        (void)store_is_intact(cursor);
        fuzz_check(store_get(txn, key, &found) == APR_SUCCESS && found.data == value.data &&
                       found.len == value.len,
                   "a record that is scanned is found");
    }
    fuzz_check(count <= stat.entries, "there are no more than it says");
    store_abort(txn);
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    static const char *const words[] = {"lmdb:/nowhere"};
    const char *error;
    store_verified_t verified;
    store_spec_t *spec;
    store_t *copy;

    if (sound == NULL)
        prepare(pool);
    change(data, size);
    fuzz_check(store_spec_parse(&spec, 1, words, &error, pool) == APR_SUCCESS, "a specification");
    if (store_open_copy(&copy, spec, apr_psprintf(pool, "/proc/self/fd/%d", file), NULL, pool) !=
        APR_SUCCESS)
        return;
    if (store_verify(&verified, copy, go_on, NULL, pool) == APR_SUCCESS) {
        fuzz_accept();
        read_all(copy, pool);
    }
    store_close(copy);
}
