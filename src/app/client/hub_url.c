#include "app/client/hub_url.h"

bool hub_url_parse(struct str url, struct net_address *ret_address, bool *ret_tls)
{
    bool tls = str_starts_with(url, STR("mqtts://"));
    if (!tls && !str_starts_with(url, STR("mqtt://"))) {
        return false;
    }
    struct str rest = str_sub(url, tls ? 8 : 7, url.len);
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port = tls ? 8883 : 1883;
    struct str host = rest;
    if (colon && rest.ptr[rest.len - 1] != ']') {
        if (!str_to_u64(str_sub(rest, colon, rest.len), &port) || port > 65535) {
            return false;
        }
        host = str_sub(rest, 0, colon - 1);
    }
    if (host.len > 2 && host.ptr[0] == '[') {
        host = str_sub(host, 1, host.len - 2);
    }
    *ret_tls = tls;
    return net_address_parse(host, (uint16_t)port, ret_address);
}
