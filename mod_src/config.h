/*
 * config.h -- the module's configuration records.
 */
#ifndef MOD_SRC_CONFIG_H
#define MOD_SRC_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "propstore/store.h"
#include "provider/settings.h"

/** A store that one or more servers name. */
typedef struct depot_store_t {
    store_spec_t *spec;
    const char *text; /**< the directive's arguments, resolved, for messages and comparison */
    store_t *store;   /**< this process's, or NULL while it has none */
} depot_store_t;

/** Per server. */
typedef struct depot_server_config_t {
    depot_store_t *store; /**< NULL: none configured, here or in the main server */
} depot_server_config_t;

/** Which of a directory's settings were given; a bit each, in the order of the fields. */
typedef enum depot_dir_set_e {
    DIR_SET_DEPTH_INFINITY = 1 << 0,
    DIR_SET_XML_DEPTH = 1 << 1,
    DIR_SET_XML_ELEMENTS = 1 << 2,
    DIR_SET_VALUE_MAX = 1 << 3,
    DIR_SET_PROPS_MAX = 1 << 4,
    DIR_SET_NODE_MAX = 1 << 5,
    DIR_SET_NAMES_MAX = 1 << 6,
    DIR_SET_LOCK_TIMEOUT = 1 << 7,
    DIR_SET_LOCK_TIMEOUT_MIN = 1 << 8,
    DIR_SET_LOCK_TIMEOUT_MAX = 1 << 9,
    DIR_SET_LOCKS_MAX = 1 << 10,
    DIR_SET_HIDE_LOCKS = 1 << 11,
    DIR_SET_HIDE_FORBIDDEN = 1 << 12,
    DIR_SET_LOCK_OWNER_MAX = 1 << 13,
    DIR_SET_DURABILITY = 1 << 14,
    DIR_SET_LOCKS_PER_USER = 1 << 15,
    DIR_SET_XML_NAMESPACES = 1 << 16,
    DIR_SET_REQUEST_PROPS_MAX = 1 << 17,
    DIR_SET_NAME_MAX = 1 << 18,
    DIR_SET_INFINITY_MAX = 1 << 19
} depot_dir_set_e;

/** Per directory. */
typedef struct depot_dir_config_t {
    depot_dir_settings_t settings;
    unsigned set; /**< depot_dir_set_e bits */
} depot_dir_config_t;

/* The constructors and mergers of the module record. */
void *config_create_server(apr_pool_t *pool, server_rec *s);
void *config_merge_server(apr_pool_t *pool, void *base, void *add);
void *config_create_dir(apr_pool_t *pool, char *dir);
void *config_merge_dir(apr_pool_t *pool, void *base, void *add);

/** S's record. */
depot_server_config_t *config_of_server(const server_rec *s);

/** depot_settings_fn. */
depot_settings_t config_settings(const request_rec *r);

#endif /* MOD_SRC_CONFIG_H */
