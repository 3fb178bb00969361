/* Files, firmware, dumps: device-api.md 8, management-api.md 5.6, 5.7, 6.1, 6.2 */
#include "api/openapi/description.h"

#define PARTNER "/core/v1/partner"
#define ORGANIZATION "/core/v1/organization"
#define DEVICE "/v1/devices/:id"
#define NEW_FILE \
    "multipart {file! bytes; name! text<=255; desc text<=4096; file_type! enum(firmware|manual|image|config|other); " \
    "version text<=255; checksum text<=4096; signature text<=4096; public_notes text<=4096}"

const struct description file_descriptions[] = {
    {"GET", PARTNER "/models/:m/files", "Files and firmware of a model, newest first", PAGE, NULL, "data File"},
    {"POST", PARTNER "/models/:m/files", "Upload a file or firmware", NULL, NEW_FILE, "201 File"},
    {"GET", PARTNER "/files/:id", "One file", NULL, NULL, "File"},
    {"PATCH", PARTNER "/files/:id", "Change what is said about a file", NULL,
     "{name text<=255; desc text<=4096?; checksum text<=4096?; signature text<=4096?; public_notes text<=4096?}", "File"},
    {"DELETE", PARTNER "/files/:id", "Delete a file", NULL, NULL, "success"},
    {"GET", PARTNER "/files/:id/content", "Its content", NULL, NULL, "bytes"},
    {"GET", PARTNER "/devices/:id/files", "Files that the device sees, newest first", PAGE, NULL, "data File"},
    {"GET", PARTNER "/devices/:id/dumps", "Dumps, newest first", PAGE, NULL, "data Dump"},
    {"GET", PARTNER "/dumps/:id/content", "The content of a dump", NULL, NULL, "bytes"},
    {"GET", ORGANIZATION "/files", "Files of the organization, newest first", PAGE, NULL, "items File"},
    {"POST", ORGANIZATION "/files", "Upload a file", NULL, NEW_FILE, "201 File"},
    {"DELETE", ORGANIZATION "/files/:id", "Delete a file", NULL, NULL, "success"},
    {"GET", ORGANIZATION "/devices/:id/files", "Files that the device sees, newest first", PAGE, NULL, "items File"},
    {"GET", ORGANIZATION "/devices/:id/dumps", "Dumps, newest first", PAGE, NULL, "items Dump"},
    {"GET", ORGANIZATION "/dumps/:id/content", "The content of a dump", NULL, NULL, "bytes"},
    {"GET", "/f/:token/:filename", "The content of a file, by the address that its url gives", NULL, NULL, "bytes"},
    {"GET", DEVICE "/files", "Files for this device, newest first", NULL, NULL, "[DeviceFile]"},
    {"GET", DEVICE "/files/:file_id", "One file", NULL, NULL, "DeviceFile"},
    {"POST", DEVICE "/dumps", "Send a dump of text", NULL, "bytes", "201 {id uuid; length int(0..)}"},
    {"POST", DEVICE "/dump", "Send a dump of text (an older name)", NULL, "bytes", "201 {id uuid; length int(0..)}"},
    {"PUT", DEVICE "/dumps/:dump_id", "Append to a dump", NULL, "bytes", "{length int(0..)}"},
    {"POST", DEVICE "/dumps/:dump_id", "Append to a dump (an older form)", NULL, "bytes", "{length int(0..)}"},
    {"POST", DEVICE "/dumps/:mime/:filename", "Send a dump", NULL, "bytes", "201 {id uuid}"},
    {"POST", DEVICE "/dumps/:type/:subtype/:filename", "Send a dump whose type has its slash", NULL, "bytes", "201 {id uuid}"},
    {0},
};
