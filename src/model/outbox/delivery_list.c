/* Deliveries as people see them (management-api.md 5.10). */
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/outbox/delivery.h"
#include "model/outbox/webhook_settings.h"

static const char *const state_names[] = {
    [DELIVERY_WAITING] = "waiting", [DELIVERY_DELIVERED] = "delivered", [DELIVERY_FAILED] = "failed"};

static bool parse_state(struct str text, int *ret_state)
{
    for (int i = DELIVERY_WAITING; i <= DELIVERY_FAILED; i++) {
        if (str_eq(text, str_from_cstr(state_names[i]))) {
            *ret_state = i;
            return true;
        }
    }
    return text.len == 0;
}

/* `payload` is the body without secret, event_id and created_at. */
static void write_delivery(struct json_writer *w, const struct delivery_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "event_type", row->event_type);
    json_field_cstr(w, "state", state_names[row->state]);
    json_field_int(w, "attempts", row->attempts);
    if (row->status) {
        json_field_int(w, "status", row->status);
    } else {
        json_field_null(w, "status");
    }
    field_text(w, "error", row->error);
    json_field_time(w, "next_attempt_at", row->due_at);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "finished_at", row->finished_at);
    json_field_raw(w, "payload", row->body);
    json_end_object(w);
}

static void write_reply(struct admin *admin, const struct delivery_row *row, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    write_delivery(&w, row);
    admin->reply->status = status;
}

static int64_t tenant_no(const struct admin *admin)
{
    return admin->principal.tenant_kind == TENANT_PARTNER ? admin->principal.partner_no : admin->principal.organization_no;
}

static void list_row(const struct delivery_row *row, void *arg)
{
    struct envelope *envelope = arg;
    write_delivery(&envelope->w, row);
}

void delivery_list(struct admin *admin, struct store_tx *tx, struct str state, struct page page)
{
    int wanted = 0;
    struct envelope envelope;
    enum tenant_kind kind = admin->principal.tenant_kind;
    if (!parse_state(state, &wanted)) {
        form_invalid(admin, "state");
        return;
    }
    envelope_begin(&envelope, admin->reply, kind, page);
    if (!admin_failed(admin, delivery_store_list(tx, kind, tenant_no(admin), wanted, page, list_row, &envelope))) {
        envelope_end(&envelope, delivery_store_count(tx, kind, tenant_no(admin), wanted));
    }
}

static bool find_delivery(struct admin *admin, struct store_tx *tx, struct str id, struct delivery_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? delivery_store_find_id(tx, admin->principal.tenant_kind, tenant_no(admin), &uuid,
                                                                  admin->arena, ret_row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Delivery not found");
        return false;
    }
    return !admin_failed(admin, err);
}

void delivery_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct delivery_row row;
    if (find_delivery(admin, tx, id, &row)) {
        write_reply(admin, &row, 200);
    }
}

void delivery_retry(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct delivery_row row;
    if (!find_delivery(admin, tx, id, &row)) {
        return;
    }
    enum err err = delivery_again(admin->domain, tx, &row);
    if (err == ERR_STATE) {
        reply_error(admin->reply, 422, "Delivery is waiting already");
    } else if (err == ERR_LIMIT) {
        reply_error(admin->reply, 422, "Too many deliveries are waiting");
    } else if (!admin_failed(admin, err)) {
        char text[UUID_TEXT_BYTES];
        uuid_format(&row.id, text);
        admin_audit(admin, tx, "delivery.retry", "delivery", str_from_cstr(text), STR(""));
        write_reply(admin, &row, 200);
    }
}

void webhook_test(struct admin *admin, struct store_tx *tx)
{
    struct webhook_row webhook;
    struct delivery_row row = {
        .tenant_kind = TENANT_PARTNER,
        .tenant_no = admin->principal.partner_no,
        .channel = CHANNEL_WEBHOOK,
        .event_type = STR("test"),
        .body = STR("{\"event_type\":\"test\"}"),
    };
    enum err err = webhook_store_find(tx, row.tenant_no, admin->arena, &webhook);
    if (err == ERR_NOT_FOUND || (!err && !webhook.url.len)) {
        reply_error(admin->reply, 422, "Webhook url can't be blank");
        return;
    }
    if (!err) {
        err = delivery_queue(admin->domain, tx, &row);
    }
    if (!admin_failed(admin, err)) {
        char text[UUID_TEXT_BYTES];
        uuid_format(&row.id, text);
        admin_audit(admin, tx, "webhook.test", "delivery", str_from_cstr(text), STR(""));
        write_reply(admin, &row, 201);
    }
}
