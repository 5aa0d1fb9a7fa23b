/*
 * provider.h -- what mod_src/ needs of the provider.
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include <apr_pools.h>

#include "provider/settings.h"

/** The name in "Dav depot". */
#define DEPOT_PROVIDER_NAME "depot"

/**
 * Register the mod_dav provider, our live properties and our handlers.
 * @param pconf as in a module's register_hooks
 * @param settings finds the settings of a request; called from any thread
 */
void depot_provider_register(apr_pool_t *pconf, depot_settings_fn *settings);

#endif /* PROVIDER_PROVIDER_H */
