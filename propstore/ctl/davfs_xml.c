#include "propstore/ctl/davfs_xml.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "propstore/ctl/element.h"

int davfs_xml_is_owner(const char *text, apr_pool_t *scratch_pool)
{
    xmlDoc *doc;
    int is_owner;

    if (element_parse(&doc, text, strlen(text), scratch_pool) != NULL)
        return 0;
    is_owner = element_is(doc, "DAV:", "owner");
    xmlFreeDoc(doc);
    return is_owner;
}

/**
 * Which namespaces XML mentions.
 * @param used a place for each of COUNT, set to 1 if "ns" with its number and a colon is there
 */
static void find_used(char *used, unsigned count, const char *xml)
{
    for (const char *at = xml; (at = strstr(at, "ns")) != NULL;) {
        char *end;
        unsigned long number;

        at += 2;
        if (!apr_isdigit(*at))
            continue;
        number = strtoul(at, &end, 10);
        if (*end == ':' && number < count)
            used[number] = 1;
        at = end;
    }
}

/** The declarations of what is used; NULL if one would not be one. */
static const char *declarations(const char *used, const davfs_namespaces_t *namespaces,
                                apr_pool_t *result_pool)
{
    apr_array_header_t *parts = apr_array_make(result_pool, 8, sizeof(const char *));

    for (unsigned i = 0; i < namespaces->count; i++) {
        if (used[i] && strpbrk(namespaces->uris[i], "\"<") != NULL)
            return NULL;
        if (used[i])
            APR_ARRAY_PUSH(parts, const char *) =
                apr_psprintf(result_pool, " xmlns:ns%u=\"%s\"", i, namespaces->uris[i]);
    }
    return apr_array_pstrcat(result_pool, parts, '\0');
}

/** PROP's element as text; NULL if its strings are not quoted as they should be. */
static const char *element(const davfs_prop_t *prop, const davfs_namespaces_t *namespaces,
                           apr_pool_t *result_pool)
{
    char *used = apr_pcalloc(result_pool, namespaces->count + 1);
    const char *name = prop->local, *lang = "", *declared;

    find_used(used, namespaces->count, prop->inner);
    if (prop->ns >= 0) {
        used[prop->ns] = 1;
        name = apr_psprintf(result_pool, "ns%d:%s", prop->ns, name);
    }
    declared = declarations(used, namespaces, result_pool);
    if (declared == NULL || strpbrk(prop->lang, "\"<") != NULL)
        return NULL;
    if (*prop->lang != '\0')
        lang = apr_pstrcat(result_pool, " xml:lang=\"", prop->lang, "\"", NULL);
    if (*prop->inner == '\0')
        return apr_pstrcat(result_pool, "<", name, declared, lang, "/>", NULL);
    return apr_pstrcat(result_pool, "<", name, declared, lang, ">", prop->inner, "</", name, ">",
                       NULL);
}

apr_status_t davfs_xml_prop(prop_change_t *change, const davfs_prop_t *prop,
                            const davfs_namespaces_t *namespaces, apr_pool_t *result_pool)
{
    apr_status_t status = STORE_CORRUPT;
    xmlDoc *doc;

    memset(change, 0, sizeof(*change));
    if (prop->ns >= 0 && (unsigned)prop->ns >= namespaces->count)
        return STORE_CORRUPT;
    change->value = element(prop, namespaces, result_pool);
    if (change->value == NULL)
        return STORE_CORRUPT;
    change->length = strlen(change->value);
    if (element_parse(&doc, change->value, change->length, result_pool) != NULL)
        return STORE_CORRUPT;
    /* A name with blanks or brackets in it would make another element. */
    if (strcmp((const char *)xmlDocGetRootElement(doc)->name, prop->local) == 0) {
        change->name.ns = apr_pstrdup(result_pool, element_ns(doc));
        change->name.local = prop->local;
        status = strlen(change->name.ns) + strlen(prop->local) <= NAMES_LENGTH_MAX ? APR_SUCCESS
                                                                                   : STORE_LIMIT;
    }
    xmlFreeDoc(doc);
    return status;
}
