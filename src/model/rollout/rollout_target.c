#include "model/rollout/rollout_target.h"

#include "model/account/access.h"
#include "model/customer/space.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/form.h"

enum { TEXT_CHARS_MAX = 255, ID_BYTES_MAX = 64, SHARES_MAX = 1000 };

static bool is_known(struct str name)
{
    static const struct str names[] = {STR_INIT("device_ids"), STR_INIT("space_id"), STR_INIT("model_id"),
                                       STR_INIT("firmware_version"), STR_INIT("search")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* What is gone, or another's by now, is left out. False: the reply holds the error. */
static bool find_left(struct admin *admin, struct store_tx *tx, struct str id, int64_t *ret_no)
{
    struct uuid uuid;
    struct device_core device;
    enum err err = uuid_parse(id, &uuid) ? device_store_core_by_id(tx, &uuid, &device) : ERR_NOT_FOUND;
    *ret_no = err == ERR_OK ? device.no : 0; /* the filter has the tenant, and what of it may be seen */
    return err == ERR_NOT_FOUND || !admin_failed(admin, err);
}

static bool find_id(struct admin *admin, struct store_tx *tx, struct str id, enum rollout_target_use use, int64_t *ret_no)
{
    struct device_core device;
    if (use == ROLLOUT_TARGET_LEFT) {
        return find_left(admin, tx, id, ret_no);
    }
    if (!device_find_for_tenant(admin, tx, id, &device)) {
        return false;
    }
    *ret_no = device.no;
    return true;
}

/* None left is "[]": without `nos` the filter would match every device. */
static bool read_ids(struct admin *admin, struct store_tx *tx, const struct json *ids, enum rollout_target_use use,
                     struct device_filter *filter)
{
    struct json *nos = json_new_array();
    bool ok = json_is_array(ids) && json_first(ids);
    if (!ok) {
        form_invalid(admin, "device_ids");
    } else if (json_count(ids) > ROLLOUT_IDS_MAX) {
        reply_error(admin->reply, 422, "Too many devices, maximum is %d", ROLLOUT_IDS_MAX);
        ok = false;
    }
    for (const struct json *id = ok ? json_first(ids) : NULL; id && ok; id = json_next(id)) {
        int64_t no = 0;
        if (!json_is_string(id) || json_string(id).len > ID_BYTES_MAX) {
            ok = form_invalid(admin, "device_ids");
        } else {
            ok = find_id(admin, tx, json_string(id), use, &no);
        }
        if (ok && no) {
            json_append(nos, json_new_number((double)no));
        }
    }
    if (ok) {
        struct buf text;
        buf_init(&text, (size_t)ROLLOUT_IDS_MAX * 24);
        json_write(&text, nos);
        filter->nos = arena_str(admin->arena, buf_str(&text));
        buf_deinit(&text);
    }
    json_free(nos);
    return ok;
}

static bool read_space(struct admin *admin, struct store_tx *tx, const struct json *value, struct device_filter *filter)
{
    int64_t no;
    struct space_row space;
    if (!json_to_int(value, &no)) {
        return form_invalid(admin, "space_id");
    }
    if (!space_find(admin, tx, arena_printf(admin->arena, "%lld", (long long)no), &space)) {
        return false;
    }
    filter->space_no = space.no;
    return true;
}

static bool read_model(struct admin *admin, const struct json *value, struct device_filter *filter)
{
    struct uuid id;
    struct model_info model;
    if (!json_is_string(value)) {
        return form_invalid(admin, "model_id");
    }
    if (!uuid_parse(json_string(value), &id) || !catalog_model_by_id(admin->domain->catalog, &id, &model) ||
        model.partner_no != admin->principal.partner_no) {
        reply_error(admin->reply, 404, "Model not found");
        return false;
    }
    filter->model_no = model.no;
    return true;
}

/* Nothing to look for is found in every device: that is nobody's intention. */
static bool read_text(struct admin *admin, const struct json *target, const char *field, struct str *ret_text)
{
    return form_text(admin, target, field, TEXT_CHARS_MAX, ret_text) &&
           (!ret_text->ptr || !str_is_blank(*ret_text) || form_invalid(admin, field));
}

bool rollout_target_read(struct admin *admin, struct store_tx *tx, const struct json *target, enum rollout_target_use use,
                         struct device_filter *ret_filter)
{
    *ret_filter = (struct device_filter){0};
    if (!json_is_object(target) || !json_first(target)) {
        return form_invalid(admin, "target");
    }
    size_t criteria = 0;
    for (const struct json *member = json_first(target); member; member = json_next(member)) {
        if (!is_known(json_key(member))) {
            return form_invalid(admin, "target");
        }
        criteria += !json_is_null(member);
    }
    bool has_ids = form_has(target, "device_ids");
    if (criteria == 0 || (has_ids && criteria > 1)) {
        return form_invalid(admin, "target");
    }
    device_filter_set_tenant(admin, ret_filter);
    return (!has_ids || read_ids(admin, tx, json_get(target, "device_ids"), use, ret_filter)) &&
           (!form_has(target, "space_id") || read_space(admin, tx, json_get(target, "space_id"), ret_filter)) &&
           (!form_has(target, "model_id") || read_model(admin, json_get(target, "model_id"), ret_filter)) &&
           read_text(admin, target, "firmware_version", &ret_filter->firmware_version) &&
           read_text(admin, target, "search", &ret_filter->search);
}

struct shares {
    struct admin *admin;
    struct rollout_share *list;
    size_t count;
    bool is_full;
};

/* Who may see all of a tenant need not be allowed to do something everywhere. */
static void add_share(int64_t model_no, int64_t space_no, struct str version, int64_t count, void *arg)
{
    struct shares *shares = arg;
    if (access_in_space(shares->admin->domain, &shares->admin->principal, space_no) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < shares->count; i++) {
        struct rollout_share *share = &shares->list[i];
        if (share->model_no == model_no && str_eq(share->version, version)) {
            share->count += count;
            return;
        }
    }
    shares->is_full |= shares->count == SHARES_MAX;
    if (!shares->is_full) {
        struct str copy = version.ptr ? arena_str(shares->admin->arena, version) : version;
        shares->list[shares->count++] = (struct rollout_share){model_no, copy, count};
    }
}

bool rollout_target_shares(struct admin *admin, struct store_tx *tx, const struct device_filter *filter,
                           struct rollout_share **ret_shares, size_t *ret_count)
{
    struct shares shares = {.admin = admin, .list = arena_alloc(admin->arena, SHARES_MAX * sizeof *shares.list)};
    if (admin_failed(admin, device_store_spread(tx, filter, add_share, &shares))) {
        return false;
    }
    if (shares.is_full) {
        reply_error(admin->reply, 422, "Too many firmware versions, maximum is %d", SHARES_MAX);
        return false;
    }
    *ret_shares = shares.list;
    *ret_count = shares.count;
    return true;
}
