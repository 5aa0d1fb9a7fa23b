/*
 * findings.h -- the findings of check.h and check_files.h, as commands gather and tell them.
 */
#ifndef PROPSTORE_CTL_FINDINGS_H
#define PROPSTORE_CTL_FINDINGS_H

#include "propstore/ctl/check.h"
#include "propstore/ctl/ctl.h"

/**
 * Compare the records of STORE with each other, in a transaction of its own.
 * @param records_p set to how many there are
 * @return as check_store()
 */
apr_status_t findings_of_records(apr_array_header_t *findings, apr_uint64_t *records_p, ctl_t *ctl,
                                 store_t *store);

/** Compare STORE with the files of TREE.  @return as check_files() */
apr_status_t findings_of_files(apr_array_header_t *findings, ctl_t *ctl, store_t *store,
                               const char *tree);

/** Tell each of FINDINGS. */
void findings_tell(ctl_t *ctl, const apr_array_header_t *findings);

/** Report why one of the above answered STATUS.  @return CTL_FAILED */
int findings_fail(const ctl_t *ctl, apr_status_t status);

#endif /* PROPSTORE_CTL_FINDINGS_H */
