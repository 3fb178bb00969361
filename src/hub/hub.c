/* Binds the core to the loops, streams and the domain of the running program. */
#include "hub/hub.h"

#include "base/mem.h"
#include "codec/json/json.h"
#include "codec/mqtt/mqtt.h"
#include "hub/connection.h"
#include "hub/hub_loop.h"
#include "hub/slow.h"
#include "model/device/presence.h"
#include "model/ports/api_key_store.h"

#define INPUT_BESIDE_PACKET ((size_t)512 * 1024)
#define OUTPUT_BESIDE_PACKET ((size_t)8 * 1024 * 1024)

struct loop_binding {
    struct loop_hook hook;
    struct loop *io;
    struct hub_loop *core;
};

struct hub_door {
    struct hub_door *next;
    struct hub *hub;
    const struct open_space *space;
};

struct hub {
    struct hub_core core;
    struct event_sink sink;
    struct loop_binding *bindings;
    struct hub_door *doors;
    bool (*is_healthy)(void *user);
    void *user;
};

/* --- streams ------------------------------------------------------------------------------------------------------ */

static struct buf *link_output(void *link)
{
    return stream_output(link);
}

static void link_commit(void *link)
{
    stream_commit(link);
}

static size_t link_output_bytes(void *link)
{
    return stream_output_bytes(link);
}

static void link_pause(void *link)
{
    stream_pause(link);
}

static void link_resume(void *link)
{
    stream_resume(link);
}

static void link_again(void *link)
{
    stream_again(link);
}

static void link_close(void *link)
{
    stream_close(link);
}

static void link_leave(void *link)
{
    stream_leave(link);
}

static struct hub *hub_of(const struct hub_loop *loop)
{
    return container_of(loop->core, struct hub, core);
}

static struct hub_loop *core_of(struct hub *hub, const struct stream *stream)
{
    return &hub->core.loops[loop_index(stream_loop(stream))];
}

static void on_arrived(struct stream *stream)
{
    struct connection *c = stream_user(stream);
    connection_arrived(c, core_of(hub_of(c->loop), stream));
}

static void link_move(void *link, unsigned target)
{
    struct connection *c = stream_user(link);
    stream_move(link, hub_of(c->loop)->bindings[target].io, on_arrived);
}

static const struct link_ops stream_link = {
    .output = link_output,
    .commit = link_commit,
    .output_bytes = link_output_bytes,
    .pause = link_pause,
    .resume = link_resume,
    .again = link_again,
    .close = link_close,
    .leave = link_leave,
    .move = link_move,
};

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len)
{
    return connection_data(stream_user(stream), data, len);
}

static void on_drained(struct stream *stream)
{
    connection_drained(stream_user(stream));
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    connection_closed(stream_user(stream));
}

static const struct stream_ops mqtt_ops = {.on_data = on_data, .on_drained = on_drained, .on_closed = on_closed};

static struct str address_bytes(const struct net_address *address)
{
    /* Of IPv6, the network: one host has as many addresses as it likes. */
    return address->any.sa_family == AF_INET6 ? str_from(&address->v6.sin6_addr, 8)
                                              : str_from(&address->v4.sin_addr, sizeof address->v4.sin_addr);
}

static bool is_exempt(const struct domain *domain, const struct net_address *peer)
{
    struct str rest = str_from_cstr(domain_settings(domain)->server_limits_exempt);
    struct network network;
    if (net_address_is_loopback(peer)) {
        return true;
    }
    while (rest.len > 0) {
        struct str part = str_trim(str_split(&rest, ','));
        if (network_parse(part, &network) && network_contains(&network, peer)) {
            return true;
        }
    }
    return false;
}

/* What a stream holds both ways is as much as the largest packet, and then some: while a connection is held back, what the
 * kernel had taken in already is kept as well, and before a large message there may be answers and others. */
static void set_limits(struct stream *stream, const struct settings *settings)
{
    size_t largest = settings->mqtt_packet_max;
    largest = largest > 0 && largest < MQTT_PACKET_BYTES_MAX ? largest : MQTT_PACKET_BYTES_MAX;
    stream_set_input_max(stream, largest + INPUT_BESIDE_PACKET);
    stream_set_output_max(stream, largest + OUTPUT_BESIDE_PACKET);
}

static struct connection *accept_stream(struct stream *stream, struct hub *hub)
{
    const struct net_address *peer = stream_peer(stream);
    struct connection *c = connection_new(core_of(hub, stream), stream, hash_str(address_bytes(peer)),
                                          is_exempt(hub->core.domain, peer));
    stream_set_user(stream, &mqtt_ops, c);
    if (stream_is_websocket(stream)) {
        /* Clients must take packets that share a message [MQTT-6.0.0-2], but some wait for ever for the second one. */
        stream_set_message_unit(stream, mqtt_first_packet_bytes);
    }
    set_limits(stream, domain_settings(hub->core.domain));
    return c;
}

void hub_accept(struct stream *stream, void *user)
{
    accept_stream(stream, user);
}

struct hub_door *hub_door_new(struct hub *hub, struct str name)
{
    struct hub_door *door = mem_new(struct hub_door);
    door->hub = hub;
    door->space = hub_open_space(&hub->core, name);
    door->next = hub->doors;
    hub->doors = door;
    return door;
}

void hub_accept_open(struct stream *stream, void *user)
{
    struct hub_door *door = user;
    accept_stream(stream, door->hub)->space = door->space;
}

/* --- the domain --------------------------------------------------------------------------------------------------- */

static bool find_device(struct domain *domain, const struct uuid *id, struct device_brief *ret_device)
{
    return device_table_find(domain->devices, id, ret_device);
}

static bool find_device_no(struct domain *domain, int64_t no, struct device_brief *ret_device)
{
    return device_table_find_no(domain->devices, no, ret_device);
}

static bool key_matches(struct domain *domain, const struct device_brief *device, struct str access_key)
{
    uint8_t hash[SHA256_BYTES];
    domain_key_hash(domain, access_key, hash);
    return bytes_eq_constant_time(hash, device->key_hash, sizeof hash);
}

static bool key_stands(struct store_tx *tx, int64_t api_key_no, int64_t *ret_expires_at_ms)
{
    int64_t expires_at = TIME_NONE;
    enum err err = api_key_store_expiry(tx, api_key_no, &expires_at);
    *ret_expires_at_ms = expires_at == TIME_NONE ? 0 : expires_at;
    return err != ERR_NOT_FOUND;
}

static void emit_refused(struct domain *domain, const struct device_brief *device, const struct refusal *refusal)
{
    struct event *event = event_new(EVENT_UPLINK_REFUSED, device);
    struct buf payload;
    struct json_writer w;
    event->transport = TRANSPORT_MQTT;
    event->direction = DIRECTION_UP;
    event->at_ms = domain->now_unix_ms();
    event->qos = refusal->qos;
    event->code = refusal->code;
    event->size = refusal->bytes;
    event_set_topic(event, refusal->topic);
    buf_init(&payload, 4096);
    json_writer_init(&w, &payload);
    json_begin_object(&w);
    json_field_str(&w, "error", refusal->text);
    json_end_object(&w);
    event_set_payload(event, payload.failed ? STR("{}") : buf_str(&payload));
    buf_deinit(&payload);
    event_bus_emit(&domain->events, event);
}

static enum device_next next_device(struct domain *domain, struct device_cursor *cursor,
                                    const struct device_owner *owner, struct device_brief *ret_device)
{
    return device_table_next(domain->devices, cursor, owner, ret_device);
}

static void want_messages(struct domain *domain, int change)
{
    atomic_fetch_add(&domain->events.wants_messages, change);
}

static bool is_healthy(const struct hub_loop *loop)
{
    const struct hub *hub = hub_of(loop);
    return !hub->is_healthy || hub->is_healthy(hub->user);
}

static void run_flush(struct loop_hook *hook)
{
    hub_loop_flush(container_of(hook, struct loop_binding, hook)->core);
}

static void flush_later(struct hub_loop *loop)
{
    struct loop_binding *binding = &hub_of(loop)->bindings[loop->index];
    loop_at_turn_end(binding->io, &binding->hook);
}

static const struct hub_ports program_ports = {
    .link = &stream_link,
    .find_device = find_device,
    .find_device_no = find_device_no,
    .check_device = credentials_check_device,
    .check_api_key = credentials_check_api_key,
    .key_matches = key_matches,
    .key_stands = key_stands,
    .call_new = device_call_new,
    .call_free = device_call_free,
    .call_submit = device_call_submit,
    .sample_submit = sample_post_submit,
    .pending_kinds = pending_kinds,
    .pending_new = pending_read_new,
    .pending_free = pending_read_free,
    .pending_submit = pending_read_submit,
    .mark_delivered = command_mark_delivered,
    .contact = presence_contact,
    .connected = presence_connected,
    .disconnected = presence_disconnected,
    .hears_itself = presence_hears_itself,
    .refused = emit_refused,
    .next_device = next_device,
    .presence = presence_write,
    .want_messages = want_messages,
    .is_healthy = is_healthy,
    .flush_later = flush_later,
};

/* --- events ------------------------------------------------------------------------------------------------------- */

struct event_post {
    struct task task;
    struct hub_loop *loop;
    const struct event *event;
};

static void run_event(struct task *task)
{
    struct event_post *post = container_of(task, struct event_post, task);
    hub_loop_event(post->loop, post->event);
    event_unref(post->event);
    mem_free(post);
}

static void post_event(struct hub_loop *loop, const struct event *event)
{
    struct event_post *post = mem_new(struct event_post);
    post->task.run = run_event;
    post->loop = loop;
    post->event = event_ref(event);
    mailbox_post(loop->mailbox, &post->task);
}

static void on_event(struct event_sink *sink, const struct event *event)
{
    hub_event_visit(&container_of(sink, struct hub, sink)->core, event, post_event);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static uint64_t now_ms(const struct hub_loop *loop)
{
    return loop_now_ms(((struct loop_binding *)loop->user)->io);
}

static int64_t unix_ms(const struct hub_loop *loop)
{
    return loop_unix_ms(((struct loop_binding *)loop->user)->io);
}

struct hub *hub_new(const struct hub_config *config)
{
    struct hub *hub = mem_new(struct hub);
    hub->is_healthy = config->is_healthy;
    hub->user = config->user;
    hub->bindings = mem_calloc(config->loop_count, sizeof *hub->bindings);
    hub_core_init(&hub->core, config->domain, &program_ports, config->loop_count);
    hub->core.connections_max = config->connections_max;
    for (size_t i = 0; i < config->loop_count; i++) {
        struct loop_binding *binding = &hub->bindings[i];
        struct hub_loop *loop = &hub->core.loops[i];
        binding->io = config->loops[i];
        binding->core = loop;
        binding->hook.run = run_flush;
        loop->user = binding;
        loop->now_ms = now_ms;
        loop->unix_ms = unix_ms;
        hub_loop_start(loop, loop_timers(binding->io), loop_mailbox(binding->io));
    }
    hub->sink.on_event = on_event;
    event_bus_add(&config->domain->events, &hub->sink);
    return hub;
}

enum err hub_load(struct hub *hub)
{
    struct hub_restore restore;
    hub_restore_init(&restore, &hub->core);
    struct executor *executor = hub->core.domain->executor;
    return executor->run_now(executor, &restore.op);
}

void hub_abandon(struct hub *hub)
{
    if (hub) {
        hub_core_abandon(&hub->core);
    }
}

void hub_free(struct hub *hub)
{
    if (!hub) {
        return;
    }
    hub_core_deinit(&hub->core);
    for (struct hub_door *door = hub->doors, *next; door; door = next) {
        next = door->next;
        mem_free(door);
    }
    mem_free(hub->bindings);
    mem_free(hub);
}

void hub_slow_consumers(struct hub *hub, struct slow_ask *ask)
{
    slow_consumers_find(&hub->core, ask);
}

struct drain_post {
    struct task task;
    struct hub_loop *loop;
};

static void run_drain(struct task *task)
{
    struct drain_post *post = container_of(task, struct drain_post, task);
    hub_loop_drain(post->loop);
    mem_free(post);
}

void hub_drain(struct hub *hub)
{
    atomic_store(&hub->core.draining, true);
    for (size_t i = 0; i < hub->core.loop_count; i++) {
        struct drain_post *post = mem_new(struct drain_post);
        post->task.run = run_drain;
        post->loop = &hub->core.loops[i];
        mailbox_post(post->loop->mailbox, &post->task);
    }
}

bool hub_is_drained(const struct hub *hub)
{
    return hub_core_is_drained(&hub->core);
}
