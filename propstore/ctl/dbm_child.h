/*
 * dbm_child.h -- reading DBM files, of any kind that apr_dbm has, in a process of its own.
 *
 * The libraries behind apr_dbm trust what they read: a damaged file may end the process, or keep
 * it busy for ever.  So a child reads, one file after the other, and is begun anew after that.
 */
#ifndef PROPSTORE_CTL_DBM_CHILD_H
#define PROPSTORE_CTL_DBM_CHILD_H

#include <apr_tables.h>

#include "propstore/store.h"

/** What a DBM file holds under one key. */
typedef struct dbm_pair_t {
    store_slice_t key;
    store_slice_t value;
} dbm_pair_t;

/** Bytes of all pairs of one file; what has more is taken for damaged. */
#define DBM_BYTES_MAX ((apr_size_t)1 << 30)

typedef struct dbm_child_t dbm_child_t;

/**
 * Prepare a child; it is started when it is needed.
 * @param result_pool its end ends the child
 */
dbm_child_t *dbm_child_make(apr_pool_t *result_pool);

/**
 * Read all of the file PATH.
 * @param pairs dbm_pair_t is pushed to it, with copies in its pool; of use with APR_SUCCESS alone
 * @param type as apr_dbm_open_ex() has it: "db", "gdbm", "sdbm"
 * @param path as apr_dbm_open_ex() has it; the file may be locked or marked by being read, so it
 *        should be a copy
 * @return APR_SUCCESS; STORE_CORRUPT if it cannot be read, whatever happened; APR_EDSOOPEN or
 *         APR_ENOTIMPL if APR has no driver for this type; or the system's error
 */
apr_status_t dbm_child_read(apr_array_header_t *pairs, dbm_child_t *child, const char *type,
                            const char *path);

#endif /* PROPSTORE_CTL_DBM_CHILD_H */
