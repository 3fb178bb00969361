/* Devices merged into one (management-api.md 3.2). */
#include "api/device_admin.h"
#include "model/device/merge_group.h"

static void merge(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_merge(admin, tx, &device, call->body);
    }
}

static void split(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_split(admin, tx, &device, call->body);
    }
}

#define DEVICE(path) "/core/v1/organization/devices/:id" path

const struct route merge_routes[] = {
    {"POST", DEVICE("/merge"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(ADMIN), merge},
    {"POST", DEVICE("/split"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(ADMIN), split},
    {0},
};
