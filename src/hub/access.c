#include "hub/access.h"

#include "codec/mqtt/topic.h"

static uint8_t subscribe_right(enum party party)
{
    switch (party) {
    case PARTY_DEVICE:
        return DEVICE_SUBSCRIBE;
    case PARTY_ORGANIZATION:
        return ORGANIZATION_SUBSCRIBE;
    case PARTY_PARTNER:
        return PARTNER_SUBSCRIBE;
    case PARTY_OPEN:
        return 0;
    }
    return 0;
}

bool access_may_receive(enum party party, enum topic_id topic)
{
    return topic != TOPIC_OTHER && (topic_name(topic)->rights & subscribe_right(party)) != 0;
}

bool access_may_publish(enum party party, enum topic_id topic)
{
    switch (party) {
    case PARTY_DEVICE:
        return (topic_name(topic)->rights & DEVICE_PUBLISH) != 0;
    case PARTY_ORGANIZATION:
        return (topic_name(topic)->rights & ORGANIZATION_PUBLISH) != 0;
    case PARTY_PARTNER:
    case PARTY_OPEN:
        return false;
    }
    return false;
}

bool access_device_filter(const struct uuid *own, struct str filter, struct str *ret_rest)
{
    struct uuid id;
    struct str rest;
    if (!device_topic_split(filter, &id, &rest) || !uuid_eq(&id, own)) {
        return false;
    }
    if (!topic_has_wildcard(rest) && (topic_name(topic_id_find(rest))->rights & DEVICE_SUBSCRIBE) == 0) {
        return false;
    }
    *ret_rest = rest;
    return true;
}

/* Whether a filter can match `name/...`: its first level decides, for `+` and `#` cover what follows. */
static bool filter_reaches_below(struct str rest, struct str name)
{
    struct str level;
    struct str tail = rest;
    return topic_level_next(&tail, &level) && (str_eq(level, STR("#")) || str_eq(level, STR("+")) || str_eq(level, name));
}

/* Whether `rest` (a filter below some device's prefix) can match a topic that the application may see. */
static bool application_may_see(enum party party, struct str rest)
{
    uint8_t right = subscribe_right(party);
    for (enum topic_id id = TOPIC_OTHER + 1; id < TOPIC_ID_COUNT; id++) {
        const struct topic_name *entry = topic_name(id);
        if ((entry->rights & right) == 0) {
            continue;
        }
        if (topic_matches(rest, entry->name) || (entry->with_children && filter_reaches_below(rest, entry->name))) {
            return true;
        }
    }
    return false;
}

bool access_application_filter(enum party party, struct str filter, bool *ret_names_device, struct uuid *ret_device)
{
    static const struct str fixed[] = {STR_INIT("v1"), STR_INIT("device")};
    struct str rest = filter, level;
    *ret_names_device = false;
    for (size_t i = 0; i < 2; i++) {
        if (!topic_level_next(&rest, &level)) {
            return false;
        }
        if (str_eq(level, STR("#"))) {
            return true;
        }
        if (!str_eq(level, STR("+")) && !str_eq(level, fixed[i])) {
            return false;
        }
    }
    if (!topic_level_next(&rest, &level)) {
        return false;
    }
    if (str_eq(level, STR("#"))) {
        return true;
    }
    if (!str_eq(level, STR("+"))) {
        if (!uuid_parse(level, ret_device)) {
            return false;
        }
        *ret_names_device = true;
    }
    return rest.ptr != NULL && rest.len > 0 && application_may_see(party, rest);
}

bool access_is_tenants(enum party party, int64_t tenant_no, const struct device_brief *device)
{
    switch (party) {
    case PARTY_ORGANIZATION:
        return device->organization_no == tenant_no;
    case PARTY_PARTNER:
        return device->partner_no == tenant_no;
    case PARTY_DEVICE:
    case PARTY_OPEN:
        break;
    }
    return false;
}
