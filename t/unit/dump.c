/*
 * Dumps: a store of random contents as lines and back, on each backend, and every way in which
 * lines can be wrong.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/ctl/dump.h"
#include "propstore/intents.h"
#include "propstore/key.h"
#include "propstore/locks.h"
#include "propstore/nodes.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"
#include "t/unit/tree.h"

#define ROUNDS 400

/** dump_step_fn: go on. */
static int go_on(void *baton, apr_uint64_t done)
{
    (void)baton;
    (void)done;
    return 1;
}

/** dump_step_fn: *BATON times, and no more. */
static int give_up(void *baton, apr_uint64_t done)
{
    (void)done;
    return --*(int *)baton > 0;
}

/* ---- contents ---- */

/** A generator of our own: APR seeds the C library's when it makes a UUID. */
static apr_uint64_t generator;

static unsigned below(unsigned n)
{
    generator = generator * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(generator >> 33) % n;
}

/** LENGTH bytes but NUL and slash: what a name may hold. */
static const char *random_name(unsigned length, apr_pool_t *pool)
{
    char *name = apr_pcalloc(pool, length + 1);

    for (unsigned i = 0; i < length; i++) {
        do {
            /* Half of them are text. */
            name[i] = (char)(below(2) ? 'a' + (int)below(26) : (int)below(256));
        } while (name[i] == '\0' || name[i] == '/' || name[i] == '.');
    }
    return name;
}

/** A path of few names, so that paths are met again. */
static const char *random_path(const char *const *names, apr_pool_t *pool)
{
    const char *path = "";

    for (unsigned depth = below(5); depth > 0; depth--)
        path = apr_pstrcat(pool, path, "/", names[below(8)], NULL);
    return *path ? path : "/";
}

static apr_status_t set_random(store_txn_t *txn, const char *path, const char *const *names,
                               apr_pool_t *pool)
{
    static const node_limits_t no_limits = {0};
    const node_fingerprint_t print = {.inode = (apr_uint64_t)below(1u << 31) << 33,
                                      .birth_ns = -((apr_int64_t)below(1u << 31) << 30),
                                      .size = below(1000),
                                      .mtime_ns = (apr_int64_t)below(1u << 31) << 31};
    prop_change_t change = {{names[below(8)], names[below(8)]}, NULL, 0};
    apr_size_t length = below(3) ? below(60) : below(5000);
    char *value = apr_palloc(pool, length + 1);

    for (apr_size_t i = 0; i < length; i++)
        value[i] = (char)below(below(2) ? 128 : 256);
    if (below(5) > 0) {
        change.value = value;
        change.length = length;
    }
    return nodes_patch(txn, path, below(2) ? NODE_FILE : NODE_COLLECTION, &print, &change, 1,
                       &no_limits, NULL, pool);
}

static apr_status_t lock_random(store_txn_t *txn, const char *path, const char *const *names,
                                apr_pool_t *pool)
{
    static const lock_limits_t no_limits = {0};
    apr_array_header_t *conflicts;
    lock_t lock = {.scope = below(4) ? LOCK_SHARED : LOCK_EXCLUSIVE,
                   .infinite = (int)below(2),
                   .expires = below(2) ? LOCK_NEVER : 100 + below(1000),
                   .principal = below(2) ? "" : names[below(8)],
                   .owner = below(2) ? "" : names[below(8)]};
    apr_status_t status;

    for (int i = 0; i < LOCK_TOKEN_SIZE; i++)
        lock.token.bytes[i] = (unsigned char)below(256);
    status = locks_add(txn, path, NODE_FILE, &tree_print, &lock, &no_limits, 50, &conflicts, pool);
    return status == STORE_LOCKED ? APR_SUCCESS : status;
}

static apr_status_t intend_random(store_txn_t *txn, const char *path, apr_pool_t *pool)
{
    intent_t intent = {.kind = (intent_kind_e)(INTENT_MOVE + below(4)),
                       .temporary = (int)below(2),
                       .inode = (apr_uint64_t)below(1u << 31) << 32,
                       .birth_ns = (apr_int64_t)below(1u << 31) << 31,
                       .from_node = below(10),
                       .mode = 0644,
                       .from = path,
                       .to = "",
                       .old = ""};

    return intents_add(txn, &intent, pool);
}

/** Fill STORE with a bit of everything. */
static void fill_random(store_t *store, unsigned seed, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    const char *names[8];
    apr_status_t status = APR_SUCCESS;
    int i;

    generator = seed;
    for (i = 0; i < 8; i++)
        names[i] = random_name(1 + below(i == 7 ? 220 : 12), pool);
    for (i = 0; i < ROUNDS && status == APR_SUCCESS; i++) {
        const char *path = random_path(names, pool);

        switch (below(12)) {
        case 0:
            status = lock_random(txn, path, names, pool);
            break;
        case 1:
            status = nodes_move(txn, path, random_path(names, pool), pool);
            break;
        case 2:
            status = below(4) ? intend_random(txn, path, pool) : nodes_remove(txn, path, pool);
            break;
        default:
            status = set_random(txn, path, names, pool);
        }
        if (status == STORE_MISUSE)
            status = APR_SUCCESS;
    }
    is_status(status, APR_SUCCESS, "fill a store");
    is_status(store_commit(txn), APR_SUCCESS, "commit");
}

/** Fill STORE with one of each: a name, two nodes besides the root's, a lock, an intent. */
static void fill_small(store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn = tree_begin(store, pool);
    const lock_limits_t no_limits = {0};
    lock_t lock = {.scope = LOCK_EXCLUSIVE, .expires = LOCK_NEVER, .principal = "", .owner = ""};
    intent_t intent = {.kind = INTENT_CREATE, .from = "/a/new", .to = "", .old = ""};
    apr_array_header_t *conflicts;

    is_status(tree_set(txn, "/a/b", "p", 'x', 3, pool), APR_SUCCESS, "a property");
    is_status(
        locks_add(txn, "/a/b", NODE_FILE, &tree_print, &lock, &no_limits, 0, &conflicts, pool),
        APR_SUCCESS, "a lock");
    is_status(intents_add(txn, &intent, pool), APR_SUCCESS, "an intent");
    is_status(store_commit(txn), APR_SUCCESS, "commit");
}

/* ---- dumps in strings ---- */

/** STORE's dump; NULL, with a failed check, if there is none. */
static const char *dump(store_t *store, apr_pool_t *pool)
{
    dump_result_t result;
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    const char *copy = NULL;

    if (is_status(dump_write(&result, to, store, go_on, NULL, pool), APR_SUCCESS, "dump"))
        copy = (fclose(to), apr_pstrmemdup(pool, text, length));
    else
        diag("%s", (fclose(to), result.error) ? result.error : "no reason");
    free(text);
    return copy;
}

/** Load TEXT into STORE; what it comes to in words: "" if it was loaded. */
static const char *load(store_t *store, const char *text, dump_step_fn *step, void *baton,
                        apr_pool_t *pool)
{
    const char *directory = "", *path;
    dump_source_t *source;
    dump_result_t result;
    apr_status_t status;
    char words[128];
    int fd;

    if (fixture_directory(&directory, pool) != APR_SUCCESS)
        return "no directory";
    path = apr_pstrcat(pool, directory, "/data.mdb", NULL);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) != 0)
        return "not written";
    dump_source(&source, fd, pool);
    status = dump_read_head(&result, source, step, baton);
    if (status == APR_SUCCESS)
        status = dump_read(&result, source, store, step, baton, pool);
    close(fd);
    if (status == APR_SUCCESS)
        return "";
    return apr_pstrdup(pool,
                       result.error ? result.error : store_strerror(status, words, sizeof(words)));
}

/** All keys and values of STORE in one string. */
static store_slice_t all_pairs(store_t *store, apr_pool_t *pool)
{
    static const store_range_t all;
    apr_array_header_t *bytes = apr_array_make(pool, 4096, 1);
    store_slice_t result, pair[2];
    store_cursor_t *cursor;
    store_txn_t *txn;

    is_status(store_begin(&txn, store, STORE_READ, pool), APR_SUCCESS, "read");
    is_status(store_scan(&cursor, txn, &all, pool), APR_SUCCESS, "all");
    while (store_next(cursor, &pair[0], &pair[1]) == APR_SUCCESS) {
        for (int i = 0; i < 2; i++) {
            unsigned char length[8];

            key_put_u64(length, pair[i].len);
            for (int j = 0; j < 8; j++)
                APR_ARRAY_PUSH(bytes, unsigned char) = length[j];
            for (apr_size_t j = 0; j < pair[i].len; j++)
                APR_ARRAY_PUSH(bytes, unsigned char) = ((const unsigned char *)pair[i].data)[j];
        }
    }
    store_abort(txn);
    result.data = bytes->elts;
    result.len = (apr_size_t)bytes->nelts;
    return result;
}

/** A new store in memory. */
static store_t *memory_store(apr_pool_t *pool)
{
    store_t *store = NULL;

    is_status(fixture_open(&store, "memory", "", "", pool), APR_SUCCESS, "a store in memory");
    is_status(meta_prepare(store, pool), APR_SUCCESS, "prepared");
    return store;
}

/* ---- tests ---- */

/** From STORE to memory and back to another store of STORE's kind. */
static void round_trip(store_t *store, unsigned seed, apr_pool_t *pool)
{
    const char *directory = "", *first, *second;
    store_slice_t before, after;
    store_t *memory = memory_store(pool), *back;

    fill_random(store, seed, pool);
    first = dump(store, pool);
    if (!ok(first != NULL, "there is a dump"))
        return;
    is_str(load(memory, first, go_on, NULL, pool), "", "it can be loaded");
    second = dump(memory, pool);
    ok(second != NULL && strcmp(first, second) == 0, "and dumped again, the same");
    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(&back, "lmdb", directory, "", pool), APR_SUCCESS, "a store in it");
    is_status(meta_prepare(back, pool), APR_SUCCESS, "prepared");
    is_str(load(back, second, go_on, NULL, pool), "", "which takes it back");
    before = all_pairs(store, pool);
    after = all_pairs(back, pool);
    ok(before.len == after.len && memcmp(before.data, after.data, before.len) == 0,
       "all keys and values are the same");
    store_close(back);
    store_close(memory);
}

static void test_round_trip(store_t *store, apr_pool_t *pool)
{
    round_trip(store, 1, pool);
}

static void test_another(store_t *store, apr_pool_t *pool)
{
    round_trip(store, 20, pool);
}

static void test_empty(store_t *store, apr_pool_t *pool)
{
    const char *text;
    store_t *other = memory_store(pool);

    is_status(meta_prepare(store, pool), APR_SUCCESS, "prepared");
    text = dump(store, pool);
    is_str(load(other, text, go_on, NULL, pool), "", "a new store can be dumped and loaded");
    is_str(dump(other, pool), text, "with its UUID");
    store_close(other);
}

/** A change to a dump: FROM becomes TO, and loading it must be refused in these WORDS. */
typedef struct change_t {
    const char *from, *to, *words;
} change_t;

#define ROOT "\"path\":\"/\",\"id\":1,"
#define PROP "{\"namespace\":\"urn:t\",\"local\":\"p\",\"value\":\"xxx\"}"

static const change_t changes[] = {
    {"{\"record\":\"dump\"", "{\"record\":\"name\"", "line 1: this is no dump of a store"},
    {"{\"record\":\"dump\"", "dump", "line 1: it is no JSON object"},
    {"\"version\":1", "\"version\":2", "line 1: it is of version 2; this program knows version 1"},
    {"\"format\":1", "\"format\":9", "line 1: it is of a store of format 9"},
    {"\"uuid\":\"", "\"uuid\":\"x", "line 1: \"uuid\" is no UUID"},
    {"\"next_node\":5", "\"next_node\":3", "line 5: its id is not below the \"next_node\""},
    {"\"next_node\":5", "\"next_node\":\"4x\"", "line 1: \"next_node\" is no number"},
    {"\"next_node\":5", "\"next_node\":-4", "line 1: \"next_node\" is no number"},
    {"\"next_node\":5", "\"next_node\":4.0", "line 1: \"next_node\" is no number"},
    {"\"next_node\":5,", "", "line 1: \"next_node\" is missing"},
    {"\"next_node\":5", "\"next_node\":4,\"more\":1", "line 1: it has a field that is not known"},
    {"\"next_node\":5", "\"next_node\":4,\"next_node\":4", "line 1: it is no JSON object"},
    {"\"next_name\":2", "\"next_name\":1", "line 2: its id is not below the \"next_name\""},
    {"\"record\":\"name\"", "\"record\":\"game\"", "line 2: its \"record\" is none of those known"},
    {"\"record\":\"name\"", "\"record\":\"dump\"", "line 2: a dump begins in the midst of another"},
    {"\"local\":\"p\"}\n", "\"local\":{\"base64\":\"AA==\"}}\n", "line 2: \"local\" holds a NUL"},
    {"\"local\":\"p\"}\n", "\"local\":{\"base64\":\"?\"}}\n", "line 2: \"local\" is neither"},
    {"\"local\":\"p\"}\n", "\"local\":7}\n", "line 2: \"local\" is neither"},
    {"\"local\":\"p\"}\n", "\"local\":\"q\"}\n", "line 5: property 1: no earlier line gives"},
    {ROOT, "\"path\":\"/\",\"id\":2,", "line 3: the root's id is 1"},
    {ROOT, "\"path\":\"/x\",\"id\":1,", "line 3: the root's id is 1"},
    {ROOT, "\"path\":\"/x\",\"id\":2,", "line 3: no earlier line is the node of the collection"},
    {"\"path\":\"/a\"", "\"path\":\"/c\"", "line 5: no earlier line is the node of the collection"},
    {"\"path\":\"/a\"", "\"path\":\"a\"", "line 4: \"path\" is not an absolute path"},
    {"\"path\":\"/a\"", "\"path\":\"/a/\"", "line 4: \"path\" is not an absolute path"},
    {"\"path\":\"/a\"", "\"path\":\"//a\"", "line 4: \"path\" is not an absolute path"},
    {"\"path\":\"/a\"", "\"path\":\"/a/..\"", "line 4: \"path\" is not an absolute path"},
    {"\"path\":\"/a/b\",\"id\":3", "\"path\":\"/a/b\",\"id\":2", "line 5: its id is that of an"},
    {"\"path\":\"/a/b\",\"id\":3", "\"path\":\"/a\",\"id\":3", "line 5: its path is that of an"},
    {"\"kind\":\"file\"", "\"kind\":\"pipe\"", "line 5: \"kind\" is none of those known"},
    {"\"birth\":6", "\"birth\":\"99999999999999999999\"", "line 5: \"birth\" is no number"},
    {"[" PROP "]", "[" PROP "," PROP "]", "line 5: property 2: it is not in the order"},
    {"[" PROP "]", "{}", "line 5: \"properties\" is no array"},
    {"[" PROP "]", "[7]", "line 5: property 1: what should be an object is none"},
    {"\"token\":\"urn:uuid:", "\"token\":\"urn:", "line 6: \"token\" is no token"},
    {"/a/b\",\"scope\"", "/a/c\",\"scope\"", "line 6: no earlier line is the node of its path"},
    {"\"depth\":\"0\"", "\"depth\":\"1\"", "line 6: \"depth\" is none of those known"},
    {"\"expires\":null", "\"expires\":true", "line 6: \"expires\" is no number"},
    {"\"temporary\":false", "\"temporary\":0", "line 7: \"temporary\" is neither true nor false"},
    {"\"from\":\"/a/new\"", "\"from\":\"new\"", "line 7: \"from\" is neither empty nor"},
    {"\"lines\":7", "\"lines\":8", "line 8: it speaks of 8 lines and "},
    {"\"records\":", "\"records\":1", "line 8: it speaks of 7 lines and 1"},
    {"}\n{\"record\":\"end\"", "}\n\n{\"record\":\"end\"", "line 8: it is no JSON object"},
    {"{\"record\":\"end\"", "{\"record\":\"fin\"", "line 8: its \"record\" is none"},
};

/** TEXT with the first FROM in it replaced by TO. */
static const char *replaced(const char *text, const char *from, const char *to, apr_pool_t *pool)
{
    const char *at = strstr(text, from);

    if (!ok(at != NULL, "there is something to be changed"))
        return text;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), to,
                       at + strlen(from), NULL);
}

static void test_bad_lines(store_t *store, apr_pool_t *pool)
{
    store_t *other = memory_store(pool);
    const char *text, *fresh = dump(other, pool);
    apr_pool_t *iterpool;

    fill_small(store, pool);
    text = dump(store, pool);
    apr_pool_create(&iterpool, pool);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const change_t *change = &changes[i];
        const char *words;

        apr_pool_clear(iterpool);
        words =
            load(other, replaced(text, change->from, change->to, iterpool), go_on, NULL, iterpool);
        if (!ok(strncmp(words, change->words, strlen(change->words)) == 0, "%s", change->words))
            diag("%s", words);
    }
    apr_pool_destroy(iterpool);
    is_str(dump(other, pool), fresh, "the store is as empty as before");
    is_str(load(other, apr_pstrcat(pool, text, "x", NULL), go_on, NULL, pool),
           "line 9: it stands behind the end of the dump", "nothing follows");
    is_str(load(other, "", go_on, NULL, pool), "line 1: there is none: the dump was cut off",
           "nothing at all");
    is_str(load(other, text, go_on, NULL, pool), "", "at last it is loaded");
    is_str(dump(other, pool), text, "whole");
    is_str(load(other, text, go_on, NULL, pool), "File exists", "a second time is once too often");
    store_close(other);
}

/** Each line cut out, doubled, and cut off. */
static void test_missing_lines(store_t *store, apr_pool_t *pool)
{
    store_t *other = memory_store(pool);
    const char *text, *fresh = dump(other, pool);
    apr_pool_t *iterpool;
    int refused = 0, tried = 0;

    fill_small(store, pool);
    text = dump(store, pool);
    apr_pool_create(&iterpool, pool);
    for (const char *line = text, *next; *line != '\0'; line = next) {
        const char *head;

        apr_pool_clear(iterpool);
        next = strchr(line, '\n') + 1;
        head = apr_pstrmemdup(iterpool, text, (apr_size_t)(line - text));
        tried += 4;
        refused +=
            *load(other, apr_pstrcat(iterpool, head, next, NULL), go_on, NULL, iterpool) != 0;
        refused += *load(other,
                         apr_pstrcat(iterpool, head,
                                     apr_pstrmemdup(iterpool, line, (apr_size_t)(next - line)),
                                     line, NULL),
                         go_on, NULL, iterpool) != 0;
        refused += *load(other, head, go_on, NULL, iterpool) != 0;
        refused += *load(other, apr_pstrmemdup(iterpool, text, (apr_size_t)(next - 1 - text)),
                         go_on, NULL, iterpool) != 0;
    }
    apr_pool_destroy(iterpool);
    is_int(tried, 32, "eight lines");
    is_int(refused, tried, "all are refused");
    is_str(dump(other, pool), fresh, "and leave nothing");
    store_close(other);
}

static void test_giving_up(store_t *store, apr_pool_t *pool)
{
    store_t *other = memory_store(pool);
    const char *text, *fresh = dump(other, pool);
    char *ignored = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&ignored, &length);
    dump_result_t result;
    int left = 3;

    fill_random(store, 5, pool);
    text = dump(store, pool);
    is_status(dump_write(&result, to, store, give_up, &left, pool), APR_EINTR, "give up dumping");
    fclose(to);
    ok(ignored != NULL && strstr(ignored, "\"record\":\"end\"") == NULL, "there is no end then");
    free(ignored);
    left = 2;
    is_str(load(other, text, give_up, &left, pool), "Interrupted system call", "give up loading");
    is_str(dump(other, pool), fresh, "which leaves nothing");
    store_close(other);
}

/** Dumping STORE answers corruption, with words that begin so. */
static void is_refused(store_t *store, const char *begin, apr_pool_t *pool)
{
    dump_result_t result;
    FILE *to = fopen("/dev/null", "w");

    is_status(dump_write(&result, to, store, go_on, NULL, pool), STORE_CORRUPT, "%s", begin);
    fclose(to);
    if (!ok(result.error != NULL && strncmp(result.error, begin, strlen(begin)) == 0, "%s", begin))
        diag("%s", result.error ? result.error : "no words");
}

/** Change the record of KEY: a bit of its last byte, or all of it. */
static void damage(store_t *store, store_slice_t key, int all, apr_pool_t *pool)
{
    store_txn_t *txn;
    store_slice_t value = {NULL, 0};
    unsigned char *copy;

    is_status(store_begin(&txn, store, STORE_WRITE, pool), APR_SUCCESS, "write");
    is_status(store_get(txn, key, &value), APR_SUCCESS, "there is a record");
    if (all) {
        is_status(store_del(txn, key), APR_SUCCESS, "take it away");
    } else {
        copy = apr_pmemdup(pool, value.data, value.len);
        copy[value.len - 1] ^= 1;
        value.data = copy;
        is_status(store_put(txn, key, value), APR_SUCCESS, "change it");
    }
    is_status(store_commit(txn), APR_SUCCESS, "commit");
}

static void test_damaged_value(store_t *store, apr_pool_t *pool)
{
    key_buf_t buf;

    fill_small(store, pool);
    damage(store, key_node(&buf, 2, "b", 1), 0, pool);
    is_refused(store, "its tree of nodes is damaged", pool);
    damage(store, key_node(&buf, 2, "b", 1), 0, pool);
    damage(store, key_name(&buf, 1), 0, pool);
    is_refused(store, "the property name with id 1 is damaged", pool);
    damage(store, key_name(&buf, 1), 0, pool);
    damage(store, key_node_place(&buf, 3), 0, pool);
    is_refused(store, "its tree of nodes is damaged", pool);
    damage(store, key_node_place(&buf, 3), 0, pool);
    damage(store, key_lock_below(&buf, 2, (const unsigned char[LOCK_TOKEN_SIZE]){0}), 1, pool);
    is_refused(store, "a lock is damaged", pool);
}

static void test_orphan(store_t *store, apr_pool_t *pool)
{
    key_buf_t buf;

    fill_small(store, pool);
    damage(store, key_node(&buf, 1, "a", 1), 1, pool);
    is_refused(store, "3 of its 17 records belong to nothing", pool);
}

int main(void)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    fixture_run("round trip", test_round_trip);
    fixture_run("another", test_another);
    fixture_run("nothing in it", test_empty);
    fixture_run_on("lmdb", "bad lines", test_bad_lines);
    fixture_run_on("memory", "missing lines", test_missing_lines);
    fixture_run("giving up", test_giving_up);
    fixture_run_on("memory", "damage", test_damaged_value);
    fixture_run_on("memory", "nodes that hang on nothing", test_orphan);
    apr_pool_destroy(pool);
    return done_testing();
}
