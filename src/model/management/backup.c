#include "model/management/backup.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/ports/setup_store.h"

#define LAST_KEY STR("backup_last_at")

static struct backup_make *make_of(struct op *op)
{
    return container_of(op, struct backup_make, op);
}

/* "2026-03-01T10-15-00.250Z": sorts by time, and is a file's name everywhere. */
static void make_name(struct backup_make *make)
{
    char text[TIME_TEXT_BYTES];
    time_format(make->admin->domain->now_unix_ms(), text);
    for (char *c = text; *c; c++) {
        *c = *c == ':' ? '-' : *c;
    }
    memcpy(make->name, text, sizeof text);
}

static void note_run(struct op *op, struct store_tx *tx)
{
    struct backup_make *make = make_of(op);
    struct admin *admin = make->admin;
    int64_t now = admin->domain->now_unix_ms();
    op->err = setting_store_set(tx, LAST_KEY, arena_printf(admin->arena, "%lld", (long long)now));
    admin_audit(admin, tx, "system.backup", "backup", str_from_cstr(make->name), STR(""));
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_cstr(&w, "name", make->name);
    json_field_time(&w, "created_at", now);
    json_end_object(&w);
    admin->reply->status = 201;
}

static void finished(struct op *op)
{
    struct backup_make *make = make_of(op);
    if (op->err == ERR_STATE) {
        reply_error(make->admin->reply, 422, "A backup is being made");
    } else if (op->err) {
        reply_from_err(make->admin->reply, ERR_STORAGE);
    }
    make->on_done(make);
}

static void copy_run(struct op *op, struct store_tx *tx)
{
    struct backup_make *make = make_of(op);
    struct domain *domain = make->admin->domain;
    (void)tx;
    op->err = backup_store_make(domain, str_from_cstr(make->name), domain_settings(domain)->retention_backups);
}

static void copy_done(struct op *op)
{
    struct mailbox *home = op->home;
    if (op->err) {
        finished(op);
        return;
    }
    *op = (struct op){.home = home, .lane = LANE_REGISTRY, .run = note_run, .done = finished};
    op_submit(make_of(op)->admin->domain->executor, op);
}

void backup_start(struct backup_make *make, struct mailbox *home)
{
    make_name(make);
    make->op = (struct op){.home = home, .lane = LANE_WORK, .run = copy_run, .done = copy_done};
    op_submit(make->admin->domain->executor, &make->op);
}

enum err backup_last(struct store_tx *tx, struct arena *arena, int64_t *ret_at)
{
    struct str text;
    enum err err = setting_store_get(tx, LAST_KEY, arena, &text);
    if (err == ERR_NOT_FOUND || (!err && !str_to_i64(text, ret_at))) {
        *ret_at = TIME_NONE;
        err = ERR_OK;
    }
    return err;
}
