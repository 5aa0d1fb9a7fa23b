#include "provider/ifheader.h"

#include <string.h>

#include <apr_strings.h>

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/** The text between AT, which is OPEN, and CLOSE.  @return what is behind, or NULL */
static const char *take_enclosed(const char **text_p, const char *at, char close,
                                 apr_pool_t *result_pool)
{
    const char *end = strchr(at + 1, close);

    if (end == NULL)
        return NULL;
    *text_p = apr_pstrmemdup(result_pool, at + 1, (apr_size_t)(end - at) - 1);
    return end + 1;
}

/** An entity tag, weak or strong, from AT.  @return what is behind, or NULL */
static const char *take_etag(const char **etag_p, const char *at, apr_pool_t *result_pool)
{
    const char *quote = strncmp(at, "W/", 2) == 0 ? at + 2 : at, *end;

    if (*quote != '"' || (end = strchr(quote + 1, '"')) == NULL)
        return NULL;
    *etag_p = apr_pstrmemdup(result_pool, at, (apr_size_t)(end - at) + 1);
    return end + 1;
}

/** One condition from AT.  @return what is behind, or NULL */
static const char *take_condition(if_condition_t *condition, const char *at,
                                  apr_pool_t *result_pool)
{
    memset(condition, 0, sizeof(*condition));
    if (strncasecmp(at, "Not", 3) == 0) {
        condition->negated = 1;
        at = skip_space(at + 3);
    }
    if (*at == '<') {
        at = take_enclosed(&condition->value, at, '>', result_pool);
        return at != NULL && *condition->value != '\0' ? at : NULL;
    }
    if (*at != '[')
        return NULL;
    condition->is_etag = 1;
    at = take_etag(&condition->value, skip_space(at + 1), result_pool);
    if (at == NULL || *(at = skip_space(at)) != ']')
        return NULL;
    return at + 1;
}

/** A list from AT, its bracket.  @return what is behind, or NULL */
static const char *take_list(apr_array_header_t *conditions, const char *at,
                             apr_pool_t *result_pool)
{
    at = skip_space(at + 1);
    while (at != NULL && *at != ')') {
        at = take_condition(apr_array_push(conditions), at, result_pool);
        if (at != NULL)
            at = skip_space(at);
    }
    return at != NULL && conditions->nelts > 0 ? skip_space(at + 1) : NULL;
}

int ifheader_parse(apr_array_header_t **lists_p, const char *header, apr_pool_t *result_pool)
{
    apr_array_header_t *lists = apr_array_make(result_pool, 4, sizeof(if_list_t));
    const char *at = skip_space(header), *resource = NULL;
    int tagged = *at == '<', tag_used = 1;

    while (at != NULL && *at != '\0') {
        if (*at == '<') {
            /* Tags and lists without one do not mix, and each tag has a list. */
            if (!tagged || !tag_used)
                return 0;
            at = take_enclosed(&resource, at, '>', result_pool);
            if (at == NULL || *resource == '\0')
                return 0;
            tag_used = 0;
            at = skip_space(at);
        } else if (*at == '(') {
            if_list_t *list = apr_array_push(lists);

            list->resource = resource;
            list->conditions = apr_array_make(result_pool, 2, sizeof(if_condition_t));
            at = take_list(list->conditions, at, result_pool);
            tag_used = 1;
        } else {
            return 0;
        }
    }
    *lists_p = lists;
    return at != NULL && lists->nelts > 0 && tag_used;
}
