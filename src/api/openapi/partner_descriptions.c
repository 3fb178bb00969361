/* management-api.md 4 and 5 */
#include "api/openapi/description.h"

#define PARTNER "/core/v1/partner"
#define MODEL PARTNER "/models/:m"
#define MODEL_FIELDS \
    "icon text; sku text<=255; authentication_method enum(cloud_id|mac_sn); api_version text; " \
    "offline_threshold_minutes int(1..43200)?; enabled_tabs [text]"
#define COMMAND_FIELDS \
    "active bool; description text; with_file bool; file_type text; timeout_seconds int(0..); custom_fields [CustomField]"
#define CONTACTS \
    "admin_contact_name text<=255; finance_contact_email email; finance_contact_name text<=255; sandbox bool; " \
    "admin enum(customer|me|both)"
#define PARTNER_SETTINGS \
    "{name text<=255; short_code text; domain text?; mobile_domain text?; branding object; self_signup bool; " \
    "notifications object; webhook {url text<=2048?; secret text<=255?; events [text]?}?; legacy_registration any}"

const struct description partner_descriptions[] = {
    /* --- devices (4, 5.7) --- */
    {"GET", PARTNER "/devices", "Devices",
     PAGE "; model_id uuid; sn text; mac text; cloud_id text; organization_id uuid; status text; search text; unclaimed bool",
     NULL, "data PartnerDevice"},
    {"GET", PARTNER "/devices/histories", "States over time, of all devices", PAGE "; " WINDOW "; status text; device_id uuid", NULL,
     "data HistoryRow"},
    {"POST", PARTNER "/devices/assign", "Give devices to a customer", NULL,
     "{device_ids! [uuid]<=500; organization_id! uuid; space_id space}", "object"},
    {"GET", PARTNER "/devices/:id", "One device", NULL, NULL, "PartnerDevice"},
    {"DELETE", PARTNER "/devices/:id", "Delete a device", NULL, NULL, "success"},
    {"GET", PARTNER "/devices/:id/telemetries", "The newest messages", WINDOW "; limit int(1..1000)", NULL, "[TelemetryMessage]"},
    {"GET", PARTNER "/devices/:id/series", "Numbers over time, thinned out", WINDOW "; keys! text; points int(1..2000)", NULL,
     "Series"},
    {"GET", PARTNER "/devices/:id/config", "The configuration", NULL, NULL, "Configuration"},
    {"GET", PARTNER "/devices/:id/commands", "Commands, newest first", PAGE "; status text", NULL, "data Command"},
    {"POST", PARTNER "/devices/:id/commands", "Always 404: makers send no commands", NULL, NULL, "404 Error"},
    {"GET", PARTNER "/devices/:id/history", "States over time", PAGE "; " WINDOW "; status text", NULL, "data HistoryRow"},
    {"POST", PARTNER "/devices/:id/unassign", "Take a device back", NULL, NULL, "PartnerDevice"},
    {"POST", PARTNER "/devices/:id/rotate_key", "Make a new access key; the old one is dead", NULL, NULL, "{access_key! text}"},
    {"POST", PARTNER "/devices/:id/disconnect", "End the device's connection", NULL, NULL, "success"},
    {"POST", PARTNER "/devices/:id/replace", "Let the next registration take the device's place", NULL, "{sn text<=255}",
     "PartnerDevice"},
    {"DELETE", PARTNER "/devices/:id/replace", "Expect no replacement any more", NULL, NULL, "success"},
    {"POST", PARTNER "/devices/:id/trace", "Show the device's traffic in the live stream", NULL, "{minutes int(1..60)}", "object"},
    {"DELETE", PARTNER "/devices/:id/trace", "End that", NULL, NULL, "success"},
    {"GET", PARTNER "/stream", "What happens, as it happens (server-sent events)",
     "device_id uuid; model_id uuid; types text", NULL, "events"},
    /* --- models (5.1) --- */
    {"GET", PARTNER "/models", "Models", PAGE "; search text; name text", NULL, "data PartnerModel"},
    {"POST", PARTNER "/models", "Create a model", NULL,
     "{name! text<=255; communication_protocol! enum(https|mqtt); device_type! enum(physical|digital|application); "
     "suggested_commands [text]; " MODEL_FIELDS "}", "201 PartnerModel"},
    {"GET", MODEL, "One model", NULL, NULL, "PartnerModel"},
    {"PATCH", MODEL, "Change a model", NULL, "{name text<=255; " MODEL_FIELDS "}", "PartnerModel"},
    {"DELETE", MODEL, "Delete a model without devices", NULL, NULL, "success"},
    {"POST", MODEL "/publish", "Let customers claim its devices", NULL, NULL, "PartnerModel"},
    {"POST", MODEL "/unpublish", "Hide it again, while it has no devices", NULL, NULL, "PartnerModel"},
    {"POST", MODEL "/clone", "Copy a model", NULL, "{name! text<=255; communication_protocol enum(https|mqtt)}", "201 PartnerModel"},
    {"GET", MODEL "/icon", "Its picture", NULL, NULL, "bytes"},
    {"GET", MODEL "/versions", "Its versions, newest first", PAGE, NULL, "data any"},
    {"POST", MODEL "/versions/:n/restore", "Take a version back", NULL, NULL, "PartnerModel"},
    {"POST", MODEL "/virtual_devices", "Simulate a device of the model for an hour", NULL, NULL, "201 PartnerDevice"},
    /* --- hardware keys, registrations (5.2) --- */
    {"GET", MODEL "/hardware_keys", "Hardware keys", PAGE, NULL, "data HardwareKey"},
    {"POST", MODEL "/hardware_keys", "Make a hardware key", NULL,
     "{name! text<=255; expected_count int(1..)?; enforce_count bool}", "201 HardwareKey"},
    {"PATCH", MODEL "/hardware_keys/:key_id", "Change a hardware key", NULL,
     "{name text<=255; expected_count int(1..)?; enforce_count bool}", "HardwareKey"},
    {"POST", MODEL "/hardware_keys/:key_id/revoke", "Revoke a hardware key", NULL, NULL, "HardwareKey"},
    {"GET", PARTNER "/registrations", "The provisioning log", PAGE "; " WINDOW "; model_id uuid; result enum(created|replaced|refused)",
     NULL, "data RegistrationEntry"},
    /* --- commands, schema, parameters, keys, widgets (5.3, 5.4) --- */
    {"GET", MODEL "/commands", "Command definitions", PAGE, NULL, "data CommandDefinition"},
    {"POST", MODEL "/commands", "Define a command", NULL,
     "{name! text<=64; friendly_name! text<=255; " COMMAND_FIELDS "}", "201 CommandDefinition"},
    {"PATCH", MODEL "/commands/:command_def_id", "Change a command definition", NULL,
     "{name text<=64; friendly_name text<=255; " COMMAND_FIELDS "}", "CommandDefinition"},
    {"DELETE", MODEL "/commands/:command_def_id", "Remove a command definition", NULL, NULL, "success"},
    {"GET", MODEL "/config_schema", "The JSON Schema of configurations", NULL, NULL, "object"},
    {"PUT", MODEL "/config_schema", "Set the JSON Schema of configurations", NULL, "object", "object"},
    {"DELETE", MODEL "/config_schema", "Remove it", NULL, NULL, "success"},
    {"GET", MODEL "/parameters", "The custom parameters that its devices have", NULL, NULL, "[Parameter]"},
    {"PUT", MODEL "/parameters", "Set them", NULL,
     "[{name! text; type enum(text|number|password); required bool}]", "[Parameter]"},
    {"GET", MODEL "/telemetry_keys", "Telemetry keys seen", NULL, NULL, "[any]"},
    {"PUT", MODEL "/telemetry_keys", "Say what keys mean", NULL,
     "[{key! text<=128; label text<=255; unit text<=32; metered bool}]", "[any]"},
    {"GET", MODEL "/widgets", "Widgets of its devices' page", NULL, NULL, "[any]"},
    {"PUT", MODEL "/widgets", "Set them", NULL, "[object]", "[any]"},
    /* --- customers (4, 5.9) --- */
    {"GET", PARTNER "/organizations", "Customers", PAGE "; search text", NULL, "data Customer"},
    {"POST", PARTNER "/organizations", "Add a customer", NULL,
     "{name! text<=255; admin_contact_email! email; " CONTACTS "}", "Organization"},
    {"GET", PARTNER "/organizations/:id", "One customer", NULL, NULL, "Customer"},
    /* --- tickets, people, settings (4, 5.10) --- */
    {"GET", PARTNER "/api_keys", "API keys", PAGE, NULL, "data ApiKey"},
    {"POST", PARTNER "/api_keys", "Make an API key", NULL, "{name! text<=255; scope enum(full|read); expires_at time}", "201 ApiKey"},
    {"DELETE", PARTNER "/api_keys/:id", "Revoke an API key", NULL, NULL, "success"},
    {"GET", PARTNER "/settings", "Settings", NULL, NULL, PARTNER_SETTINGS},
    {"PATCH", PARTNER "/settings", "Change settings", NULL, "{webhook {url text; secret text; events [text]}?}", PARTNER_SETTINGS},
    {"POST", PARTNER "/settings/webhook/test", "Send an event of type test to the webhook", NULL, NULL, "201 Delivery"},
    {"GET", PARTNER "/webhook_deliveries", "What was sent to the webhook, newest first",
     PAGE "; state enum(waiting|delivered|failed)", NULL, "data Delivery"},
    {"GET", PARTNER "/webhook_deliveries/:id", "One of them", NULL, NULL, "Delivery"},
    {"POST", PARTNER "/webhook_deliveries/:id/retry", "Send it again", NULL, NULL, "Delivery"},
    {"GET", PARTNER "/mails", "Mails, newest first", PAGE, NULL, "data Mail"},
    {"POST", PARTNER "/mails/:id/retry", "Send it again", NULL, NULL, "Mail"},
    {"GET", PARTNER "/overview", "Counts", NULL, NULL, "object"},
    {"GET", PARTNER "/audit", "Who changed what", PAGE "; " WINDOW, NULL, "data AuditEntry"},
    {0},
};
