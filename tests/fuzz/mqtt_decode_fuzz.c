/* The MQTT packet decoder on any bytes. The first byte chooses the connection (its low two bits: 0 before CONNECT, 1
 * version 3.1.1, 2 and 3 version 5.0; bit 2: the packets come from a server), the rest is a stream of packets. What is
 * decoded must encode, and decode again to the same; a PUBLISH also through the hub's fast path. */
#undef NDEBUG
#include <assert.h>

#include "codec/mqtt/mqtt_testing.h"
#include "codec/mqtt/topic.h"

#define PACKET_BYTES_MAX ((size_t)256 * 1024)

static void check_shared_publish(enum mqtt_version version, const struct mqtt_publish *publish)
{
    struct buf properties, out;
    buf_init(&properties, PACKET_BYTES_MAX);
    buf_init(&out, 2 * PACKET_BYTES_MAX);
    mqtt_encode_shared_properties(&properties, &publish->properties, STR("access_key"));
    assert(!properties.failed);
    struct mqtt_publish_head head = {
        .topic = publish->topic.len ? publish->topic : STR("topic/behind/alias"),
        .packet_id = publish->packet_id, .qos = publish->qos, .dup = publish->dup, .retain = publish->retain,
        .topic_alias = publish->properties.topic_alias,
        .has_message_expiry = mqtt_has(&publish->properties, MQTT_PROP_MESSAGE_EXPIRY),
        .message_expiry_s = publish->properties.message_expiry_s,
        .properties = buf_str(&properties), .payload_bytes = publish->payload.len};
    mqtt_encode_publish_head(&out, version, &head);
    buf_append_str(&out, publish->payload);
    assert(!out.failed && out.len == mqtt_publish_bytes(version, &head));
    struct mqtt_packet again;
    struct mqtt_fault fault = mqtt_decode(&again, version, MQTT_FROM_SERVER, out.data, out.len);
    struct str value;
    assert(fault.reason == MQTT_SUCCESS);
    assert(str_eq(again.publish.payload, publish->payload) && str_eq(again.publish.topic, head.topic));
    assert(!mqtt_user_property_find(&again.publish.properties, STR("access_key"), &value));
    buf_deinit(&out);
    buf_deinit(&properties);
}

static void check_packet(enum mqtt_version version, enum mqtt_from from, const struct mqtt_packet *packet)
{
    enum mqtt_version encode_version = packet->type == MQTT_CONNECT ? packet->connect.version : version;
    struct buf out;
    buf_init(&out, 2 * PACKET_BYTES_MAX);
    mqtt_encode(&out, encode_version, packet);
    assert(!out.failed && out.len == mqtt_packet_bytes(encode_version, packet));
    struct mqtt_packet again;
    struct mqtt_fault fault = mqtt_decode(&again, version, from, out.data, out.len);
    assert(fault.reason == MQTT_SUCCESS);
    assert(testing_packets_equal(packet, &again));
    buf_deinit(&out);
    if (packet->type == MQTT_PUBLISH) {
        assert(packet->publish.topic.len == 0 || topic_name_is_valid(packet->publish.topic, NULL));
        check_shared_publish(version, &packet->publish);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mqtt_version versions[] = {MQTT_VERSION_NONE, MQTT_V311, MQTT_V5, MQTT_V5};
    if (size == 0) {
        return 0;
    }
    enum mqtt_version version = versions[data[0] & 3];
    enum mqtt_from from = data[0] & 4 ? MQTT_FROM_SERVER : MQTT_FROM_CLIENT;
    data++;
    size--;
    struct mqtt_frame frame;
    while (mqtt_frame(data, size, PACKET_BYTES_MAX, &frame) == MQTT_FRAME_OK) {
        struct mqtt_packet packet;
        struct mqtt_fault fault = mqtt_decode(&packet, version, from, data, frame.total_bytes);
        if (fault.reason != MQTT_SUCCESS) {
            assert(fault.reason >= MQTT_UNSPECIFIED_ERROR && fault.text[0] != '\0');
            return 0;
        }
        check_packet(version, from, &packet);
        if (packet.type == MQTT_CONNECT) {
            version = packet.connect.version;
        }
        data += frame.total_bytes;
        size -= frame.total_bytes;
    }
    return 0;
}
