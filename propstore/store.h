/*
 * store.h -- the property store's contract.
 *
 * A store is an ordered map from binary keys to binary values, changed by
 * transactions.  Everything above it (names, nodes, later locks and the change
 * log) is written once against this header; a backend is a small table of
 * functions behind it (backend.h).
 *
 * The rules, each in a sentence:
 *  - Keys are 1 to STORE_KEY_MAX bytes, ordered as memcmp(3) orders them, a
 *    prefix before what it is a prefix of; values are 0 to STORE_VALUE_MAX bytes.
 *  - A reader sees the store as of its store_begin(), whatever is committed since.
 *  - Writers are serialisable and see their own writes; nobody else sees them
 *    before store_commit() has answered APR_SUCCESS, and then all of them.
 *  - A slice handed out by get, get_many or next points into the store's memory:
 *    it lives until the next write (put, del, del_range) in the same transaction
 *    or the transaction's end, whichever is first, and must not be written to, nor
 *    be handed back to put, which may move what it points to: copy it first.
 *  - A store handle serves all threads of the process that opened it, and no
 *    other process: open it after fork(2).  A transaction and its cursors belong
 *    to one thread at a time; a write transaction to the thread that began it.
 *  - A thread has at most one write transaction open, and begins no write while
 *    it holds one (it would wait for itself).
 *
 * Every function that can fail answers an apr_status_t: APR_SUCCESS, one of the
 * STORE_* codes below, or the operating system's error.  store_strerror() words
 * all of them.
 */
#ifndef PROPSTORE_STORE_H
#define PROPSTORE_STORE_H

#include <sys/types.h>

#include <apr_errno.h>
#include <apr_file_io.h>
#include <apr_pools.h>
#include <apr_tables.h>

/** Longest key in bytes. */
#define STORE_KEY_MAX 480
/** Longest value in bytes (1 GiB). */
#define STORE_VALUE_MAX ((apr_size_t)1 << 30)

/** First of the codes below; they do not collide with the system's or APR's. */
#define STORE_STATUS_START (APR_OS_START_USERERR + 4100)
/** There is no such key, or the scan is at its end. */
#define STORE_ABSENT (STORE_STATUS_START + 0)
/** Another writer was first: nothing was changed, run the work again. */
#define STORE_CONFLICT (STORE_STATUS_START + 1)
/** No room in the store or on its device: nothing was changed. */
#define STORE_FULL (STORE_STATUS_START + 2)
/** A write in a read transaction, or on a store opened for reading. */
#define STORE_READONLY (STORE_STATUS_START + 3)
/** What is stored contradicts itself; the details were logged. */
#define STORE_CORRUPT (STORE_STATUS_START + 4)
/** The store was written in a format this version does not know. */
#define STORE_FORMAT (STORE_STATUS_START + 5)
/** A key, value, name or count is outside its documented limit. */
#define STORE_LIMIT (STORE_STATUS_START + 6)
/** No place for another reader just now, or the store is being enlarged: try again. */
#define STORE_BUSY (STORE_STATUS_START + 7)
/** A call the rules above forbid: a transaction already ended, a stale cursor. */
#define STORE_MISUSE (STORE_STATUS_START + 8)
/** The specification names no known backend or parameter. */
#define STORE_BADSPEC (STORE_STATUS_START + 9)
/** Another lock on the resource is in the way (locks.h). */
#define STORE_LOCKED (STORE_STATUS_START + 10)
/** A store_write() body's answer: there is nothing to commit. */
#define STORE_NOTHING (STORE_STATUS_START + 11)

/** A run of bytes that somebody else owns. */
typedef struct store_slice_t {
    const void *data; /**< first byte; NULL in a get_many() answer means absent */
    apr_size_t len;   /**< in bytes */
} store_slice_t;

/** An open store; see the rules on threads and processes above. */
typedef struct store_t store_t;
/** A transaction. */
typedef struct store_txn_t store_txn_t;
/** A scan in progress. */
typedef struct store_cursor_t store_cursor_t;

/** What a transaction may do. */
typedef enum store_mode_e { STORE_READ, STORE_WRITE } store_mode_e;

/** How much a logged line matters. */
typedef enum store_log_level_e {
    STORE_LOG_ERROR,
    STORE_LOG_WARNING,
    STORE_LOG_INFO,
    STORE_LOG_DEBUG
} store_log_level_e;

/**
 * Receives one line of a store's log.
 * @param baton as given in store_log_t
 * @param level how much it matters
 * @param status the status it is about, or APR_SUCCESS
 * @param message the line, without an end of line; valid during the call only
 */
typedef void store_log_fn(void *baton, store_log_level_e level, apr_status_t status,
                          const char *message);

/** Where a store's log goes; a NULL function discards it.  May be called from any thread. */
typedef struct store_log_t {
    store_log_fn *log;
    void *baton;
} store_log_t;

/** A store's specification: which backend, where, and its settings. */
typedef struct store_spec_t {
    const char *backend;  /**< the backend's name, for example "lmdb" */
    const char *location; /**< what stood behind the colon; a path if location_is_path */
    int location_is_path; /**< whether LOCATION names a directory on this machine */
    int is_shared;        /**< whether several processes may open one such store */
    apr_table_t *params;  /**< the key=value settings */
} store_spec_t;

/**
 * Read a specification: "name:location", then any number of "key=value".
 *
 * A decorator's location is itself a specification ("trace:lmdb:/path"), and its
 * location_is_path speaks of the innermost.
 *
 * @param spec_p set to the specification, allocated in RESULT_POOL
 * @param argc,argv the words, as a directive or a command line has them
 * @param error_p set on failure to a sentence for the administrator
 * @param result_pool lifetime of *SPEC_P and *ERROR_P
 * @return APR_SUCCESS; STORE_BADSPEC for an unknown backend or key, or a
 *         missing or wrong value
 */
apr_status_t store_spec_parse(store_spec_t **spec_p, int argc, const char *const *argv,
                              const char **error_p, apr_pool_t *result_pool);

/**
 * The directory a specification names, for resolving it against a root.
 * @return the path inside SPEC's location, or NULL if it names none
 */
const char *store_spec_path(const store_spec_t *spec);

/**
 * Put another directory in the place of the one SPEC names.
 * @param spec changed in place
 * @param path the new directory, copied into POOL, which must live as long as SPEC
 * @return APR_SUCCESS; STORE_BADSPEC if SPEC names no path
 */
apr_status_t store_spec_set_path(store_spec_t *spec, const char *path, apr_pool_t *pool);

/**
 * The names of the files that the store at SPEC is made of, in store_spec_path(), the one with
 * the data first.
 * @return an array that ends with NULL, empty if SPEC names no directory; it lives for ever
 */
const char *const *store_files(const store_spec_t *spec);

/**
 * Whether there is a store at SPEC; it is not created by asking.
 * @return APR_SUCCESS; STORE_ABSENT, also of a backend whose stores end with their process; or
 *         the system's error
 */
apr_status_t store_exists(const store_spec_t *spec, apr_pool_t *scratch_pool);

/**
 * Open a store, creating it when it is not there.
 *
 * @param store_p set to the store; it is closed by store_close() or with RESULT_POOL
 * @param spec from store_spec_parse(); needed during the call only
 * @param log where its log goes; copied
 * @param result_pool lifetime of the store
 * @return APR_SUCCESS; STORE_FORMAT, STORE_CORRUPT, STORE_FULL, STORE_LIMIT for a
 *         parameter out of range, or the system's error; the reason has been logged
 */
apr_status_t store_open(store_t **store_p, const store_spec_t *spec, const store_log_t *log,
                        apr_pool_t *result_pool);

/** Close STORE.  No transaction may be open; those of other processes are not touched. */
void store_close(store_t *store);

/** The backend's name, for logs and tests. */
const char *store_backend_name(const store_t *store);

/** Whether several processes may have this store open at the same time. */
int store_is_shared(const store_t *store);

/**
 * The store that STORE, which is open, decorates (trace does), or STORE itself.  What is asked
 * of it is neither counted nor made to fail; it is closed with STORE.
 */
store_t *store_undecorated(store_t *store);

/** Send a line to STORE's log.  The format is apr_psprintf's; long lines are cut. */
void store_log(const store_t *store, store_log_level_e level, apr_status_t status,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/**
 * Begin a transaction.  It is aborted when RESULT_POOL is cleared before its end.
 *
 * Keep read transactions short (they pin old pages), and never hold one across a
 * network write.  A write waits for the writer before it.
 *
 * @return APR_SUCCESS; STORE_BUSY if there is no place just now; STORE_READONLY for a write on a
 * store opened for reading
 */
apr_status_t store_begin(store_txn_t **txn_p, store_t *store, store_mode_e mode,
                         apr_pool_t *result_pool);

/**
 * Make TXN's writes visible and, under the store's durability, lasting.  TXN has
 * ended whatever the answer.  If a write in it failed for another reason than
 * STORE_ABSENT or STORE_LIMIT, it is aborted and that reason answered again.
 * @return APR_SUCCESS; STORE_CONFLICT or STORE_FULL with nothing changed
 */
apr_status_t store_commit(store_txn_t *txn) __attribute__((warn_unused_result));

/**
 * Let the system put off what makes TXN's commit lasting: a power failure soon after it may
 * leave the store as it was before TXN, or before some of the last such transactions; never in
 * between, and never without what was committed before them.  A later commit that is not so
 * relaxed makes it lasting as well.  Of the transactions that share a commit, all have to allow it.
 * (LMDB then waits for the device once a commit, not twice.)
 */
void store_relax(store_txn_t *txn);

/** End TXN and forget its writes. */
void store_abort(store_txn_t *txn);

/**
 * Begin a write transaction within another, for work of which either all or nothing is to be
 * part of PARENT.  Its commit makes its writes PARENT's, and nobody else's until PARENT
 * commits; its abort leaves PARENT as it was.  Until then nothing else may be done with PARENT;
 * a commit of PARENT answers STORE_MISUSE and, like its abort, aborts both.
 * @return APR_SUCCESS; APR_ENOTIMPL if the backend has no such thing; as a write in PARENT
 */
apr_status_t store_nest(store_txn_t **txn_p, store_txn_t *parent, apr_pool_t *result_pool);

/**
 * The work of one write transaction.
 *
 * Concurrent writers of a process share a commit: their bodies run one after another in one
 * transaction, nested in it, and the answers are given when it has been committed.  So
 *  - a body may run on another thread than the one that asked for it, which waits meanwhile;
 *  - it sees what bodies before it wrote, of which the commit may yet fail; one that changes
 *    anything outside the store is for store_write_settled();
 *  - it may run several times, each time on a fresh transaction, so it must leave nothing behind
 *    outside TXN that a second run does not take into account or overwrite;
 *  - it does not wait for another writer.
 *
 * @return APR_SUCCESS to commit; STORE_NOTHING to end without a commit, as if that had succeeded;
 *         anything else aborts and is passed on
 */
typedef apr_status_t store_write_fn(store_txn_t *txn, void *baton, apr_pool_t *scratch_pool);

/**
 * Run BODY in a write transaction and commit, again from the start while the answer is
 * STORE_CONFLICT (a bounded number of times).  Where nobody else writes, the transaction is
 * BODY's own, and begins at once.
 * @param scratch_pool a subpool of it is cleared before each run
 * @return what BODY, store_begin() or store_commit() answered last.  A failure has always been
 *         met in a transaction of BODY's own.
 */
apr_status_t store_write(store_t *store, store_write_fn *body, void *baton,
                         apr_pool_t *scratch_pool) __attribute__((warn_unused_result));

/**
 * The same for a BODY that changes something outside the store, which cannot be taken back if
 * a commit fails or the process dies: all it sees is committed, but for what it writes itself.
 * It has its turn among the writers of all processes: the change comes before or after theirs.
 * If it then writes nothing, it waits for no other commit than the one under way.
 */
apr_status_t store_write_settled(store_t *store, store_write_fn *body, void *baton,
                                 apr_pool_t *scratch_pool) __attribute__((warn_unused_result));

/** The store TXN works on. */
store_t *store_txn_store(const store_txn_t *txn);

/**
 * Look KEY up.
 * @param value_p set on success
 * @return APR_SUCCESS; STORE_ABSENT; STORE_LIMIT for a key outside its limits
 */
apr_status_t store_get(store_txn_t *txn, store_slice_t key, store_slice_t *value_p);

/**
 * Look COUNT keys up in one round trip.
 * @param keys in any order
 * @param values COUNT places; those absent get data NULL and len 0, an empty
 *               value that is present gets data non-NULL and len 0
 * @return APR_SUCCESS, also when some or all are absent; STORE_LIMIT
 */
apr_status_t store_get_many(store_txn_t *txn, const store_slice_t *keys, store_slice_t *values,
                            apr_size_t count);

/**
 * Store VALUE under KEY, in the place of what was there.
 * @param key,value copied; must not point into the store's memory
 * @return APR_SUCCESS; STORE_READONLY; STORE_LIMIT; STORE_CONFLICT or STORE_FULL,
 *         after which TXN answers that to every call and cannot be committed
 */
apr_status_t store_put(store_txn_t *txn, store_slice_t key, store_slice_t value);

/** Remove KEY.  @return APR_SUCCESS; STORE_ABSENT; STORE_READONLY; STORE_LIMIT; STORE_FULL */
apr_status_t store_del(store_txn_t *txn, store_slice_t key);

/**
 * Remove all keys from FROM, included, to TO, excluded.
 * @param from an empty slice means from the first key
 * @param to an empty slice means through the last key
 * @param count_p set to the number removed, may be NULL
 * @return APR_SUCCESS, also when none was there; STORE_READONLY; STORE_LIMIT; STORE_FULL
 */
apr_status_t store_del_range(store_txn_t *txn, store_slice_t from, store_slice_t to,
                             apr_size_t *count_p);

/** What a scan visits. */
typedef struct store_range_t {
    store_slice_t from; /**< first key, included; empty: from the first there is */
    store_slice_t to;   /**< last key, excluded; empty: through the last there is */
    apr_size_t limit;   /**< at most so many; 0: no limit */
    int reverse;        /**< visit from the high end down, over the same keys */
} store_range_t;

/**
 * Begin a scan over RANGE.  A write in TXN makes the scan stale: the next
 * store_next() answers STORE_MISUSE, so collect first, then write.
 * @param cursor_p lives until store_scan_end(), the end of TXN or of RESULT_POOL,
 *                 whichever is first
 * @param range its slices are copied
 */
apr_status_t store_scan(store_cursor_t **cursor_p, store_txn_t *txn, const store_range_t *range,
                        apr_pool_t *result_pool);

/**
 * The scan's next pair.
 * @param key_p,value_p either may be NULL
 * @return APR_SUCCESS; STORE_ABSENT at the end, and again if asked again; STORE_MISUSE
 */
apr_status_t store_next(store_cursor_t *cursor, store_slice_t *key_p, store_slice_t *value_p);

/**
 * Whether the pair that store_next() gave last still has the key it was stored under, and its
 * value the length.  What a value is, its reader sees from its seal (FORMAT); that a key is another
 * than it was, nobody who looks for it.
 * @return non-zero if so, or if the backend keeps nothing on disk; 0 if not, or if there is no pair
 */
int store_is_intact(const store_cursor_t *cursor);

/** End a scan before its transaction. */
void store_scan_end(store_cursor_t *cursor);

/** What store_stat() tells. */
typedef struct store_stat_t {
    apr_uint64_t entries;    /**< keys in the store */
    apr_uint64_t used_bytes; /**< taken by them and by the structure around them */
    apr_uint64_t file_bytes; /**< of the file with the data; what is not used is free; 0: none */
    apr_uint64_t max_bytes;  /**< where STORE_FULL begins; 0: no limit of its own */
    unsigned readers;        /**< places in use by readers, of all processes */
    unsigned max_readers;    /**< places there are; 0: no limit */
} store_stat_t;

/** Measure STORE.  @param stat_p filled in.  @return APR_SUCCESS or the backend's error */
apr_status_t store_stat(store_t *store, store_stat_t *stat_p);

/** A place that a reader takes up. */
typedef struct store_reader_t {
    pid_t pid;
    apr_uint64_t thread; /**< as the backend tells threads apart */
    int has_snapshot;    /**< whether it reads just now; otherwise it keeps the place for later */
    apr_uint64_t age;    /**< if so, how many transactions were committed since its snapshot */
    int is_stale;        /**< its process had gone, and its place has been freed */
} store_reader_t;

/**
 * Free the places of readers whose process is gone, and list all places: those in use, then
 * those freed since this process opened the store, the latest few of them.
 * @param readers store_reader_t is pushed to it
 * @return APR_SUCCESS, also of a backend that has no such places; or the backend's error
 */
apr_status_t store_readers(apr_array_header_t *readers, store_t *store);

/**
 * Hears how far a long piece of work is.
 * @param bytes written or looked at so far
 * @return non-zero to go on; 0 to give up, which answers APR_EINTR
 */
typedef int store_going_fn(void *baton, apr_uint64_t bytes);

/** What store_verify() has looked at. */
typedef struct store_verified_t {
    apr_uint64_t used_bytes; /**< by the store's own account; 0: no structure on disk */
    apr_uint64_t seen_bytes; /**< of them, looked at, or led to by a sound place */
    apr_uint64_t lost_bytes; /**< neither used nor free, when all were seen: no harm */
    int records_are_whole;   /**< all records can be read, in spite of STORE_CORRUPT */
} store_verified_t;

/**
 * See whether the structure in which STORE keeps its records on disk holds together, as of now,
 * before anybody trusts it: what is damaged there can end a process that follows it.  It is read,
 * not followed.  Of the records only what the structure says of them is looked at: where they
 * are, and the order of their keys.  Others may go on using the store.
 * @param verified filled in
 * @param going asked often; it should not take long
 * @return APR_SUCCESS, also of a backend that keeps nothing on disk; STORE_CORRUPT, logged with the
 *         place and what is wrong there; APR_EINTR if GOING answered 0; STORE_BUSY; or the
 *         system's error
 */
apr_status_t store_verify(store_verified_t *verified, store_t *store, store_going_fn *going,
                          void *baton, apr_pool_t *scratch_pool);

/**
 * Write a copy of STORE, as of now and without its free space, while others go on using it.
 * Like any reader it pins old pages until it ends.
 * @param file open for writing and empty; not synced
 * @return APR_SUCCESS; APR_ENOTIMPL if the backend cannot; STORE_BUSY; STORE_CORRUPT; APR_EINTR;
 *         or the system's error; then FILE holds a part
 */
apr_status_t store_copy(store_t *store, apr_file_t *file, store_going_fn *going, void *baton,
                        apr_pool_t *scratch_pool);

/**
 * Open a copy for reading.  Nothing may change it meanwhile.  A file that was damaged may end the
 * process with a signal: try unknown ones in a process of their own.
 * @param spec of the store it is a copy of, for the backend
 * @param path the file
 * @return as store_open(); APR_ENOTIMPL if the backend has no copies; a write transaction
 *         answers STORE_READONLY
 */
apr_status_t store_open_copy(store_t **store_p, const store_spec_t *spec, const char *path,
                             const store_log_t *log, apr_pool_t *result_pool);

/**
 * Put a copy in the place of the store at SPEC, which is created or replaced as a whole: whoever
 * looks, or loses power, finds the old or the new one.  Whoever opens it meanwhile waits.
 * @param file the copy, open for reading, at its beginning; it has been verified
 * @param replace whether there may be a store
 * @return APR_SUCCESS; APR_EEXIST if there is a store and REPLACE is 0; STORE_BUSY if any
 *         process has it open; APR_ENOTIMPL; APR_EINTR; or the system's error; nothing has
 *         changed then
 */
apr_status_t store_restore(const store_spec_t *spec, apr_file_t *file, int replace,
                           store_going_fn *going, void *baton, apr_pool_t *scratch_pool);

/**
 * Word STATUS, as apr_strerror() does, for our codes too.
 * @param buf,size where the words go, cut to fit
 * @return BUF
 */
char *store_strerror(apr_status_t status, char *buf, apr_size_t size);

/** A slice over a NUL-terminated string, without the NUL. */
store_slice_t store_slice_str(const char *s);

#endif /* PROPSTORE_STORE_H */
