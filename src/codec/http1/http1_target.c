#include "base/utf8.h"
#include "codec/http1/http1.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char letter = (char)(c | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* The byte of "%XX" at `at`, or -1. */
static int escaped_byte(struct str s, size_t at)
{
    if (s.len - at < 3) {
        return -1;
    }
    int high = hex_value(s.ptr[at + 1]);
    int low = hex_value(s.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static enum err percent_decode(struct str s, bool plus_is_blank, struct arena *arena, struct str *ret_text)
{
    bool plain = s.len == 0 || (!memchr(s.ptr, '%', s.len) && !(plus_is_blank && memchr(s.ptr, '+', s.len)));
    if (plain) {
        *ret_text = s;
        return utf8_is_valid_mqtt(s) ? ERR_OK : ERR_INVALID;
    }
    char *text = arena_alloc(arena, s.len);
    size_t len = 0;
    for (size_t at = 0; at < s.len; at++) {
        char c = s.ptr[at];
        if (c == '%') {
            int byte = escaped_byte(s, at);
            if (byte < 0) {
                return ERR_INVALID;
            }
            c = (char)byte;
            at += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        text[len++] = c;
    }
    if (!utf8_is_valid_mqtt(str_from(text, len))) {
        return ERR_INVALID;
    }
    *ret_text = str_from(text, len);
    return ERR_OK;
}

enum err http1_path_split(struct str path, struct arena *arena, struct str ret_segments[HTTP1_SEGMENTS_MAX],
                          size_t *ret_count)
{
    if (!str_starts_with(path, STR("/"))) {
        return ERR_INVALID;
    }
    struct str rest = str_sub(path, 1, path.len);
    if (str_ends_with(rest, STR("/"))) {
        rest.len--;
    }
    size_t count = 0;
    while (rest.ptr && path.len > 1) {
        if (count == HTTP1_SEGMENTS_MAX) {
            return ERR_LIMIT;
        }
        enum err err = percent_decode(str_split(&rest, '/'), false, arena, &ret_segments[count]);
        if (err != ERR_OK) {
            return err;
        }
        count++;
    }
    *ret_count = count;
    return ERR_OK;
}

enum err http1_query_next(struct str *rest, struct arena *arena, struct str *ret_name, struct str *ret_value)
{
    struct str pair = {NULL, 0};
    while (rest->ptr && pair.len == 0) { /* "a=1&&b=2" */
        pair = str_split(rest, '&');
    }
    if (pair.len == 0) {
        return ERR_NOT_FOUND;
    }
    struct str value = pair;
    struct str name = str_split(&value, '=');
    enum err err = percent_decode(name, true, arena, ret_name);
    return err != ERR_OK ? err : percent_decode(value, true, arena, ret_value);
}
