/* Armed traces (management-api.md 9, portal.md 7.2): while one is armed for a device, each of its MQTT packets and HTTP
 * calls becomes an event of type EVENT_WIRE, for those who watch that device. What is armed lives in memory only: it ends
 * by itself after at most an hour, with the process, and when the device changes hands. */
#ifndef MUSTER_MODEL_TRACE_H
#define MUSTER_MODEL_TRACE_H

#include <stdatomic.h>

#include "codec/json/json.h"
#include "model/domain.h"
#include "model/account/principal.h"

struct device_brief;

#define TRACES_TENANT_MAX 100
#define TRACES_MAX 1000
#define TRACE_SLOTS 4096u /* a power of two */
#define TRACE_BODY_BYTES_MAX ((size_t)32 * 1024)

struct trace_book;

struct trace {
    /* How many devices whose number falls here are armed: what hot paths look at. */
    _Atomic uint16_t slots[TRACE_SLOTS];
    _Atomic unsigned count;
    struct trace_book *book;
};

struct trace *trace_new(void);
void trace_free(struct trace *trace); /* after the threads ended; NULL is accepted */

struct trace_entry {
    int64_t device_no;
    int64_t organization_no; /* the device's owner when it was armed; 0: none */
    enum tenant_kind tenant_kind;
    int64_t tenant_no;       /* who armed it */
    int64_t until_ms;        /* unix */
};

/* Whether its tenant may arm one more, or this one again. Any thread, as the two below. */
bool trace_has_room(struct trace *trace, const struct trace_entry *wanted, int64_t now_ms);
void trace_put(struct trace *trace, const struct trace_entry *wanted); /* copied; replaces the device's */
void trace_remove(struct trace *trace, int64_t device_no);
/* Once a second: what ran out goes. */
void trace_tick(struct domain *domain);

/* Whether any device is armed. Any thread; one load. */
static inline bool trace_is_any_armed(const struct domain *domain)
{
    return domain->trace && atomic_load_explicit(&domain->trace->count, memory_order_relaxed) != 0;
}
/* Whether that device may be armed: false is certain, true is to be followed by trace_emit(), which knows. One load. */
static inline bool trace_may_be_armed(const struct domain *domain, int64_t device_no)
{
    return domain->trace &&
           atomic_load_explicit(&domain->trace->slots[(uint64_t)device_no % TRACE_SLOTS], memory_order_relaxed) != 0;
}

/* One packet or call. Everything is borrowed; `payload` is compact JSON. */
struct trace_record {
    enum transport transport;
    enum direction direction;
    struct str topic, method, path;
    uint8_t qos;
    uint16_t code;
    uint32_t size;
    struct str payload;
};
/* Emits it as an event if the device is armed. Any thread. */
void trace_emit(struct domain *domain, const struct device_brief *device, const struct trace_record *record);
/* A message's body as a JSON value without secrets: a document, or a text; "*****" for a text that seems to hold a
 * secret, null when empty, {"bytes":n} for what is no text or above TRACE_BODY_BYTES_MAX. */
void trace_put_body(struct json_writer *w, struct str body);

#endif
