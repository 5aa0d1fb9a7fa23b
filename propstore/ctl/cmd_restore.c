#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/copies.h"
#include "propstore/ctl/trial.h"

/** What is to be verified. */
typedef struct source_t {
    const store_spec_t *spec;
    const char *name;
} source_t;

/** ctl_work_fn */
static int verify(ctl_t *ctl, void *baton, void *result)
{
    const source_t *source = baton;

    return ctl_verify_copy(result, ctl, source->spec, source->name, source->name, CTL_SOUND);
}

/** Whether SPEC's place is free, or may be used. */
static int check_place(ctl_t *ctl, const store_spec_t *spec)
{
    const char *path = store_spec_path(spec);
    apr_status_t status;

    if (path == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s names no directory", ctl->argv[1]);
    status = store_exists(spec, ctl->pool);
    if (status == STORE_ABSENT)
        return CTL_FINE;
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", path);
    if (ctl_option(ctl, 'f') == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "there is a store in %s; --force replaces it", path);
    return CTL_FINE;
}

/** Put the verified copy in FILE in its place. */
static int put_in_place(ctl_t *ctl, const store_spec_t *spec, apr_file_t *file)
{
    const char *path = store_spec_path(spec);
    ctl_progress_t *progress;
    apr_finfo_t info;
    apr_status_t status = apr_file_info_get(&info, APR_FINFO_SIZE, file);

    if (status == APR_SUCCESS) {
        progress = ctl_progress_begin(ctl, "restoring", (apr_uint64_t)info.size, ctl->pool);
        status =
            store_restore(spec, file, ctl_option(ctl, 'f') != NULL, ctl_go_on, progress, ctl->pool);
        ctl_progress_end(progress);
    }
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == STORE_BUSY)
        return ctl_fail(ctl, APR_SUCCESS,
                        "the store in %s is in use; stop the server that has it open", path);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not restore to %s", path);
    ctl_give_away(ctl, spec);
    return CTL_FINE;
}

static int run(ctl_t *ctl)
{
    source_t source = {.name = ctl->argv[0]};
    ctl_copy_t copy;
    store_spec_t *spec;
    const char *path;
    apr_file_t *file;
    apr_status_t status;
    int result = ctl_spec(&spec, ctl, ctl->argv[1]);

    if (result == CTL_FINE)
        result = check_place(ctl, spec);
    if (result != CTL_FINE)
        return result;
    source.spec = spec;
    status = apr_file_open(&file, source.name, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, ctl->pool);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not open %s", source.name);
    result = ctl_try(ctl, source.name, verify, &source, &copy, sizeof(copy));
    if (result == CTL_FINE)
        result = put_in_place(ctl, spec, file);
    if (result != CTL_FINE)
        return result;
    path = store_spec_path(spec);
    ctl_tell(ctl,
             json_pack("{s:o, s:s, s:I}", "store", ctl_json_text(path, strlen(path)), "uuid",
                       copy.uuid, "records", (json_int_t)copy.entries),
             "%s: restored with %" APR_UINT64_T_FMT " records, verified", path, copy.entries);
    return CTL_FINE;
}

static const apr_getopt_option_t options[] = {
    {"force", 'f', 0, "replace a store that is there"},
    {0},
};

const ctl_command_t ctl_restore = {
    .name = "restore",
    .arguments = "FILE STORE [--force]",
    .summary = "put a copy that backup wrote in the place of a store",
    .help = "Verifies FILE, then makes it the store STORE, which must not be there or, with\n"
            "--force, not be in use by any process: stop the server first.  Whatever goes\n"
            "wrong, a store that was there is as it was.\n",
    .options = options,
    .words_min = 2,
    .words_max = 2,
    .run = run,
};
