#include "model/live/live.h"

#include <pthread.h>

#include "base/crypto.h"
#include "base/list.h"
#include "base/metrics.h"
#include "codec/json/json.h"
#include "model/account/access.h"
#include "model/maker/catalog.h"
#include "model/domain.h"

/* A reader that reconnects must find what happened meanwhile, also when it was the only one that wanted messages. */
#define WANTS_LINGER_MS 60000
#define RATE_SECONDS 60

struct live {
    struct event_sink sink;
    struct domain *domain;
    char process[9]; /* tells this process's event ids from an earlier one's */
    pthread_mutex_t lock;
    struct list readers;
    unsigned reader_count;
    const struct event *history[LIVE_HISTORY];
    uint64_t history_first; /* the oldest that is kept, of */
    uint64_t history_count; /* the events ever put into it */
    size_t history_bytes;
    unsigned wanting;       /* open readers that want messages */
    bool wants_raised;      /* counted in the bus */
    int64_t unwanted_since_ms;
    int64_t samples[RATE_SECONDS]; /* the message counter at the last ticks */
    unsigned sample_at;
    _Atomic int64_t per_minute;
};

struct live_reader {
    struct list node;
    struct live *live;
    struct live_filter filter;
    void (*wake)(void *user);
    void *user;
    bool awake;    /* woken, and not yet found empty */
    _Atomic bool revoked;
    uint64_t dropped;
    size_t first, count, bytes;
    const struct event *queue[LIVE_QUEUE];
};

static const struct type_name {
    const char *name;
    enum live_type type;
} type_names[] = {
    {"telemetry", LIVE_TELEMETRY}, {"status", LIVE_STATUS}, {"command", LIVE_COMMAND},           {"config", LIVE_CONFIG},
    {"incident", LIVE_INCIDENT},   {"event", LIVE_EVENT},   {"registration", LIVE_REGISTRATION},
    {"wire", LIVE_WIRE},           {"license", LIVE_LICENSE},
};
#define TYPE_COUNT (sizeof type_names / sizeof type_names[0])

unsigned live_types_parse(struct str list)
{
    unsigned types = 0;
    while (list.ptr) {
        struct str name = str_trim(str_split(&list, ','));
        for (size_t i = 0; i < TYPE_COUNT; i++) {
            if (str_eq(name, str_from_cstr(type_names[i].name))) {
                types |= type_names[i].type;
            }
        }
    }
    return types;
}

/* 0: not for the stream. *ret_what: which of the kinds that share a type; NULL: the type says it. */
static unsigned type_of(enum event_type type, const char **ret_what)
{
    *ret_what = NULL;
    switch (type) {
    case EVENT_TELEMETRY: return LIVE_TELEMETRY;
    case EVENT_STATUS: return LIVE_STATUS;
    case EVENT_COMMAND: return LIVE_COMMAND;
    case EVENT_CONFIG: return LIVE_CONFIG;
    case EVENT_REGISTRATION: return LIVE_REGISTRATION;
    case EVENT_LICENSE: return LIVE_LICENSE;
    case EVENT_INCIDENT: return LIVE_INCIDENT;
    case EVENT_DEVICE_EVENT: return LIVE_EVENT;
    case EVENT_DEVICE_UPDATED: *ret_what = "updated"; return LIVE_EVENT;
    case EVENT_DEVICE_CLAIMED: *ret_what = "claimed"; return LIVE_EVENT;
    case EVENT_DEVICE_UNCLAIMED: *ret_what = "unclaimed"; return LIVE_EVENT;
    case EVENT_DEVICE_DELETED: *ret_what = "deleted"; return LIVE_EVENT;
    case EVENT_DEVICE_KEY_CHANGED: *ret_what = "key_changed"; return LIVE_EVENT;
    case EVENT_DEVICE_REPLACED: *ret_what = "replaced"; return LIVE_EVENT;
    case EVENT_DEVICE_KICK: *ret_what = "disconnected"; return LIVE_EVENT;
    case EVENT_UPLINK_REFUSED: *ret_what = "refused"; return LIVE_EVENT;
    case EVENT_WIRE: return LIVE_WIRE;
    case EVENT_CHILD_COMMAND:
    case EVENT_API_KEY_REVOKED:
    case EVENT_TENANT_SUSPENDED:
    case EVENT_OUTBOX:
    case EVENT_TYPE_COUNT: break;
    }
    return 0;
}

/* By the role that the person has now, not when the stream was opened (management-api.md 9). */
static bool may_see(const struct live_reader *reader, const struct event *event)
{
    struct domain *domain = reader->live->domain;
    struct principal now = reader->filter.principal;
    if (now.kind != PRINCIPAL_USER) {
        return true;
    }
    return access_role(domain, now.user_no, now.tenant_kind, principal_tenant_no(&now), &now.role) &&
           permission_of(&now, (enum permission)now.needs) && access_in_space(domain, &now, event->space_no) == ERR_OK;
}

static bool matches(const struct live_reader *reader, const struct event *event)
{
    const struct live_filter *filter = &reader->filter;
    const char *what;
    unsigned type = type_of(event->type, &what);
    bool is_partner = filter->principal.tenant_kind == TENANT_PARTNER;
    if (!(filter->types & type) || (type == LIVE_REGISTRATION && !is_partner)) {
        return false; /* the provisioning log is the partner's */
    }
    if (type == LIVE_WIRE && !filter->has_device) {
        return false;
    }
    if (is_partner ? event->partner_no != filter->principal.partner_no
                   : event->organization_no != filter->principal.organization_no) {
        return false;
    }
    if ((filter->has_device && !uuid_eq(&event->device_id, &filter->device_id)) ||
        (filter->has_model && !uuid_eq(&event->model_id, &filter->model_id))) {
        return false;
    }
    if (filter->space_no && !catalog_space_is_within(reader->live->domain->catalog, event->space_no, filter->space_no)) {
        return false;
    }
    return may_see(reader, event);
}

/* Under the lock. */
static void reader_push(struct live_reader *reader, const struct event *event)
{
    size_t bytes = event_bytes(event);
    if (reader->count == LIVE_QUEUE || reader->bytes + bytes > LIVE_QUEUE_BYTES) {
        reader->dropped++;
        metric_add(METRIC_LIVE_EVENTS_DROPPED, 1);
        return;
    }
    reader->queue[(reader->first + reader->count++) % LIVE_QUEUE] = event_ref(event);
    reader->bytes += bytes;
}

static void reader_wake(struct live_reader *reader)
{
    if (!reader->awake) {
        reader->awake = true;
        reader->wake(reader->user);
    }
}

/* A revoked key and a suspended tenant end the stream. */
static bool ends_reader(const struct live_reader *reader, const struct event *event)
{
    const struct principal *principal = &reader->filter.principal;
    if (event->type == EVENT_API_KEY_REVOKED) {
        return principal->kind == PRINCIPAL_API_KEY && principal->api_key_no == event->api_key_no;
    }
    if (event->type == EVENT_TENANT_SUSPENDED) {
        return event->organization_no ? principal->organization_no == event->organization_no
                                      : principal->partner_no == event->partner_no;
    }
    return false;
}

/* Under the lock. */
static void history_drop_first(struct live *live)
{
    size_t slot = live->history_first++ % LIVE_HISTORY;
    live->history_bytes -= event_bytes(live->history[slot]);
    event_unref(live->history[slot]);
    live->history[slot] = NULL;
}

static void history_add(struct live *live, const struct event *event)
{
    if (live->history_count - live->history_first == LIVE_HISTORY) {
        history_drop_first(live);
    }
    live->history[live->history_count++ % LIVE_HISTORY] = event_ref(event);
    live->history_bytes += event_bytes(event);
    while (live->history_bytes > LIVE_HISTORY_BYTES) {
        history_drop_first(live);
    }
}

static void on_event(struct event_sink *sink, const struct event *event)
{
    struct live *live = container_of(sink, struct live, sink);
    const char *what;
    bool is_shown = type_of(event->type, &what) != 0;
    pthread_mutex_lock(&live->lock);
    if (is_shown) {
        history_add(live, event);
    }
    list_each(node, &live->readers) {
        struct live_reader *reader = list_entry(node, struct live_reader, node);
        if (is_shown && matches(reader, event)) {
            reader_push(reader, event);
            reader_wake(reader);
        } else if (ends_reader(reader, event)) {
            atomic_store(&reader->revoked, true);
            reader_wake(reader);
        }
    }
    pthread_mutex_unlock(&live->lock);
}

struct live *live_new(struct domain *domain)
{
    struct live *live = mem_new(struct live);
    live->domain = domain;
    live->sink.on_event = on_event;
    random_base62(live->process, sizeof live->process - 1);
    pthread_mutex_init(&live->lock, NULL);
    list_init(&live->readers);
    event_bus_add(&domain->events, &live->sink);
    return live;
}

void live_free(struct live *live)
{
    if (!live) {
        return;
    }
    for (size_t i = 0; i < LIVE_HISTORY; i++) {
        event_unref(live->history[i]);
    }
    pthread_mutex_destroy(&live->lock);
    mem_free(live);
}

/* --- readers --- */

/* "<process>-<seq>" of this process. */
static bool event_id_parse(const struct live *live, struct str id, uint64_t *ret_seq)
{
    struct str process = str_split(&id, '-');
    return id.ptr && str_eq(process, str_from_cstr(live->process)) && str_to_u64(id, ret_seq);
}

/* Under the lock: what is kept and came after the event `seq`. */
static void reader_resume(struct live_reader *reader, uint64_t seq)
{
    struct live *live = reader->live;
    for (uint64_t i = live->history_first; i < live->history_count; i++) {
        const struct event *event = live->history[i % LIVE_HISTORY];
        if (event->seq > seq && matches(reader, event)) {
            reader_push(reader, event);
        }
    }
    if (reader->count) {
        reader_wake(reader);
    }
}

static bool same_tenant(const struct principal *a, const struct principal *b)
{
    return a->tenant_kind == b->tenant_kind && a->partner_no == b->partner_no && a->organization_no == b->organization_no;
}

/* Under the lock. */
static bool has_room(struct live *live, const struct principal *principal)
{
    size_t of_tenant = 0;
    list_each(node, &live->readers) {
        of_tenant += same_tenant(&list_entry(node, struct live_reader, node)->filter.principal, principal);
    }
    return live->reader_count < LIVE_READERS_MAX && of_tenant < LIVE_READERS_TENANT_MAX;
}

static bool wants_messages(const struct live_reader *reader)
{
    return reader->filter.types & (LIVE_TELEMETRY | LIVE_EVENT);
}

struct live_reader *live_open(struct live *live, const struct live_filter *filter, struct str last_event_id,
                              void (*wake)(void *user), void *user)
{
    struct live_reader *reader = mem_new(struct live_reader);
    reader->live = live;
    reader->filter = *filter;
    reader->wake = wake;
    reader->user = user;
    uint64_t seq;
    pthread_mutex_lock(&live->lock);
    if (!has_room(live, &filter->principal)) {
        pthread_mutex_unlock(&live->lock);
        mem_free(reader);
        return NULL;
    }
    live->reader_count++;
    list_append(&live->readers, &reader->node);
    if (wants_messages(reader) && live->wanting++ == 0 && !live->wants_raised) {
        live->wants_raised = true;
        atomic_fetch_add(&live->domain->events.wants_messages, 1);
    }
    if (event_id_parse(live, last_event_id, &seq)) {
        reader_resume(reader, seq);
    }
    pthread_mutex_unlock(&live->lock);
    return reader;
}

void live_close(struct live_reader *reader)
{
    struct live *live = reader->live;
    pthread_mutex_lock(&live->lock);
    list_remove(&reader->node);
    live->reader_count--;
    if (wants_messages(reader) && --live->wanting == 0) {
        live->unwanted_since_ms = live->domain->now_unix_ms();
    }
    pthread_mutex_unlock(&live->lock);
    for (size_t i = 0; i < reader->count; i++) {
        event_unref(reader->queue[(reader->first + i) % LIVE_QUEUE]);
    }
    mem_free(reader);
}

const struct event *live_take(struct live_reader *reader, uint64_t *ret_dropped)
{
    const struct event *event = NULL;
    *ret_dropped = 0;
    pthread_mutex_lock(&reader->live->lock);
    if (reader->count) {
        event = reader->queue[reader->first];
        reader->first = (reader->first + 1) % LIVE_QUEUE;
        reader->count--;
        reader->bytes -= event_bytes(event);
    } else { /* what was dropped came after everything that was queued */
        *ret_dropped = reader->dropped;
        reader->dropped = 0;
        reader->awake = false;
    }
    pthread_mutex_unlock(&reader->live->lock);
    return event;
}

bool live_is_revoked(const struct live_reader *reader)
{
    return atomic_load(&reader->revoked);
}

/* --- rendering --- */

/* Anywhere in a name, and at its end: "hardware_key" is a secret, "hardware_key_id" is none. */
static const char *const secret_parts[] = {"password", "secret"};
static const char *const secret_ends[] = {"access_key", "hardware_key", "api_key", "token", "authorization"};
#define PART_COUNT (sizeof secret_parts / sizeof secret_parts[0])
#define END_COUNT (sizeof secret_ends / sizeof secret_ends[0])

static bool contains_any(struct str text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_contains_nocase(text, str_from_cstr(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_secret_name(struct str name)
{
    for (size_t i = 0; i < END_COUNT; i++) {
        struct str end = str_from_cstr(secret_ends[i]);
        if (name.len >= end.len && str_eq_nocase(str_sub(name, name.len - end.len, end.len), end)) {
            return true;
        }
    }
    return contains_any(name, secret_parts, PART_COUNT);
}

static void write_masked(struct json_writer *w, const struct json *node)
{
    bool is_object = json_is_object(node);
    if (!is_object && !json_is_array(node)) {
        json_put_node(w, node);
        return;
    }
    is_object ? json_begin_object(w) : json_begin_array(w);
    for (const struct json *item = json_first(node); item; item = json_next(item)) {
        if (is_object) {
            json_name_str(w, json_key(item));
        }
        if (is_object && is_secret_name(json_key(item)) && !json_is_missing(item)) {
            json_put_cstr(w, "*****");
        } else {
            write_masked(w, item);
        }
    }
    is_object ? json_end_object(w) : json_end_array(w);
}

bool live_text_is_suspect(struct str text)
{
    return contains_any(text, secret_parts, PART_COUNT) || contains_any(text, secret_ends, END_COUNT);
}

/* Whoever emits an event leaves secrets out; members that are called like one are masked all the same. */
static void write_payload(struct json_writer *w, struct str payload)
{
    bool is_suspect = live_text_is_suspect(payload);
    struct json *document = NULL;
    if (is_suspect && json_parse(payload, &(struct json_limits){.bytes_max = payload.len}, &document) == ERR_OK) {
        write_masked(w, document);
        json_free(document);
    } else if (is_suspect) {
        json_put_null(w);
    } else {
        json_put_raw(w, payload);
    }
}

static const char *type_name(unsigned type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if ((unsigned)type_names[i].type == type) {
            return type_names[i].name;
        }
    }
    return "event";
}

static void write_source(struct json_writer *w, const struct event *event)
{
    if (event->direction != DIRECTION_NONE) {
        json_field_cstr(w, "direction", event->direction == DIRECTION_UP ? "up" : "down");
    }
    if (event->transport != TRANSPORT_NONE) {
        json_field_cstr(w, "transport", event->transport == TRANSPORT_MQTT ? "mqtt" : "https");
    }
    if (event->topic.len) {
        json_field_str(w, "topic", event->topic);
    }
    if (event->method.len) {
        json_field_str(w, "method", event->method);
    }
    if (event->path.len) {
        json_field_str(w, "path", event->path);
    }
    if (event->transport == TRANSPORT_MQTT) {
        json_field_int(w, "qos", event->qos);
    }
    if (event->size) {
        json_field_int(w, "size", event->size);
    }
    if (event->code) {
        json_field_int(w, "code", event->code);
    }
}

void live_render(const struct live *live, const struct event *event, struct buf *out)
{
    const char *what;
    unsigned type = type_of(event->type, &what);
    buf_printf(out, "id: %s-%llu\ndata: ", live->process, (unsigned long long)event->seq);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_time(&w, "at", event->at_ms);
    json_field_cstr(&w, "type", type_name(type));
    if (what) {
        json_field_cstr(&w, "event", what);
    }
    if (!uuid_is_nil(&event->device_id)) {
        json_field_uuid(&w, "device_id", &event->device_id);
    }
    if (!uuid_is_nil(&event->model_id)) {
        json_field_uuid(&w, "model_id", &event->model_id);
    }
    write_source(&w, event);
    if (event->payload.len) {
        json_name(&w, "payload");
        write_payload(&w, event->payload);
    }
    json_end_object(&w);
    buf_append_cstr(out, "\n\n");
}

void live_render_dropped(uint64_t count, struct buf *out)
{
    buf_printf(out, "data: {\"type\":\"dropped\",\"count\":%llu}\n\n", (unsigned long long)count);
}

/* --- once a second --- */

void live_tick(struct live *live)
{
    int64_t now_count = metric_get(METRIC_TELEMETRY_SAMPLES);
    int64_t minute_ago = live->samples[live->sample_at];
    live->samples[live->sample_at] = now_count;
    live->sample_at = (live->sample_at + 1) % RATE_SECONDS;
    atomic_store(&live->per_minute, now_count - minute_ago);
    pthread_mutex_lock(&live->lock);
    if (live->wants_raised && live->wanting == 0 &&
        live->domain->now_unix_ms() - live->unwanted_since_ms >= WANTS_LINGER_MS) {
        live->wants_raised = false;
        atomic_fetch_sub(&live->domain->events.wants_messages, 1);
    }
    pthread_mutex_unlock(&live->lock);
}

int64_t live_messages_per_minute(struct live *live)
{
    return live ? atomic_load(&live->per_minute) : 0;
}
