/* The HTTP connections that all calls of a scenario share: kept alive, one request at a time on each, replies of our own
 * server only (a head with Content-Length, then JSON). */
#include <stdio.h>
#include <stdlib.h>

#include "app/simulate/call.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/tls.h"

enum { REPLY_BYTES_MAX = 64 * 1024 * 1024, HOLD_BACK_MS = 100 };

struct connection {
    struct http_pool *pool;
    struct stream *stream;       /* NULL: not connected */
    struct call *call;           /* under way */
    bool is_open;
};

struct http_pool {
    struct world *world;
    struct list waiting;         /* of struct call */
    struct net_address address;
    char host[128];
    bool uses_tls;
    bool is_away;                /* the last connection did not come up: one at a time is tried */
    struct timer retry;
    unsigned count;
    struct connection *connections;
};

static void pump(struct http_pool *pool);

/* "http://host:port" or "https://..." */
static bool parse_url(struct http_pool *pool, struct str url)
{
    pool->uses_tls = str_starts_with(url, STR("https://"));
    if (!pool->uses_tls && !str_starts_with(url, STR("http://"))) {
        return false;
    }
    struct str rest = str_sub(url, pool->uses_tls ? 8 : 7, url.len);
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':') {
        colon--;
    }
    uint64_t port;
    if (colon < 2 || rest.len >= sizeof pool->host || !str_to_u64(str_sub(rest, colon, rest.len), &port) || port > 65535) {
        return false;
    }
    snprintf(pool->host, sizeof pool->host, "%.*s", STR_ARG(rest));
    struct str host = str_sub(rest, 0, colon - 1);
    if (host.len > 2 && host.ptr[0] == '[') {
        host = str_sub(host, 1, host.len - 2);
    }
    return net_address_parse(host, (uint16_t)port, &pool->address);
}

static void send_request(struct connection *connection)
{
    const struct call *call = connection->call;
    struct stream *stream = connection->stream;
    struct buf *out = stream_output(stream);
    buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n", call->method, call->path,
               connection->pool->host, call->body.len);
    if (call->key) {
        buf_printf(out, "Authorization: %s\r\n", call->key);
    }
    if (call->idempotency) {
        buf_printf(out, "Idempotency-Key: %s-%llu\r\n", call->world->run_name, (unsigned long long)call->idempotency);
    }
    buf_append_cstr(out, "\r\n");
    buf_append_str(out, buf_str(&call->body));
    stream_commit(stream);
}

/* Bytes of one whole reply; 0: not here yet. */
static size_t take_reply(struct connection *connection, struct str input)
{
    const char *end = memmem(input.ptr, input.len, "\r\n\r\n", 4);
    if (!end || !connection->call) {
        return 0;
    }
    size_t head_bytes = (size_t)(end - input.ptr) + 4;
    const char *at = memmem(input.ptr, head_bytes, "Content-Length: ", 16);
    size_t body_bytes = at ? strtoul(at + 16, NULL, 10) : 0;
    if (input.len < head_bytes + body_bytes) {
        return 0;
    }
    unsigned status = (unsigned)strtoul(input.ptr + 9, NULL, 10); /* behind "HTTP/1.1 " */
    struct json *reply = NULL;
    if (body_bytes && json_parse(str_sub(input, head_bytes, body_bytes),
                                 &(struct json_limits){.bytes_max = REPLY_BYTES_MAX, .nodes_max = 10000000},
                                 &reply) != ERR_OK) {
        world_difference(connection->pool->world, "%s %s: the reply is not JSON", connection->call->method,
                         connection->call->path);
        reply = NULL;
    }
    struct call *call = connection->call;
    connection->call = NULL;
    call_answer(call, status, reply);
    json_free(reply);
    return head_bytes + body_bytes;
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len)
{
    struct connection *connection = stream_user(stream);
    size_t used = take_reply(connection, str_from(data, len));
    if (used) {
        pump(connection->pool);
    }
    return used;
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    struct connection *connection = stream_user(stream);
    struct http_pool *pool = connection->pool;
    bool was_open = connection->is_open;
    struct call *call = connection->call;
    connection->stream = NULL;
    connection->is_open = false;
    connection->call = NULL;
    if (pool->world->phase == PHASE_END) {
        return;
    }
    if (call) {
        call_again(call, true);
    }
    pool->is_away |= !was_open;
    if (!was_open && !timer_is_set(&pool->retry)) {
        timer_set(loop_timers(pool->world->loop), &pool->retry, loop_now_ms(pool->world->loop) + HOLD_BACK_MS);
    }
    pump(pool);
}

static const struct stream_ops callbacks = {.on_data = on_data, .on_closed = on_closed};

static void on_connected(struct stream *stream)
{
    struct connection *connection = stream_user(stream);
    connection->is_open = true;
    connection->pool->is_away = false;
    stream_set_input_max(stream, REPLY_BYTES_MAX);
    pump(connection->pool);
}

static void start(struct connection *connection)
{
    struct http_pool *pool = connection->pool;
    connection->stream = stream_connect(pool->world->loop, &pool->address, pool->uses_tls ? pool->world->tls : NULL,
                                        &callbacks, on_connected, connection);
    if (!connection->stream) {
        timer_set(loop_timers(pool->world->loop), &pool->retry, loop_now_ms(pool->world->loop) + HOLD_BACK_MS);
    }
}

/* Gives waiting calls to idle connections; opens more while there are calls that none is free for. */
static void pump(struct http_pool *pool)
{
    unsigned opening = 0;
    for (unsigned i = 0; i < pool->count && !list_is_empty(&pool->waiting); i++) {
        struct connection *connection = &pool->connections[i];
        if (connection->is_open && !connection->call) {
            connection->call = list_entry(pool->waiting.next, struct call, node);
            list_remove(&connection->call->node);
            send_request(connection);
        }
        opening += connection->stream && !connection->is_open;
    }
    size_t wanted = 0;
    list_each(node, &pool->waiting) {
        if (++wanted >= (pool->is_away ? 1 : pool->count)) {
            break;
        }
    }
    for (unsigned i = 0; i < pool->count && opening < wanted && !timer_is_set(&pool->retry); i++) {
        if (!pool->connections[i].stream) {
            start(&pool->connections[i]);
            opening++;
        }
    }
}

static void on_retry_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    pump(container_of(timer, struct http_pool, retry));
}

struct http_pool *http_pool_new(struct world *world)
{
    struct http_pool *pool = mem_new(struct http_pool);
    pool->world = world;
    pool->count = world->scenario.connections;
    pool->retry.on_due = on_retry_due;
    list_init(&pool->waiting);
    if (!parse_url(pool, str_from_cstr(world->scenario.url))) {
        fprintf(stderr, "muster simulate: url must be http://ADDRESS:PORT or https://ADDRESS:PORT, not '%s'\n",
                world->scenario.url);
        mem_free(pool);
        return NULL;
    }
    pool->connections = mem_calloc(pool->count, sizeof *pool->connections);
    for (unsigned i = 0; i < pool->count; i++) {
        pool->connections[i].pool = pool;
    }
    return pool;
}

void http_pool_free(struct http_pool *pool)
{
    if (pool) {
        mem_free(pool->connections);
        mem_free(pool);
    }
}

void http_pool_send(struct http_pool *pool, struct call *call)
{
    list_append(&pool->waiting, &call->node);
    pump(pool);
}
