#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "propstore/lmdb/lmdb_int.h"

static apr_uint32_t sum(const void *key, apr_size_t key_length, apr_size_t value_length)
{
    return (apr_uint32_t)(XXH3_64bits_withSeed(key, key_length, value_length) & 0xffffffffU);
}

void lmdb_value_pack(void *to, store_slice_t key, store_slice_t value)
{
    apr_uint32_t n = sum(key.data, key.len, value.len);

    memcpy(to, &n, sizeof(n));
    if (value.len > 0)
        memcpy((char *)to + LMDB_SUM_SIZE, value.data, value.len);
}

apr_status_t lmdb_value_unpack(store_slice_t *value_p, const MDB_val *stored)
{
    if (stored->mv_size < LMDB_SUM_SIZE)
        return STORE_CORRUPT;
    value_p->data = (const char *)stored->mv_data + LMDB_SUM_SIZE;
    value_p->len = stored->mv_size - LMDB_SUM_SIZE;
    return APR_SUCCESS;
}

int lmdb_value_is_of(const MDB_val *key, const MDB_val *stored)
{
    apr_uint32_t n;

    if (stored->mv_size < LMDB_SUM_SIZE)
        return 0;
    memcpy(&n, stored->mv_data, sizeof(n));
    return n == sum(key->mv_data, key->mv_size, stored->mv_size - LMDB_SUM_SIZE);
}
