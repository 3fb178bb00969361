/* The events that devices report (device-api.md 9.4), over HTTPS and MQTT alike; both management APIs list them. */
#ifndef MUSTER_MODEL_EVENT_LOG_H
#define MUSTER_MODEL_EVENT_LOG_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/reply.h"

/* Add Event. `intent_no`: of a QoS 2 publish (ports/session_store.h), else 0. LANE_REGISTRY. */
enum err event_log_add(struct device_change *change, const struct device_brief *device, const struct json *body,
                       int64_t intent_no, struct reply *reply) MUST_CHECK;

struct event_log_query {
    int64_t from, to;          /* when they were received, unix ms, both included */
    struct str name, category; /* exact; empty: any */
    bool ascending;
};
/* GET /devices/:id/events of both management APIs. Any lane with a store. */
void event_log_list(struct admin *admin, struct store_tx *tx, const struct device_core *device,
                    const struct event_log_query *query, struct page page);

#endif
