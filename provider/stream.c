#include "provider/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "provider/creation.h"
#include "provider/dirscan.h"
#include "provider/errmap.h"
#include "provider/filecopy.h"
#include "provider/lockcheck.h"
#include "provider/metadata.h"
#include "provider/private.h"
#include "provider/resource.h"
#include "provider/tempfile.h"

APLOG_USE_MODULE(dav_depot);

/** Bytes written at a time: mod_dav's core hands over 2 KiB. */
#define BUFFER_SIZE (64 * 1024)
/** Bytes after which the disk is given what was written, while the rest is still received. */
#define SUBMIT_SIZE (8 * 1024 * 1024)

struct dav_stream {
    const dav_resource *resource;
    apr_pool_t *pool; /* lifetime of the stream and its temporary */
    tempfile_t *temp;
    char *buffer; /* what was received and not written yet */
    apr_size_t buffered;
    apr_size_t unsubmitted; /* bytes written since the disk was given some */
    apr_off_t received;
    apr_off_t promised; /* bytes that Content-Range says, or -1 */
};

/**
 * The file to write: where RESOURCE's path is a symbolic link, what it points to.  One that may not
 * be followed, and was not there when httpd looked, is replaced as a file would be.
 */
static const char *target_of(const dav_resource *resource)
{
    const char *path = resource->info->at;
    char target[PATH_MAX];
    filestat_t st;

    if (filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK) != APR_SUCCESS ||
        (st.mode & S_IFMT) != S_IFLNK || resource_look(&st, resource) != APR_SUCCESS ||
        realpath(path, target) == NULL)
        return path;
    return apr_pstrdup(resource->pool, target);
}

/** The number of bytes a Content-Range "bytes first-last/length" speaks of, or -1. */
static apr_off_t promised_length(request_rec *r)
{
    const char *range = apr_table_get(r->headers_in, "Content-Range");
    apr_off_t first, last;
    char *end;

    if (range == NULL || strncasecmp(range, "bytes ", 6) != 0 ||
        apr_strtoff(&first, range + 6, &end, 10) != APR_SUCCESS || *end != '-' ||
        apr_strtoff(&last, end + 1, &end, 10) != APR_SUCCESS || last < first)
        return -1;
    return last - first + 1;
}

/** Begin a partial PUT with what is there. */
static apr_status_t copy_old(const dav_stream *stream, const char *path)
{
    filecopy_t found = {0};
    struct stat st;
    int fd;
    /* A link's target by now, so that a link which is found here came meanwhile; as a FIFO may. */
    apr_status_t status = dirscan_open_path(&fd, path, O_RDONLY | O_NONBLOCK, NULL);

    if (status != APR_SUCCESS)
        return status;
    status = fstat(fd, &st) == 0 ? APR_SUCCESS : errno;
    if (status == APR_SUCCESS && !S_ISREG(st.st_mode))
        status = EACCES;
    if (status == APR_SUCCESS)
        status = filecopy_content(&found, fd, &st, tempfile_fd(stream->temp));
    close(fd);
    if (status == APR_SUCCESS && lseek(tempfile_fd(stream->temp), 0, SEEK_SET) < 0)
        status = errno;
    return status;
}

dav_error *stream_open(const dav_resource *resource, dav_stream_mode mode, dav_stream **stream_p)
{
    const char *path = target_of(resource);
    dav_stream *stream;
    apr_pool_t *stream_pool;
    apr_status_t status;

    if (resource->info->settings.store == NULL)
        return errmap_no_store(resource->pool);
    apr_pool_create(&stream_pool, resource->pool);
    apr_pool_tag(stream_pool, "depot_stream");
    stream = apr_pcalloc(stream_pool, sizeof(*stream));
    stream->resource = resource;
    stream->pool = stream_pool;
    stream->promised = -1;

    status = tempfile_create(&stream->temp, path, stream_pool);
    if (status == APR_SUCCESS && resource->exists) {
        status = tempfile_inherit(stream->temp, path);
        /* It has just been removed: then this is a new file. */
        if (status == ENOENT || status == ENOTDIR)
            status = APR_SUCCESS;
    }
    if (status == APR_SUCCESS && mode == DAV_MODE_WRITE_SEEKABLE) {
        stream->promised = promised_length(resource->info->r);
        if (resource->exists)
            status = copy_old(stream, path);
    }
    if (status == APR_SUCCESS) {
        *stream_p = stream;
        return NULL;
    }
    apr_pool_destroy(stream_pool);
    if (status == ENOENT || status == ENOTDIR)
        return errmap_error_as(resource->pool, HTTP_CONFLICT, status,
                               "There is no collection to put the file in.");
    return errmap_error(resource->pool, status, "Could not begin to write the file.");
}

/** Write LENGTH bytes of DATA to the file. */
static dav_error *write_out(dav_stream *stream, const char *data, apr_size_t length)
{
    int fd = tempfile_fd(stream->temp);
    apr_status_t status = filecopy_write(fd, data, length);

    stream->unsubmitted += length;
    if (status == APR_SUCCESS && stream->unsubmitted >= SUBMIT_SIZE) {
        status = tempfile_begin_sync(fd);
        stream->unsubmitted = 0;
    }
    if (status != APR_SUCCESS)
        return errmap_error(stream->resource->pool, status, "Could not write the file.");
    return NULL;
}

/** Write what is buffered. */
static dav_error *write_buffered(dav_stream *stream)
{
    apr_size_t length = stream->buffered;

    stream->buffered = 0;
    return write_out(stream, stream->buffer, length);
}

dav_error *stream_write(dav_stream *stream, const void *buf, apr_size_t bufsize)
{
    stream->received += (apr_off_t)bufsize;
    if (stream->buffered + bufsize > BUFFER_SIZE) {
        dav_error *err = write_buffered(stream);

        if (err != NULL)
            return err;
    }
    if (bufsize > BUFFER_SIZE)
        return write_out(stream, buf, bufsize);
    if (stream->buffer == NULL)
        stream->buffer = apr_palloc(stream->pool, BUFFER_SIZE);
    memcpy(stream->buffer + stream->buffered, buf, bufsize);
    stream->buffered += bufsize;
    return NULL;
}

dav_error *stream_seek(dav_stream *stream, apr_off_t abs_position)
{
    dav_error *err = write_buffered(stream);

    if (err != NULL)
        return err;
    if (lseek(tempfile_fd(stream->temp), abs_position, SEEK_SET) < 0)
        return errmap_error(stream->resource->pool, errno, "Could not go to the given position.");
    return NULL;
}

/** Tell the client the new content's ETag, as GET will. */
static void send_etag(dav_resource *resource)
{
    if (resource_refresh(resource) == APR_SUCCESS)
        apr_table_setn(resource->info->r->headers_out, "ETag", resource_etag(resource));
}

/** Whether the request has a condition on the state of what it replaces. */
static int is_conditional(const request_rec *r)
{
    return apr_table_get(r->headers_in, "If-Match") != NULL ||
           apr_table_get(r->headers_in, "If-None-Match") != NULL ||
           apr_table_get(r->headers_in, "If-Unmodified-Since") != NULL;
}

/** Whether what is at the path is what it was when the request was checked. */
static int is_unchanged(const dav_resource *resource)
{
    char then[FILESTAT_ETAG_SIZE], now[FILESTAT_ETAG_SIZE];
    filestat_t st;
    int exists = resource_look(&st, resource) == APR_SUCCESS;

    if (!exists || !resource->exists)
        return exists == resource->exists;
    then[filestat_etag(then, &resource->info->st)] = '\0';
    now[filestat_etag(now, &st)] = '\0';
    return strcmp(then, now) == 0;
}

/** The end of an upload. */
typedef struct placing_t {
    dav_stream *stream;
    int placed;         /* it is in its place */
    int is_known;       /* the store has something of what was there */
    dav_error *refused; /* it was locked, or its condition broken, meanwhile */
} placing_t;

/** store_write_fn: tell the store that the path is another file now. */
static apr_status_t touch_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const dav_resource *resource = ((placing_t *)baton)->stream->resource;
    node_fingerprint_t fingerprint;
    filestat_t st;
    apr_status_t status = resource_look(&st, resource);

    if (status == APR_SUCCESS) {
        /* If that is lost, the file is one that was replaced from outside. */
        store_relax(txn);
        fingerprint = filestat_fingerprint(&st);
        status = nodes_touch(txn, resource->info->path, &fingerprint, scratch_pool);
    }
    /* Somebody else was quick to remove it. */
    return status == STORE_ABSENT || status == ENOENT || status == ENOTDIR ? STORE_NOTHING : status;
}

/**
 * store_write_fn: put the file in place, if that is still allowed.  With the writer's lock a LOCK
 * or another PUT has its turn before or after; there is nothing to commit.
 */
static apr_status_t place_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    placing_t *placing = baton;
    const dav_resource *resource = placing->stream->resource;
    apr_uint64_t id = 0;
    apr_status_t status;

    (void)scratch_pool;
    placing->refused = lockcheck_again(resource->info->r, txn);
    if (placing->refused == NULL && is_conditional(resource->info->r) && !is_unchanged(resource))
        placing->refused = dav_new_error(resource->pool, HTTP_PRECONDITION_FAILED, 0, 0,
                                         "The file was changed during the upload.");
    if (placing->refused != NULL)
        return STORE_LOCKED;
    status = metadata_node_id(&id, txn, resource->info->path);
    if (status == APR_SUCCESS)
        status = tempfile_swap(placing->stream->temp, 1);
    placing->is_known = id != 0;
    placing->placed = status == APR_SUCCESS;
    return status == APR_SUCCESS ? STORE_NOTHING : status;
}

/** Put the file in place, durably. */
static dav_error *place(dav_stream *stream)
{
    const dav_resource *resource = stream->resource;
    store_t *store = resource->info->settings.store;
    placing_t placing = {.stream = stream};
    apr_status_t status = tempfile_sync(stream->temp), touched = APR_SUCCESS;

    /* Now, so that the writer's turn is short. */
    if (status == APR_SUCCESS && resource->exists)
        status = tempfile_make_named(stream->temp);
    if (status == APR_SUCCESS)
        status = creation_write(store, resource->info->pins, resource->info->path, place_body,
                                &placing, stream->pool);
    if (placing.refused != NULL)
        return placing.refused;
    if (placing.placed)
        status = resource_sync_directory(resource, tempfile_directory(stream->temp));
    if (placing.placed && placing.is_known)
        touched = store_write(store, touch_body, &placing, stream->pool);
    if (touched != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, touched, resource->info->r,
                      "%s: the store takes it for the file that was there before",
                      resource->info->path);
    if (status == EISDIR || status == ENOTDIR || status == ENOENT)
        return errmap_error_as(resource->pool, HTTP_CONFLICT, status,
                               "Could not put the file in place.");
    if (status != APR_SUCCESS)
        return errmap_error(resource->pool, status, "Could not put the file in place.");
    return NULL;
}

dav_error *stream_close(dav_stream *stream, int commit)
{
    /* The stream was opened on the caller's resource; its state changes with the file. */
    dav_resource *resource =
        apr_pmemdup(stream->resource->pool, stream->resource, sizeof(*resource));
    dav_error *err = NULL;

    if (commit && stream->promised >= 0 && stream->received != stream->promised) {
        err = dav_new_error(resource->pool, HTTP_BAD_REQUEST, 0, 0,
                            "The body is not as long as Content-Range says.");
    } else if (commit) {
        err = write_buffered(stream);
        if (err == NULL)
            err = place(stream);
        if (err == NULL)
            send_etag(resource);
    }
    apr_pool_destroy(stream->pool);
    return err;
}
