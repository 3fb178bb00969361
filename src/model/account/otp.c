#include "model/account/otp.h"

#include "base/mem.h"
#include "codec/json/json.h"
#include "model/account/attempts.h"
#include "model/management/audit.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"
#include "model/ports/password.h"
#include "model/account/totp.h"
#include "model/account/user.h"

#define SECRET_TEXT_MAX 1024

static void buf_wipe(struct buf *buf)
{
    if (buf->len) {
        secret_wipe(buf->data, buf->len);
    }
    buf_deinit(buf);
}

int64_t otp_code_step(const struct domain *domain, const struct user_row *user, struct str code)
{
    int64_t step = 0;
    struct buf secret;
    buf_init(&secret, SECRET_TEXT_MAX);
    if (seal_open(domain->keys.seal_key, user->otp_secret_sealed, &secret)) {
        step = totp_step_of(buf_str(&secret), domain->now_unix_ms(), user->otp_last_step, code);
    }
    buf_wipe(&secret);
    return step;
}

struct otp_change *otp_change_new(struct domain *domain, const struct principal *principal, enum otp_action action,
                                  struct str proof, struct str address)
{
    struct otp_change *change = mem_new(struct otp_change);
    change->domain = domain;
    change->action = action;
    change->principal = *principal;
    arena_init(&change->arena);
    reply_init(&change->reply);
    change->proof = arena_str(&change->arena, proof);
    change->address = arena_str(&change->arena, address);
    admin_init(&change->admin, domain, &change->arena, &change->reply, principal, change->address);
    return change;
}

void otp_change_free(struct otp_change *change)
{
    if (!change) {
        return;
    }
    secret_wipe((void *)(uintptr_t)change->proof.ptr, change->proof.len); /* the arena's copy is our own */
    reply_deinit(&change->reply);
    arena_deinit(&change->arena);
    mem_free(change);
}

static struct str account_of(struct otp_change *change)
{
    return arena_printf(&change->arena, "user:%lld", (long long)change->principal.user_no);
}

static void answer(struct otp_change *change)
{
    if (change->op.err && !reply_is_error(&change->reply)) {
        reply_from_err(&change->reply, change->op.err);
    }
    if (!change->is_right && change->reply.status == 422) {
        change->finished(change); /* a wrong guess counts */
        return;
    }
    attempts_give_back(change->domain->credentials->signin_attempts, change->domain->now_unix_ms(), change->address,
                       account_of(change));
    change->finished(change);
}

static void append_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c);
        if (plain && c) {
            buf_append_str(out, str_from(&text.ptr[i], 1));
        } else {
            buf_printf(out, "%%%02X", (unsigned)c);
        }
    }
}

static void write_secret(struct otp_change *change, const struct user_row *user, const uint8_t secret[TOTP_SECRET_BYTES])
{
    struct buf text, url;
    struct json_writer w;
    buf_init(&text, SECRET_TEXT_MAX);
    buf_init(&url, SECRET_TEXT_MAX * 4);
    base32_append(&text, secret, TOTP_SECRET_BYTES);
    buf_append_cstr(&url, "otpauth://totp/Muster:");
    append_escaped(&url, user->email);
    buf_printf(&url, "?secret=%.*s&issuer=Muster&algorithm=SHA1&digits=6&period=30", STR_ARG(buf_str(&text)));
    json_writer_init(&w, &change->reply.body);
    json_begin_object(&w);
    json_field_str(&w, "secret", buf_str(&text));
    json_field_str(&w, "url", buf_str(&url));
    json_end_object(&w);
    change->reply.status = 200;
    buf_wipe(&text);
    buf_wipe(&url);
}

static enum err start(struct otp_change *change, struct store_tx *tx, const struct user_row *user)
{
    if (user->otp_on) {
        reply_error(&change->reply, 422, "One-time codes are on already");
        change->is_right = true;
        return ERR_STATE;
    }
    uint8_t secret[TOTP_SECRET_BYTES];
    struct buf sealed;
    random_bytes(secret, sizeof secret);
    buf_init(&sealed, SECRET_TEXT_MAX);
    seal(change->domain->keys.seal_key, str_from((const char *)secret, sizeof secret), &sealed);
    enum err err = user_store_set_otp(tx, user->no, buf_str(&sealed), false, 0);
    if (!err) {
        write_secret(change, user, secret);
    }
    secret_wipe(secret, sizeof secret);
    buf_deinit(&sealed);
    return err;
}

static enum err confirm(struct otp_change *change, struct store_tx *tx, const struct user_row *user)
{
    int64_t step = user->otp_on ? 0 : otp_code_step(change->domain, user, change->proof);
    if (!step) {
        reply_error(&change->reply, 422, "Code is invalid");
        return ERR_INVALID;
    }
    change->is_right = true;
    return user_store_set_otp(tx, user->no, user->otp_secret_sealed, true, step);
}

static enum err turn_off(struct otp_change *change, struct store_tx *tx, const struct user_row *user)
{
    if (!str_eq(user->password_hash, change->account.password_hash)) { /* changed meanwhile */
        reply_error(&change->reply, 422, "Password is invalid");
        return ERR_STATE;
    }
    return user_store_set_otp(tx, user->no, STR(""), false, 0);
}

static void audit(struct otp_change *change, struct store_tx *tx, const struct user_row *user)
{
    static const char *const actions[] = {
        [OTP_START] = "user.otp_start", [OTP_CONFIRM] = "user.otp_on", [OTP_OFF] = "user.otp_off"};
    char id[UUID_TEXT_BYTES];
    uuid_format(&user->id, id);
    admin_audit(&change->admin, tx, actions[change->action], "user", str_from_cstr(id), STR(""));
}

static void write_run(struct op *op, struct store_tx *tx)
{
    struct otp_change *change = container_of(op, struct otp_change, op);
    struct user_row user;
    op->err = user_store_find(tx, change->principal.user_no, &change->arena, &user);
    if (op->err) {
        return;
    }
    switch (change->action) {
    case OTP_START:
        op->err = start(change, tx, &user);
        break;
    case OTP_CONFIRM:
        op->err = confirm(change, tx, &user);
        break;
    case OTP_OFF:
        op->err = turn_off(change, tx, &user);
        break;
    }
    if (!op->err) {
        audit(change, tx, &user);
        if (change->action != OTP_START) {
            admin_reply_success(&change->admin);
        }
    }
}

static void committed(struct op *op)
{
    admin_committed(&container_of(op, struct otp_change, op)->admin);
}

static void on_written(struct op *op)
{
    answer(container_of(op, struct otp_change, op));
}

static void submit_write(struct otp_change *change)
{
    change->op = (struct op){.home = change->home, .lane = LANE_REGISTRY, .run = write_run, .committed = committed,
                             .done = on_written};
    op_submit(change->domain->executor, &change->op);
}

static void verify_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct otp_change *change = container_of(op, struct otp_change, op);
    change->is_right = password_verify(change->account.password_hash, change->proof);
}

static void on_verified(struct op *op)
{
    struct otp_change *change = container_of(op, struct otp_change, op);
    if (!op->err && !change->is_right) {
        reply_error(&change->reply, 422, "Password is invalid");
    }
    if (op->err || reply_is_error(&change->reply)) {
        answer(change);
        return;
    }
    submit_write(change);
}

static void read_run(struct op *op, struct store_tx *tx)
{
    struct otp_change *change = container_of(op, struct otp_change, op);
    op->err = user_store_find(tx, change->principal.user_no, &change->arena, &change->account);
}

static void on_read(struct op *op)
{
    struct otp_change *change = container_of(op, struct otp_change, op);
    if (op->err) {
        answer(change);
        return;
    }
    *op = (struct op){.home = change->home, .lane = LANE_WORK, .run = verify_run, .done = on_verified};
    op_submit(change->domain->executor, op);
}

void otp_change_submit(struct otp_change *change, struct mailbox *home, void (*finished)(struct otp_change *change))
{
    change->home = home;
    change->finished = finished;
    if (!signin_attempt_take(change->domain, change->address, account_of(change), true, &change->reply)) {
        finished(change);
        return;
    }
    if (change->action != OTP_OFF) {
        submit_write(change);
        return;
    }
    change->op = (struct op){.home = home, .lane = LANE_READ, .run = read_run, .done = on_read};
    op_submit(change->domain->executor, &change->op);
}
