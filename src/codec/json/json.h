/* JSON as RFC 8259 and device-api.md 1.4 want it: a strict parser into a tree, lenient getters for fields, a compact
 * writer of trees, and a streaming writer for replies. A tree belongs to one thread at a time; reading it from several
 * is safe. The tree's nodes are cJSON's; cJSON.h is included nowhere else. */
#ifndef MUSTER_CODEC_JSON_H
#define MUSTER_CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

struct json; /* a value; the root owns all below it */

#define JSON_BYTES_MAX_DEFAULT ((size_t)256 * 1024)
#define JSON_DEPTH_MAX_DEFAULT 32u
#define JSON_DEPTH_MAX_LIMIT 256u
#define JSON_NODES_MAX_DEFAULT ((size_t)65536)
#define JSON_NUMBER_BYTES_MAX 63u /* a longer number is refused */
#define JSON_INTEGER_MAX INT64_C(9007199254740992) /* 2^53 */

/* A zero takes the default above. */
struct json_limits {
    size_t bytes_max;
    unsigned depth_max; /* containers inside each other; at most JSON_DEPTH_MAX_LIMIT */
    size_t nodes_max;   /* values of every kind */
};

/* Parses one value. `text` is not needed afterwards; *ret_doc is freed with json_free. `limits` NULL: the defaults.
 * Of equal keys in an object the last one is kept, at its own place (device-api.md 1.4.4).
 * ERR_INVALID: not valid UTF-8, not JSON, empty, anything but white space after the value, too deep, a number that no
 * double can hold, or the character U+0000, which no value of Muster may contain. ERR_LIMIT: bytes_max or nodes_max. */
MUST_CHECK enum err json_parse(struct str text, const struct json_limits *limits, struct json **ret_doc);
void json_free(struct json *doc); /* a root; NULL is accepted */

/* All below accept NULL (a missing field) and values of another type, and then say false, 0, NULL or an empty str. */
bool json_is_object(const struct json *node);
bool json_is_array(const struct json *node);
bool json_is_string(const struct json *node);
bool json_is_number(const struct json *node);
bool json_is_bool(const struct json *node);
bool json_is_null(const struct json *node);    /* the value null; false for a missing field */
bool json_is_missing(const struct json *node); /* missing or null */

/* Borrowed parts of the tree. Looking up is a walk over the object's fields. */
struct json *json_get(const struct json *object, const char *key);
struct json *json_get_str(const struct json *object, struct str key);
struct json *json_at(const struct json *array, size_t index);
size_t json_count(const struct json *container); /* fields or items; a walk */
struct json *json_first(const struct json *container);
struct json *json_next(const struct json *node);
struct str json_key(const struct json *node); /* its name in the object it is in */

struct str json_string(const struct json *node);
double json_number(const struct json *node);
bool json_bool(const struct json *node);
/* True if the number is integral and at most 2^53 away from zero. */
bool json_int(const struct json *node, int64_t *ret_value);

/* Lenient getters (device-api.md 1.4.5): an integer also as a string of decimal digits; a boolean also as "true" and
 * "false"; a text also as a number, whose text is then put into the arena (a string is borrowed from the tree). */
bool json_to_int(const struct json *node, int64_t *ret_value);
bool json_to_bool(const struct json *node, bool *ret_value);
bool json_to_text(const struct json *node, struct arena *arena, struct str *ret_text);

/* Building and changing trees. Keys and strings must not contain U+0000. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_string(struct str value);
struct json *json_new_number(double value);
struct json *json_new_bool(bool value);
struct json *json_new_null(void);
void json_set(struct json *object, struct str key, struct json *value); /* takes value; replaces in place or appends */
void json_append(struct json *array, struct json *value);               /* takes value */
void json_remove(struct json *object, struct str key);                  /* nothing if there is none */
/* Sets every field of `changes`, which it takes, in `object`; the time grows with the sum of both, not the product. */
void json_merge(struct json *object, struct json *changes);
struct json *json_dup(const struct json *node);
bool json_eq(const struct json *a, const struct json *b); /* deep; the order of keys does not matter */

/* Compact text: nothing between tokens, "/" and UTF-8 as they are, numbers as the shortest text that reads back as the
 * same double, integers up to 2^53 without exponent or point, keys in their order. */
void json_write(struct buf *out, const struct json *node);

/* Streaming writer. Commas come by themselves; whatever goes in, strings come out as valid UTF-8 (bytes that are not
 * become U+FFFD). Pairing begin/end and naming fields in objects is up to the caller. Failure is the buffer's. */
struct json_writer {
    struct buf *out;
    bool comma; /* the next element needs one before it */
};

void json_writer_init(struct json_writer *w, struct buf *out); /* borrows out */
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_name(struct json_writer *w, const char *name);
void json_name_str(struct json_writer *w, struct str name);
void json_put_str(struct json_writer *w, struct str value);
void json_put_cstr(struct json_writer *w, const char *value); /* NULL: null */
void json_put_int(struct json_writer *w, int64_t value);
void json_put_double(struct json_writer *w, double value);    /* null if it is not finite */
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct str compact_json); /* one valid value, not checked */
void json_put_node(struct json_writer *w, const struct json *node); /* NULL: null */
void json_put_time(struct json_writer *w, int64_t unix_ms);   /* INT64_MIN: null */
void json_put_uuid(struct json_writer *w, const struct uuid *uuid); /* NULL: null */

void json_field_str(struct json_writer *w, const char *name, struct str value);
void json_field_cstr(struct json_writer *w, const char *name, const char *value);
void json_field_int(struct json_writer *w, const char *name, int64_t value);
void json_field_double(struct json_writer *w, const char *name, double value);
void json_field_bool(struct json_writer *w, const char *name, bool value);
void json_field_null(struct json_writer *w, const char *name);
void json_field_raw(struct json_writer *w, const char *name, struct str compact_json);
void json_field_node(struct json_writer *w, const char *name, const struct json *node);
void json_field_time(struct json_writer *w, const char *name, int64_t unix_ms);
void json_field_uuid(struct json_writer *w, const char *name, const struct uuid *uuid);

#endif
