#include "provider/deadprops.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>

#include "propstore/nodes.h"
#include "provider/errmap.h"
#include "provider/private.h"
#include "provider/resource.h"

APLOG_USE_MODULE(dav_depot);

/** A property. */
typedef struct entry_t {
    prop_name_t name;
    const char *text; /* its element's XML, or NULL if there is none (any more) */
    apr_size_t length;
    int changed;
} entry_t;

/** A resource's properties. */
struct dav_db {
    apr_pool_t *pool;
    const dav_resource *resource;
    store_t *store;
    apr_hash_t *entries;    /* namespace, newline, local name -> entry_t */
    apr_hash_index_t *iter; /* of first_name() and next_name() */
};

struct dav_namespace_map {
    const apr_array_header_t *namespaces;
};

struct dav_deadprop_rollback {
    entry_t *entry;
    entry_t old;
};

/** The entry of a name, made empty if there is none. */
static entry_t *entry_of(dav_db *db, const char *ns, const char *local)
{
    const char *key = apr_pstrcat(db->pool, ns ? ns : "", "\n", local, NULL);
    entry_t *entry = apr_hash_get(db->entries, key, APR_HASH_KEY_STRING);

    if (entry == NULL) {
        entry = apr_pcalloc(db->pool, sizeof(*entry));
        entry->name.ns = apr_pstrdup(db->pool, ns ? ns : "");
        entry->name.local = apr_pstrdup(db->pool, local);
        apr_hash_set(db->entries, key, APR_HASH_KEY_STRING, entry);
    }
    return entry;
}

/** Take a property of the store's over. */
static apr_status_t load_prop(dav_db *db, store_txn_t *txn, const node_t *node,
                              const node_prop_t *prop)
{
    prop_name_t name;
    store_slice_t value;
    entry_t *entry;
    apr_status_t status = names_get(&name, txn, prop->name, db->pool);

    if (status == APR_SUCCESS)
        status = node_prop_value(&value, txn, node, prop);
    if (status != APR_SUCCESS)
        return status;
    entry = entry_of(db, name.ns, name.local);
    entry->text = apr_pstrmemdup(db->pool, value.data, value.len);
    entry->length = value.len;
    return APR_SUCCESS;
}

/** Read all properties, in one short transaction. */
static apr_status_t load(dav_db *db)
{
    node_props_iter_t iter;
    node_prop_t prop;
    store_txn_t *txn;
    node_t node;
    apr_status_t status = store_begin(&txn, db->store, STORE_READ, db->pool);

    if (status != APR_SUCCESS)
        return status;
    status = nodes_find(&node, txn, db->resource->info->path);
    if (status == APR_SUCCESS) {
        node_props_begin(&iter, &node);
        while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
            status = load_prop(db, txn, &node, &prop);
            if (status != APR_SUCCESS)
                break;
        }
    }
    store_abort(txn);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

static dav_error *open_db(apr_pool_t *p, const dav_resource *resource, int ro, dav_db **db_p)
{
    dav_db *db = apr_pcalloc(p, sizeof(*db));
    apr_status_t status;

    (void)ro;
    db->pool = p;
    db->resource = resource;
    db->store = resource->info->settings.store;
    db->entries = apr_hash_make(p);
    if (db->store == NULL)
        return errmap_no_store(p);
    status = load(db);
    if (status != APR_SUCCESS)
        return errmap_error(p, status, "Could not read the resource's properties.");
    *db_p = db;
    return NULL;
}

/** What is to be written when a database is closed. */
typedef struct flush_t {
    const dav_db *db;
    apr_array_header_t *changes; /* prop_change_t */
} flush_t;

static apr_status_t flush_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const flush_t *flush = baton;
    const dav_resource *resource = flush->db->resource;
    node_fingerprint_t fingerprint = filestat_fingerprint(&resource->info->st);

    resource_set_durability(txn, resource);
    return nodes_patch(txn, resource->info->path, resource_node_kind(resource), &fingerprint,
                       (const prop_change_t *)flush->changes->elts,
                       (apr_size_t)flush->changes->nelts, &resource->info->settings.dir->node, NULL,
                       scratch_pool);
}

static void close_db(dav_db *db)
{
    flush_t flush = {db, apr_array_make(db->pool, 8, sizeof(prop_change_t))};
    apr_status_t status;
    char words[128];

    for (apr_hash_index_t *i = apr_hash_first(db->pool, db->entries); i; i = apr_hash_next(i)) {
        const entry_t *entry = apr_hash_this_val(i);

        if (entry->changed) {
            prop_change_t *change = apr_array_push(flush.changes);

            change->name = entry->name;
            change->value = entry->text;
            change->length = entry->length;
        }
    }
    if (flush.changes->nelts == 0)
        return;
    status = store_write(db->store, flush_body, &flush, db->pool);
    if (status != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, db->resource->info->r,
                      "properties of %s are lost: %s", db->resource->uri,
                      store_strerror(status, words, sizeof(words)));
}

static dav_error *define_namespaces(dav_db *db, dav_xmlns_info *xi)
{
    /* Stored elements declare what they use themselves. */
    (void)db;
    (void)xi;
    return NULL;
}

static dav_error *output_value(dav_db *db, const dav_prop_name *name, dav_xmlns_info *xi,
                               apr_text_header *phdr, int *found)
{
    const entry_t *entry = entry_of(db, name->ns, name->name);

    (void)xi;
    *found = entry->text != NULL;
    if (*found)
        apr_text_append(db->pool, phdr, entry->text);
    return NULL;
}

static dav_error *map_namespaces(dav_db *db, const apr_array_header_t *namespaces,
                                 dav_namespace_map **mapping)
{
    *mapping = apr_palloc(db->pool, sizeof(**mapping));
    (*mapping)->namespaces = namespaces;
    return NULL;
}

static dav_error *store_value(dav_db *db, const dav_prop_name *name, const apr_xml_elem *elem,
                              dav_namespace_map *mapping)
{
    entry_t *entry = entry_of(db, name->ns, name->name);
    union {
        const apr_xml_elem *from;
        apr_xml_elem *to;
    } own = {elem};

    /* mod_dav hands the element over; quoting it in place is what its interface expects. */
    apr_xml_quote_elem(db->pool, own.to);
    apr_xml_to_text(db->pool, elem, APR_XML_X2T_FULL_NS_LANG,
                    (apr_array_header_t *)(apr_uintptr_t)mapping->namespaces, NULL, &entry->text,
                    &entry->length);
    entry->length = strlen(entry->text);
    entry->changed = 1;
    return NULL;
}

static dav_error *remove_value(dav_db *db, const dav_prop_name *name)
{
    entry_t *entry = entry_of(db, name->ns, name->name);

    entry->text = NULL;
    entry->length = 0;
    entry->changed = 1;
    return NULL;
}

static int exists(dav_db *db, const dav_prop_name *name)
{
    return entry_of(db, name->ns, name->name)->text != NULL;
}

/** The name the iteration stands at, skipping what has no value; both NULL at the end. */
static dav_error *current_name(dav_db *db, dav_prop_name *pname)
{
    pname->ns = pname->name = NULL;
    while (db->iter != NULL && ((entry_t *)apr_hash_this_val(db->iter))->text == NULL)
        db->iter = apr_hash_next(db->iter);
    if (db->iter != NULL) {
        const entry_t *entry = apr_hash_this_val(db->iter);

        pname->ns = entry->name.ns;
        pname->name = entry->name.local;
    }
    return NULL;
}

static dav_error *first_name(dav_db *db, dav_prop_name *pname)
{
    db->iter = apr_hash_first(db->pool, db->entries);
    return current_name(db, pname);
}

static dav_error *next_name(dav_db *db, dav_prop_name *pname)
{
    if (db->iter != NULL)
        db->iter = apr_hash_next(db->iter);
    return current_name(db, pname);
}

static dav_error *get_rollback(dav_db *db, const dav_prop_name *name,
                               dav_deadprop_rollback **prollback)
{
    dav_deadprop_rollback *rollback = apr_palloc(db->pool, sizeof(*rollback));

    rollback->entry = entry_of(db, name->ns, name->name);
    rollback->old = *rollback->entry;
    *prollback = rollback;
    return NULL;
}

static dav_error *apply_rollback(dav_db *db, dav_deadprop_rollback *rollback)
{
    (void)db;
    if (rollback != NULL)
        *rollback->entry = rollback->old;
    return NULL;
}

const dav_hooks_propdb deadprops_hooks = {
    .open = open_db,
    .close = close_db,
    .define_namespaces = define_namespaces,
    .output_value = output_value,
    .map_namespaces = map_namespaces,
    .store = store_value,
    .remove = remove_value,
    .exists = exists,
    .first_name = first_name,
    .next_name = next_name,
    .get_rollback = get_rollback,
    .apply_rollback = apply_rollback,
};
