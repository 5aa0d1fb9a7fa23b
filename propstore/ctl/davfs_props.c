#include "propstore/ctl/davfs_props.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define META_KEY "METADATA"
/** The namespaces' key in the form before. */
#define OLD_KEY "NS_TABLE"

/* The value of META_KEY: version, a smaller one, the number of namespaces (big-endian), URIs. */
#define META_VERSION 4
#define META_COUNT 2
#define META_HEAD 4

/** A namespace's number has at most so many digits. */
#define DIGITS_MAX 5

static int is_word(store_slice_t key, const char *word)
{
    return key.len == strlen(word) && memcmp(key.data, word, key.len) == 0;
}

davfs_key_e davfs_key(store_slice_t key)
{
    if (is_word(key, META_KEY))
        return DAVFS_KEY_META;
    return is_word(key, OLD_KEY) ? DAVFS_KEY_OLD : DAVFS_KEY_PROP;
}

const char *davfs_take_string(store_slice_t *bytes, apr_pool_t *result_pool)
{
    const char *from = bytes->data;
    const char *end = bytes->len > 0 ? memchr(from, '\0', bytes->len) : NULL;
    apr_size_t length;

    if (end == NULL)
        return NULL;
    length = (apr_size_t)(end - from);
    bytes->data = end + 1;
    bytes->len -= length + 1;
    return apr_pstrmemdup(result_pool, from, length);
}

apr_status_t davfs_namespaces_read(davfs_namespaces_t *namespaces, store_slice_t value,
                                   apr_pool_t *result_pool)
{
    const unsigned char *bytes = value.data;
    store_slice_t rest;
    const char **uris;
    unsigned count;

    memset(namespaces, 0, sizeof(*namespaces));
    if (value.len < META_HEAD)
        return STORE_CORRUPT;
    if (bytes[0] != META_VERSION)
        return STORE_FORMAT;
    count = (unsigned)bytes[META_COUNT] << 8 | bytes[META_COUNT + 1];
    rest.data = bytes + META_HEAD;
    rest.len = value.len - META_HEAD;
    uris = apr_pcalloc(result_pool, (count + 1) * sizeof(*uris));
    for (unsigned i = 0; i < count; i++) {
        uris[i] = davfs_take_string(&rest, result_pool);
        if (uris[i] == NULL)
            return STORE_CORRUPT;
    }
    namespaces->count = count;
    namespaces->uris = uris;
    return APR_SUCCESS;
}

apr_status_t davfs_namespaces_find(davfs_namespaces_t *namespaces, const apr_array_header_t *pairs,
                                   apr_pool_t *result_pool)
{
    apr_status_t status = APR_SUCCESS;

    memset(namespaces, 0, sizeof(*namespaces));
    for (int i = 0; i < pairs->nelts && status == APR_SUCCESS; i++) {
        const dbm_pair_t *pair = &APR_ARRAY_IDX(pairs, i, dbm_pair_t);
        davfs_key_e key = davfs_key(pair->key);

        if (key == DAVFS_KEY_OLD)
            return STORE_FORMAT;
        if (key == DAVFS_KEY_META)
            status = davfs_namespaces_read(namespaces, pair->value, result_pool);
    }
    return status;
}

apr_status_t davfs_prop_read(davfs_prop_t *prop, const dbm_pair_t *pair, apr_pool_t *result_pool)
{
    store_slice_t key = pair->key, value = pair->value;
    const char *name = davfs_take_string(&key, result_pool);
    int digits = 0;

    memset(prop, 0, sizeof(*prop));
    prop->ns = -1;
    if (name == NULL || key.len != 0)
        return STORE_CORRUPT;
    while (digits <= DIGITS_MAX && apr_isdigit(name[digits]))
        digits++;
    if (digits > DIGITS_MAX || name[digits] != ':' || name[digits + 1] == '\0')
        return STORE_CORRUPT;
    if (digits > 0)
        prop->ns = (int)apr_atoi64(name);
    prop->local = name + digits + 1;
    prop->lang = davfs_take_string(&value, result_pool);
    prop->inner = prop->lang != NULL ? davfs_take_string(&value, result_pool) : NULL;
    return prop->inner != NULL && value.len == 0 ? APR_SUCCESS : STORE_CORRUPT;
}
