#include "model/device/effective_status.h"

enum effective_status effective_status(const struct effective_inputs *inputs)
{
    bool urgent = inputs->worst_priority == 1 || inputs->worst_priority == 2;
    bool minor = inputs->worst_priority == 3 || inputs->worst_priority == 4;
    if (!inputs->seen) {
        return EFFECTIVE_NEVER_SEEN;
    }
    if (inputs->parent_swept) {
        return EFFECTIVE_DISCONNECTED;
    }
    if (inputs->status == STATUS_OFFLINE) {
        return EFFECTIVE_OFFLINE;
    }
    if (inputs->status == STATUS_ERROR || urgent) {
        return EFFECTIVE_ERROR;
    }
    return minor ? EFFECTIVE_WARNING : EFFECTIVE_OK;
}

const char *effective_status_name(enum effective_status status)
{
    switch (status) {
    case EFFECTIVE_NEVER_SEEN: return "never_seen";
    case EFFECTIVE_OK: return "ok";
    case EFFECTIVE_WARNING: return "warning";
    case EFFECTIVE_DISCONNECTED: return "disconnected";
    case EFFECTIVE_OFFLINE: return "offline";
    case EFFECTIVE_ERROR: return "error";
    }
    return "ok";
}

enum effective_status effective_status_worst(enum effective_status a, enum effective_status b)
{
    return a > b ? a : b;
}

const char *device_status_name(enum device_status status)
{
    switch (status) {
    case STATUS_NEVER_SEEN: return "never_seen";
    case STATUS_ONLINE: return "online";
    case STATUS_OFFLINE: return "offline";
    case STATUS_ERROR: return "error";
    }
    return "online";
}
