/*
 * davfs_dbm.h -- the DBM files of mod_dav_fs, read without touching them.
 *
 * A server may hold them meanwhile.  The libraries behind apr_dbm lock a file that they read, or
 * read what is half written; so a file is copied as soon as nobody writes to it, and the copy is
 * read (dbm_child.h).
 */
#ifndef PROPSTORE_CTL_DAVFS_DBM_H
#define PROPSTORE_CTL_DAVFS_DBM_H

#include "propstore/ctl/dbm_child.h"

/** The kinds of DBM files. */
typedef enum davfs_kind_e {
    DAVFS_UNKNOWN, /**< none that has a mark of its own; sdbm among them */
    DAVFS_DB,      /**< Berkeley DB */
    DAVFS_GDBM,
    DAVFS_SDBM /**< a pair of files, NAME.pag and NAME.dir */
} davfs_kind_e;

/** The name apr_dbm_open_ex() has for KIND, which is not DAVFS_UNKNOWN. */
const char *davfs_kind_name(davfs_kind_e kind);

/** Bytes at the beginning of a file that tell its kind. */
#define DAVFS_HEAD_SIZE 16

/** The kind of the file that begins with the LENGTH bytes at HEAD. */
davfs_kind_e davfs_kind_of(const void *head, apr_size_t length);

/** The end of the names of the two files of an sdbm. */
#define DAVFS_PAG ".pag"
#define DAVFS_DIR ".dir"

/**
 * The kind of the file NAME in DIRECTORY, by its beginning.  Links are not followed.
 * @param directory an open directory, or AT_FDCWD
 * @return APR_SUCCESS; APR_EGENERAL if it is no regular file; the system's error
 */
apr_status_t davfs_kind_read(davfs_kind_e *kind_p, int directory, const char *name);

/** Reads DBM files. */
typedef struct davfs_reader_t davfs_reader_t;

/**
 * @param result_pool its end ends the child and removes the copies
 * @return APR_SUCCESS; the system's error, if there is no place for copies
 */
apr_status_t davfs_reader_make(davfs_reader_t **reader_p, apr_pool_t *result_pool);

/**
 * Read all of a DBM file.
 * @param pairs dbm_pair_t is pushed to it, with copies in its pool
 * @param directory an open directory, or AT_FDCWD
 * @param name the file in it; without the ends .pag and .dir if KIND is DAVFS_SDBM
 * @return APR_SUCCESS; EBUSY if it is written to all the time; else as dbm_child_read()
 */
apr_status_t davfs_reader_read(apr_array_header_t *pairs, davfs_reader_t *reader, davfs_kind_e kind,
                               int directory, const char *name, apr_pool_t *scratch_pool);

#endif /* PROPSTORE_CTL_DAVFS_DBM_H */
