#include "t/unit/fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "t/unit/tap.h"

static apr_status_t remove_directory(void *baton)
{
    const char *path = baton;
    char file[APR_PATH_MAX];

    apr_snprintf(file, sizeof(file), "%s/data.mdb", path);
    unlink(file);
    apr_snprintf(file, sizeof(file), "%s/lock.mdb", path);
    unlink(file);
    rmdir(path);
    return APR_SUCCESS;
}

apr_status_t fixture_directory(const char **path_p, apr_pool_t *result_pool)
{
    const char *above;
    char *path;
    apr_status_t status = apr_temp_dir_get(&above, result_pool);

    if (status != APR_SUCCESS)
        return status;
    path = apr_pstrcat(result_pool, above, "/depot-unit-XXXXXX", NULL);
    if (mkdtemp(path) == NULL)
        return errno;
    apr_pool_cleanup_register(result_pool, path, remove_directory, apr_pool_cleanup_null);
    *path_p = path;
    return APR_SUCCESS;
}

apr_status_t fixture_open(store_t **store_p, const char *backend, const char *location,
                          const char *params, apr_pool_t *result_pool)
{
    char **words;
    const char *error;
    store_spec_t *spec;
    int argc = 0;
    apr_status_t status = apr_tokenize_to_argv(
        apr_pstrcat(result_pool, backend, ":", location, " ", params, NULL), &words, result_pool);

    while (status == APR_SUCCESS && words[argc] != NULL)
        argc++;
    if (status == APR_SUCCESS)
        status = store_spec_parse(&spec, argc, (const char *const *)words, &error, result_pool);
    return status == APR_SUCCESS ? store_open(store_p, spec, NULL, result_pool) : status;
}

/** Whether a store of BACKEND is in a directory. */
static int needs_directory(const char *backend, apr_pool_t *scratch_pool)
{
    const char *word = apr_pstrcat(scratch_pool, backend, ":x", NULL), *error;
    store_spec_t *spec;

    return store_spec_parse(&spec, 1, &word, &error, scratch_pool) == APR_SUCCESS &&
           store_spec_path(spec) != NULL;
}

void fixture_run_on(const char *backend, const char *name, fixture_test_fn *test)
{
    apr_pool_t *pool, *scratch_pool;
    const char *location = "";
    store_t *store;
    apr_status_t status = APR_SUCCESS;

    apr_pool_create(&pool, NULL);
    if (needs_directory(backend, pool))
        status = fixture_directory(&location, pool);
    if (status == APR_SUCCESS)
        status = fixture_open(&store, backend, location, "", pool);
    if (status == APR_SUCCESS) {
        diag("%s, on %s", name, backend);
        /* Its transactions end before the store is closed. */
        apr_pool_create(&scratch_pool, pool);
        test(store, scratch_pool);
        apr_pool_destroy(scratch_pool);
    } else {
        is_status(status, APR_SUCCESS, "%s: a store of the backend %s", name, backend);
    }
    apr_pool_destroy(pool);
}

void fixture_run(const char *name, fixture_test_fn *test)
{
    fixture_run_on("memory", name, test);
    fixture_run_on("lmdb", name, test);
}

void fixture_run_decorated(const char *name, fixture_test_fn *test)
{
    fixture_run_on("trace:memory", name, test);
    fixture_run_on("trace:lmdb", name, test);
}
