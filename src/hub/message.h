/* One published message: immutable and reference-counted, shared by every receiver on every loop. It holds what is the
 * same for all of them; packet id, granted QoS, remaining expiry and subscription ids belong to each delivery. Any thread;
 * what is set behind message_new() is set before anybody else has it. */
#ifndef MUSTER_HUB_MESSAGE_H
#define MUSTER_HUB_MESSAGE_H

#include "base/buf.h"
#include "base/ref.h"
#include "codec/mqtt/mqtt.h"
#include "hub/topic_name.h"
#include "model/device/device_table.h"

#define MESSAGE_NEVER_EXPIRES INT64_MAX
/* A message that was given no time at all is for who is there: so long it may take from loop to loop, and to the disk. */
#define MESSAGE_AT_ONCE_MS 1000

struct message {
    struct ref ref;
    uint8_t qos;
    uint8_t topic_id;        /* enum topic_id */
    bool retain;             /* published with RETAIN */
    bool at_once;            /* published with Message Expiry 0 */
    uint16_t topic_len;
    uint32_t properties_len; /* wire form of mqtt_encode_shared_properties() */
    uint32_t payload_len;
    uint32_t epoch;          /* the device's when it was published: nobody reads across an un-claim (mqtt.md 10.4) */
    int64_t expires_at_ms;   /* of the loops' clock, which nobody sets; in rows it is a time of the wall clock */
    uint64_t sender;         /* serial of the publishing session, for No Local; 0: the hub itself */
    struct uuid device_id;   /* whose topic it is */
    int64_t device_no;       /* 0: read back from disk, look it up by id */
    int64_t space;           /* 0: the devices' topics, else an open listener's */
    int64_t organization_no; /* owner when it was published; 0: unclaimed */
    char bytes[];            /* topic, properties, payload */
};

struct message_parts {
    struct str topic;
    const struct mqtt_properties *properties; /* NULL: none; user property access_key is left out (mqtt.md 3.5.2) */
    struct str payload;
    uint8_t qos;
    bool retain;
    int64_t space;                            /* of an open listener: no property is left out */
    uint64_t now_ms;                          /* of the loops' clock: Message Expiry counts from here */
};

/* A new message with one reference; parts are copied. `device` NULL: not about a known device. */
struct message *message_new(const struct message_parts *parts, const struct device_brief *device);
/* What the hub itself tells about a device: JSON, QoS 1. Presence is a retained message, though nothing keeps it as one
 * (retained_read.h). */
struct message *message_of_hub(enum topic_id topic, struct str payload, const struct device_brief *device);
struct message *message_ref(struct message *message);
void message_unref(struct message *message); /* NULL is accepted */

static inline struct str message_topic(const struct message *message)
{
    return str_from(message->bytes, message->topic_len);
}
static inline struct str message_properties(const struct message *message)
{
    return str_from(message->bytes + message->topic_len, message->properties_len);
}
static inline struct str message_payload(const struct message *message)
{
    return str_from(message->bytes + message->topic_len + message->properties_len, message->payload_len);
}
/* Bytes it counts with against a queue limit. */
static inline size_t message_size(const struct message *message)
{
    return (size_t)message->topic_len + message->properties_len + message->payload_len;
}

static inline bool message_is_expired(const struct message *message, uint64_t now_ms)
{
    return message->expires_at_ms != MESSAGE_NEVER_EXPIRES &&
           message->expires_at_ms + (message->at_once ? MESSAGE_AT_ONCE_MS : 0) <= (int64_t)now_ms;
}

/* The expiry as rows have it, and from there: see hub_wall_ahead_ms(). */
static inline int64_t message_row_expiry(const struct message *message, int64_t wall_ahead_ms)
{
    return message->expires_at_ms == MESSAGE_NEVER_EXPIRES ? INT64_MAX : message->expires_at_ms + wall_ahead_ms;
}
static inline void message_set_row_expiry(struct message *message, int64_t expires_at_unix_ms, int64_t wall_ahead_ms)
{
    message->expires_at_ms = expires_at_unix_ms == INT64_MAX ? MESSAGE_NEVER_EXPIRES : expires_at_unix_ms - wall_ahead_ms;
}

/* One delivery of a message. */
struct delivery {
    uint16_t packet_id;
    uint8_t qos;
    bool dup;
    bool retain;
    bool topic_is_known;  /* by its alias: it is left out */
    uint16_t topic_alias; /* 0: none */
    const uint32_t *subscription_ids;
    size_t subscription_id_count;
};

/* Appends the PUBLISH. The remaining expiry is computed from now. */
void message_encode(struct buf *out, enum mqtt_version version, const struct message *message,
                    const struct delivery *delivery, uint64_t now_ms);
/* Length of that PUBLISH; 0: it cannot be encoded. */
size_t message_packet_bytes(enum mqtt_version version, const struct message *message, const struct delivery *delivery);

/* A stored PUBLISH (MQTT 5 bytes) as a message with one reference, and its subscription ids, which the caller frees: [0] is
 * their count, NULL when there are none. message.retain is the RETAIN of that delivery; its expiry and the device's number,
 * owner and epoch are columns of the row, for the caller to set. NULL: the bytes are not a PUBLISH. */
struct message *message_from_stored(struct str stored, int64_t space, uint32_t **ret_subscription_ids);

#endif
