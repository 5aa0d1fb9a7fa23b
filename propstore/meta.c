#include "propstore/meta.h"

#include <string.h>

#include <apr_uuid.h>

#include "propstore/key.h"
#include "propstore/nodes.h"
#include "propstore/pairs.h"
#include "propstore/record.h"

static apr_status_t read_number(apr_uint64_t *n_p, store_txn_t *txn, const char *name)
{
    key_buf_t buf;
    store_slice_t record;
    apr_status_t status = store_get(txn, key_meta(&buf, name), &record);

    return status == APR_SUCCESS ? record_read_number(n_p, record) : status;
}

static apr_status_t write_number(store_txn_t *txn, const char *name, apr_uint64_t n)
{
    unsigned char record[RECORD_NUMBER_SIZE];
    key_buf_t buf;

    return store_put(txn, key_meta(&buf, name), record_pack_number(record, n));
}

apr_status_t meta_read(meta_t *meta, store_txn_t *txn)
{
    apr_uint64_t format = 0, next_name = 0;
    store_slice_t record, uuid;
    key_buf_t buf;
    apr_status_t status = read_number(&format, txn, META_FORMAT);

    if (status == APR_SUCCESS)
        status = read_number(&meta->next_node, txn, META_NEXT_NODE);
    if (status == APR_SUCCESS)
        status = read_number(&next_name, txn, META_NEXT_NAME);
    if (status == APR_SUCCESS)
        status = store_get(txn, key_meta(&buf, META_UUID), &record);
    if (status == APR_SUCCESS)
        status = record_open(&uuid, record);
    if (status == APR_SUCCESS && uuid.len != META_UUID_SIZE - 1)
        status = STORE_CORRUPT;
    /* A part that is missing is as bad as one that is wrong. */
    if (status == STORE_ABSENT)
        status = STORE_CORRUPT;
    if (status != APR_SUCCESS)
        return status;
    meta->format = (unsigned)format;
    meta->next_name = (apr_uint32_t)next_name;
    memcpy(meta->uuid, uuid.data, uuid.len);
    meta->uuid[uuid.len] = '\0';
    return APR_SUCCESS;
}

/** Whether TXN's store is empty. */
static apr_status_t check_empty(store_txn_t *txn, apr_pool_t *scratch_pool)
{
    store_range_t all = {.limit = 1};
    store_cursor_t *cursor;
    apr_status_t status = store_scan(&cursor, txn, &all, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = store_next(cursor, NULL, NULL);
    store_scan_end(cursor);
    return status == APR_SUCCESS ? STORE_CORRUPT : status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Whether TXN's store is one we know: APR_SUCCESS; STORE_ABSENT if it has no format yet. */
static apr_status_t check_format(store_txn_t *txn)
{
    apr_uint64_t format = 0;
    meta_t meta;
    apr_status_t status = read_number(&format, txn, META_FORMAT);

    if (status != APR_SUCCESS)
        return status;
    if (format != META_FORMAT_VERSION) {
        store_log(store_txn_store(txn), STORE_LOG_ERROR, STORE_FORMAT,
                  "the store is of format %" APR_UINT64_T_FMT "; this version knows format %d",
                  format, META_FORMAT_VERSION);
        return STORE_FORMAT;
    }
    return meta_read(&meta, txn);
}

apr_status_t meta_pairs(const meta_t *meta, pairs_fn *pair, void *baton, apr_pool_t *scratch_pool)
{
    const struct {
        const char *name;
        apr_uint64_t n;
    } numbers[] = {{META_FORMAT, meta->format},
                   {META_NEXT_NODE, meta->next_node},
                   {META_NEXT_NAME, meta->next_name}};
    unsigned char record[RECORD_NUMBER_SIZE];
    apr_status_t status = APR_SUCCESS;
    key_buf_t buf;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && status == APR_SUCCESS; i++)
        status =
            pair(baton, key_meta(&buf, numbers[i].name), record_pack_number(record, numbers[i].n));
    if (status == APR_SUCCESS)
        status = pair(baton, key_meta(&buf, META_UUID),
                      record_make(meta->uuid, META_UUID_SIZE - 1, scratch_pool));
    return status;
}

static apr_status_t write_root(store_txn_t *txn, apr_pool_t *scratch_pool)
{
    node_t root = {.id = NODE_ROOT_ID, .kind = NODE_COLLECTION};
    key_buf_t buf;
    apr_status_t status =
        store_put(txn, key_node(&buf, 0, "", 0), record_pack_node(&root, NULL, 0, scratch_pool));

    if (status == APR_SUCCESS)
        status = store_put(txn, key_node_place(&buf, NODE_ROOT_ID),
                           record_pack_place(0, "", 0, scratch_pool));
    return status;
}

/** store_write_fn: write what a new store begins with. */
static apr_status_t create(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    meta_t meta = {.format = META_FORMAT_VERSION, .next_node = NODE_ROOT_ID + 1, .next_name = 1};
    apr_uuid_t uuid;
    /* Another process may have been first. */
    apr_status_t status = check_format(txn);

    (void)baton;
    if (status != STORE_ABSENT)
        return status;
    status = check_empty(txn, scratch_pool);
    if (status != APR_SUCCESS)
        return status;

    apr_uuid_get(&uuid);
    apr_uuid_format(meta.uuid, &uuid);
    status = meta_pairs(&meta, pairs_put, txn, scratch_pool);
    return status == APR_SUCCESS ? write_root(txn, scratch_pool) : status;
}

/** check_format() of STORE. */
static apr_status_t check_format_of(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = check_format(txn);
    store_abort(txn);
    return status;
}

apr_status_t meta_check(store_t *store, apr_pool_t *scratch_pool)
{
    apr_status_t status = check_format_of(store, scratch_pool);

    if (status == STORE_ABSENT)
        store_log(store, STORE_LOG_ERROR, status,
                  "the store is gone; there is an empty one in its place");
    return status;
}

apr_status_t meta_prepare(store_t *store, apr_pool_t *scratch_pool)
{
    apr_status_t status = check_format_of(store, scratch_pool);

    if (status == STORE_ABSENT)
        status = store_write(store, create, NULL, scratch_pool);
    if (status == STORE_CORRUPT)
        store_log(store, STORE_LOG_ERROR, status, "this is not a property store, or it is damaged");
    return status;
}

/** Take the next number of the counter NAME. */
static apr_status_t take_number(apr_uint64_t *n_p, store_txn_t *txn, const char *name)
{
    apr_status_t status = read_number(n_p, txn, name);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? STORE_CORRUPT : status;
    return write_number(txn, name, *n_p + 1);
}

apr_status_t meta_take_node_id(apr_uint64_t *id_p, store_txn_t *txn)
{
    return take_number(id_p, txn, META_NEXT_NODE);
}

apr_status_t meta_take_name_id(apr_uint32_t *id_p, store_txn_t *txn)
{
    apr_uint64_t id = 0;
    apr_status_t status = take_number(&id, txn, META_NEXT_NAME);

    if (status == APR_SUCCESS && id > APR_UINT32_MAX)
        status = STORE_LIMIT;
    *id_p = (apr_uint32_t)id;
    return status;
}

/** Whether the record at KEY is found where the scan has it, behind LAST. */
static apr_status_t try_record(store_txn_t *txn, store_slice_t last, store_slice_t key,
                               store_slice_t value)
{
    apr_size_t shorter = last.len < key.len ? last.len : key.len;
    volatile unsigned char touched;
    store_slice_t found;
    apr_status_t status;
    int order;

    if (key.len == 0 || key.len > STORE_KEY_MAX)
        return STORE_CORRUPT;
    order = last.len > 0 ? memcmp(last.data, key.data, shorter) : -1;
    if (order > 0 || (order == 0 && last.len >= key.len))
        return STORE_CORRUPT;
    status = store_get(txn, key, &found);
    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? STORE_CORRUPT : status;
    if (found.data != value.data || found.len != value.len)
        return STORE_CORRUPT;
    if (value.len > 0)
        touched = ((const unsigned char *)value.data)[value.len - 1];
    (void)touched;
    return APR_SUCCESS;
}

/** store_going_fn: whether it is not yet BATON, an apr_time_t. */
static int has_time(void *baton, apr_uint64_t bytes)
{
    (void)bytes;
    return apr_time_now() < *(const apr_time_t *)baton;
}

apr_status_t meta_verify(store_t *store, apr_time_t until, apr_pool_t *scratch_pool)
{
    store_verified_t verified;
    apr_status_t status = store_verify(&verified, store, has_time, &until, scratch_pool);

    if (APR_STATUS_IS_EINTR(status)) {
        store_log(store, STORE_LOG_INFO, APR_SUCCESS,
                  "of %" APR_UINT64_T_FMT " bytes there was time to verify the structure of "
                  "%" APR_UINT64_T_FMT "; depotctl check verifies all",
                  verified.used_bytes, verified.seen_bytes);
        return APR_SUCCESS;
    }
    if (status == APR_SUCCESS && verified.lost_bytes > 0)
        store_log(store, STORE_LOG_WARNING, APR_SUCCESS,
                  "%" APR_UINT64_T_FMT " bytes of the store are neither used nor free",
                  verified.lost_bytes);
    return status;
}

/** See that CURSOR's pair is as it was stored.  @return APR_SUCCESS; STORE_CORRUPT, logged */
static apr_status_t check_intact(store_txn_t *txn, const store_cursor_t *cursor)
{
    if (store_is_intact(cursor))
        return APR_SUCCESS;
    store_log(store_txn_store(txn), STORE_LOG_ERROR, STORE_CORRUPT,
              "the key of a record was altered on the disk: see depotctl check --repair");
    return STORE_CORRUPT;
}

/** Try every record that TXN sees, while there is time. */
static apr_status_t try_records(store_txn_t *txn, apr_time_t until, apr_pool_t *scratch_pool)
{
    store_range_t all = {.limit = 0};
    store_slice_t last = {"", 0}, key, value;
    store_cursor_t *cursor;
    unsigned n = 0;
    apr_status_t status = store_scan(&cursor, txn, &all, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        status = try_record(txn, last, key, value);
        if (status == APR_SUCCESS)
            status = check_intact(txn, cursor);
        if (status != APR_SUCCESS)
            break;
        last = key;
        if (++n % 1024 == 0 && apr_time_now() >= until) {
            store_log(store_txn_store(txn), STORE_LOG_INFO, APR_SUCCESS,
                      "there was time to read %u records; depotctl check reads all", n);
            break;
        }
    }
    store_scan_end(cursor);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

apr_status_t meta_read_through(store_t *store, apr_time_t until, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = try_records(txn, until, scratch_pool);
    store_abort(txn);
    if (status == APR_SUCCESS)
        status = store_begin(&txn, store, STORE_WRITE, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    /* It takes pages that are free. */
    status = write_number(txn, META_FORMAT, META_FORMAT_VERSION);
    store_abort(txn);
    return status;
}
