#include "provider/xmlbody.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <util_filter.h>

/** Bytes asked of the input filters at a time. */
#define READ_SIZE (16 * 1024)

/** Why a body is refused while it is parsed. */
typedef enum refusal_e {
    REFUSED_NOT,
    REFUSED_DTD,
    REFUSED_DEPTH,
    REFUSED_ELEMENTS,
    REFUSED_NAMESPACES,
    REFUSED_ENCODING
} refusal_e;

/** Bytes of a body's beginning that are kept: its XML declaration is somewhere in there. */
#define HEAD_SIZE 256

/** A body being read; what the SAX callbacks find behind the parser. */
typedef struct reader_t {
    request_rec *r;
    const depot_xml_limits_t *limits;
    xmlParserCtxt *parser; /* NULL until the first byte */
    unsigned depth, elements, namespaces;
    refusal_e refusal;
    int wrong_namespace;
    char head[HEAD_SIZE + 1]; /* the body's first bytes */
    apr_size_t length;
} reader_t;

/* ---- what the parser calls ---- */

static void refuse(reader_t *reader, refusal_e why)
{
    reader->refusal = why;
    xmlStopParser(reader->parser);
}

static void start_element(void *ctx, const xmlChar *local, const xmlChar *prefix,
                          const xmlChar *uri, int namespace_count, const xmlChar **namespaces,
                          int attribute_count, int defaulted_count, const xmlChar **attributes)
{
    reader_t *reader = ((xmlParserCtxt *)ctx)->_private;

    if (++reader->depth > reader->limits->depth_max) {
        refuse(reader, REFUSED_DEPTH);
        return;
    }
    /* Declarations and attributes cost as much as elements do. */
    reader->elements += 1 + (unsigned)namespace_count + (unsigned)attribute_count;
    if (reader->elements > reader->limits->elements_max) {
        refuse(reader, REFUSED_ELEMENTS);
        return;
    }
    /* Each is looked through for each prefix, here and in every answer that declares it. */
    reader->namespaces += (unsigned)namespace_count;
    if (reader->namespaces > reader->limits->namespaces_max) {
        refuse(reader, REFUSED_NAMESPACES);
        return;
    }
    xmlSAX2StartElementNs(ctx, local, prefix, uri, namespace_count, namespaces, attribute_count,
                          defaulted_count, attributes);
}

static void end_element(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    reader_t *reader = ((xmlParserCtxt *)ctx)->_private;

    reader->depth--;
    xmlSAX2EndElementNs(ctx, local, prefix, uri);
}

static void internal_subset(void *ctx, const xmlChar *name, const xmlChar *external_id,
                            const xmlChar *system_id)
{
    (void)name;
    (void)external_id;
    (void)system_id;
    refuse(((xmlParserCtxt *)ctx)->_private, REFUSED_DTD);
}

/**
 * Errors are read off the parser afterwards; libxml2 must not print them.  Those about
 * namespaces are told apart here: a prefix without a declaration is wrong, a name that is no
 * proper URI is not our business, and the parser counts both as the same.
 */
static void take_error(void *ctx, xmlErrorPtr error)
{
    reader_t *reader = ((xmlParserCtxt *)ctx)->_private;

    if (error->code >= XML_NS_ERR_XML_NAMESPACE && error->code <= XML_NS_ERR_COLON)
        reader->wrong_namespace = 1;
}

static apr_status_t free_parser(void *baton)
{
    xmlParserCtxt *parser = baton;

    if (parser->myDoc != NULL)
        xmlFreeDoc(parser->myDoc);
    xmlFreeParserCtxt(parser);
    return APR_SUCCESS;
}

static apr_status_t free_doc(void *baton)
{
    xmlFreeDoc(baton);
    return APR_SUCCESS;
}

/** Begin to parse.  The first bytes tell libxml2 the encoding. */
static int start_parser(reader_t *reader, const char *data, apr_size_t length)
{
    xmlSAXHandler sax;

    memset(&sax, 0, sizeof(sax));
    xmlSAXVersion(&sax, 2);
    sax.startElementNs = start_element;
    sax.endElementNs = end_element;
    sax.internalSubset = internal_subset;
    sax.serror = take_error;
    reader->parser = xmlCreatePushParserCtxt(&sax, NULL, data, (int)length, NULL);
    if (reader->parser == NULL)
        return 0;
    reader->parser->_private = reader;
    /*
     * NOENT: the five entities XML has without a DTD are read as what they stand for, also in
     * namespace names.  HUGE only lifts libxml2's own bounds on text length; ours hold.
     * IGNORE_ENC: a body is in UTF-8, or in UTF-16 if it begins so; see is_encoding_known().
     */
    xmlCtxtUseOptions(reader->parser,
                      XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_HUGE | XML_PARSE_IGNORE_ENC);
    apr_pool_cleanup_register(reader->r->pool, reader->parser, free_parser, apr_pool_cleanup_null);
    return 1;
}

/* ---- encodings ---- */

/*
 * UTF-8 and UTF-16 are what every reader of XML knows.  For all others libxml2 asks iconv(3),
 * which is a great deal of code to let a request choose from, and reads past what it cannot
 * convert.
 */

/**
 * Keep what of DATA belongs to the body's first bytes.
 * @return 0 if libxml2 would take them for UTF-32 or EBCDIC, or for UTF-16 without a mark
 */
static int take_head(reader_t *reader, const char *data, apr_size_t length)
{
    for (apr_size_t at = reader->length; at < HEAD_SIZE && length > 0; at++, data++, length--) {
        reader->head[at] = *data;
        if ((at < 2 && *data == '\0') || (at == 0 && *data == '\x4c'))
            return 0;
    }
    return 1;
}

/** Whether the XML declaration, if there is one, names an encoding that was read as such. */
static int is_encoding_known(const reader_t *reader)
{
    static const char *const known[] = {"utf-8", "utf8", "us-ascii", "ascii"};
    const char *at = reader->head, *end, *name;
    apr_size_t length;

    if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    /* One in UTF-16 does not begin like this, and is known by its mark. */
    end = strncmp(at, "<?xml", 5) == 0 ? strstr(at, "?>") : NULL;
    name = end != NULL ? strstr(at, "encoding") : NULL;
    if (name == NULL || name > end)
        return end != NULL || strncmp(at, "<?xml", 5) != 0;
    name += strlen("encoding");
    name += strspn(name, " \t\r\n=");
    length = strcspn(++name, "\"'");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i]) == length && strncasecmp(name, known[i], length) == 0)
            return 1;
    }
    return 0;
}

/* ---- reading ---- */

static dav_error *bad_body(const reader_t *reader, int status, const char *why)
{
    return dav_new_error(reader->r->pool, status, 0, 0, why);
}

/** The error for a body that holds more of WHAT than MAX. */
static dav_error *too_much(const request_rec *r, const char *what, unsigned max)
{
    return dav_new_error(r->pool, HTTP_REQUEST_ENTITY_TOO_LARGE, 0, 0,
                         apr_psprintf(r->pool, "The XML body %s; %u are allowed.", what, max));
}

dav_error *xmlbody_check_props(const request_rec *r, int count, const depot_xml_limits_t *limits)
{
    return (unsigned)count > limits->props_max
               ? too_much(r, "names too many properties", limits->props_max)
               : NULL;
}

/** The error for what the parser, or we, did not like. */
static dav_error *parse_error(const reader_t *reader)
{
    apr_pool_t *pool = reader->r->pool;
    const xmlError *error;
    /* Bytes of another encoding look malformed. */
    int is_strange = reader->refusal == REFUSED_NOT && !is_encoding_known(reader);
    char *words;

    switch (is_strange ? REFUSED_ENCODING : reader->refusal) {
    case REFUSED_DTD:
        return dav_new_error_tag(pool, HTTP_FORBIDDEN, 0, 0,
                                 "A document type declaration is not accepted.", NULL,
                                 "no-external-entities");
    case REFUSED_DEPTH:
        return too_much(reader->r, "nests too many elements", reader->limits->depth_max);
    case REFUSED_ELEMENTS:
        return too_much(reader->r, "holds too many elements", reader->limits->elements_max);
    case REFUSED_NAMESPACES:
        return too_much(reader->r, "declares too many namespaces", reader->limits->namespaces_max);
    case REFUSED_ENCODING:
        return bad_body(reader, HTTP_UNSUPPORTED_MEDIA_TYPE,
                        "The XML body must be in UTF-8, or in UTF-16 with a byte order mark.");
    case REFUSED_NOT:
        break;
    }
    error = reader->parser ? xmlCtxtGetLastError(reader->parser) : NULL;
    if (error == NULL || error->message == NULL)
        return bad_body(reader, HTTP_BAD_REQUEST, "The XML body is not well-formed.");
    words = apr_pstrdup(pool, error->message);
    words[strcspn(words, "\r\n")] = '\0';
    return bad_body(
        reader, HTTP_BAD_REQUEST,
        apr_psprintf(pool, "The XML body is not well-formed: line %d: %s", error->line, words));
}

/** Parse the next bytes. */
static dav_error *take(reader_t *reader, const char *data, apr_size_t length)
{
    apr_size_t max = ap_get_limit_xml_body(reader->r);

    if (length == 0)
        return NULL;
    if (!take_head(reader, data, length)) {
        reader->refusal = REFUSED_ENCODING;
        return parse_error(reader);
    }
    reader->length += length;
    if (max > 0 && reader->length > max)
        return bad_body(reader, HTTP_REQUEST_ENTITY_TOO_LARGE,
                        "The XML body is larger than LimitXMLRequestBody.");
    if (reader->parser == NULL && !start_parser(reader, NULL, 0))
        return bad_body(reader, HTTP_SERVICE_UNAVAILABLE, "The server is short of memory.");
    if (xmlParseChunk(reader->parser, data, (int)length, 0) != XML_ERR_OK || reader->refusal)
        return parse_error(reader);
    return NULL;
}

/** Take all of BRIGADE.  @param end_p set if it held the end of the body */
static dav_error *take_brigade(reader_t *reader, apr_bucket_brigade *brigade, int *end_p)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade) && !*end_p; bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t length;
        dav_error *err;

        if (APR_BUCKET_IS_EOS(bucket)) {
            *end_p = 1;
        } else if (!APR_BUCKET_IS_METADATA(bucket)) {
            if (apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ) != APR_SUCCESS)
                return bad_body(reader, HTTP_BAD_REQUEST, "The body could not be read.");
            if ((err = take(reader, data, length)) != NULL)
                return err;
        }
    }
    return NULL;
}

static dav_error *read_all(reader_t *reader)
{
    request_rec *r = reader->r;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    dav_error *err = NULL;
    int end = 0;

    while (!end && err == NULL) {
        apr_status_t status =
            ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, READ_SIZE);

        if (status != APR_SUCCESS)
            err = dav_new_error(r->pool, ap_map_http_request_error(status, HTTP_BAD_REQUEST), 0,
                                status, "The body broke off.");
        else
            err = take_brigade(reader, brigade, &end);
        apr_brigade_cleanup(brigade);
    }
    apr_brigade_destroy(brigade);
    return err;
}

/**
 * Whether TYPE may be XML.  What common clients send without thinking is let pass: no type at
 * all, text/plain, octets, and curl's form type.
 */
static int is_xml_type(const char *type)
{
    static const char *const accepted[] = {"application/xml", "text/xml", "text/plain",
                                           "application/octet-stream",
                                           "application/x-www-form-urlencoded"};
    apr_size_t length;

    if (type == NULL)
        return 1;
    length = strcspn(type, "; \t");
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        if (strlen(accepted[i]) == length && strncasecmp(type, accepted[i], length) == 0)
            return 1;
    }
    return length > 4 && strncasecmp(type + length - 4, "+xml", 4) == 0;
}

dav_error *xmlbody_read(xmlDoc **doc_p, request_rec *r, const depot_xml_limits_t *limits)
{
    reader_t reader = {.r = r, .limits = limits};
    dav_error *err = read_all(&reader);

    *doc_p = NULL;
    if (err != NULL || reader.parser == NULL)
        return err;
    if (!is_xml_type(apr_table_get(r->headers_in, "Content-Type")))
        return bad_body(&reader, HTTP_UNSUPPORTED_MEDIA_TYPE, "The body is not XML.");
    if (xmlParseChunk(reader.parser, NULL, 0, 1) != XML_ERR_OK || !reader.parser->wellFormed ||
        reader.wrong_namespace || reader.refusal || reader.parser->myDoc == NULL ||
        !is_encoding_known(&reader))
        return parse_error(&reader);
    *doc_p = reader.parser->myDoc;
    reader.parser->myDoc = NULL;
    apr_pool_cleanup_register(r->pool, *doc_p, free_doc, apr_pool_cleanup_null);
    apr_pool_cleanup_run(r->pool, reader.parser, free_parser);
    return NULL;
}

/* ---- looking at a document ---- */

const char *xmlbody_ns(const xmlNode *node)
{
    return node->ns != NULL && node->ns->href != NULL ? (const char *)node->ns->href : "";
}

int xmlbody_is(const xmlNode *node, const char *ns, const char *local)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, local) == 0 &&
           strcmp(xmlbody_ns(node), ns) == 0;
}

static xmlNode *element_from(xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

xmlNode *xmlbody_first_element(const xmlNode *parent)
{
    return element_from(parent->children);
}

xmlNode *xmlbody_next_element(const xmlNode *node)
{
    return element_from(node->next);
}

xmlNode *xmlbody_dav_child(const xmlNode *parent, const char *local)
{
    xmlNode *child = xmlbody_first_element(parent);

    while (child != NULL && !xmlbody_is(child, XMLBODY_DAV_NS, local))
        child = xmlbody_next_element(child);
    return child;
}
