#include "provider/settling.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_time.h>

#include "propstore/filestat.h"
#include "provider/executable.h"
#include "provider/metadata.h"
#include "provider/resource.h"
#include "provider/tempfile.h"

/** Intents of its own that a process gave up and that could not be settled. */
#define GIVEN_UP_MAX 64

/** An intent being settled. */
typedef struct settling_t {
    store_t *store;
    apr_uint64_t id;
    settling_whose_e whose;
    int settled; /* it was pending, and was settled */
    intent_t intent;
    intent_t at; /* the same, its paths for system calls */
} settling_t;

/* ---- intents that were given up ---- */

static pthread_mutex_t given_up_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const store_t *store;
    apr_uint64_t id;
} given_up[GIVEN_UP_MAX];
static int given_up_count;

/** Its place in the table, or -1.  The caller holds the mutex. */
static int find_given_up(const store_t *store, apr_uint64_t id)
{
    int i = given_up_count - 1;

    while (i >= 0 && (given_up[i].store != store || given_up[i].id != id))
        i--;
    return i;
}

/** Note that nobody works on the intent any more, or that it is settled. */
static void set_given_up(const store_t *store, apr_uint64_t id, int is_given_up)
{
    int i;

    pthread_mutex_lock(&given_up_mutex);
    i = find_given_up(store, id);
    if (is_given_up && i < 0 && given_up_count < GIVEN_UP_MAX) {
        given_up[given_up_count].store = store;
        given_up[given_up_count++].id = id;
    } else if (!is_given_up && i >= 0) {
        given_up[i] = given_up[--given_up_count];
    }
    pthread_mutex_unlock(&given_up_mutex);
}

int settling_is_worked_on(const store_t *store, const intent_t *intent)
{
    int is_given_up;

    pthread_mutex_lock(&given_up_mutex);
    is_given_up = given_up_count > 0 && find_given_up(store, intent->id) >= 0;
    pthread_mutex_unlock(&given_up_mutex);
    return !is_given_up && process_is_alive(&intent->owner);
}

/* ---- files ---- */

static int exists(const char *path)
{
    filestat_t st;

    return *path != '\0' && filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK) == APR_SUCCESS;
}

int settling_is_meant(const intent_t *intent, const char *path)
{
    filestat_t st;

    return *path != '\0' && filestat_read(&st, AT_FDCWD, path, FILESTAT_LINK) == APR_SUCCESS &&
           st.inode == intent->inode && st.birth_ns == intent->birth_ns;
}

/** The inode of the directory that PATH is in, or 0. */
static apr_uint64_t parent_inode(const pins_t *pins, const char *path, apr_pool_t *scratch_pool)
{
    const char *at = pins_path(pins, path, scratch_pool);
    filestat_t st;

    return *path != '\0' && filestat_read(&st, AT_FDCWD, resource_parent_path(at, scratch_pool),
                                          FILESTAT_TARGET) == APR_SUCCESS
               ? st.inode
               : 0;
}

void settling_locate(intent_t *intent, const pins_t *pins, apr_pool_t *scratch_pool)
{
    intent->from_parent = parent_inode(pins, intent->from, scratch_pool);
    intent->to_parent = parent_inode(pins, intent->to, scratch_pool);
}

apr_status_t settling_identify(intent_t *intent, const pins_t *pins, apr_pool_t *scratch_pool)
{
    filestat_t st;
    apr_status_t status =
        filestat_read(&st, AT_FDCWD, pins_path(pins, intent->from, scratch_pool), FILESTAT_LINK);

    if (status != APR_SUCCESS)
        return status;
    intent->inode = st.inode;
    intent->birth_ns = st.birth_ns;
    settling_locate(intent, pins, scratch_pool);
    return APR_SUCCESS;
}

apr_status_t settling_can_tell(const intent_t *intent, apr_pool_t *scratch_pool)
{
    const char *const paths[] = {intent->from, intent->to, intent->old};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        filestat_t st;
        apr_status_t status =
            *paths[i] != '\0' ? filestat_read(&st, AT_FDCWD, paths[i], FILESTAT_LINK) : APR_SUCCESS;

        if (status != APR_SUCCESS && status != ENOENT && status != ENOTDIR)
            return status;
    }
    if ((intent->from_parent != 0 &&
         parent_inode(NULL, intent->from, scratch_pool) != intent->from_parent) ||
        (intent->to_parent != 0 &&
         parent_inode(NULL, intent->to, scratch_pool) != intent->to_parent))
        return ENOENT;
    return APR_SUCCESS;
}

static apr_status_t sync_parent_of(const char *path, apr_pool_t *scratch_pool)
{
    return *path != '\0' ? tempfile_sync_directory(resource_parent_path(path, scratch_pool))
                         : APR_SUCCESS;
}

/** Rename, where nothing may be. */
static apr_status_t move_file(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return APR_SUCCESS;
    if ((errno == EINVAL || errno == ENOSYS) && !exists(to) && rename(from, to) == 0)
        return APR_SUCCESS;
    return errno;
}

/* ---- the directories ---- */

/** Hold the directory that PATH is in, if its inode is INODE. */
static apr_status_t hold(pins_t *pins, const char *path, apr_uint64_t inode,
                         apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_SUCCESS;
    struct stat st;
    int fd;

    if (*path == '\0' || inode == 0 || pins_has(pins, path))
        return APR_SUCCESS;
    fd = open(resource_parent_path(path, scratch_pool), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0)
        status = errno;
    else if (st.st_ino != inode)
        status = ENOENT;
    if (status == APR_SUCCESS)
        pins_hold(pins, path, fd);
    else
        close(fd);
    return status;
}

/**
 * Hold the directories that the intent was written in: what is looked at is then what is acted on,
 * whoever puts a link in the way meanwhile.  Without /proc they go by name.
 */
static apr_status_t hold_directories(settling_t *settling, apr_pool_t *result_pool)
{
    const intent_t *intent = &settling->intent;
    intent_t *at = &settling->at;
    pins_t *pins = pins_create(result_pool);
    apr_status_t status = APR_SUCCESS;

    *at = *intent;
    if (!tempfile_has_descriptors())
        return APR_SUCCESS;
    status = hold(pins, intent->from, intent->from_parent, result_pool);
    if (status == APR_SUCCESS)
        status = hold(pins, intent->to, intent->to_parent, result_pool);
    at->from = pins_path(pins, intent->from, result_pool);
    at->to = pins_path(pins, intent->to, result_pool);
    at->old = pins_path(pins, intent->old, result_pool);
    return status;
}

/* ---- settling ---- */

/** Put the intent to remove what is at PATH, which nobody misses, in the place of INTENT. */
static apr_status_t leave(const intent_t *intent, store_txn_t *txn, const char *path,
                          const char *rest, apr_pool_t *scratch_pool)
{
    intent_t clear = *intent;

    clear.kind = INTENT_CLEAR;
    clear.temporary = 0;
    clear.from_parent = path == intent->from ? intent->from_parent : intent->to_parent;
    clear.to_parent = 0;
    clear.from = path;
    clear.to = rest;
    clear.old = "";
    return intents_put(txn, &clear, scratch_pool);
}

/** The rename happened: follow. */
static apr_status_t complete_move(const settling_t *settling, store_txn_t *txn,
                                  apr_pool_t *scratch_pool)
{
    const intent_t *intent = &settling->intent, *at = &settling->at;
    apr_status_t status = APR_SUCCESS;

    /* What was exchanged has the source's name still. */
    if (*at->old != '\0' && !exists(at->old) && exists(at->from))
        status = move_file(at->from, at->old);
    /* The store must not be ahead of the files. */
    if (status == APR_SUCCESS)
        status = sync_parent_of(at->to, scratch_pool);
    if (status == APR_SUCCESS)
        status = sync_parent_of(at->from, scratch_pool);
    if (status == APR_SUCCESS)
        status = metadata_remove(txn, intent->to, intent->to_node, scratch_pool);
    if (status == APR_SUCCESS)
        status = metadata_move(txn, intent->from, intent->from_node, intent->to, scratch_pool);
    if (status == APR_SUCCESS && exists(at->old))
        return leave(intent, txn, intent->old, "", scratch_pool);
    return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
}

/** The rename did not happen. */
static apr_status_t cancel_move(const settling_t *settling, store_txn_t *txn,
                                apr_pool_t *scratch_pool)
{
    const intent_t *intent = &settling->intent, *at = &settling->at;
    apr_status_t status = APR_SUCCESS;

    if (exists(at->old)) {
        /* What was to be replaced was put aside, or has a second name. */
        if (!exists(at->to))
            status = move_file(at->old, at->to);
        else if (unlink(at->old) != 0)
            status = errno;
        if (status == APR_SUCCESS)
            status = sync_parent_of(at->to, scratch_pool);
    }
    if (status == APR_SUCCESS && intent->temporary)
        return leave(intent, txn, intent->from, "", scratch_pool);
    return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
}

/** Put back what a rename moved, and what it replaced. */
static apr_status_t reverse_move(const intent_t *at, apr_pool_t *scratch_pool)
{
    apr_status_t status = APR_SUCCESS;

    if (!settling_is_meant(at, at->to))
        return APR_SUCCESS;
    if (*at->old != '\0' && !exists(at->old) && exists(at->from))
        status = move_file(at->from, at->old);
    if (status == APR_SUCCESS)
        status = move_file(at->to, at->from);
    return status == APR_SUCCESS ? sync_parent_of(at->from, scratch_pool) : status;
}

static apr_status_t settle_move(const settling_t *settling, store_txn_t *txn,
                                apr_pool_t *scratch_pool)
{
    const intent_t *at = &settling->at;
    apr_status_t status =
        settling->whose == SETTLING_OWN ? reverse_move(at, scratch_pool) : APR_SUCCESS;

    if (status != APR_SUCCESS)
        return status;
    if (settling_is_meant(at, at->from))
        return cancel_move(settling, txn, scratch_pool);
    /* Neither: somebody from outside has it, or a loss of power took a copy's name. */
    return settling_is_meant(at, at->to) ? complete_move(settling, txn, scratch_pool)
                                         : cancel_move(settling, txn, scratch_pool);
}

static apr_status_t settle_removal(const settling_t *settling, store_txn_t *txn,
                                   apr_pool_t *scratch_pool)
{
    const intent_t *intent = &settling->intent, *at = &settling->at;
    apr_status_t status = APR_SUCCESS;

    if (settling->whose == SETTLING_OWN && exists(at->to))
        status = move_file(at->to, at->from);
    if (status == APR_SUCCESS)
        status = sync_parent_of(at->from, scratch_pool);
    if (status == APR_SUCCESS && exists(at->to)) {
        status = metadata_move(txn, intent->from, intent->from_node, intent->to, scratch_pool);
        return status == APR_SUCCESS ? leave(intent, txn, intent->to, intent->from, scratch_pool)
                                     : status;
    }
    if (status == APR_SUCCESS && !settling_is_meant(at, at->from))
        status = metadata_remove(txn, intent->from, intent->from_node, scratch_pool);
    return status == APR_SUCCESS ? intents_remove(txn, intent->id) : status;
}

/** An empty file that was to be locked, and is not, goes. */
static apr_status_t settle_creation(const settling_t *settling, store_txn_t *txn,
                                    apr_pool_t *scratch_pool)
{
    const intent_t *at = &settling->at;
    apr_status_t status = APR_SUCCESS;
    filestat_t st;

    if (settling_is_meant(at, at->from) &&
        filestat_read(&st, AT_FDCWD, at->from, FILESTAT_LINK) == APR_SUCCESS && st.size == 0) {
        status = unlink(at->from) == 0 ? APR_SUCCESS : errno;
        if (status == APR_SUCCESS)
            status = sync_parent_of(at->from, scratch_pool);
    }
    return status == APR_SUCCESS ? intents_remove(txn, at->id) : status;
}

/** Permissions are what they were. */
static apr_status_t settle_mode(const intent_t *at, store_txn_t *txn)
{
    apr_status_t status = APR_SUCCESS;

    if (settling_is_meant(at, at->from))
        status = executable_restore(at->from, NULL, (mode_t)at->mode & 07777);
    return status == APR_SUCCESS ? intents_remove(txn, at->id) : status;
}

/** store_write_fn: settle one intent, unless somebody else was first. */
static apr_status_t settle_body(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool)
{
    settling_t *settling = baton;
    intent_t *intent = &settling->intent;
    apr_status_t status = intents_get(intent, txn, settling->id, scratch_pool);

    settling->settled = 0;
    if (status == STORE_ABSENT)
        return STORE_NOTHING;
    if (status != APR_SUCCESS)
        return status;
    if (intent->kind == INTENT_CLEAR ||
        (settling->whose == SETTLING_ABANDONED && settling_is_worked_on(settling->store, intent)))
        return STORE_NOTHING;
    status = settling_can_tell(intent, scratch_pool);
    if (status == APR_SUCCESS)
        status = hold_directories(settling, scratch_pool);
    if (status != APR_SUCCESS)
        return status;
    settling->settled = 1;
    switch (intent->kind) {
    case INTENT_MOVE:
        return settle_move(settling, txn, scratch_pool);
    case INTENT_REMOVE:
        return settle_removal(settling, txn, scratch_pool);
    case INTENT_CREATE:
        return settle_creation(settling, txn, scratch_pool);
    case INTENT_MODE:
        return settle_mode(&settling->at, txn);
    case INTENT_CLEAR:
        break;
    }
    return STORE_CORRUPT;
}

/** Whether so much about the intent with ID is to be logged: not again with each request. */
static int is_news(apr_uint64_t id)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static apr_uint64_t last_id;
    static apr_time_t last;
    apr_time_t now = apr_time_now();
    int news;

    pthread_mutex_lock(&mutex);
    news = id != last_id || now - last > apr_time_from_sec(60) || now < last;
    if (news) {
        last_id = id;
        last = now;
    }
    pthread_mutex_unlock(&mutex);
    return news;
}

apr_status_t settling_run(store_t *store, apr_uint64_t id, settling_whose_e whose,
                          apr_pool_t *scratch_pool)
{
    settling_t settling = {.store = store, .id = id, .whose = whose};
    const char *from;
    apr_pool_t *pool;
    apr_status_t status;
    char words[128];

    apr_pool_create(&pool, scratch_pool);
    status = store_write_settled(store, settle_body, &settling, pool);
    set_given_up(store, id, whose == SETTLING_OWN && status != APR_SUCCESS);
    from = settling.intent.from != NULL ? settling.intent.from : "?";
    if (status != APR_SUCCESS && is_news(id))
        store_log(store, STORE_LOG_ERROR, status,
                  "what was left half-done at %s cannot be settled: %s%s", from,
                  store_strerror(status, words, sizeof(words)),
                  status == ENOENT ? " (is a file system not mounted?)" : "");
    else if (status == APR_SUCCESS && settling.settled)
        store_log(store, STORE_LOG_INFO, APR_SUCCESS, "settled what was left half-done at %s",
                  from);
    apr_pool_destroy(pool);
    return status;
}
