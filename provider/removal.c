#include "provider/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "propstore/filestat.h"
#include "provider/metadata.h"
#include "provider/resource.h"
#include "provider/tempfile.h"

/** A removal under way. */
typedef struct removal_t {
    store_t *store;
    intent_t intent;
    int stepped; /* the file is unlinked, the collection renamed */
    int done;    /* there is nothing left to do */
    removal_check_fn *check;
    filetree_failed_fn *failed;
    void *baton;
    apr_pool_t *pool; /* lifetime of the removal */
} removal_t;

static int is_collection(const removal_t *removal)
{
    return removal->intent.to[0] != '\0';
}

static apr_status_t sync_parent(const removal_t *removal)
{
    return tempfile_sync_directory(resource_parent_path(removal->intent.from, removal->pool));
}

/** Remove what needs only one step: a file, or an empty collection. */
static apr_status_t remove_one(const removal_t *removal)
{
    int flags = is_collection(removal) ? AT_REMOVEDIR : 0;

    return unlinkat(AT_FDCWD, removal->intent.from, flags) == 0 ? APR_SUCCESS : errno;
}

/** store_write_fn: remove what has no metadata and needs only one step, or write down the rest. */
static apr_status_t plan(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    removal_t *removal = baton;
    intent_t *intent = &removal->intent;
    apr_status_t status =
        removal->check != NULL ? removal->check(removal->baton, txn) : APR_SUCCESS;

    if (status == APR_SUCCESS)
        status = metadata_node_id(&intent->from_node, txn, intent->from);
    if (status != APR_SUCCESS)
        return status;
    if (intent->from_node == 0) {
        /* With the writer's lock nobody gives it metadata meanwhile. */
        status = remove_one(removal);
        removal->done = status == APR_SUCCESS;
        if (!is_collection(removal) || (status != ENOTEMPTY && status != EEXIST))
            return status == APR_SUCCESS ? STORE_NOTHING : status;
    }
    return intents_add(txn, intent, scratch_pool);
}

/** store_write_fn: the step that all others see. */
static apr_status_t step(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    removal_t *removal = baton;
    const intent_t *intent = &removal->intent;
    apr_status_t status =
        removal->check != NULL ? removal->check(removal->baton, txn) : APR_SUCCESS;

    if (status == APR_SUCCESS && !removal->stepped) {
        if (is_collection(removal))
            status = rename(intent->from, intent->to) == 0 ? APR_SUCCESS : errno;
        else
            status = remove_one(removal);
        removal->stepped = status == APR_SUCCESS;
        if (removal->stepped)
            status = sync_parent(removal);
    }
    if (status != APR_SUCCESS)
        return status;
    if (is_collection(removal))
        return metadata_move(txn, intent->from, intent->from_node, intent->to, scratch_pool);
    status = metadata_remove(txn, intent->from, intent->from_node, scratch_pool);
    return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
}

/** store_write_fn: forget the intent alone. */
static apr_status_t drop(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const removal_t *removal = baton;
    apr_status_t status = intents_remove(txn, removal->intent.id);

    (void)scratch_pool;
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** store_write_fn: the collection is gone for good. */
static apr_status_t forget(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const removal_t *removal = baton;
    apr_status_t status =
        metadata_remove(txn, removal->intent.to, removal->intent.from_node, scratch_pool);

    return status == APR_SUCCESS ? intents_remove(txn, removal->intent.id) : status;
}

/** Rename what is left of the collection back. */
static apr_status_t rename_back(const removal_t *removal)
{
    const intent_t *intent = &removal->intent;

    return renameat2(AT_FDCWD, intent->to, AT_FDCWD, intent->from, RENAME_NOREPLACE) == 0
               ? sync_parent(removal)
               : errno;
}

/** store_write_fn: what is left of the collection is at its place again. */
static apr_status_t restore(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    removal_t *removal = baton;
    const intent_t *intent = &removal->intent;
    apr_status_t status = removal->stepped ? rename_back(removal) : APR_SUCCESS;

    if (status != APR_SUCCESS)
        return status;
    removal->stepped = 0;
    status = metadata_move(txn, intent->to, intent->from_node, intent->from, scratch_pool);
    if (status == APR_SUCCESS)
        status = nodes_retain(txn, intent->from, metadata_is_there, NULL, scratch_pool);
    return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
}

/** Empty the renamed collection.  @return as removal_run() */
static apr_status_t empty(removal_t *removal)
{
    apr_status_t removed =
        filetree_remove(removal->intent.to, removal->failed, removal->baton, removal->pool);
    apr_status_t status;

    if (removed == APR_SUCCESS || removed == ENOENT)
        return store_write(removal->store, forget, removal, removal->pool);
    status = store_write_settled(removal->store, restore, removal, removal->pool);
    if (status != APR_SUCCESS)
        store_log(removal->store, STORE_LOG_ERROR, status,
                  "what could not be removed of %s is left at %s", removal->intent.from,
                  removal->intent.to);
    return removed;
}

/** Undo what can be undone after the step's transaction failed. */
static void undo(removal_t *removal)
{
    apr_status_t status = APR_SUCCESS;

    if (removal->stepped && is_collection(removal))
        status = rename_back(removal);
    /* If even this cannot be stored, the intent finds nothing to do one day. */
    if (status == APR_SUCCESS)
        status = store_write(removal->store, drop, removal, removal->pool);
    if (status != APR_SUCCESS)
        store_log(removal->store, STORE_LOG_ERROR, status, "the removal of %s could not be undone",
                  removal->intent.from);
}

static apr_status_t run(removal_t *removal)
{
    apr_status_t status = store_write_settled(removal->store, plan, removal, removal->pool);

    if (status != APR_SUCCESS)
        return status;
    if (removal->done)
        return sync_parent(removal);
    status = store_write_settled(removal->store, step, removal, removal->pool);
    if (status != APR_SUCCESS) {
        undo(removal);
        return status;
    }
    return is_collection(removal) ? empty(removal) : APR_SUCCESS;
}

apr_status_t removal_run(store_t *store, const char *path, removal_check_fn *check,
                         filetree_failed_fn *failed, void *baton, apr_pool_t *scratch_pool)
{
    removal_t removal = {
        .store = store,
        .intent = {.kind = INTENT_REMOVE, .from = path, .to = "", .old = ""},
        .check = check,
        .failed = failed,
        .baton = baton,
    };
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK);

    if (status != APR_SUCCESS)
        return status;
    removal.intent.inode = st.inode;
    removal.intent.birth_ns = st.birth_ns;
    apr_pool_create(&removal.pool, scratch_pool);
    apr_pool_tag(removal.pool, "depot_removal");
    if (S_ISDIR(st.mode))
        status = tempfile_name(&removal.intent.to, resource_parent_path(path, removal.pool),
                               removal.pool);
    if (status == APR_SUCCESS)
        status = run(&removal);
    apr_pool_destroy(removal.pool);
    return status;
}

apr_status_t removal_resume(store_t *store, const intent_t *intent, apr_pool_t *scratch_pool)
{
    removal_t removal = {.store = store, .intent = *intent, .stepped = 1};
    apr_status_t status;

    apr_pool_create(&removal.pool, scratch_pool);
    apr_pool_tag(removal.pool, "depot_removal");
    status = store_write_settled(store, step, &removal, removal.pool);
    if (status == APR_SUCCESS)
        status = empty(&removal);
    apr_pool_destroy(removal.pool);
    return status;
}
