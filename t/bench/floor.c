/*
 * floor PORT WWW STORE: what a listing costs at least.  A server that does nothing but read the
 * directory, statx(2), look nodes up in the store's LMDB file, format the bytes mod_dav_depot
 * would send, and write them to the socket; one request after the other.  It knows the three
 * answers that the bench asks for, named by the request's header "Form", checks nothing, and
 * trusts the store (propstore/FORMAT) blindly.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#define BUFFER_SIZE (64 * 1024)
/** More than one response's fixed text and its longest name. */
#define RESPONSE_MAX 4096
/** What stands before each value in LMDB. */
#define SUM_SIZE 4
/** Where a node's record has its id, its number of properties, and the first of them. */
#define NODE_ID 8
#define NODE_COUNT 48
#define NODE_PROPS 52

#define OPEN_PROPSTAT "<D:propstat><D:prop>"
#define END_PROPSTAT "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
#define SUPPORTED_LOCK                                                            \
    "<D:supportedlock><D:lockentry><D:lockscope><D:exclusive/></D:lockscope>"     \
    "<D:locktype><D:write/></D:locktype></D:lockentry><D:lockentry><D:lockscope>" \
    "<D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"  \
    "</D:supportedlock>"

/** The answers there are; "named" is "live" and one dead property. */
typedef enum form_e { FORM_LIVE, FORM_ALLPROP, FORM_NAMED } form_e;

/** An answer being written. */
typedef struct answer_t {
    int socket;
    form_e form;
    MDB_txn *txn;
    MDB_dbi dbi;
    uint64_t parent; /* node id of the collection, 0 for none */
    uint32_t wanted; /* name id of the property that FORM_NAMED asks for */
    char *at;
    char buffer[BUFFER_SIZE + RESPONSE_MAX];
} answer_t;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint32_t get_u32(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static uint64_t get_u64(const unsigned char *from)
{
    return (uint64_t)get_u32(from) << 32 | get_u32(from + 4);
}

static void put_u64(unsigned char *to, uint64_t n)
{
    for (int i = 7; i >= 0; i--) {
        to[i] = (unsigned char)n;
        n >>= 8;
    }
}

/* ---- the store ---- */

/** What the store has at KEY, or NULL. */
static const unsigned char *find(answer_t *answer, void *key, size_t length)
{
    MDB_val k = {.mv_size = length, .mv_data = key}, v;

    return mdb_get(answer->txn, answer->dbi, &k, &v) == 0
               ? (const unsigned char *)v.mv_data + SUM_SIZE
               : NULL;
}

/** The record of PARENT's member NAME, or NULL. */
static const unsigned char *find_node(answer_t *answer, uint64_t parent, const char *name,
                                      size_t length)
{
    unsigned char key[1 + 8 + 255];

    key[0] = 'N';
    put_u64(key + 1, parent);
    memcpy(key + 9, name, length);
    return find(answer, key, 9 + length);
}

/** The record of the node at PATH, or NULL. */
static const unsigned char *find_path(answer_t *answer, const char *path)
{
    const unsigned char *node = find_node(answer, 0, "", 0);

    while (node != NULL && *(path += strspn(path, "/")) != '\0') {
        size_t length = strcspn(path, "/");

        node = find_node(answer, get_u64(node + NODE_ID), path, length);
        path += length;
    }
    return node;
}

/** The id of the name of the property that FORM_NAMED asks for, or 0. */
static uint32_t find_name(answer_t *answer)
{
    static char key[] = "Fhttp://example.org/bench\0p3";
    const unsigned char *id = find(answer, key, sizeof(key) - 1);

    return id != NULL ? (uint32_t)get_u64(id + 4) : 0;
}

/* ---- formatting ---- */

static void flush(answer_t *answer)
{
    const char *from = answer->buffer;

    while (from < answer->at) {
        ssize_t sent = write(answer->socket, from, (size_t)(answer->at - from));

        if (sent <= 0)
            break;
        from += sent;
    }
    answer->at = answer->buffer;
}

static void put(answer_t *answer, const void *data, size_t length)
{
    memcpy(answer->at, data, length);
    answer->at += length;
}

#define PUT(answer, text) put(answer, text, sizeof(text) - 1)

static void put_number(answer_t *answer, uint64_t n, unsigned base)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n > 0);
    put(answer, digits + at, sizeof(digits) - at);
}

static void put_two(answer_t *answer, int n)
{
    *answer->at++ = (char)('0' + n / 10);
    *answer->at++ = (char)('0' + n % 10);
}

static void put_time(answer_t *answer, const struct tm *t, char separator)
{
    put_two(answer, t->tm_hour);
    *answer->at++ = separator;
    put_two(answer, t->tm_min);
    *answer->at++ = separator;
    put_two(answer, t->tm_sec);
}

static void put_last_modified(answer_t *answer, int64_t seconds)
{
    struct tm t;

    gmtime_r(&seconds, &t);
    PUT(answer, "<D:getlastmodified>");
    put(answer, &"SunMonTueWedThuFriSat"[t.tm_wday * 3], 3);
    PUT(answer, ", ");
    put_two(answer, t.tm_mday);
    PUT(answer, " ");
    put(answer, &"JanFebMarAprMayJunJulAugSepOctNovDec"[t.tm_mon * 3], 3);
    PUT(answer, " ");
    put_number(answer, (uint64_t)t.tm_year + 1900, 10);
    PUT(answer, " ");
    put_time(answer, &t, ':');
    PUT(answer, " GMT</D:getlastmodified>");
}

static void put_creation_date(answer_t *answer, int64_t seconds)
{
    struct tm t;

    gmtime_r(&seconds, &t);
    PUT(answer, "<D:creationdate>");
    put_number(answer, (uint64_t)t.tm_year + 1900, 10);
    PUT(answer, "-");
    put_two(answer, t.tm_mon + 1);
    PUT(answer, "-");
    put_two(answer, t.tm_mday);
    PUT(answer, "T");
    put_time(answer, &t, ':');
    PUT(answer, "Z</D:creationdate>");
}

static void put_length(answer_t *answer, const struct statx *st)
{
    if (S_ISDIR(st->stx_mode))
        return;
    PUT(answer, "<D:getcontentlength>");
    put_number(answer, st->stx_size, 10);
    PUT(answer, "</D:getcontentlength>");
}

static void put_etag(answer_t *answer, const struct statx *st)
{
    PUT(answer, "<D:getetag>\"");
    put_number(answer, st->stx_ino, 16);
    PUT(answer, "-");
    put_number(answer, S_ISDIR(st->stx_mode) ? 0 : st->stx_size, 16);
    PUT(answer, "-");
    put_number(answer, (uint64_t)st->stx_mtime.tv_sec * 1000000000 + st->stx_mtime.tv_nsec, 16);
    PUT(answer, "\"</D:getetag>");
}

static void put_resource_type(answer_t *answer, const struct statx *st)
{
    if (S_ISDIR(st->stx_mode))
        PUT(answer, "<D:resourcetype><D:collection/></D:resourcetype>");
    else
        PUT(answer, "<D:resourcetype/>");
}

static void put_live(answer_t *answer, const struct statx *st)
{
    put_etag(answer, st);
    put_length(answer, st);
    put_last_modified(answer, st->stx_mtime.tv_sec);
    put_resource_type(answer, st);
}

static void put_allprop(answer_t *answer, const struct statx *st)
{
    put_creation_date(answer, st->stx_btime.tv_sec);
    put_length(answer, st);
    if (S_ISDIR(st->stx_mode))
        PUT(answer, "<D:getcontenttype>httpd/unix-directory</D:getcontenttype>");
    else
        PUT(answer, "<D:getcontenttype>text/plain</D:getcontenttype>");
    put_etag(answer, st);
    put_last_modified(answer, st->stx_mtime.tv_sec);
    PUT(answer, "<D:lockdiscovery/>");
    put_resource_type(answer, st);
    PUT(answer, SUPPORTED_LOCK);
    if (!S_ISDIR(st->stx_mode)) {
        PUT(answer, "<A:executable>");
        put(answer, st->stx_mode & S_IXUSR ? "T" : "F", 1);
        PUT(answer, "</A:executable>");
    }
}

/** Write NODE's properties, or the one that is wanted. */
static void put_dead(answer_t *answer, const unsigned char *node)
{
    const unsigned char *prop = node + NODE_PROPS;

    for (uint32_t left = get_u32(node + NODE_COUNT); left > 0; left--) {
        uint32_t length = get_u32(prop + 4);

        if (answer->form == FORM_ALLPROP || get_u32(prop) == answer->wanted)
            put(answer, prop + 8, length);
        prop += 8 + length;
    }
}

/** What was asked for and a collection has not. */
static void put_missing(answer_t *answer)
{
    PUT(answer, OPEN_PROPSTAT "<D:getcontentlength/>");
    if (answer->form == FORM_NAMED)
        PUT(answer, "<ns0:p3/>");
    PUT(answer, "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>");
}

static void put_response(answer_t *answer, const char *base, const char *name,
                         const struct statx *st, const unsigned char *node)
{
    PUT(answer, "<D:response><D:href>");
    put(answer, base, strlen(base));
    put(answer, name, strlen(name)); /* the bench's names need no escaping */
    PUT(answer, "</D:href>" OPEN_PROPSTAT);
    if (answer->form == FORM_ALLPROP)
        put_allprop(answer, st);
    else
        put_live(answer, st);
    if (node != NULL && answer->form != FORM_LIVE)
        put_dead(answer, node);
    PUT(answer, END_PROPSTAT);
    if (S_ISDIR(st->stx_mode) && answer->form != FORM_ALLPROP)
        put_missing(answer);
    PUT(answer, "</D:response>\n");
    if (answer->at - answer->buffer >= BUFFER_SIZE)
        flush(answer);
}

/* ---- serving ---- */

static void list_members(answer_t *answer, const char *path, const char *base)
{
    unsigned mask = STATX_BASIC_STATS | STATX_BTIME;
    DIR *dir = opendir(path);
    const struct dirent *entry;
    struct statx st;

    if (dir == NULL || statx(dirfd(dir), "", AT_EMPTY_PATH, mask, &st) != 0)
        die(path);
    put_response(answer, base, "", &st, NULL);
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;

        if (name[0] == '.' || statx(dirfd(dir), name, AT_SYMLINK_NOFOLLOW, mask, &st) != 0)
            continue;
        put_response(answer, base, name, &st,
                     answer->parent ? find_node(answer, answer->parent, name, strlen(name)) : NULL);
    }
    closedir(dir);
}

static void serve(answer_t *answer, MDB_env *env, const char *path, const char *base)
{
    const unsigned char *node;
    int with_store = answer->form != FORM_LIVE;

    answer->at = answer->buffer;
    answer->parent = 0;
    if (with_store) {
        if (mdb_txn_begin(env, NULL, MDB_RDONLY, &answer->txn) != 0 ||
            mdb_dbi_open(answer->txn, NULL, 0, &answer->dbi) != 0)
            die("store");
        node = find_path(answer, path);
        if (node != NULL)
            answer->parent = get_u64(node + NODE_ID);
        answer->wanted = find_name(answer);
    }
    PUT(answer, "HTTP/1.1 207 Multi-Status\r\nConnection: close\r\n\r\n"
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\" "
                "xmlns:A=\"http://apache.org/dav/props/\"");
    if (answer->form == FORM_NAMED)
        PUT(answer, " xmlns:ns0=\"http://example.org/bench\"");
    PUT(answer, ">\n");
    list_members(answer, path, base);
    PUT(answer, "</D:multistatus>\n");
    flush(answer);
    if (with_store)
        mdb_txn_abort(answer->txn);
}

/** Read a request with its body, which the answer does not depend on. */
static void read_request(int socket, char *request, size_t size)
{
    size_t used = 0;
    char *end = NULL;

    while (used < size - 1 && end == NULL) {
        ssize_t got = read(socket, request + used, size - 1 - used);

        if (got <= 0)
            break;
        used += (size_t)got;
        request[used] = '\0';
        end = strstr(request, "</D:propfind>");
    }
    request[used] = '\0';
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 16) != 0)
        die("listen");
    return listener;
}

int main(int argc, char *argv[])
{
    static answer_t answer;
    char request[4096], base[1024], path[2048];
    MDB_env *env;
    int listener;

    if (argc != 4) {
        fprintf(stderr, "usage: floor PORT WWW STORE\n");
        return 2;
    }
    if (mdb_env_create(&env) != 0 || mdb_env_open(env, argv[3], MDB_RDONLY, 0) != 0)
        die(argv[3]);
    listener = listen_on(atoi(argv[1]));
    while ((answer.socket = accept(listener, NULL, NULL)) >= 0) {
        const char *form;

        read_request(answer.socket, request, sizeof(request));
        form = strstr(request, "Form: ");
        if (form != NULL && sscanf(request, "PROPFIND %1000s ", base) == 1) {
            answer.form = strncmp(form + 6, "allprop", 7) == 0 ? FORM_ALLPROP
                          : strncmp(form + 6, "named", 5) == 0 ? FORM_NAMED
                                                               : FORM_LIVE;
            snprintf(path, sizeof(path), "%s%s", argv[2], base);
            serve(&answer, env, path, base);
        }
        close(answer.socket);
    }
    die("accept");
}
