/* Files, firmware, dumps: of people (management-api.md 5.6, 5.7, 6.1, 6.2) and of devices (device-api.md 8). */
#include "api/api_internal.h"
#include "api/device_admin.h"
#include "api/download.h"
#include "api/upload.h"
#include "model/file/dump.h"
#include "model/file/file.h"
#include "model/file/file_url.h"

/* ---- files, by people ---- */

static struct file_call begin(struct call *call, struct store_tx *tx)
{
    char local[NET_HOST_TEXT_BYTES];
    net_host_format(&call->local, local);
    return (struct file_call){call_admin(call), tx, file_base_for_people(call->domain, &call->arena, local)};
}

static const struct str own = {NULL, 0}; /* the organization's files belong to no model */

static void create(struct call *call, struct store_tx *tx, struct str model_id)
{
    struct file_call file_call = begin(call, tx);
    struct upload_content content;
    bool has_content = call_upload_content(call, &content);
    if (file_create(&file_call, model_id, call_upload_fields(call), has_content ? &content : NULL, call_upload_filename(call))) {
        call_upload_keep(call);
    }
}

static void create_of_model(struct call *call, struct store_tx *tx)
{
    create(call, tx, call->params[0]);
}

static void create_own(struct call *call, struct store_tx *tx)
{
    create(call, tx, own);
}

static void list_of_model(struct call *call, struct store_tx *tx)
{
    struct file_call file_call = begin(call, tx);
    file_list(&file_call, call->params[0], call_page(call));
}

static void list_own(struct call *call, struct store_tx *tx)
{
    struct file_call file_call = begin(call, tx);
    file_list(&file_call, own, call_page(call));
}

static void read_one(struct call *call, struct store_tx *tx)
{
    struct file_call file_call = begin(call, tx);
    file_read(&file_call, call->params[0]);
}

static void update_one(struct call *call, struct store_tx *tx)
{
    struct file_call file_call = begin(call, tx);
    file_update(&file_call, call->params[0], call->body);
}

static void delete_one(struct call *call, struct store_tx *tx)
{
    struct file_call file_call = begin(call, tx);
    file_delete(&file_call, call->params[0]);
}

static void send_file(struct call *call, const struct file_row *row)
{
    char hash[2 * SHA256_BYTES + 1];
    hex_encode(row->sha256, sizeof row->sha256, hash);
    struct download_content content = {
        .id = row->id,
        .size = (uint64_t)row->size,
        .etag = arena_printf(&call->arena, "\"%s\"", hash),
        .filename = row->filename,
    };
    call_send_content(call, &content);
}

static void read_content(struct call *call, struct store_tx *tx)
{
    struct file_row row;
    if (file_find(call_admin(call), tx, call->params[0], &row)) {
        send_file(call, &row);
    }
}

static void list_of_device(struct call *call, struct store_tx *tx)
{
    struct device_core device;
    struct file_call file_call = begin(call, tx);
    if (device_find_for_tenant(file_call.admin, tx, call->params[0], &device)) {
        file_list_of_device(&file_call, &device, call_page(call));
    }
}

/* Whoever has the address, until its time has passed (device-api.md 8.2). */
static void read_by_address(struct call *call, struct store_tx *tx)
{
    struct uuid id;
    struct file_row row;
    enum err err = file_token_read(call->domain, call->params[0], &id) ? file_store_find(tx, &id, &call->arena, &row)
                                                                       : ERR_NOT_FOUND;
    if (err == ERR_OK) {
        send_file(call, &row);
    } else if (err == ERR_NOT_FOUND) {
        reply_error(&call->reply, 404, "File not found");
    } else {
        reply_from_err(&call->reply, err);
    }
}

/* ---- files, by devices ---- */

static void list_for_device(struct call *call, struct store_tx *tx)
{
    enum err err = file_write_for_device(call->domain, tx, &call->arena, &call->device, &call->reply);
    if (err != ERR_OK) {
        reply_from_err(&call->reply, err);
    }
}

static void read_for_device(struct call *call, struct store_tx *tx)
{
    enum err err = file_write_one_for_device(call->domain, tx, &call->arena, &call->device, call->params[1], &call->reply);
    if (err != ERR_OK) {
        reply_from_err(&call->reply, err);
    }
}

/* ---- dumps ---- */

static void create_dump_of(struct call *call, struct store_tx *tx, struct dump_sent *sent)
{
    struct upload_content content;
    sent->content = call_upload_content(call, &content) ? &content : NULL;
    if (dump_create(call->domain, tx, &call->device, sent, &call->reply)) {
        call_upload_keep(call);
    }
}

static void create_dump(struct call *call, struct store_tx *tx)
{
    create_dump_of(call, tx, &(struct dump_sent){.mime = call->params[1], .name = call->params[2]});
}

/* The type's slash was not escaped. */
static void create_dump_split(struct call *call, struct store_tx *tx)
{
    struct str mime = arena_printf(&call->arena, "%.*s/%.*s", STR_ARG(call->params[1]), STR_ARG(call->params[2]));
    create_dump_of(call, tx, &(struct dump_sent){.mime = mime, .name = call->params[3]});
}

static void create_dump_of_text(struct call *call, struct store_tx *tx)
{
    create_dump_of(call, tx, &(struct dump_sent){.mime = STR("text/plain"), .name = STR("dump.txt"), .with_length = true});
}

static void appended(void *user)
{
    call_finish(user);
}

static void append_to_dump(struct call *call, struct store_tx *tx)
{
    (void)tx;
    dump_append(&(struct dump_appending){
        .domain = call->domain,
        .device = &call->device,
        .dump_id = call->params[1],
        .spool = call_upload_spool(call),
        .reply = &call->reply,
        .home = http_call_of(call)->home,
        .done = appended,
        .user = call,
    });
}

static void list_dumps(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        dump_list(admin, tx, &device, call_page(call));
    }
}

static void read_dump(struct call *call, struct store_tx *tx)
{
    struct dump_row row;
    struct str etag;
    if (dump_find(call_admin(call), tx, call->params[0], &row, &etag)) {
        call_send_content(call, &(struct download_content){row.id, (uint64_t)row.length, etag, row.name});
    }
}

#define PARTNER(path) "/core/v1/partner" path
#define ORGANIZATION(path) "/core/v1/organization" path
#define DEVICE(path) "/v1/devices/:id" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route file_routes[] = {
    {"GET", PARTNER("/models/:m/files"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), list_of_model},
    {"POST", PARTNER("/models/:m/files"), ACCESS_PARTNER, PLACE_REGISTRY,
     CREATE | ROUTE_UPLOAD | NEEDS(MODELS_WRITE), create_of_model},
    {"GET", PARTNER("/files/:id"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), read_one},
    {"PATCH", PARTNER("/files/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(MODELS_WRITE), update_one},
    {"DELETE", PARTNER("/files/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(MODELS_WRITE), delete_one},
    {"GET", PARTNER("/files/:id/content"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), read_content},
    {"GET", PARTNER("/devices/:id/files"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), list_of_device},
    {"GET", PARTNER("/devices/:id/dumps"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_dumps},
    {"GET", PARTNER("/dumps/:id/content"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), read_dump},
    {"GET", ORGANIZATION("/files"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_own},
    {"POST", ORGANIZATION("/files"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | ROUTE_UPLOAD | NEEDS(EDIT), create_own},
    {"DELETE", ORGANIZATION("/files/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), delete_one},
    {"GET", ORGANIZATION("/devices/:id/files"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_of_device},
    {"GET", ORGANIZATION("/devices/:id/dumps"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_dumps},
    {"GET", ORGANIZATION("/dumps/:id/content"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), read_dump},
    {"GET", "/f/:token/:filename", ACCESS_PUBLIC, PLACE_READ, 0, read_by_address},
    {"GET", DEVICE("/files"), ACCESS_DEVICE, PLACE_READ, 0, list_for_device},
    {"GET", DEVICE("/files/:file_id"), ACCESS_DEVICE, PLACE_READ, 0, read_for_device},
    {"POST", DEVICE("/dumps"), ACCESS_DEVICE, PLACE_REGISTRY, ROUTE_UPLOAD, create_dump_of_text},
    {"POST", DEVICE("/dump"), ACCESS_DEVICE, PLACE_REGISTRY, ROUTE_UPLOAD, create_dump_of_text},
    {"PUT", DEVICE("/dumps/:dump_id"), ACCESS_DEVICE, PLACE_LOOP, ROUTE_UPLOAD | ROUTE_SPOOL, append_to_dump},
    {"POST", DEVICE("/dumps/:dump_id"), ACCESS_DEVICE, PLACE_LOOP, ROUTE_UPLOAD | ROUTE_SPOOL, append_to_dump},
    {"POST", DEVICE("/dumps/:mime/:filename"), ACCESS_DEVICE, PLACE_REGISTRY, ROUTE_UPLOAD, create_dump},
    {"POST", DEVICE("/dumps/:type/:subtype/:filename"), ACCESS_DEVICE, PLACE_REGISTRY, ROUTE_UPLOAD, create_dump_split},
    {0},
};
