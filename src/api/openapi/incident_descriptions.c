/* Incidents, events, timelines and rules (device-api.md 9; management-api.md 3.6, 5.5, 5.7, 6.1). */
#include "api/openapi/description.h"

#define DEVICE "/v1/devices/:id"
#define ORGANIZATION "/core/v1/organization"
#define PARTNER "/core/v1/partner"
#define INCIDENT ORGANIZATION "/incidents/:incident_id"
#define NEW_INCIDENT "title! text<=255; description text<=10000; priority any"
#define INCIDENT_QUERY \
    PAGE "; " WINDOW "; status text; priority text; title text; description text; issue text; device_model text; " \
         "partner_name text; sub_model text; space_id space"
#define RULE PARTNER "/models/:m/rules/:rule_id"
#define RULE_FIELDS "description text<=10000; priority any; active bool; auto_close bool; definition RuleDefinition"
#define EVENT_QUERY PAGE "; " WINDOW "; name text; category text; order enum(ASC|DESC)"
#define TIMELINE_QUERY PAGE "; " WINDOW "; order enum(ASC|DESC)"

const struct description incident_descriptions[] = {
    {"POST", DEVICE "/incidents", "Open an incident", NULL, "{" NEW_INCIDENT "; issue text<=64}", "{incident_id! uuid}"},
    {"GET", DEVICE "/incidents", "The active incidents, newest first", NULL, NULL, "[DeviceIncident]"},
    {"DELETE", DEVICE "/incidents", "Close what the device opened", NULL, NULL, "success"},
    {"DELETE", DEVICE "/incidents/:incident_id", "Close an incident", NULL, NULL, "success"},
    {"POST", DEVICE "/events", "Report an event", NULL,
     "{name! text<=255; category! text<=255; int_key_1 int; int_key_2 int; string_key_1 text<=255; string_key_2 text<=255; "
     "str_key_1 text<=255; str_key_2 text<=255; timestamp time}",
     "{status! bool}"},
    {"GET", ORGANIZATION "/incidents", "Incidents, newest first", INCIDENT_QUERY "; device_id uuid", NULL, "items Incident"},
    {"POST", ORGANIZATION "/incidents", "Open an incident", NULL, "{device_id! uuid; " NEW_INCIDENT "}", "201 Incident"},
    {"GET", INCIDENT, "One incident with its comments", NULL, NULL, "Incident"},
    {"DELETE", INCIDENT, "Close an incident", NULL, NULL, "success"},
    {"POST", INCIDENT "/acknowledge", "Tell that somebody knows", NULL, NULL, "Incident"},
    {"POST", INCIDENT "/comments", "Comment on an incident", NULL, "{text! text<=10000}", "201 Incident"},
    {"GET", ORGANIZATION "/devices/:id/incidents", "Incidents of a device", INCIDENT_QUERY, NULL, "items Incident"},
    {"GET", ORGANIZATION "/devices/:id/events", "Events that a device reported", EVENT_QUERY, NULL, "items DeviceEvent"},
    {"GET", ORGANIZATION "/devices/:id/timeline", "What happened to a device", TIMELINE_QUERY, NULL, "items TimelineEntry"},
    {"GET", PARTNER "/incidents", "Incidents of all devices, newest first", INCIDENT_QUERY "; device_id uuid", NULL, "data Incident"},
    {"GET", PARTNER "/devices/:id/incidents", "Incidents of a device", INCIDENT_QUERY, NULL, "data Incident"},
    {"GET", PARTNER "/devices/:id/events", "Events that a device reported", EVENT_QUERY, NULL, "data DeviceEvent"},
    {"GET", PARTNER "/devices/:id/timeline", "What happened to a device", TIMELINE_QUERY, NULL, "data TimelineEntry"},
    {"GET", PARTNER "/rules", "Rules of all models", PAGE, NULL, "data Rule"},
    {"GET", PARTNER "/models/:m/rules", "Rules of a model", PAGE, NULL, "data Rule"},
    {"POST", PARTNER "/models/:m/rules", "Add a rule", NULL, "{name! text<=255; " RULE_FIELDS "}", "201 Rule"},
    {"PATCH", RULE, "Change a rule", NULL, "{name text<=255; " RULE_FIELDS "}", "Rule"},
    {"DELETE", RULE, "Delete a rule", NULL, NULL, "success"},
    {"GET", RULE "/errors", "Values a rule could not compare", PAGE, NULL, "data RuleError"},
    {"POST", RULE "/test", "Whether a state matches", NULL, "{state! object}", "{matches! bool}"},
    {0},
};
