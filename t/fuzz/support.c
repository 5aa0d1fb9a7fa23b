#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "propstore/meta.h"
#include "t/fuzz/fuzz.h"

static unsigned accepted;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int initialized;
    apr_pool_t *pool;

    if (!initialized)
        initialized = apr_initialize() == APR_SUCCESS;
    apr_pool_create(&pool, NULL);
    fuzz_one(data, size, pool);
    apr_pool_destroy(pool);
    return 0;
}

void fuzz_accept(void)
{
    accepted++;
}

unsigned fuzz_accepted(void)
{
    return accepted;
}

void fuzz_check(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz: broken promise: %s\n", what);
    abort();
}

char *fuzz_string(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, size + 1), *to = text;

    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\0')
            *to++ = (char)data[i];
    }
    *to = '\0';
    return text;
}

int fuzz_take_pair(store_slice_t *key, store_slice_t *value, const uint8_t **data, size_t *size)
{
    const uint8_t *at = *data;
    size_t length;

    if (*size <= 3 || at[0] == 0 || (size_t)at[0] + 3 > *size)
        return 0;
    *key = (store_slice_t){at + 1, at[0]};
    at += 1 + key->len;
    length = (size_t)at[0] << 8 | at[1];
    at += 2;
    *size -= 3 + key->len;
    value->data = at;
    value->len = length < *size ? length : *size;
    *data = at + value->len;
    *size -= value->len;
    return 1;
}

store_t *fuzz_store(void)
{
    static const char *const words[] = {"memory:"};
    static store_t *store;
    static apr_pool_t *store_pool;
    store_log_t log = {NULL, NULL};
    store_spec_t *spec;
    const char *error;

    if (store == NULL) {
        apr_pool_create(&store_pool, NULL);
        fuzz_check(store_spec_parse(&spec, 1, words, &error, store_pool) == APR_SUCCESS &&
                       store_open(&store, spec, &log, store_pool) == APR_SUCCESS &&
                       meta_prepare(store, store_pool) == APR_SUCCESS,
                   "a store in memory opens");
    }
    return store;
}

/* ---- memory ---- */

const char *__lsan_default_suppressions(void);

/** The store stays, and LeakSanitizer does not look into APR's blocks, where it hangs. */
const char *__lsan_default_suppressions(void)
{
    return "leak:fuzz_store\n";
}

/*
 * The objects under test allocate from pools, whose blocks are large: an overrun would stay
 * within one, unseen.  The linker turns their calls to these, so each allocation is malloc(3)'s
 * and AddressSanitizer watches its ends.  What APR allocates itself is not seen.
 */
void *__wrap_apr_palloc(apr_pool_t *pool, apr_size_t size);
void *__wrap_apr_pmemdup(apr_pool_t *pool, const void *from, apr_size_t size);
char *__wrap_apr_pstrdup(apr_pool_t *pool, const char *from);
char *__wrap_apr_pstrmemdup(apr_pool_t *pool, const char *from, apr_size_t length);

static apr_status_t free_block(void *block)
{
    free(block);
    return APR_SUCCESS;
}

void *__wrap_apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    void *block = calloc(1, size > 0 ? size : 1);

    fuzz_check(block != NULL, "there is memory");
    apr_pool_cleanup_register(pool, block, free_block, apr_pool_cleanup_null);
    return block;
}

void *__wrap_apr_pmemdup(apr_pool_t *pool, const void *from, apr_size_t size)
{
    return from != NULL ? memcpy(__wrap_apr_palloc(pool, size), from, size) : NULL;
}

char *__wrap_apr_pstrmemdup(apr_pool_t *pool, const char *from, apr_size_t length)
{
    char *copy;

    if (from == NULL)
        return NULL;
    copy = __wrap_apr_palloc(pool, length + 1);
    memcpy(copy, from, length);
    copy[length] = '\0';
    return copy;
}

char *__wrap_apr_pstrdup(apr_pool_t *pool, const char *from)
{
    return from != NULL ? __wrap_apr_pstrmemdup(pool, from, strlen(from)) : NULL;
}
