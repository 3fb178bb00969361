/* MQTT sessions that outlive their connection (mqtt.md 14), as rows. The hub keeps them in memory and writes each change
 * through; `no` is given by the hub and never reused. Every function: on a lane's thread, in its transaction. */
#ifndef MUSTER_MODEL_PORTS_SESSION_STORE_H
#define MUSTER_MODEL_PORTS_SESSION_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct store_tx;

struct session_row {
    int64_t no;
    uint8_t principal_kind;       /* 1 device, 2 organization, 3 partner, 4 anonymous client of an open listener */
    int64_t principal_no;         /* device, tenant, or open listener */
    struct str client_id;
    int64_t api_key_no;           /* 0: a device */
    uint32_t expiry_s;            /* 0xFFFFFFFF: never */
    int64_t disconnected_at_ms;   /* unix; INT64_MIN: connected */
    struct str will;              /* the Will's PUBLISH as MQTT 5 bytes; empty: none */
    uint32_t will_delay_s;
    int64_t will_due_at_ms;       /* unix; INT64_MIN: not running */
    int64_t created_at_ms;
};

struct session_filter_row {
    struct str filter;
    uint8_t options; /* as in SUBSCRIBE; two bits above these are the hub's */
    uint32_t identifier;
};

/* What a QoS 2 publish was about to change when its id was stored, so that after a crash it can be told whether it did:
 * the value of the witness before. */
enum session_intent {
    INTENT_DONE = 0,       /* the effect is on disk */
    INTENT_TELEMETRY = 1,  /* witness: newest sample of the device (day, seq); the sample bears intent_no */
    INTENT_CONFIG = 2,     /* becomes INTENT_CARRIED_OUT with its effect. Without an intent_no, of an older release, there is
                              only a witness: witness_seq, the configuration's version */
    INTENT_REPEATABLE = 3, /* doing it again changes nothing */
    INTENT_TELEMETRIES = 4, /* samples of several devices, of which one bears intent_no; no witness */
    INTENT_EVENT = 5,      /* the event's row bears intent_no */
    INTENT_CARRIED_OUT = 6, /* the effect is on disk, what follows it is not known to be */
};
struct session_inbound_row {
    uint16_t packet_id;
    uint8_t intent; /* enum session_intent */
    int32_t witness_day;
    int64_t witness_seq;
    int64_t intent_no; /* INTENT_TELEMETRY, INTENT_TELEMETRIES, INTENT_EVENT, INTENT_CONFIG: random, never 0 */
};

struct session_queue_row {
    int64_t seq;
    uint8_t qos;
    uint16_t packet_id;    /* 0: not sent yet */
    struct str message;    /* PUBLISH as MQTT 5 bytes; empty: PUBREC came, what is left is the id until PUBCOMP */
    int64_t expires_at_ms; /* unix; INT64_MAX: never */
    int64_t device_no;     /* whose topic it is, and its epoch when it was published */
    uint32_t epoch;
};

enum err session_store_save(struct store_tx *tx, const struct session_row *row); /* inserts, or replaces by no */
enum err session_store_remove(struct store_tx *tx, int64_t no);                  /* with all that belongs to it */
enum err session_store_clear(struct store_tx *tx, int64_t no);                   /* only what belongs to it */
enum err session_store_put_filter(struct store_tx *tx, int64_t no, const struct session_filter_row *row);
enum err session_store_remove_filter(struct store_tx *tx, int64_t no, struct str filter);
enum err session_store_put_inbound(struct store_tx *tx, int64_t no, const struct session_inbound_row *row);
enum err session_store_remove_inbound(struct store_tx *tx, int64_t no, uint16_t packet_id);
struct session_intent_ref {
    int64_t session_no;
    uint16_t packet_id;
    int64_t intent_no;
};
/* In the transaction of its effect. One that is gone meanwhile is no error. */
enum err session_store_carried_out(struct store_tx *tx, const struct session_intent_ref *intent);
enum err session_store_put_queued(struct store_tx *tx, int64_t no, const struct session_queue_row *row);
enum err session_store_set_sent(struct store_tx *tx, int64_t no, int64_t seq, uint16_t packet_id);
enum err session_store_set_released(struct store_tx *tx, int64_t no, int64_t seq); /* empties the message */
enum err session_store_remove_queued(struct store_tx *tx, int64_t no, int64_t seq);
/* Remembers until when the server lives if it does not say so again: after a kill, sessions count as disconnected from then
 * (mqtt.md 14.3). So they end too late, by what it lived less, but none before its time. */
enum err session_store_alive(struct store_tx *tx, int64_t until_unix_ms);

/* At a start, before they are read: nobody is connected. Who was is absent since the server was last known to be alive (it
 * is now, for `alive_ms`), or since its session was made, and what remains of a Will's delay begins: `will_wait_ms`, or its
 * delay if that is longer. Written down, so that it is the same after the next start. No absence begins, and no Will is
 * due, later than these clocks allow: the wall clock may have been set back meanwhile. */
enum err session_store_begin_absences(struct store_tx *tx, int64_t now_unix_ms, int64_t will_wait_ms, int64_t alive_ms);

/* Reads everything at start; strings are borrowed for the call. What belongs to a session comes after it, the queue in
 * order. */
struct session_store_visitor {
    void (*on_session)(struct session_store_visitor *visitor, const struct session_row *row);
    void (*on_filter)(struct session_store_visitor *visitor, int64_t no, const struct session_filter_row *row);
    void (*on_inbound)(struct session_store_visitor *visitor, int64_t no, const struct session_inbound_row *row);
    void (*on_queued)(struct session_store_visitor *visitor, int64_t no, const struct session_queue_row *row);
};
enum err session_store_load(struct store_tx *tx, struct session_store_visitor *visitor);

#endif
