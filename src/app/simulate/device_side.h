/* What a device of a scenario does when it hears of something, whichever way it hears it: it executes commands, confirms
 * configurations, takes and gives back licences, and remembers its space and the newest firmware. Its answers go over MQTT
 * if it is connected, over HTTP if it polls; for a child its parent hears, and answers if that can be. */
#ifndef MUSTER_APP_SIMULATE_DEVICE_SIDE_H
#define MUSTER_APP_SIMULATE_DEVICE_SIDE_H

#include "app/simulate/world.h"

/* A command object (device-api.md 4.1) for `owner`, or for the child that it names. */
void device_hears_command(struct sim_device *owner, const struct json *command);
/* A Get Config reply (device-api.md 5.1). */
void device_hears_config(struct sim_device *device, const struct json *config);
/* One waiting licence (device-api.md 6.1). */
void device_hears_license(struct sim_device *device, const struct json *license);
/* A Get Space reply (device-api.md 7.4). */
void device_hears_space(struct sim_device *device, const struct json *space);
void device_hears_firmware(struct sim_device *device, struct str version);
/* The levels in the reply to a report over HTTP (device-api.md 3.3): fetches what is new. */
void device_hears_levels(struct sim_device *device, const struct json *levels);

/* {"general":{"edit":N}}: the configuration that edit N makes, as field "config". */
void config_write(struct json_writer *w, uint64_t edit);
uint64_t config_edit_of(const struct json *config); /* UINT64_MAX: it is none of ours; 0: the empty one */
/* A request of the device over HTTP with its own key: "/v1/devices/{id}" and the rest. */
struct call *device_call(struct sim_device *device, const char *method,
                         void (*done)(struct call *call, unsigned status, const struct json *reply), const char *rest);

/* ---- device_mqtt.c ---- */

void device_mqtt_init(struct sim_device *device);
void device_mqtt_start(struct sim_device *device);
void device_mqtt_stop(struct sim_device *device);
/* Asks for everything that waits (mqtt.md 5.3). */
void device_mqtt_sync(struct sim_device *device);

#endif
