#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "propstore/ctl/davfs_tree.h"
#include "propstore/ctl/davfs_xml.h"
#include "propstore/ctl/migrate.h"
#include "propstore/filestat.h"
#include "propstore/nodes.h"

/** One transaction has so many resources, or so many bytes of their values, or few more. */
#define BATCH_RESOURCES 512
#define BATCH_BYTES ((apr_size_t)8 << 20)

/** A resource with properties. */
typedef struct resource_t {
    const char *path;
    apr_array_header_t *props; /**< prop_change_t, each name once */
} resource_t;

/** What is done in one transaction. */
typedef struct batch_t {
    migrate_t *migrate;
    apr_pool_t *pool;              /**< what is in the batch; cleared with it */
    apr_array_header_t *resources; /**< resource_t */
    apr_size_t bytes;              /**< of their values */
    migrate_counts_t counts;       /**< for this batch alone */
    apr_array_header_t *gone;      /**< const char *: resources that went away meanwhile */
} batch_t;

/* ---- comparing with the store ---- */

/** What the store says to a property. */
typedef enum answer_e { STORE_HAS_NOT, STORE_HAS_SAME, STORE_HAS_OTHER } answer_e;

static apr_status_t ask(answer_e *answer_p, store_txn_t *txn, const node_t *node,
                        const prop_change_t *prop)
{
    store_slice_t value;
    node_prop_t found;
    apr_uint32_t id;
    apr_status_t status = node->id != 0 ? names_find(&id, txn, &prop->name) : STORE_ABSENT;

    *answer_p = STORE_HAS_NOT;
    if (status == APR_SUCCESS)
        status = node_prop_find(&found, node, id);
    if (status == APR_SUCCESS)
        status = node_prop_value(&value, txn, node, &found);
    if (status == APR_SUCCESS)
        *answer_p = value.len == prop->length && memcmp(value.data, prop->value, value.len) == 0
                        ? STORE_HAS_SAME
                        : STORE_HAS_OTHER;
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

static apr_status_t find_node(node_t *node, store_txn_t *txn, const char *path)
{
    apr_status_t status = nodes_find(node, txn, path);

    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

static const char *name_text(const prop_name_t *name, apr_pool_t *result_pool)
{
    return apr_pstrcat(result_pool, "{", name->ns, "}", name->local, NULL);
}

/** Tell of the properties that the store has for RESOURCE, and the database has not. */
static apr_status_t compare_back(migrate_t *migrate, store_txn_t *txn, const node_t *node,
                                 const resource_t *resource, apr_pool_t *scratch_pool)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;

    if (node->id == 0)
        return APR_SUCCESS;
    node_props_begin(&iter, node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        prop_name_t name;
        int known = 0;

        if ((status = names_get(&name, txn, prop.name, scratch_pool)) != APR_SUCCESS)
            return status;
        for (int i = 0; i < resource->props->nelts && !known; i++) {
            const prop_name_t *its = &APR_ARRAY_IDX(resource->props, i, prop_change_t).name;

            known = strcmp(its->ns, name.ns) == 0 && strcmp(its->local, name.local) == 0;
        }
        if (!known)
            migrate_difference(migrate, resource->path,
                               apr_pstrcat(scratch_pool, name_text(&name, scratch_pool),
                                           " is only in the store", NULL));
    }
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** Compare RESOURCE's properties with the store's. */
static apr_status_t compare(migrate_t *migrate, store_txn_t *txn, const resource_t *resource,
                            apr_pool_t *scratch_pool)
{
    node_t node;
    apr_status_t status = find_node(&node, txn, resource->path);

    for (int i = 0; i < resource->props->nelts && status == APR_SUCCESS; i++) {
        const prop_change_t *prop = &APR_ARRAY_IDX(resource->props, i, prop_change_t);
        answer_e answer;

        status = ask(&answer, txn, &node, prop);
        if (status == APR_SUCCESS && answer == STORE_HAS_SAME)
            migrate->counts.same++;
        else if (status == APR_SUCCESS)
            migrate_difference(migrate, resource->path,
                               apr_pstrcat(scratch_pool, name_text(&prop->name, scratch_pool),
                                           answer == STORE_HAS_NOT ? " is not in the store"
                                                                   : " is another in the store",
                                           NULL));
    }
    return status == APR_SUCCESS ? compare_back(migrate, txn, &node, resource, scratch_pool)
                                 : status;
}

/* ---- moving over ---- */

/** Choose which of RESOURCE's properties are to be set, and count. */
static apr_status_t choose(apr_array_header_t *changes, batch_t *batch, store_txn_t *txn,
                           const resource_t *resource)
{
    node_t node;
    apr_status_t status = find_node(&node, txn, resource->path);

    for (int i = 0; i < resource->props->nelts && status == APR_SUCCESS; i++) {
        const prop_change_t *prop = &APR_ARRAY_IDX(resource->props, i, prop_change_t);
        answer_e answer;

        status = ask(&answer, txn, &node, prop);
        if (status != APR_SUCCESS)
            break;
        if (answer == STORE_HAS_SAME) {
            batch->counts.same++;
        } else if (answer == STORE_HAS_OTHER && batch->migrate->mode != MIGRATE_OVERWRITE) {
            batch->counts.kept++;
        } else {
            batch->counts.set++;
            APR_ARRAY_PUSH(changes, prop_change_t) = *prop;
        }
    }
    return status;
}

/** Move one resource's properties over. */
static apr_status_t move(batch_t *batch, store_txn_t *txn, const resource_t *resource,
                         apr_pool_t *scratch_pool)
{
    static const node_limits_t none;
    apr_array_header_t *changes =
        apr_array_make(scratch_pool, resource->props->nelts, sizeof(prop_change_t));
    node_fingerprint_t fingerprint;
    filestat_t st;
    /* Under the writer's lock: a MOVE or DELETE of the file has its turn before or after. */
    apr_status_t status = filestat_read(&st, AT_FDCWD, resource->path, FILESTAT_TARGET);

    if (status == ENOENT || status == ENOTDIR) {
        APR_ARRAY_PUSH(batch->gone, const char *) = resource->path;
        return APR_SUCCESS;
    }
    if (status == APR_SUCCESS)
        status = choose(changes, batch, txn, resource);
    if (status != APR_SUCCESS || changes->nelts == 0 || batch->migrate->mode == MIGRATE_DRY)
        return status;
    fingerprint = filestat_fingerprint(&st);
    return nodes_patch(txn, resource->path, S_ISDIR(st.mode) ? NODE_COLLECTION : NODE_FILE,
                       &fingerprint, (const prop_change_t *)changes->elts,
                       (apr_size_t)changes->nelts, &none, NULL, scratch_pool);
}

/** store_write_fn: move a batch over. */
static apr_status_t move_batch(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    batch_t *batch = baton;
    apr_pool_t *iterpool;
    apr_status_t status = APR_SUCCESS;

    memset(&batch->counts, 0, sizeof(batch->counts));
    apr_array_clear(batch->gone);
    apr_pool_create(&iterpool, scratch_pool);
    for (int i = 0; i < batch->resources->nelts && status == APR_SUCCESS; i++) {
        apr_pool_clear(iterpool);
        status = move(batch, txn, &APR_ARRAY_IDX(batch->resources, i, resource_t), iterpool);
        if (ctl_interrupted())
            status = APR_EINTR;
    }
    return status == APR_SUCCESS && batch->counts.set == 0 ? STORE_NOTHING : status;
}

/** The same in a transaction that only reads: with MIGRATE_DRY, and to compare. */
static apr_status_t read_batch(batch_t *batch, apr_pool_t *scratch_pool)
{
    migrate_t *migrate = batch->migrate;
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, migrate->store, STORE_READ, scratch_pool);

    if (status != APR_SUCCESS)
        return status;
    if (migrate->mode == MIGRATE_DRY)
        status = move_batch(txn, batch, scratch_pool);
    for (int i = 0; migrate->mode == MIGRATE_VERIFY && i < batch->resources->nelts; i++) {
        status =
            compare(migrate, txn, &APR_ARRAY_IDX(batch->resources, i, resource_t), scratch_pool);
        if (status != APR_SUCCESS)
            break;
    }
    store_abort(txn);
    return status == STORE_NOTHING ? APR_SUCCESS : status;
}

/** Count a batch that would go into a store that is yet to be made. */
static void count_batch(batch_t *batch)
{
    for (int i = 0; i < batch->resources->nelts; i++)
        batch->counts.set +=
            (apr_uint64_t)APR_ARRAY_IDX(batch->resources, i, resource_t).props->nelts;
}

/** Do what is to be done with a batch, and empty it. */
static apr_status_t end_batch(batch_t *batch)
{
    migrate_t *migrate = batch->migrate;
    migrate_counts_t *counts = &migrate->counts;
    apr_status_t status = APR_SUCCESS;

    memset(&batch->counts, 0, sizeof(batch->counts));
    batch->gone = apr_array_make(batch->pool, 4, sizeof(const char *));
    if (migrate->store == NULL)
        count_batch(batch);
    else if (migrate->mode == MIGRATE_DRY || migrate->mode == MIGRATE_VERIFY)
        status = read_batch(batch, batch->pool);
    else
        status = store_write(migrate->store, move_batch, batch, batch->pool);
    if (status == APR_SUCCESS) {
        counts->set += batch->counts.set;
        counts->same += batch->counts.same;
        counts->kept += batch->counts.kept;
        for (int i = 0; i < batch->gone->nelts; i++)
            migrate_problem(migrate, APR_ARRAY_IDX(batch->gone, i, const char *), APR_SUCCESS,
                            "went away meanwhile");
    }
    apr_pool_clear(batch->pool);
    batch->resources = apr_array_make(batch->pool, BATCH_RESOURCES, sizeof(resource_t));
    batch->bytes = 0;
    return status;
}

/* ---- reading the databases ---- */

/** What is wrong with a property's name or value. */
static const char *complaint(apr_status_t status, const dbm_pair_t *pair, apr_pool_t *result_pool)
{
    apr_size_t length = pair->key.len;

    if (length > 0 && ((const char *)pair->key.data)[length - 1] == '\0')
        length--;
    return apr_pstrcat(result_pool, "its property ",
                       apr_pstrmemdup(result_pool, pair->key.data, length),
                       status == STORE_LIMIT ? " has too long a name" : " is damaged", NULL);
}

/** Make the element of a property and put it into the batch. */
static void read_prop(resource_t *resource, batch_t *batch, const dbm_pair_t *pair,
                      const davfs_namespaces_t *namespaces, apr_pool_t *scratch_pool)
{
    prop_change_t change;
    davfs_prop_t prop;
    apr_status_t status = davfs_prop_read(&prop, pair, scratch_pool);

    if (status == APR_SUCCESS)
        status = davfs_xml_prop(&change, &prop, namespaces, scratch_pool);
    if (status != APR_SUCCESS) {
        migrate_problem(batch->migrate, resource->path, APR_SUCCESS,
                        complaint(status, pair, scratch_pool));
        return;
    }
    change.name.ns = apr_pstrdup(batch->pool, change.name.ns);
    change.name.local = apr_pstrdup(batch->pool, change.name.local);
    change.value = apr_pmemdup(batch->pool, change.value, change.length);
    batch->bytes += change.length;
    APR_ARRAY_PUSH(resource->props, prop_change_t) = change;
}

/** The same of all properties among PAIRS. */
static void read_props(resource_t *resource, batch_t *batch, const apr_array_header_t *pairs,
                       const davfs_namespaces_t *namespaces, apr_pool_t *scratch_pool)
{
    apr_pool_t *iterpool;

    apr_pool_create(&iterpool, scratch_pool);
    for (int i = 0; i < pairs->nelts; i++) {
        const dbm_pair_t *pair = &APR_ARRAY_IDX(pairs, i, dbm_pair_t);

        apr_pool_clear(iterpool);
        if (davfs_key(pair->key) != DAVFS_KEY_META)
            read_prop(resource, batch, pair, namespaces, iterpool);
    }
    apr_pool_destroy(iterpool);
}

/** Why there is no place for a database's properties; NULL if there is. */
static const char *misplaced(const davfs_found_t *found)
{
    filestat_t st;
    apr_status_t status = filestat_read(&st, AT_FDCWD, found->path, FILESTAT_TARGET);

    if (status != APR_SUCCESS)
        return "does not exist any more; its properties are left out";
    if (found->is_member && S_ISDIR(st.mode))
        return "was a file once and is a folder now; that file's properties are left out";
    return NULL;
}

/** Why a database could not be read. */
static const char *unreadable(apr_status_t *status, davfs_kind_e kind, apr_pool_t *result_pool)
{
    apr_status_t why = *status;

    *status = APR_SUCCESS;
    if (APR_STATUS_IS_EDSOOPEN(why) || APR_STATUS_IS_ENOTIMPL(why))
        return apr_pstrcat(result_pool, "its properties are in a database of the kind ",
                           davfs_kind_name(kind), ", for which APR has no driver here", NULL);
    if (why == STORE_FORMAT)
        return "its properties are in a form that mod_dav_fs itself does not read";
    if (why == STORE_CORRUPT)
        return "the database of its properties is damaged";
    *status = why;
    return "the database of its properties could not be read";
}

/** davfs_tree_hooks_t: put a database's properties into the batch. */
static apr_status_t take_database(void *baton, const davfs_found_t *found, apr_pool_t *scratch_pool)
{
    batch_t *batch = baton;
    migrate_t *migrate = batch->migrate;
    apr_array_header_t *pairs = apr_array_make(scratch_pool, 8, sizeof(dbm_pair_t));
    const char *why = misplaced(found);
    davfs_namespaces_t namespaces;
    resource_t *resource;
    apr_status_t status;

    if (ctl_interrupted())
        return APR_EINTR;
    if (why != NULL) {
        migrate_problem(migrate, found->path, APR_SUCCESS, why);
        return APR_SUCCESS;
    }
    status = davfs_reader_read(pairs, migrate->reader, found->kind, found->directory, found->name,
                               scratch_pool);
    /* It went away with its resource, just now. */
    if (status == ENOENT)
        return APR_SUCCESS;
    if (status == APR_SUCCESS)
        status = davfs_namespaces_find(&namespaces, pairs, scratch_pool);
    if (status != APR_SUCCESS) {
        why = unreadable(&status, found->kind, scratch_pool);
        migrate_problem(migrate, found->path, status, why);
        return APR_SUCCESS;
    }
    resource = apr_array_push(batch->resources);
    resource->path = apr_pstrdup(batch->pool, found->path);
    resource->props = apr_array_make(batch->pool, pairs->nelts + 1, sizeof(prop_change_t));
    read_props(resource, batch, pairs, &namespaces, scratch_pool);
    migrate->counts.properties += (apr_uint64_t)resource->props->nelts;
    ctl_progress(migrate->progress, ++migrate->counts.resources);
    if (batch->resources->nelts >= BATCH_RESOURCES || batch->bytes >= BATCH_BYTES)
        return end_batch(batch);
    return APR_SUCCESS;
}

/** davfs_tree_hooks_t */
static void take_problem(void *baton, const char *path, apr_status_t status, const char *why)
{
    const batch_t *batch = baton;

    migrate_problem(batch->migrate, path, status, why);
}

int migrate_props(migrate_t *migrate, apr_pool_t *scratch_pool)
{
    batch_t batch = {.migrate = migrate};
    const davfs_tree_hooks_t hooks = {&batch, take_database, take_problem};
    apr_status_t status;

    apr_pool_create(&batch.pool, scratch_pool);
    batch.resources = apr_array_make(batch.pool, BATCH_RESOURCES, sizeof(resource_t));
    status = davfs_tree_walk(migrate->top, &hooks, scratch_pool);
    if (status == APR_SUCCESS)
        status = end_batch(&batch);
    apr_pool_destroy(batch.pool);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status != APR_SUCCESS)
        return ctl_fail(migrate->ctl, status, "could not move all properties of %s over",
                        migrate->top);
    return CTL_FINE;
}
