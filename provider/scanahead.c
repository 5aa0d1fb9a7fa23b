#include "provider/scanahead.h"

#include <unistd.h>

#include <apr_allocator.h>
#include <apr_atomic.h>
#include <apr_signal.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

/** Batches that may be read before they are asked for. */
#define AHEAD 32

/** A batch. */
typedef struct slot_t {
    apr_pool_t *pool; /* of the names */
    apr_status_t status;
    int count;
    dirscan_entry_t entries[SCANAHEAD_BATCH];
} slot_t;

struct scanahead_t {
    dirscan_t *scan;
    int want_stat;
    unsigned max_threads;
    int batches;               /* read on the spot */
    apr_pool_t *pool;          /* lifetime of the reading */
    apr_pool_t *slot_pool;     /* of what the thread uses */
    slot_t *slots;             /* a ring of AHEAD; one until there is a thread */
    apr_thread_t *thread;      /* NULL: read on the spot */
    apr_thread_mutex_t *mutex; /* of what follows */
    apr_thread_cond_t *have_more, *have_room;
    unsigned first; /* the slot that was handed out last */
    unsigned taken; /* whether it was: 0 or 1 */
    unsigned ready; /* slots that are full, behind it */
    int stopping;
};

/** Threads of this process that read ahead. */
static apr_uint32_t threads;

unsigned scanahead_processors(void)
{
    static apr_uint32_t known; /* and one, so that 0 is not known */
    apr_uint32_t count = apr_atomic_read32(&known);

    if (count == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);

        count = online > 1 ? (apr_uint32_t)online : 1;
        apr_atomic_set32(&known, count);
    }
    return count - 1;
}

/** Read a batch into SLOT. */
static void fill(const scanahead_t *ahead, slot_t *slot)
{
    apr_pool_clear(slot->pool);
    slot->status = dirscan_read(ahead->scan, slot->entries, SCANAHEAD_BATCH, &slot->count,
                                ahead->want_stat, slot->pool);
}

/** Whether SLOT is the last there will be. */
static int is_last(const slot_t *slot)
{
    return slot->status != APR_SUCCESS || slot->count == 0;
}

/** The thread: fill slots until the directory ends. */
static void *APR_THREAD_FUNC read_ahead(apr_thread_t *thread, void *baton)
{
    scanahead_t *ahead = baton;
    int more = 1;

    (void)thread;
    apr_setup_signal_thread(); /* the process's signals are for its other threads */
    apr_thread_mutex_lock(ahead->mutex);
    while (more) {
        slot_t *slot;

        while (ahead->taken + ahead->ready == AHEAD && !ahead->stopping)
            apr_thread_cond_wait(ahead->have_room, ahead->mutex);
        if (ahead->stopping)
            break;
        slot = &ahead->slots[(ahead->first + ahead->taken + ahead->ready) % AHEAD];
        apr_thread_mutex_unlock(ahead->mutex);
        fill(ahead, slot);
        more = !is_last(slot);
        apr_thread_mutex_lock(ahead->mutex);
        /* Not for every batch: to be woken costs more than to read one. */
        if (++ahead->ready == AHEAD / 2 || !more)
            apr_thread_cond_signal(ahead->have_more);
    }
    apr_thread_mutex_unlock(ahead->mutex);
    return NULL;
}

/** End the thread and what it used. */
static apr_status_t stop(void *baton)
{
    scanahead_t *ahead = baton;
    apr_status_t status;

    if (ahead->thread != NULL) {
        apr_thread_mutex_lock(ahead->mutex);
        ahead->stopping = 1;
        apr_thread_cond_signal(ahead->have_room);
        apr_thread_mutex_unlock(ahead->mutex);
        apr_thread_join(&status, ahead->thread);
        ahead->thread = NULL;
        apr_atomic_dec32(&threads);
    }
    if (ahead->slot_pool != NULL)
        apr_pool_destroy(ahead->slot_pool);
    return APR_SUCCESS;
}

/**
 * Make what the thread needs, in a pool that stop() ends after the thread.  It has an allocator of
 * its own, as the request's has no lock.
 */
static apr_status_t prepare(scanahead_t *ahead)
{
    apr_allocator_t *allocator;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status != APR_SUCCESS)
        return status;
    status = apr_pool_create_unmanaged_ex(&ahead->slot_pool, NULL, allocator);
    if (status != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return status;
    }
    apr_allocator_owner_set(allocator, ahead->slot_pool);
    apr_pool_tag(ahead->slot_pool, "depot_scanahead");
    ahead->slots = apr_pcalloc(ahead->slot_pool, AHEAD * sizeof(*ahead->slots));
    for (int i = 0; i < AHEAD; i++)
        apr_pool_create(&ahead->slots[i].pool, ahead->slot_pool);
    status = apr_thread_mutex_create(&ahead->mutex, APR_THREAD_MUTEX_DEFAULT, ahead->slot_pool);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&ahead->have_more, ahead->slot_pool);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&ahead->have_room, ahead->slot_pool);
    return status;
}

/** Start the thread, if there is to be one.  Without it all goes on as before. */
static void start(scanahead_t *ahead)
{
    slot_t *slots = ahead->slots;

    if (apr_atomic_inc32(&threads) >= ahead->max_threads) {
        apr_atomic_dec32(&threads);
        return;
    }
    if (prepare(ahead) == APR_SUCCESS &&
        apr_thread_create(&ahead->thread, NULL, read_ahead, ahead, ahead->pool) == APR_SUCCESS) {
        return;
    }
    ahead->thread = NULL;
    ahead->slots = slots;
    apr_atomic_dec32(&threads);
}

scanahead_t *scanahead_create(dirscan_t *scan, int want_stat, unsigned max_threads,
                              apr_pool_t *result_pool)
{
    scanahead_t *ahead = apr_pcalloc(result_pool, sizeof(*ahead));

    ahead->scan = scan;
    ahead->want_stat = want_stat;
    ahead->max_threads = max_threads;
    ahead->pool = result_pool;
    ahead->slots = apr_pcalloc(result_pool, sizeof(*ahead->slots));
    apr_pool_create(&ahead->slots->pool, result_pool);
    apr_pool_cleanup_register(result_pool, ahead, stop, apr_pool_cleanup_null);
    return ahead;
}

/** Give back the slot that was handed out last and wait for the next. */
static slot_t *next_slot(scanahead_t *ahead)
{
    slot_t *slot;

    apr_thread_mutex_lock(ahead->mutex);
    if (ahead->taken) {
        ahead->first = (ahead->first + 1) % AHEAD;
        ahead->taken = 0;
        if (ahead->ready <= AHEAD / 2)
            apr_thread_cond_signal(ahead->have_room);
    }
    while (ahead->ready == 0)
        apr_thread_cond_wait(ahead->have_more, ahead->mutex);
    slot = &ahead->slots[ahead->first];
    ahead->ready--;
    ahead->taken = 1;
    apr_thread_mutex_unlock(ahead->mutex);
    return slot;
}

apr_status_t scanahead_read(dirscan_entry_t **entries_p, int *count_p, scanahead_t *ahead)
{
    slot_t *slot = ahead->slots;

    if (ahead->thread == NULL && ahead->batches++ == SCANAHEAD_LARGE / SCANAHEAD_BATCH &&
        ahead->max_threads > 0)
        start(ahead);
    if (ahead->thread != NULL)
        slot = next_slot(ahead);
    else
        fill(ahead, slot);
    *entries_p = slot->entries;
    *count_p = slot->count;
    return slot->status;
}
