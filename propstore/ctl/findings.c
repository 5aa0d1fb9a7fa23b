#include "propstore/ctl/findings.h"

#include <string.h>

#include "propstore/ctl/check_files.h"

apr_status_t findings_of_records(apr_array_header_t *findings, apr_uint64_t *records_p, ctl_t *ctl,
                                 store_t *store)
{
    ctl_progress_t *progress;
    store_stat_t stat;
    store_txn_t *txn;
    apr_status_t status = store_stat(store, &stat);

    if (status == APR_SUCCESS)
        status = store_begin(&txn, store, STORE_READ, ctl->pool);
    if (status != APR_SUCCESS)
        return status;
    *records_p = stat.entries;
    progress = ctl_progress_begin(ctl, "checking", stat.entries, ctl->pool);
    status = check_store(findings, txn, ctl_go_on, progress, ctl->pool);
    ctl_progress_end(progress);
    store_abort(txn);
    return status;
}

apr_status_t findings_of_files(apr_array_header_t *findings, ctl_t *ctl, store_t *store,
                               const char *tree)
{
    ctl_progress_t *progress = ctl_progress_begin(ctl, "comparing with the files", 0, ctl->pool);
    apr_status_t status = check_files(findings, store, tree, ctl_go_on, progress, ctl->pool);

    ctl_progress_end(progress);
    return status;
}

static void tell(ctl_t *ctl, const check_finding_t *finding)
{
    json_t *record = json_pack("{s:s}", "finding", check_kind_name(finding->kind));

    if (finding->key.len > 0)
        json_object_set_new(record, "key", ctl_json_text(finding->key.data, finding->key.len));
    if (finding->path != NULL)
        ctl_json_add(record, "path", finding->path);
    if (finding->to != NULL)
        ctl_json_add(record, "to", finding->to);
    ctl_json_add(record, "text", finding->text);
    ctl_tell(ctl, record, "%s: %s", check_kind_name(finding->kind),
             ctl_plain_text(finding->text, strlen(finding->text), ctl->pool));
}

void findings_tell(ctl_t *ctl, const apr_array_header_t *findings)
{
    for (int i = 0; i < findings->nelts; i++)
        tell(ctl, &APR_ARRAY_IDX(findings, i, check_finding_t));
}

int findings_fail(const ctl_t *ctl, apr_status_t status)
{
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == STORE_CORRUPT)
        return ctl_fail(ctl, APR_SUCCESS,
                        "%s cannot be read to its end: its pages are damaged; restore a backup",
                        ctl->argv[0]);
    return ctl_fail(ctl, status, "could not check %s", ctl->argv[0]);
}
