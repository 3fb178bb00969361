/* What a registration is refused for (device-api.md 2.1, 2.2, 2.5). */
#include "base/utf8.h"
#include "model/device/device_change.h"
#include "model/registration/registration_attempt.h"
#include "model/maker/semver.h"
#include "model/virtual/virtual_device.h"

enum { TEXT_CHARS_MAX = 255, CHILDREN_MAX = 5000, API_SN_REQUIRED = 2, API_SEMVER = 4 };
enum { SHORT_CODE_CHARS = 4, CLOUD_ID_MIN = 8, CLOUD_ID_MAX = 64 };

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

/* Every check answers false after writing the reply: the first failed one wins. */
static bool refuse(struct attempt *attempt, const char *label, const char *text)
{
    reply_error(attempt->reply, 422, "%s %s", label, text);
    return false;
}

bool attempt_failed(struct attempt *attempt, enum err err)
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

/* What Register Child knows (2.5); all else in its body is ignored. */
static bool child_may_have(enum field field)
{
    return field == FIRMWARE || field == SN || field == MAC || field == NAME || field == SUB_MODEL;
}

static void read_fields(struct attempt *attempt)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (!attempt->through_parent || child_may_have((enum field)i)) {
            attempt->text[i] = read_text(attempt->body, fields[i].name, attempt->arena, &attempt->wrong_type[i]);
        }
    }
    if (!attempt->through_parent && !attempt->text[CLOUD_ID].ptr && !attempt->wrong_type[CLOUD_ID]) { /* legacy name (2.2) */
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

/* The simulator's own device: its key is no row of the model's keys. */
static bool find_by_ticket(struct attempt *attempt, const uint8_t hash[SHA256_BYTES])
{
    int64_t model_no;
    attempt->is_virtual = virtual_ticket_take(attempt->domain, hash, &model_no);
    return attempt->is_virtual && catalog_model(attempt->domain->catalog, model_no, &attempt->model);
}

static bool find_by_hardware_key(struct attempt *attempt, struct str key)
{
    uint8_t hash[SHA256_BYTES];
    hash_key(attempt->domain, key, hash);
    enum err err = registration_key_by_hash(attempt->tx, hash, &attempt->key);
    if (err == ERR_NOT_FOUND) {
        return find_by_ticket(attempt, hash) || refuse_key(attempt);
    }
    if (attempt_failed(attempt, err)) {
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
    if (attempt_failed(attempt, err)) {
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
        if (attempt_failed(attempt, registration_model_by_name(attempt->tx, partner_no, model, &model_no))) {
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
    if (!attempt->replaced.no && key->enforce_count && key->expected_count > 0 && key->used_count >= key->expected_count) {
        reply_error(attempt->reply, 422, "Hardware key limit reached");
        return false;
    }
    return true;
}

static bool check_virtual(struct attempt *attempt)
{
    return !attempt->is_virtual ||
           virtual_device_is_allowed(attempt->domain, attempt->tx, attempt->model.partner_no, attempt->reply);
}

static bool is_required(const struct attempt *attempt, enum field field)
{
    const struct model_info *model = &attempt->model;
    if (attempt->through_parent) {
        return field == FIRMWARE;
    }
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
        if (attempt_failed(attempt, registration_short_code_holder(attempt->tx, str_sub(cloud_id, 0, SHORT_CODE_CHARS), &holder_no))) {
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

static bool check_child_count(struct attempt *attempt)
{
    int64_t children = 0;
    if (attempt_failed(attempt, device_store_child_count(attempt->tx, attempt->parent.no, CHILDREN_MAX, &children))) {
        return false;
    }
    if (children >= CHILDREN_MAX) {
        reply_error(attempt->reply, 422, "Too many children");
        return false;
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
    if (err != ERR_NOT_FOUND && attempt_failed(attempt, err)) {
        return false;
    }
    if (err == ERR_NOT_FOUND || !catalog_model(attempt->domain->catalog, attempt->parent.model_no, &model) ||
        model.device_type != DEVICE_PHYSICAL) {
        attempt->parent = (struct device_core){0};
        return refuse(attempt, fields[PARENT].label, "is invalid");
    }
    return check_child_count(attempt);
}
static bool check_unique(struct attempt *attempt)
{
    if (attempt->text[CLOUD_ID].ptr) {
        if (attempt_failed(attempt, device_store_cloud_id_holder(attempt->tx, attempt->text[CLOUD_ID], &attempt->holder_no))) {
            return false;
        }
        if (attempt->holder_no && attempt->holder_no != attempt->replaced.no) {
            return refuse(attempt, fields[CLOUD_ID].label, "has already been taken");
        }
    }
    if (attempt->text[SN].ptr) {
        if (attempt_failed(attempt, device_store_sn_holder(attempt->tx, attempt->model.no, attempt->text[SN], &attempt->holder_no))) {
            return false;
        }
        if (attempt->holder_no && attempt->holder_no != attempt->replaced.no) {
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

/* The record of which an operator said that this device takes its place (2.3.3). */
static bool find_replaced(struct attempt *attempt)
{
    if (!attempt->key.no || (!attempt->text[SN].ptr && !attempt->text[CLOUD_ID].ptr)) {
        return true;
    }
    enum err err = device_store_replaced_by(attempt->tx, attempt->model.no, attempt->text[SN], attempt->text[CLOUD_ID],
                                            attempt->now_ms, &attempt->replaced);
    return err == ERR_NOT_FOUND || !attempt_failed(attempt, err);
}

static bool find_child_model(struct attempt *attempt)
{
    struct uuid id;
    if (uuid_parse(json_string(json_get(attempt->body, "model_id")), &id) &&
        catalog_model_by_id(attempt->domain->catalog, &id, &attempt->model) &&
        attempt->model.partner_no == attempt->parent.partner_no) {
        return true;
    }
    attempt->model = (struct model_info){.partner_no = attempt->parent.partner_no};
    reply_error(attempt->reply, 404, "Model not found");
    return false;
}

bool attempt_check_child(struct attempt *attempt)
{
    attempt->through_parent = true;
    read_fields(attempt);
    return find_child_model(attempt) && check_required(attempt) && check_firmware(attempt) && check_details(attempt) &&
           check_texts(attempt) && check_child_count(attempt);
}

bool attempt_check(struct attempt *attempt)
{
    read_fields(attempt);
    return find_model(attempt) && check_partner(attempt) && find_replaced(attempt) && check_key_limit(attempt) &&
           check_virtual(attempt) && check_required(attempt) && check_firmware(attempt) && check_cloud_id(attempt) && check_details(attempt) && check_texts(attempt) &&
           find_parent(attempt) && check_unique(attempt);
}

