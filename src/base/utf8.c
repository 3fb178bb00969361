#include "base/utf8.h"

/* Nearly all text is ASCII: eight bytes at a time. */
static size_t ascii_prefix(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (len - at >= 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
        at += 8;
    }
    while (at < len && bytes[at] < 0x80) {
        at++;
    }
    return at;
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The length of the well-formed sequence of two to four bytes at `b` (RFC 3629 section 4, table of the second byte's
 * range), or 0. */
static size_t sequence_length(const uint8_t *b, size_t left)
{
    if (b[0] >= 0xc2 && b[0] <= 0xdf) {
        return left >= 2 && is_continuation(b[1]) ? 2 : 0;
    }
    if (b[0] >= 0xe0 && b[0] <= 0xef) {
        uint8_t low = b[0] == 0xe0 ? 0xa0 : 0x80;  /* no overlong form */
        uint8_t high = b[0] == 0xed ? 0x9f : 0xbf; /* no surrogate */
        return left >= 3 && b[1] >= low && b[1] <= high && is_continuation(b[2]) ? 3 : 0;
    }
    if (b[0] >= 0xf0 && b[0] <= 0xf4) {
        uint8_t low = b[0] == 0xf0 ? 0x90 : 0x80;
        uint8_t high = b[0] == 0xf4 ? 0x8f : 0xbf; /* nothing above U+10FFFF */
        return left >= 4 && b[1] >= low && b[1] <= high && is_continuation(b[2]) && is_continuation(b[3]) ? 4 : 0;
    }
    return 0;
}

size_t utf8_next(struct str s)
{
    if (s.len == 0) {
        return 0;
    }
    const uint8_t *bytes = (const uint8_t *)s.ptr;
    return bytes[0] < 0x80 ? 1 : sequence_length(bytes, s.len);
}

bool utf8_is_valid(struct str s)
{
    const uint8_t *bytes = (const uint8_t *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        at += ascii_prefix(bytes + at, s.len - at);
        if (at == s.len) {
            break;
        }
        size_t len = sequence_length(bytes + at, s.len - at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

bool utf8_is_valid_mqtt(struct str s)
{
    return s.len == 0 || (memchr(s.ptr, 0, s.len) == NULL && utf8_is_valid(s));
}

size_t utf8_length(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += !is_continuation((uint8_t)s.ptr[i]);
    }
    return count;
}

struct str utf8_prefix(struct str s, size_t bytes_max)
{
    if (s.len <= bytes_max) {
        return s;
    }
    while (bytes_max > 0 && is_continuation((uint8_t)s.ptr[bytes_max])) {
        bytes_max--;
    }
    return str_sub(s, 0, bytes_max);
}
