/* Topics and filters of devices and applications (mqtt.md 3, 10): the text up to the first newline is a filter, the rest a
 * topic. What a filter was granted for, it may receive; nobody is granted what lies outside. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "codec/mqtt/topic.h"
#include "hub/access.h"

static void check_device(struct str filter, struct str topic)
{
    static const struct uuid own = {.bytes = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x47, 0x88, 0x89, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00}};
    char prefix[DEVICE_TOPIC_BYTES_MAX];
    struct str below = device_topic_write(prefix, &own, STR(""));
    struct str rest;
    if (access_device_filter(&own, filter, &rest)) {
        assert(filter.len > below.len && memcmp(filter.ptr, below.ptr, below.len) == 0);
        assert(rest.len == filter.len - below.len && memcmp(rest.ptr, filter.ptr + below.len, rest.len) == 0);
        struct uuid id;
        if (topic_name_is_valid(topic, NULL) && topic_matches(filter, topic) && device_topic_split(topic, &id, &rest)) {
            assert(memcmp(&id, &own, sizeof id) == 0); /* never another device's */
        }
    }
}

static void check_application(enum party party, struct str filter, struct str topic)
{
    bool names_device = false;
    struct uuid named, id;
    struct str rest;
    bool granted = access_application_filter(party, filter, &names_device, &named);
    if (topic_name_is_valid(topic, NULL) && topic_matches(filter, topic) && device_topic_split(topic, &id, &rest)) {
        if (access_may_receive(party, topic_id_find(rest))) {
            assert(granted); /* it can match a topic that is visible: this one */
        }
        assert(!granted || !names_device || memcmp(&named, &id, sizeof id) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str topic = str_from(data, size);
    struct str text = str_split(&topic, '\n');
    struct topic_filter filter;
    struct uuid id;
    struct str rest;
    topic = topic.ptr ? topic : STR("");
    if (device_topic_split(topic, &id, &rest)) {
        assert(rest.len <= topic.len);
        enum topic_id name = topic_id_find(rest);
        assert(name < TOPIC_ID_COUNT);
        if (rest.len < 64) {
            char again[DEVICE_TOPIC_BYTES_MAX];
            assert(str_eq(device_topic_write(again, &id, rest), topic));
        }
    }
    if (topic_filter_parse(text, NULL, &filter)) {
        check_device(filter.filter, topic);
        check_application(PARTY_ORGANIZATION, filter.filter, topic);
        check_application(PARTY_PARTNER, filter.filter, topic);
    }
    return 0;
}
