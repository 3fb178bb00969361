/* Devices of HTTPS models: they report, and look what waits for them (device-api.md 3.1, 4, 5). */
#include <stdio.h>

#include "app/virtual/virtual_internal.h"
#include "base/clock.h"
#include "codec/json/json.h"
#include "notify/http_client.h"

/* Makes the call; the reply's body as JSON, for the caller to free; NULL: it was not `expected`. */
static struct json *call(struct virtual_device *device, struct http_client *http, const char *method, const char *path,
                         struct str body, long expected)
{
    struct buf url;
    struct json *reply = NULL;
    buf_init(&url, 512);
    virtual_base_url(device->virtuals, &url);
    buf_printf(&url, "/v1/devices/%s/%s", device->device.id, path);
    buf_append_u8(&url, 0);
    struct http_exchange exchange = {.method = method, .url = (const char *)url.data, .body = body,
                                     .authorization = device->device.access_key, .timeout_ms = VIRTUAL_CALL_MS};
    if (http_call(http, &exchange) == ERR_OK && exchange.status == expected &&
        json_parse(buf_str(&exchange.reply), NULL, &reply) != ERR_OK) {
        reply = NULL;
    }
    device->is_gone |= exchange.status == 401;
    buf_deinit(&exchange.reply);
    buf_deinit(&url);
    return reply;
}

static bool copy_id(struct virtual_device *device, const struct json *command)
{
    struct str id = json_string(json_get(command, "id"));
    if (!id.len || id.len >= sizeof device->device.command_id) {
        return false;
    }
    memcpy(device->device.command_id, id.ptr, id.len);
    device->device.command_id[id.len] = 0;
    return true;
}

/* False: not answered, it is said again. */
static bool report_command(struct virtual_device *device, struct http_client *http, const char *status)
{
    struct buf body;
    struct json_writer w;
    buf_init(&body, 1024);
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_cstr(&w, "id", device->device.command_id);
    json_field_cstr(&w, "status", status);
    json_field_cstr(&w, "message", "Simulated");
    json_end_object(&w);
    struct json *reply = call(device, http, "POST", "command", buf_str(&body), 200);
    buf_deinit(&body);
    json_free(reply);
    return reply != NULL;
}

static void begin_command(struct virtual_device *device, struct http_client *http)
{
    struct json *command = call(device, http, "GET", "command", STR(""), 200);
    if (command && copy_id(device, command) && !report_command(device, http, "in_progress")) {
        device->device.command_id[0] = 0; /* it still waits */
    }
    json_free(command);
}

/* What was under way when the program ended is found as firmware finds its own reboot (device-api.md 4.1). */
static void finish_left_command(struct virtual_device *device, struct http_client *http)
{
    struct json *command = call(device, http, "GET", "command", STR(""), 200);
    if (command && str_eq(json_string(json_get(command, "status")), STR("in_progress")) && copy_id(device, command)) {
        report_command(device, http, "done");
        device->device.command_id[0] = 0;
    }
    json_free(command);
}

static void apply_configuration(struct virtual_device *device, struct http_client *http, int64_t version)
{
    struct json *config = call(device, http, "GET", "config", STR(""), 200);
    if (config) {
        struct buf body;
        buf_init(&body, 1024 * 1024);
        json_write(&body, config);
        struct json *reply = call(device, http, "POST", "config", buf_str(&body), 200);
        device->config_version = reply ? version : device->config_version;
        json_free(reply);
        buf_deinit(&body);
        json_free(config);
    }
}

static void report(struct virtual_device *device, struct http_client *http)
{
    struct buf body;
    buf_init(&body, 4096);
    device_write_telemetry(&device->device, &body);
    struct json *reply = call(device, http, "POST", "telemetry", buf_str(&body), 201);
    buf_deinit(&body);
    if (!reply) {
        return;
    }
    int64_t version = 0;
    if (json_to_int(json_get(reply, "config_version"), &version) && version > device->config_version) {
        apply_configuration(device, http, version);
    }
    if (device->device.command_id[0]) {
        if (report_command(device, http, "done")) {
            device->device.command_id[0] = 0;
        }
    } else if (json_bool(json_get(reply, "command"))) {
        begin_command(device, http);
    }
    json_free(reply);
}

/* False: the simulation has ended. */
static bool poll_device(struct virtual_device *device, struct http_client *http)
{
    if (device->resumes) {
        finish_left_command(device, http);
        device->resumes = false;
    }
    if (!virtual_device_is_over(device)) {
        report(device, http);
        return !device->is_gone;
    }
    struct buf body;
    buf_init(&body, 256);
    virtual_write_farewell(&body);
    struct json *reply = call(device, http, "POST", "telemetry", buf_str(&body), 201);
    bool is_said = reply != NULL;
    buf_deinit(&body);
    json_free(reply);
    return !is_said && !device->is_gone && !virtual_device_is_overdue(device);
}

static void serve(struct virtual_devices *virtuals, struct virtual_device *device, struct http_client *http)
{
    if (device->protocol == PROTOCOL_MQTT) { /* only passes by after a restart */
        finish_left_command(device, http);
        virtual_device_connect(device);
    } else if (!poll_device(device, http)) {
        virtual_device_end(device);
    } else {
        device->due_ms = clock_monotonic_ms() + virtual_interval_ms(virtuals);
        virtual_device_poll(device);
    }
}

/* The device that is due first; the lock is held. */
static struct virtual_device *first_due(const struct virtual_devices *virtuals)
{
    struct virtual_device *first = NULL;
    for (struct list *node = virtuals->polled.next; node != &virtuals->polled; node = node->next) {
        struct virtual_device *device = list_entry(node, struct virtual_device, link);
        first = !first || device->due_ms < first->due_ms ? device : first;
    }
    return first;
}

static void wait_until(struct virtual_devices *virtuals, uint64_t due_ms)
{
    struct timespec until = {.tv_sec = (time_t)(due_ms / 1000), .tv_nsec = (long)(due_ms % 1000) * 1000000};
    pthread_cond_timedwait(&virtuals->wake, &virtuals->lock, &until);
}

void *virtual_poll_main(void *arg)
{
    struct virtual_devices *virtuals = arg;
    struct http_client *http = http_client_new();
    http_client_trust_any(http);
    pthread_mutex_lock(&virtuals->lock);
    while (!virtuals->is_stopping) {
        struct virtual_device *device = first_due(virtuals);
        if (!device) {
            pthread_cond_wait(&virtuals->wake, &virtuals->lock);
        } else if (device->due_ms > clock_monotonic_ms()) {
            wait_until(virtuals, device->due_ms);
        } else {
            list_remove(&device->link);
            pthread_mutex_unlock(&virtuals->lock);
            serve(virtuals, device, http);
            pthread_mutex_lock(&virtuals->lock);
        }
    }
    pthread_mutex_unlock(&virtuals->lock);
    http_client_free(http);
    return NULL;
}

void virtual_device_poll(struct virtual_device *device)
{
    struct virtual_devices *virtuals = device->virtuals;
    pthread_mutex_lock(&virtuals->lock);
    list_append(&virtuals->polled, &device->link);
    pthread_cond_signal(&virtuals->wake);
    pthread_mutex_unlock(&virtuals->lock);
}
