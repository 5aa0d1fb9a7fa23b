/*
 * dirscan.h -- reading a directory in batches, relative to open descriptors.
 *
 * A scan works on file names below an open directory, so a path component swapped
 * for a symbolic link in the meantime leads nowhere else.  Scans nest: a child scan
 * is opened through its parent's descriptor.  Trees deeper than the process has
 * descriptors, or than a path can say, are no problem: below DIRSCAN_OPEN_MAX levels
 * a parent gives its descriptor back while a child is open and takes it again, through
 * the child's "..", when that ends.
 */
#ifndef PROVIDER_DIRSCAN_H
#define PROVIDER_DIRSCAN_H

#include <apr_pools.h>

#include "propstore/filestat.h"

/** Levels of a nest of scans that keep a descriptor each. */
#define DIRSCAN_OPEN_MAX 40

/** How symbolic links are treated, after httpd's Options. */
typedef enum dirscan_links_e {
    DIRSCAN_LINKS_HIDE,   /**< they are not there */
    DIRSCAN_LINKS_OWNER,  /**< as their target, if link and target have one owner */
    DIRSCAN_LINKS_FOLLOW, /**< as their target; one that leads nowhere is not there */
    DIRSCAN_LINKS_RAW     /**< as links; and nothing else is hidden either: for removing and
                               copying what is there, whatever it is */
} dirscan_links_e;

/** What a member is. */
typedef enum dirscan_kind_e {
    DIRSCAN_FILE,       /**< a regular file */
    DIRSCAN_COLLECTION, /**< a directory */
    DIRSCAN_LINK,       /**< a symbolic link (RAW only) */
    DIRSCAN_OTHER       /**< a FIFO, socket or device (RAW only) */
} dirscan_kind_e;

/** A member of the directory. */
typedef struct dirscan_entry_t {
    const char *name;
    unsigned char type; /**< a guess from the directory, as readdir(3) has it */
    dirscan_kind_e kind;
    int is_link;         /**< reached through a symbolic link */
    apr_status_t status; /**< APR_SUCCESS, or why its state could not be read: KIND is then a
                              guess from the directory, ST not set */
    filestat_t st;       /**< set if the state was asked for and STATUS is APR_SUCCESS */
} dirscan_entry_t;

/** A scan in progress. */
typedef struct dirscan_t dirscan_t;

/**
 * Open what is at PATH, though a symbolic link may have been put there meanwhile.
 * @param fd_p set to a descriptor, the caller's to close
 * @param flags open(2)'s; O_CLOEXEC is added
 * @param linked what a link at PATH may lead to; NULL: PATH must be no link
 * @return APR_SUCCESS; ELOOP for a link that is not allowed; the system's error
 */
apr_status_t dirscan_open_path(int *fd_p, const char *path, int flags, const filestat_t *linked);

/**
 * Begin to scan the directory at PATH.
 * @param linked as for dirscan_open_path()
 * @param links how symbolic links in it are treated
 * @param result_pool lifetime of the scan; closes it
 * @return APR_SUCCESS; ELOOP; the system's error, ENOTDIR and EACCES among them
 */
apr_status_t dirscan_open_top(dirscan_t **scan_p, const char *path, const filestat_t *linked,
                              dirscan_links_e links, apr_pool_t *result_pool);

/**
 * Begin to scan a collection that another scan has found.
 * @param name a member of PARENT, which is never followed if it is a symbolic link
 * @param links how symbolic links are treated
 * @param result_pool lifetime of the scan; closes it.  A child ends before its parent
 * @return APR_SUCCESS; the system's error, ENOTDIR and EACCES among them
 */
apr_status_t dirscan_open(dirscan_t **scan_p, dirscan_t *parent, const char *name,
                          dirscan_links_e links, apr_pool_t *result_pool);

/**
 * Read the next members, in the directory's own order, without "." and "..", and
 * (unless RAW) without private names and what is neither file nor directory.  A
 * member that vanished meanwhile is left out.
 * @param entries MAX places
 * @param count_p set to how many were filled; 0 at the end
 * @param want_stat whether ST is wanted; without it the file is touched only if the
 *                  directory does not tell its type
 * @param result_pool lifetime of the names
 * @return APR_SUCCESS or the system's error
 */
apr_status_t dirscan_read(dirscan_t *scan, dirscan_entry_t *entries, int max, int *count_p,
                          int want_stat, apr_pool_t *result_pool);

/**
 * The first half of dirscan_read(): the next names, whatever they are.
 * @param entries MAX places, of which NAME and TYPE are set
 * @param count_p set to how many were filled; 0 at the end
 * @param result_pool lifetime of the names
 * @return APR_SUCCESS or the system's error
 */
apr_status_t dirscan_names(dirscan_t *scan, dirscan_entry_t *entries, int max, int *count_p,
                           apr_pool_t *result_pool);

/**
 * The second half: see what dirscan_names() has found.  As long as no child is opened, several
 * threads may do so at a time, and one beside them read names.
 * @param entries COUNT of them; those that are members are moved to the front
 * @return how many these are
 */
int dirscan_look(const dirscan_t *scan, dirscan_entry_t *entries, int count, int want_stat);

/**
 * Told of a member by dirscan_each(); may open a child scan, and must have ended it when it
 * returns.
 * @param scratch_pool cleared after the call
 * @return APR_SUCCESS to go on
 */
typedef apr_status_t dirscan_each_fn(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                                     apr_pool_t *scratch_pool);

/**
 * Read all members that are left, and tell EACH of them one by one.
 * @param want_stat as for dirscan_read()
 * @return APR_SUCCESS; what EACH answered, if that ended it; the system's error
 */
apr_status_t dirscan_each(dirscan_t *scan, int want_stat, dirscan_each_fn *each, void *baton,
                          apr_pool_t *scratch_pool);

/**
 * The open directory, for the *at() functions; valid until a child is opened or the scan ends.
 * @return it, or -1 (which those functions refuse) if it cannot be opened again
 */
int dirscan_fd(dirscan_t *scan);

/** Whether there were temporaries of ours among what has been read (not RAW). */
int dirscan_has_temporaries(const dirscan_t *scan);

/** End the scan before its pool does. */
void dirscan_close(dirscan_t *scan);

/** The policy for symbolic links that httpd's Options (OPT_* bits) ask for. */
dirscan_links_e dirscan_links_for(int options);

/**
 * Whether NAME, one path segment, is kept from clients: our temporaries, and the
 * state directories that mod_dav_fs leaves in a tree.
 */
int dirscan_name_is_private(const char *name);

/** Whether any segment of PATH is private. */
int dirscan_path_is_private(const char *path);

/** What our temporaries' names begin with. */
#define DIRSCAN_TEMP_PREFIX ".dav-depot."

#endif /* PROVIDER_DIRSCAN_H */
