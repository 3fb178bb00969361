/* Products and licences of partners and owners (management-api.md 5.7, 5.8, 6.1, 6.2). */
#include "api/device_admin.h"
#include "model/license/license.h"
#include "model/license/product.h"
#include "model/maker/catalog.h"

static void products_list(struct call *call, struct store_tx *tx)
{
    product_list(call_admin(call), tx, call_page(call));
}

static void products_create(struct call *call, struct store_tx *tx)
{
    product_create(call_admin(call), tx, call->body);
}

static void products_update(struct call *call, struct store_tx *tx)
{
    product_update(call_admin(call), tx, call->params[0], call->body);
}

/* --- licences --- */

enum { NO_ROW = -1 };

/* A value that names nothing matches nothing. */
static int64_t filter_device(struct call *call)
{
    struct str text;
    struct uuid id;
    struct device_brief device;
    if (!call_query(call, "device_id", &text)) {
        return 0;
    }
    return uuid_parse(text, &id) && device_table_find(call->domain->devices, &id, &device) ? device.no : NO_ROW;
}

static int64_t filter_organization(struct call *call)
{
    struct str text;
    struct uuid id;
    struct organization_info organization;
    if (!call_query(call, "organization_id", &text)) {
        return 0;
    }
    return uuid_parse(text, &id) && catalog_organization_by_id(call->domain->catalog, &id, &organization) ? organization.no : NO_ROW;
}

/* Of the partner that asks, or of the maker of the organization that asks. False: the reply is the error. */
static bool filter_product(struct call *call, struct store_tx *tx, int64_t *ret_no)
{
    struct str text;
    struct uuid id;
    struct product_row product;
    if (!call_query(call, "product_id", &text)) {
        return true;
    }
    enum err err = uuid_parse(text, &id) ? product_store_find(tx, call->principal.partner_no, &id, &call->arena, &product)
                                         : ERR_NOT_FOUND;
    *ret_no = err == ERR_OK ? product.no : NO_ROW;
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        reply_from_err(&call->reply, err);
        return false;
    }
    return true;
}

static void licenses_list(struct call *call, struct store_tx *tx)
{
    struct license_filter filter = {.device_no = filter_device(call), .organization_no = filter_organization(call)};
    struct str text;
    if (!filter_product(call, tx, &filter.product_no)) {
        return;
    }
    if (call_query(call, "state", &text) && !license_state_parse(text, &filter.state)) {
        reply_error(&call->reply, 422, "State is invalid");
        return;
    }
    license_list(call_admin(call), tx, filter, call_page(call));
}

static void licenses_of_device(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        license_list(admin, tx, (struct license_filter){.device_no = device.no}, call_page(call));
    }
}

static void licenses_create(struct call *call, struct store_tx *tx)
{
    struct admin *admin = call_admin(call);
    switch (call->step) {
    case STEP_READ:
        call->carried = arena_new(&call->arena, struct license_order);
        license_prepare(admin, tx, call->body, call->carried);
        break;
    case STEP_WORK:
        license_sign(admin, call->body, call->carried);
        break;
    case STEP_WRITE:
        license_create(admin, tx, call->body, call->carried);
        break;
    }
}

static void licenses_assign(struct call *call, struct store_tx *tx)
{
    license_assign(call_admin(call), tx, call->params[0], call->body);
}

static void licenses_unassign(struct call *call, struct store_tx *tx)
{
    license_unassign(call_admin(call), tx, call->params[0]);
}

static void licenses_revoke(struct call *call, struct store_tx *tx)
{
    license_revoke(call_admin(call), tx, call->params[0]);
}

static void licenses_renew(struct call *call, struct store_tx *tx)
{
    license_renew(call_admin(call), tx, call->params[0], call->body);
}

static void device_licenses_assign(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        license_assign_to(admin, tx, &device, call->body);
    }
}

static void device_licenses_revoke(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        license_revoke_of(admin, tx, &device, call->params[1]);
    }
}

static void license_key(struct call *call, struct store_tx *tx)
{
    license_public_key(call_admin(call), tx);
}

#define PARTNER(path) "/core/v1/partner" path
#define ORGANIZATION(path) "/core/v1/organization" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route license_routes[] = {
    {"GET", PARTNER("/products"), ACCESS_PARTNER, PLACE_READ, NEEDS(LICENSES_READ), products_list},
    {"POST", PARTNER("/products"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(LICENSES_WRITE), products_create},
    {"PATCH", PARTNER("/products/:id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(LICENSES_WRITE), products_update},
    {"GET", PARTNER("/licenses"), ACCESS_PARTNER, PLACE_READ, NEEDS(LICENSES_READ), licenses_list},
    {"POST", PARTNER("/licenses"), ACCESS_PARTNER, PLACE_STEPS, CREATE | NEEDS(LICENSES_WRITE), licenses_create},
    {"POST", PARTNER("/licenses/:id/assign"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(LICENSES_WRITE), licenses_assign},
    {"POST", PARTNER("/licenses/:id/unassign"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(LICENSES_WRITE), licenses_unassign},
    {"POST", PARTNER("/licenses/:id/revoke"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(LICENSES_WRITE), licenses_revoke},
    {"POST", PARTNER("/licenses/:id/renew"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(LICENSES_WRITE), licenses_renew},
    {"GET", PARTNER("/settings/license_key"), ACCESS_PARTNER, PLACE_READ, NEEDS(LICENSES_READ), license_key},
    {"GET", PARTNER("/devices/:id/licenses"), ACCESS_PARTNER, PLACE_READ, NEEDS(LICENSES_READ), licenses_of_device},
    {"GET", ORGANIZATION("/licenses"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEWER), licenses_list},
    {"GET", ORGANIZATION("/devices/:id/licenses"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), licenses_of_device},
    {"POST", ORGANIZATION("/devices/:id/licenses"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), device_licenses_assign},
    {"DELETE", ORGANIZATION("/devices/:id/licenses/:license_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), device_licenses_revoke},
    {0},
};
