#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/ctl/davfs_locks.h"
#include "propstore/ctl/davfs_xml.h"
#include "propstore/ctl/migrate.h"
#include "propstore/filestat.h"

/** Expired locks that are removed along with the taking over. */
#define REAP_MAX 1024

/** The taking over. */
typedef struct takeover_t {
    migrate_t *migrate;
    apr_array_header_t *locks; /**< lock_t, live, each with its path */
    apr_int64_t now;
    apr_uint64_t taken;
    apr_array_header_t *notes; /**< migrate_note_t: locks that the store refuses */
} takeover_t;

/* ---- reading ---- */

/** The lock database's kind, and its name for davfs_reader_read(). */
static apr_status_t recognise(davfs_kind_e *kind_p, const char *lockdb, apr_pool_t *scratch_pool)
{
    apr_status_t status = davfs_kind_read(kind_p, AT_FDCWD, lockdb);
    struct stat st;

    if (status != ENOENT)
        return status == APR_SUCCESS && *kind_p == DAVFS_UNKNOWN ? STORE_CORRUPT : status;
    *kind_p = DAVFS_SDBM;
    return stat(apr_pstrcat(scratch_pool, lockdb, DAVFS_PAG, NULL), &st) == 0 ? APR_SUCCESS : errno;
}

/** Whether PATH is TOP or below it. */
static int is_within(const char *top, const char *path)
{
    apr_size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);

    return strncmp(top, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/** Put those of LOCKS, on the resource PATH, that are alive into the takeover. */
static void choose(takeover_t *takeover, const apr_array_header_t *locks, const char *path)
{
    migrate_counts_t *counts = &takeover->migrate->counts;

    for (int i = 0; i < locks->nelts; i++) {
        lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);

        if (lock->expires <= takeover->now) {
            counts->expired++;
            continue;
        }
        if (*lock->owner != '\0' && !davfs_xml_is_owner(lock->owner, locks->pool)) {
            migrate_problem(takeover->migrate, path, APR_SUCCESS,
                            "has a lock with a damaged owner, which is taken over without it");
            lock->owner = "";
        }
        lock->path = path;
        counts->locks++;
        APR_ARRAY_PUSH(takeover->locks, lock_t) = *lock;
    }
}

/** Read one record of the lock database. */
static void read_record(takeover_t *takeover, const dbm_pair_t *pair, const char *lockdb,
                        apr_pool_t *result_pool)
{
    apr_array_header_t *locks = apr_array_make(result_pool, 2, sizeof(lock_t));
    const char *path = davfs_lock_path(pair->key, result_pool);
    migrate_t *migrate = takeover->migrate;
    filestat_t st;
    apr_status_t status;

    if (path == NULL) {
        migrate_problem(migrate, lockdb, APR_SUCCESS, "has a key that is none of a lock");
        return;
    }
    status = davfs_locks_read(locks, pair->value);
    if (!is_within(migrate->top, path)) {
        migrate->counts.elsewhere += (apr_uint64_t)locks->nelts;
        return;
    }
    if (status != APR_SUCCESS)
        migrate_problem(migrate, path, APR_SUCCESS, "has locks of which the record is damaged");
    if (locks->nelts > 0 && filestat_read(&st, AT_FDCWD, path, FILESTAT_TARGET) != APR_SUCCESS) {
        migrate_problem(migrate, path, APR_SUCCESS, "is locked but does not exist");
        return;
    }
    choose(takeover, locks, path);
}

/* ---- the store ---- */

static void note(const takeover_t *takeover, const lock_t *lock, const char *why)
{
    migrate_note_t *entry = apr_array_push(takeover->notes);
    char token[LOCK_TOKEN_TEXT_SIZE];

    entry->path = lock->path;
    entry->why = apr_pstrcat(takeover->notes->pool, "its lock ",
                             locks_token_text(token, &lock->token), why, NULL);
}

/** Take one lock over, unless the store has it. */
static apr_status_t add(takeover_t *takeover, store_txn_t *txn, const lock_t *lock,
                        apr_pool_t *scratch_pool)
{
    static const lock_limits_t none;
    apr_array_header_t *conflicts;
    node_fingerprint_t fingerprint;
    filestat_t st;
    lock_t has;
    apr_status_t status = locks_get(&has, txn, &lock->token, takeover->now, scratch_pool);

    if (status != STORE_ABSENT)
        return status;
    if (takeover->migrate->mode == MIGRATE_DRY) {
        takeover->taken++;
        return APR_SUCCESS;
    }
    status = filestat_read(&st, AT_FDCWD, lock->path, FILESTAT_TARGET);
    if (status == APR_SUCCESS) {
        fingerprint = filestat_fingerprint(&st);
        status = locks_add(txn, lock->path, S_ISDIR(st.mode) ? NODE_COLLECTION : NODE_FILE,
                           &fingerprint, lock, &none, takeover->now, &conflicts, scratch_pool);
    }
    if (status == APR_SUCCESS)
        takeover->taken++;
    if (status == STORE_LOCKED)
        note(takeover, lock, " was not taken over: another is in the way in the store");
    else if (status == ENOENT || status == ENOTDIR)
        note(takeover, lock, " was not taken over: the resource went away meanwhile");
    else
        return status;
    return APR_SUCCESS;
}

/** Compare one lock with the store's.  When it expires may have changed since. */
static apr_status_t compare(takeover_t *takeover, store_txn_t *txn, const lock_t *lock,
                            apr_pool_t *scratch_pool)
{
    lock_t has;
    apr_status_t status = locks_get(&has, txn, &lock->token, takeover->now, scratch_pool);

    if (status == STORE_ABSENT) {
        note(takeover, lock, " is not in the store");
        return APR_SUCCESS;
    }
    if (status == APR_SUCCESS &&
        (strcmp(has.path, lock->path) != 0 || has.scope != lock->scope ||
         has.infinite != lock->infinite || strcmp(has.principal, lock->principal) != 0 ||
         strcmp(has.owner, lock->owner) != 0))
        note(takeover, lock, " is another in the store");
    return status;
}

/** store_write_fn: all of it. */
static apr_status_t take_over(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    takeover_t *takeover = baton;
    migrate_mode_e mode = takeover->migrate->mode;
    int writes = mode == MIGRATE_ADD || mode == MIGRATE_OVERWRITE;
    apr_status_t status = APR_SUCCESS;

    takeover->taken = 0;
    apr_array_clear(takeover->notes);
    if (writes)
        status = locks_reap(txn, takeover->now, REAP_MAX, NULL, scratch_pool);
    for (int i = 0; i < takeover->locks->nelts && status == APR_SUCCESS; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(takeover->locks, i, lock_t);

        if (ctl_interrupted())
            status = APR_EINTR;
        else if (mode == MIGRATE_VERIFY)
            status = compare(takeover, txn, lock, scratch_pool);
        else
            status = add(takeover, txn, lock, scratch_pool);
    }
    return status == APR_SUCCESS && takeover->taken == 0 ? STORE_NOTHING : status;
}

/** The same without writing. */
static apr_status_t look(takeover_t *takeover, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    apr_status_t status;

    if (takeover->migrate->store == NULL) {
        takeover->taken = (apr_uint64_t)takeover->locks->nelts;
        return APR_SUCCESS;
    }
    status = store_begin(&txn, takeover->migrate->store, STORE_READ, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    status = take_over(txn, takeover, scratch_pool);
    store_abort(txn);
    return status == STORE_NOTHING ? APR_SUCCESS : status;
}

/** Tell what has come of it. */
static void tell(const takeover_t *takeover)
{
    migrate_t *migrate = takeover->migrate;

    migrate->counts.taken = takeover->taken;
    for (int i = 0; i < takeover->notes->nelts; i++) {
        const migrate_note_t *entry = &APR_ARRAY_IDX(takeover->notes, i, migrate_note_t);

        if (migrate->mode == MIGRATE_VERIFY)
            migrate_difference(migrate, entry->path, entry->why);
        else
            migrate_problem(migrate, entry->path, APR_SUCCESS, entry->why);
    }
}

int migrate_locks_read(apr_array_header_t **pairs_p, const migrate_t *migrate, const char *lockdb,
                       apr_pool_t *result_pool)
{
    davfs_kind_e kind;
    apr_status_t status = recognise(&kind, lockdb, result_pool);

    *pairs_p = apr_array_make(result_pool, 8, sizeof(dbm_pair_t));
    if (status == APR_SUCCESS)
        status = davfs_reader_read(*pairs_p, migrate->reader, kind, AT_FDCWD, lockdb, result_pool);
    if (status != APR_SUCCESS)
        return ctl_fail(migrate->ctl, status, "could not read the lock database %s", lockdb);
    return CTL_FINE;
}

int migrate_locks(migrate_t *migrate, const char *lockdb, const apr_array_header_t *pairs,
                  apr_pool_t *scratch_pool)
{
    takeover_t takeover = {
        .migrate = migrate,
        .locks = apr_array_make(scratch_pool, 8, sizeof(lock_t)),
        .now = apr_time_sec(apr_time_now()),
        .notes = apr_array_make(scratch_pool, 8, sizeof(migrate_note_t)),
    };
    apr_status_t status;

    for (int i = 0; i < pairs->nelts; i++)
        read_record(&takeover, &APR_ARRAY_IDX(pairs, i, dbm_pair_t), lockdb, scratch_pool);
    if (migrate->mode == MIGRATE_DRY || migrate->mode == MIGRATE_VERIFY)
        status = look(&takeover, scratch_pool);
    else
        status = store_write(migrate->store, take_over, &takeover, scratch_pool);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status != APR_SUCCESS)
        return ctl_fail(migrate->ctl, status, "could not take the locks of %s over", migrate->top);
    tell(&takeover);
    return CTL_FINE;
}
