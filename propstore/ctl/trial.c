#include "propstore/ctl/trial.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/** In the child: do the work, and write its result to OUT.  @return the exit status */
static int work_in_child(ctl_t *ctl, ctl_work_fn *work, void *baton, void *result, size_t size,
                         int out)
{
    const struct rlimit no_core = {0, 0};
    int answer;

    /* A damaged file is no reason for one; and the parent says what happened, not a handler. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGBUS, SIG_DFL);
    (void)signal(SIGSEGV, SIG_DFL);
    answer = work(ctl, baton, result);
    if (fflush(stdout) != 0 || ferror(stdout))
        return ctl_fail(ctl, APR_SUCCESS, "could not write to standard output");
    if (size > 0 && write(out, result, size) != (ssize_t)size)
        return ctl_fail(ctl, errno, "could not tell the result");
    return answer;
}

/** Wait until the child has closed its end of the pipe; pass an interruption on, once. */
static void wait_for_end(pid_t child, int in)
{
    struct pollfd end = {.fd = in, .events = POLLIN};
    int passed_on = 0;

    while (poll(&end, 1, -1) < 0 && errno == EINTR) {
        if (ctl_interrupted() && !passed_on)
            passed_on = kill(child, SIGTERM) == 0;
    }
}

int ctl_try(ctl_t *ctl, const char *what, ctl_work_fn *work, void *baton, void *result, size_t size)
{
    int ends[2], status = 0, is_whole;
    pid_t child;

    if (size > 0)
        memset(result, 0, size);
    if (pipe(ends) != 0)
        return ctl_fail(ctl, errno, "could not make a pipe");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(work_in_child(ctl, work, baton, result, size, ends[1]));
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return ctl_fail(ctl, errno, "could not start a process");
    }
    wait_for_end(child, ends[0]);
    is_whole = size == 0 || read(ends[0], result, size) == (ssize_t)size;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child)
        return ctl_fail(ctl, errno, "could not wait for a process");
    if (WIFSIGNALED(status) && !ctl_interrupted())
        return ctl_fail(ctl, APR_SUCCESS, "%s is damaged: reading it was ended by signal %d", what,
                        WTERMSIG(status));
    if (WIFSIGNALED(status) || (WEXITSTATUS(status) == CTL_FINE && !is_whole))
        return CTL_FAILED;
    return WEXITSTATUS(status);
}
