/*
 * Reading a dump: one line after the other into one write transaction.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "propstore/ctl/dump.h"
#include "propstore/ctl/lines.h"
#include "propstore/key.h"
#include "propstore/pairs.h"

/** Bytes asked of the file at a time. */
#define READ_SIZE ((size_t)64 * 1024)
/** How long a read waits, in milliseconds, before it is asked whether to go on. */
#define PATIENCE 500
/** Longest line in bytes; the store's longest values, escaped, are within it. */
#define LINE_MAX_BYTES ((size_t)4 << 30)

struct dump_source_t {
    apr_pool_t *pool;
    int fd;
    char *buffer; /* READ_SIZE bytes */
    size_t at, filled;
    char *line; /* without its end */
    size_t length, room;
    apr_uint64_t bytes, number; /* read so far: bytes; lines, the present one included */
    meta_t meta;                /* what the first one says */
    dump_step_fn *step;
    void *baton;
};

/** Lines on their way into a store. */
typedef struct loader_t {
    dump_source_t *source;
    dump_result_t *result;
    store_txn_t *txn;
    char twice; /* the table of a key that was there already */
    apr_pool_t *pool;
} loader_t;

/* ---- lines ---- */

static apr_status_t free_source(void *baton)
{
    dump_source_t *source = baton;

    free(source->buffer);
    free(source->line);
    return APR_SUCCESS;
}

void dump_source(dump_source_t **source_p, int fd, apr_pool_t *pool)
{
    dump_source_t *source = apr_pcalloc(pool, sizeof(*source));

    source->pool = pool;
    source->fd = fd;
    apr_pool_cleanup_register(pool, source, free_source, apr_pool_cleanup_null);
    *source_p = source;
}

/** Read more.  @return APR_SUCCESS; APR_EOF; APR_EINTR; the system's error */
static apr_status_t fill(dump_source_t *source)
{
    struct pollfd waiting = {.fd = source->fd, .events = POLLIN};
    ssize_t got;
    int ready;

    if (source->buffer == NULL && (source->buffer = malloc(READ_SIZE)) == NULL)
        return APR_ENOMEM;
    /* A pipe may be silent for long; a signal alone does not end read(2). */
    do {
        if (!source->step(source->baton, source->bytes))
            return APR_EINTR;
        ready = poll(&waiting, 1, PATIENCE);
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    do {
        got = read(source->fd, source->buffer, READ_SIZE);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno;
    source->at = 0;
    source->filled = (size_t)got;
    source->bytes += (apr_uint64_t)got;
    return got == 0 ? APR_EOF : APR_SUCCESS;
}

/** Add LENGTH bytes to the line. */
static apr_status_t append(dump_source_t *source, const char *bytes, size_t length)
{
    if (length > LINE_MAX_BYTES - source->length)
        return APR_ENOSPC;
    if (source->length + length > source->room) {
        size_t room = 2 * (source->length + length) + 1024;
        char *line = realloc(source->line, room);

        if (line == NULL)
            return APR_ENOMEM;
        source->line = line;
        source->room = room;
    }
    memcpy(source->line + source->length, bytes, length);
    source->length += length;
    return APR_SUCCESS;
}

/** Read the next line.  @return APR_SUCCESS; APR_EOF; or as fill() and append() */
static apr_status_t next_line(dump_source_t *source)
{
    apr_status_t status = APR_SUCCESS;
    const char *newline = NULL;

    source->length = 0;
    source->number++;
    while (status == APR_SUCCESS && newline == NULL) {
        if (source->at == source->filled)
            status = fill(source);
        if (status == APR_SUCCESS) {
            const char *from = source->buffer + source->at;
            size_t length = source->filled - source->at;

            newline = memchr(from, '\n', length);
            if (newline != NULL)
                length = (size_t)(newline - from);
            status = append(source, from, length);
            source->at += length + (newline != NULL);
        }
    }
    return status;
}

/** Say what is wrong with the present line. */
__attribute__((format(printf, 3, 4))) static apr_status_t bad_line(dump_result_t *result,
                                                                   const dump_source_t *source,
                                                                   const char *format, ...)
{
    const char *words;
    va_list args;

    va_start(args, format);
    words = apr_pvsprintf(source->pool, format, args);
    va_end(args);
    result->error =
        apr_psprintf(source->pool, "line %" APR_UINT64_T_FMT ": %s", source->number, words);
    return APR_EGENERAL;
}

/** Read the next line as JSON.  @param line_p set to a new reference, NULL on failure */
static apr_status_t next_object(json_t **line_p, dump_result_t *result, dump_source_t *source)
{
    json_error_t error;
    apr_status_t status = next_line(source);

    *line_p = NULL;
    if (status == APR_EOF && source->length > 0)
        return bad_line(result, source, "it has no end: the dump was cut off");
    if (status == APR_EOF)
        return bad_line(result, source, "there is none: the dump was cut off");
    if (status == APR_ENOSPC)
        return bad_line(result, source, "it is too long");
    if (status != APR_SUCCESS)
        return status;
    *line_p = json_loadb(source->line, source->length, JSON_REJECT_DUPLICATES, &error);
    if (*line_p == NULL)
        return bad_line(result, source, "it is no JSON object: %s", error.text);
    result->lines = source->number;
    return APR_SUCCESS;
}

apr_status_t dump_read_head(dump_result_t *result, dump_source_t *source, dump_step_fn *step,
                            void *baton)
{
    const char *error;
    apr_status_t status;
    json_t *line = NULL;

    memset(result, 0, sizeof(*result));
    source->step = step;
    source->baton = baton;
    status = next_object(&line, result, source);
    if (status == APR_SUCCESS && line_kind(line) != LINE_DUMP)
        status = bad_line(result, source, "this is no dump of a store");
    if (status == APR_SUCCESS && (error = line_to_meta(&source->meta, line, source->pool)) != NULL)
        status = bad_line(result, source, "%s", error);
    json_decref(line);
    memcpy(result->uuid, source->meta.uuid, sizeof(result->uuid));
    return status;
}

/* ---- into the store ---- */

/** pairs_fn: put what must not be there yet. */
static apr_status_t put_new(void *baton, store_slice_t key, store_slice_t value)
{
    loader_t *loader = baton;
    store_slice_t stored;
    apr_status_t status = store_get(loader->txn, key, &stored);

    if (status == APR_SUCCESS) {
        loader->twice = *(const char *)key.data;
        return APR_EEXIST;
    }
    if (status != STORE_ABSENT)
        return status;
    status = store_put(loader->txn, key, value);
    if (status == APR_SUCCESS)
        loader->result->records++;
    return status;
}

/** What the key that was there already stands for. */
static const char *words_for_twice(char table)
{
    switch (table) {
    case KEY_NODE:
        return "path";
    case KEY_LOCK:
        return "token";
    case KEY_NAME_ID:
        return "name";
    default:
        return "id";
    }
}

/** Word what putting the present line's pairs answered. */
static apr_status_t put_answer(loader_t *loader, apr_status_t status)
{
    if (status == APR_EEXIST)
        return bad_line(loader->result, loader->source, "its %s is that of an earlier line",
                        words_for_twice(loader->twice));
    if (status == STORE_LIMIT)
        return bad_line(loader->result, loader->source, "it is too large for the store");
    return status;
}

static apr_status_t load_name(loader_t *loader, const json_t *line, apr_pool_t *scratch_pool)
{
    line_name_t name;
    const char *error = line_to_name(&name, line, scratch_pool);

    if (error == NULL && name.id >= loader->source->meta.next_name)
        error = "its id is not below the \"next_name\" of line 1";
    if (error != NULL)
        return bad_line(loader->result, loader->source, "%s", error);
    return put_answer(loader, names_pairs(name.id, &name.name, put_new, loader));
}

/** Turn NODE's properties into PACKED ones. */
static apr_status_t pack_properties(apr_array_header_t *packed, loader_t *loader,
                                    const line_node_t *node)
{
    apr_uint32_t before = 0;

    for (int i = 0; i < node->props->nelts; i++) {
        const prop_change_t *prop = &APR_ARRAY_IDX(node->props, i, prop_change_t);
        record_prop_t *own = apr_array_push(packed);
        apr_status_t status = names_find(&own->name, loader->txn, &prop->name);

        if (status == STORE_ABSENT)
            return bad_line(loader->result, loader->source,
                            "property %d: no earlier line gives its name an id", i + 1);
        if (status != APR_SUCCESS)
            return status;
        if (own->name <= before)
            return bad_line(loader->result, loader->source,
                            "property %d: it is not in the order of the names' ids", i + 1);
        before = own->name;
        own->value = prop->value;
        own->length = prop->length;
        own->spilled = 0;
    }
    return APR_SUCCESS;
}

/** Where PATH hangs.  @return APR_SUCCESS; STORE_ABSENT if the collection above has no node */
static apr_status_t find_place(node_step_t *place, store_txn_t *txn, const char *path,
                               apr_pool_t *scratch_pool)
{
    const char *slash = strrchr(path, '/');
    node_t parent;
    apr_status_t status;

    place->name = slash + 1;
    place->length = strlen(slash + 1);
    place->parent = 0;
    if (place->length == 0)
        return APR_SUCCESS; /* the root */
    status =
        nodes_find(&parent, txn, apr_pstrmemdup(scratch_pool, path, (apr_size_t)(slash - path)));
    place->parent = parent.id;
    /* Without the root's line there is no root yet. */
    return status == STORE_CORRUPT ? STORE_ABSENT : status;
}

static apr_status_t load_node(loader_t *loader, const json_t *line, apr_pool_t *scratch_pool)
{
    apr_array_header_t *packed = apr_array_make(scratch_pool, 8, sizeof(record_prop_t));
    node_step_t place = {0};
    line_node_t node;
    const char *error = line_to_node(&node, line, scratch_pool);
    apr_status_t status;

    if (error == NULL && node.node.id >= loader->source->meta.next_node)
        error = "its id is not below the \"next_node\" of line 1";
    if (error == NULL && (node.node.id == NODE_ROOT_ID) != (strcmp(node.path, "/") == 0))
        error = "the root's id is 1, and no other node's";
    if (error != NULL)
        return bad_line(loader->result, loader->source, "%s", error);
    status = find_place(&place, loader->txn, node.path, scratch_pool);
    if (status == STORE_ABSENT)
        return bad_line(loader->result, loader->source,
                        "no earlier line is the node of the collection it is in");
    if (status == APR_SUCCESS)
        status = pack_properties(packed, loader, &node);
    if (status != APR_SUCCESS)
        return status;
    return put_answer(loader, nodes_pairs(&node.node, &place, (record_prop_t *)packed->elts,
                                          (unsigned)packed->nelts, put_new, loader, scratch_pool));
}

static apr_status_t load_lock(loader_t *loader, const json_t *line, apr_pool_t *scratch_pool)
{
    lock_t lock;
    node_t node;
    const char *error = line_to_lock(&lock, line, scratch_pool);
    apr_status_t status;

    if (error != NULL)
        return bad_line(loader->result, loader->source, "%s", error);
    status = nodes_find(&node, loader->txn, lock.path);
    if (status == STORE_ABSENT || status == STORE_CORRUPT)
        return bad_line(loader->result, loader->source, "no earlier line is the node of its path");
    if (status != APR_SUCCESS)
        return status;
    lock.node = node.id;
    return put_answer(loader, locks_pairs(loader->txn, &lock, put_new, loader, scratch_pool));
}

static apr_status_t load_intent(loader_t *loader, const json_t *line, apr_pool_t *scratch_pool)
{
    intent_t intent;
    const char *error = line_to_intent(&intent, line, scratch_pool);

    if (error != NULL)
        return bad_line(loader->result, loader->source, "%s", error);
    return put_answer(loader, intents_pairs(&intent, put_new, loader, scratch_pool));
}

/** The last line, and that nothing is behind it. */
static apr_status_t load_end(loader_t *loader, const json_t *line, apr_pool_t *scratch_pool)
{
    dump_source_t *source = loader->source;
    line_end_t end;
    node_t root;
    const char *error = line_to_end(&end, line, scratch_pool);
    apr_status_t status;

    if (error != NULL)
        return bad_line(loader->result, source, "%s", error);
    loader->result->lines--;
    if (end.lines != loader->result->lines || end.records != loader->result->records)
        return bad_line(loader->result, source,
                        "it speaks of %" APR_UINT64_T_FMT " lines and %" APR_UINT64_T_FMT
                        " records, but there are %" APR_UINT64_T_FMT " and %" APR_UINT64_T_FMT,
                        end.lines, end.records, loader->result->lines, loader->result->records);
    if (nodes_find(&root, loader->txn, "/") != APR_SUCCESS)
        return bad_line(loader->result, source, "no earlier line is the root's node");
    status = next_line(source);
    if (status == APR_EOF && source->length == 0)
        return APR_SUCCESS;
    return status == APR_SUCCESS || status == APR_EOF
               ? bad_line(loader->result, source, "it stands behind the end of the dump")
               : status;
}

/** @param end_p set by the last line */
static apr_status_t load_line(loader_t *loader, const json_t *line, int *end_p,
                              apr_pool_t *scratch_pool)
{
    switch (line_kind(line)) {
    case LINE_NAME:
        return load_name(loader, line, scratch_pool);
    case LINE_NODE:
        return load_node(loader, line, scratch_pool);
    case LINE_LOCK:
        return load_lock(loader, line, scratch_pool);
    case LINE_INTENT:
        return load_intent(loader, line, scratch_pool);
    case LINE_END:
        *end_p = 1;
        return load_end(loader, line, scratch_pool);
    case LINE_DUMP:
        return bad_line(loader->result, loader->source, "a dump begins in the midst of another");
    case LINE_UNKNOWN:
        break;
    }
    return bad_line(loader->result, loader->source, "its \"record\" is none of those known");
}

static apr_status_t load_lines(loader_t *loader)
{
    apr_status_t status = meta_pairs(&loader->source->meta, put_new, loader, loader->pool);
    apr_pool_t *iterpool;
    int end = 0;

    apr_pool_create(&iterpool, loader->pool);
    while (status == APR_SUCCESS && !end) {
        json_t *line = NULL;

        apr_pool_clear(iterpool);
        status = next_object(&line, loader->result, loader->source);
        if (status == APR_SUCCESS)
            status = load_line(loader, line, &end, iterpool);
        json_decref(line);
    }
    apr_pool_destroy(iterpool);
    return status;
}

/** What meta_prepare() makes: four records of the store itself, and two of the root's node. */
#define NEW_STORE_RECORDS 6

/** Take away what a new store has.  @return APR_EEXIST if it has more */
static apr_status_t clear_new_store(store_txn_t *txn, apr_pool_t *scratch_pool)
{
    static const store_range_t all = {.limit = NEW_STORE_RECORDS + 1};
    static const store_slice_t no_bound;
    store_cursor_t *cursor;
    int count = 0;
    meta_t meta;
    apr_status_t status = meta_read(&meta, txn);

    if (status == APR_SUCCESS)
        status = store_scan(&cursor, txn, &all, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, NULL, NULL)) == APR_SUCCESS)
        count++;
    if (status != STORE_ABSENT)
        return status;
    store_scan_end(cursor);
    if (count != NEW_STORE_RECORDS || meta.next_node != NODE_ROOT_ID + 1 || meta.next_name != 1)
        return APR_EEXIST;
    return store_del_range(txn, no_bound, no_bound, NULL);
}

apr_status_t dump_read(dump_result_t *result, dump_source_t *source, store_t *store,
                       dump_step_fn *step, void *baton, apr_pool_t *pool)
{
    loader_t loader = {.source = source, .result = result, .pool = pool};
    apr_status_t status = store_begin(&loader.txn, store, STORE_WRITE, pool);

    source->step = step;
    source->baton = baton;
    result->error = NULL;
    result->records = 0;
    if (status != APR_SUCCESS)
        return status;
    status = clear_new_store(loader.txn, pool);
    if (status == APR_SUCCESS)
        status = load_lines(&loader);
    if (status == APR_SUCCESS)
        return store_commit(loader.txn);
    store_abort(loader.txn);
    return status;
}
