#include "app/settings_desk.h"

#include <unistd.h>

#include "app/settings_table.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/ports/setup_store.h"
#include "store/store.h"

void settings_desk_init(struct settings_desk *desk, struct domain *domain, struct config *config,
                        void (*on_change)(void *user, const struct settings *now), void *user)
{
    pthread_mutex_init(&desk->lock, NULL);
    desk->domain = domain;
    desk->config = config;
    desk->from_file = config->given;
    settings_init(&desk->stored);
    desk->on_change = on_change;
    desk->user = user;
}

void settings_desk_deinit(struct settings_desk *desk)
{
    for (size_t i = 0; i < desk->replaced_count; i++) {
        settings_deinit(desk->replaced[i]);
        mem_free(desk->replaced[i]);
    }
    if (desk->domain) {
        settings_deinit(&desk->stored);
        pthread_mutex_destroy(&desk->lock);
    }
}

/* --- what was changed in earlier runs --- */

struct reading {
    struct op op;
    struct settings_desk *desk;
};

static void take_stored(struct str key, struct str value, void *arg)
{
    struct settings_desk *desk = arg;
    struct str name = key;
    struct str section = str_split(&name, '.');
    char mistake[256];
    int row = settings_find(section, name);
    if (row < 0 || !settings_may_change(row)) { /* of an older version */
        return;
    }
    if (!settings_set(&desk->stored, section, name, value, mistake, sizeof mistake)) {
        log_event(LOG_WARN, "stored_setting_ignored", log_s("error", mistake));
        return;
    }
    desk->changed.set[row] = true;
    if (!desk->from_file.set[row]) {
        settings_copy_row(&desk->config->settings, &desk->stored, row);
    }
}

static void read_stored(struct op *op, struct store_tx *tx)
{
    struct settings_desk *desk = container_of(op, struct reading, op)->desk;
    op->err = setting_store_each(tx, STR(SETTING_KEY_PREFIX), take_stored, desk);
}

void settings_desk_load(struct settings_desk *desk, struct store *store)
{
    struct reading reading = {.op = {.lane = LANE_READ, .run = read_stored}, .desk = desk};
    enum err err = store_run_now(store, &reading.op);
    if (err || reading.op.err) {
        log_event(LOG_ERROR, "stored_settings_failed", log_s("error", err_name(err ? err : reading.op.err)));
    }
    enum log_level level;
    if (log_level_parse(str_from_cstr(desk->config->settings.server_log_level), &level)) {
        log_setup(level, strcmp(desk->config->settings.server_log_format, "json") == 0 ? LOG_JSON : LOG_LOGFMT, STDERR_FILENO);
    }
}

/* --- changes --- */

static struct settings *copy_of(const struct settings *settings)
{
    struct settings *copy = mem_new(struct settings);
    settings_init(copy);
    for (int row = 0; row < settings_count(); row++) {
        settings_copy_row(copy, settings, row);
    }
    return copy;
}

static void replace(struct settings_desk *desk, struct settings *fresh)
{
    desk->replaced[desk->replaced_count++] = fresh;
    atomic_store(&desk->domain->settings, fresh);
    enum log_level level;
    if (log_level_parse(str_from_cstr(fresh->server_log_level), &level)) {
        log_setup(level, strcmp(fresh->server_log_format, "json") == 0 ? LOG_JSON : LOG_LOGFMT, STDERR_FILENO);
    }
    desk->on_change(desk->user, fresh);
}

bool settings_desk_reload(struct settings_desk *desk, const struct config *config)
{
    pthread_mutex_lock(&desk->lock);
    bool has_room = desk->replaced_count < SETTINGS_REPLACED_MAX;
    if (has_room) {
        const struct settings *now = domain_settings(desk->domain);
        struct settings *fresh = copy_of(&config->settings);
        settings_keep_fixed(fresh, now);
        desk->from_file = config->given;
        for (int row = 0; row < settings_count(); row++) {
            if (desk->changed.set[row] && !desk->from_file.set[row]) {
                settings_copy_row(fresh, &desk->stored, row);
            }
        }
        replace(desk, fresh);
    }
    pthread_mutex_unlock(&desk->lock);
    return has_room;
}

void settings_desk_apply(struct settings_desk *desk, const struct setting_change *changes, size_t count)
{
    struct settings defaults;
    settings_init(&defaults);
    pthread_mutex_lock(&desk->lock);
    if (desk->replaced_count < SETTINGS_REPLACED_MAX) {
        struct settings *fresh = copy_of(domain_settings(desk->domain));
        for (size_t i = 0; i < count; i++) {
            char mistake[256];
            int row = settings_find(changes[i].section, changes[i].name);
            if (row < 0) {
                continue;
            }
            desk->changed.set[row] = !changes[i].is_reset;
            if (!changes[i].is_reset) {
                (void)settings_set(&desk->stored, changes[i].section, changes[i].name, changes[i].after, mistake, sizeof mistake);
            }
            if (!desk->from_file.set[row]) { /* else a reload came in between */
                settings_copy_row(fresh, changes[i].is_reset ? &defaults : &desk->stored, row);
            }
        }
        replace(desk, fresh);
    }
    pthread_mutex_unlock(&desk->lock);
    settings_deinit(&defaults);
}

static bool may_change(struct settings_desk *desk, const struct setting_change *change, int row, struct buf *why)
{
    const char *reason = NULL;
    if (row < 0) {
        buf_printf(why, "Unknown setting %.*s.%.*s", STR_ARG(change->section), STR_ARG(change->name));
        return false;
    }
    if (desk->from_file.set[row]) {
        reason = "is set in the configuration file";
    } else if (!settings_may_change(row)) {
        reason = "can only be set in the configuration file";
    } else if (desk->replaced_count >= SETTINGS_REPLACED_MAX) {
        reason = "was changed too often: start the program again";
    }
    if (reason) {
        buf_printf(why, "Setting %.*s.%.*s %s", STR_ARG(change->section), STR_ARG(change->name), reason);
    }
    return !reason;
}

bool settings_desk_check(struct settings_desk *desk, struct setting_change *change, const struct json *value, struct buf *why)
{
    pthread_mutex_lock(&desk->lock);
    int row = settings_find(change->section, change->name);
    bool ok = may_change(desk, change, row, why);
    if (ok) {
        struct settings *tried = copy_of(domain_settings(desk->domain));
        struct settings defaults;
        settings_init(&defaults);
        change->is_reset = json_is_null(value);
        change->before = settings_text(tried, row, change->arena);
        settings_copy_row(tried, &defaults, row);
        ok = change->is_reset || settings_set_json(tried, row, value, why);
        change->after = settings_text(tried, row, change->arena);
        settings_deinit(&defaults);
        settings_deinit(tried);
        mem_free(tried);
    }
    pthread_mutex_unlock(&desk->lock);
    return ok;
}

/* --- what is shown --- */

static void write_listeners(const struct config *config, struct json_writer *w)
{
    json_name(w, "listeners");
    json_begin_array(w);
    for (unsigned i = 0; i < config->listener_count; i++) {
        const struct listener_spec *spec = &config->listeners[i];
        json_begin_object(w);
        json_field_cstr(w, "kind", listener_kind_name(spec->kind));
        json_field_cstr(w, "host", spec->host);
        json_field_int(w, "port", spec->port);
        json_field_str(w, "name", spec->name[0] ? str_from_cstr(spec->name) : (struct str){NULL, 0});
        json_field_bool(w, "proxy_protocol", spec->proxy_protocol);
        json_end_object(w);
    }
    json_end_array(w);
}

void settings_desk_write(struct settings_desk *desk, struct json_writer *w)
{
    write_listeners(desk->config, w);
    json_name(w, "settings");
    pthread_mutex_lock(&desk->lock);
    settings_write(w, domain_settings(desk->domain), &desk->from_file, &desk->changed);
    pthread_mutex_unlock(&desk->lock);
}
