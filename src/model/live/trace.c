#include "model/live/trace.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/device/device_table.h"
#include "model/live/live.h"

struct trace_book {
    pthread_mutex_t lock;
    size_t count;
    struct trace_entry entries[TRACES_MAX];
};

struct trace *trace_new(void)
{
    struct trace *trace = mem_new(struct trace);
    trace->book = mem_new(struct trace_book);
    pthread_mutex_init(&trace->book->lock, NULL);
    return trace;
}

void trace_free(struct trace *trace)
{
    if (trace) {
        pthread_mutex_destroy(&trace->book->lock);
        mem_free(trace->book);
        mem_free(trace);
    }
}

/* --- the book; all under its lock --- */

static struct trace_entry *entry_find(struct trace_book *book, int64_t device_no)
{
    for (size_t i = 0; i < book->count; i++) {
        if (book->entries[i].device_no == device_no) {
            return &book->entries[i];
        }
    }
    return NULL;
}

static void slot_add(struct trace *trace, int64_t device_no, int change)
{
    atomic_fetch_add(&trace->slots[(uint64_t)device_no % TRACE_SLOTS], (uint16_t)change);
    atomic_fetch_add(&trace->count, (unsigned)change);
}

static void entry_remove(struct trace *trace, struct trace_entry *entry)
{
    struct trace_book *book = trace->book;
    slot_add(trace, entry->device_no, -1);
    *entry = book->entries[--book->count];
}

static void drop_expired(struct trace *trace, int64_t now_ms)
{
    for (size_t i = trace->book->count; i > 0; i--) {
        if (trace->book->entries[i - 1].until_ms <= now_ms) {
            entry_remove(trace, &trace->book->entries[i - 1]);
        }
    }
}

static size_t count_of_tenant(const struct trace_book *book, const struct trace_entry *of)
{
    size_t count = 0;
    for (size_t i = 0; i < book->count; i++) {
        const struct trace_entry *entry = &book->entries[i];
        count += entry->device_no != of->device_no && entry->tenant_kind == of->tenant_kind && entry->tenant_no == of->tenant_no;
    }
    return count;
}

bool trace_has_room(struct trace *trace, const struct trace_entry *wanted, int64_t now_ms)
{
    struct trace_book *book = trace->book;
    pthread_mutex_lock(&book->lock);
    drop_expired(trace, now_ms);
    bool has = count_of_tenant(book, wanted) < TRACES_TENANT_MAX &&
               (book->count < TRACES_MAX || entry_find(book, wanted->device_no));
    pthread_mutex_unlock(&book->lock);
    return has;
}

void trace_put(struct trace *trace, const struct trace_entry *wanted)
{
    struct trace_book *book = trace->book;
    pthread_mutex_lock(&book->lock);
    struct trace_entry *entry = entry_find(book, wanted->device_no);
    if (!entry && book->count < TRACES_MAX) { /* calls of one batch saw the same room */
        entry = &book->entries[book->count++];
        slot_add(trace, wanted->device_no, 1);
    }
    if (entry) {
        *entry = *wanted;
    }
    pthread_mutex_unlock(&book->lock);
}

void trace_remove(struct trace *trace, int64_t device_no)
{
    struct trace_book *book = trace->book;
    pthread_mutex_lock(&book->lock);
    struct trace_entry *entry = entry_find(book, device_no);
    if (entry) {
        entry_remove(trace, entry);
    }
    pthread_mutex_unlock(&book->lock);
}

void trace_tick(struct domain *domain)
{
    if (trace_is_any_armed(domain)) {
        pthread_mutex_lock(&domain->trace->book->lock);
        drop_expired(domain->trace, domain->now_unix_ms());
        pthread_mutex_unlock(&domain->trace->book->lock);
    }
}

/* --- events --- */

static bool is_armed(struct domain *domain, const struct device_brief *device, int64_t now_ms)
{
    if (!trace_may_be_armed(domain, device->no)) {
        return false;
    }
    struct trace_book *book = domain->trace->book;
    pthread_mutex_lock(&book->lock);
    const struct trace_entry *entry = entry_find(book, device->no);
    bool armed = entry && entry->until_ms > now_ms && entry->organization_no == device->organization_no;
    pthread_mutex_unlock(&book->lock);
    return armed;
}

void trace_emit(struct domain *domain, const struct device_brief *device, const struct trace_record *record)
{
    int64_t now_ms = domain->now_unix_ms();
    if (!is_armed(domain, device, now_ms)) {
        return;
    }
    struct event *event = event_new(EVENT_WIRE, device);
    event->transport = record->transport;
    event->direction = record->direction;
    event->at_ms = now_ms;
    event->qos = record->qos;
    event->code = record->code;
    event->size = record->size;
    event_set_topic(event, record->topic);
    event_set_request(event, record->method, record->path);
    event_set_payload(event, record->payload);
    event_bus_emit(&domain->events, event);
}

void trace_put_body(struct json_writer *w, struct str body)
{
    struct json *document = NULL;
    if (body.len == 0) {
        json_put_null(w);
    } else if (body.len > TRACE_BODY_BYTES_MAX || !utf8_is_valid(body)) {
        json_begin_object(w);
        json_field_int(w, "bytes", (int64_t)body.len);
        json_end_object(w);
    } else if (json_parse(body, NULL, &document) == ERR_OK) {
        json_put_node(w, document); /* members that are called like a secret are masked when the event is rendered */
        json_free(document);
    } else if (live_text_is_suspect(body)) {
        json_put_cstr(w, "*****");
    } else {
        json_put_str(w, body);
    }
}
