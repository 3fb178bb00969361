#include "model/virtual/virtual_device.h"

#include <stdio.h>

#include "model/device/device_change.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/maker/product_model.h"
#include "model/ports/device_store.h"
#include "model/ports/simulation_store.h"

/* --- tickets --- */

void virtual_tickets_init(struct virtual_tickets *tickets)
{
    *tickets = (struct virtual_tickets){.lock = PTHREAD_MUTEX_INITIALIZER};
}

static bool ticket_open(struct domain *domain, const char *key, int64_t model_no)
{
    struct virtual_tickets *tickets = &domain->simulator->tickets;
    bool opened = false;
    pthread_mutex_lock(&tickets->lock);
    for (size_t i = 0; i < VIRTUAL_TICKETS_MAX && !opened; i++) {
        struct virtual_ticket *ticket = &tickets->list[i];
        if (!ticket->is_open) {
            *ticket = (struct virtual_ticket){.is_open = true, .model_no = model_no};
            domain_key_hash(domain, str_from_cstr(key), ticket->key_hash);
            opened = true;
        }
    }
    pthread_mutex_unlock(&tickets->lock);
    return opened;
}

bool virtual_ticket_take(struct domain *domain, const uint8_t key_hash[SHA256_BYTES], int64_t *ret_model_no)
{
    bool found = false;
    if (!domain->simulator) {
        return false;
    }
    struct virtual_tickets *tickets = &domain->simulator->tickets;
    pthread_mutex_lock(&tickets->lock);
    for (size_t i = 0; i < VIRTUAL_TICKETS_MAX && !found; i++) {
        struct virtual_ticket *ticket = &tickets->list[i];
        if (ticket->is_open && bytes_eq_constant_time(ticket->key_hash, key_hash, SHA256_BYTES)) {
            *ret_model_no = ticket->model_no;
            ticket->is_open = false;
            found = true;
        }
    }
    pthread_mutex_unlock(&tickets->lock);
    return found;
}

/* --- registration --- */

/* What began before has ended, also when nobody wrote that down, or nobody ever ran it: its caller had given up waiting. */
static int64_t alive_since(struct domain *domain)
{
    uint64_t duration = domain_settings(domain)->virtual_duration;
    return duration && duration < INT64_MAX / 2 ? domain->now_unix_ms() - (int64_t)duration - VIRTUAL_GRACE_MS : INT64_MIN;
}

bool virtual_device_is_allowed(struct domain *domain, struct store_tx *tx, int64_t partner_no, struct reply *reply)
{
    const struct settings *settings = domain_settings(domain);
    int64_t devices = 0, running = 0;
    enum err err = simulation_store_count(tx, partner_no, alive_since(domain), &devices, &running);
    if (err != ERR_OK) {
        reply_from_err(reply, err);
        return false;
    }
    uint64_t devices_max = settings->virtual_devices_partner, running_max = settings->virtual_devices_running;
    if (devices_max && (uint64_t)devices >= devices_max) {
        reply_error(reply, 422, "Too many virtual devices");
        return false;
    }
    if (running_max && (uint64_t)running >= running_max) {
        reply_error(reply, 422, "Too many virtual devices are running");
        return false;
    }
    return true;
}

enum err virtual_device_registered(struct domain *domain, struct store_tx *tx, int64_t device_no, const char *access_key)
{
    struct buf sealed;
    buf_init(&sealed, strlen(access_key) + SEAL_OVERHEAD_BYTES);
    seal(domain->keys.seal_key, str_from_cstr(access_key), &sealed);
    struct simulation_row row = {
        .device_no = device_no, .started_at = domain->now_unix_ms(), .access_key_sealed = buf_str(&sealed)};
    enum err err = simulation_store_insert(tx, &row);
    buf_deinit(&sealed);
    return err;
}

/* --- the call --- */

static void make_identity(struct domain *domain, int64_t partner_no, struct virtual_launch *launch)
{
    char random[17];
    uint8_t bytes[3];
    struct partner_info partner = {0};
    struct uuid key = uuid_random();
    uuid_format(&key, launch->key);
    random_base62(random, 10);
    snprintf(launch->sn, sizeof launch->sn, "VIRTUAL-%s", random);
    random_bytes(bytes, sizeof bytes);
    snprintf(launch->mac, sizeof launch->mac, "02:00:5e:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2]);
    catalog_partner(domain->catalog, partner_no, &partner);
    random_base62(random, 16);
    snprintf(launch->cloud_id, sizeof launch->cloud_id, "%.*s%s", STR_ARG(str_sub(partner.short_code, 0, 4)), random);
}

void virtual_device_prepare(struct admin *admin, struct store_tx *tx, struct str model_id, struct virtual_order *order)
{
    struct simulator *simulator = admin->domain->simulator;
    struct product_model_row model;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return;
    }
    if (model.device_type != DEVICE_PHYSICAL) { /* the others exist only below a physical device */
        reply_error(admin->reply, 422, "Only physical models have virtual devices");
        return;
    }
    if (!simulator || !simulator->has_doors(simulator, model.protocol)) {
        reply_error(admin->reply, 422, "No listener for the model's protocol is on");
        return;
    }
    if (virtual_device_is_allowed(admin->domain, tx, model.partner_no, admin->reply)) {
        *order = (struct virtual_order){.model_no = model.no, .launch = {.protocol = model.protocol}};
        make_identity(admin->domain, model.partner_no, &order->launch);
    }
}

void virtual_device_launch(struct admin *admin, struct virtual_order *order)
{
    struct domain *domain = admin->domain;
    if (!ticket_open(domain, order->launch.key, order->model_no)) {
        reply_from_err(admin->reply, ERR_BUSY);
        return;
    }
    order->launch.started_at = domain->now_unix_ms();
    domain->simulator->launch(domain->simulator, &order->launch, admin->reply);
    uint8_t hash[SHA256_BYTES];
    int64_t model_no;
    domain_key_hash(domain, str_from_cstr(order->launch.key), hash);
    virtual_ticket_take(domain, hash, &model_no); /* when the registration never came */
}

void virtual_device_answer(struct admin *admin, struct store_tx *tx, const struct virtual_order *order)
{
    struct device_core device;
    enum err err = device_store_core_by_id(tx, &order->launch.device_id, &device);
    if (err == ERR_NOT_FOUND) { /* deleted in the same moment */
        reply_error(admin->reply, 404, "Device not found");
    } else if (!admin_failed(admin, err)) {
        device_audit(admin, tx, "virtual_device.create", &device, STR(""));
        device_answer(admin, tx, device.no);
        if (admin->reply->status == 200) {
            admin->reply->status = 201;
        }
    }
}

/* --- the simulator --- */

struct each {
    struct domain *domain;
    void (*visit)(const struct simulation *simulation, void *arg);
    void *arg;
};

static void each_row(const struct simulation_row *row, void *arg)
{
    struct each *each = arg;
    struct model_info model;
    struct buf key;
    buf_init(&key, sizeof((struct simulation *)NULL)->access_key - 1);
    if (catalog_model(each->domain->catalog, row->model_no, &model) &&
        seal_open(each->domain->keys.seal_key, row->access_key_sealed, &key)) {
        struct simulation simulation = {.device_id = row->device_id, .protocol = model.protocol, .started_at = row->started_at};
        memcpy(simulation.access_key, key.data, key.len);
        each->visit(&simulation, each->arg);
        secret_wipe(simulation.access_key, sizeof simulation.access_key);
        secret_wipe(key.data, key.len);
    }
    buf_deinit(&key);
}

enum err simulations_each(struct domain *domain, struct store_tx *tx, void (*visit)(const struct simulation *simulation, void *arg),
                          void *arg)
{
    struct each each = {domain, visit, arg};
    return simulation_store_list(tx, each_row, &each);
}
