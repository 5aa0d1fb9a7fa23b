/*
 * Reading directories ahead: every member once, whatever the size, with and without a thread, and
 * an end in the middle.
 */
#include "provider/scanahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "t/unit/files.h"
#include "t/unit/tap.h"

/** Members of the largest directory. */
#define MEMBERS 3000
/** Members after which a thread is asked for. */
#define LARGE 256
/** Directories read at a time. */
#define READINGS 20

/** Make DIRECTORY's files from FIRST on up to COUNT in all. */
static void add_files(const char *directory, int first, int count, apr_pool_t *pool)
{
    for (int i = first; i < count; i++)
        files_write(files_path(directory, apr_psprintf(pool, "f%d", i), pool), "x", 0644);
}

static scanahead_t *open_ahead(const char *directory, int after, apr_pool_t *pool)
{
    dirscan_t *scan;

    if (dirscan_open_top(&scan, directory, NULL, DIRSCAN_LINKS_HIDE, pool) != APR_SUCCESS)
        exit(1);
    return scanahead_create(scan, 1, after, pool);
}

/**
 * Read COUNT files' directory to its end.
 * @param pause microseconds between reads, so that all that may be ahead is
 * @return how many of them were seen once and with their state; -1 if one came twice
 */
static int members(const char *directory, int count, int after, apr_interval_time_t pause,
                   apr_pool_t *parent_pool)
{
    apr_pool_t *pool;
    scanahead_t *ahead;
    dirscan_entry_t *entries;
    char *seen;
    int read, found = 0;

    apr_pool_create(&pool, parent_pool);
    seen = apr_pcalloc(pool, (apr_size_t)count);
    ahead = open_ahead(directory, after, pool);
    while (scanahead_read(&entries, &read, ahead) == APR_SUCCESS && read > 0) {
        if (pause > 0)
            apr_sleep(pause);
        for (int i = 0; i < read; i++) {
            int at = atoi(entries[i].name + 1);

            if (entries[i].name[0] != 'f' || at < 0 || at >= count || seen[at]++ != 0)
                return -1;
            found += entries[i].status == APR_SUCCESS && entries[i].st.size == 1;
        }
    }
    apr_pool_destroy(pool);
    return found;
}

/** Let DIRECTORY grow to MEMBERS. */
static void test_sizes(const char *directory, apr_pool_t *pool)
{
    static const int sizes[] = {0,     1,         SCANAHEAD_BATCH,         LARGE - 1,
                                LARGE, LARGE + 1, LARGE + SCANAHEAD_BATCH, MEMBERS};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        add_files(directory, i > 0 ? sizes[i - 1] : 0, sizes[i], pool);
        is_int(members(directory, sizes[i], 0, 0, pool), sizes[i], "%d members, no thread",
               sizes[i]);
        is_int(members(directory, sizes[i], LARGE, 0, pool), sizes[i], "%d members, a thread",
               sizes[i]);
        is_int(members(directory, sizes[i], LARGE, 1000, pool), sizes[i],
               "%d members, a thread that is faster", sizes[i]);
    }
}

/** Stop reading after each number of batches. */
static void test_stop(const char *directory, apr_pool_t *parent_pool)
{
    int batches, read, wrong = 0;

    for (batches = 1; batches < MEMBERS / SCANAHEAD_BATCH; batches += 3) {
        dirscan_entry_t *entries;
        scanahead_t *ahead;
        apr_pool_t *pool;

        apr_pool_create(&pool, parent_pool);
        ahead = open_ahead(directory, LARGE, pool);
        for (int i = 0; i < batches; i++)
            wrong += scanahead_read(&entries, &read, ahead) != APR_SUCCESS || read == 0;
        apr_pool_destroy(pool);
    }
    is_int(wrong, 0, "a reading may end anywhere");
    is_int(members(directory, MEMBERS, LARGE, 0, parent_pool), MEMBERS,
           "and the next has its thread");
}

/** More directories at a time than there are threads. */
static void test_many(const char *directory, apr_pool_t *pool)
{
    scanahead_t *aheads[READINGS];
    int found[READINGS] = {0}, read[READINGS], going = READINGS, whole = 0;
    dirscan_entry_t *entries;

    for (int i = 0; i < READINGS; i++) {
        aheads[i] = open_ahead(directory, LARGE, pool);
        read[i] = 1;
    }
    while (going > 0) {
        for (int i = 0; i < READINGS; i++) {
            if (read[i] == 0)
                continue;
            if (scanahead_read(&entries, &read[i], aheads[i]) != APR_SUCCESS)
                read[i] = 0;
            found[i] += read[i];
            going -= read[i] == 0;
        }
    }
    for (int i = 0; i < READINGS; i++)
        whole += found[i] == MEMBERS;
    is_int(whole, READINGS, "more readings than threads");
}

/** Batches that hold no member are not the end. */
static void test_hidden(apr_pool_t *pool)
{
    const char *directory = files_directory(pool);

    for (int i = 0; i < MEMBERS; i++) {
        if (symlink("nowhere", files_path(directory, apr_psprintf(pool, "l%d", i), pool)) != 0)
            exit(1);
    }
    add_files(directory, 0, 10, pool);
    is_int(members(directory, 10, 0, 0, pool), 10, "10 members among links, no thread");
    is_int(members(directory, 10, 1, 0, pool), 10, "10 members among links, a thread");
}

int main(void)
{
    const char *directory;
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    directory = files_directory(pool);
    is_int(scanahead_init(pool), APR_SUCCESS, "there may be threads");
    test_sizes(directory, pool);
    test_stop(directory, pool);
    test_many(directory, pool);
    test_hidden(pool);
    apr_pool_destroy(pool);
    return done_testing();
}
