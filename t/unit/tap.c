#include "t/unit/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "propstore/store.h"

static int run, failed;

static int report(int condition, const char *format, va_list args)
{
    run++;
    failed += !condition;
    printf("%sok %d - ", condition ? "" : "not ", run);
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    return condition;
}

int ok(int condition, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(condition, format, args);
    va_end(args);
    return condition;
}

int is_int(long long got, long long wanted, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(got == wanted, format, args);
    va_end(args);
    if (got != wanted)
        diag("got %lld, wanted %lld", got, wanted);
    return got == wanted;
}

int is_str(const char *got, const char *wanted, const char *format, ...)
{
    int same = got == wanted || (got != NULL && wanted != NULL && strcmp(got, wanted) == 0);
    va_list args;

    va_start(args, format);
    report(same, format, args);
    va_end(args);
    if (!same)
        diag("got \"%s\", wanted \"%s\"", got ? got : "(null)", wanted ? wanted : "(null)");
    return same;
}

int is_status(apr_status_t got, apr_status_t wanted, const char *format, ...)
{
    char got_words[128], wanted_words[128];
    va_list args;

    va_start(args, format);
    report(got == wanted, format, args);
    va_end(args);
    if (got != wanted)
        diag("got \"%s\", wanted \"%s\"", store_strerror(got, got_words, sizeof(got_words)),
             store_strerror(wanted, wanted_words, sizeof(wanted_words)));
    return got == wanted;
}

void diag(const char *format, ...)
{
    va_list args;

    printf("# ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

int done_testing(void)
{
    printf("1..%d\n", run);
    return failed == 0 && run > 0 ? 0 : 1;
}
