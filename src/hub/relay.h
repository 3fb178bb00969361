/* A message on its way to its subscribers on all loops (mqtt.md 3.5), and waiting for those that must keep it. */
#ifndef MUSTER_HUB_RELAY_H
#define MUSTER_HUB_RELAY_H

#include <stdatomic.h>

#include "hub/message.h"
#include "hub/persist.h"

struct share_member;

/* Embedded in what waits. */
struct relay {
    struct task task;
    struct persist_waiter waiter;
    struct hub_loop *home;
    _Atomic unsigned left;
    _Atomic bool failed;
    bool stays;                                      /* hears of no failure that is going to be tried again */
    void (*done)(struct relay *relay, enum err err); /* on home, once; may be called from within relay_finish() */
};

void relay_begin(struct relay *relay, struct hub_loop *home, void (*done)(struct relay *relay, enum err err));
/* Waits until it is let go, from that loop's thread (backlog.h). */
void relay_hold(struct relay *relay);
void relay_let_go(struct relay *relay, const struct hub_loop *here);
void relay_finish(struct relay *relay); /* everything was handed out */

/* --- to other loops (relay_post.c) --- */
/* What this loop has for others goes to them: at the end of its turn. */
void relay_flush(struct hub_loop *loop);
/* The others are behind with it, so many times more than may be on its way. Publishers that may have to wait are read later,
 * and of others QoS 0 is dropped when it is twice as much: nothing else limits it. */
bool relay_is_behind(const struct hub_loop *loop, unsigned times);

/* --- a message (relay.c) --- */

/* Whether anybody might receive what a device publishes on this topic; false saves building the message. */
bool relay_is_wanted(const struct hub_loop *loop, const struct session *device_session, enum topic_id topic);
/* Delivers to every authorised matching subscription. `relay` NULL: nobody waits. Borrows message. */
void relay_message(struct hub_loop *loop, struct message *message, struct relay *relay);
/* The same for a QoS 2 publish of a stored session: exactly once across a crash (mqtt.md 14.2). And for its Will, packet
 * id 0, whose row the caller removes in this turn. Sessions of this loop get it in the transaction that holds the packet id.
 * Those of another loop are written in a transaction of that loop, so the packet id's holds a row for each such loop
 * (model/ports/relay_store.h), and only then the message goes there; the loop's transaction removes the row. Of a shared
 * subscription, the row goes in the transaction of the member's loop if the message is for one group, else when all groups
 * have it: they get it at least once. A start delivers what rows are left (restore.c). */
void relay_message_once(struct session *session, struct message *message, uint16_t packet_id, struct relay *relay);
/* To one member of each matching group of shared subscriptions; relay_message() does so. */
void relay_to_shares(struct hub_loop *loop, struct message *message, struct relay *relay);
/* To another member of its group, if there is one. */
void relay_to_other(struct hub_loop *loop, struct message *message, struct share_member *member);
/* Before the loops run: delivers what a row of mqtt_relay tells to those who do not have it yet, in this turn's batches. */
void relay_restore(struct hub_core *core, const struct relay_row *row, struct message *message);

#endif
