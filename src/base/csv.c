#include "base/csv.h"

#include <stdint.h>
#include <string.h>

static size_t count_of(struct str line, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < line.len; i++) {
        count += line.ptr[i] == c;
    }
    return count;
}

void csv_reader_init(struct csv_reader *reader, struct str text)
{
    static const char separators[] = {',', ';', '\t'};
    if (str_starts_with(text, STR("\xef\xbb\xbf"))) {
        text = str_sub(text, 3, text.len);
    }
    struct str rest = text, line = str_split(&rest, '\n');
    *reader = (struct csv_reader){text, ','};
    for (size_t i = 1; i < sizeof separators; i++) {
        if (count_of(line, separators[i]) > count_of(line, reader->separator)) {
            reader->separator = separators[i];
        }
    }
}

static char take(struct csv_reader *reader)
{
    char c = reader->rest.ptr[0];
    reader->rest.ptr++;
    reader->rest.len--;
    return c;
}

/* After the opening quote; false: it is not closed. */
static bool read_quoted(struct csv_reader *reader, struct arena *arena, struct str *ret_field)
{
    char *text = arena_alloc(arena, reader->rest.len + 1);
    size_t len = 0;
    while (reader->rest.len > 0) {
        char c = take(reader);
        if (c == '"') {
            if (reader->rest.len == 0 || reader->rest.ptr[0] != '"') {
                *ret_field = (struct str){text, len};
                return true;
            }
            take(reader);
        }
        text[len++] = c;
    }
    return false;
}

static struct str read_plain(struct csv_reader *reader, struct arena *arena)
{
    const char *start = reader->rest.ptr;
    while (reader->rest.len > 0 && reader->rest.ptr[0] != reader->separator && reader->rest.ptr[0] != '\n') {
        take(reader);
    }
    return arena_str(arena, str_trim((struct str){start, (size_t)(reader->rest.ptr - start)}));
}

static bool read_field(struct csv_reader *reader, struct arena *arena, struct str *ret_field)
{
    while (reader->rest.len > 0 && reader->rest.ptr[0] == ' ') {
        take(reader);
    }
    if (reader->rest.len == 0 || reader->rest.ptr[0] != '"') {
        *ret_field = read_plain(reader, arena);
        return true;
    }
    take(reader);
    if (!read_quoted(reader, arena, ret_field)) {
        return false;
    }
    read_plain(reader, arena); /* nothing but blanks belongs behind the closing quote */
    return true;
}

bool csv_read(struct csv_reader *reader, struct arena *arena, struct str *ret_fields, size_t max, size_t *ret_count)
{
    size_t count = 0;
    *ret_count = 0;
    while (reader->rest.len > 0 && (reader->rest.ptr[0] == '\n' || reader->rest.ptr[0] == '\r')) {
        take(reader);
    }
    if (reader->rest.len == 0) {
        return false;
    }
    for (;;) {
        struct str field;
        if (!read_field(reader, arena, &field) || count == max) {
            *ret_count = SIZE_MAX;
            return false;
        }
        ret_fields[count++] = field;
        if (reader->rest.len == 0 || take(reader) == '\n') {
            *ret_count = count;
            return true;
        }
    }
}

void csv_write(struct buf *out, struct str text)
{
    bool formula = text.len > 0 && memchr("=+-@\t\r", text.ptr[0], 6);
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        quoted = quoted || memchr(",;\"\r\n\t", text.ptr[i], 6);
    }
    if (quoted) {
        buf_append_u8(out, '"');
    }
    if (formula) {
        buf_append_u8(out, '\'');
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            buf_append_u8(out, '"');
        }
        buf_append_u8(out, (uint8_t)text.ptr[i]);
    }
    if (quoted) {
        buf_append_u8(out, '"');
    }
}
