/* Messages on their way from one loop to another, or to a group's member on the same one; for relay*.c only. Gathered over
 * a turn: one posting, one wake-up. Each loop posts to another in the order in which it relays. Loop thread only. */
#ifndef MUSTER_HUB_RELAY_POST_H
#define MUSTER_HUB_RELAY_POST_H

#include "hub/relay.h"

struct post_entry {
    struct message *message;     /* held */
    struct share_member *member; /* held; NULL: to everybody there */
    int64_t no;                  /* of its row in mqtt_relay; 0: it has none */
    struct relay *relay;         /* NULL: nobody waits */
};

/* Takes a reference to the message, and the caller's to the member; the relay waits for it. */
struct post_entry post_entry_of(struct message *message, struct share_member *member, struct relay *relay);
/* It is delivered, or will not be: lets go of what it holds. */
void post_entry_finish(const struct post_entry *entry, const struct hub_loop *here, enum err err);
/* It goes there at the end of the turn. Takes what the entry holds. */
void post_add(struct hub_loop *loop, struct hub_loop *target, const struct post_entry *entry);

/* --- in relay.c --- */
/* One of those for whom the relay waits has ended. From any loop. */
void relay_release(struct relay *relay, const struct hub_loop *here, enum err err);

#endif
