/* Growable byte buffer whose maximum is given when it is made. Failure (over the maximum) is sticky: appends after it
 * do nothing, and the caller checks `failed` once at the end. */
#ifndef MUSTER_BASE_BUF_H
#define MUSTER_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_deinit(struct buf *buf);                 /* also of a zeroed buffer */
void buf_clear(struct buf *buf);                  /* length 0, failure forgotten, memory kept */
bool buf_reserve(struct buf *buf, size_t extra);  /* room for `extra` more bytes; false: failed */
void buf_append(struct buf *buf, const void *ptr, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_cstr(struct buf *buf, const char *s);
void buf_append_u8(struct buf *buf, uint8_t value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void buf_consume(struct buf *buf, size_t len);    /* drops the first `len` bytes */
struct str buf_str(const struct buf *buf);        /* borrowed view of the content */
uint8_t *buf_take(struct buf *buf, size_t *ret_len); /* moves the memory to the caller (mem_free); buf is empty then */

#endif
