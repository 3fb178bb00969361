/* How what outbox.c is given leaves at once; for outbox.c only. */
#ifndef MUSTER_HUB_OUTBOX_SEND_H
#define MUSTER_HUB_OUTBOX_SEND_H

#include "hub/outbox.h"

struct message;

/* Sends the last entry if nothing waits before it and the window is open: it may be a hole afterwards. */
void outbox_send_last(struct session *session);
/* Sends it with QoS 0, or drops it if that cannot be done now. */
void outbox_send_qos0(struct session *session, const struct message *message, const struct match *match);

#endif
