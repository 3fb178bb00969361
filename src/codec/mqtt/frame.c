/* The fixed header: first byte and Remaining Length (section 2.1). */
#include "codec/mqtt/mqtt.h"

/* What the low four bits must be, Table 2-2; PUBLISH has flags of its own. */
static uint8_t fixed_flags(uint8_t type)
{
    return type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 0x02 : 0x00;
}

static const char *first_byte_error(uint8_t type, uint8_t flags)
{
    if (type == 0) {
        return "packet type 0 is reserved";
    }
    if (type != MQTT_PUBLISH) {
        return flags == fixed_flags(type) ? NULL : "reserved flags of the fixed header are wrong"; /* [MQTT-2.1.3-1] */
    }
    uint8_t qos = (flags >> 1) & 3;
    if (qos == 3) {
        return "QoS 3"; /* [MQTT-3.3.1-4] */
    }
    if (qos == 0 && (flags & 0x08)) {
        return "DUP with QoS 0"; /* [MQTT-3.3.1-2] */
    }
    return NULL;
}

/* Reads Remaining Length; 1 = complete, 0 = more bytes are needed, -1 = impossible. */
static int remaining_length(const uint8_t *data, size_t len, struct mqtt_frame *ret)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        if (1 + i >= len) {
            return 0;
        }
        uint8_t byte = data[1 + i];
        value |= (uint32_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            if (byte == 0 && i > 0) {
                return -1;
            }
            ret->header_bytes = i + 2;
            ret->total_bytes = ret->header_bytes + value;
            return 1;
        }
    }
    return -1;
}

enum mqtt_frame_status mqtt_frame(const uint8_t *data, size_t len, size_t packet_bytes_max, struct mqtt_frame *ret)
{
    *ret = (struct mqtt_frame){0};
    if (len == 0) {
        return MQTT_FRAME_NEED_MORE;
    }
    ret->type = (enum mqtt_type)(data[0] >> 4);
    ret->flags = data[0] & 0x0F;
    ret->error = first_byte_error(data[0] >> 4, ret->flags);
    if (ret->error) {
        return MQTT_FRAME_MALFORMED;
    }
    int complete = remaining_length(data, len, ret);
    if (complete < 0) {
        ret->error = "Remaining Length is not a minimal Variable Byte Integer"; /* [MQTT-1.5.5-1] */
        return MQTT_FRAME_MALFORMED;
    }
    if (complete == 0) {
        return MQTT_FRAME_NEED_MORE;
    }
    if ((ret->type == MQTT_PINGREQ || ret->type == MQTT_PINGRESP) && ret->total_bytes != ret->header_bytes) {
        ret->error = "ping packet is not empty";
        return MQTT_FRAME_MALFORMED;
    }
    if (packet_bytes_max && ret->total_bytes > packet_bytes_max) {
        ret->error = "packet is larger than allowed";
        return MQTT_FRAME_TOO_LARGE;
    }
    return len < ret->total_bytes ? MQTT_FRAME_NEED_MORE : MQTT_FRAME_OK;
}

size_t mqtt_first_packet_bytes(const uint8_t *data, size_t len)
{
    struct mqtt_frame frame;
    return mqtt_frame(data, len, 0, &frame) == MQTT_FRAME_OK ? frame.total_bytes : len;
}

bool mqtt_type_is_allowed(enum mqtt_version version, enum mqtt_from from, enum mqtt_type type)
{
    switch (type) {
    case MQTT_CONNECT:
        return version == MQTT_VERSION_NONE && from == MQTT_FROM_CLIENT; /* [MQTT-3.1.0-2] */
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ:
        return version != MQTT_VERSION_NONE && from == MQTT_FROM_CLIENT;
    case MQTT_CONNACK:
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
    case MQTT_PINGRESP:
        return version != MQTT_VERSION_NONE && from == MQTT_FROM_SERVER;
    case MQTT_PUBLISH:
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        return version != MQTT_VERSION_NONE;
    case MQTT_DISCONNECT:
        return version == MQTT_V5 || (version == MQTT_V311 && from == MQTT_FROM_CLIENT);
    case MQTT_AUTH:
        return version == MQTT_V5;
    }
    return false;
}
