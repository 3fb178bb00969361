/* Telemetry of several devices in one call (device-api.md 3.4, 3.5): each entry is a device's own Send Telemetry, and the
 * entries know nothing of each other. */
#ifndef MUSTER_MODEL_TELEMETRY_MANY_H
#define MUSTER_MODEL_TELEMETRY_MANY_H

#include "model/device/device_call.h"

enum { TELEMETRY_DEVICES_MAX = 100 };

/* Takes the call's body apart: {"<device id>": {...}, ...}, of children of call->device, or, when that has number 0, of
 * devices that prove themselves by `access_token`. When all entries are answered, the reply maps each key to its result and
 * finished(call) is called on the call's home. False: the body is refused, the reply holds the error, nothing was begun. */
bool telemetry_many_start(struct device_call *call, void (*finished)(struct device_call *call)) MUST_CHECK;

#endif
