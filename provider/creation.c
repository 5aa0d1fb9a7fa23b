#include "provider/creation.h"

#include "provider/metadata.h"
#include "provider/recovery.h"

/** A creation under way. */
typedef struct creation_t {
    const pins_t *pins;
    const char *path;
    store_write_fn *body;
    void *baton;
    int forgot; /* this was to forget; the creation comes next */
} creation_t;

/** store_write_fn: forget, or create. */
static apr_status_t create_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    creation_t *creation = baton;
    apr_uint64_t id = 0;
    apr_status_t status =
        metadata_is_there(NULL, pins_path(creation->pins, creation->path, scratch_pool), NULL)
            ? APR_SUCCESS
            : metadata_node_id(&id, txn, creation->path);

    if (status != APR_SUCCESS)
        return status;
    creation->forgot = id != 0;
    return creation->forgot ? nodes_remove(txn, creation->path, scratch_pool)
                            : creation->body(txn, creation->baton, scratch_pool);
}

apr_status_t creation_write(store_t *store, const pins_t *pins, const char *path,
                            store_write_fn *body, void *baton, apr_pool_t *scratch_pool)
{
    creation_t creation = {pins, path, body, baton, 0};
    recovery_scope_t scope = {.paths = {path}, .pins = pins};
    apr_status_t status;

    do {
        status = recovery_write(store, &scope, create_body, &creation, scratch_pool);
    } while (status == APR_SUCCESS && creation.forgot);
    return status;
}
