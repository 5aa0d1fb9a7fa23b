#include "propstore/ctl/property.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

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

/* ---- elements ---- */

/** What the parser's callbacks find out. */
typedef struct parsing_t {
    int doctype, wrong_namespace;
} parsing_t;

/** A document type could make a value other than it looks. */
static void refuse_doctype(void *ctx, const xmlChar *name, const xmlChar *external_id,
                           const xmlChar *system_id)
{
    xmlParserCtxt *parser = ctx;

    (void)name;
    (void)external_id;
    (void)system_id;
    ((parsing_t *)parser->_private)->doctype = 1;
    xmlStopParser(parser);
}

/** Errors are read off the parser afterwards, but for those that do not count as such. */
static void take_error(void *ctx, xmlErrorPtr error)
{
    const xmlParserCtxt *parser = ctx;

    if (error->code >= XML_NS_ERR_XML_NAMESPACE && error->code <= XML_NS_ERR_COLON)
        ((parsing_t *)parser->_private)->wrong_namespace = 1;
}

/** Parse XML.  @return NULL with *DOC_P set, to be freed; or what is wrong */
static const char *parse(xmlDoc **doc_p, const char *xml, size_t length, apr_pool_t *result_pool)
{
    /* Entities of XML itself are read as what they stand for, also in namespace names. */
    const int options = XML_PARSE_NONET | XML_PARSE_NOENT;
    parsing_t parsing = {0};
    xmlParserCtxt *parser = xmlNewParserCtxt();
    const char *error = NULL;
    const xmlError *last;

    *doc_p = NULL;
    if (parser == NULL || length > INT_MAX)
        return "it cannot be parsed: it is too large";
    parser->_private = &parsing;
    parser->sax->internalSubset = refuse_doctype;
    parser->sax->serror = take_error;
    *doc_p = xmlCtxtReadMemory(parser, xml, (int)length, NULL, NULL, options);
    last = xmlCtxtGetLastError(parser);
    if (parsing.doctype)
        error = "it has a document type";
    else if (*doc_p == NULL || !parser->wellFormed || parsing.wrong_namespace)
        error = apr_psprintf(result_pool, "it is not well-formed: %.*s",
                             last != NULL ? (int)strcspn(last->message, "\r\n") : 0,
                             last != NULL ? last->message : "");
    xmlFreeParserCtxt(parser);
    if (error != NULL) {
        xmlFreeDoc(*doc_p);
        *doc_p = NULL;
    }
    return error;
}

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

/** Whether NODE is the element NAME. */
static int is_called(const xmlNode *node, const prop_name_t *name)
{
    const char *ns = node->ns != NULL ? (const char *)node->ns->href : "";

    return strcmp((const char *)node->name, name->local) == 0 && strcmp(ns, name->ns) == 0;
}

/** Whether the document is one element and nothing else. */
static int is_element_alone(const char *xml, const xmlDoc *doc)
{
    return *xml == '<' && xml[1] != '?' && doc->children != NULL && doc->children->next == NULL;
}

const char *property_element(prop_change_t *change, const prop_name_t *name, const char *value,
                             int is_xml, apr_pool_t *result_pool)
{
    const char *xml =
        is_xml ? trimmed(value, result_pool) : element_around(name, value, result_pool);
    xmlDoc *doc;
    const char *error = parse(&doc, xml, strlen(xml), result_pool);

    if (error != NULL)
        return error;
    if (!is_element_alone(xml, doc))
        error = "it is not an element alone";
    else if (!is_called(xmlDocGetRootElement(doc), name))
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

    if (parse(&doc, element.data, element.len, result_pool) != NULL)
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
