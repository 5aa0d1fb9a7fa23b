#include "propstore/ctl/commands.h"
#include "propstore/ctl/patch.h"
#include "propstore/ctl/property.h"

static int run(ctl_t *ctl)
{
    const char *word = ctl_store_word(ctl);
    prop_change_t change = {.value = NULL};

    if (word == NULL || property_name(&change.name, ctl, ctl->argv[1]) != CTL_FINE)
        return CTL_FAILED;
    return patch_property(ctl, word, &change, 1);
}

static const apr_getopt_option_t options[] = {
    PATCH_OPTION_FORCE,
    CTL_OPTION_STORE,
    {0},
};

const ctl_command_t ctl_unset = {
    .name = "unset",
    .arguments = "PATH NAME [--force] [--store STORE]",
    .summary = "remove a property of a file or folder",
    .help =
        "Removes the property NAME, \"{namespace}local\", of the file or folder PATH.  A server\n"
        "may use the store meanwhile.  Exit code 1: there is no property of that name.\n",
    .options = options,
    .words_min = 2,
    .words_max = 2,
    .run = run,
};
