/* device-api.md 6, management-api.md 5.8, 6.1, 6.2 */
#include "api/openapi/description.h"

#define DEVICE "/v1/devices/:id"
#define PARTNER "/core/v1/partner"
#define ORGANIZATION "/core/v1/organization"
#define REPORT "{id! uuid; state! enum(pending|inuse|removed|error); error text<=4096}"
#define PRODUCT "kind enum(physical|digital|metered); telemetry_key text<=128; model_ids [uuid]<=1000"
#define FILTERS "device_id uuid; product_id uuid; state enum(pending|inuse|removed|error); " PAGE

const struct description license_descriptions[] = {
    {"GET", DEVICE "/license", "The next waiting licence, or {}", NULL, NULL, "DeviceLicense"},
    {"GET", DEVICE "/licenses", "All waiting licences", NULL, NULL, "[DeviceLicense]"},
    {"POST", DEVICE "/license", "Tell what became of a licence", NULL, REPORT, "LicenseReport"},
    {"POST", DEVICE "/licenses", "Tell what became of a licence", NULL, REPORT, "LicenseReport"},
    {"GET", PARTNER "/products", "Products", PAGE, NULL, "data Product"},
    {"POST", PARTNER "/products", "Make a product", NULL, "{name! text<=255; " PRODUCT "}", "201 Product"},
    {"PATCH", PARTNER "/products/:id", "Change a product", NULL, "{name text<=255; " PRODUCT "}", "Product"},
    {"GET", PARTNER "/licenses", "Licences", "organization_id uuid; " FILTERS, NULL, "data License"},
    {"POST", PARTNER "/licenses", "Make and sign a licence", NULL,
     "{organization_id! uuid; product_id uuid; data! text<=4096; expires_at time}", "201 License"},
    {"POST", PARTNER "/licenses/:id/assign", "Give a licence to a device", NULL, "{device_id! uuid}", "License"},
    {"POST", PARTNER "/licenses/:id/unassign", "Take a licence back at once", NULL, NULL, "License"},
    {"POST", PARTNER "/licenses/:id/revoke", "Have the device remove a licence", NULL, NULL, "License"},
    {"POST", PARTNER "/licenses/:id/renew", "Change when a licence expires", NULL, "{expires_at! time?}", "License"},
    {"GET", PARTNER "/settings/license_key", "The key that signatures are verified with", NULL, NULL, "{public_key! text?}"},
    {"GET", PARTNER "/devices/:id/licenses", "Licences of a device", PAGE, NULL, "data License"},
    {"GET", ORGANIZATION "/licenses", "Licences", FILTERS, NULL, "items License"},
    {"GET", ORGANIZATION "/devices/:id/licenses", "Licences of a device", PAGE, NULL, "items License"},
    {"POST", ORGANIZATION "/devices/:id/licenses", "Give a licence to a device", NULL, "{license_id! uuid}", "License"},
    {"DELETE", ORGANIZATION "/devices/:id/licenses/:license_id", "Have the device remove a licence", NULL, NULL, "success"},
    {0},
};
