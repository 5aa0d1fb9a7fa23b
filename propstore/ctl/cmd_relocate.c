#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_files.h"
#include "propstore/ctl/commands.h"
#include "propstore/ctl/trial.h"
#include "propstore/intents.h"
#include "propstore/nodes_int.h"

/** What is to be done, and what was in the way. */
typedef struct relocation_t {
    const char *from, *to;
    int force;
    const char *obstacle; /**< in words, for ctl_fail(); NULL: none */
} relocation_t;

/** Whether what a server does just now, or has left undone, is in one of the trees. */
static apr_status_t check_intents(relocation_t *relocation, store_txn_t *txn,
                                  apr_pool_t *scratch_pool)
{
    apr_array_header_t *intents = apr_array_make(scratch_pool, 4, sizeof(intent_t));
    apr_status_t status = intents_list(intents, txn);

    if (status == APR_SUCCESS && (check_is_intended(intents, relocation->from) ||
                                  check_is_intended(intents, relocation->to))) {
        relocation->obstacle = "a change of files there is under way, or was cut short by a crash: "
                               "try again, or start the server, which completes it, first";
        status = STORE_NOTHING;
    }
    return status;
}

/** store_write_fn */
static apr_status_t relocate(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    relocation_t *relocation = baton;
    node_t node;
    apr_status_t status;

    relocation->obstacle = NULL;
    if (nodes_is_within(relocation->from, relocation->to) ||
        nodes_is_within(relocation->to, relocation->from))
        return STORE_MISUSE;
    status = check_intents(relocation, txn, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    status = nodes_find(&node, txn, relocation->to);
    if (status == APR_SUCCESS && !relocation->force) {
        relocation->obstacle = "the store has properties or locks at the new place already; "
                               "--force forgets those";
        return STORE_NOTHING;
    }
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return status;
    return nodes_relocate(txn, relocation->from, relocation->to, scratch_pool);
}

/** ctl_work_fn */
static int work(ctl_t *ctl, void *baton, void *result)
{
    relocation_t *relocation = baton;
    store_t *store;
    apr_status_t status;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_EXISTING);

    (void)result;
    if (answer != CTL_FINE)
        return answer;
    status = store_write(store, relocate, relocation, ctl->pool);
    store_close(store);
    if (status == STORE_ABSENT)
        return ctl_fail(ctl, APR_SUCCESS, "the store knows of nothing in %s", relocation->from);
    if (status == STORE_MISUSE)
        return ctl_fail(ctl, APR_SUCCESS, "%s and %s are the same, or one is in the other",
                        relocation->from, relocation->to);
    if (status == STORE_CORRUPT)
        return ctl_fail(ctl, APR_SUCCESS, "%s is damaged; see depotctl check", ctl->argv[0]);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", ctl->argv[0]);
    if (relocation->obstacle != NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s", relocation->obstacle);
    ctl_tell(ctl,
             json_pack("{s:o, s:o}", "from",
                       ctl_json_text(relocation->from, strlen(relocation->from)), "to",
                       ctl_json_text(relocation->to, strlen(relocation->to))),
             "what was known of %s is known of %s",
             ctl_plain_text(relocation->from, strlen(relocation->from), ctl->pool),
             ctl_plain_text(relocation->to, strlen(relocation->to), ctl->pool));
    return CTL_FINE;
}

static int run(ctl_t *ctl)
{
    relocation_t relocation = {.from = ctl_path(ctl->argv[1], ctl->pool),
                               .to = ctl_path(ctl->argv[2], ctl->pool),
                               .force = ctl_option(ctl, 'f') != NULL};

    if (relocation.from == NULL || relocation.to == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s is no path",
                        ctl->argv[relocation.from == NULL ? 1 : 2]);
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), work, &relocation,
                   NULL, 0);
}

static const apr_getopt_option_t options[] = {
    {"force", 'f', 0, "forget what the store has at the new place"},
    {0},
};

const ctl_command_t ctl_relocate = {
    .name = "relocate",
    .arguments = "STORE OLD NEW [--force]",
    .summary = "let properties and locks follow a directory that was moved",
    .help =
        "For a directory of files that was moved from OLD to NEW, as when a drive gets another\n"
        "mount point: what STORE knows of OLD and all below it, it then knows of NEW.\n"
        "Properties and locks stay as they are, however many there are.  Both are named as\n"
        "httpd's configuration has them, the one before and the one after.\n",
    .options = options,
    .words_min = 3,
    .words_max = 3,
    .run = run,
};
