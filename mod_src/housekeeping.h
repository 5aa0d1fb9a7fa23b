/*
 * housekeeping.h -- what has to be done in a store though no request asks for it.
 *
 * One child at a time looks every few seconds for locks that have expired, and removes them.
 * They are in no answer any more; this is for the room they take.
 */
#ifndef MOD_SRC_HOUSEKEEPING_H
#define MOD_SRC_HOUSEKEEPING_H

#include <apr_tables.h>
#include <httpd.h>

/**
 * Have it done while the server runs, where httpd has mod_watchdog; if not, what has expired
 * goes when a lock is next taken out or removed.
 * @param stores depot_store_t *, as long-lived as PCONF
 */
void housekeeping_register(const apr_array_header_t *stores, server_rec *s, apr_pool_t *pconf);

#endif /* MOD_SRC_HOUSEKEEPING_H */
