/* What happened, told to whoever listens after the commit that made it true: the hub (pushes, ended sessions), the
 * live stream, later the webhooks. Immutable and reference-counted once emitted. */
#ifndef MUSTER_MODEL_EVENT_H
#define MUSTER_MODEL_EVENT_H

#include "base/ref.h"
#include "base/str.h"
#include "base/uuid.h"

struct store_tx;
struct device_brief;

enum event_type {
    EVENT_TELEMETRY,            /* a sample was stored; topic "telemetry", payload = normalised JSON without tokens */
    EVENT_STATUS,               /* presence or status changed; payload as mqtt.md 3.3 presence */
    EVENT_COMMAND,              /* a command was created, delivered, changed or cancelled; payload = Command object */
    EVENT_CONFIG,               /* configuration or applied version changed */
    EVENT_REGISTRATION,         /* registered, replaced or refused; payload = the provisioning log row */
    EVENT_DEVICE_UPDATED,       /* name, details, firmware, claim, space: whatever a list shows */
    EVENT_DEVICE_CLAIMED,       /* organization_no is the new owner */
    EVENT_DEVICE_UNCLAIMED,     /* organization_no is the former owner */
    EVENT_DEVICE_DELETED,       /* credentials are dead, sessions must end with 0x98 */
    EVENT_DEVICE_KEY_CHANGED,   /* rotated: sessions must end with 0x87 */
    EVENT_DEVICE_REPLACED,      /* another unit has its key: likewise, and nothing of its session is kept */
    EVENT_DEVICE_KICK,          /* operator disconnect: 0x98, session kept */
    EVENT_API_KEY_REVOKED,      /* api_key_no; sessions of that key must end with 0x87 */
    EVENT_TENANT_SUSPENDED,     /* partner_no or organization_no: sessions must end with 0x87 */
    EVENT_INCIDENT,             /* opened (then push has PUSH_INCIDENTS), changed or closed; payload = Incident object */
    EVENT_DEVICE_EVENT,         /* a device reported an event (device-api.md 9.4); topic "events", payload = it */
    EVENT_LICENSE,              /* assigned, renewed, revoked, freed, or reported on; payload = License object */
    EVENT_CHILD_COMMAND,        /* to a parent: the queue of a child has another head; only for the hub */
    EVENT_UPLINK_REFUSED,       /* a device's message or call was refused: for the live tail */
    EVENT_WIRE,                 /* a packet or call of a device whose trace is armed (model/live/trace.h) */
    EVENT_OUTBOX,               /* a call or a mail to the outside was queued: for the sender alone */
    EVENT_TYPE_COUNT,
};

enum transport { TRANSPORT_NONE, TRANSPORT_HTTPS, TRANSPORT_MQTT };
enum direction { DIRECTION_NONE, DIRECTION_UP, DIRECTION_DOWN };

/* What waits for a device now may have changed: the hub reads pending state and pushes (mqtt.md 5.1). */
enum push_mask {
    PUSH_CONFIG = 1 << 0,
    PUSH_SPACE = 1 << 1,
    PUSH_FIRMWARE = 1 << 2,
    PUSH_LICENSE = 1 << 3,
    PUSH_COMMAND = 1 << 4,
    PUSH_INCIDENTS = 1 << 5,
    PUSH_CHILDREN = 1 << 6, /* heads of the device's and its children's queues */
    PUSH_ALL = (1 << 7) - 1,
};

struct event {
    struct ref ref;
    uint64_t seq;              /* number within this process, set when dispatched; Last-Event-ID of the live stream */
    enum event_type type;
    enum transport transport;
    enum direction direction;
    int64_t at_ms;             /* unix time */
    int64_t device_no;         /* 0: not about one device; likewise below */
    struct uuid device_id;
    int64_t model_no;
    struct uuid model_id;
    int64_t partner_no;
    int64_t organization_no;   /* owner at the moment of the event; 0: unclaimed */
    int64_t space_no;
    int64_t api_key_no;
    uint32_t push;             /* enum push_mask bits for the hub */
    uint16_t code;             /* HTTP status or MQTT reason code, 0: none */
    uint8_t qos;
    bool relays;               /* what the device sent came by another door than its own topic: the hub publishes it there */
    bool hears_itself;         /* the device's session subscribes to its own uplinks */
    struct str topic;          /* topic name below v1/device/{id}/, or empty; owned by the event */
    struct str method, path;   /* HTTP; owned by the event */
    struct str payload;        /* compact JSON, no secrets; owned by the event */
    struct str push_payload;   /* what the MQTT topic of the event gets instead of payload; empty: payload; owned likewise */
    uint32_t size;             /* bytes of the original message */
};

/* A new event with one reference; device fields are filled from `device` when it is not NULL. Strings are set by
 * event_set_* (copied). */
struct event *event_new(enum event_type type, const struct device_brief *device);
void event_set_topic(struct event *event, struct str topic);
void event_set_request(struct event *event, struct str method, struct str path);
void event_set_payload(struct event *event, struct str payload);
void event_set_push_payload(struct event *event, struct str payload);
/* What the event occupies in memory. */
size_t event_bytes(const struct event *event);
struct event *event_ref(const struct event *event);
void event_unref(const struct event *event); /* NULL is accepted */

/* Emits after the commit of `tx` (dropped when the operation or the batch is rolled back). Takes event. Implemented by
 * the store engine. */
void store_tx_emit(struct store_tx *tx, struct event *event);

/* A listener. on_event runs on the thread that committed (or that called event_bus_emit): it must be quick, and takes
 * its own reference for what it posts on. */
struct event_sink {
    struct event_sink *next;
    void (*on_event)(struct event_sink *sink, const struct event *event);
};
struct event_bus {
    struct event_sink *sinks;      /* set up before threads start, then constant */
    _Atomic uint64_t next_seq;
    /* How many listeners want per-message events (telemetry, refusals): nobody, and none are made. */
    _Atomic int wants_messages;
};

void event_bus_init(struct event_bus *bus);
void event_bus_add(struct event_bus *bus, struct event_sink *sink); /* before threads start; sink outlives the bus */
/* Numbers and delivers at once; takes event. For events that no transaction holds (a refused uplink). Any thread. */
void event_bus_emit(struct event_bus *bus, struct event *event);

#endif
