#include "model/account/user.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/account/access.h"
#include "model/account/attempts.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"
#include "model/management/form.h"
#include "model/account/otp.h"
#include "model/ports/member_store.h"

#define PREFERENCES_BYTES_MAX 16384

struct tenants {
    struct json_writer *w;
    struct domain *domain;
    int64_t user_no;
};

/* What the portal may offer: the role over all, what a partner's groups may, the highest role in any space. */
static void write_role(struct json_writer *w, enum tenant_kind kind, const struct role *role)
{
    static const char *const roles[] = {[ROLE_NONE] = "none", [ROLE_MEMBER] = "member", [ROLE_VIEWER] = "viewer",
                                        [ROLE_ADMINISTRATOR] = "administrator"};
    json_field_cstr(w, "role", roles[role->tenant]);
    if (kind == TENANT_ORGANIZATION) {
        json_field_cstr(w, "space_role", space_role_name(role->highest));
        return;
    }
    json_name(w, "permissions");
    json_begin_object(w);
    for (size_t i = 0; i < AREA_COUNT; i++) {
        enum area_level level = role->tenant == ROLE_ADMINISTRATOR ? LEVEL_WRITE : role->areas[i];
        json_field_cstr(w, permission_area_name((enum area)i), permission_level_name(level));
    }
    json_end_object(w);
}

static void write_tenant(const struct membership_row *row, void *arg)
{
    const struct tenants *tenants = arg;
    struct json_writer *w = tenants->w;
    struct role role;
    json_begin_object(w);
    json_field_cstr(w, "kind", row->kind == TENANT_PARTNER ? "partner" : "organization");
    json_field_uuid(w, "id", &row->tenant_id);
    json_field_str(w, "name", row->tenant_name);
    if (access_role(tenants->domain, tenants->user_no, row->kind, row->tenant_no, &role)) { /* not before the commit */
        write_role(w, row->kind, &role);
    }
    json_end_object(w);
}

/* The tenants acted for by their ids. The transaction may hold tenants the catalogue does not know yet, so the ids come
 * from the memberships. */
struct current_find {
    const struct web_session_row *session;
    struct uuid partner_id, organization_id;
};

static void find_current(const struct membership_row *row, void *arg)
{
    struct current_find *find = arg;
    if (row->kind == TENANT_PARTNER && row->tenant_no == find->session->partner_no) {
        find->partner_id = row->tenant_id;
    } else if (row->kind == TENANT_ORGANIZATION && row->tenant_no == find->session->organization_no) {
        find->organization_id = row->tenant_id;
    }
}

void session_write(struct admin *admin, struct store_tx *tx, const struct web_session_row *session)
{
    struct user_row user;
    enum err err = user_store_find(tx, session->user_no, admin->arena, &user);
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 401, "Not authorized");
        return;
    }
    if (admin_failed(admin, err)) {
        return;
    }
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_name(&w, "user");
    json_begin_object(&w);
    json_field_uuid(&w, "id", &user.id);
    json_field_str(&w, "name", user.name);
    json_field_str(&w, "email", user.email);
    json_field_bool(&w, "system_admin", user.system_admin);
    json_field_bool(&w, "otp", user.otp_on);
    json_end_object(&w);
    json_name(&w, "tenants");
    json_begin_array(&w);
    struct tenants tenants = {&w, admin->domain, user.no};
    err = membership_store_each(tx, user.no, write_tenant, &tenants);
    json_end_array(&w);
    struct current_find find = {.session = session};
    if (!err) {
        err = membership_store_each(tx, user.no, find_current, &find);
    }
    json_name(&w, "current");
    json_begin_object(&w);
    json_field_uuid(&w, "partner", uuid_is_nil(&find.partner_id) ? NULL : &find.partner_id);
    json_field_uuid(&w, "organization", uuid_is_nil(&find.organization_id) ? NULL : &find.organization_id);
    json_end_object(&w);
    json_field_cstr(&w, "csrf_token", session->csrf_token);
    json_end_object(&w);
    if (!admin_failed(admin, err)) {
        admin->reply->status = 200;
    }
}

bool password_is_acceptable(struct admin *admin, struct str password)
{
    if (!utf8_is_valid(password) || password.len > PASSWORD_BYTES_MAX) {
        return form_invalid(admin, "password");
    }
    if (utf8_length(password) < PASSWORD_CHARS_MIN) {
        reply_error(admin->reply, 422, "Password is too short (minimum is %d characters)", PASSWORD_CHARS_MIN);
        return false;
    }
    return true;
}

static void audit_user(struct admin *admin, struct store_tx *tx, const char *action, const struct uuid *user_id)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(user_id, id);
    admin_audit(admin, tx, action, "user", str_from_cstr(id), STR(""));
}

static void wipe_str(struct str text)
{
    /* The arena's copy is the operation's own. */
    secret_wipe((void *)(uintptr_t)text.ptr, text.len);
}

/* --- signing in --- */

struct sign_in *sign_in_new(struct domain *domain, struct str email, struct str password, struct str address,
                            bool address_exempt)
{
    struct sign_in *sign_in = mem_new(struct sign_in);
    sign_in->domain = domain;
    arena_init(&sign_in->arena);
    reply_init(&sign_in->reply);
    sign_in->email = arena_str(&sign_in->arena, str_trim(email));
    sign_in->password = arena_str(&sign_in->arena, password);
    sign_in->address = arena_str(&sign_in->arena, address);
    sign_in->address_exempt = address_exempt;
    admin_init(&sign_in->admin, domain, &sign_in->arena, &sign_in->reply, &(struct principal){0}, sign_in->address);
    return sign_in;
}

void sign_in_set_otp(struct sign_in *sign_in, struct str otp)
{
    sign_in->otp = arena_str(&sign_in->arena, str_trim(otp));
}

void sign_in_free(struct sign_in *sign_in)
{
    if (!sign_in) {
        return;
    }
    wipe_str(sign_in->password);
    reply_deinit(&sign_in->reply);
    arena_deinit(&sign_in->arena);
    secret_wipe(sign_in, sizeof *sign_in);
    mem_free(sign_in);
}

static void sign_in_answer(struct sign_in *sign_in)
{
    if (sign_in->op.err && !reply_is_error(&sign_in->reply)) {
        reply_from_err(&sign_in->reply, sign_in->op.err);
    }
    if (sign_in->reply.status == 200 || sign_in->reply.status >= 500 || sign_in->is_code_wanted) { /* nothing was guessed wrong */
        attempts_give_back(sign_in->domain->credentials->signin_attempts, sign_in->domain->now_unix_ms(),
                           sign_in->address, sign_in->email);
    }
    sign_in->finished(sign_in);
}

static void read_account_run(struct op *op, struct store_tx *tx)
{
    struct sign_in *sign_in = container_of(op, struct sign_in, op);
    op->err = user_store_find_email(tx, sign_in->email, &sign_in->arena, &sign_in->account);
    if (op->err == ERR_NOT_FOUND || (!op->err && sign_in->account.deactivated_at != TIME_NONE)) {
        sign_in->account = (struct user_row){0}; /* the hash is computed all the same */
        op->err = ERR_OK;
    }
}

static void verify_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct sign_in *sign_in = container_of(op, struct sign_in, op);
    struct str stored = sign_in->account.password_hash;
    sign_in->is_right = password_verify(stored, sign_in->password);
    if (sign_in->is_right && password_is_outdated(stored) &&
        password_hash(sign_in->password, sign_in->new_hash) != ERR_OK) {
        sign_in->new_hash[0] = '\0'; /* the old one goes on to serve */
    }
}

/* The first tenant of each kind: what the person acts for until the switch is used. */
static void first_tenants(const struct membership_row *row, void *arg)
{
    struct web_session_row *session = arg;
    if (row->kind == TENANT_PARTNER && !session->partner_no) {
        session->partner_no = row->tenant_no;
    } else if (row->kind == TENANT_ORGANIZATION && !session->organization_no) {
        session->organization_no = row->tenant_no;
    }
}

enum err session_first_tenants(struct store_tx *tx, struct web_session_row *session)
{
    return membership_store_each(tx, session->user_no, first_tenants, session);
}

static enum err open_session(struct sign_in *sign_in, struct store_tx *tx)
{
    struct admin *admin = &sign_in->admin;
    struct user_row *account = &sign_in->account;
    struct web_session_row session = {.user_no = account->no, .user_id = account->id,
                                      .system_admin = account->system_admin};
    enum err err = session_first_tenants(tx, &session);
    bool is_nobodys = !session.partner_no && !session.organization_no && !account->system_admin, is_invited = false;
    if (!err && is_nobodys) {
        err = member_store_is_invited(tx, account->no, sign_in->domain->now_unix_ms(), &is_invited);
    }
    if (!err && is_nobodys && !is_invited) { /* deactivated everywhere, and nothing to consent to */
        reply_error(&sign_in->reply, 401, "Invalid email or password");
        return ERR_DENIED;
    }
    if (!err && sign_in->new_hash[0]) {
        err = user_store_set_password(tx, account->no, str_from_cstr(sign_in->new_hash));
    }
    if (!err) {
        err = user_store_signed_in(tx, account->no, sign_in->domain->now_unix_ms(), sign_in->address);
    }
    if (!err) {
        err = web_session_open(admin, tx, &session, sign_in->session_token);
    }
    if (!err) {
        admin->principal = web_session_principal(&session);
        audit_user(admin, tx, "session.create", &account->id);
        session_write(admin, tx, &session);
    }
    return err;
}

/* The code, when the person's sign-in needs one; taken within the transaction, so that each is used once. */
static enum err check_code(struct sign_in *sign_in, struct store_tx *tx, const struct user_row *now)
{
    if (!now->otp_on) {
        return ERR_OK;
    }
    if (!sign_in->otp.len) {
        sign_in->is_code_wanted = true;
        reply_error(&sign_in->reply, 401, "One-time code required");
        return ERR_DENIED;
    }
    int64_t step = otp_code_step(sign_in->domain, now, sign_in->otp);
    if (!step) {
        reply_error(&sign_in->reply, 401, "Invalid email or password");
        return ERR_DENIED;
    }
    return user_store_set_otp(tx, now->no, now->otp_secret_sealed, true, step);
}

static void open_session_run(struct op *op, struct store_tx *tx)
{
    struct sign_in *sign_in = container_of(op, struct sign_in, op);
    /* The account as it is now: it may have been deactivated, or its password changed, while the hash was computed. */
    struct user_row now;
    op->err = user_store_find(tx, sign_in->account.no, &sign_in->arena, &now);
    if (op->err == ERR_NOT_FOUND || (!op->err && (now.deactivated_at != TIME_NONE ||
                                                  !str_eq(now.password_hash, sign_in->account.password_hash)))) {
        reply_error(&sign_in->reply, 401, "Invalid email or password");
        op->err = ERR_DENIED;
    }
    if (!op->err) {
        op->err = check_code(sign_in, tx, &now);
    }
    if (!op->err) {
        op->err = open_session(sign_in, tx);
    }
    if (!op->err && reply_is_error(&sign_in->reply)) {
        op->err = ERR_INVALID;
    }
}

static void open_session_committed(struct op *op)
{
    admin_committed(&container_of(op, struct sign_in, op)->admin);
}

static void on_session_opened(struct op *op)
{
    sign_in_answer(container_of(op, struct sign_in, op));
}

static void on_verified(struct op *op)
{
    struct sign_in *sign_in = container_of(op, struct sign_in, op);
    if (!op->err && !sign_in->is_right) {
        reply_error(&sign_in->reply, 401, "Invalid email or password");
    }
    if (op->err || reply_is_error(&sign_in->reply)) {
        sign_in_answer(sign_in);
        return;
    }
    *op = (struct op){.home = sign_in->home, .lane = LANE_REGISTRY, .run = open_session_run,
                      .committed = open_session_committed, .done = on_session_opened};
    op_submit(sign_in->domain->executor, op);
}

static void on_account_read(struct op *op)
{
    struct sign_in *sign_in = container_of(op, struct sign_in, op);
    if (op->err) {
        sign_in_answer(sign_in);
        return;
    }
    *op = (struct op){.home = sign_in->home, .lane = LANE_WORK, .run = verify_run, .done = on_verified};
    op_submit(sign_in->domain->executor, op);
}

bool signin_attempt_take(struct domain *domain, struct str address, struct str account, bool address_exempt,
                         struct reply *reply)
{
    const struct settings *settings = domain_settings(domain);
    struct attempts_limits limits = {
        .account_max = settings->limits_failed_signins_account,
        .address_max = address_exempt ? 0 : settings->limits_failed_signins_address,
    };
    unsigned retry_after_s = 0;
    if (attempts_take(domain->credentials->signin_attempts, domain->now_unix_ms(), address, account, limits,
                      &retry_after_s)) {
        return true;
    }
    reply_error(reply, 429, "Too many requests");
    reply->retry_after_s = retry_after_s;
    return false;
}

void sign_in_submit(struct sign_in *sign_in, struct mailbox *home, void (*finished)(struct sign_in *sign_in))
{
    sign_in->home = home;
    sign_in->finished = finished;
    if (!signin_attempt_take(sign_in->domain, sign_in->address, sign_in->email, sign_in->address_exempt, &sign_in->reply)) {
        finished(sign_in);
        return;
    }
    sign_in->op = (struct op){.home = home, .lane = LANE_READ, .run = read_account_run, .done = on_account_read};
    op_submit(sign_in->domain->executor, &sign_in->op);
}

/* --- changing the password --- */

struct password_change *password_change_new(struct domain *domain, const struct principal *principal,
                                            const uint8_t session_hash[SHA256_BYTES], struct str current,
                                            struct str password, struct str address)
{
    struct password_change *change = mem_new(struct password_change);
    change->domain = domain;
    arena_init(&change->arena);
    reply_init(&change->reply);
    change->principal = *principal;
    memcpy(change->session_hash, session_hash, SHA256_BYTES);
    change->current = arena_str(&change->arena, current);
    change->password = arena_str(&change->arena, password);
    change->address = arena_str(&change->arena, address);
    admin_init(&change->admin, domain, &change->arena, &change->reply, principal, change->address);
    return change;
}

void password_change_free(struct password_change *change)
{
    if (!change) {
        return;
    }
    wipe_str(change->current);
    wipe_str(change->password);
    reply_deinit(&change->reply);
    arena_deinit(&change->arena);
    secret_wipe(change, sizeof *change);
    mem_free(change);
}

static struct str account_of(struct password_change *change)
{
    return arena_printf(&change->arena, "user:%lld", (long long)change->principal.user_no);
}

static void change_answer(struct password_change *change)
{
    if (change->op.err && !reply_is_error(&change->reply)) {
        reply_from_err(&change->reply, change->op.err);
    }
    if (change->reply.status == 200 || change->reply.status >= 500) {
        attempts_give_back(change->domain->credentials->signin_attempts, change->domain->now_unix_ms(),
                           change->address, account_of(change));
    }
    change->finished(change);
}

static void change_read_run(struct op *op, struct store_tx *tx)
{
    struct password_change *change = container_of(op, struct password_change, op);
    op->err = user_store_find(tx, change->principal.user_no, &change->arena, &change->account);
}

static void change_hash_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct password_change *change = container_of(op, struct password_change, op);
    change->is_right = password_verify(change->account.password_hash, change->current);
    if (change->is_right) {
        op->err = password_hash(change->password, change->new_hash);
    }
}

static void change_write_run(struct op *op, struct store_tx *tx)
{
    struct password_change *change = container_of(op, struct password_change, op);
    struct user_row now;
    op->err = user_store_find(tx, change->principal.user_no, &change->arena, &now);
    if (!op->err && !str_eq(now.password_hash, change->account.password_hash)) {
        reply_error(&change->reply, 422, "Current is invalid");
        op->err = ERR_STATE;
    }
    if (!op->err) {
        op->err = user_store_set_password(tx, change->principal.user_no, str_from_cstr(change->new_hash));
    }
    if (!op->err) {
        op->err = web_session_end_of_user(&change->admin, tx, change->principal.user_no, change->session_hash);
    }
    if (!op->err) {
        audit_user(&change->admin, tx, "user.password", &change->account.id);
        admin_reply_success(&change->admin);
    }
}

static void change_committed(struct op *op)
{
    admin_committed(&container_of(op, struct password_change, op)->admin);
}

static void on_change_written(struct op *op)
{
    change_answer(container_of(op, struct password_change, op));
}

static void on_change_hashed(struct op *op)
{
    struct password_change *change = container_of(op, struct password_change, op);
    if (!op->err && !change->is_right) {
        reply_error(&change->reply, 422, "Current is invalid");
    }
    if (op->err || reply_is_error(&change->reply)) {
        change_answer(change);
        return;
    }
    *op = (struct op){.home = change->home, .lane = LANE_REGISTRY, .run = change_write_run,
                      .committed = change_committed, .done = on_change_written};
    op_submit(change->domain->executor, op);
}

static void on_change_read(struct op *op)
{
    struct password_change *change = container_of(op, struct password_change, op);
    if (op->err) {
        change_answer(change);
        return;
    }
    *op = (struct op){.home = change->home, .lane = LANE_WORK, .run = change_hash_run, .done = on_change_hashed};
    op_submit(change->domain->executor, op);
}

void password_change_submit(struct password_change *change, struct mailbox *home,
                            void (*finished)(struct password_change *change))
{
    change->home = home;
    change->finished = finished;
    if (!password_is_acceptable(&change->admin, change->password) ||
        !signin_attempt_take(change->domain, change->address, account_of(change), true, &change->reply)) {
        finished(change);
        return;
    }
    change->op = (struct op){.home = home, .lane = LANE_READ, .run = change_read_run, .done = on_change_read};
    op_submit(change->domain->executor, &change->op);
}

/* --- the session --- */

void session_sign_out(struct admin *admin, struct store_tx *tx, const uint8_t session_hash[SHA256_BYTES])
{
    if (!admin_failed(admin, web_session_end(admin, tx, session_hash))) {
        audit_user(admin, tx, "session.delete", &admin->principal.user_id);
        admin_reply_success(admin);
    }
}

void session_switch_tenant(struct admin *admin, struct store_tx *tx, const struct web_session_row *session,
                           const struct json *body)
{
    struct str kind, id;
    if (!form_required_text(admin, body, "kind", 16, &kind) || !form_required_text(admin, body, "id", 64, &id)) {
        return;
    }
    if (!str_eq(kind, STR("partner")) && !str_eq(kind, STR("organization"))) {
        form_invalid(admin, "kind");
        return;
    }
    enum tenant_kind tenant = str_eq(kind, STR("partner")) ? TENANT_PARTNER : TENANT_ORGANIZATION;
    struct uuid uuid;
    int64_t tenant_no = 0;
    enum err err = uuid_parse(id, &uuid) ? membership_store_find(tx, session->user_no, tenant, &uuid, &tenant_no)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Tenant not found");
        return;
    }
    struct web_session_row changed = *session;
    if (tenant == TENANT_PARTNER) {
        changed.partner_no = tenant_no;
    } else {
        changed.organization_no = tenant_no;
    }
    if (!err) {
        err = web_session_set_tenants(admin, tx, session->token_hash, changed.partner_no, changed.organization_no);
    }
    if (!admin_failed(admin, err)) {
        audit_user(admin, tx, "session.tenant", &admin->principal.user_id);
        session_write(admin, tx, &changed);
    }
}

void preferences_read(struct admin *admin, struct store_tx *tx)
{
    struct str json;
    if (!admin_failed(admin, user_store_preferences(tx, admin->principal.user_no, admin->arena, &json))) {
        buf_append_str(&admin->reply->body, json);
        admin->reply->status = 200;
    }
}

void preferences_write(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct buf text;
    buf_init(&text, PREFERENCES_BYTES_MAX);
    if (body) {
        json_write(&text, body);
    } else {
        buf_append_cstr(&text, "{}");
    }
    if (text.failed) {
        reply_error(admin->reply, 413, "Payload too large");
    } else if (!admin_failed(admin, user_store_set_preferences(tx, admin->principal.user_no, buf_str(&text)))) {
        buf_append_str(&admin->reply->body, buf_str(&text));
        admin->reply->status = 200;
    }
    buf_deinit(&text);
}
