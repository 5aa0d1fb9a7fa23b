#include "provider/leftovers.h"

#include <string.h>

#include <apr_strings.h>

#include "propstore/intents.h"
#include "provider/dirscan.h"
#include "provider/filetree.h"
#include "provider/tempfile.h"

/** A look for leftovers. */
typedef struct leftovers_t {
    const char *directory;
    apr_array_header_t *names; /* const char * */
} leftovers_t;

/** dirscan_each_fn: note a temporary of a process that is gone. */
static apr_status_t note(void *baton, dirscan_t *scan, const dirscan_entry_t *entry,
                         apr_pool_t *scratch_pool)
{
    const leftovers_t *leftovers = baton;
    process_t owner;

    (void)scan;
    (void)scratch_pool;
    if (tempfile_owner(&owner, entry->name) && !process_is_alive(&owner))
        APR_ARRAY_PUSH(leftovers->names, const char *) =
            apr_pstrdup(leftovers->names->pool, entry->name);
    return APR_SUCCESS;
}

/** Whether one of INTENTS speaks of PATH. */
static int is_intended(const apr_array_header_t *intents, const char *path)
{
    for (int i = 0; i < intents->nelts; i++) {
        const intent_t *intent = &APR_ARRAY_IDX(intents, i, intent_t);

        if (strcmp(intent->from, path) == 0 || strcmp(intent->to, path) == 0 ||
            strcmp(intent->old, path) == 0)
            return 1;
    }
    return 0;
}

/** Take those out that an intent speaks of.  None will: it would be a living process's. */
static apr_status_t spare_intended(leftovers_t *leftovers, store_t *store, apr_pool_t *pool)
{
    apr_array_header_t *intents = apr_array_make(pool, 4, sizeof(intent_t));
    apr_array_header_t *names = apr_array_make(pool, 4, sizeof(const char *));
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, pool);

    if (status != APR_SUCCESS)
        return status;
    status = intents_list(intents, txn);
    store_abort(txn);
    for (int i = 0; i < leftovers->names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(leftovers->names, i, const char *);

        if (!is_intended(intents, apr_pstrcat(pool, leftovers->directory, "/", name, NULL)))
            APR_ARRAY_PUSH(names, const char *) = name;
    }
    leftovers->names = names;
    return status;
}

/** Remove them. */
static void remove_all(const leftovers_t *leftovers, const store_t *store, apr_pool_t *pool)
{
    for (int i = 0; i < leftovers->names->nelts; i++) {
        const char *path = apr_pstrcat(pool, leftovers->directory, "/",
                                       APR_ARRAY_IDX(leftovers->names, i, const char *), NULL);

        if (filetree_remove(path, NULL, NULL, pool) == APR_SUCCESS)
            store_log(store, STORE_LOG_INFO, APR_SUCCESS, "removed %s, which a process left", path);
    }
}

void leftovers_remove(store_t *store, const char *directory, apr_pool_t *scratch_pool)
{
    apr_size_t length = strlen(directory);
    leftovers_t leftovers;
    apr_pool_t *pool;
    dirscan_t *scan;
    apr_status_t status;

    while (length > 1 && directory[length - 1] == '/')
        length--;
    apr_pool_create(&pool, scratch_pool);
    leftovers.directory = apr_pstrmemdup(pool, directory, length);
    leftovers.names = apr_array_make(pool, 4, sizeof(const char *));
    status = dirscan_open_top(&scan, leftovers.directory, NULL, DIRSCAN_LINKS_RAW, pool);
    if (status == APR_SUCCESS)
        status = dirscan_each(scan, 0, note, &leftovers, pool);
    if (status == APR_SUCCESS && leftovers.names->nelts > 0)
        status = spare_intended(&leftovers, store, pool);
    if (status == APR_SUCCESS)
        remove_all(&leftovers, store, pool);
    if (status != APR_SUCCESS)
        store_log(store, STORE_LOG_INFO, status, "could not look for temporary files in %s",
                  directory);
    apr_pool_destroy(pool);
}
