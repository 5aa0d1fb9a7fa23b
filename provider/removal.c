#include "provider/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_time.h>

#include "propstore/filestat.h"
#include "propstore/locks.h"
#include "provider/metadata.h"
#include "provider/recovery.h"
#include "provider/resource.h"
#include "provider/settling.h"
#include "provider/tempfile.h"

/* ---- clearing away ---- */

/** What is under a private name. */
typedef struct clearing_t {
    intent_t intent;
    const pins_t *pins;              /* that hold the directory of what is restored, or NULL */
    const apr_array_header_t *locks; /* lock_t: those to restore with the rest, or NULL */
    int restored;                    /* the rest has been renamed back */
} clearing_t;

/** What is left of the collection is at its place again: so is what is known of it. */
static apr_status_t follow_back(const intent_t *intent, store_txn_t *txn, apr_pool_t *scratch_pool)
{
    apr_status_t status =
        metadata_move(txn, intent->from, intent->from_node, intent->to, scratch_pool);

    return status == APR_SUCCESS
               ? nodes_retain(txn, intent->to, metadata_is_there, NULL, scratch_pool)
               : status;
}

/** store_write_fn: what was cleared away is gone for good. */
static apr_status_t forget(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const clearing_t *clearing = baton;
    const intent_t *intent = &clearing->intent;
    /* Unless a process was putting it back, and died before it could say so. */
    apr_status_t status =
        settling_is_meant(intent, pins_path(clearing->pins, intent->to, scratch_pool))
            ? follow_back(intent, txn, scratch_pool)
            : nodes_remove(txn, intent->from, scratch_pool);

    if (status == APR_SUCCESS)
        status = intents_remove(txn, intent->id);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Take out again the locks of what is still there: a DELETE that failed ends none. */
static apr_status_t restore_locks(const apr_array_header_t *locks, store_txn_t *txn,
                                  apr_pool_t *scratch_pool)
{
    static const lock_limits_t none;
    apr_array_header_t *conflicts;
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; locks != NULL && i < locks->nelts && status == APR_SUCCESS; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);
        node_fingerprint_t fingerprint;
        filestat_t st;

        if (filestat_read(&st, AT_FDCWD, lock->path, FILESTAT_TARGET) != APR_SUCCESS)
            continue;
        fingerprint = filestat_fingerprint(&st);
        status =
            locks_add(txn, lock->path, S_ISDIR(st.mode) ? NODE_COLLECTION : NODE_FILE, &fingerprint,
                      lock, &none, apr_time_sec(apr_time_now()), &conflicts, scratch_pool);
        if (status == STORE_LOCKED)
            status = APR_SUCCESS; /* somebody has locked all of it meanwhile */
    }
    return status;
}

/** store_write_fn: rename what is left back. */
static apr_status_t restore(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    clearing_t *clearing = baton;
    const intent_t *intent = &clearing->intent;
    const char *from = pins_path(clearing->pins, intent->from, scratch_pool);
    const char *to = pins_path(clearing->pins, intent->to, scratch_pool);
    apr_status_t status = APR_SUCCESS;

    if (!clearing->restored && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0)
        return errno;
    clearing->restored = 1;
    status = tempfile_sync_directory(resource_parent_path(to, scratch_pool));
    if (status == APR_SUCCESS)
        status = follow_back(intent, txn, scratch_pool);
    if (status == APR_SUCCESS)
        status = restore_locks(clearing->locks, txn, scratch_pool);
    return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
}

apr_status_t removal_clear(store_t *store, const pins_t *pins, const intent_t *intent,
                           const apr_array_header_t *locks, filetree_failed_fn *failed, void *baton,
                           apr_pool_t *scratch_pool)
{
    clearing_t clearing = {.intent = *intent, .pins = pins, .locks = locks};
    recovery_scope_t scope = {.paths = {intent->to}, .pins = pins, .own = intent->id};
    apr_status_t removed = filetree_remove(pins_path(pins, intent->from, scratch_pool), failed,
                                           baton, scratch_pool),
                 status;

    if (removed == ENOENT)
        removed = APR_SUCCESS;
    if (removed == APR_SUCCESS)
        status = store_write(store, forget, &clearing, scratch_pool);
    else if (*intent->to != '\0')
        status = recovery_write(store, &scope, restore, &clearing, scratch_pool);
    else
        status = removed;
    if (status != APR_SUCCESS)
        store_log(store, STORE_LOG_ERROR, status, "what was to be removed is left at %s",
                  intent->from);
    return removed;
}

/* ---- removing ---- */

/** A removal under way. */
typedef struct removal_t {
    store_t *store;
    const pins_t *pins; /* that hold its directory, or NULL */
    intent_t intent, clear;
    int stepped;               /* the file is unlinked, the collection renamed */
    int done;                  /* there is nothing left to do, */
    int is_relaxed;            /* nor to wait for then */
    apr_array_header_t *locks; /* lock_t: those the collection and what is below it had */
    removal_check_fn *check;
    filetree_failed_fn *failed;
    void *baton;
    apr_pool_t *pool; /* lifetime of the removal */
} removal_t;

static int is_collection(const removal_t *removal)
{
    return removal->intent.to[0] != '\0';
}

/** PATH for system calls. */
static const char *at(const removal_t *removal, const char *path)
{
    return pins_path(removal->pins, path, removal->pool);
}

static apr_status_t sync_parent(const removal_t *removal)
{
    return tempfile_sync_directory(
        resource_parent_path(at(removal, removal->intent.from), removal->pool));
}

/** Remove what needs only one step: a file, or an empty collection. */
static apr_status_t remove_one(const removal_t *removal)
{
    int flags = is_collection(removal) ? AT_REMOVEDIR : 0;

    return unlinkat(AT_FDCWD, at(removal, removal->intent.from), flags) == 0 ? APR_SUCCESS : errno;
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
    intent->id = 0;
    status = settling_identify(intent, removal->pins, scratch_pool);
    return status == APR_SUCCESS ? intents_add(txn, intent, scratch_pool) : status;
}

/** Remember the locks that go with the collection. */
static apr_status_t note_locks(removal_t *removal, store_txn_t *txn)
{
    const apr_int64_t now = apr_time_sec(apr_time_now());
    apr_status_t status;

    removal->locks = apr_array_make(removal->pool, 2, sizeof(lock_t));
    if (removal->intent.from_node == 0)
        return APR_SUCCESS;
    status = locks_on_node(removal->locks, txn, removal->intent.from_node, now);
    return status == APR_SUCCESS ? locks_below(removal->locks, txn, removal->intent.from, now)
                                 : status;
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
            status = rename(at(removal, intent->from), at(removal, intent->to)) == 0 ? APR_SUCCESS
                                                                                     : errno;
        else
            status = remove_one(removal);
        removal->stepped = status == APR_SUCCESS;
    }
    if (status == APR_SUCCESS)
        status = sync_parent(removal);
    if (status != APR_SUCCESS)
        return status;
    if (!is_collection(removal)) {
        status = metadata_remove(txn, intent->from, intent->from_node, scratch_pool);
        return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
    }
    status = note_locks(removal, txn);
    if (status == APR_SUCCESS)
        status = metadata_move(txn, intent->from, intent->from_node, intent->to, scratch_pool);
    removal->clear = *intent;
    removal->clear.kind = INTENT_CLEAR;
    removal->clear.from = intent->to;
    removal->clear.to = intent->from;
    return status == APR_SUCCESS ? intents_put(txn, &removal->clear, scratch_pool) : status;
}

static apr_status_t run(removal_t *removal)
{
    recovery_scope_t scope = {.paths = {removal->intent.from}, .pins = removal->pins};
    apr_status_t status = recovery_write(removal->store, &scope, plan, removal, removal->pool);

    if (status != APR_SUCCESS)
        return status;
    if (removal->done)
        return removal->is_relaxed ? APR_SUCCESS : sync_parent(removal);
    scope.own = removal->intent.id;
    status = recovery_write(removal->store, &scope, step, removal, removal->pool);
    if (status != APR_SUCCESS) {
        (void)recovery_undo(removal->store, &removal->intent, removal->pool);
        /* A file cannot be put back: that went on, or whoever comes next does. */
        return removal->stepped && !is_collection(removal) ? sync_parent(removal) : status;
    }
    return is_collection(removal)
               ? removal_clear(removal->store, removal->pins, &removal->clear, removal->locks,
                               removal->failed, removal->baton, removal->pool)
               : APR_SUCCESS;
}

apr_status_t removal_run(store_t *store, const pins_t *pins, const char *path, int is_relaxed,
                         removal_check_fn *check, filetree_failed_fn *failed, void *baton,
                         apr_pool_t *scratch_pool)
{
    removal_t removal = {
        .store = store,
        .pins = pins,
        .intent = {.kind = INTENT_REMOVE, .from = path, .to = "", .old = ""},
        .is_relaxed = is_relaxed,
        .check = check,
        .failed = failed,
        .baton = baton,
    };
    filestat_t st;
    apr_status_t status =
        filestat_read(&st, AT_FDCWD, pins_path(pins, path, scratch_pool), FILESTAT_LINK);

    if (status != APR_SUCCESS)
        return status;
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
