/* The spaces of an organization (management-api.md 3.5, 6.2). */
#include "api/admin_call.h"
#include "model/customer/space.h"
#include "model/customer/space_access.h"

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

static void spaces_find_or_create(struct call *call, struct store_tx *tx)
{
    space_find_or_create(call_admin(call), tx, call->body);
}

static void spaces_update(struct call *call, struct store_tx *tx)
{
    space_update(call_admin(call), tx, call->params[0], call->body);
}

static void spaces_delete(struct call *call, struct store_tx *tx)
{
    space_delete(call_admin(call), tx, call->params[0]);
}

static void access_read(struct call *call, struct store_tx *tx)
{
    space_access_read(call_admin(call), tx, call->params[0]);
}

static void access_write(struct call *call, struct store_tx *tx)
{
    space_access_write(call_admin(call), tx, call->params[0], call->body);
}

static void assets_list(struct call *call, struct store_tx *tx)
{
    space_asset_list(call_admin(call), tx, call->params[0], call_page(call));
}

static void assets_create(struct call *call, struct store_tx *tx)
{
    space_asset_create(call_admin(call), tx, call->params[0], call->body);
}

static void assets_update(struct call *call, struct store_tx *tx)
{
    space_asset_update(call_admin(call), tx, call->params[0], call->params[1], call->body);
}

static void assets_delete(struct call *call, struct store_tx *tx)
{
    space_asset_delete(call_admin(call), tx, call->params[0], call->params[1]);
}

static void usage_list(struct call *call, struct store_tx *tx)
{
    space_usage(call_admin(call), tx, call_page(call));
}

#define ORGANIZATION(path) "/core/v1/organization" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route space_routes[] = {
    {"GET", ORGANIZATION("/spaces"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), spaces_list},
    {"POST", ORGANIZATION("/spaces"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(ADMIN), spaces_create},
    {"POST", ORGANIZATION("/spaces/find_or_create"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     CREATE | NEEDS(ADMIN), spaces_find_or_create},
    {"GET", ORGANIZATION("/spaces/:id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), spaces_read},
    {"PUT", ORGANIZATION("/spaces/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), spaces_update},
    {"DELETE", ORGANIZATION("/spaces/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), spaces_delete},
    {"GET", ORGANIZATION("/spaces/:id/access"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(ADMIN), access_read},
    {"PUT", ORGANIZATION("/spaces/:id/access"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_ARRAY_BODY | NEEDS(ADMIN), access_write},
    {"GET", ORGANIZATION("/spaces/:id/assets"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), assets_list},
    {"POST", ORGANIZATION("/spaces/:id/assets"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(EDIT), assets_create},
    {"PATCH", ORGANIZATION("/spaces/:id/assets/:asset_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     assets_update},
    {"DELETE", ORGANIZATION("/spaces/:id/assets/:asset_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT),
     assets_delete},
    {"GET", ORGANIZATION("/usage"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEWER), usage_list},
    {0},
};
