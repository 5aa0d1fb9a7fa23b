/*
 * pins.h -- the directories that a request's paths are in, held open.
 *
 * Where Options do not let symbolic links be followed, httpd looks for them on a path's way
 * once, before the request is run.  Whoever may write in the tree could put one there afterwards,
 * and lead the request out of the drive.  So the directory of each path that a request acts on is
 * opened, links refused, and system calls go through that open directory: /proc/self/fd/N/NAME.
 * The path itself stays the name of the resource, for the store and for messages.
 *
 * Where links are followed (Options FollowSymLinks, httpd's default) they may be there at any time,
 * and nothing is held.
 */
#ifndef PROVIDER_PINS_H
#define PROVIDER_PINS_H

#include <apr_errno.h>
#include <apr_pools.h>

/** What a request, with its sub-requests, holds open (pinning.h).  NULL is taken for nothing. */
typedef struct pins_t pins_t;

/** Holds nothing yet.  @param result_pool its lifetime; closes what it holds */
pins_t *pins_create(apr_pool_t *result_pool);

/** Whether the directory that PATH is in is held, or noted as absent. */
int pins_has(const pins_t *pins, const char *path);

/**
 * Hold the directory that PATH is in.
 * @param fd it, for PINS to close; -1: it is not there, and pins_path() leads nowhere
 */
void pins_hold(pins_t *pins, const char *path, int fd);

/**
 * The path for system calls on what is at PATH.
 * @return PATH if its directory is not held; else one in RESULT_POOL, valid as long as PINS
 */
const char *pins_path(const pins_t *pins, const char *path, apr_pool_t *result_pool);

/**
 * See, in the writer's turn, that the directory that is held for PATH is still what that names:
 * that no other request has moved it away, and with it what the store knows and which locks are
 * in force.
 * @return APR_SUCCESS, also if none is held; ENOENT if it was moved or removed; the system's error
 */
apr_status_t pins_check(const pins_t *pins, const char *path);

#endif /* PROVIDER_PINS_H */
