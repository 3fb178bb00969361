/* Devices together: merged into one, many at once, as tables (management-api.md 3.2, 5.7, 6.1); whom they are for (5.9,
 * 5.10, 6.2), and the installation (10.2). */
#include "api/openapi/description.h"

#define ORGANIZATION "/core/v1/organization"

const struct description fleet_descriptions[] = {
    {"POST", ORGANIZATION "/devices/:id/merge", "Show other devices and this one as one", NULL, "{with_device_ids! [uuid]}", "success"},
    {"POST", ORGANIZATION "/devices/:id/split", "Show a device on its own again", NULL, "{shadow_device_id! uuid}", "success"},
    {0},
};
