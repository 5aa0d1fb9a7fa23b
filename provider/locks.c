#include "provider/locks.h"

#include <string.h>

#include <apr_strings.h>

/** Any URI may stand in an If header; it is compared, and matches no lock. */
struct dav_locktoken {
    const char *uri;
};

static const char *get_supportedlock(const dav_resource *resource)
{
    (void)resource;
    return "";
}

static dav_error *parse_locktoken(apr_pool_t *p, const char *char_token,
                                  dav_locktoken **locktoken_p)
{
    *locktoken_p = apr_pcalloc(p, sizeof(**locktoken_p));
    (*locktoken_p)->uri = apr_pstrdup(p, char_token);
    return NULL;
}

static const char *format_locktoken(apr_pool_t *p, const dav_locktoken *locktoken)
{
    return apr_pstrdup(p, locktoken->uri);
}

static int compare_locktoken(const dav_locktoken *lt1, const dav_locktoken *lt2)
{
    return strcmp(lt1->uri, lt2->uri);
}

static dav_error *open_lockdb(request_rec *r, int ro, int force, dav_lockdb **lockdb)
{
    (void)force;
    *lockdb = apr_pcalloc(r->pool, sizeof(**lockdb));
    (*lockdb)->hooks = &depot_locks;
    (*lockdb)->ro = ro;
    return NULL;
}

static void close_lockdb(dav_lockdb *lockdb)
{
    (void)lockdb;
}

static dav_error *remove_locknull_state(dav_lockdb *lockdb, const dav_resource *resource)
{
    (void)lockdb;
    (void)resource;
    return NULL;
}

static dav_error *refuse(const dav_resource *resource)
{
    return dav_new_error(resource->pool, HTTP_METHOD_NOT_ALLOWED, 0, 0,
                         "This resource does not support locks.");
}

static dav_error *create_lock(dav_lockdb *lockdb, const dav_resource *resource, dav_lock **lock)
{
    (void)lockdb;
    *lock = NULL;
    return refuse(resource);
}

static dav_error *get_locks(dav_lockdb *lockdb, const dav_resource *resource, int calltype,
                            dav_lock **locks)
{
    (void)lockdb;
    (void)resource;
    (void)calltype;
    *locks = NULL;
    return NULL;
}

static dav_error *find_lock(dav_lockdb *lockdb, const dav_resource *resource,
                            const dav_locktoken *locktoken, int partial_ok, dav_lock **lock)
{
    (void)lockdb;
    (void)resource;
    (void)locktoken;
    (void)partial_ok;
    *lock = NULL;
    return NULL;
}

static dav_error *has_locks(dav_lockdb *lockdb, const dav_resource *resource, int *locks_present)
{
    (void)lockdb;
    (void)resource;
    *locks_present = 0;
    return NULL;
}

static dav_error *append_locks(dav_lockdb *lockdb, const dav_resource *resource, int make_indirect,
                               const dav_lock *lock)
{
    (void)lockdb;
    (void)make_indirect;
    (void)lock;
    return refuse(resource);
}

static dav_error *remove_lock(dav_lockdb *lockdb, const dav_resource *resource,
                              const dav_locktoken *locktoken)
{
    (void)lockdb;
    (void)resource;
    (void)locktoken;
    return NULL;
}

static dav_error *refresh_locks(dav_lockdb *lockdb, const dav_resource *resource,
                                const dav_locktoken_list *ltl, time_t new_time, dav_lock **locks)
{
    (void)lockdb;
    (void)resource;
    (void)ltl;
    (void)new_time;
    *locks = NULL;
    return NULL;
}

static dav_error *lookup_resource(dav_lockdb *lockdb, const dav_locktoken *locktoken,
                                  const dav_resource *start_resource, const dav_resource **resource)
{
    (void)lockdb;
    (void)locktoken;
    (void)start_resource;
    *resource = NULL;
    return NULL;
}

const dav_hooks_locks depot_locks = {
    .get_supportedlock = get_supportedlock,
    .parse_locktoken = parse_locktoken,
    .format_locktoken = format_locktoken,
    .compare_locktoken = compare_locktoken,
    .open_lockdb = open_lockdb,
    .close_lockdb = close_lockdb,
    .remove_locknull_state = remove_locknull_state,
    .create_lock = create_lock,
    .get_locks = get_locks,
    .find_lock = find_lock,
    .has_locks = has_locks,
    .append_locks = append_locks,
    .remove_lock = remove_lock,
    .refresh_locks = refresh_locks,
    .lookup_resource = lookup_resource,
};
