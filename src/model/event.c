#include "model/event.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/device/device_table.h"

static void take_device(struct event *event, const struct device_brief *device)
{
    event->device_no = device->no;
    event->device_id = device->id;
    event->model_no = device->model_no;
    event->model_id = device->model_id;
    event->partner_no = device->partner_no;
    event->organization_no = device->organization_no;
    event->space_no = device->space_no;
    event->hears_itself = device->hears_itself;
}

struct event *event_new(enum event_type type, const struct device_brief *device)
{
    struct event *event = mem_new(struct event);
    ref_init(&event->ref);
    event->type = type;
    if (device) {
        take_device(event, device);
    }
    return event;
}

static void set_str(struct str *field, struct str text)
{
    char *copy = str_dup(text);
    free((void *)(uintptr_t)field->ptr);
    *field = (struct str){copy, text.len};
}

void event_set_topic(struct event *event, struct str topic)
{
    set_str(&event->topic, topic);
}

void event_set_request(struct event *event, struct str method, struct str path)
{
    set_str(&event->method, method);
    set_str(&event->path, path);
}

void event_set_payload(struct event *event, struct str payload)
{
    set_str(&event->payload, payload);
}

void event_set_push_payload(struct event *event, struct str payload)
{
    set_str(&event->push_payload, payload);
}

size_t event_bytes(const struct event *event)
{
    return sizeof *event + event->topic.len + event->method.len + event->path.len + event->payload.len +
           event->push_payload.len;
}

struct event *event_ref(const struct event *event)
{
    struct event *counted = (struct event *)(uintptr_t)event; /* immutable but for its count */
    ref_get(&counted->ref);
    return counted;
}

void event_unref(const struct event *event)
{
    if (!event) {
        return;
    }
    struct event *counted = (struct event *)(uintptr_t)event;
    if (ref_put(&counted->ref)) {
        free((void *)(uintptr_t)counted->topic.ptr);
        free((void *)(uintptr_t)counted->method.ptr);
        free((void *)(uintptr_t)counted->path.ptr);
        free((void *)(uintptr_t)counted->payload.ptr);
        free((void *)(uintptr_t)counted->push_payload.ptr);
        mem_free(counted);
    }
}

void event_bus_init(struct event_bus *bus)
{
    bus->sinks = NULL;
    atomic_init(&bus->next_seq, 1);
    atomic_init(&bus->wants_messages, 0);
}

void event_bus_add(struct event_bus *bus, struct event_sink *sink)
{
    sink->next = NULL;
    struct event_sink **at = &bus->sinks;
    while (*at) {
        at = &(*at)->next;
    }
    *at = sink;
}

void event_bus_emit(struct event_bus *bus, struct event *event)
{
    event->seq = atomic_fetch_add(&bus->next_seq, 1);
    for (struct event_sink *sink = bus->sinks; sink; sink = sink->next) {
        sink->on_event(sink, event);
    }
    event_unref(event);
}
