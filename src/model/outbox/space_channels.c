#include "model/outbox/space_channels.h"

#include "model/outbox/mail.h"
#include "model/ports/device_store.h"
#include "model/ports/tenant_store.h"

enum { DEPTH_MAX = 32, URL_BYTES_MAX = 2048, CHANNELS = CHANNEL_MSTEAMS + 1 };

static const char *const names[CHANNELS] = {
    [CHANNEL_WEBHOOK] = "email", /* the place of the channel that is no call */
    [CHANNEL_GCHAT] = "gchat",
    [CHANNEL_SLACK] = "slack",
    [CHANNEL_MSTEAMS] = "msteams",
};

/* What decides each channel: copies of the nearest values. */
struct search {
    struct json *values[CHANNELS]; /* NULL: nobody says */
    bool is_closed[CHANNELS];      /* not inherited from here on */
};

static bool flag_of(const struct json *object, const char *name)
{
    bool flag = true;
    json_to_bool(json_get(object, name), &flag);
    return flag;
}

static void look_at(struct search *search, const struct json *events)
{
    const struct json *incidents = json_get(json_get(events, "tree"), "incidents");
    const struct json *inherit = json_get(events, "inherit_incidents");
    for (int i = CHANNEL_WEBHOOK; i < CHANNELS; i++) {
        const struct json *value = json_get(incidents, names[i]);
        if (search->is_closed[i]) {
            continue;
        }
        if (!json_is_missing(value)) {
            search->values[i] = json_dup(value);
        }
        search->is_closed[i] = search->values[i] || !flag_of(events, "inherit_tree") || !flag_of(inherit, names[i]);
    }
}

static enum err search_from(struct search *search, struct store_tx *tx, int64_t space_no, struct arena *arena)
{
    enum err err = ERR_OK;
    for (int depth = 0; depth < DEPTH_MAX && space_no; depth++) {
        struct device_space space;
        struct json *config = NULL;
        err = device_space_find(tx, space_no, arena, &space);
        if (err) {
            break;
        }
        if (json_parse(space.config, NULL, &config) == ERR_OK) {
            look_at(search, json_get(config, "events"));
        }
        json_free(config);
        space_no = space.parent_no;
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* An object may switch itself off. */
static bool is_off(const struct json *value)
{
    bool on = true;
    json_to_bool(json_is_object(value) ? json_get(value, "enabled") : value, &on);
    return !on;
}

static struct str url_of(const struct json *value, struct arena *arena)
{
    struct str url = str_trim(json_string(json_is_object(value) ? json_get(value, "url") : value));
    bool is_url = str_starts_with(url, STR("https://")) || str_starts_with(url, STR("http://"));
    return !is_off(value) && is_url && url.len <= URL_BYTES_MAX ? arena_str(arena, url) : STR("");
}

static void add_email(struct json *emails, const struct json *value)
{
    struct str address = str_trim(json_string(value));
    if (mail_address_is_valid(address) && json_count(emails) < CHANNEL_EMAILS_MAX) {
        json_append(emails, json_new_string(address));
    }
}

static void add_emails(struct json *emails, const struct json *value)
{
    if (json_is_array(value)) {
        for (const struct json *item = json_first(value); item; item = json_next(item)) {
            add_email(emails, item);
        }
    } else {
        add_email(emails, value);
    }
}

static enum err add_notification_emails(struct store_tx *tx, int64_t organization_no, struct arena *arena, struct json *emails)
{
    struct str text;
    struct json *settings = NULL;
    enum err err = tenant_settings_store_get(tx, TENANT_ORGANIZATION, organization_no, arena, &text);
    if (!err && json_parse(text, NULL, &settings) == ERR_OK) {
        add_emails(emails, json_get(settings, "notification_emails"));
    }
    json_free(settings);
    return err;
}

static enum err find_emails(struct store_tx *tx, int64_t organization_no, const struct json *value, struct arena *arena,
                            struct json *emails)
{
    if (value && is_off(value)) {
        return ERR_OK;
    }
    if (json_is_object(value)) {
        add_emails(emails, json_get(value, "emails"));
        add_emails(emails, json_get(value, "email"));
    } else {
        add_emails(emails, value);
    }
    return json_first(emails) ? ERR_OK : add_notification_emails(tx, organization_no, arena, emails);
}

enum err space_channels_find(struct store_tx *tx, int64_t organization_no, int64_t space_no, struct arena *arena,
                             struct space_channels *ret_channels)
{
    struct search search = {.values = {NULL}};
    *ret_channels = (struct space_channels){.emails = json_new_array()};
    enum err err = search_from(&search, tx, space_no, arena);
    if (!err) {
        err = find_emails(tx, organization_no, search.values[CHANNEL_WEBHOOK], arena, ret_channels->emails);
    }
    for (int i = CHANNEL_WEBHOOK; i < CHANNELS; i++) {
        if (i != CHANNEL_WEBHOOK && search.values[i]) {
            ret_channels->url[i] = url_of(search.values[i], arena);
        }
        json_free(search.values[i]);
    }
    return err;
}
