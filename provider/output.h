/*
 * output.h -- building a response body in large buckets and passing it on.
 *
 * Writing only fills memory; nothing reaches the network before output_pass().
 * That is what lets a caller write while a store transaction is open and end the
 * transaction before it passes: a slow client must never pin a snapshot.
 */
#ifndef PROVIDER_OUTPUT_H
#define PROVIDER_OUTPUT_H

#include <string.h>

#include <httpd.h>

/** Bytes of one bucket. */
#define OUTPUT_BUCKET_SIZE (48 * 1024)

/** A response body being written. */
typedef struct output_t output_t;

/** Begin a body for R.  @param result_pool lifetime of the output_t */
output_t *output_create(request_rec *r, apr_pool_t *result_pool);

/** Add LENGTH bytes. */
void output_write(output_t *out, const char *data, apr_size_t length);

/** Add a string.  Here, so that a literal's length is not counted at run time. */
static inline void output_puts(output_t *out, const char *s)
{
    output_write(out, s, strlen(s));
}

/** Add a number in decimal. */
void output_number(output_t *out, apr_uint64_t n);

/**
 * Room for LENGTH bytes (at most OUTPUT_BUCKET_SIZE) to be written in place; tell
 * with output_wrote() how many were.
 */
char *output_reserve(output_t *out, apr_size_t length);

/** Count LENGTH bytes written into output_reserve()'s answer. */
void output_wrote(output_t *out, apr_size_t length);

/** Bytes written but not passed yet. */
apr_size_t output_pending(const output_t *out);

/**
 * Pass what was written down the filters.  Blocks for a slow client.
 * @return APR_SUCCESS; APR_ECONNABORTED if the client is gone; a filter's error.
 *         After an error nothing more is sent and every later call answers the same
 */
apr_status_t output_pass(output_t *out);

/** Pass the rest and the end of the body.  @return as output_pass() */
apr_status_t output_end(output_t *out);

#endif /* PROVIDER_OUTPUT_H */
