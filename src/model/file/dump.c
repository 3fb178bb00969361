#include "model/account/access.h"
#include "model/file/dump.h"

#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/management/envelope.h"

enum { TEXT_CHARS_MAX = 255 };

/* ---- by the device ---- */

static bool is_shown(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] < ' ' || text.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool check_text(const char *label, struct str text, struct reply *reply)
{
    if (str_is_blank(text)) {
        reply_error(reply, 422, "%s can't be blank", label);
    } else if (!is_shown(text)) {
        reply_error(reply, 422, "%s is invalid", label);
    } else if (utf8_length(text) > TEXT_CHARS_MAX) {
        reply_error(reply, 422, "%s is too long (maximum is %d characters)", label, TEXT_CHARS_MAX);
    } else {
        return true;
    }
    return false;
}

static void write_created(const struct dump_row *row, bool with_length, struct reply *reply)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_field_uuid(&w, "id", &row->id);
    if (with_length) {
        json_field_int(&w, "length", row->length);
    }
    json_end_object(&w);
    reply->status = 201;
}

bool dump_create(struct domain *domain, struct store_tx *tx, const struct device_brief *device, const struct dump_sent *sent,
                 struct reply *reply)
{
    const struct settings *settings = domain_settings(domain);
    struct device_core core;
    if (!sent->content) {
        reply_error(reply, 422, "Data can't be blank");
        return false;
    }
    if (!check_text("Mime", sent->mime, reply) || !check_text("Filename", sent->name, reply)) {
        return false;
    }
    enum err err = device_store_core(tx, device->no, &core);
    struct dump_row row = {.id = sent->content->id, .device_no = device->no, .length = (int64_t)sent->content->size,
                           .mime = sent->mime, .name = sent->name};
    row.created_at = row.updated_at = domain->now_unix_ms();
    if (err == ERR_OK) {
        row.organization_no = core.organization_no;
        err = dump_store_insert(tx, &row);
    }
    if (err == ERR_OK) {
        err = dump_store_trim(tx, device->no, (int64_t)settings->limits_device_dumps, (int64_t)settings->limits_device_dump_bytes);
    }
    if (err == ERR_NOT_FOUND) { /* deleted while it sent */
        reply_error(reply, 401, "Not authorized");
    } else if (err != ERR_OK) {
        reply_from_err(reply, err);
    } else {
        write_created(&row, sent->with_length, reply);
    }
    return err == ERR_OK;
}

/* ---- by people ---- */

struct dump_listing {
    struct envelope envelope;
    const struct device_core *device;
};

static void list_row(const struct dump_row *row, void *arg)
{
    struct dump_listing *listing = arg;
    struct json_writer *w = &listing->envelope.w;
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_uuid(w, "device_id", &listing->device->id);
    json_field_str(w, "name", row->name);
    json_field_str(w, "mime", row->mime);
    json_field_int(w, "length", row->length);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
    json_end_object(w);
}

static int64_t visible_owner(const struct admin *admin)
{
    return admin->principal.tenant_kind == TENANT_ORGANIZATION ? admin->principal.organization_no : 0;
}

void dump_list(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct page page)
{
    struct dump_listing listing = {.device = device};
    int64_t count = 0;
    envelope_begin(&listing.envelope, admin->reply, admin->principal.tenant_kind, page);
    enum err err = dump_store_list(tx, device->no, visible_owner(admin), page.size, page_offset(page), list_row, &listing);
    if (err == ERR_OK) {
        err = dump_store_count(tx, device->no, visible_owner(admin), &count);
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&listing.envelope, count);
    }
}

bool dump_find(struct admin *admin, struct store_tx *tx, struct str id, struct dump_row *ret_row, struct str *ret_etag)
{
    struct uuid uuid;
    struct device_core device;
    char text[UUID_TEXT_BYTES];
    enum err err = uuid_parse(id, &uuid) ? dump_store_find(tx, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    if (err == ERR_OK) {
        err = device_store_core(tx, ret_row->device_no, &device);
    }
    bool is_theirs = err == ERR_OK && (visible_owner(admin) ? ret_row->organization_no == visible_owner(admin) &&
                                                                  device.organization_no == visible_owner(admin)
                                                            : device.partner_no == admin->principal.partner_no);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !is_theirs)) {
        reply_error(admin->reply, 404, "Dump not found");
        return false;
    }
    if (admin_failed(admin, err) || !access_check(admin, device.space_no, "Dump")) {
        return false;
    }
    uuid_format(&ret_row->id, text);
    *ret_etag = arena_printf(admin->arena, "\"%s-%lld\"", text, (long long)ret_row->length);
    return true;
}
