#include "store/sqlite/contains.h"

#include <sqlite3.h>
#include <string.h>

#include "base/str.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static struct str text_of(sqlite3_value *value)
{
    const void *text = sqlite3_value_text(value);
    return str_from(text, text ? (size_t)sqlite3_value_bytes(value) : 0);
}

static bool has(struct str text, struct str needle)
{
    const uint8_t *in = (const uint8_t *)text.ptr, *what = (const uint8_t *)needle.ptr;
    if (needle.len == 0) {
        return true;
    }
    uint8_t first = lower(what[0]), upper = first >= 'a' && first <= 'z' ? (uint8_t)(first & ~0x20) : first;
    for (size_t at = 0; at + needle.len <= text.len; at++) {
        size_t same = 0;
        if (in[at] != first && in[at] != upper) {
            continue;
        }
        while (++same < needle.len && lower(in[at + same]) == lower(what[same])) {
        }
        if (same >= needle.len) {
            return true;
        }
    }
    return false;
}

static void contains(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct str needle = text_of(values[0]);
    bool found = false;
    for (int i = 1; i < count && !found && needle.ptr; i++) {
        struct str text = text_of(values[i]);
        found = text.ptr && has(text, needle);
    }
    sqlite3_result_int(context, found);
}

static void contains_first(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct str needle = text_of(values[0]), text = text_of(values[1]);
    const char *end = text.len ? memchr(text.ptr, CONTAINS_SEPARATOR, text.len) : NULL;
    if (end) {
        text.len = (size_t)(end - text.ptr);
    }
    sqlite3_result_int(context, needle.ptr && text.ptr && has(text, needle));
}

static void contains_hex(sqlite3_context *context, int count, sqlite3_value **values)
{
    enum { BLOB_BYTES_MAX = 64 };
    char text[2 * BLOB_BYTES_MAX];
    (void)count;
    struct str digits = text_of(values[0]);
    const uint8_t *blob = sqlite3_value_blob(values[1]);
    size_t len = blob ? (size_t)sqlite3_value_bytes(values[1]) : 0;
    bool found = false;
    if (digits.len > 0 && len > 0 && len <= BLOB_BYTES_MAX) {
        for (size_t i = 0; i < len; i++) {
            text[2 * i] = "0123456789ABCDEF"[blob[i] >> 4];
            text[2 * i + 1] = "0123456789ABCDEF"[blob[i] & 15];
        }
        found = has(str_from(text, 2 * len), digits);
    }
    sqlite3_result_int(context, found);
}

enum err contains_register(struct sqlite3 *db)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    bool made = sqlite3_create_function_v2(db, "contains", -1, flags, NULL, contains, NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_create_function_v2(db, "contains_first", 2, flags, NULL, contains_first, NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_create_function_v2(db, "contains_hex", 2, flags, NULL, contains_hex, NULL, NULL, NULL) == SQLITE_OK;
    return made ? ERR_OK : ERR_STORAGE;
}
