/* management-api.md 3 and 6 */
#include "api/openapi/description.h"

#define ORGANIZATION "/core/v1/organization"
#define DEVICE ORGANIZATION "/devices/:id"
#define SPACE ORGANIZATION "/spaces/:id"
#define IDENTITY "cloud_id text<=255; mac text<=255; sn text<=255"
#define SPACE_FIELDS "parent_id space; space_type text<=255; config SpaceConfig"

const struct description organization_descriptions[] = {
    {"GET", ORGANIZATION "/info", "The organization", NULL, NULL, "object"},
    {"GET", ORGANIZATION "/overview", "Counts", NULL, NULL, "object"},
    {"GET", ORGANIZATION "/stream", "What happens, as it happens (server-sent events)",
     "device_id uuid; model_id uuid; space_id space; types text", NULL, "events"},
    /* --- devices (3.2, 6.1) --- */
    {"GET", ORGANIZATION "/devices", "Devices", PAGE "; space_id space; status text; model_id uuid; search text", NULL, "items Device"},
    {"GET", ORGANIZATION "/devices/histories", "States over time",
     WINDOW "; page int(0..); per_page int(1..1000); status text; device_id uuid; space_id space; name text; order enum(ASC|DESC)", NULL,
     "items OrganizationHistoryRow"},
    {"POST", ORGANIZATION "/devices/claim", "Claim a device", NULL, "{space_id! space; name text<=255; " IDENTITY "}", "Device"},
    {"POST", ORGANIZATION "/devices/claim/lookup", "What a claim would say", NULL, "{" IDENTITY "}",
     "{result! text; device_id uuid; model text; sn text; children int(0..)}"},
    {"GET", DEVICE, "One device", NULL, NULL, "Device"},
    {"PATCH", DEVICE, "Change a device", NULL, "{name text<=255; configuration object; custom_parameters object}", "Device"},
    {"DELETE", DEVICE, "Delete a device", NULL, NULL, "success"},
    {"POST", DEVICE "/move", "Move a device", NULL, "{space_id! space}", "Device"},
    {"POST", DEVICE "/suspend_incidents", "Create no incidents for it", NULL, NULL, "success"},
    {"POST", DEVICE "/resume_incidents", "Create incidents for it again", NULL, NULL, "success"},
    {"POST", DEVICE "/unclaim", "Give the device up", NULL, NULL, "success"},
    {"GET", DEVICE "/telemetries", "The newest messages", WINDOW "; limit int(1..1000)", NULL, "any"},
    {"GET", DEVICE "/series", "Numbers over time, thinned out", WINDOW "; keys! text; points int(1..2000)", NULL, "Series"},
    {"GET", DEVICE "/config", "The configuration", NULL, NULL, "Configuration"},
    {"PUT", DEVICE "/config", "Change the configuration, unless somebody else did", NULL,
     "{config! object; base_version int(0..)}", "Configuration"},
    {"GET", DEVICE "/config/versions", "Its versions, newest first", PAGE, NULL, "items ConfigurationVersion"},
    {"GET", DEVICE "/commands", "Commands, newest first", PAGE "; status text", NULL, "items Command"},
    {"POST", DEVICE "/commands", "Send a command", NULL, "SendCommand", "Command"},
    {"GET", DEVICE "/commands/:command_id", "One command", NULL, NULL, "Command"},
    {"DELETE", DEVICE "/commands/:command_id", "Cancel a command", NULL, NULL, "Command"},
    {"POST", DEVICE "/replace", "Let the next registration take the device's place", NULL, "{sn text<=255}", "Device"},
    {"DELETE", DEVICE "/replace", "Expect no replacement any more", NULL, NULL, "success"},
    {"POST", DEVICE "/trace", "Show the device's traffic in the live stream", NULL, "{minutes int(1..60)}", "object"},
    {"DELETE", DEVICE "/trace", "End that", NULL, NULL, "success"},
    /* --- models (3.4) --- */
    {"GET", ORGANIZATION "/models", "Models", PAGE "; search text; edge_only bool", NULL, "items Model"},
    {"GET", ORGANIZATION "/models/:id", "One model", NULL, NULL, "Model"},
    /* --- spaces (3.5, 6.2) --- */
    {"GET", ORGANIZATION "/spaces", "Spaces",
     PAGE "; id space; name text; parent_id space; space_type text; created_before time; created_after time; path_includes text", NULL,
     "items Space"},
    {"POST", ORGANIZATION "/spaces", "Add a space", NULL, "{name! text<=255; " SPACE_FIELDS "}", "Space"},
    {"POST", ORGANIZATION "/spaces/find_or_create", "Find a path of spaces, or create what is missing", NULL,
     "{name! text; " SPACE_FIELDS "}", "Space"},
    {"GET", SPACE, "One space", NULL, NULL, "Space"},
    {"PUT", SPACE, "Change a space", NULL, "{name text<=255; " SPACE_FIELDS "}", "Space"},
    {"DELETE", SPACE, "Delete an empty space", NULL, NULL, "success"},
    /* --- files, licences, keys, settings (6.2) --- */
    {"GET", ORGANIZATION "/api_keys", "API keys", PAGE, NULL, "items ApiKey"},
    {"POST", ORGANIZATION "/api_keys", "Make an API key", NULL, "{name! text<=255; scope enum(full|read); expires_at time}", "201 ApiKey"},
    {"DELETE", ORGANIZATION "/api_keys/:id", "Revoke an API key", NULL, NULL, "success"},
    {"GET", ORGANIZATION "/mails", "Mails, newest first", PAGE, NULL, "items Mail"},
    {"POST", ORGANIZATION "/mails/:id/retry", "Send it again", NULL, NULL, "Mail"},
    {"GET", ORGANIZATION "/audit", "Who changed what", PAGE "; " WINDOW, NULL, "items AuditEntry"},
    {0},
};
