/* What an armed trace (model/live/trace.h) is told of a connection's packets. A device that is not armed costs one load and
 * one comparison for each. On the connection's loop. */
#ifndef MUSTER_HUB_TRACE_H
#define MUSTER_HUB_TRACE_H

#include "hub/connection.h"
#include "model/live/trace.h"

static inline bool hub_trace_sees(const struct connection *c)
{
    return c->trace_device_no != 0 && trace_may_be_armed(c->loop->core->domain, c->trace_device_no);
}

void hub_trace_tell_connect(struct connection *c, const struct mqtt_packet *packet, size_t bytes);
void hub_trace_tell_in(struct connection *c, const struct mqtt_packet *packet, size_t bytes);
void hub_trace_tell_fault(struct connection *c, const struct mqtt_packet *packet, struct mqtt_fault fault);
void hub_trace_tell_out(struct connection *c, const uint8_t *data, size_t len);

/* A packet of the client, before it is processed; once, also if it is handed in again. */
static inline void hub_trace_in(struct connection *c, const struct mqtt_packet *packet, size_t bytes)
{
    if (packet->type == MQTT_CONNECT) {
        if (trace_is_any_armed(c->loop->core->domain)) {
            hub_trace_tell_connect(c, packet, bytes);
        }
    } else if (hub_trace_sees(c)) {
        hub_trace_tell_in(c, packet, bytes);
    }
}

/* Bytes that end the connection; `packet` NULL: not even its type is known. */
static inline void hub_trace_fault(struct connection *c, const struct mqtt_packet *packet, struct mqtt_fault fault)
{
    if (hub_trace_sees(c)) {
        hub_trace_tell_fault(c, packet, fault);
    }
}

/* The packet that was appended to `out` from `from` on. */
static inline void hub_trace_out(struct connection *c, const struct buf *out, size_t from)
{
    if (hub_trace_sees(c) && out->len > from) {
        hub_trace_tell_out(c, (const uint8_t *)out->data + from, out->len - from);
    }
}

#endif
