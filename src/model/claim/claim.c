#include "model/claim/claim.h"

#include "base/utf8.h"
#include "model/account/access.h"
#include "model/maker/catalog.h"
#include "model/claim/claim_find.h"
#include "model/command/command.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/outbox/administrators.h"
#include "model/outbox/webhook.h"
#include "model/license/license.h"
#include "model/rollout/rollout.h"

enum { NAME_CHARS_MAX = 255 };

/* ---- changes of one device and its children ---- */

static enum err store_owner(struct device_change *change, const struct device_core *device)
{
    enum err err = device_store_set_owner(change->tx, device);
    if (err == ERR_OK) {
        device_change_core(change, HOT_OWNER | HOT_INFO, device);
    }
    return err;
}

static enum err claim_one(struct device_change *change, struct device_core *device, int64_t organization_no, int64_t space_no)
{
    device->organization_no = organization_no;
    device->space_no = space_no;
    device->claimed_at = change->now_ms;
    device->info_version++;
    device->space_version = ++device->space_version_last; /* never repeats a value (device-api.md 3.3) */
    enum err err = store_owner(change, device);
    if (err == ERR_OK) {
        err = webhook_claimed_device(change->domain, change->tx, device);
    }
    if (err == ERR_OK) {
        device_change_emit(change, EVENT_DEVICE_CLAIMED, device, PUSH_SPACE, (struct str){NULL, 0});
    }
    return err;
}

static enum err unclaim_one(struct device_change *change, struct device_core *device)
{
    enum err err = rollout_device_gone(change, device->no, "Device was unclaimed");
    if (err == ERR_OK) {
        err = command_abort_all(change, device);
    }
    if (err == ERR_OK) {
        err = license_free_all(change, device);
    }
    struct device_core before = *device; /* the event is the former owner's */
    device->organization_no = device->space_no = 0;
    device->claimed_at = TIME_NONE;
    device->incidents_suspended = false;
    device->epoch++;
    device->info_version++;
    device->space_version = 0;
    if (err == ERR_OK) {
        err = device_store_forget_owner(change->tx, device->no, device->epoch);
    }
    if (err == ERR_OK) {
        err = device_store_set_owner(change->tx, device);
    }
    if (err == ERR_OK) {
        device_change_core(change, HOT_OWNER | HOT_INFO | HOT_RESET, device);
        /* Of what the former owner sent, nothing goes out any more. */
        device_change_emit(change, EVENT_DEVICE_UNCLAIMED, &before, PUSH_SPACE | PUSH_COMMAND | PUSH_CHILDREN,
                           (struct str){NULL, 0});
    }
    return err;
}

static enum err move_one(struct device_change *change, struct device_core *device, int64_t space_no)
{
    if (device->space_no == space_no) {
        return ERR_OK;
    }
    device->space_no = space_no;
    device->space_version = ++device->space_version_last;
    enum err err = store_owner(change, device);
    if (err == ERR_OK) {
        err = incident_space_changed(change, device);
    }
    if (err == ERR_OK) {
        device_change_emit(change, EVENT_DEVICE_UPDATED, device, PUSH_SPACE, (struct str){NULL, 0});
    }
    return err;
}

static bool is_application(struct domain *domain, const struct device_core *device)
{
    struct model_info model = {0};
    return catalog_model(domain->catalog, device->model_no, &model) && model.device_type == DEVICE_APPLICATION;
}

/* All unclaimed children come along (device-api.md 10.1). */
static enum err claim_with_children(struct device_change *change, struct device_core *device, int64_t organization_no,
                                    int64_t space_no)
{
    struct device_core *children = NULL;
    size_t count = 0;
    enum err err = claim_one(change, device, organization_no, space_no);
    if (err == ERR_OK) {
        err = device_store_children(change->tx, device->no, change->arena, &children, &count);
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (!children[i].organization_no) {
            err = claim_one(change, &children[i], organization_no, space_no);
        }
    }
    return err;
}

static enum err unclaim_with_children(struct device_change *change, struct device_core *device)
{
    struct device_core *children = NULL;
    size_t count = 0;
    int64_t organization_no = device->organization_no;
    enum err err = unclaim_one(change, device);
    if (err == ERR_OK) {
        err = device_store_children(change->tx, device->no, change->arena, &children, &count);
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (children[i].organization_no == organization_no) {
            err = unclaim_one(change, &children[i]);
        }
    }
    return err;
}

/* Application children always follow; digital ones may live elsewhere. */
enum err device_move_with_children(struct device_change *change, struct device_core *device, int64_t space_no)
{
    struct device_core *children = NULL;
    size_t count = 0;
    enum err err = move_one(change, device, space_no);
    if (err == ERR_OK) {
        err = device_store_children(change->tx, device->no, change->arena, &children, &count);
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (children[i].organization_no == device->organization_no && is_application(change->domain, &children[i])) {
            err = move_one(change, &children[i], space_no);
        }
    }
    return err;
}

/* ---- what the doors ask ---- */

/* space_id, a number or digits, of this organization. False: the reply holds the error. */
static bool find_space(struct admin *admin, struct store_tx *tx, int64_t organization_no, const struct json *body,
                       int64_t *ret_space_no)
{
    struct device_space space;
    const struct json *value = json_get(body, "space_id");
    if (json_is_missing(value) || (json_is_string(value) && str_is_blank(json_string(value)))) {
        reply_error(admin->reply, 422, "Parameter space_id is required");
        return false;
    }
    enum err err = json_to_int(value, ret_space_no) ? device_space_find(tx, *ret_space_no, admin->arena, &space) : ERR_NOT_FOUND;
    if (err == ERR_OK && space.organization_no != organization_no) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Space not found");
        return false;
    }
    return !admin_failed(admin, err) && access_check(admin, *ret_space_no, "Space");
}

/* ptr NULL: none given. False: the reply holds the error. */
static bool read_name(struct admin *admin, const struct json *body, struct str *ret_name)
{
    const struct json *value = json_get(body, "name");
    *ret_name = (struct str){NULL, 0};
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_text(value, admin->arena, ret_name)) {
        reply_error(admin->reply, 422, "Name is invalid");
        return false;
    }
    if (utf8_length(*ret_name) > NAME_CHARS_MAX) {
        reply_error(admin->reply, 422, "Name is too long (maximum is %d characters)", NAME_CHARS_MAX);
        return false;
    }
    if (str_is_blank(*ret_name)) {
        *ret_name = (struct str){NULL, 0};
    }
    return true;
}

static bool refuse_claim(struct admin *admin, enum claim_result result)
{
    switch (result) {
    case CLAIM_POSSIBLE:
        return false;
    case CLAIM_HERE:
    case CLAIM_ELSEWHERE:
        reply_error(admin->reply, 422, "Device is already claimed");
        break;
    case CLAIM_AMBIGUOUS:
        reply_error(admin->reply, 422, "Provided identifiers are ambiguous");
        break;
    case CLAIM_NOT_REGISTERED:
    case CLAIM_UNPUBLISHED:
    case CLAIM_CHILD:
        reply_error(admin->reply, 404, "Device not found");
        break;
    }
    return true;
}

static struct str after_space(struct admin *admin, int64_t space_no)
{
    return arena_printf(admin->arena, "{\"after\":{\"space_id\":%lld}}", (long long)space_no);
}

/* Whoever is told so may have guessed the identifiers. */
static bool is_guess(enum claim_result result)
{
    return result == CLAIM_NOT_REGISTERED || result == CLAIM_UNPUBLISHED || result == CLAIM_CHILD;
}

/* Whoever knows a Cloud ID may claim: the administrators hear of it (portal.md 6.5). */
static enum err tell_administrators(struct admin *admin, struct store_tx *tx, const struct device_core *device,
                                    int64_t organization_no, int64_t space_no)
{
    struct device_row row;
    enum err err = device_store_row(tx, device->no, admin->arena, &row);
    return err ? err : mail_claimed(admin, tx, organization_no, row.name, space_no);
}

bool device_claim(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct device_core device;
    enum claim_result result = CLAIM_NOT_REGISTERED;
    struct str name;
    int64_t space_no, organization_no = admin->principal.organization_no;
    if (!find_space(admin, tx, organization_no, body, &space_no) || !claim_identifiers_check(admin, body) ||
        !read_name(admin, body, &name) ||
        admin_failed(admin, claim_find(admin, tx, organization_no, body, &device, &result))) {
        return true;
    }
    if (refuse_claim(admin, result)) {
        return !is_guess(result);
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    enum err err = claim_with_children(change, &device, organization_no, space_no);
    if (err == ERR_OK && name.ptr) {
        err = device_store_set_name(tx, device.no, name);
    }
    if (err == ERR_OK) {
        err = tell_administrators(admin, tx, &device, organization_no, space_no);
    }
    if (!admin_failed(admin, err)) {
        device_audit(admin, tx, "device.claim", &device, after_space(admin, space_no));
        device_answer(admin, tx, device.no);
    }
    return true;
}

static const char *const result_names[] = {
    [CLAIM_NOT_REGISTERED] = "not_registered", [CLAIM_POSSIBLE] = "claimable",      [CLAIM_HERE] = "claimed_here",
    [CLAIM_ELSEWHERE] = "claimed_elsewhere",   [CLAIM_UNPUBLISHED] = "unpublished", [CLAIM_CHILD] = "child",
};

static enum err write_claimable(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct json_writer *w)
{
    struct device_row row;
    struct model_info model = {0};
    struct device_core *children = NULL;
    size_t count = 0;
    enum err err = device_store_row(tx, device->no, admin->arena, &row);
    if (err == ERR_OK) {
        err = device_store_children(tx, device->no, admin->arena, &children, &count);
    }
    if (err == ERR_OK) {
        catalog_model(admin->domain->catalog, device->model_no, &model);
        json_field_uuid(w, "device_id", &device->id);
        json_field_str(w, "model", row.custom_model_name.ptr ? row.custom_model_name : model.name);
        if (row.sn.ptr) {
            json_field_str(w, "sn", row.sn);
        } else {
            json_field_null(w, "sn");
        }
        json_field_int(w, "children", (int64_t)count);
    }
    return err;
}

bool device_claim_lookup(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct device_core device;
    enum claim_result result = CLAIM_NOT_REGISTERED;
    struct json_writer w;
    if (!claim_identifiers_check(admin, body) ||
        admin_failed(admin, claim_find(admin, tx, admin->principal.organization_no, body, &device, &result))) {
        return true;
    }
    if (result == CLAIM_AMBIGUOUS) {
        refuse_claim(admin, result);
        return true;
    }
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_cstr(&w, "result", result_names[result]);
    if (result == CLAIM_POSSIBLE && admin_failed(admin, write_claimable(admin, tx, &device, &w))) {
        return true;
    }
    if (result == CLAIM_HERE) {
        json_field_uuid(&w, "device_id", &device.id);
    }
    json_end_object(&w);
    admin->reply->status = 200;
    return !is_guess(result);
}

static bool missing(struct admin *admin, const char *field)
{
    reply_error(admin->reply, 422, "Parameter %s is required", field);
    return false;
}

/* The organization named, and the space: given, or its root. */
static bool find_target(struct admin *admin, struct store_tx *tx, const struct json *body, int64_t *ret_organization_no,
                        int64_t *ret_space_no)
{
    struct uuid id;
    struct organization_info organization;
    struct str text = json_string(json_get(body, "organization_id"));
    if (str_is_blank(text)) {
        return missing(admin, "organization_id");
    }
    if (!uuid_parse(text, &id) || !catalog_organization_by_id(admin->domain->catalog, &id, &organization) ||
        organization.partner_no != admin->principal.partner_no) {
        reply_error(admin->reply, 404, "Organization not found");
        return false;
    }
    *ret_organization_no = organization.no;
    if (!json_is_missing(json_get(body, "space_id"))) {
        return find_space(admin, tx, organization.no, body, ret_space_no);
    }
    return !admin_failed(admin, device_space_root(tx, organization.no, ret_space_no));
}

static bool assign_one(struct admin *admin, struct device_change *change, const struct json *value, int64_t organization_no,
                       int64_t space_no)
{
    struct uuid id;
    struct device_core device;
    enum err err = uuid_parse(json_string(value), &id) ? device_store_core_by_id(change->tx, &id, &device) : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND || (err == ERR_OK && device.partner_no != admin->principal.partner_no)) {
        return !refuse_claim(admin, CLAIM_NOT_REGISTERED);
    }
    if (admin_failed(admin, err) || refuse_claim(admin, claim_result_of(admin->domain, &device, organization_no)) ||
        admin_failed(admin, claim_with_children(change, &device, organization_no, space_no))) {
        return false;
    }
    device_audit(admin, change->tx, "device.assign", &device, after_space(admin, space_no));
    return true;
}

void device_assign(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    int64_t organization_no = 0, space_no = 0;
    const struct json *ids = json_get(body, "device_ids");
    if (!json_is_array(ids) || !json_count(ids)) {
        missing(admin, "device_ids");
        return;
    }
    if (json_count(ids) > ASSIGN_DEVICES_MAX) {
        reply_error(admin->reply, 422, "Too many devices, maximum is %d", ASSIGN_DEVICES_MAX);
        return;
    }
    if (!find_target(admin, tx, body, &organization_no, &space_no)) {
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    for (const struct json *id = json_first(ids); id; id = json_next(id)) {
        if (!assign_one(admin, change, id, organization_no, space_no)) {
            return;
        }
    }
    struct str what = arena_printf(admin->arena, "%zu %s", json_count(ids), json_count(ids) == 1 ? "device" : "devices");
    if (!admin_failed(admin, mail_claimed(admin, tx, organization_no, what, space_no))) {
        admin_reply_success(admin);
    }
}

void device_unclaim(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    struct device_core changed = *device;
    if (!changed.organization_no) {
        reply_error(admin->reply, 422, "Device is not claimed");
        return;
    }
    if (changed.parent_no && is_application(admin->domain, &changed)) {
        reply_error(admin->reply, 422, "Application devices follow their parent");
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    if (!admin_failed(admin, unclaim_with_children(change, &changed))) {
        device_audit(admin, tx, "device.unclaim", device, STR(""));
        admin_reply_success(admin);
    }
}

void device_move(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    struct device_core changed = *device;
    int64_t space_no;
    if (!find_space(admin, tx, device->organization_no, body, &space_no)) {
        return;
    }
    if (is_application(admin->domain, device)) {
        reply_error(admin->reply, 422, "Application devices follow their parent");
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    if (!admin_failed(admin, device_move_with_children(change, &changed, space_no))) {
        device_audit(admin, tx, "device.move", device,
                     arena_printf(admin->arena, "{\"before\":{\"space_id\":%lld},\"after\":{\"space_id\":%lld}}",
                                  (long long)device->space_no, (long long)space_no));
        device_answer(admin, tx, device->no);
    }
}
