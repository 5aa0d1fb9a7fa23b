/*
 * Keys: what they are made of decides their order and whether they are the same.  An input is a
 * byte that says which, and then what two keys are made of.  (There are no sync-tokens yet, so
 * none are tried.)
 */
#include "propstore/key.h"

#include <string.h>

#include "t/fuzz/fuzz.h"

static int compare(store_slice_t a, store_slice_t b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

/** A key and what begins with it: key_after() lies behind all of that. */
static void check_after(store_slice_t prefix, const uint8_t *more, size_t size, apr_pool_t *pool)
{
    key_buf_t buf;
    store_slice_t after = key_after(&buf, prefix);
    unsigned char *longer = apr_palloc(pool, prefix.len + size);
    store_slice_t key = {longer, prefix.len + size};

    memcpy(longer, prefix.data, prefix.len);
    memcpy(longer + prefix.len, more, size);
    fuzz_check(compare(prefix, after) < 0 && compare(key, after) < 0,
               "the key after a prefix is behind all that begins with it");
}

/** Members of collections are ordered by their parent, then by name. */
static void check_nodes(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    apr_uint64_t parent_a = key_get_u64(data), parent_b = key_get_u64(data + 8);
    size_t length_a = (size - 16) / 2, length_b = size - 16 - length_a;
    const uint8_t *name_a = data + 16, *name_b = data + 16 + length_a;
    store_slice_t a, b, plain_a = {name_a, length_a}, plain_b = {name_b, length_b};
    key_buf_t buf_a, buf_b;
    int wanted;

    if (length_b > KEY_MEMBER_MAX)
        return;
    fuzz_accept();
    a = key_node(&buf_a, parent_a, (const char *)name_a, length_a);
    b = key_node(&buf_b, parent_b, (const char *)name_b, length_b);
    wanted = parent_a != parent_b ? (parent_a > parent_b) - (parent_a < parent_b)
                                  : sign(compare(plain_a, plain_b));
    fuzz_check(a.len <= STORE_KEY_MAX && b.len <= STORE_KEY_MAX, "a key is within its length");
    fuzz_check(sign(compare(a, b)) == wanted, "members are in order");
    check_after(key_members(&buf_a, parent_a), name_a, length_a, pool);
}

/** Names have one key each. */
static void check_names(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    const char *texts[4];
    prop_name_t a, b;
    store_slice_t key_a, key_b;
    key_buf_t buf_a, buf_b;

    for (int i = 0; i < 4; i++) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end != NULL ? (size_t)(end - data) : size;

        texts[i] = fuzz_string(data, length, pool);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    a = (prop_name_t){texts[0], texts[1]};
    b = (prop_name_t){texts[2], texts[3]};
    key_a = key_name_id(&buf_a, &a);
    key_b = key_name_id(&buf_b, &b);
    fuzz_check((key_a.len == 0) == (strlen(a.ns) + strlen(a.local) > NAMES_LENGTH_MAX),
               "a name has a key unless it is too long");
    fuzz_check(key_a.len <= STORE_KEY_MAX && key_b.len <= STORE_KEY_MAX, "and it is not");
    if (key_a.len == 0 || key_b.len == 0)
        return;
    fuzz_accept();
    fuzz_check((compare(key_a, key_b) == 0) ==
                   (strcmp(a.ns, b.ns) == 0 && strcmp(a.local, b.local) == 0),
               "two names have two keys");
    check_after(key_a, data, size, pool);
}

/** Numbers are read as they were written, and ordered by size; tokens stay apart. */
static void check_numbers(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    apr_uint64_t a = key_get_u64(data), b = key_get_u64(data + 8);
    unsigned char again[8];
    key_buf_t buf_a, buf_b;

    fuzz_accept();
    key_put_u64(again, a);
    fuzz_check(memcmp(again, data, 8) == 0, "a number of 8 bytes is the same");
    key_put_u32(again, key_get_u32(data));
    fuzz_check(memcmp(again, data, 4) == 0, "a number of 4 bytes is the same");
    fuzz_check(key_intent_id(key_intent(&buf_a, a)) == a, "an intent's id can be read off its key");
    fuzz_check(sign(compare(key_intent(&buf_a, a), key_intent(&buf_b, b))) == (a > b) - (a < b),
               "intents are in order");
    fuzz_check(sign(compare(key_lock_expiry(&buf_a, a, NULL), key_lock_expiry(&buf_b, b, NULL))) ==
                   (a > b) - (a < b),
               "expiries are in order");
    fuzz_check(key_intent_id((store_slice_t){data, size}) == 0 || size == 9,
               "what is no intent's key has no id");
    check_after(key_node_locks(&buf_a, a), data, 16, pool);
    check_after(key_locks_below(&buf_a, a), data, 16, pool);
    check_after(key_values(&buf_a, a), data, 4, pool);
    check_after(key_intents(&buf_a), data, 8, pool);
}

void fuzz_one(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    if (size < 1)
        return;
    if (data[0] == 'F')
        check_names(data + 1, size - 1, pool);
    else if (size >= 17 && data[0] == 'N')
        check_nodes(data + 1, size - 1, pool);
    else if (size >= 17)
        check_numbers(data + 1, size - 1, pool);
}
