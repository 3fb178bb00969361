/* Making rollouts, and what people do with them. */
#include "model/account/access.h"
#include "model/command/command.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/management/form.h"
#include "model/rollout/rollout_internal.h"
#include "model/rollout/rollout_target.h"

enum { NAME_CHARS_MAX = 255, SUCCESS_PERCENT = 90, ERROR_PERCENT = 10 };
#define COMMAND_BYTES_MAX ((size_t)64 * 1024)
#define TARGET_BYTES_MAX ((size_t)64 * 1024)

static struct str text_of(struct admin *admin, const struct json *node, size_t bytes_max)
{
    struct buf text;
    buf_init(&text, bytes_max);
    json_write(&text, node);
    struct str copy = text.failed ? (struct str){NULL, 0} : arena_str(admin->arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

/* Percents that add up to 100; absent: all at once. */
static bool read_waves(struct admin *admin, const struct json *body, struct rollout_row *row)
{
    const struct json *waves = json_get(body, "waves");
    if (json_is_missing(waves)) {
        row->waves = STR("[100]");
        return true;
    }
    int64_t all = 0;
    if (!json_is_array(waves) || json_count(waves) > ROLLOUT_WAVES_MAX) {
        return form_invalid(admin, "waves");
    }
    for (const struct json *wave = json_first(waves); wave; wave = json_next(wave)) {
        int64_t percent;
        if (!json_int(wave, &percent) || percent < 1 || percent > 100) {
            return form_invalid(admin, "waves");
        }
        all += percent;
    }
    if (all != 100) {
        reply_error(admin->reply, 422, "Waves must add up to 100");
        return false;
    }
    row->waves = text_of(admin, waves, 1024);
    return row->waves.ptr || form_invalid(admin, "waves");
}

/* Every model among the devices has to know the command as it is. */
static bool check_command(struct admin *admin, struct store_tx *tx, const struct json *command,
                          const struct rollout_share *shares, size_t count, struct rollout_row *row)
{
    int64_t checked[ROLLOUT_MODELS_MAX];
    size_t checked_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_checked = false;
        for (size_t j = 0; j < checked_count && !is_checked; j++) {
            is_checked = checked[j] == shares[i].model_no;
        }
        if (is_checked) {
            continue;
        }
        if (checked_count == ROLLOUT_MODELS_MAX) {
            reply_error(admin->reply, 422, "Too many models, maximum is %d", ROLLOUT_MODELS_MAX);
            return false;
        }
        checked[checked_count++] = shares[i].model_no;
        struct device_core device = {.model_no = shares[i].model_no, .organization_no = admin->principal.organization_no};
        struct command_row sent;
        bool added;
        if (!command_check(admin, tx, &device, command, &sent)) {
            return false;
        }
        if (rollout_add_secrets(row, sent.secret_names, admin->arena, &added) != ERR_OK) { /* else people would read them */
            reply_error(admin->reply, 413, "Payload too large");
            return false;
        }
    }
    return true;
}

static bool read_command(struct admin *admin, struct store_tx *tx, const struct json *body, const struct device_filter *filter,
                         struct rollout_row *row)
{
    const struct json *command = json_get(body, "command");
    struct rollout_share *shares = NULL;
    size_t count = 0;
    if (json_is_missing(command)) {
        return form_missing(admin, "command");
    }
    if (!json_is_object(command)) {
        return form_invalid(admin, "command");
    }
    row->command = text_of(admin, command, COMMAND_BYTES_MAX);
    if (!row->command.ptr) {
        reply_error(admin->reply, 413, "Payload too large");
        return false;
    }
    if (!rollout_target_shares(admin, tx, filter, &shares, &count)) {
        return false;
    }
    if (count == 0) {
        reply_error(admin->reply, 422, "Target has no devices");
        return false;
    }
    return check_command(admin, tx, command, shares, count, row);
}

static bool read_target(struct admin *admin, struct store_tx *tx, const struct json *body, struct device_filter *ret_filter,
                        struct str *ret_text)
{
    const struct json *target = json_get(body, "target");
    if (json_is_missing(target)) {
        return form_missing(admin, "target");
    }
    *ret_text = text_of(admin, target, TARGET_BYTES_MAX);
    return rollout_target_read(admin, tx, target, ROLLOUT_TARGET_NEW, ret_filter) && (ret_text->ptr || form_invalid(admin, "target"));
}

void rollout_prepare(struct admin *admin, struct store_tx *tx, const struct json *body, struct rollout_draft *draft)
{
    struct device_filter filter;
    *draft = (struct rollout_draft){.row = {
        .id = uuid_random(),
        .organization_no = admin->principal.organization_no,
        .success_percent = SUCCESS_PERCENT,
        .error_percent = ERROR_PERCENT,
        .state = ROLLOUT_DRAFT,
        .attempt = 1,
        .owner_no = admin->principal.kind == PRINCIPAL_USER ? admin->principal.user_no : 0,
        .created_at = admin->domain->now_unix_ms(),
        .started_at = TIME_NONE,
        .finished_at = TIME_NONE,
    }};
    struct rollout_row *row = &draft->row;
    bool ok = form_required_text(admin, body, "name", NAME_CHARS_MAX, &row->name) &&
              form_int(admin, body, "success_percent", 0, 100, &row->success_percent) &&
              form_int(admin, body, "error_percent", 0, 100, &row->error_percent) && read_waves(admin, body, row) &&
              read_target(admin, tx, body, &filter, &row->target) && read_command(admin, tx, body, &filter, row);
    if (ok && row->owner_no) {
        struct audit_actor actor;
        audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
        row->created_by = actor.name;
    }
}

void rollout_preview(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct device_filter filter;
    struct str text;
    struct rollout_share *shares = NULL;
    size_t count = 0;
    int64_t devices = 0;
    if (!read_target(admin, tx, body, &filter, &text) || !rollout_target_shares(admin, tx, &filter, &shares, &count)) {
        return;
    }
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_name(&w, "firmware");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        struct model_info model = {0};
        catalog_model(admin->domain->catalog, shares[i].model_no, &model);
        json_begin_object(&w);
        json_field_uuid(&w, "model_id", &model.id);
        json_field_str(&w, "model", model.name);
        json_field_str(&w, "version", shares[i].version);
        json_field_int(&w, "devices", shares[i].count);
        json_end_object(&w);
        devices += shares[i].count;
    }
    json_end_array(&w);
    json_field_int(&w, "devices", devices);
    json_end_object(&w);
    admin->reply->status = 200;
}

/* --- on LANE_REGISTRY --- */

static void answer(struct admin *admin, struct store_tx *tx, const char *action, const struct rollout_row *row, unsigned status)
{
    char id[UUID_TEXT_BYTES];
    struct json_writer w;
    uuid_format(&row->id, id);
    admin_audit(admin, tx, action, "rollout", arena_str(admin->arena, str_from_cstr(id)), STR(""));
    json_writer_init(&w, &admin->reply->body);
    if (!admin_failed(admin, rollout_write(tx, admin->arena, row, &w))) {
        admin->reply->status = status;
    }
}

/* For one more that is neither done nor aborted. */
static bool check_room(struct admin *admin, struct store_tx *tx)
{
    int64_t open = 0;
    if (admin_failed(admin, rollout_store_count_open(tx, admin->principal.organization_no, &open))) {
        return false;
    }
    if (open >= ROLLOUTS_OPEN_MAX) {
        reply_error(admin->reply, 422, "Too many rollouts");
        return false;
    }
    return true;
}

void rollout_create(struct admin *admin, struct store_tx *tx, struct rollout_draft *draft)
{
    if (!check_room(admin, tx)) {
        return;
    }
    if (!admin_failed(admin, rollout_store_insert(tx, &draft->row))) {
        answer(admin, tx, "rollout.create", &draft->row, 201);
    }
}

/* The caller's own, or anybody's for administrators; 404 for who does not see it either. */
static bool find_to_steer(struct admin *admin, struct store_tx *tx, struct str id, struct rollout_row *ret_row)
{
    const struct principal *principal = &admin->principal;
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? rollout_store_find(tx, principal->organization_no, &uuid, admin->arena, ret_row)
                                         : ERR_NOT_FOUND;
    bool may = err == ERR_OK && (principal->kind != PRINCIPAL_USER || principal->role.tenant == ROLE_ADMINISTRATOR ||
                                 ret_row->owner_no == principal->user_no);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !may && !access_sees_all(principal))) {
        reply_error(admin->reply, 404, "Rollout not found");
        return false;
    }
    if (err == ERR_OK && !may) {
        reply_error(admin->reply, 403, "Forbidden");
        return false;
    }
    return !admin_failed(admin, err);
}

static bool refuse(struct admin *admin, const struct rollout_row *row, unsigned states, const char *what)
{
    if (!(states & 1u << row->state)) {
        reply_error(admin->reply, 422, "Rollout cannot be %s", what);
        return true;
    }
    return false;
}

static void kick(struct domain *domain, void *arg)
{
    (void)arg;
    rollouts_tick(domain);
}

/* From now on with the caller's rights. */
static void let_run(struct admin *admin, struct rollout_row *row)
{
    bool is_user = admin->principal.kind == PRINCIPAL_USER;
    row->state = ROLLOUT_RUNNING;
    row->reason = ROLLOUT_REASON_NONE;
    row->finished_at = TIME_NONE;
    row->actor_no = is_user ? admin->principal.user_no : 0;
    row->actor_key_no = is_user ? 0 : admin->principal.api_key_no;
    admin_on_commit(admin, kick, NULL);
}

/* Stores the row, and what follows from it at once. */
static void save(struct admin *admin, struct store_tx *tx, const char *action, struct rollout_row *row)
{
    enum err err = rollout_store_update(tx, row);
    if (err == ERR_OK) {
        err = rollout_settle(tx, row, admin->domain->now_unix_ms());
    }
    if (!admin_failed(admin, err)) {
        answer(admin, tx, action, row, 200);
    }
}

void rollout_start(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct rollout_row row;
    if (find_to_steer(admin, tx, id, &row) && !refuse(admin, &row, 1u << ROLLOUT_DRAFT, "started")) {
        row.task = ROLLOUT_TASK_FILL;
        row.started_at = admin->domain->now_unix_ms();
        let_run(admin, &row);
        save(admin, tx, "rollout.start", &row);
    }
}

void rollout_pause(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct rollout_row row;
    if (find_to_steer(admin, tx, id, &row) && !refuse(admin, &row, 1u << ROLLOUT_RUNNING, "paused")) {
        row.state = ROLLOUT_PAUSED;
        save(admin, tx, "rollout.pause", &row);
    }
}

/* In spite of what it paused for: the failures so far do not pause it again, and a wave that has come to its end is left. */
void rollout_resume(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct rollout_row row;
    struct rollout_wave_row waves[ROLLOUT_WAVES_MAX];
    size_t count = 0;
    if (!find_to_steer(admin, tx, id, &row) || refuse(admin, &row, 1u << ROLLOUT_PAUSED, "resumed") ||
        admin_failed(admin, rollout_store_waves(tx, row.no, waves, ROLLOUT_WAVES_MAX, &count))) {
        return;
    }
    row.forgiven = rollout_failures(&row, waves, count);
    if (row.reason == ROLLOUT_REASON_SUCCESS && row.wave < (int64_t)count) {
        row.wave++;
    }
    let_run(admin, &row);
    save(admin, tx, "rollout.resume", &row);
}

void rollout_abort(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct rollout_row row;
    unsigned states = 1u << ROLLOUT_DRAFT | 1u << ROLLOUT_RUNNING | 1u << ROLLOUT_PAUSED;
    if (find_to_steer(admin, tx, id, &row) && !refuse(admin, &row, states, "aborted")) {
        row.state = ROLLOUT_ABORTED;
        row.reason = ROLLOUT_REASON_NONE;
        row.finished_at = admin->domain->now_unix_ms();
        save(admin, tx, "rollout.abort", &row);
    }
}

void rollout_retry_failed(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct rollout_row row;
    unsigned states = 1u << ROLLOUT_RUNNING | 1u << ROLLOUT_PAUSED | 1u << ROLLOUT_DONE;
    if (!find_to_steer(admin, tx, id, &row) || refuse(admin, &row, states, "retried")) {
        return;
    }
    if (row.task == ROLLOUT_TASK_FILL) { /* nothing has failed yet */
        reply_error(admin->reply, 422, "Rollout cannot be retried");
        return;
    }
    if (row.state == ROLLOUT_DONE && !check_room(admin, tx)) {
        return;
    }
    row.task = ROLLOUT_TASK_RETRY;
    row.attempt++;
    row.forgiven = 0;
    let_run(admin, &row);
    save(admin, tx, "rollout.retry_failed", &row);
}
