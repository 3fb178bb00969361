#include "hub/push.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "codec/mqtt/topic.h"
#include "hub/connection.h"

/* Where each kind goes, in the order of mqtt.md 5.2.1. Commands have a topic per generation. */
static enum topic_id topic_of(uint32_t kind, unsigned generation)
{
    switch ((enum push_mask)kind) {
    case PUSH_CONFIG:
        return TOPIC_CONFIG;
    case PUSH_SPACE:
        return TOPIC_SPACE_INFO;
    case PUSH_FIRMWARE:
        return TOPIC_FIRMWARE;
    case PUSH_LICENSE:
        return TOPIC_LICENSE;
    case PUSH_COMMAND:
        return generation == 1 ? TOPIC_COMMANDS : TOPIC_COMMAND;
    case PUSH_INCIDENTS:
        return TOPIC_INCIDENTS;
    case PUSH_CHILDREN:
        return TOPIC_COMMAND_CHILDREN;
    case PUSH_ALL:
        break;
    }
    return TOPIC_OTHER;
}

static unsigned bit_number(uint32_t kind)
{
    return (unsigned)__builtin_ctz(kind) + 1;
}

unsigned push_of_topic(enum topic_id topic)
{
    for (uint32_t kind = 1; kind & PUSH_ALL; kind <<= 1) {
        if (kind != PUSH_INCIDENTS && (topic_of(kind, 1) == topic || topic_of(kind, 2) == topic)) {
            return bit_number(kind);
        }
    }
    return 0;
}

uint32_t push_kinds_of_filter(struct str rest)
{
    uint32_t kinds = 0;
    for (uint32_t kind = 1; kind & PUSH_ALL; kind <<= 1) {
        for (unsigned generation = 1; generation <= 2; generation++) {
            if (topic_matches(rest, topic_name(topic_of(kind, generation))->name)) {
                kinds |= kind;
            }
        }
    }
    return kinds;
}

static uint32_t kinds_of_filters(const struct session *session)
{
    struct match match;
    unsigned generation = session_generation(session);
    uint32_t kinds = 0;
    for (uint32_t kind = 1; kind & PUSH_ALL; kind <<= 1) {
        session_match_rest(session, topic_name(topic_of(kind, generation))->name, false, &match);
        kinds |= match.found ? kind : 0;
    }
    return kinds;
}

/* --- one item ----------------------------------------------------------------------------------------------------- */

struct downlink {
    uint32_t kind;
    struct str payload;
    const char *correlation;
};

static void downlink_publish(struct session *session, const struct device_brief *device, const struct downlink *d)
{
    struct match match;
    char topic[DEVICE_TOPIC_BYTES_MAX], response[DEVICE_TOPIC_BYTES_MAX];
    enum topic_id id = topic_of(d->kind, session_generation(session));
    const struct topic_name *name = topic_name(id);
    session_match_rest(session, name->name, false, &match);
    if (!match.found) {
        return;
    }
    struct mqtt_properties p = {.payload_format = 1, .content_type = STR("application/json")};
    mqtt_set(&p, MQTT_PROP_PAYLOAD_FORMAT);
    mqtt_set(&p, MQTT_PROP_CONTENT_TYPE);
    if (name->response != TOPIC_OTHER) {
        p.response_topic = device_topic_write(response, &device->id, topic_name(name->response)->name);
        mqtt_set(&p, MQTT_PROP_RESPONSE_TOPIC);
    }
    if (d->correlation && d->correlation[0] != '\0') {
        p.correlation_data = str_from_cstr(d->correlation);
        mqtt_set(&p, MQTT_PROP_CORRELATION_DATA);
    }
    struct message_parts parts = {.topic = device_topic_write(topic, &device->id, name->name),
                                  .properties = &p,
                                  .payload = d->payload,
                                  .qos = 1,
                                  .now_ms = hub_now_ms(session->loop)};
    struct message *message = message_new(&parts, device);
    message->topic_id = (uint8_t)id;
    if (match.qos > 0) {
        session->push->given_up &= ~d->kind;
    } else {
        session->push->given_up |= d->kind; /* what is in flight is older, and comes again after it */
    }
    outbox_deliver(session, message, &match, bit_number(d->kind));
    message_unref(message);
}

/* True if it is newer than what was pushed; remembers it. */
static bool level_rises(int64_t *last, int64_t level)
{
    if (level > 0 && level <= *last) {
        return false;
    }
    *last = level;
    return true;
}

static bool level_differs(int64_t *last, int64_t level)
{
    bool differs = level != *last;
    *last = level;
    return differs;
}

static bool is_news(struct push_state *push, const struct pending_item *item)
{
    switch (item->kind) {
    case PUSH_CONFIG:
        return level_rises(&push->config, item->level);
    case PUSH_SPACE:
        return level_rises(&push->space, item->level);
    case PUSH_FIRMWARE:
        return level_differs(&push->firmware, item->level); /* a lower one is the newest when the newest is withdrawn */
    case PUSH_COMMAND:
        if (strcmp(push->command, item->id) == 0) {
            return false;
        }
        snprintf(push->command, sizeof push->command, "%s", item->id);
        return true;
    case PUSH_LICENSE:
    case PUSH_INCIDENTS:
    case PUSH_CHILDREN:
        return true;
    case PUSH_ALL:
        break;
    }
    return false;
}

static void push_item(struct session *session, const struct pending_read *read, const struct pending_item *item)
{
    if (!is_news(session->push, item)) {
        return;
    }
    struct downlink d = {(uint32_t)item->kind, item->payload, item->correlation};
    outbox_drop_pushes(session, d.kind);
    downlink_publish(session, &read->device, &d);
    if (item->kind == PUSH_COMMAND) {
        struct match match;
        session_match_rest(session, topic_name(topic_of(PUSH_COMMAND, session_generation(session)))->name, false, &match);
        if (match.found) {
            hub_ports(session->loop)->mark_delivered(session->loop->core->domain, &read->device, item->id);
        }
    }
}

/* The highest number of the waiting actions; 0: an item without one is always news. */
static int64_t newest_license(const struct pending_read *read, size_t *ret_count)
{
    int64_t newest = INT64_MIN;
    *ret_count = 0;
    for (const struct pending_item *item = read->items; item; item = item->next) {
        if (item->kind == PUSH_LICENSE) {
            newest = item->level > newest ? item->level : newest;
            (*ret_count)++;
        }
    }
    return newest;
}

/* Generation 1 (mqtt.md 4.3): one object a message, of those that the session does not have yet. */
static void push_license_objects(struct session *session, const struct pending_read *read, int64_t last)
{
    for (const struct pending_item *item = read->items; item; item = item->next) {
        if (item->kind == PUSH_LICENSE && (item->level == 0 || item->level > last)) {
            struct downlink d = {PUSH_LICENSE, item->payload, item->correlation};
            downlink_publish(session, &read->device, &d);
        }
    }
}

/* To a session that gets its own commands on their own topic they are no part of the array (mqtt.md 4.5). */
static bool is_in_array(const struct pending_item *item, const struct pending_read *read, bool without_own)
{
    return item->kind == PUSH_CHILDREN && !(without_own && item->device_no == read->device.no);
}

#define ARRAY_BYTES_MAX ((size_t)1024 * 1024)
#define BESIDE_ARRAY_BYTES (2 * DEVICE_TOPIC_BYTES_MAX + 64) /* of its packet: two topics, what else is in the header */
#define IDENTIFIER_BYTES_MAX 5

static size_t array_bytes_max(const struct session *session, uint32_t kind)
{
    struct match match;
    const struct connection *c = session->connection;
    if (!c || c->packet_bytes_max == 0) {
        return ARRAY_BYTES_MAX;
    }
    session_match_rest(session, topic_name(topic_of(kind, session_generation(session)))->name, false, &match);
    size_t beside = BESIDE_ARRAY_BYTES + IDENTIFIER_BYTES_MAX * match.identifier_count;
    return c->packet_bytes_max > beside ? c->packet_bytes_max - beside : 0;
}

static void array_publish(struct session *session, const struct pending_read *read, uint32_t kind, struct buf *array)
{
    buf_append_str(array, STR("]"));
    if (!array->failed) {
        struct downlink d = {kind, buf_str(array), NULL};
        downlink_publish(session, &read->device, &d);
    }
    buf_clear(array);
}

/* All that wait of a kind, in one array, or in several if the client takes no packet that long. */
static void push_array(struct session *session, const struct pending_read *read, uint32_t kind, bool without_own)
{
    struct buf array;
    size_t max = array_bytes_max(session, kind);
    buf_init(&array, ARRAY_BYTES_MAX);
    for (const struct pending_item *item = read->items; item; item = item->next) {
        if (kind == PUSH_CHILDREN ? !is_in_array(item, read, without_own) : (uint32_t)item->kind != kind) {
            continue;
        }
        if (array.len > 0 && array.len + item->payload.len + 2 > max) {
            array_publish(session, read, kind, &array);
        }
        buf_append_str(&array, array.len == 0 ? STR("[") : STR(","));
        buf_append_str(&array, item->payload);
    }
    if (array.len > 0) {
        array_publish(session, read, kind, &array);
    }
    buf_deinit(&array);
}

/* What was not sent yet is replaced by what waits now (mqtt.md 5.2.4). */
static void push_licenses(struct session *session, const struct pending_read *read)
{
    size_t count;
    int64_t newest = newest_license(read, &count);
    int64_t last = outbox_drop_pushes(session, PUSH_LICENSE) > 0 ? 0 : session->push->license;
    if (count == 0 || (newest > 0 && newest <= last)) {
        return;
    }
    session->push->license = newest;
    if (session_generation(session) == 1) {
        push_license_objects(session, read, last);
    } else {
        push_array(session, read, PUSH_LICENSE, false);
    }
}

/* What was pushed of a family last: an array with nothing but that is no news. */
struct pushed_heads {
    size_t count;
    uint64_t ids[]; /* hashes, in their order: a family has thousands */
};

static int compare_ids(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static bool was_pushed(const struct session *session, uint64_t id)
{
    const struct pushed_heads *last = session->push->heads;
    return last && bsearch(&id, last->ids, last->count, sizeof id, compare_ids);
}

/* Fills *heads, which has room for all items. True: one of them was not pushed yet. */
static bool gather_heads(const struct session *session, const struct pending_read *read, bool without_own,
                         struct pushed_heads *heads)
{
    bool news = false;
    for (const struct pending_item *item = read->items; item; item = item->next) {
        if (!is_in_array(item, read, without_own)) {
            continue;
        }
        uint64_t id = hash_str(str_from_cstr(item->id));
        news |= !was_pushed(session, id);
        heads->ids[heads->count++] = id;
    }
    qsort(heads->ids, heads->count, sizeof heads->ids[0], compare_ids);
    return news;
}

/* Each is an operation: those that were in the last array, too, were noted then. */
static void mark_heads_delivered(struct session *session, const struct pending_read *read, bool without_own)
{
    struct hub_loop *loop = session->loop;
    for (const struct pending_item *item = read->items; item; item = item->next) {
        struct device_brief owner;
        if (is_in_array(item, read, without_own) && !was_pushed(session, hash_str(str_from_cstr(item->id))) &&
            hub_ports(loop)->find_device_no(loop->core->domain, item->device_no, &owner)) {
            hub_ports(loop)->mark_delivered(loop->core->domain, &owner, item->id);
        }
    }
}

/* The heads of the device's and its children's queues, all in one array (mqtt.md 3.1). */
static void push_children(struct session *session, const struct pending_read *read)
{
    bool without_own = kinds_of_filters(session) & PUSH_COMMAND;
    size_t count = 0;
    for (const struct pending_item *item = read->items; item; item = item->next) {
        count += is_in_array(item, read, without_own);
    }
    struct pushed_heads *heads = mem_alloc(sizeof *heads + count * sizeof heads->ids[0]);
    heads->count = 0;
    bool news = gather_heads(session, read, without_own, heads);
    /* An array that still waits is older than this one: what was cancelled since must not go out (mqtt.md 5.2.4). */
    news |= outbox_drop_pushes(session, PUSH_CHILDREN) > 0 && count > 0;
    if (news && (kinds_of_filters(session) & PUSH_CHILDREN)) {
        push_array(session, read, PUSH_CHILDREN, without_own);
        mark_heads_delivered(session, read, without_own);
    }
    if (news || count == 0) {
        mem_free(session->push->heads);
        session->push->heads = count > 0 ? heads : NULL;
        heads = count > 0 ? NULL : heads;
    }
    mem_free(heads);
}

/* --- again, after a fault ----------------------------------------------------------------------------------------- */

/* Of thousands of sessions whose reads failed together, not all ask again at the same moment. */
#define RETRY_MS_FIRST 1000u
#define RETRY_MS_MAX 32000u

struct push_retry {
    struct timer timer;
    struct session *session;
    uint32_t unread;   /* enum push_mask */
    uint32_t delay_ms; /* of the next attempt, before jitter */
};

static void push_read(struct session *session);

static void on_retry(struct timer *timer, uint64_t now_ms)
{
    struct push_retry *retry = container_of(timer, struct push_retry, timer);
    struct session *session = retry->session;
    (void)now_ms;
    session->push->wanted |= retry->unread;
    retry->unread = 0;
    push_read(session);
}

static void retry_later(struct session *session, uint32_t unread)
{
    struct push_retry *retry = session->push->retry;
    if (!retry) {
        retry = session->push->retry = mem_new(struct push_retry);
        retry->session = session;
        retry->timer.on_due = on_retry;
        retry->delay_ms = RETRY_MS_FIRST;
    }
    retry->unread |= unread;
    if (!timer_is_set(&retry->timer)) {
        uint64_t delay_ms = retry->delay_ms + random_u64() % (retry->delay_ms / 2);
        retry->delay_ms = retry->delay_ms * 2 > RETRY_MS_MAX ? RETRY_MS_MAX : retry->delay_ms * 2;
        timer_set(session->loop->timers, &retry->timer, hub_now_ms(session->loop) + delay_ms);
    }
}

static void retry_free(struct session *session)
{
    struct push_retry *retry = session->push->retry;
    if (retry) {
        timer_cancel(session->loop->timers, &retry->timer);
        mem_free(retry);
        session->push->retry = NULL;
    }
}

/* These were read, or nothing waits any more. */
static void retry_done(struct session *session, uint32_t kinds)
{
    struct push_retry *retry = session->push->retry;
    if (retry) {
        retry->unread &= ~kinds;
        if (retry->unread == 0) {
            retry_free(session);
        }
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void state_free_if_empty(struct session *session);

static bool has_kind(const struct pending_read *read, uint32_t kind)
{
    for (const struct pending_item *item = read->items; item; item = item->next) {
        if ((uint32_t)item->kind == kind) {
            return true;
        }
    }
    return false;
}

/* Cancelled, or taken over HTTPS. */
static void forget_command(struct session *session)
{
    outbox_drop_pushes(session, PUSH_COMMAND);
    session->push->command[0] = '\0';
}

static void push_items(struct session *session, const struct pending_read *read)
{
    bool licenses_done = !(read->wanted & PUSH_LICENSE);
    if ((read->wanted & PUSH_COMMAND) && !has_kind(read, PUSH_COMMAND)) {
        forget_command(session);
    }
    for (const struct pending_item *item = read->items; item; item = item->next) {
        if (!licenses_done && (item->kind == PUSH_LICENSE || item->kind == PUSH_COMMAND)) {
            licenses_done = true; /* before a command (mqtt.md 5.2.1) */
            push_licenses(session, read);
        }
        if (item->kind != PUSH_LICENSE && item->kind != PUSH_CHILDREN) {
            push_item(session, read, item);
        }
    }
    if (!licenses_done) {
        push_licenses(session, read);
    }
    if (read->wanted & PUSH_CHILDREN) { /* after the device's own command, and also when none waits any more */
        push_children(session, read);
    }
}

/* Without a connection nothing is read again: a resumed session reads everything. */
static void take_result(struct session *session, const struct pending_read *read)
{
    uint32_t unread = read->op.err == ERR_OK ? read->unread : read->wanted | read->unread;
    if (!session->connection) {
        return;
    }
    if (read->op.err == ERR_OK) {
        push_items(session, read);
    }
    if (!session->push) {
        return; /* it ended over that */
    }
    if (unread != 0) {
        retry_later(session, unread);
    } else {
        retry_done(session, read->wanted);
    }
}

static void on_read_done(struct op *op)
{
    struct pending_read *read = container_of(op, struct pending_read, op);
    struct session *session = read->user;
    if (!session->is_dead) {
        take_result(session, read);
        if (session->push) {
            session->push->reading = false;
            push_read(session);
        }
        if (session->push) {
            state_free_if_empty(session);
        }
    }
    hub_ports(session->loop)->pending_free(read);
    session_unref(session);
}

/* Most devices that subscribe have nothing waiting and never had: they keep no state. */
static void state_free_if_empty(struct session *session)
{
    const struct push_state *push = session->push;
    if (!push->reading && push->wanted == 0 && push->config == 0 && push->space == 0 && push->firmware == 0 &&
        push->license == 0 && push->command[0] == '\0' && !push->heads && !push->retry) {
        push_state_free(session);
    }
}

void push_state_free(struct session *session)
{
    if (session->push) {
        retry_free(session);
        mem_free(session->push->heads);
        mem_free(session->push);
        session->push = NULL;
    }
}

static void forget_pushed(struct push_state *push, uint32_t kinds)
{
    push->config = kinds & PUSH_CONFIG ? 0 : push->config;
    push->space = kinds & PUSH_SPACE ? 0 : push->space;
    push->firmware = kinds & PUSH_FIRMWARE ? 0 : push->firmware;
    push->license = kinds & PUSH_LICENSE ? 0 : push->license;
    push->command[0] = kinds & PUSH_COMMAND ? '\0' : push->command[0];
    if (kinds & PUSH_CHILDREN) {
        mem_free(push->heads);
        push->heads = NULL;
    }
}

static void push_read(struct session *session)
{
    struct push_state *push = session->push;
    struct device_brief device;
    struct hub_loop *loop = session->loop;
    if (push->reading || push->wanted == 0 || !session->connection ||
        !hub_ports(loop)->find_device_no(loop->core->domain, session->owner_no, &device)) {
        return;
    }
    uint32_t wanted = push->wanted & hub_ports(loop)->pending_kinds(&device);
    uint32_t gone = push->wanted & ~wanted;
    if (gone & PUSH_COMMAND) {
        forget_command(session);
    }
    if (gone & PUSH_CHILDREN) {
        outbox_drop_pushes(session, PUSH_CHILDREN);
        forget_pushed(push, PUSH_CHILDREN);
    }
    outbox_drop_pushes(session, gone & (PUSH_LICENSE | PUSH_SPACE | PUSH_FIRMWARE));
    forget_pushed(push, gone & PUSH_FIRMWARE);
    push->wanted = 0;
    if (wanted == 0) {
        retry_done(session, gone);
        state_free_if_empty(session);
        return;
    }
    if (push->retry) {
        push->retry->unread &= ~gone; /* it stays until a read succeeds: the next pause is longer */
    }
    struct pending_read *read = hub_ports(loop)->pending_new(loop->core->domain, &device, wanted);
    push->reading = true;
    read->user = session;
    session_ref(session);
    hub_ports(loop)->pending_submit(read, loop->mailbox, on_read_done);
}

void push_request(struct session *session, uint32_t kinds, bool again)
{
    kinds &= kinds_of_filters(session);
    if (kinds == 0 || !session->connection || session->connection->state != CONNECTION_OPEN) {
        return; /* without a connection nothing is lost: a resumed session reads everything */
    }
    if (!session->push) {
        session->push = mem_new(struct push_state);
    }
    if (again) {
        forget_pushed(session->push, kinds);
    }
    session->push->wanted |= kinds;
    push_read(session);
}

void push_resume(struct session *session)
{
    if (session->push) { /* of what is in flight there may have been something newer, which only waited */
        forget_pushed(session->push, PUSH_ALL & ~(outbox_pushes_in_flight(session) & ~session->push->given_up));
    }
    push_request(session, PUSH_ALL & ~(uint32_t)PUSH_INCIDENTS, false);
}

void push_pause(struct session *session)
{
    if (session->push) {
        retry_free(session);
        session->push->wanted = 0;
        state_free_if_empty(session);
    }
}

void push_sync(struct session *session, struct str rest)
{
    struct str sync = STR("sync"), slash_sync = STR("/sync");
    struct str name = STR("");
    if (str_starts_with(rest, STR("sync/"))) {
        name = str_sub(rest, sync.len + 1, rest.len);
    } else if (str_ends_with(rest, slash_sync)) {
        name = str_sub(rest, 0, rest.len - slash_sync.len);
    }
    push_request(session, name.len > 0 ? push_kinds_of_filter(name) : PUSH_ALL, true);
}
