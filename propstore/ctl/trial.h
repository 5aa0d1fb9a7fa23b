/*
 * trial.h -- work on what may be damaged, in a process of its own.
 */
#ifndef PROPSTORE_CTL_TRIAL_H
#define PROPSTORE_CTL_TRIAL_H

#include "propstore/ctl/ctl.h"

/**
 * The work.  It opens its stores itself and closes them: a store passes through no fork(2).
 * @param result to be filled in for ctl_try()'s caller; all zero before
 * @return one of the exit codes; what is not CTL_FINE has been reported
 */
typedef int ctl_work_fn(ctl_t *ctl, void *baton, void *result);

/**
 * Do WORK in a child process: a backend may answer a damaged file with a signal, and the
 * program is still there to say so and to clear up.  An interruption is passed on to the child.
 * @param what the work reads, for the report: "the store in /path"
 * @param result,size where the child's result is copied to when WORK has answered; of a size
 *        that goes through a pipe at once (PIPE_BUF); NULL and 0 for none
 * @return what WORK answered; CTL_FAILED, reported, if it did not come to that
 */
int ctl_try(ctl_t *ctl, const char *what, ctl_work_fn *work, void *baton, void *result,
            size_t size);

#endif /* PROPSTORE_CTL_TRIAL_H */
