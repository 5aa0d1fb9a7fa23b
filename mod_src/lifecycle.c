#include "mod_src/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_hash.h>
#include <apr_signal.h>
#include <apr_thread_proc.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <mpm_common.h>
#include <unixd.h>

#include "mod_src/config.h"
#include "mod_src/directives.h"
#include "mod_src/housekeeping.h"
#include "mod_src/mod_dav_depot.h"
#include "propstore/meta.h"
#include "provider/provider.h"
#include "provider/scanahead.h"
#include "provider/sweep.h"

APLOG_USE_MODULE(dav_depot);

/** How long httpd's start may take to read a store through. */
#define READ_THROUGH_MAX apr_time_from_sec(2)

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

/** Give the file behind FD to the user that children run as, if it is root's. */
static apr_status_t give(int fd, const struct stat *st)
{
    if (st->st_uid != 0)
        return APR_SUCCESS;
    if (fchownat(fd, "", ap_unixd_config.user_id, ap_unixd_config.group_id, AT_EMPTY_PATH) != 0)
        return errno;
    return APR_SUCCESS;
}

/**
 * The same for the file NAME in DIRECTORY, which may belong to that user already: root must not
 * be talked into giving away what a link there leads to.
 */
static apr_status_t give_file(int directory, const char *name)
{
    int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    apr_status_t status = APR_SUCCESS;
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? APR_SUCCESS : errno;
    if (fstat(fd, &st) != 0)
        status = errno;
    else if (S_ISREG(st.st_mode) && st.st_nlink == 1)
        status = give(fd, &st);
    close(fd);
    return status;
}

/** Whether NAME is one of FILES, which ends with NULL. */
static int is_among(const char *const *files, const char *name)
{
    while (*files != NULL && strcmp(*files, name) != 0)
        files++;
    return *files != NULL;
}

/** Whether PATH has nothing but FILES; a directory with more is somebody's, or a mistake. */
static apr_status_t holds_only(int *only_p, const char *const *files, const char *path,
                               apr_pool_t *scratch_pool)
{
    apr_finfo_t entry;
    apr_dir_t *dir;
    apr_status_t status = apr_dir_open(&dir, path, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    *only_p = 1;
    while ((status = apr_dir_read(&entry, APR_FINFO_NAME, dir)) == APR_SUCCESS) {
        if (strcmp(entry.name, ".") != 0 && strcmp(entry.name, "..") != 0 &&
            !is_among(files, entry.name))
            *only_p = 0;
    }
    apr_dir_close(dir);
    return APR_STATUS_IS_ENOENT(status) ? APR_SUCCESS : status;
}

/**
 * As root: make the store's directory PATH if it is missing, and hand it and the store's FILES
 * in it to the user that children run as.
 */
static apr_status_t hand_over(const char *path, const char *const *files, apr_pool_t *scratch_pool)
{
    apr_status_t status;
    struct stat st;
    int directory, only = 0;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return errno;
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno;
    status = fstat(directory, &st) == 0 ? APR_SUCCESS : errno;
    if (status == APR_SUCCESS)
        status = holds_only(&only, files, path, scratch_pool);
    if (status == APR_SUCCESS && only)
        status = give(directory, &st);
    for (; *files != NULL && status == APR_SUCCESS; files++)
        status = give_file(directory, *files);
    close(directory);
    return status;
}

static void log_unusable(const depot_store_t *store, apr_status_t status, server_rec *s)
{
    char words[256];

    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                 DIRECTIVE_STORE " %s cannot be used by user id %ld: %s; httpd does not start",
                 store->text, (long)geteuid(), store_strerror(status, words, sizeof(words)));
}

/** See that STORE is sound, and is one of ours; it becomes one if it is empty. */
static apr_status_t check_store(store_t *store, apr_pool_t *scratch_pool)
{
    const apr_time_t until = apr_time_now() + READ_THROUGH_MAX;
    apr_status_t status = meta_verify(store, until, scratch_pool);

    if (status == APR_SUCCESS)
        status = meta_prepare(store, scratch_pool);
    if (status == APR_SUCCESS)
        status = meta_read_through(store, until, scratch_pool);
    /* After a crash; what living processes are at is left to them. */
    return status == APR_SUCCESS ? sweep_run(store, scratch_pool) : status;
}

/** Open, check and close STORE with a child's rights.  @return the exit status to end with */
static int try_store(const depot_store_t *store, server_rec *s, apr_pool_t *scratch_pool)
{
    store_log_t log = log_of(s);
    apr_status_t status;
    store_t *open;

    /* Should they come, the parent says what happened, not a handler. */
    apr_signal(SIGBUS, SIG_DFL);
    apr_signal(SIGSEGV, SIG_DFL);
    if (ap_run_drop_privileges(scratch_pool, s) != OK)
        return 1; /* it has been logged */
    status = store_open(&open, store->spec, &log, scratch_pool);
    if (status == APR_SUCCESS) {
        /* The faults that are asked for are meant for requests. */
        status = check_store(store_undecorated(open), scratch_pool);
        store_close(open);
    }
    if (status != APR_SUCCESS)
        log_unusable(store, status, s);
    return status == APR_SUCCESS ? 0 : 1;
}

/**
 * Create and check STORE, in a process of its own: it learns whether children, with their rights,
 * can use it, root follows nobody's links, and a data file so damaged that reading it is fatal
 * ends that process instead of this one.
 * @return whether the store can be used; if not, it has been logged
 */
static int prepare_store(const depot_store_t *store, server_rec *s, apr_pool_t *scratch_pool)
{
    const char *path = store_spec_path(store->spec);
    apr_status_t status = APR_SUCCESS;
    apr_exit_why_e why = APR_PROC_EXIT;
    apr_proc_t trial;
    int result = 1;

    if (path != NULL && geteuid() == 0)
        status = hand_over(path, store_files(store->spec), scratch_pool);
    if (status == APR_SUCCESS) {
        status = apr_proc_fork(&trial, scratch_pool);
        if (status == APR_INCHILD)
            _exit(try_store(store, s, scratch_pool));
        if (status == APR_INPARENT)
            status = apr_proc_wait(&trial, &result, &why, APR_WAIT);
    }
    if (status != APR_CHILD_DONE) {
        log_unusable(store, status, s);
        return 0;
    }
    if (!APR_PROC_CHECK_EXIT(why))
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     DIRECTIVE_STORE " %s cannot be used: trying it was ended by signal %d, as "
                                     "happens when its data file is damaged; httpd does not start",
                     store->text, result);
    return APR_PROC_CHECK_EXIT(why) && result == 0;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *stores = distinct_stores(s, pconf);

    (void)plog;
    /* The first of the two passes only tries the configuration out. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    if (stores->nelts == 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "no server has a " DIRECTIVE_STORE
                     ": requests below \"Dav " DEPOT_PROVIDER_NAME
                     "\" that need properties will be answered with 503");
    for (int i = 0; i < stores->nelts; i++) {
        apr_pool_t *scratch_pool;
        int is_usable;

        apr_pool_create(&scratch_pool, ptemp);
        is_usable = prepare_store(APR_ARRAY_IDX(stores, i, depot_store_t *), s, scratch_pool);
        apr_pool_destroy(scratch_pool);
        if (!is_usable)
            return HTTP_INTERNAL_SERVER_ERROR;
    }
    housekeeping_register(stores, s, pconf);
    return OK;
}

/** A store's record forgets the store that goes with the child's pool. */
static apr_status_t forget_store(void *baton)
{
    depot_store_t *store = baton;

    store->store = NULL;
    return APR_SUCCESS;
}

/** Listings are read ahead, or slower. */
static void start_threads(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t status = scanahead_init(pchild);

    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, status, s, "no threads to read directories ahead");
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    const apr_array_header_t *stores = distinct_stores(s, pchild);
    store_log_t log = log_of(s);

    for (int i = 0; i < stores->nelts; i++) {
        depot_store_t *store = APR_ARRAY_IDX(stores, i, depot_store_t *);
        apr_status_t status = store_open(&store->store, store->spec, &log, pchild);

        /* Nothing the parent did reaches a store that lives in this process alone. */
        if (status == APR_SUCCESS)
            status = store_is_shared(store->store)
                         ? meta_check(store_undecorated(store->store), pchild)
                         : meta_prepare(store->store, pchild);
        /* This child may be there because another one died. */
        if (status == APR_SUCCESS)
            status = sweep_run(store->store, pchild);
        if (status != APR_SUCCESS) {
            store->store = NULL;
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                         DIRECTIVE_STORE " %s: what needs it is answered with 503", store->text);
        }
        apr_pool_cleanup_register(pchild, store, forget_store, apr_pool_cleanup_null);
    }
    if (stores->nelts > 0)
        start_threads(pchild, s);
}

void lifecycle_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
}
