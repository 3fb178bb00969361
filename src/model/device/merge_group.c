#include "model/device/merge_group.h"

#include "model/device/device_view.h"
#include "model/ports/merge_group_store.h"

/* The group as it will be. */
struct merge {
    struct admin *admin;
    struct device_change *change;
    const struct device_core *primary;
    int64_t members[MERGE_GROUP_MAX]; /* the primary first */
    size_t count;
};

static bool is_member(const struct merge *merge, int64_t no)
{
    for (size_t i = 0; i < merge->count; i++) {
        if (merge->members[i] == no) {
            return true;
        }
    }
    return false;
}

static bool refuse(struct admin *admin, unsigned status, const char *text)
{
    reply_error(admin->reply, status, "%s", text);
    return false;
}

static void note_change(struct merge *merge, const char *action, const struct device_core *shadow)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&shadow->id, id);
    device_change_emit(merge->change, EVENT_DEVICE_UPDATED, shadow, 0, (struct str){NULL, 0});
    device_audit(merge->admin, merge->change->tx, action, merge->primary,
                 arena_printf(merge->admin->arena, "{\"after\":{\"shadow_device_id\":\"%s\"}}", id));
}

/* A shadow that stands alone, or is this primary's already. */
static bool add_shadow(struct merge *merge, const struct device_core *shadow)
{
    int64_t nos[MERGE_GROUP_MAX];
    size_t count = 0;
    struct admin *admin = merge->admin;
    if (is_member(merge, shadow->no)) {
        return shadow->no != merge->primary->no || refuse(admin, 422, "With device ids is invalid");
    }
    if (admin_failed(admin, merge_group_store_of(merge->change->tx, shadow->no, nos, &count))) {
        return false;
    }
    if (count) {
        return refuse(admin, 422, "Device is already merged");
    }
    if (merge->count == MERGE_GROUP_MAX) {
        return refuse(admin, 422, "merge group would exceed max size 4");
    }
    if (admin_failed(admin, merge_group_store_add(merge->change->tx, merge->primary->no, shadow->no))) {
        return false;
    }
    merge->members[merge->count++] = shadow->no;
    note_change(merge, "device.merge", shadow);
    return true;
}

/* The group before; false: the reply holds the error. */
static bool load(struct merge *merge, struct admin *admin, struct store_tx *tx, const struct device_core *primary)
{
    *merge = (struct merge){.admin = admin, .change = device_change_of_admin(admin, tx), .primary = primary};
    return !admin_failed(admin, merge_group_store_of(tx, primary->no, merge->members, &merge->count));
}

void device_merge(struct admin *admin, struct store_tx *tx, const struct device_core *primary, const struct json *body)
{
    const struct json *ids = json_get(body, "with_device_ids");
    struct merge merge;
    if (!json_is_array(ids) || !json_first(ids)) {
        refuse(admin, 400, "with_device_ids must not be empty");
        return;
    }
    if (!load(&merge, admin, tx, primary)) {
        return;
    }
    if (merge.count == 0) {
        merge.members[merge.count++] = primary->no;
    } else if (merge.members[0] != primary->no) {
        refuse(admin, 422, "Device is already merged"); /* a shadow has no shadows */
        return;
    }
    for (const struct json *id = json_first(ids); id; id = json_next(id)) {
        struct device_core shadow;
        if (!device_find_for_tenant(admin, tx, json_string(id), &shadow) || !add_shadow(&merge, &shadow)) {
            return;
        }
    }
    device_change_emit(merge.change, EVENT_DEVICE_UPDATED, primary, 0, (struct str){NULL, 0});
    admin_reply_success(admin);
}

void device_split(struct admin *admin, struct store_tx *tx, const struct device_core *primary, const struct json *body)
{
    struct merge merge;
    struct device_core shadow;
    const struct json *id = json_get(body, "shadow_device_id");
    if (json_is_missing(id)) {
        refuse(admin, 422, "Parameter shadow_device_id is required");
        return;
    }
    if (!device_find_for_tenant(admin, tx, json_string(id), &shadow) || !load(&merge, admin, tx, primary)) {
        return;
    }
    if (merge.count == 0 || merge.members[0] != primary->no || shadow.no == primary->no || !is_member(&merge, shadow.no)) {
        refuse(admin, 422, "device is not a shadow of this primary");
        return;
    }
    if (!admin_failed(admin, merge_group_store_remove(tx, shadow.no))) {
        note_change(&merge, "device.split", &shadow);
        device_change_emit(merge.change, EVENT_DEVICE_UPDATED, primary, 0, (struct str){NULL, 0});
        admin_reply_success(admin);
    }
}
