/* A request's way: its head finds a route and says who asks, its body is parsed, the handler runs where the route wants
 * it, and the reply goes back to the loop. Whatever is checked before the handler costs no store access. */
#include "api/call.h"

#include <stdarg.h>

#include "api/api_internal.h"
#include "api/download.h"
#include "api/upload.h"
#include "base/mem.h"
#include "model/management/idempotency.h"

#define PARSED_ON_LOOP_BYTES_MAX (32 * 1024) /* a longer body would hold up the others of the loop */
#define SPARE_BODY_BYTES_MAX (16 * 1024)
#define HEADERS_BYTES_MAX (16 * 1024)
#define JSON_NODES_MAX (512 * 1024)
#define DROPPED_BODY_BYTES_MAX (64 * 1024)

/* --- life --- */

static struct http_call *take_spare(struct api_loop *home)
{
    struct http_call *spare = home->spare_calls;
    if (spare) {
        home->spare_calls = spare->next_spare;
        home->spare_call_count--;
    }
    return spare;
}

struct http_call *http_call_new(struct http_connection *connection)
{
    struct http_call *http_call = take_spare(connection->home);
    struct call *call;
    if (!http_call) {
        http_call = mem_new(struct http_call);
        call = &http_call->call;
        arena_init(&call->arena);
        reply_init(&call->reply);
        buf_init(&call->extra_headers, HEADERS_BYTES_MAX);
        buf_init(&http_call->body, 0);
    }
    call = &http_call->call;
    http_call->connection = connection;
    http_call->home = loop_mailbox(connection->home->loop);
    call->connection = connection;
    call->api = connection->api;
    call->domain = connection->api->domain;
    return http_call;
}

static void clear_buf(struct buf *buf)
{
    if (buf->cap > SPARE_BODY_BYTES_MAX) {
        buf_deinit(buf);
    }
    buf_clear(buf);
}

/* As good as new, with its memory. */
static void recycle(struct api_loop *home, struct http_call *http_call)
{
    struct call *call = &http_call->call;
    clear_buf(&http_call->body);
    clear_buf(&call->reply.body);
    clear_buf(&call->extra_headers);
    arena_reset(&call->arena);
    struct http_call kept = {.body = http_call->body, .next_spare = home->spare_calls};
    kept.call.arena = call->arena;
    kept.call.reply.body = call->reply.body;
    kept.call.extra_headers = call->extra_headers;
    *http_call = kept;
    home->spare_calls = http_call;
    home->spare_call_count++;
}

void http_call_free(struct api_loop *home, struct http_call *http_call)
{
    struct call *call = &http_call->call;
    json_free(call->body);
    body_upload_free(http_call->upload);
    download_drop(call->download, call->domain);
    if (http_call->parser.message) {
        http1_parser_deinit(&http_call->parser);
    }
    if (http_call->strange_bytes) {
        atomic_fetch_sub_explicit(&call->api->strange_bytes, http_call->strange_bytes, memory_order_relaxed);
    }
    if (home && home->spare_call_count < SPARE_CALLS) {
        recycle(home, http_call);
        return;
    }
    arena_deinit(&call->arena);
    reply_deinit(&call->reply);
    buf_deinit(&call->extra_headers);
    buf_deinit(&http_call->body);
    mem_free(http_call);
}

/* --- the head --- */

static void read_headers(struct http_call *http_call, const struct http1_head *head)
{
    struct call *call = &http_call->call;
    const struct {
        struct str name;
        struct str *value;
    } wanted[] = {
        {STR_INIT("Authorization"), &http_call->authorization}, {STR_INIT("Cookie"), &call->cookie},
        {STR_INIT("Origin"), &call->origin}, {STR_INIT("Idempotency-Key"), &call->idempotency_key},
        {STR_INIT("User-Agent"), &call->user_agent}, {STR_INIT("Accept"), &call->accept},
        {STR_INIT("Accept-Encoding"), &call->accept_encoding},
        {STR_INIT("If-None-Match"), &call->if_none_match}, {STR_INIT("Last-Event-ID"), &call->last_event_id},
        {STR_INIT("X-CSRF-Token"), &call->csrf}, {STR_INIT("X-Forwarded-For"), &http_call->forwarded_for},
        {STR_INIT("X-Forwarded-Proto"), &http_call->forwarded_proto},
        {STR_INIT("Range"), &call->range}, {STR_INIT("If-Range"), &call->if_range},
    };
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        for (size_t j = 0; j < sizeof wanted / sizeof wanted[0]; j++) {
            if (header->name.len == wanted[j].name.len && str_eq_nocase(header->name, wanted[j].name)) {
                if (!wanted[j].value->ptr || wanted[j].value == &http_call->forwarded_for) { /* the first; of the proxies' list the last, which ours wrote */
                    *wanted[j].value = header->value;
                }
                break;
            }
        }
    }
}

static bool is_proxy(const struct api_loop *home, const struct net_address *address)
{
    for (size_t i = 0; i < home->proxy_count; i++) {
        if (network_contains(&home->proxies[i], address)) {
            return true;
        }
    }
    return false;
}

static struct str last_part(struct str *list)
{
    size_t from = list->len;
    while (from > 0 && list->ptr[from - 1] != ',') {
        from--;
    }
    struct str part = str_trim(str_sub(*list, from, list->len));
    *list = str_sub(*list, 0, from > 0 ? from - 1 : 0);
    return part;
}

/* From the right: what our proxies have written is believed, up to the first address that is none of them. */
static void read_forwarded(struct http_call *http_call)
{
    const struct api_loop *home = http_call->connection->home;
    struct call *call = &http_call->call;
    if (home->proxy_count == 0 || !is_proxy(home, &call->peer)) {
        return;
    }
    struct str list = http_call->forwarded_for;
    while (list.len > 0) {
        struct net_address address;
        if (!net_address_parse(last_part(&list), 0, &address)) {
            break;
        }
        call->peer = address;
        if (!is_proxy(home, &address)) {
            break;
        }
    }
    if (http_call->forwarded_proto.ptr) {
        call->is_tls = str_eq_nocase(http_call->forwarded_proto, STR("https"));
    }
}

static const struct net_address *local_address(struct http_connection *connection)
{
    if (!connection->has_local) {
        stream_local(connection->stream, &connection->local);
        connection->has_local = true;
    }
    return &connection->local;
}

static void read_head(struct http_call *http_call, const struct http1_head *head)
{
    struct call *call = &http_call->call;
    const struct stream *stream = http_call->connection->stream;
    call->method = head->method;
    call->path = head->path;
    call->query = head->query;
    call->host = head->host;
    call->is_head = str_eq(head->method, STR("HEAD"));
    call->peer = *stream_peer(stream);
    call->local = *local_address(http_call->connection);
    call->is_tls = stream_is_tls(stream);
    http_call->keep_alive = head->keep_alive;
    read_headers(http_call, head);
    read_forwarded(http_call);
    net_host_format(&call->peer, call->peer_text);
    http_call->is_exempt = http_call_peer_is_exempt(http_call);
}

static bool find_route(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    struct route_match match;
    switch (router_find(http_call->connection->router, call->method, call->path, &call->arena, &match)) {
    case ROUTE_FOUND:
        call->route = match.route;
        memcpy(call->params, match.params, sizeof call->params);
        return true;
    case ROUTE_OTHER_METHODS:
        reply_error(&call->reply, 405, "Method not allowed");
        call_header(call, "Allow", "%.*s", STR_ARG(match.allow));
        return false;
    case ROUTE_BAD_PATH:
        reply_error(&call->reply, 400, "Bad request");
        return false;
    case ROUTE_UNKNOWN:
        break;
    }
    bool reads = call->is_head || str_eq(call->method, STR("GET"));
    if (reads && http_call->connection->router == call->api->router) {
        call->route = portal_route(call->api->portal, call->path);
    }
    if (!call->route) {
        reply_error(&call->reply, 404, "Unknown endpoint");
    }
    return call->route != NULL;
}

/* A value that cannot be read must not count as absent: the filter it meant would be dropped. Pages ignore their query. */
static bool check_query(struct call *call)
{
    struct str rest = call->route->access == ACCESS_PROBE ? (struct str){0} : call->query;
    struct str name, value;
    enum err err;
    while ((err = http1_query_next(&rest, &call->arena, &name, &value)) == ERR_OK) {
    }
    if (err != ERR_NOT_FOUND) {
        reply_error(&call->reply, 400, "Bad request");
    }
    return err == ERR_NOT_FOUND;
}

/* Without a length nothing follows the head, as HTTP/1.1 has it; but what has a content has one, and so has what HTTP/1.0
 * posts (RFC 9110 section 15.5.12, RFC 1945 section 8.3): what stands behind such a head would be lost. */
static bool check_length(struct http_call *http_call, const struct http1_head *head)
{
    const struct call *call = &http_call->call;
    bool needs_length = !http_call_only_reads(call) && (head->minor_version == 0 || (call->route->flags & ROUTE_UPLOAD));
    if (!needs_length || head->has_content_length || head->is_chunked) {
        return true;
    }
    http_call->keep_alive = false;
    reply_error(&http_call->call.reply, 411, "Length required");
    return false;
}

static bool check_head(struct http_call *http_call, const struct http1_head *head)
{
    struct call *call = &http_call->call;
    if (atomic_load_explicit(&call->api->draining, memory_order_relaxed)) {
        reply_error(&call->reply, 503, "Service unavailable");
        return false;
    }
    if (!find_route(http_call) || !http_call_authorize(http_call) || !check_query(call) ||
        !check_length(http_call, head)) {
        return false;
    }
    if (call->route->flags & ROUTE_UPLOAD) {
        return body_upload_begin(http_call, head);
    }
    const struct settings *settings = domain_settings(call->domain);
    size_t max = call->route->flags & ROUTE_BULK_BODY ? settings->http_bulk_body_max : settings->http_body_max;
    http_call->body.max = max ? max : SIZE_MAX / 4;
    if (head->content_length > http_call->body.max) {
        reply_error(&call->reply, 413, "Payload too large");
        return false;
    }
    return true;
}

void http_call_begin(struct http_call *http_call, const struct http1_head *head)
{
    read_head(http_call, head);
    http_call->decided = !check_head(http_call, head);
    http_call->body_max = DROPPED_BODY_BYTES_MAX;
}

/* --- the body --- */

bool http_call_only_reads(const struct call *call)
{
    return call->is_head || str_eq(call->method, STR("GET")) || str_eq(call->method, STR("DELETE"));
}

static void parse_body(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    size_t bytes = call->raw_body.len;
    struct json_limits limits = {.bytes_max = bytes + 1, .nodes_max = bytes < JSON_NODES_MAX ? bytes + 1 : JSON_NODES_MAX};
    http_call->parse_err = json_parse(call->raw_body, &limits, &call->body);
}

/* On reads the body is optional extra: members stand in for the query (management-api.md 1.3.2). */
static bool check_body(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    if (http_call_only_reads(call)) {
        if (http_call->parse_err == ERR_OK && !json_is_object(call->body)) {
            json_free(call->body);
            call->body = NULL;
        }
        return true;
    }
    bool wants_array = (call->route->flags & ROUTE_ARRAY_BODY) != 0;
    if (http_call->parse_err == ERR_LIMIT) {
        reply_error(&call->reply, 413, "Payload too large");
    } else if (http_call->parse_err != ERR_OK) {
        reply_error(&call->reply, 400, "Invalid JSON");
    } else if (wants_array ? !json_is_array(call->body) : !json_is_object(call->body)) {
        reply_error(&call->reply, 422, wants_array ? "Body must be an array" : "Body must be an object");
    } else {
        return true;
    }
    return false;
}

static bool is_to_be_parsed(const struct http_call *http_call)
{
    const struct call *call = &http_call->call;
    if (call->raw_body.len == 0 || (call->route->flags & ROUTE_RAW_BODY)) {
        return false;
    }
    return !(http_call_only_reads(call) && call->route->access == ACCESS_DEVICE); /* device-api.md 1.2.5: ignored */
}

/* --- the handler --- */

static void finish(struct http_call *http_call)
{
    struct reply *reply = &http_call->call.reply;
    if (reply->body.failed) { /* above the largest reply there is */
        reply_from_err(reply, ERR_INTERNAL);
    }
    http_connection_answer(http_call);
}

static bool is_idempotent(const struct call *call)
{
    return (call->route->flags & ROUTE_IDEMPOTENT_KEY) && call->idempotency_key.ptr;
}

static struct idempotency_call once_of(struct call *call)
{
    return (struct idempotency_call){
        .principal = &call->principal,
        .route = arena_printf(&call->arena, "%s %s", call->route->method, call->route->path),
        .path = call->path,
        .query = call->query,
        .key = call->idempotency_key,
        .body = call->raw_body,
    };
}

/* True: it was made before, and is answered. */
static bool is_repeated(struct http_call *http_call, struct store_tx *tx)
{
    struct call *call = &http_call->call;
    struct idempotency_call once = once_of(call);
    http_call->idempotent_repeat = idempotency_lookup(call->domain, tx, &once, &call->reply) != IDEMPOTENCY_NEW;
    return http_call->idempotent_repeat;
}

static void run_idempotent(struct http_call *http_call, struct store_tx *tx)
{
    struct call *call = &http_call->call;
    if (is_repeated(http_call, tx)) {
        return;
    }
    struct idempotency_call once = once_of(call);
    call->route->handler(call, tx);
    if (call->reply.status >= 200 && call->reply.status < 300) {
        idempotency_store(call->domain, tx, &once, &call->reply);
    }
}

static bool has_next_step(const struct call *call)
{
    return call->route->place == PLACE_STEPS && call->step != STEP_WRITE && call->reply.status == 0;
}

static void run_on_lane(struct op *op, struct store_tx *tx)
{
    struct call *call = container_of(op, struct call, op);
    if (is_idempotent(call) && op->lane == LANE_READ && is_repeated(http_call_of(call), tx)) {
        return; /* of steps: the ones before the last may have effects of their own */
    }
    if (is_idempotent(call) && op->lane == LANE_REGISTRY) {
        run_idempotent(http_call_of(call), tx);
    } else {
        call->route->handler(call, tx);
    }
    if (call->reply.status == 0 && !has_next_step(call)) {
        reply_from_err(&call->reply, ERR_INTERNAL);
    }
    if (op->lane == LANE_REGISTRY && reply_is_error(&call->reply)) {
        op->err = call->reply.status >= 500 ? ERR_INTERNAL : ERR_DENIED; /* rolls back what the handler wrote */
    }
}

static void committed_on_lane(struct op *op)
{
    struct call *call = container_of(op, struct call, op);
    struct http_call *http_call = http_call_of(call);
    http_call->is_committed = !http_call->idempotent_repeat;
    if (call->committed && http_call->is_committed) {
        call->committed(call);
    }
}

static void submit(struct http_call *http_call, enum op_lane lane);

static void done_on_loop(struct op *op)
{
    struct call *call = container_of(op, struct call, op);
    if (op->err == ERR_OK && has_next_step(call)) {
        call->step = call->step == STEP_READ ? STEP_WORK : STEP_WRITE;
        submit(http_call_of(call), call->step == STEP_WORK ? LANE_WORK : LANE_REGISTRY);
        return;
    }
    if (op->err != ERR_OK && !reply_is_error(&call->reply)) {
        reply_from_err(&call->reply, op->err);
    }
    finish(http_call_of(call));
}

static void submit(struct http_call *http_call, enum op_lane lane)
{
    struct op *op = &http_call->call.op;
    op->lane = lane;
    op->home = http_call->home;
    op->run = run_on_lane;
    op->committed = lane == LANE_REGISTRY ? committed_on_lane : NULL;
    op->done = done_on_loop;
    op_submit(http_call->call.domain->executor, op);
}

/* The handler answers now, later (call_finish) or keeps the connection (sse_open). */
static void run_on_loop(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    http_call->with_loop_handler = true;
    call->route->handler(call, NULL);
    http_call->with_loop_handler = false;
    if (http_call->streaming) {
        struct http_connection *connection = http_call->connection;
        connection->call = NULL;
        http_call_free(connection->home, http_call);
    } else if (call->reply.status != 0) {
        finish(http_call);
    }
}

static void dispatch(struct http_call *http_call)
{
    switch (http_call->call.route->place) {
    case PLACE_LOOP:
        run_on_loop(http_call);
        break;
    case PLACE_READ:
        submit(http_call, LANE_READ);
        break;
    case PLACE_REGISTRY:
        submit(http_call, LANE_REGISTRY);
        break;
    case PLACE_WORK:
        submit(http_call, LANE_WORK);
        break;
    case PLACE_STEPS:
        submit(http_call, LANE_READ); /* the first step */
        break;
    }
}

static void check_and_dispatch(struct http_call *http_call)
{
    if (check_body(http_call)) {
        dispatch(http_call);
    } else {
        finish(http_call);
    }
}

static void parse_on_worker(struct op *op, struct store_tx *tx)
{
    (void)tx;
    parse_body(http_call_of(container_of(op, struct call, op)));
}

static void parsed_on_worker(struct op *op)
{
    struct http_call *http_call = http_call_of(container_of(op, struct call, op));
    if (op->err != ERR_OK) {
        reply_from_err(&http_call->call.reply, op->err);
        finish(http_call);
    } else if (!http_call->connection) { /* nobody waits for what has not begun */
        http_call_free(NULL, http_call);
    } else {
        check_and_dispatch(http_call);
    }
}

void http_call_uploaded(struct http_call *http_call)
{
    if (http_call->call.reply.status != 0) {
        finish(http_call);
    } else {
        dispatch(http_call);
    }
}

void http_call_run(struct http_call *http_call)
{
    struct call *call = &http_call->call;
    if (http_call->upload) {
        body_upload_end(http_call);
        return;
    }
    call->raw_body = buf_str(&http_call->body);
    if (call->raw_body.len == 0 && (call->route->flags & ROUTE_ARRAY_BODY)) {
        reply_error(&call->reply, 422, "Body must be an array"); /* nothing is not an empty list */
        finish(http_call);
        return;
    }
    if (!is_to_be_parsed(http_call)) {
        dispatch(http_call);
        return;
    }
    if (call->raw_body.len <= PARSED_ON_LOOP_BYTES_MAX || !call->domain->executor) {
        parse_body(http_call);
        check_and_dispatch(http_call);
        return;
    }
    struct op *op = &call->op;
    op->lane = LANE_WORK;
    op->home = http_call->home;
    op->run = parse_on_worker;
    op->committed = NULL;
    op->done = parsed_on_worker;
    op_submit(call->domain->executor, op);
}

void call_finish(struct call *call)
{
    struct http_call *http_call = http_call_of(call);
    if (call->reply.status == 0) {
        reply_from_err(&call->reply, ERR_INTERNAL);
    }
    if (!http_call->with_loop_handler) { /* from within the handler: run_on_loop does it when that returns */
        finish(http_call);
    }
}

/* --- what handlers use --- */

const struct portal *call_portal(const struct call *call)
{
    return call->api->portal;
}

void call_header(struct call *call, const char *name, const char *format, ...)
{
    struct buf *out = &call->extra_headers;
    buf_append_cstr(out, name);
    buf_append_cstr(out, ": ");
    size_t from = out->len;
    va_list args;
    va_start(args, format);
    buf_vprintf(out, format, args);
    va_end(args);
    for (size_t i = from; i < out->len; i++) { /* a value cannot begin another header */
        if (out->data[i] < ' ' || out->data[i] == 0x7f) {
            out->data[i] = ' ';
        }
    }
    buf_append_cstr(out, "\r\n");
}
