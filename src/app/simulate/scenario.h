/* What `muster simulate --scenario FILE` plays: a file in the form of the configuration file (codec/config), every key
 * known by name, every mistake told with its line. docs/operators.md shows one. */
#ifndef MUSTER_APP_SIMULATE_SCENARIO_H
#define MUSTER_APP_SIMULATE_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

#define SCENARIO_TEXT_BYTES 1024
#define SCENARIO_KILLS_MAX 32

/* What is begun so and so often a second, on things that are drawn by lot. Reports of devices are not among it: each
 * device reports at its interval. */
#define SCENARIO_ACTIONS(X)                                                                    \
    X(CHILDREN, children_telemetry, "a parent reports for some of its children")               \
    X(MASS, mass_telemetry, "one call reports for several devices")                            \
    X(COMMAND, command, "a command is sent")                                                   \
    X(CANCEL, cancel, "a command is cancelled")                                                \
    X(CLOUD_CONFIG, cloud_config, "the owner saves a configuration")                           \
    X(DEVICE_CONFIG, device_config, "a device changes its configuration")                      \
    X(ASSIGN, license_assign, "a licence is assigned to a device")                             \
    X(RENEW, license_renew, "an assigned licence is renewed")                                  \
    X(REVOKE, license_revoke, "an assigned licence is revoked")                                \
    X(INCIDENT, incident, "a device makes an incident")                                        \
    X(INCIDENT_END, incident_end, "an incident is closed, by its device or by the owner")      \
    X(FIRMWARE, firmware, "a firmware is uploaded")                                            \
    X(UPDATE, firmware_update, "a device that knows of a newer firmware reports to have it")   \
    X(MOVE, move, "a device is moved to another space")

enum action {
#define SCENARIO_ACTION_ENUM(name, key, help) ACTION_##name,
    SCENARIO_ACTIONS(SCENARIO_ACTION_ENUM)
#undef SCENARIO_ACTION_ENUM
    ACTION_COUNT
};

const char *action_name(enum action action); /* "cloud_config" */

enum device_kind {
    DEVICE_HTTP,  /* polls over HTTP */
    DEVICE_MQTT1, /* connected, topics of generation 1 */
    DEVICE_MQTT2, /* connected, generation 2 */
    DEVICE_CHILD, /* its parent speaks for it */
    DEVICE_KIND_COUNT
};

struct scenario {
    char url[SCENARIO_TEXT_BYTES];     /* without a trailing slash */
    char keys[SCENARIO_TEXT_BYTES];    /* file with the line that `muster setup` prints */
    char command[SCENARIO_TEXT_BYTES]; /* starts the server; empty: it runs already and is not killed */
    char log[SCENARIO_TEXT_BYTES];     /* where the server's output goes; empty: to our standard error */
    uint64_t kill_at_ms[SCENARIO_KILLS_MAX]; /* since the beginning of the run, ascending */
    unsigned kills;
    uint64_t duration_ms;
    uint64_t settle_ms;                /* at most, for what is under way at the end */
    uint64_t seed;
    unsigned devices[DEVICE_KIND_COUNT];
    uint64_t report_every_ms;
    unsigned spaces, licenses, connections;
    double rates[ACTION_COUNT];        /* per second */
};

void scenario_init(struct scenario *scenario); /* the defaults: nothing happens */
/* Every mistake is printed to `errors` as "NAME:LINE: text"; false if there is any. */
bool scenario_parse(struct scenario *scenario, struct str text, const char *name, FILE *errors);
bool scenario_read_file(struct scenario *scenario, const char *path, FILE *errors);
/* The keys that there are, one a line, for `muster help simulate`: made from the same table. */
void scenario_print_keys(FILE *out);

#endif
