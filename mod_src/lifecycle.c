#include "mod_src/lifecycle.h"

#include <errno.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <unixd.h>

#include "mod_src/config.h"
#include "mod_src/directives.h"
#include "mod_src/mod_dav_depot.h"
#include "propstore/meta.h"

APLOG_USE_MODULE(dav_depot);

/** store_log_fn: into httpd's error log. */
static void log_to_httpd(void *baton, store_log_level_e level, apr_status_t status,
                         const char *message)
{
    static const int levels[] = {
        [STORE_LOG_ERROR] = APLOG_ERR,
        [STORE_LOG_WARNING] = APLOG_WARNING,
        [STORE_LOG_INFO] = APLOG_INFO,
        [STORE_LOG_DEBUG] = APLOG_DEBUG,
    };

    /* The store's own codes mean nothing to httpd, which would print "Unknown error". */
    if (status >= STORE_STATUS_START)
        status = 0;
    ap_log_error(APLOG_MARK, levels[level], status, (server_rec *)baton, "%s", message);
}

static store_log_t log_of(server_rec *s)
{
    store_log_t log = {log_to_httpd, s};

    return log;
}

/**
 * The distinct stores of all servers: servers that name the same one share its record from
 * then on, since LMDB must not open it twice in a process.
 */
static apr_array_header_t *distinct_stores(server_rec *s, apr_pool_t *result_pool)
{
    apr_array_header_t *stores = apr_array_make(result_pool, 4, sizeof(depot_store_t *));
    apr_hash_t *seen = apr_hash_make(result_pool);

    for (; s != NULL; s = s->next) {
        depot_server_config_t *server = config_of_server(s);
        depot_store_t *first;

        if (server->store == NULL)
            continue;
        first = apr_hash_get(seen, server->store->text, APR_HASH_KEY_STRING);
        if (first == NULL) {
            first = server->store;
            apr_hash_set(seen, first->text, APR_HASH_KEY_STRING, first);
            APR_ARRAY_PUSH(stores, depot_store_t *) = first;
        }
        server->store = first;
    }
    return stores;
}

static apr_status_t give_away(const char *path)
{
    if (lchown(path, ap_unixd_config.user_id, ap_unixd_config.group_id) != 0 && errno != ENOENT)
        return errno;
    return APR_SUCCESS;
}

/** Hand the store's directory and files to the user that children run as. */
static apr_status_t hand_over(const store_spec_t *spec, apr_pool_t *scratch_pool)
{
    static const char *const files[] = {"", "/data.mdb", "/lock.mdb"};
    const char *path = store_spec_path(spec);
    apr_status_t status = APR_SUCCESS;

    if (path == NULL || geteuid() != 0)
        return APR_SUCCESS;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && status == APR_SUCCESS; i++)
        status = give_away(apr_pstrcat(scratch_pool, path, files[i], NULL));
    return status;
}

/** Open, check and close STORE, as the parent. */
static apr_status_t prepare_store(const depot_store_t *store, server_rec *s,
                                  apr_pool_t *scratch_pool)
{
    store_log_t log = log_of(s);
    store_t *open;
    char words[256];
    apr_status_t status = store_open(&open, store->spec, &log, scratch_pool);

    if (status == APR_SUCCESS) {
        status = meta_prepare(open, scratch_pool);
        store_close(open);
    }
    if (status == APR_SUCCESS)
        status = hand_over(store->spec, scratch_pool);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     DIRECTIVE_STORE " %s cannot be used: %s; httpd does not start", store->text,
                     store_strerror(status, words, sizeof(words)));
    return status;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *stores = distinct_stores(s, ptemp);

    (void)pconf;
    (void)plog;
    /* The first of the two passes only tries the configuration out. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    for (int i = 0; i < stores->nelts; i++) {
        apr_pool_t *scratch_pool;
        apr_status_t status;

        apr_pool_create(&scratch_pool, ptemp);
        status = prepare_store(APR_ARRAY_IDX(stores, i, depot_store_t *), s, scratch_pool);
        apr_pool_destroy(scratch_pool);
        if (status != APR_SUCCESS)
            return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/** A store's record forgets the store that goes with the child's pool. */
static apr_status_t forget_store(void *baton)
{
    depot_store_t *store = baton;

    store->store = NULL;
    return APR_SUCCESS;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    const apr_array_header_t *stores = distinct_stores(s, pchild);
    store_log_t log = log_of(s);

    for (int i = 0; i < stores->nelts; i++) {
        depot_store_t *store = APR_ARRAY_IDX(stores, i, depot_store_t *);
        apr_status_t status = store_open(&store->store, store->spec, &log, pchild);

        if (status == APR_SUCCESS && !store_is_shared(store->store)) {
            /* Nothing the parent did reaches a store that lives in this process alone. */
            status = meta_prepare(store->store, pchild);
        }
        if (status != APR_SUCCESS) {
            store->store = NULL;
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                         DIRECTIVE_STORE " %s: what needs it is answered with 503", store->text);
        }
        apr_pool_cleanup_register(pchild, store, forget_store, apr_pool_cleanup_null);
    }
}

void lifecycle_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
}
