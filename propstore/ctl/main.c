/*
 * depotctl -- checks, backs up, moves over and looks into property stores.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "propstore/ctl/commands.h"

#ifndef DEPOT_VERSION
#error "the build says which version this is"
#endif

static const ctl_command_t *const commands[] = {
    &ctl_backup, &ctl_check,   &ctl_dump,   &ctl_gc,       &ctl_load,
    &ctl_locks,  &ctl_migrate, &ctl_props,  &ctl_relocate, &ctl_restore,
    &ctl_set,    &ctl_stat,    &ctl_unlock, &ctl_unset,    NULL,
};

/** Options of every command; --help has an optch that no command uses. */
static const apr_getopt_option_t common_options[] = {
    {"json", 'j', 0, "one JSON object a line instead of text"},
    {"help", 'h', 0, "what the command does, and its options"},
    {0},
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

int ctl_interrupted(void)
{
    return interrupted;
}

/** Ask for a word about the interruption, not for the end of the process in mid-work. */
static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    /* The second one kills: nothing that is committed suffers from it. */
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    /* A reader that went away is an error of write(2). */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void print_usage(FILE *to)
{
    fputs("usage: depotctl COMMAND [OPTIONS] ARGUMENTS\n\n", to);
    for (const ctl_command_t *const *at = commands; *at != NULL; at++)
        fprintf(to, "  %-9s %s\n", (*at)->name, (*at)->summary);
    fputs("\n"
          "STORE is the store's directory, or its specification as in DavDepotStore "
          "(\"lmdb:/path\").\n"
          "Exit codes: 0 fine, 1 something was found, 2 it could not be done.\n"
          "\"depotctl COMMAND --help\" tells more; so does the manual page, depotctl(8).\n",
          to);
}

static void print_options(const apr_getopt_option_t *option)
{
    for (; option->name != NULL; option++) {
        /* "ARG   what it does": the argument's name comes first. */
        const char *text = option->description;
        size_t word = option->has_arg ? strcspn(text, " ") : 0;
        char name[64];

        snprintf(name, sizeof(name), "--%s%s%.*s", option->name, word > 0 ? " " : "", (int)word,
                 text);
        text += word;
        printf("  %-20s %s\n", name, text + strspn(text, " "));
    }
}

static void print_help(const ctl_command_t *command)
{
    printf("usage: depotctl %s %s\n\n%s\n", command->name, command->arguments, command->help);
    print_options(command->options);
    print_options(common_options);
}

/** COMMAND's options and the common ones. */
static const apr_getopt_option_t *all_options(const ctl_command_t *command, apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 8, sizeof(apr_getopt_option_t));

    for (const apr_getopt_option_t *at = command->options; at->name != NULL; at++)
        APR_ARRAY_PUSH(all, apr_getopt_option_t) = *at;
    for (const apr_getopt_option_t *at = common_options; at->name != NULL; at++)
        APR_ARRAY_PUSH(all, apr_getopt_option_t) = *at;
    APR_ARRAY_PUSH(all, apr_getopt_option_t) = (apr_getopt_option_t){0};
    return (const apr_getopt_option_t *)(const void *)all->elts;
}

static const char *option_key(int letter, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%d", letter);
}

const char *ctl_option(const ctl_t *ctl, int letter)
{
    return apr_table_get(ctl->options, option_key(letter, ctl->pool));
}

/** Read the words behind the command's name.  @return CTL_FINE or CTL_FAILED, reported */
static int read_arguments(ctl_t *ctl, int argc, const char *const *argv)
{
    const apr_getopt_option_t *options = all_options(ctl->command, ctl->pool);
    apr_getopt_t *getopt;
    const char *value;
    int letter;
    apr_status_t status = apr_getopt_init(&getopt, ctl->pool, argc, argv);

    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not read the arguments");
    getopt->interleave = 1;
    while ((status = apr_getopt_long(getopt, options, &letter, &value)) == APR_SUCCESS)
        apr_table_set(ctl->options, option_key(letter, ctl->pool), value != NULL ? value : "");
    if (status != APR_EOF)
        return CTL_FAILED; /* apr_getopt_long() has said why */
    ctl->argc = argc - getopt->ind;
    ctl->argv = getopt->argv + getopt->ind;
    ctl->json = ctl_option(ctl, 'j') != NULL;
    return CTL_FINE;
}

static int run_command(ctl_t *ctl, int argc, const char *const *argv)
{
    int result = read_arguments(ctl, argc, argv);

    if (result != CTL_FINE)
        return result;
    if (ctl_option(ctl, 'h') != NULL) {
        print_help(ctl->command);
        return CTL_FINE;
    }
    if (ctl->argc < ctl->command->words_min || ctl->argc > ctl->command->words_max) {
        fprintf(stderr, "usage: depotctl %s %s\n", ctl->command->name, ctl->command->arguments);
        return CTL_FAILED;
    }
    result = ctl->command->run(ctl);
    if (interrupted && result == CTL_FAILED)
        fprintf(stderr, "depotctl %s: interrupted\n", ctl->command->name);
    /* What was told may not have arrived: a full disk must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout))
        return ctl_fail(ctl, APR_SUCCESS, "could not write to standard output");
    return result;
}

static const ctl_command_t *find_command(const char *name)
{
    for (const ctl_command_t *const *at = commands; *at != NULL; at++) {
        if (strcmp((*at)->name, name) == 0)
            return *at;
    }
    return NULL;
}

int main(int argc, const char *const *argv)
{
    ctl_t ctl = {.json = 0};
    int result;

    if (argc < 2) {
        print_usage(stderr);
        return CTL_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return CTL_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("depotctl " DEPOT_VERSION);
        return CTL_FINE;
    }
    ctl.command = find_command(argv[1]);
    if (ctl.command == NULL) {
        fprintf(stderr, "depotctl: there is no command \"%s\"; depotctl --help lists them\n",
                argv[1]);
        return CTL_FAILED;
    }
    if (apr_initialize() != APR_SUCCESS)
        return CTL_FAILED;
    apr_pool_create(&ctl.pool, NULL);
    apr_pool_tag(ctl.pool, "program");
    ctl.options = apr_table_make(ctl.pool, 4);
    catch_signals();
    result = run_command(&ctl, argc - 1, argv + 1);
    apr_pool_destroy(ctl.pool);
    apr_terminate();
    return result;
}
