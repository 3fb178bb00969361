/* HTTP/1.1 requests from bytes (RFC 9110, RFC 9112; device-api.md 1.2, 1.5), without I/O: the caller hands in what it
 * has and gets events. Strict wherever two programs could disagree about where a request ends. An idle parser (nothing
 * of a request received) is two pointers and holds no memory.
 *
 *   for (;;) {
 *       enum http1_event event = http1_parse(&parser, data + used, len - used, &n);
 *       used += n;
 *       switch (event) {
 *       case HTTP1_HEAD:      look at http1_head(&parser); to pause, return `used` and call again later
 *       case HTTP1_BODY:      append http1_body(&parser)
 *       case HTTP1_COMPLETE:  handle it; then http1_next(&parser) before a pipelined request is looked at
 *       case HTTP1_NEED_MORE: return used;
 *       case HTTP1_FAILED:    answer http1_error(&parser), close
 *       }
 *   }
 */
#ifndef MUSTER_CODEC_HTTP1_H
#define MUSTER_CODEC_HTTP1_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A zero takes the default. */
struct http1_limits {
    size_t head_bytes_max;   /* request line and headers; default 16 KiB */
    size_t target_bytes_max; /* default 8 KiB */
    unsigned headers_max;    /* default 100 */
};

enum http1_event {
    HTTP1_NEED_MORE, /* everything was consumed */
    HTTP1_HEAD,      /* request line and headers are complete; nothing of the body was consumed */
    HTTP1_BODY,      /* some bytes of the body */
    HTTP1_COMPLETE,  /* the whole request was seen; said again, with nothing consumed, until http1_next */
    HTTP1_FAILED,    /* the stream cannot be read on; said again until http1_parser_deinit */
};

/* The HTTP status to answer with, before closing (device-api.md 1.5). */
enum http1_error {
    HTTP1_ERROR_NONE = 0,
    HTTP1_BAD_REQUEST = 400,
    HTTP1_URI_TOO_LONG = 414,
    HTTP1_EXPECTATION_FAILED = 417,
    HTTP1_HEADERS_TOO_LARGE = 431, /* too many bytes or too many headers */
    HTTP1_NOT_IMPLEMENTED = 501,   /* a method or transfer coding that is not known; CONNECT */
    HTTP1_VERSION_NOT_SUPPORTED = 505,
};

struct http1_header {
    struct str name;  /* as sent */
    struct str value; /* without blanks around it */
};

struct http1_head {
    struct str method;  /* "GET" */
    struct str target;  /* as sent */
    struct str path;    /* of the target, not decoded; "/" for "http://host"; "*" for "OPTIONS *" */
    struct str query;   /* behind the "?", not decoded; ptr NULL: none */
    struct str host;    /* of the Host header; never used for routing (device-api.md 1.1.1) */
    const struct http1_header *headers;
    size_t header_count;
    unsigned minor_version; /* 0 or 1 */
    uint64_t content_length; /* 0 without the header or when chunked; not limited here */
    bool has_content_length;
    bool is_chunked;
    bool keep_alive;        /* the peer wants the connection kept */
    bool expects_continue;  /* and waits for "100 Continue" (HTTP/1.1 and a body only) */
    bool wants_upgrade;     /* Upgrade header with Connection: upgrade; may be ignored */
};

struct http1_message;
struct http1_parser {
    const struct http1_limits *limits;
    struct http1_message *message; /* NULL: idle */
};

void http1_parser_init(struct http1_parser *parser, const struct http1_limits *limits); /* borrows; NULL: defaults */
void http1_parser_deinit(struct http1_parser *parser);

/* Consumes up to `len` bytes up to the next event. May be called with len 0 (an event that needs no byte is told). */
enum http1_event http1_parse(struct http1_parser *parser, const uint8_t *data, size_t len, size_t *ret_consumed);
/* Of the request under way; valid from HTTP1_HEAD until http1_next or http1_parser_deinit. The parser's own memory. */
const struct http1_head *http1_head(const struct http1_parser *parser);
/* Of the last HTTP1_BODY; points into the data that was handed in. */
struct str http1_body(const struct http1_parser *parser);
enum http1_error http1_error(const struct http1_parser *parser);
/* After HTTP1_COMPLETE: forgets the request and its memory. */
void http1_next(struct http1_parser *parser);
/* True when nothing of a request was received yet (apart from empty lines): the time-out is that of an idle connection. */
bool http1_is_idle(const struct http1_parser *parser);

/* The value of the first header with this name, in any case; ptr NULL: there is none. */
struct str http1_header(const struct http1_head *head, const char *name);
/* True if this token is in the comma-separated list of any header with this name (any case). */
bool http1_header_has_token(const struct http1_head *head, const char *name, const char *token);

#define HTTP1_SEGMENTS_MAX 16
/* Splits a path at "/" and decodes each segment once (device-api.md 1.2.3); one trailing "/" is ignored. "/" has no
 * segments; "/a//b" has an empty one. Segments are in the arena or borrowed from `path`. They are data: "..", "/" and
 * the like may be in them. ERR_INVALID: no "/" at its start, a wrong escape, or text that is not UTF-8 or has U+0000.
 * ERR_LIMIT: more than HTTP1_SEGMENTS_MAX. */
MUST_CHECK enum err http1_path_split(struct str path, struct arena *arena, struct str ret_segments[HTTP1_SEGMENTS_MAX],
                                     size_t *ret_count);
/* Takes the next name and value off the front of a query, both decoded ("+" is a blank). ERR_NOT_FOUND: none left.
 * ERR_INVALID as above; the pair is skipped. */
MUST_CHECK enum err http1_query_next(struct str *rest, struct arena *arena, struct str *ret_name, struct str *ret_value);

#endif
