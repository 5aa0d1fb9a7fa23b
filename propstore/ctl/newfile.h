/*
 * newfile.h -- a file that a command writes: it gets its name when it is whole.
 */
#ifndef PROPSTORE_CTL_NEWFILE_H
#define PROPSTORE_CTL_NEWFILE_H

#include <apr_file_io.h>

#include "propstore/ctl/ctl.h"

/** The option --force for a command's table, which newfile_create() asks for. */
#define NEWFILE_OPTION_FORCE                         \
    {                                                \
        "force", 'f', 0, "replace FILE if it exists" \
    }

/** A file being written. */
typedef struct newfile_t {
    const char *name; /**< what it is to be called */
    const char *temp; /**< what it is called until then, beside it */
    apr_file_t *file; /**< open for reading and writing */
} newfile_t;

/**
 * Create a file beside NAME, for its owner alone.
 * @param spec the store it is made from; none of that store's files is replaced
 * @return CTL_FINE; CTL_FAILED, reported, also if NAME exists and --force is not given, or if it
 *         is no plain file (a device must not be replaced)
 */
int newfile_create(newfile_t *file, ctl_t *ctl, const store_spec_t *spec, const char *name);

/**
 * End with FILE: if RESULT is CTL_FINE, sync it and give it its name; otherwise, or if that
 * fails or the user asked to stop, remove it.
 * @return RESULT, or CTL_FAILED, reported
 */
int newfile_finish(newfile_t *file, ctl_t *ctl, int result);

#endif /* PROPSTORE_CTL_NEWFILE_H */
