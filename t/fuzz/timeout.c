/*
 * The Timeout header.  The first bytes of an input are the settings and the time.
 */
#include <string.h>

#include "provider/locktext.h"
#include "propstore/key.h"
#include "t/fuzz/fuzz.h"

/** Bytes before the header: three numbers of seconds. */
#define SETTINGS_SIZE 12

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    request_rec *r = fuzz_request(pool);
    depot_dir_settings_t settings;
    const apr_int64_t now = 1800000000;
    apr_int64_t expires;

    if (size < SETTINGS_SIZE)
        return;
    /* Within what the directives take: 1 to 2147483647, the longest also 0. */
    memset(&settings, 0, sizeof(settings));
    settings.lock_timeout_default = (key_get_u32(data) & 0x7fffffff) | 1;
    settings.lock_timeout_min = (key_get_u32(data + 4) & 0x7fffffff) | 1;
    settings.lock_timeout_max = key_get_u32(data + 8) & 0x7fffffff;
    apr_table_setn(r->headers_in, "Timeout",
                   fuzz_string(data + SETTINGS_SIZE, size - SETTINGS_SIZE, pool));
    expires = locktext_expiry(r, &settings, now);
    fuzz_check(expires > now, "a lock lasts");
    if (settings.lock_timeout_max != 0)
        fuzz_check(expires - now <= settings.lock_timeout_max,
                   "a lock lasts no longer than it may");
    if (settings.lock_timeout_max == 0 || settings.lock_timeout_max >= settings.lock_timeout_min)
        fuzz_check(expires - now >= settings.lock_timeout_min, "nor shorter");
    if (expires - now != settings.lock_timeout_default)
        fuzz_accept();
}
