#include "model/account/access.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/rollout/rollout_internal.h"

#define SECRETS_BYTES_MAX ((size_t)64 * 1024) /* as a command */

static const char *const state_names[] = {
    [ROLLOUT_DRAFT] = "draft", [ROLLOUT_RUNNING] = "running", [ROLLOUT_PAUSED] = "paused",
    [ROLLOUT_DONE] = "done",   [ROLLOUT_ABORTED] = "aborted",
};
static const char *const reason_names[] = {
    [ROLLOUT_REASON_NONE] = NULL,
    [ROLLOUT_REASON_ERRORS] = "error_percent",
    [ROLLOUT_REASON_SUCCESS] = "success_percent",
    [ROLLOUT_REASON_RIGHTS] = "rights",
};
static const char *const device_state_names[] = {
    [ROLLOUT_WAITING] = "waiting", [ROLLOUT_SENT] = "sent",       [ROLLOUT_SUCCESS] = "done",
    [ROLLOUT_FAILED] = "failed",   [ROLLOUT_SKIPPED] = "skipped",
};

static bool parse(struct str text, const char *const *names, int first, int last, int *ret_state)
{
    for (int i = first; i <= last; i++) {
        if (str_eq(text, str_from_cstr(names[i]))) {
            *ret_state = i;
            return true;
        }
    }
    return false;
}

bool rollout_state_parse(struct str text, int *ret_state)
{
    return parse(text, state_names, ROLLOUT_DRAFT, ROLLOUT_ABORTED, ret_state);
}

bool rollout_device_state_parse(struct str text, int *ret_state)
{
    return parse(text, device_state_names, ROLLOUT_WAITING, ROLLOUT_SKIPPED, ret_state);
}

size_t rollout_percents(const struct rollout_row *row, int64_t ret_percents[ROLLOUT_WAVES_MAX])
{
    struct json *waves = NULL;
    size_t count = 0;
    if (json_parse(row->waves, NULL, &waves) != ERR_OK) {
        waves = NULL;
    }
    for (const struct json *wave = json_first(waves); wave && count < ROLLOUT_WAVES_MAX; wave = json_next(wave)) {
        if (json_int(wave, &ret_percents[count])) {
            count++;
        }
    }
    json_free(waves);
    return count;
}

static bool holds(const struct json *names, struct str wanted)
{
    for (const struct json *name = json_first(names); name; name = json_next(name)) {
        if (str_eq(json_string(name), wanted)) {
            return true;
        }
    }
    return false;
}

static enum err write_names(struct arena *arena, const struct json *names, struct str *ret_text)
{
    struct buf text;
    buf_init(&text, SECRETS_BYTES_MAX);
    json_write(&text, names);
    enum err err = text.failed ? ERR_LIMIT : ERR_OK;
    if (err == ERR_OK) {
        *ret_text = arena_str(arena, buf_str(&text));
    }
    buf_deinit(&text);
    return err;
}

/* The names are keys of the command, each once: they are shorter than it. */
enum err rollout_add_secrets(struct rollout_row *row, struct str names, struct arena *arena, bool *ret_added)
{
    struct json *command = NULL, *known = NULL, *more = NULL;
    *ret_added = false;
    if (!names.ptr || (row->secret_names.ptr && str_eq(names, row->secret_names))) {
        return ERR_OK;
    }
    enum err err = json_parse(row->command, NULL, &command);
    err = err ? err : json_parse(row->secret_names.ptr ? row->secret_names : STR("[]"), NULL, &known);
    err = err ? err : json_parse(names, NULL, &more);
    const struct json *parameters = json_get(command, "extra_params");
    for (const struct json *name = err ? NULL : json_first(more); name; name = json_next(name)) {
        if (!json_is_missing(json_get_str(parameters, json_string(name))) && !holds(known, json_string(name))) {
            json_append(known, json_new_string(json_string(name)));
            *ret_added = true;
        }
    }
    if (err == ERR_OK && *ret_added) {
        err = write_names(arena, known, &row->secret_names);
    }
    json_free(command);
    json_free(known);
    json_free(more);
    return err;
}

/* Values of type password read "*****" (management-api.md 2). */
static void write_command(struct json_writer *w, const struct rollout_row *row)
{
    struct json *command = NULL, *secrets = NULL;
    if (!row->secret_names.ptr) {
        json_put_raw(w, row->command);
        return;
    }
    if (json_parse(row->command, NULL, &command) != ERR_OK || json_parse(row->secret_names, NULL, &secrets) != ERR_OK) {
        json_put_null(w); /* rather nothing than a secret */
    } else {
        struct json *parameters = json_get(command, "extra_params");
        for (const struct json *name = json_first(secrets); name; name = json_next(name)) {
            if (!json_is_missing(json_get_str(parameters, json_string(name)))) {
                json_set(parameters, json_string(name), json_new_string(STR("*****")));
            }
        }
        json_put_node(w, command);
    }
    json_free(command);
    json_free(secrets);
}

static void write_counts(struct json_writer *w, const struct rollout_wave_row *counts)
{
    json_field_int(w, "waiting", counts->waiting);
    json_field_int(w, "sent", counts->sent);
    json_field_int(w, "done", counts->done);
    json_field_int(w, "failed", counts->failed);
    json_field_int(w, "skipped", counts->skipped);
}

static void write_progress(struct json_writer *w, const struct rollout_wave_row *waves, size_t count)
{
    struct rollout_wave_row all = {0};
    int64_t before = 0;
    json_name(w, "progress");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(w);
        json_field_int(w, "wave", waves[i].wave);
        json_field_int(w, "devices", waves[i].last_seq - before);
        write_counts(w, &waves[i]);
        json_end_object(w);
        before = waves[i].last_seq;
        all.waiting += waves[i].waiting;
        all.sent += waves[i].sent;
        all.done += waves[i].done;
        all.failed += waves[i].failed;
        all.skipped += waves[i].skipped;
    }
    json_end_array(w);
    json_name(w, "counts");
    json_begin_object(w);
    write_counts(w, &all);
    json_end_object(w);
}

enum err rollout_write(struct store_tx *tx, struct arena *arena, const struct rollout_row *row, struct json_writer *w)
{
    struct rollout_wave_row *waves = arena_alloc(arena, ROLLOUT_WAVES_MAX * sizeof *waves);
    size_t count = 0;
    enum err err = rollout_store_waves(tx, row->no, waves, ROLLOUT_WAVES_MAX, &count);
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_cstr(w, "state", state_names[row->state]);
    json_field_cstr(w, "reason", reason_names[row->reason]);
    json_field_raw(w, "target", row->target);
    json_name(w, "command");
    write_command(w, row);
    json_field_raw(w, "waves", row->waves);
    json_field_int(w, "success_percent", row->success_percent);
    json_field_int(w, "error_percent", row->error_percent);
    json_field_int(w, "wave", row->wave);
    json_field_int(w, "devices", row->devices);
    write_progress(w, waves, count);
    field_text(w, "created_by", row->created_by);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "started_at", row->started_at);
    json_field_time(w, "finished_at", row->finished_at);
    json_end_object(w);
    return err;
}

/* Who may not see all sees what it made itself. */
static int64_t owner_filter(const struct principal *principal)
{
    return access_sees_all(principal) ? 0 : principal->user_no;
}

void rollout_list(struct admin *admin, struct store_tx *tx, int state, struct page page)
{
    struct rollout_filter filter = {
        .organization_no = admin->principal.organization_no, .owner_no = owner_filter(&admin->principal), .state = state};
    struct rollout_row *rows = NULL;
    size_t count = 0;
    int64_t total = 0;
    struct envelope envelope;
    if (admin_failed(admin, rollout_store_list(tx, &filter, page, admin->arena, &rows, &count)) ||
        admin_failed(admin, rollout_store_count(tx, &filter, &total))) {
        return;
    }
    envelope_begin(&envelope, admin->reply, TENANT_ORGANIZATION, page);
    for (size_t i = 0; i < count; i++) {
        if (admin_failed(admin, rollout_write(tx, admin->arena, &rows[i], &envelope.w))) {
            return;
        }
    }
    envelope_end(&envelope, total);
}

static bool find(struct admin *admin, struct store_tx *tx, struct str id, struct rollout_row *ret_row)
{
    struct uuid uuid;
    int64_t owner_no = owner_filter(&admin->principal);
    enum err err = uuid_parse(id, &uuid)
                       ? rollout_store_find(tx, admin->principal.organization_no, &uuid, admin->arena, ret_row)
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND || (!err && owner_no && ret_row->owner_no != owner_no)) {
        reply_error(admin->reply, 404, "Rollout not found");
        return false;
    }
    return !admin_failed(admin, err);
}

void rollout_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct rollout_row row;
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    if (find(admin, tx, id, &row) && !admin_failed(admin, rollout_write(tx, admin->arena, &row, &w))) {
        admin->reply->status = 200;
    }
}

static void write_device(const struct rollout_device_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_uuid(w, "device_id", &row->device_id);
    field_text(w, "name", row->name);
    json_field_int(w, "wave", row->wave);
    json_field_cstr(w, "state", device_state_names[row->state]);
    field_text(w, "reason", row->reason);
    json_field_uuid(w, "command_id", uuid_is_nil(&row->command_id) ? NULL : &row->command_id);
    json_field_time(w, "updated_at", row->updated_at);
    json_end_object(w);
}

void rollout_devices(struct admin *admin, struct store_tx *tx, struct str id, int state, struct page page)
{
    struct rollout_row row;
    int64_t total = 0;
    struct envelope envelope;
    if (!find(admin, tx, id, &row)) {
        return;
    }
    struct rollout_device_filter filter = {
        .rollout_no = row.no,
        .state = state,
        .visible_spaces = access_visible_spaces(admin->domain, &admin->principal, admin->arena),
    };
    envelope_begin(&envelope, admin->reply, TENANT_ORGANIZATION, page);
    if (!admin_failed(admin, rollout_store_devices(tx, &filter, page, write_device, &envelope.w)) &&
        !admin_failed(admin, rollout_store_count_devices(tx, &filter, &total))) {
        envelope_end(&envelope, total);
    }
}
