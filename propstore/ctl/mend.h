/*
 * mend.h -- depotctl check --repair.
 */
#ifndef PROPSTORE_CTL_MEND_H
#define PROPSTORE_CTL_MEND_H

#include "propstore/ctl/ctl.h"

/**
 * Check the store that the command's first argument names, say what is to be done, back it up,
 * and do it; then the same for the files of TREE.
 * @param tree an absolute path, or NULL
 * @return CTL_FINE if nothing was found; CTL_FOUND if it was, and has been repaired; CTL_FAILED,
 *         reported, if it could not be
 */
int mend(ctl_t *ctl, char *tree);

#endif /* PROPSTORE_CTL_MEND_H */
