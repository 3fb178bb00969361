/* Partner API without its devices (management-api.md 4, 5); those are in partner_devices.c. */
#include "api/admin_call.h"
#include "model/maker/catalog.h"
#include "model/command/command_definition.h"
#include "model/maker/hardware_key.h"
#include "model/customer/organization.h"
#include "model/maker/partner.h"
#include "model/maker/product_model.h"
#include "model/registration/registration.h"

/* --- models --- */

static void models_list(struct call *call, struct store_tx *tx)
{
    struct str search = call_text(call, "search");
    product_model_list(call_admin(call), tx, search.len ? search : call_text(call, "name"), call_page(call));
}

static void models_create(struct call *call, struct store_tx *tx)
{
    product_model_create(call_admin(call), tx, call->body);
}

static void models_read(struct call *call, struct store_tx *tx)
{
    product_model_read(call_admin(call), tx, call->params[0]);
}

static void models_update(struct call *call, struct store_tx *tx)
{
    product_model_update(call_admin(call), tx, call->params[0], call->body);
}

static void models_delete(struct call *call, struct store_tx *tx)
{
    product_model_delete(call_admin(call), tx, call->params[0]);
}

static void models_publish(struct call *call, struct store_tx *tx)
{
    product_model_publish(call_admin(call), tx, call->params[0], true);
}

static void models_unpublish(struct call *call, struct store_tx *tx)
{
    product_model_publish(call_admin(call), tx, call->params[0], false);
}

static void models_clone(struct call *call, struct store_tx *tx)
{
    product_model_clone(call_admin(call), tx, call->params[0], call->body);
}

static void models_versions(struct call *call, struct store_tx *tx)
{
    product_model_versions(call_admin(call), tx, call->params[0], call_page(call));
}

static void models_restore(struct call *call, struct store_tx *tx)
{
    product_model_restore(call_admin(call), tx, call->params[0], call->params[1]);
}

static void models_icon(struct call *call, struct store_tx *tx)
{
    struct str type = {0};
    product_model_icon(call_admin(call), tx, call->params[0], &type);
    if (type.len) {
        call->content_type = type;
        call_header(call, "Cache-Control", "private, max-age=86400"); /* its address changes with the model */
        call_header(call, "Content-Security-Policy", "default-src 'none'; sandbox");
    }
}

/* --- hardware keys --- */

static void hardware_keys_list(struct call *call, struct store_tx *tx)
{
    if (call->principal.scope != SCOPE_FULL) { /* the keys themselves are in it */
        reply_error(&call->reply, 403, "Forbidden");
        return;
    }
    hardware_key_list(call_admin(call), tx, call->params[0], call_page(call));
}

static void hardware_keys_create(struct call *call, struct store_tx *tx)
{
    hardware_key_create(call_admin(call), tx, call->params[0], call->body);
}

static void hardware_keys_update(struct call *call, struct store_tx *tx)
{
    hardware_key_update(call_admin(call), tx, call->params[0], call->params[1], call->body);
}

static void hardware_keys_revoke(struct call *call, struct store_tx *tx)
{
    hardware_key_revoke(call_admin(call), tx, call->params[0], call->params[1]);
}

static void registrations(struct call *call, struct store_tx *tx)
{
    struct registration_query query = {.from = TIME_NONE, .to = TIME_NONE, .ascending = call_is_ascending(call)};
    struct str text;
    if (call_query(call, "model_id", &text)) {
        struct uuid id;
        struct model_info model;
        if (!uuid_parse(text, &id) || !catalog_model_by_id(call->domain->catalog, &id, &model) ||
            model.partner_no != call->principal.partner_no) {
            reply_error(&call->reply, 404, "Model not found");
            return;
        }
        query.model_no = model.no;
    }
    if (call_query(call, "result", &text)) {
        enum registration_result result;
        if (!registration_result_parse(text, &result)) {
            reply_error(&call->reply, 422, "Result is invalid");
            return;
        }
        query.result = (int)result;
    }
    if (call_query_time(call, "from", &query.from) && call_query_time(call, "to", &query.to)) {
        registration_list(call_admin(call), tx, &query, call_page(call));
    }
}

/* --- command definitions --- */

static void commands_list(struct call *call, struct store_tx *tx)
{
    command_definition_list(call_admin(call), tx, call->params[0], call_page(call));
}

static void commands_create(struct call *call, struct store_tx *tx)
{
    command_definition_create(call_admin(call), tx, call->params[0], call->body);
}

static void commands_update(struct call *call, struct store_tx *tx)
{
    command_definition_update(call_admin(call), tx, call->params[0], call->params[1], call->body);
}

static void commands_delete(struct call *call, struct store_tx *tx)
{
    command_definition_delete(call_admin(call), tx, call->params[0], call->params[1]);
}

/* --- customers, settings --- */

static void organizations_list(struct call *call, struct store_tx *tx)
{
    struct str search = call_text(call, "search");
    organization_list(call_admin(call), tx, search.len ? search : call_text(call, "name"), call_page(call));
}

static void organizations_create(struct call *call, struct store_tx *tx)
{
    organization_create(call_admin(call), tx, call->body);
}

static void organizations_read(struct call *call, struct store_tx *tx)
{
    organization_read(call_admin(call), tx, call->params[0]);
}

static void settings_read(struct call *call, struct store_tx *tx)
{
    char local[NET_HOST_TEXT_BYTES];
    net_host_format(&call->local, local);
    partner_settings(call_admin(call), tx, local);
}

static void settings_update(struct call *call, struct store_tx *tx)
{
    char local[NET_HOST_TEXT_BYTES];
    net_host_format(&call->local, local);
    partner_settings_update(call_admin(call), tx, call->body, local);
}

static void overview(struct call *call, struct store_tx *tx)
{
    partner_overview(call_admin(call), tx);
}

#define PARTNER(path) "/core/v1/partner" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route partner_routes[] = {
    {"GET", PARTNER("/models"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), models_list},
    {"POST", PARTNER("/models"), ACCESS_PARTNER, PLACE_REGISTRY,
     CREATE | ROUTE_BULK_BODY | NEEDS(MODELS_WRITE), models_create},
    {"GET", PARTNER("/models/:m"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), models_read},
    {"PATCH", PARTNER("/models/:m"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_BULK_BODY | NEEDS(MODELS_WRITE), models_update},
    {"DELETE", PARTNER("/models/:m"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(MODELS_WRITE), models_delete},
    {"POST", PARTNER("/models/:m/publish"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), models_publish},
    {"POST", PARTNER("/models/:m/unpublish"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), models_unpublish},
    {"POST", PARTNER("/models/:m/clone"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(MODELS_WRITE), models_clone},
    {"GET", PARTNER("/models/:m/icon"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), models_icon},
    {"GET", PARTNER("/models/:m/versions"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), models_versions},
    {"POST", PARTNER("/models/:m/versions/:n/restore"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), models_restore},
    /* The list writes its reading into the audit log, hence the registry's writer. */
    {"GET", PARTNER("/models/:m/hardware_keys"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_SECRET_REPLY | NEEDS(MODELS_WRITE), hardware_keys_list},
    {"POST", PARTNER("/models/:m/hardware_keys"), ACCESS_PARTNER, PLACE_REGISTRY,
     CREATE | ROUTE_SECRET_REPLY | NEEDS(MODELS_WRITE), hardware_keys_create},
    {"PATCH", PARTNER("/models/:m/hardware_keys/:key_id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_SECRET_REPLY | NEEDS(MODELS_WRITE), hardware_keys_update},
    {"POST", PARTNER("/models/:m/hardware_keys/:key_id/revoke"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_SECRET_REPLY | NEEDS(MODELS_WRITE), hardware_keys_revoke},
    {"GET", PARTNER("/models/:m/commands"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), commands_list},
    {"POST", PARTNER("/models/:m/commands"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(MODELS_WRITE), commands_create},
    {"PATCH", PARTNER("/models/:m/commands/:command_def_id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), commands_update},
    {"DELETE", PARTNER("/models/:m/commands/:command_def_id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), commands_delete},
    {"GET", PARTNER("/registrations"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), registrations},
    {"GET", PARTNER("/organizations"), ACCESS_PARTNER, PLACE_READ, NEEDS(CUSTOMERS_READ), organizations_list},
    {"POST", PARTNER("/organizations"), ACCESS_PARTNER, PLACE_REGISTRY,
     CREATE | ROUTE_SECRET_REPLY | NEEDS(CUSTOMERS_WRITE), organizations_create},
    {"GET", PARTNER("/organizations/:id"), ACCESS_PARTNER, PLACE_READ, NEEDS(CUSTOMERS_READ), organizations_read},
    {"GET", PARTNER("/api_keys"), ACCESS_PARTNER, PLACE_READ, NEEDS(SETTINGS_READ), handle_api_keys_list},
    {"POST", PARTNER("/api_keys"), ACCESS_PARTNER, PLACE_REGISTRY,
     CREATE | ROUTE_SECRET_REPLY | NEEDS(ADMINISTRATOR), handle_api_keys_create},
    {"DELETE", PARTNER("/api_keys/:id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), handle_api_keys_revoke},
    {"GET", PARTNER("/settings"), ACCESS_PARTNER, PLACE_READ, ROUTE_SECRET_REPLY | NEEDS(SETTINGS_READ), settings_read},
    {"PATCH", PARTNER("/settings"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_SECRET_REPLY | NEEDS(SETTINGS_WRITE), settings_update},
    {"GET", PARTNER("/overview"), ACCESS_PARTNER, PLACE_READ, NEEDS(MEMBER), overview},
    {"GET", PARTNER("/audit"), ACCESS_PARTNER, PLACE_READ, NEEDS(SETTINGS_READ), handle_audit},
    {0},
};
