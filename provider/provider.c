#include "provider/provider.h"

#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <libxml/parser.h>
#include <mod_dav.h>

#include "provider/copymove.h"
#include "provider/deadprops.h"
#include "provider/deliver.h"
#include "provider/liveprops.h"
#include "provider/locks.h"
#include "provider/methods.h"
#include "provider/private.h"
#include "provider/resource.h"
#include "provider/stream.h"
#include "provider/tree_ops.h"
#include "provider/walk.h"

const dav_hooks_repository depot_repository = {
    /* Collections stay with mod_dir and mod_autoindex; files have a handler of their own. */
    .handle_get = 0,
    .get_resource = resource_get,
    .get_parent_resource = resource_get_parent,
    .is_same_resource = resource_is_same,
    .is_parent_resource = resource_is_parent,
    .open_stream = stream_open,
    .close_stream = stream_close,
    .write_stream = stream_write,
    .seek_stream = stream_seek,
    .set_headers = deliver_set_headers,
    .deliver = deliver_content,
    .create_collection = tree_create_collection,
    .copy_resource = copymove_copy,
    .move_resource = copymove_move,
    .remove_resource = tree_remove,
    .walk = walk_resource,
    .getetag = resource_etag,
    .get_request_rec = resource_request,
    .get_pathname = resource_path,
};

const dav_provider depot_provider = {
    .repos = &depot_repository,
    .propdb = &deadprops_hooks,
    .locks = &depot_locks,
};

/* Set once, while the configuration is read by a single thread. */
static depot_settings_fn *find_settings;

depot_settings_t depot_settings(const request_rec *r)
{
    return find_settings(r);
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)pchild;
    (void)s;
    /* libxml2 wants its globals set up before threads use it. */
    xmlInitParser();
}

void depot_provider_register(apr_pool_t *pconf, depot_settings_fn *settings)
{
    static const char *const mod_dav[] = {"mod_dav.c", NULL};
    static const char *const mod_dir[] = {"mod_dir.c", NULL};

    find_settings = settings;
    dav_register_provider(pconf, DEPOT_PROVIDER_NAME, &depot_provider);

    dav_hook_find_liveprop(liveprops_hook_find, NULL, NULL, APR_HOOK_MIDDLE);
    dav_hook_insert_all_liveprops(liveprops_hook_insert_all, NULL, NULL, APR_HOOK_MIDDLE);
    methods_register_options(pconf);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(methods_server_options, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(methods_fixups, mod_dav, mod_dir, APR_HOOK_MIDDLE);
    ap_hook_fixups(methods_fixups_last, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_handler(methods_handler, NULL, mod_dav, APR_HOOK_MIDDLE);
    ap_hook_handler(methods_file_handler, NULL, NULL, APR_HOOK_MIDDLE);
}
