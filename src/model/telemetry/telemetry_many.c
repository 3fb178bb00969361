#include "model/telemetry/telemetry_many.h"

#include "base/mem.h"
#include "codec/json/json.h"
#include "model/account/credentials.h"
#include "model/domain.h"
#include "model/device/presence.h"

struct many_entry {
    struct many *many;
    struct str key;             /* in the body of the outer call */
    struct device_call *call;   /* NULL: refused */
    const char *refusal;
};

struct many {
    struct device_call *outer;
    void (*finished)(struct device_call *call);
    struct many_entry *entries;
    size_t count;
    size_t waiting; /* entries under way, and the start itself; on the home of the outer call */
};

static void write_reply(struct many *many)
{
    struct reply *reply = &many->outer->reply;
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    for (size_t i = 0; i < many->count; i++) {
        const struct many_entry *entry = &many->entries[i];
        json_name_str(&w, entry->key);
        if (entry->call) {
            json_put_raw(&w, buf_str(&entry->call->reply.body));
        } else {
            json_begin_object(&w);
            json_field_cstr(&w, "error", entry->refusal);
            json_end_object(&w);
        }
    }
    json_end_object(&w);
    reply->status = 201;
}

static void release(struct many *many)
{
    if (--many->waiting > 0) {
        return;
    }
    write_reply(many);
    for (size_t i = 0; i < many->count; i++) {
        device_call_free(many->entries[i].call);
    }
    many->finished(many->outer);
}

static void entry_done(struct op *op)
{
    struct many_entry *entry = container_of(op, struct device_call, op)->user;
    release(entry->many);
}

static bool is_child(const struct many *many, const struct str key, struct device_brief *ret_device)
{
    struct uuid id;
    return many->outer->device.no && uuid_parse(key, &id) &&
           device_table_find(many->outer->domain->devices, &id, ret_device) &&
           ret_device->parent_no == many->outer->device.no;
}

/* NULL: *ret_device may report; else why not. */
static const char *authorize(const struct many *many, const struct many_entry *entry, const struct json *body,
                             struct device_brief *ret_device)
{
    struct str token = json_string(json_get(body, "access_token"));
    if (is_child(many, entry->key, ret_device)) {
        return ret_device->suspended ? "Service unavailable" : NULL;
    }
    enum credential_result result =
        token.len ? credentials_check_device(many->outer->domain, entry->key, token, ret_device) : CREDENTIAL_UNKNOWN;
    if (result == CREDENTIAL_SUSPENDED) {
        return "Service unavailable";
    }
    return result == CREDENTIAL_OK              ? NULL
           : many->outer->device.no && !token.len ? "Child not found"
                                                  : "Invalid access token";
}

static uint32_t text_bytes(const struct json *body, uint32_t whole)
{
    struct buf text;
    buf_init(&text, (size_t)whole + 64);
    json_write(&text, body);
    uint32_t bytes = text.failed ? whole : (uint32_t)text.len;
    buf_deinit(&text);
    return bytes;
}

static void start_entry(struct many *many, struct many_entry *entry, const struct json *body)
{
    struct device_call *outer = many->outer;
    struct device_brief device;
    entry->many = many;
    entry->key = json_key(body);
    entry->refusal = json_is_object(body) ? authorize(many, entry, body, &device) : "Body must be an object";
    if (entry->refusal) {
        return;
    }
    presence_contact(outer->domain, device.no);
    entry->call = device_call_new(outer->domain, DEVICE_TELEMETRY, &device, outer->transport);
    entry->call->body = json_dup(body);
    json_remove(entry->call->body, STR("access_token"));
    entry->call->body_bytes = text_bytes(entry->call->body, outer->body_bytes);
    entry->call->qos = outer->qos;
    entry->call->user = entry;
    many->waiting++;
    device_call_submit(entry->call, outer->op.home, entry_done);
}

bool telemetry_many_start(struct device_call *call, void (*finished)(struct device_call *call))
{
    size_t count = json_count(call->body);
    if (count > TELEMETRY_DEVICES_MAX) {
        reply_error(&call->reply, 422, "Too many devices, maximum is %d", TELEMETRY_DEVICES_MAX);
        return false;
    }
    struct many *many = arena_new(&call->arena, struct many);
    *many = (struct many){
        .outer = call,
        .finished = finished,
        .entries = arena_alloc(&call->arena, (count + 1) * sizeof *many->entries),
        .count = count,
        .waiting = 1,
    };
    memset(many->entries, 0, (count + 1) * sizeof *many->entries);
    struct many_entry *entry = many->entries;
    for (const struct json *body = json_first(call->body); body; body = json_next(body)) {
        start_entry(many, entry++, body);
    }
    release(many);
    return true;
}
