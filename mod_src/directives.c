#include "mod_src/directives.h"

#include <stddef.h>
#include <strings.h>

#include <apr_strings.h>
#include <http_core.h>

#include "mod_src/config.h"

/** The arguments as one line, for messages and to find out whether two stores are one. */
static const char *join(const store_spec_t *spec, apr_pool_t *pool)
{
    const apr_array_header_t *params = apr_table_elts(spec->params);
    const char *text = apr_pstrcat(pool, spec->backend, ":", spec->location, NULL);

    for (int i = 0; i < params->nelts; i++) {
        const apr_table_entry_t *param = &APR_ARRAY_IDX(params, i, apr_table_entry_t);

        text = apr_pstrcat(pool, text, " ", param->key, "=", param->val, NULL);
    }
    return text;
}

static const char *set_store(cmd_parms *cmd, void *unused, int argc, char *const argv[])
{
    depot_server_config_t *server = config_of_server(cmd->server);
    const char *error, *path;
    depot_store_t *store;

    (void)unused;
    error = ap_check_cmd_context(cmd, NOT_IN_DIR_LOC_FILE);
    if (error != NULL)
        return error;
    store = apr_pcalloc(cmd->pool, sizeof(*store));
    if (store_spec_parse(&store->spec, argc, (const char *const *)argv, &error, cmd->pool) !=
        APR_SUCCESS)
        return apr_psprintf(cmd->pool, DIRECTIVE_STORE ": %s", error);

    path = store_spec_path(store->spec);
    if (path != NULL) {
        path = ap_server_root_relative(cmd->pool, path);
        if (path == NULL)
            return DIRECTIVE_STORE ": the path is not valid";
        store_spec_set_path(store->spec, path, cmd->pool);
    }
    store->text = join(store->spec, cmd->pool);
    server->store = store;
    return NULL;
}

/** A setting: where it is kept, and its bounds. */
typedef struct limit_t {
    depot_dir_set_e bit;
    apr_size_t offset; /* of an int, or of a number of 32 or 64 bits, in depot_dir_config_t */
    apr_size_t size;
    apr_int64_t min, max;
} limit_t;

#define LIMIT(set_bit, field, low, high)                                                       \
    {                                                                                          \
        .bit = (set_bit), .offset = offsetof(depot_dir_config_t, settings.field),              \
        .size = sizeof(((depot_dir_config_t *)0)->settings.field), .min = (low), .max = (high) \
    }

static const limit_t xml_depth = LIMIT(DIR_SET_XML_DEPTH, xml.depth_max, 8, 1000);
static const limit_t xml_elements = LIMIT(DIR_SET_XML_ELEMENTS, xml.elements_max, 16, 100000000);
static const limit_t xml_namespaces = LIMIT(DIR_SET_XML_NAMESPACES, xml.namespaces_max, 8, 1000000);
static const limit_t request_props = LIMIT(DIR_SET_REQUEST_PROPS_MAX, xml.props_max, 16, 1000000);
static const limit_t infinity_max = LIMIT(DIR_SET_INFINITY_MAX, infinity_max, 0, APR_INT32_MAX);
static const limit_t name_max = LIMIT(DIR_SET_NAME_MAX, name_max, 32, NAMES_LENGTH_MAX);
static const limit_t value_max = LIMIT(DIR_SET_VALUE_MAX, node.value_max, 1, STORE_VALUE_MAX / 2);
static const limit_t props_max = LIMIT(DIR_SET_PROPS_MAX, node.props_max, 1, 1000000);
static const limit_t node_max = LIMIT(DIR_SET_NODE_MAX, node.node_max, 1, STORE_VALUE_MAX / 2);
static const limit_t names_max = LIMIT(DIR_SET_NAMES_MAX, node.names_max, 1, APR_INT32_MAX);

static const limit_t lock_timeout =
    LIMIT(DIR_SET_LOCK_TIMEOUT, lock_timeout_default, 1, APR_INT32_MAX);
static const limit_t lock_timeout_min =
    LIMIT(DIR_SET_LOCK_TIMEOUT_MIN, lock_timeout_min, 1, APR_INT32_MAX);
static const limit_t lock_timeout_max =
    LIMIT(DIR_SET_LOCK_TIMEOUT_MAX, lock_timeout_max, 0, APR_INT32_MAX);
static const limit_t locks_max = LIMIT(DIR_SET_LOCKS_MAX, lock.per_resource, 1, 100000);
static const limit_t locks_per_user = LIMIT(DIR_SET_LOCKS_PER_USER, lock.per_user, 0, 1000000);
static const limit_t lock_owner_max = LIMIT(DIR_SET_LOCK_OWNER_MAX, lock.owner_max, 100, 1 << 20);

static const limit_t depth_infinity = LIMIT(DIR_SET_DEPTH_INFINITY, depth_infinity, 0, 1);
static const limit_t hide_locks = LIMIT(DIR_SET_HIDE_LOCKS, hide_others_locks, 0, 1);
static const limit_t hide_forbidden = LIMIT(DIR_SET_HIDE_FORBIDDEN, hide_forbidden, 0, 1);

static const char *set_flag(cmd_parms *cmd, void *config, int on)
{
    const limit_t *flag = cmd->info;
    char *field = (char *)config + flag->offset;

    *(int *)(void *)field = on;
    ((depot_dir_config_t *)config)->set |= (unsigned)flag->bit;
    return NULL;
}

static const char *set_durability(cmd_parms *cmd, void *config, const char *text)
{
    depot_dir_config_t *dir = config;

    if (strcasecmp(text, "full") != 0 && strcasecmp(text, "relaxed") != 0)
        return apr_psprintf(cmd->pool, "%s must be full or relaxed", cmd->cmd->name);
    dir->settings.relaxed = strcasecmp(text, "relaxed") == 0;
    dir->set |= DIR_SET_DURABILITY;
    return NULL;
}

static const char *set_limit(cmd_parms *cmd, void *config, const char *text)
{
    const limit_t *limit = cmd->info;
    depot_dir_config_t *dir = config;
    char *end, *field = (char *)config + limit->offset;
    apr_int64_t n = apr_strtoi64(text, &end, 10);

    if (end == text || *end != '\0' || n < limit->min || n > limit->max)
        return apr_psprintf(cmd->pool,
                            "%s must be a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT,
                            cmd->cmd->name, limit->min, limit->max);
    if (limit->size == sizeof(n))
        *(apr_int64_t *)(void *)field = n;
    else
        *(unsigned *)(void *)field = (unsigned)n;
    dir->set |= (unsigned)limit->bit;
    return NULL;
}

#define FLAG_COMMAND(name, flag, help) \
    AP_INIT_FLAG(name, set_flag, (void *)(apr_uintptr_t) & (flag), RSRC_CONF | ACCESS_CONF, help)

#define LIMIT_COMMAND(name, limit, help) \
    AP_INIT_TAKE1(name, set_limit, (void *)(apr_uintptr_t) & (limit), RSRC_CONF | ACCESS_CONF, help)

const command_rec directives_commands[] = {
    AP_INIT_TAKE_ARGV(DIRECTIVE_STORE, set_store, NULL, RSRC_CONF,
                      "where properties are kept: name:location [key=value ...], for example "
                      "lmdb:/var/lib/dav-depot"),
    AP_INIT_TAKE1(DIRECTIVE_DURABILITY, set_durability, NULL, RSRC_CONF | ACCESS_CONF,
                  "full: what was answered stays, whatever happens; relaxed: a power failure may "
                  "take the last changes back"),
    FLAG_COMMAND(DIRECTIVE_DEPTH_INFINITY, depth_infinity,
                 "whether PROPFIND answers Depth: infinity"),
    LIMIT_COMMAND(DIRECTIVE_XML_DEPTH, xml_depth, "deepest nesting of elements in a request body"),
    LIMIT_COMMAND(DIRECTIVE_XML_ELEMENTS, xml_elements, "most elements in a request body"),
    LIMIT_COMMAND(DIRECTIVE_XML_NAMESPACES, xml_namespaces,
                  "most namespace declarations in a request body"),
    LIMIT_COMMAND(DIRECTIVE_REQUEST_PROPS_MAX, request_props,
                  "most properties that a PROPFIND or PROPPATCH names"),
    LIMIT_COMMAND(DIRECTIVE_INFINITY_MAX, infinity_max,
                  "most members in the answer to Depth: infinity; 0: no bound"),
    LIMIT_COMMAND(DIRECTIVE_NAME_MAX, name_max,
                  "most bytes of a property's namespace and local name together"),
    LIMIT_COMMAND(DIRECTIVE_VALUE_MAX, value_max, "most bytes of one property"),
    LIMIT_COMMAND(DIRECTIVE_PROPS_MAX, props_max, "most dead properties of one resource"),
    LIMIT_COMMAND(DIRECTIVE_NODE_MAX, node_max, "most bytes of all properties of one resource"),
    LIMIT_COMMAND(DIRECTIVE_NAMES_MAX, names_max, "most distinct property names in a store"),
    LIMIT_COMMAND(DIRECTIVE_LOCK_TIMEOUT, lock_timeout,
                  "seconds a lock lasts where the client asks for no time"),
    LIMIT_COMMAND(DIRECTIVE_LOCK_TIMEOUT_MIN, lock_timeout_min, "shortest time of a lock, seconds"),
    LIMIT_COMMAND(DIRECTIVE_LOCK_TIMEOUT_MAX, lock_timeout_max,
                  "longest time of a lock, seconds; 0: no bound"),
    LIMIT_COMMAND(DIRECTIVE_LOCKS_MAX, locks_max, "most shared locks of one resource"),
    LIMIT_COMMAND(DIRECTIVE_LOCKS_PER_USER, locks_per_user,
                  "most locks of one user in a store; 0: no bound"),
    LIMIT_COMMAND(DIRECTIVE_LOCK_OWNER_MAX, lock_owner_max, "most bytes of a lock's owner"),
    FLAG_COMMAND(DIRECTIVE_HIDE_LOCKS, hide_locks,
                 "whether a lock's token and owner are shown to its user only"),
    FLAG_COMMAND(DIRECTIVE_HIDE_FORBIDDEN, hide_forbidden,
                 "whether listings leave out collections the user may not look into"),
    {NULL, {NULL}, NULL, 0, RAW_ARGS, NULL},
};
