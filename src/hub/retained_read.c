#include "hub/retained_read.h"

#include "base/mem.h"
#include "hub/connection.h"
#include "hub/persist.h"

#define STEPS_MAX 64u /* messages and filters in one turn of the loop */

struct retained_read {
    struct retained_read *next;
    struct retained_cursor cursor;
    struct device_cursor devices; /* whose presence is next */
    int64_t device_no;            /* 0: of all devices of the tenant */
    bool kept_done;               /* what is kept has been read */
    bool presence_done;
    bool going_on;                /* in another turn of the loop */
    bool is_owed;                 /* it may find something: see retained_read_is_owed() */
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

/* Of a filter that names no device, any id tells whether it matches. device_no 0: the one it names is gone. */
static bool matches_presence(const struct session *session, struct str filter, int64_t device_no)
{
    char topic[DEVICE_TOPIC_BYTES_MAX];
    struct uuid id = {{0}};
    struct str rest;
    if (session->party == PARTY_OPEN || !access_may_receive((enum party)session->party, TOPIC_PRESENCE)) {
        return false;
    }
    if (device_topic_split(filter, &id, &rest) && device_no == 0) {
        return false;
    }
    return topic_matches(filter, device_topic_write(topic, &id, topic_name(TOPIC_PRESENCE)->name));
}

static struct retained_read *begin(struct session *session, struct str filter, uint8_t options, uint32_t identifier)
{
    retained_read_end(session, filter);
    struct retained_read *read = mem_calloc(1, sizeof *read + filter.len);
    read->identifier = identifier;
    read->options = options;
    read->filter_len = (uint32_t)filter.len;
    memcpy(read->filter, filter.ptr, filter.len);
    read->device_no = device_of_filter(session, filter);
    read->presence_done = !matches_presence(session, filter, read->device_no);
    retained_cursor_begin(retained_of(session), &read->cursor, filter, read->device_no);
    struct retained_read **last = &session->retained_reads;
    while (*last) {
        last = &(*last)->next;
    }
    *last = read;
    return read;
}

void retained_read_begin(struct session *session, struct str filter, uint8_t options, uint32_t identifier)
{
    bool may_find = retained_may_match(retained_of(session), filter, device_of_filter(session, filter));
    struct retained_read *read = begin(session, filter, options, identifier);
    read->is_owed = may_find || !read->presence_done;
}

void retained_read_again(struct session *session, struct str filter, uint8_t options, uint32_t identifier)
{
    begin(session, filter, options, identifier)->is_owed = true;
}

bool retained_read_is_owed(const struct session *session, struct str filter)
{
    const struct retained_read *read = session->retained_reads;
    while (read && !str_eq(filter_of(read), filter)) {
        read = read->next;
    }
    return read && read->is_owed;
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
    if (session->party == PARTY_DEVICE) {
        return session->owner_no == message->device_no;
    }
    return access_is_tenants((enum party)session->party, session->owner_no, &device) &&
           (session->party != PARTY_ORGANIZATION || message->organization_no == session->owner_no);
}

/* --- presence ----------------------------------------------------------------------------------------------------- */

static bool owns(const struct device_owner *owner, const struct device_brief *device)
{
    return owner->organization_no != 0 ? device->organization_no == owner->organization_no
                                       : device->partner_no == owner->partner_no;
}

static enum device_next next_device(const struct session *session, struct retained_read *read,
                                    struct device_brief *ret_device)
{
    const struct hub_ports *ports = hub_ports(session->loop);
    struct domain *domain = session->loop->core->domain;
    struct device_owner owner = {.organization_no = session->party == PARTY_ORGANIZATION ? session->owner_no : 0,
                                 .partner_no = session->party == PARTY_PARTNER ? session->owner_no : 0};
    if (read->device_no == 0) {
        return ports->next_device(domain, &read->devices, &owner, ret_device);
    }
    bool found = !read->presence_done && ports->find_device_no(domain, read->device_no, ret_device) &&
                 owns(&owner, ret_device);
    read->presence_done = true;
    return found ? DEVICE_NEXT_FOUND : DEVICE_NEXT_END;
}

static struct message *presence_message(const struct session *session, const struct device_brief *device)
{
    struct buf payload;
    struct message *message = NULL;
    buf_init(&payload, PRESENCE_BYTES_MAX);
    if (hub_ports(session->loop)->presence(session->loop->core->domain, device, &payload)) {
        message = message_of_hub(TOPIC_PRESENCE, buf_str(&payload), device);
    }
    buf_deinit(&payload);
    return message;
}

/* The next presence; NULL and *ret_later: others get a turn at the loop first. */
static struct message *next_presence(const struct session *session, struct retained_read *read, bool *ret_later)
{
    struct message *message = NULL;
    struct device_brief device;
    while (!message && !read->presence_done) {
        enum device_next next = next_device(session, read, &device);
        if (next == DEVICE_NEXT_LATER) {
            *ret_later = true;
            return NULL;
        }
        if (next == DEVICE_NEXT_END) {
            read->presence_done = true;
        } else {
            message = presence_message(session, &device);
        }
    }
    return message;
}

/* --- one after the other ------------------------------------------------------------------------------------------ */

struct go_on {
    struct task task;
    struct session *session;
};

static void run_go_on(struct task *task)
{
    struct go_on *go_on = container_of(task, struct go_on, task);
    struct session *session = go_on->session;
    if (!session->is_dead && session->retained_reads) {
        session->retained_reads->going_on = false;
        retained_read_pump(session);
    }
    session_unref(session);
    mem_free(go_on);
}

static void go_on_later(struct session *session)
{
    struct go_on *go_on = mem_new(struct go_on);
    go_on->task.run = run_go_on;
    go_on->session = session;
    session_ref(session);
    session->retained_reads->going_on = true;
    mailbox_post(session->loop->mailbox, &go_on->task);
}

/* It has found all there is. */
static void read_finish(struct session *session)
{
    struct retained_read *read = session->retained_reads;
    if (read->is_owed && session_is_stored(session)) {
        read->is_owed = false;
        session_save_filter(session, filter_of(read)); /* with what was found, in this turn's batch */
    }
    read_unlink(session, &session->retained_reads);
}

/* One step of a read. RETAINED_FOUND without a message: there was one, but not for this client. */
static enum retained_next read_step(const struct session *session, struct retained_read *read,
                                    struct message **ret_message)
{
    bool later = false;
    if (!read->kept_done) {
        enum retained_next next =
            retained_cursor_next(retained_of(session), &read->cursor, filter_of(read), ret_message);
        if (next == RETAINED_FOUND && !may_read(session, *ret_message)) {
            message_unref(*ret_message);
            *ret_message = NULL;
        }
        if (next != RETAINED_END) {
            return next;
        }
        read->kept_done = true;
    }
    *ret_message = next_presence(session, read, &later);
    return later ? RETAINED_LATER : *ret_message ? RETAINED_FOUND : RETAINED_END;
}

void retained_read_pump(struct session *session)
{
    unsigned steps = 0;
    while (session->retained_reads && !session->retained_reads->going_on && outbox_is_ready(session)) {
        struct retained_read *read = session->retained_reads;
        struct message *message = NULL;
        enum retained_next next = steps++ < STEPS_MAX ? read_step(session, read, &message) : RETAINED_LATER;
        if (next == RETAINED_LATER) {
            go_on_later(session);
            return;
        }
        if (next == RETAINED_END) {
            read_finish(session);
            continue;
        }
        struct match match = {.qos = FILTER_QOS(read->options),
                              .found = true,
                              .retain = true,
                              .identifier_count = read->identifier != 0,
                              .identifiers = {read->identifier}};
        if (message) {
            outbox_deliver(session, message, &match, 0);
            message_unref(message);
        }
    }
}
