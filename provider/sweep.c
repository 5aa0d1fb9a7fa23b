#include "provider/sweep.h"

#include "propstore/intents.h"
#include "provider/recovery.h"
#include "provider/removal.h"
#include "provider/settling.h"

/** An intent to clear away, of a process that is gone. */
typedef struct claim_t {
    apr_uint64_t id;
    intent_t intent;
    int claimed; /* it is ours now */
    apr_pool_t *pool;
} claim_t;

static int is_left(const intent_t *intent)
{
    return intent->kind == INTENT_CLEAR && !process_is_alive(&intent->owner);
}

/** store_write_fn: make the intent ours, unless somebody else was first. */
static apr_status_t claim_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    claim_t *claim = baton;
    apr_status_t status = intents_get(&claim->intent, txn, claim->id, claim->pool);

    claim->claimed = status == APR_SUCCESS && is_left(&claim->intent);
    if (status == STORE_ABSENT || (status == APR_SUCCESS && !claim->claimed))
        return STORE_NOTHING;
    return status == APR_SUCCESS ? intents_add(txn, &claim->intent, scratch_pool) : status;
}

static apr_status_t list(apr_array_header_t **intents_p, store_t *store, apr_pool_t *result_pool)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, result_pool);

    *intents_p = apr_array_make(result_pool, 4, sizeof(intent_t));
    if (status != APR_SUCCESS)
        return status;
    status = intents_list(*intents_p, txn);
    store_abort(txn);
    return status;
}

apr_status_t sweep_run(store_t *store, apr_pool_t *scratch_pool)
{
    apr_array_header_t *intents;
    apr_pool_t *pool, *iterpool;
    apr_status_t status;

    apr_pool_create(&pool, scratch_pool);
    apr_pool_create(&iterpool, pool);
    status = recovery_settle(store, NULL, pool);
    if (status == APR_SUCCESS)
        status = list(&intents, store, pool);
    for (int i = 0; status == APR_SUCCESS && i < intents->nelts; i++) {
        const intent_t *intent = &APR_ARRAY_IDX(intents, i, intent_t);
        claim_t claim = {.id = intent->id, .pool = iterpool};

        apr_pool_clear(iterpool);
        if (!is_left(intent) || settling_can_tell(intent, iterpool) != APR_SUCCESS)
            continue;
        status = store_write(store, claim_body, &claim, iterpool);
        /* What stays has been logged. */
        if (status == APR_SUCCESS && claim.claimed)
            (void)removal_clear(store, NULL, &claim.intent, NULL, NULL, NULL, iterpool);
    }
    apr_pool_destroy(pool);
    return status;
}
