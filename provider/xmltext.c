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
 * Whether a value at or below TOP mentions PREFIX.  Walks without recursion; the depth of a
 * body is bounded, its length is not.
 */
static int is_mentioned(const xmlNode *top, const xmlChar *prefix)
{
    const xmlNode *node = top;

    for (;;) {
        if (node->type == XML_ELEMENT_NODE) {
            for (const xmlAttr *attr = node->properties; attr != NULL; attr = attr->next) {
                if (attr->children != NULL && mentions(attr->children->content, prefix))
                    return 1;
            }
        } else if (mentions(node->content, prefix)) {
            return 1;
        }
        if (node->children != NULL && node->type == XML_ELEMENT_NODE) {
            node = node->children;
            continue;
        }
        while (node != top && node->next == NULL)
            node = node->parent;
        if (node == top)
            return 0;
        node = node->next;
    }
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
        if (xmlNodeDump(buffer, doc, copy, 0, 0) > 0) {
            *length_p = (apr_size_t)xmlBufferLength(buffer);
            text = apr_pstrmemdup(result_pool, (const char *)xmlBufferContent(buffer), *length_p);
        }
    }
    xmlBufferFree(buffer);
    xmlFreeDoc(doc);
    return text;
}
