/*
 * load PORT CLIENTS SECONDS SCRIPT BASE [COUNT [EVERY PROPS [PER-FOLDER]]]
 *
 * CLIENTS keep-alive connections to a server on loopback, each sending the requests of SCRIPT
 * (scripts.c) one after the other, for SECONDS; 0: until there is nothing left to do.  One
 * thread and epoll, so that it takes little from a server on the same machine.  Prints one
 * line: requests, seconds, requests a second, the median and the 99th percentile of a
 * request's milliseconds, and how many were not answered with a 2xx, which the rate leaves out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "t/bench/reply.h"
#include "t/bench/scripts.h"

#define CLIENTS_MAX 256
/** Seconds in which some answer must come. */
#define PATIENCE 30

/** A client and its connection. */
typedef struct connection_t {
    client_t client;
    int socket; /* -1: none yet, or closed by the server */
    reply_t reply;
    uint64_t started; /* when the request was sent, in nanoseconds */
    size_t length;
    char request[SCRIPTS_REQUEST_SIZE];
} connection_t;

/** The whole run. */
typedef struct run_t {
    int port, epoll;
    script_fn *script;
    work_t work;
    uint64_t until; /* 0: no end but the script's */
    unsigned active;
    uint32_t *times; /* microseconds of each request */
    size_t count, room;
    size_t failed; /* requests whose answer was not 2xx */
} run_t;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note_time(run_t *run, uint64_t ns)
{
    if (run->count == run->room) {
        run->room = run->room ? run->room * 2 : 65536;
        run->times = realloc(run->times, run->room * sizeof(*run->times));
        if (run->times == NULL)
            die("memory");
    }
    run->times[run->count++] = (uint32_t)(ns / 1000);
}

static void connect_to_server(run_t *run, connection_t *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)run->port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 ||
        connect(connection->socket, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, connection->socket, &event) != 0)
        die("epoll");
}

static void disconnect(connection_t *connection)
{
    close(connection->socket);
    connection->socket = -1;
}

/** Send the request, which is small enough for the socket's buffer to take it whole. */
static void send_request(run_t *run, connection_t *connection)
{
    if (connection->socket < 0)
        connect_to_server(run, connection);
    reply_begin(&connection->reply);
    if (send(connection->socket, connection->request, connection->length, MSG_NOSIGNAL) !=
        (ssize_t)connection->length)
        die("send");
}

/** The client's next request, if there is one and the time is not over. */
static void step(run_t *run, connection_t *connection, uint64_t at)
{
    client_t *client = &connection->client;

    /* A lock that is held is given back even after the time, so that the next run finds none. */
    if (run->until != 0 && at >= run->until && client->token[0] == '\0')
        connection->length = 0;
    else
        connection->length = run->script(connection->request, client, &run->work);
    if (connection->length == 0) {
        run->active--;
        if (connection->socket >= 0)
            disconnect(connection);
        return;
    }
    client->step++;
    connection->started = at;
    send_request(run, connection);
}

static void finish(run_t *run, connection_t *connection)
{
    reply_t *reply = &connection->reply;
    uint64_t at = now();

    if (reply->status < 200 || reply->status > 299) {
        connection->client.failures++;
        if (run->failed++ == 0)
            fprintf(stderr, "load: status %d after %.*s\n", reply->status,
                    (int)strcspn(connection->request, "\r"), connection->request);
    }
    note_time(run, at - connection->started);
    if (strncmp(connection->request, "LOCK ", 5) == 0)
        memcpy(connection->client.token, reply->token, sizeof(reply->token));
    if (reply->closing)
        disconnect(connection);
    step(run, connection, at);
}

static void receive(run_t *run, connection_t *connection)
{
    static char buffer[256 * 1024];
    ssize_t got = recv(connection->socket, buffer, sizeof(buffer), 0);

    if (got <= 0) {
        /* A server may close a kept connection while a request is on its way. */
        if (connection->reply.used > 0 || connection->reply.state != REPLY_HEAD)
            die("the server closed a connection");
        disconnect(connection);
        send_request(run, connection);
        return;
    }
    switch (reply_take(&connection->reply, buffer, (size_t)got)) {
    case 1:
        finish(run, connection);
        break;
    case -1:
        errno = EPROTO;
        die("reply");
        break;
    default:
        break;
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void report(run_t *run, uint64_t ns)
{
    double seconds = (double)ns / 1e9;

    qsort(run->times, run->count, sizeof(*run->times), compare);
    printf("requests=%zu seconds=%.3f rate=%.1f p50=%.3f p99=%.3f failed=%zu\n", run->count,
           seconds, (double)(run->count - run->failed) / seconds, run->times[run->count / 2] / 1e3,
           run->times[run->count * 99 / 100] / 1e3, run->failed);
}

static unsigned long argument(int argc, char *argv[], int at, unsigned long otherwise)
{
    return argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char *argv[])
{
    static connection_t connections[CLIENTS_MAX];
    struct epoll_event events[CLIENTS_MAX];
    run_t run = {.script = argc > 5 ? scripts_find(argv[4]) : NULL};
    double seconds = argc > 5 ? strtod(argv[3], NULL) : 0;
    uint64_t started;

    if (run.script == NULL) {
        fprintf(stderr, "usage: load PORT CLIENTS SECONDS SCRIPT BASE"
                        " [COUNT [EVERY PROPS [PER-FOLDER]]]\n");
        return 2;
    }
    run.port = atoi(argv[1]);
    run.active = (unsigned)argument(argc, argv, 2, 1);
    if (run.active < 1 || run.active > CLIENTS_MAX)
        run.active = CLIENTS_MAX;
    run.work.clients = run.active;
    run.work.base = argv[5];
    run.work.count = argument(argc, argv, 6, 1);
    run.work.every = argument(argc, argv, 7, 1);
    run.work.props = argument(argc, argv, 8, 1);
    run.work.per_folder = argument(argc, argv, 9, 0);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    started = now();
    run.until = seconds > 0 ? started + (uint64_t)(seconds * 1e9) : 0;
    for (unsigned i = 0; i < run.work.clients; i++) {
        connections[i].client.index = i;
        connections[i].client.random = i * 7919 + 1;
        connections[i].socket = -1;
        step(&run, &connections[i], now());
    }
    while (run.active > 0) {
        int ready = epoll_wait(run.epoll, events, CLIENTS_MAX, PATIENCE * 1000);

        if (ready == 0) {
            fprintf(stderr, "load: no answer for %d seconds\n", PATIENCE);
            return 1;
        }
        if (ready < 0 && errno != EINTR)
            die("epoll");
        for (int i = 0; i < ready; i++)
            receive(&run, events[i].data.ptr);
    }
    if (run.count == 0)
        return 1;
    report(&run, now() - started);
    return 0;
}
