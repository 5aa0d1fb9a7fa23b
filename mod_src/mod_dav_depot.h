/*
 * mod_dav_depot.h -- the module record, for the parts of mod_src/.
 */
#ifndef MOD_SRC_MOD_DAV_DEPOT_H
#define MOD_SRC_MOD_DAV_DEPOT_H

#include <httpd.h>
#include <http_config.h>

extern module AP_MODULE_DECLARE_DATA dav_depot_module;

#endif /* MOD_SRC_MOD_DAV_DEPOT_H */
