/* A line is built in a fixed buffer and written at once. Values may come from strangers: whatever could end a line,
 * open a new field or steer a terminal is escaped, so a value cannot be mistaken for anything but itself. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define LINE_BYTES 8192
#define LINE_TAIL_BYTES 32  /* room for the mark of a cut line, the brace and the line feed */
#define VALUE_BYTES_MAX 1024

static struct {
    _Atomic int minimum;
    _Atomic int format;
    _Atomic int fd;
} settings = {LOG_INFO, LOG_LOGFMT, STDERR_FILENO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level minimum, enum log_format format, int fd)
{
    atomic_store(&settings.minimum, (int)minimum);
    atomic_store(&settings.format, (int)format);
    atomic_store(&settings.fd, fd);
}

bool log_level_parse(struct str text, enum log_level *ret_level)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (str_eq(text, str_from_cstr(level_names[level]))) {
            *ret_level = (enum log_level)level;
            return true;
        }
    }
    return false;
}

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool full;
};

static void line_put(struct line *line, const char *text, size_t len)
{
    if (line->full || len > sizeof line->text - LINE_TAIL_BYTES - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void line_puts(struct line *line, const char *text)
{
    line_put(line, text, strlen(text));
}

static void line_put_escape(struct line *line, unsigned code_point)
{
    char text[8];
    int len = snprintf(text, sizeof text, "\\u%04x", code_point);
    line_put(line, text, (size_t)len);
}

/* Characters beyond ASCII that end lines or reorder text: C1 controls, U+2028 to U+202E, U+2066 to U+2069. */
static unsigned hazardous_code_point(const uint8_t *b, size_t len)
{
    if (len == 2 && b[0] == 0xc2 && b[1] < 0xa0) {
        return b[1];
    }
    if (len == 3 && b[0] == 0xe2) {
        unsigned code_point = 0x2000u | (unsigned)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
        if ((code_point >= 0x2028 && code_point <= 0x202e) || (code_point >= 0x2066 && code_point <= 0x2069)) {
            return code_point;
        }
    }
    return 0;
}

static void line_put_ascii(struct line *line, char c)
{
    if (c == '"' || c == '\\') {
        line_put(line, (char[]){'\\', c}, 2);
    } else if (c == '\n') {
        line_puts(line, "\\n");
    } else if (c == '\r') {
        line_puts(line, "\\r");
    } else if (c == '\t') {
        line_puts(line, "\\t");
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        line_put_escape(line, (unsigned char)c);
    } else {
        line_put(line, &c, 1);
    }
}

static void line_put_quoted(struct line *line, struct str value)
{
    line_put(line, "\"", 1);
    while (value.len > 0) {
        size_t len = utf8_next(value);
        const uint8_t *bytes = (const uint8_t *)value.ptr;
        if (len == 0) {
            line_put_escape(line, 0xfffd);
            len = 1;
        } else if (len == 1) {
            line_put_ascii(line, value.ptr[0]);
        } else if (hazardous_code_point(bytes, len)) {
            line_put_escape(line, hazardous_code_point(bytes, len));
        } else {
            line_put(line, value.ptr, len);
        }
        value = str_sub(value, len, value.len);
    }
    line_put(line, "\"", 1);
}

static bool is_bare(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return value.len > 0;
}

static void line_put_name(struct line *line, enum log_format format, const char *name)
{
    if (format == LOG_JSON) {
        line_puts(line, line->len > 1 ? ",\"" : "\"");
        line_puts(line, name);
        line_puts(line, "\":");
    } else {
        line_puts(line, line->len > 0 ? " " : "");
        line_puts(line, name);
        line_puts(line, "=");
    }
}

static void line_put_text(struct line *line, enum log_format format, const char *name, struct str value)
{
    value = str_sub(value, 0, VALUE_BYTES_MAX);
    line_put_name(line, format, name);
    if (!value.ptr && format == LOG_JSON) {
        line_puts(line, "null");
    } else if (format == LOG_LOGFMT && is_bare(value)) {
        line_put(line, value.ptr, value.len);
    } else {
        line_put_quoted(line, value);
    }
}

static void line_put_field(struct line *line, enum log_format format, const struct log_field *field)
{
    size_t len_before = line->len;
    if (field->kind == LOG_FIELD_INT) {
        char number[24];
        int len = snprintf(number, sizeof number, "%" PRId64, field->number);
        line_put_name(line, format, field->name);
        line_put(line, number, (size_t)len);
    } else {
        line_put_text(line, format, field->name, field->text);
    }
    if (line->full) { /* half a field would be a false one */
        line->len = len_before;
    }
}

static void line_end(struct line *line, enum log_format format)
{
    const char *cut = format == LOG_JSON ? ",\"cut\":1" : " cut=1";
    const char *end = format == LOG_JSON ? "}\n" : "\n";
    int len = snprintf(line->text + line->len, LINE_TAIL_BYTES, "%s%s", line->full ? cut : "", end);
    line->len += (size_t)len;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
    if ((int)level < atomic_load_explicit(&settings.minimum, memory_order_relaxed)) {
        return;
    }
    enum log_format format = (enum log_format)atomic_load_explicit(&settings.format, memory_order_relaxed);
    char time_text[TIME_TEXT_BYTES];
    struct line line;
    line.len = 0;
    line.full = false;
    time_format(clock_unix_ms(), time_text);
    line_puts(&line, format == LOG_JSON ? "{" : "");
    line_put_text(&line, format, "time", str_from_cstr(time_text));
    line_put_text(&line, format, "level", str_from_cstr(level_names[level]));
    line_put_text(&line, format, "event", str_from_cstr(event));
    for (const struct log_field *field = fields; field->kind != LOG_FIELD_END && !line.full; field++) {
        line_put_field(&line, format, field);
    }
    line_end(&line, format);
    int fd = atomic_load_explicit(&settings.fd, memory_order_relaxed);
    while (write(fd, line.text, line.len) < 0 && errno == EINTR) {
    }
}
