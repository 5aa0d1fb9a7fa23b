/*
 * liveprops.h -- our live properties: those of RFC 4918 section 15, and Apache's
 * "executable".
 */
#ifndef PROVIDER_LIVEPROPS_H
#define PROVIDER_LIVEPROPS_H

#include <mod_dav.h>

#include "propstore/filestat.h"
#include "provider/output.h"

/** The namespace of "executable", as mod_dav_fs has it. */
#define LIVEPROPS_APACHE_NS "http://apache.org/dav/props/"

/** Our live properties; the numbers are the ids mod_dav is told. */
typedef enum liveprop_e {
    LIVEPROP_NONE = 0,
    LIVEPROP_CREATIONDATE,
    LIVEPROP_GETCONTENTLANGUAGE,
    LIVEPROP_GETCONTENTLENGTH,
    LIVEPROP_GETCONTENTTYPE,
    LIVEPROP_GETETAG,
    LIVEPROP_GETLASTMODIFIED,
    LIVEPROP_LOCKDISCOVERY,
    LIVEPROP_RESOURCETYPE,
    LIVEPROP_SUPPORTEDLOCK,
    LIVEPROP_EXECUTABLE,
    LIVEPROP_COUNT
} liveprop_e;

/** What a live property's value is made from, besides what everybody has. */
typedef struct liveprop_source_t {
    int collection;
    const filestat_t *st;         /**< needed for those liveprop_needs_stat() names */
    const char *content_type;     /**< NULL if unknown */
    const char *content_language; /**< NULL if unknown */
    const char *more_types;       /**< further children of resourcetype as XML, or NULL */
    const char *active_locks;     /**< activelock elements, or NULL */
} liveprop_source_t;

/** The property called NS, LOCAL, or LIVEPROP_NONE if it is none of ours. */
liveprop_e liveprop_find(const char *ns, const char *local);

/** The property's namespace and local name. */
const char *liveprop_ns(liveprop_e prop);
const char *liveprop_local(liveprop_e prop);

/** Whether a client may set what it is made from: only "executable".  (typeprops.h has others.) */
int liveprop_is_writable(liveprop_e prop);

/** Whether its value is made from a filestat_t. */
int liveprop_needs_stat(liveprop_e prop);

/** Whether it is made from the content type or language. */
int liveprop_needs_type(liveprop_e prop);

/** Whether a resource of this kind has it; the content's type is another question. */
int liveprop_is_defined(liveprop_e prop, int collection);

/** Room for liveprop_value(). */
#define LIVEPROP_VALUE_SIZE 64

/**
 * The property's value as XML.
 * @param buf LIVEPROP_VALUE_SIZE bytes that the value may be written to
 * @param pool for values that need escaping
 * @return it, in BUF or of the lifetime of SOURCE's members or POOL; "" for an empty element;
 *         NULL if SOURCE has no such property
 */
const char *liveprop_value(liveprop_e prop, const liveprop_source_t *source, char *buf,
                           apr_pool_t *pool);

/** Write the property's element around VALUE, which is XML. */
void liveprop_write(output_t *out, liveprop_e prop, const char *value);

/** The prefix multistatus_ns_declare() must give LIVEPROPS_APACHE_NS for liveprop_write(). */
#define LIVEPROPS_APACHE_PREFIX "A"

/** The hooks by which mod_dav's core and other modules ask for our properties. */
extern const dav_hooks_liveprop liveprops_hooks;

/** dav_hook_find_liveprop and dav_hook_insert_all_liveprops. */
int liveprops_hook_find(const dav_resource *resource, const char *ns, const char *name,
                        const dav_hooks_liveprop **hooks);
void liveprops_hook_insert_all(request_rec *r, const dav_resource *resource, dav_prop_insert what,
                               apr_text_header *phdr);

#endif /* PROVIDER_LIVEPROPS_H */
