/*
 * What a store says of itself, and its table of property names.
 */
#include "propstore/names.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/nodes.h"
#include "propstore/record.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

static store_txn_t *begin(store_t *store, store_mode_e mode, apr_pool_t *result_pool)
{
    store_txn_t *txn = NULL;

    is_status(store_begin(&txn, store, mode, result_pool), APR_SUCCESS, "a transaction");
    return txn;
}

/* ---- meta ---- */

static void test_new_store(store_t *store, apr_pool_t *scratch_pool)
{
    store_txn_t *txn;
    meta_t meta, again;
    node_t root;
    apr_uint64_t node_id;

    txn = begin(store, STORE_READ, scratch_pool);
    is_status(meta_read(&meta, txn), STORE_CORRUPT, "an empty store says nothing of itself");
    is_status(nodes_find(&root, txn, "/"), STORE_CORRUPT, "and has no root");
    store_abort(txn);

    is_status(meta_check(store, scratch_pool), STORE_ABSENT, "nor is it one that was prepared");
    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "it is prepared");
    is_status(meta_check(store, scratch_pool), APR_SUCCESS, "then it is");
    txn = begin(store, STORE_READ, scratch_pool);
    is_status(meta_read(&meta, txn), APR_SUCCESS, "and says what it is");
    is_int(meta.format, META_FORMAT_VERSION, "its format");
    is_int((long long)strlen(meta.uuid), META_UUID_SIZE - 1, "a UUID");
    ok(meta.next_node == NODE_ROOT_ID + 1 && meta.next_name == 1, "the counters' beginnings");
    is_status(nodes_find(&root, txn, "/"), APR_SUCCESS, "there is a root");
    ok(root.id == NODE_ROOT_ID && root.kind == NODE_COLLECTION && root.prop_count == 0,
       "a collection without properties");
    store_abort(txn);

    txn = begin(store, STORE_WRITE, scratch_pool);
    is_status(meta_take_node_id(&node_id, txn), APR_SUCCESS, "a node id is taken");
    ok(node_id == NODE_ROOT_ID + 1, "the first");
    is_status(meta_take_node_id(&node_id, txn), APR_SUCCESS, "and another");
    ok(node_id == NODE_ROOT_ID + 2, "which is another");
    is_status(store_commit(txn), APR_SUCCESS, "kept");

    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "prepared again");
    txn = begin(store, STORE_READ, scratch_pool);
    is_status(meta_read(&again, txn), APR_SUCCESS, "nothing is lost");
    is_str(again.uuid, meta.uuid, "the UUID is the same");
    ok(again.next_node == NODE_ROOT_ID + 3, "the counter goes on");
    store_abort(txn);
}

/** Write VALUE under KEY in a transaction of its own. */
static void write_raw(store_t *store, store_slice_t key, store_slice_t value, apr_pool_t *pool)
{
    store_txn_t *txn = begin(store, STORE_WRITE, pool);

    is_status(store_put(txn, key, value), APR_SUCCESS, "a record");
    is_status(store_commit(txn), APR_SUCCESS, "is written");
}

static void test_foreign_store(store_t *store, apr_pool_t *scratch_pool)
{
    store_stat_t stat;

    write_raw(store, store_slice_str("key"), store_slice_str("value"), scratch_pool);
    is_status(meta_prepare(store, scratch_pool), STORE_CORRUPT, "somebody else's data is refused");
    is_status(store_stat(store, &stat), APR_SUCCESS, "the store is measured");
    is_int((long long)stat.entries, 1, "and left as it was");
}

static void test_newer_format(store_t *store, apr_pool_t *scratch_pool)
{
    unsigned char number[RECORD_NUMBER_SIZE];
    key_buf_t buf;

    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "prepared");
    write_raw(store, key_meta(&buf, "format"), record_pack_number(number, META_FORMAT_VERSION + 1),
              scratch_pool);
    is_status(meta_prepare(store, scratch_pool), STORE_FORMAT, "a newer format is refused");
    is_status(meta_check(store, scratch_pool), STORE_FORMAT, "whoever has prepared it");
    write_raw(store, key_meta(&buf, "format"), record_pack_number(number, 0), scratch_pool);
    is_status(meta_prepare(store, scratch_pool), STORE_FORMAT, "and one that never was");
}

static void test_damaged_meta(store_t *store, apr_pool_t *scratch_pool)
{
    static const char *const records[] = {"format", "uuid", "next-node", "next-name"};

    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "prepared");
    for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        key_buf_t buf;
        store_slice_t key = key_meta(&buf, records[i]), value = {0};
        store_txn_t *txn = begin(store, STORE_READ, scratch_pool);
        char *bytes;

        is_status(store_get(txn, key, &value), APR_SUCCESS, "%s is there", records[i]);
        bytes = apr_pmemdup(scratch_pool, value.data, value.len);
        value.data = bytes;
        store_abort(txn);
        bytes[value.len - 1] ^= 1;
        write_raw(store, key, value, scratch_pool);
        is_status(meta_prepare(store, scratch_pool), STORE_CORRUPT, "%s: damage is noticed",
                  records[i]);
        bytes[value.len - 1] ^= 1;
        write_raw(store, key, value, scratch_pool);
        is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "%s: repaired", records[i]);

        txn = begin(store, STORE_WRITE, scratch_pool);
        is_status(store_del(txn, key), APR_SUCCESS, "%s is removed", records[i]);
        is_status(store_commit(txn), APR_SUCCESS, "for good");
        is_status(meta_prepare(store, scratch_pool), STORE_CORRUPT, "%s is missed", records[i]);
        write_raw(store, key, value, scratch_pool);
    }
}

/* ---- names ---- */

static void test_interning(store_t *store, apr_pool_t *scratch_pool)
{
    /* Pairs that would be one if namespace and local name simply ran together. */
    static const prop_name_t names[] = {
        {"DAV:", "displayname"},
        {"DAV:d", "isplayname"},
        {"", "DAV:displayname"},
        {"DAV:displayname", ""},
        {"", ""},
        {"urn:\xc3\xa9", "\xe6\x97\xa5"},
    };
    const unsigned count = sizeof(names) / sizeof(names[0]);
    store_txn_t *txn;
    apr_uint32_t id = 0;
    prop_name_t got;

    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "prepared");
    txn = begin(store, STORE_WRITE, scratch_pool);
    for (unsigned i = 0; i < count; i++) {
        is_status(names_find(&id, txn, &names[i]), STORE_ABSENT, "name %u is new", i);
        is_status(names_intern(&id, txn, &names[i], 0), APR_SUCCESS, "it gets an id");
        is_int(id, i + 1, "the next one");
        is_status(names_intern(&id, txn, &names[i], 0), APR_SUCCESS, "asked again");
        is_int(id, i + 1, "it keeps it");
    }
    is_status(store_commit(txn), APR_SUCCESS, "committed");

    txn = begin(store, STORE_READ, scratch_pool);
    for (unsigned i = 0; i < count; i++) {
        is_status(names_find(&id, txn, &names[i]), APR_SUCCESS, "name %u is found", i);
        is_int(id, i + 1, "with its id");
        is_status(names_get(&got, txn, id, scratch_pool), APR_SUCCESS, "and back");
        is_str(got.ns, names[i].ns, "its namespace");
        is_str(got.local, names[i].local, "its local name");
    }
    is_status(names_get(&got, txn, count + 1, scratch_pool), STORE_CORRUPT, "an id not given");
    is_status(names_get(&got, txn, 0, scratch_pool), STORE_CORRUPT, "no name has id 0");
    is_status(names_intern(&id, txn, &names[0], 0), APR_SUCCESS, "a reader interns what is there");
    got = (prop_name_t){"new", "new"};
    is_status(names_intern(&id, txn, &got, 0), STORE_READONLY, "but nothing new");
    store_abort(txn);
    is_str(got.ns, "new", "copies outlive the transaction");
}

static void test_name_limits(store_t *store, apr_pool_t *scratch_pool)
{
    char longest[NAMES_LENGTH_MAX + 2];
    prop_name_t name = {"", longest};
    store_txn_t *txn;
    apr_uint32_t id = 0;

    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "prepared");
    memset(longest, 'x', sizeof(longest));
    longest[NAMES_LENGTH_MAX] = '\0';
    txn = begin(store, STORE_WRITE, scratch_pool);
    is_status(names_intern(&id, txn, &name, 1), APR_SUCCESS, "the longest name");
    is_status(names_get(&name, txn, id, scratch_pool), APR_SUCCESS, "is kept");
    is_str(name.local, longest, "whole");
    name.local = longest;
    is_status(names_intern(&id, txn, &name, 1), APR_SUCCESS, "a known name passes a full table");
    is_status(store_commit(txn), APR_SUCCESS, "committed");

    txn = begin(store, STORE_WRITE, scratch_pool);
    name.ns = "y";
    is_status(names_find(&id, txn, &name), STORE_LIMIT, "a byte too long is not looked up");
    is_status(names_intern(&id, txn, &name, 0), STORE_LIMIT, "nor given an id");
    name.local = "z";
    is_status(names_intern(&id, txn, &name, 1), STORE_LIMIT, "one name too many");
    store_abort(txn);

    txn = begin(store, STORE_WRITE, scratch_pool);
    is_status(names_find(&id, txn, &name), STORE_ABSENT, "it left nothing behind");
    is_status(names_intern(&id, txn, &name, 2), APR_SUCCESS, "with room for two");
    is_int(id, 2, "it is the second");
    store_abort(txn);
}

static void test_last_name_id(store_t *store, apr_pool_t *scratch_pool)
{
    const prop_name_t last = {"", "last"}, more = {"", "more"};
    unsigned char number[RECORD_NUMBER_SIZE];
    key_buf_t buf;
    store_txn_t *txn;
    apr_uint32_t id = 0;

    is_status(meta_prepare(store, scratch_pool), APR_SUCCESS, "prepared");
    write_raw(store, key_meta(&buf, "next-name"), record_pack_number(number, APR_UINT32_MAX),
              scratch_pool);
    txn = begin(store, STORE_WRITE, scratch_pool);
    is_status(names_intern(&id, txn, &last, 0), APR_SUCCESS, "the last id there is");
    ok(id == APR_UINT32_MAX, "is given");
    is_status(names_intern(&id, txn, &more, 0), STORE_LIMIT, "and then none");
    store_abort(txn);

    write_raw(store, key_name_id(&buf, &last),
              record_pack_number(number, (apr_uint64_t)APR_UINT32_MAX + 1), scratch_pool);
    write_raw(store, key_name_id(&buf, &more), record_pack_number(number, 0), scratch_pool);
    txn = begin(store, STORE_READ, scratch_pool);
    is_status(names_find(&id, txn, &last), STORE_CORRUPT, "an id that is too large is noticed");
    is_status(names_find(&id, txn, &more), STORE_CORRUPT, "and id 0");
    store_abort(txn);
}

int main(void)
{
    apr_initialize();
    fixture_run("a new store", test_new_store);
    fixture_run("a store of something else", test_foreign_store);
    fixture_run("a store of a newer format", test_newer_format);
    fixture_run("damaged meta records", test_damaged_meta);
    fixture_run("interning names", test_interning);
    fixture_run("limits of names", test_name_limits);
    fixture_run("the last id of a name", test_last_name_id);
    apr_terminate();
    return done_testing();
}
