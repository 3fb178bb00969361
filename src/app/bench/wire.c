#include "app/bench/wire.h"

#include "base/mem.h"

void wire_template_init(struct wire_template *template, enum mqtt_version version, struct str topic, uint8_t qos,
                        bool retain, uint32_t publisher, size_t payload_bytes, struct str text)
{
    struct mqtt_publish_head head = {.topic = topic, .qos = qos, .retain = retain, .packet_id = qos ? 1 : 0,
                                     .payload_bytes = text.ptr ? text.len : payload_bytes};
    struct buf out;
    buf_init(&out, MQTT_REMAINING_MAX);
    mqtt_encode_publish_head(&out, version, &head);
    size_t head_bytes = out.len;
    *template = (struct wire_template){.stamp_at = text.ptr ? 0 : head_bytes};
    if (qos) { /* right behind the topic; 5.0 has the length of no properties after it */
        template->id_at = head_bytes - 2 - (version == MQTT_V5);
    }
    if (text.ptr) {
        buf_append_str(&out, text);
    } else {
        buf_append(&out, &(struct wire_stamp){.magic = WIRE_MAGIC, .publisher = publisher}, sizeof(struct wire_stamp));
        for (size_t i = sizeof(struct wire_stamp); i < payload_bytes; i++) {
            buf_append_u8(&out, (uint8_t)('a' + i % 26));
        }
    }
    template->bytes = buf_take(&out, &template->len);
}

void wire_template_deinit(struct wire_template *template)
{
    mem_free(template->bytes);
    *template = (struct wire_template){.bytes = NULL};
}

void wire_publish(struct buf *out, const struct wire_template *template, uint16_t packet_id, uint64_t number,
                  uint64_t sent_ns)
{
    if (!buf_reserve(out, template->len)) {
        return;
    }
    uint8_t *at = out->data + out->len;
    memcpy(at, template->bytes, template->len);
    if (template->id_at) {
        at[template->id_at] = (uint8_t)(packet_id >> 8);
        at[template->id_at + 1] = (uint8_t)packet_id;
    }
    if (template->stamp_at) {
        memcpy(at + template->stamp_at + offsetof(struct wire_stamp, number), &number, sizeof number);
        memcpy(at + template->stamp_at + offsetof(struct wire_stamp, sent_ns), &sent_ns, sizeof sent_ns);
    }
    out->len += template->len;
}

bool wire_publish_read(const struct wire_packet *packet, enum mqtt_version version, uint16_t *ret_packet_id,
                       struct str *ret_payload)
{
    const uint8_t *at = packet->body, *end = packet->body + packet->body_bytes;
    if (end - at < 2) {
        return false;
    }
    size_t topic_bytes = (size_t)at[0] << 8 | at[1];
    at += 2;
    if ((size_t)(end - at) < topic_bytes) {
        return false;
    }
    at += topic_bytes;
    *ret_packet_id = 0;
    if (packet->flags & 6) {
        if (end - at < 2) {
            return false;
        }
        *ret_packet_id = (uint16_t)(at[0] << 8 | at[1]);
        at += 2;
    }
    if (version == MQTT_V5) {
        size_t bytes = 0;
        unsigned shift = 0;
        do {
            if (at == end || shift > 21) {
                return false;
            }
            bytes |= (size_t)(*at & 0x7f) << shift;
            shift += 7;
        } while (*at++ & 0x80);
        if ((size_t)(end - at) < bytes) {
            return false;
        }
        at += bytes;
    }
    *ret_payload = str_from(at, (size_t)(end - at));
    return true;
}

void wire_acknowledge(struct buf *out, enum mqtt_type type, uint16_t packet_id)
{
    const uint8_t bytes[4] = {(uint8_t)(type << 4 | (type == MQTT_PUBREL ? 2 : 0)), 2, (uint8_t)(packet_id >> 8),
                              (uint8_t)packet_id};
    buf_append(out, bytes, sizeof bytes);
}
