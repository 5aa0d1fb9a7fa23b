#include "propstore/ctl/dbm_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_dbm.h>
#include <apr_strings.h>

/** Seconds that one file may take. */
#define PATIENCE 30
/** A key's length in the answer that says instead: the end, and a status. */
#define END_OF_FILE APR_UINT32_MAX

struct dbm_child_t {
    pid_t pid;    /**< 0: there is none */
    FILE *ask;    /**< to the child: a type and a path, a line each */
    FILE *answer; /**< from it: pairs, each behind a pair_head_t */
};

/** What stands before a pair in the answer. */
typedef struct pair_head_t {
    apr_uint32_t key;   /**< bytes of the key, or END_OF_FILE */
    apr_uint32_t value; /**< bytes of the value behind it, or the status */
} pair_head_t;

/* ---- in the child ---- */

/** Collect DBM's keys.  @param keys store_slice_t is pushed to it */
static apr_status_t list_keys(apr_array_header_t *keys, apr_dbm_t *dbm)
{
    const store_slice_t *last = NULL;
    apr_size_t total = 0;
    apr_datum_t key;
    apr_status_t status;

    for (status = apr_dbm_firstkey(dbm, &key); status == APR_SUCCESS && key.dptr != NULL;
         status = apr_dbm_nextkey(dbm, &key)) {
        store_slice_t *copy;

        /* An error within a Berkeley database looks as if the key came again. */
        if (last != NULL && last->len == key.dsize && memcmp(last->data, key.dptr, last->len) == 0)
            return STORE_CORRUPT;
        /* Pages that lead back to earlier ones would go on for ever. */
        total += key.dsize + sizeof(store_slice_t);
        if (key.dsize > DBM_BYTES_MAX || total > DBM_BYTES_MAX)
            return STORE_CORRUPT;
        copy = apr_array_push(keys);
        copy->data = apr_pmemdup(keys->pool, key.dptr, key.dsize);
        copy->len = key.dsize;
        last = copy;
    }
    return status;
}

/** Send what is behind KEY.  @return STORE_CORRUPT if there is nothing */
static apr_status_t send_pair(FILE *to, apr_dbm_t *dbm, const store_slice_t *key)
{
    union {
        const void *from;
        char *to;
    } bytes = {key->data};
    apr_datum_t datum = {bytes.to, key->len}, value = {NULL, 0};
    apr_status_t status = apr_dbm_fetch(dbm, datum, &value);
    pair_head_t head = {(apr_uint32_t)key->len, (apr_uint32_t)value.dsize};

    if (status != APR_SUCCESS || value.dptr == NULL || value.dsize > DBM_BYTES_MAX)
        return STORE_CORRUPT;
    fwrite(&head, sizeof(head), 1, to);
    fwrite(key->data, 1, key->len, to);
    fwrite(value.dptr, 1, value.dsize, to);
    apr_dbm_freedatum(dbm, value);
    return APR_SUCCESS;
}

/** Read one file and send what it holds. */
static apr_status_t send_file(FILE *to, const char *type, const char *path,
                              apr_pool_t *scratch_pool)
{
    apr_array_header_t *keys = apr_array_make(scratch_pool, 16, sizeof(store_slice_t));
    apr_dbm_t *dbm;
    apr_status_t status =
        apr_dbm_open_ex(&dbm, type, path, APR_DBM_READONLY, APR_FPROT_UREAD, scratch_pool);

    if (APR_STATUS_IS_EDSOOPEN(status) || APR_STATUS_IS_ENOTIMPL(status))
        return status;
    if (status != APR_SUCCESS)
        return STORE_CORRUPT;
    status = list_keys(keys, dbm);
    for (int i = 0; i < keys->nelts && status == APR_SUCCESS; i++)
        status = send_pair(to, dbm, &APR_ARRAY_IDX(keys, i, store_slice_t));
    apr_dbm_close(dbm);
    /* The errors of the libraries have numbers of their own. */
    return status == APR_SUCCESS ? status : STORE_CORRUPT;
}

/** A line without its end.  @return 0 at the end of the questions */
static int read_line(char *line, int size, FILE *from)
{
    if (fgets(line, size, from) == NULL)
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return 1;
}

/** Answer questions until there are no more. */
static void serve(int in, int out)
{
    static const int ignored[] = {SIGINT, SIGHUP, SIGTERM, SIGPIPE};
    static const int deadly[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    const struct rlimit no_core = {0, 0};
    FILE *from = fdopen(in, "r"), *to = fdopen(out, "w");
    char type[16], path[PATH_MAX + 1];
    apr_pool_t *pool;

    if (from == NULL || to == NULL || freopen("/dev/null", "w", stderr) == NULL)
        return;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    /* The parent says when it is over, and what has happened. */
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)signal(ignored[i], SIG_IGN);
    for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
        (void)signal(deadly[i], SIG_DFL);
    apr_pool_create(&pool, NULL);
    while (read_line(type, sizeof(type), from) && read_line(path, sizeof(path), from)) {
        pair_head_t end = {END_OF_FILE, 0};

        alarm(PATIENCE);
        end.value = (apr_uint32_t)send_file(to, type, path, pool);
        alarm(0);
        fwrite(&end, sizeof(end), 1, to);
        if (fflush(to) != 0)
            return;
        apr_pool_clear(pool);
    }
}

/* ---- in the parent ---- */

/** End the child, whatever it does. */
static void end_child(dbm_child_t *child)
{
    if (child->pid == 0)
        return;
    if (child->ask != NULL)
        (void)fclose(child->ask);
    if (child->answer != NULL)
        (void)fclose(child->answer);
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    child->pid = 0;
}

static apr_status_t end_of_pool(void *child)
{
    end_child(child);
    return APR_SUCCESS;
}

dbm_child_t *dbm_child_make(apr_pool_t *result_pool)
{
    dbm_child_t *child = apr_pcalloc(result_pool, sizeof(*child));

    apr_pool_cleanup_register(result_pool, child, end_of_pool, apr_pool_cleanup_null);
    return child;
}

static apr_status_t start_child(dbm_child_t *child)
{
    int questions[2], answers[2];

    if (pipe2(questions, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(answers, O_CLOEXEC) != 0) {
        close(questions[0]);
        close(questions[1]);
        return errno;
    }
    (void)fflush(NULL);
    child->pid = fork();
    if (child->pid == 0) {
        close(questions[1]);
        close(answers[0]);
        serve(questions[0], answers[1]);
        _exit(0);
    }
    close(questions[0]);
    close(answers[1]);
    if (child->pid < 0) {
        child->pid = 0;
        close(questions[1]);
        close(answers[0]);
        return errno;
    }
    child->ask = fdopen(questions[1], "w");
    child->answer = fdopen(answers[0], "r");
    return child->ask != NULL && child->answer != NULL ? APR_SUCCESS : APR_ENOMEM;
}

/** Take the pairs of one file.  @return STORE_CORRUPT if they break off */
static apr_status_t take_pairs(apr_array_header_t *pairs, FILE *from)
{
    apr_size_t left = DBM_BYTES_MAX;
    pair_head_t head;

    while (fread(&head, sizeof(head), 1, from) == 1) {
        dbm_pair_t *pair;
        apr_size_t length;
        char *bytes;

        if (head.key == END_OF_FILE)
            return (apr_status_t)head.value;
        length = (apr_size_t)head.key + head.value;
        if (length + sizeof(*pair) > left)
            return STORE_CORRUPT;
        left -= length + sizeof(*pair);
        bytes = apr_palloc(pairs->pool, length + 1);
        if (fread(bytes, 1, length, from) != length)
            return STORE_CORRUPT;
        pair = apr_array_push(pairs);
        pair->key.data = bytes;
        pair->key.len = head.key;
        pair->value.data = bytes + head.key;
        pair->value.len = head.value;
    }
    return STORE_CORRUPT;
}

apr_status_t dbm_child_read(apr_array_header_t *pairs, dbm_child_t *child, const char *type,
                            const char *path)
{
    apr_status_t status = child->pid == 0 ? start_child(child) : APR_SUCCESS;
    int is_whole;

    if (status != APR_SUCCESS)
        return status;
    fprintf(child->ask, "%s\n%s\n", type, path);
    if (fflush(child->ask) != 0)
        status = errno;
    else
        status = take_pairs(pairs, child->answer);
    /* After a whole answer the child waits for the next question. */
    is_whole =
        status == APR_SUCCESS || APR_STATUS_IS_EDSOOPEN(status) || APR_STATUS_IS_ENOTIMPL(status);
    if (!is_whole)
        end_child(child);
    return status;
}
