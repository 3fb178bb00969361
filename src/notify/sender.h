/* Sends what the outbox holds (management-api.md 8): one thread that reads what is due, makes the calls, and writes down
 * what came of them. What was not written down is sent again, so a receiver may see an event twice, never not at all. */
#ifndef MUSTER_NOTIFY_SENDER_H
#define MUSTER_NOTIFY_SENDER_H

#include "base/err.h"

struct domain;
struct sender;

/* Listens to the domain's events: before its threads start. `domain` outlives it. */
struct sender *sender_new(struct domain *domain);
/* After the store's threads started. */
enum err sender_start(struct sender *sender) MUST_CHECK;
/* Ends the thread: calls under way get a moment to end, the rest is sent after the next start. Before the store stops; does
 * nothing if it was not started. */
void sender_stop(struct sender *sender);
void sender_free(struct sender *sender); /* NULL is accepted */

#endif
