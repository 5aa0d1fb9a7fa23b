#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/meta.h"

static int run(ctl_t *ctl)
{
    store_t *store;
    store_txn_t *txn;
    store_stat_t stat;
    meta_t meta;
    apr_status_t status;
    int result = ctl_open(&store, ctl, ctl->argv[0], CTL_EXISTING);

    if (result != CTL_FINE)
        return result;
    status = store_begin(&txn, store, STORE_READ, ctl->pool);
    if (status == APR_SUCCESS) {
        status = meta_read(&meta, txn);
        store_abort(txn);
    }
    if (status == APR_SUCCESS)
        status = store_stat(store, &stat);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not measure %s", ctl->argv[0]);
    ctl_tell(ctl,
             json_pack("{s:s, s:i, s:s, s:I}", "backend", store_backend_name(store), "format",
                       (int)meta.format, "uuid", meta.uuid, "entries", (json_int_t)stat.entries),
             "backend  %s\nformat   %u\nuuid     %s\nentries  %" APR_UINT64_T_FMT,
             store_backend_name(store), meta.format, meta.uuid, stat.entries);
    return CTL_FINE;
}

static const apr_getopt_option_t options[] = {{0}};

const ctl_command_t ctl_stat = {
    .name = "stat",
    .arguments = "STORE",
    .summary = "format, size, contents and readers of a store",
    .help = "Tells what a store is and holds.  A server may use it meanwhile.\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
