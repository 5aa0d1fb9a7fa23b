/*
 * What depotctl migrate reads: databases of mod_dav_fs, which may be anybody's.  An input's first
 * byte says which: 'L' the locks', else a resource's properties; the rest is its pairs.
 */
#include <string.h>

#include <apr_strings.h>

#include "propstore/ctl/davfs_locks.h"
#include "propstore/ctl/davfs_props.h"
#include "propstore/ctl/davfs_xml.h"
#include "propstore/ctl/element.h"
#include "t/fuzz/fuzz.h"

static void read_locks(const apr_array_header_t *pairs, apr_pool_t *pool)
{
    apr_array_header_t *locks = apr_array_make(pool, 4, sizeof(lock_t));

    for (int i = 0; i < pairs->nelts; i++) {
        const dbm_pair_t *pair = &APR_ARRAY_IDX(pairs, i, dbm_pair_t);
        const char *path = davfs_lock_path(pair->key, pool);

        fuzz_check(path == NULL || (*path == '/' && strlen(path) + 2 == pair->key.len),
                   "a path is all of its key");
        if (davfs_locks_read(locks, pair->value) == APR_SUCCESS && path != NULL)
            fuzz_accept();
    }
    for (int i = 0; i < locks->nelts; i++) {
        const lock_t *lock = &APR_ARRAY_IDX(locks, i, lock_t);

        fuzz_check(lock->principal != NULL && lock->owner != NULL, "a lock is whole");
        (void)davfs_xml_is_owner(lock->owner, pool);
    }
}

/** Whether CHANGE is what it says by itself: one element of its name, with all it needs. */
static int stands_alone(const prop_change_t *change, apr_pool_t *pool)
{
    xmlDoc *doc;
    int stands;

    if (strlen(change->value) != change->length ||
        element_parse(&doc, change->value, change->length, pool) != NULL)
        return 0;
    stands = element_is(doc, change->name.ns, change->name.local);
    xmlFreeDoc(doc);
    return stands;
}

static void read_props(const apr_array_header_t *pairs, apr_pool_t *pool)
{
    davfs_namespaces_t namespaces;

    if (davfs_namespaces_find(&namespaces, pairs, pool) != APR_SUCCESS)
        return;
    for (int i = 0; i < pairs->nelts; i++) {
        const dbm_pair_t *pair = &APR_ARRAY_IDX(pairs, i, dbm_pair_t);
        prop_change_t change;
        davfs_prop_t prop;

        if (davfs_key(pair->key) == DAVFS_KEY_META ||
            davfs_prop_read(&prop, pair, pool) != APR_SUCCESS ||
            davfs_xml_prop(&change, &prop, &namespaces, pool) != APR_SUCCESS)
            continue;
        fuzz_check(stands_alone(&change, pool), "a value is an element of its name");
        fuzz_accept();
    }
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    apr_array_header_t *pairs = apr_array_make(pool, 8, sizeof(dbm_pair_t));
    const uint8_t *at = data + 1;
    size_t left = size - 1;
    dbm_pair_t pair;

    if (size == 0)
        return;
    while (fuzz_take_pair(&pair.key, &pair.value, &at, &left)) {
        /* Blocks of their own, whose ends are watched. */
        pair.key.data = apr_pmemdup(pool, pair.key.data, pair.key.len);
        pair.value.data = apr_pmemdup(pool, pair.value.data, pair.value.len);
        APR_ARRAY_PUSH(pairs, dbm_pair_t) = pair;
    }
    if (data[0] == 'L')
        read_locks(pairs, pool);
    else
        read_props(pairs, pool);
}
