#include "api/core_routes.h"

#include "api/api_internal.h"
#include "base/metrics.h"
#include "model/management/system_status.h"

static const char landing_page[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Muster</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"></head><body><h1>Muster</h1>"
    "<p><a href=\"/partners/\">Partner portal</a></p><p><a href=\"/app/\">Organization portal</a></p></body></html>";

static bool wants_html(const struct call *call)
{
    return str_contains_nocase(call->accept, STR("text/html"));
}

/* Firmware probes this in a loop until it sees 2xx (device-api.md 1.1.2). */
static void get_root(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->reply.status = 200;
    call_header(call, "Vary", "Accept");
    if (wants_html(call)) {
        call->content_type = STR("text/html; charset=utf-8");
        call->static_body = STR(landing_page);
        call_header(call, "Content-Security-Policy", "%s", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
        return;
    }
    buf_append_cstr(&call->reply.body, "{\"name\":\"Muster\",\"status\":\"ok\"}");
}

static void get_healthz(struct call *call, struct store_tx *tx)
{
    (void)tx;
    const struct api_config *config = &call->api->config;
    bool healthy = !config->is_healthy || config->is_healthy(config->user);
    if (!healthy) {
        reply_error(&call->reply, 503, "Service unavailable");
        return;
    }
    call->reply.status = 200;
    buf_append_cstr(&call->reply.body, "{\"status\":\"ok\"}");
}

/* Reached without the Upgrade header only: with it the stream is handed on before (mqtt.md 1.4). */
static void get_mqtt(struct call *call, struct store_tx *tx)
{
    (void)tx;
    reply_error(&call->reply, 426, "Upgrade required");
    call_header(call, "Upgrade", "websocket");
}

static void get_metrics(struct call *call, struct store_tx *tx)
{
    call->reply.status = 200;
    call->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    metrics_render(&call->reply.body);
    if (tx) { /* a test may serve without a store */
        status_metrics(call->domain, tx, &call->arena, &call->reply.body);
    }
}

const struct route core_routes[] = {
    {"GET", "/mqtt", ACCESS_PROBE, PLACE_LOOP, 0, get_mqtt},
    {"GET", "/", ACCESS_PROBE, PLACE_LOOP, 0, get_root},
    {"GET", "/healthz", ACCESS_PROBE, PLACE_LOOP, 0, get_healthz},
    {0},
};

const struct route metrics_routes[] = {
    {"GET", "/metrics", ACCESS_PROBE, PLACE_READ, 0, get_metrics},
    {0},
};

const struct route *mqtt_websocket_route(void)
{
    return &core_routes[0];
}
