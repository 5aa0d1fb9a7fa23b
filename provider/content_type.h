/*
 * content_type.h -- the content type and language httpd would give the members of a
 * collection, without asking it once a member.
 *
 * mod_mime goes by a name's extensions, so one sub-request answers for all members that
 * share them.  Members that <Files> sections tell apart do not share; where <If> sections
 * or mod_mime_magic look at more than the name, each member is asked about.
 */
#ifndef PROVIDER_CONTENT_TYPE_H
#define PROVIDER_CONTENT_TYPE_H

#include <httpd.h>

/** What is known of the types in one collection. */
typedef struct content_types_t content_types_t;

/** A type and language, each NULL if there is none. */
typedef struct content_type_t {
    const char *type;
    const char *language;
    int forced; /**< the type is what ForceType prescribes */
} content_type_t;

/** The type httpd gives collections. */
#define CONTENT_TYPE_COLLECTION "httpd/unix-directory"

/** Whether ForceType prescribes a type for R's file. */
int content_type_is_forced(const request_rec *r);

/** What httpd found out for R's own file. */
content_type_t content_type_of_request(const request_rec *r);

/**
 * Begin with a collection.
 * @param r the request the listing answers
 * @param base the collection's escaped URI, with a slash at its end; not copied
 * @param result_pool lifetime of what is known
 */
content_types_t *content_types_create(request_rec *r, const char *base, apr_pool_t *result_pool);

/**
 * The type of the member NAME, a file.  May ask by a sub-request, and with it httpd's
 * authorization, so not while a store transaction is open.
 * @return its strings are valid until content_types_trim()
 */
content_type_t content_types_get(content_types_t *types, const char *name);

/** Forget what is known if it has become much. */
void content_types_trim(content_types_t *types);

#endif /* PROVIDER_CONTENT_TYPE_H */
