#include "model/telemetry/flat.h"

#include <stdlib.h>

#include "codec/json/json.h"

#define SORT_FEW_MAX 16

bool flat_find(struct str flat, struct str key, struct flat_entry *ret_entry)
{
    struct flat_iter iter = flat_iter(flat);
    struct flat_entry entry;
    while (flat_next(&iter, &entry)) {
        int order = str_cmp(entry.key, key);
        if (order >= 0) {
            *ret_entry = entry;
            return order == 0;
        }
    }
    return false;
}

static int by_key(const void *a, const void *b)
{
    const struct flat_entry *x = a;
    const struct flat_entry *y = b;
    int order = str_cmp(x->key, y->key);
    return order != 0 ? order : x->bytes.len < y->bytes.len ? -1 : x->bytes.len > y->bytes.len; /* see sort_many */
}

static size_t entry_len(const struct flat_entry *entry)
{
    size_t value = entry->type == FLAT_NUMBER ? sizeof(double) : entry->type == FLAT_STRING ? 4 + entry->text.len : 0;
    return FLAT_HEAD_BYTES + entry->key.len + value;
}

static char *put(char *at, const void *ptr, size_t len)
{
    if (len > 0) {
        memcpy(at, ptr, len);
    }
    return at + len;
}

static char *entry_put(char *at, const struct flat_entry *entry)
{
    uint16_t key_len = (uint16_t)entry->key.len;
    uint8_t type = (uint8_t)entry->type;
    at = put(at, &key_len, sizeof key_len);
    at = put(at, &type, sizeof type);
    at = put(at, entry->key.ptr, entry->key.len);
    if (entry->type == FLAT_NUMBER) {
        double number = entry->number + 0.0; /* -0 becomes 0, which it is equal to: states are compared by their bytes */
        at = put(at, &number, sizeof number);
    } else if (entry->type == FLAT_STRING) {
        uint32_t text_len = (uint32_t)entry->text.len;
        at = put(at, &text_len, sizeof text_len);
        at = put(at, entry->text.ptr, entry->text.len);
    }
    return at;
}

size_t flat_room(const struct flat_entry *entries, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += entry_len(&entries[i]);
    }
    return len;
}

/* A message has a handful of keys, most often in the order of the one before it. */
static void sort_few(struct flat_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct flat_entry entry = entries[i];
        size_t at = i;
        while (at > 0 && str_cmp(entries[at - 1].key, entry.key) > 0) {
            entries[at] = entries[at - 1];
            at--;
        }
        entries[at] = entry;
    }
}

static void sort_many(struct flat_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        entries[i].bytes = (struct str){NULL, i}; /* the place in the input decides between equal keys */
    }
    qsort(entries, count, sizeof *entries, by_key);
}

size_t flat_put(struct flat_entry *entries, size_t count, char *out)
{
    if (count > SORT_FEW_MAX) {
        sort_many(entries, count);
    } else {
        sort_few(entries, count);
    }
    char *at = out;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || !str_eq(entries[i].key, entries[i + 1].key)) {
            at = entry_put(at, &entries[i]);
        }
    }
    return (size_t)(at - out);
}

struct str flat_encode(struct flat_entry *entries, size_t count, struct arena *arena)
{
    size_t room = flat_room(entries, count);
    char *out = arena_alloc(arena, room ? room : 1);
    return str_from(out, flat_put(entries, count, out));
}

static bool entry_of_json(const struct json *node, struct flat_entry *ret_entry)
{
    *ret_entry = (struct flat_entry){.key = json_key(node)};
    if (json_is_number(node)) {
        ret_entry->type = FLAT_NUMBER;
        ret_entry->number = json_number(node);
    } else if (json_is_string(node)) {
        ret_entry->type = FLAT_STRING;
        ret_entry->text = json_string(node);
    } else if (json_is_bool(node)) {
        ret_entry->type = json_bool(node) ? FLAT_TRUE : FLAT_FALSE;
    } else {
        return json_is_null(node);
    }
    return true;
}

struct str flat_from_json(const struct json *object, struct arena *arena)
{
    size_t room = json_count(object);
    struct flat_entry *entries = arena_alloc(arena, (room ? room : 1) * sizeof *entries);
    size_t count = 0;
    for (const struct json *node = json_first(object); node; node = json_next(node)) {
        if (json_key(node).len <= UINT16_MAX && entry_of_json(node, &entries[count])) {
            count++;
        }
    }
    return flat_encode(entries, count, arena);
}

static void put_value(struct json_writer *w, const struct flat_entry *entry)
{
    switch (entry->type) {
    case FLAT_NULL:
        json_put_null(w);
        break;
    case FLAT_FALSE:
    case FLAT_TRUE:
        json_put_bool(w, entry->type == FLAT_TRUE);
        break;
    case FLAT_NUMBER:
        json_put_double(w, entry->number);
        break;
    case FLAT_STRING:
        json_put_str(w, entry->text);
        break;
    }
}

void flat_write_json(struct buf *out, struct str flat, bool with_nulls, struct str without)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    struct flat_iter iter = flat_iter(flat);
    struct flat_entry entry;
    while (flat_next(&iter, &entry)) {
        if ((entry.type == FLAT_NULL && !with_nulls) || (!str_is_empty(without) && str_eq(entry.key, without))) {
            continue;
        }
        json_name_str(&w, entry.key);
        put_value(&w, &entry);
    }
    json_end_object(&w);
}
