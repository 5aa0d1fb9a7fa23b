#include "propstore/key.h"

#include <string.h>

void key_put_u32(unsigned char *to, apr_uint32_t n)
{
    for (int i = 3; i >= 0; i--, n >>= 8)
        to[i] = (unsigned char)(n & 0xff);
}

void key_put_u64(unsigned char *to, apr_uint64_t n)
{
    for (int i = 7; i >= 0; i--, n >>= 8)
        to[i] = (unsigned char)(n & 0xff);
}

apr_uint32_t key_get_u32(const unsigned char *from)
{
    return (apr_uint32_t)from[0] << 24 | (apr_uint32_t)from[1] << 16 | (apr_uint32_t)from[2] << 8 |
           from[3];
}

apr_uint64_t key_get_u64(const unsigned char *from)
{
    return (apr_uint64_t)key_get_u32(from) << 32 | key_get_u32(from + 4);
}

static store_slice_t slice(const key_buf_t *buf, apr_size_t length)
{
    store_slice_t key = {buf->bytes, length};

    return key;
}

store_slice_t key_meta(key_buf_t *buf, const char *name)
{
    apr_size_t length = strlen(name);

    buf->bytes[0] = KEY_META;
    memcpy(buf->bytes + 1, name, length);
    return slice(buf, 1 + length);
}

store_slice_t key_members(key_buf_t *buf, apr_uint64_t parent)
{
    buf->bytes[0] = KEY_NODE;
    key_put_u64(buf->bytes + 1, parent);
    return slice(buf, 9);
}

store_slice_t key_node(key_buf_t *buf, apr_uint64_t parent, const char *name, apr_size_t length)
{
    store_slice_t prefix = key_members(buf, parent);

    memcpy(buf->bytes + prefix.len, name, length);
    return slice(buf, prefix.len + length);
}

store_slice_t key_node_place(key_buf_t *buf, apr_uint64_t id)
{
    buf->bytes[0] = KEY_NODE_PLACE;
    key_put_u64(buf->bytes + 1, id);
    return slice(buf, 9);
}

store_slice_t key_values(key_buf_t *buf, apr_uint64_t id)
{
    buf->bytes[0] = KEY_VALUE;
    key_put_u64(buf->bytes + 1, id);
    return slice(buf, 9);
}

store_slice_t key_value(key_buf_t *buf, apr_uint64_t id, apr_uint32_t name)
{
    store_slice_t prefix = key_values(buf, id);

    key_put_u32(buf->bytes + prefix.len, name);
    return slice(buf, prefix.len + 4);
}

store_slice_t key_name_id(key_buf_t *buf, const prop_name_t *name)
{
    apr_size_t ns = strlen(name->ns), local = strlen(name->local);

    if (ns + local > NAMES_LENGTH_MAX)
        return slice(buf, 0);
    buf->bytes[0] = KEY_NAME_ID;
    memcpy(buf->bytes + 1, name->ns, ns + 1);
    memcpy(buf->bytes + 1 + ns + 1, name->local, local);
    return slice(buf, 1 + ns + 1 + local);
}

store_slice_t key_name(key_buf_t *buf, apr_uint32_t id)
{
    buf->bytes[0] = KEY_NAME;
    key_put_u32(buf->bytes + 1, id);
    return slice(buf, 5);
}

/** TABLE, a number, and a token if there is one. */
static store_slice_t key_numbered(key_buf_t *buf, key_table_e table, apr_uint64_t n,
                                  const unsigned char *token)
{
    buf->bytes[0] = (unsigned char)table;
    key_put_u64(buf->bytes + 1, n);
    if (token == NULL)
        return slice(buf, 9);
    memcpy(buf->bytes + 9, token, 16);
    return slice(buf, 9 + 16);
}

store_slice_t key_lock(key_buf_t *buf, const unsigned char *token)
{
    buf->bytes[0] = KEY_LOCK;
    memcpy(buf->bytes + 1, token, 16);
    return slice(buf, 1 + 16);
}

store_slice_t key_node_lock(key_buf_t *buf, apr_uint64_t id, const unsigned char *token)
{
    return key_numbered(buf, KEY_NODE_LOCK, id, token);
}

store_slice_t key_node_locks(key_buf_t *buf, apr_uint64_t id)
{
    return key_numbered(buf, KEY_NODE_LOCK, id, NULL);
}

store_slice_t key_lock_below(key_buf_t *buf, apr_uint64_t id, const unsigned char *token)
{
    return key_numbered(buf, KEY_LOCK_BELOW, id, token);
}

store_slice_t key_locks_below(key_buf_t *buf, apr_uint64_t id)
{
    return key_numbered(buf, KEY_LOCK_BELOW, id, NULL);
}

store_slice_t key_lock_expiry(key_buf_t *buf, apr_uint64_t seconds, const unsigned char *token)
{
    return key_numbered(buf, KEY_LOCK_EXPIRY, seconds, token);
}

store_slice_t key_lock_expiries(key_buf_t *buf)
{
    return key_numbered(buf, KEY_LOCK_EXPIRY, 0, NULL);
}

store_slice_t key_user_lock(key_buf_t *buf, apr_uint64_t hash, const unsigned char *token)
{
    return key_numbered(buf, KEY_USER_LOCK, hash, token);
}

store_slice_t key_user_locks(key_buf_t *buf, apr_uint64_t hash)
{
    return key_numbered(buf, KEY_USER_LOCK, hash, NULL);
}

store_slice_t key_intent(key_buf_t *buf, apr_uint64_t id)
{
    return key_numbered(buf, KEY_INTENT, id, NULL);
}

store_slice_t key_intents(key_buf_t *buf)
{
    buf->bytes[0] = KEY_INTENT;
    return slice(buf, 1);
}

apr_uint64_t key_intent_id(store_slice_t key)
{
    return key.len == 9 ? key_get_u64((const unsigned char *)key.data + 1) : 0;
}

store_slice_t key_after(key_buf_t *buf, store_slice_t prefix)
{
    apr_size_t length = prefix.len;

    memmove(buf->bytes, prefix.data, prefix.len);
    while (buf->bytes[length - 1] == 0xff)
        length--;
    buf->bytes[length - 1]++;
    return slice(buf, length);
}
