/* Signing in and out, and the account behind a session (management-api.md 10.1). */
#include "api/admin_call.h"
#include "api/api_internal.h"
#include "api/web_cookie.h"
#include "base/utf8.h"
#include "io/loop.h"
#include "model/account/otp.h"
#include "model/account/password_ask.h"
#include "model/account/password_reset.h"
#include "model/account/user.h"
#include "model/account/web_session.h"
#include "model/people/invitation.h"

static void copy_reply(struct call *call, const struct reply *reply)
{
    call->reply.status = reply->status;
    call->reply.retry_after_s = reply->retry_after_s;
    buf_clear(&call->reply.body);
    buf_append_str(&call->reply.body, buf_str(&reply->body));
}

static void on_signed_in(struct sign_in *sign_in)
{
    struct call *call = sign_in->user;
    copy_reply(call, &sign_in->reply);
    if (!reply_is_error(&call->reply)) {
        web_cookie_set(call, sign_in->session_token);
    }
    sign_in_free(sign_in);
    call_finish(call);
}

static void session_create(struct call *call, struct store_tx *tx)
{
    (void)tx;
    if (!web_cookie_is_allowed(call)) {
        return;
    }
    struct str email = json_string(json_get(call->body, "email"));
    struct str password = json_string(json_get(call->body, "password"));
    if (email.len == 0 || password.len == 0) {
        reply_error(&call->reply, 422, "Parameter %s is required", email.len ? "password" : "email");
        return;
    }
    struct sign_in *sign_in = sign_in_new(call->domain, str_sub(email, 0, 256), password,
                                          str_from_cstr(call->peer_text), http_call_of(call)->is_exempt);
    sign_in_set_otp(sign_in, str_sub(json_string(json_get(call->body, "otp")), 0, 32));
    sign_in->user = call;
    sign_in_submit(sign_in, loop_mailbox(loop_current()), on_signed_in);
}

/* The session of an authorized call. False: it ended meanwhile, 401 is answered. */
static bool session_of(struct call *call, struct web_session_row *ret_session)
{
    uint8_t hash[SHA256_BYTES];
    if (web_session_token_hash(call->domain, call->cookie, call->is_tls, hash) &&
        web_session_find(call->domain, hash, ret_session)) {
        call->principal = web_session_principal(ret_session);
        return true;
    }
    reply_error(&call->reply, 401, "Not authorized");
    return false;
}

static void session_read(struct call *call, struct store_tx *tx)
{
    struct web_session_row session;
    if (session_of(call, &session)) {
        session_write(call_admin(call), tx, &session);
    }
}

static void session_delete(struct call *call, struct store_tx *tx)
{
    struct web_session_row session;
    if (session_of(call, &session)) {
        session_sign_out(call_admin(call), tx, session.token_hash);
        web_cookie_clear(call);
    }
}

static void session_tenant(struct call *call, struct store_tx *tx)
{
    struct web_session_row session;
    if (session_of(call, &session)) {
        session_switch_tenant(call_admin(call), tx, &session, call->body);
    }
}

static void session_invitation(struct call *call, struct store_tx *tx)
{
    struct web_session_row session;
    if (session_of(call, &session)) {
        invitation_accept(call_admin(call), tx, &session, call->body);
    }
}

static void session_preferences(struct call *call, struct store_tx *tx)
{
    preferences_read(call_admin(call), tx);
}

static void session_set_preferences(struct call *call, struct store_tx *tx)
{
    preferences_write(call_admin(call), tx, call->body);
}

static void on_password_changed(struct password_change *change)
{
    struct call *call = change->user;
    copy_reply(call, &change->reply);
    password_change_free(change);
    call_finish(call);
}

static void session_password(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct web_session_row session;
    struct str current = json_string(json_get(call->body, "current"));
    struct str password = json_string(json_get(call->body, "password"));
    if (!session_of(call, &session)) {
        return;
    }
    if (current.len == 0 || password.len == 0) {
        reply_error(&call->reply, 422, "Parameter %s is required", current.len ? "password" : "current");
        return;
    }
    struct password_change *change = password_change_new(call->domain, &call->principal, session.token_hash, current,
                                                         password, str_from_cstr(call->peer_text));
    change->user = call;
    password_change_submit(change, loop_mailbox(loop_current()), on_password_changed);
}

static void on_password_reset(struct password_reset *reset)
{
    struct call *call = reset->user;
    copy_reply(call, &reset->reply);
    password_reset_free(reset);
    call_finish(call);
}

static void on_password_asked(struct password_ask *ask)
{
    struct call *call = ask->user;
    copy_reply(call, &ask->reply);
    password_ask_free(ask);
    call_finish(call);
}

static void session_reset(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct str token = json_string(json_get(call->body, "token"));
    struct str password = json_string(json_get(call->body, "password"));
    struct str email = json_string(json_get(call->body, "email"));
    struct str name = json_string(json_get(call->body, "name"));
    if (!web_cookie_is_allowed(call)) { /* a password must not travel in clear here either */
        return;
    }
    if (token.len == 0 && email.len > 0) {
        struct password_ask *ask = password_ask_new(call->domain, email, str_from_cstr(call->peer_text),
                                                    http_call_of(call)->is_exempt);
        ask->user = call;
        password_ask_submit(ask, loop_mailbox(loop_current()), on_password_asked);
        return;
    }
    if (token.len == 0 || password.len == 0) {
        reply_error(&call->reply, 422, "Parameter %s is required", token.len ? "password" : "token");
        return;
    }
    if (utf8_length(name) > 255) {
        reply_error(&call->reply, 422, "Name is too long (maximum is 255 characters)");
        return;
    }
    struct password_reset *reset = password_reset_new(call->domain, token, password, str_from_cstr(call->peer_text),
                                                      http_call_of(call)->is_exempt);
    password_reset_set_name(reset, name);
    reset->user = call;
    password_reset_submit(reset, loop_mailbox(loop_current()), on_password_reset);
}

static void on_otp_changed(struct otp_change *change)
{
    struct call *call = change->user;
    copy_reply(call, &change->reply);
    otp_change_free(change);
    call_finish(call);
}

static void session_otp(struct call *call, struct store_tx *tx)
{
    static const struct {
        struct str name;
        enum otp_action action;
        const char *proof; /* the member that proves it is the person; NULL: the session does */
    } actions[] = {{STR_INIT("start"), OTP_START, NULL},
                   {STR_INIT("confirm"), OTP_CONFIRM, "code"},
                   {STR_INIT("off"), OTP_OFF, "password"}};
    (void)tx;
    struct web_session_row session;
    if (!session_of(call, &session)) {
        return;
    }
    struct str name = json_string(json_get(call->body, "action"));
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (!str_eq(name, actions[i].name)) {
            continue;
        }
        struct str proof = actions[i].proof ? json_string(json_get(call->body, actions[i].proof)) : STR("");
        if (actions[i].proof && proof.len == 0) {
            reply_error(&call->reply, 422, "Parameter %s is required", actions[i].proof);
            return;
        }
        struct otp_change *change = otp_change_new(call->domain, &call->principal, actions[i].action, proof,
                                                   str_from_cstr(call->peer_text));
        change->user = call;
        otp_change_submit(change, loop_mailbox(loop_current()), on_otp_changed);
        return;
    }
    reply_error(&call->reply, 422, name.len ? "Action is invalid" : "Parameter action is required");
}

#define SESSION(path) "/core/v1/session" path

const struct route session_routes[] = {
    {"POST", SESSION(""), ACCESS_PUBLIC, PLACE_LOOP, ROUTE_SECRET_REPLY, session_create},
    {"GET", SESSION(""), ACCESS_USER, PLACE_READ, ROUTE_SECRET_REPLY, session_read},
    {"DELETE", SESSION(""), ACCESS_USER, PLACE_REGISTRY, ROUTE_WRITE, session_delete},
    {"POST", SESSION("/tenant"), ACCESS_USER, PLACE_REGISTRY, ROUTE_WRITE | ROUTE_SECRET_REPLY, session_tenant},
    {"POST", SESSION("/invitation"), ACCESS_USER, PLACE_REGISTRY, ROUTE_WRITE | ROUTE_SECRET_REPLY, session_invitation},
    {"POST", SESSION("/password"), ACCESS_USER, PLACE_LOOP, ROUTE_WRITE | ROUTE_SECRET_REPLY, session_password},
    {"POST", SESSION("/reset"), ACCESS_PUBLIC, PLACE_LOOP, ROUTE_SECRET_REPLY, session_reset},
    {"POST", SESSION("/otp"), ACCESS_USER, PLACE_LOOP, ROUTE_WRITE | ROUTE_SECRET_REPLY, session_otp},
    {"GET", SESSION("/preferences"), ACCESS_USER, PLACE_READ, 0, session_preferences},
    {"PUT", SESSION("/preferences"), ACCESS_USER, PLACE_REGISTRY, ROUTE_WRITE, session_set_preferences},
    {0},
};
