#include "codec/multipart/multipart.h"

#include <assert.h>

#include "base/utf8.h"

/* ---- parameters of a header value: name=token, name="quoted text" ---- */

static bool is_token_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static void skip_blanks(struct str *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t')) {
        *rest = str_sub(*rest, 1, rest->len);
    }
}

static struct str take_token(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len && is_token_char(rest->ptr[len])) {
        len++;
    }
    struct str token = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return token;
}

/* Behind the opening quote; up to and with the closing one. *ret_text still has its backslashes. */
static bool take_quoted(struct str *rest, struct str *ret_text)
{
    for (size_t i = 1; i < rest->len; i++) {
        if (rest->ptr[i] == '\\' && i + 1 < rest->len && (rest->ptr[i + 1] == '"' || rest->ptr[i + 1] == '\\')) {
            i++;
        } else if (rest->ptr[i] == '"') {
            *ret_text = str_sub(*rest, 1, i - 1);
            *rest = str_sub(*rest, i + 1, rest->len);
            return true;
        }
    }
    return false;
}

struct parameter {
    struct str name, value;
    bool is_quoted;
};

/* 1: one was taken, 0: the end, -1: no valid parameter. */
static int take_parameter(struct str *rest, struct parameter *ret_parameter)
{
    skip_blanks(rest);
    if (rest->len == 0) {
        return 0;
    }
    if (rest->ptr[0] != ';') {
        return -1;
    }
    *rest = str_sub(*rest, 1, rest->len);
    skip_blanks(rest);
    if (rest->len == 0) { /* a trailing semicolon */
        return 0;
    }
    struct parameter p = {.name = take_token(rest)};
    if (p.name.len == 0 || rest->len == 0 || rest->ptr[0] != '=') {
        return -1;
    }
    *rest = str_sub(*rest, 1, rest->len);
    p.is_quoted = rest->len > 0 && rest->ptr[0] == '"';
    if (p.is_quoted) {
        if (!take_quoted(rest, &p.value)) {
            return -1;
        }
    } else {
        p.value = take_token(rest);
    }
    *ret_parameter = p;
    return 1;
}

/* ---- the boundary ---- */

static bool boundary_is_valid(struct str boundary)
{
    if (boundary.len == 0 || boundary.len > MULTIPART_BOUNDARY_BYTES_MAX || boundary.ptr[boundary.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < boundary.len; i++) {
        char c = boundary.ptr[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alnum && (c == '\0' || !strchr("'()+_,-./:=? ", c))) {
            return false;
        }
    }
    return true;
}

bool multipart_is_meant(struct str content_type)
{
    static const struct str type = STR_INIT("multipart/form-data");
    struct str start = str_sub(content_type, 0, type.len);
    return str_eq_nocase(start, type) &&
           (content_type.len == type.len || strchr("; \t", content_type.ptr[type.len]) != NULL);
}

bool multipart_boundary(struct str content_type, struct str *ret_boundary)
{
    if (!multipart_is_meant(content_type)) {
        return false;
    }
    struct str rest = str_sub(content_type, sizeof "multipart/form-data" - 1, content_type.len);
    struct parameter p;
    int taken;
    while ((taken = take_parameter(&rest, &p)) == 1) {
        if (str_eq_nocase(p.name, STR("boundary"))) {
            *ret_boundary = p.value;
            return boundary_is_valid(p.value);
        }
    }
    return false;
}

/* ---- the headers of a part ---- */

static struct str unquote(struct arena *arena, struct str text, bool is_quoted)
{
    if (!is_quoted || !memchr(text.ptr, '\\', text.len)) {
        return arena_str(arena, text);
    }
    char *plain = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool escapes = text.ptr[i] == '\\' && i + 1 < text.len && (text.ptr[i + 1] == '"' || text.ptr[i + 1] == '\\');
        i += escapes ? 1 : 0;
        plain[len++] = text.ptr[i];
    }
    return (struct str){plain, len};
}

static bool is_text(struct str text)
{
    return utf8_is_valid(text) && (text.len == 0 || !memchr(text.ptr, '\0', text.len));
}

/* name="..."; filename="...": each at most once (two would be read differently by two programs). */
static bool read_disposition(struct multipart *parser, struct str value)
{
    static const struct str type = STR_INIT("form-data");
    struct str rest = value;
    struct parameter p;
    int taken;
    if (!str_eq_nocase(take_token(&rest), type)) {
        return false;
    }
    while ((taken = take_parameter(&rest, &p)) == 1) {
        struct str *slot = str_eq_nocase(p.name, STR("name"))       ? &parser->part.name
                           : str_eq_nocase(p.name, STR("filename")) ? &parser->part.filename
                                                                    : NULL;
        if (!slot) {
            continue;
        }
        if (slot->ptr) {
            return false;
        }
        *slot = unquote(&parser->arena, p.value, p.is_quoted);
        if (!is_text(*slot)) {
            return false;
        }
    }
    return taken == 0 && parser->part.name.ptr != NULL;
}

static bool read_header(struct multipart *parser, struct str line)
{
    struct str value = line;
    struct str name = str_split(&value, ':');
    if (!value.ptr || name.len == 0 || str_trim(name).len != name.len) { /* folded lines, too */
        return false;
    }
    value = str_trim(value);
    if (str_eq_nocase(name, STR("Content-Disposition"))) {
        return !parser->part.name.ptr && read_disposition(parser, value);
    }
    if (str_eq_nocase(name, STR("Content-Type"))) {
        parser->part.content_type = arena_str(&parser->arena, value);
        return is_text(value);
    }
    return true;
}

/* `head` ends with an empty line. */
static bool read_head(struct multipart *parser)
{
    struct str rest = str_sub(buf_str(&parser->head), 0, parser->head.len - 2);
    arena_reset(&parser->arena);
    parser->part = (struct multipart_part){0};
    while (rest.len > 0) {
        struct str line = str_split(&rest, '\n');
        if (line.len == 0 || line.ptr[line.len - 1] != '\r') {
            return false;
        }
        line = str_sub(line, 0, line.len - 1);
        if (memchr(line.ptr, '\r', line.len) || !read_header(parser, line)) {
            return false;
        }
    }
    return parser->part.name.ptr != NULL;
}

/* ---- the parser ---- */

void multipart_init(struct multipart *parser, struct str boundary)
{
    assert(boundary.len > 0 && boundary.len <= MULTIPART_BOUNDARY_BYTES_MAX);
    *parser = (struct multipart){.state = MULTIPART_IN_PREAMBLE};
    memcpy(parser->delimiter, "\r\n--", 4);
    memcpy(parser->delimiter + 4, boundary.ptr, boundary.len);
    parser->delimiter_len = boundary.len + 4;
    parser->matched = 2; /* the first delimiter may stand at the very beginning */
    buf_init(&parser->head, MULTIPART_HEAD_BYTES_MAX);
    arena_init(&parser->arena);
}

void multipart_deinit(struct multipart *parser)
{
    buf_deinit(&parser->head);
    arena_deinit(&parser->arena);
}

bool multipart_is_complete(const struct multipart *parser)
{
    return parser->state == MULTIPART_IN_EPILOGUE;
}

static enum multipart_event fail(struct multipart *parser)
{
    parser->state = MULTIPART_BROKEN;
    return MULTIPART_FAILED;
}

/* Data up to the next delimiter. CR is only its first byte, so what did match before a mismatch is data as a whole, and
 * the search goes on at the byte that did not fit. True: *ret_data is some, or the delimiter is whole. */
static bool search(struct multipart *parser, const uint8_t *data, size_t len, size_t *used, struct str *ret_data)
{
    *ret_data = (struct str){NULL, 0};
    while (*used < len) {
        if (parser->matched == 0) {
            const uint8_t *cr = memchr(data + *used, '\r', len - *used);
            size_t plain = cr ? (size_t)(cr - (data + *used)) : len - *used;
            if (plain > 0) {
                *ret_data = str_from(data + *used, plain);
                *used += plain;
                return true;
            }
        }
        if (data[*used] == (uint8_t)parser->delimiter[parser->matched]) {
            (*used)++;
            if (++parser->matched == parser->delimiter_len) {
                return true;
            }
        } else {
            *ret_data = str_from(parser->delimiter, parser->matched);
            parser->matched = 0;
            return true;
        }
    }
    return false;
}

static enum multipart_event parse_data(struct multipart *parser, const uint8_t *data, size_t len, size_t *used)
{
    struct str found;
    while (search(parser, data, len, used, &found)) {
        bool in_part = parser->state == MULTIPART_IN_PART;
        if (parser->matched == parser->delimiter_len) {
            parser->matched = 0;
            parser->state = MULTIPART_IN_DELIMITER_END;
            buf_clear(&parser->head);
            return in_part ? MULTIPART_PART_END : MULTIPART_NEED_MORE;
        }
        if (in_part) {
            parser->data = found;
            return MULTIPART_DATA;
        }
    }
    return MULTIPART_NEED_MORE;
}

/* "--" ends the body, blanks and CR LF begin a part; anything else is another boundary that begins like ours. */
static enum multipart_event parse_delimiter_end(struct multipart *parser, const uint8_t *data, size_t len, size_t *used)
{
    while (*used < len) {
        char c = (char)data[(*used)++];
        struct str seen = buf_str(&parser->head);
        char last = seen.len > 0 ? seen.ptr[seen.len - 1] : '\0';
        if (c == '\n' && last == '\r') {
            buf_clear(&parser->head);
            parser->state = MULTIPART_IN_HEAD;
            return ++parser->parts > MULTIPART_PARTS_MAX ? fail(parser) : MULTIPART_NEED_MORE;
        }
        if (c == '-' && last == '-') {
            parser->state = MULTIPART_IN_EPILOGUE;
            return MULTIPART_NEED_MORE;
        }
        bool fits = c == '-' ? seen.len == 0 : last != '-' && last != '\r' && (c == ' ' || c == '\t' || c == '\r');
        buf_append_u8(&parser->head, (uint8_t)c);
        if (!fits || parser->head.failed) {
            return fail(parser);
        }
    }
    return MULTIPART_NEED_MORE;
}

static enum multipart_event parse_head(struct multipart *parser, const uint8_t *data, size_t len, size_t *used)
{
    while (*used < len) {
        buf_append_u8(&parser->head, data[(*used)++]);
        struct str head = buf_str(&parser->head);
        if (parser->head.failed) {
            return fail(parser);
        }
        if (!str_ends_with(head, STR("\r\n\r\n")) && !str_eq(head, STR("\r\n"))) {
            continue;
        }
        if (!read_head(parser)) {
            return fail(parser);
        }
        parser->state = MULTIPART_IN_PART;
        return MULTIPART_PART;
    }
    return MULTIPART_NEED_MORE;
}

enum multipart_event multipart_parse(struct multipart *parser, const uint8_t *data, size_t len, size_t *ret_consumed)
{
    enum multipart_event event = MULTIPART_NEED_MORE;
    size_t used = 0;
    do {
        switch (parser->state) {
        case MULTIPART_IN_PREAMBLE:
        case MULTIPART_IN_PART:
            event = parse_data(parser, data, len, &used);
            break;
        case MULTIPART_IN_DELIMITER_END:
            event = parse_delimiter_end(parser, data, len, &used);
            break;
        case MULTIPART_IN_HEAD:
            event = parse_head(parser, data, len, &used);
            break;
        case MULTIPART_IN_EPILOGUE: /* RFC 2046: to be ignored */
            used = len;
            break;
        case MULTIPART_BROKEN:
            event = MULTIPART_FAILED;
            break;
        }
    } while (event == MULTIPART_NEED_MORE && used < len);
    *ret_consumed = used;
    return event;
}
