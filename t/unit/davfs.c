/*
 * What mod_dav_fs keeps, read from bytes that may be anybody's: its property and lock records, the
 * XML made of them, and DBM files in a process of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_dbm.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/ctl/davfs_dbm.h"
#include "propstore/ctl/davfs_locks.h"
#include "propstore/ctl/davfs_xml.h"
#include "t/unit/files.h"
#include "t/unit/tap.h"

/** A literal's bytes, without the NUL the compiler adds. */
#define BYTES(literal) ((store_slice_t){literal, sizeof(literal) - 1})

/** A copy with nothing behind it that could be read by mistake; to be freed. */
static char *exact(store_slice_t bytes, apr_size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, bytes.data, length);
    return copy;
}

static void test_kinds(void)
{
    static const char db[16] = {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x15, 0x06, 0x00};
    static const char other_order[16] = {0, 0, 0, 0, 1,    0,    0,    0,
                                         0, 0, 0, 0, 0x00, 0x06, 0x15, 0x61};

    is_int(davfs_kind_of(db, sizeof(db)), DAVFS_DB, "a Berkeley database");
    is_int(davfs_kind_of(other_order, sizeof(other_order)), DAVFS_DB, "of the other byte order");
    is_int(davfs_kind_of(db, 15), DAVFS_UNKNOWN, "one cut short is none");
    is_int(davfs_kind_of("\xcf\x9a\x57\x13", 4), DAVFS_GDBM, "a GDBM file");
    is_int(davfs_kind_of("\x13\x57\x9a\xce", 4), DAVFS_GDBM, "of the other byte order");
    is_int(davfs_kind_of("", 0), DAVFS_UNKNOWN, "nothing");
}

/* ---- properties ---- */

static const store_slice_t meta = BYTES("\4\0\0\4DAV:\0urn:a\0http://x/?a&amp;b\0bad\" q=\"\0");

static void test_namespaces(apr_pool_t *pool)
{
    davfs_namespaces_t namespaces;
    int wrong = 0;

    is_status(davfs_namespaces_read(&namespaces, meta, pool), APR_SUCCESS, "namespaces");
    is_int(namespaces.count, 4, "  their number");
    is_str(namespaces.uris[2], "http://x/?a&amp;b", "  one of them, as it stands there");
    for (apr_size_t length = 0; length < meta.len; length++) {
        char *cut = exact(meta, length);

        wrong +=
            davfs_namespaces_read(&namespaces, (store_slice_t){cut, length}, pool) != STORE_CORRUPT;
        free(cut);
    }
    is_int(wrong, 0, "cut short anywhere, they are damaged");
    is_status(davfs_namespaces_read(&namespaces, BYTES("\3\0\0\0"), pool), STORE_FORMAT,
              "another version");
    is_status(davfs_namespaces_read(&namespaces, BYTES("\4\0\xff\xff"), pool), STORE_CORRUPT,
              "a number that lies");
    is_int(davfs_key(BYTES("METADATA")), DAVFS_KEY_META, "the key of the namespaces");
    is_int(davfs_key(BYTES("NS_TABLE")), DAVFS_KEY_OLD, "the key of an old form");
    is_int(davfs_key(BYTES("METADATA\0")), DAVFS_KEY_PROP, "and what is none");
}

static void is_prop(store_slice_t key, store_slice_t value, const char *ns, const char *element,
                    apr_pool_t *pool)
{
    char *own_key = exact(key, key.len), *own_value = exact(value, value.len);
    const dbm_pair_t pair = {{own_key, key.len}, {own_value, value.len}};
    davfs_namespaces_t namespaces;
    prop_change_t change = {{NULL, NULL}, NULL, 0};
    davfs_prop_t prop;
    apr_status_t status = davfs_namespaces_read(&namespaces, meta, pool);

    if (status == APR_SUCCESS)
        status = davfs_prop_read(&prop, &pair, pool);
    if (status == APR_SUCCESS)
        status = davfs_xml_prop(&change, &prop, &namespaces, pool);
    is_status(status, element != NULL ? APR_SUCCESS : STORE_CORRUPT, "%s: %s",
              element != NULL ? "a property" : "damaged", (const char *)key.data);
    if (element != NULL && status == APR_SUCCESS) {
        is_str(change.value, element, "  its element");
        is_int((long long)change.length, (long long)strlen(element), "  of that length");
        is_str(change.name.ns, ns, "  its namespace");
    }
    free(own_key);
    free(own_value);
}

static void test_props(apr_pool_t *pool)
{
    is_prop(BYTES("1:p\0"), BYTES("\0text\0"), "urn:a", "<ns1:p xmlns:ns1=\"urn:a\">text</ns1:p>",
            pool);
    is_prop(BYTES(":p\0"), BYTES("\0text\0"), "", "<p>text</p>", pool);
    is_prop(BYTES("1:p\0"), BYTES("\0\0"), "urn:a", "<ns1:p xmlns:ns1=\"urn:a\"/>", pool);
    is_prop(BYTES("1:p\0"), BYTES("en\0\0"), "urn:a",
            "<ns1:p xmlns:ns1=\"urn:a\" xml:lang=\"en\"/>", pool);
    is_prop(BYTES(":p\0"), BYTES("x-&quot;\0 a \0"), "", "<p xml:lang=\"x-&quot;\"> a </p>", pool);
    is_prop(BYTES("2:p\0"), BYTES("\0<ns1:q ns0:a=\"&lt;\"/>ns3\0"), "http://x/?a&b",
            "<ns2:p xmlns:ns0=\"DAV:\" xmlns:ns1=\"urn:a\" xmlns:ns2=\"http://x/?a&amp;b\">"
            "<ns1:q ns0:a=\"&lt;\"/>ns3</ns2:p>",
            pool);
    is_prop(BYTES(":p\0"), BYTES("\0 ns1: ns12: ns\0"), "",
            "<p xmlns:ns1=\"urn:a\"> ns1: ns12: ns</p>", pool);

    is_prop(BYTES("4:p\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("99999:p\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("4294967297:p\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("-1:p\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("1p\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("1:\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("1:p"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("1:p\0q\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES(""), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES(":no end\0"), BYTES("\0text"), NULL, NULL, pool);
    is_prop(BYTES(":no value\0"), BYTES(""), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("en\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0a\0b\0"), NULL, NULL, pool);
    /* What would make another element of it. */
    is_prop(BYTES(":p a='1'\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES(":p/><q\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES(":a:b\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES("3:p\0"), BYTES("\0text\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("en\" a=\"\0text\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0</p><p>\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0<b>\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0<other:b/>\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0<b other:a=\"\"/>\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0&unknown;\0"), NULL, NULL, pool);
    is_prop(BYTES(":p\0"), BYTES("\0\xff\xfe\0"), NULL, NULL, pool);
}

/** TEXT so many times. */
static const char *repeated(const char *text, int times, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, times, sizeof(const char *));

    while (times-- > 0)
        APR_ARRAY_PUSH(parts, const char *) = text;
    return apr_array_pstrcat(pool, parts, '\0');
}

static void test_bounds(apr_pool_t *pool)
{
    static const davfs_namespaces_t none;
    davfs_prop_t prop = {.ns = -1, .lang = "", .inner = "x"};
    prop_change_t change;
    const char *long_name = repeated("a", NAMES_LENGTH_MAX + 1, pool);

    prop.local = long_name;
    is_status(davfs_xml_prop(&change, &prop, &none, pool), STORE_LIMIT, "too long a name");
    prop.local = long_name + 1;
    is_status(davfs_xml_prop(&change, &prop, &none, pool), APR_SUCCESS, "the longest");
    prop.inner =
        apr_pstrcat(pool, repeated("<a>", 100000, pool), repeated("</a>", 100000, pool), NULL);
    is_status(davfs_xml_prop(&change, &prop, &none, pool), STORE_CORRUPT, "too deep a value");
    ok(davfs_xml_is_owner("<ns0:owner xmlns:ns0=\"DAV:\">me</ns0:owner>", pool), "an owner");
    ok(!davfs_xml_is_owner("<owner>me</owner>", pool), "another element is none");
    ok(!davfs_xml_is_owner("me", pool) && !davfs_xml_is_owner("", pool), "nor is none");
}

/* ---- locks ---- */

/** The record of a direct lock as mod_dav_fs lays it out here. */
static store_slice_t direct(char scope, int depth, time_t expires, apr_pool_t *pool)
{
    static const char strings[] = "<owner/>\0anna"; /* and the compiler's NUL */
    struct {
        char scope, type;
        int depth;
        time_t expires;
    } head;
    char *bytes = apr_pcalloc(pool, 1 + sizeof(head) + 16 + sizeof(strings));

    memset(&head, 0, sizeof(head));
    head.scope = scope;
    head.type = 1;
    head.depth = depth;
    head.expires = expires;
    bytes[0] = 1;
    memcpy(bytes + 1, &head, sizeof(head));
    memset(bytes + 1 + sizeof(head), 'T', 16);
    memcpy(bytes + 1 + sizeof(head) + 16, strings, sizeof(strings));
    return (store_slice_t){bytes, 1 + sizeof(head) + 16 + sizeof(strings)};
}

/** An indirect one that says its key has LENGTH bytes, and has four. */
static store_slice_t indirect(apr_size_t length, apr_pool_t *pool)
{
    apr_size_t at = 1 + 16 + sizeof(time_t);
    char *bytes = apr_pcalloc(pool, at + sizeof(length) + 4);

    bytes[0] = 2;
    memcpy(bytes + at, &length, sizeof(length));
    return (store_slice_t){bytes, at + sizeof(length) + 4};
}

static store_slice_t joined(store_slice_t one, store_slice_t two, apr_pool_t *pool)
{
    char *bytes = apr_palloc(pool, one.len + two.len);

    memcpy(bytes, one.data, one.len);
    memcpy(bytes + one.len, two.data, two.len);
    return (store_slice_t){bytes, one.len + two.len};
}

static void test_locks(apr_pool_t *pool)
{
    apr_array_header_t *locks = apr_array_make(pool, 2, sizeof(lock_t));
    store_slice_t first = direct(1, 0, 0, pool);
    store_slice_t value =
        joined(joined(first, indirect(4, pool), pool), direct(2, 0x7fffffff, 12345, pool), pool);
    const lock_t *lock;
    int wrong = 0;

    is_status(davfs_locks_read(locks, value), APR_SUCCESS, "locks");
    is_int(locks->nelts, 2, "  the direct ones");
    lock = &APR_ARRAY_IDX(locks, 0, lock_t);
    ok(lock->scope == LOCK_EXCLUSIVE && !lock->infinite && lock->expires == LOCK_NEVER,
       "  an exclusive one without an end");
    is_str(lock->principal, "anna", "  its user");
    is_str(lock->owner, "<owner/>", "  its owner");
    ok(lock->token.bytes[0] == 'T' && lock->token.bytes[15] == 'T', "  its token");
    lock = &APR_ARRAY_IDX(locks, 1, lock_t);
    ok(lock->scope == LOCK_SHARED && lock->infinite && lock->expires == 12345,
       "  a shared one of depth infinity");
    for (apr_size_t length = 1; length < value.len; length++) {
        char *cut = exact(value, length);
        int whole = length == first.len || length == first.len + indirect(4, pool).len;

        apr_array_clear(locks);
        wrong += davfs_locks_read(locks, (store_slice_t){cut, length}) !=
                 (whole ? APR_SUCCESS : STORE_CORRUPT);
        free(cut);
    }
    is_int(wrong, 0, "cut short anywhere but between records, they are damaged");
    apr_array_clear(locks);
    is_status(davfs_locks_read(locks, indirect(5, pool)), STORE_CORRUPT, "a key that is too short");
    is_status(davfs_locks_read(locks, indirect(~(apr_size_t)0, pool)), STORE_CORRUPT,
              "and one of a length that lies");
    is_status(davfs_locks_read(locks, direct(3, 0, 0, pool)), STORE_CORRUPT, "no such scope");
    is_status(davfs_locks_read(locks, BYTES("\3")), STORE_CORRUPT, "no such record");
    is_status(davfs_locks_read(locks, BYTES("")), APR_SUCCESS, "no record at all");
    is_str(davfs_lock_path(BYTES("\13/a/b\0"), pool), "/a/b", "a lock's path");
    is_str(davfs_lock_path(BYTES("\12/a/b\0"), pool), NULL, "a key of another kind");
    is_str(davfs_lock_path(BYTES("\13a\0"), pool), NULL, "a path that is relative");
    is_str(davfs_lock_path(BYTES("\13/a/b"), pool), NULL, "or has no end");
    is_str(davfs_lock_path(BYTES("\13/a\0b\0"), pool), NULL, "or two");
    is_str(davfs_lock_path(BYTES(""), pool), NULL, "or is not there");
}

/* ---- files ---- */

static void test_reader(apr_pool_t *pool)
{
    const char *directory = files_directory(pool);
    const char *path = apr_pstrcat(pool, directory, "/props", NULL);
    apr_array_header_t *pairs = apr_array_make(pool, 2, sizeof(dbm_pair_t));
    davfs_reader_t *reader;
    apr_datum_t key, value;
    apr_dbm_t *dbm;
    char number[16];
    int wrong = 0;

    is_status(apr_dbm_open_ex(&dbm, "sdbm", path, APR_DBM_RWCREATE, APR_FPROT_OS_DEFAULT, pool),
              APR_SUCCESS, "an sdbm");
    for (int i = 0; i < 200; i++) {
        key.dptr = value.dptr = number;
        key.dsize = value.dsize = (apr_size_t)apr_snprintf(number, sizeof(number), "%d", i);
        wrong += apr_dbm_store(dbm, key, value) != APR_SUCCESS;
    }
    apr_dbm_close(dbm);
    is_int(wrong, 0, "  is written");
    is_status(davfs_reader_make(&reader, pool), APR_SUCCESS, "a reader");
    is_status(davfs_reader_read(pairs, reader, DAVFS_SDBM, AT_FDCWD, path, pool), APR_SUCCESS,
              "  reads it");
    is_int(pairs->nelts, 200, "  all of it");
    for (int i = 0; i < pairs->nelts; i++) {
        const dbm_pair_t *pair = &APR_ARRAY_IDX(pairs, i, dbm_pair_t);

        wrong += pair->key.len != pair->value.len ||
                 memcmp(pair->key.data, pair->value.data, pair->key.len) != 0;
    }
    is_int(wrong, 0, "  as it was written");
    is_status(davfs_reader_read(pairs, reader, DAVFS_DB, AT_FDCWD,
                                apr_pstrcat(pool, path, DAVFS_PAG, NULL), pool),
              STORE_CORRUPT, "what is no Berkeley database is damaged");
    apr_array_clear(pairs);
    is_status(davfs_reader_read(pairs, reader, DAVFS_SDBM, AT_FDCWD, path, pool), APR_SUCCESS,
              "and the reader goes on");
    is_int(pairs->nelts, 200, "  as before");
    is_status(davfs_reader_read(pairs, reader, DAVFS_SDBM, AT_FDCWD, directory, pool), ENOENT,
              "no such file");
}

/** A type that APR may know and is not there, and one nobody knows. */
static void test_driver(apr_pool_t *pool)
{
    apr_array_header_t *pairs = apr_array_make(pool, 2, sizeof(dbm_pair_t));
    apr_status_t status = dbm_child_read(pairs, dbm_child_make(pool), "nodbm", "nothing");

    ok(APR_STATUS_IS_EDSOOPEN(status) || APR_STATUS_IS_ENOTIMPL(status),
       "a type for which APR has no driver: %d", status);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_kinds();
    test_namespaces(pool);
    test_props(pool);
    test_bounds(pool);
    test_locks(pool);
    test_reader(pool);
    test_driver(pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
