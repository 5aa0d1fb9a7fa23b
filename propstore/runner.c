/*
 * The runner of writes: group commit.
 *
 * A durable commit takes two waits for the device, and only one transaction writes at a time.
 * So writers of one process queue up, and one of them, the leader, runs what is queued: a batch,
 * in one transaction with one commit.  Whoever comes while it waits for its turn, or runs,
 * still joins; whoever comes during the commit makes the next batch, led by one of them.  A
 * writer who meets nobody leads itself alone, without delay.
 *
 * The first that writes in a batch does so in the transaction itself, those after it in nested
 * ones.  What fails there, or if the commit fails, is run again in a transaction of its own,
 * and that answer counts: nobody pays for another's failure.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

#include "propstore/store_int.h"

/** How often a body is run before its conflict is passed on. */
#define RUNS_MAX 64
/** Bodies run in one transaction. */
#define BATCH_MAX 64
/** Of them, those that keep others waiting which could write. */
#define SETTLED_MAX 32

/** A body that is to be run; it is on the stack of the thread that waits for it. */
typedef struct job_t {
    store_write_fn *body;
    void *baton;
    int settled; /* it is to see what is committed only */
    int alone;   /* it is to be run in a transaction of its own */
    int runs;    /* as the first of a transaction */
    int leads;   /* its thread is to lead */
    int done;    /* STATUS is its answer */
    apr_status_t status;
    sem_t wake;       /* posted, once, when LEADS or DONE has been set */
    apr_pool_t *pool; /* cleared before each run */
    struct job_t *next;
} job_t;

/** Jobs in their order. */
typedef struct queue_t {
    job_t *first, *last;
} queue_t;

struct runner_t {
    pthread_mutex_t mutex;   /* guards the rest */
    int is_led;              /* a thread leads, or has been told to */
    queue_t settled, others; /* those that wait to be run */
};

/** Jobs run in one transaction; the leader's own. */
typedef struct batch_t {
    store_t *store;
    store_txn_t *txn; /* NULL: is to be begun */
    queue_t waiting;  /* those who wait for the commit; the first of them has written */
    queue_t failed;   /* those to be run again */
    int count;        /* of all jobs so far */
    int is_closed;    /* no further one may write */
    apr_pool_t *pool; /* its lifetime */
} batch_t;

static void push(queue_t *queue, job_t *job)
{
    job->next = NULL;
    if (queue->first == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
}

static void push_front(queue_t *queue, job_t *job)
{
    job->next = queue->first;
    queue->first = job;
    if (job->next == NULL)
        queue->last = job;
}

static job_t *pop(queue_t *queue)
{
    job_t *job = queue->first;

    if (job != NULL)
        queue->first = job->next;
    return job;
}

static queue_t *queue_of(runner_t *runner, const job_t *job)
{
    return job->settled ? &runner->settled : &runner->others;
}

static apr_status_t destroy(void *baton)
{
    pthread_mutex_destroy(&((runner_t *)baton)->mutex);
    return APR_SUCCESS;
}

runner_t *runner_create(apr_pool_t *result_pool)
{
    runner_t *runner = apr_pcalloc(result_pool, sizeof(*runner));

    pthread_mutex_init(&runner->mutex, NULL);
    apr_pool_cleanup_register(result_pool, runner, destroy, apr_pool_cleanup_null);
    return runner;
}

/* ---- answers ---- */

/** Give JOB its answer; nothing of it may be touched afterwards. */
static void answer(job_t *job, apr_status_t status)
{
    job->status = status == STORE_NOTHING ? APR_SUCCESS : status;
    job->done = 1;
    /* Not a condition variable: whom that wakes must first have the mutex that all share. */
    sem_post(&job->wake);
}

/** Let JOB be run again, before those who came later, in a transaction of its own. */
static void run_again(const batch_t *batch, job_t *job)
{
    runner_t *runner = batch->store->runner;

    job->alone = 1;
    pthread_mutex_lock(&runner->mutex);
    push_front(queue_of(runner, job), job);
    pthread_mutex_unlock(&runner->mutex);
}

/** Answer JOB, which had a transaction of its own; or run it again after a conflict. */
static void answer_own(const batch_t *batch, job_t *job, apr_status_t status)
{
    if (status == STORE_CONFLICT && job->runs < RUNS_MAX)
        run_again(batch, job);
    else
        answer(job, status);
}

/** Let all of QUEUE be run again, in the order they had. */
static void run_all_again(const batch_t *batch, queue_t *queue)
{
    queue_t turned = {NULL, NULL};
    job_t *job;

    while ((job = pop(queue)) != NULL)
        push_front(&turned, job);
    while ((job = pop(&turned)) != NULL)
        run_again(batch, job);
}

/** Commit what was written, if anything was, and give the answers that wait for it. */
static void end_batch(batch_t *batch)
{
    apr_status_t status = APR_SUCCESS;
    job_t *job;

    if (batch->txn != NULL && batch->waiting.first == NULL)
        store_abort(batch->txn);
    else if (batch->txn != NULL)
        status = store_commit(batch->txn);
    if (status != APR_SUCCESS && batch->waiting.first->next == NULL)
        answer_own(batch, batch->waiting.first, status);
    else if (status != APR_SUCCESS)
        run_all_again(batch, &batch->waiting);
    else
        while ((job = pop(&batch->waiting)) != NULL)
            answer(job, job->status);
    run_all_again(batch, &batch->failed);
}

/* ---- runs ---- */

/** The next job that may be run in BATCH; NULL if there is none. */
static job_t *take(batch_t *batch)
{
    runner_t *runner = batch->store->runner;
    int is_clean = batch->waiting.first == NULL;
    job_t *job = NULL;

    if (batch->is_closed || batch->count == BATCH_MAX)
        return NULL;
    pthread_mutex_lock(&runner->mutex);
    /* Those first that can only be first, and often write nothing; but not for ever. */
    if (is_clean && (batch->count < SETTLED_MAX || runner->others.first == NULL))
        job = pop(&runner->settled);
    if (job == NULL && runner->others.first != NULL && (is_clean || !runner->others.first->alone))
        job = pop(&runner->others);
    pthread_mutex_unlock(&runner->mutex);
    batch->count += job != NULL;
    return job;
}

/** Run JOB in the transaction itself, in which nobody has written. */
static void run_first(batch_t *batch, job_t *job)
{
    store_txn_t *txn = batch->txn;
    apr_status_t status;
    int has_written;

    job->runs++;
    status = job->body(txn, job->baton, job->pool);
    /* They may be in pools of the job's thread, which goes on as soon as it is answered. */
    store_end_cursors(txn);
    if (txn->failed != APR_SUCCESS && (status == APR_SUCCESS || status == STORE_NOTHING))
        status = txn->failed;
    has_written = txn->writes > 0;
    if (has_written && status == APR_SUCCESS) {
        job->status = status;
        push(&batch->waiting, job);
        batch->is_closed = job->alone || txn->vtable->nest == NULL;
        return;
    }
    /* What it wrote goes, and what a failure has left in the transaction. */
    if (has_written || (status != APR_SUCCESS && status != STORE_NOTHING)) {
        store_abort(txn);
        batch->txn = NULL;
    }
    apr_pool_clear(job->pool);
    answer_own(batch, job, status);
}

/** Run JOB after others have written. */
static void run_nested(batch_t *batch, job_t *job)
{
    store_txn_t *txn;
    apr_status_t status = store_nest(&txn, batch->txn, job->pool);

    if (status == APR_SUCCESS) {
        status = job->body(txn, job->baton, job->pool);
        if (status == APR_SUCCESS)
            status = store_commit(txn);
        else
            store_abort(txn);
    }
    job->status = status;
    push(status == APR_SUCCESS || status == STORE_NOTHING ? &batch->waiting : &batch->failed, job);
}

/** Run what is queued, and what comes meanwhile, in one transaction. */
static void run_batch(store_t *store, apr_pool_t *scratch_pool)
{
    batch_t batch = {.store = store, .pool = scratch_pool};
    job_t *job;

    while ((job = take(&batch)) != NULL) {
        apr_status_t status = APR_SUCCESS;

        apr_pool_clear(job->pool);
        if (batch.txn == NULL)
            status = store_begin(&batch.txn, store, STORE_WRITE, batch.pool);
        if (status != APR_SUCCESS) {
            job->runs++;
            answer_own(&batch, job, status);
        } else if (batch.waiting.first == NULL) {
            run_first(&batch, job);
        } else {
            run_nested(&batch, job);
        }
    }
    end_batch(&batch);
}

/** Run batches until OWN, the leader's job, is done, and let another thread lead then. */
static void lead(store_t *store, const job_t *own, apr_pool_t *scratch_pool)
{
    runner_t *runner = store->runner;
    apr_pool_t *batch_pool;
    job_t *next;

    apr_pool_create(&batch_pool, scratch_pool);
    apr_pool_tag(batch_pool, "store_batch");
    while (!own->done) {
        run_batch(store, batch_pool);
        apr_pool_clear(batch_pool);
    }
    apr_pool_destroy(batch_pool);
    pthread_mutex_lock(&runner->mutex);
    next = runner->settled.first != NULL ? runner->settled.first : runner->others.first;
    if (next == NULL)
        runner->is_led = 0;
    pthread_mutex_unlock(&runner->mutex);
    if (next != NULL) {
        next->leads = 1;
        sem_post(&next->wake);
    }
}

/** Queue JOB, and wait until somebody has run it, or run it. */
static apr_status_t run(store_t *store, job_t *job, apr_pool_t *scratch_pool)
{
    runner_t *runner = store->runner;
    int leads;

    apr_pool_create(&job->pool, scratch_pool);
    apr_pool_tag(job->pool, "store_write");
    sem_init(&job->wake, 0, 0);
    pthread_mutex_lock(&runner->mutex);
    push(queue_of(runner, job), job);
    leads = !runner->is_led;
    runner->is_led = 1;
    pthread_mutex_unlock(&runner->mutex);
    if (!leads) {
        while (sem_wait(&job->wake) != 0 && errno == EINTR)
            continue;
        leads = job->leads;
    }
    if (leads)
        lead(store, job, scratch_pool);
    sem_destroy(&job->wake);
    apr_pool_destroy(job->pool);
    return job->status;
}

apr_status_t store_write(store_t *store, store_write_fn *body, void *baton,
                         apr_pool_t *scratch_pool)
{
    job_t job = {.body = body, .baton = baton};

    return run(store, &job, scratch_pool);
}

apr_status_t store_write_settled(store_t *store, store_write_fn *body, void *baton,
                                 apr_pool_t *scratch_pool)
{
    job_t job = {.body = body, .baton = baton, .settled = 1};

    return run(store, &job, scratch_pool);
}
