/*
 * pages.h -- the pages of LMDB's data file, read from their bytes alone: format 1, that of all
 * LMDB 0.9.  Private to lmdb/.
 *
 * LMDB follows what its pages say without doubting it.  Here nothing is followed before it has
 * been found to lie where it may.  Numbers are in the machine's order; W is the size of a
 * size_t, which page numbers, transactions and counts have.
 *
 * A page begins with a head of W + 8 bytes: its number (W), 2 bytes without meaning, what it is
 * (u16), then the ends of what stands before and behind its free space (two u16), or, on the first
 * of pages that belong together, how many these are (u32).
 *
 * Branches and leaves: behind the head stand the places of the page's nodes (u16 each), in the
 * order of their keys; at its end the nodes, without gaps, each at an even place.  A node: 8 bytes,
 * then the key, then a leaf's data.  The 8 bytes are four u16: the low and high half of the data's
 * length (on a big-endian machine the other way round), flags, the key's length.  In a branch the
 * first three are the number of the page below, and the first node's key has no meaning.  Data that
 * has pages of its own leaves in the node the number of the first (W).
 *
 * Pages 0 and 1, a meta page each: behind the head a magic number and the format (u32 each), an
 * address and the map's size (W each), the list of free pages and the records as two trees, the
 * number of the last page and the transaction that wrote it (W each).  A tree: a u32, in the first
 * the page size, flags and depth (u16 each), the numbers of its branches, leaves, pages of their
 * own and entries, and its root (W each).  Transaction N writes page N & 1.
 */
#ifndef PROPSTORE_LMDB_PAGES_H
#define PROPSTORE_LMDB_PAGES_H

#include <apr.h>

#include "propstore/store.h"

/** What a page can be. */
#define PAGE_BRANCH 0x01U
#define PAGE_LEAF 0x02U
#define PAGE_OVERFLOW 0x04U
#define PAGE_META 0x08U

/** Bytes of a page's head. */
#define PAGE_HEAD (sizeof(size_t) + 8)
/** Bytes of a meta page that say something. */
#define PAGE_META_SIZE (PAGE_HEAD + 8 + 4 * sizeof(size_t) + 2 * (8 + 5 * sizeof(size_t)))
/** The number of a page that there is not. */
#define PAGE_NONE ((apr_uint64_t)(size_t)-1)
/** Page sizes; LMDB takes the system's, as far as its u16 reach. */
#define PAGE_SIZE_MIN 4096
#define PAGE_SIZE_MAX 32768
/** Most levels of a tree. */
#define PAGE_LEVELS_MAX 32

/** A tree, as a meta page has it. */
typedef struct page_tree_t {
    unsigned flags, depth;
    apr_uint64_t branches, leaves, overflows, entries; /**< how many */
    apr_uint64_t root;                                 /**< or PAGE_NONE */
} page_tree_t;

/** A meta page. */
typedef struct page_meta_t {
    apr_uint32_t page_size;
    page_tree_t free, main;
    apr_uint64_t last; /**< page */
    apr_uint64_t txn;
} page_meta_t;

/** A branch or leaf. */
typedef struct page_t {
    const unsigned char *bytes;
    apr_size_t size;
    unsigned kind;  /**< PAGE_BRANCH or PAGE_LEAF */
    unsigned count; /**< of nodes */
} page_t;

/** A node. */
typedef struct page_node_t {
    store_slice_t key;
    apr_uint64_t below; /**< a branch's page below; the first page of a leaf's data, or PAGE_NONE */
    apr_size_t length;  /**< of a leaf's data, in bytes */
    const unsigned char *data; /**< of a leaf, unless it has pages of its own */
} page_node_t;

/**
 * Read the meta page NUMBER.
 * @param bytes PAGE_META_SIZE of them
 * @return NULL; or what is wrong with it, in words behind "page N "
 */
const char *page_read_meta(page_meta_t *meta, const unsigned char *bytes, unsigned number);

/**
 * Read what a meta page says of the pages' size.
 * @param size_p set to it; to 0 if this is no meta page of this format
 * @return as page_read_meta()
 */
const char *page_read_size(apr_uint32_t *size_p, const unsigned char *bytes);

/**
 * Read the page NUMBER, which should be of KIND, and see that its nodes are where they can be.
 * @param bytes SIZE of them, a page's; they live as long as PAGE
 * @return as page_read_meta()
 */
const char *page_read(page_t *page, const unsigned char *bytes, apr_size_t size,
                      apr_uint64_t number, unsigned kind);

/**
 * Read the head of the first of the pages that belong to a value of LENGTH bytes.
 * @param count_p set to how many they are, at least as many as LENGTH takes
 * @param bytes PAGE_HEAD of them
 * @param size of a page
 * @return as page_read_meta()
 */
const char *page_read_overflow(apr_uint64_t *count_p, const unsigned char *bytes, apr_size_t size,
                               apr_uint64_t number, apr_size_t length);

/** The node at INDEX, less than PAGE's count, of a page that has been read. */
void page_node(page_node_t *node, const page_t *page, unsigned index);

/** The number in the W bytes at BYTES. */
apr_uint64_t page_word(const unsigned char *bytes);

#endif /* PROPSTORE_LMDB_PAGES_H */
