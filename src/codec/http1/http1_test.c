#include "codec/http1/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

/* Feeds `text` in steps of `step` bytes (each from its own heap copy, so that the sanitizer sees reads beyond it) and
 * writes down what happens. */
static void trace_head(const struct http1_head *head, struct buf *out)
{
    buf_printf(out, "%.*s %.*s", STR_ARG(head->method), STR_ARG(head->path));
    if (head->query.ptr) {
        buf_printf(out, " ?%.*s", STR_ARG(head->query));
    }
    buf_printf(out, " 1.%u", head->minor_version);
    for (size_t i = 0; i < head->header_count; i++) {
        buf_printf(out, " [%.*s=%.*s]", STR_ARG(head->headers[i].name), STR_ARG(head->headers[i].value));
    }
    if (head->has_content_length) {
        buf_printf(out, " length=%llu", (unsigned long long)head->content_length);
    }
    buf_printf(out, "%s%s%s%s\n", head->is_chunked ? " chunked" : "", head->keep_alive ? "" : " close",
               head->expects_continue ? " expect" : "", head->wants_upgrade ? " upgrade" : "");
}

static bool trace_event(struct http1_parser *parser, enum http1_event event, struct buf *body, struct buf *out)
{
    switch (event) {
    case HTTP1_NEED_MORE: return false;
    case HTTP1_HEAD: trace_head(http1_head(parser), out); return true;
    case HTTP1_BODY: buf_append_str(body, http1_body(parser)); return true;
    case HTTP1_COMPLETE:
        buf_printf(out, "<%.*s>\n", STR_ARG(buf_str(body)));
        buf_clear(body);
        http1_next(parser);
        return true;
    case HTTP1_FAILED: buf_printf(out, "error %d\n", (int)http1_error(parser)); return false;
    }
    return false;
}

static char *trace(struct str text, size_t step, const struct http1_limits *limits)
{
    struct http1_parser parser;
    struct buf out;
    struct buf body;
    enum http1_event event = HTTP1_NEED_MORE;
    buf_init(&out, 1 << 20);
    buf_init(&body, 1 << 20);
    http1_parser_init(&parser, limits);
    for (size_t at = 0; at < text.len && event != HTTP1_FAILED; at += step) {
        struct str part = str_sub(text, at, step);
        uint8_t *copy = malloc(part.len);
        memcpy(copy, part.ptr, part.len);
        size_t used = 0;
        do {
            size_t n;
            event = http1_parse(&parser, copy + used, part.len - used, &n);
            used += n;
            assert_true(used <= part.len);
        } while (trace_event(&parser, event, &body, &out));
        assert_true(event == HTTP1_FAILED || used == part.len);
        free(copy);
    }
    if (event != HTTP1_FAILED && !http1_is_idle(&parser)) {
        buf_append_cstr(&out, "...\n");
    }
    http1_parser_deinit(&parser);
    buf_deinit(&body);
    buf_append_u8(&out, 0);
    size_t len;
    return (char *)buf_take(&out, &len);
}

static void assert_trace_limited(struct str text, const struct http1_limits *limits, const char *expected)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7, 64};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char *result = trace(text, steps[i], limits);
        if (strcmp(result, expected) != 0) {
            fail_msg("step %zu of\n%.*s\ngave\n%sinstead of\n%s", steps[i], STR_ARG(text), result, expected);
        }
        free(result);
    }
}

static void assert_trace(const char *text, const char *expected)
{
    assert_trace_limited(str_from_cstr(text), NULL, expected);
}

static void assert_error(const char *text, int error)
{
    char expected[32];
    snprintf(expected, sizeof expected, "error %d\n", error);
    assert_trace(text, expected);
}

static void test_simple(void **state)
{
    (void)state;
    assert_trace("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 [Host=a]\n<>\n");
    assert_trace("\r\n\r\nHEAD /a/b?c=d&e HTTP/1.0\r\n\r\n", "HEAD /a/b ?c=d&e 1.0 close\n<>\n");
    assert_trace("GET /? HTTP/1.1\r\nhost:\r\nX-Y: \t a  b \t\r\n\r\n", "GET / ? 1.1 [host=] [X-Y=a  b]\n<>\n");
    assert_trace("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 1.0 [Connection=keep-alive]\n<>\n");
    assert_trace("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 "GET / 1.1 [Host=a] [Connection=close] close\n<>\n");
    assert_trace("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1 [Host=a]\n<>\n");
    assert_trace("GET HTTP://u:80/p?q HTTP/1.1\r\nHost: u:80\r\n\r\n", "GET /p ?q 1.1 [Host=u:80]\n<>\n");
    assert_trace("GET http://u HTTP/1.1\r\nHost: u\r\n\r\n", "GET / 1.1 [Host=u]\n<>\n");
    assert_trace("GET http://u?q HTTP/1.1\r\nHost: u\r\n\r\n", "GET / ?q 1.1 [Host=u]\n<>\n");
    assert_trace("GET / HTTP/1.1\r\nHost: [::1]:80\r\nX: \xc3\xa9\r\n\r\n", "GET / 1.1 [Host=[::1]:80] [X=\xc3\xa9]\n<>\n");
}

static void test_body(void **state)
{
    (void)state;
    assert_trace("POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                 "POST /v1 1.1 [Host=a] [Content-Length=5] length=5\n<hello>\n");
    assert_trace("POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                 "POST /v1 1.1 [Host=a] [Content-Length=0] length=0\n<>\n");
    assert_trace("POST /v1 HTTP/1.1\r\nHost: a\r\n\r\n", "POST /v1 1.1 [Host=a]\n<>\n");
    assert_trace("POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel",
                 "POST /v1 1.1 [Host=a] [Content-Length=5] length=5\n...\n");
    assert_trace("GET /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
                 "GET /v1 1.1 [Host=a] [Content-Length=2] length=2\n<{}>\n");
    assert_trace("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", "POST / 1.0 [Content-Length=2] length=2 close\n<{}>\n");
    assert_trace("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                 "POST / 1.1 [Host=a] [Content-Length=2] [Connection=close] length=2 close\n<{}>\n");
}

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_HEAD "POST / 1.1 [Host=a] [Transfer-Encoding=chunked] chunked\n"

static void test_chunked(void **state)
{
    (void)state;
    assert_trace(CHUNKED "5\r\nhello\r\n0\r\n\r\n", CHUNKED_HEAD "<hello>\n");
    assert_trace(CHUNKED "5;a;b\r\nhello\r\nA\r\n, world!!!\r\n0\r\n\r\n", CHUNKED_HEAD "<hello, world!!!>\n");
    assert_trace(CHUNKED "5\r\nhello\r\n000\r\n\r\n", CHUNKED_HEAD "<hello>\n");
    assert_trace(CHUNKED "5;c\r\nhello\r\n0\r\n\r\n", CHUNKED_HEAD "<hello>\n");
    assert_trace(CHUNKED "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nX-Trailer: y\r\n\r\n", CHUNKED_HEAD "<abc>\n");
    assert_trace(CHUNKED "0\r\n\r\n", CHUNKED_HEAD "<>\n");
    assert_trace(CHUNKED "5\r\nhel", CHUNKED_HEAD "...\n");
    assert_trace("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
                 "POST / 1.1 [Host=a] [Transfer-Encoding=Chunked] chunked\n<>\n");
}

static void test_pipelined(void **state)
{
    (void)state;
    assert_trace("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\n" CHUNKED
                 "1\r\nx\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
                 "GET /1 1.1 [Host=a]\n<>\nPOST /2 1.1 [Host=a] [Content-Length=3] length=3\n<abc>\n" CHUNKED_HEAD
                 "<x>\nGET /3 1.1 [Host=a]\n<>\n");
    /* What follows "Connection: close" is another request; whether to read it is the server's decision. */
    assert_trace("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
                 "GET /1 1.1 [Host=a] [Connection=close] close\n<>\nGET /2 1.1 [Host=a]\n<>\n");
}

/* Nothing of the next request is consumed before http1_next. */
static void test_pause(void **state)
{
    static const char text[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    const uint8_t *data = (const uint8_t *)text;
    struct http1_parser parser;
    size_t n;
    (void)state;
    http1_parser_init(&parser, NULL);
    assert_true(http1_is_idle(&parser));
    assert_int_equal(http1_parse(&parser, data, 4, &n), HTTP1_NEED_MORE);
    assert_false(http1_is_idle(&parser));
    assert_int_equal(http1_parse(&parser, data + 4, sizeof text - 5, &n), HTTP1_HEAD);
    assert_int_equal(n, 24);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(http1_parse(&parser, data + 28, sizeof text - 29, &n), HTTP1_COMPLETE);
        assert_int_equal(n, 0);
    }
    assert_true(str_eq(http1_head(&parser)->path, STR("/1")));
    http1_next(&parser);
    assert_true(http1_is_idle(&parser));
    assert_null(parser.message);
    assert_int_equal(http1_parse(&parser, NULL, 0, &n), HTTP1_NEED_MORE);
    assert_int_equal(http1_parse(&parser, data + 28, sizeof text - 29, &n), HTTP1_HEAD);
    assert_int_equal(n, 28);
    assert_int_equal(http1_parse(&parser, NULL, 0, &n), HTTP1_COMPLETE);
    http1_parser_deinit(&parser);
}

static void test_expect(void **state)
{
    (void)state;
    assert_trace("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
                 "POST / 1.1 [Host=a] [Expect=100-Continue] [Content-Length=1] length=1 expect\n...\n");
    assert_trace("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "GET / 1.1 [Host=a] [Expect=100-continue]\n<>\n");
    assert_trace("POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\n",
                 "POST / 1.0 [Expect=x] [Content-Length=1] length=1 close\n...\n");
    assert_error("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", HTTP1_EXPECTATION_FAILED);
}

static void test_upgrade(void **state)
{
    (void)state;
    assert_trace("GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
                 "GET /mqtt 1.1 [Host=a] [Upgrade=websocket] [Connection=keep-alive, Upgrade] upgrade\n<>\n");
    /* Offered and not taken: the connection goes on with HTTP. */
    assert_trace("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nhi"
                 "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                 "POST / 1.1 [Host=a] [Upgrade=h2c] [Connection=upgrade] [Content-Length=2] length=2 upgrade\n<hi>\n"
                 "GET / 1.1 [Host=a] [Upgrade=h2c] [Connection=upgrade] upgrade\n<>\nGET / 1.1 [Host=a]\n<>\n");
}

static void test_request_line(void **state)
{
    static const char *const bad[] = {
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",           "GET\r\n\r\n",                        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",    "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n", "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",  "GET / HTTP/1\r\nHost: a\r\n\r\n",    "GET / HTTP/11\r\nHost: a\r\n\r\n",
        "GET / ICY/1.1\r\nHost: a\r\n\r\n",   "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",  "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02", "\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", "GET ftp://h/ HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_error(bad[i], HTTP1_BAD_REQUEST);
    }
    assert_error("GET / HTTP/2.0\r\n\r\n", HTTP1_VERSION_NOT_SUPPORTED);
    assert_error("GET / HTTP/1.2\r\nHost: a\r\n\r\n", HTTP1_VERSION_NOT_SUPPORTED);
    assert_error("GET / HTTP/0.9\r\n\r\n", HTTP1_VERSION_NOT_SUPPORTED);
    assert_error("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP1_VERSION_NOT_SUPPORTED);
    assert_error("FROB / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_NOT_IMPLEMENTED);
    assert_error("get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_NOT_IMPLEMENTED);
    assert_error("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP1_NOT_IMPLEMENTED);
}

static void test_headers_refused(void **state)
{
    static const char *const bad[] = {
        "Host: a\r\nX : y\r\n\r\n", "Host: a\r\nX: y\r\n folded\r\n\r\n", "Host: a\r\n\tX: y\r\n\r\n", " Host: a\r\n\r\n",
        "Host: a\r\nX\r\n\r\n",     "Host: a\r\n: y\r\n\r\n",              "Host: a\r\nX: y\rz\r\n\r\n", "Host: a\r\nX: \x01\r\n\r\n",
        "Host: a\r\nX: y\x7f\r\n\r\n", "Host: a\r\nX\xc3\xa9: y\r\n\r\n",  "Host: a\r\nX(: y\r\n\r\n", "Host: a\r\nHost: a\r\n\r\n",
        "Host: a\r\nhost: b\r\n\r\n", "X: y\r\n\r\n",                      "Host: a b\r\n\r\n",        "Host: a/b\r\n\r\n",
        "Host: u@a\r\n\r\n",        "Host: a\nX: y\r\n\r\n",               "Host: a\r\r\n\r\n",        "Host: a\r\n\rX: y\r\n\r\n",
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s", bad[i]);
        assert_error(text, HTTP1_BAD_REQUEST);
    }
    assert_trace_limited(STR("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"), NULL, "error 400\n");
    assert_trace_limited(STR("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), NULL, "error 400\n");
}

static void test_smuggling(void **state)
{
    static const struct {
        const char *headers;
        int error;
    } cases[] = {
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
        {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
        {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
        {"Content-Length: 5, 5\r\n", 400},
        {"Content-Length: +5\r\n", 400},
        {"Content-Length: -5\r\n", 400},
        {"Content-Length: 0x5\r\n", 400},
        {"Content-Length: 5 5\r\n", 400},
        {"Content-Length: 5a\r\n", 400},
        {"Content-Length:\r\n", 400},
        {"Content-Length: 99999999999999999999\r\n", 400},
        {"Content-Length : 5\r\n", 400},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
        {"Transfer-Encoding: identity\r\n", 400},
        {"Transfer-Encoding: xchunked\r\n", 400},
        {"Transfer-Encoding: chunked, gzip\r\n", 400},
        {"Transfer-Encoding: gzip, chunked\r\n", 501},
        {"Transfer-Encoding: chunked, chunked\r\n", 400},
        {"Transfer-Encoding: \"chunked\"\r\n", 400},
        {"Transfer-Encoding: \x0b" "chunked\r\n", 400},
        {"Transfer-Encoding:\r\n chunked\r\n", 400},
        {"Transfer-Encoding: chunked;q=1\r\n", 400},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].headers);
        char *result = trace(str_from_cstr(text), 1000, NULL);
        if (strcmp(result, cases[i].error == 400 ? "error 400\n" : "error 501\n") != 0) {
            fail_msg("%s gave %s", cases[i].headers, result);
        }
        free(result);
    }
    assert_error("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HTTP1_BAD_REQUEST);
}

static void test_bad_chunks(void **state)
{
    static const char *const bad[] = {
        "g\r\n",          "-1\r\n",       "+1\r\nx",         "0x1\r\nx",      " 1\r\nx",          "1 \r\nx",
        "\r\n",           "1\nx\r\n",     "1\r\nxy\r\n",     "1\r\nx\n0\r\n", "1\r\nx\r0\r\n",    "1\r\nx0\r\n\r\n",
        "fffffffffffffffff\r\n", ";a\r\nx", "0\r\n\n",       "0\n\r\n",       "1;a\nx\r\n0\r\n",  "1\rx\r\n",
        "0\r\nX: y\n\r\n", "0\r\nX y\r\n\r\n", "0\r\n X: y\r\n\r\n", "1\r\nx\r\n\r\n0\r\n\r\n", "1;\x01\r\nx",
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, CHUNKED "%s", bad[i]);
        char *whole = trace(str_from_cstr(text), 1000, NULL);
        char *bytes = trace(str_from_cstr(text), 1, NULL);
        if (strcmp(whole, CHUNKED_HEAD "error 400\n") != 0) {
            print_error("chunk %zu: %s gave %s\n", i, bad[i], whole);
            fail();
        }
        assert_string_equal(whole, bytes);
        free(whole);
        free(bytes);
    }
}

static void test_limits(void **state)
{
    struct http1_limits limits = {.head_bytes_max = 64, .target_bytes_max = 9, .headers_max = 3};
    (void)state;
    assert_trace_limited(STR("GET /345678901 HTTP/1.1\r\nHost: a\r\n\r\n"), &limits, "error 414\n");
    assert_trace_limited(STR("GET /34567890 HTTP/1.1\r\nHost: a\r\n\r\n"), &limits, "GET /34567890 1.1 [Host=a]\n<>\n");
    assert_trace_limited(STR("GET /5678901234567890123456789012345678901234567890123456789012345"), &limits, "error 414\n");
    assert_trace_limited(STR("GET / HTTP/1.1\r\nHost: a\r\nX: 123456789012345678901234567890123456789\r\n\r\n"), &limits,
                         "error 431\n");
    assert_trace_limited(STR("GET / HTTP/1.1\r\nHost: a\r\nX:1\r\nX:2\r\n\r\n"), &limits,
                         "GET / 1.1 [Host=a] [X=1] [X=2]\n<>\n");
    assert_trace_limited(STR("GET / HTTP/1.1\r\nHost: a\r\nX:1\r\nX:2\r\nX:3\r\n\r\n"), &limits, "error 431\n");
}

static void test_default_limits(void **state)
{
    struct buf text;
    (void)state;
    buf_init(&text, 1 << 20);
    buf_append_cstr(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 100; i++) {
        buf_append_cstr(&text, "A: b\r\n");
    }
    char *result = trace(buf_str(&text), 1000, NULL);
    assert_string_equal(result, "error 431\n");
    free(result);
    buf_clear(&text);
    buf_append_cstr(&text, "GET / HTTP/1.1\r\nHost: a\r\nA: ");
    while (text.len < 17000) {
        buf_append_cstr(&text, "x");
    }
    result = trace(buf_str(&text), 1000, NULL);
    assert_string_equal(result, "error 431\n");
    free(result);
    buf_deinit(&text);
}

static void assert_framing_flood_refused(const char *head, const char *repeated, bool expected)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_append_cstr(&text, head);
    for (int i = 0; i < 10000; i++) {
        buf_append_cstr(&text, repeated);
    }
    char *result = trace(buf_str(&text), 100, NULL);
    assert_int_equal(strstr(result, "error 400") != NULL, expected);
    free(result);
    buf_deinit(&text);
}

/* Bytes that are never body must not go on for ever. */
static void test_framing_flood(void **state)
{
    (void)state;
    assert_framing_flood_refused(CHUNKED "1;", "extension", true);
    assert_framing_flood_refused(CHUNKED "0\r\n", "Trailer: x\r\n", true);
    assert_framing_flood_refused(CHUNKED, "1;extension=longer-than-the-byte\r\nx\r\n", true);
    assert_framing_flood_refused(CHUNKED "0", "0", true);
    assert_framing_flood_refused(CHUNKED, "1\r\nx\r\n", false);
}

static void test_header_lookup(void **state)
{
    const struct http1_header headers[] = {{STR_INIT("Accept"), STR_INIT("text/html , x")},
                                           {STR_INIT("ACCEPT"), STR_INIT("json")}};
    const struct http1_head head = {.headers = headers, .header_count = 2};
    (void)state;
    assert_true(str_eq(http1_header(&head, "accept"), STR("text/html , x")));
    assert_null(http1_header(&head, "accep").ptr);
    assert_true(http1_header_has_token(&head, "accept", "TEXT/html"));
    assert_true(http1_header_has_token(&head, "accept", "x"));
    assert_true(http1_header_has_token(&head, "accept", "json"));
    assert_false(http1_header_has_token(&head, "accept", "html"));
}

static void assert_path(const char *path, const char *expected)
{
    struct arena arena;
    struct str segments[HTTP1_SEGMENTS_MAX];
    size_t count;
    struct buf out;
    arena_init(&arena);
    buf_init(&out, 4096);
    enum err err = http1_path_split(str_from_cstr(path), &arena, segments, &count);
    if (err == ERR_OK) {
        for (size_t i = 0; i < count; i++) {
            buf_printf(&out, "[%.*s]", STR_ARG(segments[i]));
        }
    } else {
        buf_append_cstr(&out, err_name(err));
    }
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void test_path(void **state)
{
    (void)state;
    assert_path("/", "");
    assert_path("/v1/devices", "[v1][devices]");
    assert_path("/v1/devices/", "[v1][devices]");
    assert_path("/v1//devices", "[v1][][devices]");
    assert_path("//", "[]");
    assert_path("/a%2Fb/%41%c3%a9+", "[a/b][Aé+]");
    assert_path("/%252F", "[%2F]");
    assert_path("/../%2e%2E", "[..][..]");
    assert_path("/%", "invalid");
    assert_path("/%4", "invalid");
    assert_path("/%4g", "invalid");
    assert_path("/%00", "invalid");
    assert_path("/%ff", "invalid");
    assert_path("/%c3", "invalid");
    assert_path("x", "invalid");
    assert_path("", "invalid");
    assert_path("*", "invalid");
    assert_path("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6", "[1][2][3][4][5][6][7][8][9][0][1][2][3][4][5][6]");
    assert_path("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7", "limit");
}

static void test_query(void **state)
{
    struct arena arena;
    struct str name;
    struct str value;
    struct str rest = STR("&a=1+2%2B&&b&=c&d=e=f&%zz=1&x=%00&y=2&");
    (void)state;
    arena_init(&arena);
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_OK);
    assert_true(str_eq(name, STR("a")) && str_eq(value, STR("1 2+")));
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_OK);
    assert_true(str_eq(name, STR("b")) && value.len == 0);
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_OK);
    assert_true(name.len == 0 && str_eq(value, STR("c")));
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_OK);
    assert_true(str_eq(name, STR("d")) && str_eq(value, STR("e=f")));
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_INVALID);
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_INVALID);
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_OK);
    assert_true(str_eq(name, STR("y")) && str_eq(value, STR("2")));
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_NOT_FOUND);
    assert_int_equal(http1_query_next(&rest, &arena, &name, &value), ERR_NOT_FOUND);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),         cmocka_unit_test(test_body),
        cmocka_unit_test(test_chunked),        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_pause),          cmocka_unit_test(test_expect),
        cmocka_unit_test(test_upgrade),        cmocka_unit_test(test_request_line),
        cmocka_unit_test(test_headers_refused), cmocka_unit_test(test_smuggling),
        cmocka_unit_test(test_bad_chunks),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_default_limits), cmocka_unit_test(test_framing_flood),
        cmocka_unit_test(test_header_lookup),  cmocka_unit_test(test_path),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
