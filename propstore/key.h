/*
 * key.h -- the keys of the schema, table by table.  FORMAT describes them.
 */
#ifndef PROPSTORE_KEY_H
#define PROPSTORE_KEY_H

#include "propstore/names.h"
#include "propstore/store.h"

/** Longest name of a collection's member in bytes; file systems have the same bound. */
#define KEY_MEMBER_MAX 255

/** The tables; each key begins with one of these bytes. */
typedef enum key_table_e {
    KEY_META = 'M',
    KEY_NODE = 'N',
    KEY_NODE_PLACE = 'I',
    KEY_VALUE = 'V',
    KEY_NAME_ID = 'F',
    KEY_NAME = 'R',
    KEY_LOCK = 'L',
    KEY_NODE_LOCK = 'T',
    KEY_LOCK_BELOW = 'A',
    KEY_LOCK_EXPIRY = 'X',
    KEY_USER_LOCK = 'U',
    KEY_INTENT = 'J',
    KEY_CHANGE = 'C' /**< kept free for the change log */
} key_table_e;

/** Room for a key. */
typedef struct key_buf_t {
    unsigned char bytes[STORE_KEY_MAX];
} key_buf_t;

/** The meta record called NAME. */
store_slice_t key_meta(key_buf_t *buf, const char *name);

/** The node of PARENT's member NAME, of LENGTH bytes, at most KEY_MEMBER_MAX. */
store_slice_t key_node(key_buf_t *buf, apr_uint64_t parent, const char *name, apr_size_t length);

/** What all keys of PARENT's members begin with; also the lower end of their range. */
store_slice_t key_members(key_buf_t *buf, apr_uint64_t parent);

/** Where node ID hangs: its parent and name. */
store_slice_t key_node_place(key_buf_t *buf, apr_uint64_t id);

/** The spilled value of property NAME of node ID. */
store_slice_t key_value(key_buf_t *buf, apr_uint64_t id, apr_uint32_t name);

/** What all keys of node ID's spilled values begin with. */
store_slice_t key_values(key_buf_t *buf, apr_uint64_t id);

/** The id of a property name.  @return the key, or an empty slice if the name is too long */
store_slice_t key_name_id(key_buf_t *buf, const prop_name_t *name);

/** The property name with ID. */
store_slice_t key_name(key_buf_t *buf, apr_uint32_t id);

/** The lock with TOKEN, 16 bytes. */
store_slice_t key_lock(key_buf_t *buf, const unsigned char *token);

/** That node ID has a lock; and what all such keys begin with. */
store_slice_t key_node_lock(key_buf_t *buf, apr_uint64_t id, const unsigned char *token);
store_slice_t key_node_locks(key_buf_t *buf, apr_uint64_t id);

/** That something below node ID has a lock; and what all such keys begin with. */
store_slice_t key_lock_below(key_buf_t *buf, apr_uint64_t id, const unsigned char *token);
store_slice_t key_locks_below(key_buf_t *buf, apr_uint64_t id);

/** When a lock expires, in the order of time; without TOKEN the first key of that second. */
store_slice_t key_lock_expiry(key_buf_t *buf, apr_uint64_t seconds, const unsigned char *token);
store_slice_t key_lock_expiries(key_buf_t *buf);

/** That the user whose name has HASH has a lock; and what all such keys begin with. */
store_slice_t key_user_lock(key_buf_t *buf, apr_uint64_t hash, const unsigned char *token);
store_slice_t key_user_locks(key_buf_t *buf, apr_uint64_t hash);

/** The intent with ID; what all such keys begin with; and the id in such a KEY. */
store_slice_t key_intent(key_buf_t *buf, apr_uint64_t id);
store_slice_t key_intents(key_buf_t *buf);
apr_uint64_t key_intent_id(store_slice_t key);

/** The first key after all that begin with PREFIX, which must not be all 0xff. */
store_slice_t key_after(key_buf_t *buf, store_slice_t prefix);

/** Write numbers big-endian, and read them. */
void key_put_u32(unsigned char *to, apr_uint32_t n);
void key_put_u64(unsigned char *to, apr_uint64_t n);
apr_uint32_t key_get_u32(const unsigned char *from);
apr_uint64_t key_get_u64(const unsigned char *from);

#endif /* PROPSTORE_KEY_H */
