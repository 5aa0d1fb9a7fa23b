#include "t/bench/reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void reply_begin(reply_t *reply)
{
    reply->state = REPLY_HEAD;
    reply->status = 0;
    reply->closing = 0;
    reply->left = 0;
    reply->used = 0;
    reply->token[0] = '\0';
}

/** The value of HEADER, a name with its colon, in lines that end in CRLF; or NULL. */
static const char *header(const char *lines, const char *name)
{
    size_t length = strlen(name);

    while ((lines = strstr(lines, "\r\n")) != NULL) {
        lines += 2;
        if (strncasecmp(lines, name, length) == 0)
            return lines + length + strspn(lines + length, " ");
    }
    return NULL;
}

/** Read the head, which is complete.  @return -1 if this is not HTTP */
static int read_head(reply_t *reply)
{
    const char *value;

    if (strncmp(reply->head, "HTTP/1.", 7) != 0)
        return -1;
    reply->status = atoi(reply->head + 9);
    value = header(reply->head, "connection:");
    reply->closing = value != NULL && strncasecmp(value, "close", 5) == 0;
    value = header(reply->head, "lock-token:");
    if (value != NULL) {
        size_t length = strcspn(value, "\r\n");

        if (length < sizeof(reply->token)) {
            memcpy(reply->token, value, length);
            reply->token[length] = '\0';
        }
    }
    reply->used = 0;
    value = header(reply->head, "transfer-encoding:");
    if (value != NULL && strncasecmp(value, "chunked", 7) == 0) {
        reply->state = REPLY_CHUNK_SIZE;
        return 0;
    }
    value = header(reply->head, "content-length:");
    reply->left = value != NULL ? strtoul(value, NULL, 10) : 0;
    reply->state = reply->left > 0 ? REPLY_BODY : REPLY_DONE;
    return 0;
}

/** Add a byte to the head or line being read.  @return 1 at the end of a line, -1 if too long */
static int add(reply_t *reply, char c)
{
    if (reply->used + 1 >= sizeof(reply->head))
        return -1;
    reply->head[reply->used++] = c;
    reply->head[reply->used] = '\0';
    return c == '\n';
}

/** A line of the chunked coding is complete. */
static void read_line(reply_t *reply)
{
    size_t used = reply->used;

    reply->used = 0;
    if (reply->state == REPLY_TRAILER) {
        if (used == 2)
            reply->state = REPLY_DONE;
        return;
    }
    reply->left = strtoul(reply->head, NULL, 16);
    reply->state = reply->left > 0 ? REPLY_CHUNK : REPLY_TRAILER;
    if (reply->left > 0)
        reply->left += 2;
}

int reply_take(reply_t *reply, const char *data, size_t length)
{
    while (length > 0 && reply->state != REPLY_DONE) {
        if (reply->state == REPLY_BODY || reply->state == REPLY_CHUNK) {
            size_t part = length < reply->left ? length : reply->left;

            data += part;
            length -= part;
            reply->left -= part;
            if (reply->left == 0)
                reply->state = reply->state == REPLY_BODY ? REPLY_DONE : REPLY_CHUNK_SIZE;
            continue;
        }
        switch (add(reply, *data)) {
        case -1:
            return -1;
        case 1:
            if (reply->state != REPLY_HEAD)
                read_line(reply);
            else if (reply->used >= 4 &&
                     memcmp(reply->head + reply->used - 4, "\r\n\r\n", 4) == 0 &&
                     read_head(reply) != 0)
                return -1;
            break;
        default:
            break;
        }
        data++;
        length--;
    }
    return reply->state == REPLY_DONE;
}
