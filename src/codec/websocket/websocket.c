/* wslay reads frames; the rules of messages are here. Its frame context holds a 4 KiB buffer, so one exists only while
 * a frame is incomplete: an idle connection keeps `struct websocket` alone. Frames to send are written directly: a
 * header of a few bytes in front of the payload. */
#include "codec/websocket/websocket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/utf8.h"

#define CONTROL_BYTES_MAX 125
#define MASK_BYTES 4
#define FINAL_FRAME 0x80
#define MASKED_FRAME 0x80

struct websocket {
    struct wslay_frame_context *frames; /* NULL between frames */
    struct str input;                   /* what wslay has not taken yet */
    uint64_t taken_bytes;               /* that wslay took and that belong to no frame seen yet */
    uint64_t frame_left;                /* payload bytes of the frame under way */
    uint64_t message_bytes;
    size_t message_bytes_max;
    struct buf control;                 /* payload of the control frame under way */
    uint8_t opcode;                     /* of the frame under way */
    bool is_client;
    bool in_frame;
    bool in_message;                    /* a fragmented message goes on */
    bool close_sent;
    bool closed;
};

struct websocket *websocket_new(const struct websocket_config *config)
{
    struct websocket *ws = mem_new(struct websocket);
    ws->is_client = config->is_client;
    ws->message_bytes_max = config->message_bytes_max;
    buf_init(&ws->control, CONTROL_BYTES_MAX);
    return ws;
}

static void frames_release(struct websocket *ws)
{
    if (ws->frames) {
        wslay_frame_context_free(ws->frames);
        ws->frames = NULL;
    }
    buf_deinit(&ws->control);
}

void websocket_free(struct websocket *websocket)
{
    if (websocket) {
        frames_release(websocket);
        mem_free(websocket);
    }
}

bool websocket_is_closing(const struct websocket *websocket)
{
    return websocket->close_sent;
}

bool websocket_is_closed(const struct websocket *websocket)
{
    return websocket->closed;
}

/* --- sending --- */

static size_t frame_header(uint8_t opcode, uint64_t payload_len, uint8_t *ret_header)
{
    ret_header[0] = (uint8_t)(FINAL_FRAME | opcode);
    unsigned length_bytes = payload_len < 126 ? 0 : payload_len <= UINT16_MAX ? 2 : 8;
    ret_header[1] = length_bytes == 0 ? (uint8_t)payload_len : length_bytes == 2 ? 126 : 127;
    for (unsigned i = 0; i < length_bytes; i++) {
        ret_header[2 + i] = (uint8_t)(payload_len >> (8 * (length_bytes - 1 - i)));
    }
    return 2 + length_bytes;
}

size_t websocket_frame_header(uint64_t payload_len, uint8_t ret_header[WEBSOCKET_FRAME_HEADER_BYTES_MAX])
{
    return frame_header(WSLAY_BINARY_FRAME, payload_len, ret_header);
}

static void append_masked(struct buf *output, const uint8_t *data, size_t len)
{
    uint8_t mask[MASK_BYTES];
    random_bytes(mask, sizeof mask);
    buf_append(output, mask, sizeof mask);
    if (buf_reserve(output, len)) {
        for (size_t i = 0; i < len; i++) {
            output->data[output->len++] = data[i] ^ mask[i % sizeof mask];
        }
    }
}

static void frame_put(const struct websocket *ws, uint8_t opcode, const void *data, size_t len, struct buf *output)
{
    uint8_t header[WEBSOCKET_FRAME_HEADER_BYTES_MAX];
    size_t header_len = frame_header(opcode, len, header);
    if (ws->is_client) {
        header[1] |= MASKED_FRAME;
    }
    buf_append(output, header, header_len);
    if (ws->is_client) {
        append_masked(output, data, len);
    } else {
        buf_append(output, data, len);
    }
}

void websocket_wrap(struct websocket *websocket, const void *data, size_t len, struct buf *output)
{
    if (!websocket->close_sent) {
        frame_put(websocket, WSLAY_BINARY_FRAME, data, len, output);
    }
}

static void close_put(struct websocket *ws, uint16_t code, struct buf *output)
{
    uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (!ws->close_sent) {
        ws->close_sent = true;
        frame_put(ws, WSLAY_CONNECTION_CLOSE, payload, code ? sizeof payload : 0, output);
    }
}

void websocket_close(struct websocket *websocket, enum websocket_code code, struct buf *output)
{
    close_put(websocket, (uint16_t)code, output);
}

/* --- receiving --- */

static ssize_t on_recv(uint8_t *out, size_t len, int flags, void *user)
{
    struct websocket *ws = user;
    struct str part = str_sub(ws->input, 0, len);
    (void)flags;
    if (part.len == 0) {
        errno = EWOULDBLOCK;
        return -1;
    }
    memcpy(out, part.ptr, part.len);
    ws->input = str_sub(ws->input, part.len, ws->input.len);
    ws->taken_bytes += part.len;
    return (ssize_t)part.len;
}

static ssize_t on_send(const uint8_t *data, size_t len, int flags, void *user)
{
    (void)data;
    (void)len;
    (void)flags;
    (void)user;
    return -1; /* wslay only reads here */
}

static int on_genmask(uint8_t *out, size_t len, void *user)
{
    (void)user;
    random_bytes(out, len);
    return 0;
}

static void frames_need(struct websocket *ws)
{
    static const struct wslay_frame_callbacks callbacks = {on_send, on_recv, on_genmask};
    if (!ws->frames && wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0) {
        abort(); /* out of memory */
    }
}

static uint64_t header_length(const struct wslay_frame_iocb *frame)
{
    unsigned length_bytes = frame->payload_length < 126 ? 0 : frame->payload_length <= UINT16_MAX ? 2 : 8;
    return 2 + length_bytes + (frame->mask ? MASK_BYTES : 0);
}

static bool is_control(uint8_t opcode)
{
    return opcode >= WSLAY_CONNECTION_CLOSE;
}

/* 0: the frame may go on. Else the code to close with. */
static unsigned message_frame_begin(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    if (frame->opcode == WSLAY_TEXT_FRAME && !ws->in_message) {
        return WEBSOCKET_UNSUPPORTED_DATA;
    }
    bool continues = frame->opcode == WSLAY_CONTINUATION_FRAME;
    if (continues != ws->in_message || (!continues && frame->opcode != WSLAY_BINARY_FRAME)) {
        return WEBSOCKET_PROTOCOL_ERROR;
    }
    ws->message_bytes = continues ? ws->message_bytes : 0;
    uint64_t left = ws->message_bytes_max ? ws->message_bytes_max - ws->message_bytes : UINT64_MAX;
    if (frame->payload_length > left) {
        return WEBSOCKET_TOO_BIG;
    }
    ws->message_bytes += frame->payload_length;
    ws->in_message = !frame->fin;
    return 0;
}

static unsigned control_frame_begin(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    bool known = frame->opcode == WSLAY_CONNECTION_CLOSE || frame->opcode == WSLAY_PING || frame->opcode == WSLAY_PONG;
    buf_clear(&ws->control);
    return known && frame->fin && frame->payload_length <= CONTROL_BYTES_MAX ? 0 : WEBSOCKET_PROTOCOL_ERROR;
}

static unsigned frame_begin(struct websocket *ws, const struct wslay_frame_iocb *frame)
{
    bool masked = frame->mask != 0;
    if (frame->rsv != 0 || masked == ws->is_client) { /* RFC 6455 section 5.1: clients mask, servers do not */
        return WEBSOCKET_PROTOCOL_ERROR;
    }
    ws->taken_bytes -= header_length(frame);
    ws->opcode = frame->opcode;
    ws->frame_left = frame->payload_length;
    ws->in_frame = true;
    return is_control(frame->opcode) ? control_frame_begin(ws, frame) : message_frame_begin(ws, frame);
}

/* RFC 6455 section 7.4: codes that may be sent. */
static bool close_code_is_valid(unsigned code)
{
    bool defined = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
    return defined || (code >= 3000 && code <= 4999);
}

static unsigned close_received(struct websocket *ws, struct buf *output)
{
    struct str payload = buf_str(&ws->control);
    unsigned code = 0;
    if (payload.len > 0) {
        code = payload.len < 2 ? 0 : (unsigned)ws->control.data[0] << 8 | ws->control.data[1];
        if (!close_code_is_valid(code) || !utf8_is_valid(str_sub(payload, 2, payload.len))) {
            return WEBSOCKET_PROTOCOL_ERROR;
        }
    }
    close_put(ws, (uint16_t)code, output);
    ws->closed = true;
    return 0;
}

static unsigned frame_end(struct websocket *ws, struct buf *output)
{
    ws->in_frame = false;
    if (ws->opcode == WSLAY_CONNECTION_CLOSE) {
        return close_received(ws, output);
    }
    if (ws->opcode == WSLAY_PING && !ws->close_sent) {
        frame_put(ws, WSLAY_PONG, ws->control.data, ws->control.len, output);
    }
    return 0;
}

static unsigned frame_part(struct websocket *ws, const struct wslay_frame_iocb *frame, struct buf *ret_payload,
                           struct buf *output)
{
    unsigned code = ws->in_frame ? 0 : frame_begin(ws, frame);
    if (code) {
        return code;
    }
    assert(frame->data_length <= ws->frame_left && frame->data_length <= ws->taken_bytes);
    ws->frame_left -= frame->data_length;
    ws->taken_bytes -= frame->data_length;
    if (is_control(ws->opcode)) {
        buf_append(&ws->control, frame->data, frame->data_length);
    } else if (!ws->close_sent) {
        buf_append(ret_payload, frame->data, frame->data_length);
    }
    return ws->frame_left == 0 ? frame_end(ws, output) : 0;
}

static unsigned feed_frames(struct websocket *ws, struct buf *ret_payload, struct buf *output)
{
    struct wslay_frame_iocb frame = {0};
    unsigned code = 0;
    while (!code && !ws->closed) {
        ssize_t got = wslay_frame_recv(ws->frames, &frame);
        if (got == WSLAY_ERR_WANT_READ) {
            break;
        }
        code = got < 0 ? WEBSOCKET_PROTOCOL_ERROR : frame_part(ws, &frame, ret_payload, output);
        if (ret_payload->failed || output->failed) {
            code = code ? code : WEBSOCKET_TOO_BIG;
        }
    }
    return code;
}

enum err websocket_feed(struct websocket *websocket, const void *data, size_t len, struct buf *ret_payload,
                        struct buf *ret_output)
{
    if (websocket->closed || len == 0) {
        return ERR_OK;
    }
    frames_need(websocket);
    websocket->input = str_from(data, len);
    unsigned code = feed_frames(websocket, ret_payload, ret_output);
    websocket->input = (struct str){NULL, 0};
    if (code) {
        close_put(websocket, (uint16_t)code, ret_output);
        websocket->closed = true;
    }
    if (websocket->closed || (!websocket->in_frame && websocket->taken_bytes == 0)) {
        frames_release(websocket);
    }
    if (!code) {
        return ERR_OK;
    }
    return code == WEBSOCKET_TOO_BIG ? ERR_LIMIT : ERR_INVALID;
}
