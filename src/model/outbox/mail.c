#include "model/outbox/mail.h"

#include "model/domain.h"
#include "model/outbox/delivery.h"
#include "model/outbox/mail_text.h"
#include "model/ports/setup_store.h"

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

/* Whether it waits for the relay, and if not why. */
static enum err set_state(struct domain *domain, struct store_tx *tx, struct arena *arena, struct mail_row *row)
{
    struct str host;
    uint64_t max = domain_settings(domain)->notify_mail_queue;
    enum err err = setting_store_get(tx, STR("smtp_host"), arena, &host);
    row->state = MAIL_FAILED;
    row->due_at = TIME_NONE;
    row->finished_at = row->created_at;
    if (!mail_address_is_valid(row->recipient)) {
        row->error = STR("The address is invalid");
    } else if (!host.len) {
        row->state = MAIL_LISTED;
        row->error = STR("There is no mail relay");
    } else if (max && (uint64_t)mail_store_waiting(tx, row->tenant_kind, row->tenant_no, (int64_t)max) >= max) {
        row->error = STR("Too many mails were waiting");
    } else {
        row->state = MAIL_WAITING;
        row->due_at = row->created_at;
        row->finished_at = TIME_NONE;
    }
    return err;
}

static enum err trim(struct domain *domain, struct store_tx *tx, const struct mail_row *row)
{
    uint64_t kept = domain_settings(domain)->notify_deliveries_kept;
    if (!kept || row->no % TRIM_EVERY != 0) {
        return ERR_OK;
    }
    return mail_store_trim(tx, row->tenant_kind, row->tenant_no, (int64_t)kept);
}

enum err mail_queue(struct domain *domain, struct store_tx *tx, const struct mail *mail)
{
    struct arena arena;
    arena_init(&arena);
    struct mail_row row = {
        .id = uuid_random(),
        .tenant_kind = mail->tenant_kind,
        .tenant_no = mail->tenant_no,
        .kind = mail->kind,
        .recipient = str_sub(mail->to, 0, MAIL_ADDRESS_BYTES_MAX + 1),
        .link_expires_at = mail->link_expires_at ? mail->link_expires_at : TIME_NONE,
        .created_at = domain->now_unix_ms(),
    };
    mail_text(mail, &arena, &row.subject, &row.text);
    if (mail->link_path.len) {
        seal_link(domain, &arena, mail->link_path, &row);
    }
    enum err err = set_state(domain, tx, &arena, &row);
    if (!err) {
        err = mail_store_insert(tx, &row);
    }
    if (!err) {
        err = trim(domain, tx, &row);
    }
    if (row.state == MAIL_WAITING) {
        outbox_wake(tx);
    }
    arena_deinit(&arena);
    return err;
}
