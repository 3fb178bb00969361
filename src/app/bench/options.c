#include "app/bench/options.h"

#include <string.h>

#include "app/bench/wire.h"
#include "codec/config/config_file.h"

static const char *const mode_names[BENCH_MODE_COUNT] = {
    [BENCH_ONE_TO_ONE] = "one-to-one", [BENCH_FAN_IN] = "fan-in",   [BENCH_FAN_OUT] = "fan-out",
    [BENCH_PUBLISH] = "publish",       [BENCH_OFFLINE] = "offline", [BENCH_CONNECT] = "connect",
    [BENCH_CHURN] = "churn",           [BENCH_STORM] = "storm",     [BENCH_REGISTER] = "register",
    [BENCH_REPORT] = "report",
};

const struct cli_option bench_option_table[] = {
    {"to", "ADDR:PORT", "the broker, or the HTTP listener for 'register' and 'report'"},
    {"tls", NULL, "connect with TLS (the certificate is not checked)"},
    {"resume", NULL, "with --tls: resume the session of an earlier connection"},
    {"v311", NULL, "speak MQTT 3.1.1; default 5.0"},
    {"publishers", "N", "connections that publish; default 50, with fan-in 100, with fan-out 1"},
    {"subscribers", "N", "connections that subscribe; default 50, with fan-in 1, with fan-out 1000"},
    {"clients", "N", "the same as --publishers; with one-to-one both numbers"},
    {"qos", "Q", "of publishes: 0, 1 or 2; default 1"},
    {"subscribe-qos", "Q", "of subscriptions; default that of --qos"},
    {"payload", "BYTES", "at least 24 (number and time of sending); default 64, with publish a telemetry message in JSON"},
    {"inflight", "K", "publishes of one publisher not yet acknowledged (QoS 0: not yet received); default 10, QoS 0: 0, no limit"},
    {"retain", NULL, "publish retained messages"},
    {"rate", "R", "messages/s of all publishers together, evenly spaced; default 0, flat out"},
    {"read-rate", "R", "messages/s that each subscriber takes; default 0, no limit"},
    {"receive-maximum", "N", "of the subscribers; default 0, not said"},
    {"seconds", "S", "length of the measurement; default 5"},
    {"warmup", "S", "traffic before it; default 1"},
    {"drain", "S", "longest wait for what is still on its way after it; default 30"},
    {"messages", "N", "offline: to each session; default 100"},
    {"subscriptions", "K", "connect: filters of each connection; default 0"},
    {"device-topics", NULL, "connect, storm: subscribe as a device does, to its seven topics"},
    {"concurrency", "N", "connections being opened at once; default 64, with churn 16"},
    {"persistent", NULL, "connect with clean start 0; see --expiry"},
    {"expiry", "S", "session expiry interval; default 0, offline and --persistent: 3600"},
    {"keep-alive", "S", "default 600"},
    {"keep-sessions", NULL, "offline: leave the sessions on the server"},
    {"topic", "TOPIC", "{i} is the publisher's number, {id} the client id"},
    {"filter", "FILTER", "of the subscribers, likewise; {k} is the number of the filter"},
    {"prefix", "TEXT", "of client ids without credentials; default bench"},
    {"credentials", "FILE", "lines 'id key': client id, user name and password, in turn"},
    {"subscriber-credentials", "FILE", "the same for subscribers; default: from --credentials, behind the publishers"},
    {"server-pid", "PID", "process whose CPU time and memory are reported"},
    {"hardware-key", "KEY", "for 'register'"},
    {"save", "FILE", "register: write lines 'id key'"},
    {"json", NULL, "one JSON line when all are connected and one at the end, instead of a table"},
    {NULL, NULL, NULL},
};

const char bench_details[] =
    "one-to-one  N publishers, N subscribers, a topic for each pair\n"
    "fan-in      N publishers with a topic each, subscribers of all of them\n"
    "fan-out     every subscriber gets what every publisher sends\n"
    "publish     publishes only (by default telemetry of devices: v1/device/{id}/telemetry)\n"
    "offline     sessions subscribe and go away; QoS 1 or 2 is published to them; they come back and must get all of it\n"
    "connect     opens connections, with --subscriptions K filters each, and holds them: memory per connection\n"
    "churn       connects and disconnects as fast as it can: CPU per connection\n"
    "storm       holds connections; when the server goes away and comes back: time until all are connected again\n"
    "register    registrations over HTTP keep-alive, one at a time per connection\n"
    "report      telemetry over HTTP keep-alive, likewise; each connection is a device of --credentials\n"
    "\n"
    "Every message carries its number and the time it was sent, so what is lost, comes twice or out of order is counted.\n"
    "A message of QoS 1 or 2 is lost when it was acknowledged and did not arrive; one of QoS 0 when it was sent. The rates\n"
    "are those of the --seconds that follow the warm-up. With --server-pid: messages (in + out) per CPU-second of the server.";

const char *bench_mode_name(enum bench_mode mode)
{
    return mode_names[mode];
}

bool bench_mode_has_subscribers(enum bench_mode mode)
{
    return mode == BENCH_ONE_TO_ONE || mode == BENCH_FAN_IN || mode == BENCH_FAN_OUT || mode == BENCH_OFFLINE;
}

static bool parse_mode(const char *text, enum bench_mode *ret_mode)
{
    for (int i = 0; i < BENCH_MODE_COUNT; i++) {
        if (strcmp(text, mode_names[i]) == 0) {
            *ret_mode = (enum bench_mode)i;
            return true;
        }
    }
    fprintf(stderr, "muster bench: unknown mode '%s' (see 'muster help bench')\n", text);
    return false;
}

static bool parse_address(const struct cli_command *command, const struct cli_values *values,
                          struct net_address *ret_address)
{
    const char *to = cli_value(command, values, "to");
    struct config_address address;
    if (!to || !config_to_address(str_from_cstr(to), &address) || address.is_off ||
        !net_address_parse(address.host, address.port, ret_address)) {
        fprintf(stderr, "muster bench: option --to must be ADDR:PORT\n");
        return false;
    }
    return true;
}

/* The numbers of all modes: option, default, limits, where it goes. */
static bool parse_numbers(const struct cli_command *command, const struct cli_values *values, struct bench_options *o)
{
    bool fan_in = o->mode == BENCH_FAN_IN, fan_out = o->mode == BENCH_FAN_OUT;
    bool may_stamp = o->mode != BENCH_PUBLISH || cli_value(command, values, "payload");
    bool persistent = cli_value(command, values, "persistent") || o->mode == BENCH_OFFLINE;
    long clients, publishers, subscribers, qos, subscribe_qos, payload, inflight, rate, read_rate, receive_maximum;
    long seconds, warmup, drain, messages, subscriptions, concurrency, expiry, keep_alive;
#define NUMBER(name, initial, minimum, maximum, variable) \
    cli_number(command, values, name, initial, minimum, maximum, &(variable))
    if (!NUMBER("clients", fan_in ? 100 : fan_out ? 1 : 50, 1, 1000000, clients) ||
        !NUMBER("publishers", clients, 1, 1000000, publishers) ||
        !NUMBER("subscribers", fan_in ? 1 : fan_out ? 1000 : publishers, 1, 1000000, subscribers) ||
        !NUMBER("qos", 1, 0, 2, qos) || !NUMBER("subscribe-qos", qos, 0, 2, subscribe_qos) ||
        !NUMBER("payload", may_stamp ? 64 : 0, (long)sizeof(struct wire_stamp), 64 * 1024 * 1024, payload) ||
        !NUMBER("inflight", qos ? 10 : 0, qos ? 1 : 0, BENCH_INFLIGHT_MAX, inflight) ||
        !NUMBER("rate", 0, 0, 100000000, rate) || !NUMBER("read-rate", 0, 0, 100000000, read_rate) ||
        !NUMBER("receive-maximum", 0, 0, 65535, receive_maximum) || !NUMBER("seconds", 5, 1, 86400, seconds) ||
        !NUMBER("warmup", 1, 0, 86400, warmup) || !NUMBER("drain", 30, 0, 86400, drain) ||
        !NUMBER("messages", 100, 1, 1000000, messages) || !NUMBER("subscriptions", 0, 0, 1000, subscriptions) ||
        !NUMBER("concurrency", o->mode == BENCH_CHURN ? 16 : 64, 1, 100000, concurrency) ||
        !NUMBER("expiry", persistent ? 3600 : 0, 0, UINT32_MAX, expiry) ||
        !NUMBER("keep-alive", 600, 0, 65535, keep_alive) || !NUMBER("server-pid", 0, 1, INT32_MAX, o->pid)) {
        return false;
    }
#undef NUMBER
    if (o->mode == BENCH_ONE_TO_ONE) {
        subscribers = publishers;
    }
    o->publishers = (unsigned)publishers;
    o->subscribers = (unsigned)subscribers;
    o->qos = (uint8_t)qos;
    o->subscribe_qos = (uint8_t)subscribe_qos;
    o->payload_bytes = (uint32_t)payload;
    o->inflight = (unsigned)inflight;
    o->rate = (uint64_t)rate;
    o->read_rate = (uint64_t)read_rate;
    o->receive_maximum = (unsigned)receive_maximum;
    o->seconds = (uint64_t)seconds;
    o->warmup_s = (uint64_t)warmup;
    o->drain_s = (uint64_t)drain;
    o->messages = (uint64_t)messages;
    o->subscriptions = o->device_topics ? BENCH_DEVICE_TOPICS : (unsigned)subscriptions;
    o->concurrency = (unsigned)concurrency;
    o->expiry_s = (uint32_t)expiry;
    o->keep_alive_s = (uint16_t)keep_alive;
    o->clean_start = !persistent;
    return true;
}

/* Where the messages go unless --topic and --filter say otherwise. */
static void choose_topics(struct bench_options *o)
{
    static const char *const topics[BENCH_MODE_COUNT] = {
        [BENCH_ONE_TO_ONE] = "bench/{i}", [BENCH_FAN_IN] = "t/{i}",        [BENCH_FAN_OUT] = "bench/all",
        [BENCH_OFFLINE] = "bench/{i}",    [BENCH_CONNECT] = "bench/{i}/{k}", [BENCH_PUBLISH] = "v1/device/{id}/telemetry",
        [BENCH_CHURN] = "",               [BENCH_STORM] = "bench/{i}/{k}",   [BENCH_REGISTER] = "",
        [BENCH_REPORT] = "",
    };
    bool is_default = !o->topic;
    o->topic = o->topic ? o->topic : topics[o->mode];
    if (!o->filter) {
        o->filter = o->mode == BENCH_FAN_IN && is_default ? "t/#" : o->topic;
    }
}

static bool check_combination(const struct bench_options *o)
{
    if (o->mode == BENCH_REGISTER && !o->hardware_key) {
        fprintf(stderr, "muster bench: option --hardware-key is required\n");
        return false;
    }
    if (o->mode == BENCH_REPORT && !o->credentials) {
        fprintf(stderr, "muster bench: option --credentials is required\n");
        return false;
    }
    if (o->mode == BENCH_OFFLINE && (o->qos == 0 || o->subscribe_qos == 0)) {
        fprintf(stderr, "muster bench: option --qos must be 1 or 2 with 'offline'\n");
        return false;
    }
    if (o->mode == BENCH_OFFLINE && o->publishers > o->subscribers) {
        fprintf(stderr, "muster bench: option --publishers must not exceed --subscribers with 'offline'\n");
        return false;
    }
    if (o->resume && !o->has_tls) {
        fprintf(stderr, "muster bench: option --resume needs --tls\n");
        return false;
    }
    if (o->mode == BENCH_FAN_IN && o->filter == o->topic && strchr(o->topic, '{')) {
        fprintf(stderr, "muster bench: option --filter is required beside this --topic\n");
        return false;
    }
    if (o->read_rate && !bench_mode_has_subscribers(o->mode)) {
        fprintf(stderr, "muster bench: option --read-rate needs a mode with subscribers\n");
        return false;
    }
    return true;
}

bool bench_options_parse(const struct cli_command *command, const struct cli_values *values,
                         struct bench_options *ret_options)
{
    struct bench_options o = {
        .has_tls = cli_value(command, values, "tls"),
        .resume = cli_value(command, values, "resume"),
        .json = cli_value(command, values, "json"),
        .retain = cli_value(command, values, "retain"),
        .device_topics = cli_value(command, values, "device-topics"),
        .keep_sessions = cli_value(command, values, "keep-sessions"),
        .version = cli_value(command, values, "v311") ? MQTT_V311 : MQTT_V5,
        .topic = cli_value(command, values, "topic"),
        .filter = cli_value(command, values, "filter"),
        .prefix = cli_value(command, values, "prefix"),
        .credentials = cli_value(command, values, "credentials"),
        .subscriber_credentials = cli_value(command, values, "subscriber-credentials"),
        .hardware_key = cli_value(command, values, "hardware-key"),
        .save = cli_value(command, values, "save"),
    };
    if (!parse_mode(values->argument[0], &o.mode) || !parse_address(command, values, &o.to) ||
        !parse_numbers(command, values, &o)) {
        return false;
    }
    o.prefix = o.prefix ? o.prefix : "bench";
    choose_topics(&o);
    if (!check_combination(&o)) {
        return false;
    }
    *ret_options = o;
    return true;
}
