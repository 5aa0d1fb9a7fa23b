/*
 * fuzz.h -- what the fuzz targets share.
 *
 * A target is one file with fuzz_one(), which hands its bytes to one parser and
 * aborts if what comes back is not what the parser promises.  It is linked twice: by
 * t/fuzz/run with libFuzzer, and by the Makefile with replay.c, which feeds it the files of
 * t/fuzz/corpus/NAME as a test.
 */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <httpd.h>

#include "propstore/store.h"

/** The target.  @param pool its lifetime is the call's */
void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool);

/** libFuzzer's entry: calls the target.  @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Count an input that its parser took for well-formed: a corpus of nothing but refusals tests
 * little. */
void fuzz_accept(void);

/** How many were, so far. */
unsigned fuzz_accepted(void);

/** Abort, saying WHAT, unless CONDITION holds. */
void fuzz_check(int condition, const char *what);

/** DATA as a string without the NULs it may hold, in POOL: what a header can be. */
char *fuzz_string(const uint8_t *data, size_t size, apr_pool_t *pool);

/**
 * Take a pair off the front of the SIZE bytes at DATA: a byte with the key's length, the key, two
 * bytes with the value's length, big-endian, the value or what there is of it.
 * @param key never empty
 * @return 0 if there is none
 */
int fuzz_take_pair(store_slice_t *key, store_slice_t *value, const uint8_t **data, size_t *size);

/** A store that holds nothing yet; one for all inputs, so change it in transactions that are
 * aborted. */
store_t *fuzz_store(void);

/* ---- httpd_stubs.c ---- */

/** A request as far as the objects under test look at it, in POOL. */
request_rec *fuzz_request(apr_pool_t *pool);

/** What R's input filters hand out: SIZE bytes, in pieces of at most PIECE. */
void fuzz_set_body(const uint8_t *data, size_t size, size_t piece);

/** What has reached the output filters since the last call.  @return it, in POOL */
store_slice_t fuzz_take_output(apr_pool_t *pool);

#endif /* T_FUZZ_FUZZ_H */
