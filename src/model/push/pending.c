#include "model/push/pending.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/file/firmware.h"
#include "model/incident/incident.h"
#include "model/license/license.h"

enum { PAYLOAD_BYTES_MAX = 1024 * 1024, API_DEVICE_ID = 7 };
enum { CHILDREN_BYTES_MAX = 192 * 1024 }; /* of one array: the heads that it does not hold come when others are done */

struct collector {
    struct pending_read *read;
    struct store_tx *tx;
    struct arena arena;
    struct buf payload;
    struct pending_item **end;
    size_t children_bytes;
};

/* Appends an item with what is in the payload buffer, and empties the buffer. */
static struct pending_item *add(struct collector *collector, enum push_mask kind, int64_t level)
{
    struct pending_item *item = mem_new(struct pending_item);
    item->kind = kind;
    item->level = level;
    size_t len = 0;
    uint8_t *bytes = buf_take(&collector->payload, &len);
    item->payload = str_from(bytes, len);
    *collector->end = item;
    collector->end = &item->next;
    buf_init(&collector->payload, PAYLOAD_BYTES_MAX);
    return item;
}

static void item_free(struct pending_item *item)
{
    mem_free((void *)(uintptr_t)item->payload.ptr);
    mem_free(item);
}

static enum err collect_config(struct collector *collector)
{
    int32_t version = 0;
    enum err err = configuration_write_for_device(collector->tx, &collector->read->device, &collector->arena,
                                                  &collector->payload, &version);
    if (err == ERR_OK && version > 0) {
        struct pending_item *item = add(collector, PUSH_CONFIG, version);
        snprintf(item->correlation, sizeof item->correlation, "%d", (int)version);
    }
    return err;
}

static enum err collect_space(struct collector *collector)
{
    struct device_core core;
    enum err err = device_store_core(collector->tx, collector->read->device.no, &core);
    if (err == ERR_OK) {
        err = device_space_write(collector->read->domain, collector->tx, &collector->read->device, &collector->arena,
                                 &collector->payload);
    }
    if (err == ERR_OK) {
        add(collector, PUSH_SPACE, core.space_version);
    }
    return err == ERR_STATE ? ERR_OK : err;
}

static enum err collect_firmware(struct collector *collector)
{
    int64_t level = 0;
    enum err err = firmware_write_push(collector->tx, &collector->read->device, &collector->arena, &collector->payload, &level);
    if (err == ERR_OK) {
        add(collector, PUSH_FIRMWARE, level);
    }
    return err;
}

/* On LANE_REGISTRY they are noted as fetched: from then on a revocation has to tell the device (device-api.md 6). */
static enum err collect_licenses(struct collector *collector)
{
    struct pending_read *read = collector->read;
    struct license_row *rows = NULL;
    size_t count = 0;
    struct json_writer w;
    int64_t now_ms = read->domain->now_unix_ms();
    bool may_write = read->op.lane == LANE_REGISTRY;
    enum err err = license_store_of_device(collector->tx, read->device.no, true, &collector->arena, &rows, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (!rows[i].fetched && may_write) {
            rows[i].fetched = true;
            err = license_store_update(collector->tx, &rows[i]);
        }
        read->has_unfetched |= !rows[i].fetched;
        json_writer_init(&w, &collector->payload);
        license_write_for_device(&w, &read->device, &rows[i], now_ms);
        struct pending_item *item = add(collector, PUSH_LICENSE, rows[i].action_no);
        uuid_format(&rows[i].id, item->id);
        memcpy(item->correlation, item->id, sizeof item->id);
    }
    return err;
}

static enum err collect_command(struct collector *collector)
{
    struct command_row head;
    struct json_writer w;
    enum err err = command_store_head(collector->tx, collector->read->device.no, &collector->arena, &head);
    if (err == ERR_OK && head.status == COMMAND_PENDING) { /* never in_progress (mqtt.md 5.2) */
        json_writer_init(&w, &collector->payload);
        err = command_write_for_device(collector->read->domain, collector->tx, &collector->arena, &w,
                                       &collector->read->device, &head);
    }
    if (err == ERR_OK && head.status == COMMAND_PENDING) {
        struct pending_item *item = add(collector, PUSH_COMMAND, head.no);
        uuid_format(&head.id, item->id);
        memcpy(item->correlation, item->id, sizeof item->id);
    }
    return err;
}

static bool is_storage_fault(enum err err)
{
    return err == ERR_STORAGE || err == ERR_BUSY;
}

static void note_unread(struct collector *collector, enum push_mask kind, int64_t device_no, enum err err)
{
    collector->read->unread |= (uint32_t)kind;
    log_event(LOG_WARN, "pending_unreadable", log_i("device", device_no), log_i("kind", (int64_t)kind),
              log_s("error", err_name(err)));
}

static enum err collect_head(struct collector *collector, const struct command_row *head)
{
    struct device_core owner;
    struct json_writer w;
    enum err err = device_store_core(collector->tx, head->device_no, &owner);
    if (err != ERR_OK) {
        return err;
    }
    buf_clear(&collector->payload);
    json_writer_init(&w, &collector->payload);
    struct device_brief brief = {.id = owner.id, .api_version = API_DEVICE_ID};
    err = command_write_for_device(collector->read->domain, collector->tx, &collector->arena, &w, &brief, head);
    if (err == ERR_OK) {
        struct pending_item *item = add(collector, PUSH_CHILDREN, 0);
        uuid_format(&head->id, item->id);
        item->device_no = owner.no;
        collector->children_bytes += item->payload.len;
    }
    return err;
}

/* Of the device itself and of each child, with device_id whatever the API version (device-api.md 4.2). One whose command
 * cannot be read does not hold back its siblings'. */
static enum err collect_children(struct collector *collector)
{
    struct command_row *heads = NULL;
    size_t count = 0;
    enum err err = command_store_family_heads(collector->tx, collector->read->device.no, &collector->arena, &heads, &count);
    for (size_t i = 0; i < count && err == ERR_OK && collector->children_bytes < CHILDREN_BYTES_MAX; i++) {
        if (heads[i].status != COMMAND_PENDING) {
            continue;
        }
        err = collect_head(collector, &heads[i]);
        if (err != ERR_OK && !is_storage_fault(err)) {
            if (err != ERR_NOT_FOUND) { /* else it was deleted just now */
                note_unread(collector, PUSH_CHILDREN, heads[i].device_no, err);
            }
            err = ERR_OK;
        }
    }
    return err;
}

static enum err collect_incidents(struct collector *collector)
{
    int64_t newest = 0;
    enum err err = incident_write_active(collector->tx, &collector->read->device, &collector->payload, &newest);
    if (err == ERR_OK && newest) {
        add(collector, PUSH_INCIDENTS, newest);
    }
    return err;
}

/* In the order of mqtt.md 5.2.1. */
static const struct {
    enum push_mask kind;
    enum err (*collect)(struct collector *collector);
} kinds[] = {
    {PUSH_CONFIG, collect_config},
    {PUSH_SPACE, collect_space},
    {PUSH_FIRMWARE, collect_firmware},
    {PUSH_LICENSE, collect_licenses},
    {PUSH_COMMAND, collect_command},
    {PUSH_CHILDREN, collect_children},
    {PUSH_INCIDENTS, collect_incidents},
};

/* What of a kind was read before its fault goes again: of a part, nobody can tell that it is one. */
static void drop_kind(struct collector *collector, enum push_mask kind)
{
    struct pending_item **place = &collector->read->items;
    while (*place) {
        struct pending_item *item = *place;
        if (item->kind == kind) {
            *place = item->next;
            item_free(item);
        } else {
            place = &item->next;
        }
    }
    collector->end = place;
}

static void run(struct op *op, struct store_tx *tx)
{
    struct pending_read *read = container_of(op, struct pending_read, op);
    struct collector collector = {.read = read, .tx = tx, .end = &read->items};
    arena_init(&collector.arena);
    buf_init(&collector.payload, PAYLOAD_BYTES_MAX);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && op->err == ERR_OK; i++) {
        if (!(read->wanted & kinds[i].kind)) {
            continue;
        }
        buf_clear(&collector.payload);
        enum err err = kinds[i].collect(&collector);
        bool wrote = kinds[i].kind == PUSH_LICENSE && op->lane == LANE_REGISTRY; /* that must be rolled back */
        if (err == ERR_OK || err == ERR_NOT_FOUND) {
            continue; /* nothing waits, or the device is gone */
        }
        if (wrote || is_storage_fault(err)) {
            op->err = err;
        } else { /* it does not hold back the other kinds */
            note_unread(&collector, kinds[i].kind, read->device.no, err);
            drop_kind(&collector, kinds[i].kind);
            read->wanted &= ~(uint32_t)kinds[i].kind;
        }
    }
    buf_deinit(&collector.payload);
    arena_deinit(&collector.arena);
}

uint32_t pending_kinds(const struct device_brief *device)
{
    uint32_t collected = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        collected |= (uint32_t)kinds[i].kind;
    }
    return collected & ~((device->config_version > 0 ? 0 : (uint32_t)PUSH_CONFIG) |
                         (device->space_no != 0 ? 0 : (uint32_t)PUSH_SPACE) |
                         (device->firmware_waiting ? 0 : (uint32_t)PUSH_FIRMWARE) |
                         (device->license_waiting ? 0 : (uint32_t)PUSH_LICENSE) |
                         (device->command_waiting ? 0 : (uint32_t)PUSH_COMMAND) |
                         (device->command_waiting || device->device_type == DEVICE_PHYSICAL ? 0 : (uint32_t)PUSH_CHILDREN));
}

struct pending_read *pending_read_new(struct domain *domain, const struct device_brief *device, uint32_t wanted)
{
    struct pending_read *read = mem_new(struct pending_read);
    read->domain = domain;
    read->device = *device;
    read->wanted = wanted;
    return read;
}

static void free_items(struct pending_read *read)
{
    for (struct pending_item *item = read->items; item;) {
        struct pending_item *next = item->next;
        item_free(item);
        item = next;
    }
    read->items = NULL;
}

/* What the reader found is read again where it can be noted as fetched. */
static void read_done(struct op *op)
{
    struct pending_read *read = container_of(op, struct pending_read, op);
    if (op->err == ERR_OK && read->has_unfetched) {
        free_items(read);
        read->has_unfetched = false;
        op->lane = LANE_REGISTRY;
        op->done = read->caller_done;
        op_submit(read->domain->executor, op);
        return;
    }
    read->caller_done(op);
}

void pending_read_submit(struct pending_read *read, struct mailbox *home, void (*done)(struct op *op))
{
    read->caller_done = done;
    read->op.lane = LANE_READ;
    read->op.home = home;
    read->op.run = run;
    read->op.done = read_done;
    op_submit(read->domain->executor, &read->op);
}

void pending_read_free(struct pending_read *read)
{
    if (read) {
        free_items(read);
        mem_free(read);
    }
}
