#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "propstore/ctl/repair_int.h"
#include "propstore/intents.h"
#include "propstore/meta.h"

/** Each round deals with one kind of findings, and few kinds come back. */
#define ROUNDS_MAX 64

static void add_step(repair_t *repair, int is_loss, const char *format, va_list args)
{
    repair_step_t *step = apr_array_push(repair->steps);

    step->is_loss = is_loss;
    step->text = apr_pvsprintf(repair->steps->pool, format, args);
}

void repair_did(repair_t *repair, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_step(repair, 0, format, args);
    va_end(args);
}

void repair_lost(repair_t *repair, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_step(repair, 1, format, args);
    va_end(args);
}

apr_status_t repair_del(repair_t *repair, store_slice_t key)
{
    apr_status_t status = store_del(repair->txn, key);

    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/* ---- what the store says of itself ---- */

/** Whether A and B differ in one byte alone. */
static int is_close(store_slice_t a, store_slice_t b)
{
    const unsigned char *from = a.data, *to = b.data;
    apr_size_t differences = 0;

    for (apr_size_t i = 0; i < a.len && a.len == b.len; i++)
        differences += from[i] != to[i];
    return a.len == b.len && differences == 1;
}

apr_status_t repair_find_close(store_slice_t *record_p, store_slice_t *key_p, repair_t *repair,
                               store_slice_t key, apr_size_t body_length)
{
    for (int i = 0; i < repair->findings->nelts; i++) {
        const check_finding_t *other = &APR_ARRAY_IDX(repair->findings, i, check_finding_t);
        store_slice_t body;

        if ((other->kind != CHECK_UNKNOWN && other->kind != CHECK_STRAY_VALUE) ||
            !is_close(other->key, key) ||
            store_get(repair->txn, other->key, record_p) != APR_SUCCESS ||
            record_open(&body, *record_p) != APR_SUCCESS || body.len != body_length)
            continue;
        *key_p = other->key;
        *record_p = nodes_keep_slice(*record_p, repair->iterpool);
        return APR_SUCCESS;
    }
    return STORE_ABSENT;
}

/** What a record of M is to hold when nothing tells any more. */
static store_slice_t initial_value(store_slice_t key, apr_pool_t *result_pool)
{
    unsigned char *number = apr_palloc(result_pool, RECORD_NUMBER_SIZE);
    store_slice_t name = {(const char *)key.data + 1, key.len - 1};
    char text[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t uuid;

    if (check_is_same(name, store_slice_str(META_UUID))) {
        apr_uuid_get(&uuid);
        apr_uuid_format(text, &uuid);
        return record_make(text, APR_UUID_FORMATTED_LENGTH, result_pool);
    }
    /* Counters are raised to what has been given by the last round. */
    return record_pack_number(number, check_is_same(name, store_slice_str(META_FORMAT))
                                          ? META_FORMAT_VERSION
                                          : NODE_ROOT_ID + 1);
}

static apr_status_t repair_meta(repair_t *repair, const check_finding_t *finding,
                                store_slice_t value)
{
    store_slice_t name = {(const char *)finding->key.data + 1, finding->key.len - 1}, other;
    const char *text = apr_pstrmemdup(repair->iterpool, name.data, name.len);
    apr_size_t length = strcmp(text, META_UUID) == 0 ? META_UUID_SIZE - 1 : 8;
    apr_status_t status;

    if (*(const unsigned char *)finding->key.data == KEY_NODE) {
        store_slice_t no_name = {"", 0};

        return repair_make_node(repair, NODE_ROOT_ID, 0, no_name);
    }
    status = repair_find_close(&value, &other, repair, finding->key, length);
    if (status == APR_SUCCESS) {
        repair_did(repair, "put the record %s back under its key", text);
        status = repair_del(repair, other);
    } else if (status == STORE_ABSENT) {
        value = initial_value(finding->key, repair->iterpool);
        if (strcmp(text, META_UUID) == 0)
            repair_lost(repair, "give the store a new UUID; the old one is lost");
        else
            repair_did(repair, "write the record %s anew", text);
        status = APR_SUCCESS;
    }
    return status == APR_SUCCESS ? store_put(repair->txn, finding->key, value) : status;
}

static apr_status_t repair_counter(repair_t *repair, const check_finding_t *finding,
                                   store_slice_t value)
{
    unsigned char number[RECORD_NUMBER_SIZE];

    (void)value;
    repair_did(repair, "raise the counter %.*s to %" APR_UINT64_T_FMT, (int)finding->key.len - 1,
               (const char *)finding->key.data + 1, finding->number);
    return store_put(repair->txn, finding->key, record_pack_number(number, finding->number));
}

/* ---- keys of no table, and values that cannot be read ---- */

/** Put a record back under its key, if what it holds tells which that is. */
static apr_status_t return_record(int *done_p, repair_t *repair, store_slice_t key,
                                  store_slice_t value)
{
    apr_status_t status = repair_return_node(done_p, repair, key, value);

    if (status == APR_SUCCESS && !*done_p)
        status = repair_return_lock(done_p, repair, key, value);
    if (status == APR_SUCCESS && !*done_p)
        status = repair_return_intent(done_p, repair, key, value);
    return status;
}

static apr_status_t repair_unknown(repair_t *repair, const check_finding_t *finding,
                                   store_slice_t value)
{
    int done;

    return return_record(&done, repair, finding->key, value);
}

/** Whether a record with VALUE is under a key that is all but KEY: by now it has been written. */
static int has_twin(repair_t *repair, store_slice_t key, store_slice_t value)
{
    unsigned char *bytes = apr_pmemdup(repair->iterpool, key.data, key.len);
    store_slice_t twin = {bytes, key.len}, other;

    for (apr_size_t i = 0; i < key.len; i++) {
        const unsigned char was = bytes[i];

        for (unsigned mask = 1; mask <= 0xff; mask++) {
            bytes[i] = (unsigned char)(was ^ mask);
            if (store_get(repair->txn, twin, &other) == APR_SUCCESS && check_is_same(other, value))
                return 1;
        }
        bytes[i] = was;
    }
    return 0;
}

/** repair_fn: drop what is still under a key of no table. */
static apr_status_t repair_rest(repair_t *repair, const check_finding_t *finding,
                                store_slice_t value)
{
    if (has_twin(repair, finding->key, value))
        repair_did(repair, "remove what stands elsewhere now: %s", finding->text);
    else
        repair_lost(repair, "drop %s", finding->text);
    return repair_del(repair, finding->key);
}

/** Where the index has a node at PARENT's member NAME.  @param id_p set to its id */
static apr_status_t find_place(apr_uint64_t *id_p, repair_t *repair, apr_uint64_t parent,
                               store_slice_t name)
{
    static const unsigned char first = KEY_NODE_PLACE, last = KEY_NODE_PLACE + 1;
    const store_range_t range = {.from = {&first, 1}, .to = {&last, 1}};
    store_slice_t key, value;
    record_place_t place;
    store_cursor_t *cursor;
    apr_status_t status = store_scan(&cursor, repair->txn, &range, repair->iterpool);

    while (status == APR_SUCCESS && (status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        if (key.len == 9 && key_get_u64((const unsigned char *)key.data + 1) > NODE_ROOT_ID &&
            record_read_place(&place, value) == APR_SUCCESS && place.parent == parent &&
            check_is_same(place.name, name)) {
            *id_p = key_get_u64((const unsigned char *)key.data + 1);
            break;
        }
    }
    if (status == APR_SUCCESS || status == STORE_ABSENT)
        store_scan_end(cursor);
    return status;
}

/** A node whose record cannot be read: the index still knows its id. */
static apr_status_t repair_damaged_node(repair_t *repair, const check_finding_t *finding)
{
    apr_uint64_t parent, id;
    store_slice_t name;
    apr_status_t status;

    if (!check_split_node_key(&parent, &name, finding->key))
        return STORE_CORRUPT;
    id = NODE_ROOT_ID;
    status = name.len == 0 ? APR_SUCCESS : find_place(&id, repair, parent, name);
    if (status == APR_SUCCESS)
        return repair_make_node(repair, id, parent, name);
    if (status != STORE_ABSENT)
        return status;
    repair_lost(repair, "drop the node of %s with its properties, which cannot be read",
                finding->path);
    return repair_del(repair, finding->key);
}

static apr_status_t repair_damaged(repair_t *repair, const check_finding_t *finding,
                                   store_slice_t value)
{
    static const store_slice_t nothing = {"", 0};
    int done;
    /* What is another table's cannot be read either. */
    apr_status_t status = return_record(&done, repair, finding->key, value);

    if (done || status != APR_SUCCESS)
        return status;
    switch ((key_table_e) * (const unsigned char *)finding->key.data) {
    case KEY_NODE:
        return repair_damaged_node(repair, finding);
    case KEY_NODE_LOCK:
    case KEY_LOCK_BELOW:
    case KEY_LOCK_EXPIRY:
    case KEY_USER_LOCK:
        repair_did(repair, "empty an index entry: %s", finding->text);
        return store_put(repair->txn, finding->key, nothing);
    case KEY_LOCK:
    case KEY_INTENT:
        repair_lost(repair, "drop what cannot be read: %s", finding->text);
        return repair_del(repair, finding->key);
    default:
        /* What else speaks of it says in a later round whether anything is lost. */
        repair_did(repair, "remove what cannot be read: %s", finding->text);
        return repair_del(repair, finding->key);
    }
}

static apr_status_t repair_stray(repair_t *repair, const check_finding_t *finding,
                                 store_slice_t value)
{
    (void)value;
    if (finding->kind == CHECK_STRAY_VALUE)
        repair_lost(repair, "drop a value: %s", finding->text);
    else
        repair_did(repair, "remove from an index: %s", finding->text);
    return repair_del(repair, finding->key);
}

/* ---- names ---- */

/** Table F's record of a name: it must lead to an id that is its own. */
static apr_status_t repair_name_id(repair_t *repair, const check_finding_t *finding,
                                   store_slice_t value)
{
    unsigned char packed[RECORD_NAME_SIZE];
    prop_name_t name, reverse;
    apr_uint64_t id, other = 0;
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status;

    if (!check_split_name_key(&name, finding->key, repair->iterpool) ||
        record_read_number(&id, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    status = check_get_name(&reverse, repair->txn, (apr_uint32_t)id);
    /* A name whose own id is another is under this one by mistake. */
    if (status == APR_SUCCESS &&
        store_get(repair->txn, key_name_id(&buf, &reverse), &record) == APR_SUCCESS &&
        record_read_number(&other, record) == APR_SUCCESS && other != id)
        status = STORE_ABSENT;
    if (status == STORE_ABSENT) {
        repair_did(repair, "write down that the id %" APR_UINT64_T_FMT " is of {%s}%s", id, name.ns,
                   name.local);
        return store_put(repair->txn, key_name(&buf, (apr_uint32_t)id),
                         record_pack_name(packed, &name));
    }
    if (status != APR_SUCCESS ||
        (strcmp(name.ns, reverse.ns) == 0 && strcmp(name.local, reverse.local) == 0))
        return status;
    repair_did(repair, "remove the name {%s}%s, whose id is of {%s}%s", name.ns, name.local,
               reverse.ns, reverse.local);
    return repair_del(repair, finding->key);
}

static apr_status_t repair_name(repair_t *repair, const check_finding_t *finding,
                                store_slice_t value)
{
    unsigned char number[RECORD_NUMBER_SIZE];
    store_slice_t forward, record;
    prop_name_t name, other;
    apr_uint64_t id, has = 0;
    key_buf_t buf;
    apr_status_t status;

    if (*(const unsigned char *)finding->key.data == KEY_NAME_ID)
        return repair_name_id(repair, finding, value);
    id = key_get_u32((const unsigned char *)finding->key.data + 1);
    if (record_read_name(&name, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    forward = key_name_id(&buf, &name);
    status = store_get(repair->txn, forward, &record);
    if (status == APR_SUCCESS && record_read_number(&has, record) != APR_SUCCESS)
        status = STORE_ABSENT;
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    if (status == APR_SUCCESS && has == id)
        return APR_SUCCESS;
    if (status == APR_SUCCESS &&
        check_get_name(&other, repair->txn, (apr_uint32_t)has) == APR_SUCCESS &&
        strcmp(name.ns, other.ns) == 0 && strcmp(name.local, other.local) == 0) {
        repair_did(repair, "remove the second id, %" APR_UINT64_T_FMT ", of {%s}%s", id, name.ns,
                   name.local);
        return repair_del(repair, finding->key);
    }
    repair_did(repair, "write down that {%s}%s has the id %" APR_UINT64_T_FMT, name.ns, name.local,
               id);
    return store_put(repair->txn, forward, record_pack_number(number, id));
}

/** All that other records tell has been put right: what is left only has to be stored again. */
static apr_status_t repair_altered(repair_t *repair, const check_finding_t *finding,
                                   store_slice_t value)
{
    repair_did(repair, "store a record beginning with 0x%02x again under its key",
               *(const unsigned char *)finding->key.data);
    return store_put(repair->txn, finding->key, value);
}

/* ---- rounds ---- */

/** How findings are repaired, in this order, since each may be the cause of later ones. */
static const struct {
    check_kind_e kind;
    repair_fn *repair;
} ways[] = {
    {CHECK_META, repair_meta},
    {CHECK_UNKNOWN, repair_unknown},
    {CHECK_DAMAGED, repair_damaged},
    {CHECK_PLACE, repair_place},
    {CHECK_STRAY_PLACE, repair_stray_place},
    {CHECK_ORPHAN, repair_rescue},
    /* Again for those in what could not be put where its file is. */
    {CHECK_ORPHAN, repair_rescue},
    {CHECK_ORPHAN, repair_orphan},
    {CHECK_NAME, repair_name},
    {CHECK_PROPERTIES, repair_properties},
    {CHECK_STRAY_VALUE, repair_stray},
    {CHECK_LOCK, repair_lock},
    {CHECK_LOCK_INDEX, repair_lock_index},
    {CHECK_STRAY_INDEX, repair_stray},
    {CHECK_INTENT, repair_intent},
    {CHECK_UNKNOWN, repair_rest},
    {CHECK_NEEDLESS, repair_needless},
    {CHECK_COUNTER, repair_counter},
    {CHECK_ALTERED, repair_altered},
};

/** Whether a finding of KIND may be of a record that is missing; any other, once its record is
 * gone, has been dealt with by an earlier repair. */
static int may_be_missing(check_kind_e kind)
{
    return kind == CHECK_META || kind == CHECK_COUNTER;
}

/** Repair the findings of KIND. */
static apr_status_t repair_kind(repair_t *repair, check_kind_e kind, repair_fn *way)
{
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; i < repair->findings->nelts && status == APR_SUCCESS; i++) {
        const check_finding_t *finding = &APR_ARRAY_IDX(repair->findings, i, check_finding_t);
        store_slice_t value = {NULL, 0};

        /* All that is found of one record follows each other, and is repaired in one go. */
        if (finding->kind != kind ||
            (i > 0 && finding[-1].kind == kind && check_is_same(finding[-1].key, finding->key)))
            continue;
        apr_pool_clear(repair->iterpool);
        status = store_get(repair->txn, finding->key, &value);
        if (status == APR_SUCCESS)
            value = nodes_keep_slice(value, repair->iterpool);
        if (status == APR_SUCCESS || (status == STORE_ABSENT && may_be_missing(kind)))
            status = way(repair, finding, value);
        else if (status == STORE_ABSENT)
            status = APR_SUCCESS;
    }
    return status;
}

/** Repair the findings of the first kind of which there is something to repair. */
static apr_status_t repair_round(repair_t *repair)
{
    const int before = repair->steps->nelts;
    apr_status_t status = APR_SUCCESS;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && status == APR_SUCCESS; i++) {
        status = repair_kind(repair, ways[i].kind, ways[i].repair);
        if (repair->steps->nelts > before)
            break;
    }
    return status;
}

apr_status_t repair_store(apr_array_header_t *steps, store_txn_t *txn, const apr_hash_t *paths,
                          check_going_fn *going, void *baton, apr_pool_t *scratch_pool)
{
    repair_t repair = {.txn = txn, .steps = steps};
    apr_pool_t *round_pool;
    apr_status_t status = APR_SUCCESS;
    int left = 1, before = -1;

    apr_pool_create(&round_pool, scratch_pool);
    repair.paths = paths != NULL ? apr_hash_copy(scratch_pool, paths) : apr_hash_make(scratch_pool);
    for (int round = 0; round < ROUNDS_MAX && status == APR_SUCCESS && left > 0; round++) {
        apr_array_header_t *findings;

        apr_pool_clear(round_pool);
        apr_pool_create(&repair.iterpool, round_pool);
        findings = apr_array_make(round_pool, 16, sizeof(check_finding_t));
        repair.findings = findings;
        status = check_store(findings, txn, going, baton, round_pool);
        left = findings->nelts;
        /* A round without a step would only be followed by another like it. */
        if (status == APR_SUCCESS && left > 0 && steps->nelts == before)
            break;
        before = steps->nelts;
        if (status == APR_SUCCESS && left > 0)
            status = repair_round(&repair);
    }
    apr_pool_destroy(round_pool);
    if (status == STORE_ABSENT || (status == APR_SUCCESS && left > 0))
        status = STORE_CORRUPT;
    return status;
}
