#include "hub/message.h"

#include "base/mem.h"
#include "base/pool.h"

#define PROPERTIES_BYTES_MAX ((size_t)MQTT_REMAINING_MAX) /* they were part of a packet within its limit */

struct message *message_new(const struct message_parts *parts, const struct device_brief *device)
{
    struct buf properties;
    buf_init(&properties, PROPERTIES_BYTES_MAX);
    int64_t expires_at_ms = MESSAGE_NEVER_EXPIRES;
    bool at_once = false;
    if (parts->properties) {
        mqtt_encode_shared_properties(&properties, parts->properties,
                                      parts->space == 0 ? STR("access_key") : str_from(NULL, 0));
        if (mqtt_has(parts->properties, MQTT_PROP_MESSAGE_EXPIRY)) {
            at_once = parts->properties->message_expiry_s == 0;
            expires_at_ms = (int64_t)parts->now_ms + (int64_t)parts->properties->message_expiry_s * 1000;
        }
    }
    struct message *m =
        pool_alloc(sizeof *m + parts->topic.len + properties.len + parts->payload.len);
    *m = (struct message){.qos = parts->qos,
                          .retain = parts->retain,
                          .at_once = at_once,
                          .space = parts->space,
                          .topic_len = (uint16_t)parts->topic.len,
                          .properties_len = (uint32_t)properties.len,
                          .payload_len = (uint32_t)parts->payload.len,
                          .expires_at_ms = expires_at_ms};
    ref_init(&m->ref);
    if (device) {
        m->device_id = device->id;
        m->device_no = device->no;
        m->organization_no = device->organization_no;
        m->epoch = device->epoch;
    }
    char *at = m->bytes;
    const struct str pieces[] = {parts->topic, buf_str(&properties), parts->payload};
    for (size_t i = 0; i < 3; i++) {
        if (pieces[i].len > 0) {
            memcpy(at, pieces[i].ptr, pieces[i].len);
        }
        at += pieces[i].len;
    }
    buf_deinit(&properties);
    return m;
}

struct message *message_of_hub(enum topic_id topic, struct str payload, const struct device_brief *device)
{
    char text[DEVICE_TOPIC_BYTES_MAX];
    struct mqtt_properties p = {.payload_format = 1, .content_type = STR("application/json")};
    mqtt_set(&p, MQTT_PROP_PAYLOAD_FORMAT);
    mqtt_set(&p, MQTT_PROP_CONTENT_TYPE);
    struct message_parts parts = {.topic = device_topic_write(text, &device->id, topic_name(topic)->name),
                                  .properties = &p,
                                  .payload = payload,
                                  .qos = 1,
                                  .retain = topic == TOPIC_PRESENCE};
    struct message *message = message_new(&parts, device);
    message->topic_id = (uint8_t)topic;
    return message;
}

struct message *message_ref(struct message *message)
{
    ref_get(&message->ref);
    return message;
}

void message_unref(struct message *message)
{
    if (message && ref_put(&message->ref)) {
        pool_free(message, sizeof *message + message_size(message));
    }
}

static struct mqtt_publish_head head_of(const struct message *message, const struct delivery *delivery)
{
    return (struct mqtt_publish_head){.topic = delivery->topic_is_known ? STR("") : message_topic(message),
                                      .topic_alias = delivery->topic_alias,
                                      .packet_id = delivery->packet_id,
                                      .qos = delivery->qos,
                                      .dup = delivery->dup,
                                      .retain = delivery->retain,
                                      .subscription_ids = delivery->subscription_ids,
                                      .subscription_id_count = delivery->subscription_id_count,
                                      .has_message_expiry = message->expires_at_ms != MESSAGE_NEVER_EXPIRES,
                                      .properties = message_properties(message),
                                      .payload_bytes = message->payload_len};
}

void message_encode(struct buf *out, enum mqtt_version version, const struct message *message,
                    const struct delivery *delivery, uint64_t now_ms)
{
    struct mqtt_publish_head head = head_of(message, delivery);
    if (head.has_message_expiry) {
        int64_t left_ms = message->expires_at_ms - (int64_t)now_ms;
        head.message_expiry_s = left_ms <= 0 ? 0 : (uint32_t)((left_ms + 999) / 1000);
    }
    mqtt_encode_publish_head(out, version, &head);
    buf_append(out, message_payload(message).ptr, message->payload_len);
}

size_t message_packet_bytes(enum mqtt_version version, const struct message *message, const struct delivery *delivery)
{
    struct mqtt_publish_head head = head_of(message, delivery);
    return mqtt_publish_bytes(version, &head);
}

static uint32_t *subscription_ids_of(const struct mqtt_properties *properties)
{
    size_t count = 0;
    uint32_t id;
    struct mqtt_property_iter iter = mqtt_property_iter(properties);
    while (mqtt_subscription_id_next(&iter, &id)) {
        count++;
    }
    if (count == 0) {
        return NULL;
    }
    uint32_t *ids = mem_calloc(count + 1, sizeof *ids);
    ids[0] = (uint32_t)count;
    iter = mqtt_property_iter(properties);
    for (size_t i = 1; mqtt_subscription_id_next(&iter, &id); i++) {
        ids[i] = id;
    }
    return ids;
}

struct message *message_from_stored(struct str stored, int64_t space, uint32_t **ret_subscription_ids)
{
    struct mqtt_packet packet;
    struct mqtt_fault fault =
        mqtt_decode(&packet, MQTT_V5, MQTT_FROM_SERVER, (const uint8_t *)stored.ptr, stored.len);
    if (fault.reason || packet.type != MQTT_PUBLISH) {
        return NULL;
    }
    struct message_parts parts = {.topic = packet.publish.topic,
                                  .properties = &packet.publish.properties,
                                  .payload = packet.publish.payload,
                                  .qos = packet.publish.qos,
                                  .retain = packet.publish.retain,
                                  .space = space};
    struct message *m = message_new(&parts, NULL);
    m->expires_at_ms = MESSAGE_NEVER_EXPIRES;
    m->at_once = false;
    struct str rest;
    if (space == 0 && device_topic_split(parts.topic, &m->device_id, &rest)) {
        m->topic_id = (uint8_t)topic_id_find(rest);
    }
    *ret_subscription_ids = subscription_ids_of(&packet.publish.properties);
    return m;
}
