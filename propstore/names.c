#include "propstore/names.h"

#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/pairs.h"
#include "propstore/record.h"

apr_status_t names_find(apr_uint32_t *id_p, store_txn_t *txn, const prop_name_t *name)
{
    key_buf_t buf;
    store_slice_t key = key_name_id(&buf, name), record;
    apr_uint64_t id = 0;
    apr_status_t status;

    if (key.len == 0)
        return STORE_LIMIT;
    status = store_get(txn, key, &record);
    if (status == APR_SUCCESS)
        status = record_read_number(&id, record);
    if (status == APR_SUCCESS && (id == 0 || id > APR_UINT32_MAX))
        status = STORE_CORRUPT;
    *id_p = (apr_uint32_t)id;
    return status;
}

apr_status_t names_intern(apr_uint32_t *id_p, store_txn_t *txn, const prop_name_t *name,
                          apr_uint32_t max_names)
{
    apr_status_t status = names_find(id_p, txn, name);

    if (status != STORE_ABSENT)
        return status;
    status = meta_take_name_id(id_p, txn);
    if (status != APR_SUCCESS)
        return status;
    if (max_names != 0 && *id_p > max_names)
        return STORE_LIMIT;
    return names_pairs(*id_p, name, pairs_put, txn);
}

apr_status_t names_pairs(apr_uint32_t id, const prop_name_t *name, pairs_fn *pair, void *baton)
{
    unsigned char number[RECORD_NUMBER_SIZE], packed[RECORD_NAME_SIZE];
    key_buf_t buf;
    store_slice_t key = key_name_id(&buf, name);
    apr_status_t status;

    if (key.len == 0)
        return STORE_LIMIT;
    status = pair(baton, key, record_pack_number(number, id));
    if (status == APR_SUCCESS)
        status = pair(baton, key_name(&buf, id), record_pack_name(packed, name));
    return status;
}

apr_status_t names_get(prop_name_t *name, store_txn_t *txn, apr_uint32_t id,
                       apr_pool_t *result_pool)
{
    key_buf_t buf;
    store_slice_t record;
    apr_status_t status = store_get(txn, key_name(&buf, id), &record);

    if (status == APR_SUCCESS)
        status = record_read_name(name, record);
    if (status == APR_SUCCESS) {
        name->ns = apr_pstrdup(result_pool, name->ns);
        name->local = apr_pstrdup(result_pool, name->local);
    }
    if (status == STORE_ABSENT)
        status = STORE_CORRUPT;
    if (status == STORE_CORRUPT)
        store_log(store_txn_store(txn), STORE_LOG_ERROR, status,
                  "the property name with id %u is missing or damaged", id);
    return status;
}
