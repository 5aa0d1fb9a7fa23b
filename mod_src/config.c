#include "mod_src/config.h"

#include <apr_strings.h>

#include "mod_src/directives.h"
#include "mod_src/mod_dav_depot.h"

void *config_create_server(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_pcalloc(pool, sizeof(depot_server_config_t));
}

void *config_merge_server(apr_pool_t *pool, void *base, void *add)
{
    const depot_server_config_t *above = base, *own = add;
    depot_server_config_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->store = own->store ? own->store : above->store;
    return merged;
}

void *config_create_dir(apr_pool_t *pool, char *dir)
{
    depot_dir_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)dir;
    config->settings.xml.depth_max = DIRECTIVES_XML_DEPTH_DEFAULT;
    config->settings.xml.elements_max = DIRECTIVES_XML_ELEMENTS_DEFAULT;
    config->settings.node = nodes_limits_default;
    config->settings.xml.namespaces_max = DIRECTIVES_XML_NAMESPACES_DEFAULT;
    config->settings.xml.props_max = DIRECTIVES_REQUEST_PROPS_MAX_DEFAULT;
    config->settings.infinity_max = DIRECTIVES_INFINITY_MAX_DEFAULT;
    config->settings.name_max = NAMES_LENGTH_MAX;
    config->settings.lock_timeout_default = DIRECTIVES_LOCK_TIMEOUT_DEFAULT;
    config->settings.lock_timeout_min = DIRECTIVES_LOCK_TIMEOUT_MIN_DEFAULT;
    config->settings.lock_timeout_max = DIRECTIVES_LOCK_TIMEOUT_MAX_DEFAULT;
    config->settings.lock.per_resource = DIRECTIVES_LOCKS_MAX_DEFAULT;
    config->settings.lock.per_user = DIRECTIVES_LOCKS_PER_USER_DEFAULT;
    config->settings.lock.owner_max = DIRECTIVES_LOCK_OWNER_MAX_DEFAULT;
    return config;
}

void *config_merge_dir(apr_pool_t *pool, void *base, void *add)
{
    const depot_dir_config_t *above = base, *own = add;
    depot_dir_config_t *merged = apr_pmemdup(pool, own, sizeof(*own));
    depot_dir_settings_t *to = &merged->settings;
    const depot_dir_settings_t *from = &above->settings;

    if (!(own->set & DIR_SET_DEPTH_INFINITY))
        to->depth_infinity = from->depth_infinity;
    if (!(own->set & DIR_SET_XML_DEPTH))
        to->xml.depth_max = from->xml.depth_max;
    if (!(own->set & DIR_SET_XML_ELEMENTS))
        to->xml.elements_max = from->xml.elements_max;
    if (!(own->set & DIR_SET_XML_NAMESPACES))
        to->xml.namespaces_max = from->xml.namespaces_max;
    if (!(own->set & DIR_SET_REQUEST_PROPS_MAX))
        to->xml.props_max = from->xml.props_max;
    if (!(own->set & DIR_SET_INFINITY_MAX))
        to->infinity_max = from->infinity_max;
    if (!(own->set & DIR_SET_NAME_MAX))
        to->name_max = from->name_max;
    if (!(own->set & DIR_SET_VALUE_MAX))
        to->node.value_max = from->node.value_max;
    if (!(own->set & DIR_SET_PROPS_MAX))
        to->node.props_max = from->node.props_max;
    if (!(own->set & DIR_SET_NODE_MAX))
        to->node.node_max = from->node.node_max;
    if (!(own->set & DIR_SET_NAMES_MAX))
        to->node.names_max = from->node.names_max;
    if (!(own->set & DIR_SET_LOCK_TIMEOUT))
        to->lock_timeout_default = from->lock_timeout_default;
    if (!(own->set & DIR_SET_LOCK_TIMEOUT_MIN))
        to->lock_timeout_min = from->lock_timeout_min;
    if (!(own->set & DIR_SET_LOCK_TIMEOUT_MAX))
        to->lock_timeout_max = from->lock_timeout_max;
    if (!(own->set & DIR_SET_LOCKS_MAX))
        to->lock.per_resource = from->lock.per_resource;
    if (!(own->set & DIR_SET_LOCKS_PER_USER))
        to->lock.per_user = from->lock.per_user;
    if (!(own->set & DIR_SET_LOCK_OWNER_MAX))
        to->lock.owner_max = from->lock.owner_max;
    if (!(own->set & DIR_SET_HIDE_FORBIDDEN))
        to->hide_forbidden = from->hide_forbidden;
    if (!(own->set & DIR_SET_HIDE_LOCKS))
        to->hide_others_locks = from->hide_others_locks;
    if (!(own->set & DIR_SET_DURABILITY))
        to->relaxed = from->relaxed;
    merged->set = own->set | above->set;
    return merged;
}

depot_server_config_t *config_of_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &dav_depot_module);
}

depot_settings_t config_settings(const request_rec *r)
{
    const depot_dir_config_t *dir = ap_get_module_config(r->per_dir_config, &dav_depot_module);
    const depot_server_config_t *server = config_of_server(r->server);
    depot_settings_t settings = {
        .store = server->store ? server->store->store : NULL,
        .dir = &dir->settings,
    };

    return settings;
}
