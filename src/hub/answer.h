/* Answers to a client's packets: each is given when what it tells of is on disk, and all leave in the order of the packets
 * (mqtt.md 6, 14.2). Loop thread only. */
#ifndef MUSTER_HUB_ANSWER_H
#define MUSTER_HUB_ANSWER_H

#include "hub/connection.h"

struct answer {
    struct persist_waiter waiter;
    struct list node;              /* connection.answers */
    struct connection *connection; /* NULL: it is gone */
    struct session *session;       /* held */
    struct answer *earlier;        /* of a repetition: to the same publish, on the same connection */
    uint32_t push;                 /* SUBACK: enum push_mask to read afterwards */
    uint16_t packet_id;
    uint8_t type;                  /* enum mqtt_type */
    uint8_t reason;
    uint8_t qos;                   /* of the PUBLISH */
    bool ready;
    bool is_repetition;            /* of a QoS 2 publish that is being processed; the session's inbound id holds it */
    bool is_said_again;            /* PUBREC of a message whose outcome is known: nothing follows from it. By the time that it is
                                      given, its identifier may stand for another message */
    bool effect_stays;             /* of a QoS 2 publish, in memory, though its commit failed */
    uint32_t text_len;
    char *text;                    /* Reason String, or the reasons of a SUBACK; owned */
};

struct answer *answer_new(struct connection *connection, enum mqtt_type type, uint16_t packet_id);
/* Decided: it is sent as soon as all before it are. `text` is copied. Frees the answer when it was sent. */
void answer_give(struct answer *answer, enum mqtt_reason reason, struct str text);
/* A repetition's whose connection is gone, and for which no outcome will come: frees it, and those before it. */
void answer_drop(struct answer *answer);
/* Storage fault: no acknowledgement, DISCONNECT 0x89. Frees the answer. */
void answer_fail(struct answer *answer);
/* Gives the answer (reason and text set before) when the changes of this turn are on disk. */
void answer_after_commit(struct answer *answer, enum mqtt_reason reason);
/* There is nothing new to store: it is given at once, unless something older is on its way to the disk, which the client of
 * a stored session relies on. */
void answer_when_stored(struct answer *answer, enum mqtt_reason reason);

/* So many are still to come that nothing more is read. */
bool answers_are_full(const struct connection *connection);
/* The connection is gone: those whose operations still run free themselves when these are done. */
void answers_drop(struct connection *connection);

#endif
