/* What system administrators do (management-api.md 10.2), but for mail, which is in mail_routes.c. */
#include "api/admin_call.h"
#include "io/loop.h"
#include "model/management/backup.h"
#include "model/management/system.h"
#include "model/management/system_settings.h"
#include "model/management/system_status.h"

static void partners_list(struct call *call, struct store_tx *tx)
{
    system_partners(call_admin(call), tx, call_page(call));
}

static void partner_made(struct partner_make *make)
{
    call_finish(make->user);
}

static void partners_create(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct partner_make *make = arena_new(&call->arena, struct partner_make);
    if (partner_make_init(make, call_admin(call), call->body)) {
        make->on_done = partner_made;
        make->user = call;
        partner_make_start(make, loop_mailbox(loop_current()));
    }
}

static void partners_update(struct call *call, struct store_tx *tx)
{
    system_partner_update(call_admin(call), tx, call->params[0], call->body);
}

static void models_update(struct call *call, struct store_tx *tx)
{
    system_model_update(call_admin(call), tx, call->params[0], call->body);
}

static void status_written(struct status_read *read)
{
    call_finish(read->user);
}

static void status(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct status_read *read = arena_new(&call->arena, struct status_read);
    read->admin = call_admin(call);
    read->on_done = status_written;
    read->user = call;
    status_start(read, loop_mailbox(loop_current()));
}

static void settings_read(struct call *call, struct store_tx *tx)
{
    system_settings(call_admin(call), tx);
}

static void settings_update(struct call *call, struct store_tx *tx)
{
    system_settings_update(call_admin(call), tx, call->body);
}

static void backup_made(struct backup_make *make)
{
    call_finish(make->user);
}

static void backup(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct backup_make *make = arena_new(&call->arena, struct backup_make);
    make->admin = call_admin(call);
    make->on_done = backup_made;
    make->user = call;
    backup_start(make, loop_mailbox(loop_current()));
}

static void audit(struct call *call, struct store_tx *tx)
{
    struct audit_filter filter;
    if (call_audit_filter(call, &filter)) {
        system_audit(call_admin(call), tx, &filter, call_page(call));
    }
}

#define SYSTEM(path) "/core/v1/system" path

const struct route installation_routes[] = {
    {"GET", SYSTEM("/partners"), ACCESS_SYSTEM, PLACE_READ, 0, partners_list},
    {"POST", SYSTEM("/partners"), ACCESS_SYSTEM, PLACE_LOOP, ROUTE_WRITE, partners_create},
    {"PATCH", SYSTEM("/partners/:id"), ACCESS_SYSTEM, PLACE_REGISTRY, ROUTE_WRITE, partners_update},
    {"PATCH", SYSTEM("/models/:id"), ACCESS_SYSTEM, PLACE_REGISTRY, ROUTE_WRITE, models_update},
    {"GET", SYSTEM("/status"), ACCESS_SYSTEM, PLACE_LOOP, 0, status},
    {"GET", SYSTEM("/settings"), ACCESS_SYSTEM, PLACE_READ, 0, settings_read},
    {"PATCH", SYSTEM("/settings"), ACCESS_SYSTEM, PLACE_REGISTRY, ROUTE_WRITE, settings_update},
    {"POST", SYSTEM("/backup"), ACCESS_SYSTEM, PLACE_LOOP, ROUTE_WRITE, backup},
    {"GET", SYSTEM("/audit"), ACCESS_SYSTEM, PLACE_READ, 0, audit},
    {0},
};
