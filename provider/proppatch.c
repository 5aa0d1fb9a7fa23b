#include "provider/proppatch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_dav.h>

#include "propstore/intents.h"
#include "provider/bodies.h"
#include "provider/errmap.h"
#include "provider/executable.h"
#include "provider/foreign.h"
#include "provider/liveprops.h"
#include "provider/lockcheck.h"
#include "provider/methods.h"
#include "provider/multistatus.h"
#include "provider/private.h"
#include "provider/recovery.h"
#include "provider/resource.h"
#include "provider/settling.h"
#include "provider/typeprops.h"
#include "provider/xmlbody.h"

APLOG_USE_MODULE(dav_depot);

/** Who carries an instruction out. */
typedef enum instruction_kind_e { KIND_DEAD, KIND_EXECUTABLE, KIND_FOREIGN } instruction_kind_e;

/** One property to be set or removed, and what became of it. */
typedef struct instruction_t {
    prop_name_t name;
    const xmlNode *node;
    int remove;
    instruction_kind_e kind;
    int executable;           /* the value, for KIND_EXECUTABLE */
    foreign_change_t *change; /* for KIND_FOREIGN */
    int done;                 /* carried out, so that it may have to be undone */
    mode_t old_mode;          /* to undo KIND_EXECUTABLE */
    int http_status;          /* 0: nothing wrong so far */
    const char *precondition, *description;
} instruction_t;

/** A PROPPATCH under way. */
typedef struct patch_t {
    request_rec *r;
    dav_resource *resource;
    apr_array_header_t *instructions; /* instruction_t */
    apr_array_header_t *changes;      /* prop_change_t: the dead ones */
    apr_array_header_t *owners;       /* int: the instruction each change belongs to */
    apr_size_t refused;               /* the change a limit refused */
    int gone;                         /* the resource went away meanwhile */
    dav_error *err;                   /* it was locked meanwhile */
    intent_t intent;                  /* to change permissions, */
    int journaled;                    /* if that is in the store */
} patch_t;

static instruction_t *instruction_at(const patch_t *patch, int i)
{
    return &APR_ARRAY_IDX(patch->instructions, i, instruction_t);
}

/* ---- reading the request ---- */

static dav_error *read_instructions(patch_t *patch, const xmlDoc *doc)
{
    apr_array_header_t *items;
    const char *why = bodies_read_proppatch(&items, doc, patch->r->pool);
    dav_error *err;

    if (why != NULL)
        return dav_new_error(patch->r->pool, HTTP_BAD_REQUEST, 0, 0, why);
    err = xmlbody_check_props(patch->r, items->nelts, &patch->resource->info->settings.dir->xml);
    if (err != NULL)
        return err;
    for (int i = 0; i < items->nelts; i++) {
        const proppatch_item_t *item = &APR_ARRAY_IDX(items, i, proppatch_item_t);
        instruction_t *instruction = apr_array_push(patch->instructions);

        memset(instruction, 0, sizeof(*instruction));
        instruction->name = item->name;
        instruction->node = item->node;
        instruction->remove = item->remove;
    }
    return NULL;
}

/* ---- validating ---- */

static void refuse(instruction_t *instruction, int http_status, const char *precondition,
                   const char *description)
{
    instruction->http_status = http_status;
    instruction->precondition = precondition;
    instruction->description = description;
}

/** Note the change of a dead property to VALUE, of LENGTH bytes; NULL removes it. */
static void add_change(patch_t *patch, int at, const char *value, apr_size_t length)
{
    instruction_t *instruction = instruction_at(patch, at);
    prop_change_t *change = apr_array_push(patch->changes);

    instruction->kind = KIND_DEAD;
    change->name = instruction->name;
    change->value = value;
    change->length = length;
    APR_ARRAY_PUSH(patch->owners, int) = at;
}

/** A content type or language; it is kept as a dead property. */
static void validate_type(patch_t *patch, int at, liveprop_e live)
{
    instruction_t *instruction = instruction_at(patch, at);
    const char *element = NULL;
    apr_size_t length = 0;
    xmlChar *value;

    if (!instruction->remove) {
        value = xmlNodeGetContent(instruction->node);
        if (value != NULL)
            element = typeprops_element(live, (const char *)value, &length, patch->r->pool);
        xmlFree(value);
        if (element == NULL)
            refuse(instruction, HTTP_CONFLICT, NULL,
                   live == LIVEPROP_GETCONTENTTYPE ? "The value is no media type."
                                                   : "The value is no list of language tags.");
    }
    add_change(patch, at, element, length);
}

static void validate_live(const patch_t *patch, instruction_t *instruction, liveprop_e live)
{
    xmlChar *value;

    if (!liveprop_is_writable(live) || !liveprop_is_defined(live, patch->resource->collection)) {
        refuse(instruction, HTTP_FORBIDDEN, "cannot-modify-protected-property", NULL);
        return;
    }
    instruction->kind = KIND_EXECUTABLE;
    value = xmlNodeGetContent(instruction->node);
    if (instruction->remove || value == NULL ||
        !executable_parse(&instruction->executable, (const char *)value))
        refuse(instruction, HTTP_CONFLICT, NULL, EXECUTABLE_WRONG_VALUE);
    xmlFree(value);
}

static void validate_dead(patch_t *patch, int at)
{
    instruction_t *instruction = instruction_at(patch, at);
    apr_size_t length_of_name = strlen(instruction->name.ns) + strlen(instruction->name.local);
    const char *value = NULL;
    apr_size_t length = 0;

    instruction->kind = KIND_DEAD;
    if (length_of_name > NAMES_LENGTH_MAX && instruction->remove)
        return; /* such a name is on no resource */
    if (length_of_name > patch->resource->info->settings.dir->name_max && !instruction->remove) {
        refuse(instruction, HTTP_INSUFFICIENT_STORAGE, NULL, "The name is too long.");
        return;
    }
    if (!instruction->remove)
        value = xmlbody_text(instruction->node, &length, patch->r->pool);
    if (!instruction->remove && value == NULL)
        refuse(instruction, HTTP_SERVICE_UNAVAILABLE, NULL, "The server is short of memory.");
    add_change(patch, at, value, length);
}

/** Find out who carries each instruction out, and whether they would. */
static void validate(patch_t *patch)
{
    for (int i = 0; i < patch->instructions->nelts; i++) {
        instruction_t *instruction = instruction_at(patch, i);
        const prop_name_t *name = &instruction->name;
        liveprop_e live = liveprop_find(name->ns, name->local);
        foreign_prop_t foreign = {NULL, 0};
        dav_error *err = NULL;

        if (live != LIVEPROP_NONE && typeprops_is_settable(live, patch->resource)) {
            validate_type(patch, i, live);
            continue;
        }
        if (live != LIVEPROP_NONE) {
            validate_live(patch, instruction, live);
            continue;
        }
        foreign = foreign_find(patch->resource, name->ns, name->local);
        if (foreign.hooks != NULL) {
            instruction->kind = KIND_FOREIGN;
            err =
                foreign_validate(&instruction->change, &foreign, patch->resource, instruction->node,
                                 instruction->remove ? DAV_PROP_OP_DELETE : DAV_PROP_OP_SET);
            if (err != NULL)
                refuse(instruction, err->status, err->tagname, err->desc);
        }
        if (err == NULL && instruction->change == NULL)
            validate_dead(patch, i);
    }
}

static int has_failed(const patch_t *patch)
{
    for (int i = 0; i < patch->instructions->nelts; i++) {
        if (instruction_at(patch, i)->http_status != 0)
            return 1;
    }
    return 0;
}

/* ---- carrying out ---- */

/** Note that the store answered STATUS. */
static void fail_dead(patch_t *patch, apr_status_t status)
{
    apr_size_t count = (apr_size_t)patch->changes->nelts;
    char words[128];

    if (status == ENOENT || status == ENOTDIR)
        patch->gone = 1;
    if (patch->gone || patch->err != NULL)
        return;
    if (status != STORE_LIMIT)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, patch->r, "could not store properties of %s: %s",
                      patch->resource->uri, store_strerror(status, words, sizeof(words)));
    for (apr_size_t i = 0; i < count; i++) {
        /* A limit is one property's fault, all else everybody's. */
        if (status != STORE_LIMIT || patch->refused == count || i == patch->refused)
            refuse(instruction_at(patch, APR_ARRAY_IDX(patch->owners, (int)i, int)),
                   errmap_status(status), errmap_precondition(status),
                   errmap_words(status, patch->r->pool));
    }
}

/** Whether both permissions and dead properties are to change. */
static int needs_intent(const patch_t *patch)
{
    int executables = 0;

    for (int i = 0; i < patch->instructions->nelts; i++)
        executables += instruction_at(patch, i)->kind == KIND_EXECUTABLE;
    return executables > 0 && patch->changes->nelts > 0;
}

/** store_write_fn: write down what the permissions are. */
static apr_status_t plan_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    patch_t *patch = baton;
    filestat_t st;
    apr_status_t status = resource_look(&st, patch->resource);

    if (status != APR_SUCCESS)
        return status;
    patch->intent.id = 0;
    patch->intent.inode = st.inode;
    patch->intent.birth_ns = st.birth_ns;
    patch->intent.mode = st.mode & 07777;
    settling_locate(&patch->intent, patch->resource->info->pins, scratch_pool);
    return intents_add(txn, &patch->intent, scratch_pool);
}

/** Write down that permissions are to change along with dead properties. */
static void plan(patch_t *patch)
{
    const dav_resource *resource = patch->resource;
    recovery_scope_t scope = {
        .paths = {resource->info->path}, .pins = resource->info->pins, .store_only = 1};
    char target[PATH_MAX];
    apr_status_t status = APR_SUCCESS;

    /* It is the target of a link that has permissions. */
    if (realpath(resource->info->at, target) == NULL)
        status = errno;
    patch->intent = (intent_t){
        .kind = INTENT_MODE, .from = apr_pstrdup(patch->r->pool, target), .to = "", .old = ""};
    if (status == APR_SUCCESS)
        status = recovery_write(resource->info->settings.store, &scope, plan_body, patch,
                                patch->r->pool);
    patch->journaled = status == APR_SUCCESS;
    if (status != APR_SUCCESS)
        fail_dead(patch, status);
}

static int has_to_stop(const patch_t *patch)
{
    return has_failed(patch) || patch->gone || patch->err != NULL;
}

/** Carry out what is not the store's. */
static void exec_live(const patch_t *patch)
{
    for (int i = 0; i < patch->instructions->nelts; i++) {
        instruction_t *instruction = instruction_at(patch, i);
        apr_status_t status;
        dav_error *err;

        if (instruction->kind == KIND_EXECUTABLE) {
            status = executable_set(patch->resource->info->at, resource_linked(patch->resource),
                                    instruction->executable, &instruction->old_mode);
            if (status != APR_SUCCESS)
                refuse(instruction, errmap_status(status), NULL,
                       errmap_words(status, patch->r->pool));
        } else if (instruction->kind == KIND_FOREIGN && instruction->change != NULL) {
            if ((err = foreign_exec(instruction->change)) != NULL)
                refuse(instruction, err->status, err->tagname, err->desc);
        }
        if (instruction->http_status != 0)
            return;
        instruction->done = 1;
    }
}

/** store_write_fn: carry out what is the store's. */
static apr_status_t patch_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    patch_t *patch = baton;
    const dav_resource *resource = patch->resource;
    node_fingerprint_t fingerprint;
    filestat_t st;
    /* Under the writer's lock: a MOVE or DELETE of the file has its turn before or after. */
    apr_status_t status = resource_look(&st, resource);

    if (status != APR_SUCCESS)
        return status;
    patch->err = lockcheck_again(patch->r, txn);
    if (patch->err != NULL)
        return STORE_LOCKED;
    fingerprint = filestat_fingerprint(&st);
    if (!patch->journaled)
        resource_set_durability(txn, resource);
    status =
        nodes_patch(txn, resource->info->path, resource_node_kind(resource), &fingerprint,
                    (const prop_change_t *)patch->changes->elts, (apr_size_t)patch->changes->nelts,
                    &resource->info->settings.dir->node, &patch->refused, scratch_pool);
    return status == APR_SUCCESS && patch->journaled ? intents_remove(txn, patch->intent.id)
                                                     : status;
}

/** Carry out the changes to dead properties, in one transaction. */
static void exec_dead(patch_t *patch)
{
    recovery_scope_t scope = {.paths = {patch->resource->info->path},
                              .pins = patch->resource->info->pins,
                              .own = patch->journaled ? patch->intent.id : 0,
                              .store_only = 1};
    apr_status_t status;

    if (patch->changes->nelts == 0)
        return;
    status = recovery_write(patch->resource->info->settings.store, &scope, patch_body, patch,
                            patch->r->pool);
    if (status != APR_SUCCESS)
        fail_dead(patch, status);
}

/** Undo, or make lasting, what is not the store's. */
static void end_live(const patch_t *patch, int failed)
{
    for (int i = patch->instructions->nelts - 1; i >= 0; i--) {
        instruction_t *instruction = instruction_at(patch, i);
        apr_status_t status = APR_SUCCESS;
        dav_error *err = NULL;

        if (!instruction->done)
            continue;
        if (instruction->kind == KIND_EXECUTABLE && failed && !patch->journaled)
            status = executable_restore(patch->resource->info->at, resource_linked(patch->resource),
                                        instruction->old_mode);
        else if (instruction->change != NULL && failed)
            err = foreign_rollback(instruction->change);
        else if (instruction->change != NULL)
            foreign_commit(instruction->change);
        if (status != APR_SUCCESS || err != NULL)
            ap_log_rerror(APLOG_MARK, APLOG_ERR, status, patch->r,
                          "could not undo the change of %s of %s", instruction->name.local,
                          patch->resource->uri);
    }
}

static void execute(patch_t *patch)
{
    patch->refused = (apr_size_t)patch->changes->nelts;
    if (!has_failed(patch) && needs_intent(patch))
        plan(patch);
    if (!has_to_stop(patch))
        exec_live(patch);
    if (!has_to_stop(patch))
        exec_dead(patch);
    if (patch->journaled && has_to_stop(patch))
        (void)recovery_undo(patch->resource->info->settings.store, &patch->intent, patch->r->pool);
    end_live(patch, has_to_stop(patch));
}

/* ---- answering ---- */

static int is_same_outcome(const instruction_t *a, const instruction_t *b)
{
    const char *ap = a->precondition ? a->precondition : "";
    const char *bp = b->precondition ? b->precondition : "";
    const char *ad = a->description ? a->description : "";
    const char *bd = b->description ? b->description : "";

    return a->http_status == b->http_status && strcmp(ap, bp) == 0 && strcmp(ad, bd) == 0;
}

/** One way in which instructions came out: a propstat of the answer. */
typedef struct outcome_t {
    const instruction_t *example;
    apr_hash_t *seen;          /* names in it */
    apr_array_header_t *names; /* prop_name_t, each once */
} outcome_t;

/** The outcome INSTRUCTION belongs to.  There are few, however many instructions. */
static outcome_t *outcome_of(apr_array_header_t *outcomes, const instruction_t *instruction,
                             apr_pool_t *result_pool)
{
    outcome_t *outcome;

    for (int i = 0; i < outcomes->nelts; i++) {
        outcome = &APR_ARRAY_IDX(outcomes, i, outcome_t);
        if (is_same_outcome(outcome->example, instruction))
            return outcome;
    }
    outcome = apr_array_push(outcomes);
    outcome->example = instruction;
    outcome->seen = apr_hash_make(result_pool);
    outcome->names = apr_array_make(result_pool, 8, sizeof(prop_name_t));
    return outcome;
}

/** Sort the instructions by how they came out; one property is in each propstat once. */
static apr_array_header_t *sort_outcomes(const patch_t *patch, apr_pool_t *result_pool)
{
    apr_array_header_t *outcomes = apr_array_make(result_pool, 4, sizeof(outcome_t));
    int failed = has_failed(patch);

    for (int i = 0; i < patch->instructions->nelts; i++) {
        instruction_t *instruction = instruction_at(patch, i);
        const prop_name_t *name = &instruction->name;
        const char *key = apr_pstrcat(result_pool, name->ns, "\n", name->local, NULL);
        outcome_t *outcome;

        if (instruction->http_status == 0)
            instruction->http_status = failed ? HTTP_FAILED_DEPENDENCY : HTTP_OK;
        outcome = outcome_of(outcomes, instruction, result_pool);
        if (apr_hash_get(outcome->seen, key, APR_HASH_KEY_STRING) == NULL) {
            apr_hash_set(outcome->seen, key, APR_HASH_KEY_STRING, name);
            APR_ARRAY_PUSH(outcome->names, prop_name_t) = *name;
        }
    }
    return outcomes;
}

static int answer(patch_t *patch)
{
    apr_pool_t *pool = patch->r->pool;
    multistatus_ns_t *ns = multistatus_ns_create(pool);
    output_t *out = output_create(patch->r, pool);
    const apr_array_header_t *outcomes = sort_outcomes(patch, pool);

    for (int i = 0; i < patch->instructions->nelts; i++)
        (void)multistatus_ns_prefix(ns, instruction_at(patch, i)->name.ns);
    multistatus_begin(patch->r, out, ns);
    multistatus_response(out, resource_href(patch->resource, pool), NULL, 0);
    for (int i = 0; i < outcomes->nelts; i++) {
        const outcome_t *outcome = &APR_ARRAY_IDX(outcomes, i, outcome_t);

        multistatus_propstat(out);
        for (int j = 0; j < outcome->names->nelts; j++)
            multistatus_empty_prop(out, ns, &APR_ARRAY_IDX(outcome->names, j, prop_name_t));
        multistatus_propstat_end(out, outcome->example->http_status, outcome->example->precondition,
                                 outcome->example->description);
    }
    multistatus_response_end(out);
    multistatus_end(out);
    (void)output_end(out);
    return DONE;
}

int proppatch_handle(request_rec *r)
{
    lockcheck_target_t target = {NULL, LOCKCHECK_CONTENT};
    patch_t patch = {.r = r};
    xmlDoc *doc;
    dav_error *err;
    int status;

    patch.instructions = apr_array_make(r->pool, 8, sizeof(instruction_t));
    patch.changes = apr_array_make(r->pool, 8, sizeof(prop_change_t));
    patch.owners = apr_array_make(r->pool, 8, sizeof(int));
    if ((err = methods_resource(r, &patch.resource)) != NULL)
        return methods_error(r, err);
    if (!patch.resource->exists)
        return HTTP_NOT_FOUND;
    if (patch.resource->info->settings.store == NULL)
        return methods_error(r, errmap_no_store(r->pool));
    if ((err = xmlbody_read(&doc, r, &patch.resource->info->settings.dir->xml)) != NULL ||
        (err = read_instructions(&patch, doc)) != NULL)
        return methods_error(r, err);
    target.resource = patch.resource;
    if ((status = methods_pass(r, &target, 1)) != DECLINED)
        return status;
    apr_table_unset(r->headers_in, "If");
    err = dav_validate_request(r, patch.resource, 0, NULL, NULL, DAV_VALIDATE_RESOURCE, NULL);
    if (err != NULL)
        return methods_error(r, err);

    validate(&patch);
    execute(&patch);
    if (patch.err != NULL)
        return methods_error(r, patch.err);
    return patch.gone ? HTTP_NOT_FOUND : answer(&patch);
}
