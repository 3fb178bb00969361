/* A message on its way to its subscribers on all loops (mqtt.md 3.5), and waiting for those that must keep it. */
#ifndef MUSTER_HUB_RELAY_H
#define MUSTER_HUB_RELAY_H

#include <stdatomic.h>

#include "hub/message.h"
#include "hub/persist.h"

/* Embedded in what waits. */
struct relay {
    struct task task;
    struct persist_waiter waiter;
    struct hub_loop *home;
    unsigned posts;          /* to loops, whose commits are their own */
    _Atomic unsigned left;
    _Atomic bool failed;
    void (*done)(struct relay *relay, enum err err); /* on home, once; may be called from within relay_finish() */
};

void relay_begin(struct relay *relay, struct hub_loop *home, void (*done)(struct relay *relay, enum err err));
/* Waits for the changes of this turn on the home loop too. At most once, on the home loop. */
void relay_hold_for_commit(struct relay *relay);
/* Waits until it is let go, from that loop's thread (backlog.h). */
void relay_hold(struct relay *relay);
void relay_let_go(struct relay *relay, const struct hub_loop *here);
/* What this loop has for others goes to them: at the end of its turn. */
void relay_flush(struct hub_loop *loop);
void relay_finish(struct relay *relay); /* everything was handed out */

/* Whether anybody might receive what a device publishes on this topic; false saves building the message. */
bool relay_is_wanted(const struct hub_loop *loop, const struct session *device_session, enum topic_id topic);
/* Delivers to every authorised matching subscription. `relay` NULL: nobody waits. Borrows message. */
void relay_message(struct hub_loop *loop, struct message *message, struct relay *relay);
/* To one member of each matching group of shared subscriptions; relay_message() does so. */
void relay_to_shares(struct hub_loop *loop, struct message *message, struct relay *relay);
/* On this loop only, and not to shared subscriptions. True: kept in a stored session, in this turn's batch. */
bool relay_deliver_here(struct hub_loop *loop, struct message *message, struct relay *relay);

#endif
