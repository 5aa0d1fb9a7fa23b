/*
 * davfs_locks.h -- what stands in a lock database of mod_dav_fs.
 *
 * A key is a byte 11 and the path of a resource, with its NUL.  The value is one record after the
 * other, in the layout of the machine that wrote it:
 *
 *   direct    a byte 1, the fixed part (davfs_lock_head_t), the token's 16 bytes, the owner's
 *             element and the user's name, both with their NUL
 *   indirect  a byte 2, the token, a time, the length of a key and the key: that a lock of depth
 *             infinity above covers the resource
 *
 * All is read with doubt: the bytes may be anybody's.
 */
#ifndef PROPSTORE_CTL_DAVFS_LOCKS_H
#define PROPSTORE_CTL_DAVFS_LOCKS_H

#include <apr_tables.h>

#include "propstore/ctl/dbm_child.h"
#include "propstore/locks.h"

/**
 * The path in KEY.
 * @return it, in RESULT_POOL; NULL if KEY is no such key
 */
const char *davfs_lock_path(store_slice_t key, apr_pool_t *result_pool);

/**
 * The direct locks in VALUE.
 * @param locks lock_t is pushed to it, with copies in its pool: token, scope, depth, expiry,
 *        principal, owner as it stands there; also those that have expired
 * @return APR_SUCCESS; STORE_CORRUPT, with those before the damage in LOCKS
 */
apr_status_t davfs_locks_read(apr_array_header_t *locks, store_slice_t value);

#endif /* PROPSTORE_CTL_DAVFS_LOCKS_H */
