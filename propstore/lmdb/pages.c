#include "propstore/lmdb/pages.h"

#include <string.h>

/** Bytes of a node before its key. */
#define NODE_HEAD 8
#define META_MAGIC 0xBEEFC0DEU
#define META_FORMAT 1
/** Flags of a leaf's node: its data has pages of its own.  There are others, for what we do not
 * use. */
#define NODE_BIG 0x01U
/** Flags of the list of free pages: its keys are numbers; and some of the environment's. */
#define TREE_INTEGER_KEYS 0x08U
#define TREE_ENV_FLAGS 0x4001U

#if APR_IS_BIGENDIAN
#define LOW_HALF 2
#define HIGH_HALF 0
#else
#define LOW_HALF 0
#define HIGH_HALF 2
#endif

static unsigned read_u16(const unsigned char *bytes)
{
    apr_uint16_t n;

    memcpy(&n, bytes, sizeof(n));
    return n;
}

static apr_uint32_t read_u32(const unsigned char *bytes)
{
    apr_uint32_t n;

    memcpy(&n, bytes, sizeof(n));
    return n;
}

apr_uint64_t page_word(const unsigned char *bytes)
{
    size_t n;

    memcpy(&n, bytes, sizeof(n));
    return n;
}

/** Read the head of page NUMBER.  @return as page_read_meta() */
static const char *read_head(const unsigned char *bytes, apr_uint64_t number, unsigned kind)
{
    if (page_word(bytes) != number)
        return "says that it is another page";
    if (read_u16(bytes + sizeof(size_t) + 2) != kind)
        return kind == PAGE_BRANCH ? "should be a branch of a tree, and is not"
               : kind == PAGE_LEAF ? "should be a leaf of a tree, and is not"
               : kind == PAGE_META ? "should be a meta page, and is not"
                                   : "should hold a long value, and does not";
    return NULL;
}

/* ---- meta pages ---- */

static const unsigned char *read_tree(page_tree_t *tree, const unsigned char *at)
{
    tree->flags = read_u16(at + 4);
    tree->depth = read_u16(at + 6);
    at += 8;
    tree->branches = page_word(at);
    tree->leaves = page_word(at + sizeof(size_t));
    tree->overflows = page_word(at + 2 * sizeof(size_t));
    tree->entries = page_word(at + 3 * sizeof(size_t));
    tree->root = page_word(at + 4 * sizeof(size_t));
    return at + 5 * sizeof(size_t);
}

/** Whether TREE can be one in a file whose last page is LAST. */
static int is_tree(const page_tree_t *tree, apr_uint64_t last)
{
    if (tree->root == PAGE_NONE)
        return tree->depth == 0 && tree->entries == 0 && tree->branches == 0 && tree->leaves == 0 &&
               tree->overflows == 0;
    return tree->depth > 0 && tree->depth <= PAGE_LEVELS_MAX && tree->root <= last;
}

const char *page_read_size(apr_uint32_t *size_p, const unsigned char *bytes)
{
    const unsigned char *at = bytes + PAGE_HEAD;
    apr_uint32_t size = read_u32(at + 8 + 2 * sizeof(size_t));

    *size_p = 0;
    if (read_u32(at) != META_MAGIC || read_u32(at + 4) != META_FORMAT)
        return NULL;
    if (size < PAGE_SIZE_MIN || size > PAGE_SIZE_MAX || (size & (size - 1)) != 0)
        return "tells a page size that is none";
    *size_p = size;
    return NULL;
}

const char *page_read_meta(page_meta_t *meta, const unsigned char *bytes, unsigned number)
{
    const char *error = read_head(bytes, number, PAGE_META);
    const unsigned char *at = bytes + PAGE_HEAD;

    if (error != NULL)
        return error;
    error = page_read_size(&meta->page_size, bytes);
    if (error != NULL)
        return error;
    if (meta->page_size == 0)
        return "is no meta page of LMDB 0.9";
    at += 8 + 2 * sizeof(size_t);
    at = read_tree(&meta->free, at);
    at = read_tree(&meta->main, at);
    meta->last = page_word(at);
    meta->txn = page_word(at + sizeof(size_t));
    if ((meta->free.flags & ~TREE_ENV_FLAGS) != TREE_INTEGER_KEYS || meta->main.flags != 0)
        return "tells of keys that property stores do not have";
    if (meta->last < 1 || !is_tree(&meta->free, meta->last) || !is_tree(&meta->main, meta->last))
        return "tells of a tree that cannot be";
    /* The first transaction finds both as they were made. */
    if (meta->txn != 0 && (meta->txn & 1) != number)
        return "tells of a transaction that the other meta page is for";
    return NULL;
}

/* ---- trees' pages ---- */

/** Where PAGE's node at INDEX is said to be. */
static unsigned place_of(const page_t *page, unsigned index)
{
    return read_u16(page->bytes + PAGE_HEAD + (apr_size_t)index * 2);
}

/** How long the node at AT is, as far as its first bytes tell, which are within PAGE. */
static apr_size_t length_of(const page_t *page, unsigned at)
{
    const unsigned char *head = page->bytes + at;
    apr_size_t length = NODE_HEAD + read_u16(head + 6);

    if (page->kind == PAGE_LEAF) {
        if (read_u16(head + 4) & NODE_BIG)
            length += sizeof(size_t);
        else
            length += ((apr_size_t)read_u16(head + HIGH_HALF) << 16) + read_u16(head + LOW_HALF);
    }
    return length + (length & 1);
}

/** See that PAGE's nodes fill it from FIRST to its end, each once.  @return as page_read_meta() */
static const char *check_nodes(const page_t *page, unsigned first)
{
    /* A bit for each even place. */
    unsigned char begins[PAGE_SIZE_MAX / 16] = {0};
    unsigned count = 0;

    for (unsigned i = 0; i < page->count; i++) {
        unsigned at = place_of(page, i), bit = 1U << (at / 2 % 8);

        if (at < first || at + NODE_HEAD > page->size || at % 2 != 0)
            return "has an entry outside its bounds";
        if (begins[at / 16] & bit)
            return "has an entry twice";
        begins[at / 16] |= (unsigned char)bit;
    }
    for (apr_size_t at = first; at < page->size; count++) {
        if ((begins[at / 16] & (1U << (at / 2 % 8))) == 0)
            return "has entries that do not fit together";
        at += length_of(page, (unsigned)at);
        if (at > page->size)
            return "has an entry that is too long";
    }
    return count == page->count ? NULL : "has another number of entries than it should";
}

void page_node(page_node_t *node, const page_t *page, unsigned index)
{
    const unsigned char *head = page->bytes + place_of(page, index);
    apr_uint64_t low = read_u16(head + LOW_HALF) + ((apr_uint64_t)read_u16(head + HIGH_HALF) << 16);
    unsigned flags = read_u16(head + 4);

    node->key.data = head + NODE_HEAD;
    node->key.len = read_u16(head + 6);
    node->below = PAGE_NONE;
    node->length = 0;
    node->data = NULL;
    if (page->kind == PAGE_BRANCH) {
        node->below = low;
        if (sizeof(size_t) > 4)
            node->below += (apr_uint64_t)flags << 32;
        return;
    }
    node->length = (apr_size_t)low;
    node->data = head + NODE_HEAD + node->key.len;
    if (flags & NODE_BIG) {
        node->below = page_word(node->data);
        node->data = NULL;
    }
}

/** See whether LMDB could have written PAGE's node at INDEX, which has its place. */
static const char *check_node(const page_t *page, unsigned index)
{
    /* What is longer gets pages of its own, so that two find room in a page. */
    const apr_size_t max = (page->size - PAGE_HEAD) / 2 / 2 * 2 - 2;
    page_node_t node;

    page_node(&node, page, index);
    if (node.key.len > STORE_KEY_MAX)
        return "has an entry whose key is too long";
    if (page->kind == PAGE_BRANCH)
        return NULL;
    if ((read_u16(page->bytes + place_of(page, index) + 4) & ~NODE_BIG) != 0)
        return "has an entry of a kind that property stores do not have";
    if (node.data != NULL && NODE_HEAD + node.key.len + node.length > max)
        return "has an entry that is too long";
    return node.key.len > 0 ? NULL : "has an entry without a key";
}

const char *page_read(page_t *page, const unsigned char *bytes, apr_size_t size,
                      apr_uint64_t number, unsigned kind)
{
    const char *error = read_head(bytes, number, kind);
    unsigned lower = read_u16(bytes + sizeof(size_t) + 4);
    unsigned upper = read_u16(bytes + sizeof(size_t) + 6);

    if (error != NULL)
        return error;
    if (lower <= PAGE_HEAD || lower % 2 != 0 || upper < lower || upper >= size || upper % 2 != 0)
        return "has bounds that cannot be";
    page->bytes = bytes;
    page->size = size;
    page->kind = kind;
    page->count = (unsigned)(lower - PAGE_HEAD) / 2;
    error = check_nodes(page, upper);
    for (unsigned i = 0; i < page->count && error == NULL; i++)
        error = check_node(page, i);
    return error;
}

const char *page_read_overflow(apr_uint64_t *count_p, const unsigned char *bytes, apr_size_t size,
                               apr_uint64_t number, apr_size_t length)
{
    const char *error = read_head(bytes, number, PAGE_OVERFLOW);

    *count_p = read_u32(bytes + sizeof(size_t) + 4);
    if (error == NULL && *count_p < (PAGE_HEAD - 1 + length) / size + 1)
        error = "begins a value that is longer than its pages";
    return error;
}
