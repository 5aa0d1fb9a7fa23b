#include "propstore/ctl/davfs_dbm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_time.h>

/**
 * A file that was not written to for so long is whole: the libraries write all they have in one
 * go, when a file is closed.  On a busy machine that can take its time.
 */
#define SETTLED apr_time_from_msec(500)
/** A file that is damaged, and was written to so lately, is read again: it may not be. */
#define LATELY apr_time_from_sec(10)
/** How long to wait before looking again, and how often. */
#define PAUSE apr_time_from_msec(100)
#define ATTEMPTS 15
/** The copy's name. */
#define COPY "dbm"

/* ---- kinds ---- */

/** Where a Berkeley database has its magic number, and what that is. */
#define DB_MAGIC_AT 12
#define DB_HASH_MAGIC 0x00061561U
#define DB_BTREE_MAGIC 0x00053162U
/** A GDBM file begins with one of these: old, 32 bits, 64 bits, and both again with numsync. */
static const apr_uint32_t gdbm_magics[] = {0x13579aceU, 0x13579acdU, 0x13579acfU, 0x13579ad0U,
                                           0x13579ad1U};

const char *davfs_kind_name(davfs_kind_e kind)
{
    return kind == DAVFS_DB ? "db" : kind == DAVFS_GDBM ? "gdbm" : "sdbm";
}

/** Whether NUMBER, from a machine of either byte order, is MAGIC. */
static int is_magic(apr_uint32_t number, apr_uint32_t magic)
{
    return number == magic || __builtin_bswap32(number) == magic;
}

davfs_kind_e davfs_kind_of(const void *head, apr_size_t length)
{
    apr_uint32_t number;

    if (length >= sizeof(number)) {
        memcpy(&number, head, sizeof(number));
        for (size_t i = 0; i < sizeof(gdbm_magics) / sizeof(gdbm_magics[0]); i++) {
            if (is_magic(number, gdbm_magics[i]))
                return DAVFS_GDBM;
        }
    }
    if (length >= DB_MAGIC_AT + sizeof(number)) {
        memcpy(&number, (const char *)head + DB_MAGIC_AT, sizeof(number));
        if (is_magic(number, DB_HASH_MAGIC) || is_magic(number, DB_BTREE_MAGIC))
            return DAVFS_DB;
    }
    return DAVFS_UNKNOWN;
}

/* ---- files ---- */

/** Open a regular file for reading.  @return APR_EGENERAL if it is something else */
static apr_status_t open_regular(int *fd_p, int directory, const char *name, struct stat *st)
{
    /* O_NONBLOCK: a FIFO is not to be waited for. */
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    apr_status_t status = APR_SUCCESS;

    *fd_p = fd;
    if (fd < 0)
        return errno == ELOOP ? APR_EGENERAL : errno;
    if (fstat(fd, st) != 0)
        status = errno;
    else if (!S_ISREG(st->st_mode))
        status = APR_EGENERAL;
    if (status != APR_SUCCESS)
        close(fd);
    return status;
}

apr_status_t davfs_kind_read(davfs_kind_e *kind_p, int directory, const char *name)
{
    char head[DAVFS_HEAD_SIZE];
    struct stat st;
    ssize_t length;
    int fd;
    apr_status_t status = open_regular(&fd, directory, name, &st);

    *kind_p = DAVFS_UNKNOWN;
    if (status != APR_SUCCESS)
        return status;
    length = pread(fd, head, sizeof(head), 0);
    status = length < 0 ? errno : APR_SUCCESS;
    close(fd);
    if (status == APR_SUCCESS)
        *kind_p = davfs_kind_of(head, (apr_size_t)length);
    return status;
}

/** Copy all of FROM, however much that is. */
static apr_status_t copy_bytes(int from, int to)
{
    char buffer[64 * 1024];
    apr_off_t at = 0;

    for (;;) {
        ssize_t length = pread(from, buffer, sizeof(buffer), at);

        /* Not cut at the start: file systems take that for a file that is replaced, and sync it. */
        if (length == 0)
            return ftruncate(to, at) == 0 ? APR_SUCCESS : errno;
        if (length < 0)
            return errno;
        at += length;
        for (char *next = buffer; length > 0;) {
            ssize_t written = write(to, next, (size_t)length);

            if (written < 0)
                return errno;
            next += written;
            length -= written;
        }
    }
}

/** When a file in this state was written to last. */
static apr_time_t written_at(const struct stat *st)
{
    return apr_time_from_sec((apr_time_t)st->st_mtim.tv_sec) + st->st_mtim.tv_nsec / 1000;
}

/** Whether a file in this state has been left alone for PERIOD.  One from the future has. */
static int is_left_alone(const struct stat *st, apr_time_t period)
{
    apr_time_t age = apr_time_now() - written_at(st);

    return age < 0 || age >= period;
}

/** Whether a file has not been written to between the two. */
static int is_unchanged(const struct stat *before, const struct stat *after)
{
    return before->st_size == after->st_size && written_at(before) == written_at(after);
}

/**
 * Copy a file.
 * @param state set to the file's
 * @return APR_EAGAIN if it is being written to
 */
static apr_status_t copy_once(struct stat *state, int directory, const char *name, const char *to)
{
    struct stat after;
    int in, out;
    apr_status_t status;

    memset(state, 0, sizeof(*state));
    status = open_regular(&in, directory, name, state);

    if (status != APR_SUCCESS)
        return status;
    if (!is_left_alone(state, SETTLED)) {
        close(in);
        return APR_EAGAIN;
    }
    out = open(to, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    status = out < 0 ? errno : copy_bytes(in, out);
    if (status == APR_SUCCESS && fstat(in, &after) != 0)
        status = errno;
    if (out >= 0 && close(out) != 0 && status == APR_SUCCESS)
        status = errno;
    close(in);
    return status == APR_SUCCESS && !is_unchanged(state, &after) ? APR_EAGAIN : status;
}

/* ---- the reader ---- */

struct davfs_reader_t {
    dbm_child_t *child;
    const char *copies; /**< a directory of our own */
    const char *copy;   /**< the path of a copy in it, without .pag and .dir */
    struct stat copied; /**< the state of what was copied last */
};

static apr_status_t remove_copies(void *baton)
{
    static const char *const ends[] = {"", DAVFS_PAG, DAVFS_DIR};
    const davfs_reader_t *reader = baton;
    apr_pool_t *scratch_pool;

    apr_pool_create(&scratch_pool, NULL);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        (void)unlink(apr_pstrcat(scratch_pool, reader->copy, ends[i], NULL));
    (void)rmdir(reader->copies);
    apr_pool_destroy(scratch_pool);
    return APR_SUCCESS;
}

apr_status_t davfs_reader_make(davfs_reader_t **reader_p, apr_pool_t *result_pool)
{
    davfs_reader_t *reader = apr_pcalloc(result_pool, sizeof(*reader));
    const char *place;
    char *name;
    apr_status_t status = apr_temp_dir_get(&place, result_pool);

    if (status != APR_SUCCESS)
        return status;
    name = apr_pstrcat(result_pool, place, "/depotctl.XXXXXX", NULL);
    if (mkdtemp(name) == NULL)
        return errno;
    reader->copies = name;
    reader->copy = apr_pstrcat(result_pool, name, "/" COPY, NULL);
    reader->child = dbm_child_make(result_pool);
    apr_pool_cleanup_register(result_pool, reader, remove_copies, apr_pool_cleanup_null);
    *reader_p = reader;
    return APR_SUCCESS;
}

/** Copy the file or files of a DBM, all at one moment.  @return as copy_once() */
static apr_status_t copy_all(davfs_reader_t *reader, davfs_kind_e kind, int directory,
                             const char *name, apr_pool_t *scratch_pool)
{
    const char *pag = apr_pstrcat(scratch_pool, name, DAVFS_PAG, NULL);
    struct stat dir, after;
    apr_status_t status;

    if (kind != DAVFS_SDBM)
        return copy_once(&reader->copied, directory, name, reader->copy);
    status = copy_once(&reader->copied, directory, pag,
                       apr_pstrcat(scratch_pool, reader->copy, DAVFS_PAG, NULL));
    if (status == APR_SUCCESS)
        status = copy_once(&dir, directory, apr_pstrcat(scratch_pool, name, DAVFS_DIR, NULL),
                           apr_pstrcat(scratch_pool, reader->copy, DAVFS_DIR, NULL));
    /* A page is split before the directory says so. */
    if (status == APR_SUCCESS && fstatat(directory, pag, &after, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    return status == APR_SUCCESS && !is_unchanged(&reader->copied, &after) ? APR_EAGAIN : status;
}

/** Read a DBM as soon as nobody writes to it. */
static apr_status_t read_once(apr_array_header_t *pairs, davfs_reader_t *reader, davfs_kind_e kind,
                              int directory, const char *name, apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_EAGAIN;

    for (int i = 0; i < ATTEMPTS && status == APR_EAGAIN; i++) {
        status = copy_all(reader, kind, directory, name, scratch_pool);
        if (status == APR_EAGAIN)
            apr_sleep(PAUSE);
    }
    if (status == APR_EAGAIN)
        return EBUSY;
    if (status != APR_SUCCESS)
        return status;
    return dbm_child_read(pairs, reader->child, davfs_kind_name(kind), reader->copy);
}

apr_status_t davfs_reader_read(apr_array_header_t *pairs, davfs_reader_t *reader, davfs_kind_e kind,
                               int directory, const char *name, apr_pool_t *scratch_pool)
{
    const int before = pairs->nelts;
    apr_status_t status = read_once(pairs, reader, kind, directory, name, scratch_pool);

    if (status == STORE_CORRUPT && !is_left_alone(&reader->copied, LATELY)) {
        apr_sleep(SETTLED);
        pairs->nelts = before;
        status = read_once(pairs, reader, kind, directory, name, scratch_pool);
    }
    return status;
}
