#include "api/admin_call.h"

#include "model/account/api_key.h"
#include "model/management/audit.h"

static void admin_call_committed(struct call *call)
{
    admin_committed(call->user);
}

struct admin *call_admin(struct call *call)
{
    struct admin *admin = arena_new(&call->arena, struct admin);
    admin_init(admin, call->domain, &call->arena, &call->reply, &call->principal, str_from_cstr(call->peer_text));
    call->user = admin;
    call->committed = admin_call_committed;
    return admin;
}

struct page call_page_of(struct call *call, int64_t default_size, int64_t size_max)
{
    struct paging paging;
    call_paging(call, default_size, size_max, &paging);
    return (struct page){paging.page, paging.per_page};
}

struct page call_page(struct call *call)
{
    return call_page_of(call, 100, 500);
}

bool call_is_ascending(struct call *call)
{
    struct str order;
    return call_query(call, "order", &order) && str_eq_nocase(order, STR("ASC"));
}

struct str call_text(struct call *call, const char *name)
{
    struct str text = STR("");
    call_query(call, name, &text);
    return text;
}

void handle_api_keys_list(struct call *call, struct store_tx *tx)
{
    api_key_list(call_admin(call), tx, call_page(call));
}

void handle_api_keys_create(struct call *call, struct store_tx *tx)
{
    api_key_create(call_admin(call), tx, call->body);
}

void handle_api_keys_revoke(struct call *call, struct store_tx *tx)
{
    api_key_revoke(call_admin(call), tx, call->params[0]);
}

bool call_audit_filter(struct call *call, struct audit_filter *ret_filter)
{
    *ret_filter = (struct audit_filter){
        .action = call_text(call, "action"),
        .object_kind = call_text(call, "object_kind"),
        .object_id = call_text(call, "object_id"),
        .ascending = call_is_ascending(call),
        .from = TIME_NONE,
        .to = TIME_NONE,
    };
    return call_query_time(call, "from", &ret_filter->from) && call_query_time(call, "to", &ret_filter->to);
}

void handle_audit(struct call *call, struct store_tx *tx)
{
    struct audit_filter filter;
    if (call_audit_filter(call, &filter)) {
        audit_list(call_admin(call), tx, &filter, call_page(call));
    }
}
