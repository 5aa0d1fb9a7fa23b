#include "propstore/ctl/davfs_locks.h"

#include <string.h>
#include <time.h>

#include <apr_strings.h>

#include "propstore/ctl/davfs_props.h"

/** The first byte of a key. */
#define KEY_PATH 11

/* The first byte of a record. */
#define DIRECT 1
#define INDIRECT 2

/* Scope, type and depth. */
#define SCOPE_EXCLUSIVE 1
#define SCOPE_SHARED 2
#define TYPE_WRITE 1
/** The time of a lock that never expires. */
#define TIMEOUT_NEVER 0

/** The fixed part of a direct record, as the compiler lays it out here and there. */
typedef struct davfs_lock_head_t {
    char scope;
    char type;
    int depth; /**< 0, or the greatest int */
    time_t expires;
} davfs_lock_head_t;

const char *davfs_lock_path(store_slice_t key, apr_pool_t *result_pool)
{
    const char *bytes = key.data;

    if (key.len < 3 || bytes[0] != KEY_PATH || bytes[1] != '/' ||
        memchr(bytes, '\0', key.len) != bytes + key.len - 1)
        return NULL;
    return apr_pstrmemdup(result_pool, bytes + 1, key.len - 2);
}

/** Copy SIZE bytes off the front of BYTES.  @return 0 if there are not so many */
static int take(void *to, store_slice_t *bytes, apr_size_t size)
{
    if (bytes->len < size)
        return 0;
    if (to != NULL)
        memcpy(to, bytes->data, size);
    bytes->data = (const char *)bytes->data + size;
    bytes->len -= size;
    return 1;
}

/** Read a direct record behind its first byte. */
static int take_direct(lock_t *lock, store_slice_t *bytes, apr_pool_t *result_pool)
{
    davfs_lock_head_t head;

    memset(lock, 0, sizeof(*lock));
    if (!take(&head, bytes, sizeof(head)) || !take(lock->token.bytes, bytes, LOCK_TOKEN_SIZE))
        return 0;
    lock->owner = davfs_take_string(bytes, result_pool);
    lock->principal = lock->owner != NULL ? davfs_take_string(bytes, result_pool) : NULL;
    if (lock->principal == NULL || head.type != TYPE_WRITE ||
        (head.scope != SCOPE_EXCLUSIVE && head.scope != SCOPE_SHARED))
        return 0;
    lock->scope = head.scope == SCOPE_EXCLUSIVE ? LOCK_EXCLUSIVE : LOCK_SHARED;
    lock->infinite = head.depth != 0;
    lock->expires = head.expires == TIMEOUT_NEVER ? LOCK_NEVER : (apr_int64_t)head.expires;
    return 1;
}

/** Pass over an indirect record behind its first byte. */
static int skip_indirect(store_slice_t *bytes)
{
    apr_size_t key;

    return take(NULL, bytes, LOCK_TOKEN_SIZE) && take(NULL, bytes, sizeof(time_t)) &&
           take(&key, bytes, sizeof(key)) && take(NULL, bytes, key);
}

apr_status_t davfs_locks_read(apr_array_header_t *locks, store_slice_t value)
{
    while (value.len > 0) {
        char kind = *(const char *)value.data;
        lock_t lock;

        (void)take(NULL, &value, 1);
        if (kind == DIRECT && take_direct(&lock, &value, locks->pool))
            APR_ARRAY_PUSH(locks, lock_t) = lock;
        else if (kind != INDIRECT || !skip_indirect(&value))
            return STORE_CORRUPT;
    }
    return APR_SUCCESS;
}
