/*
 * ctl.h -- what the subcommands of depotctl share.
 *
 * A subcommand is a ctl_command_t in a source file of its own (cmd_NAME.c), listed in
 * main.c.  It does its work in run() and answers the program's exit code.  Everything lives
 * in the program's one pool unless a loop clears its own.
 *
 * Each thing told is one record: a plain line for people, or with --json a line that is one
 * JSON object.  Errors go to standard error, in words, in both cases.
 */
#ifndef PROPSTORE_CTL_CTL_H
#define PROPSTORE_CTL_CTL_H

#include <apr_getopt.h>
#include <apr_pools.h>
#include <jansson.h>

#include "propstore/store.h"

/** Exit codes. */
enum {
    CTL_FINE = 0,  /**< done, and nothing wrong */
    CTL_FOUND = 1, /**< done, and something to report was found */
    CTL_FAILED = 2 /**< could not be done; nothing is half-done */
};

typedef struct ctl_t ctl_t;

/** A subcommand. */
typedef struct ctl_command_t {
    const char *name;
    const char *arguments; /**< as in a usage line: "STORE [--tree DIR]" */
    const char *summary;   /**< one line without a full stop, for the list of commands */
    const char *help;      /**< paragraphs for --help, each line ended by a newline */
    const apr_getopt_option_t *options; /**< its own, besides --json and --help; ends with {0} */
    int words_min, words_max;           /**< how many arguments it takes */
    int (*run)(ctl_t *ctl);             /**< @return one of the exit codes */
} ctl_command_t;

/** A run of the program. */
struct ctl_t {
    apr_pool_t *pool; /**< the program's lifetime */
    const ctl_command_t *command;
    int argc;                /**< number of arguments, within the command's bounds */
    const char *const *argv; /**< the arguments, without options */
    int json;                /**< --json was given */
    apr_table_t *options;    /**< for ctl_option() */
};

/**
 * The argument of the option with this letter (its optch).
 * @return NULL if it was not given; "" if it takes none
 */
const char *ctl_option(const ctl_t *ctl, int letter);

/**
 * Tell one thing on standard output.
 * @param record taken over; its fields are for programs and keep their names and meaning.
 *        With --json it is written as one line; without, it is only released.
 * @param format the plain line, without a newline; NULL to say nothing to people
 */
void ctl_tell(ctl_t *ctl, json_t *record, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Report on standard error why the command cannot go on.
 * @param status worded at the end of the line unless it is APR_SUCCESS
 * @return CTL_FAILED
 */
int ctl_fail(const ctl_t *ctl, apr_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** As ctl_fail(), about something that does not stop the command. */
void ctl_warn(const ctl_t *ctl, apr_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Bytes as a JSON value: a string if they are UTF-8 without U+0000, otherwise an object
 * {"base64": "..."}.  ctl_json_bytes() reads it back.
 * @return a new reference
 */
json_t *ctl_json_text(const void *bytes, apr_size_t length);

/** Give OBJECT the field NAME, the string TEXT as ctl_json_text() makes it. */
void ctl_json_add(json_t *object, const char *name, const char *text);

/**
 * The bytes of a value that ctl_json_text() made.
 * @param bytes_p set to them, in RESULT_POOL
 * @return non-zero; 0 if VALUE is neither
 */
int ctl_json_bytes(store_slice_t *bytes_p, const json_t *value, apr_pool_t *result_pool);

/** Bytes for a plain line: control characters and a backslash as \xHH, in RESULT_POOL. */
const char *ctl_plain_text(const void *bytes, apr_size_t length, apr_pool_t *result_pool);

/**
 * Read WORD as ctl_open() does.
 * @param spec_p set to the specification, which lives as long as the program
 * @return CTL_FINE, or CTL_FAILED when the reason has been reported
 */
int ctl_spec(store_spec_t **spec_p, const ctl_t *ctl, const char *word);

/** As root: let files made by root in SPEC's directory belong to whom that belongs. */
void ctl_give_away(const ctl_t *ctl, const store_spec_t *spec);

/** The same for FILE, another one in that directory. */
void ctl_give_file(const ctl_t *ctl, const store_spec_t *spec, const char *file);

/** Which store ctl_open() accepts. */
typedef enum ctl_open_e {
    CTL_EXISTING, /**< it must be there */
    CTL_WHOLE,    /**< as well, and nothing of its structure be damaged (store_verify()) */
    CTL_READABLE, /**< as well, and all records be such that they can be read: what else is
                       damaged is told */
    CTL_ANY,      /**< it is created if it is not there */
    CTL_NEW       /**< it is created, and must not be there, or be empty of all but the root */
} ctl_open_e;

/**
 * Open a store.  When the program runs as root, files that this creates are given to the
 * owner of the store's directory.
 * @param store_p set to the store, which closes with the program
 * @param word a directory, or a specification "name:location"
 * @return CTL_FINE, or CTL_FAILED when the reason has been reported
 */
int ctl_open(store_t **store_p, ctl_t *ctl, const char *word, ctl_open_e which);

/**
 * See that the structure of the open STORE is what WHICH says, CTL_WHOLE or CTL_READABLE.
 * @return CTL_FINE, or CTL_FAILED when the reason has been reported
 */
int ctl_verify(const ctl_t *ctl, store_t *store, ctl_open_e which);

/**
 * The path WORD as the store has it: absolute, without "." or "..".  Links stay as they are, as
 * httpd goes by its configuration: the same file by another way is another resource.
 * @return it, in RESULT_POOL; NULL if there is no such path
 */
char *ctl_path(const char *word, apr_pool_t *result_pool);

/**
 * The directory that WORD names, of files that a server serves; it must be there.
 * @param path_p set to its absolute path, in which links stay as httpd's configuration has them
 * @param filled whether it must not be empty: a file system that is not mounted must not look
 *        like one whose files are all gone
 * @return CTL_FINE, or CTL_FAILED when the reason has been reported
 */
int ctl_tree(char **path_p, const ctl_t *ctl, const char *word, int filled);

/**
 * The store that holds PATH's properties is not known to the program: commands that are
 * given only a path take it from --store STORE, or from the environment's DEPOT_STORE.
 * @return the word for ctl_open(), or NULL when neither is given (reported)
 */
const char *ctl_store_word(const ctl_t *ctl);

/** The option --store for a command's table. */
#define CTL_OPTION_STORE                                                             \
    {                                                                                \
        "store", 's', 1, "STORE   the store; default: the environment's DEPOT_STORE" \
    }

/** Whether the user asked to stop (Ctrl-C): end the loop, abort, and answer CTL_FAILED. */
int ctl_interrupted(void);

/** A progress bar on standard error, if it is a terminal, once a second has passed. */
typedef struct ctl_progress_t ctl_progress_t;

/**
 * @param what a word or two: "checking"
 * @param total how much there is to do, in any unit; 0: not known
 * @param result_pool its lifetime; its end removes the bar
 */
ctl_progress_t *ctl_progress_begin(const ctl_t *ctl, const char *what, apr_uint64_t total,
                                   apr_pool_t *result_pool);
/** Say how much is done; cheap enough for each record. */
void ctl_progress(ctl_progress_t *progress, apr_uint64_t done);
/** The same for those who take a callback.  @param progress NULL for none  @return whether to go on
 */
int ctl_go_on(void *progress, apr_uint64_t done);
/** Remove the bar. */
void ctl_progress_end(ctl_progress_t *progress);

#endif /* PROPSTORE_CTL_CTL_H */
