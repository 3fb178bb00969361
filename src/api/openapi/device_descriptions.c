/* device-api.md 11 */
#include "api/openapi/description.h"

#define DEVICE "/v1/devices/:id"
#define NEW_DEVICE \
    "{hardware_key! text; firmware_version! text<=255; sn text<=255; mac text<=255; cloud_id text<=64; nano_id text<=64; " \
    "name text<=255; details object; sub_model text<=255; parent_id uuid; host_address text<=255; " \
    "custom_partner_name text<=255; custom_model_name text<=255; device_model any; partner_key any; model_id any; model any}"
#define NEW_CHILD \
    "{model_id! uuid; firmware_version! text<=255; sn text<=255; mac text<=255; name text<=255; sub_model text<=255; details object}"

const struct description device_descriptions[] = {
    {"POST", "/v1/devices", "Register a device", NULL, NEW_DEVICE, "201 Registration"},
    {"POST", "/v1/devices/bulk_create", "Register up to 25 devices", NULL, "[" NEW_DEVICE "]<=25", "201 [any]"},
    {"POST", "/v1/devices-1", "Register up to 25 devices (an older name)", NULL, "[" NEW_DEVICE "]<=25", "201 [any]"},
    {"POST", "/v1/devices/telemetries", "Report telemetry of several devices, each by its key", NULL, "object", "201 object"},
    {"GET", DEVICE, "What the cloud knows of the device", NULL, NULL, "DeviceInfo"},
    {"PUT", DEVICE, "Tell the cloud about the device", NULL,
     "{firmware_version text<=255; name text<=255; sub_model text<=255; host_address text<=255; details object; parent_id uuid?; "
     "config_version int(0..); space_version int(0..)}", "DeviceInfo"},
    {"DELETE", DEVICE, "Delete the device", NULL, NULL, "success"},
    {"POST", DEVICE "/children", "Register a child", NULL, NEW_CHILD, "201 Registration"},
    {"GET", DEVICE "/children", "The children, oldest first", NULL, NULL, "[DeviceChild]"},
    {"POST", DEVICE "/children/telemetries", "Report telemetry of children", NULL, "object", "201 object"},
    {"POST", DEVICE "/telemetry", "Report telemetry", NULL, "Telemetry", "201 TelemetryReply"},
    {"GET", DEVICE "/command", "The command at the head of the queue, or {}", NULL, NULL, "DeviceCommand"},
    {"GET", DEVICE "/command/pending_commands", "The heads of the device's and its children's queues", NULL, NULL, "[DeviceCommand]"},
    {"POST", DEVICE "/command", "Tell how a command goes", NULL,
     "{status! enum(done|in_progress|failed|in-progress|error); id text; message text<=4096}", "success"},
    {"GET", DEVICE "/config", "The configuration", NULL, NULL, "DeviceConfiguration"},
    {"POST", DEVICE "/config", "Store the configuration the device has", NULL, "object", "DeviceConfiguration"},
    {"PUT", DEVICE "/cloud_settings", "Suspend or resume the creation of incidents", NULL,
     "{property text; value any; incidents.suspend_creation bool}", "success"},
    {"GET", DEVICE "/space", "Where the device is", NULL, NULL, "DeviceSpace"},
    {"PUT", DEVICE "/space/move", "Move with the parent, or to the unsorted devices", NULL,
     "{target! enum(follow_parent|unsorted)}", "DeviceSpace"},
    {0},
};
