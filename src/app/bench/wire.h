/* The packets that count in a load run, by hand: a PUBLISH is one memcpy of a template with its packet id, number and
 * time put in; of a received one only what is measured is read. Everything else goes through codec/mqtt. */
#ifndef MUSTER_APP_BENCH_WIRE_H
#define MUSTER_APP_BENCH_WIRE_H

#include "base/buf.h"
#include "codec/mqtt/mqtt.h"

/* The first bytes of a measured payload, in this machine's byte order: the generator reads its own only. */
struct wire_stamp {
    uint32_t magic;
    uint32_t publisher;
    uint64_t number;
    uint64_t sent_ns; /* monotonic */
};
#define WIRE_MAGIC 0x6d627374u

struct wire_template {
    uint8_t *bytes;
    size_t len;
    size_t id_at;    /* 0: QoS 0 */
    size_t stamp_at; /* 0: the payload carries none */
};

/* A PUBLISH of that topic with payload_bytes (at least sizeof struct wire_stamp) of stamped payload; or, where `text` is
 * given, with that text as payload. Free with wire_template_deinit. */
void wire_template_init(struct wire_template *template, enum mqtt_version version, struct str topic, uint8_t qos,
                        bool retain, uint32_t publisher, size_t payload_bytes, struct str text);
void wire_template_deinit(struct wire_template *template);
/* Appends one message. */
void wire_publish(struct buf *out, const struct wire_template *template, uint16_t packet_id, uint64_t number,
                  uint64_t sent_ns);

/* One packet's place in the input. */
struct wire_packet {
    uint8_t type, flags;
    const uint8_t *body;
    size_t body_bytes;
    size_t total_bytes;
};

/* 1: *ret is filled; 0: more bytes are needed; -1: not MQTT. */
static inline int wire_next(const uint8_t *data, size_t len, struct wire_packet *ret)
{
    size_t remaining = 0, at = 1;
    unsigned shift = 0;
    do {
        if (at >= len) {
            return at > 4 ? -1 : 0;
        }
        if (shift > 21) {
            return -1;
        }
        remaining |= (size_t)(data[at] & 0x7f) << shift;
        shift += 7;
    } while (data[at++] & 0x80);
    if (len - at < remaining) {
        return 0;
    }
    *ret = (struct wire_packet){(uint8_t)(data[0] >> 4), data[0] & 15, data + at, remaining, at + remaining};
    return 1;
}

/* The payload and the packet id (0: QoS 0) of a PUBLISH. False: it is malformed. */
bool wire_publish_read(const struct wire_packet *packet, enum mqtt_version version, uint16_t *ret_packet_id,
                       struct str *ret_payload);

/* The stamp of a payload; false: it is not one of ours. */
static inline bool wire_stamp_read(struct str payload, struct wire_stamp *ret_stamp)
{
    if (payload.len < sizeof *ret_stamp) {
        return false;
    }
    memcpy(ret_stamp, payload.ptr, sizeof *ret_stamp);
    return ret_stamp->magic == WIRE_MAGIC;
}

/* PUBACK, PUBREC, PUBREL or PUBCOMP with success, the short form of both versions. */
void wire_acknowledge(struct buf *out, enum mqtt_type type, uint16_t packet_id);

#endif
