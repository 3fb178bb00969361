/* The HTTP server over real sockets on the loopback, with routes of its own and a domain that is only what the core needs
 * of it: credentials are stand-ins, lanes run where they are called or when the test lets them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/test_await.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_internal.h"
#include "api/sse.h"
#include "base/clock.h"
#include "base/mem.h"
#include "codec/websocket/websocket.h"
#include "model/account/credentials.h"
#include "model/management/idempotency.h"
#include "model/device/presence.h"
#include "model/account/web_session.h"

#define PATIENCE_S 20

/* --- stand-ins of the model --- */

static _Atomic int contacts, repeats_stored;

void presence_contact(struct domain *domain, int64_t device_no)
{
    (void)domain;
    assert_int_equal(device_no, 7);
    atomic_fetch_add(&contacts, 1);
}

enum credential_result credentials_check_device(struct domain *domain, struct str id, struct str access_key,
                                                struct device_brief *ret_device)
{
    (void)domain;
    if (!str_eq(access_key, STR("device-key"))) {
        return CREDENTIAL_UNKNOWN;
    }
    *ret_device = (struct device_brief){.no = 7};
    if (str_eq(id, STR("suspended"))) {
        return CREDENTIAL_SUSPENDED;
    }
    return str_eq(id, STR("dev")) ? CREDENTIAL_OK : CREDENTIAL_UNKNOWN;
}

enum credential_result credentials_check_api_key(struct domain *domain, struct str key, struct principal *ret_principal)
{
    (void)domain;
    *ret_principal = (struct principal){.kind = PRINCIPAL_API_KEY, .api_key_no = 1, .tenant_kind = TENANT_PARTNER};
    if (str_eq(key, STR("mp_full"))) {
        ret_principal->scope = SCOPE_FULL;
    } else if (!str_eq(key, STR("mp_read"))) {
        return CREDENTIAL_UNKNOWN;
    }
    return CREDENTIAL_OK;
}

bool web_session_resolve(struct domain *domain, struct str cookie_header, bool is_tls, enum tenant_kind wanted,
                         struct principal *ret_principal, char ret_csrf[CSRF_TOKEN_CHARS + 1])
{
    (void)domain;
    (void)is_tls;
    if (!str_eq(cookie_header, STR("muster=good")) || wanted == TENANT_ORGANIZATION) {
        return false;
    }
    *ret_principal = (struct principal){.kind = PRINCIPAL_USER, .scope = SCOPE_FULL, .user_no = 5, .role.tenant = ROLE_ADMINISTRATOR};
    memset(ret_csrf, 'c', CSRF_TOKEN_CHARS);
    ret_csrf[CSRF_TOKEN_CHARS] = '\0';
    return true;
}

enum idempotency_result idempotency_lookup(struct domain *domain, struct store_tx *tx,
                                           const struct idempotency_call *call, struct reply *reply)
{
    (void)domain;
    (void)tx;
    assert_true(str_eq(call->route, STR("POST /core/v1/partner/things")));
    if (str_eq(call->key, STR("again"))) {
        reply->status = 201;
        buf_append_cstr(&reply->body, "{\"first\":true}");
        return IDEMPOTENCY_REPEAT;
    }
    return IDEMPOTENCY_NEW;
}

void idempotency_store(struct domain *domain, struct store_tx *tx, const struct idempotency_call *call,
                       const struct reply *reply)
{
    (void)domain;
    (void)tx;
    assert_int_equal(reply->status, 201);
    assert_true(str_eq(call->body, STR("{\"a\":1}")));
    atomic_fetch_add(&repeats_stored, 1);
}

/* --- lanes --- */

static _Atomic bool lanes_are_held;
static _Atomic bool storage_is_broken;
static _Atomic(struct op *) held;
static _Atomic int lane_runs[LANE_COUNT];

static void op_home(struct task *task)
{
    struct op *op = container_of(task, struct op, task);
    op->done(op);
}

static void run_op(struct op *op)
{
    atomic_fetch_add(&lane_runs[op->lane], 1);
    if (storage_is_broken && op->lane != LANE_WORK) {
        op->err = ERR_STORAGE;
    } else {
        op->run(op, NULL);
        if (op->committed && op->err == ERR_OK) {
            op->committed(op);
        }
    }
    op->task.run = op_home;
    mailbox_post(op->home, &op->task);
}

static void submit(struct executor *executor, struct op *op)
{
    (void)executor;
    if (lanes_are_held) {
        assert_null(held);
        held = op;
    } else {
        run_op(op);
    }
}
static struct executor executor = {.submit = submit};

static void let_go(void)
{
    AWAIT(held);
    lanes_are_held = false;
    run_op(atomic_exchange(&held, NULL));
}

/* --- routes --- */

static void get_echo(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct str query = {NULL, 0};
    call_query(call, "q", &query);
    call->reply.status = 200;
    struct json_writer w;
    json_writer_init(&w, &call->reply.body);
    json_begin_object(&w);
    json_field_str(&w, "id", call->params[0]);
    json_field_str(&w, "q", query);
    json_field_cstr(&w, "peer", call->peer_text);
    json_end_object(&w);
}

static void post_json(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->reply.status = 201;
    if (call->body) {
        json_write(&call->reply.body, call->body);
    }
}

static _Atomic int committed_count;
static void on_committed(struct call *call)
{
    assert_int_equal(call->reply.status, 201);
    atomic_fetch_add(&committed_count, 1);
}

static void post_thing(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->committed = on_committed;
    if (json_get(call->body, "bad")) {
        reply_error(&call->reply, 422, "Name can't be blank");
        return;
    }
    call->reply.status = 201;
    buf_append_cstr(&call->reply.body, "{\"made\":true}");
}

static void get_nothing(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->reply.status = 204;
}

static void forget_to_answer(struct call *call, struct store_tx *tx)
{
    (void)call;
    (void)tx;
}

static void get_big(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->reply.status = 200;
    buf_append_cstr(&call->reply.body, "\"");
    for (int i = 0; i < 100000; i++) {
        buf_append_cstr(&call->reply.body, "0123456789");
    }
    buf_append_cstr(&call->reply.body, "\"");
}

struct later {
    struct task task;
    struct call *call;
};
static void run_later(struct task *task)
{
    struct later *later = container_of(task, struct later, task);
    later->call->reply.status = 200;
    buf_append_cstr(&later->call->reply.body, "{\"late\":true}");
    call_finish(later->call);
    mem_free(later);
}
static void get_later(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct later *later = mem_new(struct later);
    later->task.run = run_later;
    later->call = call;
    mailbox_post(loop_mailbox(loop_current()), &later->task);
}
static void get_at_once(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->reply.status = 200;
    call_header(call, "X-Note", "%s", "two\r\nX-Injected: lines");
    call_finish(call);
}

static _Atomic int sse_ends;
static void on_sse_closed(struct sse *sse)
{
    assert_ptr_equal(sse_user(sse), &sse_ends);
    atomic_fetch_add(&sse_ends, 1);
}
static const struct sse_ops live_ops = {NULL, on_sse_closed};
static void get_stream(struct call *call, struct store_tx *tx)
{
    (void)tx;
    bool ends = str_eq(call->query, STR("end"));
    struct sse *sse = sse_open(call, &live_ops, &sse_ends, 0);
    assert_true(sse_send(sse, STR("data: one\n\n")));
    if (ends) {
        sse_close(sse);
    }
}
static _Atomic int refused_at;
static void get_flood(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct sse *sse = sse_open(call, &live_ops, &sse_ends, 400000);
    char chunk[10000];
    memset(chunk, ':', sizeof chunk);
    while (sse_send(sse, str_from(chunk, sizeof chunk))) {
        atomic_fetch_add(&refused_at, 1);
    }
}

static const struct route table[] = {
    {"GET", "/v1/echo/:id", ACCESS_PUBLIC, PLACE_LOOP, 0, get_echo},
    {"POST", "/v1/json", ACCESS_PUBLIC, PLACE_READ, 0, post_json},
    {"POST", "/v1/array", ACCESS_PUBLIC, PLACE_READ, ROUTE_ARRAY_BODY | ROUTE_BULK_BODY, post_json},
    {"POST", "/v1/work", ACCESS_PUBLIC, PLACE_WORK, 0, post_json},
    {"GET", "/v1/nothing", ACCESS_PUBLIC, PLACE_LOOP, 0, get_nothing},
    {"GET", "/v1/forgets", ACCESS_PUBLIC, PLACE_READ, 0, forget_to_answer},
    {"GET", "/v1/big", ACCESS_PUBLIC, PLACE_LOOP, 0, get_big},
    {"GET", "/v1/later", ACCESS_PUBLIC, PLACE_LOOP, 0, get_later},
    {"GET", "/v1/once", ACCESS_PUBLIC, PLACE_LOOP, 0, get_at_once},
    {"GET", "/v1/devices/:id", ACCESS_DEVICE, PLACE_READ, 0, get_echo},
    {"POST", "/v1/devices/:id/telemetry", ACCESS_DEVICE, PLACE_REGISTRY, 0, post_json},
    {"GET", "/core/v1/partner/things", ACCESS_PARTNER, PLACE_LOOP, 0, get_echo},
    {"POST", "/core/v1/partner/things", ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY, post_thing},
    {"GET", "/core/v1/organization/things", ACCESS_ORGANIZATION, PLACE_LOOP, 0, get_echo},
    {"GET", "/core/v1/session", ACCESS_USER, PLACE_LOOP, 0, get_echo},
    {"GET", "/core/v1/partner/stream", ACCESS_PARTNER, PLACE_LOOP, 0, get_stream},
    {"GET", "/core/v1/partner/flood", ACCESS_PARTNER, PLACE_LOOP, 0, get_flood},
    {0},
};

/* --- the server --- */

static struct loop *loop;
static pthread_t thread;
static struct settings settings;
static struct domain domain;
static struct api *api;
static struct listener *listener;
static bool healthy;

static bool is_healthy(void *user)
{
    assert_ptr_equal(user, &domain);
    return healthy;
}

static size_t echo(struct stream *stream, const uint8_t *data, size_t len)
{
    stream_write(stream, data, len);
    return len;
}
static void on_echo_closed(struct stream *stream, enum stream_end why)
{
    (void)stream;
    (void)why;
}
static const struct stream_ops echo_ops = {.on_data = echo, .on_closed = on_echo_closed};

static void on_mqtt(struct stream *stream, void *user)
{
    assert_ptr_equal(user, &domain);
    assert_true(stream_is_websocket(stream));
    stream_set_user(stream, &echo_ops, NULL);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

struct special {
    void (*change)(void);
};

static int start(void **state)
{
    settings_init(&settings); /* with the timeouts of the program: a machine that is slow fails no test by them */
    settings.http_body_max = 100000;
    if (*state) { /* a test's own settings */
        const struct special *special = *state;
        special->change();
    }
    domain = (struct domain){.executor = &executor, .settings = &settings, .now_unix_ms = clock_unix_ms};
    event_bus_init(&domain.events);
    healthy = true;
    lanes_are_held = storage_is_broken = false;
    contacts = repeats_stored = committed_count = sse_ends = refused_at = 0;
    for (int i = 0; i < LANE_COUNT; i++) {
        lane_runs[i] = 0;
    }
    loop = loop_new(0);
    struct api_config config = {.domain = &domain, .loops = &loop, .loop_count = 1, .is_healthy = is_healthy,
                                .on_mqtt_websocket = on_mqtt, .user = &domain};
    const struct route *const tables[] = {table};
    api = api_new_with(&config, tables, 1);
    struct listener_config listening = {.loops = &loop, .loop_count = 1, .on_accept = api_accept, .user = api};
    assert_true(net_address_parse(STR("127.0.0.1"), 0, &listening.address));
    assert_int_equal(listener_open(&listening, &listener), ERR_OK);
    return pthread_create(&thread, NULL, run_loop, loop);
}

static int stop(void **state)
{
    (void)state;
    listener_close(listener);
    loop_stop(loop);
    pthread_join(thread, NULL);
    loop_free(loop);
    api_free(api);
    settings_deinit(&settings);
    return 0;
}

/* --- the client --- */

struct answer {
    unsigned status;
    char head[4096];
    char *body;
    size_t len;
};

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = {PATIENCE_S, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const struct net_address *to = listener_address(listener);
    assert_int_equal(connect(fd, &to->any, sizeof to->v4), 0);
    return fd;
}

static void put_bytes(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += sent;
        len -= (size_t)sent;
    }
}

static void put(int fd, const char *text)
{
    put_bytes(fd, text, strlen(text));
}

static const char *header(const struct answer *answer, const char *name)
{
    static char value[1024];
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strstr(answer->head, line);
    if (!at) {
        return NULL;
    }
    at += strlen(line);
    size_t len = (size_t)(strstr(at, "\r\n") - at);
    memcpy(value, at, len);
    value[len] = '\0';
    return value;
}

static void take_head(int fd, struct answer *answer)
{
    size_t len = 0;
    *answer = (struct answer){0};
    while (len < 4 || memcmp(answer->head + len - 4, "\r\n\r\n", 4) != 0) {
        assert_true(len + 1 < sizeof answer->head);
        assert_int_equal(recv(fd, answer->head + len, 1, 0), 1);
        len++;
    }
    assert_int_equal(sscanf(answer->head, "HTTP/1.1 %u ", &answer->status), 1);
}

static void take_body(int fd, struct answer *answer)
{
    const char *length = header(answer, "Content-Length");
    assert_non_null(length);
    answer->len = (size_t)strtoul(length, NULL, 10);
    answer->body = mem_calloc(1, answer->len + 1);
    for (size_t done = 0; done < answer->len;) {
        ssize_t got = recv(fd, answer->body + done, answer->len - done, 0);
        assert_true(got > 0);
        done += (size_t)got;
    }
}

static void assert_ended(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* The next reply: status and exact body. */
static void expect_full(int fd, unsigned status, const char *body, struct answer *answer)
{
    take_head(fd, answer);
    assert_int_equal(answer->status, status);
    take_body(fd, answer);
    assert_string_equal(answer->body, body);
    assert_string_equal(header(answer, "Content-Type"), "application/json; charset=utf-8");
    mem_free(answer->body);
    answer->body = NULL;
}

static void expect(int fd, unsigned status, const char *body)
{
    struct answer answer;
    expect_full(fd, status, body, &answer);
}

/* One request on a connection of its own that the server keeps open. */
static void ask(const char *request, unsigned status, const char *body)
{
    int fd = dial();
    put(fd, request);
    expect(fd, status, body);
    put(fd, "GET /v1/echo/still-here HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fd, 200, "{\"id\":\"still-here\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    close(fd);
}

/* One that it closes. */
static void ask_last(const char *request, unsigned status, const char *body)
{
    int fd = dial();
    put(fd, request);
    struct answer answer;
    expect_full(fd, status, body, &answer);
    assert_string_equal(header(&answer, "Connection"), "close");
    shutdown(fd, SHUT_WR);
    assert_ended(fd);
    close(fd);
}

#define GET(path, ...) "GET " path " HTTP/1.1\r\nHost: x\r\n" __VA_ARGS__ "\r\n"
#define POST(path, length, body, ...) "POST " path " HTTP/1.1\r\nHost: x\r\n" __VA_ARGS__ "Content-Length: " length "\r\n\r\n" body

/* --- tests --- */

static void root_and_health(void **state)
{
    (void)state;
    ask(GET("/"), 200, "{\"name\":\"Muster\",\"status\":\"ok\"}");
    ask(GET("/healthz"), 200, "{\"status\":\"ok\"}");
    healthy = false;
    ask(GET("/healthz"), 503, "{\"error\":\"Service unavailable\"}");
    int fd = dial();
    put(fd, GET("/", "Accept: text/html,*/*\r\n"));
    struct answer answer;
    take_head(fd, &answer);
    take_body(fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(header(&answer, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(strstr(answer.body, "/partners/"));
    mem_free(answer.body);
    put(fd, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET("/"));
    take_head(fd, &answer);
    assert_string_equal(header(&answer, "Content-Length"), "31");
    expect(fd, 200, "{\"name\":\"Muster\",\"status\":\"ok\"}");
    close(fd);
}

static void requests_are_parsed(void **state)
{
    (void)state;
    ask(GET("/v1/echo/a%2Fb/?q=1+2%263&r=4"), 200, "{\"id\":\"a/b\",\"q\":\"1 2&3\",\"peer\":\"127.0.0.1\"}");
    ask(GET("http://other.example/v1/echo/x?q=y"), 200, "{\"id\":\"x\",\"q\":\"y\",\"peer\":\"127.0.0.1\"}");
    ask(GET("/v1/echo/x?q="), 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    ask("GET /v1/echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{\"q\":\"z\"}  ", 200,
        "{\"id\":\"x\",\"q\":\"z\",\"peer\":\"127.0.0.1\"}");
    ask("GET /v1/echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnope", 200,
        "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    ask(POST("/v1/json", "7", "{\"a\":1}"), 201, "{\"a\":1}");
    ask(POST("/v1/json", "0", ""), 201, "{}");
    ask(POST("/v1/work", "7", "{\"a\":1}"), 201, "{\"a\":1}");
    ask("POST /v1/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":2}\r\n0\r\nT: x\r\n\r\n",
        201, "{\"a\":2}");
}

static void every_error_of_the_table(void **state)
{
    (void)state;
    ask(POST("/v1/json", "4", "nope"), 400, "{\"error\":\"Invalid JSON\"}");
    ask(POST("/v1/json", "3", "\"\xff\""), 400, "{\"error\":\"Invalid JSON\"}");
    ask(GET("/v1/devices/dev"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/v1/unknown"), 404, "{\"error\":\"Unknown endpoint\"}");
    ask(GET("/v1/devices/dev/unknown"), 404, "{\"error\":\"Unknown endpoint\"}"); /* before the key is looked at */
    ask(POST("/v1/json", "2", "[]"), 422, "{\"error\":\"Body must be an object\"}");
    ask(POST("/v1/json", "1", "1"), 422, "{\"error\":\"Body must be an object\"}");
    ask(POST("/v1/array", "2", "{}"), 422, "{\"error\":\"Body must be an array\"}");
    ask(GET("/v1/forgets"), 500, "{\"error\":\"Internal error\"}");
    ask(GET("/v1/echo/%zz"), 400, "{\"error\":\"Bad request\"}");
    ask_last("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "{\"error\":\"Bad request\"}");
    ask_last("GET / HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n", 400, "{\"error\":\"Bad request\"}");
    ask_last("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "{\"error\":\"HTTP version not supported\"}");
    ask_last("BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501, "{\"error\":\"Not implemented\"}");
    ask_last("POST /v1/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
             "{\"error\":\"Not implemented\"}");
    ask_last("POST /v1/json HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}", 417,
             "{\"error\":\"Expectation failed\"}");
    ask_last(POST("/v1/json", "100001", ""), 413, "{\"error\":\"Payload too large\"}");
    storage_is_broken = true;
    int fd = dial();
    struct answer answer;
    put(fd, POST("/v1/json", "2", "{}"));
    expect_full(fd, 503, "{\"error\":\"Service unavailable\"}", &answer);
    assert_non_null(header(&answer, "Retry-After"));
    storage_is_broken = false;
    put(fd, "DELETE /v1/json HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_full(fd, 405, "{\"error\":\"Method not allowed\"}", &answer);
    assert_string_equal(header(&answer, "Allow"), "POST");
    close(fd);
}

static void long_heads_are_refused(void **state)
{
    (void)state;
    struct buf request;
    buf_init(&request, 100000);
    buf_append_cstr(&request, "GET /");
    for (int i = 0; i < 9000; i++) {
        buf_append_u8(&request, 'a');
    }
    buf_append_cstr(&request, " HTTP/1.1\r\n\r\n");
    buf_append_u8(&request, '\0');
    ask_last((char *)request.data, 414, "{\"error\":\"URI too long\"}");
    buf_clear(&request);
    buf_append_cstr(&request, "GET / HTTP/1.1\r\nHost: x\r\nLong: ");
    for (int i = 0; i < 17000; i++) {
        buf_append_u8(&request, 'a');
    }
    buf_append_cstr(&request, "\r\n\r\n");
    buf_append_u8(&request, '\0');
    ask_last((char *)request.data, 431, "{\"error\":\"Headers too large\"}");
    buf_deinit(&request);
}

/* What two servers in a row could understand differently. */
static void smuggling_is_refused(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /v1/json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "POST /v1/json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /v1/json HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
        "POST /v1/json HTTP/1.1\r\nHost: x\r\nContent-Length : 2\r\n\r\n{}",
        "POST /v1/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2x\r\n{}\r\n0\r\n\r\n",
        "POST /v1/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        ask_last(requests[i], 400, "{\"error\":\"Bad request\"}");
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    int fd = dial();
    struct buf requests;
    buf_init(&requests, 1000000);
    for (int i = 0; i < 300; i++) { /* on the loop, on lanes, later, by turns */
        buf_printf(&requests, "GET /v1/echo/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        buf_printf(&requests, "POST /v1/json HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{\"n\":%d}", i < 10 ? 7 : i < 100 ? 8 : 9, i);
        buf_append_cstr(&requests, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    put_bytes(fd, requests.data, requests.len);
    for (int i = 0; i < 300; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"id\":\"%d\",\"q\":\"\",\"peer\":\"127.0.0.1\"}", i);
        expect(fd, 200, body);
        snprintf(body, sizeof body, "{\"n\":%d}", i);
        expect(fd, 201, body);
        expect(fd, 200, "{\"late\":true}");
    }
    buf_deinit(&requests);
    close(fd);
}

static void requests_may_come_byte_by_byte(void **state)
{
    (void)state;
    int fd = dial();
    const char *request = POST("/v1/json", "7", "{\"a\":1}");
    for (const char *at = request; *at; at++) {
        put_bytes(fd, at, 1);
        sched_yield();
    }
    expect(fd, 201, "{\"a\":1}");
    close(fd);
}

/* 30 MB of answers for one burst of requests: the server stops reading instead of piling them up. */
static void pipelining_does_not_pile_up_answers(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 30; i++) {
        put(fd, GET("/v1/big"));
    }
    for (int i = 0; i < 30; i++) {
        struct answer answer;
        take_head(fd, &answer);
        take_body(fd, &answer);
        assert_int_equal(answer.len, 1000002);
        mem_free(answer.body);
    }
    close(fd);
}

static void connections_are_kept_or_closed_as_asked(void **state)
{
    (void)state;
    ask_last(GET("/v1/echo/x", "Connection: close\r\n"), 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    ask_last("POST /v1/json HTTP/1.0\r\n\r\n{\"a\":1}", 411, "{\"error\":\"Length required\"}");
    ask_last("POST /v1/json HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 411, "{\"error\":\"Length required\"}");
    ask_last("GET /v1/echo/x HTTP/1.0\r\n\r\n", 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    int fd = dial();
    struct answer answer;
    put(fd, "GET /v1/echo/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_full(fd, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}", &answer);
    assert_string_equal(header(&answer, "Connection"), "keep-alive");
    put(fd, GET("/v1/nothing"));
    take_head(fd, &answer);
    assert_int_equal(answer.status, 204);
    assert_null(header(&answer, "Content-Length"));
    put(fd, GET("/v1/once"));
    expect_full(fd, 200, "{}", &answer);
    assert_string_equal(header(&answer, "X-Note"), "two  X-Injected: lines");
    assert_null(header(&answer, "X-Injected"));
    assert_non_null(header(&answer, "Date"));
    close(fd);
}

static void continue_is_said_when_the_body_is_wanted(void **state)
{
    (void)state;
    int fd = dial();
    struct answer answer;
    put(fd, "POST /v1/json HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    take_head(fd, &answer);
    assert_int_equal(answer.status, 100);
    put(fd, "{\"a\":1}");
    expect(fd, 201, "{\"a\":1}");
    put(fd, "POST /v1/unknown HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    expect(fd, 404, "{\"error\":\"Unknown endpoint\"}");
    shutdown(fd, SHUT_WR);
    assert_ended(fd);
    close(fd);
}

static void long_bodies_are_read_and_limited(void **state)
{
    (void)state;
    struct buf request;
    buf_init(&request, 1000000);
    buf_append_cstr(&request, "POST /v1/json HTTP/1.1\r\nHost: x\r\nContent-Length: 90008\r\n\r\n{\"a\":\"");
    size_t from = request.len - 6;
    for (int i = 0; i < 90000; i++) {
        buf_append_u8(&request, 'x');
    }
    buf_append_cstr(&request, "\"}");
    buf_append_u8(&request, '\0');
    ask((char *)request.data, 201, (char *)request.data + from);
    assert_int_equal(lane_runs[LANE_WORK], 1); /* parsed off the loop */
    buf_clear(&request);
    buf_append_cstr(&request, "POST /v1/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n");
    for (int i = 0; i < 100001; i++) {
        buf_append_u8(&request, ' ');
    }
    buf_append_u8(&request, '\0');
    ask_last((char *)request.data, 413, "{\"error\":\"Payload too large\"}");
    buf_deinit(&request);
}

static void bodies_of_refused_requests_are_dropped(void **state)
{
    (void)state;
    ask("POST /v1/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /", 404, "{\"error\":\"Unknown endpoint\"}");
    ask("POST /v1/devices/dev/telemetry HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxxx\r\n0\r\n\r\n", 401,
        "{\"error\":\"Not authorized\"}");
    ask_last("POST /v1/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", 404, "{\"error\":\"Unknown endpoint\"}");
}

#define REQUEST_TIMEOUT_MS 400u
#define KEEP_ALIVE_TIMEOUT_MS 1000u

static void short_timeouts(void)
{
    settings.http_request_timeout = REQUEST_TIMEOUT_MS;
    settings.http_keep_alive_timeout = KEEP_ALIVE_TIMEOUT_MS;
}

static void slow_requests_time_out(void **state)
{
    (void)state;
    int head = dial(), body = dial(), silent = dial(), after = dial();
    uint64_t before = clock_monotonic_ms();
    put(head, "GET / HT");
    put(body, POST("/v1/json", "10", "{\"a\""));
    put(after, GET("/v1/echo/x"));
    expect(after, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    expect(head, 408, "{\"error\":\"Request timeout\"}");
    expect(body, 408, "{\"error\":\"Request timeout\"}");
    assert_true(clock_monotonic_ms() - before >= REQUEST_TIMEOUT_MS - 1);
    assert_ended(silent); /* nothing was begun: no answer */
    assert_ended(after);
    assert_true(clock_monotonic_ms() - before >= KEEP_ALIVE_TIMEOUT_MS - 1);
    close(head);
    close(body);
    close(silent);
    close(after);
}

static void without_timeouts(void)
{
    settings.http_request_timeout = 0;
    settings.http_keep_alive_timeout = 0;
}

static void times_of_0_are_no_limit(void **state)
{
    (void)state;
    int fd = dial();
    put(fd, "GET /v1/ec");
    struct timeval tick = {0, 50000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), -1); /* it is open, and no answer comes */
    assert_int_equal(errno, EAGAIN);
    put(fd, "ho/x HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fd, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    close(fd);
}

static void drips_do_not_hold_a_connection(void **state)
{
    (void)state;
    int fd = dial();
    uint64_t before = clock_monotonic_ms(), last = before, longest_pause = 0;
    put(fd, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
    char reply[12];
    for (;;) { /* a byte every 20 ms does not let the idle time pass, unless this machine holds us up */
        struct timeval tick = {0, 20000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
        if (recv(fd, reply, sizeof reply, 0) > 0) {
            break;
        }
        uint64_t now = clock_monotonic_ms();
        assert_true(now - before < PATIENCE_S * 1000);
        longest_pause = now - last > longest_pause ? now - last : longest_pause;
        last = now;
        send(fd, "a", 1, MSG_NOSIGNAL);
    }
    assert_memory_equal(reply, "HTTP/1.1 408", 12);
    uint64_t took = clock_monotonic_ms() - before;
    assert_true(took >= 2 * REQUEST_TIMEOUT_MS - 1 || longest_pause >= REQUEST_TIMEOUT_MS / 2);
    close(fd);
}

static void devices_are_authorized(void **state)
{
    (void)state;
    ask(GET("/v1/devices/dev", "Authorization: device-key\r\n"), 200, "{\"id\":\"dev\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    ask(GET("/v1/devices/dev/", "authorization:   bearer device-key \r\n"), 200, "{\"id\":\"dev\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    ask(GET("/v1/devices/dev", "Authorization: other\r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/v1/devices/dev", "Authorization: \r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/v1/devices/other", "Authorization: device-key\r\n"), 401, "{\"error\":\"Not authorized\"}");
    assert_int_equal(contacts, 2);
    ask(GET("/v1/devices/suspended", "Authorization: device-key\r\n"), 503, "{\"error\":\"Service unavailable\"}");
    ask(POST("/v1/devices/dev/telemetry", "2", "{}", "Authorization: other\r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(POST("/v1/devices/dev/telemetry", "7", "{\"t\":1}", "Authorization: device-key\r\n"), 201, "{\"t\":1}");
    assert_int_equal(contacts, 3);
    assert_int_equal(lane_runs[LANE_REGISTRY], 1);
}

static void management_is_authorized(void **state)
{
    (void)state;
    char csrf[CSRF_TOKEN_CHARS + 1];
    memset(csrf, 'c', CSRF_TOKEN_CHARS);
    csrf[CSRF_TOKEN_CHARS] = '\0';
    const char *empty = "{\"id\":\"\",\"q\":\"\",\"peer\":\"127.0.0.1\"}";
    ask(GET("/core/v1/partner/things"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/core/v1/partner/things", "Authorization: mp_read\r\n"), 200, empty);
    ask(GET("/core/v1/partner/things", "Authorization: Bearer mp_full\r\n"), 200, empty);
    ask(GET("/core/v1/organization/things", "Authorization: mp_full\r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/core/v1/session", "Authorization: mp_full\r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/core/v1/session", "Cookie: muster=good\r\n"), 200, empty);
    ask(GET("/core/v1/partner/things", "Cookie: muster=good\r\n"), 200, empty);
    ask(GET("/core/v1/partner/things", "Cookie: muster=bad\r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(GET("/core/v1/organization/things", "Cookie: muster=good\r\n"), 401, "{\"error\":\"Not authorized\"}");
    ask(POST("/core/v1/partner/things", "2", "{}", "Authorization: mp_read\r\n"), 403, "{\"error\":\"Forbidden\"}");
    ask(POST("/core/v1/partner/things", "2", "{}", "Authorization: mp_full\r\n"), 201, "{\"made\":true}");
    ask(POST("/core/v1/partner/things", "2", "{}", "Cookie: muster=good\r\n"), 403, "{\"error\":\"Forbidden\"}");
    ask(POST("/core/v1/partner/things", "2", "{}", "Cookie: muster=good\r\nX-CSRF-Token: c\r\n"), 403, "{\"error\":\"Forbidden\"}");
    char request[512];
    snprintf(request, sizeof request, POST("/core/v1/partner/things", "2", "{}", "Cookie: muster=good\r\nX-CSRF-Token: %s\r\n"), csrf);
    ask(request, 201, "{\"made\":true}");
}

static void registry_calls_commit_or_roll_back(void **state)
{
    (void)state;
    ask(POST("/core/v1/partner/things", "9", "{\"bad\":1}", "Authorization: mp_full\r\n"), 422,
        "{\"error\":\"Name can't be blank\"}");
    assert_int_equal(committed_count, 0);
    ask(POST("/core/v1/partner/things", "7", "{\"a\":1}", "Authorization: mp_full\r\nIdempotency-Key: once\r\n"), 201,
        "{\"made\":true}");
    assert_int_equal(committed_count, 1);
    assert_int_equal(repeats_stored, 1);
    ask(POST("/core/v1/partner/things", "7", "{\"a\":1}", "Authorization: mp_full\r\nIdempotency-Key: again\r\n"), 201,
        "{\"first\":true}");
    assert_int_equal(committed_count, 1);
    ask(POST("/core/v1/partner/things", "9", "{\"bad\":1}", "Authorization: mp_full\r\nIdempotency-Key: once\r\n"), 422,
        "{\"error\":\"Name can't be blank\"}");
    assert_int_equal(repeats_stored, 1);
}

static void portal_replies_carry_security_headers(void **state)
{
    (void)state;
    int fd = dial();
    struct answer answer;
    put(fd, GET("/core/v1/session", "Cookie: muster=good\r\n"));
    expect_full(fd, 200, "{\"id\":\"\",\"q\":\"\",\"peer\":\"127.0.0.1\"}", &answer);
    assert_string_equal(header(&answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(header(&answer, "Referrer-Policy"), "no-referrer");
    assert_string_equal(header(&answer, "Cache-Control"), "no-store");
    assert_null(header(&answer, "Strict-Transport-Security")); /* plain HTTP */
    static const char *const pages[] = {"/partners/", "/partners", "/app/devices/1", "/setup/token", "/c/abc"};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        char request[128];
        snprintf(request, sizeof request, GET("%s"), pages[i]);
        put(fd, request);
        take_head(fd, &answer);
        take_body(fd, &answer);
        assert_int_equal(answer.status, 200);
        mem_free(answer.body);
    }
    put(fd, GET("/partnersx"));
    expect(fd, 404, "{\"error\":\"Unknown endpoint\"}");
    put(fd, GET("/assets/none.js"));
    expect(fd, 404, "{\"error\":\"Unknown endpoint\"}");
    put(fd, POST("/partners/", "0", ""));
    expect(fd, 404, "{\"error\":\"Unknown endpoint\"}");
    close(fd);
}

static void few_requests_of_a_device(void)
{
    settings.limits_device_requests = 3;
}

static void rates_are_limited(void **state)
{
    (void)state;
    int fd = dial();
    struct answer answer;
    for (int i = 0; i < 3; i++) {
        put(fd, GET("/v1/devices/dev", "Authorization: device-key\r\n"));
        expect(fd, 200, "{\"id\":\"dev\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
        put(fd, GET("/v1/devices/dev", "Authorization: guess\r\n"));
        expect(fd, 401, "{\"error\":\"Not authorized\"}");
    }
    for (int i = 0; i < 2; i++) {
        put(fd, GET("/v1/devices/dev", "Authorization: device-key\r\n"));
        expect_full(fd, 429, "{\"error\":\"Too many requests\"}", &answer);
        assert_in_range(strtoul(header(&answer, "Retry-After"), NULL, 10), 1, 30);
        put(fd, GET("/v1/devices/dev", "Authorization: guess\r\n"));
        expect(fd, 429, "{\"error\":\"Too many requests\"}");
    }
    put(fd, GET("/v1/devices/other", "Authorization: guess\r\n"));
    expect(fd, 401, "{\"error\":\"Not authorized\"}");
    close(fd);
}

static void behind_a_proxy(void)
{
    mem_free(settings.server_trusted_proxies);
    settings.server_trusted_proxies = str_dup(STR("127.0.0.0/8, 10.0.0.0/8"));
    settings.limits_address_requests = 2;
}

static void addresses_come_from_trusted_proxies(void **state)
{
    (void)state;
    int fd = dial();
    put(fd, GET("/v1/echo/x", "X-Forwarded-For: 192.0.2.66, 198.51.100.7, 10.1.1.1\r\n"));
    expect(fd, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"198.51.100.7\"}");
    put(fd, GET("/v1/echo/x", "X-Forwarded-For: 198.51.100.7\r\n"));
    expect(fd, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"198.51.100.7\"}");
    put(fd, GET("/v1/echo/x", "X-Forwarded-For: 198.51.100.7\r\n"));
    expect(fd, 429, "{\"error\":\"Too many requests\"}");
    put(fd, GET("/v1/echo/x", "X-Forwarded-For: 2001:db8::1\r\n"));
    expect(fd, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"2001:db8::1\"}");
    put(fd, GET("/v1/echo/x", "X-Forwarded-For: nonsense\r\n"));
    expect(fd, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    close(fd);
}

static void clients_may_go_while_a_call_is_under_way(void **state)
{
    (void)state;
    lanes_are_held = true;
    int fd = dial();
    put(fd, POST("/v1/json", "7", "{\"a\":1}"));
    AWAIT(held);
    struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    AWAIT(atomic_load(&api->connection_count) == 0);
    let_go();
    ask(GET("/v1/echo/x"), 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
}

static void half_closed_clients_get_their_answer(void **state)
{
    (void)state;
    lanes_are_held = true;
    int fd = dial();
    put(fd, POST("/v1/json", "7", "{\"a\":1}") POST("/v1/json", "7", "{\"a\":2}"));
    shutdown(fd, SHUT_WR);
    let_go();
    expect(fd, 201, "{\"a\":1}");
    expect(fd, 201, "{\"a\":2}");
    assert_ended(fd);
    close(fd);
}

static void draining_lets_calls_finish(void **state)
{
    (void)state;
    lanes_are_held = true;
    int busy = dial(), idle = dial();
    put(idle, GET("/v1/echo/x"));
    expect(idle, 200, "{\"id\":\"x\",\"q\":\"\",\"peer\":\"127.0.0.1\"}");
    put(busy, POST("/v1/json", "7", "{\"a\":1}") GET("/v1/echo/x"));
    AWAIT(held);
    api_drain(api);
    assert_ended(idle);
    assert_false(api_is_drained(api));
    int late = dial();
    put(late, GET("/v1/echo/x"));
    expect(late, 503, "{\"error\":\"Service unavailable\"}");
    assert_ended(late);
    let_go();
    struct answer answer;
    expect_full(busy, 201, "{\"a\":1}", &answer);
    assert_string_equal(header(&answer, "Connection"), "close");
    assert_ended(busy);
    close(busy);
    close(idle);
    close(late);
    AWAIT(api_is_drained(api));
}

static void server_sent_events_flow(void **state)
{
    (void)state;
    int fd = dial();
    struct answer answer;
    char event[11];
    put(fd, GET("/core/v1/partner/stream", "Authorization: mp_read\r\n"));
    take_head(fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(header(&answer, "Content-Type"), "text/event-stream; charset=utf-8");
    assert_null(header(&answer, "Content-Length"));
    assert_int_equal(recv(fd, event, sizeof event, MSG_WAITALL), 11);
    assert_memory_equal(event, "data: one\n\n", 11);
    close(fd);
    AWAIT(sse_ends >= 1);
    assert_int_equal(sse_ends, 1);
    fd = dial();
    put(fd, GET("/core/v1/partner/stream?end", "Authorization: mp_read\r\n"));
    take_head(fd, &answer);
    assert_int_equal(recv(fd, event, sizeof event, MSG_WAITALL), 11);
    assert_ended(fd);
    close(fd);
    fd = dial();
    put(fd, GET("/core/v1/partner/flood", "Authorization: mp_read\r\n"));
    take_head(fd, &answer);
    close(fd);
    assert_int_equal(refused_at, 39); /* with the head, 400000 bytes are full */
    fd = dial(); /* one that the end of the server finds open */
    put(fd, GET("/core/v1/partner/stream", "Authorization: mp_read\r\n"));
    take_head(fd, &answer);
    close(fd);
}

static void websocket_goes_to_the_hub(void **state)
{
    (void)state;
    int fd = dial();
    struct buf request;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    buf_init(&request, 1000);
    websocket_handshake_request(STR("/mqtt"), STR("x"), "mqtt", &request, accept);
    buf_append(&request, "\x82\x82\x01\x02\x03\x04\x69\x6b", 8); /* "hi" right behind */
    put_bytes(fd, request.data, request.len);
    struct answer answer;
    take_head(fd, &answer);
    assert_int_equal(answer.status, 101);
    assert_string_equal(header(&answer, "Sec-WebSocket-Accept"), accept);
    assert_string_equal(header(&answer, "Sec-WebSocket-Protocol"), "mqtt");
    char frame[4];
    assert_int_equal(recv(fd, frame, 4, MSG_WAITALL), 4);
    assert_memory_equal(frame, "\x82\x02hi", 4);
    close(fd);
    buf_clear(&request);
    websocket_handshake_request(STR("/mqtt"), STR("x"), "other", &request, accept);
    buf_append_u8(&request, '\0');
    ask((char *)request.data, 400, "{\"error\":\"Bad request\"}");
    buf_deinit(&request);
    fd = dial();
    put(fd, GET("/mqtt"));
    expect_full(fd, 426, "{\"error\":\"Upgrade required\"}", &answer);
    close(fd);
}

static void no_packet_limit(void)
{
    settings.mqtt_packet_max = 0;
}

static void websocket_messages_are_as_long_as_packets_may_be(void **state)
{
    (void)state;
    int fd = dial();
    struct buf request;
    char accept[WEBSOCKET_ACCEPT_BYTES];
    buf_init(&request, 1000);
    websocket_handshake_request(STR("/mqtt"), STR("x"), "mqtt", &request, accept);
    buf_append(&request, "\x82\xff\0\0\0\0\x10\0\0\0\x01\x02\x03\x04\x69\x6b", 16); /* 256 MiB, which begin with "hi" */
    put_bytes(fd, request.data, request.len);
    struct answer answer;
    take_head(fd, &answer);
    assert_int_equal(answer.status, 101);
    char frame[4];
    assert_int_equal(recv(fd, frame, 4, MSG_WAITALL), 4);
    assert_memory_equal(frame, "\x82\x02hi", 4);
    buf_deinit(&request);
    close(fd);
}

static void the_metrics_listener_serves_metrics_only(void **state)
{
    (void)state;
    struct listener *metrics;
    struct listener *main_listener = listener;
    struct listener_config listening = {.loops = &loop, .loop_count = 1, .on_accept = api_accept_metrics, .user = api};
    assert_true(net_address_parse(STR("127.0.0.1"), 0, &listening.address));
    assert_int_equal(listener_open(&listening, &metrics), ERR_OK);
    ask(GET("/metrics"), 404, "{\"error\":\"Unknown endpoint\"}");
    listener = metrics;
    int fd = dial();
    listener = main_listener;
    struct answer answer;
    put(fd, GET("/metrics"));
    take_head(fd, &answer);
    take_body(fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "muster_http_requests_total"));
    mem_free(answer.body);
    put(fd, GET("/partners/"));
    expect(fd, 404, "{\"error\":\"Unknown endpoint\"}");
    close(fd);
    listener_close(metrics);
}

int main(void)
{
#define WITH(test, settings) {#test, test, start, stop, &(struct special){settings}}
#define PLAIN(test) {#test, test, start, stop, NULL}
    const struct CMUnitTest tests[] = {
        PLAIN(root_and_health),
        PLAIN(requests_are_parsed),
        PLAIN(every_error_of_the_table),
        PLAIN(long_heads_are_refused),
        PLAIN(smuggling_is_refused),
        PLAIN(pipelined_requests_are_answered_in_order),
        PLAIN(requests_may_come_byte_by_byte),
        PLAIN(pipelining_does_not_pile_up_answers),
        PLAIN(connections_are_kept_or_closed_as_asked),
        PLAIN(continue_is_said_when_the_body_is_wanted),
        PLAIN(long_bodies_are_read_and_limited),
        PLAIN(bodies_of_refused_requests_are_dropped),
        WITH(slow_requests_time_out, short_timeouts),
        WITH(times_of_0_are_no_limit, without_timeouts),
        WITH(drips_do_not_hold_a_connection, short_timeouts),
        PLAIN(devices_are_authorized),
        PLAIN(management_is_authorized),
        PLAIN(registry_calls_commit_or_roll_back),
        PLAIN(portal_replies_carry_security_headers),
        WITH(rates_are_limited, few_requests_of_a_device),
        WITH(addresses_come_from_trusted_proxies, behind_a_proxy),
        PLAIN(clients_may_go_while_a_call_is_under_way),
        PLAIN(half_closed_clients_get_their_answer),
        PLAIN(draining_lets_calls_finish),
        PLAIN(server_sent_events_flow),
        PLAIN(websocket_goes_to_the_hub),
        WITH(websocket_messages_are_as_long_as_packets_may_be, no_packet_limit),
        PLAIN(the_metrics_listener_serves_metrics_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
