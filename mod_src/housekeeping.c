#include "mod_src/housekeeping.h"

#include <apr_optional.h>
#include <apr_time.h>
#include <http_config.h>
#include <http_log.h>
#include <mod_watchdog.h>

#include "mod_src/config.h"
#include "mod_src/mod_dav_depot.h"
#include "propstore/locks.h"

APLOG_USE_MODULE(dav_depot);

/** How often. */
#define INTERVAL apr_time_from_sec(5)
/** Locks removed in one transaction: others want to write too. */
#define LOCKS_AT_ONCE 256
/** And then let them have their turn: whoever has just had the writer's lock gets it again first.
 */
#define PAUSE apr_time_from_msec(5)

/** Locks that have expired, in one store. */
typedef struct reaping_t {
    apr_int64_t now;
    unsigned count; /* of those removed */
} reaping_t;

static apr_status_t reap_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    reaping_t *reaping = baton;
    apr_status_t status =
        locks_reap(txn, reaping->now, LOCKS_AT_ONCE, &reaping->count, scratch_pool);

    return status == APR_SUCCESS && reaping->count == 0 ? STORE_NOTHING : status;
}

/** ap_watchdog_callback_fn_t */
static apr_status_t look(int state, void *data, apr_pool_t *pool)
{
    const apr_array_header_t *stores = data;

    for (int i = 0; state == AP_WATCHDOG_STATE_RUNNING && i < stores->nelts; i++) {
        store_t *store = APR_ARRAY_IDX(stores, i, depot_store_t *)->store;
        reaping_t reaping = {.now = apr_time_sec(apr_time_now())};
        apr_status_t status = APR_SUCCESS;

        if (store != NULL)
            status = store_write(store, reap_body, &reaping, pool);
        while (status == APR_SUCCESS && reaping.count == LOCKS_AT_ONCE) {
            apr_sleep(PAUSE);
            status = store_write(store, reap_body, &reaping, pool);
        }
        if (status != APR_SUCCESS)
            store_log(store, STORE_LOG_WARNING, status, "expired locks could not be removed");
    }
    return APR_SUCCESS;
}

void housekeeping_register(const apr_array_header_t *stores, server_rec *s, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    ap_watchdog_t *watchdog;
    apr_status_t status;

    if (get == NULL || add == NULL || stores->nelts == 0)
        return;
    status = get(&watchdog, "_dav_depot_", 0, 1, pconf);
    if (status == APR_SUCCESS)
        status = add(watchdog, INTERVAL, stores, look);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, status, s,
                     "expired locks stay in the store until the next LOCK or UNLOCK");
}
