/* Telemetry of several devices in one call (device-api.md 3.4, 3.5): each entry is a device's own Send Telemetry, and the
 * entries know nothing of each other. */
#ifndef MUSTER_MODEL_TELEMETRY_MANY_H
#define MUSTER_MODEL_TELEMETRY_MANY_H

#include "model/device/device_call.h"

enum { TELEMETRY_DEVICES_MAX = 100 };

/* Takes the call's body apart: {"<device id>": {...}, ...}, of children of call->device, or, when that has number 0, of
 * devices that prove themselves by `access_token`. False: the body is refused, the reply holds the error. On the call's
 * home, like telemetry_many_stored(). */
bool telemetry_many_start(struct device_call *call) MUST_CHECK;
/* Stores the samples, all in one transaction: a call that failed stored none. On LANE_TELEMETRY. */
void telemetry_many_run(struct op *op, struct store_tx *tx);
/* After the commit: the reply maps each key to its result. True: it is not complete yet, device_call_finish() will
 * be called when it is. */
bool telemetry_many_stored(struct device_call *call);
void telemetry_many_free(struct telemetry_many *many); /* what call->many holds; NULL is accepted */

#endif
