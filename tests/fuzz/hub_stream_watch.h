/* What must be true of all that the hub sends to the clients of hub_stream_fuzz.c. A violation aborts. */
#ifndef MUSTER_TESTS_HUB_STREAM_WATCH_H
#define MUSTER_TESTS_HUB_STREAM_WATCH_H

#include "../replay/world.h"

#define ANSWERS_MAX 512
#define DUE_MAX 256

/* Whose session it is: equal numbers are the same session, or later ones of the same client. */
enum watched_party {
    WATCHED_DEVICES,                        /* dev1, dev2, dev3 */
    WATCHED_PARTNER = 3,                    /* and one more: two client ids each */
    WATCHED_ORGANIZATION_1 = 5,
    WATCHED_ORGANIZATION_2 = 7,
    WATCHED_OPEN = 9,
    WATCHED_COUNT = 11,
    WATCHED_NOBODY = WATCHED_COUNT,
};

/* What is known of a connection from what was sent on it. */
struct watch {
    unsigned who;         /* enum watched_party */
    unsigned number;      /* of all connections */
    bool connack, disconnect;
    bool raw;             /* the client sent bytes that are not known here */
    bool problem_info;
    uint32_t aliases;     /* a bit for each that has a topic */
    unsigned alias_max;
    uint64_t in_flight;   /* a bit for each identifier below 64 that was sent and not acknowledged */
    unsigned sent, acked; /* QoS 1 and 2 */
    unsigned receive_maximum;
    size_t packet_bytes_max;
    struct {
        uint8_t type;
        uint16_t packet_id;
    } answers[ANSWERS_MAX]; /* that the client waits for, in the order of what it sent */
    unsigned answer_first, answer_count;
    struct {
        uint8_t type;
        uint16_t packet_id;
    } due[DUE_MAX]; /* what a good client would say next, and has not */
    unsigned due_first, due_count;
};

void watch_begin(struct watch *watch, unsigned number);
/* The oldest acknowledgement that is due. False: none is. */
bool watch_next_due(struct watch *watch, enum mqtt_type *ret_type, uint16_t *ret_packet_id);
/* The client has sent this, and it was well-formed. */
void watch_sent(struct watch *watch, const struct mqtt_packet *packet);

/* All messages that proper packets have published, by the numbers in their payloads. */
struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);
/* A message that is published now: its number. `topic`: any number below LEDGER_TOPICS that stands for the topic. */
#define LEDGER_TOPICS 32
unsigned ledger_publish(struct ledger *ledger, const struct watch *watch, unsigned topic, const struct mqtt_publish *publish);
/* The number of the QoS 2 message that this identifier still stands for; 0: of none. It is published again. */
unsigned ledger_repeat(struct ledger *ledger, unsigned who, uint16_t packet_id);
void ledger_starts_clean(struct ledger *ledger, unsigned who); /* CONNECT is sent */
void ledger_releases(struct ledger *ledger, unsigned who, uint16_t packet_id); /* PUBREL is sent */
/* Somebody says what is not known here: from here on nothing is certain. */
void ledger_give_up(struct ledger *ledger);
/* Copies of shared subscriptions are not the client's own. */
void ledger_shares(struct ledger *ledger, unsigned who);
void ledger_restarted(struct ledger *ledger);
void ledger_owners_change(struct ledger *ledger);

/* Looks at what a client was sent since the last time. */
void watch_output(struct watch *watch, struct ledger *ledger, struct world_client *client);

#endif
