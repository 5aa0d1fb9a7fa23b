#include "propstore/ctl/commands.h"
#include "propstore/ctl/patch.h"
#include "propstore/ctl/property.h"

static int run(ctl_t *ctl)
{
    const char *word = ctl_store_word(ctl), *error;
    prop_change_t change;
    prop_name_t name;

    if (word == NULL || property_name(&name, ctl, ctl->argv[1]) != CTL_FINE)
        return CTL_FAILED;
    if (property_is_live(&name))
        return ctl_fail(ctl, APR_SUCCESS, "%s is worked out by the server and cannot be set",
                        ctl->argv[1]);
    error = property_element(&change, &name, ctl->argv[2], ctl_option(ctl, 'x') != NULL, ctl->pool);
    if (error != NULL)
        return ctl_fail(ctl, APR_SUCCESS, "the value of %s cannot be stored: %s", ctl->argv[1],
                        error);
    return patch_property(ctl, word, &change, ctl_option(ctl, 'n') == NULL);
}

static const apr_getopt_option_t options[] = {
    PATCH_OPTION_FORCE,
    {"no-limits", 'n', 0, "also past the default limits of a server"},
    CTL_OPTION_STORE,
    {"xml", 'x', 0, "VALUE is the property's XML element, not its text"},
    {0},
};

const ctl_command_t ctl_set = {
    .name = "set",
    .arguments = "PATH NAME VALUE [--xml] [--force] [--no-limits] [--store STORE]",
    .summary = "set a property of a file or folder",
    .help = "Gives the file or folder PATH the property NAME, \"{namespace}local\", with the text\n"
            "VALUE; with --xml VALUE is the whole element, as props --xml tells it.  A server may\n"
            "use the store meanwhile.  Live properties are the server's and are refused.  The\n"
            "limits are those that a server has by default.\n",
    .options = options,
    .words_min = 3,
    .words_max = 3,
    .run = run,
};
