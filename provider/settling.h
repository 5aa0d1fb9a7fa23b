/*
 * settling.h -- completing or undoing what one intent says, beside the files it speaks of.
 *
 * It takes one transaction, in which the file steps that are missing are made too: whoever dies
 * in it has done nothing, or file steps that the next finds done.
 */
#ifndef PROVIDER_SETTLING_H
#define PROVIDER_SETTLING_H

#include "propstore/intents.h"
#include "provider/pins.h"

/** Whose intent is settled. */
typedef enum settling_whose_e {
    SETTLING_ABANDONED, /**< one that nobody works on; any other is left */
    SETTLING_ANY,       /**< whoever works on it finds it gone, and fails */
    SETTLING_OWN        /**< of this process, after a failure: what can be undone is */
} settling_whose_e;

/**
 * Settle the intent with ID, if it is pending.  If that fails for SETTLING_OWN, nobody works on it
 * any more.
 * @return APR_SUCCESS, also if there was nothing to settle; ENOENT if its directories are not
 *         there; the system's error; the store's error
 */
apr_status_t settling_run(store_t *store, apr_uint64_t id, settling_whose_e whose,
                          apr_pool_t *scratch_pool);

/** Whether somebody still works on INTENT, as far as this process can tell. */
int settling_is_worked_on(const store_t *store, const intent_t *intent);

/** Note in which directories INTENT's paths are.  @param pins that hold them, or NULL */
void settling_locate(intent_t *intent, const pins_t *pins, apr_pool_t *scratch_pool);

/**
 * Note that, and who is at FROM, before INTENT is written down.
 * @return APR_SUCCESS; the system's error about FROM, which must exist
 */
apr_status_t settling_identify(intent_t *intent, const pins_t *pins, apr_pool_t *scratch_pool);

/**
 * Whether it can be told which of INTENT's files are there.
 * @return APR_SUCCESS; ENOENT if the directories are not those that it was written in; the
 *         system's error
 */
apr_status_t settling_can_tell(const intent_t *intent, apr_pool_t *scratch_pool);

/** Whether PATH is the file that INTENT is about. */
int settling_is_meant(const intent_t *intent, const char *path);

#endif /* PROVIDER_SETTLING_H */
