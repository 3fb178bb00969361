/* Messages on their way to one client: QoS 1 and 2 in flight (in order, with packet ids) and waiting behind them. A ring,
 * so that sending and acknowledging in order cost nothing; an entry acknowledged out of order stays as a hole until the
 * ones before it are.
 *
 * QoS 2 of a stored session is exactly once across a crash because the id of a message is on disk before the message is
 * sent with it, and that PUBREC came is on disk before PUBREL is sent (mqtt.md 14.2). QoS 1 is sent at once, its id in the
 * same transaction as the message itself, which nobody was told is there; what had waited in the queue is on disk without
 * an id, so it gets one there first: what is sent again has the same id and DUP (14.3). Loop thread only. */
#ifndef MUSTER_HUB_OUTBOX_H
#define MUSTER_HUB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message;
struct session;
struct share_member;
struct match;

struct out_entry {
    struct message *message;    /* NULL: acknowledged, for QoS 2 with PUBREC */
    uint32_t *subscription_ids; /* [0] is their count; NULL: none */
    struct share_member *member; /* held: whose group gets it if the session ends; NULL: of no group, or read from disk */
    int64_t seq;                /* of its row */
    uint16_t packet_id;         /* 0: not sent; of a hole among what was sent, that of the entry before it at the latest */
    uint8_t qos;
    uint8_t push;               /* bit number + 1 of its enum push_mask; 0: no downlink */
    bool retain;                /* sent with RETAIN */
    bool stored;
    bool released;              /* QoS 2: PUBREC came, PUBCOMP has not */
    bool committing;            /* it, or its PUBREL, is sent when its row is on disk */
    uint8_t again;              /* enum again */
};

/* What is in flight when a session is resumed. */
enum again {
    AGAIN_NO,    /* has been sent on this connection */
    AGAIN_FIRST, /* is to be sent; waited for its row on the earlier connection, so it was never sent */
    AGAIN_DUP,   /* is to be sent with DUP */
};

struct outbox {
    uint32_t first, count, capacity; /* ring */
    uint32_t sent;                   /* entries from the first on that were sent (or acknowledged) */
    uint32_t in_flight;              /* of these, not acknowledged */
    uint32_t again;                  /* of these, not yet sent on this connection */
    uint32_t resend;                 /* no entry before this index is to be sent again */
    uint32_t in_flight_bytes;
    uint32_t waiting;                /* behind them, without holes */
    uint32_t committing;             /* of those in flight: with QoS 1, not sent before their row is on disk */
    int64_t next_seq;
    uint32_t firm;                   /* no entry before this index gives way, as long as the client does not leave */
    uint64_t expiry_look_ms;         /* not before is it looked for what has expired */
    size_t bytes;
    struct out_entry *ring;
};

/* Delivers a message with the QoS of the match: sends it, or queues it, or drops it by a limit. Returns true if it is
 * kept in a stored session, so that the publisher must wait for the commit. `push` as in out_entry. */
bool outbox_deliver(struct session *session, struct message *message, const struct match *match, unsigned push);
/* The same for a member of a group of shared subscriptions. */
bool outbox_deliver_shared(struct session *session, struct message *message, const struct match *match,
                           struct share_member *member);
/* PUBACK from the client. ACK_UNKNOWN: that id is not in flight; ACK_WRONG: the message has another QoS, or is not that
 * far yet. */
enum ack_result { ACK_OK, ACK_UNKNOWN, ACK_WRONG };
enum ack_result outbox_acknowledged(struct session *session, uint16_t packet_id);
/* PUBREC: PUBREL follows, or with a reason from 0x80 on nothing. */
enum ack_result outbox_received(struct session *session, uint16_t packet_id, uint8_t reason);
enum ack_result outbox_completed(struct session *session, uint16_t packet_id); /* PUBCOMP */
/* After CONNACK of a resumed session: everything in flight again with DUP, then what waits, both as far as the window of
 * the new connection allows. */
void outbox_resume(struct session *session);
/* More waits than this part of the queue's limit. */
bool outbox_is_behind(const struct session *session, unsigned part);
/* So much more that its connection must end: those who publish do not wait, but leave and come again. */
bool outbox_is_overfull(const struct session *session);
/* Drops what is over the limit: the connection is gone. */
void outbox_shrink(struct session *session);
/* Nothing waits, and the client takes more. */
bool outbox_is_ready(const struct session *session);
/* Sends what waits as far as the client's window and the output allow. */
void outbox_pump(struct session *session);
/* Puts back what was stored, in order, at start. Takes message and ids. */
void outbox_restore(struct session *session, const struct out_entry *entry);
/* Removes downlinks of these kinds (enum push_mask) that were not sent yet (mqtt.md 5.2.4); so many were. */
unsigned outbox_drop_pushes(struct session *session, uint32_t kinds);
/* Kinds of downlinks that are in flight. */
uint32_t outbox_pushes_in_flight(const struct session *session);
void outbox_store_all(struct session *session);
/* The session ends and is in no group any more: what others of its groups may have goes to them (MQTT 5.0, 4.8.2). */
void outbox_hand_over(struct session *session);
void outbox_free(struct session *session); /* forgets everything, in memory only */

#endif
