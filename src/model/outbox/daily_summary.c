#include "model/outbox/daily_summary.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/incident/incident_view.h"
#include "model/maker/catalog.h"
#include "model/outbox/mail.h"
#include "model/ports/daily_summary_store.h"
#include "model/ports/space_store.h"
#include "model/ports/tenant_store.h"

enum { LINES_MAX = 50, TEXT_BYTES_MAX = 32768, MINUTE_MS = 60000 };

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static enum err utc_offset_ms(struct store_tx *tx, int64_t organization_no, struct arena *arena, int64_t *ret_offset_ms)
{
    struct space_row root;
    struct json *config = NULL;
    int64_t minutes = 0;
    enum err err = space_store_find_root(tx, organization_no, arena, &root);
    if (!err && json_parse(root.config, NULL, &config) == ERR_OK) {
        json_to_int(json_get(json_get(config, "location"), "utc_offset"), &minutes);
    }
    json_free(config);
    *ret_offset_ms = minutes * MINUTE_MS;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err daily_summary_schedule(struct domain *domain, struct store_tx *tx, int64_t organization_no, const struct json *settings)
{
    struct arena arena;
    int64_t hour, offset_ms = 0, now = domain->now_unix_ms();
    if (!json_int(json_get(settings, "daily_report_hour"), &hour)) {
        return daily_summary_store_put(tx, organization_no, TIME_NONE);
    }
    arena_init(&arena);
    enum err err = utc_offset_ms(tx, organization_no, &arena, &offset_ms);
    arena_deinit(&arena);
    int64_t local = now + offset_ms, midnight = local - local % DAY_MS;
    int64_t at = midnight + hour * HOUR_MS - offset_ms;
    return err ? err : daily_summary_store_put(tx, organization_no, at > now ? at : at + DAY_MS);
}

struct summary {
    struct domain *domain;
    struct store_tx *tx;
    struct arena arena;
    struct organization_info organization;
    int64_t from, to;
    struct buf text;
};

static enum err count(struct summary *summary, int64_t from, int status, int64_t *ret_count)
{
    struct incident_filter filter = {.organization_no = summary->organization.no, .from = from, .to = summary->to,
                                     .status = status};
    return incident_store_count(summary->tx, &filter, ret_count);
}

static enum err write_line(struct summary *summary, struct incident_view *view, const struct incident_row *row)
{
    char at[TIME_TEXT_BYTES];
    enum err err = incident_view_load(view, row->device_no);
    if (err) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    time_format(row->created_at, at);
    buf_printf(&summary->text, "\n%s  %s: %.*s (%.*s, %.*s)", at,
               incident_priority_name(priority_shifted(row->priority, view->factor)), STR_ARG(row->title),
               STR_ARG(view->device.name), STR_ARG(view->space.path));
    return ERR_OK;
}

static enum err write_active(struct summary *summary, int64_t active)
{
    struct incident_filter filter = {.organization_no = summary->organization.no, .to = summary->to, .status = 1};
    struct incident_row *rows = NULL;
    struct incident_view view;
    size_t rows_count = 0;
    enum err err = incident_store_list(summary->tx, &filter, (struct page){1, LINES_MAX}, &summary->arena, &rows, &rows_count);
    incident_view_init(&view, summary->domain, summary->tx, &summary->arena);
    for (size_t i = 0; !err && i < rows_count; i++) {
        err = write_line(summary, &view, &rows[i]);
    }
    if (active > LINES_MAX) {
        buf_printf(&summary->text, "\nand %lld more", (long long)(active - LINES_MAX));
    }
    return err;
}

static enum err write_text(struct summary *summary)
{
    int64_t opened = 0, closed = 0, active = 0;
    enum err err = count(summary, summary->from, 0, &opened);
    if (!err) {
        err = count(summary, summary->from, 2, &closed);
    }
    if (!err) {
        err = count(summary, 0, 1, &active);
    }
    buf_printf(&summary->text, "Opened in the last 24 hours: %lld, of which closed again: %lld.\nActive now: %lld.\n",
               (long long)opened, (long long)closed, (long long)active);
    return err ? err : write_active(summary, active);
}

static enum err queue_mails(struct summary *summary, const struct json *emails)
{
    char at[TIME_TEXT_BYTES];
    struct str *to = arena_alloc(&summary->arena, json_count(emails) * sizeof *to);
    size_t count = 0;
    time_format(summary->to, at);
    struct mail mail = {.kind = MAIL_INCIDENT_SUMMARY, .tenant_kind = TENANT_ORGANIZATION,
                        .tenant_no = summary->organization.no, .tenant_name = summary->organization.name,
                        .title = str_sub(str_from_cstr(at), 0, 10), .text = buf_str(&summary->text),
                        .link_path = STR("/app/incidents")};
    for (const struct json *email = json_first(emails); email; email = json_next(email)) {
        to[count++] = json_string(email);
    }
    return mail_queue_each(summary->domain, summary->tx, &mail, to, count);
}

static enum err queue_one(struct domain *domain, struct store_tx *tx, int64_t organization_no)
{
    struct str text;
    struct json *settings = NULL;
    struct summary summary = {.domain = domain, .tx = tx, .to = domain->now_unix_ms()};
    summary.from = summary.to - DAY_MS;
    arena_init(&summary.arena);
    buf_init(&summary.text, TEXT_BYTES_MAX);
    enum err err = tenant_settings_store_get(tx, TENANT_ORGANIZATION, organization_no, &summary.arena, &text);
    if (!err) {
        err = json_parse(text, NULL, &settings);
    }
    const struct json *emails = json_get(settings, "notification_emails");
    if (!err && json_count(emails) && catalog_organization(domain->catalog, organization_no, &summary.organization) &&
        catalog_organization_is_active(domain->catalog, organization_no)) {
        err = write_text(&summary);
        err = err ? err : queue_mails(&summary, emails);
    }
    if (!err) {
        err = daily_summary_schedule(domain, tx, organization_no, settings);
    }
    json_free(settings);
    buf_deinit(&summary.text);
    arena_deinit(&summary.arena);
    return err;
}

/* ---- one organization after the other, each in an operation of its own ---- */

struct round {
    struct op op;
    struct domain *domain;
    int64_t organization_no; /* 0: none is due any more */
    bool puts_off;           /* it failed, and must not be in the way of the others */
};

static void run(struct op *op, struct store_tx *tx)
{
    struct round *round = container_of(op, struct round, op);
    int64_t now = round->domain->now_unix_ms();
    size_t count = 0;
    if (round->puts_off) {
        op->err = daily_summary_store_put(tx, round->organization_no, now + HOUR_MS);
        return;
    }
    round->organization_no = 0;
    op->err = daily_summary_store_due(tx, now, &round->organization_no, 1, &count);
    if (!op->err && count) {
        op->err = queue_one(round->domain, tx, round->organization_no);
    }
}

static void done(struct op *op)
{
    struct round *round = container_of(op, struct round, op);
    bool failed = op->err != ERR_OK;
    bool ends = op->err == ERR_STORAGE || op->err == ERR_BUSY || (failed && round->puts_off) || !round->organization_no;
    if (failed && !ends) {
        log_event(LOG_ERROR, "daily_summary_failed", log_i("organization_no", round->organization_no),
                  log_s("error", err_name(op->err)));
    }
    if (ends) {
        mem_free(round);
        return;
    }
    round->puts_off = failed;
    op_submit(round->domain->executor, op);
}

void daily_summaries_start(struct domain *domain)
{
    struct round *round = mem_new(struct round);
    round->domain = domain;
    round->op = (struct op){.lane = LANE_REGISTRY, .run = run, .done = done};
    op_submit(domain->executor, &round->op);
}
