/* The port session_store.h in memory, so that scenarios need no database and may die at any moment. */
#include "base/mem.h"
#include "model/ports/event_log_store.h"
#include "model/ports/relay_store.h"
#include "model/ports/retained_store.h"
#include "model/ports/session_store.h"
#include "model/ports/telemetry_store.h"
#include "world.h"

struct row {
    struct row *next;
    enum { ROW_SESSION, ROW_FILTER, ROW_INBOUND, ROW_QUEUED, ROW_RETAINED, ROW_RELAY } kind;
    int64_t no;
    struct session_row session;
    struct session_filter_row filter;
    struct session_inbound_row inbound;
    struct session_queue_row queued;
    struct retained_row retained;
    struct relay_row relay;
    char *text, *will;
};

struct world_rows {
    struct row *first;
    int64_t alive_at_ms;
};

#define REFUSED_IDENTIFIER 666u /* subscriptions with it are rows that this database does not take */

static struct world_rows *rows;

struct world_rows *world_rows_new(void)
{
    struct world_rows *made = mem_new(struct world_rows);
    made->alive_at_ms = INT64_MAX;
    return made;
}

void world_rows_use(struct world_rows *used)
{
    rows = used;
}

static void row_free(struct row *row)
{
    mem_free(row->text);
    mem_free(row->will);
    mem_free(row);
}

void world_rows_free(struct world_rows *freed)
{
    for (struct row *row = freed->first, *next; row; row = next) {
        next = row->next;
        row_free(row);
    }
    mem_free(freed);
}

static size_t count(const struct world_rows *counted, int kind)
{
    size_t n = 0;
    for (const struct row *row = counted->first; row; row = row->next) {
        n += (int)row->kind == kind;
    }
    return n;
}

size_t world_rows_sessions(const struct world_rows *counted)
{
    return count(counted, ROW_SESSION);
}

size_t world_rows_queued(const struct world_rows *counted)
{
    return count(counted, ROW_QUEUED);
}

size_t world_rows_inbound(const struct world_rows *counted)
{
    return count(counted, ROW_INBOUND);
}

size_t world_rows_retained(const struct world_rows *counted)
{
    return count(counted, ROW_RETAINED);
}

static bool same(const struct row *a, const struct row *b)
{
    if (a->kind != b->kind || a->no != b->no) {
        return false;
    }
    switch (a->kind) {
    case ROW_SESSION:
        return true;
    case ROW_FILTER:
        return str_eq(a->filter.filter, b->filter.filter);
    case ROW_INBOUND:
        return a->inbound.packet_id == b->inbound.packet_id;
    case ROW_QUEUED:
        return a->queued.seq == b->queued.seq;
    case ROW_RETAINED:
        return a->retained.space == b->retained.space && str_eq(a->retained.topic, b->retained.topic);
    case ROW_RELAY:
        return true;
    }
    return false;
}

static void remove_row(const struct row *key)
{
    for (struct row **place = &rows->first; *place;) {
        struct row *row = *place;
        if (same(row, key)) {
            *place = row->next;
            row_free(row);
        } else {
            place = &row->next;
        }
    }
}

static enum err put(struct row *row)
{
    remove_row(row);
    struct row **last = &rows->first;
    while (*last) {
        last = &(*last)->next;
    }
    *last = row;
    return ERR_OK;
}

static char *copy(struct str *text)
{
    char *made = str_dup(text->ptr ? *text : STR(""));
    text->ptr = made;
    return made;
}

enum err session_store_save(struct store_tx *tx, const struct session_row *session)
{
    (void)tx;
    struct row *row = mem_new(struct row);
    row->kind = ROW_SESSION;
    row->no = session->no;
    row->session = *session;
    for (const struct row *old = rows->first; old; old = old->next) {
        if (same(old, row)) {
            row->session.created_at_ms = old->session.created_at_ms;
        }
    }
    row->text = copy(&row->session.client_id);
    row->will = copy(&row->session.will);
    return put(row);
}

enum err session_store_clear(struct store_tx *tx, int64_t no)
{
    (void)tx;
    for (struct row **place = &rows->first; *place;) {
        struct row *row = *place;
        if (row->no == no && row->kind != ROW_SESSION && row->kind != ROW_RETAINED && row->kind != ROW_RELAY) {
            *place = row->next;
            row_free(row);
        } else {
            place = &row->next;
        }
    }
    return ERR_OK;
}

enum err session_store_remove(struct store_tx *tx, int64_t no)
{
    struct row key = {.kind = ROW_SESSION, .no = no};
    session_store_clear(tx, no);
    remove_row(&key);
    return ERR_OK;
}

enum err session_store_put_filter(struct store_tx *tx, int64_t no, const struct session_filter_row *filter)
{
    (void)tx;
    if (filter->identifier == REFUSED_IDENTIFIER) {
        return ERR_INTERNAL;
    }
    struct row *row = mem_new(struct row);
    row->kind = ROW_FILTER;
    row->no = no;
    row->filter = *filter;
    row->text = copy(&row->filter.filter);
    return put(row);
}

enum err session_store_remove_filter(struct store_tx *tx, int64_t no, struct str filter)
{
    (void)tx;
    struct row key = {.kind = ROW_FILTER, .no = no, .filter = {.filter = filter}};
    remove_row(&key);
    return ERR_OK;
}

enum err session_store_put_inbound(struct store_tx *tx, int64_t no, const struct session_inbound_row *inbound)
{
    (void)tx;
    struct row *row = mem_new(struct row);
    row->kind = ROW_INBOUND;
    row->no = no;
    row->inbound = *inbound;
    return put(row);
}

enum err session_store_remove_inbound(struct store_tx *tx, int64_t no, uint16_t packet_id)
{
    (void)tx;
    struct row key = {.kind = ROW_INBOUND, .no = no, .inbound = {.packet_id = packet_id}};
    remove_row(&key);
    return ERR_OK;
}

enum err session_store_carried_out(struct store_tx *tx, const struct session_intent_ref *intent)
{
    struct row key = {.kind = ROW_INBOUND, .no = intent->session_no, .inbound = {.packet_id = intent->packet_id}};
    (void)tx;
    for (struct row *row = rows->first; row; row = row->next) {
        if (same(row, &key) && row->inbound.intent_no == intent->intent_no) {
            row->inbound.intent = INTENT_CARRIED_OUT;
        }
    }
    return ERR_OK;
}

enum err session_store_put_queued(struct store_tx *tx, int64_t no, const struct session_queue_row *queued)
{
    (void)tx;
    struct row *row = mem_new(struct row);
    row->kind = ROW_QUEUED;
    row->no = no;
    row->queued = *queued;
    row->text = copy(&row->queued.message);
    return put(row);
}

enum err session_store_set_sent(struct store_tx *tx, int64_t no, int64_t seq, uint16_t packet_id)
{
    (void)tx;
    for (struct row *row = rows->first; row; row = row->next) {
        if (row->kind == ROW_QUEUED && row->no == no && row->queued.seq == seq) {
            row->queued.packet_id = packet_id;
        }
    }
    return ERR_OK;
}

enum err session_store_set_released(struct store_tx *tx, int64_t no, int64_t seq)
{
    (void)tx;
    for (struct row *row = rows->first; row; row = row->next) {
        if (row->kind == ROW_QUEUED && row->no == no && row->queued.seq == seq) {
            row->queued.message.len = 0;
        }
    }
    return ERR_OK;
}

enum err session_store_remove_queued(struct store_tx *tx, int64_t no, int64_t seq)
{
    (void)tx;
    struct row key = {.kind = ROW_QUEUED, .no = no, .queued = {.seq = seq}};
    remove_row(&key);
    return ERR_OK;
}

enum err session_store_alive(struct store_tx *tx, int64_t until_unix_ms)
{
    (void)tx;
    rows->alive_at_ms = until_unix_ms;
    return ERR_OK;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t disconnected_at_ms(const struct session_row *session)
{
    if (session->disconnected_at_ms != INT64_MIN) {
        return session->disconnected_at_ms;
    }
    return session->created_at_ms > rows->alive_at_ms ? session->created_at_ms : rows->alive_at_ms;
}

enum err session_store_begin_absences(struct store_tx *tx, int64_t now_unix_ms, int64_t will_wait_ms, int64_t alive_ms)
{
    (void)tx;
    for (struct row *row = rows->first; row; row = row->next) {
        struct session_row *session = &row->session;
        int64_t delay_ms = (int64_t)session->will_delay_s * 1000;
        int64_t due_ms = now_unix_ms + (delay_ms > will_wait_ms ? delay_ms : will_wait_ms);
        if (row->kind != ROW_SESSION) {
            continue;
        }
        session->disconnected_at_ms = earlier(disconnected_at_ms(session), now_unix_ms);
        if (session->will.len > 0 && (session->will_due_at_ms == INT64_MIN || session->will_due_at_ms > due_ms)) {
            session->will_due_at_ms = due_ms;
        }
    }
    rows->alive_at_ms = now_unix_ms + alive_ms;
    return ERR_OK;
}

enum err session_store_load(struct store_tx *tx, struct session_store_visitor *visitor)
{
    (void)tx;
    for (int kind = ROW_SESSION; kind <= ROW_QUEUED; kind++) {
        for (const struct row *row = rows->first; row; row = row->next) {
            if ((int)row->kind != kind) {
                continue;
            }
            switch (row->kind) {
            case ROW_SESSION:
                visitor->on_session(visitor, &row->session);
                break;
            case ROW_FILTER:
                visitor->on_filter(visitor, row->no, &row->filter);
                break;
            case ROW_INBOUND:
                visitor->on_inbound(visitor, row->no, &row->inbound);
                break;
            case ROW_QUEUED:
                visitor->on_queued(visitor, row->no, &row->queued);
                break;
            case ROW_RETAINED:
            case ROW_RELAY:
                break;
            }
        }
    }
    return ERR_OK;
}

/* --- retained_store.h --------------------------------------------------------------------------------------------- */

enum err retained_store_put(struct store_tx *tx, const struct retained_row *retained)
{
    (void)tx;
    struct row *row = mem_new(struct row);
    row->kind = ROW_RETAINED;
    row->retained = *retained;
    row->text = copy(&row->retained.topic);
    row->will = mem_dup(retained->message.ptr, retained->message.len);
    row->retained.message.ptr = row->will;
    return put(row);
}

enum err retained_store_remove(struct store_tx *tx, int64_t space, struct str topic)
{
    (void)tx;
    struct row key = {.kind = ROW_RETAINED, .retained = {.space = space, .topic = topic}};
    remove_row(&key);
    return ERR_OK;
}

static void remove_retained(bool (*is_one)(const struct retained_row *row, int64_t a, int64_t b), int64_t a, int64_t b)
{
    for (struct row **place = &rows->first; *place;) {
        struct row *row = *place;
        if (row->kind == ROW_RETAINED && is_one(&row->retained, a, b)) {
            *place = row->next;
            row_free(row);
        } else {
            place = &row->next;
        }
    }
}

static bool is_of_device(const struct retained_row *row, int64_t device_no, int64_t unused)
{
    (void)unused;
    return row->device_no == device_no;
}

static bool is_stale(const struct retained_row *row, int64_t device_no, int64_t epoch)
{
    return row->device_no == device_no && row->epoch != epoch;
}

static bool is_expired(const struct retained_row *row, int64_t now_unix_ms, int64_t unused)
{
    (void)unused;
    return row->expires_at_ms <= now_unix_ms;
}

enum err retained_store_remove_device(struct store_tx *tx, int64_t device_no)
{
    (void)tx;
    remove_retained(is_of_device, device_no, 0);
    return ERR_OK;
}

enum err retained_store_remove_stale(struct store_tx *tx, int64_t device_no, uint32_t epoch)
{
    (void)tx;
    remove_retained(is_stale, device_no, epoch);
    return ERR_OK;
}

enum err retained_store_remove_expired(struct store_tx *tx, int64_t now_unix_ms)
{
    (void)tx;
    remove_retained(is_expired, now_unix_ms, 0);
    return ERR_OK;
}

enum err retained_store_load(struct store_tx *tx, struct retained_store_visitor *visitor)
{
    (void)tx;
    for (const struct row *row = rows->first; row; row = row->next) {
        if (row->kind == ROW_RETAINED) {
            visitor->on_message(visitor, &row->retained);
        }
    }
    return ERR_OK;
}

/* --- relay_store.h ------------------------------------------------------------------------------------------------ */

enum err relay_store_put(struct store_tx *tx, const struct relay_row *relay)
{
    (void)tx;
    struct row *row = mem_new(struct row);
    row->kind = ROW_RELAY;
    row->no = relay->no;
    row->relay = *relay;
    row->will = mem_dup(relay->message.ptr, relay->message.len);
    row->relay.message.ptr = row->will;
    return put(row);
}

enum err relay_store_remove(struct store_tx *tx, int64_t no)
{
    (void)tx;
    struct row key = {.kind = ROW_RELAY, .no = no};
    remove_row(&key);
    return ERR_OK;
}

enum err relay_store_load(struct store_tx *tx, struct relay_store_visitor *visitor)
{
    (void)tx;
    for (const struct row *row = rows->first; row; row = row->next) {
        if (row->kind == ROW_RELAY) {
            visitor->on_relay(visitor, &row->relay);
        }
    }
    return ERR_OK;
}

/* --- event_log_store.h -------------------------------------------------------------------------------------------- */

enum { EVENT_INTENTS = 256 };
static int64_t event_intents[EVENT_INTENTS]; /* of the last events; they are random, so worlds may share them */
static unsigned event_intent_count;

void world_rows_event(int64_t intent_no)
{
    event_intents[event_intent_count++ % EVENT_INTENTS] = intent_no;
}

enum err event_log_store_find_intent(struct store_tx *tx, int64_t intent_no, bool *ret_found)
{
    (void)tx;
    *ret_found = false;
    for (unsigned i = 0; i < EVENT_INTENTS; i++) {
        *ret_found |= intent_no != 0 && event_intents[i] == intent_no;
    }
    return ERR_OK;
}

/* --- telemetry_store.h -------------------------------------------------------------------------------------------- */

/* Nothing else reports samples here: what changed is the intent's. */
enum err sample_store_find_intent(struct store_tx *tx, struct sample_position after, int64_t intent_no, bool *ret_found,
                                  bool *ret_sealed)
{
    (void)tx, (void)after, (void)intent_no;
    *ret_found = true;
    *ret_sealed = false;
    return ERR_OK;
}
