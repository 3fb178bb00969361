/* WebSocket (RFC 6455) under MQTT (mqtt.md 1.4), without I/O: bytes in, payload and bytes to send out. Only binary
 * messages; their boundaries mean nothing to MQTT and are not kept. No extensions. */
#ifndef MUSTER_CODEC_WEBSOCKET_H
#define MUSTER_CODEC_WEBSOCKET_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct http1_head;
struct websocket;

enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_UNSUPPORTED_DATA = 1003,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL_ERROR = 1011,
};

struct websocket_config {
    bool is_client;           /* masks what it sends; for the simulator and tests */
    size_t message_bytes_max; /* of one message over all its fragments; 0: no limit */
};

struct websocket *websocket_new(const struct websocket_config *config);
void websocket_free(struct websocket *websocket); /* NULL is accepted */

/* Takes all of `data`. Appends the payload to ret_payload and what must be sent (pong, close) to ret_output.
 * ERR_INVALID: the peer broke the protocol; ERR_LIMIT: a message too long, or a buffer is full. In both cases a close
 * frame was appended; the caller flushes and closes. Payload received before that is in ret_payload.
 * After an orderly close ERR_OK, and websocket_is_closed. Bytes behind the end are ignored. */
MUST_CHECK enum err websocket_feed(struct websocket *websocket, const void *data, size_t len, struct buf *ret_payload,
                                   struct buf *ret_output);
/* One binary message with these bytes; nothing once a close frame was sent. A server's frame can be written without
 * copying: websocket_frame_header, then the payload. */
void websocket_wrap(struct websocket *websocket, const void *data, size_t len, struct buf *output);
/* A close frame, unless one was sent. The peer's answer then comes in by websocket_feed. */
void websocket_close(struct websocket *websocket, enum websocket_code code, struct buf *output);
bool websocket_is_closing(const struct websocket *websocket); /* a close frame was sent */
bool websocket_is_closed(const struct websocket *websocket);  /* nothing will come any more: close the connection */

#define WEBSOCKET_FRAME_HEADER_BYTES_MAX 10
/* The header of a whole, unmasked binary message of `payload_len` bytes; returns its length. */
size_t websocket_frame_header(uint64_t payload_len, uint8_t ret_header[WEBSOCKET_FRAME_HEADER_BYTES_MAX]);

#define WEBSOCKET_ACCEPT_BYTES 29 /* text and NUL */
/* Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2). */
void websocket_accept(struct str key, char ret_text[WEBSOCKET_ACCEPT_BYTES]);
/* The server's side of the opening handshake: checks the request and appends the reply 101, with `protocol` as the
 * sub-protocol, which the client must have offered. ERR_INVALID: not a proper handshake (answer 400). ERR_STATE: a
 * version other than 13 (answer 426 with "Sec-WebSocket-Version: 13"). Nothing is appended then. */
MUST_CHECK enum err websocket_handshake(const struct http1_head *head, const char *protocol, struct buf *out);
/* The client's request (GET target, Host: host). ret_accept is what the reply's Sec-WebSocket-Accept must be. */
void websocket_handshake_request(struct str target, struct str host, const char *protocol, struct buf *out,
                                 char ret_accept[WEBSOCKET_ACCEPT_BYTES]);

#endif
