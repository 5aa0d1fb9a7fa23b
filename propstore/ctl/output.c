#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "propstore/ctl/ctl.h"

void ctl_tell(ctl_t *ctl, json_t *record, const char *format, ...)
{
    va_list args;

    if (ctl->json) {
        json_dumpf(record, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else if (format != NULL) {
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
    }
    json_decref(record);
}

/** One line on standard error. */
__attribute__((format(printf, 3, 0))) static void complain(const ctl_t *ctl, apr_status_t status,
                                                           const char *format, va_list args)
{
    char words[256];

    fflush(stdout); /* so that the two come in order on a terminal */
    fprintf(stderr, "depotctl %s: ", ctl->command->name);
    vfprintf(stderr, format, args);
    if (status != APR_SUCCESS)
        fprintf(stderr, ": %s", store_strerror(status, words, sizeof(words)));
    fputc('\n', stderr);
}

int ctl_fail(const ctl_t *ctl, apr_status_t status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(ctl, status, format, args);
    va_end(args);
    return CTL_FAILED;
}

void ctl_warn(const ctl_t *ctl, apr_status_t status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(ctl, status, format, args);
    va_end(args);
}

json_t *ctl_json_text(const void *bytes, apr_size_t length)
{
    json_t *text = memchr(bytes, '\0', length) == NULL ? json_stringn(bytes, length) : NULL;

    if (text == NULL) {
        apr_pool_t *scratch_pool;
        const char *encoded;

        apr_pool_create(&scratch_pool, NULL);
        encoded = apr_pencode_base64_binary(scratch_pool, bytes, (apr_ssize_t)length,
                                            APR_ENCODE_NONE, NULL);
        text = json_pack("{s:s}", "base64", encoded);
        apr_pool_destroy(scratch_pool);
    }
    return text;
}

void ctl_json_add(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, ctl_json_text(text, strlen(text)));
}

int ctl_json_bytes(store_slice_t *bytes_p, const json_t *value, apr_pool_t *result_pool)
{
    const char *text;

    if (json_is_string(value)) {
        bytes_p->len = json_string_length(value);
        bytes_p->data = apr_pmemdup(result_pool, json_string_value(value), bytes_p->len + 1);
        return 1;
    }
    text = json_string_value(json_object_get(value, "base64"));
    if (text == NULL || json_object_size(value) != 1)
        return 0;
    bytes_p->data = apr_pdecode_base64_binary(result_pool, text, APR_ENCODE_STRING, APR_ENCODE_NONE,
                                              &bytes_p->len);
    return bytes_p->data != NULL;
}

const char *ctl_plain_text(const void *bytes, apr_size_t length, apr_pool_t *result_pool)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    char *text = apr_palloc(result_pool, 4 * length + 1), *to = text;

    for (apr_size_t i = 0; i < length; i++) {
        if (from[i] < ' ' || from[i] == 0x7f || from[i] == '\\') {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[from[i] >> 4];
            *to++ = digits[from[i] & 15];
        } else {
            *to++ = (char)from[i];
        }
    }
    *to = '\0';
    return text;
}
