#include "provider/recovery.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "provider/settling.h"

/** How long a living process is waited for: at first, at most at a time, and in all. */
#define PAUSE_FIRST apr_time_from_msec(1)
#define PAUSE_MAX apr_time_from_msec(20)
#define WAIT_MAX apr_time_from_sec(20)
/** How long, before its intent is settled in its place: it may have given it up. */
#define SETTLE_AFTER apr_time_from_sec(2)

/** A look at what is pending. */
typedef struct look_t {
    const char *const *paths; /* COUNT of them, that it is about */
    int count;
    int reads;                 /* whether it is about what is there, and in there, alone */
    apr_uint64_t own;          /* an intent that is not looked at */
    apr_array_header_t *stuck; /* apr_uint64_t: the ids of those that could not be settled */
    apr_array_header_t *dead;  /* apr_uint64_t: found to be settled */
    apr_array_header_t *busy;  /* apr_uint64_t: those in the way that are living processes' */
    int blocked;               /* one in the way could not be settled */
    apr_interval_time_t pause, waited;
} look_t;

/** Settle what LOOK found, and note what cannot be. */
static void settle_found(store_t *store, look_t *look, apr_pool_t *scratch_pool)
{
    for (int i = 0; i < look->dead->nelts; i++) {
        apr_uint64_t id = APR_ARRAY_IDX(look->dead, i, apr_uint64_t);

        if (settling_run(store, id, SETTLING_ABANDONED, scratch_pool) != APR_SUCCESS)
            APR_ARRAY_PUSH(look->stuck, apr_uint64_t) = id;
    }
}

apr_status_t recovery_undo(store_t *store, const intent_t *intent, apr_pool_t *scratch_pool)
{
    return settling_run(store, intent->id, SETTLING_OWN, scratch_pool);
}

/* ---- looking ---- */

/** Whether PATH is TOP or lies below it. */
static int is_within(const char *path, const char *top)
{
    apr_size_t length = strlen(top);

    if (length == 0 || strncmp(path, top, length) != 0)
        return 0;
    return path[length] == '\0' || path[length] == '/' || top[length - 1] == '/';
}

/** Whether OWN is PATH, lies above it, or is a member of it. */
static int is_near(const char *own, const char *path)
{
    apr_size_t length = strlen(path);

    return is_within(path, own) || (is_within(own, path) && strrchr(own, '/') <= own + length);
}

/** Whether INTENT is about one of LOOK's paths. */
static int concerns(const intent_t *intent, const look_t *look)
{
    const char *const own[] = {intent->from, intent->to};

    for (int i = 0; i < look->count; i++) {
        for (size_t j = 0; j < sizeof(own) / sizeof(own[0]); j++) {
            if (*own[j] != '\0' && (look->reads ? is_near(own[j], look->paths[i])
                                                : is_within(look->paths[i], own[j]) ||
                                                      is_within(own[j], look->paths[i])))
                return 1;
        }
    }
    return 0;
}

static int is_stuck(const look_t *look, apr_uint64_t id)
{
    for (int i = 0; i < look->stuck->nelts; i++) {
        if (APR_ARRAY_IDX(look->stuck, i, apr_uint64_t) == id)
            return 1;
    }
    return 0;
}

/** Look at what is pending. */
static apr_status_t look_at(look_t *look, store_txn_t *txn, apr_pool_t *scratch_pool)
{
    apr_array_header_t *intents = apr_array_make(scratch_pool, 0, sizeof(intent_t));
    apr_status_t status = intents_list(intents, txn);

    look->blocked = 0;
    apr_array_clear(look->busy);
    apr_array_clear(look->dead);
    for (int i = 0; i < intents->nelts; i++) {
        const intent_t *intent = &APR_ARRAY_IDX(intents, i, intent_t);
        int is_dead;

        if (intent->kind == INTENT_CLEAR || intent->id == look->own)
            continue;
        is_dead = !settling_is_worked_on(store_txn_store(txn), intent);
        if (is_dead && !is_stuck(look, intent->id))
            APR_ARRAY_PUSH(look->dead, apr_uint64_t) = intent->id;
        else if (concerns(intent, look) && is_dead)
            look->blocked = 1;
        else if (concerns(intent, look))
            APR_ARRAY_PUSH(look->busy, apr_uint64_t) = intent->id;
    }
    return status;
}

static void begin_look(look_t *look, const char *const *paths, int count, apr_pool_t *result_pool)
{
    *look = (look_t){.paths = paths, .count = count, .pause = PAUSE_FIRST};
    look->stuck = apr_array_make(result_pool, 0, sizeof(apr_uint64_t));
    look->busy = apr_array_make(result_pool, 0, sizeof(apr_uint64_t));
    look->dead = apr_array_make(result_pool, 0, sizeof(apr_uint64_t));
}

/** Whether nothing is in the way any more. */
static int is_clear(const look_t *look)
{
    return look->dead->nelts == 0 && look->busy->nelts == 0 && !look->blocked;
}

/** Settle what LOOK found, or wait a little.  @return APR_SUCCESS; STORE_BUSY after a long time */
static apr_status_t clear_way(store_t *store, look_t *look, apr_pool_t *scratch_pool)
{
    settle_found(store, look, scratch_pool);
    if (look->blocked)
        return STORE_BUSY;
    if (look->busy->nelts == 0)
        return APR_SUCCESS;
    if (look->waited >= WAIT_MAX)
        return STORE_BUSY;
    /* Its owner finds that out with its next step, which then fails. */
    for (int i = 0; i < look->busy->nelts && look->waited >= SETTLE_AFTER; i++)
        (void)settling_run(store, APR_ARRAY_IDX(look->busy, i, apr_uint64_t), SETTLING_ANY,
                           scratch_pool);
    apr_sleep(look->pause);
    look->waited += look->pause;
    if (look->pause < PAUSE_MAX)
        look->pause *= 2;
    return APR_SUCCESS;
}

apr_status_t recovery_read(store_txn_t **txn_p, store_t *store, const char *path,
                           apr_pool_t *result_pool)
{
    apr_pool_t *pool;
    look_t look;
    apr_status_t status;

    apr_pool_create(&pool, result_pool);
    if (path != NULL) {
        apr_size_t length = strlen(path);

        while (length > 1 && path[length - 1] == '/')
            length--;
        path = apr_pstrmemdup(pool, path, length);
    }
    begin_look(&look, &path, path != NULL, pool);
    look.reads = 1;
    do {
        status = store_begin(txn_p, store, STORE_READ, result_pool);
        if (status != APR_SUCCESS)
            break;
        status = look_at(&look, *txn_p, pool);
        if (status == APR_SUCCESS && is_clear(&look))
            break;
        store_abort(*txn_p);
        if (status == APR_SUCCESS)
            status = clear_way(store, &look, pool);
    } while (status == APR_SUCCESS);
    apr_pool_destroy(pool);
    return status;
}

apr_status_t recovery_settle(store_t *store, const char *path, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    apr_status_t status = recovery_read(&txn, store, path, scratch_pool);

    if (status == APR_SUCCESS)
        store_abort(txn);
    return status;
}

/* ---- writing ---- */

/** A write behind a look. */
typedef struct guarded_t {
    look_t look;
    const pins_t *pins;
    store_write_fn *body;
    void *baton;
} guarded_t;

/** store_write_fn: the body, if the way is clear. */
static apr_status_t guarded_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    guarded_t *guarded = baton;
    apr_uint64_t own = guarded->look.own;
    intent_t intent;
    apr_status_t status = look_at(&guarded->look, txn, scratch_pool);

    if (status == APR_SUCCESS && own != 0)
        status = intents_get(&intent, txn, own, scratch_pool);
    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? STORE_BUSY : status;
    if (!is_clear(&guarded->look))
        return STORE_NOTHING;
    for (int i = 0; i < guarded->look.count && status == APR_SUCCESS; i++)
        status = pins_check(guarded->pins, guarded->look.paths[i]);
    return status == APR_SUCCESS ? guarded->body(txn, guarded->baton, scratch_pool) : status;
}

apr_status_t recovery_write(store_t *store, const recovery_scope_t *scope, store_write_fn *body,
                            void *baton, apr_pool_t *scratch_pool)
{
    apr_status_t (*write)(store_t *, store_write_fn *, void *, apr_pool_t *) =
        scope->store_only ? store_write : store_write_settled;
    guarded_t guarded = {.pins = scope->pins, .body = body, .baton = baton};
    int count = (scope->paths[0] != NULL) + (scope->paths[1] != NULL);
    apr_pool_t *pool, *iterpool;
    apr_status_t status;

    apr_pool_create(&pool, scratch_pool);
    apr_pool_create(&iterpool, pool);
    begin_look(&guarded.look, scope->paths, count, pool);
    guarded.look.own = scope->own;
    for (;;) {
        apr_pool_clear(iterpool);
        status = write(store, guarded_body, &guarded, iterpool);
        if (status != APR_SUCCESS || is_clear(&guarded.look))
            break;
        status = clear_way(store, &guarded.look, iterpool);
        if (status != APR_SUCCESS)
            break;
    }
    apr_pool_destroy(pool);
    return status;
}
