/*
 * treesync.h -- making a whole tree of new files durable.
 *
 * To sync each of many files costs a wait for the device a file, so a tree of many has its file
 * system synced once, by syncfs(2).  That also writes what others have not synced yet, which may
 * be gigabytes, so a tree of few members is synced member by member.
 */
#ifndef PROVIDER_TREESYNC_H
#define PROVIDER_TREESYNC_H

#include <apr_errno.h>

/** Members up to which a tree has few: that many waits for the device, at most. */
#define TREESYNC_FEW 8

/** A tree that is being made. */
typedef struct treesync_t {
    int top;               /**< -1: a file alone */
    int can_tell;          /**< syncfs(2) tells of failures */
    int fds[TREESYNC_FEW]; /**< COUNT, open until the end */
    int count;
    int syncs_all; /**< there are more, or one that was lost sight of */
} treesync_t;

/**
 * Begin a tree, before there is anything in it.
 * @param top_fd its top, open; the caller's; -1: there is only a file
 * @return APR_SUCCESS or the system's error
 */
apr_status_t treesync_begin(treesync_t *sync, int top_fd);

/**
 * Add a file, of which all is written.
 * @param fd it; closed here or at the end, whatever the answer
 * @return APR_SUCCESS or the system's error
 */
apr_status_t treesync_add_file(treesync_t *sync, int fd);

/**
 * Add a collection other than the top, all whose members are added.
 * @param fd it, the caller's; -1 if it could not be opened again
 * @return APR_SUCCESS or the system's error
 */
apr_status_t treesync_add_collection(treesync_t *sync, int fd);

/**
 * See that all that was added is on disk, but for the top's own name.
 * @param status what making the tree came to: if not APR_SUCCESS, nothing is synced
 * @return STATUS; APR_SUCCESS; why something could not be written
 */
apr_status_t treesync_end(treesync_t *sync, apr_status_t status);

#endif /* PROVIDER_TREESYNC_H */
