#include "model/registration.h"

#include "base/utf8.h"
#include "model/audit.h"
#include "model/catalog.h"
#include "model/device_change.h"
#include "model/domain.h"
#include "model/envelope.h"
#include "model/refusal_log.h"
#include "model/semver.h"

enum { TEXT_CHARS_MAX = 255, CHILDREN_MAX = 5000, API_SN_REQUIRED = 2, API_SEMVER = 4, URL_BYTES_MAX = 2048 };
enum { SHORT_CODE_CHARS = 4, CLOUD_ID_MIN = 8, CLOUD_ID_MAX = 64, TRIM_EVERY = 64 };

enum field { FIRMWARE, SN, MAC, CLOUD_ID, PARENT, NAME, SUB_MODEL, HOST_ADDRESS, CUSTOM_PARTNER, CUSTOM_MODEL, FIELD_COUNT };
static const struct {
    const char *name, *label;
} fields[FIELD_COUNT] = {
    [FIRMWARE] = {"firmware_version", "Firmware version"},
    [SN] = {"sn", "Sn"},
    [MAC] = {"mac", "Mac"},
    [CLOUD_ID] = {"cloud_id", "Cloud id"},
    [PARENT] = {"parent_id", "Parent"},
    [NAME] = {"name", "Name"},
    [SUB_MODEL] = {"sub_model", "Sub model"},
    [HOST_ADDRESS] = {"host_address", "Host address"},
    [CUSTOM_PARTNER] = {"custom_partner_name", "Custom partner name"},
    [CUSTOM_MODEL] = {"custom_model_name", "Custom model name"},
};

/* One device on its way in. */
struct attempt {
    struct registration *registration;
    struct domain *domain;
    struct arena *arena;
    struct store_tx *tx;
    struct reply *reply;
    const struct json *body;
    struct str text[FIELD_COUNT]; /* ptr NULL: missing, null or blank */
    bool wrong_type[FIELD_COUNT];
    struct str details;           /* JSON */
    struct registration_key key;
    struct model_info model;
    struct device_core parent;    /* no 0: none */
    struct device_brief parent_hot;
    int64_t holder_no;            /* who has the identity already */
    int64_t now_ms;
};

/* Every check answers false after writing the reply: the first failed one wins. */
static bool refuse(struct attempt *attempt, const char *label, const char *text)
{
    reply_error(attempt->reply, 422, "%s %s", label, text);
    return false;
}

static bool failed(struct attempt *attempt, enum err err)
{
    if (err != ERR_OK) {
        reply_from_err(attempt->reply, err);
        attempt->registration->fault = true;
    }
    return err != ERR_OK;
}

static struct str read_text(const struct json *body, const char *name, struct arena *arena, bool *ret_wrong_type)
{
    struct str text = {NULL, 0};
    const struct json *value = json_get(body, name);
    if (!json_is_missing(value) && !json_to_text(value, arena, &text)) {
        *ret_wrong_type = true;
    }
    return str_is_blank(text) ? (struct str){NULL, 0} : text;
}

static void read_fields(struct attempt *attempt)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        attempt->text[i] = read_text(attempt->body, fields[i].name, attempt->arena, &attempt->wrong_type[i]);
    }
    if (!attempt->text[CLOUD_ID].ptr && !attempt->wrong_type[CLOUD_ID]) { /* legacy name (2.2) */
        attempt->text[CLOUD_ID] = read_text(attempt->body, "nano_id", attempt->arena, &attempt->wrong_type[CLOUD_ID]);
    }
}

static bool refuse_key(struct attempt *attempt)
{
    reply_error(attempt->reply, 400, "Hardware key is invalid");
    return false;
}

/* Hardware keys are UUIDs: any case means the same one. */
static void hash_key(const struct domain *domain, struct str key, uint8_t ret_hash[SHA256_BYTES])
{
    struct uuid uuid;
    char text[UUID_TEXT_BYTES];
    if (uuid_parse(key, &uuid)) {
        uuid_format(&uuid, text);
        key = str_from_cstr(text);
    }
    domain_key_hash(domain, key, ret_hash);
}

static bool find_by_hardware_key(struct attempt *attempt, struct str key)
{
    uint8_t hash[SHA256_BYTES];
    hash_key(attempt->domain, key, hash);
    enum err err = registration_key_by_hash(attempt->tx, hash, &attempt->key);
    if (err == ERR_NOT_FOUND) {
        return refuse_key(attempt);
    }
    if (failed(attempt, err)) {
        return false;
    }
    if (!catalog_model(attempt->domain->catalog, attempt->key.model_no, &attempt->model) || attempt->key.revoked) {
        return refuse_key(attempt);
    }
    return true;
}

/* The partner-wide key of the legacy request shape, with the model by id or name (2.2). */
static bool find_by_partner_key(struct attempt *attempt, struct str key)
{
    uint8_t hash[SHA256_BYTES];
    int64_t partner_no = 0, model_no = 0;
    domain_key_hash(attempt->domain, key, hash);
    enum err err = registration_legacy_partner(attempt->tx, hash, &partner_no);
    if (err == ERR_NOT_FOUND) {
        return refuse_key(attempt);
    }
    if (failed(attempt, err)) {
        return false;
    }
    struct uuid model_id;
    struct str model = json_string(json_get(attempt->body, "model_id"));
    if (uuid_parse(model, &model_id)) {
        if (catalog_model_by_id(attempt->domain->catalog, &model_id, &attempt->model) &&
            attempt->model.partner_no == partner_no) {
            return true;
        }
    } else if ((model = json_string(json_get(attempt->body, "model"))).len) {
        if (failed(attempt, registration_model_by_name(attempt->tx, partner_no, model, &model_no))) {
            return false;
        }
        if (model_no && catalog_model(attempt->domain->catalog, model_no, &attempt->model)) {
            return true;
        }
    }
    attempt->model = (struct model_info){.partner_no = partner_no};
    reply_error(attempt->reply, 404, "Model not found");
    return false;
}

static bool find_model(struct attempt *attempt)
{
    bool wrong_type = false;
    struct str key = read_text(attempt->body, "hardware_key", attempt->arena, &wrong_type);
    if (key.ptr) {
        return find_by_hardware_key(attempt, key);
    }
    key = read_text(attempt->body, "partner_key", attempt->arena, &wrong_type);
    return key.ptr ? find_by_partner_key(attempt, key) : refuse_key(attempt);
}

static bool check_key_limit(struct attempt *attempt)
{
    const struct registration_key *key = &attempt->key;
    if (key->enforce_count && key->expected_count > 0 && key->used_count >= key->expected_count) {
        reply_error(attempt->reply, 422, "Hardware key limit reached");
        return false;
    }
    return true;
}

static bool is_required(const struct attempt *attempt, enum field field)
{
    const struct model_info *model = &attempt->model;
    switch (field) {
    case FIRMWARE:
        return true;
    case SN:
        return !model->auth_cloud_id || model->api_version >= API_SN_REQUIRED;
    case MAC:
        return !model->auth_cloud_id;
    case CLOUD_ID:
        return model->auth_cloud_id;
    case PARENT:
        return model->device_type == DEVICE_APPLICATION;
    case NAME:
    case SUB_MODEL:
    case HOST_ADDRESS:
    case CUSTOM_PARTNER:
    case CUSTOM_MODEL:
    case FIELD_COUNT:
        break;
    }
    return false;
}

static bool check_required(struct attempt *attempt)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (is_required(attempt, (enum field)i) && !attempt->text[i].ptr && !attempt->wrong_type[i]) {
            return refuse(attempt, fields[i].label, "can't be blank");
        }
    }
    return true;
}

static bool check_firmware(struct attempt *attempt)
{
    bool semver = attempt->model.api_version < API_SEMVER || semver_is_valid(attempt->text[FIRMWARE]);
    return (semver && !attempt->wrong_type[FIRMWARE]) || refuse(attempt, fields[FIRMWARE].label, "is invalid");
}

static bool is_cloud_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* 8 to 64 characters; the short code of another partner in front is refused, an unknown one is let in. */
static bool check_cloud_id(struct attempt *attempt)
{
    struct str cloud_id = attempt->text[CLOUD_ID];
    if (!cloud_id.ptr && !attempt->wrong_type[CLOUD_ID]) {
        return true;
    }
    bool valid = cloud_id.len >= CLOUD_ID_MIN && cloud_id.len <= CLOUD_ID_MAX;
    for (size_t i = 0; valid && i < cloud_id.len; i++) {
        valid = is_cloud_id_char(cloud_id.ptr[i]);
    }
    if (valid) {
        int64_t holder_no = 0;
        if (failed(attempt, registration_short_code_holder(attempt->tx, str_sub(cloud_id, 0, SHORT_CODE_CHARS), &holder_no))) {
            return false;
        }
        valid = holder_no == 0 || holder_no == attempt->model.partner_no;
    }
    return valid || refuse(attempt, fields[CLOUD_ID].label, "is invalid");
}

static bool check_details(struct attempt *attempt)
{
    const struct json *details = json_get(attempt->body, "details");
    if (json_is_missing(details)) {
        attempt->details = STR("{}");
        return true;
    }
    if (!json_is_object(details)) {
        return refuse(attempt, "Details", "must be an object");
    }
    size_t max = domain_settings(attempt->domain)->limits_details_max;
    struct buf text;
    buf_init(&text, max ? max : SIZE_MAX);
    json_write(&text, details);
    attempt->details = arena_str(attempt->arena, buf_str(&text));
    bool fits = !text.failed;
    buf_deinit(&text);
    if (!fits) {
        reply_error(attempt->reply, 422, "Details is too long (maximum is %zu characters)", max);
    }
    return fits;
}

static bool check_texts(struct attempt *attempt)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (attempt->wrong_type[i]) {
            return refuse(attempt, fields[i].label, "is invalid");
        }
        if (utf8_length(attempt->text[i]) > TEXT_CHARS_MAX) {
            reply_error(attempt->reply, 422, "%s is too long (maximum is %d characters)", fields[i].label, TEXT_CHARS_MAX);
            return false;
        }
    }
    return true;
}

static bool find_parent(struct attempt *attempt)
{
    struct uuid id;
    struct model_info model;
    if (!attempt->text[PARENT].ptr) {
        return true;
    }
    enum err err = uuid_parse(attempt->text[PARENT], &id) ? device_store_core_by_id(attempt->tx, &id, &attempt->parent)
                                                          : ERR_NOT_FOUND;
    if (err != ERR_NOT_FOUND && failed(attempt, err)) {
        return false;
    }
    if (err == ERR_NOT_FOUND || !catalog_model(attempt->domain->catalog, attempt->parent.model_no, &model) ||
        model.device_type != DEVICE_PHYSICAL) {
        attempt->parent = (struct device_core){0};
        return refuse(attempt, fields[PARENT].label, "is invalid");
    }
    int64_t children = 0;
    if (failed(attempt, device_store_child_count(attempt->tx, attempt->parent.no, CHILDREN_MAX, &children))) {
        return false;
    }
    if (children >= CHILDREN_MAX) {
        reply_error(attempt->reply, 422, "Too many children");
        return false;
    }
    return true;
}

static bool check_unique(struct attempt *attempt)
{
    if (attempt->text[CLOUD_ID].ptr) {
        if (failed(attempt, device_store_cloud_id_holder(attempt->tx, attempt->text[CLOUD_ID], &attempt->holder_no))) {
            return false;
        }
        if (attempt->holder_no) {
            return refuse(attempt, fields[CLOUD_ID].label, "has already been taken");
        }
    }
    if (attempt->text[SN].ptr) {
        if (failed(attempt, device_store_sn_holder(attempt->tx, attempt->model.no, attempt->text[SN], &attempt->holder_no))) {
            return false;
        }
        if (attempt->holder_no) {
            return refuse(attempt, fields[SN].label, "has already been taken");
        }
    }
    return true;
}

static bool check_partner(struct attempt *attempt)
{
    if (!catalog_partner_is_active(attempt->domain->catalog, attempt->model.partner_no)) {
        reply_from_err(attempt->reply, ERR_BUSY); /* a suspended partner is a passing fault (1.3.4) */
        return false;
    }
    return true;
}

static bool check(struct attempt *attempt)
{
    read_fields(attempt);
    return find_model(attempt) && check_partner(attempt) && check_key_limit(attempt) && check_required(attempt) &&
           check_firmware(attempt) && check_cloud_id(attempt) && check_details(attempt) && check_texts(attempt) &&
           find_parent(attempt) && check_unique(attempt);
}

/* A child comes with its parent's claim if its maker is the parent's, or the request proves the parent's key. */
static bool comes_claimed(const struct attempt *attempt)
{
    if (!attempt->parent.organization_no) {
        return false;
    }
    if (attempt->parent.partner_no == attempt->model.partner_no) {
        return true;
    }
    struct device_brief hot;
    struct str key = str_trim(attempt->registration->authorization);
    if (str_eq_nocase(str_sub(key, 0, 7), STR("Bearer "))) {
        key = str_trim(str_sub(key, 7, key.len));
    }
    uint8_t hash[SHA256_BYTES];
    domain_key_hash(attempt->domain, key, hash);
    return key.len > 0 && device_table_find_no(attempt->domain->devices, attempt->parent.no, &hot) &&
           bytes_eq_constant_time(hash, hot.key_hash, sizeof hash);
}

static void fill_core(struct attempt *attempt, struct device_core *core)
{
    core->id = uuid_random();
    core->model_no = attempt->model.no;
    core->partner_no = attempt->model.partner_no;
    core->parent_no = attempt->parent.no;
    core->created_at = attempt->now_ms;
    core->claimed_at = TIME_NONE;
    if (comes_claimed(attempt)) {
        core->organization_no = attempt->parent.organization_no;
        core->space_no = attempt->parent.space_no;
        core->space_version = core->space_version_last = 1;
        core->info_version = 1;
        core->claimed_at = attempt->now_ms;
    }
}

struct urls {
    struct str hub, static_cert, mqtt;
};

static struct str make_url(struct attempt *attempt, void (*make)(struct url_source *, const char *, struct buf *))
{
    struct buf url;
    buf_init(&url, URL_BYTES_MAX);
    make(attempt->domain->urls, attempt->registration->local_host, &url);
    struct str copy = arena_str(attempt->arena, buf_str(&url));
    buf_deinit(&url);
    return copy;
}

static void make_urls(struct attempt *attempt, struct urls *urls)
{
    struct url_source *source = attempt->domain->urls;
    urls->hub = make_url(attempt, source->hub_url);
    urls->static_cert = make_url(attempt, source->static_cert_url);
    urls->mqtt = make_url(attempt, source->mqtt_url);
}

static void fill_row(struct attempt *attempt, const struct urls *urls, struct device_row *row)
{
    fill_core(attempt, &row->core);
    row->key_issued_at = attempt->now_ms;
    row->hardware_key_no = attempt->key.no;
    row->sn = attempt->text[SN];
    row->mac = attempt->text[MAC];
    row->mac_normal = row->mac.ptr ? mac_normalize(row->mac, attempt->arena) : row->mac;
    row->cloud_id = attempt->text[CLOUD_ID];
    row->name = attempt->text[NAME].ptr ? attempt->text[NAME] : attempt->model.name;
    row->sub_model = attempt->text[SUB_MODEL];
    row->firmware_version = attempt->text[FIRMWARE];
    row->host_address = attempt->text[HOST_ADDRESS];
    row->custom_partner_name = attempt->text[CUSTOM_PARTNER];
    row->custom_model_name = attempt->text[CUSTOM_MODEL];
    row->hub_url = urls->hub;
    row->mqtt_hub_url = urls->mqtt;
    row->details = attempt->details;
}

static enum err add_claim_codes(struct attempt *attempt, const struct device_row *row)
{
    int64_t codes[CLAIM_CODE_SPELLINGS_MAX];
    if (attempt->model.auth_cloud_id || !row->mac.ptr || !row->sn.ptr) {
        return ERR_OK;
    }
    size_t count = claim_codes_of(row->mac, row->sn, codes);
    for (size_t i = 0; i < count; i++) {
        enum err err = device_store_add_claim_code(attempt->tx, codes[i], row->core.no);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static void fill_entry(const struct attempt *attempt, struct registration_entry *entry)
{
    *entry = (struct registration_entry){
        .at = attempt->now_ms,
        .address = attempt->registration->address,
        .partner_no = attempt->model.partner_no,
        .model_no = attempt->model.no,
        .model_id = attempt->model.id,
        .hardware_key_no = attempt->key.no,
        .hardware_key_id = attempt->key.id,
        .count = 1,
    };
    if (attempt->model.partner_no) { /* nobody could read what was sent with an unknown key: only the address counts */
        entry->sn = attempt->text[SN];
        entry->mac = attempt->text[MAC];
        entry->cloud_id = attempt->text[CLOUD_ID];
    }
}

static void emit_registered(struct attempt *attempt, const struct device_core *core, const struct registration_entry *entry)
{
    enum { ROW_BYTES_MAX = 65536 };
    struct device_change change;
    struct json_writer w;
    struct buf row;
    buf_init(&row, ROW_BYTES_MAX);
    json_writer_init(&w, &row);
    registration_entry_write(&w, entry);
    device_change_init(&change, attempt->domain, attempt->tx, attempt->arena, TRANSPORT_HTTPS);
    struct event *event = device_change_event(&change, EVENT_REGISTRATION, core, 0);
    event->code = 201;
    event_set_payload(event, buf_str(&row));
    store_tx_emit(attempt->tx, event);
    buf_deinit(&row);
    if (core->organization_no) {
        device_change_emit(&change, EVENT_DEVICE_CLAIMED, core, PUSH_SPACE, (struct str){NULL, 0});
    }
}

/* The provisioning log and the key's use are in the same transaction as the device (2.1). */
static enum err note_created(struct attempt *attempt, const struct device_core *core)
{
    struct registration_entry entry;
    fill_entry(attempt, &entry);
    entry.result = REGISTRATION_CREATED;
    entry.device_id = core->id;
    enum err err = registration_store_add(attempt->tx, &entry);
    if (err == ERR_OK && attempt->key.no) {
        err = registration_key_used(attempt->tx, attempt->key.no, attempt->now_ms);
    }
    if (err == ERR_OK && core->no % TRIM_EVERY == 0) {
        err = registration_store_trim(attempt->tx, (int64_t)domain_settings(attempt->domain)->limits_registration_log_rows);
    }
    if (err == ERR_OK) {
        emit_registered(attempt, core, &entry);
    }
    return err;
}

static void write_reply(struct attempt *attempt, const struct uuid *id, const char *access_key, const struct urls *urls)
{
    struct json_writer w;
    json_writer_init(&w, &attempt->reply->body);
    json_begin_object(&w);
    json_field_uuid(&w, "id", id);
    json_field_cstr(&w, "access_key", access_key);
    json_field_str(&w, "hub_url", urls->hub);
    json_field_str(&w, "hub_url_static_cert", urls->static_cert);
    json_field_str(&w, "mqtt_hub_url", urls->mqtt);
    json_end_object(&w);
    attempt->reply->status = 201;
}

static void create(struct attempt *attempt)
{
    struct urls urls;
    struct device_row row = {0};
    char access_key[33];
    uint8_t secret[16];
    random_bytes(secret, sizeof secret);
    hex_encode(secret, sizeof secret, access_key);
    domain_key_hash(attempt->domain, str_from_cstr(access_key), row.key_hash);
    make_urls(attempt, &urls);
    fill_row(attempt, &urls, &row);
    enum err err = device_store_insert(attempt->tx, &row, &row.core.no);
    if (err == ERR_OK) {
        err = add_claim_codes(attempt, &row);
    }
    if (err == ERR_OK) {
        err = note_created(attempt, &row.core);
    }
    if (!failed(attempt, err)) {
        struct device_brief brief;
        device_brief_of_core(attempt->domain, &row.core, &brief);
        memcpy(brief.key_hash, row.key_hash, sizeof brief.key_hash);
        hot_changes_add(&attempt->registration->hot, HOT_NEW, &brief);
        write_reply(attempt, &row.core.id, access_key, &urls);
    }
    secret_wipe(secret, sizeof secret);
    secret_wipe(access_key, sizeof access_key);
}

static void log_refusal(struct attempt *attempt)
{
    struct registration_entry entry;
    struct device_core holder;
    fill_entry(attempt, &entry);
    entry.result = REGISTRATION_REFUSED;
    entry.error = reply_error_text(attempt->reply);
    if (attempt->holder_no && device_store_core(attempt->tx, attempt->holder_no, &holder) == ERR_OK) {
        entry.device_id = holder.id;
    }
    refusal_log_add(attempt->domain, &entry, attempt->holder_no);
}

void registration_init(struct registration *registration, struct domain *domain, struct arena *arena)
{
    *registration = (struct registration){.domain = domain, .arena = arena};
    hot_changes_init(&registration->hot, arena);
}

void registration_run(struct registration *registration, struct store_tx *tx, const struct json *body, struct reply *reply)
{
    struct attempt attempt = {
        .registration = registration,
        .domain = registration->domain,
        .arena = registration->arena,
        .tx = tx,
        .reply = reply,
        .body = body,
        .now_ms = registration->domain->now_unix_ms(),
    };
    if (body && !json_is_object(body)) {
        reply_error(reply, 422, "Body must be an object");
    } else if (check(&attempt)) {
        create(&attempt);
    } else if (!registration->fault) {
        log_refusal(&attempt);
    }
}

void registration_run_bulk(struct registration *registration, struct store_tx *tx, const struct json *body,
                           struct reply *reply)
{
    if (!json_is_array(body)) {
        reply_error(reply, 422, "Body must be an array");
        return;
    }
    if (json_count(body) > REGISTRATIONS_PER_BULK_MAX) {
        reply_error(reply, 422, "Too many devices, maximum is %d", REGISTRATIONS_PER_BULK_MAX);
        return;
    }
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_array(&w);
    struct reply item;
    for (const struct json *device = json_first(body); device; device = json_next(device)) {
        reply_init(&item);
        registration_run(registration, tx, device, &item);
        if (registration->fault) { /* all of the call is undone */
            reply_deinit(reply);
            *reply = item;
            return;
        }
        json_put_raw(&w, buf_str(&item.body));
        reply_deinit(&item);
    }
    json_end_array(&w);
    reply->status = 201;
}

void registration_committed(struct registration *registration)
{
    hot_changes_apply(&registration->hot, registration->domain);
}
