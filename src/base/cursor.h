/* Bounded reader over bytes from outside. A read past the end sets `failed` and yields zeroes; failure is sticky, so
 * a decoder reads on and checks once. No other code does pointer arithmetic on input. */
#ifndef MUSTER_BASE_CURSOR_H
#define MUSTER_BASE_CURSOR_H

#include "base/str.h"

struct cursor {
    const uint8_t *ptr;
    const uint8_t *end;
    bool failed;
};

static inline struct cursor cursor_make(const void *data, size_t len)
{
    return (struct cursor){data, len ? (const uint8_t *)data + len : (const uint8_t *)data, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->ptr);
}

static inline const uint8_t *cursor_bytes(struct cursor *c, size_t len)
{
    if (c->failed || (size_t)(c->end - c->ptr) < len) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *at = c->ptr;
    c->ptr += len;
    return at;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *at = cursor_bytes(c, 1);
    return at ? at[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *at = cursor_bytes(c, 2);
    return (uint16_t)(at ? at[0] << 8 | at[1] : 0);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    const uint8_t *at = cursor_bytes(c, 4);
    return at ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3] : 0;
}

static inline struct str cursor_str(struct cursor *c, size_t len)
{
    const uint8_t *at = cursor_bytes(c, len);
    return at ? (struct str){(const char *)at, len} : (struct str){NULL, 0};
}

/* The next `len` bytes as a cursor of their own. */
static inline struct cursor cursor_sub(struct cursor *c, size_t len)
{
    const uint8_t *at = cursor_bytes(c, len);
    return at ? (struct cursor){at, at + len, false} : (struct cursor){NULL, NULL, true};
}

#endif
