#include "app/url_source.h"

#include "base/mem.h"
#include "model/account/setup.h"

void listener_urls_append(struct buf *out, const char *scheme, const struct bound_listener *listener,
                          const char *local_host)
{
    char own[NET_HOST_TEXT_BYTES];
    net_host_format(&listener->address, own);
    const char *host = net_address_is_any(&listener->address) && local_host ? local_host : own;
    bool is_v6 = strchr(host, ':') != NULL;
    buf_printf(out, "%s://%s%s%s:%u", scheme, is_v6 ? "[" : "", host, is_v6 ? "]" : "",
               (unsigned)net_address_port(&listener->address));
}

static void append_hub_url(struct url_source *source, const char *local_host, struct buf *out)
{
    struct listener_urls *urls = container_of(source, struct listener_urls, source);
    const char *set = domain_settings(urls->domain)->server_public_url;
    if (set[0]) {
        buf_append_cstr(out, set);
    } else if (setup_public_url(urls->domain, out)) {
        return;
    } else if (urls->first.https.on) {
        listener_urls_append(out, "https", &urls->first.https, local_host);
    } else {
        listener_urls_append(out, "http", &urls->first.http, local_host);
    }
}

static void append_static_cert_url(struct url_source *source, const char *local_host, struct buf *out)
{
    struct listener_urls *urls = container_of(source, struct listener_urls, source);
    const char *set = domain_settings(urls->domain)->server_static_cert_url;
    if (set[0]) {
        buf_append_cstr(out, set);
    } else {
        append_hub_url(source, local_host, out);
    }
}

static void append_mqtt_url(struct url_source *source, const char *local_host, struct buf *out)
{
    struct listener_urls *urls = container_of(source, struct listener_urls, source);
    const char *set = domain_settings(urls->domain)->server_mqtt_url;
    if (set[0]) {
        buf_append_cstr(out, set);
    } else if (setup_mqtt_url(urls->domain, out)) {
        return;
    } else if (urls->first.mqtt.on || !urls->first.mqtts.on) {
        listener_urls_append(out, "mqtt", &urls->first.mqtt, local_host);
    } else {
        listener_urls_append(out, "mqtts", &urls->first.mqtts, local_host);
    }
}

static void append_mqtts_url(struct url_source *source, const char *local_host, struct buf *out)
{
    struct listener_urls *urls = container_of(source, struct listener_urls, source);
    if (urls->first.mqtts.on) {
        listener_urls_append(out, "mqtts", &urls->first.mqtts, local_host);
    }
}

static void append_fingerprint(struct url_source *source, const char *local_host, struct buf *out)
{
    (void)local_host;
    struct listener_urls *urls = container_of(source, struct listener_urls, source);
    if (urls->tls) {
        char text[96];
        tls_server_fingerprint(urls->tls, text);
        buf_append_cstr(out, text);
    }
}

void listener_urls_init(struct listener_urls *urls, struct domain *domain)
{
    *urls = (struct listener_urls){
        .source = {.hub_url = append_hub_url, .static_cert_url = append_static_cert_url, .mqtt_url = append_mqtt_url,
                   .mqtts_url = append_mqtts_url, .certificate_fingerprint = append_fingerprint},
        .domain = domain,
    };
    /* With a kind off entirely the URL still must not be empty (device-api.md 2.1): the default port on loopback. */
    net_address_parse((struct str)STR_INIT("127.0.0.1"), 1883, &urls->first.mqtt.address);
    net_address_parse((struct str)STR_INIT("127.0.0.1"), 8080, &urls->first.http.address);
}
