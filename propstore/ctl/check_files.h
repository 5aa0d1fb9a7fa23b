/*
 * check_files.h -- whether the resources of a store are the files of a tree.
 *
 * A node remembers by inode and birth time which file had its properties (nodes.h).  So a file
 * that was renamed from outside can be found again, and one that took another's name be told.
 */
#ifndef PROPSTORE_CTL_CHECK_FILES_H
#define PROPSTORE_CTL_CHECK_FILES_H

#include <apr_hash.h>

#include "propstore/ctl/check.h"
#include "propstore/filestat.h"

/**
 * Compare the nodes of TREE and below with the files there.  What a server is doing just now is
 * told apart: what differs is looked at again a moment later, and what an intent speaks of is
 * left out.
 * @param findings CHECK_GONE, CHECK_RENAMED and CHECK_REPLACED are pushed to it, in its pool
 * @param tree an absolute path as the store has it, of a directory
 * @return APR_SUCCESS; APR_EINTR; STORE_CORRUPT if the store must be repaired first; an error
 */
apr_status_t check_files(apr_array_header_t *findings, store_t *store, const char *tree,
                         check_going_fn *going, void *baton, apr_pool_t *scratch_pool);

/**
 * Look in TREE for the files of the nodes to which no way leads.
 * @param paths apr_uint64_t, the node's id -> its file's path is added, in its pool
 * @param findings of check_store()
 * @return APR_SUCCESS; APR_EINTR; the store's error
 */
apr_status_t check_find_orphans(apr_hash_t *paths, const apr_array_header_t *findings,
                                store_t *store, const char *tree, check_going_fn *going,
                                void *baton, apr_pool_t *scratch_pool);

/** Whether ST is certainly the file of FINGERPRINT, wherever it is. */
int check_is_that_file(const node_fingerprint_t *fingerprint, const filestat_t *st);

/**
 * Compare a resource's file with what is known of it.
 * @param gone_p set to whether there is none; what cannot be looked at is not gone
 * @return non-zero if it is gone, or another
 */
int check_file_differs(int *gone_p, const char *path, const node_fingerprint_t *fingerprint);

/** Whether one of INTENTS, intent_t, is about PATH, or what it is in, or what is in it. */
int check_is_intended(const apr_array_header_t *intents, const char *path);

#endif /* PROPSTORE_CTL_CHECK_FILES_H */
