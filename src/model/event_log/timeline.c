#include "model/event_log/timeline.h"

#include "model/command/command.h"
#include "model/device/effective_status.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/ports/timeline_store.h"

/* "device.move" is told as "move". */
static struct str action_name(struct str action)
{
    struct str prefix = STR("device.");
    return str_starts_with(action, prefix) ? str_sub(action, prefix.len, action.len) : action;
}

static void write_what(struct json_writer *w, const char *type, struct str what)
{
    json_field_cstr(w, "type", type);
    field_text(w, "what", what);
}

static void write_kind(struct json_writer *w, const struct timeline_row *row)
{
    switch (row->kind) {
    case TIMELINE_REGISTERED: write_what(w, "registration", STR("registered")); return;
    case TIMELINE_CLAIMED: write_what(w, "claim", STR("claimed")); return;
    case TIMELINE_EDITED: write_what(w, "edit", action_name(row->text)); return;
    case TIMELINE_COMMAND_CREATED: write_what(w, "command", STR("created")); return;
    case TIMELINE_COMMAND_FINISHED:
        write_what(w, "command", str_from_cstr(command_status_name((enum command_status)row->code)));
        return;
    case TIMELINE_INCIDENT_OPENED: write_what(w, "incident", STR("opened")); return;
    case TIMELINE_INCIDENT_CLOSED: write_what(w, "incident", STR("closed")); return;
    case TIMELINE_STATUS:
        write_what(w, "status", str_from_cstr(device_status_name((enum device_status)row->code)));
        return;
    case TIMELINE_FIRMWARE: write_what(w, "firmware", STR("changed")); return;
    }
}

static void write_row(const struct timeline_row *row, void *arg)
{
    struct json_writer *w = arg;
    bool has_text = row->kind != TIMELINE_EDITED;
    json_begin_object(w);
    json_field_time(w, "at", row->at);
    write_kind(w, row);
    field_text(w, "text", has_text ? row->text : (struct str){NULL, 0});
    field_text(w, "actor", row->actor);
    json_field_uuid(w, "id", uuid_is_nil(&row->id) ? NULL : &row->id);
    json_end_object(w);
}

void device_timeline(struct admin *admin, struct store_tx *tx, const struct device_core *device, int64_t from, int64_t to,
                     bool ascending, struct page page)
{
    bool partner = admin->principal.tenant_kind == TENANT_PARTNER;
    char id[UUID_TEXT_BYTES];
    uuid_format(&device->id, id);
    struct timeline_filter filter = {
        .device_no = device->no,
        .epoch = device->epoch,
        .device_id = str_from_cstr(id),
        .tenant_kind = (int)admin->principal.tenant_kind,
        .tenant_no = partner ? admin->principal.partner_no : admin->principal.organization_no,
        .organization_no = partner ? 0 : admin->principal.organization_no,
        .from = from,
        .to = to,
        .ascending = ascending,
    };
    struct envelope envelope;
    int64_t total = 0;
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    enum err err = timeline_store_list(tx, &filter, page, write_row, &envelope.w);
    if (err == ERR_OK) {
        err = timeline_store_count(tx, &filter, &total);
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}
