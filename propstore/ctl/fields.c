#include "propstore/ctl/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/** What a double holds exactly. */
#define EXACT_MAX ((apr_int64_t)1 << 53)

json_t *fields_unsigned(apr_uint64_t n)
{
    char digits[24];

    if (n <= (apr_uint64_t)EXACT_MAX)
        return json_integer((json_int_t)n);
    apr_snprintf(digits, sizeof(digits), "%" APR_UINT64_T_FMT, n);
    return json_string(digits);
}

json_t *fields_signed(apr_int64_t n)
{
    char digits[24];

    if (n >= -EXACT_MAX && n <= EXACT_MAX)
        return json_integer(n);
    apr_snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, n);
    return json_string(digits);
}

void fields_begin(fields_t *fields, const json_t *object, apr_pool_t *pool)
{
    fields->object = object;
    fields->pool = pool;
    fields->taken = 0;
    fields->error = NULL;
    if (!json_is_object(object))
        fields_fail(fields, "what should be an object is none");
}

void fields_fail(fields_t *fields, const char *format, ...)
{
    va_list args;

    if (fields->error != NULL)
        return;
    va_start(args, format);
    fields->error = apr_pvsprintf(fields->pool, format, args);
    va_end(args);
}

const json_t *fields_take(fields_t *fields, const char *name)
{
    const json_t *value = fields->error == NULL ? json_object_get(fields->object, name) : NULL;

    if (value == NULL)
        fields_fail(fields, "\"%s\" is missing", name);
    fields->taken++;
    return value;
}

/** The digits of a number in VALUE; "" if it is none.  BUF is for those of an integer. */
static const char *digits_of(char buf[24], const json_t *value)
{
    if (json_is_integer(value)) {
        apr_snprintf(buf, 24, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
        return buf;
    }
    return json_is_string(value) ? json_string_value(value) : "";
}

/** Whether TEXT has digits, and nothing else but a sign before them. */
static int is_number(const char *text)
{
    text += *text == '-';
    return apr_isdigit(*text) && strspn(text, "0123456789") == strlen(text);
}

apr_uint64_t fields_take_unsigned(fields_t *fields, const char *name, apr_uint64_t min,
                                  apr_uint64_t max)
{
    const json_t *value = fields_take(fields, name);
    char buf[24];
    const char *digits;
    apr_uint64_t n;

    if (value == NULL)
        return 0;
    digits = digits_of(buf, value);
    errno = 0;
    n = *digits != '-' ? strtoumax(digits, NULL, 10) : 0;
    if (!is_number(digits) || *digits == '-' || errno != 0 || n < min || n > max)
        fields_fail(fields, "\"%s\" is no number from %" APR_UINT64_T_FMT " to %" APR_UINT64_T_FMT,
                    name, min, max);
    return n;
}

apr_int64_t fields_take_signed(fields_t *fields, const char *name)
{
    const json_t *value = fields_take(fields, name);
    char buf[24];
    const char *digits;
    apr_int64_t n;

    if (value == NULL)
        return 0;
    digits = digits_of(buf, value);
    errno = 0;
    n = strtoimax(digits, NULL, 10);
    if (!is_number(digits) || errno != 0)
        fields_fail(fields, "\"%s\" is no number of 64 bits", name);
    return n;
}

store_slice_t fields_take_bytes(fields_t *fields, const char *name)
{
    store_slice_t bytes = {"", 0};
    const json_t *value = fields_take(fields, name);

    if (value != NULL && !ctl_json_bytes(&bytes, value, fields->pool)) {
        bytes.data = "";
        bytes.len = 0;
        fields_fail(fields, "\"%s\" is neither a string nor {\"base64\": \"...\"}", name);
    }
    return bytes;
}

const char *fields_take_text(fields_t *fields, const char *name)
{
    store_slice_t bytes = fields_take_bytes(fields, name);

    if (memchr(bytes.data, '\0', bytes.len) != NULL)
        fields_fail(fields, "\"%s\" holds a NUL", name);
    return apr_pstrmemdup(fields->pool, bytes.data, bytes.len);
}

int fields_take_word(fields_t *fields, const char *name, const char *const *words)
{
    const json_t *value = fields_take(fields, name);
    const char *word = json_string_value(value);

    for (int i = 0; word != NULL && words[i] != NULL; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    fields_fail(fields, "\"%s\" is none of those known", name);
    return 0;
}

int fields_take_boolean(fields_t *fields, const char *name)
{
    const json_t *value = fields_take(fields, name);

    if (value != NULL && !json_is_boolean(value))
        fields_fail(fields, "\"%s\" is neither true nor false", name);
    return json_is_true(value);
}

const char *fields_end(fields_t *fields)
{
    if (fields->error == NULL && fields->taken != json_object_size(fields->object))
        fields_fail(fields, "it has a field that is not known");
    return fields->error;
}
