#include "model/configuration/configuration.h"

#include "model/management/audit.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/maker/model_schema.h"

enum { API_SCOPED = 5, API_DEVICE_ID = 7 };

enum err configuration_read(struct store_tx *tx, const struct device_core *device, struct arena *arena,
                            struct configuration_row *ret_row)
{
    enum err err = configuration_store_get(tx, device->no, arena, ret_row);
    if (err == ERR_NOT_FOUND) {
        *ret_row = (struct configuration_row){.config = STR("{}"), .updated_at = device->created_at};
        return ERR_OK;
    }
    return err;
}

static bool is_control(struct str key)
{
    return str_eq(key, STR("version")) || str_eq(key, STR("last_updated"));
}

/* The document's own fields; what is called like a control field is shadowed by it. */
static void write_fields(struct json_writer *w, struct str config)
{
    struct json *document = NULL;
    if (json_parse(config, &(struct json_limits){.bytes_max = SIZE_MAX}, &document) != ERR_OK) {
        return; /* the store holds only what was parsed once */
    }
    for (const struct json *field = json_first(document); field; field = json_next(field)) {
        if (!is_control(json_key(field))) {
            json_name_str(w, json_key(field));
            json_put_node(w, field);
        }
    }
    json_free(document);
}

void configuration_write_merged(struct json_writer *w, const struct configuration_row *row)
{
    json_begin_object(w);
    write_fields(w, row->config);
    json_field_int(w, "version", row->version);
    json_field_time(w, "last_updated", row->updated_at);
    json_end_object(w);
}

static void write_scoped(struct json_writer *w, const struct device_brief *device, struct str name,
                         const struct configuration_row *row)
{
    json_field_str(w, "name", name);
    json_field_int(w, "version", row->version);
    json_field_time(w, "last_updated", row->updated_at);
    json_field_raw(w, "config", row->config);
    if (device->api_version >= API_DEVICE_ID) {
        json_field_uuid(w, "device_id", &device->id);
    }
}

static void write_merged_first(struct json_writer *w, const struct configuration_row *row)
{
    json_field_int(w, "version", row->version);
    json_field_time(w, "last_updated", row->updated_at);
    write_fields(w, row->config);
}

enum err configuration_write_for_device(struct store_tx *tx, const struct device_brief *device, struct arena *arena,
                                        struct buf *out, int32_t *ret_version)
{
    struct device_row row;
    struct configuration_row config;
    enum err err = device_store_row(tx, device->no, arena, &row);
    if (err == ERR_OK) {
        err = configuration_read(tx, &row.core, arena, &config);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    if (device->api_version >= API_SCOPED) {
        write_scoped(&w, device, row.name, &config);
    } else {
        write_merged_first(&w, &config);
    }
    json_end_object(&w);
    *ret_version = config.version;
    return ERR_OK;
}

/* Firmware posts the Get Config reply back: the configuration is inside, if nothing else is there (5.2). */
static bool is_envelope(const struct json *body)
{
    static const struct str members[] = {STR_INIT("name"), STR_INIT("version"), STR_INIT("last_updated"),
                                         STR_INIT("config"), STR_INIT("device_id")};
    if (!json_is_object(json_get(body, "config"))) {
        return false;
    }
    for (const struct json *field = json_first(body); field; field = json_next(field)) {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            known = known || str_eq(json_key(field), members[i]);
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

static struct json *take_document(const struct json *body, bool scoped)
{
    if (scoped && is_envelope(body)) {
        return json_dup(json_get(body, "config"));
    }
    struct json *document = body ? json_dup(body) : json_new_object();
    json_remove(document, STR("version"));
    json_remove(document, STR("last_updated"));
    return document;
}

/* -1: none was sent. False: it is no version. */
static bool read_version(const struct json *body, int64_t *ret_version)
{
    const struct json *value = json_get(body, "version");
    *ret_version = -1;
    if (json_is_missing(value)) {
        return true;
    }
    return json_to_int(value, ret_version) && *ret_version >= 0 && *ret_version <= CONFIGURATION_VERSION_MAX;
}

static bool document_text(struct domain *domain, const struct json *document, struct arena *arena, struct str *ret_text,
                          struct reply *reply)
{
    size_t max = domain_settings(domain)->limits_config_max;
    struct buf text;
    buf_init(&text, max ? max : SIZE_MAX);
    json_write(&text, document);
    bool fits = !text.failed;
    if (fits) {
        *ret_text = arena_str(arena, buf_str(&text));
    } else {
        reply_error(reply, 413, "Payload too large");
    }
    buf_deinit(&text);
    return fits;
}

static bool same_document(struct str stored, const struct json *document)
{
    struct json *before = NULL;
    if (json_parse(stored, &(struct json_limits){.bytes_max = SIZE_MAX}, &before) != ERR_OK) {
        return false;
    }
    bool same = json_eq(before, document);
    json_free(before);
    return same;
}

static void note_hot(struct device_change *change, const struct device_core *device, const struct configuration_row *row)
{
    struct device_brief value = {
        .no = device->no,
        .config_version = row->version,
        .applied_version = row->applied_version,
    };
    hot_changes_add(&change->hot, HOT_CONFIG, &value);
}

static void emit(struct device_change *change, const struct device_core *device, const struct configuration_row *row,
                 uint32_t push)
{
    struct buf payload;
    struct json_writer w;
    buf_init(&payload, 256);
    json_writer_init(&w, &payload);
    json_begin_object(&w);
    json_field_int(&w, "version", row->version);
    json_field_int(&w, "applied_version", row->applied_version);
    json_field_time(&w, "last_updated", row->updated_at);
    json_end_object(&w);
    device_change_emit(change, EVENT_CONFIG, device, push, buf_str(&payload));
    buf_deinit(&payload);
}

static void refuse_old(struct device_change *change, const struct device_core *device, const struct configuration_row *row,
                       struct reply *reply)
{
    struct event *event = device_change_event(change, EVENT_CONFIG, device, PUSH_CONFIG);
    event->code = 422; /* pushed again although the device may have it: its edit was refused (mqtt.md 5.1) */
    store_tx_emit(change->tx, event);
    reply_error(reply, 422, "Error setting config with old version, latest is %d", (int)row->version);
}

static void answer_set(const struct device_brief *device, struct str name, const struct configuration_row *row,
                       struct reply *reply)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_field_bool(&w, "success", true);
    if (device->api_version >= API_SCOPED) {
        write_scoped(&w, device, name, row);
    } else {
        json_field_int(&w, "version", row->version);
    }
    json_end_object(&w);
    reply->status = 200;
}

/* Stores the device's document as version `row->version`; equal content leaves document and date alone. */
static enum err store_confirmed(struct device_change *change, const struct device_core *device, bool changed,
                                struct configuration_row *row)
{
    bool confirmed = row->applied_version != row->version;
    row->applied_version = row->version;
    if (!changed && !confirmed) {
        return ERR_OK;
    }
    if (changed) {
        row->updated_at = change->now_ms;
    }
    enum err err = changed ? configuration_store_put(change->tx, device->no, row, (struct str){NULL, 0})
                           : configuration_store_set_applied(change->tx, device->no, row->applied_version);
    if (err == ERR_OK) {
        note_hot(change, device, row);
        emit(change, device, row, 0);
    }
    return err;
}

static enum err set_document(struct device_change *change, const struct device_brief *device, const struct json *body,
                             const struct json *document, struct reply *reply)
{
    struct device_row row;
    struct configuration_row config;
    struct str text;
    int64_t version;
    if (!read_version(body, &version)) {
        reply_error(reply, 422, "Version is invalid");
        return ERR_OK;
    }
    if (!document_text(change->domain, document, change->arena, &text, reply)) {
        return ERR_OK;
    }
    enum err err = device_store_row(change->tx, device->no, change->arena, &row);
    if (err == ERR_OK) {
        err = configuration_read(change->tx, &row.core, change->arena, &config);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (version >= 0 && version < config.version) {
        refuse_old(change, &row.core, &config, reply);
        return ERR_OK;
    }
    if (version < 0 && config.version >= CONFIGURATION_VERSION_MAX) {
        reply_error(reply, 422, "Version is invalid");
        return ERR_OK;
    }
    int32_t next = version < 0 ? config.version + 1 : (int32_t)version;
    bool changed = next != config.version || !same_document(config.config, document);
    config.version = next;
    if (changed) {
        config.config = text;
    }
    err = store_confirmed(change, &row.core, changed, &config);
    if (err == ERR_OK) {
        answer_set(device, row.name, &config, reply);
    }
    return err;
}

enum err configuration_set(struct device_change *change, const struct device_brief *device, const struct json *body,
                           struct reply *reply)
{
    struct json *document = take_document(body, device->api_version >= API_SCOPED);
    enum err err = set_document(change, device, body, document, reply);
    json_free(document);
    return err;
}

enum err configuration_confirm(struct device_change *change, const struct device_core *device, int64_t version)
{
    struct configuration_row row;
    enum err err = configuration_read(change->tx, device, change->arena, &row);
    if (err != ERR_OK || version > row.version || version == row.applied_version) {
        return err;
    }
    row.applied_version = (int32_t)version;
    err = configuration_store_set_applied(change->tx, device->no, row.applied_version);
    if (err == ERR_OK) {
        note_hot(change, device, &row);
        emit(change, device, &row, 0);
    }
    return err;
}

/* ---- by the owner ---- */

static struct str author_name(struct admin *admin, struct store_tx *tx)
{
    struct audit_actor actor;
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    return actor.name;
}

bool configuration_edit(struct admin *admin, struct device_change *change, const struct device_core *device,
                        const struct json *config, int64_t base_version)
{
    struct configuration_row row;
    struct str text;
    if (!json_is_object(config)) {
        reply_error(admin->reply, 422, "Configuration must be an object");
        return false;
    }
    if (!document_text(admin->domain, config, admin->arena, &text, admin->reply) ||
        !model_schema_allows(admin, change->tx, device->model_no, config) ||
        admin_failed(admin, configuration_read(change->tx, device, admin->arena, &row))) {
        return false;
    }
    if (base_version >= 0 && base_version != row.version) {
        reply_error(admin->reply, 422, "Error setting config with old version, latest is %d", (int)row.version);
        return false;
    }
    if (row.version >= CONFIGURATION_VERSION_MAX) {
        reply_error(admin->reply, 422, "Version is invalid");
        return false;
    }
    row.version++;
    row.config = text;
    row.updated_at = change->now_ms;
    if (admin_failed(admin, configuration_store_put(change->tx, device->no, &row, author_name(admin, change->tx)))) {
        return false;
    }
    note_hot(change, device, &row);
    emit(change, device, &row, PUSH_CONFIG);
    return true;
}

static void write_config(struct json_writer *w, const struct configuration_row *row)
{
    json_begin_object(w);
    json_field_int(w, "version", row->version);
    json_field_time(w, "last_updated", row->updated_at);
    json_field_raw(w, "config", row->config);
    json_field_int(w, "applied_version", row->applied_version);
    json_end_object(w);
}

void configuration_get(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    struct configuration_row row;
    struct json_writer w;
    if (!admin_failed(admin, configuration_read(tx, device, admin->arena, &row))) {
        json_writer_init(&w, &admin->reply->body);
        write_config(&w, &row);
        admin->reply->status = 200;
    }
}

void configuration_put(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    int64_t base_version = -1;
    const struct json *base = json_get(body, "base_version");
    if (json_is_missing(json_get(body, "config"))) {
        reply_error(admin->reply, 422, "Parameter config is required");
        return;
    }
    if (!json_is_missing(base) && (!json_to_int(base, &base_version) || base_version < 0)) {
        reply_error(admin->reply, 422, "Base version is invalid");
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    if (configuration_edit(admin, change, device, json_get(body, "config"), base_version)) {
        device_audit(admin, tx, "device.configure", device, STR(""));
        configuration_get(admin, tx, device);
    }
}

void configuration_versions(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    struct configuration_version *versions = NULL;
    size_t count = 0;
    struct envelope envelope;
    if (admin_failed(admin, configuration_store_versions(tx, device->no, admin->arena, &versions, &count))) {
        return;
    }
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, (struct page){1, CONFIGURATION_VERSIONS_KEPT});
    for (size_t i = 0; i < count; i++) {
        struct json_writer *w = &envelope.w;
        json_begin_object(w);
        json_field_int(w, "version", versions[i].version);
        json_field_time(w, "last_updated", versions[i].created_at);
        json_field_raw(w, "config", versions[i].config);
        if (versions[i].author.ptr) {
            json_field_str(w, "author", versions[i].author);
        } else {
            json_field_null(w, "author");
        }
        json_field_time(w, "created_at", versions[i].created_at);
        json_end_object(w);
    }
    envelope_end(&envelope, (int64_t)count);
}
