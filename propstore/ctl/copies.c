#include "propstore/ctl/copies.h"

#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/trial.h"
#include "propstore/key.h"
#include "propstore/record.h"

/** Whether the value of KEY is sound; indexes have empty ones. */
static int is_sound(store_slice_t key, store_slice_t value)
{
    store_slice_t body;

    switch (*(const unsigned char *)key.data) {
    case KEY_NODE_LOCK:
    case KEY_LOCK_BELOW:
    case KEY_LOCK_EXPIRY:
    case KEY_USER_LOCK:
        return value.len == 0;
    default:
        return record_open(&body, value) == APR_SUCCESS;
    }
}

/** Read all of TXN, which should have TOTAL records.  @return as ctl_verify_copy() */
static int verify_records(ctl_t *ctl, store_txn_t *txn, apr_uint64_t total, const char *name,
                          ctl_soundness_e soundness, apr_pool_t *scratch_pool)
{
    static const store_range_t all;
    ctl_progress_t *progress = ctl_progress_begin(ctl, "verifying", total, scratch_pool);
    store_slice_t key, value;
    store_cursor_t *cursor;
    apr_uint64_t count = 0;
    apr_status_t status = store_scan(&cursor, txn, &all, scratch_pool);

    while (status == APR_SUCCESS && (status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        if (ctl_interrupted())
            return CTL_FAILED;
        /* A page that leads back to an earlier one would go on for ever. */
        if (++count > total ||
            (soundness == CTL_SOUND && !(store_is_intact(cursor) && is_sound(key, value))))
            status = STORE_CORRUPT;
        ctl_progress(progress, count);
    }
    ctl_progress_end(progress);
    if (status == STORE_ABSENT)
        status = count == total ? APR_SUCCESS : STORE_CORRUPT;
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s is damaged at record %" APR_UINT64_T_FMT, name, count);
    return CTL_FINE;
}

/** The same of the open COPY. */
static int verify_store(ctl_copy_t *copy, ctl_t *ctl, store_t *store, const char *name,
                        ctl_soundness_e soundness, apr_pool_t *scratch_pool)
{
    meta_t meta = {.format = META_FORMAT_VERSION};
    store_stat_t stat;
    store_txn_t *txn;
    int result;
    apr_status_t status = store_begin(&txn, store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "%s", name);
    status = meta_read(&meta, txn);
    if (status == STORE_CORRUPT && soundness == CTL_DAMAGED)
        status = APR_SUCCESS;
    if (status == APR_SUCCESS && meta.format != META_FORMAT_VERSION)
        status = STORE_FORMAT;
    if (status == APR_SUCCESS)
        status = store_stat(store, &stat);
    if (status != APR_SUCCESS) {
        store_abort(txn);
        return ctl_fail(ctl, status, "%s", name);
    }
    copy->entries = stat.entries;
    memcpy(copy->uuid, meta.uuid, sizeof(copy->uuid));
    result = verify_records(ctl, txn, stat.entries, name, soundness, scratch_pool);
    store_abort(txn);
    return result;
}

int ctl_verify_copy(ctl_copy_t *copy, ctl_t *ctl, const store_spec_t *spec, const char *file,
                    const char *name, ctl_soundness_e soundness)
{
    store_t *store;
    /* Without a log: its lines would only say the same of the file's other name. */
    apr_status_t status = store_open_copy(&store, spec, file, NULL, ctl->pool);
    apr_pool_t *scratch_pool;
    int result;

    if (status == STORE_CORRUPT)
        return ctl_fail(ctl, APR_SUCCESS, "%s is no copy of a store, or is damaged", name);
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not open %s", name);
    apr_pool_create(&scratch_pool, ctl->pool);
    result = ctl_verify(ctl, store, CTL_WHOLE);
    if (result == CTL_FINE)
        result = verify_store(copy, ctl, store, name, soundness, scratch_pool);
    else if (!ctl_interrupted())
        (void)ctl_fail(ctl, APR_SUCCESS, "the structure of %s is damaged", name);
    apr_pool_destroy(scratch_pool);
    store_close(store);
    return result;
}

/* ---- making ---- */

/** A backup being made. */
typedef struct backup_t {
    const store_spec_t *spec;
    newfile_t *file;
    ctl_soundness_e soundness;
} backup_t;

/** Write STORE's copy into the temporary. */
static int write_copy(ctl_t *ctl, const backup_t *backup, store_t *store)
{
    ctl_progress_t *progress;
    store_stat_t stat;
    apr_status_t status = store_stat(store, &stat);

    if (status == APR_SUCCESS) {
        progress = ctl_progress_begin(ctl, "copying", stat.used_bytes, ctl->pool);
        status = store_copy(store, backup->file->file, ctl_go_on, progress, ctl->pool);
        ctl_progress_end(progress);
    }
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status == APR_ENOTIMPL)
        return ctl_fail(ctl, APR_SUCCESS,
                        "a store of the backend %s cannot be copied; see depotctl dump",
                        store_backend_name(store));
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not copy %s to %s", ctl->argv[0], backup->file->name);
    return CTL_FINE;
}

/** ctl_work_fn: copy the store, and read the copy back. */
static int copy_and_verify(ctl_t *ctl, void *baton, void *result)
{
    const backup_t *backup = baton;
    store_t *store;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_WHOLE);

    if (answer != CTL_FINE)
        return answer;
    answer = write_copy(ctl, backup, store);
    store_close(store);
    if (answer != CTL_FINE)
        return answer;
    return ctl_verify_copy(result, ctl, backup->spec, backup->file->temp,
                           apr_pstrcat(ctl->pool, "the copy of ", ctl->argv[0], NULL),
                           backup->soundness);
}

int ctl_back_up(ctl_copy_t *copy, newfile_t *file, ctl_t *ctl, const char *name,
                ctl_soundness_e soundness)
{
    backup_t backup = {.file = file, .soundness = soundness};
    store_spec_t *spec;
    int result = ctl_spec(&spec, ctl, ctl->argv[0]);

    if (result == CTL_FINE)
        result = newfile_create(file, ctl, spec, name);
    if (result != CTL_FINE)
        return result;
    backup.spec = spec;
    result = ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), copy_and_verify,
                     &backup, copy, sizeof(*copy));
    return newfile_finish(file, ctl, result);
}
