#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_env.h>
#include <apr_strings.h>

#include "propstore/ctl/ctl.h"
#include "propstore/meta.h"
#include "propstore/nodes.h"

/** The store's own log: what matters goes to standard error. */
static void log_line(void *baton, store_log_level_e level, apr_status_t status, const char *message)
{
    (void)status; /* the message has it in words */
    if (level <= STORE_LOG_WARNING)
        ctl_warn(baton, APR_SUCCESS, "%s", message);
}

/** Whether the store at PATH has anything in it; it is not created by asking. */
static int is_there(const char *path, apr_pool_t *scratch_pool)
{
    struct stat st;

    return stat(apr_pstrcat(scratch_pool, path, "/data.mdb", NULL), &st) == 0;
}

/** Let files made by root in the store's directory belong to whom that belongs. */
static void give_away(const ctl_t *ctl, const char *directory)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    struct stat st;

    if (geteuid() != 0 || stat(directory, &st) != 0 || st.st_uid == 0)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *file = apr_pstrcat(ctl->pool, directory, "/", names[i], NULL);

        if (lchown(file, st.st_uid, st.st_gid) != 0 && errno != ENOENT)
            ctl_warn(ctl, errno, "%s could not be given to the owner of its directory", file);
    }
}

/** Whether STORE holds nothing but its root. */
static int is_empty(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    meta_t meta;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return 0;
    status = meta_read(&meta, txn);
    store_abort(txn);
    return status == APR_SUCCESS && meta.next_node == NODE_ROOT_ID + 1 && meta.next_name == 1;
}

int ctl_open(store_t **store_p, ctl_t *ctl, const char *word, ctl_open_e which)
{
    const store_log_t log = {.log = log_line, .baton = ctl};
    const char *text = strchr(word, ':') != NULL && *word != '/' && *word != '.'
                           ? word
                           : apr_pstrcat(ctl->pool, "lmdb:", word, NULL);
    const char *error, *path;
    store_spec_t *spec;

    if (store_spec_parse(&spec, 1, &text, &error, ctl->pool) != APR_SUCCESS)
        return ctl_fail(ctl, APR_SUCCESS, "%s", error);
    path = store_spec_path(spec);
    if (path != NULL && which == CTL_EXISTING && !is_there(path, ctl->pool))
        return ctl_fail(ctl, APR_SUCCESS, "there is no store in %s", path);
    if (store_open(store_p, spec, &log, ctl->pool) != APR_SUCCESS)
        return CTL_FAILED; /* the store has said why */
    if (path != NULL)
        give_away(ctl, path);
    if (which == CTL_NEW && !is_empty(*store_p, ctl->pool))
        return ctl_fail(ctl, APR_SUCCESS, "there is a store with properties in %s", word);
    return CTL_FINE;
}

const char *ctl_path(const char *word, apr_pool_t *result_pool)
{
    char *real = realpath(word, NULL);
    const char *parent, *name;
    char *path;

    if (real != NULL) {
        path = apr_pstrdup(result_pool, real);
        free(real);
        return path;
    }
    if (errno != ENOENT)
        return NULL;
    /* Its parent, resolved in the same way, and the name. */
    path = apr_pstrdup(result_pool, word);
    while (strlen(path) > 1 && path[strlen(path) - 1] == '/')
        path[strlen(path) - 1] = '\0';
    name = strrchr(path, '/');
    parent = name == NULL   ? "."
             : name == path ? "/"
                            : apr_pstrmemdup(result_pool, path, (apr_size_t)(name - path));
    name = name == NULL ? path : name + 1;
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return NULL;
    parent = ctl_path(parent, result_pool);
    return parent == NULL
               ? NULL
               : apr_pstrcat(result_pool, parent, parent[1] == '\0' ? "" : "/", name, NULL);
}

const char *ctl_store_word(const ctl_t *ctl)
{
    const char *word = ctl_option(ctl, 's');
    char *variable;

    if (word == NULL && apr_env_get(&variable, "DEPOT_STORE", ctl->pool) == APR_SUCCESS)
        word = variable;
    if (word == NULL)
        ctl_fail(ctl, APR_SUCCESS, "which store? Say --store STORE, or set DEPOT_STORE");
    return word;
}
