#include "propstore/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_strings.h>

/** Processes that are watched at a time; more only cost more. */
#define WATCHED_MAX 64

/** A process with a descriptor that tells of its end, whoever gets its id afterwards. */
typedef struct watched_t {
    process_t process;
    int fd;
} watched_t;

/* What has been learnt, by the process KNOWN_BY. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pid_t known_by;
static process_t known;
static watched_t watched[WATCHED_MAX];
static unsigned watched_count, next_place;

/* ---- what the kernel says ---- */

/** Read a small file of the kernel's into BUF as a string. */
static apr_status_t read_proc(char *buf, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    apr_status_t status = APR_SUCCESS;
    ssize_t got;

    if (fd < 0)
        return errno;
    got = read(fd, buf, size - 1);
    if (got < 0)
        status = errno;
    else
        buf[got] = '\0';
    close(fd);
    return status;
}

/** When process PID was started.  @param ended_p whether it has ended, and only its id is left */
static apr_status_t read_start(apr_uint64_t *start_p, int *ended_p, apr_uint32_t pid)
{
    char path[64], text[1024], *at;
    apr_status_t status;
    int is_zombie;

    apr_snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    status = read_proc(text, sizeof(text), path);
    if (status != APR_SUCCESS)
        return status;
    /* The name in parentheses may hold anything; the state is the field behind it, the number
     * of threads the 20th of all, the start the 22nd. */
    at = strrchr(text, ')');
    is_zombie = at != NULL && (strncmp(at, ") Z", 3) == 0 || strncmp(at, ") X", 3) == 0);
    for (int field = 2; at != NULL && field < 20; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return APR_EGENERAL;
    *ended_p = is_zombie && strtoul(at, NULL, 10) <= 1;
    for (int field = 20; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return APR_EGENERAL;
    *start_p = strtoull(at, NULL, 10);
    return APR_SUCCESS;
}

static apr_status_t read_boot(apr_uint64_t *boot_p)
{
    char text[64];
    apr_status_t status = read_proc(text, sizeof(text), "/proc/sys/kernel/random/boot_id");

    /* The first 48 bits of a random UUID. */
    if (status == APR_SUCCESS)
        *boot_p = strtoull(text, NULL, 16) << 16 | strtoull(text + 9, NULL, 16);
    return status;
}

/* ---- what is remembered ---- */

/** Learn about this process.  The caller holds the mutex. */
static apr_status_t learn(void)
{
    pid_t pid = getpid();
    apr_status_t status;
    int ended;

    if (known_by == pid)
        return APR_SUCCESS;
    known.pid = (apr_uint32_t)pid;
    status = read_boot(&known.boot);
    if (status == APR_SUCCESS)
        status = read_start(&known.start, &ended, known.pid);
    if (status == APR_SUCCESS)
        known_by = pid;
    return status;
}

static int is_same(const process_t *a, const process_t *b)
{
    return a->pid == b->pid && a->start == b->start && a->boot == b->boot;
}

/** Whether the process that FD stands for, and each of its threads, has ended. */
static int has_ended(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};

    return poll(&end, 1, 0) == 1 && (end.revents & POLLIN) != 0;
}

/** Keep FD, in the place of the one kept longest if there are too many. */
static void watch(const process_t *process, int fd)
{
    if (watched_count < WATCHED_MAX) {
        watched[watched_count++] = (watched_t){*process, fd};
        return;
    }
    close(watched[next_place].fd);
    watched[next_place] = (watched_t){*process, fd};
    next_place = (next_place + 1) % WATCHED_MAX;
}

/** Whether PROCESS, of this run of the machine and not watched, runs; watch it if so. */
static int is_found_alive(const process_t *process)
{
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)process->pid, 0), ended, alive;
    apr_uint64_t start;
    apr_status_t status;

    if (fd < 0 && errno == ESRCH)
        return 0;
    /* With the descriptor open the id stays its own, unless it was another's already. */
    status = read_start(&start, &ended, process->pid);
    if (status != APR_SUCCESS)
        alive = status != ENOENT && status != ESRCH;
    else
        alive = start == process->start && (fd >= 0 ? !has_ended(fd) : !ended);
    if (fd >= 0 && alive && status == APR_SUCCESS)
        watch(process, fd);
    else if (fd >= 0)
        close(fd);
    return alive;
}

/** process_is_alive(), with the mutex held. */
static int is_alive(const process_t *process)
{
    if (learn() != APR_SUCCESS || is_same(process, &known))
        return 1;
    if (process->boot != known.boot)
        return 0;
    for (unsigned i = 0; i < watched_count; i++) {
        if (!is_same(&watched[i].process, process))
            continue;
        if (!has_ended(watched[i].fd))
            return 1;
        close(watched[i].fd);
        watched[i] = watched[--watched_count];
        return 0;
    }
    return is_found_alive(process);
}

/* ---- the functions ---- */

apr_status_t process_self(process_t *self)
{
    apr_status_t status;

    pthread_mutex_lock(&mutex);
    status = learn();
    *self = known;
    pthread_mutex_unlock(&mutex);
    return status;
}

int process_is_alive(const process_t *process)
{
    int alive;

    pthread_mutex_lock(&mutex);
    alive = is_alive(process);
    pthread_mutex_unlock(&mutex);
    return alive;
}
