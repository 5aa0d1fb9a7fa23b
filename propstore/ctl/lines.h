/*
 * lines.h -- the lines of a dump, one by one: what is in a store as JSON, and back.
 * propstore/DUMP describes them.
 */
#ifndef PROPSTORE_CTL_LINES_H
#define PROPSTORE_CTL_LINES_H

#include <apr_tables.h>

#include "propstore/ctl/ctl.h"
#include "propstore/intents.h"
#include "propstore/locks.h"
#include "propstore/meta.h"
#include "propstore/nodes.h"

/** The version of the form. */
#define LINES_VERSION 1

/** What a line speaks of. */
typedef enum line_kind_e {
    LINE_DUMP,
    LINE_NAME,
    LINE_NODE,
    LINE_LOCK,
    LINE_INTENT,
    LINE_END,
    LINE_UNKNOWN
} line_kind_e;

/** A property name and its id. */
typedef struct line_name_t {
    apr_uint32_t id;
    prop_name_t name;
} line_name_t;

/** A node with its properties. */
typedef struct line_node_t {
    const char *path;
    node_t node;               /**< id, kind and fingerprint alone */
    apr_array_header_t *props; /**< prop_change_t, in the order of their names' ids */
} line_node_t;

/** What a dump ends with. */
typedef struct line_end_t {
    apr_uint64_t lines;   /**< before the last */
    apr_uint64_t records; /**< keys in the store */
} line_end_t;

/** Each thing as a line.  @return a new reference */
json_t *line_from_meta(const meta_t *meta);
json_t *line_from_name(const line_name_t *name);
json_t *line_from_node(const line_node_t *node);
json_t *line_from_lock(const lock_t *lock);
json_t *line_from_intent(const intent_t *intent);
json_t *line_from_end(const line_end_t *end);

/** A lock as an object, without what makes it a line of a dump.  @return a new reference */
json_t *line_lock_fields(const lock_t *lock);

/** The kind of LINE. */
line_kind_e line_kind(const json_t *line);

/**
 * A line back into what it was made from.  Each value is within its bounds then; whether it
 * agrees with other lines is another question.
 * @return NULL; what is wrong with it, in words, in RESULT_POOL
 */
const char *line_to_meta(meta_t *meta, const json_t *line, apr_pool_t *result_pool);
const char *line_to_name(line_name_t *name, const json_t *line, apr_pool_t *result_pool);
const char *line_to_node(line_node_t *node, const json_t *line, apr_pool_t *result_pool);
const char *line_to_lock(lock_t *lock, const json_t *line, apr_pool_t *result_pool);
const char *line_to_intent(intent_t *intent, const json_t *line, apr_pool_t *result_pool);
const char *line_to_end(line_end_t *end, const json_t *line, apr_pool_t *result_pool);

#endif /* PROPSTORE_CTL_LINES_H */
