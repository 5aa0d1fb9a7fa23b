/*
 * tempfile.h -- new content beside its destination, put in its place in one step.
 *
 * A temporary lives in the destination's directory, so that placing it is a rename
 * on one file system.  It is nameless (O_TMPFILE) where the file system has that, until it is
 * placed or named; a name it has before that is private (dirscan.h), and removed with its pool,
 * wherever its directory has been moved.
 */
#ifndef PROVIDER_TEMPFILE_H
#define PROVIDER_TEMPFILE_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "propstore/filestat.h"
#include "propstore/process.h"

/** Where the process's open descriptors have names. */
#define TEMPFILE_DESCRIPTORS "/proc/self/fd"

/** Whether they have: not without /proc, as in a chroot. */
int tempfile_has_descriptors(void);

/** A temporary file. */
typedef struct tempfile_t tempfile_t;

/**
 * Create one for what will be at PATH.
 * @param result_pool its lifetime; what was not placed is gone with it
 * @return APR_SUCCESS; ENOENT or ENOTDIR if PATH's directory is not there; the system's error
 */
apr_status_t tempfile_create(tempfile_t **temp_p, const char *path, apr_pool_t *result_pool);

/** Its descriptor, open for reading and writing. */
int tempfile_fd(const tempfile_t *temp);

/**
 * Give it the permissions, owner, group, extended attributes and ACL of the file it is to
 * replace, as far as this process may; but not set-user-ID and set-group-ID, which writing takes
 * away as well.
 * @param from_path the file to take them from; a symbolic link is not followed
 * @return APR_SUCCESS; ENOENT if it is gone, or is a link; the system's error
 */
apr_status_t tempfile_inherit(tempfile_t *temp, const char *from_path);

/**
 * Let the disk begin with what was written to FD, without waiting for it.
 * @return APR_SUCCESS, also where the system cannot; the system's error, of which a later sync need
 *         not tell
 */
apr_status_t tempfile_begin_sync(int fd);

/** Make what was written to it durable.  @return APR_SUCCESS or the system's error */
apr_status_t tempfile_sync(const tempfile_t *temp);

/**
 * Give it a private name, if it has none: what tempfile_swap() needs where something is replaced,
 * and does itself unless this was done before.
 * @return APR_SUCCESS or the system's error
 */
apr_status_t tempfile_make_named(tempfile_t *temp);

/**
 * Put it at its path, in the place of what is there if REPLACE.  It takes no time; that it is
 * durable needs a tempfile_sync() before, and tempfile_sync_directory() after.
 * @return APR_SUCCESS; EEXIST if something is there and not REPLACE; the system's error
 */
apr_status_t tempfile_swap(tempfile_t *temp, int replace);

/** All three.  @return as tempfile_swap() */
apr_status_t tempfile_place(tempfile_t *temp, int replace);

/** The directory of its path. */
const char *tempfile_directory(const tempfile_t *temp);

/**
 * A private name for a member of DIRECTORY, random so that nobody else has it.  It tells of
 * this process.
 * @param path_p set to a full path in RESULT_POOL
 * @return APR_SUCCESS or the system's error
 */
apr_status_t tempfile_name(const char **path_p, const char *directory, apr_pool_t *result_pool);

/** Whose private name the file name NAME is.  @return 0 if it is none */
int tempfile_owner(process_t *owner, const char *name);

/**
 * Make what FD is open on durable: a directory's entries, or a file's content.
 * @return APR_SUCCESS, also where a directory needs none of it; the system's error
 */
apr_status_t tempfile_sync_open(int fd);

/**
 * Make DIRECTORY's entries durable, also if it has been moved away or removed since they were
 * changed.
 * @return APR_SUCCESS or the system's error
 */
apr_status_t tempfile_sync_directory(const char *directory);

#endif /* PROVIDER_TEMPFILE_H */
