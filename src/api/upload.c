#include "api/upload.h"

#include "api/api_internal.h"
#include "api/upload_slots.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "codec/multipart/multipart.h"
#include "model/maker/catalog.h"

#define FIELDS_BYTES_MAX ((size_t)64 * 1024) /* all texts together */
#define SLOT_RETRY_AFTER_S 5
#define FORM_BYTES_MAX ((uint64_t)128 * 1024) /* of a form, besides the content */

struct body_upload {
    struct http_call *http_call;
    struct upload *upload;       /* NULL: nothing to be stored has come */
    bool is_multipart;
    struct multipart parser;
    enum { PART_TEXT, PART_CONTENT } part;
    bool has_content;            /* its part, or the raw body, has begun */
    struct buf text;             /* of the field under way */
    struct str text_name;
    size_t fields_bytes;
    struct json *fields;
    struct str filename;
    uint64_t bytes_max;
    uint64_t who;                /* whose slot it has */
    bool keep, reading;          /* not at its end yet */
};

static struct body_upload *upload_of(const struct call *call)
{
    return container_of_const(call, struct http_call, call)->upload; /* lives as long as the call */
}

/* ---- begin ---- */

/* What is stored is known to the route: the form's part "file" of people, "data" of devices. */
static struct str content_part(const struct call *call)
{
    return call->route->access == ACCESS_DEVICE ? STR("data") : STR("file");
}

static uint64_t content_bytes_max(const struct call *call)
{
    const struct settings *settings = domain_settings(call->domain);
    uint64_t max = call->route->access == ACCESS_DEVICE ? settings->limits_dump_request : settings->files_file_max;
    return max ? max : UINT64_MAX / 2;
}

/* Gigabytes are not taken for what turns out to be somebody else's model. */
static bool check_model(struct call *call)
{
    struct uuid id;
    struct model_info model;
    if (call->route->access != ACCESS_PARTNER || (uuid_parse(call->params[0], &id) &&
                                                  catalog_model_by_id(call->domain->catalog, &id, &model) &&
                                                  model.partner_no == call->principal.partner_no)) {
        return true;
    }
    reply_error(&call->reply, 404, "Model not found");
    return false;
}

/* A device for itself; people and keys with the others of their tenant. */
static bool take_slot(struct call *call, uint64_t *ret_who)
{
    const struct settings *settings = domain_settings(call->domain);
    bool is_device = call->route->access == ACCESS_DEVICE;
    int64_t no = is_device ? call->device.no : principal_tenant_no(&call->principal);
    uint64_t parts[2] = {is_device ? 0 : (uint64_t)call->principal.tenant_kind, (uint64_t)no};
    *ret_who = hash_bytes(parts, sizeof parts);
    if (upload_slots_take(call->api->upload_slots, *ret_who,
                          is_device ? settings->limits_device_uploads : settings->limits_tenant_uploads)) {
        return true;
    }
    metric_add(METRIC_RATE_LIMITED, 1);
    reply_error(&call->reply, 429, "Too many uploads at once");
    call->reply.retry_after_s = SLOT_RETRY_AFTER_S;
    return false;
}

static void fields_of_query(struct call *call, struct json *fields)
{
    struct str rest = call->query, name, value;
    enum err err;
    while ((err = http1_query_next(&rest, &call->arena, &name, &value)) != ERR_NOT_FOUND) {
        if (err == ERR_OK && name.len > 0) {
            json_set(fields, name, json_new_string(value));
        }
    }
}

bool body_upload_begin(struct http_call *http_call, const struct http1_head *head)
{
    struct call *call = &http_call->call;
    struct str type = http1_header(head, "Content-Type");
    struct str boundary = {NULL, 0};
    bool is_multipart = type.ptr && multipart_is_meant(type);
    uint64_t max = content_bytes_max(call);
    if (is_multipart && !multipart_boundary(type, &boundary)) {
        reply_error(&call->reply, 400, "Bad request");
        return false;
    }
    if (head->content_length > max + (is_multipart ? FORM_BYTES_MAX : 0)) {
        reply_error(&call->reply, 413, "Payload too large");
        return false;
    }
    uint64_t who;
    if (!check_model(call) || !take_slot(call, &who)) {
        return false;
    }
    struct body_upload *upload = mem_new(struct body_upload);
    http_call->upload = upload;
    upload->http_call = http_call;
    upload->bytes_max = max;
    upload->who = who;
    upload->is_multipart = is_multipart;
    upload->fields = json_new_object();
    upload->reading = true;
    buf_init(&upload->text, FIELDS_BYTES_MAX);
    if (is_multipart) {
        multipart_init(&upload->parser, boundary);
    } else {
        struct str filename;
        fields_of_query(call, upload->fields);
        filename = json_string(json_get(upload->fields, "filename"));
        upload->filename = filename.len > 0 ? filename : (struct str){NULL, 0};
        upload->has_content = true;
    }
    return true;
}

void body_upload_free(struct body_upload *upload)
{
    if (!upload) {
        return;
    }
    upload_slots_give(upload->http_call->call.api->upload_slots, upload->who);
    upload_free(upload->upload, upload->keep && upload->http_call->is_committed);
    if (upload->is_multipart) {
        multipart_deinit(&upload->parser);
    }
    buf_deinit(&upload->text);
    json_free(upload->fields);
    mem_free(upload);
}

/* ---- bytes ---- */

static void on_room(void *user)
{
    struct body_upload *upload = user;
    if (upload->reading) {
        http_connection_body_room(upload->http_call->connection);
    }
}

static void digest_of_body(struct body_upload *upload)
{
    struct call *call = &upload->http_call->call;
    struct upload_content content;
    struct buf text;
    buf_init(&text, FIELDS_BYTES_MAX * 8);
    if (call_upload_content(call, &content)) {
        char hash[2 * SHA256_BYTES + 1];
        hex_encode(content.sha256, sizeof content.sha256, hash);
        buf_append_cstr(&text, hash);
    }
    json_write(&text, upload->fields);
    call->raw_body = arena_str(&call->arena, buf_str(&text)); /* what an Idempotency-Key is about */
    buf_deinit(&text);
}

static void ended(struct body_upload *upload)
{
    upload->reading = false;
    if (!(upload->http_call->call.route->flags & ROUTE_SPOOL)) {
        digest_of_body(upload);
    }
    http_call_uploaded(upload->http_call);
}

static void on_end(void *user, enum err err)
{
    struct body_upload *upload = user;
    struct http_call *http_call = upload->http_call;
    if (err != ERR_OK) {
        reply_from_err(&http_call->call.reply, err);
        if (upload->reading) { /* the body is still coming: nobody needs the rest */
            upload->reading = false;
            http_connection_body_failed(http_call->connection);
            return;
        }
        http_call_uploaded(http_call);
        return;
    }
    ended(upload);
}

static const struct upload_ops ops = {on_room, on_end};

static enum body_taken refuse(struct body_upload *upload, unsigned status, const char *text)
{
    reply_error(&upload->http_call->call.reply, status, "%s", text);
    return BODY_REFUSED;
}

static enum body_taken add_content(struct body_upload *upload, struct str bytes)
{
    if (!upload->upload) {
        struct http_call *http_call = upload->http_call;
        upload->upload = upload_new(http_call->call.domain, http_call->home, upload->bytes_max, &ops, upload);
    }
    switch (upload_add(upload->upload, bytes.ptr, bytes.len)) {
    case UPLOAD_OK:
        return BODY_TAKEN;
    case UPLOAD_FULL:
        return BODY_FULL;
    case UPLOAD_TOO_LONG:
        break;
    }
    return refuse(upload, 413, "Payload too large");
}

static enum body_taken begin_part(struct body_upload *upload)
{
    struct call *call = &upload->http_call->call;
    const struct multipart_part *part = &upload->parser.part;
    bool is_content = str_eq(part->name, content_part(call));
    upload->part = is_content ? PART_CONTENT : PART_TEXT;
    if (!is_content) {
        buf_clear(&upload->text);
        upload->text_name = arena_str(&call->arena, part->name);
        return BODY_TAKEN;
    }
    if (upload->has_content) {
        return refuse(upload, 400, "Bad request");
    }
    upload->has_content = true;
    upload->filename = part->filename.len > 0 ? arena_str(&call->arena, part->filename) : (struct str){NULL, 0};
    return BODY_TAKEN;
}

static enum body_taken add_text(struct body_upload *upload, struct str bytes)
{
    upload->fields_bytes += bytes.len;
    buf_append_str(&upload->text, bytes);
    return upload->fields_bytes > FIELDS_BYTES_MAX ? refuse(upload, 413, "Payload too large") : BODY_TAKEN;
}

static enum body_taken end_part(struct body_upload *upload)
{
    struct str text = buf_str(&upload->text);
    if (upload->part == PART_CONTENT || upload->text_name.len == 0) {
        return BODY_TAKEN;
    }
    if (!utf8_is_valid_mqtt(text)) {
        return refuse(upload, 400, "Bad request");
    }
    json_set(upload->fields, upload->text_name, json_new_string(text));
    return BODY_TAKEN;
}

static enum body_taken handle_event(struct body_upload *upload, enum multipart_event event)
{
    switch (event) {
    case MULTIPART_PART:
        return begin_part(upload);
    case MULTIPART_DATA:
        return upload->part == PART_CONTENT ? add_content(upload, upload->parser.data) : add_text(upload, upload->parser.data);
    case MULTIPART_PART_END:
        return end_part(upload);
    case MULTIPART_FAILED:
        return refuse(upload, 400, "Bad request");
    case MULTIPART_NEED_MORE:
        break;
    }
    return BODY_TAKEN;
}

enum body_taken body_upload_add(struct http_call *http_call, struct str part)
{
    struct body_upload *upload = http_call->upload;
    http_call->upload_bytes += part.len;
    if (!upload->is_multipart) {
        return add_content(upload, part);
    }
    enum body_taken result = BODY_TAKEN;
    enum multipart_event event;
    size_t used = 0;
    do {
        size_t n = 0;
        event = multipart_parse(&upload->parser, (const uint8_t *)part.ptr + used, part.len - used, &n);
        used += n;
        enum body_taken taken = handle_event(upload, event);
        if (taken == BODY_REFUSED) {
            return taken;
        }
        result = taken == BODY_FULL ? taken : result;
    } while (event != MULTIPART_NEED_MORE);
    return result;
}

void body_upload_end(struct http_call *http_call)
{
    struct body_upload *upload = http_call->upload;
    upload->reading = false;
    if (upload->is_multipart && !multipart_is_complete(&upload->parser)) {
        refuse(upload, 400, "Bad request");
        http_call_uploaded(http_call);
        return;
    }
    if (upload->upload && upload_size(upload->upload) > 0) {
        upload_end(upload->upload, !(http_call->call.route->flags & ROUTE_SPOOL));
    } else {
        ended(upload);
    }
}

/* ---- for handlers ---- */

const struct json *call_upload_fields(const struct call *call)
{
    return upload_of(call)->fields;
}

bool call_upload_content(const struct call *call, struct upload_content *ret_content)
{
    const struct body_upload *upload = upload_of(call);
    if (!upload->upload || upload_size(upload->upload) == 0) {
        return false;
    }
    upload_content(upload->upload, ret_content);
    return true;
}

struct str call_upload_filename(const struct call *call)
{
    return upload_of(call)->filename;
}

void call_upload_keep(struct call *call)
{
    upload_of(call)->keep = true;
}

struct upload *call_upload_spool(const struct call *call)
{
    struct upload *spool = upload_of(call)->upload;
    return spool && upload_size(spool) > 0 ? spool : NULL;
}
