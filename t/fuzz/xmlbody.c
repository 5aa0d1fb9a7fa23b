/*
 * XML request bodies: reading them, what PROPFIND, PROPPATCH and LOCK find in them, and the
 * text that a property's element becomes.
 */
#include "provider/xmlbody.h"

#include <string.h>

#include <libxml/xmlerror.h>

#include "provider/bodies.h"
#include "t/fuzz/fuzz.h"

/** Read a body that arrives in pieces of PIECE bytes.  @return the document or NULL */
static xmlDoc *read_body(const void *data, size_t size, size_t piece, apr_pool_t *pool)
{
    static const depot_xml_limits_t limits = {
        .depth_max = 64, .elements_max = 5000, .namespaces_max = 1000};
    xmlDoc *doc;
    dav_error *err;

    fuzz_set_body(data, size, piece);
    err = xmlbody_read(&doc, fuzz_request(pool), &limits);
    fuzz_check(err == NULL || doc == NULL, "a body refused leaves no document");
    return doc;
}

/** An element's text is a document of its own, and stays the same when it is stored again. */
static void check_text(const xmlNode *node, apr_pool_t *pool)
{
    apr_size_t length, again_length;
    const char *text = xmlbody_text(node, &length, pool), *again;
    const xmlNode *root;
    xmlDoc *doc;

    fuzz_check(text != NULL, "an element has a text");
    fuzz_check(memchr(text, '\0', length) == NULL, "a text holds no NUL");
    doc = read_body(text, length, length, pool);
    fuzz_check(doc != NULL, "a text is a document");
    root = xmlDocGetRootElement(doc);
    fuzz_check(xmlbody_is(root, xmlbody_ns(node), (const char *)node->name),
               "a text has its element's name");
    again = xmlbody_text(root, &again_length, pool);
    fuzz_check(again != NULL && again_length == length && memcmp(again, text, length) == 0,
               "a text stays the same");
}

static void look(const xmlDoc *doc, apr_pool_t *pool)
{
    propfind_body_t propfind;
    lock_body_t lock;
    apr_array_header_t *items;

    if (bodies_read_propfind(&propfind, doc, pool) == NULL) {
        fuzz_accept();
        for (int i = 0; i < propfind.names->nelts; i++)
            fuzz_check(*APR_ARRAY_IDX(propfind.names, i, prop_name_t).local != '\0',
                       "a property has a name");
    }
    if (bodies_read_proppatch(&items, doc, pool) == NULL) {
        fuzz_accept();
        fuzz_check(items->nelts > 0, "a PROPPATCH names a property");
        for (int i = 0; i < items->nelts && i < 16; i++)
            check_text(APR_ARRAY_IDX(items, i, proppatch_item_t).node, pool);
    }
    if (bodies_read_lock(&lock, doc) == NULL) {
        fuzz_accept();
        if (lock.owner != NULL)
            check_text(lock.owner, pool);
    }
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    const xmlDoc *whole = read_body(data, size, size > 0 ? size : 1, pool);
    const xmlDoc *pieces = read_body(data, size, 3, pool);

    fuzz_check((whole == NULL) == (pieces == NULL), "it does not matter how a body arrives");
    if (whole != NULL)
        look(whole, pool);
}
