/* The hub on real sockets: what the limits of a stream would otherwise take from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "codec/mqtt/mqtt.h"
#include "hub/hub.h"

#define PATIENCE_S 60 /* of a read; sanitizers on a loaded machine */

static struct settings settings;
static struct domain domain;
static struct loop *loop;
static struct hub *hub;
static struct listener *listener;
static pthread_t thread;

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void start(size_t packet_max)
{
    settings_init(&settings);
    settings.mqtt_packet_max = packet_max;
    memset(&domain, 0, sizeof domain);
    domain.settings = &settings;
    domain.now_unix_ms = clock_unix_ms;
    event_bus_init(&domain.events);
    loop = loop_new(0);
    hub = hub_new(&(struct hub_config){.domain = &domain, .loops = &loop, .loop_count = 1});
    struct listener_config config = {.loops = &loop, .loop_count = 1, .on_accept = hub_accept_open, .user = hub_door_new(hub, STR("x"))};
    assert_true(net_address_parse(STR("127.0.0.1"), 0, &config.address));
    assert_int_equal(listener_open(&config, &listener), ERR_OK);
    pthread_create(&thread, NULL, run_loop, loop);
}

static void stop(void)
{
    listener_close(listener);
    loop_stop(loop);
    pthread_join(thread, NULL);
    loops_settle(&loop, 1);
    hub_abandon(hub);
    loops_settle(&loop, 1);
    hub_free(hub);
    loop_free(loop);
    settings_deinit(&settings);
}

static int dial(void)
{
    const struct net_address *address = listener_address(listener);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, &address->any, sizeof address->v4), 0);
    return fd;
}

static bool put(int fd, const struct buf *bytes)
{
    size_t at = 0;
    while (at < bytes->len) {
        ssize_t sent = send(fd, bytes->data + at, bytes->len - at, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += (size_t)sent;
    }
    return true;
}

/* The next packet, whole. False: the server has ended the connection. */
static bool get(int fd, struct buf *packet)
{
    struct mqtt_frame frame;
    buf_clear(packet);
    for (;;) {
        enum mqtt_frame_status status = mqtt_frame(packet->data, packet->len, 0, &frame);
        size_t missing = status == MQTT_FRAME_OK ? 0 : frame.total_bytes ? frame.total_bytes - packet->len : 1;
        assert_int_not_equal(status, MQTT_FRAME_MALFORMED);
        if (missing == 0) {
            return true;
        }
        assert_true(buf_reserve(packet, missing));
        ssize_t got = recv(fd, packet->data + packet->len, missing, 0);
        if (got <= 0) {
            return false;
        }
        packet->len += (size_t)got;
    }
}

static void send_packet(int fd, const struct mqtt_packet *packet)
{
    struct buf out;
    buf_init(&out, (size_t)64 * 1024 * 1024);
    mqtt_encode(&out, MQTT_V5, packet);
    assert_true(put(fd, &out));
    buf_deinit(&out);
}

/* A client that gets its own message back. */
static void echo(size_t payload_bytes)
{
    int fd = dial();
    struct buf in;
    buf_init(&in, (size_t)64 * 1024 * 1024);
    struct mqtt_packet connect = {.type = MQTT_CONNECT,
                                  .connect = {.protocol_level = 5, .version = MQTT_V5, .clean_start = true, .client_id = STR("c")}};
    struct mqtt_subscription filter = {.filter = STR("t")};
    struct mqtt_packet subscribe = {.type = MQTT_SUBSCRIBE, .subscribe = {.packet_id = 1, .count = 1, .list = &filter}};
    char *payload = mem_alloc(payload_bytes);
    memset(payload, 'x', payload_bytes);
    struct mqtt_packet publish = {.type = MQTT_PUBLISH,
                                  .publish = {.topic = STR("t"), .payload = str_from(payload, payload_bytes)}};
    send_packet(fd, &connect);
    assert_true(get(fd, &in));
    send_packet(fd, &subscribe);
    assert_true(get(fd, &in));
    send_packet(fd, &publish);
    bool got = get(fd, &in);
    assert_true(got);
    assert_true(in.len > payload_bytes);
    mem_free(payload);
    buf_deinit(&in);
    close(fd);
}

static void without_a_limit_packets_may_be_large(void **state)
{
    (void)state;
    start(0);
    echo((size_t)9 * 1024 * 1024);
    stop();
}

static void a_packet_may_be_as_large_as_the_limit(void **state)
{
    (void)state;
    start((size_t)10 * 1024 * 1024);
    echo((size_t)10 * 1024 * 1024 - 100);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit_packets_may_be_large),
        cmocka_unit_test(a_packet_may_be_as_large_as_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
