#include <string.h>

#include "propstore/backend.h"
#include "propstore/lmdb/lmdb_backend.h"
#include "propstore/memory/memory.h"
#include "propstore/trace/trace.h"

const backend_t *const store_backends[] = {&backend_lmdb, &backend_memory, &backend_trace, NULL};

const backend_t *store_backend_find(const char *name, apr_size_t length)
{
    for (const backend_t *const *at = store_backends; *at != NULL; at++) {
        if (strlen((*at)->name) == length && memcmp((*at)->name, name, length) == 0)
            return *at;
    }
    return NULL;
}
