#include "t/unit/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/fixture.h"

/** No child lives longer, whatever becomes of its parent. */
#define CHILD_SECONDS 120

/** In a child: where it says that it is ready. */
static int ready_end = -1;

void child_start(child_t *child, const char *location, const char *params, child_fn *work)
{
    int ends[2];

    child->pid = -1;
    child->ready = -1;
    if (pipe(ends) != 0)
        return;
    child->pid = fork();
    if (child->pid == 0) {
        apr_pool_t *pool;
        store_t *store;
        int answer;

        close(ends[0]);
        ready_end = ends[1];
        alarm(CHILD_SECONDS);
        apr_pool_create(&pool, NULL);
        if (fixture_open(&store, "lmdb", location, params, pool) != APR_SUCCESS)
            _exit(100);
        answer = work(store, pool);
        store_close(store);
        _exit(answer);
    }
    close(ends[1]);
    child->ready = ends[0];
}

void child_say_ready(void)
{
    if (write(ready_end, "!", 1) != 1)
        _exit(101);
}

int child_stay(void)
{
    child_say_ready();
    pause();
    return 102;
}

int child_wait_ready(const child_t *child)
{
    char c;

    return read(child->ready, &c, 1) == 1;
}

int child_wait(const child_t *child)
{
    int status = 0;

    close(child->ready);
    if (child->pid < 0 || waitpid(child->pid, &status, 0) != child->pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_kill(const child_t *child)
{
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
    return child_wait(child);
}
