#include "provider/pins.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "provider/resource.h"
#include "provider/tempfile.h"

/** A directory that is held. */
typedef struct pin_t {
    const char *directory;
    int fd;           /* -1: it is not there */
    const char *path; /* of FD, and a slash */
} pin_t;

struct pins_t {
    apr_array_header_t *all; /* pin_t */
    apr_pool_t *pool;
};

static apr_status_t close_pins(void *baton)
{
    const pins_t *pins = baton;

    for (int i = 0; i < pins->all->nelts; i++) {
        if (APR_ARRAY_IDX(pins->all, i, pin_t).fd >= 0)
            close(APR_ARRAY_IDX(pins->all, i, pin_t).fd);
    }
    return APR_SUCCESS;
}

pins_t *pins_create(apr_pool_t *result_pool)
{
    pins_t *pins = apr_palloc(result_pool, sizeof(*pins));

    pins->all = apr_array_make(result_pool, 2, sizeof(pin_t));
    pins->pool = result_pool;
    apr_pool_cleanup_register(result_pool, pins, close_pins, apr_pool_cleanup_null);
    return pins;
}

/** The pin of the directory that is the first LENGTH bytes of PATH, or NULL. */
static const pin_t *find(const pins_t *pins, const char *path, size_t length)
{
    for (int i = 0; i < pins->all->nelts; i++) {
        const pin_t *pin = &APR_ARRAY_IDX(pins->all, i, pin_t);

        if (strncmp(pin->directory, path, length) == 0 && pin->directory[length] == '\0')
            return pin;
    }
    return NULL;
}

/** The pin of the directory that PATH is in, or NULL. */
static const pin_t *find_parent(const pins_t *pins, const char *path)
{
    const char *slash = strrchr(path, '/');

    return find(pins, path, slash == path ? 1 : (size_t)(slash - path));
}

int pins_has(const pins_t *pins, const char *path)
{
    return find_parent(pins, path) != NULL;
}

void pins_hold(pins_t *pins, const char *path, int fd)
{
    pin_t *pin = apr_array_push(pins->all);

    pin->directory = resource_parent_path(path, pins->pool);
    pin->fd = fd;
    pin->path = apr_psprintf(pins->pool, TEMPFILE_DESCRIPTORS "/%d/", fd);
}

const char *pins_path(const pins_t *pins, const char *path, apr_pool_t *result_pool)
{
    const pin_t *pin;

    if (pins == NULL || *path != '/')
        return path;
    if ((pin = find_parent(pins, path)) != NULL)
        return apr_pstrcat(result_pool, pin->path, strrchr(path, '/') + 1, NULL);
    pin = find(pins, path, strlen(path));
    return pin != NULL ? apr_pstrcat(result_pool, pin->path, ".", NULL) : path;
}

apr_status_t pins_check(const pins_t *pins, const char *path)
{
    const pin_t *pin = pins != NULL ? find_parent(pins, path) : NULL;
    struct stat held, named;

    if (pin == NULL || pin->fd < 0)
        return APR_SUCCESS;
    if (fstat(pin->fd, &held) != 0)
        return errno;
    /* Whatever else is named so is not what is acted on: here links may be followed. */
    if (stat(pin->directory, &named) != 0)
        return errno == ENOTDIR || errno == ELOOP ? ENOENT : errno;
    return held.st_dev == named.st_dev && held.st_ino == named.st_ino ? APR_SUCCESS : ENOENT;
}
