/*
 * dbmconvert FROM-TYPE FROM TO-TYPE TO: a DBM file as one of another type, pair by pair, by way
 * of apr_dbm.  For tests of what mod_dav_fs leaves where APR has another type by default.
 * dbmconvert FROM-TYPE FROM TO-TYPE TO KEY VALUE: with one pair more; \0 in both is a NUL.
 */
#include <stdio.h>
#include <string.h>

#include <apr_dbm.h>
#include <apr_general.h>
#include <apr_strings.h>

/** Copy all pairs.  Those found are collected first: a fetch may end an iteration. */
static apr_status_t copy_pairs(apr_dbm_t *to, apr_dbm_t *from, apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, 8, sizeof(apr_datum_t));
    apr_datum_t key, value;
    apr_status_t status;

    for (status = apr_dbm_firstkey(from, &key); status == APR_SUCCESS && key.dptr != NULL;
         status = apr_dbm_nextkey(from, &key)) {
        apr_datum_t *copy = apr_array_push(keys);

        copy->dptr = apr_pmemdup(pool, key.dptr, key.dsize);
        copy->dsize = key.dsize;
    }
    for (int i = 0; i < keys->nelts && status == APR_SUCCESS; i++) {
        key = APR_ARRAY_IDX(keys, i, apr_datum_t);
        status = apr_dbm_fetch(from, key, &value);
        if (status == APR_SUCCESS)
            status = apr_dbm_store(to, key, value);
    }
    return status;
}

/** TEXT with \0 as NULs. */
static apr_datum_t datum(const char *text, apr_pool_t *pool)
{
    apr_datum_t result = {apr_palloc(pool, strlen(text) + 1), 0};

    while (*text != '\0') {
        int is_nul = strncmp(text, "\\0", 2) == 0;

        result.dptr[result.dsize++] = is_nul ? '\0' : *text;
        text += is_nul ? 2 : 1;
    }
    return result;
}

int main(int argc, const char *const *argv)
{
    apr_dbm_t *from, *to;
    apr_pool_t *pool;
    apr_status_t status;
    char words[128];

    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    if (argc != 5 && argc != 7) {
        fputs("usage: dbmconvert FROM-TYPE FROM TO-TYPE TO [KEY VALUE]\n", stderr);
        return 2;
    }
    status = apr_dbm_open_ex(&from, argv[1], argv[2], APR_DBM_READONLY, APR_FPROT_OS_DEFAULT, pool);
    if (status == APR_SUCCESS)
        status =
            apr_dbm_open_ex(&to, argv[3], argv[4], APR_DBM_RWCREATE, APR_FPROT_OS_DEFAULT, pool);
    if (status == APR_SUCCESS) {
        status = copy_pairs(to, from, pool);
        if (status == APR_SUCCESS && argc == 7)
            status = apr_dbm_store(to, datum(argv[5], pool), datum(argv[6], pool));
        apr_dbm_close(to);
        apr_dbm_close(from);
    }
    if (status != APR_SUCCESS)
        fprintf(stderr, "dbmconvert: %s\n", apr_strerror(status, words, sizeof(words)));
    apr_pool_destroy(pool);
    return status == APR_SUCCESS ? 0 : 1;
}
