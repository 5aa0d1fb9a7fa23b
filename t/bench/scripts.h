/*
 * scripts.h -- what the clients of the load generator ask, request by request.
 */
#ifndef BENCH_SCRIPTS_H
#define BENCH_SCRIPTS_H

#include "t/bench/reply.h"

/** Room for a request. */
#define SCRIPTS_REQUEST_SIZE 8192

/** What all clients work on. */
typedef struct work_t {
    const char *base;         /**< path, without a slash at its end */
    unsigned long count;      /**< members, or folders, there are */
    unsigned long every;      /**< for "fill": which of them get properties */
    unsigned long props;      /**< for "fill": how many each */
    unsigned long per_folder; /**< for "fill": members of a folder; 0: all in one */
    unsigned long next;       /**< for "fill": the member nobody has taken yet */
    unsigned clients;
} work_t;

/** A client, as its script sees it. */
typedef struct client_t {
    unsigned index;               /**< from 0 */
    unsigned long step;           /**< requests sent before */
    unsigned long failures;       /**< of them, how many were not answered with a 2xx */
    unsigned random;              /**< its generator's state */
    unsigned long target;         /**< what the request before was about */
    char token[REPLY_TOKEN_SIZE]; /**< the lock it holds; "" for none */
} client_t;

/**
 * Write the client's next request.
 * @param request SCRIPTS_REQUEST_SIZE bytes
 * @return its length; 0 if there is nothing left to do
 */
typedef size_t script_fn(char *request, client_t *client, work_t *work);

/** The script called NAME, or NULL. */
script_fn *scripts_find(const char *name);

#endif /* BENCH_SCRIPTS_H */
