/*
 * Checks of what a store says of itself, and of property names.
 */
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_int.h"
#include "propstore/meta.h"

/* ---- table M ---- */

apr_status_t check_meta(check_t *check, store_slice_t key, store_slice_t value)
{
    store_slice_t name = {(const char *)key.data + 1, key.len - 1}, body;
    apr_uint64_t n;

    if (check_is_same(name, store_slice_str(META_UUID))) {
        if (record_open(&body, value) != APR_SUCCESS || body.len != META_UUID_SIZE - 1)
            check_found(check, CHECK_META, key, NULL, "the store's UUID is damaged");
    } else if (check_is_same(name, store_slice_str(META_FORMAT))) {
        if (record_read_number(&n, value) != APR_SUCCESS || n != META_FORMAT_VERSION)
            check_found(check, CHECK_META, key, NULL, "the format's version is damaged");
    } else if (check_is_same(name, store_slice_str(META_NEXT_NODE)) ||
               check_is_same(name, store_slice_str(META_NEXT_NAME))) {
        if (record_read_number(&n, value) != APR_SUCCESS)
            check_found(check, CHECK_META, key, NULL, "the counter %.*s is damaged", (int)name.len,
                        (const char *)name.data);
    } else {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "an unknown record of what the store says of itself, of %" APR_SIZE_T_FMT
                    " bytes",
                    value.len);
    }
    return APR_SUCCESS;
}

/** Find a record of M missing, or a counter that would give ids again: BELOW. */
static apr_status_t check_counter(check_t *check, const char *name, apr_uint64_t below)
{
    store_slice_t record, key;
    apr_uint64_t n;
    key_buf_t buf;
    apr_status_t status;

    key = key_meta(&buf, name);
    status = store_get(check->txn, key, &record);
    if (status == STORE_ABSENT) {
        check_found(check, CHECK_META, key, NULL, "the record %s is missing", name);
        return APR_SUCCESS;
    }
    /* A damaged one has been found already. */
    if (status == APR_SUCCESS && below > 0 && record_read_number(&n, record) == APR_SUCCESS &&
        n < below) {
        check_found(check, CHECK_COUNTER, key, NULL,
                    "the counter %s is %" APR_UINT64_T_FMT ", but %" APR_UINT64_T_FMT
                    " has been given",
                    name, n, below - 1);
        APR_ARRAY_IDX(check->findings, check->findings->nelts - 1, check_finding_t).number = below;
    }
    return status;
}

apr_status_t check_whole(check_t *check)
{
    key_buf_t buf, place_buf;
    store_slice_t root = key_node(&buf, 0, "", 0);
    apr_status_t status = check_counter(check, META_FORMAT, 0);

    if (status == APR_SUCCESS)
        status = check_counter(check, META_UUID, 0);
    if (status == APR_SUCCESS)
        status = check_counter(check, META_NEXT_NODE, check->next_node);
    if (status == APR_SUCCESS)
        status = check_counter(check, META_NEXT_NAME, check->next_name);
    if (status == APR_SUCCESS)
        status = check_exists(check->txn, root);
    /* If its place is there, it is that which has no node. */
    if (status == STORE_ABSENT)
        status = check_exists(check->txn, key_node_place(&place_buf, NODE_ROOT_ID));
    if (status == STORE_ABSENT) {
        check_found(check, CHECK_META, root, "/", "the root's node is missing");
        status = APR_SUCCESS;
    }
    return status;
}

/* ---- tables F and R ---- */

int check_split_name_key(prop_name_t *name, store_slice_t key, apr_pool_t *result_pool)
{
    const char *bytes = (const char *)key.data + 1;
    const char *middle = key.len > 1 ? memchr(bytes, '\0', key.len - 1) : NULL;
    apr_size_t ns, local;

    if (middle == NULL)
        return 0;
    ns = (apr_size_t)(middle - bytes);
    local = key.len - 1 - ns - 1;
    if (ns + local > NAMES_LENGTH_MAX || memchr(middle + 1, '\0', local) != NULL)
        return 0;
    name->ns = apr_pstrmemdup(result_pool, bytes, ns);
    name->local = apr_pstrmemdup(result_pool, middle + 1, local);
    return 1;
}

static void note_name_id(check_t *check, apr_uint64_t id)
{
    if (id >= check->next_name)
        check->next_name = id + 1;
}

apr_status_t check_name_id(check_t *check, store_slice_t key, store_slice_t value)
{
    prop_name_t name, reverse;
    apr_uint64_t id;
    apr_status_t status;

    if (!check_split_name_key(&name, key, check->iterpool)) {
        check_found(check, CHECK_UNKNOWN, key, NULL, "a key of a property name that is none");
        return APR_SUCCESS;
    }
    if (record_read_number(&id, value) != APR_SUCCESS || id == 0 || id > APR_UINT32_MAX) {
        check_found(check, CHECK_DAMAGED, key, NULL,
                    "the id of the property name {%s}%s is damaged", name.ns, name.local);
        return APR_SUCCESS;
    }
    note_name_id(check, id);
    status = check_get_name(&reverse, check->txn, (apr_uint32_t)id);
    if (status != APR_SUCCESS && status != STORE_ABSENT && status != STORE_CORRUPT)
        return status;
    if (status != APR_SUCCESS || strcmp(name.ns, reverse.ns) != 0 ||
        strcmp(name.local, reverse.local) != 0)
        check_found(check, CHECK_NAME, key, NULL,
                    "the property name {%s}%s has the id %" APR_UINT64_T_FMT
                    ", which is not its own",
                    name.ns, name.local, id);
    return APR_SUCCESS;
}

apr_status_t check_name(check_t *check, store_slice_t key, store_slice_t value)
{
    store_slice_t forward, record;
    prop_name_t name;
    apr_uint64_t id, other;
    key_buf_t buf;
    apr_status_t status;

    id = key.len == 5 ? key_get_u32((const unsigned char *)key.data + 1) : 0;
    if (id == 0) {
        check_found(check, CHECK_UNKNOWN, key, NULL, "a key of a property name's id that is none");
        return APR_SUCCESS;
    }
    note_name_id(check, id);
    if (record_read_name(&name, value) != APR_SUCCESS ||
        (forward = key_name_id(&buf, &name)).len == 0) {
        check_found(check, CHECK_DAMAGED, key, NULL,
                    "the property name with id %" APR_UINT64_T_FMT " is damaged", id);
        return APR_SUCCESS;
    }
    status = store_get(check->txn, forward, &record);
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    if (status == STORE_ABSENT || record_read_number(&other, record) != APR_SUCCESS || other != id)
        check_found(check, CHECK_NAME, key, NULL,
                    "the id %" APR_UINT64_T_FMT " is of the property name {%s}%s, which has it not",
                    id, name.ns, name.local);
    return APR_SUCCESS;
}
