/* The head is gathered line by line into one bounded buffer; only when it is complete llhttp sees it, all at once, so
 * that names and values are slices of that buffer. The body then goes through llhttp as it comes. */
#include "codec/http1/http1.h"

#include <assert.h>
#include <llhttp.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/http1/http1_head.h"

#define HEAD_BYTES_MAX_DEFAULT ((size_t)16 * 1024)
#define TARGET_BYTES_MAX_DEFAULT ((size_t)8 * 1024)
#define HEADERS_MAX_DEFAULT 100u
/* Chunk sizes, their extensions and trailers are not body: a peer may send a fixed amount of them and some per byte of
 * body, enough for chunks of one byte. */
#define FRAMING_BYTES_FREE 4096u
#define FRAMING_BYTES_PER_BODY_BYTE 8u

enum phase { PHASE_HEAD, PHASE_HEAD_COMPLETE, PHASE_BODY, PHASE_COMPLETE, PHASE_FAILED };

struct http1_message {
    enum phase phase;
    enum http1_error error;
    struct buf raw;       /* the lines of the head so far */
    size_t line_start;    /* in raw */
    size_t line_count;    /* complete ones in raw */
    size_t request_line_bytes;
    llhttp_t llhttp;
    struct http1_header *headers;
    struct http1_head head;
    struct str body;
    uint64_t body_bytes;
    uint64_t framing_bytes;
    bool body_complete;
    bool after_cr;        /* between the two bytes of a line end of the framing */
};

static size_t head_bytes_max(const struct http1_parser *parser)
{
    return parser->limits && parser->limits->head_bytes_max ? parser->limits->head_bytes_max : HEAD_BYTES_MAX_DEFAULT;
}

static size_t target_bytes_max(const struct http1_parser *parser)
{
    return parser->limits && parser->limits->target_bytes_max ? parser->limits->target_bytes_max
                                                              : TARGET_BYTES_MAX_DEFAULT;
}

static size_t headers_max(const struct http1_parser *parser)
{
    return parser->limits && parser->limits->headers_max ? parser->limits->headers_max : HEADERS_MAX_DEFAULT;
}

/* --- what llhttp calls --- */

static struct http1_message *message_of(llhttp_t *llhttp)
{
    return llhttp->data;
}

/* A name, or the next part of one. Trailers come here too, after the head; they are dropped. */
static int on_header_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http1_message *message = message_of(llhttp);
    if (message->phase == PHASE_HEAD) {
        struct http1_header *header = &message->headers[message->head.header_count];
        header->name = str_from(header->name.ptr ? header->name.ptr : at, header->name.len + len);
    }
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http1_message *message = message_of(llhttp);
    if (message->phase == PHASE_HEAD) {
        struct http1_header *header = &message->headers[message->head.header_count];
        header->value = str_from(header->value.ptr ? header->value.ptr : at, header->value.len + len);
    }
    return 0;
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http1_message *message = message_of(llhttp);
    if (message->phase == PHASE_HEAD) {
        struct http1_header *header = &message->headers[message->head.header_count++];
        header->value = header->value.ptr ? str_trim(header->value) : STR("");
    }
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http1_head *head = &message_of(llhttp)->head;
    head->has_content_length = (llhttp->flags & F_CONTENT_LENGTH) != 0;
    head->content_length = head->has_content_length ? llhttp->content_length : 0;
    head->is_chunked = (llhttp->flags & F_CHUNKED) != 0;
    head->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    head->wants_upgrade = llhttp->upgrade != 0;
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len)
{
    message_of(llhttp)->body = str_from(at, len);
    return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *llhttp)
{
    message_of(llhttp)->body_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- a message's life --- */

static struct http1_message *message_new(const struct http1_parser *parser)
{
    struct http1_message *message = mem_new(struct http1_message);
    buf_init(&message->raw, head_bytes_max(parser));
    return message;
}

static void message_free(struct http1_message *message)
{
    if (message) {
        buf_deinit(&message->raw);
        mem_free(message->headers);
        mem_free(message);
    }
}

void http1_parser_init(struct http1_parser *parser, const struct http1_limits *limits)
{
    *parser = (struct http1_parser){limits, NULL};
}

void http1_parser_deinit(struct http1_parser *parser)
{
    message_free(parser->message);
    parser->message = NULL;
}

void http1_next(struct http1_parser *parser)
{
    assert(parser->message && parser->message->phase == PHASE_COMPLETE);
    http1_parser_deinit(parser);
}

bool http1_is_idle(const struct http1_parser *parser)
{
    return !parser->message || (parser->message->phase == PHASE_HEAD && parser->message->raw.len == 0);
}

const struct http1_head *http1_head(const struct http1_parser *parser)
{
    assert(parser->message && parser->message->phase != PHASE_HEAD);
    return &parser->message->head;
}

struct str http1_body(const struct http1_parser *parser)
{
    return parser->message ? parser->message->body : (struct str){NULL, 0};
}

enum http1_error http1_error(const struct http1_parser *parser)
{
    return parser->message ? parser->message->error : HTTP1_ERROR_NONE;
}

static enum http1_event message_fail(struct http1_message *message, enum http1_error error)
{
    message->phase = PHASE_FAILED;
    message->error = error;
    return HTTP1_FAILED;
}

/* --- the head --- */

static enum http1_error error_of(llhttp_errno_t code)
{
    return code == HPE_INVALID_METHOD ? HTTP1_NOT_IMPLEMENTED : HTTP1_BAD_REQUEST;
}

static enum http1_error head_parse(const struct http1_parser *parser, struct http1_message *message)
{
    struct http1_head *head = &message->head;
    struct str raw = buf_str(&message->raw);
    enum http1_error error = http1_request_line_parse(str_sub(raw, 0, message->request_line_bytes), head);
    if (head->target.len > target_bytes_max(parser)) {
        return HTTP1_URI_TOO_LONG;
    }
    if (error) {
        return error;
    }
    message->headers = mem_calloc(message->line_count, sizeof *message->headers);
    head->headers = message->headers;
    llhttp_init(&message->llhttp, HTTP_REQUEST, &callbacks);
    message->llhttp.data = message;
    llhttp_errno_t code = llhttp_execute(&message->llhttp, raw.ptr, raw.len);
    if (code != HPE_OK && !message->body_complete) {
        return error_of(code);
    }
    return http1_headers_check(head);
}

/* A complete line is at the end of raw. */
static enum http1_error line_complete(const struct http1_parser *parser, struct http1_message *message,
                                      bool *ret_head_complete)
{
    struct str line = str_sub(buf_str(&message->raw), message->line_start, message->raw.len);
    bool is_first = message->line_count == 0;
    bool is_empty = line.len == 2;
    enum http1_error error = http1_line_check(line, is_first);
    if (error) {
        return error;
    }
    if (is_first && is_empty) { /* RFC 9112 section 2.2: before a request line it is ignored */
        buf_clear(&message->raw);
        return HTTP1_ERROR_NONE;
    }
    if (is_first) {
        message->request_line_bytes = line.len;
    }
    message->line_start = message->raw.len;
    message->line_count++;
    *ret_head_complete = is_empty;
    return !is_empty && message->line_count > headers_max(parser) + 1 ? HTTP1_HEADERS_TOO_LARGE : HTTP1_ERROR_NONE;
}

/* Anything but text (a TLS greeting, say) is refused at its first byte, not after a whole line. */
static bool can_begin_request(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '\r' || (c != 0 && strchr("!#$%&'*+-.^_`|~0123456789", c));
}

static enum http1_error head_feed(const struct http1_parser *parser, struct http1_message *message, struct str data,
                                  size_t *ret_consumed, bool *ret_complete)
{
    struct str rest = data;
    while (rest.len > 0 && !*ret_complete) {
        if (message->raw.len == 0 && !can_begin_request((uint8_t)rest.ptr[0])) {
            return HTTP1_BAD_REQUEST;
        }
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
        buf_append(&message->raw, rest.ptr, len);
        if (message->raw.failed) {
            return message->line_count == 0 ? HTTP1_URI_TOO_LONG : HTTP1_HEADERS_TOO_LARGE;
        }
        rest = str_sub(rest, len, rest.len);
        *ret_consumed = data.len - rest.len;
        enum http1_error error = end ? line_complete(parser, message, ret_complete) : HTTP1_ERROR_NONE;
        if (error) {
            return error;
        }
    }
    return HTTP1_ERROR_NONE;
}

static enum http1_event head_step(const struct http1_parser *parser, struct http1_message *message, struct str data,
                                  size_t *ret_consumed)
{
    bool complete = false;
    enum http1_error error = head_feed(parser, message, data, ret_consumed, &complete);
    if (!error && complete) {
        error = head_parse(parser, message);
    }
    if (error) {
        return message_fail(message, error);
    }
    if (!complete) {
        return HTTP1_NEED_MORE;
    }
    message->phase = PHASE_HEAD_COMPLETE;
    return HTTP1_HEAD;
}

/* --- the body --- */

/* llhttp takes some bare line feeds between chunks and in trailers; here a CR and a LF occur together only. */
static bool framing_check(struct http1_message *message, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if ((bytes.ptr[i] == '\n') != message->after_cr) {
            return false;
        }
        message->after_cr = bytes.ptr[i] == '\r';
    }
    return true;
}

/* Of `consumed`, what is not body. */
static bool framing_account(struct http1_message *message, struct str consumed)
{
    struct str before = consumed;
    struct str after = {NULL, 0};
    if (message->body.len > 0) {
        before.len = (size_t)(message->body.ptr - consumed.ptr);
        after = str_sub(consumed, before.len + message->body.len, consumed.len);
    }
    message->body_bytes += message->body.len;
    message->framing_bytes += before.len + after.len;
    return framing_check(message, before) && framing_check(message, after) &&
           message->framing_bytes <= FRAMING_BYTES_FREE + FRAMING_BYTES_PER_BODY_BYTE * message->body_bytes;
}

static enum http1_event body_step(struct http1_message *message, struct str data, size_t *ret_consumed)
{
    message->body = (struct str){NULL, 0};
    if (!message->body_complete) {
        llhttp_errno_t code = llhttp_execute(&message->llhttp, data.ptr, data.len);
        *ret_consumed = data.len;
        if (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE) {
            *ret_consumed = (size_t)(llhttp_get_error_pos(&message->llhttp) - data.ptr);
            llhttp_resume(&message->llhttp);
        } else if (code != HPE_OK) {
            return message_fail(message, error_of(code));
        }
    }
    if (!framing_account(message, str_sub(data, 0, *ret_consumed))) {
        return message_fail(message, HTTP1_BAD_REQUEST);
    }
    if (message->body.len > 0) {
        return HTTP1_BODY;
    }
    if (message->body_complete) {
        message->phase = PHASE_COMPLETE;
        return HTTP1_COMPLETE;
    }
    return HTTP1_NEED_MORE;
}

enum http1_event http1_parse(struct http1_parser *parser, const uint8_t *data, size_t len, size_t *ret_consumed)
{
    struct str input = len > 0 ? str_from(data, len) : STR(""); /* llhttp wants an address */
    *ret_consumed = 0;
    if (!parser->message) {
        if (len == 0) {
            return HTTP1_NEED_MORE;
        }
        parser->message = message_new(parser);
    }
    struct http1_message *message = parser->message;
    switch (message->phase) {
    case PHASE_HEAD: return head_step(parser, message, input, ret_consumed);
    case PHASE_HEAD_COMPLETE: message->phase = PHASE_BODY; __attribute__((fallthrough));
    case PHASE_BODY: return body_step(message, input, ret_consumed);
    case PHASE_COMPLETE: return HTTP1_COMPLETE;
    case PHASE_FAILED: break;
    }
    return HTTP1_FAILED;
}
