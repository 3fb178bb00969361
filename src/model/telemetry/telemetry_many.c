#include "model/telemetry/telemetry_many.h"

#include "base/mem.h"
#include "codec/json/json.h"
#include "model/account/credentials.h"
#include "model/domain.h"
#include "model/device/presence.h"
#include "model/telemetry/sample_post.h"
#include "model/telemetry/telemetry.h"

struct many_entry {
    struct telemetry_many *many;
    struct str key;                  /* in the body of the outer call */
    struct device_call *call;        /* NULL: refused */
    struct telemetry_sample *sample; /* of the call; NULL: refused, the call's reply tells */
    const char *refusal;
};

struct telemetry_many {
    struct device_call *outer;
    struct many_entry *entries;
    size_t count;
    size_t waiting; /* entries whose reply is not complete, and their start itself; on the home of the outer call */
};

static void write_reply(struct telemetry_many *many)
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

/* True: the reply is complete. */
static bool release(struct telemetry_many *many)
{
    if (--many->waiting > 0) {
        return false;
    }
    write_reply(many);
    return true;
}

static void entry_done(struct op *op)
{
    struct many_entry *entry = container_of(op, struct device_call, op)->user;
    struct telemetry_many *many = entry->many;
    if (release(many)) {
        device_call_finish(many->outer);
    }
}

static bool is_child(const struct telemetry_many *many, const struct str key, struct device_brief *ret_device)
{
    struct uuid id;
    return many->outer->device.no && uuid_parse(key, &id) &&
           device_table_find(many->outer->domain->devices, &id, ret_device) &&
           ret_device->parent_no == many->outer->device.no;
}

/* NULL: *ret_device may report; else why not. */
static const char *authorize(const struct telemetry_many *many, const struct many_entry *entry, const struct json *body,
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

static void start_entry(struct telemetry_many *many, struct many_entry *entry, const struct json *body)
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
    entry->sample = device_call_take_sample(entry->call);
}

bool telemetry_many_start(struct device_call *call)
{
    size_t count = json_count(call->body);
    if (count > TELEMETRY_DEVICES_MAX) {
        reply_error(&call->reply, 422, "Too many devices, maximum is %d", TELEMETRY_DEVICES_MAX);
        return false;
    }
    struct telemetry_many *many = arena_new(&call->arena, struct telemetry_many);
    *many = (struct telemetry_many){
        .outer = call,
        .entries = arena_alloc(&call->arena, (count + 1) * sizeof *many->entries),
        .count = count,
    };
    memset(many->entries, 0, (count + 1) * sizeof *many->entries);
    call->many = many;
    struct many_entry *entry = many->entries;
    for (const struct json *body = json_first(call->body); body; body = json_next(body)) {
        start_entry(many, entry++, body);
    }
    return true;
}

/* What the state's limits refuse is refused for that entry alone. */
void telemetry_many_run(struct op *op, struct store_tx *tx)
{
    struct device_call *outer = container_of(op, struct device_call, op);
    struct telemetry_many *many = outer->many;
    int64_t intent_no = outer->intent.intent_no; /* of the whole call: the first sample bears it */
    for (size_t i = 0; i < many->count && op->err == ERR_OK; i++) {
        struct many_entry *entry = &many->entries[i];
        if (!entry->sample) {
            continue;
        }
        entry->sample->intent_no = intent_no;
        enum err err = telemetry_append(outer->domain, tx, entry->call->device.no, entry->sample, &entry->call->reply);
        if (err == ERR_OK) {
            intent_no = 0;
        } else if (err == ERR_INVALID || err == ERR_NOT_FOUND) {
            device_reply_failure(&entry->call->reply, err);
            entry->sample = NULL;
        } else {
            op->err = err;
        }
    }
}

bool telemetry_many_stored(struct device_call *call)
{
    struct telemetry_many *many = call->many;
    many->waiting = 1;
    for (size_t i = 0; i < many->count; i++) {
        if (many->entries[i].sample) {
            many->waiting++;
            device_call_sample_stored(many->entries[i].call, call->op.home, entry_done);
        }
    }
    return !release(many);
}

void telemetry_many_free(struct telemetry_many *many)
{
    for (size_t i = 0; many && i < many->count; i++) {
        device_call_free(many->entries[i].call);
    }
}
