#include "hub/persist.h"

#include "base/mem.h"
#include "hub/batch.h"
#include "hub/message.h"
#include "hub/outbox.h"
#include "hub/retained.h"
#include "hub/session.h"

enum change_kind {
    CHANGE_SESSION,
    CHANGE_END,
    CHANGE_CLEAR,
    CHANGE_FILTER,
    CHANGE_NO_FILTER,
    CHANGE_INBOUND,
    CHANGE_NO_INBOUND,
    CHANGE_QUEUED,
    CHANGE_SENT,
    CHANGE_RELEASED,
    CHANGE_NO_QUEUED,
    CHANGE_RETAINED,
    CHANGE_NO_RETAINED_DEVICE,
    CHANGE_NO_RETAINED_STALE,
    CHANGE_ALIVE,
    CHANGE_RELAY,
    CHANGE_NO_RELAY,
};

struct change {
    struct change *next;
    enum change_kind kind;
    int64_t no;
    union {
        struct session_row saved;
        struct session_filter_row filter;
        struct session_inbound_row inbound;
        struct {
            struct session_queue_row row;
            struct message *message;    /* encoded on the lane's thread */
            bool retain;
            const uint32_t *identifiers;
        } queued;
        struct {
            int64_t space;
            struct str topic;
            uint32_t epoch;
            int64_t wall_ahead_ms; /* the lane's thread has no loop's clocks */
        } retained;
        struct {
            struct relay_row row;
            struct message *message;
        } relay;
        int64_t alive_until_unix_ms;
    };
};

/* The PUBLISH as rows have it. */
static enum err encode_message(struct buf *scratch, const struct message *message, const struct delivery *delivery,
                               struct str *ret_bytes)
{
    buf_clear(scratch);
    message_encode(scratch, MQTT_V5, message, delivery, 0);
    *ret_bytes = buf_str(scratch);
    return scratch->failed ? ERR_INTERNAL : ERR_OK;
}

static enum err run_queued(const struct change *c, struct store_tx *tx, struct buf *scratch)
{
    const struct delivery delivery = {.qos = c->queued.row.qos,
                                      .packet_id = 1, /* QoS 1 must have one; the real one is a column */
                                      .retain = c->queued.retain,
                                      .subscription_ids = c->queued.identifiers ? c->queued.identifiers + 1 : NULL,
                                      .subscription_id_count = c->queued.identifiers ? c->queued.identifiers[0] : 0};
    struct session_queue_row row = c->queued.row;
    enum err err = ERR_OK;
    if (c->queued.message) { /* else only its id is left */
        err = encode_message(scratch, c->queued.message, &delivery, &row.message);
    }
    return err == ERR_OK ? session_store_put_queued(tx, c->no, &row) : err;
}

static enum err put_retained(const struct change *c, const struct message *message, struct store_tx *tx,
                             struct buf *scratch)
{
    const struct delivery delivery = {.qos = message->qos, .packet_id = message->qos > 0, .retain = true};
    struct retained_row row = {.space = c->retained.space,
                               .topic = c->retained.topic,
                               .expires_at_ms = message_row_expiry(message, c->retained.wall_ahead_ms),
                               .device_no = message->device_no,
                               .organization_no = message->organization_no,
                               .epoch = message->epoch};
    enum err err = encode_message(scratch, message, &delivery, &row.message);
    return err == ERR_OK ? retained_store_put(tx, &row) : err;
}

static enum err run_retained(const struct hub_core *core, const struct change *c, struct store_tx *tx, struct buf *scratch)
{
    struct message *message = retained_get(hub_retained(core, c->retained.space), c->retained.topic);
    enum err err = message ? put_retained(c, message, tx, scratch)
                           : retained_store_remove(tx, c->retained.space, c->retained.topic);
    message_unref(message);
    return err;
}

static enum err run_relay(const struct change *c, struct store_tx *tx, struct buf *scratch)
{
    const struct message *message = c->relay.message;
    const struct delivery delivery = {.qos = message->qos, .packet_id = message->qos > 0, .retain = message->retain};
    struct relay_row row = c->relay.row;
    enum err err = encode_message(scratch, message, &delivery, &row.message);
    return err == ERR_OK ? relay_store_put(tx, &row) : err;
}

static enum err run_change(const struct hub_core *core, const struct change *c, struct store_tx *tx, struct buf *scratch)
{
    switch (c->kind) {
    case CHANGE_SESSION:
        return session_store_save(tx, &c->saved);
    case CHANGE_END:
        return session_store_remove(tx, c->no);
    case CHANGE_CLEAR:
        return session_store_clear(tx, c->no);
    case CHANGE_FILTER:
        return session_store_put_filter(tx, c->no, &c->filter);
    case CHANGE_NO_FILTER:
        return session_store_remove_filter(tx, c->no, c->filter.filter);
    case CHANGE_INBOUND:
        return session_store_put_inbound(tx, c->no, &c->inbound);
    case CHANGE_NO_INBOUND:
        return session_store_remove_inbound(tx, c->no, c->inbound.packet_id);
    case CHANGE_QUEUED:
        return run_queued(c, tx, scratch);
    case CHANGE_SENT:
        return session_store_set_sent(tx, c->no, c->queued.row.seq, c->queued.row.packet_id);
    case CHANGE_RELEASED:
        return session_store_set_released(tx, c->no, c->queued.row.seq);
    case CHANGE_NO_QUEUED:
        return session_store_remove_queued(tx, c->no, c->queued.row.seq);
    case CHANGE_RETAINED:
        return run_retained(core, c, tx, scratch);
    case CHANGE_NO_RETAINED_DEVICE:
        return retained_store_remove_device(tx, c->no);
    case CHANGE_NO_RETAINED_STALE:
        return retained_store_remove_stale(tx, c->no, c->retained.epoch);
    case CHANGE_ALIVE:
        return session_store_alive(tx, c->alive_until_unix_ms);
    case CHANGE_RELAY:
        return run_relay(c, tx, scratch);
    case CHANGE_NO_RELAY:
        return relay_store_remove(tx, c->no);
    }
    return ERR_INTERNAL;
}

enum err batch_run_changes(struct persist_batch *batch, struct store_tx *tx)
{
    struct buf scratch;
    enum err err = ERR_OK;
    buf_init(&scratch, MQTT_PACKET_BYTES_MAX);
    batch->refused = NULL;
    for (struct change *c = batch->first; c && err == ERR_OK; c = c->next) {
        err = run_change(batch->loop->core, c, tx, &scratch);
        batch->refused = err == ERR_OK ? NULL : c;
    }
    buf_deinit(&scratch);
    return err;
}

static void change_free(struct change *c)
{
    if (c->kind == CHANGE_QUEUED) {
        message_unref(c->queued.message);
    } else if (c->kind == CHANGE_RELAY) {
        message_unref(c->relay.message);
    }
}

void batch_drop_refused(struct persist_batch *batch)
{
    struct change **place = &batch->first;
    while (*place != batch->refused) {
        place = &(*place)->next;
    }
    *place = batch->refused->next;
    if (!*place) {
        batch->last = place;
    }
    change_free(batch->refused);
    batch->refused = NULL;
}

void batch_free_changes(struct persist_batch *batch)
{
    for (struct change *c = batch->first; c; c = c->next) {
        change_free(c);
    }
}

static struct change *change_new(struct hub_loop *loop, enum change_kind kind, int64_t no)
{
    struct persist_batch *batch = batch_of(loop);
    struct change *c = arena_new(&batch->arena, struct change);
    c->kind = kind;
    c->no = no;
    *batch->last = c;
    batch->last = &c->next;
    batch->bytes += sizeof *c;
    return c;
}

static struct change *session_change_new(struct session *session, enum change_kind kind)
{
    return change_new(session->loop, kind, session->no);
}

static struct str keep_str(struct hub_loop *loop, struct str text)
{
    loop->batch->bytes += text.len;
    return arena_str(&loop->batch->arena, text);
}

static struct message *keep_message(struct hub_loop *loop, struct message *message)
{
    loop->batch->bytes += message_size(message);
    return message_ref(message);
}

void persist_wait(struct hub_loop *loop, struct persist_waiter *waiter)
{
    struct persist_batch *batch = batch_of(loop);
    waiter->next = NULL;
    *batch->last_waiter = waiter;
    batch->last_waiter = &waiter->next;
}

void persist_session(struct session *session, const struct session_row *row)
{
    struct change *c = session_change_new(session, CHANGE_SESSION);
    c->saved = *row;
    c->saved.client_id = keep_str(session->loop, row->client_id);
    c->saved.will = keep_str(session->loop, row->will);
}

void persist_end(struct hub_loop *loop, int64_t no)
{
    change_new(loop, CHANGE_END, no);
}

void persist_clear(struct session *session)
{
    session_change_new(session, CHANGE_CLEAR);
}

void persist_filter(struct session *session, struct str filter, uint8_t options, uint32_t identifier)
{
    struct change *c = session_change_new(session, CHANGE_FILTER);
    c->filter = (struct session_filter_row){keep_str(session->loop, filter), options, identifier};
}

void persist_no_filter(struct session *session, struct str filter)
{
    struct change *c = session_change_new(session, CHANGE_NO_FILTER);
    c->filter.filter = keep_str(session->loop, filter);
}

void persist_inbound(struct session *session, const struct session_inbound_row *row)
{
    session_change_new(session, CHANGE_INBOUND)->inbound = *row;
}

void persist_no_inbound(struct session *session, uint16_t packet_id)
{
    session_change_new(session, CHANGE_NO_INBOUND)->inbound.packet_id = packet_id;
}

void persist_queued(struct session *session, const struct out_entry *entry)
{
    struct change *c = session_change_new(session, CHANGE_QUEUED);
    c->queued.row = (struct session_queue_row){.seq = entry->seq,
                                               .qos = entry->qos,
                                               .packet_id = entry->packet_id,
                                               .message = STR(""),
                                               .expires_at_ms = INT64_MAX};
    if (entry->message) {
        c->queued.row.expires_at_ms = message_row_expiry(entry->message, hub_wall_ahead_ms(session->loop));
        c->queued.row.device_no = entry->message->device_no;
        c->queued.row.epoch = entry->message->epoch;
        c->queued.message = keep_message(session->loop, entry->message);
        c->queued.retain = entry->retain;
    }
    if (entry->subscription_ids) {
        size_t bytes = (entry->subscription_ids[0] + 1) * sizeof(uint32_t);
        c->queued.identifiers = memcpy(arena_alloc(&session->loop->batch->arena, bytes), entry->subscription_ids, bytes);
    }
}

void persist_sent(struct session *session, const struct out_entry *entry)
{
    struct change *c = session_change_new(session, CHANGE_SENT);
    c->queued.row.seq = entry->seq;
    c->queued.row.packet_id = entry->packet_id;
}

void persist_released(struct session *session, int64_t seq)
{
    session_change_new(session, CHANGE_RELEASED)->queued.row.seq = seq;
}

void persist_no_queued(struct session *session, int64_t seq)
{
    session_change_new(session, CHANGE_NO_QUEUED)->queued.row.seq = seq;
}

void persist_retained(struct hub_loop *loop, int64_t space, struct str topic)
{
    struct change *c = change_new(loop, CHANGE_RETAINED, 0);
    c->retained.space = space;
    c->retained.topic = keep_str(loop, topic);
    c->retained.wall_ahead_ms = hub_wall_ahead_ms(loop);
}

void persist_no_retained_device(struct hub_loop *loop, int64_t device_no)
{
    change_new(loop, CHANGE_NO_RETAINED_DEVICE, device_no);
}

void persist_no_retained_stale(struct hub_loop *loop, int64_t device_no, uint32_t epoch)
{
    change_new(loop, CHANGE_NO_RETAINED_STALE, device_no)->retained.epoch = epoch;
}

void persist_alive(struct hub_loop *loop, int64_t until_unix_ms)
{
    change_new(loop, CHANGE_ALIVE, 0)->alive_until_unix_ms = until_unix_ms;
}

void persist_relay(struct hub_loop *loop, const struct relay_row *row, struct message *message)
{
    struct change *c = change_new(loop, CHANGE_RELAY, row->no);
    c->relay.row = *row;
    c->relay.row.space = message->space;
    c->relay.row.expires_at_ms = message_row_expiry(message, hub_wall_ahead_ms(loop));
    c->relay.row.device_no = message->device_no;
    c->relay.row.organization_no = message->organization_no;
    c->relay.row.epoch = message->epoch;
    c->relay.message = keep_message(loop, message);
}

void persist_no_relay(struct hub_loop *loop, int64_t no)
{
    change_new(loop, CHANGE_NO_RELAY, no);
}
