/*
 * Temporaries: placed or gone, with a name from the start or without, and what they take over.
 */
#include "provider/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "provider/dirscan.h"
#include "provider/filecopy.h"
#include "t/unit/files.h"
#include "t/unit/tap.h"

static int has_root;

/** Whether to play a system without /proc, where temporaries have names from the start. */
static int without_proc;

/** Stands in for the C library's. */
int access(const char *name, int type)
{
    if (without_proc && strncmp(name, "/proc", 5) == 0) {
        errno = ENOENT;
        return -1;
    }
    return faccessat(AT_FDCWD, name, type, 0);
}

/** Write a temporary for PATH and place it. */
static apr_status_t put(const char *path, const char *content, int replace, apr_pool_t *pool)
{
    ssize_t length = (ssize_t)strlen(content);
    apr_pool_t *temp_pool;
    apr_status_t status;
    tempfile_t *temp;

    apr_pool_create(&temp_pool, pool);
    status = tempfile_create(&temp, path, temp_pool);
    if (status == APR_SUCCESS && write(tempfile_fd(temp), content, (size_t)length) != length)
        status = errno;
    if (status == APR_SUCCESS)
        status = tempfile_place(temp, replace);
    apr_pool_destroy(temp_pool);
    return status;
}

static void test_place(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *path = files_path(top, "f", pool);
    struct stat before, after;

    is_status(put(path, "one", 0, pool), APR_SUCCESS, "where nothing is");
    is_str(files_list(top, pool), "f 640 f=one\n", "it is there, with the umask's permissions");
    is_status(put(path, "two", 0, pool), EEXIST, "where something is");
    is_str(files_list(top, pool), "f 640 f=one\n", "which stays, alone");
    ok(stat(path, &before) == 0, "what it is");
    is_status(put(path, "three", 1, pool), APR_SUCCESS, "in its place");
    is_str(files_list(top, pool), "f 640 f=three\n", "it is the new one");
    ok(stat(path, &after) == 0 && before.st_ino != after.st_ino, "another file");
    is_status(put(files_path(top, "g", pool), "", 1, pool), APR_SUCCESS, "in no one's place");
    is_str(files_list(top, pool), "f 640 f=three\nf 640 g=\n", "it is there");

    files_mkdir(files_path(top, "d", pool), 0755);
    is_status(put(files_path(top, "d", pool), "", 1, pool), EISDIR, "not for a collection");
    is_status(put(files_path(top, "no/f", pool), "", 1, pool), ENOENT, "no collection");
    is_status(put(files_path(top, "f/f", pool), "", 1, pool), ENOTDIR, "a file for a collection");
    ok(symlink("absent", files_path(top, "l", pool)) == 0, "a link");
    is_status(put(files_path(top, "l", pool), "", 0, pool), EEXIST, "is something too");
    is_str(files_list(top, pool), "d 755 d/\nf 640 f=three\nf 640 g=\nl l->absent\n",
           "nothing else is there");
}

static void test_discard(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *path = files_path(top, "f", pool);
    apr_pool_t *temp_pool;
    tempfile_t *temp;

    apr_pool_create(&temp_pool, pool);
    files_write(path, "old", 0644);
    is_status(tempfile_create(&temp, path, temp_pool), APR_SUCCESS, "one that is not placed");
    is_int(write(tempfile_fd(temp), "new", 3), 3, "is written");
    apr_pool_destroy(temp_pool);
    is_str(files_list(top, pool), "f 644 f=old\n", "and gone with its pool");
}

static void test_closed_directory(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *path = files_path(top, "f", pool);

    ok(chmod(top, 0300) == 0, "a directory that can be written and not read");
    is_status(put(path, "one", 0, pool), APR_SUCCESS, "a new file");
    is_status(put(path, "two", 1, pool), APR_SUCCESS, "and another in its place");
    is_str(files_read(path, pool), "two", "is there");
    ok(chmod(top, 0500) == 0, "one that can be read and not written");
    is_status(put(path, "three", 1, pool), EACCES, "takes none");
    ok(chmod(top, 0700) == 0, "open again");
    is_str(files_list(top, pool), "f 640 f=two\n", "nothing has changed");

    is_status(tempfile_sync_directory(top), APR_SUCCESS, "a directory is synced");
    is_status(tempfile_sync_directory(files_path(top, "absent", pool)), APR_SUCCESS,
              "one that has been moved away meanwhile is, too");
}

static void test_moved_directory(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *directory = files_path(top, "d", pool);
    const char *moved = files_path(top, "moved", pool), *path = files_path(directory, "f", pool);
    apr_pool_t *temp_pool;
    tempfile_t *temp;

    ok(mkdir(directory, 0700) == 0, "a directory");
    is_status(put(path, "one", 0, pool), APR_SUCCESS, "with a file");
    apr_pool_create(&temp_pool, pool);
    is_status(tempfile_create(&temp, path, temp_pool), APR_SUCCESS, "a temporary");
    is_status(tempfile_make_named(temp), APR_SUCCESS, "has a name");
    ok(rename(directory, moved) == 0, "when the directory is moved");
    is_status(tempfile_swap(temp, 1), ENOENT, "it has no place any more");
    apr_pool_destroy(temp_pool);
    is_str(files_list(moved, pool), "f 640 f=one\n", "and goes from where it is now");
}

/** Replace PATH by a temporary that inherits from it. */
static void replace(const char *path, apr_pool_t *pool)
{
    tempfile_t *temp;

    is_status(tempfile_create(&temp, path, pool), APR_SUCCESS, "a temporary");
    is_status(tempfile_inherit(temp, path), APR_SUCCESS, "inherits");
    is_status(tempfile_place(temp, 1), APR_SUCCESS, "and takes the place");
}

static void test_inherit(apr_pool_t *pool)
{
    const char *top = files_directory(pool), *path = files_path(top, "f", pool);
    tempfile_t *temp;
    char value[16];
    struct stat st;
    int xattrs;

    files_write(path, "old", 06751);
    xattrs = setxattr(path, "user.note", "kept", 4, 0) == 0;
    if (!xattrs)
        diag("no extended attributes here");
    replace(path, pool);
    is_str(files_list(top, pool), "f 751 f=\n", "permissions, without set-user-ID");
    if (xattrs) {
        is_int(getxattr(path, "user.note", value, sizeof(value)), 4, "an extended attribute");
        ok(memcmp(value, "kept", 4) == 0, "has its value");
    }
    is_status(tempfile_create(&temp, path, pool), APR_SUCCESS, "a temporary");
    is_status(tempfile_inherit(temp, files_path(top, "absent", pool)), ENOENT, "of nothing");

    if (!has_root) {
        diag("not root: owners are not tried");
        return;
    }
    files_privileged();
    ok(chown(path, 1, 2) == 0 && chmod(path, 0640) == 0, "given to others");
    files_unprivileged();
    is_status(tempfile_inherit(temp, path), APR_SUCCESS, "what may not be given away stays ours");
    files_privileged();
    replace(path, pool);
    ok(stat(path, &st) == 0 && st.st_uid == 1 && st.st_gid == 2 && (st.st_mode & 0777) == 0640,
       "root gives it to them");
    files_unprivileged();
}

/** An ACL as the kernel takes it: the owner rw-, user 12345 r--, the group r--, others nothing. */
static const unsigned char acl[] = {2,   0,   0,   0,   1,   0,    6,    0,   255, 255, 255,
                                    255, 2,   0,   4,   0,   0x39, 0x30, 0,   0,   4,   0,
                                    4,   0,   255, 255, 255, 255,  16,   0,   4,   0,   255,
                                    255, 255, 255, 32,  0,   0,    0,    255, 255, 255, 255};

static void test_acl(apr_pool_t *pool)
{
    static const char access_acl[] = "system.posix_acl_access";
    const char *top = files_directory(pool), *path = files_path(top, "f", pool);
    unsigned char value[sizeof(acl) + 1];

    files_write(path, "", 0644);
    if (setxattr(path, access_acl, acl, sizeof(acl), 0) != 0) {
        diag("no ACLs here");
        return;
    }
    replace(path, pool);
    is_int(getxattr(path, access_acl, value, sizeof(value)), (long long)sizeof(acl), "an ACL");
    ok(memcmp(value, acl, sizeof(acl)) == 0, "is the same");

    files_write(files_path(top, "plain", pool), "", 0604);
    ok(setxattr(top, "system.posix_acl_default", acl, sizeof(acl), 0) == 0, "one for new files");
    replace(files_path(top, "plain", pool), pool);
    is_int(getxattr(files_path(top, "plain", pool), access_acl, value, sizeof(value)), -1,
           "is not for one that takes another's place");
    is_str(files_list(top, pool), "f 640 f=\nf 604 plain=\n", "permissions are kept");
}

static void test_names(apr_pool_t *pool)
{
    const char *one, *two;

    is_status(tempfile_name(&one, "/dir", pool), APR_SUCCESS, "a name");
    is_status(tempfile_name(&two, "/dir", pool), APR_SUCCESS, "and another");
    ok(strcmp(one, two) != 0, "differ");
    ok(strncmp(one, "/dir/", 5) == 0 && dirscan_name_is_private(one + 5), "are private: %s", one);
}

/** Copy FROM's content to a new file at TO. */
static apr_status_t copy(const char *from, const char *to)
{
    int from_fd = open(from, O_RDONLY | O_CLOEXEC);
    int to_fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    filecopy_t found = {0};
    struct stat st;
    apr_status_t status =
        fstat(from_fd, &st) == 0 ? filecopy_content(&found, from_fd, &st, to_fd) : errno;

    close(from_fd);
    close(to_fd);
    return status;
}

static int same_content(const char *a, const char *b)
{
    int a_fd = open(a, O_RDONLY | O_CLOEXEC), b_fd = open(b, O_RDONLY | O_CLOEXEC), same;
    static char a_buf[65536], b_buf[65536];
    ssize_t a_got, b_got;

    do {
        a_got = read(a_fd, a_buf, sizeof(a_buf));
        b_got = read(b_fd, b_buf, sizeof(b_buf));
        same = a_got >= 0 && a_got == b_got && memcmp(a_buf, b_buf, (size_t)a_got) == 0;
    } while (same && a_got > 0);
    close(a_fd);
    close(b_fd);
    return same;
}

static void test_copy(apr_pool_t *pool)
{
    /* Around what is read at once. */
    static const off_t sizes[] = {65537, 65536, 65535, 32769, 32768, 32767, 1};
    static char large[300000];
    const char *top = files_directory(pool), *from = files_path(top, "from", pool);
    const char *to = files_path(top, "to", pool), *other = NULL;

    files_write(from, "", 0644);
    is_status(copy(from, to), APR_SUCCESS, "nothing");
    ok(same_content(from, to), "is nothing");
    for (unsigned i = 0; i < sizeof(large) - 1; i++)
        large[i] = (char)('a' + i % 23);
    files_write(from, large, 0644);
    is_status(copy(from, to), APR_SUCCESS, "300000 bytes");
    ok(same_content(from, to), "are the same");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ok(truncate(from, sizes[i]) == 0 && copy(from, to) == APR_SUCCESS, "%ld bytes",
           (long)sizes[i]);
        ok(same_content(from, to), "are the same");
    }
    ok(truncate(from, 5000000) == 0, "a hole at the end");
    is_status(copy(from, to), APR_SUCCESS, "copied");
    ok(same_content(from, to), "is the same");

    /* The kernel copies nothing of a file that has no size, and nothing between file systems. */
    is_status(copy("/proc/version", to), APR_SUCCESS, "a file without a size");
    ok(same_content("/proc/version", to), "is the same");
    if (access("/dev/shm", W_OK) == 0) {
        other = apr_psprintf(pool, "/dev/shm/depot-unit-%ld", (long)getpid());
        is_status(copy(from, other), APR_SUCCESS, "to another file system");
        ok(same_content(from, other), "is the same");
        unlink(other);
    }
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    has_root = files_unprivileged();
    (void)umask(026);

    for (without_proc = 0; without_proc <= 1; without_proc++) {
        diag(without_proc ? "with a name" : "without a name");
        test_place(pool);
        test_discard(pool);
        test_closed_directory(pool);
        test_moved_directory(pool);
        test_inherit(pool);
        test_acl(pool);
    }
    test_names(pool);
    test_copy(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
