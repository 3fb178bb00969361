#include "app/virtual/virtual_internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/json/json.h"
#include "model/ports/simulation_store.h"
#include "model/virtual/virtual_device.h"
#include "notify/http_client.h"

enum { TICK_MS = 500, INTERVAL_MS_MIN = 100 };

/* --- where the doors are --- */

static struct net_address reachable(const struct net_address *listening)
{
    struct net_address address = *listening;
    if (net_address_is_any(listening)) {
        net_address_parse(listening->any.sa_family == AF_INET6 ? STR("::1") : STR("127.0.0.1"), net_address_port(listening),
                          &address);
    }
    return address;
}

void virtual_base_url(const struct virtual_devices *virtuals, struct buf *out)
{
    const struct bound_listeners *doors = &virtuals->urls->direct;
    const struct bound_listener *listener = doors->http.on ? &doors->http : &doors->https;
    if (listener->on) {
        char host[NET_HOST_TEXT_BYTES];
        struct net_address address = reachable(&listener->address);
        net_host_format(&address, host);
        listener_urls_append(out, listener == &doors->http ? "http" : "https", listener, host);
    }
}

static bool has_doors(struct simulator *simulator, enum protocol protocol)
{
    const struct virtual_devices *virtuals = container_of(simulator, struct virtual_devices, port);
    const struct bound_listeners *doors = &virtuals->urls->direct;
    return (doors->http.on || doors->https.on) && (protocol != PROTOCOL_MQTT || doors->mqtt.on || doors->mqtts.on);
}

/* --- one device --- */

static int64_t over_for_ms(const struct virtual_device *device)
{
    const struct domain *domain = device->virtuals->domain;
    uint64_t duration = domain_settings(domain)->virtual_duration;
    return duration && duration < INT64_MAX / 2 ? domain->now_unix_ms() - device->started_at - (int64_t)duration : -1;
}

uint64_t virtual_interval_ms(const struct virtual_devices *virtuals)
{
    uint64_t interval_ms = domain_settings(virtuals->domain)->virtual_interval;
    return interval_ms < INTERVAL_MS_MIN ? INTERVAL_MS_MIN : interval_ms;
}

bool virtual_device_is_over(const struct virtual_device *device)
{
    return over_for_ms(device) >= 0;
}

bool virtual_device_is_overdue(const struct virtual_device *device)
{
    return over_for_ms(device) >= VIRTUAL_GRACE_MS;
}

void virtual_write_farewell(struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_cstr(&w, "status", "offline");
    json_end_object(&w);
}

static struct virtual_device *virtual_device_new(struct virtual_devices *virtuals, const struct uuid *id, const char *access_key,
                                                 enum protocol protocol, int64_t started_at)
{
    struct virtual_device *device = mem_new(struct virtual_device);
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    device->virtuals = virtuals;
    device->id = *id;
    device->protocol = protocol;
    device->started_at = started_at;
    device_init(&device->device, &virtuals->fleet, 0);
    snprintf(device->device.id, sizeof device->device.id, "%s", text);
    snprintf(device->device.access_key, sizeof device->device.access_key, "%s", access_key);
    snprintf(device->device.topic_prefix, sizeof device->device.topic_prefix, "v1/device/%s/", text);
    device->device.has_identity = true;
    const struct bound_listeners *doors = &virtuals->urls->direct;
    const struct bound_listener *hub = doors->mqtt.on ? &doors->mqtt : &doors->mqtts;
    device->device.hub = reachable(&hub->address);
    device->device.hub_uses_tls = hub == &doors->mqtts;
    return device;
}

void virtual_device_free(struct virtual_device *device)
{
    secret_wipe(device->device.access_key, sizeof device->device.access_key);
    mem_free(device);
}

static void end_run(struct op *op, struct store_tx *tx)
{
    struct virtual_device *device = container_of(op, struct virtual_device, end);
    op->err = simulation_store_remove(tx, &device->id);
}

/* Not written down: it says goodbye once more after the next start. */
static void end_done(struct op *op)
{
    virtual_device_free(container_of(op, struct virtual_device, end));
}

void virtual_device_end(struct virtual_device *device)
{
    struct virtual_devices *virtuals = device->virtuals;
    log_event(LOG_INFO, "virtual_device_ended", log_s("device", device->device.id));
    device->end = (struct op){.home = loop_mailbox(virtuals->fleet.loop), .lane = LANE_REGISTRY, .run = end_run, .done = end_done};
    op_submit(virtuals->domain->executor, &device->end);
}

/* --- devices of MQTT models; on the loop --- */

static bool is_connected(const struct virtual_device *device)
{
    return timer_is_set(&device->device.report);
}

static void say_farewell(struct virtual_device *device)
{
    struct timer_wheel *timers = loop_timers(device->virtuals->fleet.loop);
    timer_cancel(timers, &device->device.report); /* the last word */
    timer_cancel(timers, &device->device.finish);
    struct buf body;
    char topic[128];
    buf_init(&body, 256);
    virtual_write_farewell(&body);
    snprintf(topic, sizeof topic, "%stelemetry", device->device.topic_prefix);
    device->farewell_id = mqtt_client_publish(&device->device.client, str_from_cstr(topic), buf_str(&body), 1);
    buf_deinit(&body);
}

static void on_acknowledged(struct device *client, uint16_t packet_id)
{
    struct virtual_device *device = container_of(client, struct virtual_device, device);
    if (device->farewell_id && packet_id == device->farewell_id) {
        device_stop(client);
    }
}

/* It was told that its key is dead. */
static void on_identity_lost(struct fleet *fleet, struct device *client)
{
    (void)fleet;
    container_of(client, struct virtual_device, device)->is_gone = true;
}

static void look_after(struct virtual_device *device)
{
    bool is_closed = !device->device.client.stream;
    bool is_lost = virtual_device_is_overdue(device) && is_closed;
    if (is_lost && !device->device.is_stopped) {
        device_stop(&device->device);
    }
    if (is_closed && (device->is_gone || device->device.is_stopped)) {
        list_remove(&device->link);
        virtual_device_end(device);
    } else if (is_connected(device) && virtual_device_is_over(device)) {
        say_farewell(device);
    }
}

static void on_tick(struct timer *timer, uint64_t now_ms)
{
    struct virtual_devices *virtuals = container_of(timer, struct virtual_devices, tick);
    virtuals->fleet.interval_ms = virtual_interval_ms(virtuals);
    list_each_safe(node, &virtuals->connected) {
        look_after(list_entry(node, struct virtual_device, link));
    }
    if (!list_is_empty(&virtuals->connected)) {
        timer_set(loop_timers(virtuals->fleet.loop), timer, now_ms + TICK_MS);
    }
}

static void on_arrival(struct task *task)
{
    struct virtual_device *device = container_of(task, struct virtual_device, arrival);
    struct virtual_devices *virtuals = device->virtuals;
    if (virtuals->fleet.stopping) {
        virtual_device_free(device);
        return;
    }
    virtuals->fleet.interval_ms = virtual_interval_ms(virtuals);
    list_append(&virtuals->connected, &device->link);
    device_connect(&device->device);
    if (!timer_is_set(&virtuals->tick)) {
        timer_set(loop_timers(virtuals->fleet.loop), &virtuals->tick, loop_now_ms(virtuals->fleet.loop) + TICK_MS);
    }
}

void virtual_device_connect(struct virtual_device *device)
{
    device->arrival.run = on_arrival;
    mailbox_post(loop_mailbox(device->virtuals->fleet.loop), &device->arrival);
}

static void begin(struct virtual_device *device)
{
    if (device->protocol == PROTOCOL_MQTT && !device->resumes) {
        virtual_device_connect(device);
    } else {
        virtual_device_poll(device);
    }
}

/* --- registration (device-api.md 2.1); on a worker --- */

static void write_registration(const struct virtual_launch *launch, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_cstr(&w, "hardware_key", launch->key);
    json_field_cstr(&w, "firmware_version", "1.0.0");
    json_field_cstr(&w, "sn", launch->sn);
    json_field_cstr(&w, "mac", launch->mac);
    json_field_cstr(&w, "cloud_id", launch->cloud_id);
    json_field_cstr(&w, "name", "Virtual device");
    json_name(&w, "details");
    json_begin_object(&w);
    json_field_bool(&w, "virtual", true);
    json_end_object(&w);
    json_end_object(&w);
}

/* False: the reply holds what the door answered, or 503 when it did not. */
static bool take_identity(struct virtual_devices *virtuals, struct virtual_launch *launch, const struct http_exchange *exchange,
                          struct reply *reply)
{
    struct json *body = NULL;
    if (json_parse(buf_str(&exchange->reply), NULL, &body) != ERR_OK) {
        body = NULL;
    }
    struct str key = json_string(json_get(body, "access_key"));
    char access_key[40];
    bool ok = exchange->status == 201 && key.len < sizeof access_key &&
              uuid_parse(json_string(json_get(body, "id")), &launch->device_id);
    if (ok) {
        snprintf(access_key, sizeof access_key, "%.*s", STR_ARG(key));
        begin(virtual_device_new(virtuals, &launch->device_id, access_key, launch->protocol, launch->started_at));
        secret_wipe(access_key, sizeof access_key);
    } else if (exchange->status == 422) {
        reply_error(reply, 422, "%.*s", STR_ARG(json_string(json_get(body, "error"))));
    } else {
        log_event(LOG_WARN, "virtual_device_refused", log_i("status", exchange->status));
        reply_from_err(reply, ERR_BUSY);
    }
    json_free(body);
    return ok;
}

static bool launch(struct simulator *simulator, struct virtual_launch *launch, struct reply *reply)
{
    struct virtual_devices *virtuals = container_of(simulator, struct virtual_devices, port);
    struct http_client *http = http_client_new();
    http_client_trust_any(http);
    struct buf body, url;
    buf_init(&body, 4096);
    buf_init(&url, 512);
    write_registration(launch, &body);
    virtual_base_url(virtuals, &url);
    buf_append_cstr(&url, "/v1/devices");
    buf_append_u8(&url, 0);
    struct http_exchange exchange = {.method = "POST", .url = (const char *)url.data, .body = buf_str(&body),
                                     .timeout_ms = VIRTUAL_CALL_MS};
    enum err err = http_call(http, &exchange);
    (void)err; /* the status is 0 then */
    bool ok = take_identity(virtuals, launch, &exchange, reply);
    if (exchange.reply.data) {
        secret_wipe(exchange.reply.data, exchange.reply.len);
    }
    buf_deinit(&exchange.reply);
    buf_deinit(&url);
    buf_deinit(&body);
    http_client_free(http);
    return ok;
}

/* --- what was running --- */

struct resumption {
    struct op op;
    struct virtual_devices *virtuals;
    struct list found;
};

static void resume_one(const struct simulation *simulation, void *arg)
{
    struct resumption *resumption = arg;
    struct virtual_device *device = virtual_device_new(resumption->virtuals, &simulation->device_id, simulation->access_key,
                                                       simulation->protocol, simulation->started_at);
    device->resumes = true;
    list_append(&resumption->found, &device->link);
}

static void resume_run(struct op *op, struct store_tx *tx)
{
    struct resumption *resumption = container_of(op, struct resumption, op);
    op->err = simulations_each(resumption->virtuals->domain, tx, resume_one, resumption);
}

static void resume_done(struct op *op)
{
    struct resumption *resumption = container_of(op, struct resumption, op);
    if (op->err != ERR_OK) {
        log_event(LOG_WARN, "virtual_devices_unread", log_s("error", err_name(op->err)));
    }
    list_each_safe(node, &resumption->found) {
        list_remove(node);
        begin(list_entry(node, struct virtual_device, link));
    }
    mem_free(resumption);
}

static void resume(struct virtual_devices *virtuals)
{
    struct resumption *resumption = mem_new(struct resumption);
    resumption->virtuals = virtuals;
    list_init(&resumption->found);
    resumption->op = (struct op){
        .home = loop_mailbox(virtuals->fleet.loop), .lane = LANE_READ, .run = resume_run, .done = resume_done};
    op_submit(virtuals->domain->executor, &resumption->op);
}

/* --- life --- */

struct virtual_devices *virtual_devices_new(struct domain *domain, const struct listener_urls *urls)
{
    struct virtual_devices *virtuals = mem_new(struct virtual_devices);
    virtuals->domain = domain;
    virtuals->urls = urls;
    virtuals->port.has_doors = has_doors;
    virtuals->port.launch = launch;
    virtual_tickets_init(&virtuals->port.tickets);
    list_init(&virtuals->connected);
    list_init(&virtuals->polled);
    virtuals->tick.on_due = on_tick;
    virtuals->fleet.loop = loop_new(0);
    virtuals->fleet.tls = tls_client_new(NULL);
    virtuals->fleet.run_name = "virtual";
    virtuals->fleet.short_code = "";
    virtuals->fleet.is_quiet = true;
    virtuals->fleet.want_registration = on_identity_lost;
    virtuals->fleet.on_acknowledged = on_acknowledged;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&virtuals->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&virtuals->lock, NULL);
    domain->simulator = &virtuals->port;
    return virtuals;
}

static void *loop_main(void *arg)
{
    struct virtual_devices *virtuals = arg;
    loop_run(virtuals->fleet.loop);
    return NULL;
}

static void on_stop(struct task *task)
{
    struct virtual_devices *virtuals = container_of(task, struct virtual_devices, stop);
    virtuals->fleet.stopping = true;
    list_each(node, &virtuals->connected) {
        device_stop(&list_entry(node, struct virtual_device, link)->device);
    }
    loop_stop(virtuals->fleet.loop);
}

enum err virtual_devices_start(struct virtual_devices *virtuals)
{
    if (pthread_create(&virtuals->loop_thread, NULL, loop_main, virtuals) != 0) {
        return ERR_IO;
    }
    pthread_setname_np(virtuals->loop_thread, "virtual");
    if (pthread_create(&virtuals->poll_thread, NULL, virtual_poll_main, virtuals) != 0) {
        loop_stop(virtuals->fleet.loop);
        pthread_join(virtuals->loop_thread, NULL);
        return ERR_IO;
    }
    pthread_setname_np(virtuals->poll_thread, "virtual-poll");
    virtuals->is_started = true;
    resume(virtuals);
    return ERR_OK;
}

void virtual_devices_stop(struct virtual_devices *virtuals)
{
    if (!virtuals || !virtuals->is_started) {
        return;
    }
    pthread_mutex_lock(&virtuals->lock);
    virtuals->is_stopping = true;
    pthread_cond_broadcast(&virtuals->wake);
    pthread_mutex_unlock(&virtuals->lock);
    pthread_join(virtuals->poll_thread, NULL);
    virtuals->stop.run = on_stop;
    mailbox_post(loop_mailbox(virtuals->fleet.loop), &virtuals->stop);
    pthread_join(virtuals->loop_thread, NULL);
    virtuals->is_started = false;
}

static void free_all(struct list *devices)
{
    list_each_safe(node, devices) {
        list_remove(node);
        virtual_device_free(list_entry(node, struct virtual_device, link));
    }
}

void virtual_devices_free(struct virtual_devices *virtuals)
{
    if (!virtuals) {
        return;
    }
    virtuals->domain->simulator = NULL;
    virtuals->fleet.stopping = true;
    loop_free(virtuals->fleet.loop); /* what was posted since: arrivals, ends */
    free_all(&virtuals->connected);
    free_all(&virtuals->polled);
    tls_client_free(virtuals->fleet.tls);
    pthread_mutex_destroy(&virtuals->lock);
    pthread_mutex_destroy(&virtuals->port.tickets.lock);
    pthread_cond_destroy(&virtuals->wake);
    mem_free(virtuals);
}
