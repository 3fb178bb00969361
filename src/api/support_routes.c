/* Notes, tickets, and what answers for a proxy that there is not (management-api.md 3.7, 3.9, 3.10, 4). */
#include "api/admin_call.h"
#include "model/management/envelope.h"
#include "model/note/note.h"
#include "model/ticket/ticket.h"

/* --- notes --- */

static void all_notes_of_devices(struct call *call, struct store_tx *tx)
{
    note_list_all(call_admin(call), tx, NOTE_DEVICE, call_page(call));
}

static void all_notes_of_spaces(struct call *call, struct store_tx *tx)
{
    note_list_all(call_admin(call), tx, NOTE_SPACE, call_page(call));
}

static enum note_kind kind_of(const struct call *call)
{
    return str_starts_with(str_from_cstr(call->route->path), STR("/core/v1/organization/spaces")) ? NOTE_SPACE : NOTE_DEVICE;
}

static void notes_list(struct call *call, struct store_tx *tx)
{
    note_list(call_admin(call), tx, kind_of(call), call->params[0], call_page(call));
}

static void notes_create(struct call *call, struct store_tx *tx)
{
    note_create(call_admin(call), tx, kind_of(call), call->params[0], call->body);
}

static void notes_update(struct call *call, struct store_tx *tx)
{
    note_update(call_admin(call), tx, kind_of(call), call->params[0], call->params[1], call->body);
}

static void notes_delete(struct call *call, struct store_tx *tx)
{
    note_delete(call_admin(call), tx, kind_of(call), call->params[0], call->params[1]);
}

/* --- tickets --- */

static void tickets_list(struct call *call, struct store_tx *tx)
{
    ticket_list(call_admin(call), tx, call_text(call, "status"));
}

static void tickets_read(struct call *call, struct store_tx *tx)
{
    ticket_read(call_admin(call), tx, call->params[0]);
}

static void tickets_create(struct call *call, struct store_tx *tx)
{
    ticket_create(call_admin(call), tx, call->body);
}

static void tickets_update(struct call *call, struct store_tx *tx)
{
    ticket_update(call_admin(call), tx, call->params[0], call->body);
}

static void tickets_resolve(struct call *call, struct store_tx *tx)
{
    ticket_resolve(call_admin(call), tx, call->params[0]);
}

static void tickets_message(struct call *call, struct store_tx *tx)
{
    ticket_message(call_admin(call), tx, call->params[0], call->body, call_text(call, "message"));
}

/* --- edge --- */

static void edges_list(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct envelope envelope;
    envelope_begin(&envelope, &call->reply, TENANT_ORGANIZATION, call_page(call));
    envelope_end(&envelope, 0);
}

static void no_proxy(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct str of_body = {0}, of_query = {0};
    bool is_named = (json_to_text(json_get(call->body, "proxy_id"), &call->arena, &of_body) && !str_is_blank(of_body)) ||
                    call_query(call, "proxy_id", &of_query);
    reply_error(&call->reply, 400, is_named ? "Proxy not found" : "Must provide proxy id");
}

#define ORGANIZATION(path) "/core/v1/organization" path
#define PARTNER(path) "/core/v1/partner" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route support_routes[] = {
    {"GET", ORGANIZATION("/devices/notes"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), all_notes_of_devices},
    {"GET", ORGANIZATION("/spaces/notes"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), all_notes_of_spaces},
    {"GET", ORGANIZATION("/devices/:id/notes"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), notes_list},
    {"POST", ORGANIZATION("/devices/:id/notes"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(EDIT), notes_create},
    {"PUT", ORGANIZATION("/devices/:id/notes/:note_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     notes_update},
    {"DELETE", ORGANIZATION("/devices/:id/notes/:note_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     notes_delete},
    {"GET", ORGANIZATION("/spaces/:id/notes"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), notes_list},
    {"POST", ORGANIZATION("/spaces/:id/notes"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(EDIT), notes_create},
    {"PUT", ORGANIZATION("/spaces/:id/notes/:note_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     notes_update},
    {"DELETE", ORGANIZATION("/spaces/:id/notes/:note_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     notes_delete},

    {"GET", ORGANIZATION("/tickets"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(EDIT_OR_VIEWER), tickets_list},
    {"POST", ORGANIZATION("/tickets"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(EDIT), tickets_create},
    {"GET", ORGANIZATION("/tickets/:id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(EDIT_OR_VIEWER), tickets_read},
    {"PUT", ORGANIZATION("/tickets/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), tickets_update},
    {"POST", ORGANIZATION("/tickets/:id/resolved"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     tickets_resolve},
    {"POST", ORGANIZATION("/tickets/:id/message"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(EDIT), tickets_message},
    {"GET", PARTNER("/tickets"), ACCESS_PARTNER, PLACE_READ, NEEDS(TICKETS_READ), tickets_list},
    {"GET", PARTNER("/tickets/:id"), ACCESS_PARTNER, PLACE_READ, NEEDS(TICKETS_READ), tickets_read},
    {"PUT", PARTNER("/tickets/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(TICKETS_WRITE), tickets_update},
    {"POST", PARTNER("/tickets/:id/resolved"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(TICKETS_WRITE),
     tickets_resolve},
    {"POST", PARTNER("/tickets/:id/message"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(TICKETS_WRITE), tickets_message},

    {"GET", ORGANIZATION("/edges"), ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(MEMBER), edges_list},
    {"POST", ORGANIZATION("/edges/devices/start_claim"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(MEMBER), no_proxy},
    {"POST", ORGANIZATION("/edges/devices/start_ping"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(MEMBER), no_proxy},
    {"POST", ORGANIZATION("/edges/devices/:id/update_hostname"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(MEMBER),
     no_proxy},
    {"GET", ORGANIZATION("/edges/devices/get_claim_status"), ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(MEMBER), no_proxy},
    {"GET", ORGANIZATION("/edges/devices/get_ping_status"), ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(MEMBER), no_proxy},
    {"POST", ORGANIZATION("/edge/devices/start_claim"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(MEMBER), no_proxy},
    {"POST", ORGANIZATION("/edge/devices/start_ping"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(MEMBER), no_proxy},
    {"POST", ORGANIZATION("/edge/devices/:id/update_hostname"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(MEMBER),
     no_proxy},
    {"GET", ORGANIZATION("/edge/devices/get_claim_status"), ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(MEMBER), no_proxy},
    {"GET", ORGANIZATION("/edge/devices/get_ping_status"), ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(MEMBER), no_proxy},
    {0},
};
