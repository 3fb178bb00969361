/* Topic names and topic filters: what is valid, what matches (MQTT 5.0 and 3.1.1, sections 4.7 and 4.8.2). Pure
 * functions on borrowed bytes; any thread. None of them checks UTF-8: the packet decoder did (utf8_is_valid_mqtt). */
#ifndef MUSTER_CODEC_MQTT_TOPIC_H
#define MUSTER_CODEC_MQTT_TOPIC_H

#include "base/str.h"

/* What the caller allows beyond the standard; 0 = only the standard's 65,535 bytes. */
struct topic_limits {
    size_t bytes_max;
    size_t levels_max;
};

/* A filter taken apart. Slices borrow the text that was parsed. */
struct topic_filter {
    struct str group;  /* of `$share/{group}/{filter}`; empty: not shared */
    struct str filter; /* without `$share/{group}/` */
    bool has_wildcard;
};

/* A topic name as a PUBLISH or a Will may carry it: at least one byte, no '+' or '#', no U+0000, within `limits`
 * (NULL: none). [MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] */
bool topic_name_is_valid(struct str name, const struct topic_limits *limits);

/* A topic filter, shared or not: '#' alone in the last level, '+' alone in its level, share name not empty and without
 * '/', '+', '#', inner filter not empty. `limits` apply to the inner filter. [MQTT-4.7.1-1] [MQTT-4.7.1-2]
 * [MQTT-4.8.2-1] [MQTT-4.8.2-2] */
bool topic_filter_is_valid(struct str filter, const struct topic_limits *limits);

/* The same, and fills *ret (untouched when false). */
bool topic_filter_parse(struct str filter, const struct topic_limits *limits, struct topic_filter *ret);

/* Whether a valid inner filter (no `$share/`) matches a valid topic name. A wildcard in the first level does not match
 * a name that begins with '$'; `a/#` matches `a`. [MQTT-4.7.2-1] [MQTT-4.7.1-2] */
bool topic_matches(struct str filter, struct str name);

/* Whether it holds a '+' or '#' level. */
bool topic_has_wildcard(struct str filter);

/* Levels of a name or filter: one more than its '/'. */
size_t topic_levels(struct str topic);

/* Iterates over levels: *rest is the topic at first; false after the last one. Levels may be empty. Use:
 *   struct str rest = topic, level; while (topic_level_next(&rest, &level)) ... */
bool topic_level_next(struct str *rest, struct str *ret_level);

#endif
