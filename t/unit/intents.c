/*
 * Intents: what is written down is read back, and owners are told apart.
 */
#include "propstore/intents.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

static const intent_t move = {
    .kind = INTENT_MOVE,
    .temporary = 1,
    .inode = 0x1122334455667788u,
    .birth_ns = -5,
    .from_node = 7,
    .to_node = 9,
    .from_parent = 11,
    .to_parent = 13,
    .mode = 0644,
    .from = "/a/b",
    .to = "/c",
    .old = "/.old",
};

static apr_status_t add(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    return intents_add(txn, baton, scratch_pool);
}

static apr_status_t drop(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    const intent_t *intent = baton;

    (void)scratch_pool;
    return intents_remove(txn, intent->id);
}

static apr_status_t damage(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    key_buf_t buf;

    (void)scratch_pool;
    return store_put(txn, key_intent(&buf, 1), *(store_slice_t *)baton);
}

static apr_status_t list(apr_array_header_t **intents_p, store_t *store, apr_pool_t *pool)
{
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, pool);

    *intents_p = apr_array_make(pool, 4, sizeof(intent_t));
    if (status == APR_SUCCESS) {
        status = intents_list(*intents_p, txn);
        store_abort(txn);
    }
    return status;
}

static void test_records(store_t *store, apr_pool_t *pool)
{
    intent_t first = move, third = move,
             second = {.kind = INTENT_CREATE, .from = "/x", .to = "", .old = ""};
    store_slice_t junk = {"junk that is no intent", 22};
    apr_array_header_t *intents;
    const intent_t *read;

    is_status(meta_prepare(store, pool), APR_SUCCESS, "a store");
    is_status(list(&intents, store, pool), APR_SUCCESS, "a store without intents");
    is_int(intents->nelts, 0, "has none");
    is_status(store_write(store, add, &first, pool), APR_SUCCESS, "one is written");
    is_status(store_write(store, add, &second, pool), APR_SUCCESS, "and another");
    is_status(list(&intents, store, pool), APR_SUCCESS, "they are listed");
    is_int(intents->nelts, 2, "both");
    read = &APR_ARRAY_IDX(intents, 0, intent_t);
    ok(read->kind == move.kind && read->temporary && read->inode == move.inode &&
           read->birth_ns == move.birth_ns && read->from_node == 7 && read->to_node == 9 &&
           read->mode == 0644 && read->from_parent == 11 && read->to_parent == 13,
       "with their numbers");
    ok(strcmp(read->from, move.from) == 0 && strcmp(read->to, move.to) == 0 &&
           strcmp(read->old, move.old) == 0,
       "and paths");
    ok(process_is_alive(&read->owner), "their owner is alive");
    is_status(store_write(store, drop, &first, pool), APR_SUCCESS, "one goes");
    is_status(list(&intents, store, pool), APR_SUCCESS, "the other");
    is_int(intents->nelts, 1, "stays");
    is_status(store_write(store, drop, &first, pool), STORE_ABSENT, "it cannot go twice");
    is_status(store_write(store, drop, &second, pool), APR_SUCCESS, "the other goes too");
    third.id = 0;
    is_status(store_write(store, add, &third, pool), APR_SUCCESS, "and a third comes");
    ok(third.id != first.id && third.id != second.id, "whose id nobody had before");
    is_status(store_write(store, damage, &junk, pool), APR_SUCCESS, "a damaged one");
    is_status(list(&intents, store, pool), STORE_CORRUPT, "is noticed");
}

static void test_owners(void)
{
    process_t self, other;
    int status, pipes[2];
    pid_t child;

    is_status(process_self(&self), APR_SUCCESS, "this process");
    ok(process_is_alive(&self), "is alive");
    other = self;
    other.start++;
    ok(!process_is_alive(&other), "one with its id, of another time, is not");
    other = self;
    other.boot ^= 1;
    ok(!process_is_alive(&other), "nor one of another run of the machine");
    if (pipe(pipes) != 0)
        return;
    child = fork();
    if (child == 0) {
        ssize_t wrote =
            process_self(&other) == APR_SUCCESS ? write(pipes[1], &other, sizeof(other)) : 0;

        _exit(wrote != sizeof(other));
    }
    ok(read(pipes[0], &other, sizeof(other)) == sizeof(other), "a child");
    waitpid(child, &status, 0);
    ok(other.pid == (apr_uint32_t)child && !process_is_alive(&other), "that has ended is not");
}

int main(void)
{
    apr_initialize();
    fixture_run("records", test_records);
    test_owners();
    return done_testing();
}
