#include "model/file/file.h"

#include "base/utf8.h"
#include "model/domain.h"
#include "model/file/file_url.h"
#include "model/file/firmware.h"
#include "model/maker/catalog.h"
#include "model/maker/product_model.h"
#include "model/maker/semver.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"

enum { NAME_CHARS_MAX = 255, TEXT_CHARS_MAX = 4096, VERSION_CHARS_MAX = 255, FILENAME_BYTES_MAX = 255 };

static const char *const type_names[] = {
    [FILE_FIRMWARE] = "firmware", [FILE_MANUAL] = "manual", [FILE_IMAGE] = "image",
    [FILE_CONFIG] = "config",     [FILE_OTHER] = "other",
};

const char *file_type_name(enum file_type type)
{
    return type_names[type];
}

/* ---- views ---- */

static void write_file(struct json_writer *w, const struct file_call *call, const struct file_row *row)
{
    char hash[2 * SHA256_BYTES + 1];
    hex_encode(row->sha256, sizeof row->sha256, hash);
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    field_text(w, "desc", row->desc);
    json_field_cstr(w, "file_type", file_type_name(row->type));
    field_text(w, "version", row->version);
    field_text(w, "checksum", row->checksum);
    field_text(w, "signature", row->signature);
    field_text(w, "public_notes", row->public_notes);
    json_field_str(w, "url", file_url_make(call->admin->domain, call->admin->arena, call->base, row));
    json_field_int(w, "size", row->size);
    json_field_cstr(w, "sha256", hash);
    json_field_time(w, "created_at", row->created_at);
    json_end_object(w);
}

struct file_listing {
    struct envelope envelope;
    const struct file_call *call;
};

static void list_row(const struct file_row *row, void *arg)
{
    struct file_listing *listing = arg;
    write_file(&listing->envelope.w, listing->call, row);
}

static void list(const struct file_call *call, const struct file_filter *filter, struct page page)
{
    struct file_listing listing = {.call = call};
    int64_t count = 0;
    envelope_begin(&listing.envelope, call->admin->reply, call->admin->principal.tenant_kind, page);
    enum err err = file_store_list(call->tx, filter, page.size, page_offset(page), list_row, &listing);
    if (err == ERR_OK) {
        err = file_store_count(call->tx, filter, &count);
    }
    if (!admin_failed(call->admin, err)) {
        envelope_end(&listing.envelope, count);
    }
}

static void answer(const struct file_call *call, const struct file_row *row, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &call->admin->reply->body);
    write_file(&w, call, row);
    call->admin->reply->status = status;
}

/* ---- finding ---- */

/* Whose files are meant; false: the reply is the error. */
static bool find_shelf(const struct file_call *call, struct str model_id, struct file_filter *ret_filter)
{
    struct product_model_row model;
    *ret_filter = (struct file_filter){.organization_no = call->admin->principal.organization_no};
    if (!model_id.ptr) {
        return true;
    }
    if (!product_model_find(call->admin, call->tx, model_id, &model)) {
        return false;
    }
    *ret_filter = (struct file_filter){.model_no = model.no};
    return true;
}

static bool is_of_principal(const struct admin *admin, const struct file_row *row)
{
    struct model_info model;
    if (admin->principal.tenant_kind == TENANT_ORGANIZATION) {
        return row->organization_no != 0 && row->organization_no == admin->principal.organization_no;
    }
    return row->model_no && catalog_model(admin->domain->catalog, row->model_no, &model) &&
           model.partner_no == admin->principal.partner_no;
}

bool file_find(struct admin *admin, struct store_tx *tx, struct str id, struct file_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? file_store_find(tx, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !is_of_principal(admin, ret_row))) {
        reply_error(admin->reply, 404, "File not found");
        return false;
    }
    return !admin_failed(admin, err);
}

enum err file_find_for_command(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str id,
                               struct file_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? file_store_find(tx, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    bool is_theirs = err == ERR_OK && (ret_row->model_no == device->model_no ||
                                       (ret_row->organization_no && ret_row->organization_no == device->organization_no));
    return err == ERR_OK && !is_theirs ? ERR_NOT_FOUND : err;
}

/* ---- uploads ---- */

static bool form_type(struct admin *admin, const struct json *fields, enum file_type *ret_type)
{
    struct str text;
    if (!form_required_text(admin, fields, "file_type", NAME_CHARS_MAX, &text)) {
        return false;
    }
    for (int i = FILE_FIRMWARE; i <= FILE_OTHER; i++) {
        if (str_eq(text, str_from_cstr(type_names[i]))) {
            *ret_type = (enum file_type)i;
            return true;
        }
    }
    return form_invalid(admin, "file_type");
}

/* An empty field of a form is one that was not filled in. */
static bool optional_text(struct admin *admin, const struct json *fields, const char *name, size_t chars_max, struct str *text)
{
    if (!form_text(admin, fields, name, chars_max, text)) {
        return false;
    }
    if (text->ptr && text->len == 0) {
        *text = (struct str){NULL, 0};
    }
    return true;
}

static bool form_texts(struct admin *admin, const struct json *fields, struct file_row *row)
{
    return optional_text(admin, fields, "desc", TEXT_CHARS_MAX, &row->desc) &&
           optional_text(admin, fields, "checksum", TEXT_CHARS_MAX, &row->checksum) &&
           optional_text(admin, fields, "signature", TEXT_CHARS_MAX, &row->signature) &&
           optional_text(admin, fields, "public_notes", TEXT_CHARS_MAX, &row->public_notes);
}

/* Firmware of a model needs a SemVer (5.6); an organization's files have free texts (6.2). */
static bool form_version(struct admin *admin, const struct json *fields, struct file_row *row)
{
    bool is_firmware = row->type == FILE_FIRMWARE && row->model_no;
    if (!optional_text(admin, fields, "version", VERSION_CHARS_MAX, &row->version)) {
        return false;
    }
    if (is_firmware && (!row->version.ptr || !semver_is_valid(row->version))) {
        return form_invalid(admin, "version");
    }
    return true;
}

/* The last part of whatever path the sender's program gives; the name, if it gives nothing. */
static struct str plain_filename(struct arena *arena, struct str filename, struct str name)
{
    struct str source = filename.len > 0 ? filename : name;
    for (size_t i = source.len; i > 0; i--) {
        if (source.ptr[i - 1] == '/' || source.ptr[i - 1] == '\\') {
            source = str_sub(source, i, source.len);
            break;
        }
    }
    char *plain = arena_alloc(arena, source.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < source.len; i++) {
        plain[len++] = (uint8_t)source.ptr[i] < ' ' || source.ptr[i] == 0x7f ? '_' : source.ptr[i];
    }
    while (len > FILENAME_BYTES_MAX || (len > 0 && !utf8_is_valid((struct str){plain, len}))) {
        len--;
    }
    struct str made = str_trim((struct str){plain, len});
    bool is_nothing = made.len == 0 || str_eq(made, STR(".")) || str_eq(made, STR(".."));
    return is_nothing ? STR("file") : made;
}

static bool check_bytes(const struct file_call *call, uint64_t size)
{
    const struct principal *principal = &call->admin->principal;
    uint64_t max = domain_settings(call->admin->domain)->files_tenant_bytes;
    int64_t bytes = 0;
    if (!max) {
        return true;
    }
    if (admin_failed(call->admin, file_store_bytes(call->tx, principal->tenant_kind, principal_tenant_no(principal), &bytes))) {
        return false;
    }
    if (size > max || (uint64_t)bytes > max - size) {
        reply_error(call->admin->reply, 422, "Files take too much room (maximum is %llu bytes in all)", (unsigned long long)max);
        return false;
    }
    return true;
}

static bool check_room(const struct file_call *call, const struct file_filter *shelf, uint64_t size)
{
    uint64_t max = domain_settings(call->admin->domain)->files_tenant_files;
    int64_t count = 0;
    if (admin_failed(call->admin, file_store_count(call->tx, shelf, &count))) {
        return false;
    }
    if (max && (uint64_t)count >= max) {
        reply_error(call->admin->reply, 422, "Too many files");
        return false;
    }
    return check_bytes(call, size);
}

static struct json *document_of(const struct file_row *row)
{
    struct json *document = json_new_object();
    const struct {
        const char *name;
        struct str text;
    } texts[] = {{"name", row->name},         {"desc", row->desc},           {"version", row->version},
                 {"checksum", row->checksum}, {"signature", row->signature}, {"public_notes", row->public_notes}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_set(document, str_from_cstr(texts[i].name),
                 texts[i].text.ptr ? json_new_string(texts[i].text) : json_new_null());
    }
    json_set(document, STR("file_type"), json_new_string(str_from_cstr(file_type_name(row->type))));
    json_set(document, STR("size"), json_new_number((double)row->size));
    return document;
}

/* Takes both documents. */
static void audit(const struct file_call *call, const char *action, const struct file_row *row, struct json *before,
                  struct json *after)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    admin_audit(call->admin, call->tx, action, "file", arena_str(call->admin->arena, str_from_cstr(id)),
                audit_diff(call->admin->arena, before, after));
    json_free(before);
    json_free(after);
}

static bool insert(const struct file_call *call, struct file_row *row)
{
    struct admin *admin = call->admin;
    enum err err = file_store_insert(call->tx, row);
    if (err == ERR_EXISTS) {
        return form_taken(admin, "version");
    }
    if (err == ERR_OK && row->model_no && row->type == FILE_FIRMWARE) {
        err = firmware_changed(admin, call->tx, row->model_no);
    }
    return !admin_failed(admin, err);
}

bool file_create(const struct file_call *call, struct str model_id, const struct json *fields,
                 const struct upload_content *content, struct str filename)
{
    struct admin *admin = call->admin;
    struct file_filter shelf;
    if (!find_shelf(call, model_id, &shelf)) {
        return false;
    }
    struct file_row row = {.model_no = shelf.model_no, .organization_no = shelf.organization_no};
    if (!content) {
        return form_missing(admin, "file");
    }
    if (!form_required_text(admin, fields, "name", NAME_CHARS_MAX, &row.name) || !form_type(admin, fields, &row.type) ||
        !form_version(admin, fields, &row) || !form_texts(admin, fields, &row) || !check_room(call, &shelf, content->size)) {
        return false;
    }
    row.id = content->id;
    row.size = (int64_t)content->size;
    memcpy(row.sha256, content->sha256, sizeof row.sha256);
    row.created_at = admin->domain->now_unix_ms();
    row.filename = plain_filename(admin->arena, filename, row.name);
    if (!insert(call, &row)) {
        return false;
    }
    audit(call, "file.create", &row, NULL, document_of(&row));
    answer(call, &row, 201);
    return true;
}

/* ---- the rest ---- */

void file_list(const struct file_call *call, struct str model_id, struct page page)
{
    struct file_filter shelf;
    if (find_shelf(call, model_id, &shelf)) {
        list(call, &shelf, page);
    }
}

void file_read(const struct file_call *call, struct str id)
{
    struct file_row row;
    if (file_find(call->admin, call->tx, id, &row)) {
        answer(call, &row, 200);
    }
}

/* What was uploaded is immutable; only what is said about it changes. */
static bool check_unchanged(struct admin *admin, const struct json *body, const char *field, struct str text)
{
    struct str sent = {NULL, 0};
    if (!form_text(admin, body, field, VERSION_CHARS_MAX, &sent)) {
        return false;
    }
    if (sent.ptr && !str_eq(sent, text)) {
        reply_error(admin->reply, 422, "%.*s cannot be changed after the file is uploaded", STR_ARG(form_label(admin->arena, field)));
        return false;
    }
    return true;
}

/* Null takes a text away. */
static void clear_texts(const struct json *body, struct file_row *row)
{
    struct {
        const char *name;
        struct str *text;
    } const texts[] = {{"desc", &row->desc}, {"checksum", &row->checksum}, {"signature", &row->signature},
                       {"public_notes", &row->public_notes}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (json_is_null(json_get(body, texts[i].name))) {
            *texts[i].text = (struct str){NULL, 0};
        }
    }
}

void file_update(const struct file_call *call, struct str id, const struct json *body)
{
    struct admin *admin = call->admin;
    struct file_row row;
    if (!file_find(admin, call->tx, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    clear_texts(body, &row);
    bool is_valid = (!form_has(body, "name") || form_required_text(admin, body, "name", NAME_CHARS_MAX, &row.name)) &&
                    check_unchanged(admin, body, "version", row.version) &&
                    check_unchanged(admin, body, "file_type", str_from_cstr(file_type_name(row.type))) &&
                    form_texts(admin, body, &row);
    if (!is_valid || admin_failed(admin, file_store_update(call->tx, &row))) {
        json_free(before);
        return;
    }
    audit(call, "file.update", &row, before, document_of(&row));
    answer(call, &row, 200);
}

void file_delete(const struct file_call *call, struct str id)
{
    struct admin *admin = call->admin;
    struct file_row row;
    bool in_use = false;
    if (!file_find(admin, call->tx, id, &row) || admin_failed(admin, file_store_is_in_use(call->tx, &row.id, &in_use))) {
        return;
    }
    if (in_use) {
        reply_error(admin->reply, 422, "File is in use");
        return;
    }
    enum err err = file_store_delete(call->tx, row.no);
    if (err == ERR_OK && row.model_no && row.type == FILE_FIRMWARE) {
        err = firmware_changed(admin, call->tx, row.model_no);
    }
    if (!admin_failed(admin, err)) {
        audit(call, "file.delete", &row, document_of(&row), NULL);
        admin_reply_success(admin);
    }
}

void file_list_of_device(const struct file_call *call, const struct device_core *device, struct page page)
{
    struct file_filter filter = {.model_no = device->model_no};
    if (call->admin->principal.tenant_kind == TENANT_ORGANIZATION) {
        filter.device_no = device->no;
        filter.commands_of = device->organization_no;
    }
    list(call, &filter, page);
}

/* ---- for devices ---- */

struct device_listing {
    struct domain *domain;
    struct arena *arena;
    struct str base;
    struct json_writer w;
};

static void write_for_device(const struct file_row *row, void *arg)
{
    struct device_listing *listing = arg;
    struct json_writer *w = &listing->w;
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_str(w, "url", file_url_make(listing->domain, listing->arena, listing->base, row));
    field_text(w, "desc", row->desc);
    json_field_cstr(w, "file_type", file_type_name(row->type));
    field_text(w, "version", row->version);
    field_text(w, "checksum", row->checksum);
    field_text(w, "signature", row->signature);
    json_field_time(w, "created_at", row->created_at);
    field_text(w, "public_notes", row->public_notes);
    json_end_object(w);
}

static struct file_filter seen_by(const struct device_brief *device)
{
    return (struct file_filter){.model_no = device->model_no, .device_no = device->no, .commands_of = device->organization_no};
}

static void listing_init(struct device_listing *listing, struct domain *domain, struct store_tx *tx, struct arena *arena,
                         const struct device_brief *device, struct reply *reply)
{
    *listing = (struct device_listing){.domain = domain, .arena = arena};
    listing->base = file_base_for_device(domain, tx, arena, device->no);
    json_writer_init(&listing->w, &reply->body);
}

enum err file_write_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena,
                               const struct device_brief *device, struct reply *reply)
{
    struct file_filter filter = seen_by(device);
    struct device_listing listing;
    listing_init(&listing, domain, tx, arena, device, reply);
    json_begin_array(&listing.w);
    enum err err = file_store_list(tx, &filter, -1, 0, write_for_device, &listing);
    json_end_array(&listing.w);
    reply->status = 200;
    return err;
}

enum err file_write_one_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena,
                                   const struct device_brief *device, struct str id, struct reply *reply)
{
    struct file_filter filter = seen_by(device);
    struct file_row row;
    struct uuid uuid;
    bool is_seen = false;
    enum err err = uuid_parse(id, &uuid) ? file_store_find(tx, &uuid, arena, &row) : ERR_NOT_FOUND;
    if (err == ERR_OK) {
        err = file_store_matches(tx, &filter, row.no, &is_seen);
    }
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !is_seen)) {
        reply_error(reply, 400, "File not found");
        return ERR_OK;
    }
    if (err == ERR_OK) {
        struct device_listing listing;
        listing_init(&listing, domain, tx, arena, device, reply);
        write_for_device(&row, &listing);
        reply->status = 200;
    }
    return err;
}
