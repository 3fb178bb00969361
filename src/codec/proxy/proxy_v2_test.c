#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "codec/proxy/proxy_v2.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* In portions of `portion` bytes at most, never more than asked for; what was taken in *ret_taken. */
static enum err read_all(struct proxy_v2 *proxy, const uint8_t *data, size_t len, size_t portion, size_t *ret_taken)
{
    enum err err = ERR_OK;
    size_t at = 0;
    proxy_v2_init(proxy);
    while (!err && proxy_v2_missing(proxy) > 0 && at < len) {
        size_t wanted = proxy_v2_missing(proxy);
        wanted = wanted < portion ? wanted : portion;
        wanted = wanted < len - at ? wanted : len - at;
        err = proxy_v2_feed(proxy, data + at, wanted);
        at += wanted;
    }
    *ret_taken = at;
    return err;
}

static void sources_are_read_whatever_the_portions(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *data;
        size_t len, header; /* what follows the header is not touched */
        enum proxy_v2_family family;
        uint8_t address[16];
        uint16_t port;
    } cases[] = {
        {BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\xd9\x03\x01\xbb" "GET"), 28, PROXY_V2_IPV4, {192, 0, 2, 7}, 0xd903},
        {BYTES(SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09" "2222222222222222\x01\x02\x22\xb3" "x"), 52,
         PROXY_V2_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = 9}, 0x0102},
        /* Two TLVs behind the address. */
        {BYTES(SIGNATURE "\x21\x11\0\x16\xc0\0\x02\x07\x0a\0\0\x01\xd9\x03\x01\xbb\x04\0\x03\0\0\0\x20\0\x01z" "x"), 38, PROXY_V2_IPV4,
         {192, 0, 2, 7}, 0xd903},
        {BYTES(SIGNATURE "\x20\0\0\0" "x"), 16, PROXY_V2_NONE, {0}, 0},       /* LOCAL */
        {BYTES(SIGNATURE "\x20\x99\0\x03" "abc" "x"), 19, PROXY_V2_NONE, {0}, 0}, /* its family does not count */
        {BYTES(SIGNATURE "\x20\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\xd9\x03\x01\xbb" "x"), 28, PROXY_V2_NONE, {0}, 0},
        {BYTES(SIGNATURE "\x21\0\0\x02" "ab" "x"), 18, PROXY_V2_NONE, {0}, 0}, /* UNSPEC */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t portion = 1; portion <= cases[i].len; portion++) {
            struct proxy_v2 proxy;
            struct proxy_v2_source source;
            size_t taken;
            assert_int_equal(read_all(&proxy, cases[i].data, cases[i].len, portion, &taken), ERR_OK);
            assert_int_equal(proxy_v2_missing(&proxy), 0);
            assert_int_equal(taken, cases[i].header);
            proxy_v2_source(&proxy, &source);
            assert_int_equal(source.family, cases[i].family);
            assert_memory_equal(source.address, cases[i].address, sizeof source.address);
            assert_int_equal(source.port, cases[i].port);
        }
    }
}

static void a_unix_peer_has_no_address(void **state)
{
    (void)state;
    uint8_t data[16 + 216] = SIGNATURE "\x21\x31\0\xd8";
    memset(data + 16, 'p', 216);
    struct proxy_v2 proxy;
    struct proxy_v2_source source;
    size_t taken;
    assert_int_equal(read_all(&proxy, data, sizeof data, 1000, &taken), ERR_OK);
    assert_int_equal(taken, sizeof data);
    proxy_v2_source(&proxy, &source);
    assert_int_equal(source.family, PROXY_V2_NONE);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *data;
        size_t len, seen; /* refused with this byte */
        enum err err;
    } cases[] = {
        {BYTES("GET / HTTP/1.1\r\n"), 1, ERR_INVALID},
        {BYTES("\x16\x03\x01\x02\0\x01"), 1, ERR_INVALID},
        {BYTES("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n"), 1, ERR_INVALID}, /* version 1 */
        {BYTES("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c"), 12, ERR_INVALID},
        {BYTES(SIGNATURE "\x11\x11\0\x0c"), 16, ERR_INVALID}, /* version */
        {BYTES(SIGNATURE "\x22\x11\0\x0c"), 16, ERR_INVALID}, /* command */
        {BYTES(SIGNATURE "\x21\x12\0\x0c"), 16, ERR_INVALID}, /* datagrams */
        {BYTES(SIGNATURE "\x21\x41\0\x0c"), 16, ERR_INVALID}, /* family */
        {BYTES(SIGNATURE "\x21\x10\0\x0c"), 16, ERR_INVALID},
        {BYTES(SIGNATURE "\x21\x11\0\x0b"), 16, ERR_INVALID}, /* too short for its addresses */
        {BYTES(SIGNATURE "\x21\x21\0\x23"), 16, ERR_INVALID},
        {BYTES(SIGNATURE "\x21\x31\0\xd7"), 16, ERR_INVALID},
        {BYTES(SIGNATURE "\x21\x11\x07\xf1"), 16, ERR_LIMIT}, /* 2049 in all */
        {BYTES(SIGNATURE "\x20\x00\xff\xff"), 16, ERR_LIMIT},
        {BYTES(SIGNATURE "\x21\x11\x07\xf0"), 16, ERR_OK}, /* 2048 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct proxy_v2 proxy;
        size_t taken;
        assert_int_equal(read_all(&proxy, cases[i].data, cases[i].len, 1, &taken), cases[i].err);
        assert_int_equal(taken, cases[i].seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_read_whatever_the_portions),
        cmocka_unit_test(a_unix_peer_has_no_address),
        cmocka_unit_test(what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
