#include "notify/take.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "codec/json/json.h"
#include "model/outbox/mail_relay.h"
#include "model/ports/delivery_store.h"
#include "model/ports/mail_store.h"
#include "notify/mail_message.h"

enum { BODY_BYTES_MAX = 262144, MESSAGE_BYTES_MAX = 524288, TENANTS_MAX = 64, URL_BYTES_MAX = 4096, ROUND_MS = 1000 };

static bool is_busy(const struct take *take, enum errand_kind kind, int64_t no)
{
    for (size_t i = 0; i < take->busy_count; i++) {
        if (take->busy[i].kind == kind && take->busy[i].no == no) {
            return true;
        }
    }
    return false;
}

static void note_next_due(struct take *take, int64_t due_at)
{
    if (due_at != TIME_NONE && (take->next_due_at == TIME_NONE || due_at < take->next_due_at)) {
        take->next_due_at = due_at;
    }
}

/* A text that was sealed, in the errand's arena; NULL: it cannot be opened. */
static const char *open_sealed(const struct domain *domain, struct arena *arena, struct str sealed)
{
    struct buf plain;
    buf_init(&plain, URL_BYTES_MAX);
    const char *text = NULL;
    if (seal_open(domain->keys.seal_key, sealed, &plain)) {
        text = arena_cstr(arena, buf_str(&plain));
    }
    if (plain.data) {
        secret_wipe(plain.data, plain.len);
    }
    buf_deinit(&plain);
    return text;
}

/* --- calls --- */

struct tenant_take {
    struct take *take;
    struct arena arena;
    struct webhook_row webhook; /* of a partner; url empty: none */
};

static void sign(struct errand *errand, const char *secret)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    hmac_sha256((const uint8_t *)secret, strlen(secret), errand->body.ptr, errand->body.len, hash);
    hex_encode(hash, sizeof hash, hex);
    errand->signature = arena_cstr(&errand->arena, arena_printf(&errand->arena, "sha256=%s", hex));
}

/* The stored members, and the secret, event_id and created_at (8.1). */
static bool write_webhook_body(struct errand *errand, const struct delivery_row *row, const char *secret)
{
    struct json *body = NULL;
    if (json_parse(row->body, NULL, &body) != ERR_OK || !json_is_object(body)) {
        json_free(body);
        return false;
    }
    char id[UUID_TEXT_BYTES], at[TIME_TEXT_BYTES];
    uuid_format(&row->id, id);
    time_format(row->created_at, at);
    json_set(body, STR("secret"), json_new_string(str_from_cstr(secret)));
    json_set(body, STR("event_id"), json_new_string(str_from_cstr(id)));
    json_set(body, STR("created_at"), json_new_string(str_from_cstr(at)));
    struct buf text;
    buf_init(&text, BODY_BYTES_MAX);
    json_write(&text, body);
    json_free(body);
    bool ok = !text.failed;
    if (ok) {
        errand->body = arena_str(&errand->arena, buf_str(&text));
        secret_wipe(text.data, text.len);
    }
    buf_deinit(&text);
    return ok;
}

static void fill_webhook(struct tenant_take *tenant, struct errand *errand, const struct delivery_row *row)
{
    if (!tenant->webhook.url.len) {
        errand->error = "There is no webhook URL any more";
        errand->is_final = true;
        return;
    }
    const char *secret = open_sealed(tenant->take->domain, &errand->arena, tenant->webhook.secret_sealed);
    if (!secret || !write_webhook_body(errand, row, secret)) {
        errand->error = "The webhook's secret cannot be read";
        errand->is_final = true;
        return;
    }
    errand->url = arena_cstr(&errand->arena, tenant->webhook.url);
    sign(errand, secret);
    secret_wipe((void *)(uintptr_t)secret, strlen(secret));
}

static void fill_channel(struct tenant_take *tenant, struct errand *errand, const struct delivery_row *row)
{
    errand->url = row->url_sealed.ptr ? open_sealed(tenant->take->domain, &errand->arena, row->url_sealed) : NULL;
    errand->body = arena_str(&errand->arena, row->body);
    if (!errand->url) {
        errand->error = "The channel's URL cannot be read";
        errand->is_final = true;
    }
}

static void add_call(const struct delivery_row *row, void *arg)
{
    struct tenant_take *tenant = arg;
    struct take *take = tenant->take;
    if (is_busy(take, ERRAND_CALL, row->no) || take->calls_busy + take->calls >= CALLS_AT_ONCE) {
        return;
    }
    struct errand *errand = errand_new(ERRAND_CALL, row->no);
    errand->tenant_kind = (int)row->tenant_kind;
    errand->tenant_no = row->tenant_no;
    if (row->channel == CHANNEL_WEBHOOK) {
        fill_webhook(tenant, errand, row);
    } else {
        fill_channel(tenant, errand, row);
    }
    list_append(&take->errands, &errand->link);
    take->calls++;
}

static enum err take_tenant(struct take *take, struct store_tx *tx, enum tenant_kind kind, int64_t no)
{
    struct tenant_take tenant = {.take = take};
    int64_t next_due_at = TIME_NONE;
    enum err err = ERR_OK;
    arena_init(&tenant.arena);
    if (kind == TENANT_PARTNER) {
        err = webhook_store_find(tx, no, &tenant.arena, &tenant.webhook);
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    /* Those under way are due too, and first: of a tenant never more than this. */
    if (!err) {
        err = delivery_store_due(tx, kind, no, take->now, CALLS_OF_TENANT_AT_ONCE, add_call, &tenant);
    }
    if (!err) {
        err = delivery_store_next_due(tx, kind, no, take->now, &next_due_at);
    }
    note_next_due(take, next_due_at);
    arena_deinit(&tenant.arena);
    return err;
}

struct tenants {
    struct {
        enum tenant_kind kind;
        int64_t no;
    } tenant[TENANTS_MAX];
    size_t count;
};

static void note_tenant(enum tenant_kind kind, int64_t tenant_no, void *arg)
{
    struct tenants *tenants = arg;
    tenants->tenant[tenants->count].kind = kind;
    tenants->tenant[tenants->count++].no = tenant_no;
}

/* In turns: a look starts behind the tenant where the one before ended. */
static enum err take_calls(struct take *take, struct store_tx *tx)
{
    struct tenants tenants = {.count = 0};
    bool is_first = take->after_kind == 0;
    enum err err = delivery_queue_store_each(tx, take->after_kind, take->after_no, TENANTS_MAX, note_tenant, &tenants);
    for (size_t i = 0; !err && i < tenants.count; i++) {
        if (take->calls_busy + take->calls >= CALLS_AT_ONCE) {
            return ERR_OK; /* the next look goes on here */
        }
        take->after_kind = (int)tenants.tenant[i].kind;
        take->after_no = tenants.tenant[i].no;
        err = take_tenant(take, tx, tenants.tenant[i].kind, tenants.tenant[i].no);
    }
    if (tenants.count == TENANTS_MAX) {
        note_next_due(take, take->now);
    } else {
        take->after_kind = 0;
        take->after_no = 0;
        note_next_due(take, is_first ? TIME_NONE : take->now + ROUND_MS); /* tenants before this look were not asked */
    }
    return err;
}

/* --- mails --- */

struct mail_take {
    struct take *take;
    const struct mail_relay *relay;
};

static void write_message(struct errand *errand, const struct mail_take *mails, const struct mail_row *row)
{
    const char *link = row->link_sealed.ptr ? open_sealed(mails->take->domain, &errand->arena, row->link_sealed) : NULL;
    struct mail_message message = {
        .from = mails->relay->from,
        .to = row->recipient,
        .subject = row->subject,
        .text = row->text,
        .link = str_from_cstr(link ? link : ""),
        .id = row->id,
        .at_ms = row->created_at,
    };
    struct buf text;
    buf_init(&text, MESSAGE_BYTES_MAX);
    mail_message_write(&text, &message);
    if (text.failed) {
        errand->error = "The mail is too long";
        errand->is_final = true;
    } else {
        errand->body = arena_str(&errand->arena, buf_str(&text));
        secret_wipe(text.data, text.len);
    }
    buf_deinit(&text);
}

static void fill_mail(struct errand *errand, const struct mail_take *mails, const struct mail_row *row)
{
    const struct mail_relay *relay = mails->relay;
    bool link_is_dead = row->link_expires_at != TIME_NONE && row->link_expires_at <= mails->take->now;
    if (!relay->host.len || link_is_dead) {
        errand->error = link_is_dead ? "The link has expired" : "There is no mail relay any more";
        errand->is_final = true;
        return;
    }
    bool is_v6 = memchr(relay->host.ptr, ':', relay->host.len) != NULL;
    struct str url = arena_printf(&errand->arena, "%s://%s%.*s%s:%lld", relay->security == MAIL_TLS ? "smtps" : "smtp",
                                  is_v6 ? "[" : "", STR_ARG(relay->host), is_v6 ? "]" : "", (long long)relay->port);
    errand->relay_url = arena_cstr(&errand->arena, url);
    errand->needs_starttls = relay->security == MAIL_STARTTLS;
    if (relay->user.len) {
        errand->user = arena_cstr(&errand->arena, relay->user);
        errand->password = arena_cstr(&errand->arena, relay->password);
    }
    errand->from = arena_cstr(&errand->arena, relay->from);
    errand->to = arena_cstr(&errand->arena, row->recipient);
    write_message(errand, mails, row);
}

static void add_mail(const struct mail_row *row, void *arg)
{
    struct mail_take *mails = arg;
    struct take *take = mails->take;
    if (is_busy(take, ERRAND_MAIL, row->no) || take->mails_busy + take->mails >= MAILS_AT_ONCE) {
        return;
    }
    struct errand *errand = errand_new(ERRAND_MAIL, row->no);
    errand->tenant_kind = row->tenant_kind;
    errand->tenant_no = row->tenant_no;
    fill_mail(errand, mails, row);
    list_append(&take->errands, &errand->link);
    take->mails++;
}

static enum err take_mails(struct take *take, struct store_tx *tx)
{
    struct arena arena;
    struct mail_relay relay = {.port = 0};
    struct mail_take mails = {.take = take, .relay = &relay};
    int64_t next_due_at = TIME_NONE;
    arena_init(&arena);
    enum err err = mail_relay_load(take->domain, tx, &arena, &relay);
    if (!err) {
        err = mail_store_due(tx, take->now, 2 * MAILS_AT_ONCE, add_mail, &mails);
    }
    if (!err) {
        err = mail_store_next_due(tx, take->now, &next_due_at);
    }
    note_next_due(take, next_due_at);
    arena_deinit(&arena);
    return err;
}

static void take_run(struct op *op, struct store_tx *tx)
{
    struct take *take = container_of(op, struct take, op);
    op->err = take_calls(take, tx);
    if (!op->err) {
        op->err = take_mails(take, tx);
    }
}

void take_prepare(struct take *take)
{
    list_init(&take->errands);
    take->next_due_at = TIME_NONE;
    take->op = (struct op){.lane = LANE_READ, .run = take_run};
}

void take_free(struct take *take)
{
    while (!list_is_empty(&take->errands)) {
        struct errand *errand = container_of(take->errands.next, struct errand, link);
        list_remove(&errand->link);
        errand_free(errand);
    }
    mem_free(take->busy);
    mem_free(take);
}
