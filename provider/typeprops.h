/*
 * typeprops.h -- getcontenttype and getcontentlanguage as the client set them.
 *
 * httpd finds a file's type and language from its name.  RFC 4918 sections 15.3 and 15.5 say
 * that clients should be able to set them right; what they set is kept with the dead
 * properties, goes before what httpd found, and is what GET sends.  A type that ForceType
 * prescribes stays.  Collections have no content, so theirs are protected.
 */
#ifndef PROVIDER_TYPEPROPS_H
#define PROVIDER_TYPEPROPS_H

#include <mod_dav.h>

#include "provider/liveprops.h"

/** Whether a client may set PROP of RESOURCE. */
int typeprops_is_settable(liveprop_e prop, const dav_resource *resource);

/**
 * The element that is stored for PROP.
 * @param value its text
 * @param length_p set to the element's length in bytes
 * @return it, in RESULT_POOL; NULL if VALUE is no media type (RFC 9110 section 8.3.1), or no
 *         list of language tags (section 8.5)
 */
const char *typeprops_element(liveprop_e prop, const char *value, apr_size_t *length_p,
                              apr_pool_t *result_pool);

/** Give R's response the type and language that were set for RESOURCE, its file. */
void typeprops_apply(request_rec *r, const dav_resource *resource);

#endif /* PROVIDER_TYPEPROPS_H */
