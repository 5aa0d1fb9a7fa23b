/*
 * xmlbody_text(): an element of a request's body as text that stands by itself.
 */
#include <string.h>

#include <apr_strings.h>

#include "provider/xmlbody.h"

/** Whether TEXT holds PREFIX with a colon behind it, as a QName would. */
static int mentions(const xmlChar *text, const xmlChar *prefix)
{
    const char *at = (const char *)text;
    size_t length = strlen((const char *)prefix);

    while (at != NULL && (at = strstr(at, (const char *)prefix)) != NULL) {
        if (at[length] == ':')
            return 1;
        at += length;
    }
    return 0;
}

/**
 * The node behind NODE in document order, at or below TOP; NULL at the end.  Without recursion:
 * the depth of a body is bounded, but not by the stack.
 */
static const xmlNode *next_node(const xmlNode *node, const xmlNode *top)
{
    if (node->children != NULL && node->type == XML_ELEMENT_NODE)
        return node->children;
    while (node != top && node->next == NULL)
        node = node->parent;
    return node == top ? NULL : node->next;
}

/** Whether a value at or below TOP mentions PREFIX. */
static int is_mentioned(const xmlNode *top, const xmlChar *prefix)
{
    for (const xmlNode *node = top; node != NULL; node = next_node(node, top)) {
        if (node->type != XML_ELEMENT_NODE) {
            if (mentions(node->content, prefix))
                return 1;
            continue;
        }
        for (const xmlAttr *attr = node->properties; attr != NULL; attr = attr->next) {
            if (attr->children != NULL && mentions(attr->children->content, prefix))
                return 1;
        }
    }
    return 0;
}

/** TEXT as it stands in an attribute; xmlFree() it.  NULL if memory ran out. */
static xmlChar *escape_value(const xmlChar *text)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlChar *escaped = NULL;

    if (buffer == NULL)
        return NULL;
    xmlAttrSerializeTxtContent(buffer, NULL, NULL, text);
    if (xmlBufferLength(buffer) > 0)
        escaped = xmlBufferDetach(buffer);
    xmlBufferFree(buffer);
    return escaped;
}

/**
 * Escape the names of namespaces that COPY declares: libxml2 writes them as they are, markup and
 * all.  COPY is only good for writing afterwards.
 * @return 0 if memory ran out
 */
static int escape_namespaces(const xmlNode *copy)
{
    for (const xmlNode *node = copy; node != NULL; node = next_node(node, copy)) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        for (xmlNs *ns = node->nsDef; ns != NULL; ns = ns->next) {
            union {
                const xmlChar *from;
                xmlChar *to;
            } old = {ns->href};
            xmlChar *escaped;

            if (old.from == NULL || *old.from == '\0')
                continue;
            escaped = escape_value(old.from);
            if (escaped == NULL)
                return 0;
            ns->href = escaped;
            xmlFree(old.to);
        }
    }
    return 1;
}

/** Declare on COPY what prefixes its values mention and only ORIGINAL's ancestors declare. */
static void declare_mentioned(xmlNode *copy, const xmlNode *original)
{
    for (const xmlNode *above = original->parent; above != NULL && above->type == XML_ELEMENT_NODE;
         above = above->parent) {
        for (const xmlNs *ns = above->nsDef; ns != NULL; ns = ns->next) {
            /* The nearest declaration of a prefix holds; a twin is refused by xmlNewNs(). */
            if (ns->prefix != NULL && is_mentioned(copy, ns->prefix) &&
                xmlSearchNs(copy->doc, copy, ns->prefix) == NULL)
                xmlNewNs(copy, ns->href, ns->prefix);
        }
    }
}

/** Give COPY the language in scope at ORIGINAL. */
static void inherit_language(xmlNode *copy, const xmlNode *original)
{
    for (const xmlNode *above = original; above != NULL && above->type == XML_ELEMENT_NODE;
         above = above->parent) {
        xmlChar *language = xmlGetNsProp(above, BAD_CAST "lang", XML_XML_NAMESPACE);

        if (language != NULL) {
            if (above != original)
                xmlNodeSetLang(copy, language);
            xmlFree(language);
            return;
        }
    }
}

const char *xmlbody_text(const xmlNode *node, apr_size_t *length_p, apr_pool_t *result_pool)
{
    xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
    xmlBuffer *buffer = xmlBufferCreate();
    const char *text = NULL;
    xmlNode *copy = NULL;
    union {
        const xmlNode *from;
        xmlNode *to;
    } source = {node};

    if (doc != NULL && buffer != NULL)
        copy = xmlDocCopyNode(source.to, doc, 1);
    if (copy != NULL) {
        xmlDocSetRootElement(doc, copy);
        declare_mentioned(copy, node);
        inherit_language(copy, node);
        /* A dump without a document's encoding is UTF-8. */
        if (escape_namespaces(copy) && xmlNodeDump(buffer, doc, copy, 0, 0) > 0) {
            *length_p = (apr_size_t)xmlBufferLength(buffer);
            text = apr_pstrmemdup(result_pool, (const char *)xmlBufferContent(buffer), *length_p);
        }
    }
    xmlBufferFree(buffer);
    xmlFreeDoc(doc);
    return text;
}
