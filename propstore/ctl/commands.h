/*
 * commands.h -- the subcommands of depotctl, each in cmd_NAME.c.
 */
#ifndef PROPSTORE_CTL_COMMANDS_H
#define PROPSTORE_CTL_COMMANDS_H

#include "propstore/ctl/ctl.h"

extern const ctl_command_t ctl_backup;
extern const ctl_command_t ctl_check;
extern const ctl_command_t ctl_dump;
extern const ctl_command_t ctl_gc;
extern const ctl_command_t ctl_load;
extern const ctl_command_t ctl_locks;
extern const ctl_command_t ctl_migrate;
extern const ctl_command_t ctl_props;
extern const ctl_command_t ctl_relocate;
extern const ctl_command_t ctl_restore;
extern const ctl_command_t ctl_set;
extern const ctl_command_t ctl_stat;
extern const ctl_command_t ctl_unlock;
extern const ctl_command_t ctl_unset;

#endif /* PROPSTORE_CTL_COMMANDS_H */
