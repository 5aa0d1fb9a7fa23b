/*
 * stream.h -- the content of a PUT.
 *
 * It goes into a temporary (tempfile.h) and takes the old content's place in one step
 * when all of it has come, so a request that breaks off changes nothing.  A partial PUT
 * (Content-Range) begins with a copy of what is there.
 */
#ifndef PROVIDER_STREAM_H
#define PROVIDER_STREAM_H

#include <mod_dav.h>

/**
 * dav_hooks_repository.open_stream.
 * @return NULL; 409 if there is no collection to put it in; 403, 507 and others by errmap.h
 */
dav_error *stream_open(const dav_resource *resource, dav_stream_mode mode, dav_stream **stream_p);

/**
 * dav_hooks_repository.close_stream: put the content in place if COMMIT, with its ETag in the
 * response; else discard it.
 * @return NULL; 400 if not as much came as Content-Range said
 */
dav_error *stream_close(dav_stream *stream, int commit);

/** dav_hooks_repository.write_stream. */
dav_error *stream_write(dav_stream *stream, const void *buf, apr_size_t bufsize);

/** dav_hooks_repository.seek_stream. */
dav_error *stream_seek(dav_stream *stream, apr_off_t abs_position);

#endif /* PROVIDER_STREAM_H */
