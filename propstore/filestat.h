/*
 * filestat.h -- what the file system says of a file, in the detail we need.
 */
#ifndef PROPSTORE_FILESTAT_H
#define PROPSTORE_FILESTAT_H

#include <sys/types.h>

#include <apr_errno.h>

#include "propstore/nodes.h"

/** A file's state.  Times are nanoseconds since 1970. */
typedef struct filestat_t {
    mode_t mode; /**< type and permissions, as in struct stat */
    uid_t uid;
    gid_t gid;
    apr_uint64_t device;
    apr_uint64_t inode;
    apr_uint64_t size;
    apr_int64_t mtime_ns;
    apr_int64_t ctime_ns;
    apr_int64_t birth_ns; /**< 0 if the kernel or the file system does not tell */
} filestat_t;

/** Whether a symbolic link itself is meant or what it points to. */
typedef enum filestat_follow_e { FILESTAT_LINK, FILESTAT_TARGET } filestat_follow_e;

/**
 * Read the state of NAME, relative to the open directory DIRFD (or AT_FDCWD).
 * @param name "" for DIRFD itself
 * @return APR_SUCCESS or the system's error, ENOENT among them
 */
apr_status_t filestat_read(filestat_t *st, int dirfd, const char *name, filestat_follow_e follow);

/** What the store remembers of a file in this state. */
node_fingerprint_t filestat_fingerprint(const filestat_t *st);

/** Room for filestat_etag(), with the NUL. */
#define FILESTAT_ETAG_SIZE 64

/**
 * Write the strong entity tag of a file in this state, quotes included.  It is made
 * of inode, size and modification time, so a replacement always changes it.
 * @param buf FILESTAT_ETAG_SIZE bytes
 * @return its length, without the NUL
 */
apr_size_t filestat_etag(char *buf, const filestat_t *st);

#endif /* PROPSTORE_FILESTAT_H */
