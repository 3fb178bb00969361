#include "model/account/password_ask.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "model/account/password_reset.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/outbox/mail.h"

struct password_ask *password_ask_new(struct domain *domain, struct str email, struct str address, bool address_exempt)
{
    struct password_ask *ask = mem_new(struct password_ask);
    ask->domain = domain;
    arena_init(&ask->arena);
    reply_init(&ask->reply);
    ask->email = arena_str(&ask->arena, str_trim(str_sub(email, 0, MAIL_ADDRESS_BYTES_MAX + 1)));
    ask->address = arena_str(&ask->arena, address);
    ask->address_exempt = address_exempt;
    return ask;
}

void password_ask_free(struct password_ask *ask)
{
    if (ask) {
        reply_deinit(&ask->reply);
        arena_deinit(&ask->arena);
        mem_free(ask);
    }
}

struct belonging {
    int count;
    enum tenant_kind kind;
    int64_t tenant_no;
};

static void note_membership(const struct membership_row *row, void *arg)
{
    struct belonging *belonging = arg;
    belonging->count++;
    belonging->kind = row->kind;
    belonging->tenant_no = row->tenant_no;
}

/* Without a relay somebody must be able to hand the link on: the administrators of the one tenant of the person. That of
 * somebody who is of several is in the installation's list only. */
static enum err set_list(struct store_tx *tx, const struct user_row *user, struct mail *mail)
{
    struct belonging belonging = {.count = user->system_admin ? 1 : 0};
    enum err err = membership_store_each(tx, user->no, note_membership, &belonging);
    if (!err && belonging.count == 1 && !user->system_admin) {
        mail->tenant_kind = (int)belonging.kind;
        mail->tenant_no = belonging.tenant_no;
    }
    return err;
}

static enum err queue_link(struct password_ask *ask, struct store_tx *tx, const struct user_row *user)
{
    char token[RESET_TOKEN_CHARS + 1], path[RESET_TOKEN_CHARS + 16], id[UUID_TEXT_BYTES];
    uint8_t hash[SHA256_BYTES];
    int64_t expires_at = ask->domain->now_unix_ms() + RESET_LINK_LIFE_MS;
    struct admin admin;
    random_base62(token, RESET_TOKEN_CHARS);
    snprintf(path, sizeof path, "/reset/%s", token);
    domain_key_hash(ask->domain, (struct str){token, RESET_TOKEN_CHARS}, hash);
    struct mail mail = {.kind = MAIL_PASSWORD_RESET, .to = user->email, .link_path = str_from_cstr(path),
                        .link_expires_at = expires_at};
    enum err err = password_reset_store_put(tx, user->no, hash, expires_at, false);
    if (!err) {
        err = set_list(tx, user, &mail);
    }
    if (!err) {
        err = mail_queue(ask->domain, tx, &mail);
    }
    secret_wipe(token, sizeof token);
    secret_wipe(path, sizeof path);
    uuid_format(&user->id, id);
    admin_init(&admin, ask->domain, &ask->arena, &ask->reply, &(struct principal){0}, ask->address);
    admin_audit(&admin, tx, "user.reset_link", "user", str_from_cstr(id), STR(""));
    return err;
}

static void ask_run(struct op *op, struct store_tx *tx)
{
    struct password_ask *ask = container_of(op, struct password_ask, op);
    struct user_row user;
    int64_t good_until = TIME_NONE, now = ask->domain->now_unix_ms();
    bool is_of_machine = false;
    op->err = user_store_find_email(tx, ask->email, &ask->arena, &user);
    if (op->err == ERR_NOT_FOUND || (!op->err && user.deactivated_at != TIME_NONE)) {
        op->err = ERR_OK; /* the answer tells nobody which addresses there are */
        return;
    }
    if (!op->err) {
        op->err = password_reset_store_expiry(tx, user.no, &good_until, &is_of_machine);
    }
    bool is_good = !op->err && good_until != TIME_NONE && good_until > now;
    if (is_good && (user.password_hash.len == 0 || is_of_machine)) {
        return; /* an invitation waits, which is a link of that kind; or what nobody from outside is to void */
    }
    bool is_soon = is_good && good_until - RESET_LINK_LIFE_MS > now - PASSWORD_ASK_PAUSE_MS &&
                   good_until - RESET_LINK_LIFE_MS <= now;
    if (!op->err && !is_soon) {
        op->err = queue_link(ask, tx, &user);
    }
}

static void ask_done(struct op *op)
{
    struct password_ask *ask = container_of(op, struct password_ask, op);
    if (op->err) {
        reply_from_err(&ask->reply, op->err);
    } else {
        buf_append_cstr(&ask->reply.body, "{\"success\":true}");
        ask->reply.status = 200;
    }
    ask->finished(ask);
}

void password_ask_submit(struct password_ask *ask, struct mailbox *home, void (*finished)(struct password_ask *ask))
{
    ask->finished = finished;
    if (!mail_address_is_valid(ask->email)) {
        reply_error(&ask->reply, 422, "Email is invalid");
        finished(ask);
        return;
    }
    if (!signin_attempt_take(ask->domain, ask->address, ask->email, ask->address_exempt, &ask->reply)) {
        finished(ask);
        return;
    }
    ask->op = (struct op){.home = home, .lane = LANE_REGISTRY, .run = ask_run, .done = ask_done};
    op_submit(ask->domain->executor, &ask->op);
}
