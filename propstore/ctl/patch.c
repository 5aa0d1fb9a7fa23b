#include "propstore/ctl/patch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_time.h>

#include "propstore/ctl/property.h"
#include "propstore/filestat.h"
#include "propstore/locks.h"

/** What patch_body() is to do, and why it did not. */
typedef struct patch_t {
    const char *path;
    const prop_change_t *change;
    const node_limits_t *limits;
    int force;
    int absent; /**< a property to be removed is not there */
} patch_t;

/** Whether PATH has the property NAME: APR_SUCCESS or STORE_ABSENT. */
static apr_status_t find_property(store_txn_t *txn, const char *path, const prop_name_t *name)
{
    node_prop_t prop;
    node_t node;
    apr_uint32_t id;
    apr_status_t status = names_find(&id, txn, name);

    if (status == APR_SUCCESS)
        status = nodes_find(&node, txn, path);
    return status == APR_SUCCESS ? node_prop_find(&prop, &node, id) : status;
}

/** Whether a lock covers PATH: STORE_LOCKED. */
static apr_status_t check_locks(store_txn_t *txn, const char *path, apr_pool_t *scratch_pool)
{
    apr_array_header_t *locks = apr_array_make(scratch_pool, 4, sizeof(lock_t));
    apr_status_t status = locks_covering(locks, txn, path, apr_time_sec(apr_time_now()));

    return status == APR_SUCCESS && locks->nelts > 0 ? STORE_LOCKED : status;
}

/** store_write_fn */
static apr_status_t patch_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    static const node_limits_t no_limits;
    patch_t *patch = baton;
    node_fingerprint_t fingerprint;
    filestat_t st;
    /* Under the writer's lock: a MOVE or DELETE of the file has its turn before or after. */
    apr_status_t status = filestat_read(&st, AT_FDCWD, patch->path, FILESTAT_TARGET);

    if (status == APR_SUCCESS && !patch->force)
        status = check_locks(txn, patch->path, scratch_pool);
    if (status == APR_SUCCESS && patch->change->value == NULL) {
        status = find_property(txn, patch->path, &patch->change->name);
        patch->absent = status == STORE_ABSENT;
    }
    if (status != APR_SUCCESS)
        return status;
    fingerprint = filestat_fingerprint(&st);
    return nodes_patch(txn, patch->path, S_ISDIR(st.mode) ? NODE_COLLECTION : NODE_FILE,
                       &fingerprint, patch->change, 1, patch->limits ? patch->limits : &no_limits,
                       NULL, scratch_pool);
}

/** Tell, or report, what STATUS says. */
static int answer_for(ctl_t *ctl, const patch_t *patch, apr_status_t status)
{
    const prop_name_t *name = &patch->change->name;
    const store_slice_t value = {patch->change->value, patch->change->length};
    const char *words = property_name_text(name, ctl->pool);

    if (patch->absent) {
        ctl_warn(ctl, APR_SUCCESS, "%s has no property %s", patch->path, words);
        return CTL_FOUND;
    }
    if (status == STORE_LOCKED)
        return ctl_fail(ctl, APR_SUCCESS, "%s is locked, see depotctl locks; --force goes on",
                        patch->path);
    if (status == STORE_LIMIT)
        return ctl_fail(ctl, APR_SUCCESS, "%s of %s is past a limit%s", words, patch->path,
                        patch->limits != NULL ? "; --no-limits lifts those of a server" : "");
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not change %s of %s", words, patch->path);
    ctl_tell(ctl, property_json(patch->path, name, value.data != NULL ? &value : NULL), "%s: %s %s",
             ctl_plain_text(patch->path, strlen(patch->path), ctl->pool), words,
             value.data != NULL ? "set" : "removed");
    return CTL_FINE;
}

int patch_property(ctl_t *ctl, const char *word, const prop_change_t *change, int bounded)
{
    patch_t patch = {.path = ctl_path(ctl->argv[0], ctl->pool),
                     .change = change,
                     .limits = bounded ? &nodes_limits_default : NULL,
                     .force = ctl_option(ctl, 'f') != NULL};
    store_t *store;
    apr_status_t status;
    int result;

    if (patch.path == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s is no path", ctl->argv[0]);
    result = ctl_open(&store, ctl, word, CTL_EXISTING);
    if (result != CTL_FINE)
        return result;
    status = store_write(store, patch_body, &patch, ctl->pool);
    store_close(store);
    return answer_for(ctl, &patch, status);
}
