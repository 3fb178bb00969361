#include "api/claim_guard.h"

#include "api/api_internal.h"
#include "model/account/attempts.h"
#include "model/device/devices.h"

void claim_guard_init(struct claim_guard *guard, struct call *call)
{
    const struct principal *principal = &call->principal;
    const struct settings *settings = domain_settings(call->domain);
    *guard = (struct claim_guard){
        .domain = call->domain,
        .address = str_from_cstr(call->peer_text),
        .account = arena_printf(&call->arena, "%d/%lld", (int)principal->kind,
                                (long long)(principal->kind == PRINCIPAL_USER ? principal->user_no : principal->api_key_no)),
        .account_max = settings->limits_failed_signins_account,
        .address_max = http_call_of(call)->is_exempt ? 0 : settings->limits_failed_signins_address,
    };
}

bool claim_guard_take(const struct claim_guard *guard, unsigned *ret_retry_after_s)
{
    struct attempts_limits limits = {.account_max = guard->account_max, .address_max = guard->address_max};
    return attempts_take(devices_claim_attempts(guard->domain), guard->domain->now_unix_ms(), guard->address, guard->account,
                         limits, ret_retry_after_s);
}

void claim_guard_give_back(const struct claim_guard *guard)
{
    attempts_give_back(devices_claim_attempts(guard->domain), guard->domain->now_unix_ms(), guard->address, guard->account);
}

void claim_guarded(struct call *call, struct store_tx *tx,
                   bool (*run)(struct admin *admin, struct store_tx *tx, const struct json *body))
{
    struct claim_guard guard;
    unsigned retry_after_s = 0;
    claim_guard_init(&guard, call);
    if (!claim_guard_take(&guard, &retry_after_s)) {
        reply_error(&call->reply, 429, "Too many requests");
        call->reply.retry_after_s = retry_after_s;
    } else if (run(call_admin(call), tx, call->body)) {
        claim_guard_give_back(&guard);
    }
}
