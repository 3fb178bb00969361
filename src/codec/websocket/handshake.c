#include "base/crypto.h"
#include "codec/http1/http1.h"
#include "codec/websocket/websocket.h"

#define KEY_BYTES 16

void websocket_accept(struct str key, char ret_text[WEBSOCKET_ACCEPT_BYTES])
{
    struct buf text;
    uint8_t hash[SHA1_BYTES];
    buf_init(&text, key.len + 64);
    buf_append_str(&text, key);
    buf_append_cstr(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1(text.data, text.len, hash);
    buf_clear(&text);
    base64_encode(&text, hash, sizeof hash);
    memcpy(ret_text, text.data, WEBSOCKET_ACCEPT_BYTES - 1);
    ret_text[WEBSOCKET_ACCEPT_BYTES - 1] = '\0';
    buf_deinit(&text);
}

static bool key_is_valid(struct str key)
{
    struct buf bytes;
    buf_init(&bytes, KEY_BYTES);
    bool valid = base64_decode(key, &bytes) && bytes.len == KEY_BYTES;
    buf_deinit(&bytes);
    return valid;
}

enum err websocket_handshake(const struct http1_head *head, const char *protocol, struct buf *out)
{
    struct str key = http1_header(head, "sec-websocket-key");
    char accept[WEBSOCKET_ACCEPT_BYTES];
    bool upgrades = str_eq(head->method, STR("GET")) && head->minor_version > 0 && head->content_length == 0 &&
                    !head->is_chunked && http1_header_has_token(head, "upgrade", "websocket") &&
                    http1_header_has_token(head, "connection", "upgrade");
    if (!upgrades) {
        return ERR_INVALID;
    }
    if (!str_eq(http1_header(head, "sec-websocket-version"), STR("13"))) {
        return ERR_STATE;
    }
    if (!key_is_valid(key) || !http1_header_has_token(head, "sec-websocket-protocol", protocol)) {
        return ERR_INVALID;
    }
    websocket_accept(key, accept);
    buf_printf(out,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
               accept, protocol);
    return ERR_OK;
}

void websocket_handshake_request(struct str target, struct str host, const char *protocol, struct buf *out,
                                 char ret_accept[WEBSOCKET_ACCEPT_BYTES])
{
    uint8_t nonce[KEY_BYTES];
    struct buf key;
    random_bytes(nonce, sizeof nonce);
    buf_init(&key, 64);
    base64_encode(&key, nonce, sizeof nonce);
    buf_printf(out,
               "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
               STR_ARG(target), STR_ARG(host), STR_ARG(buf_str(&key)), protocol);
    websocket_accept(buf_str(&key), ret_accept);
    buf_deinit(&key);
}
