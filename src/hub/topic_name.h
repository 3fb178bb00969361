/* The device topics of mqtt.md 3, in one table: name below v1/device/{id}/, generation, direction, rights. Everything
 * else in the hub asks this table. Pure; any thread. */
#ifndef MUSTER_HUB_TOPIC_NAME_H
#define MUSTER_HUB_TOPIC_NAME_H

#include "base/str.h"
#include "base/uuid.h"

enum topic_id {
    TOPIC_OTHER, /* no name of the table */
    TOPIC_COMMANDS,
    TOPIC_COMMAND,
    TOPIC_COMMAND_CHILDREN,
    TOPIC_CONFIG,
    TOPIC_LICENSE,
    TOPIC_SPACE_INFO,
    TOPIC_FIRMWARE,
    TOPIC_INCIDENTS,
    TOPIC_REPLY,  /* and everything below it */
    TOPIC_UPDATE, /* also subscribed by generation 1 */
    TOPIC_TELEMETRY,
    TOPIC_CHILDREN_TELEMETRIES,
    TOPIC_COMMANDS_UPDATE,
    TOPIC_COMMAND_UPDATE,
    TOPIC_COMMAND_CHILDREN_UPDATE,
    TOPIC_CONFIG_UPDATE,
    TOPIC_LICENSE_UPDATE,
    TOPIC_EVENTS,
    TOPIC_SYNC,   /* and everything below it */
    TOPIC_PRESENCE,
    TOPIC_USER,   /* and everything below it */
    TOPIC_ID_COUNT,
};

/* Who may do what (mqtt.md 10). */
enum topic_right {
    DEVICE_SUBSCRIBE = 1 << 0,
    DEVICE_PUBLISH = 1 << 1,
    ORGANIZATION_SUBSCRIBE = 1 << 2,
    ORGANIZATION_PUBLISH = 1 << 3,
    PARTNER_SUBSCRIBE = 1 << 4,
};

struct topic_name {
    struct str name;
    bool with_children; /* `name/...` is the same topic */
    bool downlink;      /* point-to-point: the hub publishes it to the device */
    uint8_t rights;     /* enum topic_right */
    enum topic_id response; /* Response Topic of a downlink; TOPIC_OTHER: none */
};

const struct topic_name *topic_name(enum topic_id id);
/* Whether RETAIN of a client is honoured (mqtt.md 3.5.4). */
static inline bool topic_is_retained(enum topic_id id)
{
    return id == TOPIC_TELEMETRY || id == TOPIC_USER;
}
/* The entry for a name below the device prefix; TOPIC_OTHER: none. */
enum topic_id topic_id_find(struct str rest);

#define DEVICE_PREFIX "v1/device/"
#define DEVICE_PREFIX_BYTES (sizeof DEVICE_PREFIX - 1 + 36 + 1) /* with the id and the slash behind it */
#define DEVICE_TOPIC_BYTES_MAX (DEVICE_PREFIX_BYTES + 64)       /* of a name of the table */

/* Splits v1/device/{id}/rest; false if it is not of that form. Only the lowercase form of an id is one. */
bool device_topic_split(struct str topic, struct uuid *ret_id, struct str *ret_rest);
/* Writes v1/device/{id}/rest; returns it. `out` has room for DEVICE_PREFIX_BYTES and rest. */
struct str device_topic_write(char *out, const struct uuid *id, struct str rest);

#endif
