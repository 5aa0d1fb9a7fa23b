/*
 * Locks in the store.
 */
#include "propstore/locks.h"

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "propstore/meta.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"

static const node_fingerprint_t file = {1, 2, 3, 4};
static const lock_limits_t limits = {.per_resource = 3, .per_user = 20, .owner_max = 20};

static lock_token_t token(int n)
{
    lock_token_t made;

    memset(&made, 0, sizeof(made));
    made.bytes[0] = (unsigned char)n;
    made.bytes[15] = 0xff;
    return made;
}

/** Take LOCK out. */
static apr_status_t take_lock(store_t *store, const char *path, const lock_t *lock, apr_int64_t now,
                              apr_pool_t *pool)
{
    apr_array_header_t *conflicts;
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_WRITE, pool);

    if (status == APR_SUCCESS)
        status = locks_add(txn, path, NODE_FILE, &file, lock, &limits, now, &conflicts, pool);
    if (status == APR_SUCCESS)
        return store_commit(txn);
    store_abort(txn);
    return status;
}

/** Take a lock out: N its token, EXPIRES its end. */
static apr_status_t take(store_t *store, const char *path, int n, lock_scope_e scope, int infinite,
                         apr_int64_t expires, apr_int64_t now, apr_pool_t *pool)
{
    return take_lock(store, path,
                     &(lock_t){.token = token(n),
                               .scope = scope,
                               .infinite = infinite,
                               .expires = expires,
                               .principal = "somebody",
                               .owner = "<o>x</o>"},
                     now, pool);
}

/** The same, exclusive, with OWNER. */
static apr_status_t take_as(store_t *store, const char *path, int n, const char *owner,
                            apr_pool_t *pool)
{
    return take_lock(store, path,
                     &(lock_t){.token = token(n),
                               .scope = LOCK_EXCLUSIVE,
                               .expires = LOCK_NEVER,
                               .principal = "somebody",
                               .owner = owner},
                     10, pool);
}

/** The tokens' first bytes that cover PATH (or are below it), in order, as text. */
static const char *who(store_t *store, const char *path, int below, apr_int64_t now,
                       apr_pool_t *pool)
{
    apr_array_header_t *locks = apr_array_make(pool, 4, sizeof(lock_t));
    const char *text = "";
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_READ, pool);

    if (status == APR_SUCCESS)
        status = below ? locks_below(locks, txn, path, now) : locks_covering(locks, txn, path, now);
    store_abort(txn);
    if (status != APR_SUCCESS)
        is_status(status, APR_SUCCESS, "locks of %s", path);
    for (int i = 0; i < locks->nelts; i++)
        text = apr_psprintf(pool, "%s%s%d", text, *text ? " " : "",
                            APR_ARRAY_IDX(locks, i, lock_t).token.bytes[0]);
    return text;
}

static apr_uint64_t entries(store_t *store)
{
    store_stat_t stat;

    return store_stat(store, &stat) == APR_SUCCESS ? stat.entries : 0;
}

/** What a change of the tree is told. */
typedef struct change_t {
    const char *from, *to;
    int n;
    apr_int64_t now, expires;
    unsigned count;
} change_t;

static apr_status_t do_move(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;

    return nodes_move(txn, change->from, change->to, pool);
}

static apr_status_t do_copy(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;

    return nodes_copy(txn, change->from, change->to, 1, pool);
}

static apr_status_t do_remove(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;

    return nodes_remove(txn, change->from, pool);
}

static apr_status_t do_unlock(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;
    lock_token_t which = token(change->n);

    return locks_remove(txn, &which, pool);
}

static apr_status_t do_refresh(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;
    lock_token_t which = token(change->n);

    return locks_refresh(txn, &which, change->expires, change->now, pool);
}

static apr_status_t do_reap(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    change_t *change = baton;

    return locks_reap(txn, change->now, 100, &change->count, pool);
}

static apr_status_t do_set(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    const change_t *change = baton;
    const node_limits_t none = {0};
    prop_change_t prop = {.name = {"urn:t", "p"}, .value = "<p/>", .length = 4};

    return nodes_patch(txn, change->from, NODE_FILE, &file, &prop, 1, &none, NULL, pool);
}

static apr_status_t change(store_t *store, store_write_fn *body, const change_t *what,
                           apr_pool_t *pool)
{
    change_t own = *what;

    return store_write(store, body, &own, pool);
}

static void test_taking(store_t *store, apr_pool_t *pool)
{
    apr_uint64_t empty;
    lock_t lock;
    lock_token_t first = token(1);
    store_txn_t *txn;

    is_status(meta_prepare(store, pool), APR_SUCCESS, "a store");
    empty = entries(store);
    is_status(take(store, "/a/b", 1, LOCK_EXCLUSIVE, 0, 1000, 10, pool), APR_SUCCESS, "exclusive");
    is_status(take(store, "/a/b", 2, LOCK_EXCLUSIVE, 0, 1000, 10, pool), STORE_LOCKED,
              "a second one is refused");
    is_status(take(store, "/a/b", 2, LOCK_SHARED, 0, 1000, 10, pool), STORE_LOCKED,
              "so is a shared one");
    is_status(take(store, "/a", 2, LOCK_SHARED, 1, 1000, 10, pool), STORE_LOCKED,
              "so is one of depth infinity above");
    is_status(take(store, "/a", 2, LOCK_EXCLUSIVE, 0, 1000, 10, pool), APR_SUCCESS,
              "one of depth 0 above is not");
    is_status(take(store, "/a/c", 3, LOCK_EXCLUSIVE, 0, 1000, 10, pool), APR_SUCCESS,
              "nor one beside");
    is_str(who(store, "/a/b", 0, 10, pool), "1", "who covers the file");
    is_str(who(store, "/a", 0, 10, pool), "2", "who covers the collection");
    is_str(who(store, "/a", 1, 10, pool), "1 3", "who is below it");
    is_str(who(store, "/", 1, 10, pool), "1 2 3", "who is below all");
    is_str(who(store, "/a/d", 0, 10, pool), "", "a new member is not covered by depth 0");
    is_str(who(store, "/a/b", 0, 1000, pool), "", "what has expired is not there");
    is_status(take(store, "/a/b", 4, LOCK_SHARED, 0, 2000, 1000, pool), APR_SUCCESS,
              "nor in the way");

    is_status(store_begin(&txn, store, STORE_READ, pool), APR_SUCCESS, "a reader");
    is_status(locks_get(&lock, txn, &first, 10, pool), APR_SUCCESS, "by its token");
    is_str(lock.path, "/a/b", "where it is");
    is_str(lock.principal, "somebody", "whose it is");
    is_str(lock.owner, "<o>x</o>", "what the client said");
    is_status(locks_get(&lock, txn, &first, 1000, pool), STORE_ABSENT, "not when it has expired");
    store_abort(txn);

    is_status(change(store, do_unlock, &(change_t){.n = 1}, pool), APR_SUCCESS, "unlock");
    is_status(change(store, do_unlock, &(change_t){.n = 1}, pool), STORE_ABSENT, "once");
    is_status(take_as(store, "/a/e", 5, "<o>12345678901234567</o>", pool), STORE_LIMIT,
              "what a client says is bounded");
    for (int n = 2; n <= 4; n++)
        is_status(change(store, do_unlock, &(change_t){.n = n}, pool), APR_SUCCESS, "unlock %d", n);
    ok(entries(store) == empty, "nothing is left in the store");
}

static void test_infinite(store_t *store, apr_pool_t *pool)
{
    is_status(meta_prepare(store, pool), APR_SUCCESS, "a store");
    is_status(take(store, "/a", 1, LOCK_SHARED, 1, LOCK_NEVER, 10, pool), APR_SUCCESS,
              "shared, depth infinity");
    is_str(who(store, "/a/x/y", 0, 1 << 30, pool), "1", "covers what is below, known or not");
    is_str(who(store, "/ab", 0, 10, pool), "", "not what only begins alike");
    is_status(take(store, "/a/x", 2, LOCK_EXCLUSIVE, 0, 99, 10, pool), STORE_LOCKED,
              "an exclusive one below is refused");
    is_status(take(store, "/a/x", 2, LOCK_SHARED, 0, 99, 10, pool), APR_SUCCESS,
              "a shared one not");
    is_status(take(store, "/a/x", 3, LOCK_SHARED, 0, 99, 10, pool), APR_SUCCESS, "nor another");
    is_str(who(store, "/a/x", 0, 10, pool), "1 2 3", "all cover it");
    is_status(take(store, "/a/x", 4, LOCK_SHARED, 0, 99, 10, pool), STORE_LIMIT, "up to the limit");
    is_status(take(store, "/", 5, LOCK_EXCLUSIVE, 0, 99, 10, pool), APR_SUCCESS, "the root too");
    is_str(who(store, "/", 0, 10, pool), "5", "has a lock");
    is_status(take(store, "/", 6, LOCK_EXCLUSIVE, 1, 99, 10, pool), STORE_LOCKED,
              "all of it cannot be locked");
}

static void test_tree(store_t *store, apr_pool_t *pool)
{
    apr_uint64_t empty;

    is_status(meta_prepare(store, pool), APR_SUCCESS, "a store");
    empty = entries(store);
    is_status(change(store, do_set, &(change_t){.from = "/a/b/c"}, pool), APR_SUCCESS,
              "a property");
    is_status(take(store, "/a/b", 1, LOCK_EXCLUSIVE, 1, 99, 10, pool), APR_SUCCESS, "a lock above");
    is_status(take(store, "/a/x/y", 2, LOCK_EXCLUSIVE, 0, 99, 10, pool), APR_SUCCESS, "one beside");
    is_status(change(store, do_copy, &(change_t){.from = "/a", .to = "/copy"}, pool), APR_SUCCESS,
              "a copy");
    is_str(who(store, "/copy", 1, 10, pool), "", "has no locks");
    is_str(who(store, "/a", 1, 10, pool), "1 2", "the original has");
    is_status(change(store, do_move, &(change_t){.from = "/a", .to = "/m"}, pool), APR_SUCCESS,
              "a move");
    is_str(who(store, "/", 1, 10, pool), "", "leaves locks behind");
    is_status(take(store, "/m/b/c", 3, LOCK_EXCLUSIVE, 0, 99, 10, pool), APR_SUCCESS, "a lock");
    is_status(change(store, do_remove, &(change_t){.from = "/m"}, pool), APR_SUCCESS, "a delete");
    is_str(who(store, "/", 1, 10, pool), "", "removes it");
    is_status(change(store, do_remove, &(change_t){.from = "/copy"}, pool), APR_SUCCESS,
              "the copy");
    /* The name "p" stays interned: two keys. */
    ok(entries(store) == empty + 2, "nothing is left in the store but the name");
}

static void test_time(store_t *store, apr_pool_t *pool)
{
    change_t reap = {.now = 60};
    apr_uint64_t empty;

    is_status(meta_prepare(store, pool), APR_SUCCESS, "a store");
    empty = entries(store);
    for (int n = 1; n <= 9; n++)
        is_status(take(store, apr_psprintf(pool, "/f%d", n), n, LOCK_EXCLUSIVE, 0, n * 10, 1, pool),
                  APR_SUCCESS, "a lock until %d", n * 10);
    is_status(change(store, do_refresh, &(change_t){.n = 2, .expires = 500, .now = 15}, pool),
              APR_SUCCESS, "one is refreshed");
    is_status(change(store, do_refresh, &(change_t){.n = 1, .expires = 500, .now = 15}, pool),
              STORE_ABSENT, "one that has expired cannot be");
    is_status(store_write(store, do_reap, &reap, pool), APR_SUCCESS, "what has expired is removed");
    is_int(reap.count, 5, "five of six");
    is_str(who(store, "/", 1, 1, pool), "2 7 8 9", "the others stay");
    reap.now = 1000;
    is_status(store_write(store, do_reap, &reap, pool), APR_SUCCESS, "later");
    is_str(who(store, "/", 1, 1, pool), "", "all are gone");
    ok(entries(store) == empty, "nothing is left in the store");
}

static void test_users(store_t *store, apr_pool_t *pool)
{
    lock_t lock = {.scope = LOCK_SHARED, .expires = 20, .principal = "anna", .owner = ""};
    change_t gone = {.n = 51};

    is_status(meta_prepare(store, pool), APR_SUCCESS, "prepare");
    for (int i = 0; i < 20; i++) {
        lock.token = token(50 + i);
        is_status(take_lock(store, apr_psprintf(pool, "/users/%d", i), &lock, 10, pool),
                  APR_SUCCESS, "lock %d of a user", i);
    }
    lock.token = token(80);
    lock.expires = 100;
    is_status(take_lock(store, "/users/x", &lock, 10, pool), STORE_LIMIT, "one more");
    is_status(take_lock(store, "/users/x", &lock, 20, pool), APR_SUCCESS,
              "when the others have expired, though they are still there");
    lock.principal = "ben";
    lock.token = token(81);
    is_status(take_lock(store, "/users/x", &lock, 10, pool), APR_SUCCESS, "another user");
    lock.principal = "anna";
    lock.token = token(82);
    is_status(take_lock(store, "/users/y", &lock, 10, pool), STORE_LIMIT, "back in time");
    is_status(store_write(store, do_unlock, &gone, pool), APR_SUCCESS, "one less");
    is_status(take_lock(store, "/users/y", &lock, 10, pool), STORE_LIMIT, "is as many as allowed");
    gone.n = 52;
    is_status(store_write(store, do_unlock, &gone, pool), APR_SUCCESS, "and one less");
    is_status(take_lock(store, "/users/y", &lock, 10, pool), APR_SUCCESS, "is room for one");
}

/** How many locks stand in the way of one of depth infinity on /many, or -1. */
static int in_the_way(store_t *store, lock_scope_e scope, apr_int64_t now, apr_pool_t *pool)
{
    const lock_t lock = {
        .token = token(255), .scope = scope, .infinite = 1, .principal = "", .owner = ""};
    apr_array_header_t *conflicts = NULL;
    store_txn_t *txn;
    apr_status_t status = store_begin(&txn, store, STORE_WRITE, pool);

    if (status == APR_SUCCESS) {
        status = locks_add(txn, "/many", NODE_COLLECTION, &file, &lock, &(lock_limits_t){0}, now,
                           &conflicts, pool);
        store_abort(txn);
    }
    return status == APR_SUCCESS ? 0 : status == STORE_LOCKED ? conflicts->nelts : -1;
}

static void test_many(store_t *store, apr_pool_t *pool)
{
    const int count = LOCKS_CONFLICTS_MAX + 50;
    lock_t lock = {.scope = LOCK_SHARED, .principal = "", .owner = ""};
    apr_status_t status = meta_prepare(store, pool);

    for (int i = 0; i < count && status == APR_SUCCESS; i++) {
        lock.token = token(1 + i);
        lock.principal = apr_psprintf(pool, "%d", i / 20);
        /* The last one is alone in its kind, and the first half has gone before. */
        lock.scope = i == count - 1 ? LOCK_EXCLUSIVE : LOCK_SHARED;
        lock.expires = i < count / 2 ? 100 : 200;
        status = take_lock(store, apr_psprintf(pool, "/many/%d", i), &lock, 10, pool);
    }
    is_status(status, APR_SUCCESS, "%d locks below", count);
    is_int(in_the_way(store, LOCK_EXCLUSIVE, 10, pool), LOCKS_CONFLICTS_MAX, "some are named");
    is_int(in_the_way(store, LOCK_EXCLUSIVE, 150, pool), count - count / 2, "or all, if few");
    is_int(in_the_way(store, LOCK_SHARED, 10, pool), 1,
           "shared ones are not in a shared one's way");
    is_int(in_the_way(store, LOCK_EXCLUSIVE, 200, pool), 0, "nor are those that have expired");
}

int main(void)
{
    apr_initialize();
    fixture_run("many below", test_many);
    fixture_run("taking", test_taking);
    fixture_run("depth infinity", test_infinite);
    fixture_run("the tree changes", test_tree);
    fixture_run("time passes", test_time);
    fixture_run("users", test_users);
    return done_testing();
}
