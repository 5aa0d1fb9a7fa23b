#include "provider/locktext.h"

#include <string.h>

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "provider/multistatus.h"
#include "provider/private.h"
#include "provider/resource.h"

const char locktext_supported[] =
    "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
    "</D:lockentry><D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/>"
    "</D:locktype></D:lockentry>";

apr_int64_t locktext_now(void)
{
    return apr_time_sec(apr_time_now());
}

apr_status_t locktext_new_token(lock_token_t *token)
{
    apr_status_t status = apr_generate_random_bytes(token->bytes, sizeof(token->bytes));
    const apr_uint64_t now = (apr_uint64_t)apr_time_as_msec(apr_time_now());

    /* A UUID of version 7 (RFC 9562 section 5.7): 48 bits of time, so that those of new locks lie
       beside each other in each of the store's indexes, and 74 at random. */
    for (int i = 0; i < 6; i++)
        token->bytes[i] = (unsigned char)(now >> (40 - 8 * i));
    token->bytes[6] = (unsigned char)((token->bytes[6] & 0x0f) | 0x70);
    token->bytes[8] = (unsigned char)((token->bytes[8] & 0x3f) | 0x80);
    return status;
}

int locktext_parse_header(lock_token_t *token, const char *header, apr_pool_t *scratch_pool)
{
    const char *end = header != NULL ? strchr(header, '>') : NULL;

    if (end == NULL || header[0] != '<' || end[1] != '\0' || end == header + 1)
        return 0;
    if (!locks_token_parse(
            token, apr_pstrmemdup(scratch_pool, header + 1, (apr_size_t)(end - header) - 1)))
        memset(token, 0, sizeof(*token));
    return 1;
}

apr_int64_t locktext_expiry(const request_rec *r, const depot_dir_settings_t *settings,
                            apr_int64_t now)
{
    const char *header = apr_table_get(r->headers_in, "Timeout");
    apr_int64_t seconds = settings->lock_timeout_default;
    char *last, *copy = apr_pstrdup(r->pool, header ? header : "");

    /* The first that can be understood; what is past the ceiling is cut to it. */
    for (char *type = apr_strtok(copy, ", \t", &last); type;
         type = apr_strtok(NULL, ", \t", &last)) {
        char *end = NULL;

        if (ap_cstr_casecmp(type, "Infinite") == 0) {
            seconds = settings->lock_timeout_max ? settings->lock_timeout_max : LOCK_NEVER;
            break;
        }
        if (ap_cstr_casecmpn(type, "Second-", 7) == 0 && apr_isdigit(type[7])) {
            seconds = apr_strtoi64(type + 7, &end, 10);
            if (*end == '\0')
                break;
            seconds = settings->lock_timeout_default;
        }
    }
    if (seconds < settings->lock_timeout_min)
        seconds = settings->lock_timeout_min;
    if (settings->lock_timeout_max != 0 && seconds > settings->lock_timeout_max)
        seconds = settings->lock_timeout_max;
    return seconds > LOCK_NEVER - now ? LOCK_NEVER : now + seconds;
}

const char *locktext_active(const lock_t *lock, const char *href, const char *user,
                            const depot_dir_settings_t *settings, apr_int64_t now,
                            apr_pool_t *result_pool)
{
    int others = *lock->principal != '\0' && (user == NULL || strcmp(user, lock->principal) != 0);
    int hide = others && settings->hide_others_locks;
    char token[LOCK_TOKEN_TEXT_SIZE];
    const char *timeout = "Infinite";

    if (lock->expires != LOCK_NEVER)
        timeout = apr_psprintf(result_pool, "Second-%" APR_INT64_T_FMT, lock->expires - now);
    return apr_pstrcat(
        result_pool, "<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope>",
        lock->scope == LOCK_EXCLUSIVE ? "<D:exclusive/>" : "<D:shared/>", "</D:lockscope><D:depth>",
        lock->infinite ? "infinity" : "0", "</D:depth>", hide ? "" : lock->owner, "<D:timeout>",
        timeout, "</D:timeout>", hide ? "" : "<D:locktoken><D:href>",
        hide ? "" : locks_token_text(token, &lock->token), hide ? "" : "</D:href></D:locktoken>",
        "<D:lockroot><D:href>", href, "</D:href></D:lockroot></D:activelock>", NULL);
}

const char *locktext_root(const lock_t *lock, const dav_resource *resource, apr_pool_t *result_pool)
{
    const char *own = resource->info->path, *uri = resource->uri;
    apr_size_t own_length = strlen(own), lock_length = strlen(lock->path);

    if (lock_length > own_length)
        return multistatus_escaped(apr_pstrcat(result_pool, strcmp(uri, "/") == 0 ? "" : uri,
                                               lock->path + own_length, NULL),
                                   result_pool);
    if (lock_length == own_length)
        return resource_href(resource, result_pool);
    /* Up by as many segments as the lock's path is shorter; it is a collection there. */
    for (const char *at = own + lock_length; *at != '\0'; at++) {
        if (*at == '/')
            uri = resource_parent_path(uri, result_pool);
    }
    return apr_pstrcat(result_pool, multistatus_escaped(uri, result_pool),
                       strcmp(uri, "/") == 0 ? "" : "/", NULL);
}
