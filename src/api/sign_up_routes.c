/* Referrals of partners (management-api.md 5.10), and what leads to new customers: sign-up by oneself, and the page behind
 * the link of either (portal.md 3). */
#include "api/admin_call.h"
#include "api/api_internal.h"
#include "api/web_cookie.h"
#include "base/crypto.h"
#include "model/account/web_session.h"
#include "model/sign_up/referral.h"
#include "model/sign_up/sign_up.h"

static void referrals_list(struct call *call, struct store_tx *tx)
{
    int status = 0;
    struct str text;
    if (call_query(call, "status", &text) && !referral_status_parse(text, &status)) {
        reply_error(&call->reply, 422, "Status is invalid");
        return;
    }
    referral_list(call_admin(call), tx, status, call_page(call));
}

static void referrals_create(struct call *call, struct store_tx *tx)
{
    referral_create(call_admin(call), tx, call->body);
}

static void referrals_revoke(struct call *call, struct store_tx *tx)
{
    referral_revoke(call_admin(call), tx, call->params[0]);
}

static void offer(struct call *call, struct store_tx *tx)
{
    sign_up_offer(call_admin(call), tx, call->host);
}

static void ask(struct call *call, struct store_tx *tx)
{
    sign_up_ask(call_admin(call), tx, call->host, call->body, http_call_of(call)->is_exempt);
}

static void read_link(struct call *call, struct store_tx *tx)
{
    sign_up_read(call_admin(call), tx, call->params[0]);
}

/* Of a session whose browser means it; 0: nobody. */
static int64_t signed_in_user(const struct call *call)
{
    struct principal principal;
    char csrf[CSRF_TOKEN_CHARS + 1];
    bool found = call->cookie.len > 0 && web_session_resolve(call->domain, call->cookie, call->is_tls, (enum tenant_kind)0,
                                                             &principal, csrf);
    bool meant = found && call->csrf.len == CSRF_TOKEN_CHARS && bytes_eq_constant_time(call->csrf.ptr, csrf, CSRF_TOKEN_CHARS);
    return meant ? principal.user_no : 0;
}

static void complete(struct call *call, struct store_tx *tx)
{
    struct sign_up_completion *completion = call->carried;
    switch (call->step) {
    case STEP_READ:
        if (!web_cookie_is_allowed(call)) { /* a password must not travel in clear here either */
            return;
        }
        completion = arena_new(&call->arena, struct sign_up_completion);
        *completion = (struct sign_up_completion){.token = call->params[0], .session_user_no = signed_in_user(call),
                                                   .address_exempt = http_call_of(call)->is_exempt};
        call->carried = completion;
        sign_up_begin(call_admin(call), tx, call->body, completion);
        break;
    case STEP_WORK:
        sign_up_hash(call_admin(call), completion);
        break;
    case STEP_WRITE:
        sign_up_complete(call_admin(call), tx, completion);
        secret_wipe(completion->password_hash, sizeof completion->password_hash);
        break;
    }
}

#define PARTNER(path) "/core/v1/partner" path
#define SIGN_UP(path) "/core/v1/signup" path

const struct route sign_up_routes[] = {
    {"GET", PARTNER("/referrals"), ACCESS_PARTNER, PLACE_READ, NEEDS(CUSTOMERS_READ), referrals_list},
    {"POST", PARTNER("/referrals"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(CUSTOMERS_WRITE), referrals_create},
    {"DELETE", PARTNER("/referrals/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(CUSTOMERS_WRITE), referrals_revoke},
    {"GET", SIGN_UP(""), ACCESS_PUBLIC, PLACE_READ, 0, offer},
    {"POST", SIGN_UP(""), ACCESS_PUBLIC, PLACE_REGISTRY, 0, ask},
    {"GET", SIGN_UP("/:token"), ACCESS_PUBLIC, PLACE_READ, ROUTE_SECRET_REPLY, read_link},
    {"POST", SIGN_UP("/:token"), ACCESS_PUBLIC, PLACE_STEPS, ROUTE_SECRET_REPLY, complete},
    {0},
};
