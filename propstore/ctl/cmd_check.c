#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/findings.h"
#include "propstore/ctl/mend.h"
#include "propstore/ctl/trial.h"

/** ctl_work_fn: check without repair; BATON is the tree, or NULL. */
static int check(ctl_t *ctl, void *baton, void *result)
{
    apr_array_header_t *findings = apr_array_make(ctl->pool, 16, sizeof(check_finding_t));
    const char *tree = baton;
    apr_uint64_t records = 0;
    int compared = 0;
    store_t *store;
    apr_status_t status;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_WHOLE);

    (void)result;
    if (answer != CTL_FINE)
        return answer;
    status = findings_of_records(findings, &records, ctl, store);
    if (status == APR_SUCCESS && tree != NULL && findings->nelts > 0) {
        ctl_warn(ctl, APR_SUCCESS, "a damaged store is not compared with files");
    } else if (status == APR_SUCCESS && tree != NULL) {
        status = findings_of_files(findings, ctl, store, tree);
        compared = 1;
    }
    store_close(store);
    findings_tell(ctl, findings);
    if (status != APR_SUCCESS)
        return findings_fail(ctl, status);
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
    int repair = ctl_option(ctl, 'r') != NULL, result;
    char *path = NULL;

    if (tree != NULL) {
        result = ctl_tree(&path, ctl, tree, repair);
        if (result != CTL_FINE)
            return result;
    }
    if (repair)
        return mend(ctl, path);
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), check, path, NULL,
                   0);
}

static const apr_getopt_option_t options[] = {
    {"tree", 't', 1, "DIR   compare with the files in DIR and below it"},
    {"repair", 'r', 0, "repair what is found, and keep a backup"},
    {0},
};

const ctl_command_t ctl_check = {
    .name = "check",
    .arguments = "STORE [--tree DIR] [--repair]",
    .summary = "find what is damaged in a store or does not fit its files",
    .help = "Verifies the structure of STORE's data file, then reads every record and compares it\n"
            "with all others that speak of the same.  A server may use the store meanwhile.\n"
            "With --tree, it also finds resources in DIR whose files are gone, or were renamed\n"
            "or replaced from outside.\n"
            "With --repair, it says what is to be done and what will be lost by it, writes a\n"
            "backup into the store's directory, and does it, all in one transaction.\n"
            "Exit code 1: something was found; each finding has its line.\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
