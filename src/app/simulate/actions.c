#include "app/simulate/actions.h"

#include "app/simulate/command_side.h"

static bool begin(struct world *world, enum action action)
{
    switch (action) {
    case ACTION_CHILDREN:
        return telemetry_begin_children(world);
    case ACTION_MASS:
        return telemetry_begin_mass(world);
    case ACTION_COMMAND:
        return command_begin_send(world);
    case ACTION_CANCEL:
        return command_begin_cancel(world);
    case ACTION_CLOUD_CONFIG:
        return config_begin_cloud(world);
    case ACTION_DEVICE_CONFIG:
        return config_begin_device(world);
    case ACTION_ASSIGN:
        return license_begin_assign(world);
    case ACTION_RENEW:
        return license_begin_renew(world);
    case ACTION_REVOKE:
        return license_begin_revoke(world);
    case ACTION_INCIDENT:
        return incident_begin(world);
    case ACTION_INCIDENT_END:
        return incident_begin_end(world);
    case ACTION_FIRMWARE:
        return firmware_begin_upload(world);
    case ACTION_UPDATE:
        return firmware_begin_update(world);
    case ACTION_MOVE:
        return move_begin(world);
    case ACTION_COUNT:
        break;
    }
    return false;
}

bool action_begin(struct world *world, enum action action)
{
    bool begun = begin(world, action);
    world->counts.begun[action] += begun;
    return begun;
}
