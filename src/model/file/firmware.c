#include "model/file/firmware.h"

#include "base/mem.h"
#include "model/domain.h"
#include "model/file/file_desk_internal.h"
#include "model/maker/catalog.h"
#include "model/maker/semver.h"
#include "model/ports/file_store.h"

enum { DEVICES_PER_SLICE = 2000 };

/* SemVer order; if either is none, whatever differs (device-api.md 3.3). */
static bool firmware_is_higher(struct str candidate, struct str reported)
{
    if (semver_is_valid(candidate) && semver_is_valid(reported)) {
        return semver_compare(candidate, reported) > 0;
    }
    return !str_eq(candidate, reported);
}

static void write_fields(struct json_writer *w, struct str version, const struct uuid *id)
{
    json_field_str(w, "latest_fw_version", version);
    json_field_uuid(w, "latest_fw_file_id", id);
}

void firmware_write_level(struct domain *domain, const struct device_brief *device, struct json_writer *w)
{
    struct firmware_info newest;
    if (device->firmware_waiting && catalog_firmware(domain->catalog, device->model_no, &newest)) {
        write_fields(w, newest.version, &newest.file_id);
    } else {
        json_field_null(w, "latest_fw_version");
        json_field_null(w, "latest_fw_file_id");
    }
}

enum err firmware_write_push(struct store_tx *tx, const struct device_brief *device, struct arena *arena, struct buf *out,
                             int64_t *ret_level)
{
    struct file_row newest;
    struct device_row row;
    struct json_writer w;
    enum err err = file_store_newest_firmware(tx, device->model_no, arena, &newest);
    if (err == ERR_OK) {
        err = device_store_row(tx, device->no, arena, &row);
    }
    if (err != ERR_OK || !firmware_is_higher(newest.version, row.firmware_version)) {
        return err == ERR_OK ? ERR_NOT_FOUND : err;
    }
    json_writer_init(&w, out);
    json_begin_object(&w);
    write_fields(&w, newest.version, &newest.id);
    json_end_object(&w);
    *ret_level = newest.no;
    return ERR_OK;
}

enum err firmware_reported(struct store_tx *tx, struct arena *arena, struct hot_changes *hot, const struct device_core *device,
                           struct str version)
{
    struct file_row newest;
    struct device_brief value = {.no = device->no};
    enum err err = file_store_newest_firmware(tx, device->model_no, arena, &newest);
    if (err == ERR_OK) {
        value.firmware_waiting = firmware_is_higher(newest.version, version);
    }
    if (err == ERR_OK || err == ERR_NOT_FOUND) {
        hot_changes_add(hot, HOT_FIRMWARE, &value);
        err = ERR_OK;
    }
    return err;
}

/* ---- a model's newest firmware has changed ---- */

struct newest {
    int64_t model_no;
    struct uuid file_id;
    struct str version; /* ptr NULL: there is none any more */
};

static void put_in_catalog(struct domain *domain, void *arg)
{
    const struct newest *newest = arg;
    catalog_set_firmware(domain->catalog, newest->model_no, newest->version, &newest->file_id);
}

struct verdict {
    int64_t device_no;
    bool waiting;
};

struct slice {
    struct domain *domain;
    struct newest newest;
    int64_t last_no; /* of the devices looked at so far */
    struct verdict *verdicts; /* DEVICES_PER_SLICE */
    int count;
};

static void compare_device(int64_t device_no, struct str version, void *arg)
{
    struct slice *slice = arg;
    bool waiting = slice->newest.version.ptr && firmware_is_higher(slice->newest.version, version);
    slice->verdicts[slice->count++] = (struct verdict){device_no, waiting};
    slice->last_no = device_no;
}

static enum err run_slice(struct slice *slice, struct store_tx *tx, struct arena *arena)
{
    struct file_row row;
    enum err err = file_store_newest_firmware(tx, slice->newest.model_no, arena, &row);
    if (err == ERR_OK) {
        slice->newest.version = row.version;
        slice->newest.file_id = row.id;
    } else if (err != ERR_NOT_FOUND) {
        return err;
    }
    slice->verdicts = arena_alloc(arena, DEVICES_PER_SLICE * sizeof *slice->verdicts);
    return file_store_each_device_version(tx, slice->newest.model_no, slice->last_no, DEVICES_PER_SLICE, compare_device, slice);
}

static void set_waiting(struct device_brief *device, void *arg)
{
    device->firmware_waiting = *(const bool *)arg;
}

/* A device that subscribes meanwhile finds the level in its record, or is connected by now and gets the event. What was
 * withdrawn may wait to be sent to it. */
static void apply_slice(struct slice *slice)
{
    struct device_brief device, before;
    for (int i = 0; i < slice->count; i++) {
        struct verdict *verdict = &slice->verdicts[i];
        bool found = device_table_find_no(slice->domain->devices, verdict->device_no, &before) &&
                     device_table_change(slice->domain->devices, verdict->device_no, set_waiting, &verdict->waiting) &&
                     device_table_find_no(slice->domain->devices, verdict->device_no, &device);
        if (found && (verdict->waiting || before.firmware_waiting) && device.connected) {
            struct event *event = event_new(EVENT_DEVICE_UPDATED, &device);
            event->at_ms = slice->domain->now_unix_ms();
            event->direction = DIRECTION_DOWN;
            event->push = PUSH_FIRMWARE;
            event_bus_emit(&slice->domain->events, event);
        }
    }
}

/* The next devices of a large fleet; what changes meanwhile is seen by each slice in its own transaction. */
struct follow_up {
    struct op op;
    struct follow_up *next_stalled; /* of those whose commit failed, in the desk */
    struct arena arena;
    struct slice slice;
    int64_t from_no;
};

static void follow_up_run(struct op *op, struct store_tx *tx)
{
    struct follow_up *next = container_of(op, struct follow_up, op);
    op->err = run_slice(&next->slice, tx, &next->arena);
}

static void follow_up_committed(struct op *op)
{
    apply_slice(&container_of(op, struct follow_up, op)->slice);
}

static void follow_up_submit(struct follow_up *next, const struct slice *before);

static void follow_up_free(struct follow_up *next)
{
    arena_deinit(&next->arena);
    mem_free(next);
}

/* The storage has failed: the same devices again when it may be back. */
static void stall(struct follow_up *next)
{
    struct file_desk *desk = next->slice.domain->file_desk;
    next->slice.last_no = next->from_no;
    pthread_mutex_lock(&desk->lock);
    next->next_stalled = desk->stalled;
    desk->stalled = next;
    pthread_mutex_unlock(&desk->lock);
}

static struct follow_up *take_stalled(struct domain *domain)
{
    struct file_desk *desk = domain->file_desk;
    pthread_mutex_lock(&desk->lock);
    struct follow_up *first = desk->stalled;
    desk->stalled = NULL;
    pthread_mutex_unlock(&desk->lock);
    return first;
}

void firmware_tick(struct domain *domain)
{
    for (struct follow_up *it = take_stalled(domain), *next; it; it = next) {
        next = it->next_stalled;
        struct slice before = it->slice;
        arena_reset(&it->arena);
        follow_up_submit(it, &before);
    }
}

void firmware_unload(struct domain *domain)
{
    for (struct follow_up *it = take_stalled(domain), *next; it; it = next) {
        next = it->next_stalled;
        follow_up_free(it);
    }
}

static void follow_up_done(struct op *op)
{
    struct follow_up *next = container_of(op, struct follow_up, op);
    if (op->err != ERR_OK) {
        stall(next);
    } else if (next->slice.count == DEVICES_PER_SLICE) {
        struct slice before = next->slice;
        arena_reset(&next->arena);
        follow_up_submit(next, &before);
    } else {
        follow_up_free(next);
    }
}

static void follow_up_submit(struct follow_up *next, const struct slice *before)
{
    next->slice = (struct slice){.domain = before->domain, .newest.model_no = before->newest.model_no, .last_no = before->last_no};
    next->from_no = before->last_no;
    next->op = (struct op){.lane = LANE_REGISTRY, .run = follow_up_run, .committed = follow_up_committed, .done = follow_up_done};
    op_submit(before->domain->executor, &next->op);
}

static void first_committed(struct domain *domain, void *arg)
{
    struct slice *slice = arg;
    put_in_catalog(domain, &slice->newest); /* before a record says that something waits */
    apply_slice(slice);
    if (slice->count == DEVICES_PER_SLICE) {
        struct follow_up *next = mem_new(struct follow_up);
        arena_init(&next->arena);
        follow_up_submit(next, slice);
    }
}

enum err firmware_changed(struct admin *admin, struct store_tx *tx, int64_t model_no)
{
    struct slice *slice = arena_new(admin->arena, struct slice);
    *slice = (struct slice){.domain = admin->domain, .newest.model_no = model_no};
    enum err err = run_slice(slice, tx, admin->arena);
    if (err == ERR_OK) {
        admin_on_commit(admin, first_committed, slice);
    }
    return err;
}

/* ---- at start ---- */

struct loader {
    struct domain *domain;
    struct store_tx *tx;
    struct str version;
    enum err err;
};

static void load_device(int64_t device_no, struct str version, void *arg)
{
    struct loader *loader = arg;
    if (firmware_is_higher(loader->version, version)) {
        bool waiting = true;
        device_table_change(loader->domain->devices, device_no, set_waiting, &waiting);
    }
}

static void load_newest(const struct file_row *row, void *arg)
{
    struct loader *loader = arg;
    struct newest newest = {row->model_no, row->id, row->version};
    put_in_catalog(loader->domain, &newest);
    loader->version = row->version;
    if (loader->err == ERR_OK) {
        loader->err = file_store_each_device_version(loader->tx, row->model_no, 0, -1, load_device, loader);
    }
}

enum err firmware_load(struct domain *domain, struct store_tx *tx)
{
    struct loader loader = {.domain = domain, .tx = tx};
    enum err err = file_store_each_newest_firmware(tx, load_newest, &loader);
    return err != ERR_OK ? err : loader.err;
}
