/* How models are shown: to their partner (management-api.md 5.1) and to customers (2, 3.4). */
#include <stdio.h>

#include "model/maker/catalog.h"
#include "model/command/command_definition.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/maker/product_model.h"

static const char *protocol_name(enum protocol protocol)
{
    return protocol == PROTOCOL_MQTT ? "mqtt" : "https";
}

static const char *device_type_name(enum device_type type)
{
    switch (type) {
    case DEVICE_PHYSICAL: return "physical";
    case DEVICE_DIGITAL: return "digital";
    case DEVICE_APPLICATION: return "application";
    }
    return "physical";
}

static void write_optional(struct json_writer *w, const char *name, struct str text)
{
    if (text.ptr) {
        json_field_str(w, name, text);
    } else {
        json_field_null(w, name);
    }
}

static void write_threshold(struct json_writer *w, int64_t minutes)
{
    if (minutes) {
        json_field_int(w, "offline_threshold_minutes", minutes);
    } else {
        json_field_null(w, "offline_threshold_minutes");
    }
}

static void write_icon_url(struct json_writer *w, const struct product_model_row *row, const char *id)
{
    if (!row->has_icon) {
        json_field_null(w, "icon_url");
        return;
    }
    char url[128];
    snprintf(url, sizeof url, "/core/v1/partner/models/%s/icon?v=%lld", id, (long long)row->updated_at);
    json_field_cstr(w, "icon_url", url);
}

/* What both the object and a version's document have. */
static void write_settings(struct json_writer *w, const struct product_model_row *row)
{
    char version[] = "1.0.0";
    version[4] = (char)('0' + row->api_version % 10);
    write_optional(w, "sku", row->sku);
    json_field_cstr(w, "authentication_method", row->auth_cloud_id ? "cloud_id" : "mac_sn");
    json_field_cstr(w, "communication_protocol", protocol_name(row->protocol));
    json_field_cstr(w, "device_type", device_type_name(row->device_type));
    json_field_cstr(w, "api_version", version);
    write_threshold(w, row->offline_threshold_minutes);
    json_field_raw(w, "enabled_tabs", row->enabled_tabs);
    json_field_bool(w, "published", row->published);
}

void model_write(struct json_writer *w, const struct product_model_row *row, struct str vendor)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    json_begin_object(w);
    json_field_cstr(w, "id", id);
    json_field_str(w, "name", row->name);
    write_icon_url(w, row, id);
    write_settings(w, row);
    json_field_str(w, "vendor", vendor);
    json_field_int(w, "devices_count", row->devices_count);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
    json_end_object(w);
}

struct json *model_document(const struct product_model_row *row)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, MODEL_DOCUMENT_BYTES_MAX);
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_field_str(&w, "name", row->name);
    write_settings(&w, row);
    if (row->config_schema.ptr) {
        json_field_raw(&w, "config_schema", row->config_schema);
    }
    json_field_raw(&w, "parameters", row->parameters);
    json_field_raw(&w, "widgets", row->widgets);
    json_end_object(&w);
    struct json *document = NULL;
    if (json_parse(buf_str(&text), &(struct json_limits){.bytes_max = MODEL_DOCUMENT_BYTES_MAX}, &document) != ERR_OK) {
        document = json_new_object();
    }
    buf_deinit(&text);
    return document;
}

static struct str vendor_of(struct domain *domain, int64_t partner_no)
{
    struct partner_info partner = {.name = STR("")};
    catalog_partner(domain->catalog, partner_no, &partner);
    return partner.name;
}

struct model_listing {
    struct envelope envelope;
    struct store_tx *tx;
    struct str vendor;
    enum err err;
};

static void list_row(const struct product_model_row *row, void *arg)
{
    struct model_listing *listing = arg;
    model_write(&listing->envelope.w, row, listing->vendor);
}

void product_model_list(struct admin *admin, struct store_tx *tx, struct str search, struct page page)
{
    struct product_model_filter filter = {.partner_no = admin->principal.partner_no, .search = search};
    struct model_listing listing = {.vendor = vendor_of(admin->domain, filter.partner_no)};
    envelope_begin(&listing.envelope, admin->reply, TENANT_PARTNER, page);
    if (!admin_failed(admin, product_model_store_list(tx, &filter, page, list_row, &listing))) {
        envelope_end(&listing.envelope, product_model_store_count(tx, &filter));
    }
}

void product_model_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct product_model_row row;
    if (product_model_find(admin, tx, id, &row)) {
        struct json_writer w;
        json_writer_init(&w, &admin->reply->body);
        model_write(&w, &row, vendor_of(admin->domain, row.partner_no));
        admin->reply->status = 200;
    }
}

static void list_version(const struct model_version_row *row, void *arg)
{
    struct json_writer *w = &((struct envelope *)arg)->w;
    json_begin_object(w);
    json_field_int(w, "n", row->n);
    json_field_time(w, "created_at", row->created_at);
    write_optional(w, "author", row->author);
    json_field_raw(w, "document", row->document);
    json_end_object(w);
}

void product_model_versions(struct admin *admin, struct store_tx *tx, struct str id, struct page page)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    struct envelope list;
    envelope_begin(&list, admin->reply, TENANT_PARTNER, page);
    if (!admin_failed(admin, model_version_store_list(tx, row.no, page, list_version, &list))) {
        envelope_end(&list, model_version_store_count(tx, row.no));
    }
}

void product_model_icon(struct admin *admin, struct store_tx *tx, struct str id, struct str *ret_content_type)
{
    struct product_model_row row;
    struct str type, bytes;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    enum err err = product_model_store_icon(tx, row.no, admin->arena, &type, &bytes);
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Icon not found");
    } else if (!admin_failed(admin, err)) {
        buf_append_str(&admin->reply->body, bytes);
        *ret_content_type = type;
        admin->reply->status = 200;
    }
}

/* --- customers --- */

static void write_commands(struct model_listing *listing, struct json_writer *w, int64_t model_no)
{
    json_name(w, "commands");
    json_begin_array(w);
    enum err err = command_definition_store_list(listing->tx, model_no, (struct page){1, COMMAND_DEFINITIONS_MAX},
                                                 command_definition_write_row, w);
    json_end_array(w);
    listing->err = listing->err ? listing->err : err;
}

static void write_for_organization(struct model_listing *listing, struct json_writer *w,
                                   const struct product_model_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_str(w, "vendor", listing->vendor);
    json_field_str(w, "model", row->name);
    json_field_cstr(w, "device_type", device_type_name(row->device_type));
    json_field_cstr(w, "authentication_method", row->auth_cloud_id ? "cloud_id" : "mac_sn");
    json_field_bool(w, "published", row->published);
    json_field_raw(w, "parameters", row->parameters);
    write_commands(listing, w, row->no);
    json_name(w, "config_schema");
    if (row->config_schema.ptr) {
        json_put_raw(w, row->config_schema);
    } else {
        json_put_null(w);
    }
    json_field_raw(w, "widgets", row->widgets);
    json_field_raw(w, "enabled_tabs", row->enabled_tabs);
    json_end_object(w);
}

static void list_row_for_organization(const struct product_model_row *row, void *arg)
{
    struct model_listing *listing = arg;
    write_for_organization(listing, &listing->envelope.w, row);
}

static bool is_lab(struct admin *admin)
{
    struct organization_info organization;
    return catalog_organization(admin->domain->catalog, admin->principal.organization_no, &organization) &&
           organization.lab;
}

void organization_model_list(struct admin *admin, struct store_tx *tx, struct str search, bool edge_only,
                             struct page page)
{
    struct product_model_filter filter = {
        .partner_no = admin->principal.partner_no, .search = search, .published_only = !is_lab(admin)};
    struct model_listing listing = {.tx = tx, .vendor = vendor_of(admin->domain, filter.partner_no)};
    envelope_begin(&listing.envelope, admin->reply, TENANT_ORGANIZATION, page);
    if (edge_only) { /* there are no on-site proxies (management-api.md 3.10) */
        envelope_end(&listing.envelope, 0);
        return;
    }
    enum err err = product_model_store_list(tx, &filter, page, list_row_for_organization, &listing);
    if (!admin_failed(admin, err ? err : listing.err)) {
        envelope_end(&listing.envelope, product_model_store_count(tx, &filter));
    }
}

void organization_model_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    if (!row.published && !is_lab(admin)) {
        reply_error(admin->reply, 404, "Model not found");
        return;
    }
    struct model_listing listing = {.tx = tx, .vendor = vendor_of(admin->domain, row.partner_no)};
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    write_for_organization(&listing, &w, &row);
    if (!admin_failed(admin, listing.err)) {
        admin->reply->status = 200;
    }
}
