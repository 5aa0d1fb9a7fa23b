/*
 * reply.h -- reads HTTP/1.1 replies piece by piece, and drops their bodies.
 */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

#include <stddef.h>

/** Room for a lock token as a header has it, with the NUL. */
#define REPLY_TOKEN_SIZE 128

/** Where in a reply the next byte belongs. */
typedef enum reply_state_e {
    REPLY_HEAD,
    REPLY_BODY,       /**< LEFT bytes of it are to come */
    REPLY_CHUNK_SIZE, /**< the line with a chunk's size */
    REPLY_CHUNK,      /**< LEFT bytes of a chunk, with the line end behind it */
    REPLY_TRAILER,
    REPLY_DONE
} reply_state_e;

/** A reply being read. */
typedef struct reply_t {
    reply_state_e state;
    int status;  /**< HTTP status, once the head has been read */
    int closing; /**< the server will close the connection */
    size_t left;
    size_t used;                  /**< bytes in HEAD, or in a line of the chunked coding */
    char token[REPLY_TOKEN_SIZE]; /**< of Lock-Token, with its brackets; "" for none */
    char head[8192];
} reply_t;

/** Make REPLY ready for the next reply. */
void reply_begin(reply_t *reply);

/**
 * Take LENGTH more bytes that came from the server.
 * @return 1 if the reply is complete, 0 if more is to come, -1 if this is not HTTP
 */
int reply_take(reply_t *reply, const char *data, size_t length);

#endif /* BENCH_REPLY_H */
