#include "model/registration/registration.h"

#include "base/metrics.h"
#include "model/management/audit.h"
#include "model/device/device_change.h"
#include "model/device/device_edit.h"
#include "model/file/firmware.h"
#include "model/management/envelope.h"
#include "model/outbox/webhook.h"
#include "model/registration/refusal_log.h"
#include "model/registration/registration_attempt.h"
#include "model/virtual/virtual_device.h"

enum { URL_BYTES_MAX = 2048, TRIM_EVERY = 64 };

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
    core->is_virtual = attempt->is_virtual;
    if (attempt->through_parent ? attempt->parent.organization_no != 0 : comes_claimed(attempt)) {
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
    row->speaks_through_parent = attempt->through_parent;
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
    if (attempt->model.auth_cloud_id || attempt->through_parent || !row->mac.ptr || !row->sn.ptr) {
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
    if (entry->result == REGISTRATION_REPLACED) {
        device_change_emit(&change, EVENT_DEVICE_REPLACED, core, 0, (struct str){NULL, 0});
    } else if (core->organization_no) {
        device_change_emit(&change, EVENT_DEVICE_CLAIMED, core, PUSH_SPACE, (struct str){NULL, 0});
    }
}

/* The maker's webhook (management-api.md 8.1). */
static enum err tell_maker(struct attempt *attempt, const struct device_row *row, enum registration_result result)
{
    enum err err = webhook_registered_device(attempt->domain, attempt->tx, row);
    if (err == ERR_OK && result == REGISTRATION_CREATED && row->core.organization_no) { /* a child comes claimed */
        err = webhook_claimed_device(attempt->domain, attempt->tx, &row->core);
    }
    return err;
}

/* The provisioning log, the key's use and the webhook are in the same transaction as the device (2.1). A virtual device
 * is a trial and none of the maker's production: none of them tells of it. */
static enum err note_registered(struct attempt *attempt, const struct device_row *row, enum registration_result result)
{
    const struct device_core *core = &row->core;
    struct registration_entry entry;
    if (attempt->is_virtual) {
        return ERR_OK;
    }
    fill_entry(attempt, &entry);
    entry.result = result;
    entry.device_id = core->id;
    enum err err = registration_store_add(attempt->tx, &entry);
    if (err == ERR_OK && attempt->key.no && result == REGISTRATION_CREATED) {
        err = registration_key_used(attempt->tx, attempt->key.no, attempt->now_ms);
    }
    if (err == ERR_OK && core->no % TRIM_EVERY == 0) {
        err = registration_store_trim(attempt->tx, (int64_t)domain_settings(attempt->domain)->limits_registration_log_rows);
    }
    if (err == ERR_OK) {
        err = tell_maker(attempt, row, result);
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

static enum err insert(struct attempt *attempt, struct device_row *row)
{
    enum err err = device_store_insert(attempt->tx, row, &row->core.no);
    if (err == ERR_OK) {
        err = add_claim_codes(attempt, row);
    }
    return err == ERR_OK ? note_registered(attempt, row, REGISTRATION_CREATED) : err;
}

/* The same record with the new unit's identity and key; all else stays (2.3.3). */
static enum err replace(struct attempt *attempt, struct device_row *row)
{
    row->core = attempt->replaced;
    enum err err = device_remove_claim_codes(attempt->tx, row->core.no, attempt->arena);
    if (err == ERR_OK) {
        err = device_store_note_firmware(attempt->tx, row->core.no, row->firmware_version, attempt->now_ms);
    }
    if (err == ERR_OK) {
        err = device_store_replace(attempt->tx, row);
    }
    if (err == ERR_OK) {
        err = add_claim_codes(attempt, row);
    }
    return err == ERR_OK ? note_registered(attempt, row, REGISTRATION_REPLACED) : err;
}

static void store(struct attempt *attempt)
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
    bool replaces = attempt->replaced.no != 0;
    if (!attempt_failed(attempt, replaces ? replace(attempt, &row) : insert(attempt, &row))) {
        struct device_brief brief;
        device_brief_of_core(attempt->domain, &row.core, &brief);
        memcpy(brief.key_hash, row.key_hash, sizeof brief.key_hash);
        hot_changes_add(&attempt->registration->hot, replaces ? HOT_KEY : HOT_NEW, &brief);
    }
    if (attempt->is_virtual && !reply_is_error(attempt->reply)) {
        attempt_failed(attempt, virtual_device_registered(attempt->domain, attempt->tx, row.core.no, access_key));
    }
    if (!reply_is_error(attempt->reply) &&
        !attempt_failed(attempt, firmware_reported(attempt->tx, attempt->arena, &attempt->registration->hot, &row.core,
                                                   row.firmware_version))) {
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
    metric_add(METRIC_REGISTRATIONS_REFUSED, 1);
}

void registration_init(struct registration *registration, struct domain *domain, struct arena *arena)
{
    *registration = (struct registration){.domain = domain, .arena = arena};
    hot_changes_init(&registration->hot, arena);
}

static void run(struct registration *registration, struct store_tx *tx, const struct device_core *parent, const struct json *body,
                struct reply *reply)
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
    if (parent) {
        attempt.parent = *parent;
    }
    if (body && !json_is_object(body)) {
        reply_error(reply, 422, "Body must be an object");
    } else if (parent ? attempt_check_child(&attempt) : attempt_check(&attempt)) {
        store(&attempt);
        registration->registered += !reply_is_error(reply);
    } else if (!registration->fault && !attempt.is_virtual) {
        log_refusal(&attempt);
    }
}

void registration_run(struct registration *registration, struct store_tx *tx, const struct json *body, struct reply *reply)
{
    run(registration, tx, NULL, body, reply);
}

void registration_run_child(struct registration *registration, struct store_tx *tx, int64_t parent_no, const struct json *body,
                            struct reply *reply)
{
    struct device_core parent;
    enum err err = device_store_core(tx, parent_no, &parent);
    if (err == ERR_NOT_FOUND) { /* deleted since it was let in */
        reply_error(reply, 401, "Not authorized");
    } else if (err != ERR_OK) {
        reply_from_err(reply, err);
        registration->fault = true;
    } else {
        run(registration, tx, &parent, body, reply);
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
    metric_add(METRIC_REGISTRATIONS, registration->registered);
}
