/* Back-pressure (mqtt.md 9): while a connected subscriber is behind with QoS 1 and 2 messages of free topics or an open
 * listener, those who published them wait for their acknowledgement, and so, by their Receive Maximum, with what they
 * send next. A subscriber without progress for 10 s is disconnected, and so is one that is far behind because others
 * do not wait, but leave and come again. Loop thread of the session only. */
#ifndef MUSTER_HUB_BACKLOG_H
#define MUSTER_HUB_BACKLOG_H

#include "hub/message.h"
#include "hub/session.h"

struct relay;

/* Whether publishers of this message wait for slow subscribers; device uplinks never do. */
static inline bool backlog_applies(const struct message *message)
{
    return message->space != 0 || message->topic_id == TOPIC_USER;
}
/* The message was delivered to the session; if that is behind, the relay (NULL: none) waits for it. */
void backlog_delivered(struct session *session, const struct message *message, struct relay *relay);
/* The client acknowledged something. */
void backlog_progress(struct session *session);
/* Without a connection nobody waits any more. */
void backlog_end(struct session *session);

#endif
