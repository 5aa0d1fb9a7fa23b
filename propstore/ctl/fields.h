/*
 * fields.h -- the fields of a JSON object: numbers, texts and words, and reading them back
 * strictly.
 */
#ifndef PROPSTORE_CTL_FIELDS_H
#define PROPSTORE_CTL_FIELDS_H

#include "propstore/ctl/ctl.h"

/**
 * A number as a JSON value.  One beyond 2^53 either way is a string of its digits: many
 * programs read JSON's numbers as doubles.
 */
json_t *fields_unsigned(apr_uint64_t n);
json_t *fields_signed(apr_int64_t n);

/** An object that is read field by field.  After the first failure all else answers nothing. */
typedef struct fields_t {
    const json_t *object;
    apr_pool_t *pool; /**< lifetime of what is read, and of ERROR */
    size_t taken;
    const char *error; /**< what is wrong with it, in words; NULL: nothing so far */
} fields_t;

void fields_begin(fields_t *fields, const json_t *object, apr_pool_t *pool);

/** Note what is wrong, unless something was before. */
void fields_fail(fields_t *fields, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The field NAME, which must be there; NULL if it is not. */
const json_t *fields_take(fields_t *fields, const char *name);

/** A number within bounds, as fields_unsigned() and fields_signed() make them. */
apr_uint64_t fields_take_unsigned(fields_t *fields, const char *name, apr_uint64_t min,
                                  apr_uint64_t max);
apr_int64_t fields_take_signed(fields_t *fields, const char *name);

/** Bytes, as ctl_json_text() makes them. */
store_slice_t fields_take_bytes(fields_t *fields, const char *name);

/** The same for what cannot hold a NUL.  @return never NULL */
const char *fields_take_text(fields_t *fields, const char *name);

/** One of WORDS, which end with NULL.  @return its place among them */
int fields_take_word(fields_t *fields, const char *name, const char *const *words);

int fields_take_boolean(fields_t *fields, const char *name);

/** No further fields are known.  @return NULL, or what was wrong */
const char *fields_end(fields_t *fields);

#endif /* PROPSTORE_CTL_FIELDS_H */
