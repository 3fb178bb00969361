/* Virtual devices (management-api.md 5.7). */
#include "api/admin_call.h"
#include "model/virtual/virtual_device.h"

static void virtual_devices_create(struct call *call, struct store_tx *tx)
{
    struct admin *admin = call_admin(call);
    switch (call->step) {
    case STEP_READ:
        call->carried = arena_new(&call->arena, struct virtual_order);
        virtual_device_prepare(admin, tx, call->params[0], call->carried);
        break;
    case STEP_WORK:
        virtual_device_launch(admin, call->carried);
        break;
    case STEP_WRITE:
        virtual_device_answer(admin, tx, call->carried);
        break;
    }
}

const struct route virtual_routes[] = {
    {"POST", "/core/v1/partner/models/:m/virtual_devices", ACCESS_PARTNER, PLACE_STEPS,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(DEVICES_WRITE), virtual_devices_create},
    {0},
};
