#include "hub/will.h"

#include "base/mem.h"
#include "hub/publish.h"

#define WILL_BYTES_MAX ((size_t)MQTT_REMAINING_MAX + 5) /* it was part of a packet within its limit */

struct will *will_from_stored(struct str packet, uint32_t delay_s)
{
    struct will *will = mem_alloc(sizeof *will + packet.len);
    will->delay_s = delay_s;
    will->len = (uint32_t)packet.len;
    memcpy(will->packet, packet.ptr, packet.len);
    return will;
}

struct will *will_new(const struct mqtt_will *will, bool drop_key)
{
    struct buf out, shared;
    /* The Will's properties on the wire hold its delay, which a PUBLISH must not: they are written anew. */
    buf_init(&shared, WILL_BYTES_MAX);
    mqtt_encode_shared_properties(&shared, &will->properties, drop_key ? STR("access_key") : str_from(NULL, 0));
    struct mqtt_publish_head head = {.topic = will->topic,
                                     .packet_id = will->qos > 0 ? 1 : 0,
                                     .qos = will->qos,
                                     .retain = will->retain,
                                     .has_message_expiry = mqtt_has(&will->properties, MQTT_PROP_MESSAGE_EXPIRY),
                                     .message_expiry_s = will->properties.message_expiry_s,
                                     .properties = buf_str(&shared),
                                     .payload_bytes = will->payload.len};
    buf_init(&out, WILL_BYTES_MAX);
    mqtt_encode_publish_head(&out, MQTT_V5, &head);
    buf_append_str(&out, will->payload);
    struct will *made = will_from_stored(buf_str(&out), will->properties.will_delay_s);
    buf_deinit(&out);
    buf_deinit(&shared);
    return made;
}

void will_publish(struct session *session)
{
    struct will *will = session->will;
    struct mqtt_packet packet;
    session->will_is_due = session->uplinks_running > 0;
    if (session->will_is_due) {
        return;
    }
    session->will = NULL;
    struct mqtt_fault fault = mqtt_decode(&packet, MQTT_V5, MQTT_FROM_CLIENT, will->packet, will->len);
    if (!fault.reason && packet.type == MQTT_PUBLISH) {
        publish_for_session(session, &packet.publish, NULL);
    }
    mem_free(will);
}
