/*
 * deliver.h -- the content of a GET.
 */
#ifndef PROVIDER_DELIVER_H
#define PROVIDER_DELIVER_H

#include <httpd.h>
#include <mod_dav.h>

/**
 * Answer GET or HEAD of a plain file: as httpd's default handler does, with buckets that
 * sendfile and ranges work on, but with our ETag.
 * @return as a handler does
 */
int deliver_file(request_rec *r, const dav_resource *resource);

/** dav_hooks_repository.set_headers. */
dav_error *deliver_set_headers(request_rec *r, const dav_resource *resource);

/** dav_hooks_repository.deliver; writes to the request's own filters, whatever OUTPUT is. */
dav_error *deliver_content(const dav_resource *resource, ap_filter_t *output);

#endif /* PROVIDER_DELIVER_H */
