/*
 * Opening a store: what it makes, what it refuses, what it logs; and the decorator "trace",
 * which is all parameters.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
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

/** What a store has logged. */
typedef struct lines_t {
    const char *text; /* all lines, each with an end */
    apr_pool_t *pool;
} lines_t;

static void keep_line(void *baton, store_log_level_e level, apr_status_t status,
                      const char *message)
{
    static const char levels[] = "EWID";
    lines_t *lines = baton;

    lines->text = apr_psprintf(lines->pool, "%s%c%s %s\n", lines->text, levels[level],
                               status == APR_SUCCESS ? "" : "!", message);
}

/** Open "BACKEND:LOCATION" with one parameter, or "". */
static apr_status_t open_with(store_t **store_p, lines_t *lines, const char *backend,
                              const char *location, const char *param, apr_pool_t *pool)
{
    const char *words[2] = {apr_pstrcat(pool, backend, ":", location, NULL), param};
    store_log_t log = {keep_line, lines};
    const char *error;
    store_spec_t *spec;
    apr_status_t status = store_spec_parse(&spec, *param ? 2 : 1, words, &error, pool);

    *store_p = NULL;
    lines->text = "";
    lines->pool = pool;
    return status == APR_SUCCESS ? store_open(store_p, spec, &log, pool) : status;
}

static void refuses(const char *backend, const char *location, const char *param,
                    apr_status_t wanted, const char *part_of_log, apr_pool_t *pool)
{
    lines_t lines;
    store_t *store;

    is_status(open_with(&store, &lines, backend, location, param, pool), wanted, "%s %s", backend,
              *param ? param : part_of_log);
    if (!ok(strstr(lines.text, part_of_log) != NULL && lines.text[0] == 'E', "  says why"))
        diag("%s", lines.text);
}

static int mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void write_file(const char *path, const char *what, apr_size_t times)
{
    FILE *file = fopen(path, "wb");

    for (apr_size_t i = 0; file != NULL && i < times; i++)
        (void)fputs(what, file);
    ok(file != NULL && fclose(file) == 0, "a file in its place");
}

static void test_lmdb(apr_pool_t *pool)
{
    const char *above = "", *directory, *file;
    lines_t lines;
    store_t *store, *other;
    mode_t mask = umask(0);

    is_status(fixture_directory(&above, pool), APR_SUCCESS, "a directory");
    refuses("lmdb", apr_pstrcat(pool, above, "/no/store", NULL), "", ENOENT, "/no/store", pool);
    file = apr_pstrcat(pool, above, "/data.mdb", NULL);

    directory = apr_pstrcat(pool, above, "/store", NULL);
    is_status(open_with(&store, &lines, "lmdb", directory, "", pool), APR_SUCCESS, "a new store");
    is_int(mode_of(directory), 0700, "its directory is its owner's alone");
    is_int(mode_of(apr_pstrcat(pool, directory, "/data.mdb", NULL)), 0600, "the data too");
    is_int(mode_of(apr_pstrcat(pool, directory, "/lock.mdb", NULL)), 0600, "and the locks");
    umask(mask);
    is_str(lines.text, "", "there is nothing to log");
    is_str(store_backend_name(store), "lmdb", "its name");
    ok(store_is_shared(store), "it can be shared");
    is_status(open_with(&other, &lines, "lmdb", directory, "mapsize=1G", pool), APR_SUCCESS,
              "the same store with other settings");
    ok(lines.text[0] == 'W', "is warned of");
    refuses("lmdb", directory, "mapsize=1", STORE_LIMIT, "mapsize=1:", pool);
    store_close(other);
    store_close(store);
    store_close(store);
    ok(1, "closing twice is closing once");
    is_status(store_stat(store, &(store_stat_t){0}), STORE_MISUSE, "nothing works afterwards");

    refuses("lmdb", above, "mapsize=12Q", STORE_LIMIT, "mapsize=12Q", pool);
    refuses("lmdb", above, "mapsize=-1", STORE_LIMIT, "mapsize=-1", pool);
    refuses("lmdb", above, "mapsize=99999999999T", STORE_LIMIT, "mapsize=", pool);
    refuses("lmdb", above, "maxreaders=0", STORE_LIMIT, "maxreaders=0", pool);
    refuses("lmdb", above, "maxreaders=1000000", STORE_LIMIT, "maxreaders=", pool);
    write_file(file, "This is no store. ", 1000);
    refuses("lmdb", above, "", STORE_CORRUPT, above, pool);
    refuses("lmdb", file, "", ENOTDIR, "/data.mdb", pool);
    ok(unlink(file) == 0 && symlink("store/lock.mdb", file) == 0, "a link in its place");
    refuses("lmdb", above, "", ELOOP, above, pool);

    unlink(apr_pstrcat(pool, directory, "/data.mdb", NULL));
    unlink(apr_pstrcat(pool, directory, "/lock.mdb", NULL));
    rmdir(directory);
}

/* ---- trace ---- */

static const store_range_t all;

/** One of each call, in an order of their own; ends at the first that fails. */
static apr_status_t call_all(store_t *store, apr_pool_t *pool)
{
    const store_slice_t key = store_slice_str("a");
    store_txn_t *txn, *nested;
    store_cursor_t *cursor;
    store_slice_t value;
    apr_status_t status = store_begin(&txn, store, STORE_WRITE, pool);

    if (status != APR_SUCCESS)
        return status;
    if ((status = store_put(txn, key, key)) == APR_SUCCESS &&
        (status = store_get(txn, key, &value)) == APR_SUCCESS &&
        (status = store_get_many(txn, &key, &value, 1)) == APR_SUCCESS &&
        (status = store_scan(&cursor, txn, &all, pool)) == APR_SUCCESS &&
        (status = store_next(cursor, NULL, NULL)) == APR_SUCCESS &&
        (status = store_del(txn, key)) == APR_SUCCESS &&
        (status = store_del_range(txn, all.from, all.to, NULL)) == APR_SUCCESS &&
        (status = store_nest(&nested, txn, pool)) == APR_SUCCESS &&
        (status = store_commit(nested)) == APR_SUCCESS)
        return store_commit(txn);
    store_abort(txn);
    return status;
}

static void test_faults(apr_pool_t *pool)
{
    static const struct {
        const char *fault;
        apr_status_t first, second;
    } faults[] = {
        {"fail=begin:1", EIO, 0},
        {"fail=get:2:eio", 0, EIO},
        {"fail=get_many:1:enospc", ENOSPC, 0},
        {"fail=put:2:full", 0, STORE_FULL},
        {"fail=del:1:conflict", STORE_CONFLICT, 0},
        {"fail=del_range:every/1:full", STORE_FULL, STORE_FULL},
        {"fail=scan:every/2:corrupt", 0, STORE_CORRUPT},
        {"fail=next:1:busy", STORE_BUSY, 0},
        {"fail=commit:2:corrupt", 0, STORE_CORRUPT},
        {"fail=commit:3", 0, 0},
        {"fail=nest:1:full", STORE_FULL, 0},
        {"fail=join:2", 0, EIO},
    };

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        lines_t lines;
        store_t *store;

        is_status(open_with(&store, &lines, "trace", "memory:", faults[i].fault, pool), 0, "%s",
                  faults[i].fault);
        is_status(call_all(store, pool), faults[i].first, "  at the first time");
        is_status(call_all(store, pool), faults[i].second, "  at the second");
    }
}

/** How a process ends that makes each call twice: child_wait()'s number. */
static int end_with(const char *params, apr_pool_t *pool)
{
    child_t child = {.pid = fork(), .ready = -1};

    if (child.pid == 0) {
        store_t *store;

        if (fixture_open(&store, "trace:memory", "", params, pool) != APR_SUCCESS)
            _exit(100);
        (void)call_all(store, pool);
        (void)call_all(store, pool);
        _exit(0);
    }
    return child_wait(&child);
}

static void test_deaths(apr_pool_t *pool)
{
    static const char *const ops[] = {"begin", "get",  "get_many", "put",  "del", "del_range",
                                      "scan",  "next", "commit",   "nest", "join"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        is_int(end_with(apr_pstrcat(pool, "die=", ops[i], ":2", NULL), pool), 128 + SIGKILL,
               "death before the second %s", ops[i]);
        is_int(end_with(apr_pstrcat(pool, "die-after=", ops[i], ":2", NULL), pool), 128 + SIGKILL,
               "death after the second %s", ops[i]);
    }
    is_int(end_with("die=put:3 die-after=put:3", pool), 0, "a third does not come");
    is_int(end_with("die=commit:1 fail=put:1", pool), 128 + SIGKILL, "besides a failure");
    is_int(end_with("die-after=commit:1 fail=put:every/1", pool), 0, "what failed has not ended");
}

static void test_undecorated(apr_pool_t *pool)
{
    lines_t lines;
    store_t *store, *inner;

    is_status(open_with(&store, &lines, "trace", "memory:", "fail=begin:every/1", pool),
              APR_SUCCESS, "a store that fails");
    inner = store_undecorated(store);
    is_str(store_backend_name(inner), "memory", "what it decorates");
    is_status(call_all(inner, pool), APR_SUCCESS, "  does not");
    is_status(call_all(store, pool), EIO, "  it does");
    ok(store_undecorated(inner) == inner, "  that decorates nothing");
    store_close(store);
}

static void test_trace(apr_pool_t *pool)
{
    static const char *const wrong[] = {"fail=commit",         "fail=nothing:1", "fail=put:0",
                                        "fail=put:1:broken",   "fail=put:1x",    "fail=put:every/",
                                        "fail=put:-1",         "delay=long",     "delay=-1",
                                        "log=maybe",           "die=commit",     "die=put:1:eio",
                                        "die-after=nothing:1", "die-after=put:0"};
    apr_time_t before;
    lines_t lines;
    store_t *store;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuses("trace", "memory:", wrong[i], STORE_LIMIT, "must be", pool);
    refuses("trace", "lmdb:/dev/null/store", "", ENOTDIR, "/dev/null/store", pool);

    is_status(open_with(&store, &lines, "trace", "memory:", "log=on", pool), APR_SUCCESS, "a log");
    is_str(store_backend_name(store), "trace", "its name");
    ok(!store_is_shared(store), "what it decorates cannot be shared");
    is_status(call_all(store, pool), APR_SUCCESS, "each call once");
    is_status(call_all(store, pool), APR_SUCCESS, "and again");
    is_str(lines.text,
           "I begin 1\nI put 1\nI get 1\nI get_many 1\nI scan 1\nI next 1\nI del 1\n"
           "I del_range 1\nI nest 1\nI join 1\nI commit 1\nI begin 2\nI put 2\nI get 2\nI get_many "
           "2\nI scan 2\n"
           "I next 2\nI del 2\nI del_range 2\nI nest 2\nI join 2\nI commit 2\n",
           "are logged in order");
    lines.text = "";
    store_close(store);
    is_str(lines.text,
           "I begin: 2 calls\nI get: 2 calls\nI get_many: 2 calls\nI put: 2 calls\n"
           "I del: 2 calls\nI del_range: 2 calls\nI scan: 2 calls\nI next: 2 calls\n"
           "I commit: 2 calls\nI nest: 2 calls\nI join: 2 calls\n",
           "and counted");

    is_status(open_with(&store, &lines, "trace", "memory:", "delay=1000", pool), APR_SUCCESS,
              "a delay");
    before = apr_time_now();
    is_status(call_all(store, pool), APR_SUCCESS, "each call once");
    ok(apr_time_now() - before >= apr_time_from_msec(9), "takes its time");
    is_str(lines.text, "", "without a word");
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_lmdb(pool);
    test_faults(pool);
    test_deaths(pool);
    test_trace(pool);
    test_undecorated(pool);
    apr_pool_destroy(pool);
    return done_testing();
}
