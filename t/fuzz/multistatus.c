/*
 * The multistatus escaper: whatever a name, a namespace or a text holds, the document is
 * well-formed, also with namespaces, and tells what went in.
 */
#include "provider/multistatus.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "provider/xmlbody.h"
#include "t/fuzz/fuzz.h"

/** Whether TEXT is UTF-8 of characters that XML can hold as they are. */
static int is_plain(const uint8_t *text, size_t size)
{
    while (size > 0) {
        int length = size > 8 ? 8 : (int)size, c = xmlGetUTF8Char(text, &length);

        if ((*text >= 0x80 && *text < 0xc2) || c < 0 || !IS_CHAR(c) || (c >= 0xd800 && c < 0xe000))
            return 0;
        /* What takes too many bytes is another spelling, which is replaced. */
        if (length != (c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4))
            return 0;
        text += length;
        size -= (size_t)length;
    }
    return 1;
}

static void note_error(void *baton, xmlErrorPtr error)
{
    int *wrong = baton;

    /* That a namespace's name is no URI is its user's business. */
    if (error->code != XML_WAR_NS_URI && error->code != XML_WAR_NS_URI_RELATIVE &&
        error->code != XML_NS_ERR_EMPTY)
        *wrong = 1;
}

/** Undo percent-encoding in place. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        char digits[3] = {0};

        fuzz_check(*text > ' ' && *text <= '~', "an href is ASCII");
        if (*text == '%') {
            memcpy(digits, text + 1, 2);
            *to++ = (char)strtol(digits, NULL, 16);
            text += 2;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

/** What the names and the text say after the way through DOCUMENT. */
static void check_document(store_slice_t document, const char *name, const prop_name_t *prop,
                           const uint8_t *text, size_t size)
{
    const xmlNode *root, *href, *propstat;
    xmlChar *content;
    int wrong = 0;
    xmlDoc *doc;

    xmlSetStructuredErrorFunc(&wrong, note_error);
    doc = xmlReadMemory(document.data, (int)document.len, NULL, NULL,
                        XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_HUGE);
    fuzz_check(doc != NULL && !wrong, "a multistatus is well-formed");
    root = xmlDocGetRootElement(doc);
    href = xmlbody_first_element(xmlbody_dav_child(root, "response"));
    propstat = xmlbody_next_element(href);
    fuzz_check(
        xmlbody_is(xmlbody_first_element(xmlbody_first_element(propstat)), prop->ns, prop->local),
        "a property has its name");
    content = xmlNodeGetContent(xmlbody_dav_child(root, "responsedescription"));
    if (is_plain(text, size))
        fuzz_check(strlen((const char *)content) == size && memcmp(content, text, size) == 0,
                   "a text is what it was");
    xmlFree(content);
    content = xmlNodeGetContent(href);
    fuzz_check(strncmp((const char *)content, "/base/", 6) == 0, "an href has its base");
    unescape((char *)content);
    fuzz_check(strcmp((const char *)content + 6, name) == 0, "an href leads back");
    xmlFree(content);
    xmlFreeDoc(doc);
    xmlSetStructuredErrorFunc(NULL, NULL);
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    request_rec *r = fuzz_request(pool);
    output_t *out = output_create(r, pool);
    multistatus_ns_t *ns = multistatus_ns_create(pool);
    size_t first = size > 0 ? (data[0] < size - 1 ? data[0] : size - 1) : 0;
    const char *name, *uri;
    prop_name_t prop = {"", "p"};

    if (size == 0)
        return;
    /* A length; that much is a namespace; the rest is a member's name and a text. */
    uri = fuzz_string(data + 1, first, pool);
    data += 1 + first;
    size -= 1 + first;
    name = fuzz_string(data, size, pool);
    if (is_plain((const uint8_t *)uri, strlen(uri)) &&
        strcmp(uri, "http://www.w3.org/2000/xmlns/") != 0) {
        prop.ns = uri; /* none other is let in */
        fuzz_accept();
    }
    (void)multistatus_ns_prefix(ns, prop.ns);
    multistatus_begin(r, out, ns);
    multistatus_response(out, "/base/", name, 0);
    multistatus_propstat(out);
    multistatus_empty_prop(out, ns, &prop);
    multistatus_propstat_end(out, HTTP_OK, NULL, NULL);
    multistatus_response_end(out);
    output_puts(out, "<D:responsedescription>");
    multistatus_text(out, (const char *)data, size);
    output_puts(out, "</D:responsedescription>");
    multistatus_end(out);
    (void)output_end(out);
    check_document(fuzz_take_output(pool), name, &prop, data, size);
    fuzz_check(strlen(multistatus_escaped(name, pool)) <= 3 * strlen(name), "an href has its room");
}
