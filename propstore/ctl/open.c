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

void ctl_give_file(const ctl_t *ctl, const store_spec_t *spec, const char *file)
{
    const char *directory = store_spec_path(spec);
    struct stat st;

    if (directory == NULL || geteuid() != 0 || stat(directory, &st) != 0 || st.st_uid == 0)
        return;
    if (lchown(file, st.st_uid, st.st_gid) != 0 && errno != ENOENT)
        ctl_warn(ctl, errno, "%s could not be given to the owner of its directory", file);
}

void ctl_give_away(const ctl_t *ctl, const store_spec_t *spec)
{
    for (const char *const *name = store_files(spec); *name != NULL; name++)
        ctl_give_file(ctl, spec, apr_pstrcat(ctl->pool, store_spec_path(spec), "/", *name, NULL));
}

/** Read what STORE says of itself. */
static apr_status_t read_meta(meta_t *meta, store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    status = meta_read(meta, txn);
    store_abort(txn);
    return status;
}

/** Whether the open STORE is one that WHICH accepts. */
static int check_contents(const ctl_t *ctl, store_t *store, const char *word, ctl_open_e which)
{
    meta_t meta;
    const int may_be_new = which == CTL_ANY || which == CTL_NEW;
    apr_status_t status = may_be_new ? meta_prepare(store, ctl->pool) : APR_SUCCESS;

    if (status == APR_SUCCESS)
        status = read_meta(&meta, store, ctl->pool);
    if (may_be_new && status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not prepare a store in %s", word);
    if (which == CTL_NEW && (meta.next_node != NODE_ROOT_ID + 1 || meta.next_name != 1))
        return ctl_fail(ctl, APR_SUCCESS, "there is a store with properties in %s", word);
    /* One that is damaged here is looked into as well: commands find out how far they get. */
    if (status == APR_SUCCESS && meta.format != META_FORMAT_VERSION)
        return ctl_fail(ctl, APR_SUCCESS, "%s is of format %u; this version knows format %d", word,
                        meta.format, META_FORMAT_VERSION);
    return CTL_FINE;
}

int ctl_spec(store_spec_t **spec_p, const ctl_t *ctl, const char *word)
{
    const char *text = strchr(word, ':') != NULL && *word != '/' && *word != '.'
                           ? word
                           : apr_pstrcat(ctl->pool, "lmdb:", word, NULL);
    const char *error;

    if (store_spec_parse(spec_p, 1, &text, &error, ctl->pool) != APR_SUCCESS)
        return ctl_fail(ctl, APR_SUCCESS, "%s", error);
    return CTL_FINE;
}

/** Whether the store that SPEC names is there; of one that is in memory there is no telling. */
static int check_there(const ctl_t *ctl, const store_spec_t *spec)
{
    const char *path = store_spec_path(spec);
    apr_status_t status = path != NULL ? store_exists(spec, ctl->pool) : APR_SUCCESS;

    if (status == STORE_ABSENT)
        return ctl_fail(ctl, APR_SUCCESS, "there is no store in %s", path);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not look for a store in %s", path);
    return CTL_FINE;
}

int ctl_verify(const ctl_t *ctl, store_t *store, ctl_open_e which)
{
    ctl_progress_t *progress;
    store_verified_t verified;
    store_stat_t stat;
    apr_status_t status = store_stat(store, &stat);

    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not measure the store");
    progress = ctl_progress_begin(ctl, "verifying", stat.used_bytes, ctl->pool);
    status = store_verify(&verified, store, ctl_go_on, progress, ctl->pool);
    ctl_progress_end(progress);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == STORE_CORRUPT) /* the store has said why */
        return which == CTL_READABLE && verified.records_are_whole ? CTL_FINE : CTL_FAILED;
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not verify the store");
    if (verified.lost_bytes > 0)
        ctl_warn(ctl, APR_SUCCESS,
                 "%" APR_UINT64_T_FMT " bytes of the data file are neither used nor free: no "
                 "harm, but backup refuses it; dump and load get rid of them",
                 verified.lost_bytes);
    return CTL_FINE;
}

int ctl_open(store_t **store_p, ctl_t *ctl, const char *word, ctl_open_e which)
{
    const store_log_t log = {.log = log_line, .baton = ctl};
    store_spec_t *spec;
    int result = ctl_spec(&spec, ctl, word);

    if (result == CTL_FINE && which != CTL_ANY && which != CTL_NEW)
        result = check_there(ctl, spec);
    if (result != CTL_FINE)
        return result;
    if (store_open(store_p, spec, &log, ctl->pool) != APR_SUCCESS)
        return CTL_FAILED; /* the store has said why */
    ctl_give_away(ctl, spec);
    if (which == CTL_WHOLE || which == CTL_READABLE)
        result = ctl_verify(ctl, *store_p, which);
    if (result == CTL_FINE)
        result = check_contents(ctl, *store_p, word, which);
    if (result != CTL_FINE)
        store_close(*store_p);
    return result;
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
