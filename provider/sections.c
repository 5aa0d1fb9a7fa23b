#include "provider/sections.h"

#include <string.h>

#include <apr_fnmatch.h>
#include <http_config.h>

int sections_match_file(const apr_array_header_t *sections, int at, const char *name)
{
    const core_dir_config *section =
        ap_get_core_module_config(APR_ARRAY_IDX(sections, at, ap_conf_vector_t *));

    if (section->r != NULL)
        return ap_regexec(section->r, name, 0, NULL, 0) == 0;
    if (section->d_is_fnmatch)
        return apr_fnmatch(section->d, name, APR_FNM_PATHNAME) == APR_SUCCESS;
    return strcmp(section->d, name) == 0;
}
