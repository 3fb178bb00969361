/* The objects of device-api.md and management-api.md 2. */
#include "api/openapi/description.h"

#define PERSON "id! uuid; name! text; email! text"

const struct object_description object_descriptions[] = {
    {"Error", "error! text"},
    /* --- what devices see (device-api.md) --- */
    {"Registration", "id! uuid; access_key! text; hub_url! text; hub_url_static_cert! text; mqtt_hub_url! text"},
    {"Telemetry", "status enum(online|offline|error); telemetries object; timestamp time; override bool; message text<=4096"},
    {"TelemetryReply", "config_version int(0..); command bool; info_version int(0..); new_licenses bool; latest_fw_version text?; "
                       "latest_fw_file_id uuid?; space_data_version int(0..); success bool"},
    {"DeviceCommand", "id uuid; device_id uuid; status text; name text; parameters object"},
    {"DeviceConfiguration", "success bool; name text; version int(0..); last_updated time; config object; device_id uuid"},
    {"DeviceLicense", "id uuid; device_id uuid; data text; signature text; action enum(add|update|remove); add bool; update bool; "
                      "remove bool; expires_at time; current_time time"},
    {"LicenseReport", "data! text; signature! text; id! uuid; expires_at! time?"},
    {"DeviceInfo", "id uuid; partner {sn text?; mac text?; vendor text; model text}; config object; state object?; last_seen time?; "
                   "custom object; name text; firmware_version text; claimed text?; version int(0..); details object; test bool"},
    {"DeviceSpace", "location Location?; temperature_units text?; maintenance bool?; name text; local_time text; device_id uuid"},
    {"DeviceChild", "id uuid; sn text?; mac text?; state object?; last_seen time?; name text; firmware_version text; vendor text; "
                    "model text; claimed text?; details object"},
    {"DeviceIncident", "id uuid; device_id uuid; status text; priority text; title text; description text?; issue text; "
                       "created_at time; updated_at time"},
    {"Location", "coordinates {lat number; lng number}; utc_offset int; name text"},
    /* --- what people and programs see (management-api.md 2) --- */
    {"Device", "id! uuid; name text; sn text?; mac text?; cloud_id text?; status text?; effective_status text; "
               "merged_effective_status text; last_seen_at time?; details object; state object?; model ModelName; "
               "firmware {version text}; space {id int; full_path text}?; space_id int?; space_name text?; "
               "space_tree_path_name text?; custom_parameters object; partner text; parent_id uuid?; config_version int(0..); "
               "applied_config_version int(0..); incidents_suspended bool; host_address text?; created_at time; claimed_at time?; virtual bool"},
    {"PartnerDevice", "id! uuid; name text; sn text?; mac text?; cloud_id text?; status text?; last_seen_at time?; details object; "
                      "state object?; model ModelName; firmware {version text}; organization {id uuid; name text}?; "
                      "parent_id uuid?; created_at time; hub_url text; mqtt_hub_url text; connected bool; virtual bool"},
    {"Rollout", "id! uuid; name text; state enum(draft|running|paused|done|aborted); "
                "reason enum(error_percent|success_percent|rights)?; target RolloutTarget; command SendCommand; waves [int(1..100)]; "
                "success_percent int(0..100); error_percent int(0..100); wave int(0..); devices int(0..); "
                "progress [{wave int(1..); devices int(0..); waiting int(0..); sent int(0..); done int(0..); failed int(0..); "
                "skipped int(0..)}]; counts {waiting int(0..); sent int(0..); done int(0..); failed int(0..); skipped int(0..)}; "
                "created_by text?; created_at time; started_at time?; finished_at time?"},
    {"RolloutTarget", "device_ids [uuid]<=1000; space_id space; model_id uuid; firmware_version text<=255; search text<=255"},
    {"RolloutDevice", "device_id! uuid; name text?; wave int(0..); state enum(waiting|sent|done|failed|skipped); reason text?; "
                      "command_id uuid?; updated_at time"},
    {"ModelName", "id uuid; name text; sub_model text?"},
    {"Command", "id! uuid; device_id uuid; status enum(scheduled|pending|in_progress|done|failed|aborted); name text; "
                "friendly_name text; parameters object?; message text?; file_id uuid?; created_by text?; created_at time; "
                "scheduled_at time?; delivered_at time?; finished_at time?"},
    {"SendCommand", "name text; friendly_name text; command text; file_id uuid?; extra_params object?; scheduled_at time"},
    {"CustomField", "name! text<=64; label text; type! enum(string|text|password|date|datetime|number|integer|boolean|array|object|"
                    "json|select|multiselect); typeName text; required bool; options any; path text; default any"},
    {"CommandDefinition", "id uuid; name text; friendly_name text; description text; active bool; with_file bool; file_type text?; "
                          "timeout_seconds int(0..); custom_fields [CustomField]"},
    {"Parameter", "name! text; type! enum(text|number|password); required bool"},
    {"Model", "id! uuid; name text; vendor text; model text; device_type text; authentication_method text; published bool; "
              "parameters [Parameter]; commands [CommandDefinition]; config_schema object?; widgets [any]; enabled_tabs [text]"},
    {"PartnerModel", "id! uuid; name text; sku text?; icon_url text?; authentication_method text; communication_protocol text; "
                     "device_type text; api_version text; offline_threshold_minutes int?; enabled_tabs [text]; published bool; "
                     "vendor text; devices_count int(0..); created_at time; updated_at time"},
    {"HardwareKey", "id! uuid; name text; key text; expected_count int?; used_count int(0..); enforce_count bool; revoked_at time?; "
                    "first_used_at time?; last_used_at time?"},
    {"RegistrationEntry", "id! int; created_at time; address text?; model_id uuid?; hardware_key_id uuid?; sn text?; mac text?; "
                          "cloud_id text?; result enum(created|replaced|refused); error text?; device_id uuid?; flags [text]"},
    {"Space", "id! int; name text; parent_id int?; space_type text; full_path text; path text; config SpaceConfig; "
              "devices_count int(0..); created_at time"},
    {"SpaceConfig", "priority_factor enum(-1|0|1); temperature_units enum(celsius|fahrenheit); img text; location Location; "
                    "maintenance bool; inherit_location bool; inherit_priority_factor bool; inherit_temperature_units bool; "
                    "events object"},
    {"Incident", "id! uuid; device_id uuid; device_name text; status enum(active|closed); priority text; severity text; title text; "
                 "description text?; issue text; origin enum(rule|user|device|offline); device_model text; sub_model text?; "
                 "partner_name text; space_id int?; space_tree_path_name text?; acknowledged_by text?; created_at time; "
                 "updated_at time; closed_at time?; comments [{id int; text text; user text?; created_at time}]"},
    {"DeviceEvent", "id! uuid; device_id uuid; name text; category text; int_key_1 int?; int_key_2 int?; string_key_1 text?; "
                    "string_key_2 text?; timestamp time; created_at time"},
    {"TimelineEntry", "at! time; type! text; what text; text text?; actor text?; id uuid?"},
    {"Comment", "id! int; text text; created_at time; system bool; user text?; owner text?; owner_type text"},
    {"Ticket", "id! uuid; title text; description text?; status enum(open|resolved); created_at time; device_id uuid; "
               "user_name text?; user_email text?; comments [Comment]"},
    {"User", PERSON "; group_names [text]; deactivated_at time?; created_at time; last_login_at time?; login_count int(0..); "
                    "last_login_ip text?; external bool; invited bool"},
    {"Group", "id! uuid; name text; built_in bool; permissions object; created_at time; users [{" PERSON "}]"},
    {"SpaceAccess", "items! [{user_id uuid; group_id uuid; name text; email text?; role text}]; "
                    "inherited! [{user_id uuid; group_id uuid; name text; email text?; role text; space_id int}]; "
                    "next_page int?; has_next_page bool"},
    {"Asset", "id! uuid; space_id int; name text; kind text?; serial text?; note text?; created_at time"},
    {"Note", "id! uuid; content text; notable_type enum(Space|Device); notable_id any; created_by text?; created_at time; "
             "updated_at time"},
    {"File", "id! uuid; name text; desc text?; file_type text; version text?; checksum text?; signature text?; public_notes text?; "
             "url text; size int(0..); sha256 text; created_at time"},
    {"DeviceFile", "id! uuid; name text; url text; desc text?; file_type text; version text?; checksum text?; signature text?; "
                   "created_at time; public_notes text?"},
    {"Dump", "id! uuid; device_id uuid; name text; mime text; length int(0..); created_at time; updated_at time"},
    {"License", "id! uuid; product_id uuid?; data text; signature text; expires_at time?; state text; action text?; "
                "device_id uuid?; organization_id uuid; created_at time; error text?"},
    {"Product", "id! uuid; name text; kind enum(physical|digital|metered); telemetry_key text?; model_ids [uuid]; created_at time"},
    {"Partner", "id! uuid; name text; short_code text; suspended bool; organizations int(0..); models int(0..); devices int(0..); "
                "created_at time"},
    {"Organization", "id! uuid; name text; lab bool; created_at time; contacts object; api_key text"},
    {"Customer", "id! uuid; name text; display_name text?; lab bool; sandbox bool; suspended bool; created_at time; contacts object; "
                 "devices_count int(0..)"},
    {"Rule", "id! uuid; model_id uuid; name text; description text?; priority text; active bool; auto_close bool; "
             "definition RuleDefinition; created_at time; updated_at time; open_incidents int; errors int"},
    {"RuleError", "id! int; rule_id uuid; device_id uuid; key text?; expected text; found text; created_at time"},
    {"RuleDefinition", "all [Condition]; any [Condition]"},
    {"Condition", "key! text<=128; type! enum(number|string|boolean); operator! enum(eq|ne|gt|gte|lt|lte|between|contains|"
                  "starts_with|ends_with|in|exists|missing); value any"},
    {"ApiKey", "id! uuid; name text; scope enum(full|read); expires_at time?; last_used_at time?; created_at time; key text"},
    {"AuditEntry", "id! int; created_at time; actor any; address text?; action text; object any; before any; after any"},
    {"TelemetryMessage", "created_at time; device_timestamp time?; telemetries object"},
    {"Series", "series! [{key text; unit text?; points [[any]]}]"},
    {"Configuration", "version int(0..); last_updated time; config object"},
    {"ConfigurationVersion", "version int(0..); created_at time; author any; config object"},
    {"HistoryRow", "created_at time; state object; device_id uuid"},
    {"OrganizationHistoryRow", "uuid uuid; device_id uuid; name text; model text; partner text; space_id int?; state object; "
                               "created_at time"},
    {"Delivery", "id! uuid; event_type text; state enum(waiting|delivered|failed); attempts int(0..); status int?; error text?; "
                 "next_attempt_at time?; created_at time; finished_at time?; payload object"},
    {"Mail", "id! uuid; kind text; to text; subject text?; text text?; link text?; state enum(waiting|sent|failed|listed); "
             "attempts int(0..); error text?; next_attempt_at time?; created_at time; finished_at time?"},
    {"MailRelay", "host text<=255?; port int(1..65535); security enum(none|starttls|tls); user text<=255?; password text<=255?; "
                  "from text<=255?"},
    {"Referral", "id! uuid; email text; organization_name text?; message text?; status enum(pending|accepted|revoked|expired); "
                 "created_by text?; created_at time; expires_at time; accepted_at time?; organization {id uuid; name text}?"},
    {"Session", "user! {" PERSON "}; tenants! [{kind enum(partner|organization); id uuid; name text}]; csrf_token text"},
    {0},
};
