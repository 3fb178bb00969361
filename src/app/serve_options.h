/* The options that `muster serve` and `muster demo` share. */
#ifndef MUSTER_APP_SERVE_OPTIONS_H
#define MUSTER_APP_SERVE_OPTIONS_H

#include "app/cli.h"
#include "app/config.h"

#define SERVE_OPTIONS \
    {"config", "FILE", "read settings from this file (see docs/configuration.md)"}, \
    {"data", "DIR", "the data folder; default ./muster-data"}, \
    {"http", "ADDR:PORT", "plain HTTP; default 127.0.0.1:8080"}, \
    {"https", "ADDR:PORT", "HTTPS; default 127.0.0.1:8443"}, \
    {"mqtt", "ADDR:PORT", "plain MQTT; default 127.0.0.1:1883"}, \
    {"mqtts", "ADDR:PORT", "MQTT over TLS; default 127.0.0.1:8883"}, \
    {"mqtt-open", "ADDR:PORT", "MQTT for anyone, in a topic space apart from all devices; loopback; default off"}, \
    {"metrics", "ADDR:PORT", "Prometheus metrics; default off"}, \
    {"portal-dir", "DIR", "serve the portal from this folder instead of the built-in one"}

/* Reads the configuration file, if any, then the options over it. False: the mistake was printed. */
bool serve_options_apply(const struct cli_command *command, const struct cli_values *values, struct config *config);

#endif
