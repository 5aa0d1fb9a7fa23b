#include "propstore/nodes.h"

#include <string.h>

#include <apr_strings.h>

#include "propstore/meta.h"
#include "propstore/nodes_int.h"
#include "propstore/record.h"

const node_limits_t nodes_limits_default = {
    .value_max = 1024 * 1024, .props_max = 1000, .node_max = 4 * 1024 * 1024, .names_max = 65536};

store_slice_t nodes_keep_slice(store_slice_t slice, apr_pool_t *result_pool)
{
    store_slice_t copy = {apr_pmemdup(result_pool, slice.data, slice.len), slice.len};

    return copy;
}

int nodes_next_segment(const char **at_p, const char **name_p, apr_size_t *length_p)
{
    const char *at = *at_p + strspn(*at_p, "/");

    *name_p = at;
    *length_p = strcspn(at, "/");
    *at_p = at + *length_p;
    return *length_p > 0;
}

/* ---- finding ---- */

apr_status_t nodes_read(node_t *node, store_txn_t *txn, store_slice_t record, apr_uint64_t parent,
                        const char *name, apr_size_t length)
{
    apr_status_t status = record_read_node(node, record);

    if (status != APR_SUCCESS)
        store_log(store_txn_store(txn), STORE_LOG_ERROR, status,
                  "the node of \"%.*s\" in the collection with node %" APR_UINT64_T_FMT
                  " is damaged",
                  (int)length, name, parent);
    return status;
}

apr_status_t nodes_get(node_t *node, store_txn_t *txn, apr_uint64_t parent, const char *name,
                       apr_size_t length)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status;

    if (length > KEY_MEMBER_MAX)
        return STORE_LIMIT;
    status = store_get(txn, key_node(&buf, parent, name, length), &record);
    return status == APR_SUCCESS ? nodes_read(node, txn, record, parent, name, length) : status;
}

apr_status_t nodes_find(node_t *node, store_txn_t *txn, const char *path)
{
    const char *name;
    apr_size_t length;
    apr_status_t status = nodes_get(node, txn, 0, "", 0);

    if (status == STORE_ABSENT)
        status = STORE_CORRUPT; /* only the root's node may not be missing */
    while (status == APR_SUCCESS && nodes_next_segment(&path, &name, &length))
        status = nodes_get(node, txn, node->id, name, length);
    if (status != APR_SUCCESS)
        node->id = 0; /* what was read is not PATH's */
    /* What is too long for a key never got a node. */
    return status == STORE_LIMIT ? STORE_ABSENT : status;
}

apr_status_t nodes_find_members(node_t *nodes, apr_status_t *statuses, store_txn_t *txn,
                                apr_uint64_t parent, const char *const *names, apr_size_t count,
                                apr_pool_t *scratch_pool)
{
    store_slice_t *keys = apr_palloc(scratch_pool, count * 2 * sizeof(*keys));
    store_slice_t *records = keys + count;
    apr_status_t status;

    for (apr_size_t i = 0; i < count; i++) {
        apr_size_t length = strlen(names[i]);
        key_buf_t buf;

        /* A name too long for a key never got a node: ask for a key that cannot be there. */
        if (length > KEY_MEMBER_MAX)
            length = 0;
        keys[i] = nodes_keep_slice(key_node(&buf, parent, names[i], length), scratch_pool);
    }
    status = store_get_many(txn, keys, records, count);
    if (status != APR_SUCCESS)
        return status;
    for (apr_size_t i = 0; i < count; i++) {
        statuses[i] = APR_SUCCESS;
        if (records[i].data != NULL)
            statuses[i] =
                nodes_read(&nodes[i], txn, records[i], parent, names[i], strlen(names[i]));
        if (records[i].data == NULL || statuses[i] != APR_SUCCESS)
            nodes[i].id = 0;
    }
    return APR_SUCCESS;
}

apr_status_t node_prop_value(store_slice_t *value_p, store_txn_t *txn, const node_t *node,
                             const node_prop_t *prop)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status;

    if (!prop->spilled) {
        value_p->data = prop->value;
        value_p->len = prop->length;
        return APR_SUCCESS;
    }
    status = store_get(txn, key_value(&buf, node->id, prop->name), &record);
    if (status == APR_SUCCESS)
        status = record_open(value_p, record);
    if (status == STORE_ABSENT || (status == APR_SUCCESS && value_p->len != prop->length))
        status = STORE_CORRUPT;
    if (status == STORE_CORRUPT)
        store_log(store_txn_store(txn), STORE_LOG_ERROR, status,
                  "the value of property %u of node %" APR_UINT64_T_FMT " is missing or damaged",
                  prop->name, node->id);
    return status;
}

/** Whether PROP, which A and B both have, has one value in A and B. */
static apr_status_t compare_value(int *same_p, store_txn_t *txn, const node_t *a, const node_t *b,
                                  const node_prop_t *prop)
{
    store_slice_t values[2];
    apr_status_t status = node_prop_value(&values[0], txn, a, prop);

    if (status == APR_SUCCESS)
        status = node_prop_value(&values[1], txn, b, prop);
    *same_p = status == APR_SUCCESS && memcmp(values[0].data, values[1].data, prop->length) == 0;
    return status;
}

apr_status_t nodes_compare_props(int *same_p, store_txn_t *txn, const char *a, const char *b)
{
    const char *const paths[] = {a, b};
    node_t nodes[2];
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    *same_p = 0;
    for (int i = 0; i < 2; i++) {
        status = nodes_find(&nodes[i], txn, paths[i]);
        if (status == STORE_ABSENT)
            nodes[i] = (node_t){.props = {"", 0}};
        else if (status != APR_SUCCESS)
            return status;
    }
    if (nodes[0].props.len != nodes[1].props.len ||
        memcmp(nodes[0].props.data, nodes[1].props.data, nodes[0].props.len) != 0)
        return APR_SUCCESS;
    /* Of a spilled value that has said only how long it is. */
    *same_p = 1;
    node_props_begin(&iter, &nodes[0]);
    while (*same_p && (status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        if (prop.spilled)
            status = compare_value(same_p, txn, &nodes[0], &nodes[1], &prop);
        if (status != APR_SUCCESS)
            break;
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

apr_status_t nodes_follow(apr_array_header_t **steps_p, int *whole_p, store_txn_t *txn,
                          const char *path, apr_pool_t *result_pool)
{
    apr_array_header_t *steps = apr_array_make(result_pool, 8, sizeof(node_step_t));
    apr_uint64_t parent = NODE_ROOT_ID;
    const char *name;
    apr_size_t length;

    *steps_p = steps;
    *whole_p = 1;
    while (nodes_next_segment(&path, &name, &length)) {
        node_step_t *step;
        node_t node;
        apr_status_t status = nodes_get(&node, txn, parent, name, length);

        if (status == STORE_ABSENT || status == STORE_LIMIT) {
            *whole_p = 0;
            return APR_SUCCESS;
        }
        if (status != APR_SUCCESS)
            return status;
        step = apr_array_push(steps);
        step->id = node.id;
        step->parent = parent;
        step->name = name;
        step->length = length;
        parent = node.id;
    }
    return APR_SUCCESS;
}

apr_status_t nodes_steps_to(apr_array_header_t **steps_p, store_txn_t *txn, apr_uint64_t id,
                            apr_pool_t *result_pool)
{
    apr_array_header_t *upwards = apr_array_make(result_pool, 8, sizeof(node_step_t));

    *steps_p = apr_array_make(result_pool, 8, sizeof(node_step_t));
    while (id != NODE_ROOT_ID) {
        node_step_t *step;
        record_place_t place;
        store_slice_t record;
        key_buf_t buf;
        apr_status_t status = store_get(txn, key_node_place(&buf, id), &record);

        if (status == APR_SUCCESS)
            status = record_read_place(&place, record);
        if (status == STORE_ABSENT || upwards->nelts > NODES_DEPTH_MAX)
            status = STORE_CORRUPT;
        if (status != APR_SUCCESS)
            return status;
        step = apr_array_push(upwards);
        step->id = id;
        step->parent = place.parent;
        step->name = apr_pstrmemdup(result_pool, place.name.data, place.name.len);
        step->length = place.name.len;
        id = place.parent;
    }
    while (upwards->nelts > 0)
        APR_ARRAY_PUSH(*steps_p, node_step_t) = *(node_step_t *)apr_array_pop(upwards);
    return APR_SUCCESS;
}

const char *nodes_path_of(const apr_array_header_t *steps, apr_pool_t *result_pool)
{
    const char *path = "";

    for (int i = 0; i < steps->nelts; i++)
        path = apr_pstrcat(result_pool, path, "/", APR_ARRAY_IDX(steps, i, node_step_t).name, NULL);
    return *path ? path : "/";
}

/* ---- single nodes ---- */

apr_status_t nodes_put(store_txn_t *txn, apr_uint64_t id, const node_step_t *place,
                       store_slice_t record, apr_pool_t *scratch_pool)
{
    key_buf_t buf;
    apr_status_t status =
        store_put(txn, key_node(&buf, place->parent, place->name, place->length), record);

    if (status == APR_SUCCESS)
        status =
            store_put(txn, key_node_place(&buf, id),
                      record_pack_place(place->parent, place->name, place->length, scratch_pool));
    return status;
}

apr_status_t nodes_drop(store_txn_t *txn, const node_step_t *place, apr_pool_t *scratch_pool)
{
    key_buf_t buf, after;
    store_slice_t values;
    apr_status_t status = nodes_forget_locks(txn, place->id, scratch_pool);

    if (status == APR_SUCCESS)
        status = store_del(txn, key_node(&buf, place->parent, place->name, place->length));
    if (status == APR_SUCCESS)
        status = store_del(txn, key_node_place(&buf, place->id));
    if (status == APR_SUCCESS) {
        values = key_values(&buf, place->id);
        status = store_del_range(txn, values, key_after(&after, values), NULL);
    }
    return status == STORE_ABSENT ? STORE_CORRUPT : status;
}

apr_status_t nodes_has_members(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool)
{
    key_buf_t from, to;
    store_range_t range = {.limit = 1};
    store_cursor_t *cursor;
    apr_status_t status;

    range.from = key_members(&from, id);
    range.to = key_after(&to, range.from);
    status = store_scan(&cursor, txn, &range, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    status = store_next(cursor, NULL, NULL);
    store_scan_end(cursor);
    return status;
}

apr_status_t nodes_is_needed(store_txn_t *txn, apr_uint64_t id, apr_pool_t *scratch_pool)
{
    apr_status_t status = nodes_has_members(txn, id, scratch_pool);

    return status == STORE_ABSENT ? nodes_is_locked(txn, id, scratch_pool) : status;
}

apr_status_t nodes_prune(store_txn_t *txn, const apr_array_header_t *steps,
                         apr_pool_t *scratch_pool)
{
    for (int i = steps->nelts - 1; i >= 0; i--) {
        const node_step_t *step = &APR_ARRAY_IDX(steps, i, node_step_t);
        node_t node;
        apr_status_t status = nodes_get(&node, txn, step->parent, step->name, step->length);

        if (status == STORE_ABSENT)
            continue;
        if (status != APR_SUCCESS)
            return status;
        if (node.prop_count > 0)
            return APR_SUCCESS;
        status = nodes_is_needed(txn, step->id, scratch_pool);
        if (status != STORE_ABSENT)
            return status;
        status = nodes_drop(txn, step, scratch_pool);
        if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}

apr_status_t nodes_make_above(node_step_t *last, store_txn_t *txn, const char *path,
                              apr_pool_t *scratch_pool)
{
    apr_uint64_t above = NODE_ROOT_ID;
    const char *name;
    apr_size_t length;

    memset(last, 0, sizeof(*last));
    last->name = "";
    while (nodes_next_segment(&path, &name, &length)) {
        node_t node = {.kind = NODE_COLLECTION};
        apr_status_t status;

        /* The segment before turns out to be a collection above PATH: it needs a node. */
        if (last->length > 0 && last->id == 0) {
            status = meta_take_node_id(&node.id, txn);
            if (status == APR_SUCCESS)
                status = nodes_put(txn, node.id, last,
                                   record_pack_node(&node, NULL, 0, scratch_pool), scratch_pool);
            if (status != APR_SUCCESS)
                return status;
            last->id = node.id;
        }
        if (last->length > 0)
            above = last->id;
        status = nodes_get(&node, txn, above, name, length);
        if (status != APR_SUCCESS && status != STORE_ABSENT)
            return status;
        last->id = status == APR_SUCCESS ? node.id : 0;
        last->parent = above;
        last->name = name;
        last->length = length;
    }
    if (last->length == 0)
        last->id = NODE_ROOT_ID;
    return APR_SUCCESS;
}

/* ---- changing properties ---- */

/** A node's properties while they are changed: record_prop_t in the order of their names. */
typedef struct edit_t {
    apr_array_header_t *props;
    apr_size_t bytes; /* of all values */
} edit_t;

static record_prop_t *edit_at(const edit_t *edit, int i)
{
    return &APR_ARRAY_IDX(edit->props, i, record_prop_t);
}

/** Where the property NAME is or belongs. */
static int edit_position(const edit_t *edit, apr_uint32_t name)
{
    int i = 0;

    while (i < edit->props->nelts && edit_at(edit, i)->name < name)
        i++;
    return i;
}

static void edit_remove(edit_t *edit, apr_uint32_t name)
{
    int i = edit_position(edit, name);

    if (i == edit->props->nelts || edit_at(edit, i)->name != name)
        return;
    edit->bytes -= edit_at(edit, i)->length;
    memmove(edit_at(edit, i), edit_at(edit, i) + 1,
            (size_t)(edit->props->nelts - i - 1) * sizeof(record_prop_t));
    edit->props->nelts--;
}

static void edit_set(edit_t *edit, apr_uint32_t name, const prop_change_t *change)
{
    int i;

    edit_remove(edit, name);
    i = edit_position(edit, name);
    apr_array_push(edit->props);
    memmove(edit_at(edit, i) + 1, edit_at(edit, i),
            (size_t)(edit->props->nelts - i - 1) * sizeof(record_prop_t));
    memset(edit_at(edit, i), 0, sizeof(record_prop_t));
    edit_at(edit, i)->name = name;
    edit_at(edit, i)->length = change->length;
    edit_at(edit, i)->value = change->value;
    edit->bytes += change->length;
}

/** Begin with what NODE has.  Its values stay where they are: NODE must be a copy. */
static apr_status_t edit_begin(edit_t *edit, const node_t *node, apr_pool_t *result_pool)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    edit->props = apr_array_make(result_pool, 16, sizeof(record_prop_t));
    edit->bytes = 0;
    node_props_begin(&iter, node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        record_prop_t *own = apr_array_push(edit->props);

        own->name = prop.name;
        own->length = prop.length;
        own->spilled = prop.spilled;
        own->value = prop.value;
        edit->bytes += prop.length;
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Apply one change; STORE_LIMIT if it would pass a limit. */
static apr_status_t edit_apply(edit_t *edit, store_txn_t *txn, const prop_change_t *change,
                               const node_limits_t *limits)
{
    apr_uint32_t name;
    apr_status_t status;

    if (change->value == NULL) {
        status = names_find(&name, txn, &change->name);
        if (status == APR_SUCCESS)
            edit_remove(edit, name);
        /* A name never given, or one too long to be given, is on no resource. */
        return status == STORE_ABSENT || status == STORE_LIMIT ? APR_SUCCESS : status;
    }
    if (limits->value_max != 0 && change->length > limits->value_max)
        return STORE_LIMIT;
    status = names_intern(&name, txn, &change->name, limits->names_max);
    if (status != APR_SUCCESS)
        return status;
    edit_set(edit, name, change);
    if ((limits->props_max != 0 && (unsigned)edit->props->nelts > limits->props_max) ||
        (limits->node_max != 0 && edit->bytes > limits->node_max))
        return STORE_LIMIT;
    return APR_SUCCESS;
}

/** Give new large values records of their own, and take back those no longer needed. */
static apr_status_t edit_spill(edit_t *edit, const node_t *old, store_txn_t *txn, apr_uint64_t id,
                               apr_pool_t *scratch_pool)
{
    node_props_iter_t iter;
    node_prop_t prop;
    key_buf_t buf;

    node_props_begin(&iter, old);
    while (old->id != 0 && node_props_next(&prop, &iter) == APR_SUCCESS) {
        int i = edit_position(edit, prop.name);
        int kept = i < edit->props->nelts && edit_at(edit, i)->name == prop.name &&
                   edit_at(edit, i)->spilled;

        if (prop.spilled && !kept) {
            apr_status_t status = store_del(txn, key_value(&buf, id, prop.name));

            if (status != APR_SUCCESS && status != STORE_ABSENT)
                return status;
        }
    }
    for (int i = 0; i < edit->props->nelts; i++) {
        record_prop_t *own = edit_at(edit, i);
        apr_status_t status;

        if (own->value == NULL || own->length <= NODES_SPILL_SIZE)
            continue;
        status = store_put(txn, key_value(&buf, id, own->name),
                           record_make(own->value, own->length, scratch_pool));
        if (status != APR_SUCCESS)
            return status;
        own->spilled = 1;
        own->value = NULL;
    }
    return APR_SUCCESS;
}

/** Write what EDIT says for PATH, whose node OLD is; its id is 0 if there is none. */
static apr_status_t edit_write(edit_t *edit, store_txn_t *txn, const char *path, const node_t *old,
                               const node_t *now, apr_pool_t *scratch_pool)
{
    node_t node = *now;
    node_step_t place;
    apr_status_t status;

    if (old->id == 0 && edit->props->nelts == 0)
        return APR_SUCCESS;
    status = nodes_make_above(&place, txn, path, scratch_pool);
    node.id = place.id;
    if (status == APR_SUCCESS && node.id == 0)
        status = meta_take_node_id(&node.id, txn);
    if (status == APR_SUCCESS)
        status = edit_spill(edit, old, txn, node.id, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_put(txn, node.id, &place,
                           record_pack_node(&node, (record_prop_t *)edit->props->elts,
                                            (unsigned)edit->props->nelts, scratch_pool),
                           scratch_pool);
    if (status == APR_SUCCESS && edit->props->nelts == 0) {
        apr_array_header_t *steps;
        int whole;

        status = nodes_follow(&steps, &whole, txn, path, scratch_pool);
        if (status == APR_SUCCESS)
            status = nodes_prune(txn, steps, scratch_pool);
    }
    return status;
}

/** A copy of NODE that no write makes invalid. */
static void keep_node(node_t *node, apr_pool_t *result_pool)
{
    node->props = nodes_keep_slice(node->props, result_pool);
}

apr_status_t nodes_patch(store_txn_t *txn, const char *path, node_kind_e kind,
                         const node_fingerprint_t *fingerprint, const prop_change_t *changes,
                         apr_size_t count, const node_limits_t *limits, apr_size_t *failed_p,
                         apr_pool_t *scratch_pool)
{
    node_t now = {.kind = kind, .fingerprint = *fingerprint}, old = {0};
    edit_t edit;
    apr_status_t status = nodes_find(&old, txn, path);

    if (status == STORE_ABSENT) {
        memset(&old, 0, sizeof(old));
        status = APR_SUCCESS;
    }
    if (status != APR_SUCCESS)
        return status;
    keep_node(&old, scratch_pool);
    status = edit_begin(&edit, &old, scratch_pool);
    for (apr_size_t i = 0; i < count && status == APR_SUCCESS; i++) {
        status = edit_apply(&edit, txn, &changes[i], limits);
        if (status == STORE_LIMIT && failed_p != NULL)
            *failed_p = i;
    }
    return status == APR_SUCCESS ? edit_write(&edit, txn, path, &old, &now, scratch_pool) : status;
}
