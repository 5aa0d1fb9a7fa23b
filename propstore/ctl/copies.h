/*
 * copies.h -- what the commands backup and restore share.
 */
#ifndef PROPSTORE_CTL_COPIES_H
#define PROPSTORE_CTL_COPIES_H

#include "propstore/ctl/ctl.h"
#include "propstore/meta.h"

/** What a copy holds. */
typedef struct ctl_copy_t {
    apr_uint64_t entries;
    char uuid[META_UUID_SIZE];
} ctl_copy_t;

/**
 * Verify the copy in FILE: that it is a store of a format we know, and every record of it.  In a
 * process where a signal may end it (trial.h).
 * @param spec of the store it is a copy of
 * @param name the file's name for reports
 * @return CTL_FINE with *COPY filled in; CTL_FAILED, reported
 */
int ctl_verify_copy(ctl_copy_t *copy, ctl_t *ctl, const store_spec_t *spec, const char *file,
                    const char *name);

#endif /* PROPSTORE_CTL_COPIES_H */
