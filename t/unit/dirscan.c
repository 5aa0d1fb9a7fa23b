/*
 * Reading directories: what is shown under each policy for symbolic links, and nests deeper
 * than descriptors and paths allow.
 */
#include "provider/dirscan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <http_core.h>

#include "t/unit/files.h"
#include "t/unit/tap.h"

static int has_root;

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/**
 * What a scan of PATH shows, sorted, each as name and kind, with "*" where a link was followed.
 * @param max members read at a time
 */
static const char *shown(const char *path, dirscan_links_e links, int want_stat, int max,
                         apr_pool_t *pool)
{
    static const char *const kinds[] = {
        [DIRSCAN_FILE] = "f",
        [DIRSCAN_COLLECTION] = "d",
        [DIRSCAN_LINK] = "l",
        [DIRSCAN_OTHER] = "o",
    };
    apr_array_header_t *lines = apr_array_make(pool, 16, sizeof(const char *));
    dirscan_entry_t entries[64];
    apr_status_t status;
    dirscan_t *scan;
    int count;

    status = dirscan_open_top(&scan, path, NULL, links, pool);
    if (status != APR_SUCCESS)
        return "not opened";
    do {
        status = dirscan_read(scan, entries, max, &count, want_stat, pool);
        for (int i = 0; i < count; i++)
            *(const char **)apr_array_push(lines) = apr_pstrcat(
                pool, entries[i].name, ":", kinds[entries[i].kind], entries[i].is_link ? "*" : "",
                entries[i].status != APR_SUCCESS ? "?" : "", NULL);
    } while (status == APR_SUCCESS && count > 0);
    dirscan_close(scan);
    qsort(lines->elts, (size_t)lines->nelts, sizeof(const char *), compare_lines);
    return status == APR_SUCCESS ? apr_array_pstrcat(pool, lines, ' ') : "not read";
}

static void test_names(void)
{
    static const struct {
        const char *path;
        int is_private;
    } paths[] = {
        {"", 0},
        {"/", 0},
        {"/a/b", 0},
        {"/.DAV", 1},
        {"/a/.DAV/b", 1},
        {".DAV", 1},
        {"/.DAVE", 0},
        {"/.dav", 0},
        {"/.DA", 0},
        {"/a.DAV", 0},
        {"/.dav-depot", 0},
        {"/.dav-depot.", 1},
        {"/.dav-depot.0123456789abcdef/x", 1},
        {"//.DAV//", 1},
        {"/x.dav-depot.1", 0},
    };

    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        is_int(dirscan_path_is_private(paths[i].path), paths[i].is_private, "\"%s\"",
               paths[i].path);
    ok(dirscan_name_is_private(".DAV") && dirscan_name_is_private(".dav-depot.x"), "private names");
    ok(!dirscan_name_is_private("") && !dirscan_name_is_private(".") &&
           !dirscan_name_is_private("DAV"),
       "others");

    is_int(dirscan_links_for(OPT_NONE), DIRSCAN_LINKS_HIDE, "no Options");
    is_int(dirscan_links_for(OPT_SYM_OWNER), DIRSCAN_LINKS_OWNER, "SymLinksIfOwnerMatch");
    is_int(dirscan_links_for(OPT_SYM_LINKS), DIRSCAN_LINKS_FOLLOW, "FollowSymLinks");
    is_int(dirscan_links_for(OPT_SYM_LINKS | OPT_SYM_OWNER), DIRSCAN_LINKS_OWNER,
           "both, of which httpd takes the narrower");
}

static void test_policies(apr_pool_t *pool)
{
    static const struct {
        dirscan_links_e links;
        const char *shown;
    } policies[] = {
        {DIRSCAN_LINKS_HIDE, ".h:f d:d f:f"},
        {DIRSCAN_LINKS_OWNER, ".h:f d:d f:f ld:d* lf:f* ll:f*"},
        {DIRSCAN_LINKS_FOLLOW, ".h:f d:d f:f ld:d* lf:f* ll:f*"},
        {DIRSCAN_LINKS_RAW,
         ".DAV:d .dav-depot.0:f .h:f d:d f:f ld:l lf:l ll:l lo:l loop:l lp:l p:o"},
    };
    const char *top = files_directory(pool);

    files_write(files_path(top, "f", pool), "12345", 0644);
    files_write(files_path(top, ".h", pool), "", 0);
    files_write(files_path(top, ".dav-depot.0", pool), "", 0644);
    files_mkdir(files_path(top, "d", pool), 0);
    files_mkdir(files_path(top, ".DAV", pool), 0755);
    ok(mkfifo(files_path(top, "p", pool), 0600) == 0 &&
           symlink("f", files_path(top, "lf", pool)) == 0 &&
           symlink("d", files_path(top, "ld", pool)) == 0 &&
           symlink("lf", files_path(top, "ll", pool)) == 0 &&
           symlink("p", files_path(top, "lp", pool)) == 0 &&
           symlink("absent", files_path(top, "lo", pool)) == 0 &&
           symlink("loop", files_path(top, "loop", pool)) == 0,
       "a directory of everything");
    for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        for (int max = 1; max <= 64; max += 63) {
            is_str(shown(top, policies[i].links, 0, max, pool), policies[i].shown,
                   "policy %u, %d at a time", i, max);
            is_str(shown(top, policies[i].links, 1, max, pool), policies[i].shown, "with states");
        }
    }
}

static void test_owner(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *foreign = files_path(top, "foreign", pool);

    if (!has_root) {
        diag("not root: links to others' files are not tried");
        return;
    }
    files_write(foreign, "", 0644);
    ok(symlink("foreign", files_path(top, "link", pool)) == 0, "a link");
    is_str(shown(top, DIRSCAN_LINKS_OWNER, 0, 64, pool), "foreign:f link:f*", "of one's own");
    files_privileged();
    ok(chown(foreign, 1, 1) == 0, "its target is given away");
    files_unprivileged();
    is_str(shown(top, DIRSCAN_LINKS_OWNER, 0, 64, pool), "foreign:f", "to others' is not shown");
    is_str(shown(top, DIRSCAN_LINKS_FOLLOW, 1, 64, pool), "foreign:f link:f*", "unless followed");
}

static void test_states(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *dir = files_path(top, "dir", pool);
    dirscan_entry_t entry;
    dirscan_t *scan;
    struct stat st = {0};
    int count;

    files_write(files_path(top, "f", pool), "12345", 0640);
    is_status(dirscan_open_top(&scan, top, NULL, DIRSCAN_LINKS_HIDE, pool), APR_SUCCESS, "opened");
    is_status(dirscan_read(scan, &entry, 1, &count, 1, pool), APR_SUCCESS, "a member");
    ok(count == 1 && stat(files_path(top, "f", pool), &st) == 0, "is there");
    ok(entry.st.size == 5 && entry.st.mode == st.st_mode && entry.st.inode == st.st_ino &&
           entry.st.device == st.st_dev && entry.st.uid == st.st_uid,
       "with its state");
    is_status(dirscan_read(scan, &entry, 1, &count, 1, pool), APR_SUCCESS, "the end");
    is_int(count, 0, "has none");
    is_status(dirscan_read(scan, &entry, 1, &count, 1, pool), APR_SUCCESS, "and again");
    is_int(count, 0, "has none");
    dirscan_close(scan);
    dirscan_close(scan);
    is_int(dirscan_fd(scan), -1, "an ended scan has no descriptor");
    is_status(dirscan_read(scan, &entry, 1, &count, 1, pool), EBADF, "nor members");

    /* Names can be read but not looked at. */
    files_mkdir(dir, 0700);
    files_write(files_path(dir, "f", pool), "", 0644);
    files_mkdir(files_path(dir, "d", pool), 0755);
    ok(chmod(dir, 0400) == 0, "a directory without the right to search");
    is_str(shown(dir, DIRSCAN_LINKS_HIDE, 0, 64, pool), "d:d f:f", "has members");
    is_str(shown(dir, DIRSCAN_LINKS_HIDE, 1, 64, pool), "d:d? f:f?", "whose state is not known");
    ok(chmod(dir, 0700) == 0, "it is open again");
}

static void test_errors(apr_pool_t *pool)
{
    const char *top = files_directory(pool);
    dirscan_t *scan, *inner;
    filestat_t st;

    files_write(files_path(top, "f", pool), "", 0644);
    files_mkdir(files_path(top, "closed", pool), 0);
    files_mkdir(files_path(top, "d", pool), 0755);
    ok(symlink("d", files_path(top, "link", pool)) == 0, "a link");
    is_status(
        dirscan_open_top(&scan, files_path(top, "absent", pool), NULL, DIRSCAN_LINKS_HIDE, pool),
        ENOENT, "nothing there");
    is_status(dirscan_open_top(&scan, files_path(top, "f", pool), NULL, DIRSCAN_LINKS_HIDE, pool),
              ENOTDIR, "a file");
    is_status(
        dirscan_open_top(&scan, files_path(top, "closed", pool), NULL, DIRSCAN_LINKS_HIDE, pool),
        EACCES, "a closed one");
    is_status(
        dirscan_open_top(&scan, files_path(top, "link", pool), NULL, DIRSCAN_LINKS_HIDE, pool),
        ELOOP, "the path itself is no link");
    is_status(filestat_read(&st, AT_FDCWD, files_path(top, "d", pool), FILESTAT_LINK), APR_SUCCESS,
              "unless it leads");
    is_status(dirscan_open_top(&scan, files_path(top, "link", pool), &st, DIRSCAN_LINKS_HIDE, pool),
              APR_SUCCESS, "where it did");
    st.inode++;
    is_status(dirscan_open_top(&scan, files_path(top, "link", pool), &st, DIRSCAN_LINKS_HIDE, pool),
              ELOOP, "but nowhere else");
    is_status(dirscan_open_top(&scan, top, NULL, DIRSCAN_LINKS_FOLLOW, pool), APR_SUCCESS,
              "a parent");
    is_status(dirscan_open(&inner, scan, "d", DIRSCAN_LINKS_FOLLOW, pool), APR_SUCCESS, "a child");
    is_status(dirscan_open(&inner, scan, "link", DIRSCAN_LINKS_FOLLOW, pool), ENOTDIR,
              "a child never is a link");
    is_status(dirscan_open(&inner, scan, "closed", DIRSCAN_LINKS_FOLLOW, pool), EACCES,
              "nor what is closed");
    ok(dirscan_fd(scan) >= 0, "the parent goes on");
}

/** Count what is in SCAN and below, one member at a time, so that each scan is left and resumed. */
static int count_tree(dirscan_t *scan, apr_status_t *status_p, apr_pool_t *pool)
{
    apr_pool_t *member_pool;
    dirscan_entry_t entry;
    dirscan_t *inner;
    int total = 0, count;

    apr_pool_create(&member_pool, pool);
    for (;;) {
        apr_pool_clear(member_pool);
        *status_p = dirscan_read(scan, &entry, 1, &count, 0, member_pool);
        if (*status_p != APR_SUCCESS || count == 0)
            break;
        total++;
        if (entry.kind != DIRSCAN_COLLECTION)
            continue;
        *status_p = dirscan_open(&inner, scan, entry.name, DIRSCAN_LINKS_HIDE, member_pool);
        if (*status_p != APR_SUCCESS)
            break;
        total += count_tree(inner, status_p, member_pool);
        if (*status_p != APR_SUCCESS)
            break;
    }
    apr_pool_destroy(member_pool);
    return total;
}

static void test_deep(const char *name, int levels, apr_pool_t *pool)
{
    const char *top = files_directory(pool);
    apr_status_t status;
    dirscan_t *scan;

    files_deep(top, name, levels);
    is_status(dirscan_open_top(&scan, top, NULL, DIRSCAN_LINKS_HIDE, pool), APR_SUCCESS,
              "%d levels of names of %d bytes", levels, (int)strlen(name));
    is_int(count_tree(scan, &status, pool), 2 * levels, "all are found");
    is_status(status, APR_SUCCESS, "without an error");
    dirscan_close(scan);
}

/** Open scans down to LEVELS below TOP, all called "d". */
static dirscan_t *open_down(const char *top, int levels, apr_pool_t *pool)
{
    dirscan_t *scan = NULL, *inner;

    if (dirscan_open_top(&scan, top, NULL, DIRSCAN_LINKS_HIDE, pool) != APR_SUCCESS)
        return NULL;
    for (int i = 0; i < levels; i++) {
        if (dirscan_open(&inner, scan, "d", DIRSCAN_LINKS_HIDE, pool) != APR_SUCCESS)
            return NULL;
        scan = inner;
    }
    return scan;
}

/** What becomes of a scan without a descriptor when directories are moved meanwhile. */
static void test_moved(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *base = files_path(top, "base", pool), *path = base;
    dirscan_entry_t entry;
    dirscan_t *parent, *child;
    apr_pool_t *child_pool;
    int count;

    files_mkdir(base, 0755);
    files_deep(base, "d", DIRSCAN_OPEN_MAX + 1);
    for (int i = 0; i < DIRSCAN_OPEN_MAX; i++)
        path = files_path(path, "d", pool);
    apr_pool_create(&child_pool, pool);
    parent = open_down(base, DIRSCAN_OPEN_MAX, pool);

    is_status(dirscan_open(&child, parent, "d", DIRSCAN_LINKS_HIDE, child_pool), APR_SUCCESS,
              "a child far down");
    ok(rename(base, files_path(top, "elsewhere", pool)) == 0, "all of it is moved");
    apr_pool_clear(child_pool);
    is_status(dirscan_read(parent, &entry, 1, &count, 0, pool), APR_SUCCESS, "the parent goes on");
    ok(rename(files_path(top, "elsewhere", pool), base) == 0, "moved back");

    is_status(dirscan_open(&child, parent, "d", DIRSCAN_LINKS_HIDE, child_pool), APR_SUCCESS,
              "a child again");
    ok(rename(files_path(path, "d", pool), files_path(top, "child", pool)) == 0, "it is moved");
    apr_pool_clear(child_pool);
    is_status(dirscan_read(parent, &entry, 1, &count, 0, pool), APR_SUCCESS, "the parent goes on");
    ok(rename(files_path(top, "child", pool), files_path(path, "d", pool)) == 0, "moved back");

    is_status(dirscan_open(&child, parent, "d", DIRSCAN_LINKS_HIDE, child_pool), APR_SUCCESS,
              "a child again");
    ok(rename(files_path(path, "d", pool), files_path(top, "child", pool)) == 0 &&
           rename(path, files_path(top, "parent", pool)) == 0 && mkdir(path, 0755) == 0,
       "both are moved, and another is in the parent's place");
    apr_pool_clear(child_pool);
    is_status(dirscan_read(parent, &entry, 1, &count, 0, pool), ESTALE, "which is noticed");
    is_int(dirscan_fd(parent), -1, "there too");
}

typedef void test_fn(apr_pool_t *pool);

static test_fn *const tests[] = {
    test_policies, test_owner, test_states, test_errors, test_moved,
};

int main(void)
{
    apr_pool_t *pool;
    char name[250];

    apr_initialize();
    apr_pool_create(&pool, NULL);
    has_root = files_unprivileged();
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';

    test_names();
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        apr_pool_clear(pool);
        tests[i](pool);
    }
    apr_pool_clear(pool);
    files_limit_descriptors(100);
    test_deep("d", 2000, pool);
    test_deep(name, 200, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
