/*
 * child.h -- child processes with a store of their own.
 */
#ifndef T_UNIT_CHILD_H
#define T_UNIT_CHILD_H

#include <sys/types.h>

#include <apr_pools.h>

#include "propstore/store.h"

/** A child. */
typedef struct child_t {
    pid_t pid;
    int ready; /**< the end of a pipe on which it says that it is ready */
} child_t;

/** What a child does.  STORE is its own.  @return its exit status, 0 if all went well */
typedef int child_fn(store_t *store, apr_pool_t *scratch_pool);

/**
 * Start a child that opens a store and runs WORK.  Call it before there are threads.
 * @param location,params of an LMDB store, as in fixture_open()
 */
void child_start(child_t *child, const char *location, const char *params, child_fn *work);

/** In a child: tell the parent that it is where it should be. */
void child_say_ready(void);

/** In a child: tell the parent, then wait to be killed. */
int child_stay(void);

/** Wait until CHILD says that it is ready.  @return whether it did */
int child_wait_ready(const child_t *child);

/** Wait for CHILD's end.  @return its exit status, or 128 and the signal's number */
int child_wait(const child_t *child);

/** Kill CHILD and wait for its end.  @return as child_wait() */
int child_kill(const child_t *child);

#endif /* T_UNIT_CHILD_H */
