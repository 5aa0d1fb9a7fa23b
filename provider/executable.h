/*
 * executable.h -- the live property "executable" of http://apache.org/dav/props/: the
 * owner's execute permission.
 */
#ifndef PROVIDER_EXECUTABLE_H
#define PROVIDER_EXECUTABLE_H

#include <sys/types.h>

#include <apr_errno.h>

#include "propstore/filestat.h"

/** What to answer, with 409, when executable_parse() refuses. */
#define EXECUTABLE_WRONG_VALUE "The property \"executable\" is T or F and cannot be removed."

/** Read a value.  @return non-zero if it is "T" or "F", with *ON_P set */
int executable_parse(int *on_p, const char *value);

/**
 * Give the file at PATH the execute permission, or take it away, durably.
 * @param linked what PATH may lead to as a symbolic link; NULL: it must be none
 * @param old_mode_p set to its permissions before, for executable_restore()
 * @return APR_SUCCESS or the system's error
 */
apr_status_t executable_set(const char *path, const filestat_t *linked, int on, mode_t *old_mode_p);

/** Undo executable_set().  @return APR_SUCCESS or the system's error */
apr_status_t executable_restore(const char *path, const filestat_t *linked, mode_t old_mode);

#endif /* PROVIDER_EXECUTABLE_H */
