#include "app/simulate/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/loop.h"

enum { BODY_BYTES_MAX = 1024 * 1024, AGAIN_MS = 250 };

static void on_again_due(struct timer *timer, uint64_t now_ms);

static struct call *make(struct world *world, const char *method, char *path,
                         void (*done)(struct call *call, unsigned status, const struct json *reply))
{
    struct call *call = mem_new(struct call);
    call->world = world;
    call->method = method;
    call->path = path;
    call->done = done;
    call->again.on_due = on_again_due;
    buf_init(&call->body, BODY_BYTES_MAX);
    return call;
}

struct call *call_new(struct world *world, const char *method, const char *key,
                      void (*done)(struct call *call, unsigned status, const struct json *reply), const char *path, ...)
{
    char text[512];
    va_list args;
    va_start(args, path);
    vsnprintf(text, sizeof text, path, args);
    va_end(args);
    struct call *call = make(world, method, str_dup(str_from_cstr(text)), done);
    call->key = key;
    return call;
}

struct call *call_new_publish(struct sim_device *publisher, const char *topic,
                              void (*done)(struct call *call, unsigned status, const struct json *reply))
{
    struct call *call = make(publisher->world, "PUBLISH", str_dup(str_from_cstr(topic)), done);
    call->publisher = call->device = publisher;
    return call;
}

struct json_writer call_body(struct call *call)
{
    struct json_writer w;
    json_writer_init(&w, &call->body);
    json_begin_object(&w);
    return w;
}

static void send_it(struct call *call)
{
    if (call->publisher) {
        device_publish(call->publisher, call);
    } else {
        http_pool_send(call->world->pool, call);
    }
}

void call_submit(struct call *call)
{
    call->world->calls_open++;
    list_append(&call->world->calls, &call->open);
    call->world->counts.calls++;
    send_it(call);
}

static void on_again_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    send_it(container_of(timer, struct call, again));
}

void call_again(struct call *call, bool may_have_counted)
{
    call->lost += may_have_counted;
    call->world->counts.lost += may_have_counted;
    timer_set(loop_timers(call->world->loop), &call->again, loop_now_ms(call->world->loop) + AGAIN_MS);
}

static void call_free(struct call *call)
{
    mem_free(call->path);
    buf_deinit(&call->body);
    mem_free(call);
}

void call_answer(struct call *call, unsigned status, const struct json *reply)
{
    if (status == 429) {
        call_again(call, false);
        return;
    }
    if (status == 503 || status == 408) {
        call_again(call, true);
        return;
    }
    call->world->calls_open--;
    list_remove(&call->open);
    call->done(call, status, reply);
    call_free(call);
}

void calls_free(struct world *world)
{
    list_each_safe(node, &world->calls) {
        call_free(list_entry(node, struct call, open));
    }
}

void call_unexpected(const struct call *call, unsigned status, const struct json *reply)
{
    struct buf text;
    buf_init(&text, 100000);
    if (reply) {
        json_write(&text, reply);
    }
    world_difference(call->world, "%s %s%s: answered %u %.300s", call->method,
                     call->publisher ? call->publisher->prefix : "", call->path, status,
                     text.len ? (buf_append_u8(&text, 0), (const char *)text.data) : "");
    buf_deinit(&text);
}

bool call_succeeded(unsigned status)
{
    return status >= 200 && status < 300;
}
