#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/lines.h"

/** A lock to be removed. */
typedef struct removal_t {
    lock_token_t token;
    lock_t lock; /**< what it was */
    apr_pool_t *pool;
} removal_t;

/** store_write_fn */
static apr_status_t remove_lock(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    removal_t *removal = baton;
    apr_status_t status = locks_get(&removal->lock, txn, &removal->token,
                                    apr_time_sec(apr_time_now()), removal->pool);

    return status == APR_SUCCESS ? locks_remove(txn, &removal->token, scratch_pool) : status;
}

/** WORD without the angle brackets that a header has around a token. */
static const char *without_brackets(const char *word, apr_pool_t *result_pool)
{
    size_t length = strlen(word);

    return length > 1 && word[0] == '<' && word[length - 1] == '>'
               ? apr_pstrmemdup(result_pool, word + 1, length - 2)
               : word;
}

static int run(ctl_t *ctl)
{
    removal_t removal = {.pool = ctl->pool};
    const char *word = ctl_store_word(ctl);
    store_t *store;
    apr_status_t status;
    int result;

    if (word == NULL)
        return CTL_FAILED;
    if (!locks_token_parse(&removal.token, without_brackets(ctl->argv[0], ctl->pool)))
        return ctl_fail(ctl, APR_SUCCESS,
                        "%s is no token of a lock: they are like "
                        "urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
                        ctl->argv[0]);
    result = ctl_open(&store, ctl, word, CTL_EXISTING);
    if (result != CTL_FINE)
        return result;
    status = store_write(store, remove_lock, &removal, ctl->pool);
    store_close(store);
    if (status == STORE_ABSENT) {
        ctl_warn(ctl, APR_SUCCESS, "there is no such lock, or it has expired");
        return CTL_FOUND;
    }
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not remove the lock");
    ctl_tell(ctl, line_lock_fields(&removal.lock), "%s: unlocked",
             ctl_plain_text(removal.lock.path, strlen(removal.lock.path), ctl->pool));
    return CTL_FINE;
}

static const apr_getopt_option_t options[] = {
    CTL_OPTION_STORE,
    {0},
};

const ctl_command_t ctl_unlock = {
    .name = "unlock",
    .arguments = "TOKEN [--store STORE]",
    .summary = "remove a lock, whoever took it out",
    .help = "Removes the lock with this token, as the command locks tells it.  The client that\n"
            "took it out is not told; it learns of it when it next uses the lock.  A server may\n"
            "use the store meanwhile.  Exit code 1: there is no such lock.\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
