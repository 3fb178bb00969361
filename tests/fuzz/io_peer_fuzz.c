/* Who is at the other end: the PROXY v2 header, all at once and in steps whose size the first byte gives, which must tell
 * the same of it; and the rest as the text of an address and of a network. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "codec/proxy/proxy_v2.h"
#include "io/net.h"

/* How many bytes were taken. */
static size_t read_header(const uint8_t *data, size_t size, size_t step, enum err *ret_err, struct proxy_v2_source *ret_source)
{
    struct proxy_v2 proxy;
    size_t at = 0;
    proxy_v2_init(&proxy);
    *ret_err = ERR_OK;
    while (*ret_err == ERR_OK && at < size && proxy_v2_missing(&proxy) > 0) {
        size_t len = proxy_v2_missing(&proxy);
        len = len < step ? len : step;
        len = len < size - at ? len : size - at;
        *ret_err = proxy_v2_feed(&proxy, data + at, len);
        at += len;
        assert(proxy.length <= PROXY_V2_BYTES_MAX && proxy.have <= proxy.length);
    }
    memset(ret_source, 0, sizeof *ret_source);
    if (*ret_err == ERR_OK && proxy_v2_missing(&proxy) == 0) {
        proxy_v2_source(&proxy, ret_source);
        assert(ret_source->family == PROXY_V2_NONE || at >= PROXY_V2_HEAD_BYTES + 12);
    }
    return at;
}

static void check_address(struct str text)
{
    struct net_address address, again;
    struct network network;
    if (net_address_parse(text, 1883, &address)) {
        char shown[NET_HOST_TEXT_BYTES], shown_again[NET_HOST_TEXT_BYTES];
        net_host_format(&address, shown);
        assert(net_address_parse(str_from_cstr(shown), 1883, &again));
        net_host_format(&again, shown_again);
        assert(strcmp(shown, shown_again) == 0 && net_address_port(&again) == 1883);
        assert(network_parse(text, &network) && network_contains(&network, &address));
    } else if (network_parse(text, &network)) {
        assert(network.prefix <= 128);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct proxy_v2_source whole, steps;
    enum err whole_err, steps_err;
    size_t whole_len = read_header(data + 1, size - 1, size, &whole_err, &whole);
    size_t steps_len = read_header(data + 1, size - 1, (size_t)data[0] + 1, &steps_err, &steps);
    assert(whole_err == steps_err && (whole_err || (whole_len == steps_len && memcmp(&whole, &steps, sizeof whole) == 0)));
    check_address(str_from(data + 1, size - 1));
    return 0;
}
