#include "propstore/filestat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static apr_int64_t to_ns(const struct statx_timestamp *t)
{
    return t->tv_sec * 1000000000 + t->tv_nsec;
}

apr_status_t filestat_read(filestat_t *st, int dirfd, const char *name, filestat_follow_e follow)
{
    struct statx sx;
    int flags = AT_NO_AUTOMOUNT | (follow == FILESTAT_LINK ? AT_SYMLINK_NOFOLLOW : 0) |
                (*name == '\0' ? AT_EMPTY_PATH : 0);

    if (statx(dirfd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &sx) != 0)
        return errno;
    st->mode = sx.stx_mode;
    st->uid = sx.stx_uid;
    st->gid = sx.stx_gid;
    st->device = makedev(sx.stx_dev_major, sx.stx_dev_minor);
    st->inode = sx.stx_ino;
    st->size = sx.stx_size;
    st->mtime_ns = to_ns(&sx.stx_mtime);
    st->ctime_ns = to_ns(&sx.stx_ctime);
    st->birth_ns = sx.stx_mask & STATX_BTIME ? to_ns(&sx.stx_btime) : 0;
    return APR_SUCCESS;
}

node_fingerprint_t filestat_fingerprint(const filestat_t *st)
{
    node_fingerprint_t fingerprint = {
        .inode = st->inode,
        .birth_ns = st->birth_ns,
        .size = st->size,
        .mtime_ns = st->mtime_ns,
    };

    return fingerprint;
}

static char *put_hex(char *to, apr_uint64_t n)
{
    char digits[16];
    int count = 0;

    do {
        digits[count++] = "0123456789abcdef"[n & 15];
        n >>= 4;
    } while (n > 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

apr_size_t filestat_etag(char *buf, const filestat_t *st)
{
    char *at = buf;

    *at++ = '"';
    at = put_hex(at, st->inode);
    *at++ = '-';
    at = put_hex(at, S_ISDIR(st->mode) ? 0 : st->size);
    *at++ = '-';
    at = put_hex(at, (apr_uint64_t)st->mtime_ns);
    *at++ = '"';
    return (apr_size_t)(at - buf);
}
