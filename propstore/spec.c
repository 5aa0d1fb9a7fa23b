#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "propstore/backend.h"

/** The names of all backends, for a message. */
static const char *backend_names(apr_pool_t *result_pool)
{
    const char *names = "";

    for (const backend_t *const *at = store_backends; *at != NULL; at++)
        names = apr_pstrcat(result_pool, names, *names ? ", " : "", (*at)->name, NULL);
    return names;
}

/** Whether BACKEND, or one it decorates, takes the parameter NAME. */
static int takes_param(const backend_t *backend, const backend_t *inner, const char *name)
{
    for (const backend_param_t *param = backend->params; param->name != NULL; param++) {
        if (strcmp(param->name, name) == 0)
            return 1;
    }
    return inner != NULL && takes_param(inner, NULL, name);
}

/**
 * The backend TEXT ("name:location") names.
 * @param location_p set to the location, inside TEXT
 * @return it, or NULL with *ERROR_P set
 */
static const backend_t *find_backend(const char **location_p, const char *text,
                                     const char **error_p, apr_pool_t *result_pool)
{
    const char *colon = strchr(text, ':');
    const backend_t *backend;

    if (colon == NULL) {
        *error_p = apr_psprintf(result_pool, "\"%s\" is not of the form name:location", text);
        return NULL;
    }
    backend = store_backend_find(text, (apr_size_t)(colon - text));
    if (backend == NULL)
        *error_p = apr_psprintf(result_pool, "there is no store called \"%.*s\"; there are: %s",
                                (int)(colon - text), text, backend_names(result_pool));
    else if (backend->location_is_path && colon[1] == '\0')
        *error_p = apr_psprintf(result_pool, "\"%s\" names no directory", text);
    else
        *error_p = NULL;
    *location_p = colon + 1;
    return *error_p ? NULL : backend;
}

apr_status_t store_spec_parse(store_spec_t **spec_p, int argc, const char *const *argv,
                              const char **error_p, apr_pool_t *result_pool)
{
    store_spec_t *spec = apr_pcalloc(result_pool, sizeof(*spec));
    const backend_t *backend, *inner = NULL;
    const char *location;

    *error_p = "a store is given as name:location";
    if (argc < 1)
        return STORE_BADSPEC;
    backend = find_backend(&location, argv[0], error_p, result_pool);
    if (backend == NULL)
        return STORE_BADSPEC;

    spec->backend = backend->name;
    spec->location = apr_pstrdup(result_pool, location);
    spec->location_is_path = backend->location_is_path;
    spec->is_shared = backend->shared;
    spec->params = apr_table_make(result_pool, 4);
    if (backend->decorates) {
        inner = find_backend(&location, spec->location, error_p, result_pool);
        if (inner != NULL && inner->decorates)
            *error_p = apr_psprintf(result_pool, "\"%s\" cannot be decorated twice", argv[0]);
        if (*error_p != NULL)
            return STORE_BADSPEC;
        spec->location_is_path = inner->location_is_path;
        spec->is_shared = inner->shared;
    }

    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        const char *name;

        if (equals == NULL || equals == argv[i] || equals[1] == '\0') {
            *error_p = apr_psprintf(result_pool, "\"%s\" is not of the form key=value", argv[i]);
            return STORE_BADSPEC;
        }
        name = apr_pstrmemdup(result_pool, argv[i], (apr_size_t)(equals - argv[i]));
        if (!takes_param(backend, inner, name)) {
            *error_p =
                apr_psprintf(result_pool, "the store %s takes no \"%s\"", backend->name, name);
            return STORE_BADSPEC;
        }
        if (apr_table_get(spec->params, name) != NULL) {
            *error_p = apr_psprintf(result_pool, "\"%s\" is given twice", name);
            return STORE_BADSPEC;
        }
        apr_table_set(spec->params, name, equals + 1);
    }
    *spec_p = spec;
    return APR_SUCCESS;
}

const char *store_spec_path(const store_spec_t *spec)
{
    const backend_t *backend = store_backend_find(spec->backend, strlen(spec->backend));

    if (!spec->location_is_path)
        return NULL;
    return backend->decorates ? strchr(spec->location, ':') + 1 : spec->location;
}

apr_status_t store_spec_set_path(store_spec_t *spec, const char *path, apr_pool_t *pool)
{
    const char *old = store_spec_path(spec);

    if (old == NULL)
        return STORE_BADSPEC;
    spec->location = apr_pstrcat(
        pool, apr_pstrmemdup(pool, spec->location, (apr_size_t)(old - spec->location)), path, NULL);
    return APR_SUCCESS;
}

const backend_t *store_backend_of(const store_spec_t *spec)
{
    const backend_t *backend = store_backend_find(spec->backend, strlen(spec->backend));
    const char *colon;

    if (!backend->decorates)
        return backend;
    colon = strchr(spec->location, ':');
    return store_backend_find(spec->location, (apr_size_t)(colon - spec->location));
}

const char *const *store_files(const store_spec_t *spec)
{
    static const char *const none[] = {NULL};

    return spec->location_is_path ? store_backend_of(spec)->files : none;
}

apr_status_t store_exists(const store_spec_t *spec, apr_pool_t *scratch_pool)
{
    const char *name = store_files(spec)[0];
    struct stat st;

    if (name == NULL)
        return STORE_ABSENT;
    if (lstat(apr_pstrcat(scratch_pool, store_spec_path(spec), "/", name, NULL), &st) == 0)
        return APR_SUCCESS;
    return errno == ENOENT ? STORE_ABSENT : errno;
}

apr_status_t store_restore(const store_spec_t *spec, apr_file_t *file, int replace,
                           store_going_fn *going, void *baton, apr_pool_t *scratch_pool)
{
    const char *directory = store_spec_path(spec);

    if (directory == NULL)
        return APR_ENOTIMPL;
    return store_backend_of(spec)->restore(directory, file, replace, going, baton, scratch_pool);
}
