#include "t/bench/scripts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define XML "Content-Type: application/xml\r\n"
#define MEMBER "%s/member-%07lu.txt"
#define LIVE                                                                   \
    "<?xml version=\"1.0\"?><D:propfind xmlns:D=\"DAV:\"><D:prop><D:getetag/>" \
    "<D:getcontentlength/><D:getlastmodified/><D:resourcetype/></D:prop></D:propfind>"
#define ALLPROP "<?xml version=\"1.0\"?><D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>"
#define LOCKINFO                                                             \
    "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>" \
    "<D:locktype><D:write/></D:locktype><D:owner>bench</D:owner></D:lockinfo>"
#define OPEN_UPDATE \
    "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:x=\"http://example.org/bench\"><D:set><D:prop>"
#define CLOSE_UPDATE "</D:prop></D:set></D:propertyupdate>"

/** Put a request together: METHOD, HEADERS (each with its line end), BODY, and a path. */
static size_t compose(char *request, const char *method, const char *headers, const char *body,
                      const char *path_format, ...) __attribute__((format(printf, 5, 6)));

static size_t compose(char *request, const char *method, const char *headers, const char *body,
                      const char *path_format, ...)
{
    char path[1024];
    va_list args;
    int length;

    va_start(args, path_format);
    vsnprintf(path, sizeof(path), path_format, args);
    va_end(args);
    length = snprintf(request, SCRIPTS_REQUEST_SIZE,
                      "%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
                      method, path, headers, strlen(body), body);
    return (size_t)length;
}

/** A number below BOUND; the same sequence in every run. */
static unsigned long below(client_t *client, unsigned long bound)
{
    client->random = client->random * 1103515245u + 12345u;
    return (client->random >> 8) % bound;
}

static size_t get(char *request, client_t *client, work_t *work)
{
    (void)client;
    return (size_t)snprintf(request, SCRIPTS_REQUEST_SIZE,
                            "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", work->base);
}

static size_t propfind(char *request, client_t *client, work_t *work)
{
    (void)client;
    return compose(request, "PROPFIND", "Depth: 0\r\n" XML, LIVE, "%s", work->base);
}

/** COUNT properties, with values that differ from step to step. */
static void update_of(char *body, size_t size, unsigned long count, unsigned long step)
{
    size_t used = (size_t)snprintf(body, size, OPEN_UPDATE);

    for (unsigned long i = 1; i <= count; i++)
        used +=
            (size_t)snprintf(body + used, size - used,
                             "<x:p%lu>value number %lu of this resource</x:p%lu>", i, step + i, i);
    snprintf(body + used, size - used, CLOSE_UPDATE);
}

static size_t proppatch(char *request, client_t *client, work_t *work)
{
    unsigned long at = (client->index + client->step * work->clients) % work->count;
    char body[1024];

    update_of(body, sizeof(body), 2, client->step);
    return compose(request, "PROPPATCH", XML, body, MEMBER, work->base, at);
}

/** Each of the chosen members once, by whichever client comes. */
static size_t fill(char *request, client_t *client, work_t *work)
{
    unsigned long at = work->next;
    char body[2048];

    (void)client;
    if (at >= work->count)
        return 0;
    work->next += work->every;
    update_of(body, sizeof(body), work->props, 0);
    if (work->per_folder == 0)
        return compose(request, "PROPPATCH", XML, body, MEMBER, work->base, at);
    return compose(request, "PROPPATCH", XML, body, "%s/%02lu/%02lu/member-%07lu.txt", work->base,
                   at / work->per_folder / 100, at / work->per_folder % 100, at);
}

/** LOCK and UNLOCK in turn, of the member AT. */
static size_t lock_or_unlock(char *request, client_t *client, const char *folder, unsigned long at)
{
    char headers[REPLY_TOKEN_SIZE + 32];

    if (client->token[0] == '\0')
        return compose(request, "LOCK", "Depth: 0\r\nTimeout: Second-3600\r\n" XML, LOCKINFO,
                       MEMBER, folder, at);
    snprintf(headers, sizeof(headers), "Lock-Token: %s\r\n", client->token);
    client->token[0] = '\0';
    return compose(request, "UNLOCK", headers, "", MEMBER, folder, at);
}

static size_t lock(char *request, client_t *client, work_t *work)
{
    /* A server may lose a lock or an UNLOCK; that file is left alone from then on. */
    return lock_or_unlock(request, client, work->base,
                          (client->index + client->failures * work->clients) % work->count);
}

static const char *kilobyte(void)
{
    static char text[1025];

    if (text[0] == '\0')
        memset(text, 'x', sizeof(text) - 1);
    return text;
}

static size_t put(char *request, client_t *client, work_t *work)
{
    return compose(request, "PUT", "", kilobyte(), "%s/put-%02u-%06lu.txt", work->base,
                   client->index, client->step);
}

/**
 * An office's shared drive, of folders with 50 to 500 members: 70 % PROPFIND, 15 % GET, 8 % PUT,
 * 3 % PROPPATCH, 4 % LOCK and UNLOCK.
 */
static size_t office(char *request, client_t *client, work_t *work)
{
    unsigned long chance, at, members;
    char folder[512], body[1024];

    if (client->token[0] != '\0') {
        at = client->target;
        snprintf(folder, sizeof(folder), "%s/folder-%03lu", work->base, at);
        return lock_or_unlock(request, client, folder, client->index);
    }
    /* Of 1,000 requests; a LOCK's UNLOCK follows it, without being chosen. */
    chance = below(client, 980);
    at = below(client, work->count);
    members = 50 + at * 450 / (work->count - 1);
    snprintf(folder, sizeof(folder), "%s/folder-%03lu", work->base, at);
    if (chance < 700)
        return compose(request, "PROPFIND", "Depth: 1\r\n" XML, ALLPROP, "%s/", folder);
    if (chance < 850)
        return (size_t)snprintf(request, SCRIPTS_REQUEST_SIZE,
                                "GET " MEMBER " HTTP/1.1\r\nHost: localhost\r\n\r\n", folder,
                                below(client, members));
    /* What is written is the client's own, so that no lock of another is in the way. */
    if (chance < 930)
        return compose(request, "PUT", "", kilobyte(), "%s/put-%02u-%02lu.txt", folder,
                       client->index, below(client, 4));
    if (chance < 960) {
        update_of(body, sizeof(body), 2, client->step);
        return compose(request, "PROPPATCH", XML, body, MEMBER, folder,
                       (unsigned long)client->index);
    }
    client->target = at;
    return lock_or_unlock(request, client, folder, client->index);
}

script_fn *scripts_find(const char *name)
{
    static const struct {
        const char *name;
        script_fn *script;
    } scripts[] = {
        {"get", get},   {"propfind", propfind}, {"proppatch", proppatch}, {"fill", fill},
        {"lock", lock}, {"put", put},           {"office", office},
    };

    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        if (strcmp(scripts[i].name, name) == 0)
            return scripts[i].script;
    }
    return NULL;
}
