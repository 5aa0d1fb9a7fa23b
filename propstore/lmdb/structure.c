#include "propstore/lmdb/structure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "propstore/lmdb/pages.h"

/** How often the meta pages are read until they stay the same. */
#define META_TRIES 10

/** A page on the way from the root to where the walk is. */
typedef struct frame_t {
    unsigned char *bytes; /* a page's; NULL until it is needed */
    page_t page;
    unsigned next;              /* node to go down by */
    store_slice_t lower, upper; /* keys from here, included, to there; empty: no end */
} frame_t;

typedef struct walk_t {
    structure_t *structure;
    int fd;
    apr_size_t size;    /* of a page */
    apr_uint64_t pages; /* that the file has */
    apr_uint64_t last;  /* page, as the meta page says */
    store_going_fn *going;
    void *baton;
    apr_pool_t *pool;
    unsigned char *used, *listed; /* a bit for each page: in a tree; free */
    apr_uint64_t listed_count;
    apr_uint64_t listed_beyond; /* of them, those that the file does not reach to */
    unsigned char *buffer;      /* a page's */
    /* Of the tree under way: */
    const page_tree_t *tree;
    int is_free; /* whether it is the list of free pages */
    char *words; /* for what is wrong */
    page_tree_t seen;
    apr_uint64_t last_key; /* of the list of free pages */
    unsigned depth;
    frame_t frames[PAGE_LEVELS_MAX];
} walk_t;

/** Say what is wrong, unless something has been said.  @return STORE_CORRUPT */
static apr_status_t wrong(char *words, apr_uint64_t page, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static apr_status_t wrong(char *words, apr_uint64_t page, const char *format, ...)
{
    int length;
    va_list args;

    if (words[0] == '\0') {
        length = apr_snprintf(words, STRUCTURE_WORDS_SIZE, "page %" APR_UINT64_T_FMT " ", page);
        va_start(args, format);
        apr_vsnprintf(words + length, STRUCTURE_WORDS_SIZE - (apr_size_t)length, format, args);
        va_end(args);
    }
    return STORE_CORRUPT;
}

/** Read LENGTH bytes at AT.  @return APR_SUCCESS; APR_EOF; the system's error */
static apr_status_t read_at(int fd, void *to, apr_size_t length, apr_uint64_t at)
{
    char *bytes = to;

    while (length > 0) {
        ssize_t n = pread(fd, bytes, length, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? APR_EOF : errno;
        bytes += n;
        length -= (apr_size_t)n;
        at += (apr_uint64_t)n;
    }
    return APR_SUCCESS;
}

/** The same in the page NUMBER, from FROM on. */
static apr_status_t read_page(const walk_t *walk, void *to, apr_size_t length, apr_uint64_t number,
                              apr_size_t from)
{
    char words[STRUCTURE_WORDS_SIZE / 2];
    apr_status_t status = read_at(walk->fd, to, length, number * walk->size + from);

    if (status == APR_SUCCESS)
        return status;
    return wrong(walk->words, number, "cannot be read: %s",
                 apr_strerror(status, words, sizeof(words)));
}

static int has_bit(const unsigned char *bits, apr_uint64_t n)
{
    return (bits[n / 8] & (1U << (n % 8))) != 0;
}

static void set_bit(unsigned char *bits, apr_uint64_t n)
{
    bits[n / 8] |= (unsigned char)(1U << (n % 8));
}

/** Note that COUNT pages from NUMBER on are part of the tree. */
static apr_status_t use_pages(walk_t *walk, apr_uint64_t number, apr_uint64_t count)
{
    if (number < 2 || number > walk->last || count > walk->last - number + 1)
        return wrong(walk->words, number, "is part of a tree, and cannot be");
    if (number >= walk->pages || count > walk->pages - number)
        return wrong(walk->words, number, "is behind the end of the file");
    for (apr_uint64_t end = number + count; number < end; number++) {
        if (has_bit(walk->used, number))
            return wrong(walk->words, number, "is part of a tree twice");
        set_bit(walk->used, number);
        if (has_bit(walk->listed, number))
            (void)wrong(walk->structure->rest, number,
                        "is in use, and in the list of free pages as well");
    }
    walk->structure->seen_pages += count;
    return walk->going(walk->baton, walk->structure->seen_pages * walk->size) ? APR_SUCCESS
                                                                              : APR_EINTR;
}

/* ---- the list of free pages ---- */

/** One of its entries: how many pages, and which, from the last to the first. */
typedef struct list_t {
    apr_uint64_t page;   /* that the entry is in */
    int begun;           /* whether LEFT is known */
    apr_uint64_t left;   /* to come */
    apr_uint64_t before; /* the last one seen */
} list_t;

/** Read on in LIST. */
static apr_status_t read_list(walk_t *walk, list_t *list, const unsigned char *bytes,
                              apr_size_t length)
{
    for (; length >= sizeof(size_t) && (!list->begun || list->left > 0);
         bytes += sizeof(size_t), length -= sizeof(size_t)) {
        apr_uint64_t number = page_word(bytes);

        if (!list->begun) {
            list->left = number;
            list->before = PAGE_NONE;
            list->begun = 1;
            continue;
        }
        if (number < 2 || number > walk->last || number >= list->before)
            return wrong(walk->words, list->page, "lists free pages that cannot be");
        list->before = number;
        list->left--;
        walk->listed_count++;
        if (number >= walk->pages) {
            walk->listed_beyond++;
            continue;
        }
        if (has_bit(walk->listed, number))
            return wrong(walk->words, number, "is in the list of free pages twice");
        set_bit(walk->listed, number);
        if (has_bit(walk->used, number))
            return wrong(walk->words, number, "is in use, and in the list of free pages as well");
    }
    return APR_SUCCESS;
}

/** Read the list that is the value of NODE in the page NUMBER. */
static apr_status_t check_list(walk_t *walk, const page_node_t *node, apr_uint64_t number)
{
    list_t list = {.page = number};
    apr_status_t status = APR_SUCCESS;
    apr_size_t at = 0;

    if (node->data != NULL)
        status = read_list(walk, &list, node->data, node->length);
    while (node->data == NULL && status == APR_SUCCESS && at < node->length &&
           (!list.begun || list.left > 0)) {
        apr_size_t length = node->length - at < walk->size ? node->length - at : walk->size;

        status = read_page(walk, walk->buffer, length, node->below, PAGE_HEAD + at);
        if (status == APR_SUCCESS)
            status = read_list(walk, &list, walk->buffer, length);
        at += length;
    }
    if (status == APR_SUCCESS && (!list.begun || list.left > 0))
        return wrong(walk->words, number, "has a list of free pages that is too short");
    walk->last_key = page_word(node->key.data);
    return status;
}

/* ---- a tree ---- */

/** Compare keys as the tree under way has them. */
static int compare(const walk_t *walk, store_slice_t a, store_slice_t b)
{
    apr_size_t common = a.len < b.len ? a.len : b.len;
    int order;

    if (walk->is_free) {
        apr_uint64_t m = page_word(a.data), n = page_word(b.data);

        return m < n ? -1 : m > n;
    }
    order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

/** See that the keys of FRAME, the page NUMBER, ascend within its bounds. */
static apr_status_t check_keys(const walk_t *walk, const frame_t *frame, apr_uint64_t number)
{
    /* The first of a branch means: from the lower bound. */
    unsigned first = frame->page.kind == PAGE_BRANCH;
    store_slice_t before = frame->lower;
    page_node_t node;

    for (unsigned i = first; i < frame->page.count; i++) {
        int order;

        page_node(&node, &frame->page, i);
        if (walk->is_free && node.key.len != sizeof(size_t))
            return wrong(walk->words, number, "has a key that is no number");
        order = before.len > 0 ? compare(walk, before, node.key) : -1;
        if (order > 0 || (order == 0 && i > first))
            return wrong(walk->words, number, "has keys that are not in order");
        before = node.key;
    }
    if (frame->upper.len > 0 && before.len > 0 && compare(walk, before, frame->upper) >= 0)
        return wrong(walk->words, number, "has keys that belong to another page");
    return APR_SUCCESS;
}

/** See that the value of NODE, in the page NUMBER, is where it can be. */
static apr_status_t check_value(walk_t *walk, const page_node_t *node, apr_uint64_t number)
{
    apr_status_t status = APR_SUCCESS;
    apr_uint64_t count;
    const char *error;

    if (node->data == NULL) {
        if (node->below < 2 || node->below >= walk->pages)
            return wrong(walk->words, number, "has a value in a page that there is not");
        status = read_page(walk, walk->buffer, PAGE_HEAD, node->below, 0);
        if (status != APR_SUCCESS)
            return status;
        error = page_read_overflow(&count, walk->buffer, walk->size, node->below, node->length);
        if (error != NULL)
            return wrong(walk->words, node->below, "%s", error);
        status = use_pages(walk, node->below, count);
        walk->seen.overflows += count;
    }
    if (status == APR_SUCCESS && walk->is_free)
        status = check_list(walk, node, number);
    return status;
}

/** Let the system fetch the leaves below PAGE while the first ones are looked at. */
static void want_below(const walk_t *walk, const page_t *page)
{
    page_node_t node;

    for (unsigned i = 0; i < page->count; i++) {
        page_node(&node, page, i);
        if (node.below < walk->pages)
            (void)posix_fadvise(walk->fd, (off_t)(node.below * walk->size), (off_t)walk->size,
                                POSIX_FADV_WILLNEED);
    }
}

/** Go down to the page NUMBER, whose keys are from LOWER to UPPER. */
static apr_status_t enter(walk_t *walk, apr_uint64_t number, store_slice_t lower,
                          store_slice_t upper)
{
    frame_t *frame = &walk->frames[walk->depth++];
    int is_leaf = walk->depth == walk->tree->depth;
    apr_status_t status = use_pages(walk, number, 1);
    const char *error;

    if (status != APR_SUCCESS)
        return status;
    if (frame->bytes == NULL)
        frame->bytes = apr_palloc(walk->pool, walk->size);
    frame->next = 0;
    frame->lower = lower;
    frame->upper = upper;
    status = read_page(walk, frame->bytes, walk->size, number, 0);
    if (status != APR_SUCCESS)
        return status;
    error = page_read(&frame->page, frame->bytes, walk->size, number,
                      is_leaf ? PAGE_LEAF : PAGE_BRANCH);
    if (error != NULL)
        return wrong(walk->words, number, "%s", error);
    /* LMDB leaves such a branch in the list of free pages at times. */
    if (!is_leaf && frame->page.count < 2 && !walk->is_free)
        return wrong(walk->words, number, "is a branch with a single page below");
    status = check_keys(walk, frame, number);
    if (!is_leaf) {
        walk->seen.branches++;
        if (walk->depth + 1 == walk->tree->depth)
            want_below(walk, &frame->page);
        return status;
    }
    walk->seen.leaves++;
    walk->seen.entries += frame->page.count;
    for (unsigned i = 0; i < frame->page.count && status == APR_SUCCESS; i++) {
        page_node_t node;

        page_node(&node, &frame->page, i);
        status = check_value(walk, &node, number);
    }
    return status;
}

/** Go down from FRAME by its next node. */
static apr_status_t descend(walk_t *walk, frame_t *frame)
{
    store_slice_t lower = frame->lower, upper = frame->upper;
    page_node_t node, neighbour;

    page_node(&node, &frame->page, frame->next);
    if (frame->next > 0)
        lower = node.key;
    if (++frame->next < frame->page.count) {
        page_node(&neighbour, &frame->page, frame->next);
        upper = neighbour.key;
    }
    return enter(walk, node.below, lower, upper);
}

/** Walk TREE, of the meta page META; what is wrong goes to WORDS. */
static apr_status_t walk_tree(walk_t *walk, const page_tree_t *tree, unsigned meta, char *words)
{
    const store_slice_t no_end = {NULL, 0};
    apr_status_t status = APR_SUCCESS;

    walk->tree = tree;
    walk->words = words;
    walk->depth = 0;
    memset(&walk->seen, 0, sizeof(walk->seen));
    if (tree->root != PAGE_NONE)
        status = enter(walk, tree->root, no_end, no_end);
    while (walk->depth > 0 && status == APR_SUCCESS) {
        frame_t *frame = &walk->frames[walk->depth - 1];

        if (frame->page.kind == PAGE_LEAF || frame->next == frame->page.count)
            walk->depth--;
        else
            status = descend(walk, frame);
    }
    if (status != APR_SUCCESS)
        return status;
    if (walk->seen.branches != tree->branches || walk->seen.leaves != tree->leaves ||
        walk->seen.overflows != tree->overflows || walk->seen.entries != tree->entries)
        return wrong(words, meta, "tells of other numbers of pages or entries than there are");
    return APR_SUCCESS;
}

/* ---- meta pages ---- */

/** Read META, the page NUMBER; what is wrong with it goes to WORDS. */
static void read_meta(page_meta_t *meta, const walk_t *walk, const unsigned char *bytes,
                      unsigned number, char *words)
{
    const char *error = page_read_meta(meta, bytes, number);

    if (error == NULL && meta->page_size != walk->size)
        error = "tells of another page size";
    if (error != NULL)
        (void)wrong(words, number, "%s", error);
}

/**
 * Read both meta pages, until nobody writes to them meanwhile.
 * @param metas that of the snapshot, which is page NUMBER, and the other
 * @return APR_SUCCESS, also if something was found; APR_EAGAIN
 */
static apr_status_t read_metas(walk_t *walk, page_meta_t metas[2], unsigned number)
{
    unsigned char bytes[2][PAGE_META_SIZE], again[2][PAGE_META_SIZE];
    apr_status_t status = APR_SUCCESS;

    for (int tries = 0; tries < META_TRIES && status == APR_SUCCESS; tries++) {
        for (unsigned i = 0; i < 4 && status == APR_SUCCESS; i++)
            status = read_page(walk, i < 2 ? bytes[i] : again[i - 2], PAGE_META_SIZE, i & 1, 0);
        if (status != APR_SUCCESS)
            return APR_SUCCESS; /* it has been said */
        if (memcmp(bytes, again, sizeof(bytes)) != 0)
            continue;
        read_meta(&metas[0], walk, bytes[number], number, walk->structure->records);
        read_meta(&metas[1], walk, bytes[!number], !number, walk->structure->rest);
        return APR_SUCCESS;
    }
    return APR_EAGAIN;
}

/** The last key of the list of free pages at TREE.  @return 0 if it has none, or cannot be read */
static apr_uint64_t last_key_of(walk_t *walk, const page_tree_t *tree)
{
    apr_uint64_t number = tree->root;
    page_node_t node = {.key.len = 0};
    page_t page;

    for (unsigned depth = 1; depth <= tree->depth; depth++) {
        if (number < 2 || number >= walk->pages ||
            read_at(walk->fd, walk->buffer, walk->size, number * walk->size) != APR_SUCCESS ||
            page_read(&page, walk->buffer, walk->size, number,
                      depth == tree->depth ? PAGE_LEAF : PAGE_BRANCH) != NULL)
            return 0;
        page_node(&node, &page, page.count - 1);
        number = node.below;
    }
    return node.key.len == sizeof(size_t) ? page_word(node.key.data) : 0;
}

/** Say that the meta page NUMBER does not go with others; the records of the snapshot may be whole.
 */
static void wrong_txn(walk_t *walk, unsigned number, const char *what)
{
    (void)wrong(walk->structure->rest, number, "tells of %s: what was stored last may be missing",
                what);
}

/**
 * See that the meta pages are of the last two transactions.  A number that is wrong lets LMDB go
 * back to the one before, or take that for the last; whoever looks into the lists of free pages,
 * where each transaction leaves an entry, sees it.  (So does LMDB leave a page that it could not
 * write as a whole, because of an I/O error.)
 * @param was_walked whether the list of the snapshot's is known to its end
 */
static void check_txns(walk_t *walk, const page_meta_t metas[2], unsigned number, int was_walked)
{
    apr_uint64_t txn = metas[0].txn, other = metas[1].txn;

    if (other == txn + 1 || (txn == 0 && other == 0))
        return; /* it is being written, or nothing is */
    if (other + 1 != txn)
        wrong_txn(walk, number, "a transaction that does not follow its neighbour's");
    /* That of an older one may have been overwritten before a power failure; not by the next. */
    else if (last_key_of(walk, &metas[1].free) == txn + 1)
        wrong_txn(walk, !number, "an earlier transaction than its pages are of");
    /* What changes a tree leaves the old root free, and so an entry. */
    else if (was_walked && metas[1].main.root != PAGE_NONE && walk->last_key != txn)
        wrong_txn(walk, number, "another transaction than its pages are of");
}

/* ---- the whole ---- */

/** Count the pages that were not met; all trees have been walked. */
static void count_lost(walk_t *walk, unsigned meta)
{
    apr_uint64_t beyond = walk->last >= walk->pages ? walk->last - walk->pages + 1 : 0;

    if (walk->listed_beyond < beyond)
        (void)wrong(walk->structure->rest, meta, "tells of more pages than the file has");
    else if (walk->structure->rest[0] == '\0')
        walk->structure->lost_pages =
            walk->last + 1 - walk->structure->seen_pages - walk->listed_count;
}

/** Walk all that META, the page NUMBER, leads to. */
static apr_status_t walk_all(walk_t *walk, const page_meta_t metas[2], unsigned number)
{
    structure_t *structure = walk->structure;
    const page_meta_t *meta = &metas[0];
    apr_uint64_t in_file = meta->last < walk->pages ? meta->last + 1 : walk->pages;
    int has_neighbour = structure->rest[0] == '\0', was_walked;
    apr_status_t status;

    walk->last = meta->last;
    walk->used = apr_pcalloc(walk->pool, in_file / 8 + 1);
    walk->listed = apr_pcalloc(walk->pool, in_file / 8 + 1);
    structure->used_pages = 2 + meta->free.branches + meta->free.leaves + meta->free.overflows +
                            meta->main.branches + meta->main.leaves + meta->main.overflows;
    structure->seen_pages = 2;
    /* First: it is the smaller one, and leads to writing into what is used. */
    walk->is_free = 1;
    status = walk_tree(walk, &meta->free, number, structure->rest);
    if (status != APR_SUCCESS && status != STORE_CORRUPT)
        return status;
    was_walked = status == APR_SUCCESS;
    if (has_neighbour)
        check_txns(walk, metas, number, was_walked);
    walk->is_free = 0;
    status = walk_tree(walk, &meta->main, number, structure->records);
    if (status == APR_SUCCESS && was_walked)
        count_lost(walk, number);
    return status == STORE_CORRUPT ? APR_SUCCESS : status;
}

apr_status_t structure_read(structure_t *structure, int fd, apr_size_t page_size, apr_uint64_t txn,
                            store_going_fn *going, void *baton, apr_pool_t *scratch_pool)
{
    const unsigned number = (unsigned)(txn & 1);
    walk_t walk = {.structure = structure, .fd = fd, .size = page_size};
    page_meta_t metas[2] = {{.txn = 0}};
    apr_status_t status;
    struct stat st;

    memset(structure, 0, sizeof(*structure));
    if (fstat(fd, &st) != 0)
        return errno;
    walk.pages = (apr_uint64_t)st.st_size / page_size;
    walk.going = going;
    walk.baton = baton;
    walk.pool = scratch_pool;
    walk.buffer = apr_palloc(scratch_pool, page_size);
    walk.words = structure->records;
    status = read_metas(&walk, metas, number);
    if (status != APR_SUCCESS || structure->records[0] != '\0')
        return status;
    if (metas[0].txn != txn)
        return APR_EAGAIN;
    return walk_all(&walk, metas, number);
}

apr_status_t structure_peek(char *words, const char *data)
{
    unsigned char bytes[PAGE_META_SIZE];
    apr_uint32_t size, at = 0;
    apr_status_t status = APR_SUCCESS;
    const char *error;
    int fd = open(data, O_RDONLY | O_CLOEXEC);

    words[0] = '\0';
    if (fd < 0)
        return errno == ENOENT ? APR_SUCCESS : errno;
    for (unsigned i = 0; i < 2 && status == APR_SUCCESS && words[0] == '\0'; i++) {
        status = read_at(fd, bytes, sizeof(bytes), at);
        if (status != APR_SUCCESS)
            continue;
        error = page_read_size(&size, bytes);
        if (error == NULL && size == 0)
            break; /* LMDB says so itself */
        if (error == NULL && i == 1 && size != at)
            error = "tells of another page size";
        if (error != NULL)
            (void)wrong(words, i, "%s", error);
        at = size;
    }
    close(fd);
    return status == APR_EOF ? APR_SUCCESS : status;
}
