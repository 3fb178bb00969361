/* A flat document: keys with a number, a boolean, a string or null, in one piece of memory. The form of a telemetry
 * message after validation, of a stored sample and of a device's state.
 *
 * Entries follow each other in bytewise order of their keys, no key twice, so that two documents merge in one pass:
 *     u16 key length | u8 type | key | value: number = 8 bytes (double), string = u32 length and its bytes, else nothing
 * Integers are little-endian: the form never leaves the machine but in its own files. */
#ifndef MUSTER_MODEL_FLAT_H
#define MUSTER_MODEL_FLAT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct json;

enum flat_type { FLAT_NULL, FLAT_FALSE, FLAT_TRUE, FLAT_NUMBER, FLAT_STRING };

struct flat_entry {
    struct str key;
    enum flat_type type;
    double number;
    struct str text;
    struct str bytes; /* the whole entry */
};

struct flat_iter {
    const char *at;
    size_t left;
};

static inline struct flat_iter flat_iter(struct str flat)
{
    return (struct flat_iter){flat.ptr, flat.len};
}
#define FLAT_HEAD_BYTES 3

/* The next entry; false at the end, and at anything that is not whole. Here because every message passes it four times. */
static inline bool flat_next(struct flat_iter *iter, struct flat_entry *ret_entry)
{
    if (iter->left < FLAT_HEAD_BYTES) {
        return false;
    }
    uint16_t key_len;
    memcpy(&key_len, iter->at, sizeof key_len);
    uint8_t type = (uint8_t)iter->at[2];
    size_t len = FLAT_HEAD_BYTES + (size_t)key_len;
    if (type > FLAT_STRING || len > iter->left) {
        return false;
    }
    struct flat_entry entry = {.key = {iter->at + FLAT_HEAD_BYTES, key_len}, .type = (enum flat_type)type};
    if (type == FLAT_NUMBER) {
        if (iter->left - len < sizeof entry.number) {
            return false;
        }
        memcpy(&entry.number, iter->at + len, sizeof entry.number);
        len += sizeof entry.number;
    } else if (type == FLAT_STRING) {
        uint32_t text_len;
        if (iter->left - len < sizeof text_len) {
            return false;
        }
        memcpy(&text_len, iter->at + len, sizeof text_len);
        len += sizeof text_len;
        if (iter->left - len < text_len) {
            return false;
        }
        entry.text = str_from(iter->at + len, text_len);
        len += text_len;
    }
    entry.bytes = str_from(iter->at, len);
    iter->at += len;
    iter->left -= len;
    *ret_entry = entry;
    return true;
}
/* False: no such key. */
bool flat_find(struct str flat, struct str key, struct flat_entry *ret_entry);

/* Encodes entries (key, type and value are used). They are sorted; of equal keys the last one stays. */
struct str flat_encode(struct flat_entry *entries, size_t count, struct arena *arena);
/* The same into memory of the caller: what the encoding takes at most, and how long it is. */
size_t flat_room(const struct flat_entry *entries, size_t count);
size_t flat_put(struct flat_entry *entries, size_t count, char *out);
/* Encodes the scalar fields of a JSON object, others are left out. */
struct str flat_from_json(const struct json *object, struct arena *arena);

/* A JSON object, keys with null included if `with_nulls`. `without`: a key to leave out, or empty. */
void flat_write_json(struct buf *out, struct str flat, bool with_nulls, struct str without);

#endif
