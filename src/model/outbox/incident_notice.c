#include "model/outbox/incident_notice.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/outbox/delivery.h"
#include "model/outbox/mail.h"
#include "model/outbox/space_channels.h"

enum { TEXT_BYTES_MAX = 16384, DESCRIPTION_BYTES_MAX = 2000, BODY_BYTES_MAX = 65536, URL_BYTES_MAX = 4096 };

struct notice {
    const struct incident_view *view;
    const struct incident_row *row;
    struct str title;       /* "high: Device offline" */
    struct str where;       /* "Lobby panel, Harbour College/North/Lobby" */
    struct str description; /* cut */
    struct str link_path, url;
};

static struct str cut(struct str text, size_t bytes_max)
{
    size_t len = 0;
    for (size_t next; len < text.len && (next = utf8_next(str_sub(text, len, text.len))) && len + next <= bytes_max;) {
        len += next;
    }
    return str_sub(text, 0, len);
}

static void fill(struct notice *notice, struct buf *url)
{
    const struct incident_view *view = notice->view;
    struct arena *arena = view->arena;
    const char *priority = incident_priority_name(priority_shifted(notice->row->priority, view->factor));
    char id[UUID_TEXT_BYTES];
    uuid_format(&view->device.core.id, id);
    notice->title = arena_printf(arena, "%s: %.*s", priority, STR_ARG(notice->row->title));
    notice->where = view->space.path.len
                        ? arena_printf(arena, "%.*s, %.*s", STR_ARG(view->device.name), STR_ARG(view->space.path))
                        : view->device.name;
    notice->description = cut(notice->row->description, DESCRIPTION_BYTES_MAX);
    notice->link_path = arena_printf(arena, "/app/devices/%s", id);
    view->domain->urls->hub_url(view->domain->urls, NULL, url);
    buf_append_str(url, notice->link_path);
    notice->url = buf_str(url);
}

/* --- mail --- */

static enum err queue_mails(const struct notice *notice, const struct json *emails)
{
    struct organization_info organization = {0};
    int64_t organization_no = notice->row->organization_no;
    catalog_organization(notice->view->domain->catalog, organization_no, &organization);
    struct mail mail = {
        .kind = MAIL_INCIDENT,
        .tenant_kind = TENANT_ORGANIZATION,
        .tenant_no = organization_no,
        .tenant_name = organization.name,
        .title = notice->title,
        .where = notice->where,
        .text = notice->description,
        .link_path = notice->link_path,
    };
    struct str to[CHANNEL_EMAILS_MAX];
    size_t count = 0;
    for (const struct json *email = json_first(emails); email && count < CHANNEL_EMAILS_MAX; email = json_next(email)) {
        to[count++] = json_string(email);
    }
    return mail_queue_each(notice->view->domain, notice->view->tx, &mail, to, count);
}

/* --- chat --- */

/* "<" and ">" enclose mentions and links in chat markup: nobody mentions a whole company with a device's name. */
static void append_plain(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<' || c == '>') {
            buf_append_cstr(out, c == '<' ? "\xe2\x80\xb9" : "\xe2\x80\xba");
        } else {
            buf_append_u8(out, (uint8_t)c);
        }
    }
}

static void write_text(const struct notice *notice, struct buf *out)
{
    append_plain(out, notice->title);
    buf_append_cstr(out, "\n");
    append_plain(out, notice->where);
    buf_append_cstr(out, "\n");
    if (notice->description.len) {
        append_plain(out, notice->description);
        buf_append_cstr(out, "\n");
    }
    buf_append_str(out, notice->url);
}

static void write_text_block(struct json_writer *w, struct str text, const char *weight)
{
    json_begin_object(w);
    json_field_cstr(w, "type", "TextBlock");
    json_field_str(w, "text", text);
    json_field_bool(w, "wrap", true);
    json_field_cstr(w, "weight", weight);
    json_end_object(w);
}

/* An Adaptive Card, which incoming webhooks and workflows of Teams both take. */
static void write_card(const struct notice *notice, struct json_writer *w, struct str text)
{
    json_begin_object(w);
    json_field_cstr(w, "type", "message");
    json_name(w, "attachments");
    json_begin_array(w);
    json_begin_object(w);
    json_field_cstr(w, "contentType", "application/vnd.microsoft.card.adaptive");
    json_name(w, "content");
    json_begin_object(w);
    json_field_cstr(w, "type", "AdaptiveCard");
    json_field_cstr(w, "version", "1.2");
    json_name(w, "body");
    json_begin_array(w);
    write_text_block(w, notice->title, "Bolder");
    write_text_block(w, text, "Default");
    json_end_array(w);
    json_end_object(w);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
}

static enum err queue_call(const struct notice *notice, enum delivery_channel channel, struct str url, struct str body)
{
    struct domain *domain = notice->view->domain;
    struct buf sealed;
    buf_init(&sealed, URL_BYTES_MAX + SEAL_OVERHEAD_BYTES);
    seal(domain->keys.seal_key, url, &sealed);
    struct delivery_row delivery = {
        .tenant_kind = TENANT_ORGANIZATION,
        .tenant_no = notice->row->organization_no,
        .device_no = 0, /* one channel that does not answer must not hold up another */
        .channel = channel,
        .event_type = STR("incident"),
        .url_sealed = buf_str(&sealed),
        .body = body,
    };
    enum err err = delivery_queue(domain, notice->view->tx, &delivery);
    buf_deinit(&sealed);
    return err;
}

static enum err queue_calls(const struct notice *notice, const struct space_channels *channels)
{
    struct buf text, body;
    enum err err = ERR_OK;
    buf_init(&text, TEXT_BYTES_MAX);
    buf_init(&body, BODY_BYTES_MAX);
    write_text(notice, &text);
    for (int i = CHANNEL_GCHAT; !err && i <= CHANNEL_MSTEAMS; i++) {
        struct json_writer w;
        if (!channels->url[i].len) {
            continue;
        }
        buf_clear(&body);
        json_writer_init(&w, &body);
        if (i == CHANNEL_MSTEAMS) {
            write_card(notice, &w, buf_str(&text));
        } else {
            json_begin_object(&w);
            json_field_str(&w, "text", buf_str(&text));
            json_end_object(&w);
        }
        err = body.failed ? ERR_INTERNAL : queue_call(notice, (enum delivery_channel)i, channels->url[i], buf_str(&body));
    }
    buf_deinit(&text);
    buf_deinit(&body);
    return err;
}

enum err incident_notice_queue(const struct incident_view *view, const struct incident_row *row)
{
    struct notice notice = {.view = view, .row = row};
    struct space_channels channels;
    enum err err = space_channels_find(view->tx, row->organization_no, view->space.no, view->arena, &channels);
    bool is_wanted = json_first(channels.emails) || channels.url[CHANNEL_GCHAT].len || channels.url[CHANNEL_SLACK].len ||
                     channels.url[CHANNEL_MSTEAMS].len;
    if (!err && is_wanted) {
        struct buf url;
        buf_init(&url, URL_BYTES_MAX);
        fill(&notice, &url);
        err = queue_mails(&notice, channels.emails);
        if (!err) {
            err = queue_calls(&notice, &channels);
        }
        buf_deinit(&url);
    }
    json_free(channels.emails);
    return err;
}
