#include <stdio.h>
#include <unistd.h>

#include <apr_time.h>

#include "propstore/ctl/ctl.h"

/** Shorter work has no bar. */
#define FIRST_SHOWN apr_time_from_sec(1)
/** Between two drawings. */
#define INTERVAL apr_time_from_msec(200)
/** How many steps are taken before the clock is read again. */
#define STEPS 64
/** Columns of the bar itself. */
#define BAR_WIDTH 40

struct ctl_progress_t {
    const char *what;
    apr_uint64_t total;
    apr_time_t next; /**< when to draw again */
    unsigned steps;
    int shown;
};

static apr_status_t end_of_pool(void *progress)
{
    ctl_progress_end(progress);
    return APR_SUCCESS;
}

ctl_progress_t *ctl_progress_begin(const ctl_t *ctl, const char *what, apr_uint64_t total,
                                   apr_pool_t *result_pool)
{
    ctl_progress_t *progress;

    if (ctl->json || !isatty(STDERR_FILENO))
        return NULL;
    progress = apr_pcalloc(result_pool, sizeof(*progress));
    progress->what = what;
    progress->total = total;
    progress->next = apr_time_now() + FIRST_SHOWN;
    apr_pool_cleanup_register(result_pool, progress, end_of_pool, apr_pool_cleanup_null);
    return progress;
}

static void draw(const ctl_progress_t *progress, apr_uint64_t done)
{
    static const char full[] = "########################################";
    apr_uint64_t total = progress->total;
    int columns;

    if (total == 0) {
        fprintf(stderr, "\r%s: %" APR_UINT64_T_FMT, progress->what, done);
        return;
    }
    if (done > total)
        done = total;
    columns = (int)((double)done / (double)total * BAR_WIDTH);
    fprintf(stderr, "\r%s [%.*s%*s] %3d %%", progress->what, columns, full, BAR_WIDTH - columns, "",
            (int)((double)done / (double)total * 100));
}

void ctl_progress(ctl_progress_t *progress, apr_uint64_t done)
{
    apr_time_t now;

    if (progress == NULL || ++progress->steps % STEPS != 0)
        return;
    now = apr_time_now();
    if (now < progress->next)
        return;
    progress->next = now + INTERVAL;
    progress->shown = 1;
    draw(progress, done);
}

int ctl_go_on(void *progress, apr_uint64_t done)
{
    ctl_progress(progress, done);
    return !ctl_interrupted();
}

void ctl_progress_end(ctl_progress_t *progress)
{
    if (progress != NULL && progress->shown) {
        fputs("\r\033[K", stderr);
        progress->shown = 0;
    }
}
