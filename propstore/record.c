#include "propstore/record.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "propstore/key.h"

/** The layout's version, in each node's record. */
#define NODE_VERSION 1

/* A node's body: version, kind, two bytes kept zero, id, fingerprint, count of properties. */
#define NODE_KIND 1
#define NODE_ID 4
#define NODE_PRINT 12
#define NODE_COUNT 44
#define NODE_PROPS 48

/* A property: name id, length with this bit if the value is spilled, then the value. */
#define PROP_SPILLED 0x80000000u
#define PROP_HEAD 8

static apr_uint32_t checksum(const unsigned char *body, apr_size_t length)
{
    return (apr_uint32_t)(XXH3_64bits(body, length) & 0xffffffffu);
}

apr_uint64_t record_hash(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}

void record_seal(unsigned char *record, apr_size_t length)
{
    key_put_u32(record, checksum(record + RECORD_SEAL_SIZE, length - RECORD_SEAL_SIZE));
}

apr_status_t record_open(store_slice_t *body_p, store_slice_t record)
{
    const unsigned char *bytes = record.data;

    if (record.len < RECORD_SEAL_SIZE ||
        key_get_u32(bytes) != checksum(bytes + RECORD_SEAL_SIZE, record.len - RECORD_SEAL_SIZE))
        return STORE_CORRUPT;
    body_p->data = bytes + RECORD_SEAL_SIZE;
    body_p->len = record.len - RECORD_SEAL_SIZE;
    return APR_SUCCESS;
}

/** Room for a record with LENGTH bytes of body; its body is at RECORD_SEAL_SIZE. */
static unsigned char *make_room(store_slice_t *record, apr_size_t length, apr_pool_t *result_pool)
{
    unsigned char *bytes = apr_palloc(result_pool, RECORD_SEAL_SIZE + length);

    record->data = bytes;
    record->len = RECORD_SEAL_SIZE + length;
    return bytes;
}

store_slice_t record_make(const void *body, apr_size_t length, apr_pool_t *result_pool)
{
    store_slice_t record;
    unsigned char *bytes = make_room(&record, length, result_pool);

    memcpy(bytes + RECORD_SEAL_SIZE, body, length);
    record_seal(bytes, record.len);
    return record;
}

store_slice_t record_pack_node(const node_t *node, const record_prop_t *props, unsigned count,
                               apr_pool_t *result_pool)
{
    apr_size_t length = NODE_PROPS;
    store_slice_t record;
    unsigned char *bytes, *at;

    for (unsigned i = 0; i < count; i++)
        length += PROP_HEAD + (props[i].spilled ? 0 : props[i].length);
    bytes = make_room(&record, length, result_pool);

    at = bytes + RECORD_SEAL_SIZE;
    memset(at, 0, NODE_PROPS);
    at[0] = NODE_VERSION;
    at[NODE_KIND] = (unsigned char)node->kind;
    key_put_u64(at + NODE_ID, node->id);
    key_put_u64(at + NODE_PRINT, node->fingerprint.inode);
    key_put_u64(at + NODE_PRINT + 8, (apr_uint64_t)node->fingerprint.birth_ns);
    key_put_u64(at + NODE_PRINT + 16, node->fingerprint.size);
    key_put_u64(at + NODE_PRINT + 24, (apr_uint64_t)node->fingerprint.mtime_ns);
    key_put_u32(at + NODE_COUNT, count);

    at += NODE_PROPS;
    for (unsigned i = 0; i < count; i++) {
        key_put_u32(at, props[i].name);
        key_put_u32(at + 4, (apr_uint32_t)props[i].length | (props[i].spilled ? PROP_SPILLED : 0));
        at += PROP_HEAD;
        if (!props[i].spilled) {
            memcpy(at, props[i].value, props[i].length);
            at += props[i].length;
        }
    }
    record_seal(bytes, record.len);
    return record;
}

apr_status_t record_read_node(node_t *node, store_slice_t record)
{
    store_slice_t body;
    const unsigned char *at;
    apr_status_t status = record_open(&body, record);

    if (status != APR_SUCCESS)
        return status;
    at = body.data;
    if (body.len < NODE_PROPS || at[0] != NODE_VERSION ||
        (at[NODE_KIND] != NODE_COLLECTION && at[NODE_KIND] != NODE_FILE))
        return STORE_CORRUPT;

    node->kind = (node_kind_e)at[NODE_KIND];
    node->id = key_get_u64(at + NODE_ID);
    node->fingerprint.inode = key_get_u64(at + NODE_PRINT);
    node->fingerprint.birth_ns = (apr_int64_t)key_get_u64(at + NODE_PRINT + 8);
    node->fingerprint.size = key_get_u64(at + NODE_PRINT + 16);
    node->fingerprint.mtime_ns = (apr_int64_t)key_get_u64(at + NODE_PRINT + 24);
    node->prop_count = key_get_u32(at + NODE_COUNT);
    node->props.data = at + NODE_PROPS;
    node->props.len = body.len - NODE_PROPS;
    return node->id == 0 ? STORE_CORRUPT : APR_SUCCESS;
}

void node_props_begin(node_props_iter_t *iter, const node_t *node)
{
    static const unsigned char nothing[1];

    /* A node that is not there has no bytes to point at. */
    iter->at = node->props.data != NULL ? node->props.data : nothing;
    iter->end = iter->at + node->props.len;
    iter->left = node->prop_count;
}

apr_status_t node_props_next(node_prop_t *prop, node_props_iter_t *iter)
{
    apr_uint32_t length;

    if (iter->left == 0)
        return iter->at == iter->end ? STORE_ABSENT : STORE_CORRUPT;
    if (iter->end - iter->at < PROP_HEAD)
        return STORE_CORRUPT;
    length = key_get_u32(iter->at + 4);
    prop->name = key_get_u32(iter->at);
    prop->spilled = (length & PROP_SPILLED) != 0;
    prop->length = length & ~PROP_SPILLED;
    prop->value = NULL;
    iter->at += PROP_HEAD;
    if (!prop->spilled) {
        if ((apr_size_t)(iter->end - iter->at) < prop->length)
            return STORE_CORRUPT;
        prop->value = (const char *)iter->at;
        iter->at += prop->length;
    }
    iter->left--;
    return APR_SUCCESS;
}

apr_status_t node_prop_find(node_prop_t *prop, const node_t *node, apr_uint32_t name)
{
    node_props_iter_t iter;
    apr_status_t status;

    node_props_begin(&iter, node);
    while ((status = node_props_next(prop, &iter)) == APR_SUCCESS) {
        if (prop->name == name)
            return APR_SUCCESS;
        if (prop->name > name)
            return STORE_ABSENT;
    }
    return status;
}

store_slice_t record_pack_place(apr_uint64_t parent, const char *name, apr_size_t length,
                                apr_pool_t *result_pool)
{
    store_slice_t record;
    unsigned char *bytes = make_room(&record, 8 + length, result_pool);

    key_put_u64(bytes + RECORD_SEAL_SIZE, parent);
    memcpy(bytes + RECORD_SEAL_SIZE + 8, name, length);
    record_seal(bytes, record.len);
    return record;
}

apr_status_t record_read_place(record_place_t *place, store_slice_t record)
{
    store_slice_t body;
    apr_status_t status = record_open(&body, record);

    if (status != APR_SUCCESS)
        return status;
    if (body.len < 8)
        return STORE_CORRUPT;
    place->parent = key_get_u64(body.data);
    place->name.data = (const unsigned char *)body.data + 8;
    place->name.len = body.len - 8;
    return APR_SUCCESS;
}

store_slice_t record_pack_number(unsigned char buf[RECORD_NUMBER_SIZE], apr_uint64_t n)
{
    store_slice_t record = {buf, RECORD_NUMBER_SIZE};

    key_put_u64(buf + RECORD_SEAL_SIZE, n);
    record_seal(buf, record.len);
    return record;
}

apr_status_t record_read_number(apr_uint64_t *n_p, store_slice_t record)
{
    store_slice_t body;
    apr_status_t status = record_open(&body, record);

    if (status != APR_SUCCESS)
        return status;
    if (body.len != 8)
        return STORE_CORRUPT;
    *n_p = key_get_u64(body.data);
    return APR_SUCCESS;
}

store_slice_t record_pack_name(unsigned char buf[RECORD_NAME_SIZE], const prop_name_t *name)
{
    apr_size_t ns = strlen(name->ns) + 1, local = strlen(name->local) + 1;
    store_slice_t record = {buf, RECORD_SEAL_SIZE + ns + local};

    memcpy(buf + RECORD_SEAL_SIZE, name->ns, ns);
    memcpy(buf + RECORD_SEAL_SIZE + ns, name->local, local);
    record_seal(buf, record.len);
    return record;
}

apr_status_t record_read_name(prop_name_t *name, store_slice_t record)
{
    store_slice_t body;
    const char *middle, *end;
    apr_status_t status = record_open(&body, record);

    if (status != APR_SUCCESS)
        return status;
    /* Two strings, each with its NUL, and no third. */
    middle = memchr(body.data, '\0', body.len);
    if (middle == NULL)
        return STORE_CORRUPT;
    end = (const char *)body.data + body.len;
    if (memchr(middle + 1, '\0', (apr_size_t)(end - middle) - 1) != end - 1)
        return STORE_CORRUPT;
    name->ns = body.data;
    name->local = middle + 1;
    return APR_SUCCESS;
}
