/*
 * memory.h -- the reference backend: a store that lives and dies with its process.
 */
#ifndef PROPSTORE_MEMORY_H
#define PROPSTORE_MEMORY_H

#include "propstore/backend.h"

extern const backend_t backend_memory;

#endif /* PROPSTORE_MEMORY_H */
