/* One operation that a device asks for, whichever door it came through: HTTPS and MQTT fill the same structure, the
 * domain answers with the HTTP twin's reply (mqtt.md 6). */
#ifndef MUSTER_MODEL_DEVICE_CALL_H
#define MUSTER_MODEL_DEVICE_CALL_H

#include "base/arena.h"
#include "model/device/device_table.h"
#include "model/event.h"
#include "model/op.h"
#include "model/ports/session_store.h"
#include "model/reply.h"

struct domain;
struct json;
struct telemetry_many;

enum device_action {
    DEVICE_TELEMETRY,       /* device-api.md 3.1 */
    DEVICE_COMMAND_GET,     /* 4.1 */
    DEVICE_COMMANDS_GET,    /* 4.2: its own and its children's */
    DEVICE_COMMAND_UPDATE,  /* 4.3 */
    DEVICE_COMMANDS_UPDATE, /* 4.3, or an array of such bodies (mqtt.md 3.2) */
    DEVICE_CONFIG_GET,      /* 5.1 */
    DEVICE_CONFIG_SET,      /* 5.2 */
    DEVICE_LICENSE_GET,     /* 6.1 */
    DEVICE_LICENSES_GET,    /* 6.2 */
    DEVICE_LICENSE_UPDATE,  /* 6.3 */
    DEVICE_INFO_GET,        /* 7.1 */
    DEVICE_UPDATE,          /* 7.2 */
    DEVICE_SETTINGS,        /* 7.3 */
    DEVICE_SPACE_GET,       /* 7.4 */
    DEVICE_SPACE_MOVE,      /* 7.5 */
    DEVICE_CHILDREN_GET,    /* 2.6 */
    DEVICE_TELEMETRY_MANY,  /* 3.4; 3.5 when `device` has number 0: no lane, no effect of its own */
    DEVICE_INCIDENT_CREATE, /* 9.1 */
    DEVICE_INCIDENTS_GET,   /* 9.2 */
    DEVICE_INCIDENT_CLOSE,  /* 9.3: the one that object_id names */
    DEVICE_INCIDENTS_CLOSE, /* 9.3: all that it made itself */
    DEVICE_EVENT_ADD,       /* 9.4 */
    DEVICE_DELETE,          /* 2.7 */
    DEVICE_ACTION_COUNT,
};

struct device_call {
    struct op op;                   /* done(op) is the door's; container_of(op, struct device_call, op) */
    struct domain *domain;
    enum device_action action;
    struct device_brief device;     /* the authenticated device */
    enum transport transport;
    struct arena arena;             /* dies with the call */
    struct json *body;              /* parsed body, owned; NULL: empty body, equals {} */
    struct str correlation;         /* MQTT Correlation Data or empty; in the arena (mqtt.md 3.2) */
    uint32_t body_bytes;            /* of the original message, for the live tail */
    uint8_t qos;                    /* of the MQTT message, likewise */
    struct session_intent_ref intent; /* of a QoS 2 publish (ports/session_store.h); its number 0: none */
    struct str object_id;           /* what else the path names; in the arena, or empty */
    struct reply reply;             /* the answer, complete when done is called */
    void *user;                     /* the door's */
    void *detail;                   /* the domain's, in the arena */
    struct telemetry_many *many;    /* entries of DEVICE_TELEMETRY_MANY, in the arena; NULL: none */
};

/* A new call with one owner. The device must have been authenticated by the caller. */
struct device_call *device_call_new(struct domain *domain, enum device_action action, const struct device_brief *device,
                                    enum transport transport);
void device_call_free(struct device_call *call);
/* Runs it on the lane of its action; `done` is called on `home` with reply filled in, whatever happened. Any thread. */
void device_call_submit(struct device_call *call, struct mailbox *home, void (*done)(struct op *op));

/* ---- for telemetry/telemetry_many.c: the steps of a DEVICE_TELEMETRY whose sample is stored by another operation ---- */

struct telemetry_sample;
/* Before: validates the body. NULL: it is refused, the reply is written. */
struct telemetry_sample *device_call_take_sample(struct device_call *call);
/* After the commit: what follows the sample; `done` as above, perhaps at once. */
void device_call_sample_stored(struct device_call *call, struct mailbox *home, void (*done)(struct op *op));
/* The call's reply is complete: calls its `done`, on its home. */
void device_call_finish(struct device_call *call);

#endif
