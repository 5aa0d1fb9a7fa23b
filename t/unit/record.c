/*
 * The keys and values of the schema: their exact bytes, and what reading does with damage.
 */
#include "propstore/record.h"

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/key.h"
#include "t/unit/tap.h"

#define HOSTILE_ROUNDS 50000

static apr_pool_t *pool;

static int same(store_slice_t slice, const void *bytes, apr_size_t length)
{
    return slice.len == length && memcmp(slice.data, bytes, length) == 0;
}

/* ---- keys ---- */

static void test_key_bytes(void)
{
    const prop_name_t name = {"DAV:", "x"}, bare = {"", ""};
    key_buf_t buf;

    ok(same(key_meta(&buf, "format"), "Mformat", 7), "meta");
    ok(same(key_members(&buf, 1), "N\0\0\0\0\0\0\0\1", 9), "members");
    ok(same(key_node(&buf, 0x0102030405060708, "ab", 2), "N\1\2\3\4\5\6\7\10ab", 11), "node");
    ok(same(key_node(&buf, 0, "", 0), "N\0\0\0\0\0\0\0\0", 9), "the root's node");
    ok(same(key_node_place(&buf, 258), "I\0\0\0\0\0\0\1\2", 9), "place");
    ok(same(key_values(&buf, 3), "V\0\0\0\0\0\0\0\3", 9), "values");
    ok(same(key_value(&buf, 3, 0xfffefdfc), "V\0\0\0\0\0\0\0\3\377\376\375\374", 13), "value");
    ok(same(key_name_id(&buf, &name), "FDAV:\0x", 7), "id of a name");
    ok(same(key_name_id(&buf, &bare), "F\0", 2), "id of the empty name");
    ok(same(key_name(&buf, 5), "R\0\0\0\5", 5), "name of an id");
}

static void test_key_limits(void)
{
    char ns[NAMES_LENGTH_MAX + 2], member[KEY_MEMBER_MAX];
    prop_name_t name = {ns, "x"};
    key_buf_t buf;

    memset(ns, 'n', sizeof(ns));
    ns[NAMES_LENGTH_MAX - 1] = '\0';
    ok(key_name_id(&buf, &name).len == NAMES_LENGTH_MAX + 2, "the longest name fits");
    name.local = "xy";
    is_int((long long)key_name_id(&buf, &name).len, 0, "one byte more does not");
    memset(member, 'm', sizeof(member));
    ok(key_node(&buf, 1, member, sizeof(member)).len <= STORE_KEY_MAX, "the longest member fits");
}

static void test_key_after(void)
{
    key_buf_t from, to;
    store_slice_t after = key_after(&to, key_members(&from, 1));

    ok(same(after, "N\0\0\0\0\0\0\0\2", 9), "after a prefix");
    after = key_after(&to, key_members(&from, 0x01ffff));
    ok(same(after, "N\0\0\0\0\0\2", 7), "after a prefix that ends with 0xff");
    after = key_after(&to, key_members(&from, APR_UINT64_MAX));
    ok(same(after, "O", 1), "after the last of a table");
    after = key_after(&from, key_members(&from, 7));
    ok(same(after, "N\0\0\0\0\0\0\0\10", 9), "in place");
}

static void test_numbers(void)
{
    unsigned char bytes[8];

    key_put_u64(bytes, APR_UINT64_MAX - 1);
    ok(key_get_u64(bytes) == APR_UINT64_MAX - 1, "64 bits");
    key_put_u32(bytes, 0x80000001u);
    ok(key_get_u32(bytes) == 0x80000001u, "32 bits");
}

/* ---- reading damaged records ---- */

typedef apr_status_t read_fn(store_slice_t record);

static apr_status_t read_node(store_slice_t record)
{
    node_t node;

    return record_read_node(&node, record);
}

static apr_status_t read_place(store_slice_t record)
{
    record_place_t place;

    return record_read_place(&place, record);
}

static apr_status_t read_number(store_slice_t record)
{
    apr_uint64_t n;

    return record_read_number(&n, record);
}

static apr_status_t read_name(store_slice_t record)
{
    prop_name_t name;

    return record_read_name(&name, record);
}

/** READ's answer to LENGTH bytes with nothing behind them, so that a sanitizer sees overruns. */
static apr_status_t read_exactly(read_fn *read, const void *bytes, apr_size_t length)
{
    void *copy = malloc(length ? length : 1);
    store_slice_t record = {copy, length};
    apr_status_t status;

    memcpy(copy, bytes, length);
    status = read(record);
    free(copy);
    return status;
}

/** Every damage of one byte, and every length but the right one, must be noticed. */
static void check_damage(const char *what, read_fn *read, store_slice_t record)
{
    static const unsigned char damages[] = {0x01, 0x80, 0xff};
    unsigned char *bytes = apr_palloc(pool, record.len + 1);
    int missed = 0;

    memcpy(bytes, record.data, record.len);
    bytes[record.len] = 0;
    is_status(read_exactly(read, bytes, record.len), APR_SUCCESS, "%s: as written", what);
    for (apr_size_t i = 0; i < record.len; i++) {
        for (apr_size_t d = 0; d < sizeof(damages); d++) {
            bytes[i] ^= damages[d];
            missed += read_exactly(read, bytes, record.len) != STORE_CORRUPT;
            bytes[i] ^= damages[d];
        }
    }
    is_int(missed, 0, "%s: each changed byte is noticed", what);
    missed = 0;
    for (apr_size_t length = 0; length < record.len; length++)
        missed += read_exactly(read, bytes, length) != STORE_CORRUPT;
    is_int(missed, 0, "%s: each missing end is noticed", what);
    is_status(read_exactly(read, bytes, record.len + 1), STORE_CORRUPT, "%s: a byte too many",
              what);
}

/** READ's answer to BODY behind a right checksum: only its form can be wrong. */
static apr_status_t read_sealed(read_fn *read, const void *body, apr_size_t length)
{
    store_slice_t record = record_make(body, length, pool);

    return read_exactly(read, record.data, record.len);
}

/* ---- nodes ---- */

static const node_t some_node = {
    .id = 0x1122334455667788,
    .kind = NODE_FILE,
    .fingerprint = {.inode = 1, .birth_ns = -2, .size = 3, .mtime_ns = 4},
};

static const record_prop_t some_props[] = {
    {.name = 1, .length = 3, .value = "abc"},
    {.name = 2, .length = 0, .value = ""},
    {.name = 0x01020304, .length = 5000, .spilled = 1},
    {.name = APR_UINT32_MAX, .length = 1, .value = "z"},
};

#define SOME_COUNT (sizeof(some_props) / sizeof(some_props[0]))

static store_slice_t some_record(void)
{
    return record_pack_node(&some_node, some_props, SOME_COUNT, pool);
}

/* What FORMAT says, byte for byte: a change here is a new format. */
static void test_node_bytes(void)
{
    static const unsigned char body[] = {
        1,    2,    0,    0,                                           /* version, kind, reserved */
        0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,                /* id */
        0,    0,    0,    0,    0,    0,    0,    1,                   /* inode */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,                /* birth */
        0,    0,    0,    0,    0,    0,    0,    3,                   /* size */
        0,    0,    0,    0,    0,    0,    0,    4,                   /* mtime */
        0,    0,    0,    4,                                           /* properties */
        0,    0,    0,    1,    0,    0,    0,    3,    'a', 'b', 'c', /* inline */
        0,    0,    0,    2,    0,    0,    0,    0,                   /* empty */
        1,    2,    3,    4,    0x80, 0,    0x13, 0x88,                /* spilled */
        0xff, 0xff, 0xff, 0xff, 0,    0,    0,    1,    'z',
    };
    store_slice_t record = some_record(), opened;

    is_status(record_open(&opened, record), APR_SUCCESS, "a node's checksum");
    ok(same(opened, body, sizeof(body)), "a node's bytes");
}

static void test_checksum_bytes(void)
{
    unsigned char number[RECORD_NUMBER_SIZE];

    ok(same(record_pack_number(number, 1), "\104\367\213\363\0\0\0\0\0\0\0\1", 12),
       "a number's bytes, its checksum first");
    ok(same(record_make("", 0, pool), "\070\323\224\302", 4), "the checksum of nothing");
}

static void test_node_props(void)
{
    node_props_iter_t iter;
    node_prop_t prop;
    node_t node;

    is_status(record_read_node(&node, some_record()), APR_SUCCESS, "a node is read");
    ok(node.id == some_node.id && node.kind == NODE_FILE && node.prop_count == SOME_COUNT,
       "id, kind and count");
    ok(memcmp(&node.fingerprint, &some_node.fingerprint, sizeof(node.fingerprint)) == 0,
       "fingerprint");

    node_props_begin(&iter, &node);
    for (unsigned i = 0; i < SOME_COUNT; i++) {
        const record_prop_t *wanted = &some_props[i];

        is_status(node_props_next(&prop, &iter), APR_SUCCESS, "property %u", i);
        ok(prop.name == wanted->name && prop.length == wanted->length &&
               prop.spilled == wanted->spilled && (prop.value == NULL) == wanted->spilled &&
               (wanted->spilled || memcmp(prop.value, wanted->value, wanted->length) == 0),
           "property %u is as packed", i);
        is_status(node_prop_find(&prop, &node, wanted->name), APR_SUCCESS, "and found");
        ok(prop.name == wanted->name, "by its name");
    }
    is_status(node_props_next(&prop, &iter), STORE_ABSENT, "no more");
    is_status(node_props_next(&prop, &iter), STORE_ABSENT, "and again no more");
    is_status(node_prop_find(&prop, &node, 0), STORE_ABSENT, "none before the first");
    is_status(node_prop_find(&prop, &node, 3), STORE_ABSENT, "none between");
    is_status(node_prop_find(&prop, &node, APR_UINT32_MAX - 1), STORE_ABSENT, "none near the last");
}

static void test_node_without_props(void)
{
    node_t node = {.id = 1, .kind = NODE_COLLECTION}, absent = {0};
    node_props_iter_t iter;
    node_prop_t prop;

    is_status(record_read_node(&node, record_pack_node(&node, NULL, 0, pool)), APR_SUCCESS,
              "a node without properties");
    node_props_begin(&iter, &node);
    is_status(node_props_next(&prop, &iter), STORE_ABSENT, "has none");
    node_props_begin(&iter, &absent);
    is_status(node_props_next(&prop, &iter), STORE_ABSENT, "nor has a node that is not there");
}

/** Change one byte of a node's body behind a right checksum and read it. */
static apr_status_t read_changed(apr_size_t at, unsigned char to)
{
    store_slice_t record = some_record();
    unsigned char *body = apr_pmemdup(pool, (const char *)record.data + RECORD_SEAL_SIZE,
                                      record.len - RECORD_SEAL_SIZE);

    body[at] = to;
    return read_sealed(read_node, body, record.len - RECORD_SEAL_SIZE);
}

static void test_node_form(void)
{
    unsigned char nothing[48] = {1, 1};

    is_status(read_changed(0, 0), STORE_CORRUPT, "version 0");
    is_status(read_changed(0, 2), STORE_CORRUPT, "a version that is not known");
    is_status(read_changed(1, 0), STORE_CORRUPT, "kind 0");
    is_status(read_changed(1, 3), STORE_CORRUPT, "a kind that is not known");
    is_status(read_changed(2, 1), APR_SUCCESS, "what is reserved is not looked at");
    is_status(read_sealed(read_node, nothing, 48), STORE_CORRUPT, "id 0");
    nothing[11] = 1;
    is_status(read_sealed(read_node, nothing, 48), APR_SUCCESS, "the smallest node");
    is_status(read_sealed(read_node, nothing, 47), STORE_CORRUPT, "one byte less");
    is_status(read_sealed(read_node, nothing, 0), STORE_CORRUPT, "no body");
}

/** What an iteration ends with over LENGTH bytes of properties, said to be COUNT. */
static apr_status_t iterate(const void *bytes, apr_size_t length, unsigned count)
{
    void *copy = malloc(length ? length : 1);
    node_t node = {.id = 1, .kind = NODE_FILE, .prop_count = count, .props = {copy, length}};
    node_props_iter_t iter;
    node_prop_t prop;
    apr_status_t status;
    volatile char last = 0;

    memcpy(copy, bytes, length);
    node_props_begin(&iter, &node);
    while ((status = node_props_next(&prop, &iter)) == APR_SUCCESS) {
        if (prop.value != NULL && prop.length > 0)
            last = prop.value[prop.length - 1];
    }
    (void)last;
    free(copy);
    return status;
}

static void test_props_form(void)
{
    static const char one[] = "\0\0\0\1\0\0\0\1a", huge[] = "\0\0\0\1\177\377\377\377a",
                      spilled[] = "\0\0\0\1\377\377\377\377";

    is_status(iterate(one, 9, 1), STORE_ABSENT, "one property");
    is_status(iterate(one, 9, 0), STORE_CORRUPT, "bytes but no property");
    is_status(iterate(one, 9, 2), STORE_CORRUPT, "fewer properties than said");
    is_status(iterate(one, 9, APR_UINT32_MAX), STORE_CORRUPT, "far fewer");
    is_status(iterate(one, 8, 1), STORE_CORRUPT, "a value cut short");
    is_status(iterate(one, 7, 1), STORE_CORRUPT, "a length cut short");
    is_status(iterate(huge, 9, 1), STORE_CORRUPT, "a length beyond the end");
    is_status(iterate(spilled, 8, 1), STORE_ABSENT, "a large spilled value");
    is_status(iterate("", 0, 0), STORE_ABSENT, "nothing");
}

/** Any bytes behind a right checksum are read without harm. */
static void test_hostile(void)
{
    static read_fn *const readers[] = {read_node, read_place, read_number, read_name};
    unsigned char body[96];
    int strange = 0;

    srand(4918);
    for (int round = 0; round < HOSTILE_ROUNDS; round++) {
        apr_size_t length = (apr_size_t)rand() % (sizeof(body) + 1);
        apr_status_t status;

        /* Mostly small numbers, so that lengths and counts are often nearly right. */
        for (apr_size_t i = 0; i < length; i++)
            body[i] = (unsigned char)(rand() % 4 ? rand() % 3 : rand());
        for (apr_size_t r = 0; r < sizeof(readers) / sizeof(readers[0]); r++) {
            status = read_sealed(readers[r], body, length);
            strange += status != APR_SUCCESS && status != STORE_CORRUPT;
        }
        status = iterate(body, length, (unsigned)rand() % 8);
        strange += status != STORE_ABSENT && status != STORE_CORRUPT;
        apr_pool_clear(pool);
    }
    is_int(strange, 0, "random bytes are records or corrupt, nothing else");
}

/* ---- the other records ---- */

static void test_place(void)
{
    record_place_t place;

    is_status(record_read_place(&place, record_pack_place(258, "n/a", 2, pool)), APR_SUCCESS,
              "a place");
    ok(place.parent == 258 && same(place.name, "n/", 2), "is as packed");
    is_status(record_read_place(&place, record_pack_place(0, "", 0, pool)), APR_SUCCESS,
              "the root's place");
    ok(place.parent == 0 && place.name.len == 0, "is nowhere");
    is_status(read_sealed(read_place, "1234567", 7), STORE_CORRUPT, "a parent cut short");
}

static void test_number(void)
{
    unsigned char buf[RECORD_NUMBER_SIZE];
    apr_uint64_t n = 0;

    is_status(record_read_number(&n, record_pack_number(buf, APR_UINT64_MAX)), APR_SUCCESS,
              "the largest number");
    ok(n == APR_UINT64_MAX, "is as packed");
    is_status(read_sealed(read_number, "1234567", 7), STORE_CORRUPT, "seven bytes");
    is_status(read_sealed(read_number, "123456789", 9), STORE_CORRUPT, "nine bytes");
}

static void test_name(void)
{
    unsigned char buf[RECORD_NAME_SIZE];
    char longest[NAMES_LENGTH_MAX + 1];
    prop_name_t name = {"urn:a", "b"}, got;

    is_status(record_read_name(&got, record_pack_name(buf, &name)), APR_SUCCESS, "a name");
    is_str(got.ns, "urn:a", "its namespace");
    is_str(got.local, "b", "its local name");
    memset(longest, 'x', NAMES_LENGTH_MAX);
    longest[NAMES_LENGTH_MAX] = '\0';
    name = (prop_name_t){"", longest};
    is_status(record_read_name(&got, record_pack_name(buf, &name)), APR_SUCCESS, "the longest");
    is_str(got.local, longest, "is whole");
    is_status(read_sealed(read_name, "", 0), STORE_CORRUPT, "no name");
    is_status(read_sealed(read_name, "\0", 1), STORE_CORRUPT, "a namespace alone");
    is_status(read_sealed(read_name, "\0\0", 2), APR_SUCCESS, "two empty strings");
    is_status(read_sealed(read_name, "\0\0\0", 3), STORE_CORRUPT, "three");
    is_status(read_sealed(read_name, "a\0b", 3), STORE_CORRUPT, "an end without its NUL");
}

static void test_damage(void)
{
    unsigned char number[RECORD_NUMBER_SIZE], packed[RECORD_NAME_SIZE];
    const prop_name_t name = {"DAV:", "displayname"};

    check_damage("node", read_node, some_record());
    check_damage("place", read_place, record_pack_place(77, "member", 6, pool));
    check_damage("number", read_number, record_pack_number(number, 12345));
    check_damage("name", read_name, record_pack_name(packed, &name));
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_key_bytes();
    test_key_limits();
    test_key_after();
    test_numbers();
    test_node_bytes();
    test_checksum_bytes();
    test_node_props();
    test_node_without_props();
    test_node_form();
    test_props_form();
    test_place();
    test_number();
    test_name();
    test_damage();
    test_hostile();
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
