#include "propstore/ctl/property.h"

#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/element.h"

/* ---- names ---- */

int property_name(prop_name_t *name, const ctl_t *ctl, const char *word)
{
    const char *end = *word == '{' ? strrchr(word, '}') : NULL;

    if (end == NULL || end[1] == '\0')
        return ctl_fail(ctl, APR_SUCCESS,
                        "%s is no name of a property: they are like {DAV:}displayname", word);
    name->ns = apr_pstrmemdup(ctl->pool, word + 1, (apr_size_t)(end - word) - 1);
    name->local = end + 1;
    if (strlen(name->ns) + strlen(name->local) > NAMES_LENGTH_MAX)
        return ctl_fail(ctl, APR_SUCCESS, "the name has more than %d bytes", NAMES_LENGTH_MAX);
    return CTL_FINE;
}

const char *property_name_text(const prop_name_t *name, apr_pool_t *result_pool)
{
    const char *text = apr_pstrcat(result_pool, "{", name->ns, "}", name->local, NULL);

    return ctl_plain_text(text, strlen(text), result_pool);
}

int property_is_live(const prop_name_t *name)
{
    static const prop_name_t live[] = {
        {"DAV:", "creationdate"},     {"DAV:", "getcontentlanguage"},
        {"DAV:", "getcontentlength"}, {"DAV:", "getcontenttype"},
        {"DAV:", "getetag"},          {"DAV:", "getlastmodified"},
        {"DAV:", "lockdiscovery"},    {"DAV:", "resourcetype"},
        {"DAV:", "supportedlock"},    {"http://apache.org/dav/props/", "executable"},
    };

    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
        if (strcmp(live[i].local, name->local) == 0 && strcmp(live[i].ns, name->ns) == 0)
            return 1;
    }
    return 0;
}

json_t *property_json(const char *path, const prop_name_t *name, const store_slice_t *element)
{
    json_t *record = json_object();

    ctl_json_add(record, "path", path);
    ctl_json_add(record, "namespace", name->ns);
    ctl_json_add(record, "local", name->local);
    json_object_set_new(record, "value",
                        element != NULL ? ctl_json_text(element->data, element->len) : json_null());
    return record;
}

/* ---- elements ---- */

/** TEXT with the characters escaped that mean something in XML. */
static const char *escaped(const char *text, apr_pool_t *result_pool)
{
    char *result = apr_palloc(result_pool, 6 * strlen(text) + 1), *to = result;

    for (; *text != '\0'; text++) {
        const char *as = *text == '&'    ? "&amp;"
                         : *text == '<'  ? "&lt;"
                         : *text == '>'  ? "&gt;"
                         : *text == '"'  ? "&quot;"
                         : *text == '\r' ? "&#13;"
                                         : NULL;

        if (as != NULL) {
            memcpy(to, as, strlen(as));
            to += strlen(as);
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
    return result;
}

/** TEXT without the white space around it. */
static const char *trimmed(const char *text, apr_pool_t *result_pool)
{
    static const char spaces[] = " \t\r\n";
    size_t length;

    text += strspn(text, spaces);
    length = strlen(text);
    while (length > 0 && strchr(spaces, text[length - 1]) != NULL)
        length--;
    return apr_pstrmemdup(result_pool, text, length);
}

/** An element called NAME with TEXT in it; not to be trusted before it is parsed. */
static const char *element_around(const prop_name_t *name, const char *text, apr_pool_t *pool)
{
    const char *prefix = *name->ns ? "p:" : "";

    return apr_pstrcat(pool, "<", prefix, name->local, *name->ns ? " xmlns:p=\"" : "",
                       escaped(name->ns, pool), *name->ns ? "\"" : "", ">", escaped(text, pool),
                       "</", prefix, name->local, ">", NULL);
}

const char *property_element(prop_change_t *change, const prop_name_t *name, const char *value,
                             int is_xml, apr_pool_t *result_pool)
{
    const char *xml =
        is_xml ? trimmed(value, result_pool) : element_around(name, value, result_pool);
    xmlDoc *doc;
    const char *error = element_parse(&doc, xml, strlen(xml), result_pool);

    if (error != NULL)
        return error;
    if (!element_is(doc, name->ns, name->local))
        error = is_xml ? "it is the element of another property" : "its name is no name in XML";
    else if (name->ns[strcspn(name->ns, " \"<>\\^`{|}")] != '\0')
        error = "its namespace is no URI";
    xmlFreeDoc(doc);
    change->name = *name;
    change->value = xml;
    change->length = strlen(xml);
    return error;
}

const char *property_text(store_slice_t element, apr_pool_t *result_pool)
{
    const char *text = NULL;
    xmlChar *content;
    xmlDoc *doc;
    const xmlNode *root, *child = NULL;

    if (element_parse(&doc, element.data, element.len, result_pool) != NULL)
        return NULL;
    root = xmlDocGetRootElement(doc);
    for (child = root->children; child != NULL; child = child->next) {
        if (child->type != XML_TEXT_NODE && child->type != XML_CDATA_SECTION_NODE)
            break;
    }
    content = child == NULL ? xmlNodeGetContent(root) : NULL;
    if (content != NULL)
        text = apr_pstrdup(result_pool, (const char *)content);
    xmlFree(content);
    xmlFreeDoc(doc);
    return text;
}
