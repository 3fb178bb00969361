#include "api/web_cookie.h"

#include "model/account/setup.h"
#include "model/account/web_session.h"

/* "https://host[:port]" as the browser made it from the address it shows: the request's own, or the public one when a
 * proxy in between changed the Host header. */
static bool origin_is_ours(struct call *call)
{
    if (!call->origin.ptr) {
        return true; /* no browser; browsers send it on every POST */
    }
    struct str scheme = call->is_tls ? STR("https://") : STR("http://");
    if (str_starts_with(call->origin, scheme) &&
        str_eq_nocase(str_sub(call->origin, scheme.len, call->origin.len), call->host)) {
        return true;
    }
    struct buf url;
    buf_init(&url, 512);
    bool is_public = call->domain->urls != NULL;
    if (is_public) {
        call->domain->urls->hub_url(call->domain->urls, NULL, &url);
        is_public = str_eq_nocase(buf_str(&url), call->origin);
    }
    buf_deinit(&url);
    return is_public;
}

bool web_cookie_is_allowed(struct call *call)
{
    if (!call->is_tls && !net_address_is_loopback(&call->peer)) {
        reply_error(&call->reply, 403, "Signing in over plain HTTP works on the server's own machine only; use HTTPS");
        return false;
    }
    if (!origin_is_ours(call)) {
        reply_error(&call->reply, 403, "Origin is not allowed");
        return false;
    }
    return true;
}

void web_cookie_set(struct call *call, const char *token)
{
    if (call->is_tls) {
        call_header(call, "Set-Cookie", WEB_SESSION_COOKIE_TLS "=%s; Path=/; Secure; HttpOnly; SameSite=Lax", token);
    } else {
        call_header(call, "Set-Cookie", WEB_SESSION_COOKIE_PLAIN "=%s; Path=/; HttpOnly; SameSite=Lax", token);
    }
}

void web_cookie_clear(struct call *call)
{
    if (call->is_tls) {
        call_header(call, "Set-Cookie", "%s",
                    WEB_SESSION_COOKIE_TLS "=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    } else {
        call_header(call, "Set-Cookie", "%s", WEB_SESSION_COOKIE_PLAIN "=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
