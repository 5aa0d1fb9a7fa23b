#include "propstore/store.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/store_int.h"

/** Longest line sent to a log. */
#define LOG_LINE_MAX 1024

struct store_cursor_t {
    store_txn_t *txn; /* NULL once ended */
    const backend_cursor_vtable_t *vtable;
    backend_cursor_t *impl;
    unsigned long writes; /* the transaction's when the scan began */
    int at_end;
    int has_pair;                 /* store_next() has just given one */
    store_cursor_t *next, **link; /* the transaction's open cursors */
    apr_pool_t *pool;
};

store_slice_t store_slice_str(const char *s)
{
    store_slice_t slice = {s, strlen(s)};

    return slice;
}

/* ---- the store ---- */

static apr_status_t close_at_cleanup(void *baton)
{
    store_t *store = baton;

    if (store->impl != NULL) {
        store->vtable->close(store->impl);
        store->impl = NULL;
    }
    return APR_SUCCESS;
}

/** A store that is yet to be opened. */
static store_t *make_store(const backend_t *backend, const store_spec_t *spec,
                           const store_log_t *log, apr_pool_t *result_pool)
{
    store_t *store = apr_pcalloc(result_pool, sizeof(*store));

    store->backend = backend;
    store->pool = result_pool;
    store->is_shared = spec->is_shared;
    if (log != NULL)
        store->log = *log;
    return store;
}

/** Pass STORE on, which was opened with STATUS. */
static apr_status_t hand_out(store_t **store_p, store_t *store, apr_status_t status)
{
    if (status != APR_SUCCESS)
        return status;
    store->runner = runner_create(store->pool);
    apr_pool_cleanup_register(store->pool, store, close_at_cleanup, apr_pool_cleanup_null);
    *store_p = store;
    return APR_SUCCESS;
}

apr_status_t store_open(store_t **store_p, const store_spec_t *spec, const store_log_t *log,
                        apr_pool_t *result_pool)
{
    const backend_t *backend = store_backend_find(spec->backend, strlen(spec->backend));
    store_t *store;

    if (backend == NULL)
        return STORE_BADSPEC;
    store = make_store(backend, spec, log, result_pool);
    return hand_out(store_p, store,
                    backend->open(&store->impl, &store->vtable, spec, store, result_pool));
}

apr_status_t store_open_copy(store_t **store_p, const store_spec_t *spec, const char *path,
                             const store_log_t *log, apr_pool_t *result_pool)
{
    store_t *store;

    if (!spec->location_is_path)
        return APR_ENOTIMPL;
    store = make_store(store_backend_of(spec), spec, log, result_pool);
    store->is_copy = 1;
    return hand_out(
        store_p, store,
        store->backend->open_copy(&store->impl, &store->vtable, path, store, result_pool));
}

void store_close(store_t *store)
{
    apr_pool_cleanup_run(store->pool, store, close_at_cleanup);
}

const char *store_backend_name(const store_t *store)
{
    return store->backend->name;
}

int store_is_shared(const store_t *store)
{
    return store->is_shared;
}

store_t *store_undecorated(store_t *store)
{
    return store->vtable->inner != NULL ? store->vtable->inner(store->impl) : store;
}

void store_log(const store_t *store, store_log_level_e level, apr_status_t status,
               const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;

    if (store->log.log == NULL)
        return;
    va_start(args, format);
    apr_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    store->log.log(store->log.baton, level, status, line);
}

apr_status_t store_stat(store_t *store, store_stat_t *stat_p)
{
    if (store->impl == NULL)
        return STORE_MISUSE;
    memset(stat_p, 0, sizeof(*stat_p));
    return store->vtable->stat(store->impl, stat_p);
}

apr_status_t store_readers(apr_array_header_t *readers, store_t *store)
{
    if (store->impl == NULL)
        return STORE_MISUSE;
    return store->vtable->readers(readers, store->impl);
}

apr_status_t store_verify(store_verified_t *verified, store_t *store, store_going_fn *going,
                          void *baton, apr_pool_t *scratch_pool)
{
    if (store->impl == NULL)
        return STORE_MISUSE;
    memset(verified, 0, sizeof(*verified));
    return store->vtable->verify(verified, store->impl, going, baton, scratch_pool);
}

apr_status_t store_copy(store_t *store, apr_file_t *file, store_going_fn *going, void *baton,
                        apr_pool_t *scratch_pool)
{
    if (store->impl == NULL)
        return STORE_MISUSE;
    return store->vtable->copy(store->impl, file, going, baton, scratch_pool);
}

/* ---- transactions ---- */

static void end_cursor(store_cursor_t *cursor)
{
    cursor->vtable->end(cursor->impl);
    *cursor->link = cursor->next;
    if (cursor->next != NULL)
        cursor->next->link = cursor->link;
    cursor->txn = NULL;
}

void store_end_cursors(store_txn_t *txn)
{
    while (txn->cursors != NULL)
        store_scan_end(txn->cursors);
}

/** What forbids any call on TXN, or APR_SUCCESS. */
static apr_status_t check_open(const store_txn_t *txn)
{
    return txn->impl != NULL && txn->child == NULL ? txn->failed : STORE_MISUSE;
}

/** What forbids a write in TXN, or APR_SUCCESS; counts the write that follows. */
static apr_status_t check_write(store_txn_t *txn)
{
    apr_status_t status = check_open(txn);

    if (status == APR_SUCCESS && txn->mode != STORE_WRITE)
        status = STORE_READONLY;
    txn->writes += status == APR_SUCCESS;
    return status;
}

/** What is left to do for TXN when the backend's part is about to end.  @return that part */
static backend_txn_t *end_txn(store_txn_t *txn)
{
    backend_txn_t *impl = txn->impl;

    store_end_cursors(txn);
    txn->impl = NULL;
    if (txn->parent != NULL)
        txn->parent->child = NULL;
    return impl;
}

static apr_status_t abort_at_cleanup(void *baton)
{
    store_txn_t *txn = baton;

    if (txn->impl != NULL) {
        if (txn->child != NULL)
            store_abort(txn->child);
        txn->vtable->abort(end_txn(txn));
    }
    return APR_SUCCESS;
}

/** A transaction that is yet to be begun. */
static store_txn_t *make_txn(store_t *store, store_mode_e mode, apr_pool_t *result_pool)
{
    store_txn_t *txn = apr_pcalloc(result_pool, sizeof(*txn));

    txn->store = store;
    txn->mode = mode;
    txn->pool = result_pool;
    return txn;
}

apr_status_t store_begin(store_txn_t **txn_p, store_t *store, store_mode_e mode,
                         apr_pool_t *result_pool)
{
    store_txn_t *txn;
    apr_status_t status;

    if (store->impl == NULL)
        return STORE_MISUSE;
    if (mode == STORE_WRITE && store->is_copy)
        return STORE_READONLY;
    txn = make_txn(store, mode, result_pool);
    status = store->vtable->begin(&txn->impl, &txn->vtable, store->impl, mode, result_pool);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_cleanup_register(result_pool, txn, abort_at_cleanup, apr_pool_cleanup_null);
    *txn_p = txn;
    return APR_SUCCESS;
}

apr_status_t store_nest(store_txn_t **txn_p, store_txn_t *parent, apr_pool_t *result_pool)
{
    store_txn_t *txn;
    apr_status_t status = check_write(parent);

    if (status != APR_SUCCESS)
        return status;
    if (parent->vtable->nest == NULL)
        return APR_ENOTIMPL;
    txn = make_txn(parent->store, STORE_WRITE, result_pool);
    txn->vtable = parent->vtable;
    status = txn->vtable->nest(&txn->impl, parent->impl, result_pool);
    if (status != APR_SUCCESS)
        return status;
    txn->parent = parent;
    parent->child = txn;
    apr_pool_cleanup_register(result_pool, txn, abort_at_cleanup, apr_pool_cleanup_null);
    *txn_p = txn;
    return APR_SUCCESS;
}

apr_status_t store_commit(store_txn_t *txn)
{
    apr_status_t status = txn->child != NULL ? STORE_MISUSE : txn->failed;

    if (txn->impl == NULL)
        return STORE_MISUSE;
    if (status != APR_SUCCESS) {
        store_abort(txn);
        return status;
    }
    apr_pool_cleanup_kill(txn->pool, txn, abort_at_cleanup);
    /* What holds something lasting is lasting. */
    if (txn->parent != NULL && txn->writes > 0)
        txn->parent->is_relaxed &= txn->is_relaxed;
    return txn->vtable->commit(end_txn(txn), txn->is_relaxed);
}

void store_relax(store_txn_t *txn)
{
    txn->is_relaxed = 1;
}

void store_abort(store_txn_t *txn)
{
    if (txn->impl != NULL)
        apr_pool_cleanup_run(txn->pool, txn, abort_at_cleanup);
}

store_t *store_txn_store(const store_txn_t *txn)
{
    return txn->store;
}

/* ---- reading and writing ---- */

static int key_is_valid(store_slice_t key)
{
    return key.len >= 1 && key.len <= STORE_KEY_MAX;
}

/** Whether KEY may bound a range: as a key, or empty. */
static int bound_is_valid(store_slice_t key)
{
    return key.len <= STORE_KEY_MAX;
}

apr_status_t store_get(store_txn_t *txn, store_slice_t key, store_slice_t *value_p)
{
    apr_status_t status = check_open(txn);

    if (status != APR_SUCCESS)
        return status;
    if (!key_is_valid(key))
        return STORE_LIMIT;
    return txn->vtable->get(txn->impl, key, value_p);
}

apr_status_t store_get_many(store_txn_t *txn, const store_slice_t *keys, store_slice_t *values,
                            apr_size_t count)
{
    apr_status_t status = check_open(txn);

    if (status != APR_SUCCESS)
        return status;
    for (apr_size_t i = 0; i < count; i++) {
        if (!key_is_valid(keys[i]))
            return STORE_LIMIT;
    }
    return txn->vtable->get_many(txn->impl, keys, values, count);
}

/** Keep in mind whether the write that ended with STATUS spoilt TXN.  @return STATUS */
static apr_status_t note_write(store_txn_t *txn, apr_status_t status)
{
    if (status != STORE_ABSENT && status != STORE_LIMIT)
        txn->failed = status;
    return status;
}

apr_status_t store_put(store_txn_t *txn, store_slice_t key, store_slice_t value)
{
    apr_status_t status = check_write(txn);

    if (status != APR_SUCCESS)
        return status;
    if (!key_is_valid(key) || value.len > STORE_VALUE_MAX)
        return STORE_LIMIT;
    return note_write(txn, txn->vtable->put(txn->impl, key, value));
}

apr_status_t store_del(store_txn_t *txn, store_slice_t key)
{
    apr_status_t status = check_write(txn);

    if (status != APR_SUCCESS)
        return status;
    if (!key_is_valid(key))
        return STORE_LIMIT;
    return note_write(txn, txn->vtable->del(txn->impl, key));
}

apr_status_t store_del_range(store_txn_t *txn, store_slice_t from, store_slice_t to,
                             apr_size_t *count_p)
{
    apr_status_t status = check_write(txn);
    apr_size_t count = 0;

    if (status != APR_SUCCESS)
        return status;
    if (!bound_is_valid(from) || !bound_is_valid(to))
        return STORE_LIMIT;
    status = note_write(txn, txn->vtable->del_range(txn->impl, from, to, &count));
    if (count_p != NULL)
        *count_p = count;
    return status;
}

/* ---- scans ---- */

static apr_status_t end_at_cleanup(void *baton)
{
    store_cursor_t *cursor = baton;

    if (cursor->txn != NULL)
        end_cursor(cursor);
    return APR_SUCCESS;
}

static store_slice_t copy_slice(store_slice_t slice, apr_pool_t *result_pool)
{
    store_slice_t copy = {slice.len ? apr_pmemdup(result_pool, slice.data, slice.len) : NULL,
                          slice.len};

    return copy;
}

apr_status_t store_scan(store_cursor_t **cursor_p, store_txn_t *txn, const store_range_t *range,
                        apr_pool_t *result_pool)
{
    store_range_t own = *range;
    store_cursor_t *cursor;
    apr_status_t status = check_open(txn);

    if (status != APR_SUCCESS)
        return status;
    if (!bound_is_valid(range->from) || !bound_is_valid(range->to))
        return STORE_LIMIT;

    own.from = copy_slice(range->from, result_pool);
    own.to = copy_slice(range->to, result_pool);
    cursor = apr_pcalloc(result_pool, sizeof(*cursor));
    status = txn->vtable->scan(&cursor->impl, &cursor->vtable, txn->impl, &own, result_pool);
    if (status != APR_SUCCESS)
        return status;

    cursor->txn = txn;
    cursor->writes = txn->writes;
    cursor->pool = result_pool;
    cursor->next = txn->cursors;
    cursor->link = &txn->cursors;
    if (cursor->next != NULL)
        cursor->next->link = &cursor->next;
    txn->cursors = cursor;
    apr_pool_cleanup_register(result_pool, cursor, end_at_cleanup, apr_pool_cleanup_null);
    *cursor_p = cursor;
    return APR_SUCCESS;
}

apr_status_t store_next(store_cursor_t *cursor, store_slice_t *key_p, store_slice_t *value_p)
{
    store_slice_t key, value;
    apr_status_t status;

    if (cursor->txn == NULL || cursor->txn->child != NULL || cursor->writes != cursor->txn->writes)
        return STORE_MISUSE;
    if (cursor->at_end)
        return STORE_ABSENT;
    status = cursor->vtable->next(cursor->impl, &key, &value);
    if (status == STORE_ABSENT)
        cursor->at_end = 1;
    cursor->has_pair = status == APR_SUCCESS;
    if (status != APR_SUCCESS)
        return status;
    if (key_p != NULL)
        *key_p = key;
    if (value_p != NULL)
        *value_p = value;
    return APR_SUCCESS;
}

int store_is_intact(const store_cursor_t *cursor)
{
    return cursor->txn != NULL && cursor->has_pair && cursor->vtable->is_intact(cursor->impl);
}

void store_scan_end(store_cursor_t *cursor)
{
    if (cursor->txn != NULL)
        apr_pool_cleanup_run(cursor->pool, cursor, end_at_cleanup);
}

/* ---- words ---- */

char *store_strerror(apr_status_t status, char *buf, apr_size_t size)
{
    static const char *const words[] = {
        [STORE_ABSENT - STORE_STATUS_START] = "not in the store",
        [STORE_CONFLICT - STORE_STATUS_START] = "another writer was first",
        [STORE_FULL - STORE_STATUS_START] = "the store or its device is full",
        [STORE_READONLY - STORE_STATUS_START] = "the store or the transaction is read-only",
        [STORE_CORRUPT - STORE_STATUS_START] = "the store is corrupt",
        [STORE_FORMAT - STORE_STATUS_START] = "the store is of an unknown format",
        [STORE_LIMIT - STORE_STATUS_START] = "outside a limit of the store",
        [STORE_BUSY - STORE_STATUS_START] = "no place for another reader",
        [STORE_MISUSE - STORE_STATUS_START] = "a forbidden call on the store",
        [STORE_BADSPEC - STORE_STATUS_START] = "no such kind of store",
        [STORE_LOCKED - STORE_STATUS_START] = "another lock is in the way",
        [STORE_NOTHING - STORE_STATUS_START] = "there is nothing to commit",
    };

    if (status >= STORE_STATUS_START &&
        status < STORE_STATUS_START + (apr_status_t)(sizeof(words) / sizeof(words[0]))) {
        apr_cpystrn(buf, words[status - STORE_STATUS_START], size);
        return buf;
    }
    return apr_strerror(status, buf, size);
}
