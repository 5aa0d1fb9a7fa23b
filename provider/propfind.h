/*
 * propfind.h -- the PROPFIND method (RFC 4918 section 9.1).
 */
#ifndef PROVIDER_PROPFIND_H
#define PROVIDER_PROPFIND_H

#include <httpd.h>

/** Handle PROPFIND on a resource of ours.  @return as a handler does */
int propfind_handle(request_rec *r);

#endif /* PROVIDER_PROPFIND_H */
