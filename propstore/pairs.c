#include "propstore/pairs.h"

apr_status_t pairs_put(void *baton, store_slice_t key, store_slice_t value)
{
    return store_put(baton, key, value);
}

apr_status_t nodes_pairs(const node_t *node, const node_step_t *place, record_prop_t *props,
                         unsigned count, pairs_fn *pair, void *baton, apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_SUCCESS;
    key_buf_t buf;

    for (unsigned i = 0; i < count && status == APR_SUCCESS; i++) {
        if (props[i].length <= NODES_SPILL_SIZE)
            continue;
        status = pair(baton, key_value(&buf, node->id, props[i].name),
                      record_make(props[i].value, props[i].length, scratch_pool));
        props[i].spilled = 1;
        props[i].value = NULL;
    }
    if (status == APR_SUCCESS)
        status = pair(baton, key_node(&buf, place->parent, place->name, place->length),
                      record_pack_node(node, props, count, scratch_pool));
    if (status == APR_SUCCESS)
        status = pair(baton, key_node_place(&buf, node->id),
                      record_pack_place(place->parent, place->name, place->length, scratch_pool));
    return status;
}
