#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/dump.h"
#include "propstore/ctl/newfile.h"
#include "propstore/ctl/trial.h"

/** What the child process tells. */
typedef struct outcome_t {
    char uuid[META_UUID_SIZE];
    apr_uint64_t lines, records;
} outcome_t;

/** Write STORE's dump to TO. */
static int write_to(outcome_t *outcome, ctl_t *ctl, store_t *store, FILE *to)
{
    ctl_progress_t *progress;
    dump_result_t result = {.error = NULL};
    store_stat_t stat;
    apr_status_t status = store_stat(store, &stat);

    if (status == APR_SUCCESS) {
        progress = ctl_progress_begin(ctl, "dumping", stat.entries, ctl->pool);
        status = dump_write(&result, to, store, ctl_go_on, progress, ctl->pool);
        ctl_progress_end(progress);
    }
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == STORE_CORRUPT && result.error != NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s is damaged: %s; see depotctl check", ctl->argv[0],
                        result.error);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not dump %s", ctl->argv[0]);
    memcpy(outcome->uuid, result.uuid, sizeof(outcome->uuid));
    outcome->lines = result.lines;
    outcome->records = result.records;
    return CTL_FINE;
}

/** The file to write to, as a stream of its own. */
static FILE *stream_of(const newfile_t *file)
{
    apr_os_file_t fd;

    return apr_os_file_get(&fd, file->file) == APR_SUCCESS ? fdopen(dup(fd), "w") : NULL;
}

/** ctl_work_fn; BATON is a newfile_t, or NULL for standard output. */
static int open_and_write(ctl_t *ctl, void *baton, void *result)
{
    FILE *to = baton != NULL ? stream_of(baton) : stdout;
    store_t *store;
    int answer;

    if (to == NULL)
        return ctl_fail(ctl, errno, "could not write");
    answer = ctl_open(&store, ctl, ctl->argv[0], CTL_READABLE);
    if (answer != CTL_FINE)
        return answer;
    answer = write_to(result, ctl, store, to);
    store_close(store);
    return answer;
}

static int run(ctl_t *ctl)
{
    const char *what = apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL);
    newfile_t file;
    store_spec_t *spec;
    outcome_t outcome;
    int result = ctl_spec(&spec, ctl, ctl->argv[0]);

    if (result == CTL_FINE && ctl->argc == 1)
        return ctl_try(ctl, what, open_and_write, NULL, &outcome, sizeof(outcome));
    if (result == CTL_FINE)
        result = newfile_create(&file, ctl, spec, ctl->argv[1]);
    if (result != CTL_FINE)
        return result;
    result = ctl_try(ctl, what, open_and_write, &file, &outcome, sizeof(outcome));
    result = newfile_finish(&file, ctl, result);
    if (result == CTL_FINE)
        ctl_tell(ctl,
                 json_pack("{s:o, s:s, s:I, s:I}", "file",
                           ctl_json_text(file.name, strlen(file.name)), "uuid", outcome.uuid,
                           "records", (json_int_t)outcome.records, "lines",
                           (json_int_t)outcome.lines),
                 "%s: %" APR_UINT64_T_FMT " records in %" APR_UINT64_T_FMT " lines", file.name,
                 outcome.records, outcome.lines);
    return result;
}

static const apr_getopt_option_t options[] = {
    NEWFILE_OPTION_FORCE,
    {0},
};

const ctl_command_t ctl_dump = {
    .name = "dump",
    .arguments = "STORE [FILE] [--force]",
    .summary = "write all of a store as lines of JSON",
    .help = "Writes what is in STORE, as it is at one moment, to FILE or to standard output: a\n"
            "line for each name, resource and lock, for people, scripts and load.  A server may\n"
            "use the store meanwhile.  A store whose records are damaged is refused, and what was\n"
            "written by then to standard output lacks its last line.  propstore/DUMP in the\n"
            "source describes the form.\n",
    .options = options,
    .words_min = 1,
    .words_max = 2,
    .run = run,
};
