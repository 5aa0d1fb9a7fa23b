#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/repair_int.h"

const char *repair_list_names(store_txn_t *txn, const node_t *node, apr_pool_t *result_pool)
{
    const char *list = "";
    node_props_iter_t iter;
    node_prop_t prop;

    node_props_begin(&iter, node);
    while (node_props_next(&prop, &iter) == APR_SUCCESS) {
        prop_name_t name;

        if (check_get_name(&name, txn, prop.name) == APR_SUCCESS)
            list = apr_psprintf(result_pool, "%s%s{%s}%s", list, *list ? ", " : "", name.ns,
                                name.local);
        else
            list = apr_psprintf(result_pool, "%s%snumber %u", list, *list ? ", " : "", prop.name);
    }
    return *list ? list : "none";
}

/* ---- nodes and places ---- */

/** Push the values of node ID that have records of their own and can be read. */
static apr_status_t collect_values(apr_array_header_t *props, repair_t *repair, apr_uint64_t id)
{
    key_buf_t from, to;
    store_range_t range = {.from = key_values(&from, id)};
    store_slice_t key, value, body;
    store_cursor_t *cursor;
    apr_status_t status;

    range.to = key_after(&to, range.from);
    status = store_scan(&cursor, repair->txn, &range, repair->iterpool);
    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        apr_uint32_t number = key.len == 13 ? key_get_u32((const unsigned char *)key.data + 9) : 0;
        record_prop_t *prop;
        prop_name_t name;

        if (number == 0 || record_open(&body, value) != APR_SUCCESS ||
            body.len <= NODES_SPILL_SIZE ||
            check_get_name(&name, repair->txn, number) != APR_SUCCESS)
            continue;
        prop = apr_array_push(props);
        prop->name = number;
        prop->length = body.len;
        prop->spilled = 1;
        prop->value = NULL;
    }
    store_scan_end(cursor);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

apr_status_t repair_make_node(repair_t *repair, apr_uint64_t id, apr_uint64_t parent,
                              store_slice_t name)
{
    apr_array_header_t *props = apr_array_make(repair->iterpool, 4, sizeof(record_prop_t));
    const char *path = check_member_path(repair->txn, parent, name, repair->iterpool);
    node_step_t place = {.id = id, .parent = parent, .length = name.len};
    node_t node = {.id = id, .kind = NODE_COLLECTION};
    apr_status_t status = collect_values(props, repair, id);

    place.name = apr_pstrmemdup(repair->iterpool, name.data, name.len);
    if (status == APR_SUCCESS && id != NODE_ROOT_ID) {
        status = nodes_has_members(repair->txn, id, repair->iterpool);
        if (status == STORE_ABSENT) {
            node.kind = NODE_FILE;
            status = APR_SUCCESS;
        }
    }
    if (status != APR_SUCCESS)
        return status;
    repair_lost(repair,
                "make the node of %s anew; lost are its properties of up to %d bytes, kept are %d "
                "larger ones",
                path, NODES_SPILL_SIZE, props->nelts);
    return nodes_put(repair->txn, id, &place,
                     record_pack_node(&node, (record_prop_t *)props->elts, (unsigned)props->nelts,
                                      repair->iterpool),
                     repair->iterpool);
}

apr_status_t repair_return_node(int *done_p, repair_t *repair, store_slice_t key,
                                store_slice_t value)
{
    record_place_t place;
    store_slice_t home;
    key_buf_t buf;
    node_t node;
    apr_status_t status;

    *done_p = 0;
    if (record_read_node(&node, value) != APR_SUCCESS)
        return APR_SUCCESS;
    status = check_get_place(&place, repair->txn, node.id);
    if (status == STORE_ABSENT || status == STORE_CORRUPT ||
        (status == APR_SUCCESS && place.name.len > KEY_MEMBER_MAX))
        return APR_SUCCESS;
    if (status != APR_SUCCESS)
        return status;
    home = key_node(&buf, place.parent, place.name.data, place.name.len);
    status = check_exists(repair->txn, home);
    if (status != STORE_ABSENT)
        return status;
    repair_did(repair, "put the node of %s back to its place",
               check_member_path(repair->txn, place.parent, place.name, repair->iterpool));
    *done_p = 1;
    status = store_put(repair->txn, home, value);
    return status == APR_SUCCESS ? repair_del(repair, key) : status;
}

/** The place of NODE is said to be another, which is taken. */
static apr_status_t settle_place(repair_t *repair, const check_finding_t *finding,
                                 const node_t *node)
{
    node_t other;
    apr_status_t status = check_find_node(&other, repair->txn, node->id);

    if (status == APR_SUCCESS) {
        if (node->prop_count > 0)
            repair_lost(repair,
                        "drop the second node with the id %" APR_UINT64_T_FMT
                        ", at %s, with its properties: %s",
                        node->id, finding->path,
                        repair_list_names(repair->txn, node, repair->iterpool));
        else
            repair_did(repair, "drop the second node with the id %" APR_UINT64_T_FMT ", at %s",
                       node->id, finding->path);
        return repair_del(repair, finding->key);
    }
    return status;
}

apr_status_t repair_place(repair_t *repair, const check_finding_t *finding, store_slice_t value)
{
    apr_uint64_t parent;
    record_place_t place;
    store_slice_t name;
    key_buf_t buf;
    node_t node;
    apr_status_t status;
    int done = 0;

    if (!check_split_node_key(&parent, &name, finding->key) ||
        record_read_node(&node, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    status = check_get_place(&place, repair->txn, node.id);
    if (status == APR_SUCCESS && place.parent == parent && check_is_same(place.name, name))
        return APR_SUCCESS;
    if (status == APR_SUCCESS)
        status = repair_return_node(&done, repair, finding->key, value);
    if (status == APR_SUCCESS && !done)
        status = settle_place(repair, finding, &node);
    else if (done)
        return status;
    if (status != STORE_ABSENT && status != STORE_CORRUPT)
        return status;
    repair_did(repair, "write the place of %s into the index", finding->path);
    return store_put(repair->txn, key_node_place(&buf, node.id),
                     record_pack_place(parent, name.data, name.len, repair->iterpool));
}

/** Whether there is anything of node ID besides its place: APR_SUCCESS or STORE_ABSENT. */
static apr_status_t has_remains(repair_t *repair, apr_uint64_t id)
{
    apr_array_header_t *props = apr_array_make(repair->iterpool, 4, sizeof(record_prop_t));
    apr_status_t status = nodes_is_needed(repair->txn, id, repair->iterpool);

    if (status == STORE_ABSENT) {
        status = collect_values(props, repair, id);
        if (status == APR_SUCCESS && props->nelts == 0)
            status = STORE_ABSENT;
    }
    return status;
}

apr_status_t repair_stray_place(repair_t *repair, const check_finding_t *finding,
                                store_slice_t value)
{
    record_place_t place;
    apr_uint64_t id;
    node_t node;
    apr_status_t status;

    if (record_read_place(&place, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    id = key_get_u64((const unsigned char *)finding->key.data + 1);
    status = check_get_node(&node, repair->txn, place.parent, place.name);
    if (status == APR_SUCCESS && node.id == id)
        return APR_SUCCESS;
    if (status == APR_SUCCESS) {
        repair_did(repair, "remove from the index: %s", finding->text);
        return repair_del(repair, finding->key);
    }
    if (status != STORE_ABSENT)
        return status;
    status = has_remains(repair, id);
    if (status == APR_SUCCESS)
        return repair_make_node(repair, id, place.parent, place.name);
    if (status != STORE_ABSENT)
        return status;
    repair_lost(repair, "forget the place of the missing node of %s, with its properties",
                finding->path);
    return repair_del(repair, finding->key);
}

/** Whether a collection that node ID is in has a path to be put at, and will take it along. */
static int goes_along(repair_t *repair, apr_uint64_t id)
{
    record_place_t place;

    for (int depth = 0; depth <= NODES_DEPTH_MAX; depth++) {
        if (check_get_place(&place, repair->txn, id) != APR_SUCCESS)
            return 0;
        id = place.parent;
        if (apr_hash_get(repair->paths, &id, sizeof(id)) != NULL)
            return 1;
    }
    return 0;
}

apr_status_t repair_rescue(repair_t *repair, const check_finding_t *finding, store_slice_t value)
{
    const char *path;
    node_step_t place;
    node_t node, other;
    apr_status_t status;

    if (record_read_node(&node, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    path = apr_hash_get(repair->paths, &node.id, sizeof(node.id));
    if (path == NULL || goes_along(repair, node.id))
        return APR_SUCCESS;
    apr_hash_set(repair->paths, &node.id, sizeof(node.id), NULL);
    status = nodes_find(&other, repair->txn, path);
    if (status != STORE_ABSENT)
        return status == STORE_CORRUPT ? APR_SUCCESS : status;
    status = nodes_make_above(&place, repair->txn, path, repair->iterpool);
    if (status != APR_SUCCESS)
        return status;
    repair_did(repair, "put %s, to which no way leads, to %s, where its file is", finding->path,
               path);
    status = repair_del(repair, finding->key);
    return status == APR_SUCCESS ? nodes_put(repair->txn, node.id, &place, value, repair->iterpool)
                                 : status;
}

apr_status_t repair_orphan(repair_t *repair, const check_finding_t *finding, store_slice_t value)
{
    key_buf_t buf, after;
    store_slice_t values;
    node_t node;
    apr_status_t status;

    if (record_read_node(&node, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    repair_lost(repair, "drop %s, to which no way leads, with its properties: %s", finding->path,
                repair_list_names(repair->txn, &node, repair->iterpool));
    status = repair_del(repair, finding->key);
    /* Its locks go when they are found to be on no node. */
    if (status == APR_SUCCESS)
        status = repair_del(repair, key_node_place(&buf, node.id));
    if (status != APR_SUCCESS)
        return status;
    values = key_values(&buf, node.id);
    return store_del_range(repair->txn, values, key_after(&after, values), NULL);
}

apr_status_t repair_needless(repair_t *repair, const check_finding_t *finding, store_slice_t value)
{
    apr_array_header_t *steps;
    node_t node;
    apr_status_t status;

    if (record_read_node(&node, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    status = nodes_steps_to(&steps, repair->txn, node.id, repair->iterpool);
    if (status != APR_SUCCESS)
        return status;
    repair_did(repair, "remove the node of %s, which has nothing to keep", finding->path);
    return nodes_prune(repair->txn, steps, repair->iterpool);
}

/* ---- properties ---- */

/** Find the value that PROP of NODE should have under an altered key, and put it back. */
static apr_status_t return_value(store_slice_t *body_p, repair_t *repair, const node_t *node,
                                 const node_prop_t *prop)
{
    store_slice_t wanted, key, record;
    key_buf_t buf;
    apr_status_t status;

    wanted = key_value(&buf, node->id, prop->name);
    status = repair_find_close(&record, &key, repair, wanted, prop->length);
    if (status == APR_SUCCESS)
        status = record_open(body_p, record);
    if (status == APR_SUCCESS)
        status = repair_del(repair, key);
    return status == APR_SUCCESS ? store_put(repair->txn, wanted, record) : status;
}

/** The value of PROP of NODE, wherever it is.  @return APR_SUCCESS; STORE_ABSENT; ... */
static apr_status_t find_value(store_slice_t *body_p, repair_t *repair, const node_t *node,
                               const node_prop_t *prop)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status;

    if (!prop->spilled) {
        body_p->data = prop->value;
        body_p->len = prop->length;
        return APR_SUCCESS;
    }
    status = store_get(repair->txn, key_value(&buf, node->id, prop->name), &record);
    if (status == APR_SUCCESS)
        status = record_open(body_p, record);
    if (status == APR_SUCCESS)
        *body_p = nodes_keep_slice(*body_p, repair->iterpool);
    if (status == STORE_ABSENT || status == STORE_CORRUPT)
        status = return_value(body_p, repair, node, prop);
    return status;
}

/** Put VALUE of property NUMBER where its length says, and add it to PROPS. */
static apr_status_t keep_value(apr_array_header_t *props, repair_t *repair, apr_uint64_t id,
                               apr_uint32_t number, store_slice_t value)
{
    record_prop_t *prop = apr_array_push(props);
    store_slice_t key;
    key_buf_t buf;

    prop->name = number;
    prop->length = value.len;
    prop->spilled = value.len > NODES_SPILL_SIZE;
    prop->value = prop->spilled ? NULL : value.data;
    key = key_value(&buf, id, number);
    return prop->spilled
               ? store_put(repair->txn, key, record_make(value.data, value.len, repair->iterpool))
               : repair_del(repair, key);
}

static int by_name(const void *a, const void *b)
{
    apr_uint32_t first = ((const record_prop_t *)a)->name;
    apr_uint32_t second = ((const record_prop_t *)b)->name;

    return first < second ? -1 : first > second;
}

static int has_name(const apr_array_header_t *props, apr_uint32_t number)
{
    for (int i = 0; i < props->nelts; i++) {
        if (APR_ARRAY_IDX(props, i, record_prop_t).name == number)
            return 1;
    }
    return 0;
}

/** Collect those properties of NODE that are whole, and tell of the others. */
static apr_status_t keep_properties(apr_array_header_t *props, repair_t *repair, const node_t *node,
                                    const char *path)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    node_props_begin(&iter, node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        prop_name_t name;
        store_slice_t value;

        if (prop.name == 0 || check_get_name(&name, repair->txn, prop.name) != APR_SUCCESS) {
            repair_lost(repair, "drop a property of %s, number %u, whose name is lost", path,
                        prop.name);
            continue;
        }
        name.ns = apr_pstrdup(repair->iterpool, name.ns);
        name.local = apr_pstrdup(repair->iterpool, name.local);
        status = find_value(&value, repair, node, &prop);
        if (status == APR_SUCCESS && !has_name(props, prop.name))
            status = keep_value(props, repair, node->id, prop.name, value);
        else if (status == APR_SUCCESS || status == STORE_ABSENT || status == STORE_CORRUPT) {
            repair_lost(repair, "drop the property {%s}%s of %s, whose value is %s", name.ns,
                        name.local, path, status == APR_SUCCESS ? "there twice" : "lost");
            status = APR_SUCCESS;
        }
        if (status != APR_SUCCESS)
            return status;
    }
    if (status == STORE_CORRUPT)
        repair_lost(repair, "drop what is behind the properties of %s", path);
    return status == STORE_ABSENT || status == STORE_CORRUPT ? APR_SUCCESS : status;
}

apr_status_t repair_properties(repair_t *repair, const check_finding_t *finding,
                               store_slice_t value)
{
    apr_array_header_t *props = apr_array_make(repair->iterpool, 8, sizeof(record_prop_t));
    store_slice_t record;
    node_t node;
    apr_status_t status;

    if (record_read_node(&node, value) != APR_SUCCESS)
        return STORE_CORRUPT;
    status = keep_properties(props, repair, &node, finding->path);
    if (status != APR_SUCCESS)
        return status;
    qsort(props->elts, (size_t)props->nelts, sizeof(record_prop_t), by_name);
    record = record_pack_node(&node, (record_prop_t *)props->elts, (unsigned)props->nelts,
                              repair->iterpool);
    if (check_is_same(record, value)) {
        repair_did(repair, "put a value of %s back under its key", finding->path);
        return APR_SUCCESS;
    }
    repair_did(repair, "write the properties of %s anew: %d are left", finding->path, props->nelts);
    return store_put(repair->txn, finding->key, record);
}
