/* What a device is connected with: the devices that speak through it, and its registrations (management-api.md 5.7, 6.1). */
#include "api/device_admin.h"
#include "model/registration/registration.h"

static void children(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        struct device_query query = {.status = -1, .filter.parent_no = device.no};
        device_list(admin, tx, &query, call_page(call));
    }
}

static void registrations(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        struct registration_query query = {.from = TIME_NONE, .to = TIME_NONE, .ascending = call_is_ascending(call),
                                           .device_id = &device.id};
        registration_list(admin, tx, &query, call_page(call));
    }
}

#define PARTNER(path) "/core/v1/partner" path
#define ORGANIZATION(path) "/core/v1/organization" path

const struct route device_relation_routes[] = {
    {"GET", PARTNER("/devices/:id/children"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), children},
    {"GET", PARTNER("/devices/:id/registrations"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), registrations},
    {"GET", ORGANIZATION("/devices/:id/children"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), children},
    {0},
};
