/*
 * patch.h -- what the commands set and unset share: one change to one property.
 */
#ifndef PROPSTORE_CTL_PATCH_H
#define PROPSTORE_CTL_PATCH_H

#include "propstore/ctl/ctl.h"
#include "propstore/nodes.h"

/** The options of both for a command's table. */
#define PATCH_OPTION_FORCE                        \
    {                                             \
        "force", 'f', 0, "also if PATH is locked" \
    }

/**
 * Change a property of the file or folder that the first argument names, in one transaction.
 * @param word the store's, from ctl_store_word()
 * @param bounded whether the default bounds hold
 * @return CTL_FINE, told of; CTL_FOUND if a property to be removed is not there, CTL_FAILED, both
 *         reported
 */
int patch_property(ctl_t *ctl, const char *word, const prop_change_t *change, int bounded);

#endif /* PROPSTORE_CTL_PATCH_H */
