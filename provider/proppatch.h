/*
 * proppatch.h -- the PROPPATCH method (RFC 4918 section 9.2).
 */
#ifndef PROVIDER_PROPPATCH_H
#define PROVIDER_PROPPATCH_H

#include <httpd.h>

/**
 * Handle PROPPATCH on a resource of ours: all of its instructions, in document order, or
 * none; what becomes of the commit is part of the answer.
 * @return as a handler does
 */
int proppatch_handle(request_rec *r);

#endif /* PROVIDER_PROPPATCH_H */
