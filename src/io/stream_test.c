/* Streams over real sockets on the loopback: servers on two loops with threads of their own, blocking clients here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/test_await.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/openssl.h"
#include "io/stream.h"
#include "io/stream_internal.h"
#include "io/tls.h"

#define LOOPS 2
#define PATIENCE_S 20

/* --- the server side --- */

struct server {
    struct loop *loops[LOOPS];
    pthread_t threads[LOOPS];
    struct listener *listener;
    _Atomic int closed; /* streams */
    _Atomic int closed_as[4];
    _Atomic int drained;
    _Atomic int moved;
    _Atomic size_t seen; /* bytes */
    const struct stream_ops *ops;
};
static struct server server;

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)stream;
    atomic_fetch_add(&server.closed_as[why], 1);
    atomic_fetch_add(&server.closed, 1);
}

static void on_accept(struct stream *stream, void *user)
{
    assert_ptr_equal(user, &server);
    stream_set_user(stream, server.ops, &server);
}

static void on_accept_websocket(struct stream *stream, void *user)
{
    on_accept(stream, user);
    stream_write(stream, "101\n", 4);
    stream_start_websocket(stream, 100000);
}

static void start_as(struct listener_config config, const struct stream_ops *ops,
                     void (*accept)(struct stream *stream, void *user))
{
    memset(&server, 0, sizeof server);
    server.ops = ops;
    for (unsigned i = 0; i < LOOPS; i++) {
        server.loops[i] = loop_new(i);
    }
    config.loops = server.loops;
    config.loop_count = LOOPS;
    config.on_accept = accept;
    config.user = &server;
    assert_true(net_address_parse(STR("127.0.0.1"), 0, &config.address));
    assert_int_equal(listener_open(&config, &server.listener), ERR_OK);
    for (unsigned i = 0; i < LOOPS; i++) {
        pthread_create(&server.threads[i], NULL, run_loop, server.loops[i]);
    }
}

static void start(const struct stream_ops *ops, struct tls_server *tls, struct connection_limits *limits,
                  void (*accept)(struct stream *stream, void *user))
{
    start_as((struct listener_config){.tls = tls, .limits = limits}, ops, accept);
}

static void stop(void)
{
    listener_close(server.listener);
    for (unsigned i = 0; i < LOOPS; i++) {
        loop_stop(server.loops[i]);
        pthread_join(server.threads[i], NULL);
    }
    for (unsigned i = 0; i < LOOPS; i++) {
        loop_free(server.loops[i]);
    }
}

static void await_streams(size_t count);

static void await(_Atomic int *counter, int value)
{
    AWAIT(atomic_load(counter) >= value);
}

/* --- the client side: blocking, plain or TLS --- */

struct client {
    int fd;
    SSL *ssl;
};

static struct client unconnected(int receive_buffer)
{
    struct client client = {socket(AF_INET, SOCK_STREAM, 0), NULL};
    const struct timeval patience = {PATIENCE_S, 0};
    setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int on = 1;
    setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_buffer > 0) {
        setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    return client;
}

static struct client dial_with_buffer(SSL_CTX *context, int receive_buffer)
{
    struct client client = unconnected(receive_buffer);
    const struct net_address *to = listener_address(server.listener);
    assert_int_equal(connect(client.fd, &to->any, sizeof to->v4), 0);
    if (context) {
        client.ssl = SSL_new(context);
        SSL_set_fd(client.ssl, client.fd);
        assert_int_equal(SSL_connect(client.ssl), 1);
    }
    return client;
}

static struct client dial(SSL_CTX *context)
{
    return dial_with_buffer(context, 0);
}

static void hang_up(struct client *client)
{
    SSL_free(client->ssl);
    close(client->fd);
}

static void put(struct client *client, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t n = client->ssl ? SSL_write(client->ssl, at, (int)len) : send(client->fd, at, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        len -= (size_t)n;
    }
}

/* Bytes until `len` or the end. */
static size_t get(struct client *client, void *data, size_t len)
{
    uint8_t *at = data;
    size_t done = 0;
    while (done < len) {
        ssize_t n = client->ssl ? SSL_read(client->ssl, at + done, (int)(len - done)) : recv(client->fd, at + done, len - done, 0);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    return done;
}

static void fill(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)((i * 31 + seed) ^ (i >> 8));
    }
}

/* --- certificates --- */

static char folder[] = "/tmp/muster-io-XXXXXX";
static char certificate_file[64], key_file[64];

static int make_certificate(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(certificate_file, sizeof certificate_file, "%s/tls.crt", folder);
    snprintf(key_file, sizeof key_file, "%s/tls.key", folder);
    return tls_self_signed(certificate_file, key_file, "muster.example") == ERR_OK ? 0 : -1;
}

static int remove_certificate(void **state)
{
    (void)state;
    unlink(certificate_file);
    unlink(key_file);
    return rmdir(folder);
}

static struct tls_server *new_tls(void)
{
    struct tls_server *tls = NULL;
    assert_int_equal(tls_server_new(certificate_file, key_file, &tls), ERR_OK);
    return tls;
}

static SSL_CTX *client_context(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    assert_int_equal(SSL_CTX_load_verify_locations(context, certificate_file, NULL), 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

/* --- echo --- */

static size_t echo(struct stream *stream, const uint8_t *data, size_t len)
{
    stream_write(stream, data, len);
    return len;
}
static const struct stream_ops echo_ops = {.on_data = echo, .on_closed = on_closed};

static void exchange(struct client *client, size_t len)
{
    uint8_t *sent = mem_alloc(len);
    uint8_t *got = mem_alloc(len);
    fill(sent, len, (unsigned)len);
    put(client, sent, len);
    assert_int_equal(get(client, got, len), len);
    assert_memory_equal(sent, got, len);
    mem_free(sent);
    mem_free(got);
}

static void echo_sizes(SSL_CTX *context)
{
    struct client client = dial(context);
    static const size_t sizes[] = {1, 2, 100, 16383, 16384, 16385, 40000, 100000, 7};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        exchange(&client, sizes[i]);
    }
    hang_up(&client);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_PEER_CLOSED], 1);
}

static void plain_echo(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept);
    echo_sizes(NULL);
    stop();
}

static void tls_echo(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls_server *tls = new_tls();
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *context = client_context(versions[i]);
        start(&echo_ops, tls, NULL, on_accept);
        echo_sizes(context);
        stop();
        SSL_CTX_free(context);
    }
    tls_server_free(tls);
}

static void tls_1_1_is_refused(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    start(&echo_ops, tls, NULL, on_accept);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    struct client client = dial(NULL);
    client.ssl = SSL_new(context);
    SSL_set_fd(client.ssl, client.fd);
    assert_int_not_equal(SSL_connect(client.ssl), 1);
    hang_up(&client);
    SSL_CTX_free(context);
    stop();
    tls_server_free(tls);
}

static void half_closed_peer_gets_the_rest(void **state)
{
    (void)state;
    enum { BYTES = 300000 };
    start(&echo_ops, NULL, NULL, on_accept);
    struct client client = dial(NULL);
    uint8_t *sent = mem_alloc(BYTES), *got = mem_alloc(BYTES + 1);
    fill(sent, BYTES, 5);
    put(&client, sent, BYTES);
    shutdown(client.fd, SHUT_WR);
    assert_int_equal(get(&client, got, BYTES + 1), BYTES);
    assert_memory_equal(sent, got, BYTES);
    hang_up(&client);
    await(&server.closed, 1);
    stop();
    mem_free(sent);
    mem_free(got);
}

#define FAREWELL_BYTES (2u * 1024 * 1024)

static size_t leave(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    uint8_t block[65536];
    for (unsigned i = 0; i < FAREWELL_BYTES / sizeof block; i++) {
        fill(block, sizeof block, i);
        stream_write(stream, block, sizeof block);
    }
    stream_leave(stream);
    return len;
}
static const struct stream_ops leave_ops = {.on_data = leave, .on_closed = on_closed};

/* One that said good-bye gets what was written before, and the end, whatever is on top of TCP. */
static void who_leaves_gets_the_rest(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    uint8_t *got = mem_alloc(FAREWELL_BYTES + 1), block[65536];
    for (int i = 0; i < 2; i++) {
        start(&leave_ops, i == 0 ? NULL : tls, NULL, on_accept);
        struct client client = dial_with_buffer(i == 0 ? NULL : context, 8192);
        put(&client, "bye", 3);
        assert_int_equal(get(&client, got, FAREWELL_BYTES + 1), FAREWELL_BYTES);
        for (unsigned k = 0; k < FAREWELL_BYTES / sizeof block; k++) {
            fill(block, sizeof block, k);
            assert_memory_equal(got + k * sizeof block, block, sizeof block);
        }
        hang_up(&client);
        await(&server.closed, 1);
        assert_int_equal(server.closed_as[STREAM_CLOSED], 1);
        stop();
    }
    mem_free(got);
    SSL_CTX_free(context);
    tls_server_free(tls);
}

/* --- big output --- */

#define BIG_BYTES (6u * 1024 * 1024)

static size_t pour(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    uint8_t block[65536];
    for (unsigned i = 0; i < BIG_BYTES / sizeof block; i++) {
        fill(block, sizeof block, i);
        stream_write(stream, block, sizeof block);
    }
    assert_true(stream_is_congested(stream));
    return len;
}
static void on_drained(struct stream *stream)
{
    assert_false(stream_is_congested(stream));
    atomic_fetch_add(&server.drained, 1);
}
static const struct stream_ops pour_ops = {.on_data = pour, .on_drained = on_drained, .on_closed = on_closed};

/* Who sends no more because so much waits must hear when it has drained. */
#define HIGH_WATER_BYTES ((size_t)256 * 1024)

static size_t pour_to_the_mark(struct stream *stream, const uint8_t *data, size_t len)
{
    static const uint8_t block[HIGH_WATER_BYTES];
    (void)data;
    stream_write(stream, block, sizeof block - 1);
    assert_false(stream_is_congested(stream));
    stream_write(stream, block, 1);
    assert_true(stream_is_congested(stream));
    return len;
}
static const struct stream_ops to_the_mark_ops = {.on_data = pour_to_the_mark, .on_drained = on_drained, .on_closed = on_closed};

static void output_up_to_the_mark_is_congested(void **state)
{
    (void)state;
    start(&to_the_mark_ops, NULL, NULL, on_accept);
    struct client client = dial(NULL);
    put(&client, "x", 1);
    uint8_t *got = mem_alloc(HIGH_WATER_BYTES);
    assert_int_equal(get(&client, got, HIGH_WATER_BYTES), HIGH_WATER_BYTES);
    await(&server.drained, 1);
    hang_up(&client);
    stop();
    mem_free(got);
}

static void read_slowly(SSL_CTX *context)
{
    struct client client = dial_with_buffer(context, 8192);
    put(&client, "x", 1);
    uint8_t block[65536], expected[65536];
    for (unsigned i = 0; i < BIG_BYTES / sizeof block; i++) {
        fill(expected, sizeof expected, i);
        for (size_t at = 0; at < sizeof block; at += 8192) {
            assert_int_equal(get(&client, block + at, 8192), 8192);
        }
        assert_memory_equal(block, expected, sizeof block);
    }
    await(&server.drained, 1);
    assert_int_equal(server.drained, 1);
    hang_up(&client);
}

static void slow_reader_gets_everything(void **state)
{
    (void)state;
    start(&pour_ops, NULL, NULL, on_accept);
    read_slowly(NULL);
    stop();
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    start(&pour_ops, tls, NULL, on_accept);
    read_slowly(context);
    stop();
    SSL_CTX_free(context);
    tls_server_free(tls);
}

#define KERNEL_BYTES_MAX ((size_t)512 * 1024) /* what it holds of one that does not read: 256 KiB and a packet or two, and its window */

static size_t pour_then_tell(struct stream *stream, const uint8_t *data, size_t len)
{
    if (data[0] == 'x') {
        return pour(stream, data, len);
    }
    atomic_store(&server.seen, stream_output_bytes(stream));
    return len;
}
static const struct stream_ops pour_then_tell_ops = {.on_data = pour_then_tell, .on_drained = on_drained, .on_closed = on_closed};

static void what_is_not_read_waits_with_us(void **state)
{
    (void)state;
    start(&pour_then_tell_ops, NULL, NULL, on_accept);
    struct client client = dial_with_buffer(NULL, 8192);
    put(&client, "x", 1);
    char byte;
    assert_int_equal(recv(client.fd, &byte, 1, MSG_PEEK), 1); /* it has been flushed */
    put(&client, "y", 1);
    AWAIT(atomic_load(&server.seen) > 0);
    assert_in_range(server.seen, BIG_BYTES - KERNEL_BYTES_MAX, BIG_BYTES);
    hang_up(&client);
    stop();
}

static size_t pour_twice(struct stream *stream, const uint8_t *data, size_t len)
{
    pour(stream, data, len);
    pour(stream, data, len);
    return len;
}
static const struct stream_ops pour_twice_ops = {.on_data = pour_twice, .on_closed = on_closed};

static void output_above_the_maximum_fails(void **state)
{
    (void)state;
    start(&pour_twice_ops, NULL, NULL, on_accept);
    struct client client = dial(NULL);
    put(&client, "x", 1);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_FAILED], 1);
    hang_up(&client);
    stop();
}

/* --- closing --- */

#define LAST_WORDS_BYTES (512u * 1024)
#define LONG_CHAIN_BYTES ((size_t)60 * 1024)

static size_t answer_and_close(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    uint8_t *words = mem_alloc(LAST_WORDS_BYTES);
    fill(words, LAST_WORDS_BYTES, 9);
    stream_write(stream, words, LAST_WORDS_BYTES);
    mem_free(words);
    stream_close(stream);
    stream_write(stream, "not sent", 8);
    return 0;
}
static const struct stream_ops close_ops = {.on_data = answer_and_close, .on_closed = on_closed};

/* The client still sends while the server closes: without lingering a reset would destroy the answer. */
static void last_words(SSL_CTX *context)
{
    struct client client = dial(context);
    uint8_t *words = mem_alloc(LAST_WORDS_BYTES + 1), *expected = mem_alloc(LAST_WORDS_BYTES);
    fill(expected, LAST_WORDS_BYTES, 9);
    put(&client, expected, 60000);
    put(&client, expected, 60000);
    assert_int_equal(get(&client, words, LAST_WORDS_BYTES + 1), LAST_WORDS_BYTES);
    assert_memory_equal(words, expected, LAST_WORDS_BYTES);
    if (client.ssl) {
        assert_int_equal(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    }
    hang_up(&client);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_CLOSED], 1);
    mem_free(words);
    mem_free(expected);
}

static void close_lets_the_peer_read_the_last_words(void **state)
{
    (void)state;
    start(&close_ops, NULL, NULL, on_accept);
    last_words(NULL);
    stop();
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_2_VERSION);
    start(&close_ops, tls, NULL, on_accept);
    last_words(context);
    stop();
    SSL_CTX_free(context);
    tls_server_free(tls);
}

static void streams_end_with_their_loop(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept);
    struct client a = dial(NULL), b = dial(NULL);
    exchange(&a, 10);
    exchange(&b, 10);
    stop();
    assert_int_equal(server.closed_as[STREAM_CLOSED], 2);
    hang_up(&a);
    hang_up(&b);
}

/* --- pausing --- */

struct resume {
    struct task task;
    struct stream *stream;
};

static void run_resume(struct task *task)
{
    struct resume *resume = container_of(task, struct resume, task);
    stream_resume(resume->stream);
    mem_free(resume);
}

/* Takes three bytes at a time and pauses after each time until a task has run. */
static size_t nibble(struct stream *stream, const uint8_t *data, size_t len)
{
    if (len < 3) {
        return 0;
    }
    stream_write(stream, data, 3);
    stream_pause(stream);
    struct resume *resume = mem_new(struct resume);
    resume->task.run = run_resume;
    resume->stream = stream;
    mailbox_post(loop_mailbox(stream_loop(stream)), &resume->task);
    return 3;
}
static const struct stream_ops nibble_ops = {.on_data = nibble, .on_closed = on_closed};

static void paused_streams_go_on_where_they_were(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    for (int i = 0; i < 2; i++) {
        start(&nibble_ops, i == 0 ? NULL : tls, NULL, on_accept);
        struct client client = dial(i == 0 ? NULL : context);
        exchange(&client, 3 * 700);
        exchange(&client, 3);
        hang_up(&client);
        stop();
    }
    SSL_CTX_free(context);
    tls_server_free(tls);
}

/* --- leftovers --- */

#define LONG_BYTES 900000u

static size_t take_whole_record(struct stream *stream, const uint8_t *data, size_t len)
{
    if (len < LONG_BYTES) {
        return 0;
    }
    stream_write(stream, data, LONG_BYTES);
    return LONG_BYTES;
}
static const struct stream_ops record_ops = {.on_data = take_whole_record, .on_closed = on_closed};

static void what_is_left_over_comes_again(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    for (int i = 0; i < 2; i++) {
        start(&record_ops, i == 0 ? NULL : tls, NULL, on_accept);
        struct client client = dial(i == 0 ? NULL : context);
        exchange(&client, LONG_BYTES);
        exchange(&client, LONG_BYTES);
        hang_up(&client);
        stop();
    }
    SSL_CTX_free(context);
    tls_server_free(tls);
}

static size_t take_nothing(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    stream_set_input_max(stream, 1000);
    return 0;
}
static const struct stream_ops nothing_ops = {.on_data = take_nothing, .on_closed = on_closed};

static void too_much_left_over_fails(void **state)
{
    (void)state;
    start(&nothing_ops, NULL, NULL, on_accept);
    struct client client = dial(NULL);
    uint8_t block[1001] = {0};
    put(&client, block, 1000);
    put(&client, block, 1);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_FAILED], 1);
    hang_up(&client);
    stop();
}

/* --- many that always have more --- */

#define GREEDY 20
#define GREEDY_BYTES 8
#define GREEDY_US 100u /* that each byte takes */
#define GREEDY_PER_TURN_MAX 3 /* of those that have more, at that pace */

static struct greedy {
    struct stream *stream;
    size_t taken;
    bool has_more; /* it is known to have more */
    unsigned passed_by[GREEDY]; /* how often each other one had its turn since this one had */
} greedy[GREEDY];
static unsigned greedy_count, greedy_this_turn;
static size_t greedy_total; /* what each of them sends */
static uint64_t greedy_turn;
static _Atomic bool greedy_was_unfair, greedy_took_long;

static void accept_greedy(struct stream *stream, void *user)
{
    if (stream_loop(stream) == server.loops[0]) {
        greedy[greedy_count++].stream = stream;
    }
    on_accept(stream, user);
}

static void work(void)
{
    uint64_t end_us = clock_monotonic_us() + GREEDY_US;
    while (clock_monotonic_us() < end_us) {
    }
}

static void check_turns(struct stream *stream, size_t taken, bool has_more)
{
    unsigned at = 0;
    while (greedy[at].stream != stream) {
        at++;
    }
    bool had_more = greedy[at].has_more;
    greedy[at].taken += taken;
    greedy[at].has_more = has_more;
    memset(greedy[at].passed_by, 0, sizeof greedy[at].passed_by);
    for (unsigned i = 0; i < greedy_count; i++) {
        bool waits = i != at && greedy[i].taken > 0 && greedy[i].taken < greedy_total;
        if (waits && ++greedy[i].passed_by[at] > 2) {
            greedy_was_unfair = true;
        }
    }
    if (had_more) {
        greedy_this_turn = server.loops[0]->turn == greedy_turn ? greedy_this_turn + 1 : 1;
        greedy_turn = server.loops[0]->turn;
        if (greedy_this_turn > GREEDY_PER_TURN_MAX) {
            greedy_took_long = true;
        }
    }
}

static size_t take_a_byte(struct stream *stream, const uint8_t *data, size_t len)
{
    if (stream_loop(stream) == server.loops[0]) {
        check_turns(stream, 1, true);
        work();
    }
    stream_write(stream, data, 1);
    if (len > 1) {
        stream_again(stream);
    }
    return 1;
}
static const struct stream_ops greedy_ops = {.on_data = take_a_byte, .on_closed = on_closed};

static void expect_greedy(size_t bytes)
{
    greedy_count = 0;
    greedy_total = bytes;
    memset(greedy, 0, sizeof greedy);
    greedy_was_unfair = greedy_took_long = false;
}

static void those_that_have_more_share_a_bounded_time(void **state)
{
    (void)state;
    struct client clients[GREEDY];
    uint8_t bytes[GREEDY_BYTES] = "greedily";
    expect_greedy(sizeof bytes);
    start(&greedy_ops, NULL, NULL, accept_greedy);
    for (unsigned i = 0; i < GREEDY; i++) {
        clients[i] = dial(NULL);
        put(&clients[i], bytes, sizeof bytes);
    }
    for (unsigned i = 0; i < GREEDY; i++) {
        uint8_t back[GREEDY_BYTES];
        get(&clients[i], back, sizeof back);
        assert_memory_equal(back, bytes, sizeof bytes);
        hang_up(&clients[i]);
    }
    stop();
    assert_false(greedy_was_unfair);
    assert_false(greedy_took_long);
}

/* Their sockets hold more than is read at once, and the protocol takes all of it. */
#define FLOOD_BYTES ((size_t)48 * 1024)
#define FLOOD_READ_BYTES ((size_t)8 * 1024) /* who had as much when it was read last has more */
static _Atomic bool flood_is_there;

static size_t take_all(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    if (stream_loop(stream) == server.loops[0]) {
        AWAIT(atomic_load(&flood_is_there));
        check_turns(stream, len, len >= FLOOD_READ_BYTES);
        work();
    }
    atomic_fetch_add(&server.seen, len);
    return len;
}
static const struct stream_ops flood_ops = {.on_data = take_all, .on_closed = on_closed};

static void those_that_send_a_lot_share_it_too(void **state)
{
    (void)state;
    struct client clients[GREEDY];
    uint8_t *bytes = mem_calloc(1, FLOOD_BYTES);
    expect_greedy(FLOOD_BYTES);
    atomic_store(&flood_is_there, false);
    start(&flood_ops, NULL, NULL, accept_greedy);
    for (unsigned i = 0; i < GREEDY; i++) {
        clients[i] = dial(NULL);
    }
    await_streams(GREEDY);
    for (unsigned i = 0; i < GREEDY; i++) {
        put(&clients[i], bytes, FLOOD_BYTES);
    }
    atomic_store(&flood_is_there, true);
    AWAIT(atomic_load(&server.seen) == GREEDY * FLOOD_BYTES);
    for (unsigned i = 0; i < GREEDY; i++) {
        hang_up(&clients[i]);
    }
    stop();
    mem_free(bytes);
    assert_false(greedy_was_unfair);
    assert_false(greedy_took_long);
}

/* --- moving between loops under load --- */

static void on_arrived(struct stream *stream)
{
    assert_ptr_equal(loop_current(), stream_loop(stream));
    atomic_fetch_add(&server.moved, 1);
}

/* Echoes records of a length byte and that many bytes; after each one whose first byte is odd it moves. */
static size_t echo_and_move(struct stream *stream, const uint8_t *data, size_t len)
{
    assert_ptr_equal(loop_current(), stream_loop(stream));
    size_t used = 0;
    while (used < len && len - used > data[used]) {
        size_t record = (size_t)data[used] + 1;
        stream_write(stream, data + used, record);
        bool odd = record > 1 && (data[used + 1] & 1);
        used += record;
        if (odd) {
            struct loop *other = server.loops[1 - loop_index(stream_loop(stream))];
            stream_move(stream, data[used - record] % 3 == 0 ? stream_loop(stream) : other, on_arrived);
            break;
        }
    }
    return used;
}
static const struct stream_ops moving_ops = {.on_data = echo_and_move, .on_closed = on_closed};

#define MOVE_BYTES 60000u

static void *send_all_records(void *arg)
{
    struct client *client = arg;
    uint8_t *data = mem_alloc(MOVE_BYTES);
    fill(data, MOVE_BYTES, 77);
    for (size_t at = 0, step = 1; at < MOVE_BYTES; at += step) {
        step = step * 7 % 1009 + 1;
        put(client, data + at, step < MOVE_BYTES - at ? step : MOVE_BYTES - at);
    }
    mem_free(data);
    return NULL;
}

static void move_under_load(SSL_CTX *context)
{
    enum { CLIENTS = 4 };
    struct client clients[CLIENTS];
    pthread_t senders[CLIENTS];
    uint8_t *expected = mem_alloc(MOVE_BYTES), *got = mem_alloc(MOVE_BYTES);
    fill(expected, MOVE_BYTES, 77);
    size_t whole = 0; /* bytes in complete records */
    while (whole + expected[whole] + 1 <= MOVE_BYTES) {
        whole += (size_t)expected[whole] + 1;
        if (whole >= MOVE_BYTES) {
            break;
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = dial(context);
        if (context) { /* OpenSSL's connection is for one thread at a time: all is sent first */
            send_all_records(&clients[i]);
        } else {
            pthread_create(&senders[i], NULL, send_all_records, &clients[i]);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(get(&clients[i], got, whole), whole);
        assert_memory_equal(got, expected, whole);
        if (!context) {
            pthread_join(senders[i], NULL);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        hang_up(&clients[i]);
    }
    await(&server.closed, CLIENTS);
    assert_true(server.moved > 20 * CLIENTS);
    mem_free(expected);
    mem_free(got);
}

static void streams_move_between_loops(void **state)
{
    (void)state;
    start(&moving_ops, NULL, NULL, on_accept);
    move_under_load(NULL);
    stop();
}

static void tls_streams_move_between_loops(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    start(&moving_ops, tls, NULL, on_accept);
    move_under_load(context);
    stop();
    SSL_CTX_free(context);
    tls_server_free(tls);
}

/* --- behind a proxy --- */

static void let_time_pass(uint64_t ms);

/* Says who is there, and then echoes. */
static void accept_named(struct stream *stream, void *user)
{
    char text[NET_ADDRESS_TEXT_BYTES + 1];
    on_accept(stream, user);
    net_address_format(stream_peer(stream), text);
    strcat(text, "\n");
    stream_write(stream, text, strlen(text));
}

static struct network_set *networks_of(const char *text)
{
    struct network network;
    assert_true(network_parse(str_from_cstr(text), &network));
    return network_set_new(&network, 1);
}

static void get_line(struct client *client, char *line, size_t size)
{
    size_t len = 0;
    while (len + 1 < size && get(client, line + len, 1) == 1 && line[len] != '\n') {
        len++;
    }
    line[len] = 0;
}

#define PROXY_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define PROXY_FROM(last) PROXY_SIGNATURE "\x21\x11\0\x0f\xc0\0\x02" last "\x0a\0\0\x01\x12\x34\x01\xbb\x04\0\0"
#define PROXY_LOCAL PROXY_SIGNATURE "\x20\0\0\0"

static void expect_peer(SSL_CTX *context, const char *header, size_t len, const char *peer)
{
    char line[64];
    struct client client = dial(NULL);
    put(&client, header, len / 2); /* the header may come in portions */
    put(&client, header + len / 2, len - len / 2);
    if (context) {
        client.ssl = SSL_new(context);
        SSL_set_fd(client.ssl, client.fd);
        assert_int_equal(SSL_connect(client.ssl), 1);
    }
    get_line(&client, line, sizeof line);
    if (peer) {
        assert_string_equal(line, peer);
    }
    exchange(&client, 5000);
    hang_up(&client);
}

static void proxies_say_whose_connection_it_is(void **state)
{
    (void)state;
    struct network_set *proxies = networks_of("127.0.0.0/8");
    struct connection_limits *limits = connection_limits_new(0, 1, NULL, 0);
    struct tls_server *tls = new_tls();
    for (int round = 0; round < 2; round++) {
        SSL_CTX *context = round ? client_context(TLS1_3_VERSION) : NULL;
        start_as((struct listener_config){.proxies = proxies, .tls = round ? tls : NULL, .limits = limits}, &echo_ops, accept_named);
        expect_peer(context, PROXY_FROM("\x07"), sizeof PROXY_FROM("\x07") - 1, "192.0.2.7:4660");
        expect_peer(context, PROXY_LOCAL, sizeof PROXY_LOCAL - 1, NULL);
        await(&server.closed, 2);
        if (!round) { /* what comes in the same segment as the header is the connection's */
            char line[64];
            struct client client = dial(NULL);
            put(&client, PROXY_FROM("\x08") "hello\n", sizeof PROXY_FROM("\x08") - 1 + 6);
            get_line(&client, line, sizeof line);
            assert_string_equal(line, "192.0.2.8:4660");
            get_line(&client, line, sizeof line);
            assert_string_equal(line, "hello");
            struct client second = dial(NULL); /* over the limit of that address */
            put(&second, PROXY_FROM("\x08"), sizeof PROXY_FROM("\x08") - 1);
            assert_int_equal(get(&second, line, 1), 0);
            hang_up(&second);
            hang_up(&client);
            await(&server.closed, 3);
        }
        stop();
        SSL_CTX_free(context);
    }
    network_set_free(proxies);
    connection_limits_free(limits);
    tls_server_free(tls);
}

static void a_proxy_without_a_header_is_refused(void **state)
{
    (void)state;
    struct network_set *proxies = networks_of("127.0.0.0/8");
    start_as((struct listener_config){.proxies = proxies}, &echo_ops, accept_named);
    static const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {{"GET / HTTP/1.1\r\n", 16}, {"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n", 35},
                 {PROXY_SIGNATURE "\x21\x11\xff\xff", 16}, {PROXY_SIGNATURE "\x21\x12\0\x0c", 16}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct client client = dial(NULL);
        uint8_t byte;
        put(&client, wrong[i].bytes, wrong[i].len);
        assert_int_equal(get(&client, &byte, 1), 0);
        hang_up(&client);
    }
    struct client silent = dial(NULL), slow = dial(NULL), checker = dial(NULL);
    put(&slow, PROXY_SIGNATURE, 12);
    hang_up(&checker); /* as a health check does */
    await_streams(2);
    let_time_pass(HANDSHAKE_MS - 1000);
    await_streams(2);
    let_time_pass(HANDSHAKE_MS);
    await_streams(0);
    assert_int_equal(server.closed, 0); /* none was announced */
    hang_up(&silent);
    hang_up(&slow);
    stop();
    network_set_free(proxies);
}

/* Of somebody who is no proxy, the header is what any bytes are. */
static void a_header_of_others_is_not_understood(void **state)
{
    (void)state;
    struct network_set *proxies = networks_of("192.0.2.0/24");
    start_as((struct listener_config){.proxies = proxies}, &echo_ops, accept_named);
    struct client client = dial(NULL);
    char line[64];
    get_line(&client, line, sizeof line);
    assert_non_null(strstr(line, "127.0.0.1:"));
    put(&client, PROXY_LOCAL, sizeof PROXY_LOCAL - 1);
    char back[sizeof PROXY_LOCAL - 1];
    assert_int_equal(get(&client, back, sizeof back), sizeof back);
    assert_memory_equal(back, PROXY_LOCAL, sizeof back);
    hang_up(&client);
    await(&server.closed, 1);
    stop();
    network_set_free(proxies);
}

/* --- limits and listeners --- */

static void connections_above_the_limit_are_closed(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(2, 0, NULL, 0);
    start(&echo_ops, NULL, limits, on_accept);
    struct client a = dial(NULL), b = dial(NULL), c = dial(NULL);
    uint8_t byte;
    assert_int_equal(get(&c, &byte, 1), 0);
    hang_up(&c);
    exchange(&a, 5);
    hang_up(&a);
    await(&server.closed, 1);
    struct client d = dial(NULL);
    exchange(&d, 5);
    exchange(&b, 5);
    hang_up(&b);
    hang_up(&d);
    stop();
    connection_limits_free(limits);
}

static void who_says_nothing_is_accepted_too(void **state)
{
    (void)state;
    start_as((struct listener_config){.peer_speaks_first = true}, &echo_ops, on_accept);
    struct client silent = dial(NULL);
    struct client talker = dial(NULL);
    exchange(&talker, 5);
    await_streams(2);
    exchange(&silent, 5);
    struct client leaver = dial(NULL);
    hang_up(&leaver);
    await(&server.closed, 1);
    hang_up(&silent);
    hang_up(&talker);
    stop();
}

static void taken_port_is_told(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept);
    struct listener_config config = {.loops = server.loops, .loop_count = LOOPS, .on_accept = on_accept, .user = &server,
                                     .address = *listener_address(server.listener)};
    struct listener *second = NULL;
    assert_int_equal(listener_open(&config, &second), ERR_EXISTS);
    assert_null(second);
    stop();
}

/* The process has no descriptor left: the connection is taken and closed, and the listener goes on afterwards. */
static void running_out_of_descriptors_is_survived(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept);
    struct client first = dial(NULL);
    exchange(&first, 5); /* everything that is opened lazily is open */
    struct client shed = unconnected(0);
    struct rlimit all, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    int lowest_free = dup(shed.fd);
    close(lowest_free);
    none = (struct rlimit){(rlim_t)lowest_free, all.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const struct net_address *to = listener_address(server.listener);
    assert_int_equal(connect(shed.fd, &to->any, sizeof to->v4), 0);
    uint8_t byte;
    assert_int_equal(get(&shed, &byte, 1), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    struct client second = dial(NULL);
    exchange(&second, 5);
    exchange(&first, 5);
    hang_up(&first);
    hang_up(&second);
    hang_up(&shed);
    stop();
}

/* --- deadlines: the loop's clock is turned forward in a task --- */

struct passing {
    struct task task;
    struct loop *loop;
    uint64_t by_ms;
    _Atomic int done;
};

static void pass_time(struct task *task)
{
    struct passing *passing = container_of(task, struct passing, task);
    timer_wheel_advance(loop_timers(passing->loop), loop_now_ms(passing->loop) + passing->by_ms);
    atomic_store(&passing->done, 1);
}

static void let_time_pass(uint64_t ms)
{
    for (unsigned i = 0; i < LOOPS; i++) {
        struct passing passing = {.task.run = pass_time, .loop = server.loops[i], .by_ms = ms};
        mailbox_post(loop_mailbox(server.loops[i]), &passing.task);
        await(&passing.done, 1);
    }
}

static void await_streams(size_t count)
{
    size_t now = SIZE_MAX;
    for (int i = 0; i < PATIENCE_S * 1000 && now != count; i++) {
        now = 0;
        for (unsigned j = 0; j < LOOPS; j++) {
            now += atomic_load(&server.loops[j]->streams->count);
        }
        usleep(1000); /* asked again until it is so; the loops need the core meanwhile */
    }
    assert_int_equal(now, count);
}

static void slow_handshakes_are_ended(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    start(&echo_ops, tls, NULL, on_accept);
    struct client silent = dial(NULL), babbling = dial(NULL);
    put(&babbling, "\x16\x03\x01\x02\x00", 5); /* the start of a ClientHello */
    await_streams(2);
    let_time_pass(HANDSHAKE_MS - 1000);
    await_streams(2);
    let_time_pass(HANDSHAKE_MS);
    uint8_t byte;
    assert_int_equal(get(&silent, &byte, 1), 0);
    await_streams(0);
    assert_int_equal(server.closed, 0); /* never announced */
    hang_up(&silent);
    hang_up(&babbling);
    stop();
    tls_server_free(tls);
}

static void a_reader_without_progress_is_ended(void **state)
{
    (void)state;
    start(&pour_ops, NULL, NULL, on_accept);
    struct client client = dial_with_buffer(NULL, 8192);
    put(&client, "x", 1);
    uint8_t some[1000];
    assert_int_equal(get(&client, some, sizeof some), sizeof some);
    let_time_pass(OUTPUT_STALL_MS - 1000);
    assert_int_equal(server.closed, 0);
    for (int i = 0; i < PATIENCE_S * 1000 && server.closed == 0; i++) { /* the write that stalls may come after a turn */
        let_time_pass(2 * OUTPUT_STALL_MS);
        usleep(1000); /* the loop needs the core for its turn */
    }
    assert_int_equal(server.closed_as[STREAM_TIMED_OUT], 1);
    hang_up(&client);
    stop();
}

/* The kernel asks for more only when half of what it holds is gone. Until then the peer's reading is progress, too. */
static void a_slow_reader_is_not_ended(void **state)
{
    (void)state;
    start(&pour_ops, NULL, NULL, on_accept);
    struct client client = dial_with_buffer(NULL, 8192);
    put(&client, "x", 1);
    for (unsigned i = 1; i <= 6; i++) {
        uint8_t some[16384];
        assert_int_equal(get(&client, some, sizeof some), sizeof some);
        let_time_pass(i * (OUTPUT_STALL_MS - 4000));
    }
    assert_int_equal(server.closed, 0);
    hang_up(&client);
    await(&server.closed, 1);
    stop();
}

static void lingering_ends(void **state)
{
    (void)state;
    start(&close_ops, NULL, NULL, on_accept);
    struct client client = dial(NULL);
    put(&client, "x", 1);
    uint8_t *words = mem_alloc(LAST_WORDS_BYTES + 1);
    assert_int_equal(get(&client, words, LAST_WORDS_BYTES + 1), LAST_WORDS_BYTES);
    mem_free(words);
    assert_int_equal(server.closed, 0); /* the client has not closed */
    let_time_pass(LINGER_MS + 1000);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_CLOSED], 1);
    hang_up(&client);
    stop();
}

/* --- WebSocket --- */

static size_t frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t len)
{
    static const uint8_t mask[4] = {1, 200, 3, 77};
    size_t at = 0;
    out[at++] = first;
    if (len < 126) {
        out[at++] = (uint8_t)(0x80 | len);
    } else {
        out[at++] = 0x80 | 126;
        out[at++] = (uint8_t)(len >> 8);
        out[at++] = (uint8_t)len;
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++) {
        out[at + i] = payload[i] ^ mask[i % 4];
    }
    return at + len;
}

/* Reads frames of the server until `len` payload bytes of binary messages came; returns the opcode of the last frame. */
static unsigned unframe(struct client *client, uint8_t *payload, size_t len)
{
    size_t have = 0;
    unsigned opcode = 0;
    while (have < len) {
        uint8_t head[4];
        assert_int_equal(get(client, head, 2), 2);
        opcode = head[0] & 0x0f;
        size_t size = head[1];
        assert_true(size <= 126);
        if (size == 126) {
            assert_int_equal(get(client, head + 2, 2), 2);
            size = (size_t)head[2] << 8 | head[3];
        }
        assert_true(have + size <= len);
        assert_int_equal(get(client, payload + have, size), size);
        have += size;
    }
    return opcode;
}

static struct client dial_websocket(void)
{
    struct client client = dial(NULL);
    char reply[4];
    assert_int_equal(get(&client, reply, 4), 4);
    assert_memory_equal(reply, "101\n", 4);
    return client;
}

/* --- what comes before an end --- */

#define BEFORE_END_BYTES 200u
static _Atomic bool end_is_there;

static size_t take_one_again(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    AWAIT(atomic_load(&end_is_there));
    atomic_fetch_add(&server.seen, 1);
    if (len > 1) {
        stream_again(stream);
    }
    return 1;
}

static size_t take_one_and_pause(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    AWAIT(atomic_load(&end_is_there));
    atomic_fetch_add(&server.seen, 1);
    stream_pause(stream);
    struct resume *resume = mem_new(struct resume);
    resume->task.run = run_resume;
    resume->stream = stream;
    mailbox_post(loop_mailbox(stream_loop(stream)), &resume->task);
    return 1;
}

static const struct stream_ops one_at_a_time_ops[2] = {{.on_data = take_one_again, .on_closed = on_closed},
                                                       {.on_data = take_one_and_pause, .on_closed = on_closed}};

/* The protocol does not get through at once what the peer said, and its end arrived with that. */
static void end_after_bytes(const struct stream_ops *ops, struct tls_server *tls, SSL_CTX *context, bool is_websocket)
{
    uint8_t bytes[BEFORE_END_BYTES] = {0}, framed[BEFORE_END_BYTES + 16];
    atomic_store(&end_is_there, false);
    start(ops, tls, NULL, is_websocket ? on_accept_websocket : on_accept);
    struct client client = is_websocket ? dial_websocket() : dial(context);
    if (is_websocket) {
        put(&client, framed, frame(framed, 0x82, bytes, 1));
        put(&client, framed, frame(framed, 0x82, bytes, BEFORE_END_BYTES - 1));
        put(&client, framed, frame(framed, 0x88, (const uint8_t *)"\x03\xe8", 2));
    } else {
        put(&client, bytes, 1);
        put(&client, bytes, BEFORE_END_BYTES - 1);
        if (client.ssl) {
            SSL_shutdown(client.ssl);
        }
    }
    if (!is_websocket && !client.ssl) {
        shutdown(client.fd, SHUT_WR);
    }
    atomic_store(&end_is_there, true);
    uint8_t rest[64];
    get(&client, rest, sizeof rest); /* until the server has ended it, too */
    hang_up(&client);
    await(&server.closed, 1);
    stop();
    assert_int_equal(server.seen, BEFORE_END_BYTES);
    assert_int_equal(server.closed_as[STREAM_PEER_CLOSED], 1);
}

static void what_was_said_before_the_end_is_heard(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    for (int i = 0; i < 2; i++) {
        end_after_bytes(&one_at_a_time_ops[i], NULL, NULL, false);
        end_after_bytes(&one_at_a_time_ops[i], NULL, NULL, true);
        end_after_bytes(&one_at_a_time_ops[i], tls, context, false);
    }
    SSL_CTX_free(context);
    tls_server_free(tls);
}

static void websocket_frames_carry_a_byte_stream(void **state)
{
    (void)state;
    enum { BYTES = 20000 };
    start(&moving_ops, NULL, NULL, on_accept_websocket); /* moving included */
    struct client client = dial_websocket();
    uint8_t *data = mem_alloc(BYTES), *got = mem_alloc(BYTES), *framed = mem_alloc(BYTES * 2);
    memset(data, 8, BYTES); /* records of 9 bytes */
    for (size_t at = 1; at < BYTES; at += 9 * 5) {
        data[at] = 1; /* move here */
    }
    size_t bytes = BYTES - BYTES % 9, framed_bytes = 0;
    for (size_t at = 0, step = 1; at < bytes; at += step) {
        step = step * 13 % 401 + 1;
        step = step < bytes - at ? step : bytes - at;
        framed_bytes += frame(framed + framed_bytes, 0x82, data + at, step);
    }
    for (size_t at = 0, step = 3; at < framed_bytes; at += step) {
        step = step * 11 % 97 + 1;
        put(&client, framed + at, step < framed_bytes - at ? step : framed_bytes - at);
    }
    assert_int_equal(unframe(&client, got, bytes), 2);
    assert_memory_equal(got, data, bytes);
    framed_bytes = frame(framed, 0x89, (const uint8_t *)"ping", 4);
    put(&client, framed, framed_bytes);
    assert_int_equal(unframe(&client, got, 4), 10);
    assert_memory_equal(got, "ping", 4);
    framed_bytes = frame(framed, 0x88, (const uint8_t *)"\x03\xe8", 2);
    put(&client, framed, framed_bytes);
    assert_int_equal(unframe(&client, got, 2), 8);
    assert_int_equal(get(&client, got, 1), 0);
    hang_up(&client);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_PEER_CLOSED], 1);
    assert_true(server.moved > 10);
    stop();
    mem_free(data);
    mem_free(got);
    mem_free(framed);
}

enum { LONG_UNIT_BYTES = 3 * 1024 * 1024, SHORT_UNIT_BYTES = 10 };

static size_t long_unit_first(const uint8_t *data, size_t len)
{
    (void)data;
    return len > SHORT_UNIT_BYTES ? LONG_UNIT_BYTES : len;
}

static void on_accept_long_unit(struct stream *stream, void *user)
{
    on_accept_websocket(stream, user);
    stream_set_message_unit(stream, long_unit_first);
    uint8_t *bytes = mem_alloc(LONG_UNIT_BYTES + SHORT_UNIT_BYTES);
    memset(bytes, 7, LONG_UNIT_BYTES + SHORT_UNIT_BYTES);
    stream_write(stream, bytes, LONG_UNIT_BYTES + SHORT_UNIT_BYTES);
    mem_free(bytes);
}

static void websocket_units_may_be_long(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept_long_unit);
    struct client client = dial_websocket();
    uint8_t head[10], *got = mem_alloc(LONG_UNIT_BYTES);
    size_t size = 0;
    assert_int_equal(get(&client, head, sizeof head), sizeof head);
    for (size_t i = 2; i < sizeof head; i++) {
        size = size << 8 | head[i];
    }
    assert_int_equal(size, LONG_UNIT_BYTES);
    assert_int_equal(get(&client, got, LONG_UNIT_BYTES), LONG_UNIT_BYTES);
    assert_int_equal(got[LONG_UNIT_BYTES - 1], 7);
    assert_int_equal(unframe(&client, got, SHORT_UNIT_BYTES), 2);
    assert_int_equal(got[0], 7);
    mem_free(got);
    hang_up(&client);
    await(&server.closed, 1);
    stop();
}

static void websocket_text_is_refused(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept_websocket);
    struct client client = dial_websocket();
    uint8_t framed[32], got[2];
    put(&client, framed, frame(framed, 0x81, (const uint8_t *)"text", 4));
    uint8_t head[2];
    assert_int_equal(get(&client, head, 2), 2);
    assert_int_equal(head[0], 0x88);
    assert_int_equal(get(&client, got, 2), 2);
    assert_int_equal(got[0] << 8 | got[1], 1003);
    hang_up(&client);
    await(&server.closed, 1);
    assert_int_equal(server.closed_as[STREAM_FAILED], 1);
    stop();
}

static void websocket_close_says_goodbye(void **state)
{
    (void)state;
    start(&close_ops, NULL, NULL, on_accept_websocket);
    struct client client = dial_websocket();
    uint8_t framed[32], head[10];
    put(&client, framed, frame(framed, 0x82, (const uint8_t *)"x", 1));
    uint8_t *got = mem_alloc(LAST_WORDS_BYTES);
    size_t have = 0;
    while (have < LAST_WORDS_BYTES) {
        assert_int_equal(get(&client, head, 2), 2);
        assert_int_equal(head[0], 0x82);
        size_t extra = head[1] == 127 ? 8 : head[1] == 126 ? 2 : 0, size = extra ? 0 : head[1];
        assert_int_equal(get(&client, head + 2, extra), extra);
        for (size_t i = 0; i < extra; i++) {
            size = size << 8 | head[2 + i];
        }
        assert_true(have + size <= LAST_WORDS_BYTES);
        assert_int_equal(get(&client, got + have, size), size);
        have += size;
    }
    assert_int_equal(get(&client, head, 4), 4);
    assert_int_equal(head[0], 0x88);
    assert_int_equal(head[2] << 8 | head[3], 1000);
    hang_up(&client);
    stop();
    mem_free(got);
}

/* --- certificates --- */

static void fingerprint_seen_by(SSL_CTX *context, char ret_text[96])
{
    struct client client = dial(context);
    exchange(&client, 10);
    X509 *certificate = SSL_get1_peer_certificate(client.ssl);
    uint8_t hash[32];
    X509_digest(certificate, EVP_sha256(), hash, NULL);
    for (size_t i = 0; i < sizeof hash; i++) {
        snprintf(ret_text + 3 * i, 4, i < 31 ? "%02X:" : "%02X", hash[i]);
    }
    assert_int_equal(X509_check_host(certificate, "muster.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    X509_free(certificate);
    hang_up(&client);
}

static void reload_serves_the_new_certificate(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    start(&echo_ops, tls, NULL, on_accept);
    SSL_CTX *context = client_context(TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    struct client old = dial(context);
    char first[96], second[96], told[96];
    fingerprint_seen_by(context, first);
    tls_server_fingerprint(tls, told);
    assert_string_equal(first, told);
    assert_int_equal(tls_server_reload(tls, "/nonexistent", key_file), ERR_INVALID);
    unlink(certificate_file);
    unlink(key_file);
    assert_int_equal(tls_self_signed(certificate_file, key_file, "muster.example"), ERR_OK);
    assert_int_equal(tls_server_reload(tls, certificate_file, key_file), ERR_OK);
    fingerprint_seen_by(context, second);
    tls_server_fingerprint(tls, told);
    assert_string_equal(second, told);
    assert_string_not_equal(first, second);
    exchange(&old, 1000);
    hang_up(&old);
    stop();
    SSL_CTX_free(context);
    tls_server_free(tls);
}

/* Bitcoin's curve: OpenSSL loads the key, and TLS has no way to use it. */
static void a_certificate_that_no_client_can_use_is_refused(void **state)
{
    (void)state;
    char certificate_path[64], key_path[64], before[96], after[96];
    snprintf(certificate_path, sizeof certificate_path, "%s/odd.crt", folder);
    snprintf(key_path, sizeof key_path, "%s/odd.key", folder);
    EVP_PKEY *key = EVP_EC_gen("secp256k1");
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(certificate_path, "w");
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
    file = fopen(key_path, "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);

    struct tls_server *tls = new_tls();
    tls_server_fingerprint(tls, before);
    assert_int_equal(tls_server_reload(tls, certificate_path, key_path), ERR_INVALID);
    tls_server_fingerprint(tls, after);
    assert_string_equal(before, after);
    tls_server_free(tls);
    unlink(certificate_path);
    unlink(key_path);
}

/* Of several certificates with many names each. */
static void a_long_chain_is_served(void **state)
{
    (void)state;
    char chain_path[64];
    snprintf(chain_path, sizeof chain_path, "%s/chain.crt", folder);
    FILE *file = fopen(certificate_file, "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    file = fopen(chain_path, "w");
    for (size_t bytes = 0; bytes < LONG_CHAIN_BYTES; bytes += (size_t)i2d_X509(certificate, NULL)) {
        assert_int_equal(PEM_write_X509(file, certificate), 1);
    }
    fclose(file);
    X509_free(certificate);

    struct tls_server *tls = new_tls();
    assert_int_equal(tls_server_reload(tls, chain_path, key_file), ERR_OK);
    tls_server_free(tls);
    unlink(chain_path);
}

static void self_signed_files_are_private_and_kept(void **state)
{
    (void)state;
    struct stat before, after;
    assert_int_equal(stat(key_file, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    assert_int_equal(tls_self_signed(certificate_file, key_file, NULL), ERR_OK);
    assert_int_equal(stat(key_file, &after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    unlink(certificate_file); /* as after a crash between the two files */
    assert_int_equal(tls_self_signed(certificate_file, key_file, "muster.example"), ERR_OK);
    struct tls_server *tls = new_tls();
    assert_true(tls_server_expires_at_ms(tls) > (int64_t)(time(NULL) + 9 * 365 * 24 * 3600L) * 1000);
    tls_server_free(tls);
}

/* --- outgoing --- */

static _Atomic int connected, client_bytes;

static void on_connected(struct stream *stream)
{
    atomic_fetch_add(&connected, 1);
    stream_write(stream, "hello", 5);
}
static size_t client_data(struct stream *stream, const uint8_t *data, size_t len)
{
    (void)data;
    if (atomic_fetch_add(&client_bytes, (int)len) + (int)len == 5) {
        stream_close(stream);
    }
    return len;
}
static const struct stream_ops client_ops = {.on_data = client_data, .on_closed = on_closed};

struct connecting {
    struct task task;
    struct net_address to;
    struct tls_client *tls;
};

static void run_connect(struct task *task)
{
    struct connecting *connecting = container_of(task, struct connecting, task);
    assert_non_null(stream_connect(loop_current(), &connecting->to, connecting->tls, &client_ops, on_connected, NULL));
}

static void connect_from_a_loop(struct tls_client *tls, const struct net_address *to)
{
    struct connecting connecting = {.task.run = run_connect, .to = *to, .tls = tls};
    connected = client_bytes = 0;
    mailbox_post(loop_mailbox(server.loops[0]), &connecting.task);
    await(&server.closed, 1);
}

static void outgoing_streams(void **state)
{
    (void)state;
    struct tls_server *tls = new_tls();
    struct tls_client *checking = tls_client_new(certificate_file), *trusting = tls_client_new(NULL);
    struct tls_client *clients[] = {NULL, checking, trusting};
    for (size_t i = 0; i < 3; i++) {
        start(&echo_ops, clients[i] ? tls : NULL, NULL, on_accept);
        connect_from_a_loop(clients[i], listener_address(server.listener));
        await(&server.closed, 2);
        assert_int_equal(connected, 1);
        assert_int_equal(client_bytes, 5);
        stop();
    }
    tls_client_free(checking);
    tls_client_free(trusting);
    tls_server_free(tls);
}

static void refused_connection_fails(void **state)
{
    (void)state;
    start(&echo_ops, NULL, NULL, on_accept);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: refuses */
    struct net_address nobody;
    assert_true(net_address_parse(STR("127.0.0.1"), 0, &nobody));
    socklen_t len = sizeof nobody;
    assert_int_equal(bind(fd, &nobody.any, sizeof nobody.v4), 0);
    assert_int_equal(getsockname(fd, &nobody.any, &len), 0);
    connect_from_a_loop(NULL, &nobody);
    assert_int_equal(connected, 0);
    assert_int_equal(server.closed_as[STREAM_FAILED], 1);
    close(fd);
    stop();
}

static void untrusted_server_is_refused(void **state)
{
    (void)state;
    char other_certificate[80], other_key[80];
    snprintf(other_certificate, sizeof other_certificate, "%s/other.crt", folder);
    snprintf(other_key, sizeof other_key, "%s/other.key", folder);
    assert_int_equal(tls_self_signed(other_certificate, other_key, NULL), ERR_OK);
    struct tls_client *client = tls_client_new(other_certificate);
    struct tls_server *tls = new_tls();
    start(&echo_ops, tls, NULL, on_accept);
    connect_from_a_loop(client, listener_address(server.listener));
    assert_int_equal(connected, 0);
    assert_int_equal(server.closed_as[STREAM_FAILED], 1);
    stop();
    tls_client_free(client);
    tls_server_free(tls);
    unlink(other_certificate);
    unlink(other_key);
}

static void streams_are_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct stream) <= 168);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_small),
        cmocka_unit_test(plain_echo),
        cmocka_unit_test(tls_echo),
        cmocka_unit_test(tls_1_1_is_refused),
        cmocka_unit_test(half_closed_peer_gets_the_rest),
        cmocka_unit_test(who_leaves_gets_the_rest),
        cmocka_unit_test(slow_reader_gets_everything),
        cmocka_unit_test(output_up_to_the_mark_is_congested),
        cmocka_unit_test(output_above_the_maximum_fails),
        cmocka_unit_test(close_lets_the_peer_read_the_last_words),
        cmocka_unit_test(streams_end_with_their_loop),
        cmocka_unit_test(paused_streams_go_on_where_they_were),
        cmocka_unit_test(what_is_left_over_comes_again),
        cmocka_unit_test(those_that_have_more_share_a_bounded_time),
        cmocka_unit_test(those_that_send_a_lot_share_it_too),
        cmocka_unit_test(what_is_not_read_waits_with_us),
        cmocka_unit_test(too_much_left_over_fails),
        cmocka_unit_test(streams_move_between_loops),
        cmocka_unit_test(tls_streams_move_between_loops),
        cmocka_unit_test(proxies_say_whose_connection_it_is),
        cmocka_unit_test(a_proxy_without_a_header_is_refused),
        cmocka_unit_test(a_header_of_others_is_not_understood),
        cmocka_unit_test(connections_above_the_limit_are_closed),
        cmocka_unit_test(who_says_nothing_is_accepted_too),
        cmocka_unit_test(taken_port_is_told),
        cmocka_unit_test(running_out_of_descriptors_is_survived),
        cmocka_unit_test(slow_handshakes_are_ended),
        cmocka_unit_test(a_reader_without_progress_is_ended),
        cmocka_unit_test(a_slow_reader_is_not_ended),
        cmocka_unit_test(lingering_ends),
        cmocka_unit_test(websocket_frames_carry_a_byte_stream),
        cmocka_unit_test(websocket_units_may_be_long),
        cmocka_unit_test(websocket_text_is_refused),
        cmocka_unit_test(websocket_close_says_goodbye),
        cmocka_unit_test(what_was_said_before_the_end_is_heard),
        cmocka_unit_test(reload_serves_the_new_certificate),
        cmocka_unit_test(a_certificate_that_no_client_can_use_is_refused),
        cmocka_unit_test(a_long_chain_is_served),
        cmocka_unit_test(self_signed_files_are_private_and_kept),
        cmocka_unit_test(outgoing_streams),
        cmocka_unit_test(refused_connection_fails),
        cmocka_unit_test(untrusted_server_is_refused),
    };
    return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
