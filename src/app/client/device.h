/* One simulated device: registers over HTTP, connects to the hub it was given, subscribes, reports telemetry that looks
 * alive, executes commands and confirms configurations (mqtt.md 2, 3; device-api.md 2.1). */
#ifndef MUSTER_APP_CLIENT_DEVICE_H
#define MUSTER_APP_CLIENT_DEVICE_H

#include "app/client/mqtt_client.h"

struct http_client;
struct fleet;

struct device {
    struct fleet *fleet;
    unsigned index;
    struct mqtt_client client;
    struct timer report, reconnect, finish;
    struct task registered;      /* from the registering thread to the loop */
    struct device *next;         /* waiting for registration */
    char serial[32], cloud_id[40];
    char id[40], access_key[40], topic_prefix[64];
    struct net_address hub;
    bool hub_uses_tls;
    bool has_identity;
    bool is_stopped;             /* it does not come back */
    unsigned failures;           /* connections lost in a row */
    double phase, drift;
    uint64_t reports;
    char command_id[40], response_topic[96]; /* the command being executed; id "" = none */
};

/* Shared by the devices of one process. */
struct fleet {
    const char *http_url;        /* without a trailing slash */
    const char *hardware_key;
    const char *short_code;      /* prefix of Cloud IDs */
    const char *run_name;        /* part of the serials, so that two runs do not collide */
    uint64_t interval_ms;        /* between two reports of one device */
    struct loop *loop;
    struct tls_client *tls;
    bool stopping;
    bool is_quiet;               /* says nothing on stderr */
    _Atomic unsigned connected, registered;
    _Atomic uint64_t samples, commands;
    void (*want_registration)(struct fleet *fleet, struct device *device); /* queues it for a registering thread */
    void (*on_acknowledged)(struct device *device, uint16_t packet_id); /* NULL, or told of every PUBACK */
};

void device_init(struct device *device, struct fleet *fleet, unsigned index);
/* Registers over HTTP, blocking; any thread but the loop's. False: refused or unreachable (one line on stderr). */
bool device_register(struct device *device, struct http_client *http);
/* Appends the next report: a telemetry message (device-api.md 3.1). */
void device_write_telemetry(struct device *device, struct buf *out);
void device_connect(struct device *device); /* on the loop, with an identity */
void device_stop(struct device *device);    /* on the loop: says goodbye and does not come back */

#endif
