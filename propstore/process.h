/*
 * process.h -- which process something belongs to, and whether that still runs.
 */
#ifndef PROPSTORE_PROCESS_H
#define PROPSTORE_PROCESS_H

#include <apr_errno.h>

/** A process of this machine, told from all there ever were or will be. */
typedef struct process_t {
    apr_uint32_t pid;
    apr_uint64_t start; /**< when it was started, in the kernel's ticks: pids come again */
    apr_uint64_t boot;  /**< of the machine's present run, so do ticks */
} process_t;

/** This process.  Safe in any thread, and after fork(2).  @return APR_SUCCESS or the system's error
 */
apr_status_t process_self(process_t *self);

/**
 * Whether PROCESS still runs, with any thread: one that was killed may still be in the middle of
 * a rename.  If that cannot be told, it does.  It takes one system call for a process that was
 * asked about before, none for this one.
 */
int process_is_alive(const process_t *process);

#endif /* PROPSTORE_PROCESS_H */
