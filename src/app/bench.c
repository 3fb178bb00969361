/* muster bench: a load generator on one loop for any MQTT broker, and for Muster's registration. It prints one JSON line
 * a run; scripts/bench starts the servers, reads their CPU time and memory and writes docs/benchmarks.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/client/mqtt_client.h"
#include "app/commands.h"
#include "base/clock.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "codec/config/config_file.h"
#include "io/tls.h"

enum { LATENCY_BUCKETS = 4000, TOPIC_BYTES = 96, INFLIGHT_MAX = 256, REPLY_BYTES_MAX = 65536 };

enum bench_mode { BENCH_PUBLISH, BENCH_CONNECT, BENCH_REGISTER };

struct bench {
    enum bench_mode mode;
    struct loop *loop;
    struct net_address to;
    struct tls_client *tls;
    unsigned clients, inflight, qos, opening;
    uint64_t seconds;
    const char *hardware_key;
    const char *topic;           /* with one %s: the client id */
    char (*ids)[48], (*keys)[48]; /* NULL: anonymous */
    unsigned credential_count;
    FILE *save;
    struct bench_client *all;
    struct timer end;
    bool measuring, stopping;
    /* results */
    unsigned connected, failed;
    uint64_t started_us, done, refused;
    uint64_t latency[LATENCY_BUCKETS]; /* steps of 50 us */
    uint64_t serial;
};

struct bench_client {
    struct bench *bench;
    unsigned index;
    struct mqtt_client mqtt;
    struct stream *http;
    char id[48], topic[TOPIC_BYTES];
    uint64_t sent_us[INFLIGHT_MAX]; /* by packet id modulo; HTTP uses the first */
    unsigned waiting;
    uint64_t number;
    bool counted;
};

static void count_done(struct bench_client *client, uint64_t sent_us)
{
    struct bench *bench = client->bench;
    if (!bench->measuring) {
        return;
    }
    bench->done++;
    uint64_t bucket = (clock_monotonic_us() - sent_us) / 50;
    bench->latency[bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1]++;
}

static void open_more(struct bench *bench);

static void client_is_up(struct bench_client *client)
{
    struct bench *bench = client->bench;
    if (!client->counted) {
        client->counted = true;
        bench->connected++;
        open_more(bench);
    }
    if (bench->connected + bench->failed == bench->clients && !bench->measuring) {
        bench->measuring = true;
        bench->started_us = clock_monotonic_us();
        timer_set(loop_timers(bench->loop), &bench->end, loop_now_ms(bench->loop) + bench->seconds * 1000);
        printf("{\"event\":\"connected\",\"clients\":%u,\"failed\":%u}\n", bench->connected, bench->failed);
        fflush(stdout);
    }
}

static void client_is_down(struct bench_client *client)
{
    struct bench *bench = client->bench;
    if (bench->stopping) {
        return;
    }
    if (client->counted) {
        bench->refused++; /* lost during the run */
        return;
    }
    client->counted = true;
    bench->failed++;
    open_more(bench);
    if (bench->failed == bench->clients) {
        loop_stop(bench->loop);
    }
}

/* ---- MQTT -------------------------------------------------------------------------------------------------------- */

static void publish_one(struct bench_client *client)
{
    char payload[160];
    int length = snprintf(payload, sizeof payload, "{\"telemetries\":{\"temp\":%u.%u,\"n\":%llu,\"ok\":true}}",
                          20 + client->index % 10, (unsigned)(client->number % 10), (unsigned long long)client->number);
    client->number++;
    uint16_t id = mqtt_client_publish(&client->mqtt, str_from_cstr(client->topic), str_from(payload, (size_t)length),
                                      (uint8_t)client->bench->qos);
    client->sent_us[id % INFLIGHT_MAX] = clock_monotonic_us();
    client->waiting++;
}

static void on_mqtt_packet(struct mqtt_client *mqtt, const struct mqtt_packet *packet)
{
    struct bench_client *client = container_of(mqtt, struct bench_client, mqtt);
    struct bench *bench = client->bench;
    if (packet->type == MQTT_CONNACK) {
        if (packet->connack.reason != MQTT_SUCCESS) {
            mqtt_client_abort(mqtt);
            return;
        }
        client_is_up(client);
        for (unsigned i = 0; bench->mode == BENCH_PUBLISH && i < bench->inflight; i++) {
            publish_one(client);
        }
    } else if (packet->type == MQTT_PUBACK) {
        if (packet->puback.reason >= 0x80) {
            bench->refused++;
        } else {
            count_done(client, client->sent_us[packet->puback.packet_id % INFLIGHT_MAX]);
        }
        client->waiting--;
        if (!bench->stopping) {
            publish_one(client);
        }
    }
}

static void on_mqtt_closed(struct mqtt_client *mqtt)
{
    client_is_down(container_of(mqtt, struct bench_client, mqtt));
}

static const struct mqtt_client_ops mqtt_ops = {.on_packet = on_mqtt_packet, .on_closed = on_mqtt_closed};

static void open_mqtt(struct bench_client *client)
{
    struct bench *bench = client->bench;
    mqtt_client_init(&client->mqtt, bench->loop, &mqtt_ops);
    struct mqtt_connect *connect = &client->mqtt.connect;
    if (client->index < bench->credential_count) {
        snprintf(client->id, sizeof client->id, "%s", bench->ids[client->index]);
        connect->user_name = str_from_cstr(client->id);
        connect->password = str_from_cstr(bench->keys[client->index]);
        connect->has_user_name = connect->has_password = true;
    } else {
        snprintf(client->id, sizeof client->id, "bench-%u", client->index);
    }
    connect->client_id = str_from_cstr(client->id);
    connect->keep_alive_s = 600;
    /* "{id}" in the topic is the client's id. */
    const char *mark = strstr(bench->topic, "{id}");
    int before = mark ? (int)(mark - bench->topic) : (int)strlen(bench->topic);
    snprintf(client->topic, sizeof client->topic, "%.*s%s%s", before, bench->topic, mark ? client->id : "",
             mark ? mark + 4 : "");
    mqtt_client_start(&client->mqtt, &bench->to, bench->tls);
}

/* ---- registration over HTTP keep-alive --------------------------------------------------------------------------- */

static void register_one(struct bench_client *client)
{
    struct bench *bench = client->bench;
    char body[256], head[256];
    unsigned long long n = (unsigned long long)bench->serial++;
    int body_bytes = snprintf(body, sizeof body,
                              "{\"hardware_key\":\"%s\",\"firmware_version\":\"1.0.0\",\"sn\":\"B-%ld-%llu\",\"mac\":\"%012llx\"}",
                              bench->hardware_key, (long)getpid(), n, n);
    int head_bytes = snprintf(head, sizeof head, "POST /v1/devices HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n",
                              body_bytes);
    stream_write(client->http, head, (size_t)head_bytes);
    stream_write(client->http, body, (size_t)body_bytes);
    client->sent_us[0] = clock_monotonic_us();
}

static void save_identity(struct bench *bench, struct str body)
{
    struct json *reply;
    if (bench->save && json_parse(body, NULL, &reply) == ERR_OK) {
        fprintf(bench->save, "%.*s %.*s\n", STR_ARG(json_string(json_get(reply, "id"))),
                STR_ARG(json_string(json_get(reply, "access_key"))));
        json_free(reply);
    }
}

/* Our own server's replies only: a head with Content-Length, then the body. Returns the bytes of one whole reply. */
static size_t take_reply(struct bench_client *client, struct str input)
{
    const char *end = memmem(input.ptr, input.len, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    size_t head_bytes = (size_t)(end - input.ptr) + 4;
    const char *at = memmem(input.ptr, head_bytes, "Content-Length: ", 16);
    if (!at) {
        return 0;
    }
    size_t body_bytes = strtoul(at + 16, NULL, 10);
    if (input.len < head_bytes + body_bytes) {
        return 0;
    }
    if (str_starts_with(input, STR("HTTP/1.1 201"))) {
        count_done(client, client->sent_us[0]);
        save_identity(client->bench, str_sub(input, head_bytes, body_bytes));
    } else {
        client->bench->refused++;
    }
    return head_bytes + body_bytes;
}

static size_t on_http_data(struct stream *stream, const uint8_t *data, size_t len)
{
    struct bench_client *client = stream_user(stream);
    size_t used = take_reply(client, str_from(data, len));
    if (used && !client->bench->stopping) {
        register_one(client);
    }
    return used;
}

static void on_http_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    struct bench_client *client = stream_user(stream);
    client->http = NULL;
    client_is_down(client);
}

static void on_http_connected(struct stream *stream)
{
    struct bench_client *client = stream_user(stream);
    client_is_up(client);
    register_one(client);
}

static const struct stream_ops http_ops = {.on_data = on_http_data, .on_closed = on_http_closed};

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* A few connections are opened at a time, so that a listen queue never overflows. */
static void open_more(struct bench *bench)
{
    enum { AT_ONCE = 64 };
    while (bench->opening < bench->clients && bench->opening < bench->connected + bench->failed + AT_ONCE) {
        struct bench_client *client = &bench->all[bench->opening];
        *client = (struct bench_client){.bench = bench, .index = bench->opening++};
        if (bench->mode == BENCH_REGISTER) {
            client->http = stream_connect(bench->loop, &bench->to, bench->tls, &http_ops, on_http_connected, client);
        } else {
            open_mqtt(client);
        }
    }
}

static uint64_t quantile_us(const struct bench *bench, double share)
{
    uint64_t wanted = (uint64_t)((double)bench->done * share), seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += bench->latency[i];
        if (seen > wanted) {
            return (i + 1) * 50;
        }
    }
    return LATENCY_BUCKETS * 50;
}

static void on_end_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct bench *bench = container_of(timer, struct bench, end);
    double seconds = (double)(clock_monotonic_us() - bench->started_us) / 1e6;
    printf("{\"event\":\"done\",\"clients\":%u,\"failed\":%u,\"lost\":%llu,\"done\":%llu,\"seconds\":%.3f,\"per_second\":%.0f,"
           "\"p50_us\":%llu,\"p99_us\":%llu}\n",
           bench->connected, bench->failed, (unsigned long long)bench->refused, (unsigned long long)bench->done, seconds,
           (double)bench->done / seconds, (unsigned long long)quantile_us(bench, 0.5),
           (unsigned long long)quantile_us(bench, 0.99));
    fflush(stdout);
    bench->stopping = true;
    loop_stop(bench->loop);
}

static void run_bench(struct bench *bench)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    bench->loop = loop_new(0);
    bench->all = mem_calloc(bench->clients, sizeof *bench->all);
    bench->end.on_due = on_end_due;
    open_more(bench);
    loop_run(bench->loop);
    loop_free(bench->loop);
    mem_free(bench->all);
}

static bool read_credentials(struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "muster bench: %s cannot be read\n", path);
        return false;
    }
    bench->ids = mem_calloc(bench->clients, sizeof *bench->ids);
    bench->keys = mem_calloc(bench->clients, sizeof *bench->keys);
    while (bench->credential_count < bench->clients &&
           fscanf(file, "%47s %47s", bench->ids[bench->credential_count], bench->keys[bench->credential_count]) == 2) {
        bench->credential_count++;
    }
    fclose(file);
    return true;
}

static const struct cli_option options[] = {
    {"to", "ADDR:PORT", "the broker, or the HTTP listener for 'register'"},
    {"tls", NULL, "connect with TLS (the certificate is not checked)"},
    {"clients", "N", "connections; default 50"},
    {"seconds", "S", "length of the run after all are connected; default 5"},
    {"qos", "Q", "of publishes: 1 (counted by PUBACK); default 1"},
    {"inflight", "K", "unacknowledged publishes of one client; default 10"},
    {"topic", "TOPIC", "{id} is replaced by the client id; default v1/device/{id}/telemetry"},
    {"credentials", "FILE", "lines 'id key': user name and password of the clients"},
    {"hardware-key", "KEY", "for 'register'"},
    {"save", "FILE", "for 'register': write lines 'id key'"},
    {NULL, NULL, NULL},
};

static bool parse_mode(const char *text, enum bench_mode *ret_mode)
{
    static const char *const names[] = {"publish", "connect", "register"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_mode = (enum bench_mode)i;
            return true;
        }
    }
    fprintf(stderr, "muster bench: unknown mode '%s': publish, connect or register\n", text);
    return false;
}

static bool parse_bench(const struct cli_command *command, const struct cli_values *values, struct bench *bench)
{
    long clients, seconds, qos, inflight;
    const char *to = cli_value(command, values, "to");
    struct config_address address;
    if (!parse_mode(values->argument[0], &bench->mode) ||
        !cli_number(command, values, "clients", 50, 1, 1000000, &clients) ||
        !cli_number(command, values, "seconds", 5, 1, 86400, &seconds) ||
        !cli_number(command, values, "qos", 1, 1, 1, &qos) ||
        !cli_number(command, values, "inflight", 10, 1, INFLIGHT_MAX, &inflight)) {
        return false;
    }
    if (!to || !config_to_address(str_from_cstr(to), &address) || address.is_off ||
        !net_address_parse(address.host, address.port, &bench->to)) {
        fprintf(stderr, "muster bench: option --to must be ADDR:PORT\n");
        return false;
    }
    bench->clients = (unsigned)clients;
    bench->seconds = (uint64_t)seconds;
    bench->qos = (unsigned)qos;
    bench->inflight = (unsigned)inflight;
    const char *topic = cli_value(command, values, "topic");
    bench->topic = topic ? topic : "v1/device/{id}/telemetry";
    bench->hardware_key = cli_value(command, values, "hardware-key");
    if (bench->mode == BENCH_REGISTER && !bench->hardware_key) {
        fprintf(stderr, "muster bench: option --hardware-key is required\n");
        return false;
    }
    return true;
}

static int bench_run(const struct cli_command *command, const struct cli_values *values)
{
    struct bench *bench = mem_new(struct bench);
    int code = parse_bench(command, values, bench) ? 0 : EXIT_USAGE;
    const char *credentials = cli_value(command, values, "credentials");
    const char *save = cli_value(command, values, "save");
    if (!code && credentials && !read_credentials(bench, credentials)) {
        code = 1;
    }
    if (!code && save && !(bench->save = fopen(save, "we"))) {
        fprintf(stderr, "muster bench: %s cannot be written\n", save);
        code = 1;
    }
    if (!code) {
        bench->tls = cli_value(command, values, "tls") ? tls_client_new(NULL) : NULL;
        run_bench(bench);
        tls_client_free(bench->tls);
        code = bench->connected ? 0 : 1;
    }
    if (bench->save) {
        fclose(bench->save);
    }
    mem_free(bench->ids);
    mem_free(bench->keys);
    mem_free(bench);
    return code;
}

const struct cli_command command_bench = {
    .name = "bench",
    .usage = "publish|connect|register --to ADDR:PORT [OPTIONS]",
    .summary = "Generate load against any MQTT broker, or registrations against Muster.",
    .details = "publish: every client keeps --inflight QoS 1 publishes unacknowledged. connect: opens connections and\n"
               "holds them for --seconds. register: registrations over HTTP keep-alive, one at a time per connection.\n"
               "Prints one JSON line when all are connected and one at the end.",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = bench_run,
};
