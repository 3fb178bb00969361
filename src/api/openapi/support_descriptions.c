/* management-api.md 3.7, 3.9, 3.10 and 4: notes, tickets, edge */
#include "api/openapi/description.h"

#define ORGANIZATION "/core/v1/organization"
#define PARTNER "/core/v1/partner"
#define NOTES(at, what) \
    {"GET", at "/notes", "Notes on " what, PAGE, NULL, "items Note"}, \
    {"POST", at "/notes", "Write a note on " what, NULL, "{content! text<=20000}", "Note"}, \
    {"PUT", at "/notes/:note_id", "Change a note", NULL, "{content! text<=20000}", "Note"}, \
    {"DELETE", at "/notes/:note_id", "Remove a note", NULL, NULL, "success"}
#define EDGE(at) \
    {"POST", at "/start_claim", "Refused: there is no on-site proxy", NULL, "object", "400 Error"}, \
    {"POST", at "/start_ping", "Refused: there is no on-site proxy", NULL, "object", "400 Error"}, \
    {"POST", at "/:id/update_hostname", "Refused: there is no on-site proxy", NULL, "object", "400 Error"}, \
    {"GET", at "/get_claim_status", "Refused: there is no on-site proxy", "proxy_id text", NULL, "400 Error"}, \
    {"GET", at "/get_ping_status", "Refused: there is no on-site proxy", "proxy_id text", NULL, "400 Error"}
#define CHANGE_TICKET "{title text<=255; description text<=10000}"
#define MESSAGE "{message text<=10000}"

const struct description support_descriptions[] = {
    {"GET", ORGANIZATION "/devices/notes", "Notes on all devices", PAGE, NULL, "items Note"},
    {"GET", ORGANIZATION "/spaces/notes", "Notes on all spaces", PAGE, NULL, "items Note"},
    NOTES(ORGANIZATION "/devices/:id", "a device"),
    NOTES(ORGANIZATION "/spaces/:id", "a space"),
    {"GET", ORGANIZATION "/tickets", "Open tickets", "status enum(open|resolved|all)", NULL, "[Ticket]"},
    {"POST", ORGANIZATION "/tickets", "Open a ticket", NULL, "{device_id! uuid; title! text<=255; description text<=10000}", "201 Ticket"},
    {"GET", ORGANIZATION "/tickets/:id", "One ticket", NULL, NULL, "Ticket"},
    {"PUT", ORGANIZATION "/tickets/:id", "Change a ticket", NULL, CHANGE_TICKET, "Ticket"},
    {"POST", ORGANIZATION "/tickets/:id/resolved", "Resolve a ticket", NULL, NULL, "success"},
    {"POST", ORGANIZATION "/tickets/:id/message", "Write to a ticket", "message text", MESSAGE, "success"},
    {"GET", PARTNER "/tickets", "Open tickets", "status enum(open|resolved|all)", NULL, "[Ticket]"},
    {"GET", PARTNER "/tickets/:id", "One ticket", NULL, NULL, "Ticket"},
    {"PUT", PARTNER "/tickets/:id", "Change a ticket", NULL, CHANGE_TICKET, "Ticket"},
    {"POST", PARTNER "/tickets/:id/resolved", "Resolve a ticket", NULL, NULL, "Ticket"},
    {"POST", PARTNER "/tickets/:id/message", "Write to a ticket", "message text", MESSAGE, "Ticket"},
    {"GET", ORGANIZATION "/edges", "Always empty: there is no on-site proxy", PAGE, NULL, "items any"},
    EDGE(ORGANIZATION "/edges/devices"),
    EDGE(ORGANIZATION "/edge/devices"),
    {0},
};
