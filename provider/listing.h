/*
 * listing.h -- the pipeline behind PROPFIND: a collection's members, batch by batch,
 * from the directory and the store into the response.
 *
 * A batch is read from the directory, its nodes from the store in one short read
 * transaction, its responses written to memory, the transaction ended, and only then
 * does anything go to the network.  Memory is bounded by a batch for each level of
 * collections entered, whatever their number of members.
 */
#ifndef PROVIDER_LISTING_H
#define PROVIDER_LISTING_H

#include <mod_dav.h>

#include "provider/output.h"
#include "provider/proplist.h"

/** A listing. */
typedef struct listing_t listing_t;

/**
 * Prepare to list RESOURCE; nothing is written yet, so a failure can still be answered.
 * @param r the request
 * @param resource exists; its state is read again if it has changed meanwhile
 * @param depth 0, 1 or DAV_INFINITY, which count for a collection only
 * @param list what to write of each
 * @param result_pool lifetime of the listing
 * @return NULL; 404 if RESOURCE is gone; 403 if the collection may not be read; 503 without a
 *         store; others
 */
dav_error *listing_open(listing_t **listing_p, request_rec *r, dav_resource *resource, int depth,
                        proplist_t *list, apr_pool_t *result_pool);

/**
 * Write RESOURCE's response and its members', passing them on as they become ready.
 * @return APR_SUCCESS; APR_ECONNABORTED or a filter's error when nobody listens any more; the
 *         system's error if a collection could not be read to its end: the response must then
 *         be cut off, since a client would take what is missing for deleted
 */
apr_status_t listing_write(listing_t *listing, output_t *out);

#endif /* PROVIDER_LISTING_H */
