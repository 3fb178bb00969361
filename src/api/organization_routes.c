/* Organization API without its devices (management-api.md 3, 6); those are in organization_devices.c. */
#include "api/admin_call.h"
#include "model/customer/organization.h"
#include "model/maker/product_model.h"
#include "model/customer/space.h"

static void info(struct call *call, struct store_tx *tx)
{
    organization_info(call_admin(call), tx);
}

static void overview(struct call *call, struct store_tx *tx)
{
    organization_overview(call_admin(call), tx);
}

static void models_list(struct call *call, struct store_tx *tx)
{
    bool edge_only = str_eq(call_text(call, "edge_only"), STR("true"));
    organization_model_list(call_admin(call), tx, call_text(call, "search"), edge_only, call_page(call));
}

static void models_read(struct call *call, struct store_tx *tx)
{
    organization_model_read(call_admin(call), tx, call->params[0]);
}

/* A filter by an id that is no number matches nothing: -1. */
static int64_t number_filter(struct call *call, const char *name)
{
    struct str text;
    int64_t number;
    if (!call_query(call, name, &text)) {
        return 0;
    }
    return str_to_i64(text, &number) && number > 0 ? number : -1;
}

static void spaces_list(struct call *call, struct store_tx *tx)
{
    struct space_filter filter = {
        .id = number_filter(call, "id"),
        .parent_no = number_filter(call, "parent_id"),
        .name = call_text(call, "name"),
        .path_includes = call_text(call, "path_includes"),
        .space_type = call_text(call, "space_type"),
        .created_before = TIME_NONE,
        .created_after = TIME_NONE,
    };
    if (call_query_time(call, "created_before", &filter.created_before) &&
        call_query_time(call, "created_after", &filter.created_after)) {
        space_list(call_admin(call), tx, &filter, call_page(call));
    }
}

static void spaces_read(struct call *call, struct store_tx *tx)
{
    space_read(call_admin(call), tx, call->params[0]);
}

static void spaces_create(struct call *call, struct store_tx *tx)
{
    space_create(call_admin(call), tx, call->body);
}

#define ORGANIZATION(path) "/core/v1/organization" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route organization_routes[] = {
    {"GET", ORGANIZATION("/info"), ACCESS_ORGANIZATION, PLACE_READ, 0, info},
    {"GET", ORGANIZATION("/overview"), ACCESS_ORGANIZATION, PLACE_READ, 0, overview},
    {"GET", ORGANIZATION("/models"), ACCESS_ORGANIZATION, PLACE_READ, 0, models_list},
    {"GET", ORGANIZATION("/models/:id"), ACCESS_ORGANIZATION, PLACE_READ, 0, models_read},
    {"GET", ORGANIZATION("/spaces"), ACCESS_ORGANIZATION, PLACE_READ, 0, spaces_list},
    {"POST", ORGANIZATION("/spaces"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE, spaces_create},
    {"GET", ORGANIZATION("/spaces/:id"), ACCESS_ORGANIZATION, PLACE_READ, 0, spaces_read},
    {"GET", ORGANIZATION("/api_keys"), ACCESS_ORGANIZATION, PLACE_READ, 0, handle_api_keys_list},
    {"POST", ORGANIZATION("/api_keys"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | ROUTE_SECRET_REPLY,
     handle_api_keys_create},
    {"DELETE", ORGANIZATION("/api_keys/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE, handle_api_keys_revoke},
    {"GET", ORGANIZATION("/audit"), ACCESS_ORGANIZATION, PLACE_READ, 0, handle_audit},
    {0},
};
