/*
 * migrate.h -- the parts of the command migrate: properties (migrate_props.c), locks
 * (migrate_locks.c), and what they tell (cmd_migrate.c).
 */
#ifndef PROPSTORE_CTL_MIGRATE_H
#define PROPSTORE_CTL_MIGRATE_H

#include "propstore/ctl/ctl.h"
#include "propstore/ctl/davfs_dbm.h"

/** What is done with what was read. */
typedef enum migrate_mode_e {
    MIGRATE_ADD,       /**< set what the store has not */
    MIGRATE_OVERWRITE, /**< set also what it has with another value */
    MIGRATE_DRY,       /**< only find out what MIGRATE_ADD would do */
    MIGRATE_VERIFY     /**< compare */
} migrate_mode_e;

/** What was done, or with MIGRATE_DRY would be. */
typedef struct migrate_counts_t {
    apr_uint64_t resources;   /**< with a database that could be read */
    apr_uint64_t properties;  /**< in those */
    apr_uint64_t set;         /**< properties set */
    apr_uint64_t same;        /**< that the store had */
    apr_uint64_t kept;        /**< that the store had with another value, and keeps */
    apr_uint64_t locks;       /**< live ones read */
    apr_uint64_t taken;       /**< of those, taken over */
    apr_uint64_t expired;     /**< locks that were not read because they have expired */
    apr_uint64_t elsewhere;   /**< nor because they are on resources outside the tree */
    apr_uint64_t problems;    /**< told */
    apr_uint64_t differences; /**< told */
} migrate_counts_t;

/** A run of the command. */
typedef struct migrate_t {
    ctl_t *ctl;
    migrate_mode_e mode;
    const char *top; /**< the tree: absolute, as the server has it, without a slash at the end */
    store_t *store;  /**< NULL: there is none yet, and this is a dry run */
    davfs_reader_t *reader;
    ctl_progress_t *progress;
    migrate_counts_t counts;
} migrate_t;

/** A line that is told once its transaction has come to pass. */
typedef struct migrate_note_t {
    const char *path;
    const char *why; /**< in words */
} migrate_note_t;

/** Tell of what could not be read or taken over; STATUS, unless 0, says more. */
void migrate_problem(migrate_t *migrate, const char *path, apr_status_t status, const char *why);

/** Tell of a difference between the old and the new. */
void migrate_difference(migrate_t *migrate, const char *path, const char *what);

/**
 * Move the tree's properties over, or compare them.
 * @return CTL_FINE, whatever was told; CTL_FAILED, reported
 */
int migrate_props(migrate_t *migrate, apr_pool_t *scratch_pool);

/**
 * Read a lock database.
 * @param pairs_p set to what it holds, dbm_pair_t, in RESULT_POOL
 * @param lockdb as DavLockDB has it
 * @return CTL_FINE; CTL_FAILED, reported
 */
int migrate_locks_read(apr_array_header_t **pairs_p, const migrate_t *migrate, const char *lockdb,
                       apr_pool_t *result_pool);

/**
 * Take over the live locks on the tree's resources, or compare them.
 * @param lockdb where they are from, for reports
 * @param pairs as read
 * @return as migrate_props()
 */
int migrate_locks(migrate_t *migrate, const char *lockdb, const apr_array_header_t *pairs,
                  apr_pool_t *scratch_pool);

#endif /* PROPSTORE_CTL_MIGRATE_H */
