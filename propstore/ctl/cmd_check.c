#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/check_files.h"
#include "propstore/ctl/commands.h"
#include "propstore/ctl/trial.h"

/** check_going_fn's baton. */
typedef struct going_t {
    ctl_progress_t *progress;
} going_t;

static int go_on(void *baton, apr_uint64_t done)
{
    ctl_progress(((going_t *)baton)->progress, done);
    return !ctl_interrupted();
}

/** Report why the check did not come to its end. */
static int fail(const ctl_t *ctl, apr_status_t status)
{
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == STORE_CORRUPT)
        return ctl_fail(ctl, APR_SUCCESS,
                        "%s cannot be read to its end: its pages are damaged; restore a backup",
                        ctl->argv[0]);
    return ctl_fail(ctl, status, "could not check %s", ctl->argv[0]);
}

/** Compare the records with each other.  @param records_p set to how many there are */
static apr_status_t check_records(apr_array_header_t *findings, apr_uint64_t *records_p, ctl_t *ctl,
                                  store_t *store)
{
    going_t going;
    store_stat_t stat;
    store_txn_t *txn;
    apr_status_t status = store_stat(store, &stat);

    *records_p = stat.entries;
    if (status == APR_SUCCESS)
        status = store_begin(&txn, store, STORE_READ, ctl->pool);
    if (status != APR_SUCCESS)
        return status;
    going.progress = ctl_progress_begin(ctl, "checking", stat.entries, ctl->pool);
    status = check_store(findings, txn, go_on, &going, ctl->pool);
    ctl_progress_end(going.progress);
    store_abort(txn);
    return status;
}

/** Compare the store with the files of TREE. */
static apr_status_t check_tree(apr_array_header_t *findings, ctl_t *ctl, store_t *store,
                               const char *tree)
{
    going_t going = {ctl_progress_begin(ctl, "comparing with the files", 0, ctl->pool)};
    apr_status_t status = check_files(findings, store, tree, go_on, &going, ctl->pool);

    ctl_progress_end(going.progress);
    return status;
}

static void tell(ctl_t *ctl, const check_finding_t *finding)
{
    json_t *record = json_pack("{s:s}", "finding", check_kind_name(finding->kind));

    if (finding->key.len > 0)
        json_object_set_new(record, "key", ctl_json_text(finding->key.data, finding->key.len));
    if (finding->path != NULL)
        json_object_set_new(record, "path", ctl_json_text(finding->path, strlen(finding->path)));
    if (finding->to != NULL)
        json_object_set_new(record, "to", ctl_json_text(finding->to, strlen(finding->to)));
    json_object_set_new(record, "text", ctl_json_text(finding->text, strlen(finding->text)));
    ctl_tell(ctl, record, "%s: %s", check_kind_name(finding->kind),
             ctl_plain_text(finding->text, strlen(finding->text), ctl->pool));
}

/** ctl_work_fn: all of it; BATON is the tree, or NULL. */
static int check(ctl_t *ctl, void *baton, void *result)
{
    apr_array_header_t *findings = apr_array_make(ctl->pool, 16, sizeof(check_finding_t));
    const char *tree = baton;
    apr_uint64_t records;
    store_t *store;
    apr_status_t status;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_EXISTING), compared = tree != NULL;

    (void)result;
    if (answer != CTL_FINE)
        return answer;
    status = check_records(findings, &records, ctl, store);
    if (status == APR_SUCCESS && tree != NULL) {
        compared = findings->nelts == 0;
        if (compared)
            status = check_tree(findings, ctl, store, tree);
        else
            ctl_warn(ctl, APR_SUCCESS, "a damaged store is not compared with files");
    }
    store_close(store);
    for (int i = 0; i < findings->nelts; i++)
        tell(ctl, &APR_ARRAY_IDX(findings, i, check_finding_t));
    if (status != APR_SUCCESS)
        return fail(ctl, status);
    ctl_tell(ctl,
             json_pack("{s:I, s:b, s:i}", "records", (json_int_t)records, "compared", compared,
                       "findings", findings->nelts),
             "%" APR_UINT64_T_FMT " records checked%s, %d findings", records,
             compared ? " and compared with the files" : "", findings->nelts);
    return findings->nelts > 0 ? CTL_FOUND : CTL_FINE;
}

static int run(ctl_t *ctl)
{
    const char *tree = ctl_option(ctl, 't');
    char *path = NULL;
    int result;

    if (tree != NULL) {
        result = ctl_tree(&path, ctl, tree, 0);
        if (result != CTL_FINE)
            return result;
    }
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), check, path, NULL,
                   0);
}

static const apr_getopt_option_t options[] = {
    {"tree", 't', 1, "DIR   compare with the files in DIR and below it"},
    {0},
};

const ctl_command_t ctl_check = {
    .name = "check",
    .arguments = "STORE [--tree DIR]",
    .summary = "find what is damaged in a store, or does not fit the files",
    .help = "Reads every record of STORE and compares it with all others that speak of the same.\n"
            "A server may use the store meanwhile.\n"
            "With --tree, it also finds resources in DIR whose files are gone, or were renamed\n"
            "or replaced from outside.\n"
            "Exit code 1: something was found; each finding has its line.\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
