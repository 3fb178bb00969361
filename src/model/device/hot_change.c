#include "model/device/hot_change.h"

#include "model/device/device_desk.h"
#include "model/device/presence.h"
#include "model/domain.h"
#include "model/rule/rules.h"
#include "model/telemetry/telemetry.h"

struct hot_change {
    struct hot_change *next;
    unsigned fields;
    bool shortened_hold; /* found when it is applied */
    struct device_brief value;
};

void hot_changes_add(struct hot_changes *changes, unsigned fields, const struct device_brief *value)
{
    struct hot_change *change = arena_new(changes->arena, struct hot_change);
    change->fields = fields;
    change->shortened_hold = false;
    change->value = *value;
    if (changes->last) {
        changes->last->next = change;
    } else {
        changes->first = change;
    }
    changes->last = change;
}

static void set_owner(struct device_brief *device, const struct device_brief *value)
{
    device->organization_no = value->organization_no;
    device->space_no = value->space_no;
    device->space_version = value->space_version;
    device->epoch = value->epoch;
    device->suspended = value->suspended;
}

static void reset_samples(struct device_brief *device)
{
    device->sample_day = 0;
    device->sample_seq = 0;
    device->worst_priority = 0; /* incidents were the former owner's */
}

static void change_record(struct device_brief *device, void *arg)
{
    struct hot_change *change = arg;
    const struct device_brief *value = &change->value;
    if (change->fields & HOT_CONFIG) {
        device->config_version = value->config_version;
        device->applied_version = value->applied_version;
    }
    if (change->fields & HOT_INFO) {
        device->info_version = value->info_version;
    }
    if (change->fields & HOT_OWNER) {
        set_owner(device, value);
    }
    if (change->fields & HOT_QUEUE) {
        change->shortened_hold = value->command_hold_until_ms < device->command_hold_until_ms;
        device->command_waiting = value->command_waiting;
        device->command_hold_until_ms = value->command_hold_until_ms;
    }
    if (change->fields & HOT_LICENSE) {
        device->license_waiting = value->license_waiting;
    }
    if (change->fields & HOT_KEY) {
        memcpy(device->key_hash, value->key_hash, sizeof device->key_hash);
    }
    if (change->fields & HOT_PARENT) {
        device->parent_no = value->parent_no;
    }
    if (change->fields & HOT_INCIDENTS) {
        device->worst_priority = value->worst_priority;
    }
    if (change->fields & HOT_FIRMWARE) {
        device->firmware_waiting = value->firmware_waiting;
    }
    if (change->fields & HOT_RESET) {
        reset_samples(device);
    }
}

static void apply(struct hot_change *change, struct domain *domain)
{
    if (change->fields & HOT_GONE) {
        device_table_remove(domain->devices, change->value.no);
    } else if (change->fields & HOT_NEW) {
        device_table_put(domain->devices, &change->value);
    } else {
        device_table_change(domain->devices, change->value.no, change_record, change);
    }
    if (change->shortened_hold) {
        presence_hold_shortened(domain, change->value.no);
    }
    if (change->fields & (HOT_GONE | HOT_RESET)) {
        telemetry_forget(domain, change->value.no);
        rules_forget(domain, change->value.no);
        atomic_store(&domain->device_desk->purge_wanted, true);
    }
}

void hot_changes_apply(const struct hot_changes *changes, struct domain *domain)
{
    for (struct hot_change *change = changes->first; change; change = change->next) {
        apply(change, domain);
    }
}
