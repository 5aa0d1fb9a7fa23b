#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/copies.h"

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
    newfile_t file;
    ctl_copy_t copy;
    int result = ctl_back_up(&copy, &file, ctl, ctl->argv[1], CTL_SOUND);

    return result == CTL_FINE ? tell(ctl, &file, &copy) : result;
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
