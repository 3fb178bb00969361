/* The hub's core without sockets, with 1,000 to 1,000,000 sessions of an open listener: core_bench [SESSIONS...]
 *
 * Each session connects with a session expiry, subscribes to one topic of its own and goes away; in between messages are
 * published to random ones; at last time passes and all expire. The world of the replay scenarios (tests/replay/world.c)
 * stands for loops, clock and executor, and the store accepts everything (core_store.c), so what is measured is the
 * core. A turn serves BATCH packets. Memory is what malloc and the slabs have given out, without the buffers of the pretended
 * links. Prints a Markdown table. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/slab.h"
#include "world.h"

enum { BATCH = 64, PUBLISHES = 200000, FEW = 1000, EXPIRY_S = 600, SIZES_MAX = 16 };

struct figures {
    unsigned sessions;
    double connect_ns, subscribe_ns, publish_ns, publish_few_ns, queue_ns, disconnect_ns, expire_ns;
    double connected_bytes, subscribed_bytes, stored_bytes, left_bytes;
};

struct run {
    struct world *world;
    struct open_space *space;
    struct world_client *clients;
    unsigned count;
    uint64_t seed, delivered;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd + slab_used_bytes();
}

static void fail(const char *what, unsigned at)
{
    fprintf(stderr, "core_bench: %s (session %u)\n", what, at);
    exit(1);
}

/* What the server has for the client is counted by its first byte and thrown away. */
static void empty(struct run *run, struct world_client *client)
{
    for (size_t at = 0; at + 1 < client->output.len; at += 2 + client->output.data[at + 1]) { /* short packets only */
        run->delivered += client->output.data[at] >> 4 == MQTT_PUBLISH;
    }
    buf_deinit(&client->output);
    buf_init(&client->output, 65536);
}

static void hand_in(struct world_client *client, const struct buf *bytes)
{
    size_t used = connection_data(client->connection, bytes->data, bytes->len);
    if (used != bytes->len) {
        fail("not all input was taken", (unsigned)(bytes->len - used));
    }
}

static void settle(struct run *run, unsigned first, unsigned end)
{
    world_settle(run->world);
    for (unsigned i = first; i < end; i++) {
        empty(run, &run->clients[i]);
    }
}

/* --- the packets -------------------------------------------------------------------------------------------------- */

static void connect_one(struct run *run, unsigned i, struct buf *bytes)
{
    struct world_client *client = &run->clients[i];
    char id[24];
    *client = (struct world_client){.world = run->world};
    buf_init(&client->output, 65536);
    client->connection = connection_new(&run->world->core.loops[0], client, 1, true);
    client->connection->space = run->space;
    struct mqtt_packet packet = {.type = MQTT_CONNECT,
                                 .connect = {.protocol_level = 5, .version = MQTT_V5, .clean_start = true}};
    packet.connect.client_id = str_from(id, (size_t)snprintf(id, sizeof id, "session-%u", i));
    packet.connect.properties.session_expiry_s = EXPIRY_S;
    mqtt_set(&packet.connect.properties, MQTT_PROP_SESSION_EXPIRY);
    buf_clear(bytes);
    mqtt_encode(bytes, MQTT_V5, &packet);
    hand_in(client, bytes);
}

static struct str topic_of(unsigned i, char text[24])
{
    return str_from(text, (size_t)snprintf(text, 24, "bench/%u", i));
}

static void subscribe_one(struct run *run, unsigned i, struct buf *bytes)
{
    char text[24];
    struct mqtt_subscription list = {.filter = topic_of(i, text), .qos = 1};
    buf_clear(bytes);
    mqtt_encode(bytes, MQTT_V5, &(struct mqtt_packet){
        .type = MQTT_SUBSCRIBE, .subscribe = {.packet_id = 1, .count = 1, .list = &list}});
    hand_in(&run->clients[i], bytes);
}

static void disconnect_one(struct run *run, unsigned i, struct buf *bytes)
{
    buf_clear(bytes);
    mqtt_encode(bytes, MQTT_V5, &(struct mqtt_packet){.type = MQTT_DISCONNECT});
    hand_in(&run->clients[i], bytes);
}

/* --- the phases ---------------------------------------------------------------------------------------------------- */

/* `one` for every session, BATCH in a turn; nanoseconds of each. */
static double each(struct run *run, void (*one)(struct run *run, unsigned i, struct buf *bytes))
{
    struct buf bytes;
    buf_init(&bytes, 4096);
    uint64_t began = now_ns();
    for (unsigned i = 0; i < run->count; i += BATCH) {
        unsigned end = i + BATCH < run->count ? i + BATCH : run->count;
        for (unsigned k = i; k < end; k++) {
            one(run, k, &bytes);
        }
        settle(run, i, end);
    }
    double ns = (double)(now_ns() - began) / run->count;
    buf_deinit(&bytes);
    return ns;
}

/* Messages from one more client to the topics of random sessions among `among` of them, which lie far apart. */
static double publish(struct run *run, uint8_t qos, unsigned messages, unsigned among)
{
    struct buf bytes;
    buf_init(&bytes, 65536);
    struct world_client *publisher = &run->clients[run->count];
    unsigned targets[BATCH];
    uint64_t began = now_ns();
    for (unsigned done = 0; done < messages; done += BATCH) {
        buf_clear(&bytes);
        for (unsigned k = 0; k < BATCH; k++) {
            char text[24];
            run->seed = run->seed * 6364136223846793005u + 1442695040888963407u;
            targets[k] = (unsigned)((run->seed >> 33) % among) * (run->count / among);
            mqtt_encode(&bytes, MQTT_V5, &(struct mqtt_packet){
                .type = MQTT_PUBLISH, .publish = {.topic = topic_of(targets[k], text), .qos = qos,
                                                  .packet_id = qos ? (uint16_t)(k + 1) : 0,
                                                  .payload = STR("0123456789012345678901234567890123456789")}});
        }
        hand_in(publisher, &bytes);
        world_settle(run->world);
        for (unsigned k = 0; k < BATCH; k++) {
            empty(run, &run->clients[targets[k]]);
        }
        empty(run, publisher);
    }
    buf_deinit(&bytes);
    return (double)(now_ns() - began) / messages;
}

/* The links of all that said good-bye are closed by now. */
static void close_links(struct run *run)
{
    for (unsigned i = 0; i < run->count; i++) {
        if (!run->clients[i].closing) {
            fail("the server did not close", i);
        }
        connection_closed(run->clients[i].connection);
        run->clients[i].connection = NULL;
    }
    world_settle(run->world);
}

static struct figures measure(unsigned sessions)
{
    struct run run = {.count = sessions, .seed = 42, .world = world_new(1)};
    struct figures figures = {.sessions = sessions};
    run.clients = mem_calloc(sessions + 1, sizeof *run.clients);
    run.space = hub_open_space(&run.world->core, STR("bench"));
    struct buf bytes;
    buf_init(&bytes, 4096);
    connect_one(&run, sessions, &bytes);
    settle(&run, sessions, sessions + 1);
    size_t empty_bytes = heap_bytes();

    figures.connect_ns = each(&run, connect_one);
    figures.connected_bytes = (double)(heap_bytes() - empty_bytes) / sessions;
    figures.subscribe_ns = each(&run, subscribe_one);
    figures.subscribed_bytes = (double)(heap_bytes() - empty_bytes) / sessions;
    unsigned many = PUBLISHES / BATCH * BATCH;
    figures.publish_ns = publish(&run, 0, many, sessions);
    figures.publish_few_ns = publish(&run, 0, many, sessions < FEW ? sessions : FEW);
    if (run.delivered != 2 * many) {
        fail("messages were not delivered", (unsigned)run.delivered);
    }
    figures.disconnect_ns = each(&run, disconnect_one);
    close_links(&run);
    figures.stored_bytes = (double)(heap_bytes() - empty_bytes) / sessions;
    figures.queue_ns = publish(&run, 1, sessions < many ? sessions / BATCH * BATCH : many, sessions);
    uint64_t began = now_ns();
    world_advance(run.world, (EXPIRY_S + 10) * 1000);
    figures.expire_ns = (double)(now_ns() - began) / sessions;
    size_t after = heap_bytes();
    figures.left_bytes = after > empty_bytes ? (double)(after - empty_bytes) / sessions : 0;

    connection_closed(run.clients[sessions].connection);
    world_settle(run.world);
    buf_deinit(&bytes);
    mem_free(run.clients);
    world_free(run.world);
    malloc_trim(0);
    return figures;
}

static void print_row(const char *what, const struct figures *figures, unsigned count, size_t offset)
{
    printf("| %s |", what);
    for (unsigned i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)&figures[i] + offset, sizeof value);
        printf(" %.0f |", value);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    unsigned sizes[SIZES_MAX] = {1000, 10000, 100000, 1000000}, count = 4;
    if (argc > 1) {
        for (count = 0; count < SIZES_MAX && (int)count + 1 < argc; count++) {
            sizes[count] = (unsigned)strtoul(argv[count + 1], NULL, 10);
        }
    }
    static struct figures figures[SIZES_MAX];
    for (unsigned i = 0; i < count; i++) {
        figures[i] = measure(sizes[i]);
    }
    printf("| sessions |");
    for (unsigned i = 0; i < count; i++) {
        printf(" %u |", figures[i].sessions);
    }
    printf("\n|---|");
    for (unsigned i = 0; i < count; i++) {
        printf("---|");
    }
    printf("\n");
    static const struct {
        const char *what;
        size_t offset;
    } rows[] = {
        {"bytes of a connected session, its connection included", offsetof(struct figures, connected_bytes)},
        {"— with one subscription", offsetof(struct figures, subscribed_bytes)},
        {"— stored, not connected", offsetof(struct figures, stored_bytes)},
        {"— left after all have expired", offsetof(struct figures, left_bytes)},
        {"CONNECT of a new durable session, ns", offsetof(struct figures, connect_ns)},
        {"SUBSCRIBE, ns", offsetof(struct figures, subscribe_ns)},
        {"PUBLISH QoS 0 to one random subscriber, delivered, ns", offsetof(struct figures, publish_ns)},
        {"— to one of the same 1,000 (in the CPU's caches)", offsetof(struct figures, publish_few_ns)},
        {"PUBLISH QoS 1 to one random stored session, queued, ns", offsetof(struct figures, queue_ns)},
        {"DISCONNECT, ns", offsetof(struct figures, disconnect_ns)},
        {"expiry of a session with its queue, ns", offsetof(struct figures, expire_ns)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_row(rows[i].what, figures, count, rows[i].offset);
    }
    return 0;
}
