#include "model/account/setup.h"

#include "base/mem.h"
#include "codec/json/json.h"
#include "model/account/api_key.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"
#include "model/management/form.h"
#include "model/customer/organization.h"
#include "model/people/group.h"
#include "model/people/member.h"
#include "model/ports/setup_store.h"
#include "model/ports/user_store.h"
#include "model/account/user.h"

#define SHORT_CODE_CHARS 4
#define SHORT_CODE_TRIES 20
#define PEM_BYTES_MAX 8192

bool setup_is_needed(const struct domain *domain)
{
    return !atomic_load(&domain->credentials->has_user);
}

/* --- the link --- */

static void link_run(struct op *op, struct store_tx *tx)
{
    struct setup_link *link = container_of(op, struct setup_link, op);
    bool has_user = true;
    op->err = user_store_any(tx, &has_user);
    if (!op->err && has_user) {
        op->err = ERR_STATE;
    }
    if (op->err) {
        return;
    }
    uint8_t hash[SHA256_BYTES];
    random_base62(link->token, SETUP_TOKEN_CHARS);
    domain_key_hash(link->domain, (struct str){link->token, SETUP_TOKEN_CHARS}, hash);
    op->err = setup_link_store_replace(tx, hash, link->domain->now_unix_ms() + SETUP_LINK_LIFE_MS);
}

void setup_link_prepare(struct setup_link *link, struct domain *domain)
{
    *link = (struct setup_link){.op = {.lane = LANE_REGISTRY, .run = link_run}, .domain = domain};
}

static bool link_hash(const struct domain *domain, struct str token, uint8_t ret_hash[SHA256_BYTES])
{
    if (token.len != SETUP_TOKEN_CHARS) {
        return false;
    }
    domain_key_hash(domain, token, ret_hash);
    return true;
}

/* --- addresses chosen at set-up --- */

static bool address_copy(const struct domain *domain, const char *address, struct buf *out)
{
    pthread_rwlock_rdlock(&domain->credentials->lock);
    bool is_set = address[0] != '\0';
    buf_append_cstr(out, address);
    pthread_rwlock_unlock(&domain->credentials->lock);
    return is_set;
}

bool setup_public_url(const struct domain *domain, struct buf *out)
{
    return address_copy(domain, domain->credentials->public_url, out);
}

bool setup_mqtt_url(const struct domain *domain, struct buf *out)
{
    return address_copy(domain, domain->credentials->mqtt_url, out);
}

/* "scheme://host[:port]", without blanks and without "/" at the end: clients append paths. */
static bool url_is_valid(struct str url, struct str scheme, struct str scheme_tls)
{
    struct str rest = {0};
    if (str_starts_with(url, scheme)) {
        rest = str_sub(url, scheme.len, url.len);
    } else if (str_starts_with(url, scheme_tls)) {
        rest = str_sub(url, scheme_tls.len, url.len);
    }
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("/?#@\"\\<>", c)) {
            return false;
        }
    }
    return rest.len > 0;
}

/* --- the form --- */

void setup_state(struct admin *admin)
{
    buf_printf(&admin->reply->body, "{\"needed\":%s}", setup_is_needed(admin->domain) ? "true" : "false");
    admin->reply->status = 200;
}

static void write_url(struct json_writer *w, const char *name, struct url_source *urls,
                      void (*append)(struct url_source *source, const char *local_host, struct buf *out),
                      const char *local_host)
{
    struct buf url;
    buf_init(&url, 512);
    if (append) {
        append(urls, local_host, &url);
    }
    if (url.len) {
        json_field_str(w, name, buf_str(&url));
    } else {
        json_field_null(w, name);
    }
    buf_deinit(&url);
}

void setup_offer(struct admin *admin, struct store_tx *tx, struct str token, const char *local_host)
{
    struct domain *domain = admin->domain;
    uint8_t hash[SHA256_BYTES];
    enum err err = setup_is_needed(domain) && link_hash(domain, token, hash)
                       ? setup_link_store_find(tx, hash, domain->now_unix_ms())
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Setup link not found");
        return;
    }
    if (admin_failed(admin, err)) {
        return;
    }
    char short_code[SHORT_CODE_CHARS + 1];
    random_base62(short_code, SHORT_CODE_CHARS);
    struct url_source *urls = domain->urls;
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    write_url(&w, "public_url", urls, urls->hub_url, local_host);
    write_url(&w, "mqtt_url", urls, urls->mqtt_url, local_host);
    write_url(&w, "mqtts_url", urls, urls->mqtts_url, local_host);
    write_url(&w, "certificate_fingerprint", urls, urls->certificate_fingerprint, local_host);
    json_field_cstr(&w, "short_code", short_code);
    json_end_object(&w);
    admin->reply->status = 200;
}

bool setup_request_parse(struct admin *admin, const struct json *body, struct setup_request *ret_request)
{
    struct setup_request request = {0};
    bool is_complete = form_required_text(admin, body, "name", 255, &request.name) &&
                       form_required_text(admin, body, "email", 255, &request.email);
    if (!is_complete) {
        return false;
    }
    if (!form_has(body, "password")) {
        return form_missing(admin, "password");
    }
    request.password = json_string(json_get(body, "password")); /* never trimmed */
    if (!form_required_text(admin, body, "partner_name", 255, &request.partner_name) ||
        !form_text(admin, body, "public_url", 255, &request.public_url) ||
        !form_text(admin, body, "mqtt_url", 255, &request.mqtt_url) ||
        !form_text(admin, body, "short_code", 255, &request.short_code)) {
        return false;
    }
    *ret_request = request;
    return true;
}

/* --- one attempt --- */

struct setup_run *setup_run_new(struct domain *domain, const struct setup_request *request)
{
    struct setup_run *run = mem_new(struct setup_run);
    run->domain = domain;
    arena_init(&run->arena);
    reply_init(&run->reply);
    buf_init(&run->private_pem, PEM_BYTES_MAX);
    buf_init(&run->public_pem, PEM_BYTES_MAX);
    run->request = (struct setup_request){
        .name = arena_str(&run->arena, request->name),
        .email = arena_str(&run->arena, request->email),
        .password = arena_str(&run->arena, request->password),
        .public_url = arena_str(&run->arena, request->public_url),
        .mqtt_url = arena_str(&run->arena, request->mqtt_url),
        .partner_name = arena_str(&run->arena, request->partner_name),
        .short_code = arena_str(&run->arena, request->short_code),
        .address = arena_str(&run->arena, request->address),
        .local_host = arena_str(&run->arena, request->local_host),
        .opens_session = request->opens_session,
        .makes_api_keys = request->makes_api_keys,
    };
    admin_init(&run->admin, domain, &run->arena, &run->reply, &(struct principal){0}, run->request.address);
    return run;
}

static void wipe_password(struct setup_run *run)
{
    /* The arena's copy is this run's own. */
    secret_wipe((void *)(uintptr_t)run->request.password.ptr, run->request.password.len);
    run->request.password = STR("");
}

void setup_run_free(struct setup_run *run)
{
    if (!run) {
        return;
    }
    wipe_password(run);
    if (run->private_pem.data) {
        secret_wipe(run->private_pem.data, run->private_pem.len);
    }
    buf_deinit(&run->private_pem);
    buf_deinit(&run->public_pem);
    reply_deinit(&run->reply);
    arena_deinit(&run->arena);
    secret_wipe(run, sizeof *run);
    mem_free(run);
}

static bool request_is_valid(struct setup_run *run)
{
    struct admin *admin = &run->admin;
    const struct setup_request *request = &run->request;
    if (str_is_blank(request->name)) {
        reply_error(admin->reply, 422, "Name can't be blank");
        return false;
    }
    if (str_is_blank(request->partner_name)) {
        reply_error(admin->reply, 422, "Partner name can't be blank");
        return false;
    }
    if (!form_is_email(request->email)) {
        return form_invalid(admin, "email");
    }
    if (!password_is_acceptable(admin, request->password)) {
        return false;
    }
    if (request->public_url.len && !url_is_valid(request->public_url, STR("http://"), STR("https://"))) {
        return form_invalid(admin, "public_url");
    }
    if (request->mqtt_url.len && !url_is_valid(request->mqtt_url, STR("mqtt://"), STR("mqtts://"))) {
        return form_invalid(admin, "mqtt_url");
    }
    for (size_t i = 0; i < request->short_code.len; i++) {
        char c = request->short_code.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
            return form_invalid(admin, "short_code");
        }
    }
    return request->short_code.len == 0 || request->short_code.len == SHORT_CODE_CHARS ||
           form_invalid(admin, "short_code");
}

/* Choosing what was offered means "whatever listens": the stored setting would be wrong after the next change of port. */
static void drop_if_derived(struct setup_run *run, struct str *url,
                            void (*append)(struct url_source *source, const char *local_host, struct buf *out))
{
    if (!run->domain->urls || url->len == 0) {
        return;
    }
    struct buf derived;
    buf_init(&derived, 512);
    append(run->domain->urls, run->request.local_host.len ? arena_cstr(&run->arena, run->request.local_host) : NULL,
           &derived);
    if (str_eq(buf_str(&derived), *url)) {
        *url = STR("");
    }
    buf_deinit(&derived);
}

static void setup_registry_run(struct op *op, struct store_tx *tx);

static void setup_registry_committed(struct op *op)
{
    admin_committed(&container_of(op, struct setup_run, op)->admin);
}

void setup_run_prepare(struct setup_run *run)
{
    run->op.lane = LANE_REGISTRY;
    run->op.run = setup_registry_run;
    run->op.committed = setup_registry_committed;
    if (!request_is_valid(run)) {
        return;
    }
    if (run->domain->urls) {
        drop_if_derived(run, &run->request.public_url, run->domain->urls->hub_url);
        drop_if_derived(run, &run->request.mqtt_url, run->domain->urls->mqtt_url);
    }
    enum err err = password_hash(run->request.password, run->password_hash);
    wipe_password(run);
    if (!err && !rsa_key_make(&run->private_pem, &run->public_pem)) {
        err = ERR_INTERNAL;
    }
    if (err) {
        reply_from_err(&run->reply, err);
    }
}

static enum err insert_partner(struct setup_run *run, struct store_tx *tx, struct partner_row *partner)
{
    struct buf sealed;
    buf_init(&sealed, PEM_BYTES_MAX + SEAL_OVERHEAD_BYTES);
    seal(run->domain->keys.seal_key, buf_str(&run->private_pem), &sealed);
    *partner = (struct partner_row){
        .id = uuid_random(),
        .name = run->request.partner_name,
        .license_private_key_sealed = buf_str(&sealed),
        .license_public_key = buf_str(&run->public_pem),
        .created_at = run->domain->now_unix_ms(),
    };
    enum err err = ERR_EXISTS;
    char code[SHORT_CODE_CHARS + 1];
    for (int i = 0; err == ERR_EXISTS && i < SHORT_CODE_TRIES; i++) {
        random_base62(code, SHORT_CODE_CHARS);
        partner->short_code = run->request.short_code.len ? run->request.short_code : STR("");
        if (!partner->short_code.len) {
            partner->short_code = arena_str(&run->arena, (struct str){code, SHORT_CODE_CHARS});
        }
        err = partner_store_insert(tx, partner);
    }
    buf_deinit(&sealed);
    return err ? err : groups_make_built_in(run->domain, tx, TENANT_PARTNER, partner->no);
}

static enum err insert_user(struct setup_run *run, struct store_tx *tx, struct user_row *user, int64_t partner_no,
                            int64_t organization_no)
{
    *user = (struct user_row){
        .id = uuid_random(),
        .email = run->request.email,
        .name = run->request.name,
        .password_hash = str_from_cstr(run->password_hash),
        .system_admin = true,
        .created_at = run->domain->now_unix_ms(),
    };
    enum err err = user_store_insert(tx, user);
    if (!err) {
        err = member_join_administrators(&run->admin, tx, user->no, TENANT_PARTNER, partner_no);
    }
    if (!err) {
        err = member_join_administrators(&run->admin, tx, user->no, TENANT_ORGANIZATION, organization_no);
    }
    return err;
}

static enum err insert_keys(struct setup_run *run, struct store_tx *tx, int64_t partner_no, int64_t organization_no)
{
    struct api_key_row partner_key = {.tenant_kind = TENANT_PARTNER, .tenant_no = partner_no, .name = STR("Set-up"),
                                      .scope = SCOPE_FULL, .expires_at = TIME_NONE};
    struct api_key_row organization_key = {.tenant_kind = TENANT_ORGANIZATION, .tenant_no = organization_no,
                                           .name = STR("Set-up"), .scope = SCOPE_FULL, .expires_at = TIME_NONE};
    enum err err = api_key_make(&run->admin, tx, &partner_key, run->partner_key);
    return err ? err : api_key_make(&run->admin, tx, &organization_key, run->organization_key);
}

static void put_finished(struct domain *domain, void *arg)
{
    const struct setup_run *run = arg;
    struct credentials *credentials = domain->credentials;
    pthread_rwlock_wrlock(&credentials->lock);
    credentials_set_address(credentials->public_url, run->request.public_url);
    credentials_set_address(credentials->mqtt_url, run->request.mqtt_url);
    pthread_rwlock_unlock(&credentials->lock);
    atomic_store(&credentials->has_user, true);
}

static void put_partner(struct domain *domain, void *partner)
{
    catalog_put_partner(domain->catalog, partner);
}

static enum err store_addresses(struct setup_run *run, struct store_tx *tx)
{
    enum err err = ERR_OK;
    if (run->request.public_url.len) {
        err = setting_store_set(tx, STR("public_url"), run->request.public_url);
    }
    if (!err && run->request.mqtt_url.len) {
        err = setting_store_set(tx, STR("mqtt_url"), run->request.mqtt_url);
    }
    return err ? err : setup_link_store_clear(tx);
}

static enum err finish(struct setup_run *run, struct store_tx *tx)
{
    struct admin *admin = &run->admin;
    struct partner_row partner;
    enum err err = insert_partner(run, tx, &partner);
    if (err == ERR_EXISTS) {
        form_taken(admin, "short_code");
    }
    if (err) {
        return err;
    }
    struct partner_info *info = arena_new(&run->arena, struct partner_info);
    *info = (struct partner_info){.no = partner.no, .id = partner.id, .name = partner.name,
                                  .short_code = partner.short_code};
    admin_on_commit(admin, put_partner, info);
    struct organization_row lab = {
        .partner_no = partner.no,
        .name = arena_printf(&run->arena, "%.*s Lab", STR_ARG(partner.name)),
        .lab = true,
        .contacts = STR("{}"),
    };
    struct user_row user;
    err = organization_make(admin, tx, &lab);
    if (!err) {
        err = insert_user(run, tx, &user, partner.no, lab.no);
    }
    if (!err && run->request.makes_api_keys) {
        err = insert_keys(run, tx, partner.no, lab.no);
    }
    if (!err) {
        err = store_addresses(run, tx);
    }
    if (err) {
        return err;
    }
    run->partner_id = partner.id;
    run->organization_id = lab.id;
    admin_on_commit(admin, put_finished, run);
    admin->principal = (struct principal){.kind = PRINCIPAL_USER, .tenant_kind = TENANT_PARTNER, .user_no = user.no,
                                          .partner_no = partner.no, .role.tenant = ROLE_ADMINISTRATOR};
    char id[UUID_TEXT_BYTES];
    uuid_format(&partner.id, id);
    admin_audit(admin, tx, "setup.finish", "partner", str_from_cstr(id), STR(""));
    struct web_session_row session = {.user_no = user.no, .user_id = user.id, .system_admin = true,
                                      .partner_no = partner.no, .organization_no = lab.no};
    if (run->request.opens_session) {
        err = web_session_open(admin, tx, &session, run->session_token);
    }
    if (!err) {
        session_write(admin, tx, &session);
        run->reply.status = reply_is_error(&run->reply) ? run->reply.status : 201;
    }
    return err;
}

static void setup_registry_run(struct op *op, struct store_tx *tx)
{
    struct setup_run *run = container_of(op, struct setup_run, op);
    bool has_user = true;
    op->err = user_store_any(tx, &has_user);
    if (!op->err && has_user) {
        op->err = run->needs_link ? ERR_NOT_FOUND : ERR_STATE;
    }
    if (!op->err && run->needs_link) {
        op->err = setup_link_store_find(tx, run->link_hash, run->domain->now_unix_ms());
    }
    if (op->err == ERR_NOT_FOUND) {
        reply_error(&run->reply, 404, "Setup link not found");
    } else if (op->err == ERR_STATE) {
        reply_error(&run->reply, 422, "Already set up");
    }
    if (!op->err) {
        op->err = finish(run, tx);
    }
    if (!op->err && reply_is_error(&run->reply)) {
        op->err = ERR_INVALID;
    }
    if (op->err && run->reply.status == 0) {
        reply_from_err(&run->reply, op->err);
    }
}

/* --- through the lanes, over HTTP --- */

static void check_link_run(struct op *op, struct store_tx *tx)
{
    struct setup_run *run = container_of(op, struct setup_run, op);
    op->err = setup_link_store_find(tx, run->link_hash, run->domain->now_unix_ms());
    if (op->err == ERR_NOT_FOUND) {
        reply_error(&run->reply, 404, "Setup link not found");
    }
}

static void prepare_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    setup_run_prepare(container_of(op, struct setup_run, op));
}

static void answer(struct setup_run *run)
{
    if (run->op.err && !reply_is_error(&run->reply)) {
        reply_from_err(&run->reply, run->op.err);
    }
    run->finished(run);
}

static void on_registry_done(struct op *op)
{
    answer(container_of(op, struct setup_run, op));
}

static void on_prepared(struct op *op)
{
    struct setup_run *run = container_of(op, struct setup_run, op);
    if (op->err || reply_is_error(&run->reply)) {
        answer(run);
        return;
    }
    op->done = on_registry_done; /* lane and run are set by setup_run_prepare */
    op_submit(run->domain->executor, op);
}

static void on_link_checked(struct op *op)
{
    struct setup_run *run = container_of(op, struct setup_run, op);
    if (op->err) {
        answer(run);
        return;
    }
    op->lane = LANE_WORK;
    op->run = prepare_run;
    op->done = on_prepared;
    op_submit(run->domain->executor, op);
}

void setup_run_submit(struct setup_run *run, struct str token, struct mailbox *home,
                      void (*finished)(struct setup_run *run))
{
    run->home = home;
    run->finished = finished;
    run->needs_link = true;
    /* A token of another length hashes like any other wrong one: to nothing that is stored. */
    domain_key_hash(run->domain, str_sub(token, 0, SETUP_TOKEN_CHARS + 1), run->link_hash);
    run->op = (struct op){.home = home, .lane = LANE_READ, .run = check_link_run, .done = on_link_checked};
    op_submit(run->domain->executor, &run->op);
}
