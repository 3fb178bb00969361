#include "codec/mqtt/topic.h"

#define TOPIC_BYTES_MAX 65535u /* [MQTT-4.7.3-3] */

static bool contains(struct str s, char byte)
{
    return s.len > 0 && memchr(s.ptr, byte, s.len) != NULL;
}

size_t topic_levels(struct str topic)
{
    size_t levels = 1;
    for (size_t i = 0; i < topic.len; i++) {
        levels += topic.ptr[i] == '/';
    }
    return levels;
}

static bool is_within(struct str topic, const struct topic_limits *limits)
{
    if (topic.len == 0 || topic.len > TOPIC_BYTES_MAX || contains(topic, '\0')) {
        return false; /* [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] */
    }
    if (!limits) {
        return true;
    }
    return (limits->bytes_max == 0 || topic.len <= limits->bytes_max) &&
           (limits->levels_max == 0 || topic_levels(topic) <= limits->levels_max);
}

bool topic_name_is_valid(struct str name, const struct topic_limits *limits)
{
    return is_within(name, limits) && !contains(name, '+') && !contains(name, '#');
}

bool topic_level_next(struct str *rest, struct str *ret_level)
{
    if (!rest->ptr) {
        return false;
    }
    *ret_level = str_split(rest, '/');
    return true;
}

/* '#' alone in the last level, '+' alone in any. */
static bool wildcards_are_valid(struct str filter)
{
    struct str rest = filter;
    struct str level;
    while (topic_level_next(&rest, &level)) {
        if (contains(level, '#') && (level.len != 1 || rest.ptr)) {
            return false; /* [MQTT-4.7.1-1] */
        }
        if (contains(level, '+') && level.len != 1) {
            return false; /* [MQTT-4.7.1-2] */
        }
    }
    return true;
}

bool topic_has_wildcard(struct str filter)
{
    return contains(filter, '+') || contains(filter, '#');
}

bool topic_filter_parse(struct str filter, const struct topic_limits *limits, struct topic_filter *ret)
{
    struct topic_filter parsed = {.filter = filter};
    struct str prefix = STR("$share/");
    if (filter.len > TOPIC_BYTES_MAX) {
        return false;
    }
    if (str_eq(filter, STR("$share"))) {
        return false; /* the prefix of a shared subscription without the rest, section 4.8.2 */
    }
    if (str_starts_with(filter, prefix)) {
        parsed.filter = str_from(filter.ptr + prefix.len, filter.len - prefix.len);
        parsed.group = str_split(&parsed.filter, '/');
        if (parsed.group.len == 0 || !parsed.filter.ptr || topic_has_wildcard(parsed.group) ||
            contains(parsed.group, '\0')) {
            return false; /* [MQTT-4.8.2-1] [MQTT-4.8.2-2] */
        }
    }
    if (!is_within(parsed.filter, limits) || !wildcards_are_valid(parsed.filter)) {
        return false;
    }
    parsed.has_wildcard = topic_has_wildcard(parsed.filter);
    *ret = parsed;
    return true;
}

bool topic_filter_is_valid(struct str filter, const struct topic_limits *limits)
{
    struct topic_filter parsed;
    return topic_filter_parse(filter, limits, &parsed);
}

bool topic_matches(struct str filter, struct str name)
{
    if (name.len > 0 && filter.len > 0 && name.ptr[0] == '$' && (filter.ptr[0] == '+' || filter.ptr[0] == '#')) {
        return false; /* [MQTT-4.7.2-1] */
    }
    struct str filter_level;
    struct str name_level;
    while (topic_level_next(&filter, &filter_level)) {
        if (str_eq(filter_level, STR("#"))) {
            return true; /* also the parent level: `a/#` matches `a`, whose levels are then used up */
        }
        if (!topic_level_next(&name, &name_level)) {
            return false;
        }
        if (!str_eq(filter_level, STR("+")) && !str_eq(filter_level, name_level)) {
            return false;
        }
    }
    return !name.ptr;
}
