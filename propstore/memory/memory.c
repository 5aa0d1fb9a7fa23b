/*
 * The reference backend: what store.h demands, in the plainest form that does it.
 *
 * The store is one snapshot: an array of pairs in the order of their keys.  Snapshots
 * and pairs never change once others can see them; each counts its holders.  A reader
 * holds the snapshot it began with.  The writer (one at a time) works on a copy of the
 * array, shares the pairs with it, and puts it in the store's place when it commits.
 * Beginning to write costs time in the number of pairs: this is a store for tests and
 * for passing data through, not for serving.
 */
#include "propstore/memory/memory.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

/** A key and its value, in one allocation. */
typedef struct pair_t {
    unsigned holders; /* guarded by the store's mutex */
    apr_size_t key_len, value_len;
    char bytes[]; /* the key, then the value */
} pair_t;

/** A state of the whole store. */
typedef struct snapshot_t {
    unsigned holders; /* guarded by the store's mutex */
    apr_size_t count, room;
    pair_t **pairs;
} snapshot_t;

typedef struct memory_t {
    apr_thread_mutex_t *mutex;  /* guards the current snapshot and all counts of holders */
    apr_thread_mutex_t *writer; /* held by the write transaction */
    snapshot_t *current;
} memory_t;

struct backend_txn_t {
    memory_t *memory;
    backend_txn_t *parent; /* that it is nested in, or NULL */
    snapshot_t *snapshot;  /* a writer's own copy */
    int writes;
};

struct backend_cursor_t {
    const snapshot_t *snapshot;
    apr_size_t at, end; /* what is left: [at, end) */
    int reverse;
};

/* ---- pairs and snapshots ---- */

static store_slice_t key_of(const pair_t *pair)
{
    store_slice_t key = {pair->bytes, pair->key_len};

    return key;
}

static store_slice_t value_of(const pair_t *pair)
{
    store_slice_t value = {pair->bytes + pair->key_len, pair->value_len};

    return value;
}

static int compare(store_slice_t a, store_slice_t b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static pair_t *make_pair(store_slice_t key, store_slice_t value)
{
    pair_t *pair = malloc(sizeof(*pair) + key.len + value.len + 1);

    if (pair == NULL)
        return NULL;
    pair->holders = 1;
    pair->key_len = key.len;
    pair->value_len = value.len;
    memcpy(pair->bytes, key.data, key.len);
    if (value.len > 0)
        memcpy(pair->bytes + key.len, value.data, value.len);
    return pair;
}

/** Where KEY is or would be inserted: the first pair that is not before it. */
static apr_size_t position(const snapshot_t *snapshot, store_slice_t key)
{
    apr_size_t low = 0, high = snapshot->count;

    while (low < high) {
        apr_size_t middle = low + (high - low) / 2;

        if (compare(key_of(snapshot->pairs[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/** Whether the pair at AT is KEY's. */
static int is_at(const snapshot_t *snapshot, apr_size_t at, store_slice_t key)
{
    return at < snapshot->count && compare(key_of(snapshot->pairs[at]), key) == 0;
}

static void release_pair(memory_t *memory, pair_t *pair)
{
    unsigned holders;

    apr_thread_mutex_lock(memory->mutex);
    holders = --pair->holders;
    apr_thread_mutex_unlock(memory->mutex);
    if (holders == 0)
        free(pair);
}

static void release_snapshot(memory_t *memory, snapshot_t *snapshot)
{
    unsigned holders;

    apr_thread_mutex_lock(memory->mutex);
    holders = --snapshot->holders;
    apr_thread_mutex_unlock(memory->mutex);
    if (holders > 0)
        return;
    for (apr_size_t i = 0; i < snapshot->count; i++)
        release_pair(memory, snapshot->pairs[i]);
    free(snapshot->pairs);
    free(snapshot);
}

/** A copy of CURRENT with room for more, for a writer.  NULL without memory. */
static snapshot_t *copy_snapshot(memory_t *memory, const snapshot_t *current)
{
    snapshot_t *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return NULL;
    copy->holders = 1;
    copy->count = current->count;
    copy->room = current->count + 64;
    copy->pairs = malloc(copy->room * sizeof(*copy->pairs));
    if (copy->pairs == NULL) {
        free(copy);
        return NULL;
    }
    apr_thread_mutex_lock(memory->mutex);
    for (apr_size_t i = 0; i < copy->count; i++) {
        copy->pairs[i] = current->pairs[i];
        copy->pairs[i]->holders++;
    }
    apr_thread_mutex_unlock(memory->mutex);
    return copy;
}

/* ---- transactions ---- */

static apr_status_t get(backend_txn_t *txn, store_slice_t key, store_slice_t *value_p)
{
    apr_size_t at = position(txn->snapshot, key);

    if (!is_at(txn->snapshot, at, key))
        return STORE_ABSENT;
    *value_p = value_of(txn->snapshot->pairs[at]);
    return APR_SUCCESS;
}

static apr_status_t get_many(backend_txn_t *txn, const store_slice_t *keys, store_slice_t *values,
                             apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        if (get(txn, keys[i], &values[i]) != APR_SUCCESS)
            memset(&values[i], 0, sizeof(values[i]));
    }
    return APR_SUCCESS;
}

/** Make room for one more pair at AT. */
static apr_status_t open_gap(snapshot_t *snapshot, apr_size_t at)
{
    if (snapshot->count == snapshot->room) {
        apr_size_t room = snapshot->room * 2;
        pair_t **pairs = realloc(snapshot->pairs, room * sizeof(*pairs));

        if (pairs == NULL)
            return STORE_FULL;
        snapshot->pairs = pairs;
        snapshot->room = room;
    }
    memmove(&snapshot->pairs[at + 1], &snapshot->pairs[at],
            (snapshot->count - at) * sizeof(*snapshot->pairs));
    snapshot->count++;
    return APR_SUCCESS;
}

static apr_status_t put(backend_txn_t *txn, store_slice_t key, store_slice_t value)
{
    snapshot_t *snapshot = txn->snapshot;
    apr_size_t at = position(snapshot, key);
    pair_t *pair = make_pair(key, value);

    if (pair == NULL)
        return STORE_FULL;
    if (is_at(snapshot, at, key)) {
        release_pair(txn->memory, snapshot->pairs[at]);
    } else {
        apr_status_t status = open_gap(snapshot, at);

        if (status != APR_SUCCESS) {
            free(pair);
            return status;
        }
    }
    snapshot->pairs[at] = pair;
    return APR_SUCCESS;
}

/** Remove the pairs [FROM, TO). */
static void remove_pairs(backend_txn_t *txn, apr_size_t from, apr_size_t to)
{
    snapshot_t *snapshot = txn->snapshot;

    for (apr_size_t i = from; i < to; i++)
        release_pair(txn->memory, snapshot->pairs[i]);
    memmove(&snapshot->pairs[from], &snapshot->pairs[to],
            (snapshot->count - to) * sizeof(*snapshot->pairs));
    snapshot->count -= to - from;
}

static apr_status_t del(backend_txn_t *txn, store_slice_t key)
{
    apr_size_t at = position(txn->snapshot, key);

    if (!is_at(txn->snapshot, at, key))
        return STORE_ABSENT;
    remove_pairs(txn, at, at + 1);
    return APR_SUCCESS;
}

/** The pairs a range covers: [*LOW_P, *HIGH_P), empty where its ends cross. */
static void cover(const snapshot_t *snapshot, store_slice_t from, store_slice_t to,
                  apr_size_t *low_p, apr_size_t *high_p)
{
    *low_p = from.len ? position(snapshot, from) : 0;
    *high_p = to.len ? position(snapshot, to) : snapshot->count;
    if (*high_p < *low_p)
        *high_p = *low_p;
}

static apr_status_t del_range(backend_txn_t *txn, store_slice_t from, store_slice_t to,
                              apr_size_t *count_p)
{
    apr_size_t low, high;

    cover(txn->snapshot, from, to, &low, &high);
    *count_p = high - low;
    remove_pairs(txn, low, high);
    return APR_SUCCESS;
}

static apr_status_t nest(backend_txn_t **txn_p, backend_txn_t *parent, apr_pool_t *result_pool)
{
    backend_txn_t *txn = apr_pmemdup(result_pool, parent, sizeof(*parent));

    txn->parent = parent;
    txn->snapshot = copy_snapshot(txn->memory, parent->snapshot);
    if (txn->snapshot == NULL)
        return STORE_FULL;
    *txn_p = txn;
    return APR_SUCCESS;
}

static apr_status_t commit(backend_txn_t *txn, int is_relaxed)
{
    memory_t *memory = txn->memory;
    snapshot_t *old = txn->snapshot;

    (void)is_relaxed;
    if (txn->parent != NULL) {
        old = txn->parent->snapshot;
        txn->parent->snapshot = txn->snapshot;
    } else if (txn->writes) {
        apr_thread_mutex_lock(memory->mutex);
        old = memory->current;
        memory->current = txn->snapshot;
        apr_thread_mutex_unlock(memory->mutex);
    }
    release_snapshot(memory, old);
    if (txn->writes && txn->parent == NULL)
        apr_thread_mutex_unlock(memory->writer);
    return APR_SUCCESS;
}

static void abort_txn(backend_txn_t *txn)
{
    release_snapshot(txn->memory, txn->snapshot);
    if (txn->writes && txn->parent == NULL)
        apr_thread_mutex_unlock(txn->memory->writer);
}

/* ---- cursors ---- */

static apr_status_t next(backend_cursor_t *cursor, store_slice_t *key_p, store_slice_t *value_p)
{
    const pair_t *pair;

    if (cursor->at == cursor->end)
        return STORE_ABSENT;
    pair = cursor->snapshot->pairs[cursor->reverse ? --cursor->end : cursor->at++];
    *key_p = key_of(pair);
    *value_p = value_of(pair);
    return APR_SUCCESS;
}

static void end(backend_cursor_t *cursor)
{
    cursor->at = cursor->end;
}

/** Nothing is on a disk. */
static int is_intact(const backend_cursor_t *cursor)
{
    (void)cursor;
    return 1;
}

static const backend_cursor_vtable_t cursor_vtable = {
    .next = next, .is_intact = is_intact, .end = end};

static apr_status_t scan(backend_cursor_t **cursor_p, const backend_cursor_vtable_t **vtable_p,
                         backend_txn_t *txn, const store_range_t *range, apr_pool_t *result_pool)
{
    backend_cursor_t *cursor = apr_palloc(result_pool, sizeof(*cursor));

    cursor->snapshot = txn->snapshot;
    cursor->reverse = range->reverse;
    cover(txn->snapshot, range->from, range->to, &cursor->at, &cursor->end);
    if (range->limit != 0 && cursor->end - cursor->at > range->limit) {
        if (range->reverse)
            cursor->at = cursor->end - range->limit;
        else
            cursor->end = cursor->at + range->limit;
    }
    *cursor_p = cursor;
    *vtable_p = &cursor_vtable;
    return APR_SUCCESS;
}

static const backend_txn_vtable_t txn_vtable = {
    .get = get,
    .get_many = get_many,
    .put = put,
    .del = del,
    .del_range = del_range,
    .scan = scan,
    .nest = nest,
    .commit = commit,
    .abort = abort_txn,
};

/* ---- the store ---- */

static apr_status_t begin(backend_txn_t **txn_p, const backend_txn_vtable_t **vtable_p,
                          void *backend, store_mode_e mode, apr_pool_t *result_pool)
{
    memory_t *memory = backend;
    backend_txn_t *txn = apr_pcalloc(result_pool, sizeof(*txn));

    txn->memory = memory;
    txn->writes = mode == STORE_WRITE;
    if (txn->writes) {
        apr_thread_mutex_lock(memory->writer);
        txn->snapshot = copy_snapshot(memory, memory->current);
        if (txn->snapshot == NULL) {
            apr_thread_mutex_unlock(memory->writer);
            return STORE_FULL;
        }
    } else {
        apr_thread_mutex_lock(memory->mutex);
        txn->snapshot = memory->current;
        txn->snapshot->holders++;
        apr_thread_mutex_unlock(memory->mutex);
    }
    *txn_p = txn;
    *vtable_p = &txn_vtable;
    return APR_SUCCESS;
}

static apr_status_t measure(void *backend, store_stat_t *stat_p)
{
    memory_t *memory = backend;

    apr_thread_mutex_lock(memory->mutex);
    stat_p->entries = memory->current->count;
    for (apr_size_t i = 0; i < memory->current->count; i++) {
        const pair_t *pair = memory->current->pairs[i];

        stat_p->used_bytes += sizeof(*pair) + pair->key_len + pair->value_len;
    }
    apr_thread_mutex_unlock(memory->mutex);
    return APR_SUCCESS;
}

/** Readers take up no places here. */
static apr_status_t readers(apr_array_header_t *list, void *backend)
{
    (void)list;
    (void)backend;
    return APR_SUCCESS;
}

/** There is no structure on disk. */
static apr_status_t verify(store_verified_t *verified, void *backend, store_going_fn *going,
                           void *baton, apr_pool_t *scratch_pool)
{
    (void)backend;
    (void)going;
    (void)baton;
    (void)scratch_pool;
    verified->records_are_whole = 1;
    return APR_SUCCESS;
}

static apr_status_t copy(void *backend, apr_file_t *file, store_going_fn *going, void *baton,
                         apr_pool_t *scratch_pool)
{
    (void)backend;
    (void)file;
    (void)going;
    (void)baton;
    (void)scratch_pool;
    return APR_ENOTIMPL;
}

static void close_store(void *backend)
{
    memory_t *memory = backend;

    release_snapshot(memory, memory->current);
}

static const backend_store_vtable_t store_vtable = {
    .begin = begin,
    .stat = measure,
    .readers = readers,
    .verify = verify,
    .copy = copy,
    .close = close_store,
};

static apr_status_t open_store(void **backend_p, const backend_store_vtable_t **vtable_p,
                               const store_spec_t *spec, const store_t *log,
                               apr_pool_t *result_pool)
{
    memory_t *memory = apr_pcalloc(result_pool, sizeof(*memory));
    apr_status_t status;

    (void)spec;
    (void)log;
    status = apr_thread_mutex_create(&memory->mutex, APR_THREAD_MUTEX_DEFAULT, result_pool);
    if (status == APR_SUCCESS)
        status = apr_thread_mutex_create(&memory->writer, APR_THREAD_MUTEX_DEFAULT, result_pool);
    if (status != APR_SUCCESS)
        return status;
    memory->current = calloc(1, sizeof(*memory->current));
    if (memory->current == NULL)
        return APR_ENOMEM;
    memory->current->holders = 1;
    *backend_p = memory;
    *vtable_p = &store_vtable;
    return APR_SUCCESS;
}

static const backend_param_t params[] = {{NULL, NULL}};

const backend_t backend_memory = {
    .name = "memory",
    .params = params,
    .open = open_store,
};
