#include "provider/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/private.h"
#include "provider/resource.h"
#include "provider/typeprops.h"

APLOG_USE_MODULE(dav_depot);

static apr_status_t close_file(void *file)
{
    return apr_file_close(file);
}

/** Open what is at a resource's path, if Options allow the way there; nobody is waited for. */
static apr_status_t open_path(int *fd_p, const dav_resource *resource)
{
    const char *path = resource->info->at;
    const int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

    if (dirscan_links_for(ap_allow_options(resource->info->r)) != DIRSCAN_LINKS_FOLLOW)
        return dirscan_open_path(fd_p, path, flags, resource_linked(resource));
    *fd_p = open(path, flags);
    return *fd_p >= 0 ? APR_SUCCESS : errno;
}

/**
 * Open a resource's file as the configuration wants it sent.
 * @param st set to the state of what was opened
 * @return APR_SUCCESS; EACCES if it is no file by now; ELOOP for a link that is not allowed; the
 *         system's error
 */
static apr_status_t open_file(apr_file_t **file_p, filestat_t *st, const dav_resource *resource,
                              const core_dir_config *core)
{
    apr_int32_t flags = APR_READ | APR_BINARY;
    int fd;
    apr_status_t status = open_path(&fd, resource);

    if (status != APR_SUCCESS)
        return status;
    if (AP_SENDFILE_ENABLED(core->enable_sendfile))
        flags |= APR_SENDFILE_ENABLED;
    status = apr_os_file_put(file_p, &fd, flags, resource->pool);
    if (status != APR_SUCCESS) {
        close(fd);
        return status;
    }
    apr_pool_cleanup_register(resource->pool, *file_p, close_file, apr_pool_cleanup_null);
    status = filestat_read(st, fd, "", FILESTAT_TARGET);
    /* What is held may have been moved away: then this is what another path names. */
    if (status == APR_SUCCESS)
        status = pins_check(resource->info->pins, resource->info->path);
    return status == APR_SUCCESS && !S_ISREG(st->mode) ? EACCES : status;
}

/** Set the headers that describe content in the state ST. */
static void set_headers(request_rec *r, const filestat_t *st)
{
    char *etag = apr_palloc(r->pool, FILESTAT_ETAG_SIZE);

    etag[filestat_etag(etag, st)] = '\0';
    apr_table_setn(r->headers_out, "ETag", etag);
    ap_update_mtime(r, st->mtime_ns / 1000);
    ap_set_last_modified(r);
    ap_set_accept_ranges(r);
    ap_set_content_length(r, (apr_off_t)st->size);
}

dav_error *deliver_set_headers(request_rec *r, const dav_resource *resource)
{
    if (!resource->collection)
        set_headers(r, &resource->info->st);
    return NULL;
}

/** Pass FILE's SIZE bytes and the end of the response on. */
static apr_status_t pass_file(request_rec *r, apr_file_t *file, apr_off_t size,
                              const core_dir_config *core)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_bucket *bucket = apr_brigade_insert_file(brigade, file, 0, size, r->pool);

    if (core->enable_mmap == ENABLE_MMAP_OFF)
        (void)apr_bucket_file_enable_mmap(bucket, 0);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
    return ap_pass_brigade(r->output_filters, brigade);
}

dav_error *deliver_content(const dav_resource *resource, ap_filter_t *output)
{
    request_rec *r = resource->info->r;
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_file_t *file;
    filestat_t st;
    apr_status_t status;

    (void)output;
    if (!resource->exists || resource->collection)
        return dav_new_error(resource->pool, HTTP_NOT_FOUND, 0, 0,
                             "There is no content to deliver.");
    status = open_file(&file, &st, resource, core);
    if (status == APR_SUCCESS)
        status = pass_file(r, file, (apr_off_t)st.size, core);
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not deliver the file.");
    return NULL;
}

int deliver_file(request_rec *r, const dav_resource *resource)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_file_t *file;
    filestat_t st;
    apr_status_t status;
    int conditions;

    if (!resource->exists)
        return HTTP_NOT_FOUND;
    conditions = ap_discard_request_body(r);
    if (conditions != OK)
        return conditions;

    /* The state of what was opened, so that headers and content belong together. */
    status = open_file(&file, &st, resource, core);
    if (status == ENOENT || status == ENOTDIR)
        return HTTP_NOT_FOUND; /* somebody has just removed it */
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, status, r, "could not open %s", r->filename);
        return errmap_status(status);
    }
    set_headers(r, &st);
    typeprops_apply(r, resource);
    conditions = ap_meets_conditions(r);
    if (conditions != OK) {
        apr_file_close(file);
        return conditions;
    }
    status = pass_file(r, file, (apr_off_t)st.size, core);
    if (status == APR_SUCCESS || r->status != HTTP_OK || r->connection->aborted)
        return OK;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, status, r, "could not send %s", r->filename);
    return AP_FILTER_ERROR;
}
