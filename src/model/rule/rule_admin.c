#include "model/rule/rule_admin.h"

#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/maker/product_model.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/ports/incident_store.h"
#include "model/rule/rule_definition.h"
#include "model/rule/rules.h"
#include "model/telemetry/telemetry.h"

enum { NAME_CHARS_MAX = 255, DESCRIPTION_CHARS_MAX = 10000, DEFINITION_BYTES_MAX = 65536 };

/* ---- as JSON ---- */

static void write_fields(struct json_writer *w, const struct rule_row *row)
{
    json_field_uuid(w, "id", &row->id);
    json_field_uuid(w, "model_id", &row->model_id);
    json_field_str(w, "name", row->name);
    field_text(w, "description", row->description);
    json_field_cstr(w, "priority", incident_priority_name(row->priority));
    json_field_bool(w, "active", row->active);
    json_field_bool(w, "auto_close", row->auto_close);
    json_field_raw(w, "definition", row->definition);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
}

static void list_row(const struct rule_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    write_fields(w, row);
    json_field_int(w, "open_incidents", row->open_incidents);
    json_field_int(w, "errors", row->errors);
    json_end_object(w);
}

static void list_of(struct admin *admin, struct store_tx *tx, int64_t model_no, struct page page)
{
    int64_t total = 0, partner_no = admin->principal.partner_no;
    struct envelope envelope;
    envelope_begin(&envelope, admin->reply, TENANT_PARTNER, page);
    enum err err = rule_store_list(tx, partner_no, model_no, page, list_row, &envelope.w);
    if (err == ERR_OK) {
        err = rule_store_count(tx, partner_no, model_no, &total);
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}

void rule_list_all(struct admin *admin, struct store_tx *tx, struct page page)
{
    list_of(admin, tx, 0, page);
}

void rule_list(struct admin *admin, struct store_tx *tx, struct str model_id, struct page page)
{
    struct product_model_row model;
    if (product_model_find(admin, tx, model_id, &model)) {
        list_of(admin, tx, model.no, page);
    }
}

/* ---- finding and reading ---- */

static bool find(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, struct rule_row *ret_row)
{
    struct product_model_row model;
    struct uuid uuid;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return false;
    }
    enum err err = uuid_parse(id, &uuid) ? rule_store_find(tx, model.no, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Rule not found");
        return false;
    }
    return !admin_failed(admin, err);
}

static bool form_definition(struct admin *admin, const struct json *body, struct rule_row *row)
{
    const struct json *json = json_get(body, "definition");
    struct rule_definition definition;
    struct buf text;
    if (json_is_missing(json)) {
        return true;
    }
    buf_init(&text, DEFINITION_BYTES_MAX);
    bool valid = rule_definition_parse(json, admin->arena, &definition, &text);
    if (!valid) {
        struct str reason = arena_str(admin->arena, buf_str(&text));
        reply_error(admin->reply, 422, "Definition is invalid: %.*s", STR_ARG(reason));
    } else {
        buf_clear(&text);
        json_write(&text, json);
        valid = !text.failed;
        if (valid) {
            row->definition = arena_str(admin->arena, buf_str(&text));
        } else {
            reply_error(admin->reply, 422, "Definition is too long (maximum is %d characters)", DEFINITION_BYTES_MAX);
        }
    }
    buf_deinit(&text);
    return valid;
}

static bool form_priority(struct admin *admin, const struct json *body, int *ret_priority)
{
    if (form_has(body, "priority") && !incident_priority_parse(json_get(body, "priority"), ret_priority)) {
        reply_error(admin->reply, 422, "Priority must be between 1 and 5");
        return false;
    }
    return true;
}

static bool form_fields(struct admin *admin, const struct json *body, struct rule_row *row)
{
    return form_text(admin, body, "description", DESCRIPTION_CHARS_MAX, &row->description) &&
           form_priority(admin, body, &row->priority) && form_bool(admin, body, "active", &row->active) &&
           form_bool(admin, body, "auto_close", &row->auto_close) && form_definition(admin, body, row);
}

/* ---- what becomes visible in memory ---- */

struct replacement {
    struct arena *arena;
    int64_t model_no;
    struct rule_row rows[RULES_OF_MODEL_MAX];
    size_t count;
    bool sweeps;
    int64_t rule_no;              /* the one that changed */
    struct rule_incident *active; /* its active incidents, when it is switched on */
    size_t active_count, active_room;
};

static void collect(const struct rule_row *row, void *arg)
{
    struct replacement *r = arg;
    if (r->count < RULES_OF_MODEL_MAX) {
        r->rows[r->count] = *row;
        r->rows[r->count++].definition = arena_str(r->arena, row->definition);
    }
}

static void collect_active(int64_t device_no, void *arg)
{
    struct replacement *r = arg;
    if (r->active_count == r->active_room) {
        size_t room = r->active_room ? 2 * r->active_room : 64;
        struct rule_incident *grown = arena_alloc(r->arena, room * sizeof *grown);
        if (r->active_count) {
            memcpy(grown, r->active, r->active_count * sizeof *grown);
        }
        r->active = grown;
        r->active_room = room;
    }
    r->active[r->active_count++] = (struct rule_incident){device_no, r->rule_no};
}

static void replace(struct domain *domain, void *arg)
{
    const struct replacement *r = arg;
    rules_replace(domain, r->model_no, r->rows, r->count, r->active, r->active_count);
    if (r->sweeps) {
        rules_want_sweep(domain);
    }
}

/* `is_switched_on`: it was not active before, and what it had opened then may still be active. */
static bool publish(struct admin *admin, struct store_tx *tx, const struct rule_row *row, bool is_switched_on)
{
    struct replacement *r = arena_new(admin->arena, struct replacement);
    r->arena = admin->arena;
    r->model_no = row->model_no;
    r->rule_no = row->no;
    r->sweeps = row->state != RULE_IN_USE;
    admin_on_commit(admin, replace, r);
    enum err err = rule_store_each_active(tx, row->model_no, collect, r);
    if (err == ERR_OK && is_switched_on) {
        err = incident_store_each_active_of_rule(tx, row->no, collect_active, r);
    }
    return !admin_failed(admin, err);
}

/* ---- changes ---- */

static struct json *document_of(const struct rule_row *row)
{
    struct json *document = json_new_object(), *definition = NULL;
    json_set(document, STR("name"), json_new_string(row->name));
    json_set(document, STR("priority"), json_new_string(str_from_cstr(incident_priority_name(row->priority))));
    json_set(document, STR("active"), json_new_bool(row->active));
    json_set(document, STR("auto_close"), json_new_bool(row->auto_close));
    if (json_parse(row->definition, &(struct json_limits){.bytes_max = SIZE_MAX}, &definition) == ERR_OK) {
        json_set(document, STR("definition"), definition);
    }
    return document;
}

/* Takes `before`; `after` NULL: deleted. */
static void audit(struct admin *admin, struct store_tx *tx, const char *action, struct json *before, const struct rule_row *row,
                  bool deleted)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    struct json *after = deleted ? NULL : document_of(row);
    admin_audit(admin, tx, action, "rule", str_from_cstr(id), audit_diff(admin->arena, before, after));
    json_free(before);
    json_free(after);
}

static void answer(struct admin *admin, const struct rule_row *row, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    write_fields(&w, row);
    json_end_object(&w);
    admin->reply->status = status;
}

void rule_create(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row model;
    struct rule_row row = {
        .id = uuid_random(),
        .priority = PRIORITY_MODERATE,
        .active = true,
        .auto_close = true,
        .definition = STR("{\"all\":[],\"any\":[]}"),
    };
    if (!product_model_find(admin, tx, model_id, &model) ||
        !form_required_text(admin, body, "name", NAME_CHARS_MAX, &row.name) || !form_fields(admin, body, &row)) {
        return;
    }
    row.model_no = model.no;
    row.model_id = model.id;
    row.created_at = row.updated_at = admin->domain->now_unix_ms();
    row.since = telemetry_published(admin->domain);
    enum err err = rule_store_insert(tx, &row);
    if (err == ERR_LIMIT) {
        reply_error(admin->reply, 422, "Too many rules (maximum is %d)", RULES_OF_MODEL_MAX);
        return;
    }
    if (!admin_failed(admin, err) && publish(admin, tx, &row, false)) {
        audit(admin, tx, "rule.create", NULL, &row, false);
        answer(admin, &row, 201);
    }
}

void rule_update(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, const struct json *body)
{
    struct rule_row row;
    if (!find(admin, tx, model_id, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    bool was_active = row.active;
    if (json_is_null(json_get(body, "description"))) {
        row.description = (struct str){NULL, 0};
    }
    bool valid = (!form_has(body, "name") || form_required_text(admin, body, "name", NAME_CHARS_MAX, &row.name)) &&
                 form_fields(admin, body, &row);
    if (valid) {
        row.updated_at = admin->domain->now_unix_ms();
        row.since = telemetry_published(admin->domain);
        row.state = row.active ? RULE_IN_USE : RULE_SWEEPING;
    }
    if (!valid || admin_failed(admin, rule_store_update(tx, &row)) ||
        !publish(admin, tx, &row, row.active && !was_active)) {
        json_free(before);
        return;
    }
    audit(admin, tx, "rule.update", before, &row, false);
    answer(admin, &row, 200);
}

void rule_delete(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id)
{
    struct rule_row row;
    if (!find(admin, tx, model_id, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    row.state = RULE_DELETED;
    if (admin_failed(admin, rule_store_update(tx, &row)) || !publish(admin, tx, &row, false)) {
        json_free(before);
        return;
    }
    audit(admin, tx, "rule.delete", before, &row, true);
    admin_reply_success(admin);
}

/* ---- errors, trying out ---- */

struct error_listing {
    struct json_writer *w;
    const struct uuid *rule_id;
    struct arena *arena;
};

static void list_error(const struct rule_error_row *row, void *arg)
{
    const struct error_listing *listing = arg;
    struct json_writer *w = listing->w;
    json_begin_object(w);
    json_field_int(w, "id", row->no);
    json_field_uuid(w, "rule_id", listing->rule_id);
    json_field_uuid(w, "device_id", &row->device_id);
    field_text(w, "key", row->key.len ? row->key : (struct str){NULL, 0}); /* null: limits.rule_incidents */
    json_field_str(w, "expected", row->expected);
    json_field_str(w, "found", row->found);
    json_field_time(w, "created_at", row->at);
    json_end_object(w);
}

void rule_errors(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, struct page page)
{
    struct rule_row row;
    struct envelope envelope;
    int64_t total = 0;
    if (!find(admin, tx, model_id, id, &row)) {
        return;
    }
    struct error_listing listing = {&envelope.w, &row.id, admin->arena};
    envelope_begin(&envelope, admin->reply, TENANT_PARTNER, page);
    enum err err = rule_store_errors(tx, row.no, page, list_error, &listing);
    if (err == ERR_OK) {
        err = rule_store_error_count(tx, row.no, &total);
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}

void rule_test(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, const struct json *body)
{
    struct rule_row row;
    struct json *json = NULL;
    struct rule_definition definition = {0};
    struct rule_mismatch mismatch;
    struct buf reason;
    const struct json *state = json_get(body, "state");
    if (!find(admin, tx, model_id, id, &row)) {
        return;
    }
    if (json_is_missing(state)) {
        form_missing(admin, "state");
        return;
    }
    if (!json_is_object(state)) {
        reply_error(admin->reply, 422, "State must be an object");
        return;
    }
    buf_init(&reason, 1024);
    bool valid = json_parse(row.definition, &(struct json_limits){.bytes_max = SIZE_MAX}, &json) == ERR_OK &&
                 rule_definition_parse(json, admin->arena, &definition, &reason);
    json_free(json);
    buf_deinit(&reason);
    if (!valid) {
        admin_failed(admin, ERR_INTERNAL);
        return;
    }
    struct rule_subject parts = {0};
    struct json_writer w;
    rule_subject_set(&parts, flat_from_json(state, admin->arena));
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_bool(&w, "matches", rule_definition_matches(&definition, &parts, &mismatch));
    json_end_object(&w);
    rule_subject_deinit(&parts);
    admin->reply->status = 200;
}
