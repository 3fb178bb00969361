#include "model/management/message_rates.h"

#include <math.h>
#include <pthread.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "codec/json/json.h"

enum { STEP_MS = 5000, SNAPSHOTS = 13 }; /* twelve steps are a minute */

static const struct {
    enum metric metric;
    const char *name;
} counted[] = {
    {METRIC_HTTP_REQUESTS, "http_requests"},
    {METRIC_MQTT_PACKETS_IN, "mqtt_packets_received"},
    {METRIC_MQTT_PACKETS_OUT, "mqtt_packets_sent"},
    {METRIC_MQTT_PUBLISH_IN, "mqtt_publishes_received"},
    {METRIC_MQTT_PUBLISH_OUT, "mqtt_publishes_sent"},
    {METRIC_TELEMETRY_SAMPLES, "telemetry_samples"},
    {METRIC_COMMANDS_SENT, "commands"},
    {METRIC_STORE_COMMITS, "commits"},
    {METRIC_BYTES_RECEIVED, "bytes_received"},
    {METRIC_BYTES_SENT, "bytes_sent"},
};
enum { COUNTED = sizeof counted / sizeof counted[0] };

struct snapshot {
    uint64_t at_ms;
    int64_t values[COUNTED];
};

struct message_rates {
    pthread_mutex_t lock;
    struct snapshot snapshots[SNAPSHOTS]; /* ring */
    unsigned next, count;
};

struct message_rates *message_rates_new(void)
{
    struct message_rates *rates = mem_new(struct message_rates);
    pthread_mutex_init(&rates->lock, NULL);
    return rates;
}

void message_rates_free(struct message_rates *rates)
{
    if (rates) {
        pthread_mutex_destroy(&rates->lock);
        mem_free(rates);
    }
}

static void take(struct snapshot *snapshot, uint64_t now_ms)
{
    snapshot->at_ms = now_ms;
    for (size_t i = 0; i < COUNTED; i++) {
        snapshot->values[i] = metric_get(counted[i].metric);
    }
}

void message_rates_tick(struct message_rates *rates, uint64_t now_ms)
{
    if (!rates) {
        return;
    }
    pthread_mutex_lock(&rates->lock);
    const struct snapshot *last = &rates->snapshots[(rates->next + SNAPSHOTS - 1) % SNAPSHOTS];
    if (rates->count == 0 || now_ms - last->at_ms >= STEP_MS) {
        take(&rates->snapshots[rates->next], now_ms);
        rates->next = (rates->next + 1) % SNAPSHOTS;
        rates->count += rates->count < SNAPSHOTS;
    }
    pthread_mutex_unlock(&rates->lock);
}

static struct snapshot oldest(struct message_rates *rates, uint64_t now_ms)
{
    struct snapshot found;
    pthread_mutex_lock(&rates->lock);
    if (rates->count == 0) {
        take(&found, now_ms);
    } else {
        found = rates->snapshots[(rates->next + SNAPSHOTS - rates->count) % SNAPSHOTS];
    }
    pthread_mutex_unlock(&rates->lock);
    return found;
}

void message_rates_write(struct message_rates *rates, uint64_t now_ms, struct json_writer *w)
{
    struct snapshot then = oldest(rates, now_ms), now;
    take(&now, now_ms);
    double seconds = (double)(now.at_ms - then.at_ms) / 1000.0;
    json_begin_object(w);
    json_field_int(w, "seconds", (int64_t)seconds);
    for (size_t i = 0; i < COUNTED; i++) {
        double change = (double)(now.values[i] - then.values[i]);
        json_field_double(w, counted[i].name, seconds >= 1 ? round(change / seconds * 10) / 10 : 0);
    }
    json_end_object(w);
}
