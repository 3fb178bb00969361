#include "hub/retained_read.h"

#include "base/mem.h"
#include "hub/connection.h"
#include "hub/persist.h"

struct retained_read {
    struct retained_read *next;
    struct retained_cursor cursor;
    uint32_t identifier;
    uint8_t options;
    uint32_t filter_len;
    char filter[];
};

static struct retained *retained_of(const struct session *session)
{
    return hub_retained(session->loop->core, session->party == PARTY_OPEN ? session->owner_no : 0);
}

static struct str filter_of(const struct retained_read *read)
{
    return str_from(read->filter, read->filter_len);
}

/* The device in whose list to look; 0: any may match. */
static int64_t device_of_filter(const struct session *session, struct str filter)
{
    struct uuid id;
    struct str rest;
    struct device_brief device;
    if (session->party == PARTY_DEVICE || session->party == PARTY_OPEN) {
        return session->party == PARTY_DEVICE ? session->owner_no : 0;
    }
    bool names_device = device_topic_split(filter, &id, &rest) &&
                        hub_ports(session->loop)->find_device(session->loop->core->domain, &id, &device);
    return names_device ? device.no : 0;
}

void retained_read_begin(struct session *session, struct str filter, uint8_t options, uint32_t identifier)
{
    retained_read_end(session, filter);
    struct retained_read *read = mem_calloc(1, sizeof *read + filter.len);
    read->identifier = identifier;
    read->options = options;
    read->filter_len = (uint32_t)filter.len;
    memcpy(read->filter, filter.ptr, filter.len);
    retained_cursor_begin(retained_of(session), &read->cursor, device_of_filter(session, filter));
    struct retained_read **last = &session->retained_reads;
    while (*last) {
        last = &(*last)->next;
    }
    *last = read;
}

static void read_unlink(struct session *session, struct retained_read **place)
{
    struct retained_read *read = *place;
    *place = read->next;
    retained_cursor_end(retained_of(session), &read->cursor);
    mem_free(read);
}

void retained_read_end(struct session *session, struct str filter)
{
    for (struct retained_read **place = &session->retained_reads; *place;) {
        if (str_eq(filter_of(*place), filter)) {
            read_unlink(session, place);
        } else {
            place = &(*place)->next;
        }
    }
}

void retained_read_end_all(struct session *session)
{
    while (session->retained_reads) {
        read_unlink(session, &session->retained_reads);
    }
}

/* Nobody reads across a change of hands (mqtt.md 10.4). */
static bool may_read(const struct session *session, const struct message *message)
{
    struct device_brief device;
    if (session->party == PARTY_OPEN) {
        return true;
    }
    if (!access_may_receive((enum party)session->party, (enum topic_id)message->topic_id) ||
        !hub_ports(session->loop)->find_device_no(session->loop->core->domain, message->device_no, &device) ||
        device.epoch != message->epoch) {
        return false;
    }
    switch ((enum party)session->party) {
    case PARTY_DEVICE:
        return session->owner_no == message->device_no;
    case PARTY_ORGANIZATION:
        return device.organization_no == session->owner_no && message->organization_no == session->owner_no;
    case PARTY_PARTNER:
        return device.partner_no == session->owner_no;
    case PARTY_OPEN:
        break;
    }
    return false;
}

void retained_read_pump(struct session *session)
{
    while (session->retained_reads && outbox_is_ready(session)) {
        struct retained_read *read = session->retained_reads;
        struct message *message = retained_cursor_next(retained_of(session), &read->cursor, filter_of(read));
        if (!message) {
            read_unlink(session, &session->retained_reads);
            continue;
        }
        if (may_read(session, message)) {
            struct match match = {.qos = FILTER_QOS(read->options),
                                  .found = true,
                                  .retain = true,
                                  .identifier_count = read->identifier != 0,
                                  .identifiers = {read->identifier}};
            outbox_deliver(session, message, &match, 0);
        }
        message_unref(message);
    }
}

void retained_persist(struct hub_loop *loop, int64_t space, struct str topic)
{
    struct message *message = retained_get(hub_retained(loop->core, space), topic);
    persist_retained(loop, space, topic, message);
    message_unref(message);
}

unsigned retained_home(const struct hub_core *core, const struct message *message)
{
    return message->space == 0 ? hub_home_of_device(core, message->device_no)
                               : (unsigned)(hash_str(message_topic(message)) % core->loop_count);
}
