#include "model/outbox/mail.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "model/domain.h"
#include "model/outbox/delivery.h"
#include "model/outbox/mail_relay.h"
#include "model/outbox/mail_text.h"

enum { TRIM_EVERY = 16, LINK_BYTES_MAX = 2048 };

bool mail_address_is_valid(struct str address)
{
    if (address.len < 3 || address.len > MAIL_ADDRESS_BYTES_MAX) {
        return false;
    }
    size_t at = 0, ats = 0;
    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.ptr[i];
        if (c <= 0x20 || c == 0x7f || strchr("<>()[]\\,;:\"", c)) {
            return false;
        }
        if (c == '@') {
            at = i;
            ats++;
        }
    }
    return ats == 1 && at > 0 && at + 1 < address.len;
}

static void seal_link(struct domain *domain, struct arena *arena, struct str path, struct mail_row *row)
{
    struct buf link, sealed;
    buf_init(&link, LINK_BYTES_MAX);
    buf_init(&sealed, LINK_BYTES_MAX + SEAL_OVERHEAD_BYTES);
    domain->urls->hub_url(domain->urls, NULL, &link);
    buf_append_str(&link, path);
    if (!link.failed) {
        seal(domain->keys.seal_key, buf_str(&link), &sealed);
        row->link_sealed = arena_str(arena, buf_str(&sealed));
    }
    if (link.data) {
        secret_wipe(link.data, link.len);
    }
    buf_deinit(&link);
    buf_deinit(&sealed);
}

/* What is the same for all mails of one cause. */
struct mailing {
    struct domain *domain;
    struct store_tx *tx;
    bool has_relay;
    int64_t room;  /* so many more may wait */
    int64_t burst; /* so many more of this kind may be queued now */
};

static int64_t room_of(struct domain *domain, struct store_tx *tx, int tenant_kind, int64_t tenant_no, enum mail_kind kind)
{
    uint64_t max = domain_settings(domain)->notify_mail_queue;
    return max ? (int64_t)max - mail_store_waiting(tx, tenant_kind, tenant_no, kind, (int64_t)max) : INT64_MAX;
}

/* Whether it waits for the relay from now on, and if not why. */
static void set_state(struct mailing *mailing, struct mail_row *row)
{
    struct domain *domain = mailing->domain;
    row->state = MAIL_FAILED;
    row->attempts = 0;
    row->due_at = TIME_NONE;
    row->finished_at = domain->now_unix_ms();
    row->error = (struct str){NULL, 0};
    if (!mail_address_is_valid(row->recipient)) {
        row->error = STR("The address is invalid");
    } else if (!mailing->has_relay) {
        row->state = MAIL_LISTED;
        row->error = STR("There is no mail relay");
    } else if (mailing->room <= 0) {
        row->error = STR("Too many mails were waiting");
    } else {
        row->state = MAIL_WAITING;
        row->due_at = row->finished_at;
        row->finished_at = TIME_NONE;
        mailing->room -= mailing->room != INT64_MAX;
        outbox_wake(mailing->tx);
    }
}

static enum err trim(struct domain *domain, struct store_tx *tx, const struct mail_row *row)
{
    uint64_t kept = domain_settings(domain)->notify_deliveries_kept;
    if (!kept || row->no % TRIM_EVERY != 0) {
        return ERR_OK;
    }
    return mail_store_trim(tx, row->no - TRIM_EVERY, (int64_t)kept);
}

int64_t mail_burst_left(struct domain *domain, struct store_tx *tx, const struct mail *mail)
{
    int64_t max = mail->kind == MAIL_INCIDENT  ? MAIL_BURST_INCIDENTS
                  : mail->kind == MAIL_CLAIM   ? MAIL_BURST_CLAIMS
                  : mail->kind == MAIL_SIGN_UP ? MAIL_BURST_SIGN_UPS
                                               : 0;
    int64_t since = domain->now_unix_ms() - MAIL_BURST_MS;
    return max ? max - mail_store_recent(tx, mail->tenant_kind, mail->tenant_no, mail->kind, since, max) : INT64_MAX;
}

static enum err queue_one(struct mailing *mailing, const struct mail *mail, struct str to)
{
    struct arena arena;
    struct domain *domain = mailing->domain;
    arena_init(&arena);
    struct mail_row row = {
        .id = uuid_random(),
        .tenant_kind = mail->tenant_kind,
        .tenant_no = mail->tenant_no,
        .kind = mail->kind,
        .recipient = str_sub(to, 0, MAIL_ADDRESS_BYTES_MAX + 1),
        .link_expires_at = mail->link_expires_at ? mail->link_expires_at : TIME_NONE,
        .created_at = domain->now_unix_ms(),
    };
    mail_text(mail, &arena, &row.subject, &row.text);
    if (mailing->burst == 1 && mail->kind != MAIL_SIGN_UP) {
        row.text = arena_printf(&arena, "%.*s\n\nThere may be more: within ten minutes no more of these are mailed.",
                                STR_ARG(row.text));
    }
    if (mail->link_path.len) {
        seal_link(domain, &arena, mail->link_path, &row);
    }
    set_state(mailing, &row);
    enum err err = mail_store_insert(mailing->tx, &row);
    if (!err) {
        err = trim(domain, mailing->tx, &row);
    }
    mailing->burst -= mailing->burst != INT64_MAX;
    arena_deinit(&arena);
    return err;
}

enum err mail_queue_each(struct domain *domain, struct store_tx *tx, const struct mail *mail, const struct str *to, size_t count)
{
    struct mailing mailing = {.domain = domain, .tx = tx, .burst = count ? mail_burst_left(domain, tx, mail) : 0};
    if (mailing.burst <= 0) {
        return ERR_OK;
    }
    mailing.room = room_of(domain, tx, mail->tenant_kind, mail->tenant_no, mail->kind);
    enum err err = mail_relay_exists(tx, &mailing.has_relay);
    for (size_t i = 0; !err && i < count && mailing.burst > 0; i++) {
        err = queue_one(&mailing, mail, to[i]);
    }
    return err;
}

enum err mail_queue(struct domain *domain, struct store_tx *tx, const struct mail *mail)
{
    return mail_queue_each(domain, tx, mail, &mail->to, 1);
}

static const int64_t pauses_ms[MAIL_TRIES_MAX - 1] = {60000, 300000, 1800000, 7200000, 21600000};

enum err mail_attempted(struct domain *domain, struct store_tx *tx, int64_t no, const struct mail_outcome *outcome)
{
    struct arena arena;
    struct mail_row row;
    int64_t now = domain->now_unix_ms();
    arena_init(&arena);
    enum err err = mail_store_find(tx, no, &arena, &row);
    if (!err && row.state != MAIL_WAITING) {
        err = ERR_NOT_FOUND;
    }
    if (!err) {
        row.attempts++;
        bool sent = outcome->error.len == 0;
        bool is_final = sent || outcome->is_final || row.attempts >= MAIL_TRIES_MAX;
        row.state = sent ? MAIL_SENT : is_final ? MAIL_FAILED : MAIL_WAITING;
        row.error = sent ? (struct str){NULL, 0} : utf8_prefix(outcome->error, MAIL_ERROR_BYTES_MAX);
        row.due_at = is_final ? TIME_NONE : now + pauses_ms[row.attempts - 1];
        row.finished_at = is_final ? now : TIME_NONE;
        if (sent && row.link_expires_at != TIME_NONE) {
            row.link_sealed = (struct str){NULL, 0};
        }
        err = mail_store_update(tx, &row);
    }
    arena_deinit(&arena);
    return err;
}

enum err mail_again(struct domain *domain, struct store_tx *tx, struct mail_row *row)
{
    if (row->state == MAIL_WAITING || row->state == MAIL_SENT) {
        return ERR_STATE;
    }
    struct mailing mailing = {.domain = domain, .tx = tx,
                              .room = room_of(domain, tx, row->tenant_kind, row->tenant_no, row->kind)};
    enum err err = mail_relay_exists(tx, &mailing.has_relay);
    set_state(&mailing, row);
    return err ? err : mail_store_update(tx, row);
}
