/*
 * Changes to other modules' live properties.  Their hooks were made for APR's XML, so the
 * element is handed over in that form.
 */
#include "provider/foreign.h"

#include <apr_strings.h>
#include <apr_xml.h>

#include "provider/xmlbody.h"

struct foreign_change_t {
    const dav_resource *resource;
    const dav_hooks_liveprop *hooks;
    apr_xml_elem *elem;
    int operation;
    void *context;
    dav_liveprop_rollback *rollback;
};

/** What is the same for all elements of a conversion. */
typedef struct conversion_t {
    apr_array_header_t *namespaces;
    apr_pool_t *pool;
} conversion_t;

static int ns_index(const conversion_t *conversion, const xmlNs *ns)
{
    return ns == NULL || ns->href == NULL
               ? APR_XML_NS_NONE
               : apr_xml_insert_uri(conversion->namespaces, (const char *)ns->href);
}

static void convert_attributes(const conversion_t *conversion, apr_xml_elem *elem,
                               const xmlNode *node)
{
    apr_xml_attr **link = &elem->attr;

    for (xmlAttr *attr = node->properties; attr != NULL; attr = attr->next) {
        apr_xml_attr *to = apr_pcalloc(conversion->pool, sizeof(*to));
        xmlChar *value = xmlNodeListGetString(node->doc, attr->children, 1);

        to->name = apr_pstrdup(conversion->pool, (const char *)attr->name);
        to->ns = ns_index(conversion, attr->ns);
        to->value = apr_pstrdup(conversion->pool, value ? (const char *)value : "");
        xmlFree(value);
        *link = to;
        link = &to->next;
    }
}

/** Convert NODE and all below; the depth of a body is bounded. */
static apr_xml_elem *convert(const conversion_t *conversion, const xmlNode *node,
                             apr_xml_elem *parent)
{
    apr_xml_elem *elem = apr_pcalloc(conversion->pool, sizeof(*elem));
    apr_text_header *text = &elem->first_cdata;

    elem->name = apr_pstrdup(conversion->pool, (const char *)node->name);
    elem->ns = ns_index(conversion, node->ns);
    elem->parent = parent;
    convert_attributes(conversion, elem, node);
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            apr_xml_elem *below = convert(conversion, child, elem);

            if (elem->last_child == NULL)
                elem->first_child = below;
            else
                elem->last_child->next = below;
            elem->last_child = below;
            text = &below->following_cdata;
        } else if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
            apr_text_append(conversion->pool, text,
                            apr_pstrdup(conversion->pool, (const char *)child->content));
        }
    }
    return elem;
}

dav_error *foreign_validate(foreign_change_t **change_p, const foreign_prop_t *prop,
                            const dav_resource *resource, const xmlNode *node, int operation)
{
    apr_pool_t *pool = resource->pool;
    conversion_t conversion = {apr_array_make(pool, 4, sizeof(const char *)), pool};
    foreign_change_t *change = apr_pcalloc(pool, sizeof(*change));
    dav_elem_private *private = apr_pcalloc(pool, sizeof(*private));
    int defer_to_dead = 0;
    dav_error *err;

    *change_p = NULL;
    if (prop->hooks->is_writable == NULL || !prop->hooks->is_writable(resource, prop->id))
        return dav_new_error_tag(pool, HTTP_FORBIDDEN, 0, 0, "The property is protected.", NULL,
                                 "cannot-modify-protected-property");
    /* The first namespace of APR's XML is always this one. */
    apr_xml_insert_uri(conversion.namespaces, XMLBODY_DAV_NS);
    private->propid = prop->id;
    private->provider = prop->hooks;
    change->resource = resource;
    change->hooks = prop->hooks;
    change->operation = operation;
    change->elem = convert(&conversion, node, NULL);
    change->elem->priv = private;

    err = change->hooks->patch_validate(resource, change->elem, operation, &change->context,
                                        &defer_to_dead);
    if (err == NULL && !defer_to_dead)
        *change_p = change;
    return err;
}

dav_error *foreign_exec(foreign_change_t *change)
{
    return change->hooks->patch_exec(change->resource, change->elem, change->operation,
                                     change->context, &change->rollback);
}

void foreign_commit(foreign_change_t *change)
{
    change->hooks->patch_commit(change->resource, change->operation, change->context,
                                change->rollback);
}

dav_error *foreign_rollback(foreign_change_t *change)
{
    return change->hooks->patch_rollback(change->resource, change->operation, change->context,
                                         change->rollback);
}
