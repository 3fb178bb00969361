#include "model/command/command_queue.h"

#include "model/rollout/rollout.h"

enum { COMMAND_JSON_MAX = 1024 * 1024 };

enum err command_queue_changed(struct device_change *change, const struct device_core *device, struct uuid *ret_pending)
{
    struct command_row head;
    enum err err = command_store_head(change->tx, device->no, change->arena, &head);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    struct device_brief value = {.no = device->no};
    if (err == ERR_OK) {
        value.command_waiting = true;
        value.command_hold_until_ms = head.due_at == TIME_NONE ? 0 : head.due_at;
    }
    *ret_pending = err == ERR_OK && head.status == COMMAND_PENDING ? head.id : (struct uuid){0};
    hot_changes_add(&change->hot, HOT_QUEUE, &value);
    return ERR_OK;
}

void command_emit(struct device_change *change, const struct device_core *device, const struct command_row *row, uint32_t push)
{
    struct buf payload;
    struct json_writer w;
    buf_init(&payload, COMMAND_JSON_MAX);
    json_writer_init(&w, &payload);
    command_write(&w, &device->id, row, true);
    device_change_emit(change, EVENT_COMMAND, device, push, buf_str(&payload));
    buf_deinit(&payload);
}

enum err command_tell_parent(struct device_change *change, int64_t parent_no, const struct device_core *child)
{
    struct device_core parent;
    if (parent_no == 0) {
        return ERR_OK;
    }
    enum err err = device_store_core(change->tx, parent_no, &parent);
    if (err == ERR_OK && parent.organization_no == child->organization_no) {
        device_change_emit(change, EVENT_CHILD_COMMAND, &parent, PUSH_CHILDREN, (struct str){NULL, 0});
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err command_emit_head(struct device_change *change, const struct device_core *device, const struct command_row *row)
{
    command_emit(change, device, row, PUSH_COMMAND | PUSH_CHILDREN);
    return command_tell_parent(change, device->parent_no, device);
}

enum err command_enter_queue(struct device_change *change, struct command_row *row)
{
    int64_t open = 0;
    row->status = COMMAND_PENDING;
    row->due_at = TIME_NONE;
    return command_store_queue(change->tx, row->device_no, &row->queue_no, &open);
}

bool command_deliver(struct command_row *row, int64_t now_ms)
{
    if (row->delivered_at != TIME_NONE) {
        return false;
    }
    row->delivered_at = now_ms;
    row->due_at = row->timeout_seconds > 0 ? now_ms + row->timeout_seconds * 1000 : TIME_NONE;
    return true;
}

void command_finish(struct command_row *row, enum command_status status, struct str message, int64_t now_ms)
{
    row->status = status;
    row->finished_at = now_ms;
    row->queue_no = 0;
    row->due_at = TIME_NONE;
    if (message.ptr) {
        row->message = message;
    }
}

/* Whether this change gave the queue another head, or none: a final command uncovers the next one only if it was the head
 * itself, one that entered is the head only if the queue was empty. */
static bool head_moved(const struct command_row *row, const struct uuid *head_before, const struct uuid *pending)
{
    return uuid_eq(command_status_is_final(row->status) ? head_before : pending, &row->id);
}

/* What a device has begun over HTTPS may still wait to be sent to it, or to its parent: nothing that is in progress is
 * (mqtt.md 5.2). What is reported over MQTT was sent. */
static bool is_taken_elsewhere(const struct device_change *change, const struct command_row *row)
{
    return row->status == COMMAND_IN_PROGRESS && change->transport == TRANSPORT_HTTPS;
}

enum err command_store_change(struct device_change *change, const struct device_core *device,
                              const struct command_row *row, bool moved)
{
    struct command_row head = {0};
    struct uuid pending;
    enum err err = command_store_head(change->tx, device->no, change->arena, &head);
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        err = command_store_update(change->tx, row);
    }
    if (err == ERR_OK && command_status_is_final(row->status)) {
        err = rollout_command_finished(change, row);
    }
    if (err == ERR_OK) {
        err = command_queue_changed(change, device, &pending);
    }
    if (err == ERR_OK && moved && (head_moved(row, &head.id, &pending) || is_taken_elsewhere(change, row))) {
        err = command_emit_head(change, device, row);
    } else if (err == ERR_OK) {
        command_emit(change, device, row, 0);
    }
    return err;
}
