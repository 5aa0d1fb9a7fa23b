/*
 * Checks of nodes, their places, and their values.
 */
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_int.h"

int check_split_node_key(apr_uint64_t *parent_p, store_slice_t *name_p, store_slice_t key)
{
    const unsigned char *bytes = key.data;

    if (key.len < 9)
        return 0;
    *parent_p = key_get_u64(bytes + 1);
    name_p->data = bytes + 9;
    name_p->len = key.len - 9;
    /* The root alone has no name. */
    return name_p->len == 0 ? *parent_p == 0 : nodes_is_member_name(bytes + 9, name_p->len);
}

apr_status_t check_way(apr_uint64_t *end_p, check_t *check, apr_uint64_t id)
{
    apr_uint64_t at = id;

    /* Members of one collection follow each other. */
    if (id != 0 && id == check->way_id) {
        *end_p = check->way_end;
        return APR_SUCCESS;
    }
    for (int depth = 0; at != NODE_ROOT_ID; depth++) {
        record_place_t place;
        apr_status_t status = check_get_place(&place, check->txn, at);

        if (status != APR_SUCCESS && status != STORE_ABSENT && status != STORE_CORRUPT)
            return status;
        if (status != APR_SUCCESS || depth > NODES_DEPTH_MAX)
            break;
        at = place.parent;
    }
    check->way_id = id;
    check->way_end = *end_p = at == NODE_ROOT_ID ? 0 : at;
    /* There is no node 0, so a way that ends there breaks before. */
    if (at == 0)
        check->way_end = *end_p = id != 0 ? id : APR_UINT64_MAX;
    return APR_SUCCESS;
}

void check_note_node_id(check_t *check, apr_uint64_t id)
{
    if (id >= check->next_node && id < APR_UINT64_MAX)
        check->next_node = id + 1;
}

/** A node being checked. */
typedef struct subject_t {
    store_slice_t key;
    apr_uint64_t parent;
    store_slice_t name;
    const char *path;
    node_t node;
} subject_t;

/** That its place says where it is. */
static apr_status_t check_its_place(check_t *check, const subject_t *subject)
{
    record_place_t place;
    apr_uint64_t *id;
    apr_status_t status = check_get_place(&place, check->txn, subject->node.id);

    if (status == APR_SUCCESS && place.parent == subject->parent &&
        check_is_same(place.name, subject->name))
        return APR_SUCCESS;
    if (status != APR_SUCCESS && status != STORE_ABSENT && status != STORE_CORRUPT)
        return status;
    check_found(
        check, CHECK_PLACE, subject->key, subject->path,
        "the place of %s (node %" APR_UINT64_T_FMT ") is %s", subject->path, subject->node.id,
        status == APR_SUCCESS
            ? apr_pstrcat(check->iterpool, "said to be ",
                          check_member_path(check->txn, place.parent, place.name, check->iterpool),
                          NULL)
        : status == STORE_ABSENT ? "missing from the index"
                                 : "damaged in the index");
    id = apr_pmemdup(check->pool, &subject->node.id, sizeof(*id));
    apr_hash_set(check->unplaced, id, sizeof(*id), id);
    return APR_SUCCESS;
}

/** That a way leads from it to the root. */
static apr_status_t check_its_way(check_t *check, const subject_t *subject)
{
    apr_uint64_t end;
    apr_status_t status;

    if (subject->parent == 0 && subject->name.len == 0)
        return APR_SUCCESS;
    status = check_way(&end, check, subject->parent);
    if (status == APR_SUCCESS && end != 0) {
        int *index = apr_pmemdup(check->pool, &check->findings->nelts, sizeof(int));

        apr_hash_set(check->broken, index, sizeof(*index),
                     apr_pmemdup(check->pool, &end, sizeof(end)));
        check_found(check, CHECK_ORPHAN, subject->key, subject->path,
                    "no way leads from the root to %s (node %" APR_UINT64_T_FMT ")", subject->path,
                    subject->node.id);
    }
    return status;
}

/** Whether the name ID is known.  @return APR_SUCCESS; STORE_ABSENT; the store's error */
static apr_status_t check_name_known(check_t *check, apr_uint32_t id)
{
    prop_name_t name;
    apr_status_t status;

    if (apr_hash_get(check->names, &id, sizeof(id)) != NULL)
        return APR_SUCCESS;
    status = check_get_name(&name, check->txn, id);
    if (status == APR_SUCCESS)
        apr_hash_set(check->names, apr_pmemdup(check->pool, &id, sizeof(id)), sizeof(id), "");
    return status == STORE_CORRUPT ? STORE_ABSENT : status;
}

/** What is wrong with PROP of NODE, or NULL.  @param before the name id before it */
static apr_status_t judge_property(const char **wrong_p, check_t *check, const node_t *node,
                                   const node_prop_t *prop, apr_uint32_t before)
{
    store_slice_t record, value;
    key_buf_t buf;
    apr_status_t status = check_name_known(check, prop->name);

    *wrong_p = NULL;
    if (status == STORE_ABSENT || prop->name == 0)
        *wrong_p = "has no name";
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    if (*wrong_p == NULL && prop->name <= before)
        *wrong_p = "is out of order";
    if (*wrong_p == NULL && prop->spilled != (prop->length > NODES_SPILL_SIZE))
        *wrong_p = "is in the wrong table for its length";
    if (*wrong_p != NULL || !prop->spilled)
        return APR_SUCCESS;
    status = store_get(check->txn, key_value(&buf, node->id, prop->name), &record);
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    if (status == STORE_ABSENT)
        *wrong_p = "has no value";
    else if (record_open(&value, record) != APR_SUCCESS)
        *wrong_p = "has a damaged value";
    else if (value.len != prop->length)
        *wrong_p = "has a value of another length";
    return APR_SUCCESS;
}

static apr_status_t check_its_properties(check_t *check, const subject_t *subject)
{
    apr_uint32_t before = 0;
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    node_props_begin(&iter, &subject->node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        const char *wrong;
        prop_name_t name = {"", ""};

        status = judge_property(&wrong, check, &subject->node, &prop, before);
        if (status != APR_SUCCESS)
            return status;
        if (wrong != NULL) {
            (void)check_get_name(&name, check->txn, prop.name);
            check_found(check, CHECK_PROPERTIES, subject->key, subject->path,
                        "property %u {%s}%s of %s %s", prop.name, name.ns, name.local,
                        subject->path, wrong);
        }
        before = prop.name;
    }
    if (status == STORE_CORRUPT) {
        check_found(check, CHECK_PROPERTIES, subject->key, subject->path,
                    "the properties of %s do not fill its record", subject->path);
        status = APR_SUCCESS;
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** That there is something to keep. */
static apr_status_t check_its_need(check_t *check, const subject_t *subject)
{
    apr_status_t status;

    if (subject->node.prop_count > 0 || subject->node.id == NODE_ROOT_ID)
        return APR_SUCCESS;
    status = nodes_is_needed(check->txn, subject->node.id, check->iterpool);
    if (status != STORE_ABSENT)
        return status == STORE_CORRUPT ? APR_SUCCESS : status;
    check_found(check, CHECK_NEEDLESS, subject->key, subject->path,
                "%s has a node without properties, members or locks", subject->path);
    return APR_SUCCESS;
}

apr_status_t check_node(check_t *check, store_slice_t key, store_slice_t value)
{
    subject_t subject = {.key = key};
    apr_status_t status;
    int is_root;

    if (!check_split_node_key(&subject.parent, &subject.name, key)) {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "a key of a node that is none, of %" APR_SIZE_T_FMT " bytes", key.len);
        return APR_SUCCESS;
    }
    subject.path = check_member_path(check->txn, subject.parent, subject.name, check->iterpool);
    is_root = subject.name.len == 0;
    if (record_read_node(&subject.node, value) != APR_SUCCESS) {
        check_found(check, CHECK_DAMAGED, key, subject.path, "the node of %s is damaged",
                    subject.path);
        return APR_SUCCESS;
    }
    if (is_root && subject.node.id != NODE_ROOT_ID) {
        check_found(check, CHECK_META, key, subject.path,
                    "the root's node has the id %" APR_UINT64_T_FMT, subject.node.id);
        return APR_SUCCESS;
    }
    check_note_node_id(check, subject.node.id);
    status = check_its_place(check, &subject);
    if (status == APR_SUCCESS)
        status = check_its_way(check, &subject);
    if (status == APR_SUCCESS)
        status = check_its_properties(check, &subject);
    return status == APR_SUCCESS ? check_its_need(check, &subject) : status;
}

apr_status_t check_place(check_t *check, store_slice_t key, store_slice_t value)
{
    record_place_t place;
    apr_uint64_t id;
    const char *path;
    node_t node;
    apr_status_t status;

    if (key.len != 9 || key_get_u64((const unsigned char *)key.data + 1) == 0) {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "a key of a node's place that is none, of %" APR_SIZE_T_FMT " bytes", key.len);
        return APR_SUCCESS;
    }
    id = key_get_u64((const unsigned char *)key.data + 1);
    check_note_node_id(check, id);
    if (record_read_place(&place, value) != APR_SUCCESS || place.name.len > KEY_MEMBER_MAX) {
        check_found_damaged(
            check, key, apr_psprintf(check->iterpool, "the place of node %" APR_UINT64_T_FMT, id));
        return APR_SUCCESS;
    }
    status = check_get_node(&node, check->txn, place.parent, place.name);
    if (status == STORE_CORRUPT || (status == APR_SUCCESS && node.id == id))
        return APR_SUCCESS;
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    path = check_member_path(check->txn, place.parent, place.name, check->iterpool);
    check_found(check, CHECK_STRAY_PLACE, key, path,
                "the index has node %" APR_UINT64_T_FMT " at %s, which %s", id, path,
                status == APR_SUCCESS ? "is another" : "has none");
    return APR_SUCCESS;
}

apr_status_t check_value(check_t *check, store_slice_t key, store_slice_t value)
{
    const unsigned char *bytes = key.data;
    const char *path;
    store_slice_t body;
    apr_uint64_t id;
    node_prop_t prop;
    node_t node;
    apr_status_t status;

    if (key.len != 13) {
        check_found(check, CHECK_UNKNOWN, key, NULL,
                    "a key of a value that is none, of %" APR_SIZE_T_FMT " bytes", key.len);
        return APR_SUCCESS;
    }
    id = key_get_u64(bytes + 1);
    path = check_path_of(check->txn, id, check->iterpool);
    if (record_open(&body, value) != APR_SUCCESS) {
        check_found(check, CHECK_DAMAGED, key, path, "the value of property %u of %s is damaged",
                    key_get_u32(bytes + 9), path);
        return APR_SUCCESS;
    }
    /* Of a node that is damaged, or not in its place, nothing can be said. */
    if (apr_hash_get(check->unplaced, &id, sizeof(id)) != NULL)
        return APR_SUCCESS;
    status = check_find_node(&node, check->txn, id);
    if (status == STORE_CORRUPT)
        return APR_SUCCESS;
    if (status == APR_SUCCESS)
        status = node_prop_find(&prop, &node, key_get_u32(bytes + 9));
    if (status == APR_SUCCESS && prop.spilled)
        return APR_SUCCESS;
    if (status != APR_SUCCESS && status != STORE_ABSENT && status != STORE_CORRUPT)
        return status;
    check_found(check, CHECK_STRAY_VALUE, key, path,
                "a value of %" APR_SIZE_T_FMT " bytes is stored for property %u of %s, which has "
                "no such",
                body.len, key_get_u32(bytes + 9), path);
    return APR_SUCCESS;
}
