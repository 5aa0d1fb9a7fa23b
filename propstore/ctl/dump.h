/*
 * dump.h -- a whole store as lines of text, and back.  propstore/DUMP describes the form.
 */
#ifndef PROPSTORE_CTL_DUMP_H
#define PROPSTORE_CTL_DUMP_H

#include <stdio.h>

#include "propstore/ctl/ctl.h"
#include "propstore/meta.h"

/** What was dumped or loaded. */
typedef struct dump_result_t {
    char uuid[META_UUID_SIZE];
    apr_uint64_t lines;   /**< so far; without the last */
    apr_uint64_t records; /**< keys in the store */
    const char *error;    /**< why not, in words, when that was the answer; in the pool */
} dump_result_t;

/**
 * Hears how far it is.
 * @param done keys or bytes; what TOTAL counts
 * @return non-zero to go on; 0 to give up, which answers APR_EINTR
 */
typedef int dump_step_fn(void *baton, apr_uint64_t done);

/**
 * Write all of STORE to TO, as of one moment.  Each key and value is compared with what loading
 * the lines would make: a store that is not sound is refused at the end.
 * @param step called with the number of keys that have been told
 * @return APR_SUCCESS; STORE_CORRUPT with RESULT's error; APR_EINTR; the store's error, or that of
 *         writing; then TO holds a part, without the last line
 */
apr_status_t dump_write(dump_result_t *result, FILE *to, store_t *store, dump_step_fn *step,
                        void *baton, apr_pool_t *pool);

/** A dump that is being read. */
typedef struct dump_source_t dump_source_t;

/**
 * Begin to read from the open file FD.
 * @param pool lifetime of *SOURCE_P
 */
void dump_source(dump_source_t **source_p, int fd, apr_pool_t *pool);

/**
 * Read the first line, which says what the rest is.
 * @return APR_SUCCESS; APR_EGENERAL with RESULT's error; APR_EINTR; the error of reading
 */
apr_status_t dump_read_head(dump_result_t *result, dump_source_t *source, dump_step_fn *step,
                            void *baton);

/**
 * Read the rest into STORE, which must hold nothing but what meta_prepare() makes, in one
 * transaction.  Each line is verified.
 * @param step called with the number of bytes that have been read
 * @return APR_SUCCESS; APR_EGENERAL with RESULT's error, which names the line; APR_EEXIST if STORE
 *         holds something; APR_EINTR; the error of reading; the store's error; nothing has
 *         changed then
 */
apr_status_t dump_read(dump_result_t *result, dump_source_t *source, store_t *store,
                       dump_step_fn *step, void *baton, apr_pool_t *pool);

#endif /* PROPSTORE_CTL_DUMP_H */
