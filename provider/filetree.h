/*
 * filetree.h -- removing and copying whole trees of files, member by member.
 *
 * Neither follows symbolic links: a link is removed or made anew as a link.  Both go from open
 * directory to open directory, so a link put into a tree on the way leads them nowhere.  A member
 * that fails does not keep the others from being done; it is reported.
 */
#ifndef PROVIDER_FILETREE_H
#define PROVIDER_FILETREE_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "propstore/filestat.h"

/**
 * Told of a member that could not be done.  A collection above one that was told of is not.
 * @param below its path below the top, beginning with a slash; "" for the top itself
 */
typedef void filetree_failed_fn(void *baton, const char *below, int is_collection,
                                apr_status_t status);

/**
 * Remove PATH and all below it.  Collections above a member that failed stay.
 * @param failed may be NULL
 * @return APR_SUCCESS if nothing is left; else the first failure
 */
apr_status_t filetree_remove(const char *path, filetree_failed_fn *failed, void *baton,
                             apr_pool_t *scratch_pool);

/**
 * Copy FROM to TO, which must not exist.  Permissions are kept within the umask; private
 * names, FIFOs, sockets and devices are left out.  When there is no space, all of it ends.
 * The copy is on disk when this returns, but for its own name.
 * @param linked what FROM may be a symbolic link to; NULL: FROM must be no link
 * @param recurse whether a collection's members are copied too
 * @return APR_SUCCESS if what can be copied was, whatever FAILED was told; or why TO could
 *         not be made, or that there is no space: what was made of it is then to be removed
 */
apr_status_t filetree_copy(const char *from, const filestat_t *linked, const char *to, int recurse,
                           filetree_failed_fn *failed, void *baton, apr_pool_t *scratch_pool);

#endif /* PROVIDER_FILETREE_H */
