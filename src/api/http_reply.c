/* Replies. The head is put together by hand: it is written for every call, and formatting would cost more than the rest. */
#include <time.h>

#include "api/api_internal.h"
#include "api/download.h"
#include "base/metrics.h"

#define RETRY_AFTER_DEFAULT_S 5

static struct str reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        struct str text;
    } reasons[] = {
        {200, STR_INIT("OK")}, {201, STR_INIT("Created")}, {204, STR_INIT("No Content")},
        {206, STR_INIT("Partial Content")}, {304, STR_INIT("Not Modified")}, {400, STR_INIT("Bad Request")},
        {401, STR_INIT("Unauthorized")}, {403, STR_INIT("Forbidden")}, {404, STR_INIT("Not Found")},
        {405, STR_INIT("Method Not Allowed")}, {408, STR_INIT("Request Timeout")}, {409, STR_INIT("Conflict")},
        {410, STR_INIT("Gone")}, {411, STR_INIT("Length Required")}, {413, STR_INIT("Content Too Large")},
        {414, STR_INIT("URI Too Long")}, {416, STR_INIT("Range Not Satisfiable")},
        {417, STR_INIT("Expectation Failed")}, {422, STR_INIT("Unprocessable Content")},
        {426, STR_INIT("Upgrade Required")}, {429, STR_INIT("Too Many Requests")},
        {431, STR_INIT("Request Header Fields Too Large")}, {500, STR_INIT("Internal Server Error")},
        {501, STR_INIT("Not Implemented")}, {503, STR_INIT("Service Unavailable")},
        {505, STR_INIT("HTTP Version Not Supported")},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].text;
        }
    }
    return STR("Status");
}

static void append_number(struct buf *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append(out, digits + at, sizeof digits - at);
}

static void append_date(struct buf *out, struct api_loop *home)
{
    int64_t now_s = loop_unix_ms(home->loop) / 1000;
    if (now_s != home->date_s) {
        time_t now = (time_t)now_s;
        struct tm utc;
        gmtime_r(&now, &utc);
        home->date_s = now_s;
        strftime(home->date, sizeof home->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    }
    buf_append_cstr(out, home->date);
}

static void append_status(struct buf *out, struct api_loop *home, unsigned status)
{
    buf_append_str(out, STR("HTTP/1.1 "));
    append_number(out, status);
    buf_append_u8(out, ' ');
    buf_append_str(out, reason_of(status));
    buf_append_str(out, STR("\r\n"));
    append_date(out, home);
}

static void append_content(struct buf *out, struct str type, uint64_t len)
{
    buf_append_str(out, STR("Content-Type: "));
    buf_append_str(out, type);
    buf_append_str(out, STR("\r\nContent-Length: "));
    append_number(out, len);
    buf_append_str(out, STR("\r\nX-Content-Type-Options: nosniff\r\n"));
}

static bool is_for_people(const struct route *route)
{
    if (!route) {
        return false;
    }
    bool is_public = route->access == ACCESS_DEVICE || route->access == ACCESS_PUBLIC;
    return !is_public || (route->flags & ROUTE_SECRET_REPLY); /* signing in is public, and its reply a secret */
}

/* What browsers are told (portal.md 1.1.2). Devices are spared it. */
static void append_security(struct buf *out, const struct call *call)
{
    if (!is_for_people(call->route)) {
        return;
    }
    buf_append_str(out, STR("Referrer-Policy: no-referrer\r\n"));
    if (call->is_tls) {
        buf_append_str(out, STR("Strict-Transport-Security: max-age=31536000\r\n"));
    }
    if (!str_contains_nocase(buf_str(&call->extra_headers), STR("Cache-Control:"))) {
        buf_append_str(out, STR("Cache-Control: no-store\r\n"));
    }
}

static void append_retry_after(struct buf *out, const struct reply *reply)
{
    if (reply->status == 429 || reply->status == 503) {
        buf_append_str(out, STR("Retry-After: "));
        append_number(out, reply->retry_after_s ? reply->retry_after_s : RETRY_AFTER_DEFAULT_S);
        buf_append_str(out, STR("\r\n"));
    }
}

static void append_connection(struct buf *out, const struct http_connection *connection, const struct http_call *call)
{
    const struct http1_head *head = http1_head(&connection->parser);
    if (!call->keep_alive) {
        buf_append_str(out, STR("Connection: close\r\n"));
    } else if (head->minor_version == 0) {
        buf_append_str(out, STR("Connection: keep-alive\r\n"));
    }
}

static void count(unsigned status)
{
    metric_add(METRIC_HTTP_REQUESTS, 1);
    if (status >= 500) {
        metric_add(METRIC_HTTP_ERRORS, 1);
    }
}

void http_reply_write(struct http_connection *connection, struct http_call *http_call)
{
    struct call *call = &http_call->call;
    struct buf *out = stream_output(connection->stream);
    unsigned status = call->reply.status;
    bool has_body = status != 204 && status != 304;
    struct str body = call->static_body.ptr ? call->static_body : buf_str(&call->reply.body);
    if (has_body && body.len == 0 && !call->download) {
        body = STR("{}"); /* no reply without JSON (device-api.md 1.4.1) */
    }
    append_status(out, connection->home, status);
    if (has_body) {
        append_content(out, call->content_type.ptr ? call->content_type : STR("application/json; charset=utf-8"),
                       call->download ? download_length(call->download) : body.len);
    }
    append_retry_after(out, &call->reply);
    append_security(out, call);
    append_connection(out, connection, http_call);
    buf_append_str(out, buf_str(&call->extra_headers));
    buf_append_str(out, STR("\r\n"));
    if (has_body && !call->is_head) {
        buf_append_str(out, body);
    }
    stream_commit(connection->stream);
    count(status);
}

void http_reply_error(struct http_connection *connection, unsigned status, const char *text)
{
    struct buf *out = stream_output(connection->stream);
    struct reply reply;
    reply_init(&reply);
    reply_error(&reply, status, "%s", text);
    append_status(out, connection->home, status);
    append_content(out, STR("application/json; charset=utf-8"), reply.body.len);
    buf_append_str(out, STR("Connection: close\r\n\r\n"));
    buf_append_str(out, buf_str(&reply.body));
    reply_deinit(&reply);
    stream_commit(connection->stream);
    count(status);
}

void http_reply_stream_head(struct http_connection *connection, struct http_call *http_call, const char *content_type)
{
    struct buf *out = stream_output(connection->stream);
    append_status(out, connection->home, 200);
    buf_append_str(out, STR("Content-Type: "));
    buf_append_cstr(out, content_type);
    buf_append_str(out, STR("\r\nX-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\nConnection: close\r\n"));
    append_security(out, &http_call->call);
    buf_append_str(out, buf_str(&http_call->call.extra_headers));
    buf_append_str(out, STR("\r\n"));
    stream_commit(connection->stream);
    count(200);
}
