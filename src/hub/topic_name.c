#include "hub/topic_name.h"

#define ALL_SUBSCRIBE (DEVICE_SUBSCRIBE | ORGANIZATION_SUBSCRIBE | PARTNER_SUBSCRIBE)
#define APPLICATIONS_SUBSCRIBE (ORGANIZATION_SUBSCRIBE | PARTNER_SUBSCRIBE)
#define DOWN(text, answer) {.name = STR_INIT(text), .downlink = true, .rights = DEVICE_SUBSCRIBE, .response = (answer)}
#define UP(text) {.name = STR_INIT(text), .rights = DEVICE_PUBLISH | ALL_SUBSCRIBE}

static const struct topic_name names[TOPIC_ID_COUNT] = {
    [TOPIC_OTHER] = {.rights = DEVICE_SUBSCRIBE}, /* granted, nothing arrives */
    [TOPIC_COMMANDS] = DOWN("commands", TOPIC_COMMANDS_UPDATE),
    [TOPIC_COMMAND] = DOWN("command", TOPIC_COMMAND_UPDATE),
    [TOPIC_COMMAND_CHILDREN] = DOWN("command/children", TOPIC_COMMAND_CHILDREN_UPDATE),
    [TOPIC_CONFIG] = DOWN("config", TOPIC_CONFIG_UPDATE),
    [TOPIC_LICENSE] = DOWN("license", TOPIC_LICENSE_UPDATE),
    [TOPIC_SPACE_INFO] = DOWN("space_info", TOPIC_OTHER),
    [TOPIC_FIRMWARE] = DOWN("firmware", TOPIC_OTHER),
    [TOPIC_INCIDENTS] = {.name = STR_INIT("incidents"), .downlink = true, .rights = ALL_SUBSCRIBE},
    [TOPIC_REPLY] = {.name = STR_INIT("reply"), .with_children = true, .downlink = true, .rights = DEVICE_SUBSCRIBE},
    [TOPIC_UPDATE] = UP("update"),
    [TOPIC_TELEMETRY] = UP("telemetry"),
    [TOPIC_CHILDREN_TELEMETRIES] = UP("children/telemetries"),
    [TOPIC_COMMANDS_UPDATE] = UP("commands/update"),
    [TOPIC_COMMAND_UPDATE] = UP("command/update"),
    [TOPIC_COMMAND_CHILDREN_UPDATE] = UP("command/children/update"),
    [TOPIC_CONFIG_UPDATE] = UP("config/update"),
    [TOPIC_LICENSE_UPDATE] = UP("license/update"),
    [TOPIC_EVENTS] = UP("events"),
    [TOPIC_SYNC] = {.name = STR_INIT("sync"), .with_children = true, .rights = DEVICE_PUBLISH},
    [TOPIC_PRESENCE] = {.name = STR_INIT("presence"), .rights = APPLICATIONS_SUBSCRIBE},
    [TOPIC_USER] = {.name = STR_INIT("user"),
                    .with_children = true,
                    .rights = DEVICE_PUBLISH | ALL_SUBSCRIBE | ORGANIZATION_PUBLISH},
};

const struct topic_name *topic_name(enum topic_id id)
{
    return &names[id];
}

static bool name_covers(const struct topic_name *entry, struct str rest)
{
    if (str_eq(entry->name, rest)) {
        return true;
    }
    return entry->with_children && rest.len > entry->name.len && rest.ptr[entry->name.len] == '/' &&
           str_starts_with(rest, entry->name);
}

enum topic_id topic_id_find(struct str rest)
{
    for (enum topic_id id = TOPIC_OTHER + 1; id < TOPIC_ID_COUNT; id++) {
        if (rest.len > 0 && rest.ptr[0] == names[id].name.ptr[0] && name_covers(&names[id], rest)) {
            return id;
        }
    }
    /* `<downlink topic>/sync` asks for that topic alone (mqtt.md 5.3). */
    struct str suffix = STR("/sync");
    if (str_ends_with(rest, suffix)) {
        enum topic_id inner = topic_id_find(str_sub(rest, 0, rest.len - suffix.len));
        if (inner != TOPIC_OTHER && names[inner].downlink && !names[inner].with_children) {
            return TOPIC_SYNC;
        }
    }
    return TOPIC_OTHER;
}

bool device_topic_split(struct str topic, struct uuid *ret_id, struct str *ret_rest)
{
    struct str prefix = STR(DEVICE_PREFIX);
    struct uuid id;
    if (topic.len <= DEVICE_PREFIX_BYTES || !str_starts_with(topic, prefix) ||
        topic.ptr[DEVICE_PREFIX_BYTES - 1] != '/') {
        return false;
    }
    struct str text = str_sub(topic, prefix.len, 36);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'F') {
            return false;
        }
    }
    if (!uuid_parse(text, &id)) {
        return false;
    }
    *ret_id = id;
    *ret_rest = str_sub(topic, DEVICE_PREFIX_BYTES, topic.len - DEVICE_PREFIX_BYTES);
    return true;
}

struct str device_topic_write(char *out, const struct uuid *id, struct str rest)
{
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    size_t at = sizeof DEVICE_PREFIX - 1;
    memcpy(out, DEVICE_PREFIX, at);
    memcpy(out + at, text, UUID_TEXT_BYTES - 1);
    at += UUID_TEXT_BYTES - 1;
    out[at++] = '/';
    memcpy(out + at, rest.ptr, rest.len);
    return str_from(out, at + rest.len);
}
