/* The status that lists and colours show (device-api.md 10.3). */
#ifndef MUSTER_MODEL_EFFECTIVE_STATUS_H
#define MUSTER_MODEL_EFFECTIVE_STATUS_H

#include "model/device/device_table.h"

enum effective_status { /* best first, as merged groups are judged */
    EFFECTIVE_NEVER_SEEN,
    EFFECTIVE_OK,
    EFFECTIVE_WARNING,
    EFFECTIVE_DISCONNECTED,
    EFFECTIVE_OFFLINE,
    EFFECTIVE_ERROR,
};

struct effective_inputs {
    bool seen;               /* there was a contact, ever */
    bool parent_swept;       /* the parent is offline by the sweep */
    enum device_status status;
    int worst_priority;      /* of the active incidents, 1 critical ... 5 planning; 0: none */
};

enum effective_status effective_status(const struct effective_inputs *inputs);
const char *effective_status_name(enum effective_status status); /* "never_seen" */
/* Of a merged group: error, offline, disconnected, warning, ok, never_seen. */
enum effective_status effective_status_worst(enum effective_status a, enum effective_status b);
const char *device_status_name(enum device_status status);       /* "never_seen", "online", ... */

#endif
