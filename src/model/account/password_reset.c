#include "model/account/password_reset.h"

#include "base/mem.h"
#include "model/account/attempts.h"
#include "model/management/audit.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"
#include "model/ports/member_store.h"

/* --- making the link --- */

static void link_run(struct op *op, struct store_tx *tx)
{
    struct reset_link *link = container_of(op, struct reset_link, op);
    struct arena arena;
    struct reply reply;
    struct admin admin;
    struct user_row user;
    uint8_t hash[SHA256_BYTES];
    arena_init(&arena);
    reply_init(&reply);
    admin_init(&admin, link->domain, &arena, &reply, &(struct principal){0}, STR(""));
    op->err = user_store_find_email(tx, link->email, &arena, &user);
    if (!op->err && user.deactivated_at != TIME_NONE) {
        op->err = ERR_NOT_FOUND;
    }
    if (!op->err) {
        random_base62(link->token, RESET_TOKEN_CHARS);
        domain_key_hash(link->domain, (struct str){link->token, RESET_TOKEN_CHARS}, hash);
        op->err = password_reset_store_put(tx, user.no, hash, link->domain->now_unix_ms() + RESET_LINK_LIFE_MS,
                                           true);
    }
    if (!op->err) {
        char id[UUID_TEXT_BYTES];
        uuid_format(&user.id, id);
        admin_audit(&admin, tx, "user.reset_link", "user", str_from_cstr(id), STR(""));
    }
    reply_deinit(&reply);
    arena_deinit(&arena);
}

void reset_link_prepare(struct reset_link *link, struct domain *domain, struct str email)
{
    *link = (struct reset_link){.op = {.lane = LANE_REGISTRY, .run = link_run}, .domain = domain, .email = str_trim(email)};
}

/* --- using it --- */

struct password_reset *password_reset_new(struct domain *domain, struct str token, struct str password,
                                          struct str address, bool address_exempt)
{
    struct password_reset *reset = mem_new(struct password_reset);
    reset->domain = domain;
    arena_init(&reset->arena);
    reply_init(&reset->reply);
    domain_key_hash(domain, str_sub(token, 0, 2 * RESET_TOKEN_CHARS), reset->token_hash);
    reset->password = arena_str(&reset->arena, password);
    reset->address = arena_str(&reset->arena, address);
    reset->address_exempt = address_exempt;
    admin_init(&reset->admin, domain, &reset->arena, &reset->reply, &(struct principal){0}, reset->address);
    return reset;
}

void password_reset_set_name(struct password_reset *reset, struct str name)
{
    reset->name = arena_str(&reset->arena, str_trim(name));
}

void password_reset_free(struct password_reset *reset)
{
    if (!reset) {
        return;
    }
    secret_wipe((void *)(uintptr_t)reset->password.ptr, reset->password.len); /* the arena's copy is our own */
    reply_deinit(&reset->reply);
    arena_deinit(&reset->arena);
    secret_wipe(reset, sizeof *reset);
    mem_free(reset);
}

#define ATTEMPT_ACCOUNT STR("password reset")

static void answer(struct password_reset *reset)
{
    if (reset->op.err && !reply_is_error(&reset->reply)) {
        reply_from_err(&reset->reply, reset->op.err);
    }
    if (reset->reply.status != 404) { /* the link was right */
        attempts_give_back(reset->domain->credentials->signin_attempts, reset->domain->now_unix_ms(), reset->address,
                           ATTEMPT_ACCOUNT);
    }
    reset->finished(reset);
}

/* Not this kind of link, but one that is good: of somebody who has an account (people/invitation.h). */
static void refuse_unknown(struct password_reset *reset, struct store_tx *tx)
{
    int64_t user_no, tenant_no;
    enum tenant_kind kind;
    if (member_store_find_invitation(tx, reset->token_hash, reset->domain->now_unix_ms(), &user_no, &kind, &tenant_no) == ERR_OK) {
        reply_error(&reset->reply, 422, "Sign in to accept this invitation");
    } else {
        reply_error(&reset->reply, 404, "Reset link not found");
    }
}

static enum err find_user(struct password_reset *reset, struct store_tx *tx, struct user_row *ret_user)
{
    int64_t user_no = 0;
    enum err err = password_reset_store_find(tx, reset->token_hash, reset->domain->now_unix_ms(), &user_no, &reset->resets_otp);
    if (!err) {
        err = user_store_find(tx, user_no, &reset->arena, ret_user);
    }
    if (!err && ret_user->deactivated_at != TIME_NONE) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        refuse_unknown(reset, tx);
    }
    return err;
}

static void find_run(struct op *op, struct store_tx *tx)
{
    struct user_row user;
    op->err = find_user(container_of(op, struct password_reset, op), tx, &user);
}

static void hash_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct password_reset *reset = container_of(op, struct password_reset, op);
    op->err = password_hash(reset->password, reset->new_hash);
}

static void audit(struct password_reset *reset, struct store_tx *tx, const struct web_session_row *person)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&person->user_id, id);
    reset->admin.principal = web_session_principal(person);
    admin_audit(&reset->admin, tx, "user.password_reset", "user", str_from_cstr(id), STR(""));
}

static void write_run(struct op *op, struct store_tx *tx)
{
    struct password_reset *reset = container_of(op, struct password_reset, op);
    struct user_row user;
    op->err = find_user(reset, tx, &user); /* again: the link may have been used meanwhile */
    if (op->err) {
        return;
    }
    struct web_session_row person = {.user_no = user.no, .user_id = user.id, .system_admin = user.system_admin};
    op->err = session_first_tenants(tx, &person);
    if (!op->err) {
        op->err = password_reset_store_delete(tx, user.no);
    }
    if (!op->err) {
        op->err = user_store_set_password(tx, user.no, str_from_cstr(reset->new_hash));
    }
    if (!op->err && reset->name.len && !user.password_hash.len) {
        op->err = user_store_set_name(tx, user.no, reset->name);
    }
    if (!op->err && reset->resets_otp) {
        op->err = user_store_set_otp(tx, user.no, STR(""), false, 0);
    }
    if (!op->err) {
        op->err = web_session_end_of_user(&reset->admin, tx, user.no, NULL);
    }
    if (!op->err) {
        audit(reset, tx, &person);
        admin_reply_success(&reset->admin);
    }
}

static void committed(struct op *op)
{
    admin_committed(&container_of(op, struct password_reset, op)->admin);
}

static void on_written(struct op *op)
{
    answer(container_of(op, struct password_reset, op));
}

static void on_hashed(struct op *op)
{
    struct password_reset *reset = container_of(op, struct password_reset, op);
    if (op->err) {
        answer(reset);
        return;
    }
    *op = (struct op){.home = reset->home, .lane = LANE_REGISTRY, .run = write_run, .committed = committed,
                      .done = on_written};
    op_submit(reset->domain->executor, op);
}

static void on_found(struct op *op)
{
    struct password_reset *reset = container_of(op, struct password_reset, op);
    if (op->err || !password_is_acceptable(&reset->admin, reset->password)) {
        answer(reset);
        return;
    }
    *op = (struct op){.home = reset->home, .lane = LANE_WORK, .run = hash_run, .done = on_hashed};
    op_submit(reset->domain->executor, op);
}

void password_reset_submit(struct password_reset *reset, struct mailbox *home,
                           void (*finished)(struct password_reset *reset))
{
    reset->home = home;
    reset->finished = finished;
    if (!signin_attempt_take(reset->domain, reset->address, ATTEMPT_ACCOUNT, reset->address_exempt, &reset->reply)) {
        finished(reset);
        return;
    }
    /* The link first: only who holds one makes the server compute a hash. */
    reset->op = (struct op){.home = home, .lane = LANE_READ, .run = find_run, .done = on_found};
    op_submit(reset->domain->executor, &reset->op);
}
