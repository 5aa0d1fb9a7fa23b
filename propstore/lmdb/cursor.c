#include <string.h>

#include "propstore/lmdb/lmdb_int.h"

struct backend_cursor_t {
    MDB_cursor *mdb;
    store_range_t range;
    apr_size_t seen;
    int started;
    MDB_val key, value; /* that next() gave last */
};

MDB_val lmdb_val(store_slice_t slice)
{
    union {
        const void *from;
        void *to;
    } data = {slice.data};
    MDB_val val = {slice.len, data.to};

    return val;
}

int lmdb_is_before(const MDB_val *key, store_slice_t bound)
{
    size_t shorter = key->mv_size < bound.len ? key->mv_size : bound.len;
    int order = memcmp(key->mv_data, bound.data, shorter);

    return order < 0 || (order == 0 && key->mv_size < bound.len);
}

/** Go to the range's first pair, from the end it is read from. */
static int start(backend_cursor_t *cursor, MDB_val *key, MDB_val *value)
{
    const store_range_t *range = &cursor->range;
    int rc;

    if (!range->reverse) {
        *key = lmdb_val(range->from);
        return mdb_cursor_get(cursor->mdb, key, value, range->from.len ? MDB_SET_RANGE : MDB_FIRST);
    }
    if (range->to.len == 0)
        return mdb_cursor_get(cursor->mdb, key, value, MDB_LAST);
    *key = lmdb_val(range->to);
    rc = mdb_cursor_get(cursor->mdb, key, value, MDB_SET_RANGE);
    /* TO itself is excluded: whatever stands there, the one before it is wanted. */
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(cursor->mdb, key, value, MDB_LAST);
    return rc == MDB_SUCCESS ? mdb_cursor_get(cursor->mdb, key, value, MDB_PREV) : rc;
}

static apr_status_t next(backend_cursor_t *cursor, store_slice_t *key_p, store_slice_t *value_p)
{
    const store_range_t *range = &cursor->range;
    MDB_val *key = &cursor->key, *value = &cursor->value;
    int rc;

    if (range->limit != 0 && cursor->seen == range->limit)
        return STORE_ABSENT;
    if (cursor->started)
        rc = mdb_cursor_get(cursor->mdb, key, value, range->reverse ? MDB_PREV : MDB_NEXT);
    else
        rc = start(cursor, key, value);
    cursor->started = 1;
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    if (range->reverse ? range->from.len && lmdb_is_before(key, range->from)
                       : range->to.len && !lmdb_is_before(key, range->to))
        return STORE_ABSENT;

    cursor->seen++;
    key_p->data = key->mv_data;
    key_p->len = key->mv_size;
    return lmdb_value_unpack(value_p, value);
}

static int is_intact(const backend_cursor_t *cursor)
{
    return lmdb_value_is_of(&cursor->key, &cursor->value);
}

static void end(backend_cursor_t *cursor)
{
    mdb_cursor_close(cursor->mdb);
}

static const backend_cursor_vtable_t cursor_vtable = {
    .next = next, .is_intact = is_intact, .end = end};

apr_status_t lmdb_scan(backend_cursor_t **cursor_p, const backend_cursor_vtable_t **vtable_p,
                       MDB_txn *mdb, MDB_dbi dbi, const store_range_t *range,
                       apr_pool_t *result_pool)
{
    backend_cursor_t *cursor = apr_pcalloc(result_pool, sizeof(*cursor));
    int rc = mdb_cursor_open(mdb, dbi, &cursor->mdb);

    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    cursor->range = *range;
    *cursor_p = cursor;
    *vtable_p = &cursor_vtable;
    return APR_SUCCESS;
}
