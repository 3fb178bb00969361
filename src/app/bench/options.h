/* What `muster bench` is asked to do. */
#ifndef MUSTER_APP_BENCH_OPTIONS_H
#define MUSTER_APP_BENCH_OPTIONS_H

#include "app/cli.h"
#include "codec/mqtt/mqtt.h"
#include "io/net.h"

enum bench_mode {
    BENCH_ONE_TO_ONE,
    BENCH_FAN_IN,
    BENCH_FAN_OUT,
    BENCH_PUBLISH,
    BENCH_OFFLINE,
    BENCH_CONNECT,
    BENCH_CHURN,
    BENCH_STORM,
    BENCH_REGISTER,
    BENCH_REPORT,
    BENCH_MODE_COUNT,
};

/* Most messages of one publisher that wait for their acknowledgement: packet ids end there. */
enum { BENCH_INFLIGHT_MAX = 65535, BENCH_DEVICE_TOPICS = 7 };

struct bench_options { /* texts are borrowed from the command line */
    enum bench_mode mode;
    struct net_address to;
    bool has_tls, resume, json, retain, keep_sessions, device_topics;
    enum mqtt_version version;
    unsigned publishers, subscribers; /* in modes without traffic `publishers` is the number of connections */
    uint8_t qos, subscribe_qos;
    uint32_t payload_bytes;           /* 0: a telemetry message in JSON */
    unsigned inflight;                /* 0: no limit but the connection's (QoS 0 only) */
    unsigned receive_maximum;         /* 0: not said */
    unsigned subscriptions;           /* of one idle connection */
    unsigned concurrency;             /* connections that are being opened at once */
    uint64_t messages;                /* offline: for each session */
    uint64_t rate, read_rate;         /* messages/s, of all publishers and of each subscriber; 0: flat out */
    uint64_t seconds, warmup_s, drain_s;
    uint32_t expiry_s;
    uint16_t keep_alive_s;
    bool clean_start;
    long pid;                         /* of the server; 0: not measured */
    const char *topic, *filter;       /* {i}: the publisher's number, {id}: the client id */
    const char *prefix;               /* of client ids */
    const char *credentials, *subscriber_credentials, *hardware_key, *save;
};

extern const struct cli_option bench_option_table[];
extern const char bench_details[];

/* Reads the mode and the options; on a mistake prints one line that names the option and returns false. */
bool bench_options_parse(const struct cli_command *command, const struct cli_values *values,
                         struct bench_options *ret_options);
const char *bench_mode_name(enum bench_mode mode);
/* Whether the mode sends messages to subscribers, which are counted there. */
bool bench_mode_has_subscribers(enum bench_mode mode);

#endif
