/* Plays the general scenarios on a server over TCP, in real time:
 *
 *   hub_replay_tcp [--peer NAME] [--long] [--show] HOST PORT FILE...
 *
 * General are those whose clients all say `open=` and that need nothing of the virtual world; those that let time pass
 * are played with --long, if it is a few seconds. `differs NAME: reason` in a scenario says that this peer does not
 * behave like that: it must still not (--show tells what it does). Sessions and retained messages that a scenario leaves are removed behind it.
 *
 * What one client sends takes effect before another one sends: in between stands a PINGREQ of the first. `nothing` is
 * expected until the answer to a PINGREQ. So no step waits for time to pass, and a slow server is only slow. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "script.h"

#define ANSWER_MS 3000      /* no answer for so long: there will be none */
#define KNOWN_MS 500         /* where it is known that something else comes, or nothing */
#define ADVANCE_MS_MAX 4000  /* what a scenario may let pass */
#define PINGS_MAX 16
#define NAMES_MAX 32
#define BYTES_MAX ((size_t)1024 * 1024)

struct tcp_link {
    int fd; /* -1: none */
    struct buf input;
    bool connecting, connected; /* CONNECT sent; CONNACK with 0x00 received */
    bool torn;                  /* a part of a packet was sent: no PINGREQ can follow */
    bool pings_of_ours[PINGS_MAX]; /* PINGREQs without answer, in order: ours, or the scenario's */
    unsigned pings;
    bool told; /* the answer to our last PINGREQ has come */
};

struct player {
    const char *host, *port, *peer;
    bool long_waits, show;
    struct tcp_link links[WORLD_CLIENTS_MAX];
    struct world_client *last_sender;
    struct str ids[NAMES_MAX], topics[NAMES_MAX]; /* sessions and retained messages that the scenario may leave */
    size_t id_count, topic_count;
    unsigned played, skipped, different, failed;
};

static struct player player;

static struct tcp_link *link_of(const struct script *s, const struct world_client *client)
{
    return &player.links[client - s->world->clients];
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static int dial(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(player.host, player.port, &hints, &list) != 0) {
        return -1;
    }
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    freeaddrinfo(list);
    return fd;
}

static void write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0) { /* closed by the server: reading tells */
            return;
        }
        data += sent;
        len -= (size_t)sent;
    }
}

/* Waits for bytes; false: none came in time. 0 bytes: the end. */
static bool read_some(int fd, int wait_ms, uint8_t *bytes, size_t size, size_t *ret_len)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&wait, 1, wait_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        return false;
    }
    ssize_t got = recv(fd, bytes, size, 0);
    *ret_len = got > 0 ? (size_t)got : 0;
    return true;
}

static void link_end(struct tcp_link *l)
{
    close(l->fd);
    l->fd = -1;
    l->connecting = l->connected = l->torn = false;
    l->pings = 0;
    buf_clear(&l->input);
}

static void link_ping(struct tcp_link *l, bool ours)
{
    if (l->pings < PINGS_MAX) {
        l->pings_of_ours[l->pings++] = ours;
    }
}

/* A PINGRESP; true: it answers one of ours. */
static bool link_pong(struct tcp_link *l)
{
    bool ours = l->pings > 0 && l->pings_of_ours[0];
    if (l->pings > 0) {
        l->pings--;
        memmove(l->pings_of_ours, l->pings_of_ours + 1, l->pings * sizeof l->pings_of_ours[0]);
    }
    l->told |= ours;
    return ours;
}

/* Takes what came, whole packets only; false: nothing came in time. */
static bool link_read(struct script *s, struct world_client *client)
{
    struct tcp_link *l = link_of(s, client);
    uint8_t bytes[16384];
    size_t len = 0;
    struct mqtt_frame frame;
    if (!read_some(l->fd, s->quiet ? KNOWN_MS : ANSWER_MS, bytes, sizeof bytes, &len)) {
        return false;
    }
    if (len == 0) {
        link_end(l);
        return true;
    }
    buf_append(&l->input, bytes, len);
    while (l->input.len > 0 && mqtt_frame(l->input.data, l->input.len, 0, &frame) == MQTT_FRAME_OK &&
           frame.total_bytes <= l->input.len) {
        const uint8_t *packet = l->input.data;
        unsigned type = packet[0] >> 4;
        l->connected |= type == MQTT_CONNACK && frame.total_bytes > 3 && packet[3] == 0;
        if (type != MQTT_PINGRESP || !link_pong(l)) {
            buf_append(&client->output, packet, frame.total_bytes);
        }
        buf_consume(&l->input, frame.total_bytes);
    }
    return true;
}

/* What this client sent has taken effect, and what it was sent until then has been read. */
static void settle(struct script *s, struct world_client *client)
{
    struct tcp_link *l = link_of(s, client);
    while (l->fd >= 0 && l->connecting && !l->connected) {
        if (!link_read(s, client)) {
            script_fail(s, "no CONNACK for %s", client->name);
            return;
        }
    }
    if (l->fd < 0 || !l->connected || l->torn) {
        return;
    }
    l->told = false;
    link_ping(l, true);
    write_all(l->fd, (const uint8_t[]){0xC0, 0x00}, 2);
    while (l->fd >= 0 && !l->told) {
        if (!link_read(s, client)) {
            script_fail(s, "no PINGRESP for %s", client->name);
            return;
        }
    }
}

static void settle_others(struct script *s, const struct world_client *client)
{
    for (size_t i = 0; i < s->world->client_count; i++) {
        if (&s->world->clients[i] != client) {
            settle(s, &s->world->clients[i]);
        }
    }
}

/* --- the stage ---------------------------------------------------------------------------------------------------- */

static void take_turn(struct script *s, struct world_client *client)
{
    if (player.last_sender && player.last_sender != client) {
        settle(s, player.last_sender);
    }
    player.last_sender = client;
}

static void tcp_close(struct script *s, struct world_client *client)
{
    struct tcp_link *l = link_of(s, client);
    take_turn(s, client);
    if (l->fd < 0) {
        return;
    }
    shutdown(l->fd, SHUT_WR); /* the server's end then says that it knows */
    while (l->fd >= 0) {
        if (!link_read(s, client)) {
            script_fail(s, "the server does not close %s", client->name);
            link_end(l);
        }
    }
    buf_clear(&client->output);
}

static void remember(struct str *list, size_t *count, struct str value)
{
    if (*count < NAMES_MAX) {
        list[(*count)++] = value;
    }
}

static void tcp_open(struct script *s, struct world_client *client, const struct tokens *t)
{
    struct tcp_link *l = link_of(s, client);
    struct str id;
    tcp_close(s, client);
    if (tokens_get(t, "open", &id) || tokens_get(t, "id", &id)) {
        remember(player.ids, &player.id_count, id);
    }
    l->fd = dial();
    if (l->fd < 0) {
        script_fail(s, "cannot connect to %s port %s", player.host, player.port);
    }
    s->inboxes[client - s->world->clients].closed_is_told = false;
}

static bool tcp_is_open(const struct script *s, const struct world_client *client)
{
    return link_of(s, client)->fd >= 0;
}

/* What is to be known of a whole packet that goes out, also when the scenario gave it as bytes. */
static void note_sent(struct world_client *client, struct tcp_link *l, const uint8_t *packet, size_t len)
{
    unsigned type = packet[0] >> 4;
    const uint8_t *name = memmem(packet, len, "\0\4MQTT", 6);
    if (type == MQTT_PINGREQ) {
        link_ping(l, false);
    } else if (type == MQTT_CONNECT && name && name + 6 < packet + len) {
        client->version = name[6] == MQTT_V311 ? MQTT_V311 : MQTT_V5;
        l->connecting = true;
    }
}

static void tcp_send(struct script *s, struct world_client *client, const uint8_t *data, size_t len)
{
    struct tcp_link *l = link_of(s, client);
    struct mqtt_frame frame;
    take_turn(s, client);
    for (size_t at = 0; at < len; at += frame.total_bytes) {
        if (mqtt_frame(data + at, len - at, 0, &frame) != MQTT_FRAME_OK || frame.total_bytes > len - at) {
            l->torn = true;
            break;
        }
        note_sent(client, l, data + at, frame.total_bytes);
    }
    write_all(l->fd, data, len);
}

static void tcp_wait(struct script *s, struct world_client *client, bool silence)
{
    const struct inbox *inbox = &s->inboxes[client - s->world->clients];
    if (silence) {
        settle_others(s, client);
        settle(s, client);
        script_collect(s);
        return;
    }
    script_collect(s);
    while (inbox->first == inbox->count && tcp_is_open(s, client) && link_read(s, client)) {
        script_collect(s);
    }
    script_collect(s);
}

static const struct stage tcp_stage = {
    .open = tcp_open, .is_open = tcp_is_open, .send = tcp_send, .close = tcp_close, .wait = tcp_wait};

/* --- a scenario --------------------------------------------------------------------------------------------------- */

static uint64_t milliseconds(struct str text)
{
    int64_t number = 0;
    bool ms = str_ends_with(text, STR("ms"));
    bool s = !ms && str_ends_with(text, STR("s"));
    if ((!ms && !s) || !str_to_i64(str_sub(text, 0, text.len - (ms ? 2 : 1)), &number)) {
        return UINT64_MAX / 2;
    }
    return (uint64_t)number * (ms ? 1 : 1000);
}

static bool is_remark(struct str line)
{
    return line.len == 0 || line.ptr[0] == '#' || str_starts_with(line, STR("differs "));
}

/* All clients are an open listener's, and no step is the virtual world's. */
static bool is_general(struct str text)
{
    uint64_t passing_ms = 0;
    while (text.len > 0) {
        struct str line = str_trim(str_split(&text, '\n')), value;
        struct tokens t;
        if (is_remark(line)) {
            continue;
        }
        tokens_split(&t, line);
        bool sends = str_ends_with(t.list[0], STR(">")), expects = str_ends_with(t.list[0], STR("<"));
        if (str_eq(t.list[0], STR("advance")) && t.count == 2) {
            passing_ms += milliseconds(t.list[1]);
        } else if (!sends && !expects) {
            return false;
        } else if (sends && (tokens_has(&t, "connect") || tokens_has(&t, "open"))) {
            if (!tokens_get(&t, "open", &value) || tokens_get(&t, "space", &value)) {
                return false;
            }
        }
    }
    return passing_ms == 0 || (player.long_waits && passing_ms <= ADVANCE_MS_MAX);
}

static void note_retained(const struct tokens *t)
{
    struct str topic;
    if (t->count > 2 && str_eq(t->list[1], STR("publish")) && tokens_has(t, "retain")) {
        remember(player.topics, &player.topic_count, t->list[2]);
    } else if (tokens_get(t, "will", &topic) && tokens_has(t, "willretain")) {
        remember(player.topics, &player.topic_count, topic);
    }
}

static void run_line(struct script *s, struct str line)
{
    struct tokens t;
    line = str_trim(line);
    if (is_remark(line)) {
        return;
    }
    tokens_split(&t, line);
    note_retained(&t);
    if (!script_client_step(s, line)) { /* advance */
        uint64_t ms = milliseconds(t.list[1]);
        struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
        settle_others(s, NULL);
        nanosleep(&time, NULL);
    }
    script_collect(s);
}

/* A client of the player's own: what it sends, and the answer it waits for. */
static void housekeep(struct script *s, struct world_client *client, const char *line)
{
    if (!script_client_step(s, str_from_cstr(line)) || s->failures > 0) {
        fprintf(stderr, "%s:%u: cannot clean up behind it: %s (%s)\n", s->file, s->line, line, client->name);
    }
}

static void clean_up(struct script *s)
{
    for (size_t i = 0; i < s->world->client_count; i++) {
        tcp_close(s, &s->world->clients[i]);
        s->inboxes[i].first = s->inboxes[i].count = 0;
        s->inboxes[i].closed_is_told = true;
    }
    s->failures = 0;
    size_t ids = player.id_count, topics = player.topic_count;
    struct world_client *keeper = world_client(s->world, "~");
    for (size_t i = 0; i < ids && keeper; i++) {
        struct str connect = arena_printf(&s->arena, "~> connect open=%.*s", STR_ARG(player.ids[i]));
        housekeep(s, keeper, (const char *)connect.ptr);
        housekeep(s, keeper, "~< connack 0x00");
        housekeep(s, keeper, "~> disconnect");
        housekeep(s, keeper, "~< closed");
    }
    if (topics > 0 && keeper) {
        housekeep(s, keeper, "~> connect open=~");
        housekeep(s, keeper, "~< connack 0x00");
        for (size_t i = 0; i < topics; i++) {
            struct str clear = arena_printf(&s->arena, "~> publish %.*s - q=1 pid=1 retain", STR_ARG(player.topics[i]));
            housekeep(s, keeper, (const char *)clear.ptr);
            housekeep(s, keeper, "~< puback pid=1");
        }
        housekeep(s, keeper, "~> disconnect");
        housekeep(s, keeper, "~< closed");
    }
    for (size_t i = 0; i < WORLD_CLIENTS_MAX; i++) {
        if (player.links[i].fd >= 0) {
            link_end(&player.links[i]);
        }
    }
}

static unsigned play(const struct scenario *scenario, bool quiet)
{
    struct script *s = mem_new(struct script);
    struct str text = scenario->text;
    *s = (struct script){.file = scenario->file, .line = scenario->line, .stage = &tcp_stage, .quiet = quiet};
    s->world = mem_new(struct world); /* for its clients' names only */
    arena_init(&s->arena);
    player.last_sender = NULL;
    player.id_count = player.topic_count = 0;
    for (size_t i = 0; i < WORLD_CLIENTS_MAX; i++) {
        s->inboxes[i].closed_is_told = true;
    }
    while (text.len > 0 && s->failures == 0) {
        run_line(s, str_split(&text, '\n'));
        s->line++;
    }
    if (s->failures == 0) {
        settle_others(s, NULL);
        script_collect(s);
        script_expect_silence(s);
    }
    unsigned failures = s->failures;
    s->quiet = false;
    clean_up(s);
    for (size_t i = 0; i < s->world->client_count; i++) {
        buf_deinit(&s->world->clients[i].input);
        buf_deinit(&s->world->clients[i].output);
    }
    mem_free(s->world);
    arena_deinit(&s->arena);
    mem_free(s);
    return failures;
}

/* The reason of `differs PEER: reason`; empty: it does not. */
static struct str difference(struct str text)
{
    while (player.peer && text.len > 0) {
        struct str line = str_trim(str_split(&text, '\n'));
        if (str_starts_with(line, STR("differs "))) {
            struct str reason = str_sub(line, strlen("differs "), line.len);
            struct str name = str_split(&reason, ':');
            if (str_eq(name, str_from_cstr(player.peer))) {
                return str_trim(reason);
            }
        }
    }
    return STR("");
}

static void run_general(void *context, const struct scenario *scenario)
{
    (void)context;
    if (!is_general(scenario->text)) {
        player.skipped++;
        return;
    }
    struct str reason = difference(scenario->text);
    bool failed = play(scenario, reason.len > 0 && !player.show) > 0;
    player.played++;
    if (reason.len > 0 && failed) {
        player.different++;
        printf("differs: %.*s: %.*s\n", STR_ARG(scenario->name), STR_ARG(reason));
    } else if (reason.len > 0 || failed) {
        fprintf(stderr, "FAILED: %.*s%s\n", STR_ARG(scenario->name), failed ? "" : " (it no longer differs)");
        player.failed++;
    }
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--long") == 0) {
            player.long_waits = true;
        } else if (strcmp(argv[at], "--show") == 0) {
            player.show = true;
        } else if (strcmp(argv[at], "--peer") == 0 && at + 1 < argc) {
            player.peer = argv[++at];
        }
    }
    if (argc - at < 3) {
        fprintf(stderr, "usage: hub_replay_tcp [--peer NAME] [--long] [--show] HOST PORT FILE...\n");
        return 2;
    }
    player.host = argv[at++];
    player.port = argv[at++];
    for (size_t i = 0; i < WORLD_CLIENTS_MAX; i++) {
        player.links[i].fd = -1;
        buf_init(&player.links[i].input, BYTES_MAX);
    }
    for (; at < argc; at++) {
        if (!script_run_file(argv[at], run_general, NULL)) {
            return 2;
        }
    }
    for (size_t i = 0; i < WORLD_CLIENTS_MAX; i++) {
        buf_deinit(&player.links[i].input);
    }
    printf("%u scenarios played, %u not general, %u known differences, %u failed\n", player.played, player.skipped,
           player.different, player.failed);
    return player.failed > 0 || player.played == 0;
}
