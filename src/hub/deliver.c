#include "hub/deliver.h"

#include "base/mem.h"
#include "hub/backlog.h"
#include "hub/relay.h"
#include "hub/share.h"

/* `member` NULL: not by a group. */
static bool deliver(struct session *session, struct message *message, const struct match *match,
                    struct share_member *member, struct relay *relay)
{
    const struct relay_row *row = session->loop->restoring;
    if (row) {
        struct session_key key = session_key(session);
        if (row->loop != RELAY_TO_SHARES &&
            session_home_of(session->loop->core, &key, (size_t)row->loops) != (unsigned)row->loop) {
            return false; /* it has it */
        }
    }
    bool stored = member ? outbox_deliver_shared(session, message, match, member)
                         : outbox_deliver(session, message, match, 0);
    backlog_delivered(session, message, relay);
    return stored;
}

bool deliver_is_still_owned(const struct message *message, const struct device_brief *device)
{
    return device->organization_no != 0 && device->organization_no == message->organization_no &&
           device->epoch == message->epoch;
}

/* The device may have changed hands while the message was on its way to this loop. */
static bool member_may_receive(const struct session *session, const struct message *message)
{
    struct device_brief device;
    if (message->space != 0) {
        return true;
    }
    return hub_ports(session->loop)->find_device_no(session->loop->core->domain, message->device_no, &device) &&
           access_is_tenants((enum party)session->party, session->owner_no, &device) &&
           (session->party != PARTY_ORGANIZATION || deliver_is_still_owned(message, &device));
}

bool deliver_to_member(struct share_member *member, struct message *message, struct relay *relay)
{
    if (!member_may_receive(member->session, message)) {
        return false;
    }
    struct match match = {.qos = FILTER_QOS(member->options),
                          .found = true,
                          .retain = (member->options & FILTER_RETAIN_AS_PUBLISHED) != 0,
                          .identifier_count = member->identifier != 0,
                          .identifiers = {member->identifier}};
    return deliver(member->session, message, &match, member, relay);
}

_Atomic int *deliver_filters(struct hub_loop *loop, const struct message *message)
{
    return message->space == 0 ? &loop->application_filters : &loop->open_filters;
}

struct receiver {
    struct session *session;
    struct match match;
};

struct fan_out {
    struct hub_loop *loop;
    const struct message *message;
};

static struct receiver *receiver_of(struct hub_loop *loop, struct session *session)
{
    struct application *a = session->application;
    /* With more identifiers than one delivery holds, a further copy tells the others, section 3.3.4. */
    if (a->match_serial == loop->match_serial &&
        loop->receivers[a->match_index].match.identifier_count < MATCH_IDENTIFIERS_MAX) {
        return &loop->receivers[a->match_index];
    }
    if (loop->receiver_count == loop->receiver_capacity) {
        loop->receiver_capacity = loop->receiver_capacity ? loop->receiver_capacity * 2 : 16;
        loop->receivers = mem_realloc(loop->receivers, loop->receiver_capacity * sizeof *loop->receivers);
    }
    a->match_serial = loop->match_serial;
    a->match_index = (uint32_t)loop->receiver_count;
    struct receiver *r = &loop->receivers[loop->receiver_count++];
    r->session = session;
    r->match.qos = 0;
    r->match.found = true;
    r->match.retain = false;
    r->match.identifier_count = 0;
    return r;
}

/* Overlapping subscriptions become one delivery with the highest QoS and all identifiers. */
static void visit_subscription(struct topic_subscription *subscription, void *arg)
{
    struct fan_out *f = arg;
    struct session *session = subscription->session;
    if ((subscription->options & FILTER_NO_LOCAL) && session->serial == f->message->sender) {
        return;
    }
    struct match *match = &receiver_of(f->loop, session)->match;
    unsigned qos = FILTER_QOS(subscription->options);
    match->qos = qos > match->qos ? qos : match->qos;
    match->retain |= (subscription->options & FILTER_RETAIN_AS_PUBLISHED) != 0;
    if (subscription->identifier) {
        match->identifiers[match->identifier_count++] = subscription->identifier;
    }
}

static void match_tenant(struct fan_out *f, enum party party, int64_t no)
{
    struct tenant *tenant = no != 0 ? tenant_find(f->loop, party, no) : NULL;
    if (tenant && (party == PARTY_OPEN || access_may_receive(party, (enum topic_id)f->message->topic_id))) {
        topic_tree_match(&tenant->tree, message_topic(f->message), visit_subscription, f);
    }
}

/* Tenancy as it is now, and as it was when the message was published: neither the owner before a claim nor the one after
 * sees the other's (mqtt.md 10.4). */
static void match_owners(struct fan_out *f)
{
    struct hub_loop *loop = f->loop;
    const struct message *message = f->message;
    struct device_brief device;
    if (message->space != 0) {
        match_tenant(f, PARTY_OPEN, message->space);
        return;
    }
    if (!hub_ports(loop)->find_device_no(loop->core->domain, message->device_no, &device)) {
        return;
    }
    if (deliver_is_still_owned(message, &device)) {
        match_tenant(f, PARTY_ORGANIZATION, device.organization_no);
    }
    match_tenant(f, PARTY_PARTNER, device.partner_no);
}

static bool deliver_to_applications(struct hub_loop *loop, struct message *message, struct relay *relay)
{
    bool stored = false;
    struct fan_out f = {loop, message};
    loop->match_serial++;
    loop->receiver_count = 0;
    match_owners(&f);
    for (size_t i = 0; i < loop->receiver_count; i++) {
        stored |= deliver(loop->receivers[i].session, message, &loop->receivers[i].match, NULL, relay);
    }
    return stored;
}

static bool deliver_to_device(struct hub_loop *loop, struct message *message, struct relay *relay)
{
    struct match match;
    struct session *session = session_find_device(loop, message->device_no);
    if (!session || !access_may_receive(PARTY_DEVICE, (enum topic_id)message->topic_id)) {
        return false;
    }
    struct str topic = message_topic(message);
    session_match_rest(session, str_sub(topic, DEVICE_PREFIX_BYTES, topic.len), message->sender == session->serial,
                       &match);
    return match.found && deliver(session, message, &match, NULL, relay);
}

bool deliver_here(struct hub_loop *loop, struct message *message, struct relay *relay)
{
    bool stored = message->space == 0 && deliver_to_device(loop, message, relay);
    if (atomic_load_explicit(deliver_filters(loop, message), memory_order_relaxed) > 0) {
        stored |= deliver_to_applications(loop, message, relay);
    }
    return stored;
}
