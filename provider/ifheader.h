/*
 * ifheader.h -- the If header (RFC 4918 section 10.4), parsed.  Knows nothing of resources.
 */
#ifndef PROVIDER_IFHEADER_H
#define PROVIDER_IFHEADER_H

#include <apr_tables.h>

/** One condition of a list. */
typedef struct if_condition_t {
    int negated;       /**< "Not" stands before it */
    int is_etag;       /**< VALUE is an entity tag, not a state token */
    const char *value; /**< the token without its brackets, or the tag with its quotes */
} if_condition_t;

/** A list: it holds if all of its conditions do. */
typedef struct if_list_t {
    const char *resource;           /**< the tag's URI reference, or NULL: the request's own */
    apr_array_header_t *conditions; /**< if_condition_t, at least one */
} if_list_t;

/**
 * Parse HEADER.
 * @param lists_p set to an array of if_list_t, at least one, in RESULT_POOL
 * @return non-zero if it is well-formed
 */
int ifheader_parse(apr_array_header_t **lists_p, const char *header, apr_pool_t *result_pool);

#endif /* PROVIDER_IFHEADER_H */
