/*
 * lmdb_backend.h -- the default backend: LMDB, in a directory of its own.
 */
#ifndef PROPSTORE_LMDB_BACKEND_H
#define PROPSTORE_LMDB_BACKEND_H

#include "propstore/backend.h"

extern const backend_t backend_lmdb;

#endif /* PROPSTORE_LMDB_BACKEND_H */
