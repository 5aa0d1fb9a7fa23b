/*
 * copies.h -- copies of stores: making and verifying them.
 */
#ifndef PROPSTORE_CTL_COPIES_H
#define PROPSTORE_CTL_COPIES_H

#include "propstore/ctl/ctl.h"
#include "propstore/ctl/newfile.h"
#include "propstore/meta.h"

/** What a copy holds. */
typedef struct ctl_copy_t {
    apr_uint64_t entries;
    char uuid[META_UUID_SIZE];
} ctl_copy_t;

/** What is known of a store whose copy is verified. */
typedef enum ctl_soundness_e {
    CTL_SOUND,  /**< it should be sound: each value is verified */
    CTL_DAMAGED /**< it has damaged records, which its copy has as well: they are only counted */
} ctl_soundness_e;

/**
 * Verify the copy in FILE: that it is a store of a format we know, and every record of it.  In a
 * process where a signal may end it (trial.h).
 * @param spec of the store it is a copy of
 * @param name the file's name for reports
 * @return CTL_FINE with *COPY filled in; CTL_FAILED, reported
 */
int ctl_verify_copy(ctl_copy_t *copy, ctl_t *ctl, const store_spec_t *spec, const char *file,
                    const char *name, ctl_soundness_e soundness);

/**
 * Copy the store that the command's first argument names to NAME, while it may be in use.
 * @param copy filled in when the answer is CTL_FINE
 * @param file likewise; it stays open
 * @return CTL_FINE; CTL_FAILED, reported; then NAME is as it was
 */
int ctl_back_up(ctl_copy_t *copy, newfile_t *file, ctl_t *ctl, const char *name,
                ctl_soundness_e soundness);

#endif /* PROPSTORE_CTL_COPIES_H */
