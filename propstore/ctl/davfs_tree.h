/*
 * davfs_tree.h -- where mod_dav_fs keeps its property databases: in each collection a directory
 * .DAV, with a database for each member that has properties, and one for the collection itself.
 *
 * No link below the top is followed, whoever moves things about meanwhile.
 */
#ifndef PROPSTORE_CTL_DAVFS_TREE_H
#define PROPSTORE_CTL_DAVFS_TREE_H

#include "propstore/ctl/davfs_dbm.h"

/** A property database. */
typedef struct davfs_found_t {
    const char *path;  /**< of the resource: the top's path, and what follows */
    int is_member;     /**< whether it is a member's; otherwise the collection's own */
    int directory;     /**< the directory that it is in, open */
    const char *name;  /**< its name there, for davfs_reader_read() */
    davfs_kind_e kind; /**< never DAVFS_UNKNOWN */
} davfs_found_t;

/** What a walk calls.  All that is passed is valid during the call only. */
typedef struct davfs_tree_hooks_t {
    void *baton;
    /** For each database.  @return APR_SUCCESS to go on; all else ends the walk */
    apr_status_t (*found)(void *baton, const davfs_found_t *found, apr_pool_t *scratch_pool);
    /** For each thing that cannot be looked into: why, in words, and STATUS if that says more. */
    void (*problem)(void *baton, const char *path, apr_status_t status, const char *why);
} davfs_tree_hooks_t;

/**
 * Look for databases in the collection TOP and all below.
 * @param top an absolute path; it may lead through links itself
 * @return APR_SUCCESS; the system's error if TOP cannot be opened; what found() answered
 */
apr_status_t davfs_tree_walk(const char *top, const davfs_tree_hooks_t *hooks,
                             apr_pool_t *scratch_pool);

#endif /* PROPSTORE_CTL_DAVFS_TREE_H */
