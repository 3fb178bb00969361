#include "script.h"

static struct str text_of(const struct tokens *t, const char *name, const char *otherwise)
{
    struct str value = str_from_cstr(otherwise);
    tokens_get(t, name, &value);
    return value;
}

static void send_packet(struct script *s, struct world_client *client, enum mqtt_version version, const struct mqtt_packet *packet)
{
    struct buf out;
    buf_init(&out, (size_t)1024 * 1024);
    mqtt_encode(&out, version, packet);
    s->stage->send(s, client, out.data, out.len);
    buf_deinit(&out);
}

static void set_u32(struct mqtt_properties *p, enum mqtt_property id, uint32_t *field, const struct tokens *t,
                    const char *name)
{
    struct str value;
    if (tokens_get(t, name, &value)) {
        *field = (uint32_t)tokens_number(t, name, 0);
        mqtt_set(p, id);
    }
}

static void set_str(struct mqtt_properties *p, enum mqtt_property id, struct str *field, const struct tokens *t,
                    const char *name)
{
    if (tokens_get(t, name, field)) {
        mqtt_set(p, id);
    }
}

/* Every `up=name:value`, in order. `pairs`: room for TOKENS_MAX, as long as the properties are used. */
static void set_user_properties(struct script *s, struct mqtt_properties *p, struct mqtt_pair *pairs, const struct tokens *t,
                                const char *word)
{
    for (size_t i = 1; i < t->count; i++) {
        if (str_starts_with(t->list[i], str_from_cstr(word))) {
            struct str value = str_sub(t->list[i], strlen(word), t->list[i].len);
            struct mqtt_pair *pair = &pairs[p->user_count++];
            pair->name = str_split(&value, ':');
            pair->value = str_starts_with(value, STR("@")) ? str_sub(topic_expand(s, value), 10, 36) : value;
            p->user = pairs;
            mqtt_set(p, MQTT_PROP_USER_PROPERTY);
        }
    }
}

/* `dev=dev1`, or `org=CLIENT_ID key=org1`, or `partner=...`. */
static void fill_identity(struct script *s, struct mqtt_connect *c, const struct tokens *t)
{
    struct str name;
    c->has_user_name = !tokens_has(t, "nouser");
    c->has_password = !tokens_has(t, "nopass");
    if (tokens_get(t, "dev", &name)) {
        struct world_device *d = world_device(s->world, name);
        if (!d) {
            script_fail(s, "no device %.*s", STR_ARG(name));
            return;
        }
        char id[UUID_TEXT_BYTES];
        uuid_format(&d->brief.id, id);
        c->client_id = c->user_name = arena_str(&s->arena, str_from_cstr(id));
        c->password = arena_str(&s->arena, str_from_cstr(d->key));
    } else if (tokens_get(t, "open", &name)) {
        c->client_id = name;
        struct str given;
        c->has_user_name = tokens_get(t, "user", &given);
        c->has_password = tokens_get(t, "key", &given);
    } else if (tokens_get(t, "org", &name)) {
        c->client_id = name;
        c->user_name = STR("org");
        c->password = STR("org1");
    } else if (tokens_get(t, "partner", &name)) {
        c->client_id = name;
        c->user_name = STR("partner");
        c->password = STR("partner1");
    }
    tokens_get(t, "user", &c->user_name);
    tokens_get(t, "key", &c->password);
    tokens_get(t, "id", &c->client_id);
}

static void fill_will(struct script *s, struct mqtt_connect *c, struct mqtt_pair *pairs, const struct tokens *t)
{
    struct str topic;
    if (!tokens_get(t, "will", &topic)) {
        return;
    }
    c->has_will = true;
    c->will.topic = topic_expand(s, topic);
    c->will.payload = text_of(t, "willmsg", "{}");
    c->will.qos = (uint8_t)tokens_number(t, "willqos", 0);
    c->will.retain = tokens_has(t, "willretain");
    set_u32(&c->will.properties, MQTT_PROP_WILL_DELAY, &c->will.properties.will_delay_s, t, "willdelay");
    struct mqtt_properties *p = &c->will.properties;
    set_u32(p, MQTT_PROP_MESSAGE_EXPIRY, &p->message_expiry_s, t, "willexpiry");
    set_str(p, MQTT_PROP_CONTENT_TYPE, &p->content_type, t, "willct");
    set_str(p, MQTT_PROP_RESPONSE_TOPIC, &p->response_topic, t, "willresp");
    set_str(p, MQTT_PROP_CORRELATION_DATA, &p->correlation_data, t, "willcorr");
    set_user_properties(s, p, pairs, t, "willup=");
}

static void send_connect(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct mqtt_packet packet = {.type = MQTT_CONNECT};
    struct mqtt_connect *c = &packet.connect;
    struct mqtt_properties *p = &c->properties;
    client->version = tokens_number(t, "ver", 5) == 4 ? MQTT_V311 : MQTT_V5;
    c->version = client->version;
    c->protocol_level = (uint8_t)client->version;
    c->clean_start = tokens_number(t, "clean", 1) != 0;
    c->keep_alive_s = (uint16_t)tokens_number(t, "ka", 600);
    fill_identity(s, c, t);
    struct mqtt_pair pairs[TOKENS_MAX];
    fill_will(s, c, pairs, t);
    set_u32(p, MQTT_PROP_SESSION_EXPIRY, &p->session_expiry_s, t, "expiry");
    set_u32(p, MQTT_PROP_MAXIMUM_PACKET_SIZE, &p->maximum_packet_size, t, "max");
    set_str(p, MQTT_PROP_AUTH_METHOD, &p->auth_method, t, "auth");
    struct str value;
    if (tokens_get(t, "rm", &value)) {
        p->receive_maximum = (uint16_t)tokens_number(t, "rm", 0);
        mqtt_set(p, MQTT_PROP_RECEIVE_MAXIMUM);
    }
    if (tokens_get(t, "aliases", &value)) {
        p->topic_alias_maximum = (uint16_t)tokens_number(t, "aliases", 0);
        mqtt_set(p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM);
    }
    if (tokens_get(t, "problem", &value)) {
        p->request_problem_info = (uint8_t)tokens_number(t, "problem", 1);
        mqtt_set(p, MQTT_PROP_REQUEST_PROBLEM_INFO);
    }
    if (tokens_has(t, "respinfo")) {
        p->request_response_info = 1;
        mqtt_set(p, MQTT_PROP_REQUEST_RESPONSE_INFO);
    }
    send_packet(s, client, client->version, &packet);
}

/* Made so long. */
static struct str padded(struct script *s, struct str text, size_t bytes)
{
    if (text.len >= bytes) {
        return text;
    }
    char *made = arena_alloc(&s->arena, bytes);
    memset(made, '.', bytes);
    memcpy(made, text.ptr, text.len);
    return str_from(made, bytes);
}

static void send_publish(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct mqtt_packet packet = {.type = MQTT_PUBLISH};
    struct mqtt_publish *p = &packet.publish;
    struct str value;
    p->topic = t->count > 1 && !str_eq(t->list[1], STR("-")) ? topic_expand(s, t->list[1]) : STR("");
    p->payload = t->count > 2 && !str_eq(t->list[2], STR("-")) ? t->list[2] : STR("");
    p->qos = (uint8_t)tokens_number(t, "q", 0);
    p->packet_id = (uint16_t)tokens_number(t, "pid", 0);
    p->dup = tokens_has(t, "dup");
    p->retain = tokens_has(t, "retain");
    if (tokens_get(t, "resp", &value)) {
        p->properties.response_topic = topic_expand(s, value);
        mqtt_set(&p->properties, MQTT_PROP_RESPONSE_TOPIC);
    }
    set_str(&p->properties, MQTT_PROP_CORRELATION_DATA, &p->properties.correlation_data, t, "corr");
    set_u32(&p->properties, MQTT_PROP_MESSAGE_EXPIRY, &p->properties.message_expiry_s, t, "expiry");
    if (tokens_get(t, "alias", &value)) {
        p->properties.topic_alias = (uint16_t)tokens_number(t, "alias", 0);
        mqtt_set(&p->properties, MQTT_PROP_TOPIC_ALIAS);
    }
    set_str(&p->properties, MQTT_PROP_CONTENT_TYPE, &p->properties.content_type, t, "ct");
    if (tokens_get(t, "pf", &value)) {
        p->properties.payload_format = (uint8_t)tokens_number(t, "pf", 0);
        mqtt_set(&p->properties, MQTT_PROP_PAYLOAD_FORMAT);
    }
    struct mqtt_pair pairs[TOKENS_MAX];
    set_user_properties(s, &p->properties, pairs, t, "up=");
    p->payload = padded(s, p->payload, (size_t)tokens_number(t, "pad", 0));
    struct buf out;
    buf_init(&out, (size_t)16 * 1024 * 1024);
    for (int64_t i = tokens_number(t, "times", 1); i > 0; i--) {
        mqtt_encode(&out, client->version, &packet);
    }
    s->stage->send(s, client, out.data, out.len);
    buf_deinit(&out);
}

static void send_subscribe(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct mqtt_subscription list[TOKENS_MAX];
    struct mqtt_packet packet = {.type = MQTT_SUBSCRIBE};
    uint32_t identifier = (uint32_t)tokens_number(t, "subid", 0);
    size_t count = 0;
    for (size_t i = 1; i < t->count; i++) {
        struct str rest = t->list[i];
        if (memchr(rest.ptr, '=', rest.len)) {
            continue;
        }
        struct mqtt_subscription *sub = &list[count++];
        *sub = (struct mqtt_subscription){.filter = topic_expand(s, str_split(&rest, ':'))};
        for (size_t k = 0; k < rest.len; k++) {
            if (rest.ptr[k] >= '0' && rest.ptr[k] <= '2') {
                sub->qos = (uint8_t)(rest.ptr[k] - '0');
            }
            sub->no_local |= rest.ptr[k] == 'n';
            sub->retain_as_published |= rest.ptr[k] == 'r';
            sub->retain_handling = rest.ptr[k] == 'o' ? 1 : rest.ptr[k] == 'x' ? 2 : sub->retain_handling;
        }
    }
    packet.subscribe.packet_id = (uint16_t)tokens_number(t, "pid", 1);
    packet.subscribe.list = list;
    packet.subscribe.count = count;
    if (identifier) {
        packet.subscribe.properties.subscription_ids = &identifier;
        packet.subscribe.properties.subscription_id_count = 1;
        mqtt_set(&packet.subscribe.properties, MQTT_PROP_SUBSCRIPTION_ID);
    }
    send_packet(s, client, client->version, &packet);
}

static void send_unsubscribe(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct str list[TOKENS_MAX];
    struct mqtt_packet packet = {.type = MQTT_UNSUBSCRIBE};
    size_t count = 0;
    for (size_t i = 1; i < t->count; i++) {
        if (!memchr(t->list[i].ptr, '=', t->list[i].len)) {
            list[count++] = topic_expand(s, t->list[i]);
        }
    }
    packet.unsubscribe.packet_id = (uint16_t)tokens_number(t, "pid", 1);
    packet.unsubscribe.list = list;
    packet.unsubscribe.count = count;
    send_packet(s, client, client->version, &packet);
}

static void send_ack(struct script *s, struct world_client *client, const struct tokens *t, enum mqtt_type type)
{
    struct mqtt_packet packet = {.type = type,
                                 .puback = {.packet_id = (uint16_t)tokens_number(t, "pid", 0),
                                            .reason = (uint8_t)tokens_number(t, "reason", 0)}};
    send_packet(s, client, client->version, &packet);
}

static void send_disconnect(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct mqtt_packet packet = {.type = MQTT_DISCONNECT,
                                 .disconnect = {.reason = (uint8_t)tokens_number(t, "reason", 0)}};
    struct mqtt_properties *p = &packet.disconnect.properties;
    set_u32(p, MQTT_PROP_SESSION_EXPIRY, &p->session_expiry_s, t, "expiry");
    send_packet(s, client, client->version, &packet);
}

static void send_raw(struct script *s, struct world_client *client, const struct tokens *t)
{
    uint8_t bytes[512];
    size_t len = t->count > 1 ? t->list[1].len / 2 : 0;
    if (len > sizeof bytes || !hex_decode(t->list[1], bytes, len)) {
        script_fail(s, "raw wants hex digits");
        return;
    }
    s->stage->send(s, client, bytes, len);
}

/* Words of each packet beside what stands at a place of its own. */
static const struct {
    const char *packet;
    size_t placed; /* how many stand before them; SIZE_MAX: all that are no `name=` */
    const char *words;
} known_words[] = {
    {"connect", 0,
     "dev= org= partner= open= space= from= local again ver= clean= ka= expiry= max= auth= rm= aliases= problem= respinfo "
     "user= key= id= nouser nopass will= willmsg= willqos= willdelay= willretain willexpiry= willct= willresp= willcorr= "
     "willup="},
    {"open", 0, "from= local open= space="},
    {"publish", 2, "q= pid= dup retain resp= corr= expiry= alias= ct= pf= up= pad= times="},
    {"subscribe", SIZE_MAX, "pid= subid="},
    {"unsubscribe", SIZE_MAX, "pid="},
    {"puback", 0, "pid= reason="},
    {"pubrec", 0, "pid= reason="},
    {"pubrel", 0, "pid= reason="},
    {"pubcomp", 0, "pid= reason="},
    {"disconnect", 0, "reason= expiry="},
    {"raw", 1, ""},
    {"ping", 0, ""},
    {"close", 0, ""},
};

static bool is_among(struct str words, struct str word)
{
    const char *equals = memchr(word.ptr, '=', word.len);
    struct str name = equals ? str_sub(word, 0, (size_t)(equals - word.ptr) + 1) : word;
    while (words.len > 0) {
        if (str_eq(str_split(&words, ' '), name)) {
            return true;
        }
    }
    return false;
}

/* A word that is misspelt would be as good as none, and the scenario about something else. */
static void check_words(struct script *s, const struct tokens *t)
{
    for (size_t i = 0; i < sizeof known_words / sizeof known_words[0]; i++) {
        if (!str_eq(t->list[0], str_from_cstr(known_words[i].packet))) {
            continue;
        }
        for (size_t k = 1; k < t->count; k++) {
            bool is_placed = known_words[i].placed == SIZE_MAX ? !memchr(t->list[k].ptr, '=', t->list[k].len)
                                                               : k <= known_words[i].placed;
            if (!is_placed && !is_among(str_from_cstr(known_words[i].words), t->list[k])) {
                script_fail(s, "%.*s knows no %.*s", STR_ARG(t->list[0]), STR_ARG(t->list[k]));
            }
        }
    }
}

void script_client_sends(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct str what = t->list[0];
    check_words(s, t);
    s->inboxes[client - s->world->clients].was_opened |= str_eq(what, STR("open")) || str_eq(what, STR("connect"));
    if (str_eq(what, STR("open"))) {
        s->stage->open(s, client, t);
        return;
    }
    if (str_eq(what, STR("connect"))) {
        if (!tokens_has(t, "again")) {
            s->stage->open(s, client, t);
        }
        send_connect(s, client, t);
        return;
    }
    if (str_eq(what, STR("close"))) {
        s->inboxes[client - s->world->clients].closed_is_told = true;
        s->stage->close(s, client);
    } else if (!s->stage->is_open(s, client)) {
        script_fail(s, "client %s is not connected", client->name);
    } else if (str_eq(what, STR("publish"))) {
        send_publish(s, client, t);
    } else if (str_eq(what, STR("subscribe"))) {
        send_subscribe(s, client, t);
    } else if (str_eq(what, STR("unsubscribe"))) {
        send_unsubscribe(s, client, t);
    } else if (str_eq(what, STR("puback"))) {
        send_ack(s, client, t, MQTT_PUBACK);
    } else if (str_eq(what, STR("pubrec"))) {
        send_ack(s, client, t, MQTT_PUBREC);
    } else if (str_eq(what, STR("pubrel"))) {
        send_ack(s, client, t, MQTT_PUBREL);
    } else if (str_eq(what, STR("pubcomp"))) {
        send_ack(s, client, t, MQTT_PUBCOMP);
    } else if (str_eq(what, STR("ping"))) {
        s->stage->send(s, client, (const uint8_t *)"\xC0\0", 2);
    } else if (str_eq(what, STR("disconnect"))) {
        send_disconnect(s, client, t);
    } else if (str_eq(what, STR("raw"))) {
        send_raw(s, client, t);
    } else {
        script_fail(s, "unknown packet %.*s", STR_ARG(what));
    }
}
