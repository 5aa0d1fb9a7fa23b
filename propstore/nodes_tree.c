/*
 * What happens to whole subtrees: remove, move, copy, retain.  None recurses, and none
 * holds more than one member of each collection on its way, so neither depth nor number
 * of members matters.
 */
#include <string.h>

#include <apr_strings.h>

#include "propstore/locks.h"
#include "propstore/meta.h"
#include "propstore/nodes_int.h"
#include "propstore/pairs.h"
#include "propstore/record.h"

/** A member as a step of a walk has it; its own copy, so writes do not touch it. */
typedef struct member_t {
    node_step_t place;
    node_t node;
} member_t;

int nodes_is_member_name(const unsigned char *name, apr_size_t length)
{
    return length > 0 && length <= KEY_MEMBER_MAX && memchr(name, '\0', length) == NULL &&
           memchr(name, '/', length) == NULL;
}

/**
 * Whether STEP's id has this one place.  An id in two places of a damaged store would let a walk
 * go round in circles.
 * @return APR_SUCCESS; STORE_CORRUPT; the store's error
 */
static apr_status_t check_place(store_txn_t *txn, const node_step_t *step)
{
    record_place_t place;
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status = store_get(txn, key_node_place(&buf, step->id), &record);

    if (status == APR_SUCCESS)
        status = record_read_place(&place, record);
    if (status == STORE_ABSENT ||
        (status == APR_SUCCESS && (place.parent != step->parent || place.name.len != step->length ||
                                   memcmp(place.name.data, step->name, step->length) != 0)))
        status = STORE_CORRUPT;
    if (status == STORE_CORRUPT)
        store_log(store_txn_store(txn), STORE_LOG_ERROR, status,
                  "node %" APR_UINT64_T_FMT " is not in its place, \"%.*s\"", step->id,
                  (int)step->length, step->name);
    return status;
}

/**
 * The member of PARENT behind the one called AFTER, or the first if AFTER is "".
 * @param member in RESULT_POOL, its properties too
 * @return APR_SUCCESS; STORE_ABSENT at the end; STORE_CORRUPT; the store's error
 */
static apr_status_t next_member(member_t *member, store_txn_t *txn, apr_uint64_t parent,
                                const char *after, apr_pool_t *result_pool)
{
    key_buf_t from, to;
    store_range_t range = {.limit = 1};
    store_slice_t key, record;
    store_cursor_t *cursor;
    apr_status_t status;
    apr_size_t prefix;

    range.from = key_members(&from, parent);
    range.to = key_after(&to, range.from);
    prefix = range.from.len;
    /* The key that follows directly is this one with a NUL, which no name holds. */
    if (*after != '\0')
        range.from = key_node(&from, parent, after, strlen(after) + 1);
    status = store_scan(&cursor, txn, &range, result_pool);
    if (status != APR_SUCCESS)
        return status;
    status = store_next(cursor, &key, &record);
    if (status == APR_SUCCESS) {
        const unsigned char *name = (const unsigned char *)key.data + prefix;

        member->place.parent = parent;
        member->place.length = key.len - prefix;
        member->place.name = apr_pstrmemdup(result_pool, (const char *)name, key.len - prefix);
        if (nodes_is_member_name(name, key.len - prefix))
            status = nodes_read(&member->node, txn, nodes_keep_slice(record, result_pool), parent,
                                member->place.name, member->place.length);
        else
            status = STORE_CORRUPT;
        if (status == APR_SUCCESS)
            member->place.id = member->node.id;
    }
    store_scan_end(cursor);
    return status == APR_SUCCESS ? check_place(txn, &member->place) : status;
}

/** A collection on the way down, with what is wanted of it when its members are done. */
typedef struct level_t {
    struct level_t *up;
    apr_pool_t *pool; /* lifetime of the level */
    member_t self;
    char after[KEY_MEMBER_MAX + 1]; /* the member last looked at, or "" */
    apr_uint64_t copy;              /* nodes_copy(): the id of its copy */
    const char *path;               /* nodes_retain(): its path */
} level_t;

/** Go down to MEMBER, which is copied. */
static level_t *descend(level_t *up, const member_t *member, apr_pool_t *parent_pool)
{
    apr_pool_t *level_pool;
    level_t *level;

    apr_pool_create(&level_pool, parent_pool);
    level = apr_pcalloc(level_pool, sizeof(*level));
    level->up = up;
    level->pool = level_pool;
    level->self = *member;
    level->self.place.name = apr_pstrdup(level_pool, member->place.name);
    return level;
}

static level_t *ascend(level_t *level)
{
    level_t *up = level->up;

    apr_pool_destroy(level->pool);
    return up;
}

/* ---- removing ---- */

/** Drop the node PLACE, which has no members; the root's is emptied and stays. */
static apr_status_t drop(store_txn_t *txn, const node_step_t *place, apr_pool_t *scratch_pool)
{
    const node_t root = {.id = NODE_ROOT_ID, .kind = NODE_COLLECTION};
    apr_status_t status = nodes_drop(txn, place, scratch_pool);

    if (status == APR_SUCCESS && place->id == NODE_ROOT_ID)
        status = nodes_put(txn, NODE_ROOT_ID, place, record_pack_node(&root, NULL, 0, scratch_pool),
                           scratch_pool);
    return status;
}

/** Remove TOP and all below it. */
static apr_status_t remove_tree(store_txn_t *txn, const member_t *top, apr_pool_t *scratch_pool)
{
    level_t *level = descend(NULL, top, scratch_pool);
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *iterpool;

    apr_pool_create(&iterpool, scratch_pool);
    while (level != NULL && status == APR_SUCCESS) {
        member_t member;

        apr_pool_clear(iterpool);
        /* What was looked at has been removed, so the next is always the first. */
        status = next_member(&member, txn, level->self.place.id, "", iterpool);
        if (status == APR_SUCCESS) {
            level = descend(level, &member, level->pool);
        } else if (status == STORE_ABSENT) {
            status = drop(txn, &level->self.place, iterpool);
            level = ascend(level);
        }
    }
    apr_pool_destroy(iterpool);
    return status;
}

/** PATH's node as a member, or STORE_ABSENT; STEPS are those above and itself, not the root. */
static apr_status_t find_member(member_t *member, apr_array_header_t **steps_p, store_txn_t *txn,
                                const char *path, apr_pool_t *result_pool)
{
    static const node_step_t root = {.id = NODE_ROOT_ID, .name = ""};
    const node_step_t *last = &root;
    apr_status_t status;
    int whole;

    status = nodes_follow(steps_p, &whole, txn, path, result_pool);
    if (status != APR_SUCCESS)
        return status;
    if (!whole)
        return STORE_ABSENT;
    if ((*steps_p)->nelts > 0)
        last = &APR_ARRAY_IDX(*steps_p, (*steps_p)->nelts - 1, node_step_t);
    member->place = *last;
    member->place.name = apr_pstrmemdup(result_pool, last->name, last->length);
    status = nodes_get(&member->node, txn, last->parent, last->name, last->length);
    if (status == APR_SUCCESS)
        member->node.props = nodes_keep_slice(member->node.props, result_pool);
    return status == APR_SUCCESS ? check_place(txn, &member->place) : status;
}

apr_status_t nodes_remove(store_txn_t *txn, const char *path, apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    member_t top;
    apr_status_t status = find_member(&top, &steps, txn, path, scratch_pool);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    status = remove_tree(txn, &top, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_prune(txn, steps, scratch_pool);
    return status;
}

/* ---- moving ---- */

int nodes_is_within(const char *path, const char *top)
{
    const char *name, *top_name;
    apr_size_t length, top_length;

    while (nodes_next_segment(&top, &top_name, &top_length)) {
        if (!nodes_next_segment(&path, &name, &length) || length != top_length ||
            memcmp(name, top_name, length) != 0)
            return 0;
    }
    return 1;
}

/** Put the node of FROM at TO, which has none.  @return APR_SUCCESS; STORE_ABSENT; ... */
static apr_status_t move_tree(store_txn_t *txn, const char *from, const char *to,
                              apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    store_slice_t record;
    node_step_t place;
    member_t top;
    key_buf_t buf;
    apr_status_t status = find_member(&top, &steps, txn, from, scratch_pool);

    if (status == APR_SUCCESS)
        status = store_get(txn, key_node(&buf, top.place.parent, top.place.name, top.place.length),
                           &record);
    if (status != APR_SUCCESS)
        return status;
    record = nodes_keep_slice(record, scratch_pool);
    status = nodes_make_above(&place, txn, to, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_put(txn, top.node.id, &place, record, scratch_pool);
    if (status == APR_SUCCESS)
        status = store_del(txn, key_node(&buf, top.place.parent, top.place.name, top.place.length));
    /* The way's last step is gone already; those above it may have nothing left. */
    if (status == APR_SUCCESS)
        status = nodes_prune(txn, steps, scratch_pool);
    return status;
}

apr_status_t nodes_move(store_txn_t *txn, const char *from, const char *to,
                        apr_pool_t *scratch_pool)
{
    apr_status_t status;

    if (nodes_is_within(from, to) || nodes_is_within(to, from))
        return STORE_MISUSE;
    status = nodes_remove(txn, to, scratch_pool);
    /* Locks stay behind (RFC 4918 section 7.6), and with them nodes that were theirs alone. */
    if (status == APR_SUCCESS)
        status = locks_remove_tree(txn, from, scratch_pool);
    if (status == APR_SUCCESS)
        status = move_tree(txn, from, to, scratch_pool);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

apr_status_t nodes_relocate(store_txn_t *txn, const char *from, const char *to,
                            apr_pool_t *scratch_pool)
{
    apr_array_header_t *locks = apr_array_make(scratch_pool, 8, sizeof(lock_t));
    node_t node;
    apr_status_t status;

    if (nodes_is_within(from, to) || nodes_is_within(to, from))
        return STORE_MISUSE;
    status = nodes_find(&node, txn, from);
    if (status == APR_SUCCESS)
        status = nodes_remove(txn, to, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_lift_locks(locks, txn, node.id, scratch_pool);
    if (status == APR_SUCCESS)
        status = move_tree(txn, from, to, scratch_pool);
    for (int i = 0; i < locks->nelts && status == APR_SUCCESS; i++)
        status = locks_pairs(txn, &APR_ARRAY_IDX(locks, i, lock_t), pairs_put, txn, scratch_pool);
    return status;
}

/* ---- copying ---- */

/** Copy the spilled values of a node. */
static apr_status_t copy_values(store_txn_t *txn, const node_t *from, apr_uint64_t to,
                                apr_pool_t *scratch_pool)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    node_props_begin(&iter, from);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        store_slice_t record;
        key_buf_t buf;

        if (!prop.spilled)
            continue;
        status = store_get(txn, key_value(&buf, from->id, prop.name), &record);
        if (status == APR_SUCCESS)
            status = store_put(txn, key_value(&buf, to, prop.name),
                               nodes_keep_slice(record, scratch_pool));
        if (status != APR_SUCCESS)
            return status == STORE_ABSENT ? STORE_CORRUPT : status;
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** The record of NODE, which has the properties of FROM. */
static apr_status_t copy_record(store_slice_t *record_p, const node_t *node, const node_t *from,
                                apr_pool_t *result_pool)
{
    apr_array_header_t *props = apr_array_make(result_pool, 8, sizeof(record_prop_t));
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    node_props_begin(&iter, from);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        record_prop_t *own = apr_array_push(props);

        own->name = prop.name;
        own->length = prop.length;
        own->spilled = prop.spilled;
        own->value = prop.value;
    }
    if (status != STORE_ABSENT)
        return status;
    *record_p =
        record_pack_node(node, (record_prop_t *)props->elts, (unsigned)props->nelts, result_pool);
    return APR_SUCCESS;
}

/** Copy one node to PLACE.  @param id_p set to the copy's id */
static apr_status_t copy_node(apr_uint64_t *id_p, store_txn_t *txn, const node_t *from,
                              const node_step_t *place, apr_pool_t *scratch_pool)
{
    /* Without the fingerprint, which is not the copy's. */
    node_t node = {.kind = from->kind};
    store_slice_t record;
    apr_status_t status = meta_take_node_id(id_p, txn);

    node.id = *id_p;
    if (status == APR_SUCCESS)
        status = copy_record(&record, &node, from, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_put(txn, *id_p, place, record, scratch_pool);
    if (status == APR_SUCCESS)
        status = copy_values(txn, from, *id_p, scratch_pool);
    return status;
}

/** Drop LEVEL's copy if it holds nothing: its original was there for a lock alone. */
static apr_status_t drop_empty_copy(store_txn_t *txn, const level_t *level,
                                    apr_pool_t *scratch_pool)
{
    node_step_t place = level->self.place;
    apr_status_t status;

    /* The topmost copy's place is the caller's to know. */
    if (level->self.node.prop_count > 0 || level->up == NULL)
        return APR_SUCCESS;
    place.id = level->copy;
    place.parent = level->up->copy;
    status = nodes_has_members(txn, place.id, scratch_pool);
    return status == STORE_ABSENT ? nodes_drop(txn, &place, scratch_pool) : status;
}

/** Copy all below TOP to below the node COPY. */
static apr_status_t copy_members(store_txn_t *txn, const member_t *top, apr_uint64_t copy,
                                 apr_pool_t *scratch_pool)
{
    level_t *level = descend(NULL, top, scratch_pool);
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *iterpool;

    level->copy = copy;
    apr_pool_create(&iterpool, scratch_pool);
    while (level != NULL && status == APR_SUCCESS) {
        member_t member;

        apr_pool_clear(iterpool);
        status = next_member(&member, txn, level->self.place.id, level->after, iterpool);
        if (status == APR_SUCCESS) {
            node_step_t place = member.place;

            apr_cpystrn(level->after, member.place.name, sizeof(level->after));
            place.parent = level->copy;
            status = copy_node(&copy, txn, &member.node, &place, iterpool);
            if (status == APR_SUCCESS) {
                level = descend(level, &member, level->pool);
                level->copy = copy;
            }
        } else if (status == STORE_ABSENT) {
            status = drop_empty_copy(txn, level, iterpool);
            level = ascend(level);
        }
    }
    apr_pool_destroy(iterpool);
    return status;
}

apr_status_t nodes_copy(store_txn_t *txn, const char *from, const char *to, int recurse,
                        apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    node_step_t place;
    member_t top;
    apr_uint64_t copy;
    apr_status_t status;
    int whole;

    if (nodes_is_within(from, to) || (recurse && nodes_is_within(to, from)))
        return STORE_MISUSE;
    status = nodes_remove(txn, to, scratch_pool);
    if (status == APR_SUCCESS)
        status = find_member(&top, &steps, txn, from, scratch_pool);
    if (status == APR_SUCCESS && !recurse && top.node.prop_count == 0)
        return APR_SUCCESS;
    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;

    status = nodes_make_above(&place, txn, to, scratch_pool);
    if (status == APR_SUCCESS)
        status = copy_node(&copy, txn, &top.node, &place, scratch_pool);
    if (status == APR_SUCCESS && recurse)
        status = copy_members(txn, &top, copy, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_follow(&steps, &whole, txn, to, scratch_pool);
    return status == APR_SUCCESS ? nodes_prune(txn, steps, scratch_pool) : status;
}

/* ---- walking and retaining ---- */

/** What is asked of each node, and whether what it refuses is forgotten, or only not entered. */
typedef struct asking_t {
    nodes_keep_fn *keep;
    void *baton;
    int forget;
} asking_t;

/** Remove LEVEL's node if nothing is left to keep in it. */
static apr_status_t drop_if_empty(store_txn_t *txn, const level_t *level, apr_pool_t *scratch_pool)
{
    apr_status_t status;

    if (level->self.node.prop_count > 0 || level->self.place.id == NODE_ROOT_ID)
        return APR_SUCCESS;
    status = nodes_is_needed(txn, level->self.place.id, scratch_pool);
    return status == STORE_ABSENT ? nodes_drop(txn, &level->self.place, scratch_pool) : status;
}

/** Ask about all below TOP, whose path is PATH. */
static apr_status_t ask_members(store_txn_t *txn, const member_t *top, const char *path,
                                const asking_t *asking, apr_pool_t *scratch_pool)
{
    level_t *level = descend(NULL, top, scratch_pool);
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *iterpool;

    level->path = path;
    apr_pool_create(&iterpool, scratch_pool);
    while (level != NULL && status == APR_SUCCESS) {
        member_t member;

        apr_pool_clear(iterpool);
        status = next_member(&member, txn, level->self.place.id, level->after, iterpool);
        if (status == APR_SUCCESS) {
            const char *below = apr_pstrcat(iterpool, level->path, "/", member.place.name, NULL);

            apr_cpystrn(level->after, member.place.name, sizeof(level->after));
            if (asking->keep(asking->baton, below, &member.node)) {
                level = descend(level, &member, level->pool);
                level->path = apr_pstrdup(level->pool, below);
            } else {
                status = asking->forget ? remove_tree(txn, &member, iterpool) : APR_SUCCESS;
            }
        } else if (status == STORE_ABSENT) {
            status = asking->forget ? drop_if_empty(txn, level, iterpool) : APR_SUCCESS;
            level = ascend(level);
        }
    }
    apr_pool_destroy(iterpool);
    return status;
}

/** Ask about PATH and all below it. */
static apr_status_t ask(store_txn_t *txn, const char *path, const asking_t *asking,
                        apr_pool_t *scratch_pool)
{
    apr_size_t length = strlen(path);
    apr_array_header_t *steps;
    member_t top;
    apr_status_t status = find_member(&top, &steps, txn, path, scratch_pool);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? APR_SUCCESS : status;
    while (length > 0 && path[length - 1] == '/')
        length--;
    path = apr_pstrmemdup(scratch_pool, path, length);
    if (asking->keep(asking->baton, *path ? path : "/", &top.node))
        status = ask_members(txn, &top, path, asking, scratch_pool);
    else if (asking->forget)
        status = remove_tree(txn, &top, scratch_pool);
    return status == APR_SUCCESS && asking->forget ? nodes_prune(txn, steps, scratch_pool) : status;
}

apr_status_t nodes_retain(store_txn_t *txn, const char *path, nodes_keep_fn *keep, void *baton,
                          apr_pool_t *scratch_pool)
{
    const asking_t asking = {keep, baton, 1};

    return ask(txn, path, &asking, scratch_pool);
}

apr_status_t nodes_walk(store_txn_t *txn, const char *path, nodes_keep_fn *enter, void *baton,
                        apr_pool_t *scratch_pool)
{
    const asking_t asking = {enter, baton, 0};

    return ask(txn, path, &asking, scratch_pool);
}

/* ---- touching ---- */

apr_status_t nodes_touch(store_txn_t *txn, const char *path, const node_fingerprint_t *fingerprint,
                         apr_pool_t *scratch_pool)
{
    apr_array_header_t *steps;
    store_slice_t record;
    key_buf_t buf;
    member_t member;
    node_t node;
    apr_status_t status = find_member(&member, &steps, txn, path, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    node = member.node;
    if (memcmp(&node.fingerprint, fingerprint, sizeof(*fingerprint)) == 0)
        return STORE_ABSENT;
    node.fingerprint = *fingerprint;
    status = copy_record(&record, &node, &member.node, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    return store_put(
        txn, key_node(&buf, member.place.parent, member.place.name, member.place.length), record);
}
