#include "base/mem.h"
#include "codec/mqtt/topic.h"
#include "hub/answer.h"
#include "hub/interest.h"
#include "hub/push.h"
#include "hub/retained_read.h"
#include "hub/share.h"

/* --- the filters of a session ------------------------------------------------------------------------------------- */

/* What a device's filter matches, below its prefix. */
static struct str filter_rest(const struct filter *filter)
{
    if (filter->is_shared) {
        struct topic_filter parsed = {.filter = STR("")};
        topic_filter_parse(str_from_cstr(filter->rest), NULL, &parsed);
        return str_sub(parsed.filter, DEVICE_PREFIX_BYTES, parsed.filter.len);
    }
    return filter->topic != TOPIC_OTHER ? topic_name((enum topic_id)filter->topic)->name : str_from_cstr(filter->rest);
}

static struct str filter_of_application(const struct filter *filter)
{
    return filter->is_shared ? share_member_filter(filter->member) : topic_subscription_filter(filter->subscription);
}

/* As the client wrote it; of a device it is put together in `scratch`. */
static struct str filter_text(const struct session *session, const struct filter *filter, struct buf *scratch)
{
    if (session->party != PARTY_DEVICE) {
        return filter_of_application(filter);
    }
    if (filter->is_shared) {
        return str_from_cstr(filter->rest);
    }
    struct str rest = filter_rest(filter);
    buf_clear(scratch);
    buf_reserve(scratch, DEVICE_PREFIX_BYTES + rest.len);
    return device_topic_write((char *)scratch->data, &session->device_id, rest);
}

static bool is_shared(struct str filter)
{
    return str_starts_with(filter, STR("$share/"));
}

/* The filter as the session keeps it: below the prefix for devices, but whole when it is shared. */
static struct str filter_key(const struct session *session, struct str filter)
{
    return session->party == PARTY_DEVICE && !is_shared(filter) ? str_sub(filter, DEVICE_PREFIX_BYTES, filter.len) : filter;
}

static struct filter *filter_find(const struct session *session, struct str filter)
{
    struct str key = filter_key(session, filter);
    for (unsigned i = 0; i < session->filter_count; i++) {
        struct filter *f = &session->filters[i];
        struct str text = session->party != PARTY_DEVICE ? filter_of_application(f)
                          : f->is_shared                 ? str_from_cstr(f->rest)
                                                         : filter_rest(f);
        if (f->is_shared == is_shared(filter) && str_eq(text, key)) {
            return f;
        }
    }
    return NULL;
}

bool session_has_filter(const struct session *session, struct str filter)
{
    return filter_find(session, filter) != NULL;
}

static void count_application_filters(const struct session *session, int change)
{
    struct hub_loop *loop = session->loop;
    if (session->party == PARTY_OPEN) {
        atomic_fetch_add(&loop->open_filters, change);
        return;
    }
    atomic_fetch_add(&loop->application_filters, change);
    int before = atomic_fetch_add(&loop->core->application_filters, change);
    if (before == 0 || before + change == 0) {
        hub_ports(loop)->want_messages(loop->core->domain, before == 0 ? 1 : -1);
    }
}

/* Groups of shared subscriptions choose their member by themselves (share.h). */
static void count_interest(const struct session *session, const struct filter *f, int change)
{
    struct hub_loop *loop = session->loop;
    if (loop->core->loop_count > 1) {
        interest_count(session->party == PARTY_OPEN ? loop->open : loop->applications,
                       topic_subscription_filter(f->subscription), change);
    }
}

static struct filter *filter_add(struct session *session)
{
    if (session->filter_count == session->filter_capacity) {
        uint32_t capacity = session->filter_capacity < 8 ? session->filter_capacity + 7u : session->filter_capacity * 2u;
        session->filter_capacity = capacity < UINT16_MAX ? (uint16_t)capacity : UINT16_MAX;
        session->filters = mem_realloc(session->filters, session->filter_capacity * sizeof *session->filters);
    }
    struct filter *f = &session->filters[session->filter_count++];
    *f = (struct filter){.topic = TOPIC_OTHER};
    return f;
}

/* Exactly a name of the table is kept as its number. */
static void name_device_filter(struct filter *f, struct str rest)
{
    enum topic_id topic = f->is_shared ? TOPIC_OTHER : topic_id_find(rest);
    if (topic != TOPIC_OTHER && str_eq(topic_name(topic)->name, rest)) {
        f->topic = (uint8_t)topic;
    } else {
        f->rest = str_dup(rest);
    }
}

static bool is_of_own_uplinks(const struct filter *f)
{
    if (f->topic != TOPIC_OTHER) {
        return f->topic == TOPIC_TELEMETRY || f->topic == TOPIC_EVENTS;
    }
    struct str rest = filter_rest(f);
    return topic_matches(rest, topic_name(TOPIC_TELEMETRY)->name) || topic_matches(rest, topic_name(TOPIC_EVENTS)->name);
}

/* The domain knows whether a device hears what it sends: what comes by another door is published for it alone then. */
static void set_hears_itself(struct session *session, bool hears)
{
    if (session->hears_itself != hears) {
        session->hears_itself = hears;
        hub_ports(session->loop)->hears_itself(session->loop->core->domain, session->owner_no, hears);
    }
}

static void find_hears_itself(struct session *session)
{
    bool hears = false;
    for (unsigned i = 0; i < session->filter_count && session->hears_itself && !hears; i++) {
        hears = is_of_own_uplinks(&session->filters[i]);
    }
    set_hears_itself(session, hears);
}

static void add_application_filter(struct session *session, struct filter *f, struct str filter)
{
    if (f->is_shared) {
        f->member = share_join(session->loop->core->shares, session, filter);
        session->application->shared_count++;
    } else {
        f->subscription = topic_tree_add(&session->application->tenant->tree, filter, session);
        count_interest(session, f, 1);
    }
    count_application_filters(session, 1);
}

void session_set_online(struct session *session, bool online)
{
    if (!session->application || session->application->shared_count == 0) {
        return;
    }
    for (unsigned i = 0; i < session->filter_count; i++) {
        if (session->filters[i].is_shared) {
            share_set_online(session->loop->core->shares, session->filters[i].member, online);
        }
    }
}

void session_put_filter(struct session *session, struct str filter, uint8_t options, uint32_t identifier)
{
    struct filter *f = filter_find(session, filter);
    if (!f) {
        f = filter_add(session);
        f->is_shared = is_shared(filter);
        if (session->party == PARTY_DEVICE) {
            name_device_filter(f, filter_key(session, filter));
            set_hears_itself(session, session->hears_itself || is_of_own_uplinks(f));
        } else {
            add_application_filter(session, f, filter);
        }
    }
    f->options = options;
    f->identifier = identifier;
    if (session->party != PARTY_DEVICE && f->is_shared) {
        f->member->options = options;
        f->member->identifier = identifier;
    } else if (session->party != PARTY_DEVICE) {
        f->subscription->options = options;
        f->subscription->identifier = identifier;
    }
}

static void filter_save(struct session *session, const struct filter *f, struct str text)
{
    unsigned owed = retained_read_is_owed(session, text) ? FILTER_OWED_RETAINED : 0;
    persist_filter(session, text, (uint8_t)(f->options | owed), f->identifier);
}

void session_save_filter(struct session *session, struct str filter)
{
    const struct filter *f = filter_find(session, filter);
    if (f) {
        filter_save(session, f, filter);
    }
}

void session_save_filters(struct session *session)
{
    struct buf scratch;
    buf_init(&scratch, MQTT_STRING_MAX);
    for (unsigned i = 0; i < session->filter_count; i++) {
        filter_save(session, &session->filters[i], filter_text(session, &session->filters[i], &scratch));
    }
    buf_deinit(&scratch);
}

static void filter_release(struct session *session, struct filter *f)
{
    if (session->party == PARTY_DEVICE) {
        if (f->topic == TOPIC_OTHER) {
            mem_free(f->rest);
        }
    } else {
        if (f->is_shared) {
            share_leave(session->loop->core->shares, f->member);
            session->application->shared_count--;
        } else {
            count_interest(session, f, -1);
            topic_tree_remove(&session->application->tenant->tree, f->subscription);
        }
        count_application_filters(session, -1);
    }
}

bool session_remove_filter(struct session *session, struct str filter)
{
    struct filter *f = filter_find(session, filter);
    if (!f) {
        return false;
    }
    filter_release(session, f);
    *f = session->filters[--session->filter_count];
    find_hears_itself(session);
    return true;
}

void session_drop_filters(struct session *session)
{
    while (session->filter_count > 0) {
        filter_release(session, &session->filters[--session->filter_count]);
    }
    mem_free(session->filters);
    session->filters = NULL;
    session->filter_capacity = 0;
    find_hears_itself(session);
}

void session_match_rest(const struct session *session, struct str rest, bool from_self, struct match *ret_match)
{
    ret_match->qos = 0;
    ret_match->found = false;
    ret_match->retain = false;
    ret_match->identifier_count = 0;
    for (unsigned i = 0; i < session->filter_count; i++) {
        const struct filter *f = &session->filters[i];
        if ((from_self && (f->options & FILTER_NO_LOCAL)) || !topic_matches(filter_rest(f), rest)) {
            continue;
        }
        unsigned qos = FILTER_QOS(f->options);
        ret_match->found = true;
        ret_match->retain |= (f->options & FILTER_RETAIN_AS_PUBLISHED) != 0;
        ret_match->qos = qos > ret_match->qos ? qos : ret_match->qos;
        if (f->identifier && ret_match->identifier_count < MATCH_IDENTIFIERS_MAX) {
            ret_match->identifiers[ret_match->identifier_count++] = f->identifier;
        }
    }
}

unsigned session_generation(const struct session *session)
{
    for (unsigned i = 0; i < session->filter_count; i++) {
        const struct filter *f = &session->filters[i];
        if (f->topic == TOPIC_COMMANDS) {
            return 1;
        }
        if (f->topic == TOPIC_OTHER && topic_matches(filter_rest(f), STR("commands")) &&
            !topic_matches(filter_rest(f), STR("command"))) {
            return 1;
        }
    }
    return 2;
}

/* --- SUBSCRIBE ---------------------------------------------------------------------------------------------------- */

static bool is_allowed(const struct session *session, struct str filter)
{
    struct uuid id;
    struct str rest;
    struct device_brief device;
    bool names_device;
    if (session->party == PARTY_DEVICE) {
        return access_device_filter(&session->device_id, filter, &rest);
    }
    if (session->party == PARTY_OPEN) {
        return true;
    }
    if (!access_application_filter((enum party)session->party, filter, &names_device, &id)) {
        return false;
    }
    return !names_device || (hub_ports(session->loop)->find_device(session->loop->core->domain, &id, &device) &&
                             access_is_tenants((enum party)session->party, session->owner_no, &device));
}

static size_t filters_max(const struct session *session)
{
    const struct settings *s = hub_settings(session->loop);
    uint64_t max = session->party == PARTY_DEVICE ? s->mqtt_device_filters
                   : session->party == PARTY_OPEN ? s->mqtt_open_filters
                                                  : s->mqtt_application_filters;
    return max > 0 && max < UINT16_MAX ? (size_t)max : UINT16_MAX;
}

/* One packet holds tens of thousands of filters, and each is looked for among those of the session: so many of a packet
 * are looked at, the others are refused. */
static size_t looked_at_max(const struct session *session)
{
    return 2 * filters_max(session);
}

static enum mqtt_reason check_filter(const struct session *session, struct str filter, struct topic_filter *ret_parsed)
{
    const struct settings *s = hub_settings(session->loop);
    struct topic_limits limits = session_topic_limits(s, (enum party)session->party);
    if (!topic_filter_parse(filter, &limits, ret_parsed)) {
        return MQTT_TOPIC_FILTER_INVALID;
    }
    if (!is_allowed(session, ret_parsed->filter)) {
        return MQTT_NOT_AUTHORIZED;
    }
    if (session->filter_count >= filters_max(session) && !session_has_filter(session, filter)) {
        return MQTT_QUOTA_EXCEEDED;
    }
    return MQTT_SUCCESS;
}

static uint8_t options_of(const struct mqtt_subscription *s)
{
    return (uint8_t)(s->qos | (s->no_local ? FILTER_NO_LOCAL : 0) | (s->retain_as_published ? FILTER_RETAIN_AS_PUBLISHED : 0) |
                     (unsigned)s->retain_handling << FILTER_RETAIN_HANDLING_SHIFT);
}

static uint8_t failure_byte(const struct session *session, enum mqtt_reason reason)
{
    return session->connection->version == MQTT_V5 ? (uint8_t)reason : 0x80;
}

/* Shared subscriptions get no retained messages, section 4.8.2; of what a device names exactly, few can be one. */
static bool may_be_retained(const struct session *session, const struct topic_filter *filter)
{
    if (filter->group.len > 0) {
        return false;
    }
    if (session->party != PARTY_DEVICE) {
        return true;
    }
    enum topic_id topic = topic_id_find(filter_key(session, filter->filter));
    return topic == TOPIC_OTHER || topic == TOPIC_TELEMETRY || topic == TOPIC_USER;
}

/* Registers one filter; returns its byte of the SUBACK. */
static uint8_t subscribe_one(struct session *session, const struct mqtt_subscription *s, uint32_t identifier,
                             uint32_t *push)
{
    struct topic_filter parsed;
    enum mqtt_reason reason = check_filter(session, s->filter, &parsed);
    if (reason != MQTT_SUCCESS) {
        return failure_byte(session, reason);
    }
    uint8_t options = options_of(s);
    bool is_new = !session_has_filter(session, s->filter);
    session_put_filter(session, s->filter, options, identifier);
    if (may_be_retained(session, &parsed) && (s->retain_handling == 0 || (s->retain_handling == 1 && is_new))) {
        retained_read_begin(session, s->filter, options, identifier);
    }
    if (session_is_stored(session)) {
        session_save_filter(session, s->filter);
    }
    if (session->party == PARTY_DEVICE) {
        *push |= push_kinds_of_filter(filter_key(session, parsed.filter)) & ~(uint32_t)PUSH_INCIDENTS;
    }
    return s->qos; /* granted */
}

static uint32_t identifier_of(const struct mqtt_properties *properties)
{
    uint32_t identifier = 0;
    struct mqtt_property_iter iter = mqtt_property_iter(properties);
    mqtt_subscription_id_next(&iter, &identifier);
    return identifier;
}

static void give_reasons(struct session *session, struct answer *answer, uint8_t *reasons, size_t count, bool changed)
{
    answer->text = (char *)reasons;
    answer->text_len = (uint32_t)count;
    if (changed && session_is_stored(session)) {
        answer_after_commit(answer, MQTT_SUCCESS);
    } else {
        answer_when_stored(answer, MQTT_SUCCESS);
    }
}

void on_subscribe(struct connection *connection, const struct mqtt_subscribe *subscribe, bool over)
{
    struct session *session = connection->session;
    struct mqtt_filter_iter iter = mqtt_subscribe_iter(subscribe);
    struct mqtt_subscription s;
    uint32_t identifier = identifier_of(&subscribe->properties);
    unsigned generation = session_generation(session);
    uint8_t *reasons = mem_alloc(subscribe->count);
    size_t count = 0;
    uint32_t push = 0;
    bool changed = false;
    while (count < subscribe->count && mqtt_subscription_next(&iter, &s)) {
        bool refused = over || count >= looked_at_max(session);
        reasons[count] = refused ? failure_byte(session, MQTT_QUOTA_EXCEEDED) : subscribe_one(session, &s, identifier, &push);
        changed |= reasons[count] < 0x80;
        count++;
    }
    if (session->party == PARTY_DEVICE && session_generation(session) != generation) {
        push |= PUSH_LICENSE; /* in the new shape (mqtt.md 4.4) */
    }
    struct answer *answer = answer_new(connection, MQTT_SUBACK, subscribe->packet_id);
    answer->push = push;
    give_reasons(session, answer, reasons, count, changed);
}

void on_unsubscribe(struct connection *connection, const struct mqtt_unsubscribe *unsubscribe, bool over)
{
    struct session *session = connection->session;
    struct mqtt_filter_iter iter = mqtt_unsubscribe_iter(unsubscribe);
    struct str filter, rest;
    unsigned generation = session_generation(session);
    uint8_t *reasons = mem_alloc(unsubscribe->count);
    size_t count = 0;
    bool changed = false;
    while (count < unsubscribe->count && mqtt_unsubscription_next(&iter, &filter)) {
        struct topic_filter parsed;
        bool valid = topic_filter_parse(filter, NULL, &parsed);
        bool own = valid &&
                   (session->party != PARTY_DEVICE ||
                    access_device_filter(&session->device_id, parsed.filter, &rest));
        bool refused = over || count >= looked_at_max(session);
        bool existed = own && !refused && session_has_filter(session, filter);
        if (existed) {
            session_remove_filter(session, filter);
            retained_read_end(session, filter);
            changed = true;
            if (session_is_stored(session)) {
                persist_no_filter(session, filter);
            }
        }
        /* 0x97 is none of UNSUBACK's codes. */
        reasons[count++] = refused   ? (uint8_t)MQTT_IMPLEMENTATION_ERROR
                           : existed ? (uint8_t)MQTT_SUCCESS
                           : !valid  ? (uint8_t)MQTT_TOPIC_FILTER_INVALID
                                     : (uint8_t)MQTT_NO_SUBSCRIPTION_EXISTED;
    }
    struct answer *answer = answer_new(connection, MQTT_UNSUBACK, unsubscribe->packet_id);
    if (session->party == PARTY_DEVICE && session_generation(session) != generation) {
        answer->push = PUSH_LICENSE;
    }
    give_reasons(session, answer, reasons, count, changed);
}
