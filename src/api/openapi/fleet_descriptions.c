/* Devices together: merged into one, many at once, as tables (management-api.md 3.2, 5.7, 6.1); whom they are for (5.9,
 * 5.10, 6.2), and the installation (10.2). */
#include "api/openapi/description.h"

#define ORGANIZATION "/core/v1/organization"
#define PARTNER "/core/v1/partner"
#define SYSTEM "/core/v1/system"
#define ORGANIZATION_SETTINGS \
    "{name text<=255; display_name text<=255?; contacts object; notification_emails [email]?; daily_report_hour int(0..23)?}"

const struct description fleet_descriptions[] = {
    {"POST", ORGANIZATION "/devices/:id/merge", "Show other devices and this one as one", NULL, "{with_device_ids! [uuid]}", "success"},
    {"POST", ORGANIZATION "/devices/:id/split", "Show a device on its own again", NULL, "{shadow_device_id! uuid}", "success"},
    {"POST", ORGANIZATION "/devices/bulk", "One action on many devices", NULL,
     "{device_ids! [uuid]; action! enum(command|configuration|move|delete|suspend|resume); configuration object; space_id space; "
     "name text; friendly_name text; command text; file_id uuid?; extra_params object?; scheduled_at time}",
     "{results! object}"},
    {"POST", ORGANIZATION "/devices/claim_csv", "Claim the devices of a table", "space_id space", "bytes",
     "{results! [{row int; success bool; device_id uuid; error text}]}"},
    {"GET", ORGANIZATION "/devices/:id/children", "Devices that speak through it", PAGE, NULL, "items Device"},
    {"GET", PARTNER "/devices/:id/children", "Devices that speak through it", PAGE, NULL, "data PartnerDevice"},
    {"GET", PARTNER "/devices/:id/registrations", "Its lines of the provisioning log", PAGE, NULL, "data RegistrationEntry"},
    {"GET", ORGANIZATION "/devices.csv", "Devices as a table", "space_id space; status text; model_id uuid; search text", NULL, "bytes"},
    {"GET", PARTNER "/devices.csv", "Devices as a table",
     "model_id uuid; sn text; mac text; cloud_id text; organization_id uuid; status text; search text; unclaimed bool", NULL, "bytes"},
    {"PATCH", PARTNER "/organizations/:id", "Change a customer", NULL,
     "{name text<=255; display_name text<=255?; sandbox bool; suspended bool; contacts object}", "Customer"},
    {"POST", PARTNER "/organizations/:id/invite", "Invite an administrator of the customer", NULL,
     "{email email; name text<=255}", "success"},
    {"POST", PARTNER "/organizations/bulk", "Add customers", NULL,
     "[any]", /* each as POST /organizations, and refused for itself */
     "{results! [{success bool; organization Organization; error text}]}"},
    {"GET", ORGANIZATION "/settings", "Settings", NULL, NULL, ORGANIZATION_SETTINGS},
    {"PATCH", ORGANIZATION "/settings", "Change settings", NULL, ORGANIZATION_SETTINGS, ORGANIZATION_SETTINGS},
    {"GET", SYSTEM "/partners", "Partners", PAGE, NULL, "data Partner"},
    {"POST", SYSTEM "/partners", "Add a partner", NULL, "{name! text<=255; short_code text<=4}", "201 Partner"},
    {"PATCH", SYSTEM "/partners/:id", "Rename or suspend a partner", NULL, "{name text<=255; suspended bool}", "Partner"},
    {"PATCH", SYSTEM "/models/:id", "Change a model's API version", NULL, "{api_version! text<=5}", "PartnerModel"},
    {"GET", SYSTEM "/status", "The state of the installation", NULL, NULL, "object"},
    {"POST", SYSTEM "/backup", "Copy the data folder while the program runs", NULL, NULL, "201 {name! text; created_at time}"},
    {"GET", SYSTEM "/audit", "What was done to the installation", PAGE "; " WINDOW, NULL, "data AuditEntry"},
    {0},
};
