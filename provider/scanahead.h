/*
 * scanahead.h -- reading a directory ahead of whoever works on its members.
 *
 * Much of what a listing costs is statx(2), once a member.  In a large directory a thread of its
 * own does that while the request's thread looks properties up and writes, if the machine has a
 * processor for it; where it is behind, the request's thread does not wait but reads a batch as
 * well.  Small directories are read on the spot, where a thread would cost more than it saves.
 */
#ifndef PROVIDER_SCANAHEAD_H
#define PROVIDER_SCANAHEAD_H

#include "provider/dirscan.h"

/** The most members that scanahead_read() hands out at a time. */
#define SCANAHEAD_BATCH 64

/**
 * Have threads for reading ahead in this process, as many as it has processors beside the one of
 * the request; they are made when they are first needed.  Before it, and where that fails, all is
 * read on the spot.
 * @param process_pool ends them
 * @return APR_SUCCESS or the system's error
 */
apr_status_t scanahead_init(apr_pool_t *process_pool);

/** A directory being read. */
typedef struct scanahead_t scanahead_t;

/**
 * Read SCAN's members, ahead once they turn out to be many.
 * @param scan nobody else uses it until RESULT_POOL is cleared, unless AFTER is 0
 * @param want_stat as for dirscan_read()
 * @param after members after which a thread reads ahead, if one is free; 0: never
 * @param result_pool lifetime of the reading
 */
scanahead_t *scanahead_create(dirscan_t *scan, int want_stat, int after, apr_pool_t *result_pool);

/**
 * Read the next members, as dirscan_read() does.
 * @param entries_p set to them; they and their names live until the next call
 * @param count_p set to how many they are; 0 at the end
 * @return APR_SUCCESS or the system's error, after which there is no further call
 */
apr_status_t scanahead_read(dirscan_entry_t **entries_p, int *count_p, scanahead_t *ahead);

#endif /* PROVIDER_SCANAHEAD_H */
