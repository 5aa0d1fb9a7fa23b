#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/migrate.h"
#include "propstore/ctl/trial.h"

/** A line about PATH, of the kind that KEY names. */
static void tell_line(migrate_t *migrate, const char *key, const char *path, const char *text)
{
    ctl_t *ctl = migrate->ctl;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    ctl_progress_end(migrate->progress);
    ctl_tell(ctl,
             json_pack("{s:o, s:o}", "path", ctl_json_text(path, strlen(path)), key,
                       ctl_json_text(text, strlen(text))),
             "%s: %s", ctl_plain_text(path, strlen(path), pool),
             ctl_plain_text(text, strlen(text), pool));
    apr_pool_destroy(pool);
}

void migrate_problem(migrate_t *migrate, const char *path, apr_status_t status, const char *why)
{
    char words[256], text[1024];

    migrate->counts.problems++;
    if (status != APR_SUCCESS) {
        apr_snprintf(text, sizeof(text), "%s: %s", why,
                     store_strerror(status, words, sizeof(words)));
        why = text;
    }
    tell_line(migrate, "problem", path, why);
}

void migrate_difference(migrate_t *migrate, const char *path, const char *what)
{
    migrate->counts.differences++;
    tell_line(migrate, "difference", path, what);
}

/* ---- the end ---- */

static json_t *as_json(const migrate_t *migrate)
{
    const migrate_counts_t *counts = &migrate->counts;
    const struct {
        const char *name;
        apr_uint64_t n;
    } numbers[] = {
        {"resources", counts->resources},
        {"properties", counts->properties},
        {"set", counts->set},
        {"same", counts->same},
        {"kept", counts->kept},
        {"locks", counts->locks},
        {"taken", counts->taken},
        {"expired", counts->expired},
        {"elsewhere", counts->elsewhere},
        {"problems", counts->problems},
        {"differences", counts->differences},
    };
    json_t *record = json_pack(
        "{s:o, s:b, s:b}", "tree", ctl_json_text(migrate->top, strlen(migrate->top)), "dry_run",
        migrate->mode == MIGRATE_DRY, "verify", migrate->mode == MIGRATE_VERIFY);

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        json_object_set_new(record, numbers[i].name, json_integer((json_int_t)numbers[i].n));
    return record;
}

static const char *as_text(const migrate_t *migrate, int with_locks, apr_pool_t *result_pool)
{
    const migrate_counts_t *counts = &migrate->counts;
    const char *would = migrate->mode == MIGRATE_DRY ? "would be " : "", *text;

    text = apr_psprintf(result_pool,
                        "%" APR_UINT64_T_FMT " resources with %" APR_UINT64_T_FMT " properties",
                        counts->resources, counts->properties);
    if (migrate->mode == MIGRATE_VERIFY)
        text = apr_psprintf(result_pool,
                            "%s: %" APR_UINT64_T_FMT " the same in the store, "
                            "%" APR_UINT64_T_FMT " differences",
                            text, counts->same, counts->differences);
    else
        text = apr_psprintf(result_pool,
                            "%s: %" APR_UINT64_T_FMT " %sset, %" APR_UINT64_T_FMT
                            " there already, %" APR_UINT64_T_FMT " %skept as the store has them",
                            text, counts->set, would, counts->same, counts->kept, would);
    if (with_locks)
        text = apr_psprintf(result_pool,
                            "%s; %" APR_UINT64_T_FMT " locks, %" APR_UINT64_T_FMT
                            " %staken over, besides %" APR_UINT64_T_FMT
                            " that have expired and %" APR_UINT64_T_FMT " of other trees",
                            text, counts->locks, counts->taken, would, counts->expired,
                            counts->elsewhere);
    return apr_psprintf(result_pool, "%s; %" APR_UINT64_T_FMT " problems", text, counts->problems);
}

/* ---- the beginning ---- */

static int find_mode(migrate_mode_e *mode_p, const ctl_t *ctl)
{
    int overwrite = ctl_option(ctl, 'o') != NULL, dry = ctl_option(ctl, 'n') != NULL;
    int verify = ctl_option(ctl, 'v') != NULL;

    if (overwrite + dry + verify > 1)
        return ctl_fail(ctl, APR_SUCCESS,
                        "--dry-run, --overwrite and --verify do not go with each other");
    *mode_p = overwrite ? MIGRATE_OVERWRITE
              : dry     ? MIGRATE_DRY
              : verify  ? MIGRATE_VERIFY
                        : MIGRATE_ADD;
    return CTL_FINE;
}

/** Open the store.  A dry run makes none: it goes without. */
static int open_store(migrate_t *migrate)
{
    ctl_t *ctl = migrate->ctl;
    ctl_open_e which = migrate->mode == MIGRATE_VERIFY ? CTL_EXISTING : CTL_ANY;
    store_spec_t *spec;
    int result;

    if (migrate->mode == MIGRATE_DRY) {
        result = ctl_spec(&spec, ctl, ctl->argv[1]);
        if (result != CTL_FINE)
            return result;
        if (store_exists(spec, ctl->pool) == STORE_ABSENT)
            return CTL_FINE;
        which = CTL_EXISTING;
    }
    return ctl_open(&migrate->store, ctl, ctl->argv[1], which);
}

/** All of it but for opening the store. */
static int move_over(migrate_t *migrate, const char *lockdb, apr_pool_t *scratch_pool)
{
    const ctl_t *ctl = migrate->ctl;
    apr_array_header_t *locks;
    int answer = CTL_FINE;
    apr_status_t status = davfs_reader_make(&migrate->reader, scratch_pool);

    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not make a directory for temporary files");
    /* First: a wrong name ends it before anything is done. */
    if (lockdb != NULL)
        answer = migrate_locks_read(&locks, migrate, lockdb, scratch_pool);
    if (answer != CTL_FINE)
        return answer;
    migrate->progress = ctl_progress_begin(ctl, "resources", 0, scratch_pool);
    answer = migrate_props(migrate, scratch_pool);
    ctl_progress_end(migrate->progress);
    if (answer == CTL_FINE && lockdb != NULL)
        answer = migrate_locks(migrate, lockdb, locks, scratch_pool);
    return answer;
}

/** ctl_work_fn: all of it; there is no result. */
static int migrate_all(ctl_t *ctl, void *baton, void *result)
{
    migrate_t *migrate = baton;
    const char *lockdb = ctl_option(ctl, 'l');
    apr_pool_t *scratch_pool;
    int answer = open_store(migrate);

    (void)result;
    if (answer != CTL_FINE)
        return answer;
    apr_pool_create(&scratch_pool, ctl->pool);
    answer = move_over(migrate, lockdb, scratch_pool);
    /* The child that reads and the copies go with it. */
    apr_pool_destroy(scratch_pool);
    if (migrate->store != NULL)
        store_close(migrate->store);
    if (answer != CTL_FINE)
        return answer;
    ctl_tell(ctl, as_json(migrate), "%s", as_text(migrate, lockdb != NULL, ctl->pool));
    return migrate->counts.problems + migrate->counts.differences > 0 ? CTL_FOUND : CTL_FINE;
}

static int run(ctl_t *ctl)
{
    migrate_t migrate = {.ctl = ctl};
    int result = find_mode(&migrate.mode, ctl);
    char *top;

    if (result == CTL_FINE)
        result = ctl_tree(&top, ctl, ctl->argv[0], 0);
    if (result != CTL_FINE)
        return result;
    migrate.top = top;
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[1], NULL), migrate_all,
                   &migrate, NULL, 0);
}

static const apr_getopt_option_t options[] = {
    {"locks", 'l', 1, "LOCKDB   take over the live locks of the file that DavLockDB names"},
    {"dry-run", 'n', 0, "tell what would be done, and do nothing"},
    {"overwrite", 'o', 0, "set also what the store has with another value"},
    {"verify", 'v', 0, "compare the old and the new, and do nothing"},
    {0},
};

const ctl_command_t ctl_migrate = {
    .name = "migrate",
    .arguments = "DIR STORE [--locks LOCKDB] [--dry-run | --overwrite | --verify]",
    .summary = "move a tree's properties and locks over from mod_dav_fs",
    .help = "Sets in STORE, which is made if it is missing, the properties that mod_dav_fs keeps\n"
            "in .DAV directories in DIR and below.  DIR is as the server has it (Alias); links\n"
            "below it are not followed.  What is there is only read.  Properties that the store\n"
            "has with another value are kept, so it can be run again.  What could not be read is\n"
            "told, a line each, and the exit code is 1.\n",
    .options = options,
    .words_min = 2,
    .words_max = 2,
    .run = run,
};
