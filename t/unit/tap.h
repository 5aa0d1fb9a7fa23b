/*
 * tap.h -- Test Anything Protocol for C programs: checks while running, the plan at the end.
 */
#ifndef T_UNIT_TAP_H
#define T_UNIT_TAP_H

#include <apr_errno.h>

/** Report a check.  The description is printf's.  @return CONDITION */
int ok(int condition, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Check that GOT is WANTED, and say both if not. */
int is_int(long long got, long long wanted, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The same for strings; NULL equals only NULL. */
int is_str(const char *got, const char *wanted, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The same for a status, in the store's words. */
int is_status(apr_status_t got, apr_status_t wanted, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Print a comment line. */
void diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Print the plan.  @return the program's exit status */
int done_testing(void);

#endif /* T_UNIT_TAP_H */
