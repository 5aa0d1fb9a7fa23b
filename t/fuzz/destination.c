/*
 * The Destination header.
 */
#include "provider/destination.h"

#include <string.h>

#include "t/fuzz/fuzz.h"

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    static const char here[] = "http://drive.example/";
    request_rec *r = fuzz_request(pool);
    char *header = fuzz_string(data, size, pool);
    const char *after;
    int status;

    apr_table_setn(r->headers_in, "Host", "drive.example");
    apr_table_setn(r->headers_in, "Destination", header);
    status = destination_normalise(r);
    fuzz_check(status == OK || status == HTTP_BAD_REQUEST || status == HTTP_BAD_GATEWAY,
               "a Destination is taken, no URL, or elsewhere");
    if (status != OK)
        return;
    fuzz_accept();
    after = apr_table_get(r->headers_in, "Destination");
    fuzz_check(strncmp(after, here, sizeof(here) - 1) == 0, "a Destination taken is here");
    apr_table_setn(r->headers_in, "Destination", after);
    fuzz_check(destination_normalise(r) == OK, "and is taken again");
    fuzz_check(strcmp(apr_table_get(r->headers_in, "Destination"), after) == 0, "as the same");
}
