/*
 * Loaded before httpd's libraries (LD_PRELOAD): every change of a file below a directory passes
 * here on its way to the kernel.  It can be counted, so that the process, or all of its group,
 * is killed after the Nth; and it can be written down, with what is needed to take it back: the
 * harness (t/lib/Depot/Crash.pm) then throws away what no sync has covered, as a loss of power
 * may.
 *
 * DEPOT_SHIM names a directory with the files "control" (see below) and "log", and the directory
 * "grave", where removed files live on; DEPOT_SHIM_ROOT the directory that is watched.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/** Bytes of content in one line of the log. */
#define PART_MAX 4096

/** What the harness tells; 32-bit numbers in the machine's order. */
typedef struct control_t {
    uint32_t armed;  /**< changes are counted */
    uint32_t count;  /**< so many were made */
    uint32_t target; /**< after this one the process is killed; 0: before the first */
    uint32_t group;  /**< and all of its group */
    uint32_t logs;   /**< changes are written down */
    uint32_t change; /**< of the log's lines, those of one change have one number */
} control_t;

static control_t *control;
static int log_fd = -1;
static char root[PATH_MAX], grave[PATH_MAX];

__attribute__((constructor)) static void start(void)
{
    const char *directory = getenv("DEPOT_SHIM"), *watched = getenv("DEPOT_SHIM_ROOT");
    char path[PATH_MAX];
    void *map;
    int fd;

    if (directory == NULL || watched == NULL)
        return;
    snprintf(root, sizeof(root), "%s/", watched);
    snprintf(grave, sizeof(grave), "%s/grave", directory);
    snprintf(path, sizeof(path), "%s/control", directory);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    snprintf(path, sizeof(path), "%s/log", directory);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (map != MAP_FAILED && log_fd >= 0)
        control = map;
}

/* ---- points ---- */

static void die(void)
{
    kill(control->group ? 0 : getpid(), SIGKILL);
    for (;;)
        pause();
}

static int is_on(void)
{
    return control != NULL && control->armed;
}

static int is_logged(void)
{
    return is_on() && control->logs;
}

/** Before a change. */
static void before(void)
{
    if (is_on() && control->target == 0 && control->count == 0)
        die();
}

/** After a change. */
static void after(void)
{
    if (is_on() && __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST) == control->target)
        die();
}

/* ---- the log ---- */

static void put_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Write a line, numbered as of the change under way. */
static void put_line(const char *format, ...)
{
    char line[2 * PART_MAX + PATH_MAX];
    va_list args;
    int length = snprintf(line, sizeof(line), "%u ", control->change);

    va_start(args, format);
    length += vsnprintf(line + length, sizeof(line) - (size_t)length, format, args);
    va_end(args);
    if ((size_t)length >= sizeof(line))
        abort();
    line[length++] = '\n';
    (void)!syscall(SYS_write, log_fd, line, (size_t)length);
}

/** Begin a change. */
static void number_change(void)
{
    if (is_logged())
        __atomic_add_fetch(&control->change, 1, __ATOMIC_SEQ_CST);
}

/* ---- what a call is about ---- */

/** An entry of a directory. */
typedef struct entry_t {
    int watched;
    uint64_t directory, object; /* inodes; 0: there is nothing */
    int is_directory;           /* what is there */
    const char *name;
    int at;           /* for *at() */
    const char *path; /* relative to AT */
} entry_t;

/** Whether what FD is open on is below the root. */
static int is_fd_watched(int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path) - 2);
    if (length < 0)
        return 0;
    path[length] = '/';
    path[length + 1] = '\0';
    return strncmp(path, root, strlen(root)) == 0 && strstr(path, "lock.mdb") == NULL;
}

static uint64_t inode_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static entry_t find(int at, const char *path)
{
    entry_t entry = {.at = at, .path = path};
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX] = ".";
    struct stat st;

    if (control == NULL)
        return entry;
    entry.watched =
        *path == '/' ? strncmp(path, root, strlen(root)) == 0 : at != AT_FDCWD && is_fd_watched(at);
    if (!entry.watched || strstr(path, "lock.mdb") != NULL) {
        entry.watched = 0;
        return entry;
    }
    entry.name = slash != NULL ? slash + 1 : path;
    if (slash != NULL)
        snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - path), path);
    if (fstatat(at, directory, &st, 0) == 0)
        entry.directory = (uint64_t)st.st_ino;
    if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        entry.object = (uint64_t)st.st_ino;
        entry.is_directory = S_ISDIR(st.st_mode);
    }
    return entry;
}

/** Keep the file that is about to lose a name. */
static void keep(const entry_t *entry)
{
    char path[PATH_MAX + 32];

    if (!entry->watched || !is_logged() || entry->object == 0 || entry->is_directory)
        return;
    snprintf(path, sizeof(path), "%s/%llu", grave, (unsigned long long)entry->object);
    (void)!syscall(SYS_linkat, entry->at, entry->path, AT_FDCWD, path, 0);
}

/** An entry came (A) or went (R). */
static void put_entry(char what, const entry_t *entry, const entry_t *object)
{
    put_line("%c %llu %llu %c %s", what, (unsigned long long)entry->directory,
             (unsigned long long)object->object, object->is_directory ? 'd' : 'f', entry->name);
}

/** After a call that succeeded. */
static void done(const entry_t *entry)
{
    if (entry->watched)
        after();
}

/* ---- syncs ---- */

static int sync_call(long number, int fd)
{
    int watched = is_on() && is_fd_watched(fd), result;

    if (watched)
        before();
    result = (int)syscall(number, fd);
    if (watched && result == 0) {
        number_change();
        if (is_logged() && number == SYS_syncfs)
            put_line("F");
        else if (is_logged())
            put_line("S %llu", (unsigned long long)inode_of(fd));
        after();
    }
    return result;
}

int fsync(int fd)
{
    return sync_call(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_call(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return sync_call(SYS_syncfs, fd);
}

/* ---- names ---- */

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    entry_t source = find(from_at, from), target = find(to_at, to);
    int result;

    if (target.watched)
        before();
    keep(&target);
    result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (result == 0 && target.watched) {
        number_change();
        if (is_logged()) {
            put_entry('R', &source, &source);
            if (target.object != 0)
                put_entry('R', &target, &target);
            put_entry('A', &target, &source);
            if (flags & RENAME_EXCHANGE)
                put_entry('A', &source, &target);
        }
        done(&target);
    }
    return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return renameat2(from_at, from, to_at, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    entry_t target = find(to_at, to);
    int result;

    if (target.watched)
        before();
    result = (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (result == 0 && target.watched) {
        target = find(to_at, to);
        number_change();
        if (is_logged())
            put_entry('A', &target, &target);
        done(&target);
    }
    return result;
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlink(const char *text, const char *to)
{
    entry_t target = find(AT_FDCWD, to);
    int result;

    if (target.watched)
        before();
    result = (int)syscall(SYS_symlinkat, text, AT_FDCWD, to);
    if (result == 0 && target.watched) {
        target = find(AT_FDCWD, to);
        number_change();
        if (is_logged())
            put_entry('A', &target, &target);
        done(&target);
    }
    return result;
}

int unlinkat(int at, const char *path, int flags)
{
    entry_t entry = find(at, path);
    int result;

    if (entry.watched)
        before();
    keep(&entry);
    result = (int)syscall(SYS_unlinkat, at, path, flags);
    if (result == 0 && entry.watched) {
        number_change();
        if (is_logged())
            put_entry('R', &entry, &entry);
        done(&entry);
    }
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int at, const char *path, mode_t mode)
{
    entry_t entry = find(at, path);
    int result;

    if (entry.watched)
        before();
    result = (int)syscall(SYS_mkdirat, at, path, mode);
    if (result == 0 && entry.watched) {
        entry = find(at, path);
        number_change();
        if (is_logged())
            put_entry('A', &entry, &entry);
        done(&entry);
    }
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/** Open; only what may make a file is of interest. */
static int open_call(int at, const char *path, int flags, mode_t mode)
{
    int makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    entry_t entry = makes ? find(at, path) : (entry_t){0};
    int result;

    if (entry.watched && entry.object != 0 && (flags & O_TMPFILE) != O_TMPFILE)
        entry.watched = 0;
    if (entry.watched)
        before();
    result = (int)syscall(SYS_openat, at, path, flags, mode);
    if (result >= 0 && entry.watched) {
        number_change();
        if (is_logged() && (flags & O_TMPFILE) != O_TMPFILE) {
            entry = find(at, path);
            put_entry('A', &entry, &entry);
        }
        after();
    }
    return result;
}

/* The names that a mode may follow. */
#define OPEN_MODE(last)                                           \
    mode_t mode = 0;                                              \
    va_list args;                                                 \
    va_start(args, last);                                         \
    if (((last)&O_CREAT) != 0 || ((last)&O_TMPFILE) == O_TMPFILE) \
        mode = va_arg(args, mode_t);                              \
    va_end(args)

int open(const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_call(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_call(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_call(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_call(at, path, flags, mode);
}

/* ---- content ---- */

/** Write down what LENGTH bytes at OFFSET of FD were, unless they are synced at once. */
static void put_content(int fd, off_t offset, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[PART_MAX];
    struct stat st;

    if (!is_logged() || fstat(fd, &st) != 0)
        return;
    number_change();
    if (fcntl(fd, F_GETFL) & O_DSYNC) {
        put_line("D %llu", (unsigned long long)st.st_ino);
        return;
    }
    put_line("L %llu %lld", (unsigned long long)st.st_ino, (long long)st.st_size);
    while (length > 0 && offset < st.st_size) {
        char path[64], hex[2 * sizeof(bytes) + 1];
        size_t part = length < sizeof(bytes) ? length : sizeof(bytes);
        ssize_t got;
        int in;

        /* FD itself may be open for writing only. */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        in = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        got = in >= 0 ? pread(in, bytes, part, offset) : -1;
        if (in >= 0)
            close(in);
        if (got <= 0)
            return;
        for (ssize_t i = 0; i < got; i++) {
            hex[2 * i] = digits[bytes[i] >> 4];
            hex[2 * i + 1] = digits[bytes[i] & 15];
        }
        hex[2 * got] = '\0';
        put_line("W %llu %lld %s", (unsigned long long)st.st_ino, (long long)offset, hex);
        offset += got;
        length -= (size_t)got;
    }
}

/** Before a write to FD.  @return whether it is watched */
static int before_write(int fd, off_t offset, size_t length)
{
    if (!is_on() || !is_fd_watched(fd))
        return 0;
    before();
    put_content(fd, offset, length);
    return 1;
}

/** A response goes out. */
static void note_response(int fd)
{
    struct stat st;

    if (is_logged() && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
        number_change();
        put_line("P");
    }
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    int watched = before_write(fd, offset, length);
    ssize_t wrote = syscall(SYS_pwrite64, fd, bytes, length, offset);

    if (watched && wrote >= 0)
        after();
    return wrote;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(fd, bytes, length, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    size_t length = 0;
    ssize_t wrote;
    int watched;

    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    watched = before_write(fd, offset, length);
    wrote = syscall(SYS_pwritev, fd, parts, count, offset, 0);
    if (watched && wrote >= 0)
        after();
    return wrote;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev64(fd, parts, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    int watched = is_on() && before_write(fd, lseek(fd, 0, SEEK_CUR), length);
    ssize_t wrote = syscall(SYS_write, fd, bytes, length);

    if (watched && wrote >= 0)
        after();
    return wrote;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    note_response(fd);
    return syscall(SYS_writev, fd, parts, count);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length,
                        unsigned flags)
{
    int watched = before_write(to, 0, 0);
    ssize_t copied = syscall(SYS_copy_file_range, from, from_offset, to, to_offset, length, flags);

    if (watched && copied > 0)
        after();
    return copied;
}
