/* The device's side of its queue (device-api.md 4.1, 4.3) and the clock's (4.4). */
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/command/command_queue.h"
#include "model/device/device_desk.h"
#include "model/domain.h"
#include "model/push/pending.h"

enum { REPORTS_MAX = 100, MESSAGE_CHARS_MAX = 4096, API_ID_REQUIRED = 1, API_DEVICE_ID = 7, DUE_PER_TICK_MAX = 500 };
enum { FAMILY_BYTES_MAX = 4 * 1024 * 1024 }; /* of one reply: the rest of the heads comes when these are done */

static enum err deliver(struct device_change *change, const struct device_core *owner, struct command_row *head)
{
    return command_deliver(head, change->now_ms) ? command_store_change(change, owner, head, false) : ERR_OK;
}

enum err command_fetch(struct device_change *change, const struct device_brief *device, bool may_write, struct reply *reply)
{
    struct command_row head;
    struct json_writer w;
    enum err err = command_store_head(change->tx, device->no, change->arena, &head);
    if (err == ERR_NOT_FOUND) {
        buf_append_cstr(&reply->body, "{}");
        reply->status = 200;
        return ERR_OK;
    }
    if (err == ERR_OK && may_write && head.delivered_at == TIME_NONE) {
        struct device_core core;
        err = device_store_core(change->tx, device->no, &core);
        if (err == ERR_OK) {
            err = deliver(change, &core, &head);
        }
    }
    if (err == ERR_OK) {
        json_writer_init(&w, &reply->body);
        err = command_write_for_device(change->domain, change->tx, change->arena, &w, device, &head);
        reply->status = 200;
    }
    return err;
}

static enum err fetch_one(struct device_change *change, struct command_row *head, bool may_write, struct json_writer *w)
{
    struct device_core owner;
    enum err err = device_store_core(change->tx, head->device_no, &owner);
    if (err == ERR_OK && may_write) {
        err = deliver(change, &owner, head);
    }
    if (err == ERR_OK) {
        struct device_brief brief = {.id = owner.id, .api_version = API_DEVICE_ID};
        err = command_write_for_device(change->domain, change->tx, change->arena, w, &brief, head);
    }
    return err;
}

enum err command_fetch_family(struct device_change *change, const struct device_brief *device, bool may_write,
                              struct reply *reply)
{
    struct command_row *heads = NULL;
    size_t count = 0;
    struct json_writer w;
    enum err err = command_store_family_heads(change->tx, device->no, change->arena, &heads, &count);
    for (size_t i = 0; i < count && err == ERR_OK && !may_write; i++) {
        if (heads[i].delivered_at == TIME_NONE) {
            return ERR_OK;
        }
    }
    json_writer_init(&w, &reply->body);
    json_begin_array(&w);
    for (size_t i = 0; i < count && err == ERR_OK && reply->body.len < FAMILY_BYTES_MAX; i++) {
        err = fetch_one(change, &heads[i], may_write, &w);
    }
    json_end_array(&w);
    reply->status = 200;
    return err;
}

static bool read_status(const struct json *body, enum command_status *ret_status)
{
    static const struct {
        struct str text;
        enum command_status status;
    } accepted[] = {
        {STR_INIT("done"), COMMAND_DONE},          {STR_INIT("in_progress"), COMMAND_IN_PROGRESS},
        {STR_INIT("in-progress"), COMMAND_IN_PROGRESS}, {STR_INIT("failed"), COMMAND_FAILED},
        {STR_INIT("error"), COMMAND_FAILED},
    };
    struct str text = json_string(json_get(body, "status"));
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        if (str_eq(text, accepted[i].text)) {
            *ret_status = accepted[i].status;
            return true;
        }
    }
    return false;
}

/* Finds the command meant: by id, by Correlation Data, or (old API versions) the head. ERR_NOT_FOUND: "no command";
 * ERR_INVALID: the reply is written. */
static enum err find_command(struct device_change *change, const struct device_brief *device, const struct json *body,
                             struct str correlation, struct command_row *ret_row, struct reply *reply)
{
    struct str text = {NULL, 0};
    struct uuid id;
    const struct json *value = json_get(body, "id");
    if (!json_is_missing(value) && !json_to_text(value, change->arena, &text)) {
        return ERR_NOT_FOUND;
    }
    if (str_is_blank(text) && uuid_parse(correlation, &id)) {
        text = correlation;
    }
    if (!str_is_blank(text)) {
        return uuid_parse(text, &id) ? command_store_by_id(change->tx, &id, change->arena, ret_row) : ERR_NOT_FOUND;
    }
    if (device->api_version >= API_ID_REQUIRED) {
        reply_error(reply, 422, "Id can't be blank");
        return ERR_INVALID;
    }
    return command_store_head(change->tx, device->no, change->arena, ret_row);
}

/* The device itself, or over MQTT its child (mqtt.md 3.2). ERR_NOT_FOUND: somebody else's command. */
static enum err find_owner(struct device_change *change, const struct device_brief *device, const struct command_row *row,
                           struct device_core *ret_owner)
{
    enum err err = device_store_core(change->tx, row->device_no, ret_owner);
    if (err != ERR_OK || ret_owner->no == device->no) {
        return err;
    }
    return change->transport == TRANSPORT_MQTT && ret_owner->parent_no == device->no ? ERR_OK : ERR_NOT_FOUND;
}

/* ERR_STATE: final in another state, or not in the queue yet. *ret_changed: there is something to store. */
static enum err move(struct command_row *row, enum command_status status, struct str message, int64_t now_ms,
                     bool *ret_changed)
{
    *ret_changed = row->status != status;
    if (!*ret_changed) {
        return ERR_OK;
    }
    if (command_status_is_final(row->status) || row->status == COMMAND_SCHEDULED) {
        return ERR_STATE;
    }
    command_deliver(row, now_ms); /* who reports on it has got it */
    if (command_status_is_final(status)) {
        command_finish(row, status, message, now_ms);
    } else {
        row->status = status;
        row->message = message.ptr ? message : row->message;
    }
    return ERR_OK;
}

enum err command_report(struct device_change *change, const struct device_brief *device, const struct json *body,
                        struct str correlation, struct reply *reply)
{
    enum command_status status;
    struct command_row row;
    struct device_core owner;
    struct str message = {NULL, 0};
    bool changed = false;
    if (!read_status(body, &status)) {
        reply_error(reply, 422, "invalid status: done/in-progress/failed");
        return ERR_OK;
    }
    enum err err = find_command(change, device, body, correlation, &row, reply);
    if (err == ERR_INVALID) {
        return ERR_OK;
    }
    const struct json *text = json_get(body, "message");
    if (!json_is_missing(text) && !json_to_text(text, change->arena, &message)) {
        reply_error(reply, 422, "Message is invalid");
        return ERR_OK;
    }
    if (utf8_length(message) > MESSAGE_CHARS_MAX) {
        reply_error(reply, 422, "Message is too long (maximum is %d characters)", MESSAGE_CHARS_MAX);
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = find_owner(change, device, &row, &owner);
    }
    if (err == ERR_OK) {
        err = move(&row, status, message, change->now_ms, &changed);
    }
    if (err == ERR_NOT_FOUND || err == ERR_STATE) {
        reply_error(reply, 404, "no command");
        return ERR_OK;
    }
    if (err == ERR_OK && changed) {
        err = command_store_change(change, &owner, &row, true);
    }
    if (err == ERR_OK) {
        buf_append_cstr(&reply->body, "{\"success\":true}");
        reply->status = 200;
    }
    return err;
}

enum err command_report_many(struct device_change *change, const struct device_brief *device, const struct json *body,
                             struct str correlation, struct reply *reply)
{
    if (!json_is_array(body)) {
        return command_report(change, device, body, correlation, reply);
    }
    if (json_count(body) > REPORTS_MAX) {
        reply_error(reply, 422, "Too many commands, maximum is %d", REPORTS_MAX);
        return ERR_OK;
    }
    struct buf results;
    struct json_writer w;
    enum err err = ERR_OK;
    bool any = json_count(body) == 0;
    buf_init(&results, (size_t)REPORTS_MAX * 1024);
    json_writer_init(&w, &results);
    json_begin_array(&w);
    for (const struct json *item = json_first(body); item && err == ERR_OK; item = json_next(item)) {
        struct reply one;
        reply_init(&one);
        if (json_is_object(item)) {
            err = command_report(change, device, item, STR(""), &one);
        } else {
            reply_error(&one, 422, "Body must be an object");
        }
        json_put_raw(&w, buf_str(&one.body));
        any |= one.status == 200;
        if (one.status != 200 && !any && reply->status == 0) {
            buf_append_str(&reply->body, buf_str(&one.body));
            reply->status = one.status;
        }
        reply_deinit(&one);
    }
    json_end_array(&w);
    if (err == ERR_OK && any) {
        buf_clear(&reply->body);
        buf_append_str(&reply->body, buf_str(&results));
        reply->status = 200;
    }
    buf_deinit(&results);
    return err;
}

/* ---- delivered over MQTT ---- */

struct delivery {
    struct op op;
    struct domain *domain;
    struct arena arena;
    struct device_change change;
    int64_t device_no;
    struct uuid command_id;
};

static void delivery_run(struct op *op, struct store_tx *tx)
{
    struct delivery *delivery = container_of(op, struct delivery, op);
    struct command_row row;
    struct device_core core;
    device_change_init(&delivery->change, delivery->domain, tx, &delivery->arena, TRANSPORT_MQTT);
    op->err = command_store_by_id(tx, &delivery->command_id, &delivery->arena, &row);
    if (op->err == ERR_OK && row.device_no == delivery->device_no && !command_status_is_final(row.status) &&
        command_deliver(&row, delivery->change.now_ms)) {
        op->err = device_store_core(tx, row.device_no, &core);
        if (op->err == ERR_OK) {
            op->err = command_store_update(tx, &row);
        }
        struct uuid pending;
        if (op->err == ERR_OK) {
            op->err = command_queue_changed(&delivery->change, &core, &pending);
        }
        if (op->err == ERR_OK) {
            command_emit(&delivery->change, &core, &row, 0); /* it was pushed just now: no second push */
        }
    }
    if (op->err == ERR_NOT_FOUND) { /* cancelled and gone with its device meanwhile */
        op->err = ERR_OK;
    }
}

static void delivery_committed(struct op *op)
{
    device_change_apply(&container_of(op, struct delivery, op)->change);
}

static void delivery_done(struct op *op)
{
    struct delivery *delivery = container_of(op, struct delivery, op);
    if (op->err != ERR_OK) {
        log_event(LOG_WARN, "delivery_not_noted", log_s("error", err_name(op->err)));
    }
    arena_deinit(&delivery->arena);
    mem_free(delivery);
}

void command_mark_delivered(struct domain *domain, const struct device_brief *device, const char *command_id)
{
    struct uuid id;
    if (!uuid_parse(str_from_cstr(command_id), &id)) {
        return;
    }
    struct delivery *delivery = mem_new(struct delivery);
    delivery->domain = domain;
    delivery->device_no = device->no;
    delivery->command_id = id;
    arena_init(&delivery->arena);
    delivery->op.lane = LANE_REGISTRY;
    delivery->op.run = delivery_run;
    delivery->op.committed = delivery_committed;
    delivery->op.done = delivery_done;
    op_submit(domain->executor, &delivery->op);
}

/* ---- the clock ---- */

struct tick {
    struct op op;
    struct domain *domain;
    struct arena arena;
    struct device_change change;
};

static enum err command_due(struct device_change *change, struct command_row *row)
{
    struct device_core core;
    enum err err = device_store_core(change->tx, row->device_no, &core);
    if (err == ERR_OK && row->status == COMMAND_SCHEDULED) {
        err = command_enter_queue(change, row);
    } else if (err == ERR_OK) {
        command_finish(row, COMMAND_FAILED, STR("Timed out"), change->now_ms);
    }
    return err == ERR_OK ? command_store_change(change, &core, row, true) : err;
}

static void tick_run(struct op *op, struct store_tx *tx)
{
    struct tick *tick = container_of(op, struct tick, op);
    struct command_row *rows = NULL;
    size_t count = 0;
    device_change_init(&tick->change, tick->domain, tx, &tick->arena, TRANSPORT_NONE);
    op->err = command_store_due(tx, tick->change.now_ms, DUE_PER_TICK_MAX, &tick->arena, &rows, &count);
    for (size_t i = 0; i < count && op->err == ERR_OK; i++) {
        op->err = command_due(&tick->change, &rows[i]);
    }
}

static void tick_committed(struct op *op)
{
    device_change_apply(&container_of(op, struct tick, op)->change);
}

static void tick_done(struct op *op)
{
    struct tick *tick = container_of(op, struct tick, op);
    if (op->err != ERR_OK) {
        log_event(LOG_WARN, "command_tick_failed", log_s("error", err_name(op->err)));
    }
    atomic_store(&tick->domain->device_desk->commands_under_way, false);
    arena_deinit(&tick->arena);
    mem_free(tick);
}

void commands_tick(struct domain *domain)
{
    purge_tick(domain);
    if (atomic_exchange(&domain->device_desk->commands_under_way, true)) {
        return; /* the last one is still waiting for its lane */
    }
    struct tick *tick = mem_new(struct tick);
    tick->domain = domain;
    arena_init(&tick->arena);
    tick->op.lane = LANE_REGISTRY;
    tick->op.run = tick_run;
    tick->op.committed = tick_committed;
    tick->op.done = tick_done;
    op_submit(domain->executor, &tick->op);
}
