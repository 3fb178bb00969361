#include "model/customer/suspension.h"

#include "model/domain.h"
#include "model/device/device_table.h"
#include "model/event.h"
#include "model/maker/catalog.h"
#include "model/ports/tenant_store.h"

/* The hot records hold what the catalogue says: every record of the tenant is judged anew. */
struct judging {
    struct catalog *catalog;
    int64_t partner_no, organization_no; /* organization_no 0: all of the partner */
};

static bool judge(struct device_brief *device, void *arg)
{
    const struct judging *judging = arg;
    if (device->partner_no != judging->partner_no ||
        (judging->organization_no && device->organization_no != judging->organization_no)) {
        return false;
    }
    bool suspended = !catalog_partner_is_active(judging->catalog, device->partner_no) ||
                     (device->organization_no && !catalog_organization_is_active(judging->catalog, device->organization_no));
    bool changed = suspended != device->suspended;
    device->suspended = suspended;
    return changed;
}

static void apply(struct domain *domain, void *arg)
{
    struct judging *judging = arg;
    judging->catalog = domain->catalog;
    device_table_change_each(domain->devices, judge, judging);
}

static void begin(struct admin *admin, int64_t partner_no, int64_t organization_no)
{
    struct judging *judging = arena_new(admin->arena, struct judging);
    judging->partner_no = partner_no;
    judging->organization_no = organization_no;
    admin_on_commit(admin, apply, judging);
}

/* Sessions end after the commit. */
static void emit(struct admin *admin, struct store_tx *tx, int64_t partner_no, int64_t organization_no)
{
    struct event *event = event_new(EVENT_TENANT_SUSPENDED, NULL);
    event->at_ms = admin->domain->now_unix_ms();
    event->partner_no = partner_no;
    event->organization_no = organization_no;
    store_tx_emit(tx, event);
}

void suspension_of_organization(struct admin *admin, struct store_tx *tx, int64_t partner_no, int64_t organization_no, bool on)
{
    begin(admin, partner_no, organization_no);
    if (on) {
        emit(admin, tx, partner_no, organization_no);
    }
}

struct customers {
    struct admin *admin;
    struct store_tx *tx;
};

static void emit_customer(const struct organization_row *row, void *arg)
{
    struct customers *customers = arg;
    emit(customers->admin, customers->tx, row->partner_no, row->no);
}

void suspension_of_partner(struct admin *admin, struct store_tx *tx, int64_t partner_no, bool on)
{
    begin(admin, partner_no, 0);
    if (on) {
        struct customers customers = {admin, tx};
        emit(admin, tx, partner_no, 0);
        enum err err = organization_store_list(tx, partner_no, STR(""), (struct page){1, INT64_C(1) << 40}, emit_customer, &customers);
        (void)err; /* sticky in the transaction */
    }
}
