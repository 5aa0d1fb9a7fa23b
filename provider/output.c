#include "provider/output.h"

#include <string.h>

#include <apr_buckets.h>
#include <http_protocol.h>
#include <util_filter.h>

struct output_t {
    request_rec *r;
    apr_bucket_brigade *brigade; /* full buckets, not passed yet */
    apr_size_t queued;           /* bytes in them */
    char *buf;                   /* the bucket being filled, or NULL */
    apr_size_t used;
    apr_status_t status; /* of the first pass that failed */
};

output_t *output_create(request_rec *r, apr_pool_t *result_pool)
{
    output_t *out = apr_pcalloc(result_pool, sizeof(*out));

    out->r = r;
    out->brigade = apr_brigade_create(result_pool, r->connection->bucket_alloc);
    return out;
}

/** Make the bucket being filled one of the brigade's. */
static void queue_buffer(output_t *out)
{
    if (out->buf == NULL)
        return;
    if (out->used == 0) {
        apr_bucket_free(out->buf);
    } else {
        apr_bucket *bucket = apr_bucket_heap_create(out->buf, out->used, apr_bucket_free,
                                                    out->r->connection->bucket_alloc);
        APR_BRIGADE_INSERT_TAIL(out->brigade, bucket);
        out->queued += out->used;
    }
    out->buf = NULL;
    out->used = 0;
}

char *output_reserve(output_t *out, apr_size_t length)
{
    if (out->buf != NULL && OUTPUT_BUCKET_SIZE - out->used < length)
        queue_buffer(out);
    if (out->buf == NULL)
        out->buf = apr_bucket_alloc(OUTPUT_BUCKET_SIZE, out->r->connection->bucket_alloc);
    return out->buf + out->used;
}

void output_wrote(output_t *out, apr_size_t length)
{
    out->used += length;
}

void output_write(output_t *out, const char *data, apr_size_t length)
{
    /* Nearly always. */
    if (out->buf != NULL && length <= OUTPUT_BUCKET_SIZE - out->used) {
        memcpy(out->buf + out->used, data, length);
        out->used += length;
        return;
    }
    while (length > 0) {
        char *room = output_reserve(out, 1);
        apr_size_t part = OUTPUT_BUCKET_SIZE - out->used;

        if (part > length)
            part = length;
        memcpy(room, data, part);
        out->used += part;
        data += part;
        length -= part;
    }
}

void output_number(output_t *out, apr_uint64_t n)
{
    char digits[20];
    apr_size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    output_write(out, digits + at, sizeof(digits) - at);
}

apr_size_t output_pending(const output_t *out)
{
    return out->queued + out->used;
}

apr_status_t output_pass(output_t *out)
{
    queue_buffer(out);
    if (out->status == APR_SUCCESS && !APR_BRIGADE_EMPTY(out->brigade)) {
        out->status = ap_pass_brigade(out->r->output_filters, out->brigade);
        /* The core filter may swallow a write error and only mark the connection. */
        if (out->status == APR_SUCCESS && out->r->connection->aborted)
            out->status = APR_ECONNABORTED;
    }
    apr_brigade_cleanup(out->brigade);
    out->queued = 0;
    return out->status;
}

apr_status_t output_end(output_t *out)
{
    queue_buffer(out);
    APR_BRIGADE_INSERT_TAIL(out->brigade, apr_bucket_eos_create(out->r->connection->bucket_alloc));
    return output_pass(out);
}
