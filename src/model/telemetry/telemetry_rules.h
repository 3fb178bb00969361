/* What telemetry_parse.c and telemetry_scan.c have in common: the rules of device-api.md 3.1 and 3.2.2. */
#ifndef MUSTER_MODEL_TELEMETRY_RULES_H
#define MUSTER_MODEL_TELEMETRY_RULES_H

#include "model/telemetry/telemetry.h"

#define TELEMETRY_MESSAGE_CHARACTERS_MAX 4096

/* False: it is none of the three. */
bool telemetry_status_from(struct str text, enum device_status *ret_status);
struct str telemetry_status_text(enum device_status status);
/* Epoch digits or ISO 8601. */
bool telemetry_moment_from(struct str text, int64_t *ret_ms);
/* Takes a moment that the device sent as the time of the sample if it is plausible; received_ms is set. */
void telemetry_take_moment(struct telemetry_sample *sample, int64_t sent_ms);

#endif
