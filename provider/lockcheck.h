/*
 * lockcheck.h -- whether a request may go on as far as its If header and locks are concerned
 * (RFC 4918 sections 7 and 10.4).
 *
 * mod_dav's core has a check of its own, with the If header of RFC 2518, no owner of a
 * lock, and a visit to every member.  Ours is made first, and then the core is told of
 * neither locks nor If header.
 */
#ifndef PROVIDER_LOCKCHECK_H
#define PROVIDER_LOCKCHECK_H

#include <mod_dav.h>

#include "propstore/locks.h"

/** What a request does to a resource. */
typedef enum lockcheck_effect_e {
    LOCKCHECK_NOTHING = 0,
    LOCKCHECK_CONTENT = 1, /**< its content or properties change: its locks count */
    LOCKCHECK_MEMBER = 2,  /**< it comes or goes: the locks of its collection count */
    LOCKCHECK_TREE = 4     /**< what is below comes or goes, too: all locks below count */
} lockcheck_effect_e;

/** A resource and what is done to it. */
typedef struct lockcheck_target_t {
    const dav_resource *resource;
    unsigned effects; /**< lockcheck_effect_e bits */
} lockcheck_target_t;

/** What stands in a request's way: locks, or (authz.h) collections that are forbidden. */
typedef struct lockcheck_refusal_t {
    int http_status;           /**< 0: nothing does */
    const char *precondition;  /**< local name in DAV:, or NULL */
    apr_array_header_t *hrefs; /**< const char *, escaped: locked resources it speaks of */
    int own; /**< the request's own resource, or its collection, is concerned: not only members,
                  for which a 207 speaks */
    const char *description; /**< words for the log */
} lockcheck_refusal_t;

/**
 * Evaluate R's If header, and see that it submits the tokens of all locks that count.
 * @param targets COUNT of them, the request's own resource first
 * @return NULL with *REFUSAL filled in; an error if that could not be found out
 */
dav_error *lockcheck_request(lockcheck_refusal_t *refusal, request_rec *r,
                             const lockcheck_target_t *targets, int count);

/**
 * The same for the locks there are now, for a request that has passed lockcheck_request() and
 * has since read a body, or copied a tree.  Whoever holds the write transaction TXN from here
 * to the end of the change knows that no lock comes in between.
 * @param r the request, or a sub-request of it
 * @return NULL; 423; an error if it could not be found out
 */
dav_error *lockcheck_again(request_rec *r, store_txn_t *txn);

/** Answer a refusal.  @return as a handler does */
int lockcheck_answer(request_rec *r, const lockcheck_refusal_t *refusal);

/**
 * The tokens R's If header submits that are locks of R's user, as lock_token_t in r->pool.
 * @return NULL if the header is not well-formed
 */
apr_array_header_t *lockcheck_submitted(request_rec *r);

/** Whether R's user may use LOCK: its own, or one nobody in particular took out. */
int lockcheck_is_own(const request_rec *r, const lock_t *lock);

#endif /* PROVIDER_LOCKCHECK_H */
