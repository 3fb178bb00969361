/* What a device's state must be after its reports: the merge of device-api.md 3.2, written a second time and apart from
 * the server's. Reports are made of eight keys, the number of the report and the status. Pure. */
#ifndef MUSTER_APP_SIMULATE_EXPECTED_STATE_H
#define MUSTER_APP_SIMULATE_EXPECTED_STATE_H

#include "codec/json/json.h"

enum { STATE_KEYS = 8 };

enum value_type { VALUE_ABSENT, VALUE_REMOVED /* null, in a report only */, VALUE_INTEGER, VALUE_FRACTION, VALUE_FLAG, VALUE_WORD };

struct state_value {
    uint8_t type;     /* enum value_type */
    uint16_t number;  /* the value, or what it is made of */
};

enum reported_status { REPORTED_NOTHING, REPORTED_ONLINE, REPORTED_OFFLINE, REPORTED_ERROR };
const char *reported_status_name(enum reported_status status); /* "online"; nothing counts as online */

/* One report. */
struct sample {
    uint32_t number;  /* of the device's reports, from 1; under the key "n" */
    bool overrides;
    enum reported_status status;
    struct state_value values[STATE_KEYS];
};

struct expected_state {
    uint32_t number;  /* of the last report that counts; 0: never reported */
    enum reported_status status;
    struct state_value values[STATE_KEYS];
};

/* A report drawn with `random` (64 random bits a call): most change a few keys, some remove keys, some override. */
void sample_draw(struct sample *sample, uint32_t number, uint64_t (*random)(void *user), void *user);
/* The fields of Send Telemetry (device-api.md 3.1), into an object that is open. */
void sample_write(const struct sample *sample, struct json_writer *w);
void expected_state_apply(struct expected_state *state, const struct sample *sample);
/* True if the server's document is exactly this. `document` NULL or null: nothing was reported. */
bool expected_state_equals(const struct expected_state *state, const struct json *document);
void expected_state_write(const struct expected_state *state, struct buf *out); /* as JSON, for a message */

#endif
