/*
 * structure.h -- whether LMDB's data file holds together.  Private to lmdb/.
 */
#ifndef PROPSTORE_LMDB_STRUCTURE_H
#define PROPSTORE_LMDB_STRUCTURE_H

#include <apr_pools.h>

#include "propstore/store.h"

/** A place to say what is wrong: "page 17 has an entry twice". */
#define STRUCTURE_WORDS_SIZE 160

/** What was found. */
typedef struct structure_t {
    apr_uint64_t used_pages; /**< in the file, by its own account */
    apr_uint64_t seen_pages; /**< that were looked at, or belong to a value that was */
    apr_uint64_t lost_pages; /**< neither used nor free, when all were seen: a waste, no harm */
    char records[STRUCTURE_WORDS_SIZE]; /**< what is wrong with the records' tree; or "" */
    char rest[STRUCTURE_WORDS_SIZE];    /**< with anything else: the list of free pages; or "" */
} structure_t;

/**
 * Look at all pages that a snapshot is made of, with their neighbours in view: each is what
 * leads to it says it is, in order, and used once.  Values that have pages of their own are not
 * read, nor is anything of the meaning of keys and values.
 * @param structure filled in
 * @param fd the data file, open for reading
 * @param page_size in bytes, as LMDB takes it to be
 * @param txn the snapshot's, which a reader holds, so that it does not change
 * @param going asked now and then with the number of bytes seen
 * @return APR_SUCCESS, whatever was found; APR_EAGAIN if TXN's meta page is another's by now;
 *         APR_EINTR; the system's error
 */
apr_status_t structure_read(structure_t *structure, int fd, apr_size_t page_size, apr_uint64_t txn,
                            store_going_fn *going, void *baton, apr_pool_t *scratch_pool);

/**
 * See whether LMDB can open the file DATA: it divides by what the first pages say, and looks where
 * they tell it to.
 * @param words set to what is wrong with them, STRUCTURE_WORDS_SIZE bytes; or ""
 * @return APR_SUCCESS, also for a file that is not there, too short or of another format; or
 *         the system's error
 */
apr_status_t structure_peek(char *words, const char *data);

#endif /* PROPSTORE_LMDB_STRUCTURE_H */
