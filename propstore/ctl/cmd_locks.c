#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/lines.h"
#include "propstore/ctl/trial.h"

/** The locks that have to do with PATH: those that cover it, and those below. */
static apr_status_t collect(apr_array_header_t *locks, store_t *store, const char *path)
{
    const apr_int64_t now = apr_time_sec(apr_time_now());
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, locks->pool);

    if (status != APR_SUCCESS)
        return status;
    status = locks_covering(locks, txn, path, now);
    if (status == APR_SUCCESS)
        status = locks_below(locks, txn, path, now);
    store_abort(txn);
    return status;
}

/** When LOCK expires, as "until 2026-11-25T10:00:00Z". */
static const char *expiry_text(const lock_t *lock, apr_pool_t *result_pool)
{
    apr_time_exp_t t;

    if (lock->expires == LOCK_NEVER ||
        apr_time_exp_gmt(&t, apr_time_from_sec(lock->expires)) != APR_SUCCESS)
        return "for ever";
    return apr_psprintf(result_pool, "until %04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900,
                        t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

static void tell_lock(ctl_t *ctl, const lock_t *lock, apr_pool_t *scratch_pool)
{
    char token[LOCK_TOKEN_TEXT_SIZE];

    ctl_tell(
        ctl, line_lock_fields(lock), "%s\n  %s\n  %s, depth %s, %s\n  principal %s\n  owner %s",
        locks_token_text(token, &lock->token),
        ctl_plain_text(lock->path, strlen(lock->path), scratch_pool),
        lock->scope == LOCK_EXCLUSIVE ? "exclusive" : "shared", lock->infinite ? "infinity" : "0",
        expiry_text(lock, scratch_pool),
        *lock->principal ? ctl_plain_text(lock->principal, strlen(lock->principal), scratch_pool)
                         : "not known",
        *lock->owner ? ctl_plain_text(lock->owner, strlen(lock->owner), scratch_pool)
                     : "not given");
}

/** ctl_work_fn; BATON is the store's word. */
static int look_and_tell(ctl_t *ctl, void *baton, void *result)
{
    apr_array_header_t *locks = apr_array_make(ctl->pool, 16, sizeof(lock_t));
    const char *path = ctl->argc > 0 ? ctl_path(ctl->argv[0], ctl->pool) : "/";
    apr_pool_t *iterpool;
    apr_status_t status;
    store_t *store;
    int answer;

    (void)result;
    if (path == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s is no path that can be looked up", ctl->argv[0]);
    answer = ctl_open(&store, ctl, baton, CTL_EXISTING);
    if (answer != CTL_FINE)
        return answer;
    status = collect(locks, store, path);
    store_close(store);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not read the locks of %s", path);
    apr_pool_create(&iterpool, ctl->pool);
    for (int i = 0; i < locks->nelts; i++) {
        apr_pool_clear(iterpool);
        tell_lock(ctl, &APR_ARRAY_IDX(locks, i, lock_t), iterpool);
    }
    apr_pool_destroy(iterpool);
    return CTL_FINE;
}

static int run(ctl_t *ctl)
{
    const char *word = ctl_store_word(ctl);

    if (word == NULL)
        return CTL_FAILED;
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", word, NULL), look_and_tell,
                   apr_pstrdup(ctl->pool, word), NULL, 0);
}

static const apr_getopt_option_t options[] = {
    CTL_OPTION_STORE,
    {0},
};

const ctl_command_t ctl_locks = {
    .name = "locks",
    .arguments = "[PATH] [--store STORE]",
    .summary = "the locks that cover a file, or are below a folder",
    .help = "Tells of the locks that cover the file or folder PATH, its own and those of depth\n"
            "infinity above, and of those below it; without PATH, of all.  Locks that have\n"
            "expired are left out.\n",
    .options = options,
    .words_min = 0,
    .words_max = 1,
    .run = run,
};
