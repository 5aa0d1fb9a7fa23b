#include "propstore/ctl/element.h"

#include <limits.h>
#include <string.h>

#include <apr_strings.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>

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

/** Whether the document is one element and nothing else, not even a declaration. */
static int is_alone(const char *xml, const xmlDoc *doc)
{
    return *xml == '<' && xml[1] != '?' && doc->children != NULL && doc->children->next == NULL;
}

const char *element_parse(xmlDoc **doc_p, const char *xml, apr_size_t length,
                          apr_pool_t *result_pool)
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
    *doc_p = xmlCtxtReadMemory(parser, xml, (int)length, NULL, "UTF-8", options);
    last = xmlCtxtGetLastError(parser);
    if (parsing.doctype)
        error = "it has a document type";
    else if (*doc_p == NULL || !parser->wellFormed || parsing.wrong_namespace)
        error = apr_psprintf(result_pool, "it is not well-formed: %.*s",
                             last != NULL ? (int)strcspn(last->message, "\r\n") : 0,
                             last != NULL ? last->message : "");
    else if (!is_alone(xml, *doc_p))
        error = "it is not an element alone";
    xmlFreeParserCtxt(parser);
    if (error != NULL) {
        xmlFreeDoc(*doc_p);
        *doc_p = NULL;
    }
    return error;
}

const char *element_ns(const xmlDoc *doc)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    return root->ns != NULL && root->ns->href != NULL ? (const char *)root->ns->href : "";
}

int element_is(const xmlDoc *doc, const char *ns, const char *local)
{
    const xmlNode *root = xmlDocGetRootElement(doc);

    return strcmp((const char *)root->name, local) == 0 && strcmp(element_ns(doc), ns) == 0;
}
