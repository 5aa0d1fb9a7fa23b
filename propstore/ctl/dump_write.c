/*
 * Writing a dump.  What loading a line would put into a store is looked up in this one, byte by
 * byte, and counted: if all of it is there, and nothing else, the dump is the store.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/dump.h"
#include "propstore/ctl/lines.h"
#include "propstore/key.h"
#include "propstore/pairs.h"

typedef struct writer_t {
    dump_result_t *result;
    FILE *to;
    store_txn_t *txn;
    dump_step_fn *step;
    void *baton;
    apr_pool_t *pool;      /* of the whole dump */
    apr_pool_t *node_pool; /* of one node's line */
    apr_status_t status;   /* what the walk over the nodes came to */
} writer_t;

/** Say what is wrong with the store. */
static apr_status_t damaged(writer_t *writer, const char *what)
{
    writer->result->error = apr_pstrdup(writer->pool, what);
    return STORE_CORRUPT;
}

/** pairs_fn: whether the store has just this pair. */
static apr_status_t compare_pair(void *baton, store_slice_t key, store_slice_t value)
{
    writer_t *writer = baton;
    store_slice_t stored;
    apr_status_t status = store_get(writer->txn, key, &stored);

    if (status == STORE_ABSENT ||
        (status == APR_SUCCESS &&
         (stored.len != value.len || memcmp(stored.data, value.data, value.len) != 0)))
        return STORE_CORRUPT;
    if (status == APR_SUCCESS)
        writer->result->records++;
    return status;
}

/** Write LINE, a reference that is taken over. */
static apr_status_t write_line(writer_t *writer, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    apr_status_t status = APR_SUCCESS;

    json_decref(line);
    if (text == NULL)
        return APR_ENOMEM;
    errno = 0;
    if (fputs(text, writer->to) == EOF || putc('\n', writer->to) == EOF)
        status = errno != 0 ? errno : APR_EGENERAL;
    free(text);
    writer->result->lines++;
    if (status == APR_SUCCESS && !writer->step(writer->baton, writer->result->records))
        status = APR_EINTR;
    return status;
}

static apr_status_t write_head(writer_t *writer)
{
    meta_t meta;
    apr_status_t status = meta_read(&meta, writer->txn);

    if (status == APR_SUCCESS)
        status = meta_pairs(&meta, compare_pair, writer, writer->pool);
    if (status == STORE_CORRUPT)
        return damaged(writer, "what it says of itself is damaged");
    if (status != APR_SUCCESS)
        return status;
    memcpy(writer->result->uuid, meta.uuid, sizeof(meta.uuid));
    return write_line(writer, line_from_meta(&meta));
}

/** All property names, in the order of their ids. */
static apr_status_t write_names(writer_t *writer)
{
    const unsigned char table = KEY_NAME, behind = KEY_NAME + 1;
    const store_range_t range = {.from = {&table, 1}, .to = {&behind, 1}};
    store_cursor_t *cursor;
    store_slice_t key, value;
    apr_status_t status = store_scan(&cursor, writer->txn, &range, writer->pool);

    while (status == APR_SUCCESS && (status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        line_name_t name = {0};

        if (key.len == 5)
            name.id = key_get_u32((const unsigned char *)key.data + 1);
        status = record_read_name(&name.name, value);
        if (status == APR_SUCCESS)
            status = names_pairs(name.id, &name.name, compare_pair, writer);
        if (status == STORE_CORRUPT || status == STORE_LIMIT)
            return damaged(writer, apr_psprintf(writer->pool,
                                                "the property name with id %u is "
                                                "damaged",
                                                name.id));
        if (status == APR_SUCCESS)
            status = write_line(writer, line_from_name(&name));
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Read NODE's properties, to be told of and to be packed again. */
static apr_status_t read_properties(line_node_t *line, apr_array_header_t *packed, store_txn_t *txn,
                                    const node_t *node, apr_pool_t *result_pool)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    node_props_begin(&iter, node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        prop_change_t *change = apr_array_push(line->props);
        record_prop_t *own = apr_array_push(packed);
        store_slice_t value;

        status = names_get(&change->name, txn, prop.name, result_pool);
        if (status == APR_SUCCESS)
            status = node_prop_value(&value, txn, node, &prop);
        if (status != APR_SUCCESS)
            return status;
        change->value = own->value = value.data;
        change->length = own->length = value.len;
        own->name = prop.name;
        own->spilled = 0;
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Where the node of PATH hangs. */
static apr_status_t find_place(node_step_t *place, store_txn_t *txn, const char *path,
                               apr_pool_t *scratch_pool)
{
    static const node_step_t root = {.name = ""};
    apr_array_header_t *steps;
    int whole;
    apr_status_t status = nodes_follow(&steps, &whole, txn, path, scratch_pool);

    *place = root;
    if (status == APR_SUCCESS && steps->nelts > 0)
        *place = APR_ARRAY_IDX(steps, steps->nelts - 1, node_step_t);
    return status;
}

static apr_status_t write_node(writer_t *writer, const char *path, const node_t *node,
                               apr_pool_t *scratch_pool)
{
    line_node_t line = {.path = path, .node = *node};
    apr_array_header_t *packed = apr_array_make(scratch_pool, 8, sizeof(record_prop_t));
    node_step_t place;
    apr_status_t status = find_place(&place, writer->txn, path, scratch_pool);

    line.props = apr_array_make(scratch_pool, 8, sizeof(prop_change_t));
    if (status == APR_SUCCESS)
        status = read_properties(&line, packed, writer->txn, node, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_pairs(node, &place, (record_prop_t *)packed->elts, (unsigned)packed->nelts,
                             compare_pair, writer, scratch_pool);
    if (status == STORE_CORRUPT)
        return damaged(writer, apr_pstrcat(scratch_pool, "the node of ",
                                           ctl_plain_text(path, strlen(path), scratch_pool),
                                           " is damaged", NULL));
    return status == APR_SUCCESS ? write_line(writer, line_from_node(&line)) : status;
}

/** nodes_keep_fn: write the node's line; after a failure go nowhere. */
static int visit_node(void *baton, const char *path, const node_t *node)
{
    writer_t *writer = baton;

    if (writer->status != APR_SUCCESS)
        return 0;
    apr_pool_clear(writer->node_pool);
    writer->status = write_node(writer, path, node, writer->node_pool);
    return writer->status == APR_SUCCESS;
}

static apr_status_t write_nodes(writer_t *writer)
{
    apr_status_t status;

    apr_pool_create(&writer->node_pool, writer->pool);
    writer->status = APR_SUCCESS;
    status = nodes_walk(writer->txn, "/", visit_node, writer, writer->pool);
    apr_pool_destroy(writer->node_pool);
    if (writer->status != APR_SUCCESS)
        return writer->status;
    return status == STORE_CORRUPT ? damaged(writer, "its tree of nodes is damaged") : status;
}

static apr_status_t write_locks(writer_t *writer)
{
    /* Those that have expired are in the store as well. */
    const apr_int64_t always = APR_INT64_MIN;
    apr_array_header_t *locks = apr_array_make(writer->pool, 16, sizeof(lock_t));
    apr_status_t status = locks_on_node(locks, writer->txn, NODE_ROOT_ID, always);
    apr_pool_t *iterpool;

    if (status == APR_SUCCESS)
        status = locks_below(locks, writer->txn, "/", always);
    apr_pool_create(&iterpool, writer->pool);
    for (int i = 0; i < locks->nelts && status == APR_SUCCESS; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);

        apr_pool_clear(iterpool);
        status = locks_pairs(writer->txn, lock, compare_pair, writer, iterpool);
        if (status == APR_SUCCESS)
            status = write_line(writer, line_from_lock(lock));
    }
    apr_pool_destroy(iterpool);
    return status == STORE_CORRUPT ? damaged(writer, "a lock is damaged") : status;
}

static apr_status_t write_intents(writer_t *writer)
{
    apr_array_header_t *intents = apr_array_make(writer->pool, 4, sizeof(intent_t));
    apr_status_t status = intents_list(intents, writer->txn);

    for (int i = 0; i < intents->nelts && status == APR_SUCCESS; i++) {
        const intent_t *intent = &APR_ARRAY_IDX(intents, i, intent_t);

        status = intents_pairs(intent, compare_pair, writer, writer->pool);
        if (status == APR_SUCCESS)
            status = write_line(writer, line_from_intent(intent));
    }
    return status == STORE_CORRUPT ? damaged(writer, "an intent is damaged") : status;
}

/** Whether the store has no other keys than those that were told of. */
static apr_status_t count_keys(writer_t *writer)
{
    static const store_range_t all;
    store_cursor_t *cursor;
    apr_uint64_t count = 0;
    apr_status_t status = store_scan(&cursor, writer->txn, &all, writer->pool);

    while (status == APR_SUCCESS && (status = store_next(cursor, NULL, NULL)) == APR_SUCCESS) {
        count++;
        if (!writer->step(writer->baton, writer->result->records))
            return APR_EINTR;
    }
    if (status != STORE_ABSENT)
        return status;
    if (count != writer->result->records)
        return damaged(writer, apr_psprintf(writer->pool,
                                            "%" APR_UINT64_T_FMT " of its %" APR_UINT64_T_FMT
                                            " records belong to nothing",
                                            count - writer->result->records, count));
    return APR_SUCCESS;
}

static apr_status_t write_all(writer_t *writer)
{
    line_end_t end;
    apr_status_t status = write_head(writer);

    if (status == APR_SUCCESS)
        status = write_names(writer);
    if (status == APR_SUCCESS)
        status = write_nodes(writer);
    if (status == APR_SUCCESS)
        status = write_locks(writer);
    if (status == APR_SUCCESS)
        status = write_intents(writer);
    if (status == APR_SUCCESS)
        status = count_keys(writer);
    if (status != APR_SUCCESS)
        return status;
    end.lines = writer->result->lines;
    end.records = writer->result->records;
    status = write_line(writer, line_from_end(&end));
    writer->result->lines = end.lines;
    if (status == APR_SUCCESS && fflush(writer->to) != 0)
        status = errno;
    return status;
}

apr_status_t dump_write(dump_result_t *result, FILE *to, store_t *store, dump_step_fn *step,
                        void *baton, apr_pool_t *pool)
{
    writer_t writer = {.result = result, .to = to, .step = step, .baton = baton, .pool = pool};
    apr_status_t status = store_begin(&writer.txn, store, STORE_READ, pool);

    memset(result, 0, sizeof(*result));
    if (status != APR_SUCCESS)
        return status;
    status = write_all(&writer);
    store_abort(writer.txn);
    return status;
}
