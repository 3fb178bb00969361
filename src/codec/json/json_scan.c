/* A pushdown automaton: one bit per open container says whether it is an object. No recursion, whatever the input. */
#include "codec/json/json_scan.h"

#include <assert.h>

#include "codec/json/json.h"

struct scanner {
    struct str text;
    size_t at;
    unsigned depth;
    unsigned depth_max;
    size_t nodes_left;
    uint8_t is_object[JSON_DEPTH_MAX_LIMIT / 8];
};

enum after_value { VALUE_BAD, VALUE_DONE, CONTAINER_OPENED };

/* The next byte, or -1 at the end. */
static inline int peek(const struct scanner *s)
{
    return s->at < s->text.len ? (unsigned char)s->text.ptr[s->at] : -1;
}

static inline bool accept(struct scanner *s, char c)
{
    if (peek(s) != c) {
        return false;
    }
    s->at++;
    return true;
}

static void skip_blanks(struct scanner *s)
{
    int c = peek(s);
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        s->at++;
        c = peek(s);
    }
}

static bool skip_word(struct scanner *s, struct str word)
{
    if (!str_eq(str_sub(s->text, s->at, word.len), word)) {
        return false;
    }
    s->at += word.len;
    return true;
}

static bool skip_digits(struct scanner *s)
{
    size_t start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9') {
        s->at++;
    }
    return s->at > start;
}

static bool skip_number(struct scanner *s)
{
    size_t start = s->at;
    accept(s, '-');
    if (!accept(s, '0') && !skip_digits(s)) {
        return false;
    }
    if (accept(s, '.') && !skip_digits(s)) {
        return false;
    }
    if (accept(s, 'e') || accept(s, 'E')) {
        if (!accept(s, '+')) {
            accept(s, '-');
        }
        if (!skip_digits(s)) {
            return false;
        }
    }
    return s->at - start <= JSON_NUMBER_BYTES_MAX;
}

static int hex_value(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    int letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1 if there are not. */
static int take_hex4(struct scanner *s)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(peek(s));
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
        s->at++;
    }
    return value;
}

static bool skip_unicode_escape(struct scanner *s)
{
    int unit = take_hex4(s);
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return false;
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!accept(s, '\\') || !accept(s, 'u')) {
            return false;
        }
        int low = take_hex4(s);
        return low >= 0xdc00 && low <= 0xdfff;
    }
    return true;
}

static bool skip_escape(struct scanner *s)
{
    int c = peek(s);
    s->at++;
    switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return true;
    case 'u': return skip_unicode_escape(s);
    default: return false;
    }
}

static bool skip_string(struct scanner *s)
{
    if (!accept(s, '"')) {
        return false;
    }
    for (;;) {
        int c = peek(s);
        if (c < 0x20) { /* a control character, or the end */
            return false;
        }
        s->at++;
        if (c == '"') {
            return true;
        }
        if (c == '\\' && !skip_escape(s)) {
            return false;
        }
    }
}

static bool in_object(const struct scanner *s)
{
    unsigned top = s->depth - 1;
    return s->is_object[top / 8] >> (top % 8) & 1;
}

static bool push(struct scanner *s, bool object)
{
    if (s->depth == s->depth_max) {
        return false;
    }
    uint8_t bit = (uint8_t)(1u << (s->depth % 8));
    uint8_t *byte = &s->is_object[s->depth / 8];
    *byte = object ? (uint8_t)(*byte | bit) : (uint8_t)(*byte & ~bit);
    s->depth++;
    s->at++;
    return true;
}

static enum after_value scan_value(struct scanner *s)
{
    bool done = false;
    switch (peek(s)) {
    case '{': return push(s, true) ? CONTAINER_OPENED : VALUE_BAD;
    case '[': return push(s, false) ? CONTAINER_OPENED : VALUE_BAD;
    case '"': done = skip_string(s); break;
    case 't': done = skip_word(s, STR("true")); break;
    case 'f': done = skip_word(s, STR("false")); break;
    case 'n': done = skip_word(s, STR("null")); break;
    default: done = skip_number(s); break;
    }
    return done ? VALUE_DONE : VALUE_BAD;
}

static bool scan_name(struct scanner *s)
{
    skip_blanks(s);
    if (!skip_string(s)) {
        return false;
    }
    skip_blanks(s);
    return accept(s, ':');
}

/* Behind a value: closes containers while they end. True: another value follows, or the text is complete (depth 0). */
static bool scan_after_value(struct scanner *s)
{
    while (s->depth > 0) {
        skip_blanks(s);
        if (accept(s, ',')) {
            return !in_object(s) || scan_name(s);
        }
        if (!accept(s, in_object(s) ? '}' : ']')) {
            return false;
        }
        s->depth--;
    }
    return true;
}

/* Behind an opening bracket. `ret_empty`: the container was closed at once. */
static bool scan_after_open(struct scanner *s, bool *ret_empty)
{
    bool object = in_object(s);
    skip_blanks(s);
    *ret_empty = accept(s, object ? '}' : ']');
    if (*ret_empty) {
        s->depth--;
        return true;
    }
    return !object || scan_name(s);
}

enum err json_scan(struct str text, unsigned depth_max, size_t nodes_max)
{
    assert(depth_max <= JSON_DEPTH_MAX_LIMIT);
    struct scanner s = {.text = text, .depth_max = depth_max, .nodes_left = nodes_max};
    do {
        if (s.nodes_left-- == 0) {
            return ERR_LIMIT;
        }
        skip_blanks(&s);
        enum after_value after = scan_value(&s);
        bool complete = after == VALUE_DONE;
        if (after == VALUE_BAD || (after == CONTAINER_OPENED && !scan_after_open(&s, &complete))) {
            return ERR_INVALID;
        }
        if (complete && !scan_after_value(&s)) {
            return ERR_INVALID;
        }
    } while (s.depth > 0);
    skip_blanks(&s);
    return s.at == text.len ? ERR_OK : ERR_INVALID;
}
