#include "propstore/trace/trace.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_time.h>

/** The calls that are traced. */
typedef enum op_e {
    OP_BEGIN,
    OP_GET,
    OP_GET_MANY,
    OP_PUT,
    OP_DEL,
    OP_DEL_RANGE,
    OP_SCAN,
    OP_NEXT,
    OP_COMMIT,
    OP_NEST,
    OP_JOIN, /* a nested transaction's commit */
    OP_COUNT
} op_e;

static const char *const op_names[OP_COUNT] = {"begin",  "get",       "get_many", "put",
                                               "del",    "del_range", "scan",     "next",
                                               "commit", "nest",      "join"};

/** A failure or a death to inject. */
typedef struct fault_t {
    op_e op;
    unsigned nth;   /* which call of its kind, counted from 1; 0 for none */
    int repeatedly; /* every nth */
    apr_status_t status;
} fault_t;

typedef struct trace_t {
    store_t *inner;
    const store_t *log; /* the decorated store, for store_log() */
    int logs;
    apr_interval_time_t delay;
    fault_t fail, die, die_after;
    apr_uint32_t counts[OP_COUNT]; /* calls begun */
    apr_uint32_t ended[OP_COUNT];
} trace_t;

struct backend_txn_t {
    trace_t *trace;
    op_e end; /* which call its commit is */
    store_txn_t *inner;
};

struct backend_cursor_t {
    trace_t *trace;
    store_cursor_t *inner;
};

/** Whether FAULT is due at the NTH call of OP. */
static int is_due(const fault_t *fault, op_e op, unsigned nth)
{
    return fault->nth != 0 && fault->op == op &&
           (fault->repeatedly ? nth % fault->nth == 0 : nth == fault->nth);
}

/** End the process as a crash would: nothing is flushed, nothing is cleaned up. */
static void die(void)
{
    (void)raise(SIGKILL);
}

/** Count a call, wait, log it, die if that is due, and say whether it is to fail. */
static apr_status_t enter(trace_t *trace, op_e op)
{
    unsigned nth = apr_atomic_inc32(&trace->counts[op]) + 1;

    if (trace->delay > 0)
        apr_sleep(trace->delay);
    if (trace->logs)
        store_log(trace->log, STORE_LOG_INFO, APR_SUCCESS, "%s %u", op_names[op], nth);
    if (is_due(&trace->die, op, nth))
        die();
    return is_due(&trace->fail, op, nth) ? trace->fail.status : APR_SUCCESS;
}

/** Count the end of a call, and die if that is due.  @return STATUS, its result */
static apr_status_t leave(trace_t *trace, op_e op, apr_status_t status)
{
    if (is_due(&trace->die_after, op, apr_atomic_inc32(&trace->ended[op]) + 1))
        die();
    return status;
}

static apr_status_t get(backend_txn_t *txn, store_slice_t key, store_slice_t *value_p)
{
    apr_status_t status = enter(txn->trace, OP_GET);

    return status ? status : leave(txn->trace, OP_GET, store_get(txn->inner, key, value_p));
}

static apr_status_t get_many(backend_txn_t *txn, const store_slice_t *keys, store_slice_t *values,
                             apr_size_t count)
{
    apr_status_t status = enter(txn->trace, OP_GET_MANY);

    return status ? status
                  : leave(txn->trace, OP_GET_MANY, store_get_many(txn->inner, keys, values, count));
}

static apr_status_t put(backend_txn_t *txn, store_slice_t key, store_slice_t value)
{
    apr_status_t status = enter(txn->trace, OP_PUT);

    return status ? status : leave(txn->trace, OP_PUT, store_put(txn->inner, key, value));
}

static apr_status_t del(backend_txn_t *txn, store_slice_t key)
{
    apr_status_t status = enter(txn->trace, OP_DEL);

    return status ? status : leave(txn->trace, OP_DEL, store_del(txn->inner, key));
}

static apr_status_t del_range(backend_txn_t *txn, store_slice_t from, store_slice_t to,
                              apr_size_t *count_p)
{
    apr_status_t status = enter(txn->trace, OP_DEL_RANGE);

    return status ? status
                  : leave(txn->trace, OP_DEL_RANGE, store_del_range(txn->inner, from, to, count_p));
}

static apr_status_t next(backend_cursor_t *cursor, store_slice_t *key_p, store_slice_t *value_p)
{
    apr_status_t status = enter(cursor->trace, OP_NEXT);

    return status ? status
                  : leave(cursor->trace, OP_NEXT, store_next(cursor->inner, key_p, value_p));
}

static void end(backend_cursor_t *cursor)
{
    store_scan_end(cursor->inner);
}

static int is_intact(const backend_cursor_t *cursor)
{
    return store_is_intact(cursor->inner);
}

static const backend_cursor_vtable_t cursor_vtable = {
    .next = next, .is_intact = is_intact, .end = end};

static apr_status_t scan(backend_cursor_t **cursor_p, const backend_cursor_vtable_t **vtable_p,
                         backend_txn_t *txn, const store_range_t *range, apr_pool_t *result_pool)
{
    backend_cursor_t *cursor = apr_palloc(result_pool, sizeof(*cursor));
    apr_status_t status = enter(txn->trace, OP_SCAN);

    if (status == APR_SUCCESS)
        status =
            leave(txn->trace, OP_SCAN, store_scan(&cursor->inner, txn->inner, range, result_pool));
    if (status != APR_SUCCESS)
        return status;
    cursor->trace = txn->trace;
    *cursor_p = cursor;
    *vtable_p = &cursor_vtable;
    return APR_SUCCESS;
}

static void abort_txn(backend_txn_t *txn)
{
    store_abort(txn->inner);
}

static apr_status_t commit(backend_txn_t *txn, int is_relaxed)
{
    apr_status_t status = enter(txn->trace, txn->end);

    if (is_relaxed)
        store_relax(txn->inner);
    if (status != APR_SUCCESS) {
        abort_txn(txn);
        return status;
    }
    return leave(txn->trace, txn->end, store_commit(txn->inner));
}

static apr_status_t nest(backend_txn_t **txn_p, backend_txn_t *parent, apr_pool_t *result_pool)
{
    backend_txn_t *txn = apr_pmemdup(result_pool, parent, sizeof(*parent));
    apr_status_t status = enter(txn->trace, OP_NEST);

    if (status == APR_SUCCESS)
        status = leave(txn->trace, OP_NEST, store_nest(&txn->inner, parent->inner, result_pool));
    if (status != APR_SUCCESS)
        return status;
    txn->end = OP_JOIN;
    *txn_p = txn;
    return APR_SUCCESS;
}

static const backend_txn_vtable_t txn_vtable = {
    .get = get,
    .get_many = get_many,
    .put = put,
    .del = del,
    .del_range = del_range,
    .scan = scan,
    .nest = nest,
    .commit = commit,
    .abort = abort_txn,
};

static apr_status_t begin(backend_txn_t **txn_p, const backend_txn_vtable_t **vtable_p,
                          void *backend, store_mode_e mode, apr_pool_t *result_pool)
{
    trace_t *trace = backend;
    backend_txn_t *txn = apr_palloc(result_pool, sizeof(*txn));
    apr_status_t status = enter(trace, OP_BEGIN);

    if (status == APR_SUCCESS)
        status = leave(trace, OP_BEGIN, store_begin(&txn->inner, trace->inner, mode, result_pool));
    if (status != APR_SUCCESS)
        return status;
    txn->trace = trace;
    txn->end = OP_COMMIT;
    *txn_p = txn;
    *vtable_p = &txn_vtable;
    return APR_SUCCESS;
}

static apr_status_t measure(void *backend, store_stat_t *stat_p)
{
    return store_stat(((trace_t *)backend)->inner, stat_p);
}

static apr_status_t readers(apr_array_header_t *list, void *backend)
{
    return store_readers(list, ((trace_t *)backend)->inner);
}

static apr_status_t verify(store_verified_t *verified, void *backend, store_going_fn *going,
                           void *baton, apr_pool_t *scratch_pool)
{
    return store_verify(verified, ((trace_t *)backend)->inner, going, baton, scratch_pool);
}

static apr_status_t copy(void *backend, apr_file_t *file, store_going_fn *going, void *baton,
                         apr_pool_t *scratch_pool)
{
    return store_copy(((trace_t *)backend)->inner, file, going, baton, scratch_pool);
}

static store_t *inner(void *backend)
{
    return ((trace_t *)backend)->inner;
}

static void close_store(void *backend)
{
    trace_t *trace = backend;

    for (int op = 0; op < OP_COUNT && trace->logs; op++)
        store_log(trace->log, STORE_LOG_INFO, APR_SUCCESS, "%s: %u calls", op_names[op],
                  trace->counts[op]);
    store_close(trace->inner);
}

static const backend_store_vtable_t store_vtable = {
    .begin = begin,
    .stat = measure,
    .readers = readers,
    .verify = verify,
    .copy = copy,
    .close = close_store,
    .inner = inner,
};

/** Read a whole number from MIN up to a billion.  @return 0 if TEXT is none */
static int read_count(apr_int64_t *n_p, const char *text, apr_int64_t min)
{
    char *end;

    *n_p = apr_strtoi64(text, &end, 10);
    return end != text && *end == '\0' && *n_p >= min && *n_p <= 1000000000;
}

/** Read "op:nth", nth being a number or "every/number".  @param last_p where apr_strtok() goes on
 */
static int parse_point(fault_t *fault, char *text, char **last_p)
{
    char *op = apr_strtok(text, ":", last_p), *nth = apr_strtok(NULL, ":", last_p);
    apr_int64_t n;

    if (op == NULL || nth == NULL)
        return 0;
    for (fault->op = OP_BEGIN; fault->op < OP_COUNT; fault->op++) {
        if (strcmp(op, op_names[fault->op]) == 0)
            break;
    }
    fault->repeatedly = strncmp(nth, "every/", 6) == 0;
    if (fault->op == OP_COUNT || !read_count(&n, fault->repeatedly ? nth + 6 : nth, 1))
        return 0;
    fault->nth = (unsigned)n;
    return 1;
}

/** Read "op:nth[:code]". */
static int parse_failure(fault_t *fault, char *text)
{
    static const struct {
        const char *name;
        apr_status_t status;
    } codes[] = {{"eio", EIO},         {"enospc", ENOSPC},         {"conflict", STORE_CONFLICT},
                 {"full", STORE_FULL}, {"corrupt", STORE_CORRUPT}, {"busy", STORE_BUSY}};
    const char *code;
    char *last;
    size_t i = 0;

    if (!parse_point(fault, text, &last))
        return 0;
    code = apr_strtok(NULL, ":", &last);
    while (code != NULL && i < sizeof(codes) / sizeof(codes[0]) && strcmp(code, codes[i].name) != 0)
        i++;
    if (i == sizeof(codes) / sizeof(codes[0]))
        return 0;
    fault->status = codes[i].status;
    return 1;
}

/** Read "op:nth". */
static int parse_death(fault_t *fault, char *text)
{
    char *last;

    return parse_point(fault, text, &last) && apr_strtok(NULL, ":", &last) == NULL;
}

static const backend_param_t params[] = {
    {"log", "on or off: log each call and, at the end, their numbers (default off)"},
    {"delay", "microseconds that each call waits first (default 0)"},
    {"fail", "op:nth[:code]: let a call fail; nth may be every/n; op is begin, get, get_many, put, "
             "del, del_range, scan, next, commit, nest or join (a nested commit); code is eio "
             "(default), enospc, conflict, full, corrupt or busy"},
    {"die", "op:nth: kill the process with SIGKILL before a call, counted as for fail"},
    {"die-after", "op:nth: the same after a call"},
    {NULL, NULL},
};

/** The specification of the store that SPEC decorates. */
static apr_status_t inner_spec(store_spec_t **inner_p, const store_spec_t *spec,
                               apr_pool_t *result_pool)
{
    const char *error, *const *argv = &spec->location;
    apr_status_t status = store_spec_parse(inner_p, 1, argv, &error, result_pool);

    if (status != APR_SUCCESS)
        return status;
    (*inner_p)->params = apr_table_copy(result_pool, spec->params);
    for (const backend_param_t *param = params; param->name != NULL; param++)
        apr_table_unset((*inner_p)->params, param->name);
    return APR_SUCCESS;
}

static void pass_log(void *baton, store_log_level_e level, apr_status_t status, const char *message)
{
    store_log(baton, level, status, "%s", message);
}

/** Read the parameters of SPEC that are trace's own. */
static apr_status_t read_params(trace_t *trace, const store_spec_t *spec, apr_pool_t *scratch_pool)
{
    const char *logs = apr_table_get(spec->params, "log");
    const char *delay = apr_table_get(spec->params, "delay");
    const char *fail = apr_table_get(spec->params, "fail");
    const char *death = apr_table_get(spec->params, "die");
    const char *death_after = apr_table_get(spec->params, "die-after");
    const char *wrong = NULL;

    trace->logs = logs != NULL && strcmp(logs, "on") == 0;
    if (logs != NULL && !trace->logs && strcmp(logs, "off") != 0)
        wrong = "log: must be on or off";
    if (delay != NULL && !read_count(&trace->delay, delay, 0))
        wrong = "delay: must be a number of microseconds";
    if (fail != NULL && !parse_failure(&trace->fail, apr_pstrdup(scratch_pool, fail)))
        wrong = "fail: must be of the form op:nth[:code]";
    if (death != NULL && !parse_death(&trace->die, apr_pstrdup(scratch_pool, death)))
        wrong = "die: must be of the form op:nth";
    if (death_after != NULL &&
        !parse_death(&trace->die_after, apr_pstrdup(scratch_pool, death_after)))
        wrong = "die-after: must be of the form op:nth";
    if (wrong == NULL)
        return APR_SUCCESS;
    store_log(trace->log, STORE_LOG_ERROR, STORE_LIMIT, "%s", wrong);
    return STORE_LIMIT;
}

static apr_status_t open_store(void **backend_p, const backend_store_vtable_t **vtable_p,
                               const store_spec_t *spec, const store_t *log,
                               apr_pool_t *result_pool)
{
    trace_t *trace = apr_pcalloc(result_pool, sizeof(*trace));
    union {
        const store_t *from;
        void *to;
    } baton = {log};
    store_log_t inner_log = {pass_log, baton.to};
    store_spec_t *inner;
    apr_status_t status;

    trace->log = log;
    status = read_params(trace, spec, result_pool);
    if (status == APR_SUCCESS)
        status = inner_spec(&inner, spec, result_pool);
    if (status == APR_SUCCESS)
        status = store_open(&trace->inner, inner, &inner_log, result_pool);
    if (status != APR_SUCCESS)
        return status;
    *backend_p = trace;
    *vtable_p = &store_vtable;
    return APR_SUCCESS;
}

const backend_t backend_trace = {
    .name = "trace",
    .decorates = 1,
    .params = params,
    .open = open_store,
};
