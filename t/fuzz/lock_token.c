/*
 * The Lock-Token header, and tokens.
 */
#include <string.h>

#include "provider/locktext.h"
#include "t/fuzz/fuzz.h"

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    static const lock_token_t none = {{0}};
    char text[LOCK_TOKEN_TEXT_SIZE];
    lock_token_t token, again;

    memset(&token, 0xa5, sizeof(token));
    if (!locktext_parse_header(&token, fuzz_string(data, size, pool), pool))
        return;
    if (memcmp(&token, &none, sizeof(token)) == 0)
        return;
    fuzz_accept();
    locks_token_text(text, &token);
    fuzz_check(strlen(text) == sizeof(text) - 1, "a token has its length");
    fuzz_check(locks_token_parse(&again, text) && memcmp(&again, &token, sizeof(token)) == 0,
               "a token that was read can be written");
}
