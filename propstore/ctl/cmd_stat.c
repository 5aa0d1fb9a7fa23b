#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "propstore/ctl/commands.h"
#include "propstore/ctl/trial.h"
#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/record.h"

/** What a store holds. */
typedef struct contents_t {
    apr_uint64_t records[UCHAR_MAX + 1]; /**< by table */
    apr_uint64_t properties;
    apr_uint64_t expired; /**< locks */
    apr_uint64_t damaged; /**< nodes that cannot be read */
} contents_t;

/** All that is told. */
typedef struct overview_t {
    const char *backend;
    meta_t meta;
    store_stat_t stat;
    contents_t contents;
    apr_array_header_t *readers; /**< store_reader_t, without this process's own */
} overview_t;

static void count_record(contents_t *contents, store_slice_t key, store_slice_t value,
                         apr_uint64_t now)
{
    const unsigned char *bytes = key.data;
    node_t node;

    contents->records[bytes[0]]++;
    if (bytes[0] == KEY_NODE) {
        if (record_read_node(&node, value) == APR_SUCCESS)
            contents->properties += node.prop_count;
        else
            contents->damaged++;
    }
    /* The time is the first thing behind the table's letter. */
    if (bytes[0] == KEY_LOCK_EXPIRY && key.len > 8 && key_get_u64(bytes + 1) <= now)
        contents->expired++;
}

/** Count all that is in TXN.  @return APR_EINTR if the user asked to stop; the store's error */
static apr_status_t count_contents(contents_t *contents, const ctl_t *ctl, store_txn_t *txn,
                                   apr_uint64_t total, apr_pool_t *scratch_pool)
{
    static const store_range_t all;
    const apr_uint64_t now = (apr_uint64_t)apr_time_sec(apr_time_now());
    ctl_progress_t *progress = ctl_progress_begin(ctl, "counting", total, scratch_pool);
    store_slice_t key, value;
    store_cursor_t *cursor;
    apr_uint64_t done = 0;
    apr_status_t status = store_scan(&cursor, txn, &all, scratch_pool);

    while (status == APR_SUCCESS && (status = store_next(cursor, &key, &value)) == APR_SUCCESS) {
        count_record(contents, key, value, now);
        ctl_progress(progress, ++done);
        if (ctl_interrupted())
            status = APR_EINTR;
    }
    ctl_progress_end(progress);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}

/** The readers of STORE but for ourselves. */
static apr_status_t list_readers(apr_array_header_t *readers, store_t *store,
                                 apr_pool_t *scratch_pool)
{
    apr_array_header_t *all = apr_array_make(scratch_pool, 8, sizeof(store_reader_t));
    apr_status_t status = store_readers(all, store);

    for (int i = 0; i < all->nelts && status == APR_SUCCESS; i++) {
        const store_reader_t *reader = &APR_ARRAY_IDX(all, i, store_reader_t);

        if (reader->pid != getpid())
            APR_ARRAY_PUSH(readers, store_reader_t) = *reader;
    }
    return status;
}

static apr_status_t look(overview_t *overview, const ctl_t *ctl, store_t *store,
                         apr_pool_t *result_pool)
{
    store_txn_t *txn;
    apr_status_t status;

    overview->backend = store_backend_name(store);
    overview->readers = apr_array_make(result_pool, 8, sizeof(store_reader_t));
    /* Before our own transaction makes a difference. */
    status = list_readers(overview->readers, store, result_pool);
    if (status == APR_SUCCESS)
        status = store_stat(store, &overview->stat);
    if (status != APR_SUCCESS)
        return status;
    status = store_begin(&txn, store, STORE_READ, result_pool);
    if (status != APR_SUCCESS)
        return status;
    status = meta_read(&overview->meta, txn);
    if (status == APR_SUCCESS)
        status = count_contents(&overview->contents, ctl, txn, overview->stat.entries, result_pool);
    store_abort(txn);
    return status;
}

/** Bytes free inside the file. */
static apr_uint64_t free_bytes(const store_stat_t *stat)
{
    return stat->file_bytes > stat->used_bytes ? stat->file_bytes - stat->used_bytes : 0;
}

static json_t *readers_as_json(const apr_array_header_t *readers, apr_pool_t *scratch_pool)
{
    json_t *list = json_array();

    for (int i = 0; i < readers->nelts; i++) {
        const store_reader_t *at = &APR_ARRAY_IDX(readers, i, store_reader_t);
        json_t *reader = json_pack("{s:I, s:s, s:b}", "pid", (json_int_t)at->pid, "thread",
                                   apr_psprintf(scratch_pool, "%" APR_UINT64_T_HEX_FMT, at->thread),
                                   "stale", at->is_stale);

        if (at->has_snapshot)
            json_object_set_new(reader, "age", json_integer((json_int_t)at->age));
        json_array_append_new(list, reader);
    }
    return list;
}

/** A number that is told. */
typedef struct number_t {
    const char *name;
    apr_uint64_t n;
} number_t;

/** How many numbers list_numbers() lists. */
#define NUMBERS 9

/** What is in the store, in the order it is told. */
static void list_numbers(number_t numbers[NUMBERS], const overview_t *overview)
{
    const contents_t *contents = &overview->contents;
    const apr_uint64_t locks = contents->records[KEY_LOCK];
    const number_t all[NUMBERS] = {
        {"records", overview->stat.entries},
        {"damaged", contents->damaged},
        {"nodes", contents->records[KEY_NODE]},
        {"properties", contents->properties},
        {"names", contents->records[KEY_NAME]},
        /* A damaged store may have more of the one than of the other. */
        {"locks", locks > contents->expired ? locks - contents->expired : 0},
        {"expired", contents->expired},
        {"intents", contents->records[KEY_INTENT]},
        {"log", contents->records[KEY_CHANGE]},
    };

    memcpy(numbers, all, sizeof(all));
}

static json_t *as_json(const overview_t *overview, apr_pool_t *scratch_pool)
{
    const store_stat_t *stat = &overview->stat;
    json_t *record = json_pack("{s:s, s:i, s:s, s:I, s:I, s:I}", "backend", overview->backend,
                               "format", (int)overview->meta.format, "uuid", overview->meta.uuid,
                               "bytes", (json_int_t)stat->file_bytes, "free",
                               (json_int_t)free_bytes(stat), "max", (json_int_t)stat->max_bytes);
    number_t numbers[NUMBERS];

    list_numbers(numbers, overview);
    for (int i = 0; i < NUMBERS; i++)
        json_object_set_new(record, numbers[i].name, json_integer((json_int_t)numbers[i].n));
    json_object_set_new(record, "max_readers", json_integer(stat->max_readers));
    json_object_set_new(record, "readers", readers_as_json(overview->readers, scratch_pool));
    return record;
}

/** BYTES as "1.2M", or as the whole number if they are few. */
static const char *size_text(apr_uint64_t bytes, apr_pool_t *result_pool)
{
    char *text = apr_palloc(result_pool, 5);

    apr_strfsize((apr_off_t)bytes, text);
    /* It pads them to four columns. */
    apr_collapse_spaces(text, text);
    return text;
}

/** A line for each of READERS. */
static const char *readers_as_text(const apr_array_header_t *readers, apr_pool_t *result_pool)
{
    const char *text = "";

    for (int i = 0; i < readers->nelts; i++) {
        const store_reader_t *at = &APR_ARRAY_IDX(readers, i, store_reader_t);

        text = apr_psprintf(
            result_pool, "%s\n  pid %ld, thread %" APR_UINT64_T_HEX_FMT "%s%s", text, (long)at->pid,
            at->thread,
            at->has_snapshot
                ? apr_psprintf(result_pool, ", %" APR_UINT64_T_FMT " transactions behind", at->age)
                : ", idle",
            at->is_stale ? ", stale: its process had gone; freed now" : "");
    }
    return text;
}

static const char *as_text(const overview_t *overview, apr_pool_t *result_pool)
{
    const store_stat_t *stat = &overview->stat;
    const char *text = apr_psprintf(
        result_pool,
        "backend     %s\n"
        "format      %u\n"
        "uuid        %s\n"
        "size        %s (%" APR_UINT64_T_FMT " bytes), free %s, at most %s\n",
        overview->backend, overview->meta.format, overview->meta.uuid,
        size_text(stat->file_bytes, result_pool), stat->file_bytes,
        size_text(free_bytes(stat), result_pool), size_text(stat->max_bytes, result_pool));
    number_t numbers[NUMBERS];

    list_numbers(numbers, overview);
    for (int i = 0; i < NUMBERS; i++)
        text = apr_psprintf(result_pool, "%s%-11s %" APR_UINT64_T_FMT "\n", text, numbers[i].name,
                            numbers[i].n);
    return apr_psprintf(result_pool, "%sreaders     %d of %u places%s", text,
                        overview->readers->nelts, stat->max_readers,
                        readers_as_text(overview->readers, result_pool));
}

/** ctl_work_fn: all of it; there is no result. */
static int look_and_tell(ctl_t *ctl, void *baton, void *result)
{
    overview_t *overview = apr_pcalloc(ctl->pool, sizeof(*overview));
    store_t *store;
    apr_status_t status;
    int answer = ctl_open(&store, ctl, ctl->argv[0], CTL_EXISTING);

    (void)baton;
    (void)result;
    if (answer != CTL_FINE)
        return answer;
    status = look(overview, ctl, store, ctl->pool);
    store_close(store);
    if (APR_STATUS_IS_EINTR(status))
        return CTL_FAILED;
    if (status != APR_SUCCESS)
        return ctl_fail(ctl, status, "could not measure %s", ctl->argv[0]);
    ctl_tell(ctl, as_json(overview, ctl->pool), "%s", as_text(overview, ctl->pool));
    return overview->contents.damaged > 0 ? CTL_FOUND : CTL_FINE;
}

static int run(ctl_t *ctl)
{
    return ctl_try(ctl, apr_pstrcat(ctl->pool, "the store ", ctl->argv[0], NULL), look_and_tell,
                   NULL, NULL, 0);
}

static const apr_getopt_option_t options[] = {{0}};

const ctl_command_t ctl_stat = {
    .name = "stat",
    .arguments = "STORE",
    .summary = "format, size, contents and readers of a store",
    .help = "Tells what a store is and holds, and which processes read it.  A server may use it\n"
            "meanwhile.  A reader many transactions behind keeps old pages from being used\n"
            "again.  Places of readers whose process is gone are freed, and told of as stale.\n"
            "Exit code 1: nodes were found that cannot be read; see depotctl check.\n",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = run,
};
