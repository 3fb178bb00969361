/* The configuration of one start: the settings, the listeners and the folders, from the file and the command line. */
#ifndef MUSTER_APP_CONFIG_H
#define MUSTER_APP_CONFIG_H

#include <stdio.h>

#include "base/err.h"
#include "io/net.h"
#include "app/settings_table.h"
#include "model/settings.h"

enum listener_kind { LISTENER_HTTP, LISTENER_HTTPS, LISTENER_MQTT, LISTENER_MQTTS, LISTENER_METRICS,
                     LISTENER_MQTT_OPEN, LISTENER_MQTTS_OPEN, /* `access = open` (mqtt.md 2.4) */ LISTENER_KIND_COUNT };

const char *listener_kind_name(enum listener_kind kind); /* "mqtts" */

struct listener_spec {
    enum listener_kind kind;
    char host[64];               /* numeric */
    uint16_t port;               /* 0: a free one */
    char name[64];               /* of an open listener: its topic space */
    bool proxy_protocol;         /* trusted proxies begin with a PROXY v2 header (device-api.md 1.8.4) */
    bool fallback_port;          /* a taken port is replaced by a free one (the demo) */
};

#define CONFIG_LISTENERS_MAX 32
struct config {
    struct settings settings;
    struct setting_marks given;  /* the settings that the file names */
    char *data_dir;
    char *portal_dir;            /* NULL: the embedded portal */
    struct listener_spec listeners[CONFIG_LISTENERS_MAX];
    unsigned listener_count;
};

/* The defaults: 127.0.0.1 with 8080, 8443, 1883, 8883; data in ./muster-data. */
void config_init(struct config *config);
void config_deinit(struct config *config);
/* Reads a file over the defaults. Every mistake is printed to `errors` as "FILE:LINE: text"; returns how many there
 * were, -1 when the file cannot be read (also printed). A kind with a [listener] section of its own has only those. */
int config_read_file(struct config *config, const char *path, FILE *errors);
/* Puts "ADDR:PORT" or "off" in place of all listeners of a kind (--http and its like). False: printed what is wrong. */
bool config_set_listener(struct config *config, enum listener_kind kind, const char *text, FILE *errors);

#endif
