#include "codec/websocket/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/http1/http1.h"

struct peer {
    struct websocket *ws;
    struct buf payload;
    struct buf output;
};

static void peer_init(struct peer *peer, bool is_client, size_t message_bytes_max)
{
    peer->ws = websocket_new(&(struct websocket_config){is_client, message_bytes_max});
    buf_init(&peer->payload, 1 << 20);
    buf_init(&peer->output, 1 << 20);
}

static void peer_deinit(struct peer *peer)
{
    websocket_free(peer->ws);
    buf_deinit(&peer->payload);
    buf_deinit(&peer->output);
}

/* In steps, each from a heap copy of its own. */
static enum err feed_steps(struct peer *peer, struct str bytes, size_t step)
{
    enum err err = ERR_OK;
    for (size_t at = 0; at < bytes.len && err == ERR_OK; at += step) {
        struct str part = str_sub(bytes, at, step);
        void *copy = malloc(part.len);
        memcpy(copy, part.ptr, part.len);
        err = websocket_feed(peer->ws, copy, part.len, &peer->payload, &peer->output);
        free(copy);
    }
    return err;
}

/* A server that gets `bytes`, in steps of several sizes: result, payload and output. */
static void assert_server_limited(struct str bytes, size_t message_bytes_max, enum err expected_err, struct str payload,
                                  struct str output)
{
    static const size_t steps[] = {1 << 20, 1, 2, 5, 1000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct peer server;
        peer_init(&server, false, message_bytes_max);
        assert_int_equal(feed_steps(&server, bytes, steps[i]), expected_err);
        assert_int_equal(server.payload.len, payload.len);
        assert_true(str_eq(buf_str(&server.payload), payload));
        assert_int_equal(server.output.len, output.len);
        assert_true(str_eq(buf_str(&server.output), output));
        if (expected_err != ERR_OK) {
            assert_true(websocket_is_closed(server.ws));
        }
        peer_deinit(&server);
    }
}

static void assert_server(struct str bytes, enum err expected_err, struct str payload, struct str output)
{
    assert_server_limited(bytes, 0, expected_err, payload, output);
}

/* Masked with 0, so that payloads can be read in the test. */
#define MASK0 "\0\0\0\0"

static void test_binary(void **state)
{
    (void)state;
    assert_server(STR("\x82\x85" MASK0 "hello"), ERR_OK, STR("hello"), STR(""));
    assert_server(STR("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), ERR_OK, STR("Hello"), STR("")); /* RFC 6455, 5.7 */
    assert_server(STR("\x82\x80" MASK0), ERR_OK, STR(""), STR(""));
    assert_server(STR("\x82\x81" MASK0 "a\x82\x81" MASK0 "b"), ERR_OK, STR("ab"), STR(""));
    assert_server(STR("\x82\x85" MASK0 "he"), ERR_OK, STR("he"), STR(""));
}

static void test_fragments(void **state)
{
    (void)state;
    assert_server(STR("\x02\x81" MASK0 "a\x00\x81" MASK0 "b\x80\x81" MASK0 "c\x82\x81" MASK0 "d"), ERR_OK, STR("abcd"),
                  STR(""));
    /* Control frames may come between fragments. */
    assert_server(STR("\x02\x81" MASK0 "a\x89\x82" MASK0 "hi\x80\x81" MASK0 "b"), ERR_OK, STR("ab"), STR("\x8a\x02hi"));
    assert_server(STR("\x80\x81" MASK0 "a"), ERR_INVALID, STR(""), STR("\x88\x02\x03\xea"));
    assert_server(STR("\x02\x81" MASK0 "a\x82\x81" MASK0 "b"), ERR_INVALID, STR("a"), STR("\x88\x02\x03\xea"));
}

static void test_control(void **state)
{
    (void)state;
    assert_server(STR("\x89\x80" MASK0), ERR_OK, STR(""), STR("\x8a\x00"));
    assert_server(STR("\x8a\x81" MASK0 "x"), ERR_OK, STR(""), STR(""));
    assert_server(STR("\x88\x82" MASK0 "\x03\xe8\x82\x81" MASK0 "z"), ERR_OK, STR(""), STR("\x88\x02\x03\xe8"));
    assert_server(STR("\x88\x80" MASK0), ERR_OK, STR(""), STR("\x88\x00"));
    assert_server(STR("\x88\x85" MASK0 "\x0f\xa0" "bye"), ERR_OK, STR(""), STR("\x88\x02\x0f\xa0"));
}

static void test_protocol_errors(void **state)
{
    static const struct str bad[] = {
        STR_INIT("\x82\x01" "a"),                            /* not masked */
        STR_INIT("\xc2\x81" MASK0 "a"),                      /* reserved bit */
        STR_INIT("\x83\x81" MASK0 "a"),                      /* reserved opcodes */
        STR_INIT("\x8b\x81" MASK0 "a"),
        STR_INIT("\x09\x81" MASK0 "a"),                      /* fragmented ping */
        STR_INIT("\x89\xfe\x00\x7e" MASK0 "a"),              /* ping of 126 bytes */
        STR_INIT("\x82\xfe\x00\x05" MASK0 "hello"),          /* length not in its shortest form */
        STR_INIT("\x82\xff\x80\0\0\0\0\0\0\0" MASK0 "a"),    /* length above 2^63 */
        STR_INIT("\x88\x81" MASK0 "a"),                      /* half a close code */
        STR_INIT("\x88\x82" MASK0 "\x03\xed"),               /* close codes that must not be sent */
        STR_INIT("\x88\x82" MASK0 "\x00\x01"),
        STR_INIT("\x88\x82" MASK0 "\x13\x88"),
        STR_INIT("\x88\x83" MASK0 "\x03\xe8\xff"),           /* reason not UTF-8 */
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_server(bad[i], ERR_INVALID, STR(""), STR("\x88\x02\x03\xea"));
    }
    assert_server(STR("\x81\x81" MASK0 "a"), ERR_INVALID, STR(""), STR("\x88\x02\x03\xeb")); /* text */
}

static void test_message_limit(void **state)
{
    (void)state;
    assert_server_limited(STR("\x82\x85" MASK0 "hello"), 5, ERR_OK, STR("hello"), STR(""));
    assert_server_limited(STR("\x82\x86" MASK0 "hello!"), 5, ERR_LIMIT, STR(""), STR("\x88\x02\x03\xf1"));
    assert_server_limited(STR("\x02\x83" MASK0 "hel\x80\x83" MASK0 "lo!"), 5, ERR_LIMIT, STR("hel"), STR("\x88\x02\x03\xf1"));
    /* A huge length is refused by its header, before anything is kept for it. */
    assert_server_limited(STR("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK0 "a"), 5, ERR_LIMIT, STR(""),
                          STR("\x88\x02\x03\xf1"));
    /* Each message for itself. */
    assert_server_limited(STR("\x82\x84" MASK0 "abcd\x82\x84" MASK0 "efgh"), 5, ERR_OK, STR("abcdefgh"), STR(""));
}

static void test_full_buffer(void **state)
{
    struct peer server;
    (void)state;
    peer_init(&server, false, 0);
    server.payload.max = 3;
    assert_int_equal(feed_steps(&server, STR("\x82\x85" MASK0 "hello"), 100), ERR_LIMIT);
    assert_true(websocket_is_closed(server.ws));
    peer_deinit(&server);
}

static void test_close(void **state)
{
    struct peer server;
    (void)state;
    peer_init(&server, false, 0);
    websocket_close(server.ws, WEBSOCKET_GOING_AWAY, &server.output);
    websocket_close(server.ws, WEBSOCKET_NORMAL, &server.output);
    websocket_wrap(server.ws, "x", 1, &server.output);
    assert_true(str_eq(buf_str(&server.output), STR("\x88\x02\x03\xe9")));
    assert_true(websocket_is_closing(server.ws));
    assert_false(websocket_is_closed(server.ws));
    /* Data under way is dropped, pings are not answered any more; the peer's close ends it. */
    assert_int_equal(feed_steps(&server, STR("\x82\x81" MASK0 "a\x89\x80" MASK0), 100), ERR_OK);
    assert_int_equal(server.payload.len, 0);
    assert_false(websocket_is_closed(server.ws));
    assert_int_equal(feed_steps(&server, STR("\x88\x82" MASK0 "\x03\xe9"), 100), ERR_OK);
    assert_true(websocket_is_closed(server.ws));
    assert_int_equal(server.output.len, 4);
    peer_deinit(&server);
}

static void test_client_and_server(void **state)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 4095, 4096, 4097, 65535, 65536, 200000};
    struct peer server;
    struct peer client;
    uint8_t *data = malloc(200000);
    (void)state;
    for (size_t i = 0; i < 200000; i++) {
        data[i] = (uint8_t)(i * 7);
    }
    peer_init(&server, false, 200000);
    peer_init(&client, true, 200000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct str expected = str_from(data, sizes[i]);
        websocket_wrap(client.ws, data, sizes[i], &client.output);
        assert_int_equal(feed_steps(&server, buf_str(&client.output), 3000), ERR_OK);
        assert_true(str_eq(buf_str(&server.payload), expected));
        websocket_wrap(server.ws, data, sizes[i], &server.output);
        assert_int_equal(feed_steps(&client, buf_str(&server.output), 3000), ERR_OK);
        assert_true(str_eq(buf_str(&client.payload), expected));
        buf_clear(&client.output);
        buf_clear(&server.output);
        buf_clear(&client.payload);
        buf_clear(&server.payload);
    }
    /* A client refuses masked frames. */
    assert_int_equal(feed_steps(&client, STR("\x82\x81" MASK0 "a"), 100), ERR_INVALID);
    peer_deinit(&server);
    peer_deinit(&client);
    free(data);
}

static void test_frame_header(void **state)
{
    uint8_t header[WEBSOCKET_FRAME_HEADER_BYTES_MAX];
    (void)state;
    assert_int_equal(websocket_frame_header(125, header), 2);
    assert_memory_equal(header, "\x82\x7d", 2);
    assert_int_equal(websocket_frame_header(126, header), 4);
    assert_memory_equal(header, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(websocket_frame_header(65536, header), 10);
    assert_memory_equal(header, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
}

static enum err handshake(const char *request, struct buf *out)
{
    struct http1_parser parser;
    size_t n;
    http1_parser_init(&parser, NULL);
    assert_int_equal(http1_parse(&parser, (const uint8_t *)request, strlen(request), &n), HTTP1_HEAD);
    enum err err = websocket_handshake(http1_head(&parser), "mqtt", out);
    http1_parser_deinit(&parser);
    return err;
}

#define REQUEST "GET /mqtt HTTP/1.1\r\nHost: a\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n"

static void test_handshake(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(handshake(REQUEST UPGRADE KEY VERSION PROTOCOL "\r\n", &out), ERR_OK);
    assert_true(str_eq(buf_str(&out), STR("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                          "Sec-WebSocket-Protocol: mqtt\r\n\r\n")));
    buf_clear(&out);
    assert_int_equal(handshake(REQUEST KEY VERSION PROTOCOL "\r\n", &out), ERR_INVALID);
    assert_int_equal(handshake(REQUEST UPGRADE VERSION PROTOCOL "\r\n", &out), ERR_INVALID);
    assert_int_equal(handshake(REQUEST UPGRADE KEY VERSION "\r\n", &out), ERR_INVALID);
    assert_int_equal(handshake(REQUEST UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqttx\r\n\r\n", &out), ERR_INVALID);
    assert_int_equal(handshake(REQUEST UPGRADE KEY PROTOCOL "\r\n", &out), ERR_STATE);
    assert_int_equal(handshake(REQUEST UPGRADE KEY "Sec-WebSocket-Version: 8\r\n" PROTOCOL "\r\n", &out), ERR_STATE);
    assert_int_equal(handshake(REQUEST UPGRADE "Sec-WebSocket-Key: short\r\n" VERSION PROTOCOL "\r\n", &out), ERR_INVALID);
    assert_int_equal(handshake("POST /mqtt HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION PROTOCOL "\r\n", &out), ERR_INVALID);
    assert_int_equal(handshake("GET /mqtt HTTP/1.0\r\n" UPGRADE KEY VERSION PROTOCOL "\r\n", &out), ERR_INVALID);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

static void test_handshake_of_client(void **state)
{
    struct buf request;
    struct buf reply;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    (void)state;
    buf_init(&request, 4096);
    buf_init(&reply, 4096);
    websocket_handshake_request(STR("/mqtt"), STR("hub:8080"), "mqtt", &request, accept);
    buf_append_u8(&request, 0);
    assert_int_equal(handshake((const char *)request.data, &reply), ERR_OK);
    buf_append_u8(&reply, 0);
    assert_non_null(strstr((const char *)reply.data, accept));
    buf_deinit(&request);
    buf_deinit(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary),      cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_control),     cmocka_unit_test(test_protocol_errors),
        cmocka_unit_test(test_message_limit), cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_close),       cmocka_unit_test(test_client_and_server),
        cmocka_unit_test(test_frame_header), cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_handshake_of_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
