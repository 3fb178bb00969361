#include "api/device_admin.h"

#include "model/maker/catalog.h"
#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_edit.h"
#include "model/device/effective_status.h"
#include "model/registration/replacement.h"
#include "model/telemetry/telemetry.h"
#include "model/live/trace_edit.h"
#include "model/ports/telemetry_key_store.h"

enum { NOTHING = -1, STATUS_NOTHING = 99 };
enum { SAMPLES_DEFAULT = 100, SAMPLES_MAX = 1000, SERIES_KEYS_MAX = 64, POINTS_DEFAULT = 500, POINTS_MAX = 2000 };
#define DAY_MS INT64_C(86400000)

bool device_admin_find(struct call *call, struct store_tx *tx, struct admin **ret_admin, struct device_core *ret_device)
{
    *ret_admin = call_admin(call);
    return device_find_for_tenant(*ret_admin, tx, call->params[0], ret_device);
}

void device_admin_get(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_answer(admin, tx, device.no);
    }
}

void device_admin_delete(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_delete(admin, tx, &device);
    }
}

void device_admin_unclaim(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_unclaim(admin, tx, &device);
    }
}

void device_admin_config(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        configuration_get(admin, tx, &device);
    }
}

void device_admin_commands(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    struct str text;
    enum command_status status;
    int wanted = 0;
    if (call_query(call, "status", &text)) {
        wanted = command_status_parse(text, &status) ? (int)status : STATUS_NOTHING;
    }
    if (device_admin_find(call, tx, &admin, &device)) {
        command_list(admin, tx, &device, wanted, call_is_ascending(call), call_page(call));
    }
}

void device_admin_replace(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_replace(admin, tx, &device, call->body);
    }
}

void device_admin_replace_cancel(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_replace_cancel(admin, tx, &device);
    }
}

void device_admin_trace(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        trace_arm(admin, tx, &device, call->body);
    }
}

void device_admin_trace_end(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        trace_disarm(admin, tx, &device);
    }
}

/* The hot record: readers of samples follow its position. */
static bool find_hot(struct call *call, struct store_tx *tx, struct admin **ret_admin, struct device_brief *ret_hot)
{
    struct device_core device;
    if (!device_admin_find(call, tx, ret_admin, &device)) {
        return false;
    }
    if (!device_table_find_no(call->domain->devices, device.no, ret_hot)) {
        device_brief_of_core(call->domain, &device, ret_hot);
    }
    return true;
}

bool device_admin_window(struct call *call, int64_t *from, int64_t *to)
{
    return call_query_time(call, "from", from) && call_query_time(call, "to", to);
}

bool device_admin_telemetries(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_brief hot;
    int64_t from = 0, to = INT64_MAX, limit = SAMPLES_DEFAULT;
    call_query_int(call, "limit", &limit);
    limit = limit < 1 ? SAMPLES_DEFAULT : limit > SAMPLES_MAX ? SAMPLES_MAX : limit;
    return device_admin_window(call, &from, &to) && find_hot(call, tx, &admin, &hot) &&
           !admin_failed(admin, telemetry_write_newest(call->domain, tx, &hot, from, to, (unsigned)limit, &call->reply.body));
}

static size_t split_keys(struct str list, struct str keys[SERIES_KEYS_MAX])
{
    size_t count = 0;
    while (list.ptr && count < SERIES_KEYS_MAX) {
        struct str key = str_trim(str_split(&list, ','));
        if (key.len) {
            keys[count++] = key;
        }
    }
    return count;
}

/* The units that the maker gave its keys (management-api.md 5.4). */
static bool find_units(struct admin *admin, struct store_tx *tx, int64_t model_no, const struct str *keys, size_t count,
                       struct str *units)
{
    for (size_t i = 0; i < count; i++) {
        struct telemetry_key_row row = {0};
        enum err err = telemetry_key_store_find(tx, model_no, keys[i], admin->arena, &row);
        if (err != ERR_NOT_FOUND && admin_failed(admin, err)) {
            return false;
        }
        units[i] = row.unit;
    }
    return true;
}

void device_admin_series(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_brief hot;
    struct str list, keys[SERIES_KEYS_MAX];
    int64_t now_ms = call->domain->now_unix_ms();
    int64_t from = now_ms - DAY_MS, to = now_ms, points = POINTS_DEFAULT;
    call_query_int(call, "points", &points);
    points = points < 1 ? POINTS_DEFAULT : points > POINTS_MAX ? POINTS_MAX : points;
    if (!device_admin_window(call, &from, &to) || !find_hot(call, tx, &admin, &hot)) {
        return;
    }
    size_t key_count = call_query(call, "keys", &list) ? split_keys(list, keys) : 0;
    if (!key_count) {
        reply_error(&call->reply, 422, "Parameter keys is required");
        return;
    }
    struct str units[SERIES_KEYS_MAX] = {{0}};
    if (find_units(admin, tx, hot.model_no, keys, key_count, units) &&
        !admin_failed(admin, telemetry_write_series(call->domain, tx, &hot, keys, units, key_count, from, to,
                                                    (unsigned)points, &call->reply.body))) {
        call->reply.status = 200;
    }
}

void device_admin_filter_model(struct call *call, struct device_filter *filter)
{
    struct str text;
    struct uuid id;
    struct model_info model;
    if (call_query(call, "model_id", &text)) {
        bool known = uuid_parse(text, &id) && catalog_model_by_id(call->domain->catalog, &id, &model);
        filter->model_no = known ? model.no : NOTHING;
    }
}

void device_admin_filter_space(struct call *call, struct device_filter *filter)
{
    struct str text;
    if (call_query(call, "space_id", &text) && (!str_to_i64(text, &filter->space_no) || !filter->space_no)) {
        filter->space_no = NOTHING;
    }
}

int device_admin_status(struct call *call)
{
    struct str text;
    enum device_status status;
    if (!call_query(call, "status", &text)) {
        return -1;
    }
    return device_status_parse(text, &status) ? (int)status : STATUS_NOTHING;
}
