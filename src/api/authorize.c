/* Who may call, and how often (device-api.md 1.3, 1.8; management-api.md 1.2, 1.7). */
#include "api/api_internal.h"
#include "base/hashmap.h"
#include "base/metrics.h"
#include "model/account/credentials.h"
#include "model/account/permission.h"
#include "model/device/presence.h"
#include "model/device/talkers.h"
#include "model/account/web_session.h"

#define SUSPENDED_RETRY_AFTER_S 60

enum rate_kind { RATE_DEVICE, RATE_ADDRESS, RATE_FAILED_DEVICE, RATE_API_KEY, RATE_USER };

static uint64_t rate_key(enum rate_kind kind, uint64_t who)
{
    uint64_t parts[2] = {(uint64_t)kind, who};
    return hash_bytes(parts, sizeof parts);
}

static bool take(struct http_call *http_call, struct rate_limit *limit, uint64_t key, uint64_t max)
{
    struct call *call = &http_call->call;
    unsigned retry_after_s = 1;
    if (rate_limit_take(limit, key, max, loop_now_ms(http_call->connection->home->loop), &retry_after_s)) {
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    reply_error(&call->reply, 429, "Too many requests");
    call->reply.retry_after_s = retry_after_s;
    return false;
}

bool http_call_peer_is_exempt(const struct http_call *call)
{
    const struct api_loop *home = call->connection->home;
    if (net_address_is_loopback(&call->call.peer)) {
        return true;
    }
    for (size_t i = 0; i < home->exempt_count; i++) {
        if (network_contains(&home->exempt[i], &call->call.peer)) {
            return true;
        }
    }
    return false;
}

static uint64_t address_hash(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET6) { /* a /64 is one customer */
        return hash_bytes(address->v6.sin6_addr.s6_addr, 8);
    }
    return hash_bytes(&address->v4.sin_addr, sizeof address->v4.sin_addr);
}

static bool take_for_address(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    uint64_t max = domain_settings(call->domain)->limits_address_requests;
    return http_call->is_exempt ||
           take(http_call, call->api->address_rates, rate_key(RATE_ADDRESS, address_hash(&call->peer)), max);
}

static bool not_authorized(struct call *call)
{
    reply_error(&call->reply, 401, "Not authorized");
    return false;
}

static struct str bare_key(struct str authorization)
{
    static const struct str scheme = STR_INIT("Bearer ");
    if (authorization.len > scheme.len && str_eq_nocase(str_sub(authorization, 0, scheme.len), scheme)) {
        return str_trim(str_sub(authorization, scheme.len, authorization.len));
    }
    return authorization;
}

struct str http_call_key(const struct http_call *call)
{
    return bare_key(call->authorization);
}

/* --- devices --- */

/* A failure is counted by address and id, never by the id alone: nobody can lock a device out from elsewhere. */
static bool refuse_device(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    uint64_t who = hash_str(call->params[0]) ^ (address_hash(&call->peer) * UINT64_C(0x9e3779b97f4a7c15));
    uint64_t max = domain_settings(call->domain)->limits_device_requests;
    if (take(http_call, call->api->address_rates, rate_key(RATE_FAILED_DEVICE, who), max)) {
        not_authorized(call);
    }
    return false;
}

static bool authorize_device(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    struct str key = bare_key(http_call->authorization);
    struct device_brief device;
    enum credential_result result =
        key.len > 0 ? credentials_check_device(call->domain, call->params[0], key, &device) : CREDENTIAL_UNKNOWN;
    if (result == CREDENTIAL_UNKNOWN) {
        return refuse_device(http_call);
    }
    call->device = device;
    call->principal = (struct principal){.kind = PRINCIPAL_DEVICE, .scope = SCOPE_FULL, .device_no = device.no,
                                         .partner_no = device.partner_no, .organization_no = device.organization_no};
    uint64_t max = domain_settings(call->domain)->limits_device_requests;
    if (!take(http_call, call->api->device_rates, rate_key(RATE_DEVICE, (uint64_t)device.no), max)) {
        return false;
    }
    if (result == CREDENTIAL_SUSPENDED) { /* never 401 or 403: firmware would forget who it is (device-api.md 1.3.4) */
        reply_error(&call->reply, 503, "Service unavailable");
        call->reply.retry_after_s = SUSPENDED_RETRY_AFTER_S;
        return false;
    }
    const struct loop *loop = http_call->connection->home->loop;
    talkers_add(call->domain->talkers, loop_index(loop), device.no, loop_now_ms(loop));
    presence_contact(call->domain, device.no);
    return true;
}

/* --- management --- */

static bool forbidden(struct call *call)
{
    reply_error(&call->reply, 403, "Forbidden");
    return false;
}

static bool authorize_api_key(struct http_call *http_call, enum tenant_kind wanted)
{
    struct call *call = &http_call->call;
    enum credential_result result =
        credentials_check_api_key(call->domain, bare_key(http_call->authorization), &call->principal);
    if (result == CREDENTIAL_UNKNOWN || wanted == 0 || call->principal.tenant_kind != wanted) {
        return take_for_address(http_call) && not_authorized(call);
    }
    uint64_t max = domain_settings(call->domain)->limits_management_requests;
    if (!take(http_call, call->api->management_rates, rate_key(RATE_API_KEY, (uint64_t)call->principal.api_key_no), max)) {
        return false;
    }
    if (result == CREDENTIAL_SUSPENDED || ((call->route->flags & ROUTE_WRITE) && call->principal.scope != SCOPE_FULL)) {
        return forbidden(call);
    }
    return true;
}

static bool authorize_session(struct http_call *http_call, enum tenant_kind wanted)
{
    struct call *call = &http_call->call;
    char csrf[CSRF_TOKEN_CHARS + 1];
    if (call->cookie.len == 0 ||
        !web_session_resolve(call->domain, call->cookie, call->is_tls, wanted, &call->principal, csrf)) {
        return take_for_address(http_call) && not_authorized(call);
    }
    uint64_t max = domain_settings(call->domain)->limits_management_requests;
    if (!take(http_call, call->api->management_rates, rate_key(RATE_USER, (uint64_t)call->principal.user_no), max)) {
        return false;
    }
    if (call->route->flags & ROUTE_WRITE) {
        bool same = call->csrf.len == CSRF_TOKEN_CHARS && bytes_eq_constant_time(call->csrf.ptr, csrf, CSRF_TOKEN_CHARS);
        if (!same || call->principal.scope != SCOPE_FULL) {
            return forbidden(call);
        }
    }
    return wanted == 0 || permission_of(&call->principal, (enum permission)ROUTE_NEEDS(call->route)) || forbidden(call);
}

static bool authorize_management(struct http_call *http_call, enum tenant_kind wanted)
{
    struct principal *principal = &http_call->call.principal;
    bool may = http_call->authorization.len > 0 ? authorize_api_key(http_call, wanted) : authorize_session(http_call, wanted);
    principal->needs = (uint8_t)ROUTE_NEEDS(http_call->call.route);
    return may;
}

bool http_call_authorize(struct http_call *http_call)
{
    switch (http_call->call.route->access) {
    case ACCESS_PROBE:
        return true;
    case ACCESS_PUBLIC:
        return take_for_address(http_call);
    case ACCESS_DEVICE:
        return authorize_device(http_call);
    case ACCESS_PARTNER:
        return authorize_management(http_call, TENANT_PARTNER);
    case ACCESS_ORGANIZATION:
        return authorize_management(http_call, TENANT_ORGANIZATION);
    case ACCESS_USER:
        return authorize_management(http_call, (enum tenant_kind)0);
    case ACCESS_SYSTEM:
        return authorize_management(http_call, (enum tenant_kind)0) &&
               (http_call->call.principal.system_admin || forbidden(&http_call->call));
    }
    return not_authorized(&http_call->call);
}
