#include "mod_src/mod_dav_depot.h"

#include "mod_src/config.h"
#include "mod_src/directives.h"
#include "mod_src/lifecycle.h"
#include "provider/provider.h"

static void register_hooks(apr_pool_t *pconf)
{
    lifecycle_register(pconf);
    depot_provider_register(pconf, config_settings);
}

AP_DECLARE_MODULE(dav_depot) = {
    STANDARD20_MODULE_STUFF, config_create_dir,   config_merge_dir, config_create_server,
    config_merge_server,     directives_commands, register_hooks,   0,
};
