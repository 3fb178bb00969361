/* Moving commands through a device's queue; what all doors share. For the files of this folder only. */
#ifndef MUSTER_MODEL_COMMAND_QUEUE_H
#define MUSTER_MODEL_COMMAND_QUEUE_H

#include "model/command/command.h"

/* The queue has changed: notes the hot record's view of its head, read from the transaction. *ret_pending: the id of a
 * head that is pending and may be pushed; nil: there is none. */
enum err command_queue_changed(struct device_change *change, const struct device_core *device,
                               struct uuid *ret_pending) MUST_CHECK;
/* Emits EVENT_COMMAND with the Command as payload; `push`: enum push_mask bits. */
void command_emit(struct device_change *change, const struct device_core *device, const struct command_row *row,
                  uint32_t push);
/* The same when the device's queue has another head now, or none: the device hears of it, and its parent. */
enum err command_emit_head(struct device_change *change, const struct device_core *device,
                           const struct command_row *row) MUST_CHECK;
/* Puts the command behind the device's others, as pending. The row is not stored yet. */
enum err command_enter_queue(struct device_change *change, struct command_row *row) MUST_CHECK;
/* First delivery starts the timeout (device-api.md 4.4). False: it was delivered before; nothing changed. */
bool command_deliver(struct command_row *row, int64_t now_ms);
/* Ends it: done, failed or aborted. `message` ptr NULL keeps what is there. Not stored yet. */
void command_finish(struct command_row *row, enum command_status status, struct str message, int64_t now_ms);
/* Stores the row after one of the above, updates the hot record and emits. `moved`: the queue did move, so that a
 * pending head is pushed. */
enum err command_store_change(struct device_change *change, const struct device_core *device,
                              const struct command_row *row, bool moved) MUST_CHECK;

#endif
