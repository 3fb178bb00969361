/* The bytes of two clients through the whole core of the hub, with time, storage faults, crashes and events between
 * them, in the virtual world of the replay tests. The input is a list of steps: one byte says what, one how much. */
#include <stdlib.h>

#include "../replay/world.h"

enum step {
    STEP_SEND, /* to a client: so many of the bytes that follow */
    STEP_ADVANCE,
    STEP_OPEN,
    STEP_CLOSE,
    STEP_HOLD,
    STEP_RELEASE,
    STEP_FAIL,
    STEP_PUSH,
    STEP_EVENT,
    STEP_BLOCK,
    STEP_RESTART,
    STEP_LOGIN,
    STEP_COUNT,
};

static struct world_client *client_of(struct world *w, uint8_t which)
{
    return world_client(w, which & 1 ? "B" : "A");
}

/* A proper CONNECT, so that what follows is not always refused. */
static void login(struct world *w, uint8_t flags)
{
    bool application = (flags & 1) != 0;
    char id[UUID_TEXT_BYTES];
    struct world_device *d = world_device(w, STR("dev1"));
    uuid_format(&d->brief.id, id);
    struct mqtt_packet packet = {.type = MQTT_CONNECT};
    struct mqtt_connect *c = &packet.connect;
    c->version = flags & 2 ? MQTT_V311 : MQTT_V5;
    c->protocol_level = (uint8_t)c->version;
    c->clean_start = (flags & 4) != 0;
    c->keep_alive_s = 60;
    c->has_user_name = c->has_password = true;
    c->client_id = application ? STR("app") : str_from_cstr(id);
    c->user_name = application ? STR("org") : str_from_cstr(id);
    c->password = application ? STR("org1") : str_from_cstr(d->key);
    if (flags & 8) {
        c->properties.session_expiry_s = 1000;
        mqtt_set(&c->properties, MQTT_PROP_SESSION_EXPIRY);
    }
    if (flags & 16) {
        c->properties.receive_maximum = 2;
        mqtt_set(&c->properties, MQTT_PROP_RECEIVE_MAXIMUM);
    }
    struct buf out;
    buf_init(&out, 4096);
    mqtt_encode(&out, c->version, &packet);
    world_open(client_of(w, flags), "192.0.2.1", (flags & 32) != 0);
    world_send(client_of(w, flags), out.data, out.len);
    buf_deinit(&out);
}

static void send_event(struct world *w, uint8_t which)
{
    static const enum event_type types[] = {EVENT_TELEMETRY, EVENT_STATUS,        EVENT_DEVICE_KICK,  EVENT_DEVICE_KEY_CHANGED,
                                            EVENT_INCIDENT,  EVENT_TENANT_SUSPENDED, EVENT_API_KEY_REVOKED};
    const struct world_device *d = world_device(w, STR("dev1"));
    struct event event = {.type = types[which % (sizeof types / sizeof types[0])],
                          .device_no = d->brief.no,
                          .device_id = d->brief.id,
                          .partner_no = 1,
                          .organization_no = 1,
                          .api_key_no = 101,
                          .transport = TRANSPORT_HTTPS,
                          .push = PUSH_INCIDENTS,
                          .payload = STR("{}")};
    world_event(w, &event);
}

static void push(struct world *w, uint8_t amount)
{
    struct world_device *d = world_device(w, STR("dev1"));
    world_pend(d, (enum push_mask)(1u << (amount % 6)), amount, amount & 64 ? STR("c1") : STR("c2"), STR("{}"));
    struct event event = {.type = EVENT_CONFIG, .device_no = d->brief.no, .device_id = d->brief.id, .push = amount & PUSH_ALL};
    world_event(w, &event);
}

/* Whatever comes in, what goes out is whole, valid packets. */
static void check_output(struct world_client *client)
{
    struct buf *out = &client->output;
    enum mqtt_version version = client->version ? client->version : MQTT_V311;
    size_t at = 0;
    while (at < out->len) {
        struct mqtt_frame frame;
        struct mqtt_packet packet;
        if (mqtt_frame(out->data + at, out->len - at, 0, &frame) != MQTT_FRAME_OK ||
            mqtt_decode(&packet, version, MQTT_FROM_SERVER, out->data + at, frame.total_bytes).reason) {
            abort();
        }
        at += frame.total_bytes;
    }
    buf_clear(out);
}

static void check_outputs(struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++) {
        check_output(&w->clients[i]);
    }
}

static size_t run_step(struct world *w, uint8_t what, uint8_t amount, const uint8_t *rest, size_t left)
{
    size_t used = 0;
    switch ((enum step)((what >> 1) % STEP_COUNT)) {
    case STEP_SEND:
        used = amount < left ? amount : left;
        if (client_of(w, what)->connection) {
            world_send(client_of(w, what), rest, used);
        }
        break;
    case STEP_ADVANCE:
        world_advance(w, (uint64_t)amount * amount * 10);
        break;
    case STEP_OPEN:
        world_open(client_of(w, what), "192.0.2.1", amount & 1);
        break;
    case STEP_CLOSE:
        world_close(client_of(w, what));
        break;
    case STEP_HOLD:
        w->hold = true;
        break;
    case STEP_RELEASE:
        w->hold = amount & 1 ? w->hold : false;
        world_release(w, (enum op_lane)(amount % (LANE_COUNT + 1)), amount);
        break;
    case STEP_FAIL:
        w->fail = (amount & 1) != 0;
        break;
    case STEP_PUSH:
        push(w, amount);
        break;
    case STEP_EVENT:
        send_event(w, amount);
        break;
    case STEP_BLOCK:
        client_of(w, what)->output_blocked = amount & 1 ? (size_t)1024 * 1024 : 0;
        if (client_of(w, what)->connection) {
            connection_drained(client_of(w, what)->connection);
            world_settle(w);
        }
        break;
    case STEP_RESTART:
        w->fail = false;
        world_restart(w);
        break;
    case STEP_LOGIN:
        login(w, (uint8_t)((amount & ~1u) | (what & 1u)));
        break;
    case STEP_COUNT:
        break;
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    struct world *w = world_new(1 + data[0] % 2);
    size_t at = 1;
    for (unsigned steps = 0; at + 2 <= size && steps < 400; steps++) {
        uint8_t what = data[at], amount = data[at + 1];
        at += 2;
        at += run_step(w, what, amount, data + at, size - at);
        check_outputs(w);
    }
    world_free(w);
    return 0;
}
