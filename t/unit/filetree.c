/*
 * Removing and copying trees: what is there afterwards, and what is said of members that
 * could not be done.
 */
#include "provider/filetree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "t/unit/files.h"
#include "t/unit/tap.h"

/** Members that failed, in words. */
typedef struct failures_t {
    const char *text;
    apr_pool_t *pool;
} failures_t;

/** A filetree_failed_fn. */
static void note(void *baton, const char *below, int is_collection, apr_status_t status)
{
    failures_t *failures = baton;

    failures->text =
        apr_psprintf(failures->pool, "%s[%s%s %s]", failures->text, below, is_collection ? "/" : "",
                     status == EACCES ? "EACCES" : strerror(status));
}

static int exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static int is_link(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/** Make a tree with one of everything. */
static const char *make_tree(const char *path, apr_pool_t *pool)
{
    files_mkdir(path, 0755);
    files_write(files_path(path, "f", pool), "file", 0640);
    files_write(files_path(path, "run", pool), "", 0755);
    files_mkdir(files_path(path, "d", pool), 0750);
    files_mkdir(files_path(path, "d/empty", pool), 0755);
    files_write(files_path(path, "d/g", pool), "below", 0444);
    files_write(files_path(path, ".dav-depot.1", pool), "", 0644);
    files_mkdir(files_path(path, ".DAV", pool), 0755);
    files_write(files_path(path, ".DAV/state", pool), "", 0644);
    ok(mkfifo(files_path(path, "p", pool), 0600) == 0 &&
           symlink("f", files_path(path, "lf", pool)) == 0 &&
           symlink("d", files_path(path, "ld", pool)) == 0 &&
           symlink("/absent", files_path(path, "lo", pool)) == 0,
       "a tree of everything");
    return path;
}

/* ---- removing ---- */

static void test_remove(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *outside = files_path(top, "outside", pool);
    const char *tree = files_path(top, "tree", pool);
    failures_t failures = {"", pool};

    files_mkdir(outside, 0755);
    files_write(files_path(outside, "f", pool), "kept", 0644);
    make_tree(tree, pool);
    ok(symlink("../outside", files_path(tree, "away", pool)) == 0 &&
           symlink("outside", files_path(top, "link", pool)) == 0,
       "links that lead out");
    is_status(filetree_remove(tree, note, &failures, pool), APR_SUCCESS, "a tree");
    is_status(filetree_remove(files_path(top, "link", pool), NULL, NULL, pool), APR_SUCCESS,
              "a link");
    is_str(files_list(top, pool), "d 755 outside/\nf 644 outside/f=kept\n",
           "what links lead to stays");
    is_status(filetree_remove(files_path(outside, "f", pool), NULL, NULL, pool), APR_SUCCESS,
              "a file");
    is_status(filetree_remove(outside, NULL, NULL, pool), APR_SUCCESS, "an empty collection");
    is_status(filetree_remove(outside, note, &failures, pool), ENOENT, "nothing");
    is_str(failures.text, "", "no member failed");
    is_str(files_list(top, pool), "", "nothing is left");
}

static void test_remove_failures(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    failures_t failures = {"", pool};

    make_tree(tree, pool);
    files_mkdir(files_path(tree, "fixed", pool), 0755);
    files_write(files_path(tree, "fixed/f", pool), "", 0644);
    ok(chmod(files_path(tree, "fixed", pool), 0555) == 0, "a collection that keeps its members");
    is_status(filetree_remove(tree, note, &failures, pool), EACCES, "the tree");
    is_str(failures.text, "[/fixed/f EACCES]", "the member is told of, none above it");
    is_str(files_list(top, pool), "d 755 tree/\nd 555 tree/fixed/\nf 644 tree/fixed/f=\n",
           "all else is gone");

    ok(chmod(files_path(tree, "fixed", pool), 0) == 0, "a collection that cannot be read");
    files_write(files_path(tree, "f", pool), "", 0644);
    failures.text = "";
    is_status(filetree_remove(tree, note, &failures, pool), EACCES, "the tree");
    is_str(failures.text, "[/fixed/ EACCES]", "is told of itself");
    ok(!exists(files_path(tree, "f", pool)), "the others are gone");

    ok(chmod(files_path(tree, "fixed", pool), 0755) == 0 && chmod(tree, 0555) == 0,
       "a collection that can be emptied only");
    failures.text = "";
    is_status(filetree_remove(tree, note, &failures, pool), EACCES, "the tree");
    is_str(failures.text, "[/fixed/ EACCES]", "is told of");
    is_str(files_list(top, pool), "d 555 tree/\nd 755 tree/fixed/\n", "it is empty");

    ok(chmod(tree, 0) == 0, "the top itself");
    failures.text = "";
    is_status(filetree_remove(tree, note, &failures, pool), EACCES, "cannot be read");
    is_str(failures.text, "[/ EACCES]", "which is told");

    ok(chmod(tree, 0755) == 0 && chmod(files_path(tree, "fixed", pool), 0) == 0,
       "an empty one that cannot be read");
    failures.text = "";
    is_status(filetree_remove(tree, note, &failures, pool), APR_SUCCESS, "the tree");
    is_str(failures.text, "", "can be removed all the same");
    ok(!exists(tree), "it is gone");
}

static void test_remove_many(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    char name[250];

    files_mkdir(tree, 0755);
    for (int i = 0; i < 3000; i++)
        files_write(apr_psprintf(pool, "%s/%d", tree, i), "", 0644);
    is_status(filetree_remove(tree, NULL, NULL, pool), APR_SUCCESS, "3000 members");

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    files_mkdir(tree, 0755);
    files_deep(tree, "d", 2000);
    is_status(filetree_remove(tree, NULL, NULL, pool), APR_SUCCESS, "2000 levels");
    files_mkdir(tree, 0755);
    files_deep(tree, name, 200);
    is_status(filetree_remove(tree, NULL, NULL, pool), APR_SUCCESS, "50000 bytes of path");
    is_str(files_list(top, pool), "", "nothing is left");
}

/* ---- copying ---- */

static void test_copy(apr_pool_t *pool)
{
    static const char copied[] = "d 750 d/\nd 755 d/empty/\nf 444 d/g=below\nf 640 f=file\n"
                                 "l ld->d\nl lf->f\nl lo->/absent\nf 755 run=\n";
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    const char *to = files_path(top, "to", pool);
    failures_t failures = {"", pool};
    filestat_t st;

    make_tree(tree, pool);
    is_status(filetree_copy(tree, NULL, to, 1, note, &failures, pool), APR_SUCCESS, "a tree");
    is_str(files_list(to, pool), copied, "but for private names and what is no file");
    is_status(filetree_copy(tree, NULL, to, 1, note, &failures, pool), EEXIST, "not over it");
    is_status(filetree_copy(tree, NULL, files_path(to, "no/where", pool), 1, note, &failures, pool),
              ENOENT, "nor into nothing");
    is_status(filetree_copy(tree, NULL, files_path(to, "shallow", pool), 0, note, &failures, pool),
              APR_SUCCESS, "the collection alone");
    is_str(files_list(files_path(to, "shallow", pool), pool), "", "is empty");
    is_status(filetree_copy(files_path(tree, "f", pool), NULL, files_path(to, "f2", pool), 1, note,
                            &failures, pool),
              APR_SUCCESS, "a file");
    is_str(files_read(files_path(to, "f2", pool), pool), "file", "has its content");
    is_status(filetree_copy(files_path(tree, "f", pool), NULL, files_path(to, "f", pool), 1, note,
                            &failures, pool),
              EEXIST, "not over a file");
    is_status(filetree_copy(files_path(tree, "lf", pool), NULL, files_path(to, "f3", pool), 1, note,
                            &failures, pool),
              ELOOP, "a link at the top, where none was");
    is_status(filestat_read(&st, AT_FDCWD, files_path(tree, "f", pool), FILESTAT_LINK), APR_SUCCESS,
              "where it leads to");
    is_status(filetree_copy(files_path(tree, "lf", pool), &st, files_path(to, "f3", pool), 1, note,
                            &failures, pool),
              APR_SUCCESS, "a link at the top");
    is_str(files_read(files_path(to, "f3", pool), pool), "file", "is what it leads to");
    is_status(filetree_copy(files_path(tree, "ld", pool), &st, files_path(to, "d3", pool), 1, note,
                            &failures, pool),
              ELOOP, "not to something else");
    is_status(filestat_read(&st, AT_FDCWD, files_path(tree, "d", pool), FILESTAT_LINK), APR_SUCCESS,
              "a collection");
    is_status(filetree_copy(files_path(tree, "ld", pool), &st, files_path(to, "d3", pool), 1, note,
                            &failures, pool),
              APR_SUCCESS, "to a collection too");
    is_str(files_list(files_path(to, "d3", pool), pool), "d 755 empty/\nf 444 g=below\n",
           "with its members");
    is_status(filetree_copy(files_path(tree, "absent", pool), NULL, files_path(to, "x", pool), 1,
                            note, &failures, pool),
              ENOENT, "nothing");
    is_status(filetree_copy(files_path(tree, "p", pool), NULL, files_path(to, "x", pool), 1, note,
                            &failures, pool),
              ENOENT, "what is no file");
    is_str(failures.text, "", "no member failed");
}

static void test_copy_failures(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    const char *to = files_path(top, "to", pool);
    failures_t failures = {"", pool};

    files_mkdir(tree, 0755);
    files_write(files_path(tree, "a", pool), "a", 0644);
    files_write(files_path(tree, "secret", pool), "", 0);
    files_write(files_path(tree, "z", pool), "z", 0644);
    is_status(filetree_copy(tree, NULL, to, 1, note, &failures, pool), APR_SUCCESS,
              "a tree with a file that cannot be read");
    is_str(failures.text, "[/secret EACCES]", "it is told of");
    is_str(files_list(to, pool), "f 644 a=a\nf 644 z=z\n", "the others are copied");

    ok(unlink(files_path(tree, "secret", pool)) == 0, "instead");
    files_mkdir(files_path(tree, "secret", pool), 0);
    failures.text = "";
    is_status(filetree_copy(tree, NULL, files_path(to, "b", pool), 1, note, &failures, pool),
              APR_SUCCESS, "a collection");
    is_str(failures.text, "[/secret/ EACCES]", "is told of");
    is_str(files_list(files_path(to, "b", pool), pool), "f 644 a=a\nf 644 z=z\n",
           "and not made either");
    is_status(filetree_copy(files_path(tree, "secret", pool), NULL, files_path(to, "c", pool), 1,
                            note, &failures, pool),
              EACCES, "at the top it is the answer");
    ok(!exists(files_path(to, "c", pool)), "with nothing made");

    ok(chmod(files_path(tree, "secret", pool), 0555) == 0, "a collection that cannot be written");
    is_status(filetree_copy(tree, NULL, files_path(to, "d", pool), 1, NULL, NULL, pool),
              APR_SUCCESS, "is copied");
    is_str(files_list(files_path(to, "d", pool), pool), "f 644 a=a\nd 755 secret/\nf 644 z=z\n",
           "to one that can");
}

static void test_copy_deep(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    const char *to = files_path(top, "to", pool);
    failures_t failures = {"", pool};
    char bottom[2 * 1500 + 2] = "";

    for (int i = 0; i < 1500; i++) {
        bottom[2 * i] = 'd';
        bottom[2 * i + 1] = '/';
    }
    bottom[2 * 1500] = 'z';
    files_mkdir(tree, 0755);
    files_deep(tree, "d", 1500);
    is_status(filetree_copy(tree, NULL, to, 1, note, &failures, pool), APR_SUCCESS, "1500 levels");
    is_str(failures.text, "", "none failed");
    ok(exists(files_path(to, bottom, pool)), "the bottom is there");
}

/* ---- what is synced ---- */

/** Calls so far, and what they are to fail with. */
static int fsyncs, syncfses, fsync_error, syncfs_error;

/** The kernel to play, or NULL. */
static const char *release;

static int count_call(int *count, int error)
{
    ++*count;
    errno = error;
    return error == 0 ? 0 : -1;
}

/** These three stand in for the C library's. */
int fsync(int fd)
{
    int result = count_call(&fsyncs, fsync_error);

    return result == 0 ? (int)syscall(SYS_fsync, fd) : result;
}

int syncfs(int fd)
{
    int result = count_call(&syncfses, syncfs_error);

    return result == 0 ? (int)syscall(SYS_syncfs, fd) : result;
}

int uname(struct utsname *system)
{
    int result = (int)syscall(SYS_uname, system);

    if (release != NULL)
        apr_cpystrn(system->release, release, sizeof(system->release));
    return result;
}

/** Copy FROM, and see that FSYNC_COUNT members were synced, and all SYNCFS_COUNT times. */
static void copy_counted(const char *from, const char *to, int recurse, int fsync_count,
                         int syncfs_count, const char *what, apr_pool_t *pool)
{
    fsyncs = syncfses = 0;
    is_status(filetree_copy(from, NULL, to, recurse, NULL, NULL, pool), APR_SUCCESS, "%s", what);
    is_int(fsyncs, fsync_count, "is synced one by one");
    is_int(syncfses, syncfs_count, "is synced at once");
    (void)filetree_remove(to, NULL, NULL, pool);
}

/** A tree of as many members as are few, three collections among them; and with one more. */
static void test_sync(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    const char *to = files_path(top, "to", pool);
    const char *const files[] = {"a", "a/1", "a/2", "b", "b/b", "b/b/3", "b/b/4", "5"};

    files_mkdir(tree, 0755);
    files_mkdir(files_path(tree, "a", pool), 0755);
    files_mkdir(files_path(tree, "b", pool), 0755);
    files_mkdir(files_path(tree, "b/b", pool), 0755);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!exists(files_path(tree, files[i], pool)))
            files_write(files_path(tree, files[i], pool), files[i], 0644);
    }
    copy_counted(files_path(tree, "5", pool), to, 0, 1, 0, "a file alone", pool);
    copy_counted(tree, to, 0, 1, 0, "a collection alone", pool);
    copy_counted(tree, to, 1, 9, 0, "a tree of few", pool);
    fsync_error = EIO;
    is_status(filetree_copy(tree, NULL, to, 1, NULL, NULL, pool), EIO, "that cannot be written");
    fsync_error = 0;
    (void)filetree_remove(to, NULL, NULL, pool);

    files_write(files_path(tree, "6", pool), "6", 0644);
    copy_counted(tree, to, 1, 0, 1, "a tree of more", pool);
    syncfs_error = EIO;
    is_status(filetree_copy(tree, NULL, to, 1, NULL, NULL, pool), EIO, "that cannot be written");
    (void)filetree_remove(to, NULL, NULL, pool);
    release = "5.7.19-custom";
    copy_counted(tree, to, 1, 10, 0, "the same, where syncfs tells nothing", pool);
    release = "4.18.0-553.el8_10.x86_64";
    copy_counted(tree, to, 1, 10, 0, "and long before", pool);
    release = "5.8.0";
    is_status(filetree_copy(tree, NULL, to, 1, NULL, NULL, pool), EIO, "where it began to tell");
    syncfs_error = 0;
    release = NULL;
}

/* ---- a tree that changes under the walk ---- */

/** Exchange A and B for as long as the parent lives.  @return the process, to be killed */
static pid_t start_swapper(const char *a, const char *b)
{
    pid_t pid = fork();

    if (pid == 0) {
        while (getppid() != 1)
            (void)renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
        _exit(0);
    }
    return pid;
}

static void stop_swapper(pid_t swapper)
{
    kill(swapper, SIGKILL);
    waitpid(swapper, NULL, 0);
}

/** A collection D with some files in PARENT; beside it the link SPARE to OUTSIDE. */
static void make_swappable(const char *parent, const char *spare, const char *outside,
                           apr_pool_t *pool)
{
    (void)mkdir(parent, 0755);
    (void)mkdir(files_path(parent, "d", pool), 0755);
    for (int i = 0; i < 16; i++)
        (void)close(open(apr_psprintf(pool, "%s/d/%d", parent, i), O_CREAT | O_WRONLY, 0644));
    (void)unlink(spare);
    (void)symlink(outside, spare);
}

/** Copies and removals while a collection on the way is now and then a link to what is outside. */
static void test_swapped(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *tree = files_path(top, "tree", pool);
    const char *outside = files_path(top, "outside", pool), *to = files_path(top, "to", pool);
    const char *spare = files_path(top, "spare", pool);
    const char *inner = files_path(tree, "d", pool), *copied = files_path(to, "d", pool);
    int found = 0, links = 0;
    apr_pool_t *iterpool;
    pid_t swapper;

    apr_pool_create(&iterpool, pool);
    files_mkdir(outside, 0755);
    files_write(files_path(outside, "precious", pool), "p", 0644);
    make_swappable(tree, spare, outside, pool);
    swapper = start_swapper(inner, spare);
    for (int i = 0; i < 150; i++) {
        apr_pool_clear(iterpool);
        (void)filetree_copy(tree, NULL, to, 1, NULL, NULL, iterpool);
        links += is_link(copied);
        found += !is_link(copied) && exists(files_path(copied, "precious", iterpool));
        (void)filetree_remove(to, NULL, NULL, iterpool);
    }
    stop_swapper(swapper);
    is_int(found, 0, "nothing outside was copied");
    ok(links > 0, "though the link was met, %d times", links);

    swapper = start_swapper(copied, spare);
    for (int i = 0; i < 150; i++) {
        apr_pool_clear(iterpool);
        (void)filetree_copy(tree, NULL, to, 1, NULL, NULL, iterpool);
        (void)filetree_remove(to, NULL, NULL, iterpool);
        (void)filetree_remove(spare, NULL, NULL, iterpool);
        (void)symlink(outside, spare);
    }
    stop_swapper(swapper);
    is_str(files_list(outside, pool), "f 644 precious=p\n",
           "nothing was copied to the outside, nor removed there");

    for (int i = 0; i < 100; i++) {
        apr_pool_clear(iterpool);
        (void)filetree_remove(tree, NULL, NULL, iterpool);
        make_swappable(tree, spare, outside, iterpool);
        swapper = start_swapper(inner, spare);
        (void)filetree_remove(tree, NULL, NULL, iterpool);
        stop_swapper(swapper);
    }
    is_str(files_list(outside, pool), "f 644 precious=p\n", "nor by a removal");
}

typedef void test_fn(apr_pool_t *pool);

static test_fn *const tests[] = {
    test_remove,      test_remove_failures, test_copy, test_copy_failures,
    test_remove_many, test_copy_deep,       test_sync, test_swapped,
};

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    (void)files_unprivileged();
    (void)umask(022);

    files_limit_descriptors(100);
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        apr_pool_clear(pool);
        tests[i](pool);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
