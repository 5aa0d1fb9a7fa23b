#include "provider/errmap.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_protocol.h>

#include "propstore/store.h"

/** One row of the crossing from a status to HTTP. */
typedef struct mapping_t {
    apr_status_t status;
    int http_status;
    const char *words;
    const char *precondition; /**< local name in DAV:, or NULL */
} mapping_t;

static const mapping_t mappings[] = {
    {ENOENT, HTTP_NOT_FOUND, "It is not there.", NULL},
    {ENOTDIR, HTTP_CONFLICT, "A part of its path is no collection.", NULL},
    {EACCES, HTTP_FORBIDDEN, "The server may not do that here.", NULL},
    {EPERM, HTTP_FORBIDDEN, "The server may not do that here.", NULL},
    {EROFS, HTTP_FORBIDDEN, "The file system is read-only.", NULL},
    {ELOOP, HTTP_FORBIDDEN, "Its path goes through a symbolic link.", NULL},
    {EEXIST, HTTP_CONFLICT, "Something is there already.", NULL},
    {ENOTEMPTY, HTTP_CONFLICT, "The collection is not empty.", NULL},
    {EISDIR, HTTP_CONFLICT, "It is a collection.", NULL},
    {ETXTBSY, HTTP_CONFLICT, "It is being executed.", NULL},
    {EBUSY, HTTP_CONFLICT, "It is in use.", NULL},
    {ENAMETOOLONG, HTTP_REQUEST_URI_TOO_LARGE, "Its name is too long.", NULL},
    {EILSEQ, HTTP_FORBIDDEN, "The file system does not take such a name.", NULL},
    {EMLINK, HTTP_INSUFFICIENT_STORAGE, "The collection can take no more members.", NULL},
    {ENOSPC, HTTP_INSUFFICIENT_STORAGE, "There is no space left.", "sufficient-disk-space"},
    {EDQUOT, HTTP_INSUFFICIENT_STORAGE, "The quota is used up.", "quota-not-exceeded"},
    {EFBIG, HTTP_INSUFFICIENT_STORAGE, "The file would be too large.", NULL},
    {EMFILE, HTTP_SERVICE_UNAVAILABLE, "Too many files are open.", NULL},
    {ENFILE, HTTP_SERVICE_UNAVAILABLE, "Too many files are open.", NULL},
    {EAGAIN, HTTP_SERVICE_UNAVAILABLE, "The server is short of resources.", NULL},
    {ENOMEM, HTTP_SERVICE_UNAVAILABLE, "The server is short of memory.", NULL},
    {STORE_ABSENT, HTTP_NOT_FOUND, "It is not there.", NULL},
    {STORE_CONFLICT, HTTP_SERVICE_UNAVAILABLE, "Others kept changing it; try again.", NULL},
    {STORE_BUSY, HTTP_SERVICE_UNAVAILABLE, "The property store is busy; try again.", NULL},
    {STORE_FULL, HTTP_INSUFFICIENT_STORAGE, "The property store is full.", "sufficient-disk-space"},
    {STORE_LIMIT, HTTP_INSUFFICIENT_STORAGE, "A limit that is set here would be passed.", NULL},
    {STORE_READONLY, HTTP_FORBIDDEN, "The property store is read-only.", NULL},
    {STORE_LOCKED, HTTP_LOCKED, "It is locked.", NULL},
    {STORE_CORRUPT, HTTP_INTERNAL_SERVER_ERROR, "The property store is damaged.", NULL},
};

static const mapping_t unknown = {0, HTTP_INTERNAL_SERVER_ERROR,
                                  "The server met an unexpected condition.", NULL};

static const mapping_t *find(apr_status_t status)
{
    for (apr_size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
        if (mappings[i].status == status)
            return &mappings[i];
    }
    return &unknown;
}

int errmap_status(apr_status_t status)
{
    return find(status)->http_status;
}

dav_error *errmap_error_as(apr_pool_t *pool, int http_status, apr_status_t status, const char *what)
{
    const mapping_t *row = find(status);
    const char *desc = apr_pstrcat(pool, what, " ", row->words, NULL);

    if (row->precondition != NULL)
        return dav_new_error_tag(pool, http_status, 0, status, desc, NULL, row->precondition);
    return dav_new_error(pool, http_status, 0, status, desc);
}

dav_error *errmap_error(apr_pool_t *pool, apr_status_t status, const char *what)
{
    return errmap_error_as(pool, errmap_status(status), status, what);
}

dav_error *errmap_no_store(apr_pool_t *pool)
{
    return dav_new_error(pool, HTTP_SERVICE_UNAVAILABLE, 0, 0,
                         "The property store is not available.");
}

const char *errmap_words(apr_status_t status, apr_pool_t *pool)
{
    return apr_pstrdup(pool, find(status)->words);
}

const char *errmap_precondition(apr_status_t status)
{
    return find(status)->precondition;
}

const char *errmap_status_line(int http_status)
{
    return ap_get_status_line(http_status);
}
