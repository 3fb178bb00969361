/* Devices as a table for spreadsheets and scripts (management-api.md 5.7, 6.1). */
#include "base/clock.h"
#include "base/csv.h"
#include "model/device/device_view.h"
#include "model/device/effective_status.h"
#include "model/domain.h"
#include "model/maker/catalog.h"

static const char organization_columns[] =
    "id,name,sn,mac,cloud_id,model,sub_model,firmware_version,status,last_seen_at,space_id,space,created_at,claimed_at,virtual\r\n";
static const char partner_columns[] =
    "id,name,sn,mac,cloud_id,model,sub_model,firmware_version,status,last_seen_at,organization,created_at,claimed_at,virtual\r\n";

void device_csv_header(enum tenant_kind kind, struct buf *out)
{
    buf_append_cstr(out, kind == TENANT_PARTNER ? partner_columns : organization_columns);
}

struct slice {
    struct admin *admin;
    struct store_tx *tx;
    struct device_query *query;
    size_t left;
    bool full;
    enum err err;
    struct buf *out;
};

static void field(struct slice *slice, struct str text)
{
    csv_write(slice->out, text);
    buf_append_cstr(slice->out, ",");
}

static void time_field(struct slice *slice, int64_t at)
{
    char text[TIME_TEXT_BYTES] = "";
    if (at != TIME_NONE && at != 0) {
        time_format(at, text);
    }
    field(slice, str_from_cstr(text));
}

static enum err owner_fields(struct slice *slice, const struct device_core *core)
{
    if (slice->admin->principal.tenant_kind == TENANT_PARTNER) {
        struct organization_info organization = {0};
        catalog_organization(slice->admin->domain->catalog, core->organization_no, &organization);
        field(slice, organization.name);
        return ERR_OK;
    }
    struct device_space space = {0};
    enum err err = device_space_find(slice->tx, core->space_no, slice->admin->arena, &space);
    buf_printf(slice->out, "%lld,", (long long)core->space_no);
    field(slice, space.path);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err write_device(struct slice *slice, int64_t no, const struct device_brief *hot)
{
    struct device_row row;
    struct model_info model = {0};
    char id[UUID_TEXT_BYTES];
    enum err err = device_store_row(slice->tx, no, slice->admin->arena, &row);
    if (err != ERR_OK) {
        return err;
    }
    catalog_model(slice->admin->domain->catalog, row.core.model_no, &model);
    uuid_format(&row.core.id, id);
    field(slice, str_from_cstr(id));
    field(slice, row.name);
    field(slice, row.sn);
    field(slice, row.mac);
    field(slice, row.cloud_id);
    field(slice, row.custom_model_name.ptr ? row.custom_model_name : model.name);
    field(slice, row.sub_model);
    field(slice, row.firmware_version);
    field(slice, hot->status == STATUS_NEVER_SEEN ? STR("") : str_from_cstr(device_status_name(hot->status)));
    time_field(slice, hot->last_seen_ms);
    err = owner_fields(slice, &row.core);
    time_field(slice, row.core.created_at);
    time_field(slice, row.core.claimed_at);
    buf_append_cstr(slice->out, row.core.is_virtual ? "true\r\n" : "false\r\n");
    return err;
}

static bool visit(int64_t no, void *arg)
{
    struct slice *slice = arg;
    struct device_brief hot = {0};
    if (slice->left == 0) {
        slice->full = true;
        return false;
    }
    slice->query->filter.after_no = no;
    bool known = device_table_find_no(slice->admin->domain->devices, no, &hot);
    if (slice->query->status >= 0 && (!known || hot.status != (enum device_status)slice->query->status)) {
        return true;
    }
    slice->left--;
    slice->err = write_device(slice, no, &hot);
    return slice->err == ERR_OK;
}

enum err device_csv_write(struct admin *admin, struct store_tx *tx, struct device_query *query, size_t max, struct buf *out,
                          bool *ret_end)
{
    struct slice slice = {.admin = admin, .tx = tx, .query = query, .left = max, .out = out};
    device_filter_set_tenant(admin, &query->filter);
    enum err err = device_store_list(tx, &query->filter, -1, 0, visit, &slice);
    *ret_end = !slice.full;
    return err != ERR_OK ? err : slice.err;
}
