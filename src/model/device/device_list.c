#include "model/account/access.h"
#include "model/maker/catalog.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/management/envelope.h"

bool device_find_for_tenant(struct admin *admin, struct store_tx *tx, struct str id, struct device_core *ret_device)
{
    struct uuid uuid;
    const struct principal *principal = &admin->principal;
    bool partner = principal->tenant_kind == TENANT_PARTNER;
    enum err err = uuid_parse(id, &uuid) ? device_store_core_by_id(tx, &uuid, ret_device) : ERR_NOT_FOUND;
    if (err == ERR_OK && (partner ? ret_device->partner_no != principal->partner_no
                                  : ret_device->organization_no != principal->organization_no)) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "%s", partner ? "Errors::NotFound" : "Device not found");
        return false;
    }
    return !admin_failed(admin, err) && access_check(admin, ret_device->space_no, "Device");
}

void device_answer(struct admin *admin, struct store_tx *tx, int64_t device_no)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    if (!admin_failed(admin, device_write(admin->domain, tx, admin->arena, admin->principal.tenant_kind, device_no, &w))) {
        admin->reply->status = 200;
    }
}

/* A page of row numbers. Status lives in the hot records, so a filter by it counts here and not in the store. */
struct device_page {
    struct domain *domain;
    int status;
    int64_t offset, size;
    int64_t seen;
    int64_t *nos;
    size_t count;
};

static bool collect(int64_t no, void *arg)
{
    struct device_page *page = arg;
    struct device_brief hot;
    if (page->status >= 0 &&
        (!device_table_find_no(page->domain->devices, no, &hot) || hot.status != (enum device_status)page->status)) {
        return true;
    }
    if (page->seen >= page->offset && (int64_t)page->count < page->size) {
        page->nos[page->count++] = no;
    }
    page->seen++;
    return true;
}

static enum err read_page(struct store_tx *tx, const struct device_query *query, struct device_page *page, int64_t *ret_total)
{
    if (query->status >= 0 || query->filter.search.len) { /* a substring has no index: one scan finds and counts */
        enum err err = device_store_list(tx, &query->filter, -1, 0, collect, page);
        *ret_total = page->seen;
        return err;
    }
    int64_t offset = page->offset;
    page->offset = 0;
    enum err err = device_store_list(tx, &query->filter, page->size, offset, collect, page);
    return err == ERR_OK ? device_store_count(tx, &query->filter, ret_total) : err;
}

void device_filter_set_tenant(const struct admin *admin, struct device_filter *filter)
{
    bool partner = admin->principal.tenant_kind == TENANT_PARTNER;
    filter->partner_no = partner ? admin->principal.partner_no : 0;
    filter->organization_no = partner ? 0 : admin->principal.organization_no;
    filter->visible_spaces = access_visible_spaces(admin->domain, &admin->principal, admin->arena);
}

void device_list(struct admin *admin, struct store_tx *tx, struct device_query *query, struct page page)
{
    struct device_page rows = {
        .domain = admin->domain,
        .status = query->status,
        .offset = page_offset(page),
        .size = page.size,
        .nos = arena_alloc(admin->arena, (size_t)page.size * sizeof(int64_t)),
    };
    int64_t total = 0;
    struct envelope envelope;
    device_filter_set_tenant(admin, &query->filter);
    if (admin_failed(admin, read_page(tx, query, &rows, &total))) {
        return;
    }
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    for (size_t i = 0; i < rows.count; i++) {
        enum err err = device_write(admin->domain, tx, admin->arena, admin->principal.tenant_kind, rows.nos[i], &envelope.w);
        if (admin_failed(admin, err)) {
            return;
        }
    }
    envelope_end(&envelope, total);
}

/* ---- history ---- */

struct history_writer {
    struct admin *admin;
    struct store_tx *tx;
    struct json_writer *w;
    enum err err;
    struct device_row device; /* of the last row */
    struct device_space space;
};

static void load_device(struct history_writer *history, int64_t device_no)
{
    if (history->device.core.no == device_no) {
        return;
    }
    history->err = device_store_row(history->tx, device_no, history->admin->arena, &history->device);
    history->space = (struct device_space){0};
}

static void write_partner_row(struct history_writer *history, const struct history_row *row)
{
    struct json_writer *w = history->w;
    json_begin_object(w);
    json_field_time(w, "created_at", row->at);
    json_field_raw(w, "state", row->state);
    json_field_uuid(w, "device_id", &history->device.core.id);
    json_end_object(w);
}

static void write_organization_row(struct history_writer *history, const struct history_row *row)
{
    struct json_writer *w = history->w;
    const struct device_row *device = &history->device;
    struct model_info model = {0};
    struct partner_info partner = {0};
    catalog_model(history->admin->domain->catalog, device->core.model_no, &model);
    catalog_partner(history->admin->domain->catalog, device->core.partner_no, &partner);
    json_begin_object(w);
    json_field_uuid(w, "uuid", &device->core.id);
    json_field_uuid(w, "device_id", &device->core.id);
    json_field_str(w, "name", device->name);
    json_field_str(w, "model", device->custom_model_name.ptr ? device->custom_model_name : model.name);
    json_field_str(w, "partner", device->custom_partner_name.ptr ? device->custom_partner_name : partner.name);
    json_field_int(w, "space_id", device->core.space_no);
    json_field_raw(w, "state", row->state);
    json_field_time(w, "created_at", row->at);
    json_end_object(w);
}

static void write_history_row(const struct history_row *row, void *arg)
{
    struct history_writer *history = arg;
    load_device(history, row->device_no);
    if (history->err != ERR_OK) {
        return;
    }
    if (history->admin->principal.tenant_kind == TENANT_PARTNER) {
        write_partner_row(history, row);
    } else {
        write_organization_row(history, row);
    }
}

void device_history_list(struct admin *admin, struct store_tx *tx, struct history_query *query, struct page page)
{
    int64_t total = 0;
    struct envelope envelope;
    struct history_writer history = {.admin = admin, .tx = tx, .w = &envelope.w};
    device_filter_set_tenant(admin, &query->filter.devices);
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    enum err err = history_store_count(tx, &query->filter, &total);
    if (err == ERR_OK && page_offset(page) < total) {
        err = history_store_list(tx, &query->filter, total, page.size, page_offset(page), write_history_row, &history);
        err = err == ERR_OK ? history.err : err;
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}
