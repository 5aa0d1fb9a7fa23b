#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/copies.h"
#include "propstore/ctl/trial.h"

/** A backup being made. */
typedef struct backup_t {
    const store_spec_t *spec;
    apr_file_t *file;     /**< the temporary, open */
    const char *new_name; /**< its name */
    const char *name;     /**< what it is to be called */
} backup_t;

/** Write STORE's copy into the temporary. */
static int write_copy(ctl_t *ctl, const backup_t *backup, store_t *store)
{
    ctl_progress_t *progress;
    store_stat_t stat;
    apr_status_t status = store_stat(store, &stat);

    if (status == APR_SUCCESS) {
        progress = ctl_progress_begin(ctl, "copying", stat.used_bytes, ctl->pool);
        status = store_copy(store, backup->file, ctl_copied, progress, ctl->pool);
        ctl_progress_end(progress);
    }
    if (status == APR_SUCCESS)
        status = apr_file_sync(backup->file);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == APR_ENOTIMPL)
        return ctl_fail(ctl, APR_SUCCESS,
                        "a store of the backend %s cannot be copied; see depotctl dump",
                        store_backend_name(store));
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not copy %s to %s", ctl->argv[0], backup->name);
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
    return ctl_verify_copy(result, ctl, backup->spec, backup->new_name,
                           apr_pstrcat(ctl->pool, "the copy of ", ctl->argv[0], NULL));
}

/** Whether PATH is one of the files that the store itself consists of. */
static int is_of_store(const store_spec_t *spec, const char *path, apr_pool_t *scratch_pool)
{
    struct stat mine, its;

    if (stat(path, &mine) != 0)
        return 0;
    for (const char *const *name = store_files(spec); *name != NULL; name++) {
        if (stat(apr_pstrcat(scratch_pool, store_spec_path(spec), "/", *name, NULL), &its) == 0 &&
            its.st_dev == mine.st_dev && its.st_ino == mine.st_ino)
            return 1;
    }
    return 0;
}

/** Give the temporary its name.  @return APR_SUCCESS; EEXIST; the system's error */
static apr_status_t rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return APR_SUCCESS;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* Not every file system can do that; two links for a moment do as well. */
    if (link(from, to) != 0)
        return errno;
    return unlink(from) == 0 ? APR_SUCCESS : errno;
}

/** The directory that PATH is in. */
static const char *directory_of(const char *path, apr_pool_t *result_pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    return slash == path ? "/" : apr_pstrmemdup(result_pool, path, (apr_size_t)(slash - path));
}

static apr_status_t sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t status;

    if (fd < 0)
        return errno;
    status = fsync(fd) == 0 ? APR_SUCCESS : errno;
    close(fd);
    return status;
}

/** Put the verified temporary in its place. */
static int put_in_place(ctl_t *ctl, const backup_t *backup)
{
    apr_status_t status = APR_SUCCESS;

    if (ctl_interrupted())
        return CTL_FAILED;
    if (ctl_option(ctl, 'f') == NULL)
        status = rename_new(backup->new_name, backup->name);
    else if (rename(backup->new_name, backup->name) != 0)
        status = errno;
    if (status == APR_SUCCESS)
        status = sync_directory(directory_of(backup->name, ctl->pool));
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not put the copy in the place of %s", backup->name);
    return CTL_FINE;
}

static int tell(ctl_t *ctl, const backup_t *backup, const ctl_copy_t *copy)
{
    apr_finfo_t info;
    apr_status_t status = apr_file_info_get(&info, APR_FINFO_SIZE, backup->file);

    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", backup->name);
    ctl_tell(ctl,
             json_pack("{s:s, s:s, s:I, s:I}", "file", backup->name, "uuid", copy->uuid, "records",
                       (json_int_t)copy->entries, "bytes", (json_int_t)info.size),
             "%s: %" APR_UINT64_T_FMT " records in %" APR_OFF_T_FMT " bytes, verified",
             backup->name, copy->entries, info.size);
    return CTL_FINE;
}

static int run(ctl_t *ctl)
{
    backup_t backup = {.name = ctl->argv[1]};
    ctl_copy_t copy;
    store_spec_t *spec;
    struct stat st;
    char *name;
    apr_status_t status;
    int result = ctl_spec(&spec, ctl, ctl->argv[0]);

    if (result != CTL_FINE)
        return result;
    if (is_of_store(spec, backup.name, ctl->pool))
        return ctl_fail(ctl, APR_SUCCESS, "%s is a file of the store itself", backup.name);
    if (ctl_option(ctl, 'f') == NULL && lstat(backup.name, &st) == 0)
        return ctl_fail(ctl, APR_SUCCESS, "%s exists; --force replaces it", backup.name);
    backup.spec = spec;
    name = apr_pstrcat(ctl->pool, backup.name, ".XXXXXX", NULL);
    backup.new_name = name;
    /* For its owner alone, which is what mkstemp(3) makes. */
    status = apr_file_mktemp(&backup.file, name,
                             APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL |
                                 APR_FOPEN_BINARY,
                             ctl->pool);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not create a file beside %s", backup.name);
    result = ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), copy_and_verify,
                     &backup, &copy, sizeof(copy));
    if (result == CTL_FINE)
        result = put_in_place(ctl, &backup);
    if (result == CTL_FINE)
        return tell(ctl, &backup, &copy);
    (void)unlink(backup.new_name);
    return result;
}

static const apr_getopt_option_t options[] = {
    {"force", 'f', 0, "replace FILE if it exists"},
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
