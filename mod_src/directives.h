/*
 * directives.h -- the command table, and what holds where nothing is configured.
 */
#ifndef MOD_SRC_DIRECTIVES_H
#define MOD_SRC_DIRECTIVES_H

#include <httpd.h>
#include <http_config.h>

#define DIRECTIVE_STORE "DavDepotStore"
#define DIRECTIVE_DURABILITY "DavDepotDurability"
#define DIRECTIVE_DEPTH_INFINITY "DavDepotDepthInfinity"
#define DIRECTIVE_XML_DEPTH "DavDepotXMLDepth"
#define DIRECTIVE_XML_ELEMENTS "DavDepotXMLElements"
#define DIRECTIVE_XML_NAMESPACES "DavDepotXMLNamespaces"
#define DIRECTIVE_REQUEST_PROPS_MAX "DavDepotRequestPropertiesMax"
#define DIRECTIVE_INFINITY_MAX "DavDepotDepthInfinityMax"
#define DIRECTIVE_NAME_MAX "DavDepotPropertyNameMax"
#define DIRECTIVE_VALUE_MAX "DavDepotPropertyValueMax"
#define DIRECTIVE_PROPS_MAX "DavDepotPropertiesMax"
#define DIRECTIVE_NODE_MAX "DavDepotPropertyBytesMax"
#define DIRECTIVE_NAMES_MAX "DavDepotPropertyNamesMax"

#define DIRECTIVE_LOCK_TIMEOUT "DavDepotLockTimeout"
#define DIRECTIVE_LOCK_TIMEOUT_MIN "DavDepotLockTimeoutMin"
#define DIRECTIVE_LOCK_TIMEOUT_MAX "DavDepotLockTimeoutMax"
#define DIRECTIVE_LOCKS_MAX "DavDepotLocksMax"
#define DIRECTIVE_LOCKS_PER_USER "DavDepotLocksPerUserMax"
#define DIRECTIVE_LOCK_OWNER_MAX "DavDepotLockOwnerMax"
#define DIRECTIVE_HIDE_LOCKS "DavDepotHideOthersLocks"
#define DIRECTIVE_HIDE_FORBIDDEN "DavDepotHideForbidden"

#define DIRECTIVES_LOCK_TIMEOUT_DEFAULT 600
#define DIRECTIVES_LOCK_TIMEOUT_MIN_DEFAULT 10
#define DIRECTIVES_LOCK_TIMEOUT_MAX_DEFAULT (7 * 24 * 3600)
#define DIRECTIVES_LOCKS_MAX_DEFAULT 100
#define DIRECTIVES_LOCKS_PER_USER_DEFAULT 10000
#define DIRECTIVES_LOCK_OWNER_MAX_DEFAULT 8192
#define DIRECTIVES_XML_DEPTH_DEFAULT 64
#define DIRECTIVES_XML_ELEMENTS_DEFAULT 50000
#define DIRECTIVES_XML_NAMESPACES_DEFAULT 1000
#define DIRECTIVES_REQUEST_PROPS_MAX_DEFAULT 1000
#define DIRECTIVES_INFINITY_MAX_DEFAULT 1000000

/** The command table. */
extern const command_rec directives_commands[];

#endif /* MOD_SRC_DIRECTIVES_H */
