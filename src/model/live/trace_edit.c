#include "model/live/trace_edit.h"

#include "model/management/form.h"
#include "model/live/trace.h"

#define MINUTE_MS INT64_C(60000)

/* Right after the commit, so that nothing is traced without its line in the audit log. */
static void arm_now(struct domain *domain, void *arg)
{
    trace_put(domain->trace, arg);
}

static void disarm_now(struct domain *domain, void *arg)
{
    const int64_t *device_no = arg;
    trace_remove(domain->trace, *device_no);
}

void trace_arm(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    int64_t minutes = TRACE_MINUTES_DEFAULT;
    int64_t now_ms = admin->domain->now_unix_ms();
    const struct principal *principal = &admin->principal;
    struct trace_entry *entry = arena_new(admin->arena, struct trace_entry);
    struct json_writer w;
    if (!form_int(admin, body, "minutes", 1, TRACE_MINUTES_MAX, &minutes)) {
        return;
    }
    *entry = (struct trace_entry){
        .device_no = device->no,
        .organization_no = device->organization_no,
        .tenant_kind = principal->tenant_kind,
        .tenant_no = principal->tenant_kind == TENANT_PARTNER ? principal->partner_no : principal->organization_no,
        .until_ms = now_ms + minutes * MINUTE_MS,
    };
    if (!trace_has_room(admin->domain->trace, entry, now_ms)) {
        reply_error(admin->reply, 422, "Too many armed traces (maximum is %d)", TRACES_TENANT_MAX);
        return;
    }
    admin_on_commit(admin, arm_now, entry);
    device_audit(admin, tx, "device.trace", device, arena_printf(admin->arena, "{\"minutes\":%lld}", (long long)minutes));
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_bool(&w, "success", true);
    json_field_int(&w, "minutes", minutes);
    json_field_time(&w, "until", entry->until_ms);
    json_end_object(&w);
    admin->reply->status = 200;
}

void trace_disarm(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    int64_t *device_no = arena_new(admin->arena, int64_t);
    *device_no = device->no;
    admin_on_commit(admin, disarm_now, device_no);
    device_audit(admin, tx, "device.trace_end", device, (struct str){NULL, 0});
    admin_reply_success(admin);
}
