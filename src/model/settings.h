/* Every setting of the program, declared once: the configuration reader, `muster config check` and docs/configuration.md
 * are made from this table. Immutable after start but for the ones marked reloadable, which are swapped as a whole. */
#ifndef MUSTER_MODEL_SETTINGS_H
#define MUSTER_MODEL_SETTINGS_H

#include "base/str.h"

/*  X(section, field, type, default, reloadable, help)
 *  types: U = whole number, MS = duration in milliseconds, SIZE = bytes, BOOL, TEXT; 0 switches a limit off */
#define SETTINGS(X) \
    X(server, public_url, TEXT, "", 1, "value of hub_url in registrations; unset: made from the HTTPS listener") \
    X(server, static_cert_url, TEXT, "", 1, "value of hub_url_static_cert; unset: same as hub_url") \
    X(server, mqtt_url, TEXT, "", 1, "value of mqtt_hub_url; unset: made from the MQTT listener") \
    X(server, limits_exempt, TEXT, "", 1, "networks without per-address limits, comma separated; loopback always is") \
    X(server, trusted_proxies, TEXT, "", 1, "networks of proxies whose X-Forwarded-For or PROXY v2 header is believed, comma separated") \
    X(server, loops, U, 0, 0, "event loop threads; 0: one per usable core") \
    X(server, gather_us, U, 250, 0, "microseconds between turns of a loop with sparse traffic, which saves CPU; 0: off") \
    X(server, connections_max, U, 0, 0, "open connections; 0: the file limit less a reserve of 512") \
    X(server, connections_per_address, U, 2000, 1, "open connections of one address") \
    X(server, log_level, TEXT, "info", 1, "debug, info, warn or error") \
    X(server, log_format, TEXT, "logfmt", 0, "logfmt or json") \
    X(tls, certificate, TEXT, "", 1, "PEM file with the certificate chain; unset: self-signed, made in the data folder") \
    X(tls, private_key, TEXT, "", 1, "PEM file with the private key") \
    X(http, request_timeout, MS, 30000, 1, "idle time before an unfinished request gets 408") \
    X(http, keep_alive_timeout, MS, 75000, 1, "idle time before a kept connection is closed") \
    X(http, headers_max, SIZE, 16384, 1, "request line and headers") \
    X(http, body_max, SIZE, 262144, 1, "JSON body of one call") \
    X(http, bulk_body_max, SIZE, 4194304, 1, "JSON body of mass and bulk calls") \
    X(limits, device_requests, U, 150, 1, "HTTP requests of one device in 30 s") \
    X(limits, address_requests, U, 600, 1, "unauthenticated HTTP requests of one address in 30 s") \
    X(limits, management_requests, U, 600, 1, "requests of one API key or session in 30 s") \
    X(limits, failed_signins_account, U, 10, 1, "failed sign-ins a minute of one address for one account") \
    X(limits, failed_signins_address, U, 60, 1, "failed sign-ins a minute of one address") \
    X(limits, telemetry_max, SIZE, 131072, 1, "one telemetry message") \
    X(limits, telemetry_string_max, SIZE, 1000, 1, "one telemetry string value") \
    X(limits, telemetry_key_max, SIZE, 128, 1, "one telemetry key") \
    X(limits, state_keys_max, U, 1000, 1, "keys in the state of one device") \
    X(limits, state_max, SIZE, 65536, 1, "whole state of one device") \
    X(limits, config_max, SIZE, 131072, 1, "configuration document of one device") \
    X(limits, details_max, SIZE, 65536, 1, "details of one device") \
    X(limits, device_updates, U, 10, 1, "Update Device calls of one device in an hour") \
    X(limits, device_events, U, 100, 1, "events of one device in a UTC day") \
    X(limits, device_incidents, U, 1000, 1, "incidents that one device makes in a UTC day") \
    X(limits, incidents_open, U, 1000, 1, "active incidents that one device has made") \
    X(limits, rule_incidents, U, 100, 1, "incidents that one rule opens for one device in a UTC day") \
    X(limits, commands_open, U, 1000, 1, "commands of one device that are scheduled, pending or in progress") \
    X(limits, dump_request, SIZE, 16777216, 1, "one dump request of a device") \
    X(limits, dump_size, SIZE, 67108864, 1, "one dump with all that is appended to it") \
    X(limits, device_uploads, U, 8, 1, "uploads of one device at the same time") \
    X(limits, tenant_uploads, U, 64, 1, "uploads of the people and keys of one tenant at the same time") \
    X(limits, device_dumps, U, 100, 1, "dumps kept of one device; the oldest go") \
    X(limits, device_dump_bytes, SIZE, 268435456, 1, "bytes of the dumps kept of one device; the oldest go") \
    X(limits, registration_log_rows, U, 100000, 1, "rows kept in the provisioning log") \
    X(virtual, devices_partner, U, 10, 1, "virtual devices of one partner, until they are deleted") \
    X(virtual, devices_running, U, 100, 1, "virtual devices that are simulated at a time, of all partners") \
    X(virtual, duration, MS, 3600000, 1, "time after which the simulation of a virtual device ends; 0: when the device is deleted") \
    X(virtual, interval, MS, 5000, 1, "time between two reports of a virtual device") \
    X(mqtt, connect_timeout, MS, 10000, 1, "time for the first packet of a connection") \
    X(mqtt, keep_alive_max, U, 600, 1, "longest keep-alive in seconds of MQTT 5.0 clients, also of those that ask for none") \
    X(mqtt, receive_maximum, U, 256, 0, "QoS 1 and 2 publishes a client may have unacknowledged") \
    X(mqtt, topic_aliases, U, 32, 0, "topic aliases a client may use; at most 32") \
    X(mqtt, packet_max, SIZE, 262144, 0, "one MQTT packet") \
    X(mqtt, session_expiry_max, U, 604800, 1, "longest session expiry in seconds") \
    X(mqtt, device_publishes, U, 300, 1, "PUBLISH packets of one device in 30 s") \
    X(mqtt, application_publishes, U, 3000, 1, "PUBLISH packets of one application in 30 s") \
    X(mqtt, device_subscribes, U, 60, 1, "SUBSCRIBE and UNSUBSCRIBE packets of one device in 30 s") \
    X(mqtt, application_subscribes, U, 300, 1, "SUBSCRIBE and UNSUBSCRIBE packets of one application in 30 s") \
    X(mqtt, device_filters, U, 64, 1, "filters of one device session") \
    X(mqtt, application_filters, U, 1000, 1, "filters of one application session") \
    X(mqtt, topic_max, SIZE, 512, 1, "length of a topic") \
    X(mqtt, topic_levels, U, 16, 1, "levels of a topic") \
    X(mqtt, device_queue, U, 1000, 1, "messages kept for an offline device session") \
    X(mqtt, device_queue_bytes, SIZE, 4194304, 1, "bytes kept for an offline device session") \
    X(mqtt, application_queue, U, 10000, 1, "messages kept for an offline application session") \
    X(mqtt, application_queue_bytes, SIZE, 67108864, 1, "bytes kept for an offline application session") \
    X(mqtt, device_retained, U, 64, 1, "retained messages of one device") \
    X(mqtt, device_retained_bytes, SIZE, 1048576, 1, "bytes of the retained messages of one device") \
    X(mqtt, open_filters, U, 1000, 1, "filters of one session of an open listener") \
    X(mqtt, open_topic_max, SIZE, 1024, 1, "length of a topic on an open listener") \
    X(mqtt, open_topic_levels, U, 64, 1, "levels of a topic on an open listener") \
    X(mqtt, open_queue, U, 10000, 1, "messages kept for an offline session of an open listener") \
    X(mqtt, open_queue_bytes, SIZE, 67108864, 1, "bytes kept for an offline session of an open listener") \
    X(mqtt, open_retained, U, 100000, 1, "retained messages of one open listener") \
    X(mqtt, open_retained_bytes, SIZE, 268435456, 1, "bytes of the retained messages of one open listener") \
    X(mqtt, application_sessions, U, 100, 1, "application sessions of one tenant") \
    X(mqtt, failed_connects, U, 60, 1, "failed CONNECTs in 30 s of one address and client id") \
    X(telemetry, segment_rows, U, 1000000, 0, "samples after which a telemetry file ends and is sealed") \
    X(telemetry, segment_rows_min, U, 50000, 0, "samples from which on a telemetry file may end for its age") \
    X(telemetry, segment_age, MS, 900000, 0, "age at which a telemetry file ends, with that many samples") \
    X(notify, allowed_networks, TEXT, "", 1, "private networks that webhooks and chat calls may reach, comma separated; unset: none, loopback neither") \
    X(notify, ca_file, TEXT, "", 1, "PEM file that certificates of webhooks and of the mail relay are checked against; unset: the system's") \
    X(notify, timeout, MS, 10000, 1, "time for one webhook or chat call") \
    X(notify, first_retry, MS, 10000, 1, "time between the first and the second try of a webhook or chat call") \
    X(notify, second_retry, MS, 60000, 1, "time between the second and the third try of a webhook or chat call") \
    X(notify, webhook_queue, U, 100000, 1, "webhook and chat calls of one tenant that wait; more are kept as failed") \
    X(notify, mail_queue, U, 1000, 1, "mails of one tenant that wait; more are kept as failed") \
    X(notify, deliveries_kept, U, 1000, 1, "finished calls, and finished mails, of one tenant that are kept for the lists") \
    X(files, file_max, SIZE, 2147483648, 1, "one file or firmware") \
    X(files, tenant_files, U, 10000, 1, "files of one model, or of one organization") \
    X(files, tenant_bytes, SIZE, 0, 1, "bytes of all files of one partner, firmware among them, or of one organization; 0: no limit") \
    X(files, disk_reserve, SIZE, 268435456, 1, "free disk space that uploads leave alone") \
    X(retention, backups, U, 7, 1, "backups kept in the data folder; 0: all") \
    X(retention, dump_days, U, 90, 1, "days that dumps of devices are kept") \
    X(retention, telemetry_days, U, 30, 1, "days that raw telemetry is kept") \
    X(retention, history_days, U, 400, 1, "days that history, events, closed incidents, finished commands and the audit log are kept")

#define SETTING_C_U uint64_t
#define SETTING_C_MS uint64_t
#define SETTING_C_SIZE size_t
#define SETTING_C_BOOL bool
#define SETTING_C_TEXT char *

struct settings {
#define SETTING_FIELD(section, field, type, initial, reloadable, help) SETTING_C_##type section##_##field;
    SETTINGS(SETTING_FIELD)
#undef SETTING_FIELD
};

void settings_init(struct settings *settings);   /* the defaults */
void settings_deinit(struct settings *settings);

#endif
