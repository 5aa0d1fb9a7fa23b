/*
 * scanahead.h -- reading a directory ahead of whoever works on its members.
 *
 * Much of what a listing costs is statx(2), once a member.  In a large directory a thread of its
 * own does that while the request's thread looks properties up and writes, if the machine has a
 * processor for it.  Small directories are read on the spot, where a thread would cost more than
 * it saves.
 */
#ifndef PROVIDER_SCANAHEAD_H
#define PROVIDER_SCANAHEAD_H

#include "provider/dirscan.h"

/** The most members that scanahead_read() hands out at a time. */
#define SCANAHEAD_BATCH 64

/** Members after which a directory counts as large. */
#define SCANAHEAD_LARGE 512

/** A directory being read. */
typedef struct scanahead_t scanahead_t;

/**
 * Read SCAN's members, ahead once they turn out to be many.
 * @param scan nobody else uses it until RESULT_POOL is cleared, unless MAX_THREADS is 0
 * @param want_stat as for dirscan_read()
 * @param max_threads how many threads at most may read ahead in this process at the same time, for
 *                    this directory to have one; 0: none
 * @param result_pool lifetime of the reading; clearing it ends the thread
 */
scanahead_t *scanahead_create(dirscan_t *scan, int want_stat, unsigned max_threads,
                              apr_pool_t *result_pool);

/**
 * Read the next members, as dirscan_read() does.
 * @param entries_p set to them; they and their names live until the next call
 * @param count_p set to how many they are; 0 at the end
 * @return APR_SUCCESS or the system's error, after which there is no further call
 */
apr_status_t scanahead_read(dirscan_entry_t **entries_p, int *count_p, scanahead_t *ahead);

/**
 * How many threads are worth having: as many as there are processors beside the request's own.
 * The answer is found once in a process.
 */
unsigned scanahead_processors(void);

#endif /* PROVIDER_SCANAHEAD_H */
