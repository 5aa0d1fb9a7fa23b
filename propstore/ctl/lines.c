#include "propstore/ctl/lines.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "propstore/ctl/fields.h"
#include "propstore/key.h"

static const char *const kinds[] = {"dump", "name", "node", "lock", "intent", "end", NULL};
/* As line_kind_e counts, and node_kind_e, lock_scope_e and intent_kind_e from 1. */
static const char *const node_kinds[] = {"collection", "file", NULL};
static const char *const lock_scopes[] = {"exclusive", "shared", NULL};
static const char *const lock_depths[] = {"0", "infinity", NULL};
static const char *const intent_kinds[] = {"move", "remove", "create", "mode", "clear", NULL};

/* ---- writing ---- */

static json_t *begin_line(line_kind_e kind)
{
    return json_pack("{s:s}", "record", kinds[kind]);
}

static void add(json_t *line, const char *name, json_t *value)
{
    json_object_set_new(line, name, value);
}

static void add_number(json_t *line, const char *name, apr_uint64_t n)
{
    add(line, name, fields_unsigned(n));
}

json_t *line_from_meta(const meta_t *meta)
{
    json_t *line = begin_line(LINE_DUMP);

    add_number(line, "version", LINES_VERSION);
    add_number(line, "format", meta->format);
    ctl_json_add(line, "uuid", meta->uuid);
    add_number(line, "next_node", meta->next_node);
    add_number(line, "next_name", meta->next_name);
    return line;
}

json_t *line_from_name(const line_name_t *name)
{
    json_t *line = begin_line(LINE_NAME);

    add_number(line, "id", name->id);
    ctl_json_add(line, "namespace", name->name.ns);
    ctl_json_add(line, "local", name->name.local);
    return line;
}

json_t *line_from_node(const line_node_t *node)
{
    const node_fingerprint_t *print = &node->node.fingerprint;
    json_t *line = begin_line(LINE_NODE), *props = json_array();

    ctl_json_add(line, "path", node->path);
    add_number(line, "id", node->node.id);
    add(line, "kind", json_string(node_kinds[node->node.kind - 1]));
    add_number(line, "inode", print->inode);
    add(line, "birth", fields_signed(print->birth_ns));
    add_number(line, "size", print->size);
    add(line, "mtime", fields_signed(print->mtime_ns));
    for (int i = 0; i < node->props->nelts; i++) {
        const prop_change_t *own = &APR_ARRAY_IDX(node->props, i, prop_change_t);
        json_t *prop = json_object();

        ctl_json_add(prop, "namespace", own->name.ns);
        ctl_json_add(prop, "local", own->name.local);
        add(prop, "value", ctl_json_text(own->value, own->length));
        json_array_append_new(props, prop);
    }
    add(line, "properties", props);
    return line;
}

json_t *line_lock_fields(const lock_t *lock)
{
    json_t *fields = json_object();
    char token[LOCK_TOKEN_TEXT_SIZE];

    ctl_json_add(fields, "token", locks_token_text(token, &lock->token));
    ctl_json_add(fields, "path", lock->path);
    add(fields, "scope", json_string(lock_scopes[lock->scope - 1]));
    add(fields, "depth", json_string(lock_depths[lock->infinite]));
    ctl_json_add(fields, "principal", lock->principal);
    ctl_json_add(fields, "owner", lock->owner);
    add(fields, "expires",
        lock->expires == LOCK_NEVER ? json_null() : fields_signed(lock->expires));
    return fields;
}

json_t *line_from_lock(const lock_t *lock)
{
    json_t *line = begin_line(LINE_LOCK), *fields = line_lock_fields(lock);

    json_object_update(line, fields);
    json_decref(fields);
    return line;
}

json_t *line_from_intent(const intent_t *intent)
{
    json_t *line = begin_line(LINE_INTENT);

    add_number(line, "id", intent->id);
    add(line, "kind", json_string(intent_kinds[intent->kind - 1]));
    add(line, "temporary", json_boolean(intent->temporary));
    add_number(line, "pid", intent->owner.pid);
    add_number(line, "start", intent->owner.start);
    add_number(line, "boot", intent->owner.boot);
    add_number(line, "inode", intent->inode);
    add(line, "birth", fields_signed(intent->birth_ns));
    add_number(line, "from_node", intent->from_node);
    add_number(line, "to_node", intent->to_node);
    add_number(line, "from_parent", intent->from_parent);
    add_number(line, "to_parent", intent->to_parent);
    add_number(line, "mode", intent->mode);
    ctl_json_add(line, "from", intent->from);
    ctl_json_add(line, "to", intent->to);
    ctl_json_add(line, "old", intent->old);
    return line;
}

json_t *line_from_end(const line_end_t *end)
{
    json_t *line = begin_line(LINE_END);

    add_number(line, "lines", end->lines);
    add_number(line, "records", end->records);
    return line;
}

/* ---- reading ---- */

line_kind_e line_kind(const json_t *line)
{
    const char *word = json_string_value(json_object_get(line, "record"));

    for (int kind = 0; word != NULL && kinds[kind] != NULL; kind++) {
        if (strcmp(word, kinds[kind]) == 0)
            return (line_kind_e)kind;
    }
    return LINE_UNKNOWN;
}

/** Begin with what all lines have. */
static void begin_reading(fields_t *fields, const json_t *line, apr_pool_t *pool)
{
    fields_begin(fields, line, pool);
    (void)fields_take_word(fields, "record", kinds);
}

const char *line_to_meta(meta_t *meta, const json_t *line, apr_pool_t *result_pool)
{
    apr_uint64_t version;
    const char *text;
    apr_uuid_t uuid;
    fields_t fields;

    begin_reading(&fields, line, result_pool);
    version = fields_take_unsigned(&fields, "version", 1, APR_UINT32_MAX);
    if (fields.error == NULL && version != LINES_VERSION)
        fields_fail(&fields, "it is of version %u; this program knows version %d",
                    (unsigned)version, LINES_VERSION);
    meta->format = (unsigned)fields_take_unsigned(&fields, "format", 1, APR_UINT32_MAX);
    if (fields.error == NULL && meta->format != META_FORMAT_VERSION)
        fields_fail(&fields, "it is of a store of format %u; this program knows format %d",
                    meta->format, META_FORMAT_VERSION);
    text = fields_take_text(&fields, "uuid");
    if (strlen(text) != META_UUID_SIZE - 1 || apr_uuid_parse(&uuid, text) != APR_SUCCESS)
        fields_fail(&fields, "\"uuid\" is no UUID");
    apr_cpystrn(meta->uuid, text, sizeof(meta->uuid));
    meta->next_node = fields_take_unsigned(&fields, "next_node", NODE_ROOT_ID + 1, APR_UINT64_MAX);
    meta->next_name = (apr_uint32_t)fields_take_unsigned(&fields, "next_name", 1, APR_UINT32_MAX);
    return fields_end(&fields);
}

/** The name of a property, from the fields that say it. */
static void take_name(prop_name_t *name, fields_t *fields)
{
    name->ns = fields_take_text(fields, "namespace");
    name->local = fields_take_text(fields, "local");
    if (strlen(name->ns) + strlen(name->local) > NAMES_LENGTH_MAX)
        fields_fail(fields, "the name is longer than %d bytes", NAMES_LENGTH_MAX);
}

const char *line_to_name(line_name_t *name, const json_t *line, apr_pool_t *result_pool)
{
    fields_t fields;

    begin_reading(&fields, line, result_pool);
    name->id = (apr_uint32_t)fields_take_unsigned(&fields, "id", 1, APR_UINT32_MAX);
    take_name(&name->name, &fields);
    return fields_end(&fields);
}

/** Whether PATH is one that nodes can have: "/", or segments each behind a slash. */
static int is_path(const char *path)
{
    if (strcmp(path, "/") == 0)
        return 1;
    do {
        size_t length;

        if (*path++ != '/')
            return 0;
        length = strcspn(path, "/");
        if (length == 0 || length > KEY_MEMBER_MAX || strncmp(path, "..", length) == 0)
            return 0; /* "." among them */
        path += length;
    } while (*path != '\0');
    return 1;
}

static const char *take_path(fields_t *fields, const char *name)
{
    const char *path = fields_take_text(fields, name);

    if (!is_path(path))
        fields_fail(fields, "\"%s\" is not an absolute path in its plain form", name);
    return path;
}

/** The properties in the array LIST. */
static void take_properties(apr_array_header_t *props, fields_t *fields, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && fields->error == NULL; i++) {
        prop_change_t *prop = apr_array_push(props);
        store_slice_t value;
        fields_t own;

        fields_begin(&own, json_array_get(list, i), fields->pool);
        take_name(&prop->name, &own);
        value = fields_take_bytes(&own, "value");
        if (value.len > STORE_VALUE_MAX / 2)
            fields_fail(&own, "\"value\" is too long");
        prop->value = value.data;
        prop->length = value.len;
        if (fields_end(&own) != NULL)
            fields_fail(fields, "property %" APR_SIZE_T_FMT ": %s", i + 1, own.error);
    }
}

const char *line_to_node(line_node_t *node, const json_t *line, apr_pool_t *result_pool)
{
    node_fingerprint_t *print = &node->node.fingerprint;
    const json_t *list;
    fields_t fields;

    memset(node, 0, sizeof(*node));
    node->props = apr_array_make(result_pool, 8, sizeof(prop_change_t));
    begin_reading(&fields, line, result_pool);
    node->path = take_path(&fields, "path");
    node->node.id = fields_take_unsigned(&fields, "id", 1, APR_UINT64_MAX);
    node->node.kind = (node_kind_e)(fields_take_word(&fields, "kind", node_kinds) + 1);
    print->inode = fields_take_unsigned(&fields, "inode", 0, APR_UINT64_MAX);
    print->birth_ns = fields_take_signed(&fields, "birth");
    print->size = fields_take_unsigned(&fields, "size", 0, APR_UINT64_MAX);
    print->mtime_ns = fields_take_signed(&fields, "mtime");
    list = fields_take(&fields, "properties");
    if (list != NULL && !json_is_array(list))
        fields_fail(&fields, "\"properties\" is no array");
    take_properties(node->props, &fields, list);
    return fields_end(&fields);
}

const char *line_to_lock(lock_t *lock, const json_t *line, apr_pool_t *result_pool)
{
    fields_t fields;

    memset(lock, 0, sizeof(*lock));
    begin_reading(&fields, line, result_pool);
    if (!locks_token_parse(&lock->token, fields_take_text(&fields, "token")))
        fields_fail(&fields, "\"token\" is no token of a lock");
    lock->path = take_path(&fields, "path");
    lock->scope = (lock_scope_e)(fields_take_word(&fields, "scope", lock_scopes) + 1);
    lock->infinite = fields_take_word(&fields, "depth", lock_depths);
    lock->principal = fields_take_text(&fields, "principal");
    lock->owner = fields_take_text(&fields, "owner");
    if (json_is_null(json_object_get(line, "expires"))) {
        (void)fields_take(&fields, "expires");
        lock->expires = LOCK_NEVER;
    } else {
        lock->expires = fields_take_signed(&fields, "expires");
    }
    return fields_end(&fields);
}

/** A path, or "" for none. */
static const char *take_optional_path(fields_t *fields, const char *name)
{
    const char *path = fields_take_text(fields, name);

    if (*path != '\0' && *path != '/')
        fields_fail(fields, "\"%s\" is neither empty nor an absolute path", name);
    return path;
}

const char *line_to_intent(intent_t *intent, const json_t *line, apr_pool_t *result_pool)
{
    fields_t fields;

    memset(intent, 0, sizeof(*intent));
    begin_reading(&fields, line, result_pool);
    intent->id = fields_take_unsigned(&fields, "id", 1, APR_UINT64_MAX);
    intent->kind = (intent_kind_e)(fields_take_word(&fields, "kind", intent_kinds) + 1);
    intent->temporary = fields_take_boolean(&fields, "temporary");
    intent->owner.pid = (apr_uint32_t)fields_take_unsigned(&fields, "pid", 0, APR_UINT32_MAX);
    intent->owner.start = fields_take_unsigned(&fields, "start", 0, APR_UINT64_MAX);
    intent->owner.boot = fields_take_unsigned(&fields, "boot", 0, APR_UINT64_MAX);
    intent->inode = fields_take_unsigned(&fields, "inode", 0, APR_UINT64_MAX);
    intent->birth_ns = fields_take_signed(&fields, "birth");
    intent->from_node = fields_take_unsigned(&fields, "from_node", 0, APR_UINT64_MAX);
    intent->to_node = fields_take_unsigned(&fields, "to_node", 0, APR_UINT64_MAX);
    intent->from_parent = fields_take_unsigned(&fields, "from_parent", 0, APR_UINT64_MAX);
    intent->to_parent = fields_take_unsigned(&fields, "to_parent", 0, APR_UINT64_MAX);
    intent->mode = (apr_uint32_t)fields_take_unsigned(&fields, "mode", 0, APR_UINT32_MAX);
    intent->from = take_optional_path(&fields, "from");
    intent->to = take_optional_path(&fields, "to");
    intent->old = take_optional_path(&fields, "old");
    return fields_end(&fields);
}

const char *line_to_end(line_end_t *end, const json_t *line, apr_pool_t *result_pool)
{
    fields_t fields;

    begin_reading(&fields, line, result_pool);
    end->lines = fields_take_unsigned(&fields, "lines", 0, APR_UINT64_MAX);
    end->records = fields_take_unsigned(&fields, "records", 0, APR_UINT64_MAX);
    return fields_end(&fields);
}
