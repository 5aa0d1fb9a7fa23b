#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_int.h"

const char *check_kind_name(check_kind_e kind)
{
    static const char *const names[] = {
        [CHECK_META] = "meta",
        [CHECK_UNKNOWN] = "unknown",
        [CHECK_DAMAGED] = "damaged",
        [CHECK_PLACE] = "place",
        [CHECK_STRAY_PLACE] = "stray-place",
        [CHECK_ORPHAN] = "orphan",
        [CHECK_NAME] = "name",
        [CHECK_PROPERTIES] = "properties",
        [CHECK_STRAY_VALUE] = "stray-value",
        [CHECK_LOCK] = "lock",
        [CHECK_LOCK_INDEX] = "lock-index",
        [CHECK_STRAY_INDEX] = "stray-index",
        [CHECK_INTENT] = "intent",
        [CHECK_NEEDLESS] = "needless",
        [CHECK_COUNTER] = "counter",
        [CHECK_ALTERED] = "altered",
        [CHECK_GONE] = "gone",
        [CHECK_RENAMED] = "renamed",
        [CHECK_REPLACED] = "replaced",
    };

    return names[kind];
}

void check_found(check_t *check, check_kind_e kind, store_slice_t key, const char *path,
                 const char *format, ...)
{
    check_finding_t *finding = apr_array_push(check->findings);
    apr_pool_t *result_pool = check->findings->pool;
    va_list args;

    va_start(args, format);
    finding->kind = kind;
    finding->key = nodes_keep_slice(key, result_pool);
    finding->path = path != NULL ? apr_pstrdup(result_pool, path) : NULL;
    finding->to = NULL;
    finding->number = 0;
    finding->text = apr_pvsprintf(result_pool, format, args);
    va_end(args);
}

void check_found_damaged(check_t *check, store_slice_t key, const char *what)
{
    check_found(check, CHECK_DAMAGED, key, NULL, "%s is damaged", what);
}

/* ---- getting ---- */

apr_status_t check_exists(store_txn_t *txn, store_slice_t key)
{
    store_slice_t value;

    return store_get(txn, key, &value);
}

apr_status_t check_get_node(node_t *node, store_txn_t *txn, apr_uint64_t parent, store_slice_t name)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status;

    if (name.len > KEY_MEMBER_MAX)
        return STORE_ABSENT;
    status = store_get(txn, key_node(&buf, parent, name.data, name.len), &record);
    return status == APR_SUCCESS ? record_read_node(node, record) : status;
}

apr_status_t check_get_place(record_place_t *place, store_txn_t *txn, apr_uint64_t id)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status = store_get(txn, key_node_place(&buf, id), &record);

    return status == APR_SUCCESS ? record_read_place(place, record) : status;
}

apr_status_t check_get_name(prop_name_t *name, store_txn_t *txn, apr_uint32_t id)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status = store_get(txn, key_name(&buf, id), &record);

    return status == APR_SUCCESS ? record_read_name(name, record) : status;
}

apr_status_t check_get_lock(lock_t *lock, store_txn_t *txn, const unsigned char *token,
                            apr_pool_t *result_pool)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status = store_get(txn, key_lock(&buf, token), &record);

    memcpy(lock->token.bytes, token, LOCK_TOKEN_SIZE);
    return status == APR_SUCCESS ? locks_read(lock, record, result_pool) : status;
}

apr_status_t check_find_node(node_t *node, store_txn_t *txn, apr_uint64_t id)
{
    record_place_t place;
    apr_status_t status = check_get_place(&place, txn, id);

    if (status == APR_SUCCESS)
        status = check_get_node(node, txn, place.parent, place.name);
    if (status == APR_SUCCESS && node->id != id)
        status = STORE_ABSENT;
    return status;
}

/* ---- words ---- */

int check_is_same(store_slice_t a, store_slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

const char *check_member_path(store_txn_t *txn, apr_uint64_t parent, store_slice_t name,
                              apr_pool_t *result_pool)
{
    const char *member = apr_pstrmemdup(result_pool, name.data, name.len);
    apr_array_header_t *steps;

    if (parent == 0 && name.len == 0)
        return "/";
    if (parent == NODE_ROOT_ID)
        return apr_pstrcat(result_pool, "/", member, NULL);
    if (parent == 0 || nodes_steps_to(&steps, txn, parent, result_pool) != APR_SUCCESS)
        return apr_psprintf(result_pool, "<node %" APR_UINT64_T_FMT ">/%s", parent, member);
    return apr_pstrcat(result_pool, nodes_path_of(steps, result_pool), "/", member, NULL);
}

const char *check_path_of(store_txn_t *txn, apr_uint64_t id, apr_pool_t *result_pool)
{
    record_place_t place;

    if (check_get_place(&place, txn, id) != APR_SUCCESS)
        return apr_psprintf(result_pool, "<node %" APR_UINT64_T_FMT ">", id);
    return check_member_path(txn, place.parent, place.name, result_pool);
}

/* ---- all records ---- */

/** A table, and how its records are checked. */
typedef struct table_t {
    key_table_e table;
    check_record_fn *record;
} table_t;

/**
 * In this order: what is found of nodes and their places says which later findings would only
 * be consequences of it.
 */
static const table_t tables[] = {
    {KEY_META, check_meta},
    {KEY_NODE, check_node},
    {KEY_NODE_PLACE, check_place},
    {KEY_VALUE, check_value},
    {KEY_NAME_ID, check_name_id},
    {KEY_NAME, check_name},
    {KEY_LOCK, check_lock},
    {KEY_NODE_LOCK, check_node_lock},
    {KEY_LOCK_BELOW, check_lock_below},
    {KEY_LOCK_EXPIRY, check_lock_expiry},
    {KEY_USER_LOCK, check_user_lock},
    {KEY_INTENT, check_intent},
};

/** check_record_fn: of what has no table. */
static apr_status_t check_unknown(check_t *check, store_slice_t key, store_slice_t value)
{
    check_found(check, CHECK_UNKNOWN, key, NULL,
                "a key of no known table, of %" APR_SIZE_T_FMT
                " bytes, beginning with 0x%02x, with %" APR_SIZE_T_FMT " bytes of value",
                key.len, *(const unsigned char *)key.data, value.len);
    return APR_SUCCESS;
}

/** Check the records whose first byte is from FIRST to LAST. */
static apr_status_t check_table(check_t *check, int first, int last, check_record_fn *record)
{
    unsigned char from[] = {(unsigned char)first}, to[] = {(unsigned char)(last + 1)};
    store_range_t range = {.from = {from, 1}, .to = {to, last == 0xff ? 0 : 1}};
    store_slice_t key, value, before = {NULL, 0};
    store_cursor_t *cursor;
    apr_status_t status = store_scan(&cursor, check->txn, &range, check->pool);

    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        apr_size_t common = before.len < key.len ? before.len : key.len;
        int order = common > 0 ? memcmp(before.data, key.data, common) : 0;

        if (!check->going(check->baton, check->done++)) {
            status = APR_EINTR;
            break;
        }
        /* A page that leads back to an earlier one would go on for ever. */
        if (order > 0 || (order == 0 && before.len >= key.len)) {
            status = STORE_CORRUPT;
            break;
        }
        if (!store_is_intact(cursor))
            check_found(
                check, CHECK_ALTERED, key, NULL,
                "a record beginning with 0x%02x has not the key and length it was stored with",
                *(const unsigned char *)key.data);
        apr_pool_clear(check->iterpool);
        status = record(check, key, value);
        if (status != APR_SUCCESS)
            break;
        before = key;
    }
    store_scan_end(cursor);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** How the records with the first byte FIRST are checked. */
static check_record_fn *checker_of(int first)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if ((int)tables[i].table == first)
            return tables[i].record;
    }
    return check_unknown;
}

/** Look for records outside all tables. */
static apr_status_t check_rest(check_t *check)
{
    apr_status_t status = APR_SUCCESS;
    int last;

    for (int first = 0; first <= 0xff && status == APR_SUCCESS; first = last + 1) {
        last = first;
        if (checker_of(first) != check_unknown)
            continue;
        while (last < 0xff && checker_of(last + 1) == check_unknown)
            last++;
        status = check_table(check, first, last, check_unknown);
    }
    return status;
}

/** Forget the orphans that are such only since a node above them is missing from the index. */
static void drop_consequences(check_t *check)
{
    int kept = 0;

    for (int i = 0; i < check->findings->nelts; i++) {
        check_finding_t *finding = &APR_ARRAY_IDX(check->findings, i, check_finding_t);
        const apr_uint64_t *end = apr_hash_get(check->broken, &i, sizeof(i));

        if (end != NULL && apr_hash_get(check->unplaced, end, sizeof(*end)) != NULL)
            continue;
        APR_ARRAY_IDX(check->findings, kept, check_finding_t) = *finding;
        kept++;
    }
    check->findings->nelts = kept;
}

apr_status_t check_store(apr_array_header_t *findings, store_txn_t *txn, check_going_fn *going,
                         void *baton, apr_pool_t *scratch_pool)
{
    check_t check = {.txn = txn, .findings = findings, .going = going, .baton = baton};
    apr_status_t status = APR_SUCCESS;

    apr_pool_create(&check.pool, scratch_pool);
    apr_pool_create(&check.iterpool, check.pool);
    check.unplaced = apr_hash_make(check.pool);
    check.broken = apr_hash_make(check.pool);
    check.names = apr_hash_make(check.pool);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && status == APR_SUCCESS; i++)
        status = check_table(&check, (int)tables[i].table, (int)tables[i].table, tables[i].record);
    if (status == APR_SUCCESS)
        status = check_rest(&check);
    if (status == APR_SUCCESS) {
        drop_consequences(&check);
        status = check_whole(&check);
    }
    apr_pool_destroy(check.pool);
    return status;
}
