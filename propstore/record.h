/*
 * record.h -- the values of the schema: how they are packed, and how they are read back
 * when the disk or an attacker may have had a hand in them.  FORMAT describes them.
 *
 * Every value begins with a checksum over what follows.  Reading is safe on any bytes.
 */
#ifndef PROPSTORE_RECORD_H
#define PROPSTORE_RECORD_H

#include "propstore/nodes.h"
#include "propstore/store.h"

/** Bytes that record_seal() puts before what it seals. */
#define RECORD_SEAL_SIZE 4

/** A property to be packed. */
typedef struct record_prop_t {
    apr_uint32_t name;
    apr_size_t length;
    int spilled;
    const char *value; /**< NULL if spilled */
} record_prop_t;

/** The hash of a text that stands for it in keys. */
apr_uint64_t record_hash(const char *text);

/** Set the checksum of the LENGTH bytes at RECORD, its place included. */
void record_seal(unsigned char *record, apr_size_t length);

/**
 * Check a value's checksum.
 * @param body_p set to what follows it
 * @return APR_SUCCESS; STORE_CORRUPT
 */
apr_status_t record_open(store_slice_t *body_p, store_slice_t record);

/** BODY behind a checksum, in RESULT_POOL. */
store_slice_t record_make(const void *body, apr_size_t length, apr_pool_t *result_pool);

/**
 * Pack a node.
 * @param node its id, kind and fingerprint
 * @param props COUNT of them, in the order of their names
 */
store_slice_t record_pack_node(const node_t *node, const record_prop_t *props, unsigned count,
                               apr_pool_t *result_pool);

/** Read a node; its slices point into RECORD.  @return APR_SUCCESS; STORE_CORRUPT */
apr_status_t record_read_node(node_t *node, store_slice_t record);

/** Where a node hangs. */
typedef struct record_place_t {
    apr_uint64_t parent;
    store_slice_t name;
} record_place_t;

store_slice_t record_pack_place(apr_uint64_t parent, const char *name, apr_size_t length,
                                apr_pool_t *result_pool);
apr_status_t record_read_place(record_place_t *place, store_slice_t record);

/** Room for record_pack_number(). */
#define RECORD_NUMBER_SIZE (RECORD_SEAL_SIZE + 8)

/** A number, packed into BUF. */
store_slice_t record_pack_number(unsigned char buf[RECORD_NUMBER_SIZE], apr_uint64_t n);
apr_status_t record_read_number(apr_uint64_t *n_p, store_slice_t record);

/** Room for record_pack_name(). */
#define RECORD_NAME_SIZE (RECORD_SEAL_SIZE + NAMES_LENGTH_MAX + 2)

/** A property's name within its limit, packed into BUF; read, its strings point into RECORD. */
store_slice_t record_pack_name(unsigned char buf[RECORD_NAME_SIZE], const prop_name_t *name);
apr_status_t record_read_name(prop_name_t *name, store_slice_t record);

#endif /* PROPSTORE_RECORD_H */
