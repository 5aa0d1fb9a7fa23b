#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/copies.h"
#include "propstore/ctl/newfile.h"
#include "propstore/ctl/trial.h"

/** A backup being made. */
typedef struct backup_t {
    const store_spec_t *spec;
    newfile_t file;
} backup_t;

/** Write STORE's copy into the temporary. */
static int write_copy(ctl_t *ctl, const backup_t *backup, store_t *store)
{
    ctl_progress_t *progress;
    store_stat_t stat;
    apr_status_t status = store_stat(store, &stat);

    if (status == APR_SUCCESS) {
        progress = ctl_progress_begin(ctl, "copying", stat.used_bytes, ctl->pool);
        status = store_copy(store, backup->file.file, ctl_go_on, progress, ctl->pool);
        ctl_progress_end(progress);
    }
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == APR_ENOTIMPL)
        return ctl_fail(ctl, APR_SUCCESS,
                        "a store of the backend %s cannot be copied; see depotctl dump",
                        store_backend_name(store));
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not copy %s to %s", ctl->argv[0], backup->file.name);
    return CTL_FINE;
}

/** ctl_work_fn: copy the store, and read the copy back. */
static int copy_and_verify(ctl_t *ctl, void *baton, void *result)
{
    const backup_t *backup = baton;
    store_t *store;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_EXISTING);

    if (answer != CTL_FINE)
        return answer;
    answer = write_copy(ctl, backup, store);
    store_close(store);
    if (answer != CTL_FINE)
        return answer;
    return ctl_verify_copy(result, ctl, backup->spec, backup->file.temp,
                           apr_pstrcat(ctl->pool, "the copy of ", ctl->argv[0], NULL));
}

static int tell(ctl_t *ctl, const newfile_t *file, const ctl_copy_t *copy)
{
    apr_finfo_t info;
    apr_status_t status = apr_file_info_get(&info, APR_FINFO_SIZE, file->file);

    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", file->name);
    ctl_tell(ctl,
             json_pack("{s:o, s:s, s:I, s:I}", "file",
                       ctl_json_text(file->name, strlen(file->name)), "uuid", copy->uuid, "records",
                       (json_int_t)copy->entries, "bytes", (json_int_t)info.size),
             "%s: %" APR_UINT64_T_FMT " records in %" APR_OFF_T_FMT " bytes, verified", file->name,
             copy->entries, info.size);
    return CTL_FINE;
}

static int run(ctl_t *ctl)
{
    backup_t backup;
    ctl_copy_t copy;
    store_spec_t *spec;
    int result = ctl_spec(&spec, ctl, ctl->argv[0]);

    if (result == CTL_FINE)
        result = newfile_create(&backup.file, ctl, spec, ctl->argv[1]);
    if (result != CTL_FINE)
        return result;
    backup.spec = spec;
    result = ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), copy_and_verify,
                     &backup, &copy, sizeof(copy));
    result = newfile_finish(&backup.file, ctl, result);
    return result == CTL_FINE ? tell(ctl, &backup.file, &copy) : result;
}

static const apr_getopt_option_t options[] = {
    NEWFILE_OPTION_FORCE,
    {0},
};

const ctl_command_t ctl_backup = {
    .name = "backup",
    .arguments = "STORE FILE [--force]",
    .summary = "copy a store to a file while it is in use",
    .help = "Writes a copy of STORE, as it is at one moment and without its free space, to FILE.\n"
            "A server may use the store meanwhile.  The copy is verified before it gets its\n"
            "name; whatever goes wrong, FILE is as it was.\n",
    .options = options,
    .words_min = 2,
    .words_max = 2,
    .run = run,
};
