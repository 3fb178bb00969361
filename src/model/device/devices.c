#include "model/device/devices.h"

#include "base/mem.h"
#include "model/account/attempts.h"
#include "model/maker/catalog.h"
#include "model/device/device_desk.h"
#include "model/domain.h"
#include "model/file/file_desk.h"
#include "model/ports/command_store.h"
#include "model/ports/configuration_store.h"
#include "model/ports/device_store.h"
#include "model/ports/license_store.h"

/* Loading: devices of one model and tenant stand together, so the last look-ups are kept. */
struct loader {
    struct domain *domain;
    struct model_info model;
    int64_t partner_no, organization_no;
    bool partner_active, organization_active;
};

static void complete(struct loader *loader, struct device_brief *device)
{
    if (loader->model.no != device->model_no) {
        loader->model = (struct model_info){0};
        catalog_model(loader->domain->catalog, device->model_no, &loader->model);
    }
    if (loader->partner_no != device->partner_no) {
        loader->partner_no = device->partner_no;
        loader->partner_active = catalog_partner_is_active(loader->domain->catalog, device->partner_no);
    }
    if (device->organization_no && loader->organization_no != device->organization_no) {
        loader->organization_no = device->organization_no;
        loader->organization_active = catalog_organization_is_active(loader->domain->catalog, device->organization_no);
    }
    device->model_id = loader->model.id;
    device->api_version = loader->model.api_version;
    device->protocol = loader->model.protocol;
    device->device_type = loader->model.device_type;
    device->offline_threshold_minutes = loader->model.offline_threshold_minutes;
    device->suspended = !loader->partner_active || (device->organization_no && !loader->organization_active);
}

void device_brief_complete(struct domain *domain, struct device_brief *device)
{
    complete(&(struct loader){.domain = domain}, device);
}

static void load_device(const struct device_brief *row, void *arg)
{
    struct loader *loader = arg;
    struct device_brief device = *row;
    complete(loader, &device);
    device_table_put(loader->domain->devices, &device);
}

struct versions {
    int32_t version, applied_version;
};

static void change_versions(struct device_brief *device, void *arg)
{
    const struct versions *versions = arg;
    device->config_version = versions->version;
    device->applied_version = versions->applied_version;
}

static void load_configuration(int64_t device_no, int32_t version, int32_t applied_version, void *arg)
{
    struct loader *loader = arg;
    device_table_change(loader->domain->devices, device_no, change_versions, &(struct versions){version, applied_version});
}

static void change_queue(struct device_brief *device, void *arg)
{
    const int64_t *hold_until_ms = arg;
    device->command_waiting = true;
    device->command_hold_until_ms = *hold_until_ms;
}

static void load_head(int64_t device_no, enum command_status status, int64_t hold_until_ms, void *arg)
{
    (void)status;
    struct loader *loader = arg;
    device_table_change(loader->domain->devices, device_no, change_queue, &hold_until_ms);
}

static void change_licenses(struct device_brief *device, void *arg)
{
    (void)arg;
    device->license_waiting = true;
}

static void load_license(int64_t device_no, void *arg)
{
    struct loader *loader = arg;
    device_table_change(loader->domain->devices, device_no, change_licenses, NULL);
}

enum err devices_load(struct domain *domain, struct store_tx *tx)
{
    if (!domain->device_desk) {
        domain->device_desk = mem_new(struct device_desk);
        pthread_mutex_init(&domain->device_desk->lock, NULL);
        domain->device_desk->claim_attempts = attempts_new();
        domain->device_desk->purge_wanted = true; /* a purge that a stop interrupted goes on */
    }
    struct loader loader = {.domain = domain};
    enum err err = device_store_each_hot(tx, load_device, &loader);
    if (err == ERR_OK) {
        err = configuration_store_each(tx, load_configuration, &loader);
    }
    if (err == ERR_OK) {
        err = command_store_each_head(tx, load_head, &loader);
    }
    if (err == ERR_OK) {
        err = license_store_each_waiting(tx, load_license, &loader);
    }
    return err;
}

void refusal_deinit(struct refusal *refusal)
{
    const struct registration_entry *entry = &refusal->entry;
    const struct str owned[] = {entry->address, entry->sn, entry->mac, entry->cloud_id, entry->error};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) {
        mem_free((void *)(uintptr_t)owned[i].ptr);
    }
}

void devices_unload(struct domain *domain)
{
    files_unload(domain);
    struct device_desk *desk = domain->device_desk;
    if (!desk) {
        return;
    }
    for (unsigned i = 0; i < desk->refusal_count; i++) {
        refusal_deinit(&desk->refusals[i]);
    }
    attempts_free(desk->claim_attempts);
    pthread_mutex_destroy(&desk->lock);
    mem_free(desk);
    domain->device_desk = NULL;
}

struct attempts *devices_claim_attempts(const struct domain *domain)
{
    return domain->device_desk->claim_attempts;
}
