#include "model/device/device_change.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/registration/refusal_log.h"
#include "model/registration/registration.h"
#include "model/registration/registration_flags.h"

static const char *const result_names[] = {
    [REGISTRATION_CREATED] = "created",
    [REGISTRATION_REPLACED] = "replaced",
    [REGISTRATION_REFUSED] = "refused",
};

bool registration_result_parse(struct str text, enum registration_result *ret_result)
{
    for (int i = REGISTRATION_CREATED; i <= REGISTRATION_REFUSED; i++) {
        if (str_eq(text, str_from_cstr(result_names[i]))) {
            *ret_result = (enum registration_result)i;
            return true;
        }
    }
    return false;
}

static void field_id(struct json_writer *w, const char *name, const struct uuid *id)
{
    json_field_uuid(w, name, uuid_is_nil(id) ? NULL : id);
}

void registration_entry_write(struct json_writer *w, const struct registration_entry *entry)
{
    json_begin_object(w);
    if (entry->no) {
        json_field_int(w, "id", entry->no);
    } else {
        json_field_null(w, "id");
    }
    json_field_time(w, "created_at", entry->at);
    field_text(w, "address", entry->address);
    field_id(w, "model_id", &entry->model_id);
    field_id(w, "hardware_key_id", &entry->hardware_key_id);
    field_text(w, "sn", entry->sn);
    field_text(w, "mac", entry->mac);
    field_text(w, "cloud_id", entry->cloud_id);
    json_field_cstr(w, "result", result_names[entry->result]);
    field_text(w, "error", entry->error);
    field_id(w, "device_id", &entry->device_id);
    json_field_int(w, "count", entry->count);
    json_name(w, "flags");
    registration_flags_write(w, entry);
    json_end_object(w);
}

void registration_list(struct admin *admin, struct store_tx *tx, const struct registration_query *query, struct page page)
{
    struct registration_filter filter = {
        .partner_no = admin->principal.partner_no,
        .model_no = query->model_no,
        .result = query->result,
        .device_id = query->device_id,
        .from = query->from,
        .to = query->to == TIME_NONE ? INT64_MAX : query->to,
        .ascending = query->ascending,
    };
    struct registration_entry *entries = NULL;
    size_t count = 0;
    int64_t total = 0;
    enum err err = registration_store_list(tx, &filter, page.size, page_offset(page), admin->arena, &entries, &count);
    if (err == ERR_OK) {
        err = registration_store_count(tx, &filter, &total);
    }
    if (err == ERR_OK) {
        err = registration_flags_set(tx, admin->domain->now_unix_ms(), entries, count);
    }
    if (admin_failed(admin, err)) {
        return;
    }
    struct envelope envelope;
    envelope_begin(&envelope, admin->reply, TENANT_PARTNER, page);
    for (size_t i = 0; i < count; i++) {
        registration_entry_write(&envelope.w, &entries[i]);
    }
    envelope_end(&envelope, total);
}
