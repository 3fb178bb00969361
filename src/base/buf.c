#include "base/buf.h"

#include <assert.h>
#include <stdio.h>

#include "base/mem.h"

#define BUF_BYTES_FIRST 64

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max = max_bytes};
}

void buf_deinit(struct buf *buf)
{
    mem_free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

static void buf_grow(struct buf *buf, size_t needed)
{
    size_t cap = buf->cap < BUF_BYTES_FIRST / 2 ? BUF_BYTES_FIRST : buf->cap;
    while (cap < needed) {
        if (cap > buf->max / 2) {
            cap = buf->max;
            break;
        }
        cap *= 2;
    }
    cap = cap > buf->max ? buf->max : cap;
    buf->data = mem_realloc(buf->data, cap);
    buf->cap = cap;
}

bool buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->failed) {
        return false;
    }
    if (extra <= buf->cap - buf->len) {
        return true;
    }
    if (extra > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    buf_grow(buf, buf->len + extra);
    return true;
}

void buf_append(struct buf *buf, const void *ptr, size_t len)
{
    if (len > 0 && buf_reserve(buf, len)) {
        memcpy(buf->data + buf->len, ptr, len);
        buf->len += len;
    }
}

void buf_append_str(struct buf *buf, struct str s)
{
    buf_append(buf, s.ptr, s.len);
}

void buf_append_cstr(struct buf *buf, const char *s)
{
    buf_append(buf, s, strlen(s));
}

void buf_append_u8(struct buf *buf, uint8_t value)
{
    if (buf_reserve(buf, 1)) {
        buf->data[buf->len++] = value;
    }
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(buf, format, args);
    va_end(args);
}

/* vsnprintf writes a NUL behind the text, which need not fit below the maximum: short texts go through the stack. */
void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    char text[256];
    va_list again;
    va_copy(again, args);
    int printed = vsnprintf(text, sizeof text, format, args);
    assert(printed >= 0);
    size_t len = (size_t)printed;
    if (len < sizeof text) {
        buf_append(buf, text, len);
    } else if (buf_reserve(buf, len)) {
        char *whole = mem_alloc(len + 1);
        vsnprintf(whole, len + 1, format, again);
        buf_append(buf, whole, len);
        mem_free(whole);
    }
    va_end(again);
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len -= len;
    if (buf->len > 0 && len > 0) {
        memmove(buf->data, buf->data + len, buf->len);
    }
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){(const char *)buf->data, buf->len};
}

uint8_t *buf_take(struct buf *buf, size_t *ret_len)
{
    uint8_t *data = buf->data;
    *ret_len = buf->len;
    *buf = (struct buf){.max = buf->max};
    return data;
}
