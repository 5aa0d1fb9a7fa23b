#include "t/unit/fixture.h"

#include <stdlib.h>
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

/** The specification of a store in a new directory, removed with RESULT_POOL. */
static const char *in_new_directory(const char *backend, apr_pool_t *result_pool)
{
    const char *above;
    char *path;

    if (apr_temp_dir_get(&above, result_pool) != APR_SUCCESS)
        return NULL;
    path = apr_pstrcat(result_pool, above, "/depot-unit-XXXXXX", NULL);
    if (mkdtemp(path) == NULL)
        return NULL;
    apr_pool_cleanup_register(result_pool, path, remove_directory, apr_pool_cleanup_null);
    return apr_pstrcat(result_pool, backend, ":", path, NULL);
}

static void run_on(const char *name, const char *backend, int needs_directory,
                   fixture_test_fn *test)
{
    apr_pool_t *pool, *scratch_pool;
    const char *word, *error = "";
    store_spec_t *spec;
    store_t *store;

    apr_pool_create(&pool, NULL);
    word =
        needs_directory ? in_new_directory(backend, pool) : apr_pstrcat(pool, backend, ":", NULL);
    if (word != NULL && store_spec_parse(&spec, 1, &word, &error, pool) == APR_SUCCESS &&
        store_open(&store, spec, NULL, pool) == APR_SUCCESS) {
        diag("%s, on %s", name, backend);
        /* Its transactions end before the store is closed. */
        apr_pool_create(&scratch_pool, pool);
        test(store, scratch_pool);
        apr_pool_destroy(scratch_pool);
    } else {
        ok(0, "%s: a store of the backend %s: %s", name, backend, error ? error : "no");
    }
    apr_pool_destroy(pool);
}

void fixture_run(const char *name, fixture_test_fn *test)
{
    run_on(name, "memory", 0, test);
    run_on(name, "lmdb", 1, test);
}
