#include "propstore/ctl/mend.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/ctl/check_files.h"
#include "propstore/ctl/copies.h"
#include "propstore/ctl/findings.h"
#include "propstore/ctl/repair.h"
#include "propstore/ctl/trial.h"

/** What one process has come to. */
typedef struct outcome_t {
    apr_uint64_t findings;
    apr_uint64_t steps;
} outcome_t;

/** A repair in one process: of the records, or of what does not fit the files. */
typedef struct job_t {
    ctl_t *ctl;
    const char *tree;    /**< NULL: of the records */
    const char *orphans; /**< of the records: where to look for lost nodes' files, or NULL */
    apr_hash_t *paths;   /**< and what was found there */
    const apr_array_header_t *findings;
    apr_array_header_t *steps;
} job_t;

/** Find what there is to repair. */
static apr_status_t find(apr_array_header_t *findings, job_t *job, store_t *store)
{
    ctl_progress_t *progress;
    apr_uint64_t records;
    apr_status_t status;

    if (job->tree != NULL)
        return findings_of_files(findings, job->ctl, store, job->tree);
    status = findings_of_records(findings, &records, job->ctl, store);
    if (status != APR_SUCCESS || job->orphans == NULL)
        return status;
    progress = ctl_progress_begin(job->ctl, "looking for files", 0, job->ctl->pool);
    job->paths = apr_hash_make(job->ctl->pool);
    status = check_find_orphans(job->paths, findings, store, job->orphans, ctl_go_on, progress,
                                job->ctl->pool);
    ctl_progress_end(progress);
    return status;
}

/** store_write_fn: repair it. */
static apr_status_t repair(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    job_t *job = baton;

    job->steps->nelts = 0;
    if (job->tree != NULL)
        return repair_files(job->steps, txn, job->findings, scratch_pool);
    return repair_store(job->steps, txn, job->paths, ctl_go_on, NULL, scratch_pool);
}

/** Tell of STEPS: what is to be done, or was. */
static void tell_steps(ctl_t *ctl, const apr_array_header_t *steps, const char *when,
                       const char *words)
{
    for (int i = 0; i < steps->nelts; i++) {
        const repair_step_t *step = &APR_ARRAY_IDX(steps, i, repair_step_t);
        apr_size_t length = strlen(step->text);

        ctl_tell(
            ctl,
            json_pack("{s:o, s:b}", when, ctl_json_text(step->text, length), "loss", step->is_loss),
            "%s%s: %s", words, step->is_loss ? ", with a loss" : "",
            ctl_plain_text(step->text, length, ctl->pool));
    }
}

/** Report why there is no repair. */
static int fail(const ctl_t *ctl, apr_status_t status)
{
    if (status == STORE_CORRUPT)
        return ctl_fail(ctl, APR_SUCCESS, "%s is too damaged to be repaired; restore a backup",
                        ctl->argv[0]);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    return ctl_fail(ctl, status, "could not repair %s", ctl->argv[0]);
}

/** Do the repair in a transaction that is given up. */
static apr_status_t rehearse(job_t *job, store_t *store)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_WRITE, job->ctl->pool);

    if (status != APR_SUCCESS)
        return status;
    status = repair(txn, job, job->ctl->pool);
    store_abort(txn);
    return status;
}

/** ctl_work_fn: tell what is found, and what is to be done about it. */
static int plan(ctl_t *ctl, void *baton, void *result)
{
    apr_array_header_t *findings = apr_array_make(ctl->pool, 16, sizeof(check_finding_t));
    outcome_t *outcome = result;
    job_t *job = baton;
    store_t *store;
    apr_status_t status;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_WHOLE);

    if (answer != CTL_FINE)
        return answer;
    status = find(findings, job, store);
    findings_tell(ctl, findings);
    if (status != APR_SUCCESS) {
        store_close(store);
        return findings_fail(ctl, status);
    }
    outcome->findings = (apr_uint64_t)findings->nelts;
    job->findings = findings;
    job->steps = apr_array_make(ctl->pool, 16, sizeof(repair_step_t));
    if (findings->nelts > 0)
        status = rehearse(job, store);
    store_close(store);
    if (status != APR_SUCCESS)
        return fail(ctl, status);
    outcome->steps = (apr_uint64_t)job->steps->nelts;
    tell_steps(ctl, job->steps, "planned", "to be done");
    return findings->nelts > 0 ? CTL_FOUND : CTL_FINE;
}

/** ctl_work_fn: do it, and look whether anything is left. */
static int carry_out(ctl_t *ctl, void *baton, void *result)
{
    apr_array_header_t *findings = apr_array_make(ctl->pool, 16, sizeof(check_finding_t));
    apr_array_header_t *left = apr_array_make(ctl->pool, 16, sizeof(check_finding_t));
    outcome_t *outcome = result;
    job_t *job = baton;
    store_t *store;
    apr_status_t status = APR_SUCCESS;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_EXISTING);

    if (answer != CTL_FINE)
        return answer;
    job->findings = findings;
    job->steps = apr_array_make(ctl->pool, 16, sizeof(repair_step_t));
    if (job->tree != NULL || job->orphans != NULL)
        status = find(findings, job, store);
    if (status == APR_SUCCESS)
        status = store_write(store, repair, job, ctl->pool);
    if (status == APR_SUCCESS) {
        tell_steps(ctl, job->steps, "done", "done");
        status = find(left, job, store);
    }
    store_close(store);
    if (status != APR_SUCCESS)
        return fail(ctl, status);
    outcome->steps = (apr_uint64_t)job->steps->nelts;
    outcome->findings = (apr_uint64_t)left->nelts;
    if (left->nelts == 0)
        return CTL_FINE;
    findings_tell(ctl, left);
    return ctl_fail(ctl, APR_SUCCESS, "%d findings are left; is it in use?  Try again",
                    left->nelts);
}

/** Keep a backup beside the store's data. */
static int keep_backup(ctl_t *ctl, ctl_soundness_e soundness)
{
    newfile_t file;
    ctl_copy_t copy;
    store_spec_t *spec;
    apr_time_exp_t now;
    const char *name;
    int result = ctl_spec(&spec, ctl, ctl->argv[0]);

    if (result != CTL_FINE)
        return result;
    if (store_spec_path(spec) == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s has no directory for a backup", ctl->argv[0]);
    (void)apr_time_exp_gmt(&now, apr_time_now());
    name = apr_psprintf(ctl->pool, "%s/before-repair-%04d%02d%02dT%02d%02d%02d.%06dZ",
                        store_spec_path(spec), now.tm_year + 1900, now.tm_mon + 1, now.tm_mday,
                        now.tm_hour, now.tm_min, now.tm_sec, (int)now.tm_usec);
    result = ctl_back_up(&copy, &file, ctl, name, soundness);
    if (result != CTL_FINE)
        return result;
    ctl_give_file(ctl, spec, name);
    ctl_tell(ctl, json_pack("{s:o}", "backup", ctl_json_text(name, strlen(name))),
             "kept as it was: %s", ctl_plain_text(name, strlen(name), ctl->pool));
    return CTL_FINE;
}

/** One of the two repairs.  @param found_p set if there was something to repair */
static int mend_one(int *found_p, int *kept_p, ctl_t *ctl, const char *tree, const char *orphans)
{
    const char *what = apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL);
    job_t job = {.ctl = ctl, .tree = tree, .orphans = orphans};
    outcome_t outcome;
    int result = ctl_try(ctl, what, plan, &job, &outcome, sizeof(outcome));

    if (result != CTL_FOUND)
        return result;
    *found_p = 1;
    if (outcome.steps == 0)
        return ctl_fail(ctl, APR_SUCCESS, "nothing can be done about it just now");
    if (!*kept_p) {
        result = keep_backup(ctl, tree == NULL ? CTL_DAMAGED : CTL_SOUND);
        if (result != CTL_FINE)
            return result;
        *kept_p = 1;
    }
    return ctl_try(ctl, what, carry_out, &job, &outcome, sizeof(outcome));
}

int mend(ctl_t *ctl, char *tree)
{
    int found = 0, kept = 0;
    int result = mend_one(&found, &kept, ctl, NULL, tree);

    if (result == CTL_FINE && tree != NULL)
        result = mend_one(&found, &kept, ctl, tree, NULL);
    if (result != CTL_FINE)
        return result;
    ctl_tell(ctl, json_pack("{s:b}", "repaired", found), "%s",
             found ? "repaired; nothing is left to be found" : "nothing was found");
    return found ? CTL_FOUND : CTL_FINE;
}
