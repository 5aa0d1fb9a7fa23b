/*
 * Specifications of stores, as directives and command lines give them.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/store.h"
#include "t/unit/tap.h"

static apr_status_t parse(store_spec_t **spec_p, const char *words, const char **error_p,
                          apr_pool_t *pool)
{
    char **argv;
    int argc = 0;

    apr_tokenize_to_argv(words, &argv, pool);
    while (argv[argc] != NULL)
        argc++;
    return store_spec_parse(spec_p, argc, (const char *const *)argv, error_p, pool);
}

static void accepts(const char *words, const char *backend, const char *path, apr_pool_t *pool)
{
    store_spec_t *spec;
    const char *error = "";

    if (!is_status(parse(&spec, words, &error, pool), APR_SUCCESS, "accepts: %s", words)) {
        diag("%s", error);
        return;
    }
    is_str(spec->backend, backend, "  its backend");
    is_str(store_spec_path(spec), path, "  its directory");
    is_int(spec->location_is_path, path != NULL, "  if it has one");
    is_int(spec->is_shared, path != NULL, "  which can then be shared");
}

static void refuses(const char *words, const char *error, apr_pool_t *pool)
{
    store_spec_t *spec;
    const char *got = "";

    is_status(parse(&spec, words, &got, pool), STORE_BADSPEC, "refuses: %s", words);
    is_str(got, error, "  and says why");
}

int main(void)
{
    apr_pool_t *pool;
    store_spec_t *spec;
    const char *error;

    apr_initialize();
    apr_pool_create(&pool, NULL);

    accepts("lmdb:/var/lib/depot", "lmdb", "/var/lib/depot", pool);
    accepts("lmdb:relative/path mapsize=1G maxreaders=10", "lmdb", "relative/path", pool);
    accepts("\"lmdb:/with a blank\"", "lmdb", "/with a blank", pool);
    accepts("lmdb:C:/with:colons=and mapsize=1G", "lmdb", "C:/with:colons=and", pool);
    accepts("memory:", "memory", NULL, pool);
    accepts("memory:name", "memory", NULL, pool);
    accepts("trace:lmdb:/x delay=5 mapsize=1G", "trace", "/x", pool);
    accepts("trace:memory: fail=put:1", "trace", NULL, pool);

    refuses("", "a store is given as name:location", pool);
    refuses("/var/lib/depot", "\"/var/lib/depot\" is not of the form name:location", pool);
    refuses("bdb:/x", "there is no store called \"bdb\"; there are: lmdb, memory, trace", pool);
    refuses("lmdb:", "\"lmdb:\" names no directory", pool);
    refuses("lmdb:/x mapsize", "\"mapsize\" is not of the form key=value", pool);
    refuses("lmdb:/x mapsize=", "\"mapsize=\" is not of the form key=value", pool);
    refuses("lmdb:/x colour=red", "the store lmdb takes no \"colour\"", pool);
    refuses("lmdb:/x delay=5", "the store lmdb takes no \"delay\"", pool);
    refuses("memory: mapsize=1G", "the store memory takes no \"mapsize\"", pool);
    refuses("trace:trace:memory:", "\"trace:trace:memory:\" cannot be decorated twice", pool);
    refuses("lmdb:/x mapsize=1G mapsize=2G", "\"mapsize\" is given twice", pool);
    refuses("lmdb:/x =1G", "\"=1G\" is not of the form key=value", pool);
    refuses("lmdb:/x MAPSIZE=1G", "the store lmdb takes no \"MAPSIZE\"", pool);
    refuses("trace:lmdb:", "\"lmdb:\" names no directory", pool);
    refuses("trace:memory: colour=red", "the store trace takes no \"colour\"", pool);
    refuses("trace:memory: mapsize=1G", "the store trace takes no \"mapsize\"", pool);
    refuses("LMDB:/x", "there is no store called \"LMDB\"; there are: lmdb, memory, trace", pool);
    refuses("trace:bdb:/x", "there is no store called \"bdb\"; there are: lmdb, memory, trace",
            pool);

    is_status(parse(&spec, "trace:lmdb:old log=on", &error, pool), APR_SUCCESS, "a path");
    is_status(store_spec_set_path(spec, "/new", pool), APR_SUCCESS, "can be replaced");
    is_str(store_spec_path(spec), "/new", "within a decoration");
    is_str(spec->location, "lmdb:/new", "that stays");
    is_status(parse(&spec, "memory:", &error, pool), APR_SUCCESS, "where there is none");
    is_status(store_spec_set_path(spec, "/new", pool), STORE_BADSPEC, "it cannot");
    apr_pool_destroy(pool);
    return done_testing();
}
