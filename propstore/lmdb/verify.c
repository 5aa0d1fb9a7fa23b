#include <string.h>

#include <apr_time.h>

#include "propstore/lmdb/lmdb_int.h"
#include "propstore/lmdb/structure.h"

/** How often, and after what pause, a snapshot is taken whose meta page is still its own. */
#define TRIES 100
#define PAUSE apr_time_from_msec(1)

/** Look at the snapshot that TXN holds. */
static apr_status_t read_snapshot(structure_t *structure, apr_size_t *page_size_p, MDB_env *env,
                                  const backend_txn_t *txn, store_going_fn *going, void *baton,
                                  apr_pool_t *scratch_pool)
{
    MDB_stat stat;
    int fd, rc = mdb_env_stat(env, &stat);

    if (rc == MDB_SUCCESS)
        rc = mdb_env_get_fd(env, &fd);
    if (rc != MDB_SUCCESS)
        return lmdb_status(rc);
    *page_size_p = stat.ms_psize;
    return structure_read(structure, fd, stat.ms_psize, lmdb_txn_number(txn), going, baton,
                          scratch_pool);
}

/** Say what is wrong, if anything is.  @return APR_SUCCESS or STORE_CORRUPT */
static apr_status_t tell(const structure_t *structure, const store_t *log)
{
    if (structure->records[0] != '\0')
        store_log(log, STORE_LOG_ERROR, STORE_CORRUPT,
                  "the data file is damaged: %s; restore a backup", structure->records);
    else if (structure->rest[0] != '\0')
        store_log(log, STORE_LOG_ERROR, STORE_CORRUPT,
                  "the data file is damaged: %s; its records, as far as they were seen, can be "
                  "read: depotctl dump and load carry them over to a new store",
                  structure->rest);
    else
        return APR_SUCCESS;
    return STORE_CORRUPT;
}

apr_status_t lmdb_verify(store_verified_t *verified, void *backend, store_going_fn *going,
                         void *baton, apr_pool_t *scratch_pool)
{
    const lmdb_store_t *store = backend;
    const backend_txn_vtable_t *vtable;
    structure_t structure = {.used_pages = 0};
    apr_size_t page_size = 0;
    backend_txn_t *txn;
    apr_pool_t *iterpool;
    apr_status_t status = APR_EAGAIN;

    apr_pool_create(&iterpool, scratch_pool);
    for (int i = 0; i < TRIES && APR_STATUS_IS_EAGAIN(status); i++) {
        if (i > 0)
            apr_sleep(PAUSE);
        apr_pool_clear(iterpool);
        status = lmdb_begin(&txn, &vtable, backend, STORE_READ, iterpool);
        if (status != APR_SUCCESS)
            break;
        status =
            read_snapshot(&structure, &page_size, store->env->env, txn, going, baton, iterpool);
        vtable->abort(txn);
    }
    apr_pool_destroy(iterpool);
    if (APR_STATUS_IS_EAGAIN(status)) {
        /* No writer is as fast as that. */
        store_log(store->log, STORE_LOG_ERROR, STORE_CORRUPT,
                  "the store is damaged: its meta pages are of other transactions than the last");
        return STORE_CORRUPT;
    }
    verified->used_bytes = structure.used_pages * page_size;
    verified->seen_bytes = structure.seen_pages * page_size;
    verified->lost_bytes = structure.lost_pages * page_size;
    if (status != APR_SUCCESS && !APR_STATUS_IS_EINTR(status))
        return status;
    verified->records_are_whole = status == APR_SUCCESS && structure.records[0] == '\0';
    return tell(&structure, store->log) == APR_SUCCESS ? status : STORE_CORRUPT;
}
