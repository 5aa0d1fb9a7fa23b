/*
 * A byte is wrong somewhere in a store's data file, or a block of it: what a server does at its
 * start refuses it, or what is read afterwards is right, or an error.  Each time in a process of
 * its own, which is not to be ended by a signal.
 *
 * DEPOT_DAMAGE=all: every byte that says where something is, each of its bits.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/intents.h"
#include "propstore/key.h"
#include "propstore/locks.h"
#include "propstore/meta.h"
#include "propstore/nodes.h"
#include "propstore/record.h"
#include "t/unit/fixture.h"
#include "t/unit/tap.h"
#include "t/unit/tree.h"

/** LMDB's own, on the machines that tests run on. */
#define PAGE 4096
#define HEAD 16
#define META_END 152
#define NODE_HEAD 8
/** What a disk writes at once. */
#define SECTOR 512
#define PAGE_BRANCH 1
#define PAGE_LEAF 2
#define PAGE_OVERFLOW 4
#define PAGE_META 8

/** What comes of a byte. */
typedef enum outcome_e {
    SAME,    /**< all as before */
    ERRORS,  /**< errors for some records, all others as before */
    REFUSED, /**< at the start */
    WRONG,   /**< an answer that is another one than before, and no error */
    ENDED,   /**< by a signal, after the start */
    OUTCOMES
} outcome_e;

/** A store's file, and what it says. */
typedef struct sound_t {
    unsigned char *bytes;
    apr_size_t size;
    apr_array_header_t *keys, *values; /* store_slice_t */
    const char *directory;             /* where damaged ones are put */
    int each_bit;                      /* whether all are tried */
    apr_pool_t *pool;
} sound_t;

/** A generator of our own: the same places in each run. */
static unsigned below(unsigned n)
{
    static apr_uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* ---- the store ---- */

static const char *path_of(int n, apr_pool_t *pool)
{
    return apr_psprintf(pool, "/drive/folder-%d/file-%d", n % 7, n);
}

static apr_status_t lock_one(store_txn_t *txn, int n, apr_pool_t *pool)
{
    static const lock_limits_t no_limits = {0};
    apr_array_header_t *conflicts;
    lock_t lock = {.scope = LOCK_SHARED,
                   .infinite = n % 2,
                   .expires = n % 3 ? LOCK_NEVER : 4000000000 + n,
                   .principal = "somebody",
                   .owner = "<D:owner xmlns:D=\"DAV:\">somebody</D:owner>"};

    for (int i = 0; i < LOCK_TOKEN_SIZE; i++)
        lock.token.bytes[i] = (unsigned char)below(256);
    return locks_add(txn, path_of(n, pool), NODE_FILE, &tree_print, &lock, &no_limits, 50,
                     &conflicts, pool);
}

static apr_status_t intend_one(store_txn_t *txn, int n, apr_pool_t *pool)
{
    intent_t intent = {.kind = INTENT_MOVE,
                       .inode = (apr_uint64_t)n,
                       .from = path_of(n, pool),
                       .to = "/drive/elsewhere",
                       .old = ""};

    return intents_add(txn, &intent, pool);
}

/** store_write_fn: some more contents; *BATON counts. */
static apr_status_t fill(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    int first = *(const int *)baton;
    apr_status_t status = APR_SUCCESS;

    for (int n = first; n < first + 40 && status == APR_SUCCESS; n++) {
        status = tree_set(txn, path_of(n, pool), "p", 'p', 20 + below(100), pool);
        if (status == APR_SUCCESS && n % 5 == 0)
            status = tree_set(txn, path_of(n, pool), "q", 'q', below(n % 25 ? 3000 : 20000), pool);
        if (status == APR_SUCCESS && n % 8 == 0)
            status = lock_one(txn, n, pool);
        if (status == APR_SUCCESS && n % 80 == 0)
            status = intend_one(txn, n, pool);
    }
    return status;
}

/** store_write_fn: some contents less. */
static apr_status_t thin_out(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    int first = *(const int *)baton;
    apr_status_t status = APR_SUCCESS;

    for (int n = first; n < first + 40 && status == APR_SUCCESS; n += 4)
        status = tree_set(txn, path_of(n, pool), "q", 0, 0, pool);
    return status;
}

/** Make a store as a server would have left it, and keep its file and what it says. */
static void make_sound(sound_t *sound, int fills)
{
    static const store_range_t all;
    apr_pool_t *pool = sound->pool;
    const char *directory = "";
    store_slice_t key, value;
    store_cursor_t *cursor;
    store_txn_t *txn;
    store_t *store;
    struct stat st;
    FILE *file;

    is_status(fixture_directory(&directory, pool), APR_SUCCESS, "a directory");
    is_status(fixture_open(&store, "lmdb", directory, "", pool), APR_SUCCESS, "a store");
    is_status(meta_prepare(store, pool), APR_SUCCESS, "prepare it");
    for (int n = 0; n < fills * 40; n += 40)
        is_status(store_write(store, fill, &n, pool), APR_SUCCESS, "fill it");
    for (int n = 0; n < fills * 40; n += 80)
        is_status(store_write(store, thin_out, &n, pool), APR_SUCCESS, "thin it out");
    sound->keys = apr_array_make(pool, 1000, sizeof(key));
    sound->values = apr_array_make(pool, 1000, sizeof(key));
    is_status(store_begin(&txn, store, STORE_READ, pool), APR_SUCCESS, "read");
    is_status(store_scan(&cursor, txn, &all, pool), APR_SUCCESS, "it");
    while (store_next(cursor, &key, &value) == APR_SUCCESS) {
        key.data = apr_pmemdup(pool, key.data, key.len);
        value.data = apr_pmemdup(pool, value.data, value.len);
        APR_ARRAY_PUSH(sound->keys, store_slice_t) = key;
        APR_ARRAY_PUSH(sound->values, store_slice_t) = value;
    }
    store_abort(txn);
    store_close(store);
    file = fopen(apr_pstrcat(pool, directory, "/data.mdb", NULL), "rb");
    ok(file != NULL && fstat(fileno(file), &st) == 0, "its file");
    sound->size = (apr_size_t)st.st_size;
    sound->bytes = apr_palloc(pool, sound->size);
    ok(fread(sound->bytes, 1, sound->size, file) == sound->size, "is read");
    fclose(file);
    diag("%d records in %d pages", sound->keys->nelts, (int)(sound->size / PAGE));
}

/* ---- a server ---- */

/** Whether the process that serves has come through its start; the parent sees it. */
static volatile int *has_started;

/** What the record at KEY, which had VALUE, is now. */
static outcome_e ask(store_txn_t *txn, store_slice_t key, store_slice_t value)
{
    store_slice_t found, body;
    apr_status_t status = store_get(txn, key, &found);

    if (status != APR_SUCCESS)
        return status == STORE_ABSENT ? WRONG : ERRORS;
    if (found.len == value.len &&
        (value.len == 0 || memcmp(found.data, value.data, value.len) == 0))
        return SAME;
    if (record_open(&body, found) != APR_SUCCESS)
        return ERRORS;
    /* Counters go up. */
    return *(const char *)key.data == KEY_META && found.len == value.len ? SAME : WRONG;
}

/** The worst answer to all questions, and to one scan. */
static outcome_e ask_all(const sound_t *sound, store_t *store, apr_pool_t *pool)
{
    static const store_range_t all;
    outcome_e worst = SAME;
    store_cursor_t *cursor;
    store_txn_t *txn;
    int count = 0;
    apr_status_t status = store_begin(&txn, store, STORE_READ, pool);

    if (status != APR_SUCCESS)
        return ERRORS;
    for (int i = 0; i < sound->keys->nelts; i++) {
        outcome_e outcome = ask(txn, APR_ARRAY_IDX(sound->keys, i, store_slice_t),
                                APR_ARRAY_IDX(sound->values, i, store_slice_t));

        worst = outcome > worst ? outcome : worst;
    }
    status = store_scan(&cursor, txn, &all, pool);
    while (status == APR_SUCCESS && (status = store_next(cursor, NULL, NULL)) == APR_SUCCESS)
        count++;
    if (status == STORE_ABSENT && count != sound->keys->nelts)
        worst = WRONG;
    else if (status != STORE_ABSENT && worst == SAME)
        worst = ERRORS;
    store_abort(txn);
    return worst;
}

/** store_write_fn: what requests write. */
static apr_status_t write_some(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;

    (void)baton;
    for (int n = 0; n < 60 && status == APR_SUCCESS; n++) {
        const char *path = apr_psprintf(pool, "/other/%d", n);

        status = tree_set(txn, path, "p", 'p', n % 20 ? 300 : 9000, pool);
        if (status == APR_SUCCESS && n % 3 == 0)
            status = nodes_remove(txn, path, pool);
    }
    return status;
}

/** store_write_fn: take it back. */
static apr_status_t remove_some(store_txn_t *txn, void *baton, apr_pool_t *pool)
{
    (void)baton;
    return nodes_remove(txn, "/other", pool);
}

/** Start with the store in DIRECTORY as a server does, and serve. */
static outcome_e serve(const sound_t *sound, const char *directory, apr_pool_t *pool)
{
    const apr_time_t until = apr_time_now() + apr_time_from_sec(10);
    outcome_e before, after;
    apr_status_t status;
    store_t *store;

    if (fixture_open(&store, "lmdb", directory, "mapsize=1G maxreaders=16", pool) != APR_SUCCESS ||
        meta_verify(store, until, pool) != APR_SUCCESS ||
        meta_prepare(store, pool) != APR_SUCCESS ||
        meta_read_through(store, until, pool) != APR_SUCCESS)
        return REFUSED;
    *has_started = 1;
    before = ask_all(sound, store, pool);
    if (before != SAME)
        return before;
    status = store_write(store, write_some, NULL, pool);
    if (status == APR_SUCCESS)
        status = store_write(store, remove_some, NULL, pool);
    if (status != APR_SUCCESS)
        return ERRORS;
    after = ask_all(sound, store, pool);
    store_close(store);
    return after;
}

/** Serve with the file as it is in SOUND just now. */
static outcome_e try_file(const sound_t *sound)
{
    char data[APR_PATH_MAX], locks[APR_PATH_MAX];
    int status = 0, fd;
    pid_t child;

    apr_snprintf(data, sizeof(data), "%s/data.mdb", sound->directory);
    apr_snprintf(locks, sizeof(locks), "%s/lock.mdb", sound->directory);
    unlink(locks);
    fd = open(data, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, sound->bytes, sound->size) != (ssize_t)sound->size)
        exit(1);
    close(fd);
    *has_started = 0;
    child = fork();
    if (child == 0) {
        apr_pool_t *pool;

        alarm(60);
        apr_pool_create(&pool, sound->pool);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(ENDED);
        _exit(serve(sound, sound->directory, pool));
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        exit(1);
    /* At the start it is a trial, whose end is known to mean no. */
    return WIFEXITED(status) ? (outcome_e)WEXITSTATUS(status) : *has_started ? ENDED : REFUSED;
}

/* ---- bytes ---- */

/** How often what came of a byte. */
typedef struct counts_t {
    const char *what;
    int of[OUTCOMES];
    int all;
} counts_t;

/** Try the file, in which the byte AT of PAGE is altered as HOW says. */
static void count(counts_t *counts, const sound_t *sound, apr_size_t page, unsigned at, int how)
{
    static const char *const words[OUTCOMES] = {
        [WRONG] = "answers are others", [ENDED] = "a signal ends the server"};
    outcome_e outcome = try_file(sound);

    counts->of[outcome]++;
    counts->all++;
    if (words[outcome] != NULL)
        diag("page %d, byte %u, %s %02x: %s", (int)page, at, counts->what, (unsigned)how,
             words[outcome]);
}

/** Alter the bits of MASK. */
static void count_bits(counts_t *counts, const sound_t *sound, apr_size_t page, unsigned at,
                       int mask)
{
    sound->bytes[page * PAGE + at] ^= (unsigned char)mask;
    count(counts, sound, page, at, mask);
    sound->bytes[page * PAGE + at] ^= (unsigned char)mask;
}

/** Let PAGE, from AT on, hold for LENGTH bytes what is at FROM, or nothing if that is NULL. */
static void count_block(counts_t *counts, const sound_t *sound, apr_size_t page, unsigned at,
                        const unsigned char *from, apr_size_t length)
{
    unsigned char *to = sound->bytes + page * PAGE + at, kept[PAGE];

    memcpy(kept, to, length);
    if (from != NULL)
        memmove(to, from, length);
    else
        memset(to, 0, length);
    count(counts, sound, page, at, 0);
    memcpy(to, kept, length);
}

/** A bit of the byte; or, if that is asked for, each, and all. */
static void count_byte(counts_t *counts, const sound_t *sound, apr_size_t page, unsigned at)
{
    if (!sound->each_bit) {
        count_bits(counts, sound, page, at, 1 << below(8));
        return;
    }
    for (int bit = 0; bit < 8; bit++)
        count_bits(counts, sound, page, at, 1 << bit);
    count_bits(counts, sound, page, at, 0xff);
}

static unsigned u16_at(const unsigned char *bytes)
{
    apr_uint16_t n;

    memcpy(&n, bytes, sizeof(n));
    return n;
}

/** Of a page's nodes, where they are said to be, and their heads; some of them, or all. */
static void count_nodes(counts_t *heads, counts_t *data, const sound_t *sound, apr_size_t page)
{
    const unsigned char *bytes = sound->bytes + page * PAGE;
    unsigned nodes = (u16_at(bytes + 12) - HEAD) / 2;
    unsigned rounds = sound->each_bit ? nodes : 4;

    for (unsigned i = 0; i < rounds; i++) {
        unsigned n = sound->each_bit ? i : below(nodes),
                 at = u16_at(bytes + HEAD + 2 * (apr_size_t)n);

        for (unsigned byte = 0; byte < NODE_HEAD; byte++) {
            if (sound->each_bit || byte % 4 == i)
                count_byte(heads, sound, page, at + byte);
        }
        count_byte(heads, sound, page, HEAD + 2 * n + i % 2);
        /* Most of it the key. */
        count_bits(data, sound, page, at + NODE_HEAD + below(24), 1 << below(8));
    }
}

static void count_page(counts_t *heads, counts_t *data, const sound_t *sound, apr_size_t page)
{
    const unsigned char *bytes = sound->bytes + page * PAGE;
    unsigned flags = u16_at(bytes + 10), end = flags & PAGE_META ? META_END : HEAD;

    /* What is not the beginning of anything has neither number nor flags. */
    if (bytes[0] == page % 256 && (flags == PAGE_META || flags == PAGE_BRANCH ||
                                   flags == PAGE_LEAF || flags == PAGE_OVERFLOW)) {
        for (unsigned i = 0; i < end; i++)
            count_byte(heads, sound, page, i);
        if (flags == PAGE_BRANCH || flags == PAGE_LEAF)
            count_nodes(heads, data, sound, page);
    }
    count_bits(data, sound, page, HEAD + below(PAGE - HEAD), 1 << below(8));
    count_bits(data, sound, page, HEAD + below(PAGE - HEAD), 0xff);
}

/** Blocks that were not written, or elsewhere. */
static void count_blocks(counts_t *blocks, const sound_t *sound, apr_size_t page)
{
    const unsigned char *other =
        sound->bytes + below((unsigned)(sound->size / PAGE)) * (apr_size_t)PAGE;

    count_block(blocks, sound, page, 0, NULL, PAGE);
    count_block(blocks, sound, page, 0, other, PAGE);
    for (unsigned i = 0; i < PAGE / SECTOR; i++) {
        if (sound->each_bit || i == page % (PAGE / SECTOR))
            count_block(blocks, sound, page, i * SECTOR, NULL, SECTOR);
    }
}

static void tell(const counts_t *counts)
{
    diag("%s: %d times altered: %d refused at the start, %d errors, %d as before, "
         "%d other answers, %d signals",
         counts->what, counts->all, counts->of[REFUSED], counts->of[ERRORS], counts->of[SAME],
         counts->of[WRONG], counts->of[ENDED]);
}

int main(void)
{
    const char *mode = getenv("DEPOT_DAMAGE");
    counts_t heads = {.what = "structure"}, data = {.what = "data"}, blocks = {.what = "blocks"};
    sound_t sound = {.each_bit = mode != NULL && strcmp(mode, "all") == 0};

    apr_initialize();
    apr_pool_create(&sound.pool, NULL);
    /* None of the thousands of commits has to last. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    has_started =
        mmap(NULL, sizeof(*has_started), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ok(has_started != MAP_FAILED, "memory that is shared");
    is_status(fixture_directory(&sound.directory, sound.pool), APR_SUCCESS, "a directory");
    make_sound(&sound, 8);
    is_int(try_file(&sound), SAME, "with nothing wrong all is as before");
    for (apr_size_t page = 0; page < sound.size / PAGE; page++) {
        count_page(&heads, &data, &sound, page);
        count_blocks(&blocks, &sound, page);
    }
    tell(&heads);
    tell(&data);
    tell(&blocks);
    is_int(heads.of[ENDED] + data.of[ENDED] + blocks.of[ENDED], 0,
           "no signal ends a server that has started");
    is_int(heads.of[WRONG] + data.of[WRONG] + blocks.of[WRONG], 0,
           "nor does it answer otherwise than before");
    apr_pool_destroy(sound.pool);
    return done_testing();
}
