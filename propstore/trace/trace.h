/*
 * trace.h -- a decorator that logs, counts, delays or fails another backend's calls.
 */
#ifndef PROPSTORE_TRACE_H
#define PROPSTORE_TRACE_H

#include "propstore/backend.h"

extern const backend_t backend_trace;

#endif /* PROPSTORE_TRACE_H */
