/*
 * The If header.
 */
#include "provider/ifheader.h"

#include <string.h>

#include <apr_strings.h>

#include "t/fuzz/fuzz.h"

/** LISTS written out again. */
static const char *written(const apr_array_header_t *lists, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 16, sizeof(const char *));

    for (int i = 0; i < lists->nelts; i++) {
        const if_list_t *list = &APR_ARRAY_IDX(lists, i, if_list_t);

        fuzz_check(list->conditions->nelts > 0, "a list has a condition");
        fuzz_check(list->resource == NULL || *list->resource != '\0', "a tag is not empty");
        if (list->resource != NULL)
            APR_ARRAY_PUSH(parts, const char *) = apr_pstrcat(pool, "<", list->resource, ">", NULL);
        APR_ARRAY_PUSH(parts, const char *) = "(";
        for (int j = 0; j < list->conditions->nelts; j++) {
            const if_condition_t *c = &APR_ARRAY_IDX(list->conditions, j, if_condition_t);

            fuzz_check(*c->value != '\0', "a condition is not empty");
            APR_ARRAY_PUSH(parts, const char *) =
                apr_pstrcat(pool, c->negated ? "Not " : "", c->is_etag ? "[" : "<", c->value,
                            c->is_etag ? "]" : ">", NULL);
        }
        APR_ARRAY_PUSH(parts, const char *) = ")";
    }
    return apr_array_pstrcat(pool, parts, 0);
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    apr_array_header_t *lists;
    const char *once, *twice;

    if (!ifheader_parse(&lists, fuzz_string(data, size, pool), pool))
        return;
    fuzz_accept();
    fuzz_check(lists->nelts > 0, "a header has a list");
    once = written(lists, pool);
    fuzz_check(ifheader_parse(&lists, once, pool), "what was understood can be written out");
    twice = written(lists, pool);
    fuzz_check(strcmp(once, twice) == 0, "and means the same");
}
