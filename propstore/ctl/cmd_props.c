#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/property.h"
#include "propstore/ctl/trial.h"

/** What is asked for. */
typedef struct question_t {
    const char *word; /**< the store */
    const char *path;
    const prop_name_t *name; /**< NULL: all */
} question_t;

/**
 * Tell of a property: its element, or its text if it is text alone.  When only one is asked for
 * that is all there is to say.
 */
static void tell(ctl_t *ctl, const question_t *question, const prop_name_t *name,
                 store_slice_t element, apr_pool_t *scratch_pool)
{
    const char *text = property_text(element, scratch_pool);
    const char *shown = text != NULL && ctl_option(ctl, 'x') == NULL
                            ? text
                            : apr_pstrmemdup(scratch_pool, element.data, element.len);
    json_t *record = property_json(question->path, name, &element);

    json_object_set_new(record, "text",
                        text != NULL ? ctl_json_text(text, strlen(text)) : json_null());
    if (question->name != NULL)
        ctl_tell(ctl, record, "%s", shown);
    else
        ctl_tell(ctl, record, "%s\n  %s", property_name_text(name, scratch_pool),
                 ctl_plain_text(shown, strlen(shown), scratch_pool));
}

/** Tell of the properties of NODE that are asked for.  @param found_p set if there are any */
static apr_status_t tell_all(int *found_p, ctl_t *ctl, const question_t *question, store_txn_t *txn,
                             const node_t *node)
{
    node_props_iter_t iter;
    node_prop_t prop;
    apr_pool_t *iterpool;
    apr_status_t status;

    apr_pool_create(&iterpool, ctl->pool);
    node_props_begin(&iter, node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        store_slice_t element;
        prop_name_t name;

        apr_pool_clear(iterpool);
        status = names_get(&name, txn, prop.name, iterpool);
        if (status == APR_SUCCESS)
            status = node_prop_value(&element, txn, node, &prop);
        if (status != APR_SUCCESS)
            break;
        if (question->name != NULL && (strcmp(name.ns, question->name->ns) != 0 ||
                                       strcmp(name.local, question->name->local) != 0))
            continue;
        tell(ctl, question, &name, element, iterpool);
        *found_p = 1;
    }
    apr_pool_destroy(iterpool);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** ctl_work_fn; BATON is a question_t. */
static int look_and_tell(ctl_t *ctl, void *baton, void *result)
{
    const question_t *question = baton;
    store_txn_t *txn;
    store_t *store;
    node_t node;
    int found = 0, answer = ctl_open(&store, ctl, question->word, CTL_EXISTING);
    apr_status_t status;

    (void)result;
    if (answer != CTL_FINE)
        return answer;
    status = store_begin(&txn, store, STORE_READ, ctl->pool);
    if (status == APR_SUCCESS) {
        status = nodes_find(&node, txn, question->path);
        if (status == APR_SUCCESS)
            status = tell_all(&found, ctl, question, txn, &node);
        store_abort(txn);
    }
    store_close(store);
    if (status != APR_SUCCESS && status != STORE_ABSENT)
        return ctl_fail(ctl, status, "could not read the properties of %s", question->path);
    if (found || question->name == NULL)
        return CTL_FINE;
    ctl_warn(ctl, APR_SUCCESS, "%s has no property %s", question->path, ctl->argv[1]);
    return CTL_FOUND;
}

static int run(ctl_t *ctl)
{
    question_t question = {.word = ctl_store_word(ctl)};
    prop_name_t name;

    if (question.word == NULL)
        return CTL_FAILED;
    if (ctl->argc > 1 && property_name(&name, ctl, ctl->argv[1]) != CTL_FINE)
        return CTL_FAILED;
    question.name = ctl->argc > 1 ? &name : NULL;
    question.path = ctl_path(ctl->argv[0], ctl->pool);
    if (question.path == NULL)
        return ctl_fail(ctl, APR_SUCCESS, "%s is no path", ctl->argv[0]);
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", question.word, NULL), look_and_tell,
                   &question, NULL, 0);
}

static const apr_getopt_option_t options[] = {
    CTL_OPTION_STORE,
    {"xml", 'x', 0, "tell the elements, also of values that are text alone"},
    {0},
};

const ctl_command_t ctl_props = {
    .name = "props",
    .arguments = "PATH [NAME] [--xml] [--store STORE]",
    .summary = "the properties of a file or folder",
    .help = "Tells the dead properties that are stored for PATH, or the value of the one called\n"
            "NAME, \"{namespace}local\": its text, or its XML element if it is not text alone.\n"
            "Exit code 1: there is no property of that name.\n",
    .options = options,
    .words_min = 1,
    .words_max = 2,
    .run = run,
};
