#include "provider/multistatus.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_protocol.h>

#include "provider/errmap.h"

/** The namespace of xml:lang and its like. */
#define XML_NAMESPACE "http://www.w3.org/XML/1998/namespace"

/** A namespace that the root element declares. */
typedef struct declaration_t {
    const char *prefix;
    const char *uri;
    struct declaration_t *next;
} declaration_t;

struct multistatus_ns_t {
    apr_pool_t *pool;
    apr_hash_t *by_uri; /* URI -> prefix */
    declaration_t *first, **last;
    int count;
    int closed; /* the root element has been written */
};

multistatus_ns_t *multistatus_ns_create(apr_pool_t *result_pool)
{
    multistatus_ns_t *ns = apr_pcalloc(result_pool, sizeof(*ns));

    ns->pool = result_pool;
    ns->by_uri = apr_hash_make(result_pool);
    ns->last = &ns->first;
    multistatus_ns_declare(ns, "D", "DAV:");
    /* It has its prefix without a declaration, and may have no other. */
    apr_hash_set(ns->by_uri, XML_NAMESPACE, APR_HASH_KEY_STRING, "xml");
    return ns;
}

void multistatus_ns_declare(multistatus_ns_t *ns, const char *prefix, const char *uri)
{
    declaration_t *decl;

    if (strcmp(uri, XML_NAMESPACE) == 0)
        return;
    for (decl = ns->first; decl != NULL; decl = decl->next) {
        if (strcmp(decl->prefix, prefix) == 0)
            return;
    }
    decl = apr_pcalloc(ns->pool, sizeof(*decl));
    decl->prefix = apr_pstrdup(ns->pool, prefix);
    decl->uri = apr_pstrdup(ns->pool, uri);
    *ns->last = decl;
    ns->last = &decl->next;
    if (apr_hash_get(ns->by_uri, uri, APR_HASH_KEY_STRING) == NULL)
        apr_hash_set(ns->by_uri, decl->uri, APR_HASH_KEY_STRING, decl->prefix);
}

const char *multistatus_ns_prefix(multistatus_ns_t *ns, const char *uri)
{
    const char *prefix;

    if (*uri == '\0')
        return "";
    prefix = apr_hash_get(ns->by_uri, uri, APR_HASH_KEY_STRING);
    if (prefix == NULL && !ns->closed) {
        multistatus_ns_declare(ns, apr_psprintf(ns->pool, "ns%d", ns->count++), uri);
        prefix = apr_hash_get(ns->by_uri, uri, APR_HASH_KEY_STRING);
    }
    return prefix;
}

void multistatus_begin(request_rec *r, output_t *out, multistatus_ns_t *ns)
{
    r->status = HTTP_MULTI_STATUS;
    /* Or mod_filter, and with it AddOutputFilterByType, passes over all that is not a 200. */
    apr_table_setn(r->subprocess_env, "filter-errordocs", "1");
    /* With the charset's quotes, as the RFC's own examples have it. */
    ap_set_content_type(r, "application/xml; charset=\"utf-8\"");

    output_puts(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus");
    for (const declaration_t *decl = ns->first; decl != NULL; decl = decl->next) {
        output_puts(out, " xmlns:");
        output_puts(out, decl->prefix);
        output_puts(out, "=\"");
        multistatus_text(out, decl->uri, strlen(decl->uri));
        output_puts(out, "\"");
    }
    output_puts(out, ">\n");
    ns->closed = 1;
}

void multistatus_end(output_t *out)
{
    output_puts(out, "</D:multistatus>\n");
}

void multistatus_response(output_t *out, const char *base, const char *name, int collection)
{
    output_puts(out, "<D:response><D:href>");
    output_puts(out, base);
    if (name != NULL) {
        multistatus_escape(out, name, strlen(name));
        if (collection)
            output_write(out, "/", 1);
    }
    output_puts(out, "</D:href>");
}

void multistatus_response_end(output_t *out)
{
    output_puts(out, "</D:response>\n");
}

void multistatus_status(output_t *out, int http_status)
{
    output_puts(out, "<D:status>HTTP/1.1 ");
    output_puts(out, errmap_status_line(http_status));
    output_puts(out, "</D:status>");
}

void multistatus_error(output_t *out, const char *precondition)
{
    output_puts(out, "<D:error><D:");
    output_puts(out, precondition);
    output_puts(out, "/></D:error>");
}

void multistatus_propstat(output_t *out)
{
    output_puts(out, "<D:propstat><D:prop>");
}

void multistatus_propstat_end(output_t *out, int http_status, const char *precondition,
                              const char *description)
{
    output_puts(out, "</D:prop>");
    multistatus_status(out, http_status);
    if (precondition != NULL)
        multistatus_error(out, precondition);
    if (description != NULL) {
        output_puts(out, "<D:responsedescription>");
        multistatus_text(out, description, strlen(description));
        output_puts(out, "</D:responsedescription>");
    }
    output_puts(out, "</D:propstat>");
}

void multistatus_empty_prop(output_t *out, multistatus_ns_t *ns, const prop_name_t *name)
{
    const char *prefix = multistatus_ns_prefix(ns, name->ns);

    output_puts(out, "<");
    if (prefix != NULL && *prefix != '\0') {
        output_puts(out, prefix);
        output_puts(out, ":");
    }
    output_puts(out, name->local);
    if (prefix == NULL) {
        output_puts(out, " xmlns=\"");
        multistatus_text(out, name->ns, strlen(name->ns));
        output_puts(out, "\"");
    }
    output_puts(out, "/>");
}

/** What stands for a byte of character data; NULL for itself. */
static const char *text_replacement(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return c < 0x20 ? "\xef\xbf\xbd" : NULL;
    }
}

/**
 * The length of the UTF-8 sequence at S, of at most LEFT bytes, if it is one that XML can
 * hold; else 0.
 */
static apr_size_t utf8_length(const unsigned char *s, apr_size_t left)
{
    apr_size_t length = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

    if (length == 0 || length > left)
        return 0;
    for (apr_size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, what lies past U+10FFFF, and U+FFFE and U+FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ||
        (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe))
        return 0;
    return length;
}

void multistatus_text(output_t *out, const char *text, apr_size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length, *run = at;

    while (at < end) {
        apr_size_t whole = *at < 0x80 ? 1 : utf8_length(at, (apr_size_t)(end - at));
        const char *instead = *at < 0x80 ? text_replacement(*at) : whole ? NULL : "\xef\xbf\xbd";

        if (instead != NULL) {
            output_write(out, (const char *)run, (apr_size_t)(at - run));
            output_puts(out, instead);
            at++;
            run = at;
        } else {
            at += whole;
        }
    }
    output_write(out, (const char *)run, (apr_size_t)(at - run));
}

/*
 * Bytes that stand for themselves in an href: RFC 3986's unreserved ones, the slash, and of
 * the delimiters those that neither XML nor a careless client takes for something else.
 */
static const unsigned char plain[256] = {
    ['!'] = 1, ['$'] = 1, ['('] = 1, [')'] = 1, ['*'] = 1, [','] = 1, ['-'] = 1, ['.'] = 1,
    ['/'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,
    ['7'] = 1, ['8'] = 1, ['9'] = 1, ['='] = 1, ['@'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1,
    ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1,
    ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1,
    ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['_'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1,
    ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1,
    ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
    ['y'] = 1, ['z'] = 1, ['~'] = 1,
};

/** Escape as much of PATH as ROOM bytes hold; @return bytes written, *TAKEN_P bytes read. */
static apr_size_t escape(char *to, apr_size_t room, const char *path, apr_size_t length,
                         apr_size_t *taken_p)
{
    static const char hex[] = "0123456789ABCDEF";
    apr_size_t i, used = 0;

    for (i = 0; i < length && room - used >= 3; i++) {
        unsigned char c = (unsigned char)path[i];

        if (plain[c]) {
            to[used++] = (char)c;
        } else {
            to[used++] = '%';
            to[used++] = hex[c >> 4];
            to[used++] = hex[c & 15];
        }
    }
    *taken_p = i;
    return used;
}

void multistatus_escape(output_t *out, const char *path, apr_size_t length)
{
    while (length > 0) {
        apr_size_t part = length < 1024 ? length : 1024, taken;
        char *room = output_reserve(out, part * 3);

        output_wrote(out, escape(room, part * 3, path, part, &taken));
        path += taken;
        length -= taken;
    }
}

char *multistatus_escaped(const char *path, apr_pool_t *result_pool)
{
    apr_size_t length = strlen(path), taken;
    char *escaped = apr_palloc(result_pool, length * 3 + 4);

    escaped[escape(escaped, length * 3 + 3, path, length, &taken)] = '\0';
    return escaped;
}
