#include "provider/proplist.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>

#include "provider/errmap.h"
#include "provider/foreign.h"
#include "provider/liveprops.h"

APLOG_USE_MODULE(dav_depot);

/** A property asked for by name, and who answers for it. */
typedef struct wanted_t {
    prop_name_t name;
    liveprop_e live;        /* LIVEPROP_NONE: not one of ours */
    foreign_prop_t foreign; /* hooks NULL: not one of another module */
    apr_uint32_t dead;      /* the store's id of the name; 0: no resource has it */
} wanted_t;

struct proplist_t {
    request_rec *r;
    propfind_form_e form;
    apr_array_header_t *wanted; /* wanted_t */
    multistatus_ns_t *ns;
    int needs_store, needs_stat, needs_type, needs_resource, needs_locks;
    int foreign_allprop, foreign_types;
    apr_uint32_t set_ids[LIVEPROP_COUNT]; /* under which names clients' values are kept; or 0 */
    apr_hash_t *names; /* id -> prop_name_t, of dead properties whose names were written */
    apr_pool_t *pool;
};

/** A property that could not be given, and why. */
typedef struct missing_t {
    prop_name_t name;
    int http_status;
} missing_t;

/** The propstats of one resource while they are written. */
typedef struct writing_t {
    proplist_t *list;
    output_t *out;
    const proplist_member_t *member;
    liveprop_source_t source;
    int open; /* the propstat of what was found has been begun */
    apr_array_header_t *missing;
    apr_pool_t *pool; /* lifetime of the member's writing */
} writing_t;

/* ---- what is asked for ---- */

static int is_twin(const proplist_t *list, const prop_name_t *name)
{
    for (int i = 0; i < list->wanted->nelts; i++) {
        const prop_name_t *other = &APR_ARRAY_IDX(list->wanted, i, wanted_t).name;

        if (strcmp(other->local, name->local) == 0 && strcmp(other->ns, name->ns) == 0)
            return 1;
    }
    return 0;
}

static void need_live(proplist_t *list, liveprop_e prop)
{
    list->needs_stat |= liveprop_needs_stat(prop);
    list->needs_type |= liveprop_needs_type(prop);
    /* A client may have set another. */
    list->needs_store |= liveprop_needs_type(prop);
    if (prop == LIVEPROP_LOCKDISCOVERY)
        list->needs_locks = list->needs_store = 1;
    if (prop == LIVEPROP_RESOURCETYPE && foreign_has_types(list->pool))
        list->foreign_types = list->needs_resource = 1;
}

static void want(proplist_t *list, const dav_resource *resource, const prop_name_t *name)
{
    wanted_t *wanted;

    if (is_twin(list, name))
        return;
    wanted = apr_array_push(list->wanted);
    memset(wanted, 0, sizeof(*wanted));
    wanted->name = *name;
    wanted->live = liveprop_find(name->ns, name->local);
    /* Declared now, it can be used for what is missing later. */
    (void)multistatus_ns_prefix(list->ns, name->ns);
    if (wanted->live != LIVEPROP_NONE) {
        need_live(list, wanted->live);
        return;
    }
    wanted->foreign = foreign_find(resource, name->ns, name->local);
    list->needs_resource |= wanted->foreign.hooks != NULL;
    /* Another module's property may be dead on some resources. */
    list->needs_store = 1;
}

proplist_t *proplist_create(request_rec *r, const dav_resource *resource, propfind_form_e form,
                            const apr_array_header_t *names, multistatus_ns_t *ns,
                            apr_pool_t *result_pool)
{
    proplist_t *list = apr_pcalloc(result_pool, sizeof(*list));

    list->r = r;
    list->form = form;
    list->ns = ns;
    list->pool = result_pool;
    list->names = apr_hash_make(result_pool);
    list->wanted = apr_array_make(result_pool, 8, sizeof(wanted_t));
    multistatus_ns_declare(ns, LIVEPROPS_APACHE_PREFIX, LIVEPROPS_APACHE_NS);
    if (form != PROPFIND_PROP) {
        list->needs_store = 1;
        list->foreign_allprop = foreign_has_allprop();
        list->needs_resource |= list->foreign_allprop;
        for (int prop = LIVEPROP_NONE + 1; prop < LIVEPROP_COUNT; prop++)
            need_live(list, (liveprop_e)prop);
    }
    for (int i = 0; i < names->nelts; i++)
        want(list, resource, &APR_ARRAY_IDX(names, i, prop_name_t));
    if (list->needs_resource)
        foreign_declare(ns, result_pool);
    return list;
}

int proplist_needs_store(const proplist_t *list)
{
    return list->needs_store;
}

int proplist_needs_stat(const proplist_t *list)
{
    return list->needs_stat;
}

int proplist_needs_type(const proplist_t *list)
{
    return list->needs_type;
}

int proplist_needs_resource(const proplist_t *list)
{
    return list->needs_resource;
}

int proplist_needs_locks(const proplist_t *list)
{
    return list->needs_locks;
}

/** Find the id of NAME; 0 if no resource has such a property. */
static apr_status_t find_name(apr_uint32_t *id_p, store_txn_t *txn, const prop_name_t *name)
{
    apr_status_t status = names_find(id_p, txn, name);

    /* A name that is too long was never given an id. */
    if (status != STORE_ABSENT && status != STORE_LIMIT)
        return status;
    *id_p = 0;
    return APR_SUCCESS;
}

apr_status_t proplist_find_names(proplist_t *list, store_txn_t *txn)
{
    apr_status_t status = APR_SUCCESS;

    for (int i = LIVEPROP_NONE + 1; i < LIVEPROP_COUNT && status == APR_SUCCESS; i++) {
        prop_name_t name = {liveprop_ns((liveprop_e)i), liveprop_local((liveprop_e)i)};

        if (list->needs_type && liveprop_needs_type((liveprop_e)i))
            status = find_name(&list->set_ids[i], txn, &name);
    }
    for (int i = 0; i < list->wanted->nelts && status == APR_SUCCESS; i++) {
        wanted_t *wanted = &APR_ARRAY_IDX(list->wanted, i, wanted_t);

        if (wanted->live == LIVEPROP_NONE)
            status = find_name(&wanted->dead, txn, &wanted->name);
    }
    return status;
}

/* ---- writing one resource ---- */

/** Begin the propstat of what was found, before the first such property. */
static void begin_found(writing_t *writing)
{
    if (!writing->open)
        multistatus_propstat(writing->out);
    writing->open = 1;
}

static void note_missing(writing_t *writing, const prop_name_t *name, int http_status)
{
    missing_t *missing;

    if (writing->missing == NULL)
        writing->missing = apr_array_make(writing->pool, 8, sizeof(missing_t));
    missing = apr_array_push(writing->missing);
    missing->name = *name;
    missing->http_status = http_status;
}

/** Write the propstats of what is missing, one for each status. */
static void write_missing(writing_t *writing)
{
    int left = writing->missing ? writing->missing->nelts : 0;

    while (left > 0) {
        int http_status = 0;

        for (int i = 0; i < writing->missing->nelts; i++) {
            missing_t *missing = &APR_ARRAY_IDX(writing->missing, i, missing_t);

            if (missing->http_status == 0)
                continue;
            if (http_status == 0) {
                http_status = missing->http_status;
                multistatus_propstat(writing->out);
            }
            if (missing->http_status == http_status) {
                multistatus_empty_prop(writing->out, writing->list->ns, &missing->name);
                missing->http_status = 0;
                left--;
            }
        }
        multistatus_propstat_end(writing->out, http_status, NULL, NULL);
    }
}

/** The name with ID, remembered for the request.  NULL if the store does not have it. */
static const prop_name_t *name_of(writing_t *writing, apr_uint32_t id)
{
    proplist_t *list = writing->list;
    prop_name_t *name = apr_hash_get(list->names, &id, sizeof(id));
    apr_uint32_t *key;

    if (name != NULL)
        return name;
    name = apr_palloc(list->pool, sizeof(*name));
    if (names_get(name, writing->member->txn, id, list->pool) != APR_SUCCESS)
        return NULL;
    key = apr_pmemdup(list->pool, &id, sizeof(id));
    apr_hash_set(list->names, key, sizeof(*key), name);
    return name;
}

static void complain(const writing_t *writing, apr_status_t status, const char *what)
{
    char words[128];

    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, writing->list->r, "%s: %s", what,
                  store_strerror(status, words, sizeof(words)));
}

/** Write a dead property's value, or note why it cannot be given. */
static void write_dead(writing_t *writing, const node_prop_t *prop)
{
    const proplist_member_t *member = writing->member;
    const prop_name_t *name;
    store_slice_t value;
    apr_status_t status = node_prop_value(&value, member->txn, member->node, prop);

    if (status == APR_SUCCESS) {
        begin_found(writing);
        output_write(writing->out, value.data, value.len);
        return;
    }
    complain(writing, status, "a property's value cannot be read");
    name = name_of(writing, prop->name);
    if (name != NULL)
        note_missing(writing, name, errmap_status(status));
}

/** Write a dead property's name. */
static void write_dead_name(writing_t *writing, const node_prop_t *prop)
{
    const prop_name_t *name = name_of(writing, prop->name);

    if (name == NULL) {
        complain(writing, STORE_CORRUPT, "a property's name cannot be read");
        return;
    }
    begin_found(writing);
    multistatus_empty_prop(writing->out, writing->list->ns, name);
}

/** Whether the value a client set for LIVE counts (typeprops.h). */
static int is_settable(const writing_t *writing, liveprop_e live)
{
    const proplist_member_t *member = writing->member;

    return !member->collection && !(live == LIVEPROP_GETCONTENTTYPE && member->type.forced);
}

/** Find what a client set for LIVE. */
static int find_set(node_prop_t *prop, const writing_t *writing, liveprop_e live)
{
    const node_t *node = writing->member->node;
    apr_uint32_t id = writing->list->set_ids[live];

    return id != 0 && node != NULL && is_settable(writing, live) &&
           node_prop_find(prop, node, id) == APR_SUCCESS;
}

/** Whether the dead property ID is what a client set for a live one, and does not count. */
static int is_overruled(const writing_t *writing, apr_uint32_t id)
{
    for (int i = LIVEPROP_NONE + 1; i < LIVEPROP_COUNT; i++) {
        if (writing->list->set_ids[i] == id)
            return !is_settable(writing, (liveprop_e)i);
    }
    return 0;
}

/** Write all dead properties, or their names. */
static void write_all_dead(writing_t *writing)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    if (writing->member->node == NULL)
        return;
    node_props_begin(&iter, writing->member->node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        if (is_overruled(writing, prop.name))
            continue;
        if (writing->list->form == PROPFIND_PROPNAME)
            write_dead_name(writing, &prop);
        else
            write_dead(writing, &prop);
    }
    if (status != STORE_ABSENT)
        complain(writing, status, "properties cannot be read");
}

/** Write all live properties, or their names. */
static void write_all_live(writing_t *writing)
{
    proplist_t *list = writing->list;
    char buf[LIVEPROP_VALUE_SIZE];

    begin_found(writing);
    for (int i = LIVEPROP_NONE + 1; i < LIVEPROP_COUNT; i++) {
        liveprop_e prop = (liveprop_e)i;
        prop_name_t name = {liveprop_ns(prop), liveprop_local(prop)};
        const char *value = liveprop_value(prop, &writing->source, buf, writing->pool);
        node_prop_t set;

        if (find_set(&set, writing, prop))
            continue; /* it comes with the dead ones */
        if (value != NULL && list->form == PROPFIND_ALLPROP)
            liveprop_write(writing->out, prop, value);
        else if (value != NULL)
            multistatus_empty_prop(writing->out, list->ns, &name);
    }
    if (list->foreign_allprop)
        output_puts(writing->out, foreign_all(list->r, writing->member->resource,
                                              list->form == PROPFIND_ALLPROP ? DAV_PROP_INSERT_VALUE
                                                                             : DAV_PROP_INSERT_NAME,
                                              writing->pool));
}

/** Write a property asked for by name, or note that it is missing. */
static void write_wanted(writing_t *writing, const wanted_t *wanted)
{
    const proplist_member_t *member = writing->member;
    node_prop_t prop;
    apr_status_t status;

    if (wanted->live != LIVEPROP_NONE) {
        char buf[LIVEPROP_VALUE_SIZE];
        const char *value;

        if (find_set(&prop, writing, wanted->live)) {
            write_dead(writing, &prop);
            return;
        }
        value = liveprop_value(wanted->live, &writing->source, buf, writing->pool);

        if (value == NULL) {
            note_missing(writing, &wanted->name, HTTP_NOT_FOUND);
            return;
        }
        begin_found(writing);
        liveprop_write(writing->out, wanted->live, value);
        return;
    }
    if (wanted->foreign.hooks != NULL) {
        const char *text =
            foreign_text(&wanted->foreign, member->resource, DAV_PROP_INSERT_VALUE, writing->pool);

        if (text != NULL) {
            begin_found(writing);
            output_puts(writing->out, text);
            return;
        }
    }
    status = member->node != NULL && wanted->dead != 0
                 ? node_prop_find(&prop, member->node, wanted->dead)
                 : STORE_ABSENT;
    if (status == APR_SUCCESS)
        write_dead(writing, &prop);
    else
        note_missing(writing, &wanted->name, errmap_status(status));
}

/** Whether allprop has written WANTED already, so that "include" adds nothing. */
static int is_in_allprop(const writing_t *writing, const wanted_t *wanted)
{
    const node_t *node = writing->member->node;
    node_prop_t prop;

    if (wanted->live != LIVEPROP_NONE)
        return liveprop_is_defined(wanted->live, writing->member->collection);
    return wanted->foreign.hooks == NULL && node != NULL && wanted->dead != 0 &&
           node_prop_find(&prop, node, wanted->dead) == APR_SUCCESS;
}

void proplist_write(proplist_t *list, output_t *out, const proplist_member_t *member,
                    apr_pool_t *scratch_pool)
{
    writing_t writing = {.list = list, .out = out, .member = member, .pool = scratch_pool};

    writing.source.collection = member->collection;
    writing.source.st = member->st;
    writing.source.content_type = member->type.type;
    writing.source.content_language = member->type.language;
    writing.source.active_locks = member->active_locks;
    if (list->foreign_types)
        writing.source.more_types = foreign_types(member->resource, scratch_pool);

    if (list->form != PROPFIND_PROP) {
        write_all_live(&writing);
        write_all_dead(&writing);
    }
    for (int i = 0; i < list->wanted->nelts; i++) {
        const wanted_t *wanted = &APR_ARRAY_IDX(list->wanted, i, wanted_t);

        if (list->form == PROPFIND_PROP || !is_in_allprop(&writing, wanted))
            write_wanted(&writing, wanted);
    }
    /* A response has at least one propstat (RFC 4918 section 14.24). */
    if (!writing.open && writing.missing == NULL)
        begin_found(&writing);
    if (writing.open)
        multistatus_propstat_end(out, HTTP_OK, NULL, NULL);
    write_missing(&writing);
}
