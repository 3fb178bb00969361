/* Counters and gauges, declared in one table that feeds the code and /metrics. Any thread: each counts for itself, so that
 * threads which count the same things do not wait for one another's cache lines. To add one: a line in METRICS. */
#ifndef MUSTER_BASE_METRICS_H
#define MUSTER_BASE_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

/*  X(identifier, prometheus name, type, help) */
#define METRICS(X) \
    X(CONNECTIONS, "muster_connections", "gauge", "open connections of every kind") \
    X(CONNECTIONS_ACCEPTED, "muster_connections_accepted_total", "counter", "connections accepted") \
    X(CONNECTIONS_REFUSED, "muster_connections_refused_total", "counter", "connections refused by a limit") \
    X(BYTES_RECEIVED, "muster_received_bytes_total", "counter", "bytes read from connections") \
    X(BYTES_SENT, "muster_sent_bytes_total", "counter", "bytes written to connections") \
    X(TLS_HANDSHAKES, "muster_tls_handshakes_total", "counter", "TLS handshakes completed") \
    X(HTTP_REQUESTS, "muster_http_requests_total", "counter", "HTTP requests answered") \
    X(HTTP_ERRORS, "muster_http_errors_total", "counter", "HTTP replies with status 500 or above") \
    X(HTTP_BAD_REQUESTS, "muster_http_bad_requests_total", "counter", "HTTP requests that could not be parsed") \
    X(RATE_LIMITED, "muster_rate_limited_total", "counter", "requests refused by a rate limit") \
    X(MQTT_SESSIONS, "muster_mqtt_sessions", "gauge", "MQTT sessions, connected or stored") \
    X(MQTT_CONNECTED, "muster_mqtt_connected", "gauge", "MQTT clients connected") \
    X(MQTT_CONNECTS, "muster_mqtt_connects_total", "counter", "CONNECT packets accepted") \
    X(MQTT_CONNECTS_REFUSED, "muster_mqtt_connects_refused_total", "counter", "CONNECT packets refused") \
    X(MQTT_PACKETS_IN, "muster_mqtt_packets_received_total", "counter", "MQTT packets received") \
    X(MQTT_PACKETS_OUT, "muster_mqtt_packets_sent_total", "counter", "MQTT packets sent") \
    X(MQTT_PUBLISH_IN, "muster_mqtt_publish_received_total", "counter", "PUBLISH packets received") \
    X(MQTT_PUBLISH_OUT, "muster_mqtt_publish_sent_total", "counter", "PUBLISH packets sent") \
    X(MQTT_PUBLISH_REFUSED, "muster_mqtt_publish_refused_total", "counter", "uplinks refused or dropped") \
    X(MQTT_QUEUE_DROPPED, "muster_mqtt_queue_dropped_total", "counter", "queued messages dropped by a limit") \
    X(MQTT_PROTOCOL_ERRORS, "muster_mqtt_protocol_errors_total", "counter", "connections ended for a malformed packet or protocol error") \
    X(REGISTRATIONS, "muster_registrations_total", "counter", "devices registered") \
    X(REGISTRATIONS_REFUSED, "muster_registrations_refused_total", "counter", "registrations refused") \
    X(TELEMETRY_SAMPLES, "muster_telemetry_samples_total", "counter", "telemetry messages stored") \
    X(COMMANDS_SENT, "muster_commands_total", "counter", "commands created") \
    X(DEVICES, "muster_devices", "gauge", "registered devices") \
    X(STORE_COMMITS, "muster_store_commits_total", "counter", "transactions committed") \
    X(STORE_JOBS, "muster_store_jobs_total", "counter", "write jobs run") \
    X(STORE_FAILURES, "muster_store_failures_total", "counter", "transactions that failed") \
    X(STORE_QUEUE, "muster_store_queue", "gauge", "write jobs waiting") \
    X(DELIVERIES, "muster_deliveries_total", "counter", "webhook and chat calls delivered") \
    X(DELIVERIES_FAILED, "muster_deliveries_failed_total", "counter", "tries of webhook and chat calls that failed") \
    X(MAILS, "muster_mails_total", "counter", "mails that the relay took") \
    X(MAILS_FAILED, "muster_mails_failed_total", "counter", "tries of mails that failed") \
    X(LIVE_STREAMS, "muster_live_streams", "gauge", "live stream readers") \
    X(LIVE_EVENTS_DROPPED, "muster_live_events_dropped_total", "counter", "live events dropped for slow readers")

enum metric {
#define METRIC_ENUM(id, name, type, help) METRIC_##id,
    METRICS(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};

struct metric_shard {
    _Alignas(64) _Atomic int64_t values[METRIC_COUNT]; /* written by the thread that has it */
    struct metric_shard *next;
    _Atomic bool taken;
};

extern _Thread_local struct metric_shard *metric_own;
struct metric_shard *metric_shard_take(void); /* this thread's, which has none yet; given back when the thread ends */

static inline void metric_add(enum metric metric, int64_t delta)
{
    struct metric_shard *shard = metric_own ? metric_own : metric_shard_take();
    int64_t value = atomic_load_explicit(&shard->values[metric], memory_order_relaxed);
    atomic_store_explicit(&shard->values[metric], value + delta, memory_order_relaxed);
}
/* What all threads have counted together. */
int64_t metric_get(enum metric metric);
/* Prometheus text format, version 0.0.4. */
void metrics_render(struct buf *out);

#endif
