#include "provider/scanahead.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <apr_allocator.h>
#include <apr_signal.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_pool.h>

/** Batches that may be read before they are asked for. */
#define AHEAD 8

/** A batch. */
typedef struct slot_t {
    apr_pool_t *pool; /* of the names; NULL: was never used */
    apr_status_t status;
    int names; /* read; 0: this is the end */
    int count; /* of them, the members */
    int full;  /* they have been looked at */
    dirscan_entry_t entries[SCANAHEAD_BATCH];
} slot_t;

/**
 * What the request's thread and one that reads ahead share.  The last of both that leaves ends
 * it: the other may have begun late, or not yet.
 */
typedef struct shared_t {
    apr_pool_t *pool; /* with an allocator of its own, as the request's has no lock */
    dirscan_t *scan;
    int want_stat;
    apr_thread_mutex_t *mutex; /* of the scan's names, POOL, and what follows */
    apr_thread_cond_t *have_more;
    int parties;
    unsigned first; /* batches that were given back: the number of the first in the ring */
    unsigned next;  /* the number of the one to be handed out next */
    unsigned taken; /* batches that somebody has taken to read */
    int ended;      /* the last has been taken */
    int is_helped;  /* a thread reads, or is to */
    int is_reading; /* it looks at a batch */
    int is_awaited; /* the request's thread waits for it */
    int stopping;   /* SCAN must not be touched any more */
    slot_t slots[AHEAD];
} shared_t;

struct scanahead_t {
    dirscan_t *scan;
    int want_stat;
    int after;        /* members after which a thread is asked for; 0: not any more */
    int members;      /* read so far */
    slot_t *own;      /* what is read on the spot */
    shared_t *shared; /* NULL: all is */
};

/** The process's threads that read ahead; NULL where they would not help. */
static apr_thread_pool_t *threads;

/* ---- the process ---- */

static apr_status_t forget_threads(void *baton)
{
    apr_pool_t *pool = baton;

    threads = NULL;
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

/** Make a pool with an allocator of its own, for several threads that lock it themselves. */
static apr_status_t make_pool(apr_pool_t **pool_p)
{
    apr_allocator_t *allocator;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status != APR_SUCCESS)
        return status;
    status = apr_pool_create_unmanaged_ex(pool_p, NULL, allocator);
    if (status == APR_SUCCESS)
        apr_allocator_owner_set(allocator, *pool_p);
    else
        apr_allocator_destroy(allocator);
    return status;
}

apr_status_t scanahead_init(apr_pool_t *process_pool)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    apr_pool_t *pool;
    apr_status_t status;

    if (processors < 2)
        return APR_SUCCESS;
    status = make_pool(&pool);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_tag(pool, "depot_scanahead_threads");
    status = apr_thread_pool_create(&threads, 0, (apr_size_t)processors - 1, pool);
    if (status != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return status;
    }
    /* Once there, they stay; and each reads one directory at a time. */
    apr_thread_pool_idle_max_set(threads, (apr_size_t)processors - 1);
    apr_thread_pool_threshold_set(threads, 0);
    apr_pool_cleanup_register(process_pool, pool, forget_threads, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* ---- batches ---- */

/** Read the next names into SLOT. */
static void read_names(slot_t *slot, dirscan_t *scan)
{
    apr_pool_clear(slot->pool);
    slot->status = dirscan_names(scan, slot->entries, SCANAHEAD_BATCH, &slot->names, slot->pool);
    if (slot->status != APR_SUCCESS)
        slot->names = 0;
}

/** See what they are. */
static void look(slot_t *slot, const dirscan_t *scan, int want_stat)
{
    slot->count = dirscan_look(scan, slot->entries, slot->names, want_stat);
}

/**
 * Read a batch's names, for the caller to look at them; with the mutex held.  It is short: what
 * takes time is the look.
 * @return NULL if there is no room, or no more
 */
static slot_t *take(shared_t *shared)
{
    slot_t *slot = &shared->slots[shared->taken % AHEAD];

    if (shared->ended || shared->taken - shared->first == AHEAD)
        return NULL;
    if (slot->pool == NULL)
        apr_pool_create(&slot->pool, shared->pool);
    slot->full = 0;
    read_names(slot, shared->scan);
    shared->ended = slot->names == 0;
    shared->taken++;
    return slot;
}

/** Look at SLOT, which take() gave; with the mutex held before and after. */
static void fill(shared_t *shared, slot_t *slot)
{
    apr_thread_mutex_unlock(shared->mutex);
    look(slot, shared->scan, shared->want_stat);
    apr_thread_mutex_lock(shared->mutex);
    slot->full = 1;
}

/* ---- the thread ---- */

/** Unlock SHARED, for the last time; the last who does so ends it. */
static void leave(shared_t *shared)
{
    int is_last = --shared->parties == 0;

    apr_thread_mutex_unlock(shared->mutex);
    if (is_last)
        apr_pool_destroy(shared->pool);
}

/** Wake the request's thread; without the mutex, which it would have to wait for. */
static void wake(shared_t *shared)
{
    apr_thread_mutex_unlock(shared->mutex);
    apr_thread_cond_signal(shared->have_more);
    apr_thread_mutex_lock(shared->mutex);
}

/**
 * The thread: fill slots while there is room, and go: with a client that is slow to read there may
 * be none for long, and others need a thread, too.
 */
static void *APR_THREAD_FUNC read_ahead(apr_thread_t *thread, void *baton)
{
    shared_t *shared = baton;
    slot_t *slot;

    (void)thread;
    apr_setup_signal_thread(); /* the process's signals are for its other threads */
    apr_thread_mutex_lock(shared->mutex);
    while (!shared->stopping && (slot = take(shared)) != NULL) {
        shared->is_reading = 1;
        fill(shared, slot);
        shared->is_reading = 0;
        if (shared->is_awaited)
            wake(shared);
    }
    shared->is_helped = 0;
    leave(shared);
    return NULL;
}

/** Make what is shared.  @return NULL if that fails */
static shared_t *make_shared(const scanahead_t *ahead)
{
    shared_t *shared;
    apr_pool_t *pool;

    if (make_pool(&pool) != APR_SUCCESS)
        return NULL;
    apr_pool_tag(pool, "depot_scanahead");
    shared = apr_palloc(pool, sizeof(*shared));
    /* Not all of it, most of which is never used. */
    memset(shared, 0, offsetof(shared_t, slots));
    for (int i = 0; i < AHEAD; i++)
        shared->slots[i].pool = NULL;
    shared->pool = pool;
    shared->scan = ahead->scan;
    shared->want_stat = ahead->want_stat;
    shared->parties = 1;
    if (apr_thread_mutex_create(&shared->mutex, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS &&
        apr_thread_cond_create(&shared->have_more, pool) == APR_SUCCESS)
        return shared;
    apr_pool_destroy(pool);
    return NULL;
}

/** Unlock SHARED, and ask for a thread, if one would help.  Without one all goes on as before. */
static void unlock_and_ask(shared_t *shared)
{
    /* Not for every batch: to be woken costs more than to read one. */
    int ask = !shared->is_helped && !shared->ended && shared->taken - shared->first <= AHEAD / 2;

    shared->is_helped |= ask;
    shared->parties += ask;
    apr_thread_mutex_unlock(shared->mutex);
    /* Where no thread could be made for it the task is queued all the same, for another's: it stays
       a party. */
    if (ask)
        (void)apr_thread_pool_push(threads, read_ahead, shared, APR_THREAD_TASK_PRIORITY_NORMAL,
                                   NULL);
}

/** Read the rest with a thread. */
static void start(scanahead_t *ahead)
{
    ahead->after = 0;
    ahead->shared = make_shared(ahead);
    if (ahead->shared == NULL)
        return;
    apr_thread_mutex_lock(ahead->shared->mutex);
    unlock_and_ask(ahead->shared);
}

/** Keep the thread from what ends with the reading. */
static apr_status_t stop(void *baton)
{
    shared_t *shared = ((scanahead_t *)baton)->shared;

    if (shared == NULL)
        return APR_SUCCESS;
    apr_thread_mutex_lock(shared->mutex);
    shared->stopping = 1;
    shared->is_awaited = 1;
    while (shared->is_reading)
        apr_thread_cond_wait(shared->have_more, shared->mutex);
    leave(shared);
    return APR_SUCCESS;
}

/* ---- the request ---- */

scanahead_t *scanahead_create(dirscan_t *scan, int want_stat, int after, apr_pool_t *result_pool)
{
    scanahead_t *ahead = apr_pcalloc(result_pool, sizeof(*ahead));

    ahead->scan = scan;
    ahead->want_stat = want_stat;
    ahead->after = threads != NULL ? after : 0;
    ahead->own = apr_pcalloc(result_pool, sizeof(*ahead->own));
    apr_pool_create(&ahead->own->pool, result_pool);
    apr_pool_cleanup_register(result_pool, ahead, stop, apr_pool_cleanup_null);
    return ahead;
}

/** Give back the slot that was handed out last, and get the next, or read it. */
static slot_t *next_slot(shared_t *shared)
{
    slot_t *slot;

    apr_thread_mutex_lock(shared->mutex);
    slot = &shared->slots[shared->next % AHEAD];
    shared->first = shared->next;
    while (shared->taken == shared->next || !slot->full) {
        slot_t *own = take(shared);

        if (own != NULL) {
            fill(shared, own);
        } else {
            shared->is_awaited = 1;
            apr_thread_cond_wait(shared->have_more, shared->mutex);
            shared->is_awaited = 0;
        }
    }
    shared->next++;
    unlock_and_ask(shared);
    return slot;
}

/** The next batch. */
static slot_t *read_slot(scanahead_t *ahead)
{
    slot_t *own = ahead->own;

    if (ahead->shared != NULL)
        return next_slot(ahead->shared);
    read_names(own, ahead->scan);
    look(own, ahead->scan, ahead->want_stat);
    ahead->members += own->count;
    /* While this batch is worked on the thread can begin with the next, if there is one. */
    if (ahead->after > 0 && ahead->members >= ahead->after && own->names == SCANAHEAD_BATCH)
        start(ahead);
    return own;
}

apr_status_t scanahead_read(dirscan_entry_t **entries_p, int *count_p, scanahead_t *ahead)
{
    slot_t *slot;

    /* A batch of which nothing is a member is not the end. */
    do {
        slot = read_slot(ahead);
    } while (slot->count == 0 && slot->names > 0);
    *entries_p = slot->entries;
    *count_p = slot->count;
    return slot->status;
}
