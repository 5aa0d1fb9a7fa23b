#include "propstore/intents.h"

#include <string.h>

#include <apr_strings.h>

#include "propstore/key.h"
#include "propstore/meta.h"
#include "propstore/pairs.h"
#include "propstore/record.h"

/* An intent's body; then three strings. */
#define INTENT_VERSION 1
#define AT_KIND 1
#define AT_FLAGS 2
#define AT_PID 4
#define AT_START 8
#define AT_BOOT 16
#define AT_INODE 24
#define AT_BIRTH 32
#define AT_FROM_NODE 40
#define AT_TO_NODE 48
#define AT_FROM_PARENT 56
#define AT_TO_PARENT 64
#define AT_MODE 72
#define AT_ID 76
#define INTENT_HEAD 84

#define FLAG_TEMPORARY 1u

/* ---- records ---- */

static store_slice_t pack(const intent_t *intent, apr_pool_t *result_pool)
{
    const char *const texts[] = {intent->from, intent->to, intent->old};
    apr_size_t length = INTENT_HEAD;
    unsigned char *body, *at;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        length += strlen(texts[i]) + 1;
    body = apr_pcalloc(result_pool, length);
    body[0] = INTENT_VERSION;
    body[AT_KIND] = (unsigned char)intent->kind;
    body[AT_FLAGS] = intent->temporary ? FLAG_TEMPORARY : 0;
    key_put_u32(body + AT_PID, intent->owner.pid);
    key_put_u64(body + AT_START, intent->owner.start);
    key_put_u64(body + AT_BOOT, intent->owner.boot);
    key_put_u64(body + AT_INODE, intent->inode);
    key_put_u64(body + AT_BIRTH, (apr_uint64_t)intent->birth_ns);
    key_put_u64(body + AT_FROM_NODE, intent->from_node);
    key_put_u64(body + AT_TO_NODE, intent->to_node);
    key_put_u64(body + AT_FROM_PARENT, intent->from_parent);
    key_put_u64(body + AT_TO_PARENT, intent->to_parent);
    key_put_u32(body + AT_MODE, intent->mode);
    key_put_u64(body + AT_ID, intent->id);
    at = body + INTENT_HEAD;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        apr_size_t size = strlen(texts[i]) + 1;

        memcpy(at, texts[i], size);
        at += size;
    }
    return record_make(body, length, result_pool);
}

apr_status_t intents_read(intent_t *intent, store_slice_t record, apr_pool_t *result_pool)
{
    const char **const texts[] = {&intent->from, &intent->to, &intent->old};
    const unsigned char *body, *at, *end;
    store_slice_t slice;
    apr_status_t status = record_open(&slice, record);

    if (status != APR_SUCCESS)
        return status;
    body = slice.data;
    if (slice.len < INTENT_HEAD || body[0] != INTENT_VERSION || body[AT_KIND] < INTENT_MOVE ||
        body[AT_KIND] > INTENT_CLEAR)
        return STORE_CORRUPT;
    intent->kind = (intent_kind_e)body[AT_KIND];
    intent->temporary = (body[AT_FLAGS] & FLAG_TEMPORARY) != 0;
    intent->owner.pid = key_get_u32(body + AT_PID);
    intent->owner.start = key_get_u64(body + AT_START);
    intent->owner.boot = key_get_u64(body + AT_BOOT);
    intent->inode = key_get_u64(body + AT_INODE);
    intent->birth_ns = (apr_int64_t)key_get_u64(body + AT_BIRTH);
    intent->from_node = key_get_u64(body + AT_FROM_NODE);
    intent->to_node = key_get_u64(body + AT_TO_NODE);
    intent->from_parent = key_get_u64(body + AT_FROM_PARENT);
    intent->to_parent = key_get_u64(body + AT_TO_PARENT);
    intent->mode = key_get_u32(body + AT_MODE);
    intent->id = key_get_u64(body + AT_ID);
    at = body + INTENT_HEAD;
    end = body + slice.len;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const unsigned char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

        if (nul == NULL)
            return STORE_CORRUPT;
        *texts[i] = apr_pstrmemdup(result_pool, (const char *)at, (apr_size_t)(nul - at));
        at = nul + 1;
    }
    return at == end ? APR_SUCCESS : STORE_CORRUPT;
}

apr_status_t intents_put(store_txn_t *txn, const intent_t *intent, apr_pool_t *scratch_pool)
{
    return intents_pairs(intent, pairs_put, txn, scratch_pool);
}

apr_status_t intents_pairs(const intent_t *intent, pairs_fn *pair, void *baton,
                           apr_pool_t *scratch_pool)
{
    key_buf_t buf;

    return pair(baton, key_intent(&buf, intent->id), pack(intent, scratch_pool));
}

apr_status_t intents_add(store_txn_t *txn, intent_t *intent, apr_pool_t *scratch_pool)
{
    apr_status_t status = process_self(&intent->owner);

    /* Never given again: who finds its intent gone must not take another's for it. */
    if (status == APR_SUCCESS && intent->id == 0)
        status = meta_take_node_id(&intent->id, txn);
    return status == APR_SUCCESS ? intents_put(txn, intent, scratch_pool) : status;
}

apr_status_t intents_remove(store_txn_t *txn, apr_uint64_t id)
{
    key_buf_t buf;

    return store_del(txn, key_intent(&buf, id));
}

apr_status_t intents_get(intent_t *intent, store_txn_t *txn, apr_uint64_t id,
                         apr_pool_t *result_pool)
{
    store_slice_t record;
    key_buf_t buf;
    apr_status_t status = store_get(txn, key_intent(&buf, id), &record);

    if (status == APR_SUCCESS)
        status = intents_read(intent, record, result_pool);
    return status == APR_SUCCESS && intent->id != id ? STORE_CORRUPT : status;
}

apr_status_t intents_list(apr_array_header_t *intents, store_txn_t *txn)
{
    key_buf_t from, to;
    store_range_t range = {.from = key_intents(&from)};
    store_cursor_t *cursor;
    store_slice_t key, record;
    apr_status_t status;

    range.to = key_after(&to, range.from);
    status = store_scan(&cursor, txn, &range, intents->pool);
    if (status != APR_SUCCESS)
        return status;
    while ((status = store_next(cursor, &key, &record)) == APR_SUCCESS) {
        intent_t intent;

        status = intents_read(&intent, record, intents->pool);
        if (status == APR_SUCCESS && intent.id != key_intent_id(key))
            status = STORE_CORRUPT;
        if (status != APR_SUCCESS)
            break;
        APR_ARRAY_PUSH(intents, intent_t) = intent;
    }
    store_scan_end(cursor);
    return status == STORE_ABSENT ? APR_SUCCESS : status;
}
