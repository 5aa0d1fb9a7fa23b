/*
 * lockmethods.h -- LOCK and UNLOCK (RFC 4918 sections 9.10 and 9.11).
 */
#ifndef PROVIDER_LOCKMETHODS_H
#define PROVIDER_LOCKMETHODS_H

#include <httpd.h>

/** Handle LOCK on a resource of ours, mapped or not.  @return as a handler does */
int lockmethods_lock(request_rec *r);

/** Handle UNLOCK.  @return as a handler does */
int lockmethods_unlock(request_rec *r);

#endif /* PROVIDER_LOCKMETHODS_H */
