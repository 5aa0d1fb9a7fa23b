#include "provider/typeprops.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "propstore/nodes.h"
#include "provider/content_type.h"
#include "provider/private.h"
#include "provider/recovery.h"

APLOG_USE_MODULE(dav_depot);

/** Longest value of either in bytes. */
#define VALUE_MAX 1024

int typeprops_is_settable(liveprop_e prop, const dav_resource *resource)
{
    return !resource->collection && liveprop_needs_type(prop) &&
           !(prop == LIVEPROP_GETCONTENTTYPE && content_type_is_forced(resource->info->r));
}

/** Skip what RFC 9110 section 5.6.2 allows in a token.  @return NULL if there is none */
static const char *skip_token(const char *at)
{
    const char *from = at;

    while (apr_isalnum(*at) || (*at != '\0' && strchr("!#$%'*+-.^_`|~", *at) != NULL))
        at++;
    return at > from ? at : NULL;
}

static const char *skip_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

/** Skip a quoted string.  Its text must not need escaping in XML. */
static const char *skip_quoted(const char *at)
{
    for (at++; *at != '"'; at++) {
        if (*at == '\\')
            at++;
        if (apr_iscntrl(*at) || strchr("&<>", *at) != NULL) /* the end is among them */
            return NULL;
    }
    return at + 1;
}

/** media-type = type "/" subtype parameters */
static int is_media_type(const char *at)
{
    if ((at = skip_token(at)) == NULL || *at != '/' || (at = skip_token(at + 1)) == NULL)
        return 0;
    for (at = skip_spaces(at); *at == ';'; at = skip_spaces(at)) {
        at = skip_token(skip_spaces(at + 1));
        if (at == NULL || *at != '=')
            return 0;
        at = at[1] == '"' ? skip_quoted(at + 1) : skip_token(at + 1);
        if (at == NULL)
            return 0;
    }
    return *at == '\0';
}

/** Content-Language = language-tag *( "," language-tag ) */
static int is_language_list(const char *at)
{
    for (;;) {
        const char *from = at = skip_spaces(at);

        while (apr_isalnum(*at) || *at == '-')
            at++;
        if (at == from || *from == '-')
            return 0;
        at = skip_spaces(at);
        if (*at == '\0')
            return 1;
        if (*at++ != ',')
            return 0;
    }
}

const char *typeprops_element(liveprop_e prop, const char *value, apr_size_t *length_p,
                              apr_pool_t *result_pool)
{
    const char *text = value + strspn(value, " \t\r\n"), *local = liveprop_local(prop);
    char *trimmed = apr_pstrdup(result_pool, text);
    const char *element;
    apr_size_t length = strlen(trimmed);

    while (length > 0 && apr_isspace(trimmed[length - 1]))
        trimmed[--length] = '\0';
    if (length > VALUE_MAX ||
        !(prop == LIVEPROP_GETCONTENTTYPE ? is_media_type(trimmed) : is_language_list(trimmed)))
        return NULL;
    element = apr_pstrcat(result_pool, "<D:", local, " xmlns:D=\"DAV:\">", trimmed, "</D:", local,
                          ">", NULL);
    *length_p = strlen(element);
    return element;
}

/** The text in what typeprops_element() made.  @return it, in RESULT_POOL */
static const char *text_of(store_slice_t element, apr_pool_t *result_pool)
{
    const char *from = memchr(element.data, '>', element.len), *to;

    if (from == NULL)
        return NULL;
    from++;
    to = memchr(from, '<', element.len - (apr_size_t)(from - (const char *)element.data));
    return to != NULL ? apr_pstrmemdup(result_pool, from, (apr_size_t)(to - from)) : NULL;
}

/** What was set for PROP on the resource at PATH.  @param text_p set to it or to NULL */
static apr_status_t read_text(const char **text_p, store_txn_t *txn, const char *path,
                              liveprop_e prop, apr_pool_t *result_pool)
{
    prop_name_t name = {liveprop_ns(prop), liveprop_local(prop)};
    store_slice_t element;
    node_prop_t found;
    node_t node;
    apr_uint32_t id;
    /* The name first: where nobody ever set one, that is all a GET asks. */
    apr_status_t status = names_find(&id, txn, &name);

    if (status == APR_SUCCESS)
        status = nodes_find(&node, txn, path);
    if (status == APR_SUCCESS)
        status = node_prop_find(&found, &node, id);
    if (status == APR_SUCCESS)
        status = node_prop_value(&element, txn, &node, &found);
    *text_p = status == APR_SUCCESS ? text_of(element, result_pool) : NULL;
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

void typeprops_apply(request_rec *r, const dav_resource *resource)
{
    store_t *store = resource->info->settings.store;
    const char *type = NULL, *language = NULL, *path = resource->info->path;
    store_txn_t *txn;
    apr_status_t status;
    char words[128];

    if (store == NULL || !typeprops_is_settable(LIVEPROP_GETCONTENTLANGUAGE, resource))
        return;
    status = recovery_read(&txn, store, path, r->pool);
    if (status == APR_SUCCESS) {
        if (typeprops_is_settable(LIVEPROP_GETCONTENTTYPE, resource))
            status = read_text(&type, txn, path, LIVEPROP_GETCONTENTTYPE, r->pool);
        if (status == APR_SUCCESS)
            status = read_text(&language, txn, path, LIVEPROP_GETCONTENTLANGUAGE, r->pool);
        store_abort(txn);
    }
    /* The content itself is sound. */
    if (status != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "could not look up the type set for %s: %s",
                      path, store_strerror(status, words, sizeof(words)));
    if (type != NULL)
        ap_set_content_type(r, type);
    if (language != NULL) {
        r->content_languages = apr_array_make(r->pool, 1, sizeof(const char *));
        APR_ARRAY_PUSH(r->content_languages, const char *) = language;
    }
}
