/* What the disk missed. When a batch of changes (persist.h) fails, memory is right and the rows are not. The sessions,
 * retained messages and deletions it was about are remembered here and written again, whole, in front of the loop's next
 * batch once storage works, or within a second of that: nothing is committed, and so nothing acknowledged, before they
 * are (mqtt.md 14.2). Meanwhile batches are refused at once. Loop thread only. */
#ifndef MUSTER_HUB_UNSAVED_H
#define MUSTER_HUB_UNSAVED_H

#include "hub/session.h"

/* All are idempotent. */
void unsaved_session(struct session *session);
void unsaved_end(struct hub_loop *loop, int64_t session_no);
void unsaved_retained(struct hub_loop *loop, int64_t space, struct str topic);
void unsaved_removal(struct hub_loop *loop, int64_t device_no, uint32_t epoch); /* epoch 0: the device is gone */

void unsaved_relay(struct hub_loop *loop, int64_t no); /* a row of mqtt_relay that is to go */

/* Puts everything into the turn's batch. What cannot be written yet, because uplinks with intents of their own run, stays
 * for later. True: nothing stayed, unsaved_saved() is to be called when the batch is through, whatever became of it. */
bool unsaved_write(struct hub_loop *loop);
void unsaved_saved(struct hub_loop *loop);
void unsaved_free(struct hub_loop *loop);
/* Whether anything of any loop waits: then what was only kept in memory may not be acknowledged. Any thread. */
bool unsaved_anywhere(const struct hub_core *core);

#endif
