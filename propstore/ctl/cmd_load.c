#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/dump.h"

/** Report what STATUS says about the dump called NAME.  @return CTL_FINE or CTL_FAILED */
static int answer_for(ctl_t *ctl, apr_status_t status, const dump_result_t *result,
                      const char *name)
{
    if (status == APR_SUCCESS)
        return CTL_FINE;
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (result->error != NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s, %s", name, result->error);
    if (status == APR_EEXIST)
        return ctl_fail(ctl, APR_SUCCESS, "the store %s is not empty", ctl->argv[0]);
    return ctl_fail(ctl, status, "could not load %s", name);
}

/** Read the dump SOURCE into a store. */
static int load(ctl_t *ctl, dump_source_t *source, ctl_progress_t *progress, const char *name)
{
    dump_result_t result;
    store_t *store;
    /* The first line before the store is made: what is no dump leaves nothing behind. */
    apr_status_t status = dump_read_head(&result, source, ctl_go_on, progress);
    int answer = answer_for(ctl, status, &result, name);

    if (answer == CTL_FINE)
        answer = ctl_open(&store, ctl, ctl->argv[0], CTL_NEW);
    if (answer != CTL_FINE)
        return answer;
    status = dump_read(&result, source, store, ctl_go_on, progress, ctl->pool);
    store_close(store);
    ctl_progress_end(progress);
    answer = answer_for(ctl, status, &result, name);
    if (answer == CTL_FINE)
        ctl_tell(ctl,
                 json_pack("{s:o, s:s, s:I, s:I}", "store",
                           ctl_json_text(ctl->argv[0], strlen(ctl->argv[0])), "uuid", result.uuid,
                           "records", (json_int_t)result.records, "lines",
                           (json_int_t)result.lines),
                 "%s: %" APR_UINT64_T_FMT " records from %" APR_UINT64_T_FMT " lines", ctl->argv[0],
                 result.records, result.lines);
    return answer;
}

static int run(ctl_t *ctl)
{
    const char *name = ctl->argc > 1 ? ctl->argv[1] : "standard input";
    int fd = ctl->argc > 1 ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    ctl_progress_t *progress = NULL;
    dump_source_t *source;
    struct stat st;
    int result;

    if (fd < 0)
        return ctl_fail(ctl, errno, "could not open %s", name);
    /* How much a pipe holds is not known. */
    if (fstat(fd, &st) == 0)
        progress = ctl_progress_begin(
            ctl, "loading", S_ISREG(st.st_mode) ? (apr_uint64_t)st.st_size : 0, ctl->pool);
    dump_source(&source, fd, ctl->pool);
    result = load(ctl, source, progress, name);
    ctl_progress_end(progress);
    if (ctl->argc > 1)
        close(fd);
    return result;
}

static const apr_getopt_option_t options[] = {{0}};

const ctl_command_t ctl_load = {
    .name = "load",
    .arguments = "STORE [FILE]",
    .summary = "fill an empty store with what dump wrote",
    .help = "Reads FILE, or standard input, which dump wrote, into STORE, which is created and\n"
            "must hold nothing.  Each line is verified, and all is one transaction: whatever\n"
            "goes wrong, STORE holds nothing.  Ids and the UUID are those of the dump, so do\n"
            "not serve one drive with both stores.\n",
    .options = options,
    .words_min = 1,
    .words_max = 2,
    .run = run,
};
