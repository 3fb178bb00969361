#include "model/device/device_change.h"

#include "base/metrics.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/device/devices.h"
#include "model/domain.h"
#include "model/rule/rules.h"

void device_change_init(struct device_change *change, struct domain *domain, struct store_tx *tx, struct arena *arena,
                        enum transport transport)
{
    *change = (struct device_change){
        .domain = domain,
        .tx = tx,
        .arena = arena,
        .transport = transport,
        .now_ms = domain->now_unix_ms(),
    };
    hot_changes_init(&change->hot, arena);
}

static void apply_effect(struct domain *domain, void *arg)
{
    (void)domain;
    device_change_apply(arg);
}

struct device_change *device_change_of_admin(struct admin *admin, struct store_tx *tx)
{
    struct device_change *change = arena_new(admin->arena, struct device_change);
    device_change_init(change, admin->domain, tx, admin->arena, TRANSPORT_NONE);
    admin_on_commit(admin, apply_effect, change);
    return change;
}

void device_change_apply(const struct device_change *change)
{
    if (change->new_space_no) {
        catalog_put_space(change->domain->catalog, change->new_space_no, change->new_space_parent_no);
    }
    hot_changes_apply(&change->hot, change->domain);
    if (change->doubted_no) {
        rules_doubt(change->domain, change->doubted_no);
    }
    metric_add(METRIC_COMMANDS_SENT, change->commands_sent);
}

void device_brief_of_core(struct domain *domain, const struct device_core *core, struct device_brief *ret_brief)
{
    *ret_brief = (struct device_brief){
        .no = core->no,
        .id = core->id,
        .model_no = core->model_no,
        .partner_no = core->partner_no,
        .organization_no = core->organization_no,
        .space_no = core->space_no,
        .parent_no = core->parent_no,
        .epoch = core->epoch,
        .info_version = core->info_version,
        .space_version = core->space_version,
    };
    device_brief_complete(domain, ret_brief);
}

void device_change_core(struct device_change *change, unsigned fields, const struct device_core *core)
{
    struct device_brief value;
    device_brief_of_core(change->domain, core, &value);
    hot_changes_add(&change->hot, fields, &value);
}

struct event *device_change_event(struct device_change *change, enum event_type type, const struct device_core *core,
                                  uint32_t push)
{
    struct device_brief brief;
    device_brief_of_core(change->domain, core, &brief);
    struct event *event = event_new(type, &brief);
    event->at_ms = change->now_ms;
    event->transport = change->transport;
    event->direction = change->transport == TRANSPORT_NONE ? DIRECTION_DOWN : DIRECTION_UP;
    event->push = push;
    return event;
}

void device_change_emit(struct device_change *change, enum event_type type, const struct device_core *core, uint32_t push,
                        struct str payload)
{
    struct event *event = device_change_event(change, type, core, push);
    if (payload.len) {
        event_set_payload(event, payload);
    }
    store_tx_emit(change->tx, event);
}

void device_audit(struct admin *admin, struct store_tx *tx, const char *action, const struct device_core *device,
                  struct str detail)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&device->id, id);
    admin_audit(admin, tx, action, "device", str_from_cstr(id), detail);
}
