#include "provider/bodies.h"

#include "provider/xmlbody.h"

/** DOC's root if it is the element LOCAL in DAV:, else NULL. */
static const xmlNode *root_called(const xmlDoc *doc, const char *local)
{
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

    return root != NULL && xmlbody_is(root, XMLBODY_DAV_NS, local) ? root : NULL;
}

static prop_name_t name_of(const xmlNode *node)
{
    prop_name_t name = {xmlbody_ns(node), (const char *)node->name};

    return name;
}

static void collect_names(apr_array_header_t *names, const xmlNode *parent)
{
    for (const xmlNode *child = xmlbody_first_element(parent); child != NULL;
         child = xmlbody_next_element(child))
        APR_ARRAY_PUSH(names, prop_name_t) = name_of(child);
}

const char *bodies_read_propfind(propfind_body_t *body, const xmlDoc *doc, apr_pool_t *result_pool)
{
    const xmlNode *root, *allprop, *propname, *prop, *include;

    body->form = PROPFIND_ALLPROP;
    body->names = apr_array_make(result_pool, 8, sizeof(prop_name_t));
    if (doc == NULL)
        return NULL;

    root = root_called(doc, "propfind");
    if (root == NULL)
        return "The body is not a DAV:propfind element.";
    allprop = xmlbody_dav_child(root, "allprop");
    propname = xmlbody_dav_child(root, "propname");
    prop = xmlbody_dav_child(root, "prop");
    include = xmlbody_dav_child(root, "include");
    if ((allprop != NULL) + (propname != NULL) + (prop != NULL) != 1)
        return "DAV:propfind must hold one of DAV:allprop, DAV:propname and DAV:prop.";
    if (include != NULL && allprop == NULL)
        return "DAV:include goes with DAV:allprop only.";

    if (prop != NULL) {
        body->form = PROPFIND_PROP;
        collect_names(body->names, prop);
    } else if (propname != NULL) {
        body->form = PROPFIND_PROPNAME;
    } else if (include != NULL) {
        collect_names(body->names, include);
    }
    return NULL;
}

const char *bodies_read_proppatch(apr_array_header_t **items_p, const xmlDoc *doc,
                                  apr_pool_t *result_pool)
{
    apr_array_header_t *items = apr_array_make(result_pool, 8, sizeof(proppatch_item_t));
    const xmlNode *root = root_called(doc, "propertyupdate");

    *items_p = items;
    if (root == NULL)
        return "The body is not a DAV:propertyupdate element.";
    for (const xmlNode *action = xmlbody_first_element(root); action != NULL;
         action = xmlbody_next_element(action)) {
        int remove = xmlbody_is(action, XMLBODY_DAV_NS, "remove");
        const xmlNode *prop;

        if (!remove && !xmlbody_is(action, XMLBODY_DAV_NS, "set"))
            continue; /* RFC 4918 section 17: what is not known is as if it were not there */
        prop = xmlbody_dav_child(action, "prop");
        if (prop == NULL)
            return "DAV:set and DAV:remove must hold a DAV:prop.";
        for (const xmlNode *node = xmlbody_first_element(prop); node != NULL;
             node = xmlbody_next_element(node)) {
            proppatch_item_t item = {name_of(node), node, remove};

            APR_ARRAY_PUSH(items, proppatch_item_t) = item;
        }
    }
    return items->nelts > 0 ? NULL : "DAV:propertyupdate names no property.";
}

const char *bodies_read_lock(lock_body_t *body, const xmlDoc *doc)
{
    const xmlNode *root = root_called(doc, "lockinfo"), *scope, *type;

    if (root == NULL)
        return "The body is not a DAV:lockinfo element.";
    scope = xmlbody_dav_child(root, "lockscope");
    type = xmlbody_dav_child(root, "locktype");
    body->owner = xmlbody_dav_child(root, "owner");
    if (scope == NULL || type == NULL || xmlbody_dav_child(type, "write") == NULL)
        return "DAV:lockinfo asks for no write lock.";
    if (xmlbody_dav_child(scope, "exclusive") != NULL)
        body->scope = LOCK_EXCLUSIVE;
    else if (xmlbody_dav_child(scope, "shared") != NULL)
        body->scope = LOCK_SHARED;
    else
        return "DAV:lockscope is neither exclusive nor shared.";
    return NULL;
}
