/* Signing in, limits on guessing, idle sessions, tenants, passwords (management-api.md 10.1). */
#include "model/testing/world_fixture.h"

#include "model/housekeeping.h"
#include "model/account/access.h"
#include "model/account/api_key.h"
#include "model/account/password_reset.h"
#include "model/account/permission.h"
#include "model/account/standing.h"
#include "model/account/user.h"
#include "model/ports/group_store.h"
#include "model/account/web_session.h"

struct signed_in {
    unsigned status, retry_after_s;
    char cookie[128];
};

static void on_finished(struct sign_in *sign_in)
{
    *(struct sign_in **)sign_in->user = sign_in;
}

static struct signed_in sign_in_from(struct world *world, const char *email, const char *password, const char *address,
                                     bool exempt)
{
    struct sign_in *done = NULL;
    struct sign_in *sign_in = sign_in_new(&world->domain, str_from_cstr(email), str_from_cstr(password),
                                          str_from_cstr(address), exempt);
    sign_in->user = &done;
    sign_in_submit(sign_in, NULL, on_finished);
    world_drain(world);
    assert_ptr_equal(done, sign_in);
    struct signed_in result = {.status = sign_in->reply.status, .retry_after_s = sign_in->reply.retry_after_s};
    snprintf(result.cookie, sizeof result.cookie, "a=b; muster=%s; c=d", sign_in->session_token);
    snprintf(world->text, sizeof world->text, "%.*s", STR_ARG(buf_str(&sign_in->reply.body)));
    sign_in_free(sign_in);
    return result;
}

static struct signed_in sign_in(struct world *world, const char *email, const char *password)
{
    return sign_in_from(world, email, password, "192.0.2.7", false);
}

#define EMAIL "ada@northlight.example"

static bool is_signed_in(struct world *world, const char *cookie)
{
    struct principal principal;
    char csrf[CSRF_TOKEN_CHARS + 1];
    return web_session_resolve(&world->domain, str_from_cstr(cookie), false, TENANT_PARTNER, &principal, csrf);
}

static void right_and_wrong(void **state)
{
    struct world *world = *state;
    struct signed_in ada = sign_in(world, " Ada@Northlight.EXAMPLE ", WORLD_PASSWORD);
    assert_int_equal(ada.status, 200);
    assert_has(world, "\"tenants\":[{\"kind\":\"partner\",\"id\":\"");
    assert_has(world, "\"current\":{\"partner\":\"");
    assert_has(world, "\"csrf_token\":\"");
    assert_true(is_signed_in(world, ada.cookie));
    assert_error(world, sign_in(world, EMAIL, "wrong horse battery").status, 401, "Invalid email or password");
    assert_error(world, sign_in(world, "nobody@northlight.example", WORLD_PASSWORD).status, 401,
                 "Invalid email or password");
    assert_false(is_signed_in(world, "muster=0000000000000000000000000000000000000000000"));
    assert_false(is_signed_in(world, ""));
}

static void cookies_are_told_apart(void **state)
{
    struct world *world = *state;
    struct signed_in ada = sign_in(world, EMAIL, WORLD_PASSWORD);
    struct principal principal;
    char csrf[CSRF_TOKEN_CHARS + 1], tls[160];
    /* On TLS the cookie of plain HTTP means nothing, and the other way round. */
    assert_false(web_session_resolve(&world->domain, str_from_cstr(ada.cookie), true, TENANT_PARTNER, &principal, csrf));
    snprintf(tls, sizeof tls, "__Host-%s", strstr(ada.cookie, "muster="));
    assert_true(web_session_resolve(&world->domain, str_from_cstr(tls), true, TENANT_PARTNER, &principal, csrf));
    assert_int_equal(principal.kind, PRINCIPAL_USER);
    assert_int_equal(principal.tenant_kind, TENANT_PARTNER);
    assert_int_equal(principal.organization_no, 0);
    assert_int_equal(strlen(csrf), CSRF_TOKEN_CHARS);
    assert_false(web_session_resolve(&world->domain, str_from_cstr(tls), false, TENANT_PARTNER, &principal, csrf));
    assert_true(web_session_resolve(&world->domain, str_from_cstr(tls), true, (enum tenant_kind)0, &principal, csrf));
    assert_int_equal(principal.partner_no, 0);
}

static struct standing stands_for(struct world *world, const char *cookie, enum tenant_kind kind, enum permission needs)
{
    struct standing standing;
    struct principal principal;
    char csrf[CSRF_TOKEN_CHARS + 1];
    assert_true(web_session_resolve(&world->domain, str_from_cstr(cookie), false, kind, &principal, csrf));
    principal.needs = (uint8_t)needs;
    standing_init(&standing, &world->domain, &principal, STR(""), str_from_cstr(cookie), false);
    assert_true(standing_renew(&standing, &world->domain));
    return standing;
}

/* Ada is Support of the partner from now on, and in no group of the lab. */
static void demote(struct admin *admin, struct store_tx *tx, void *arg)
{
    (void)arg;
    int64_t administrators, support, of_lab, user_no = admin->principal.user_no, partner_no = admin->principal.partner_no;
    assert_int_equal(group_store_find_kind(tx, TENANT_PARTNER, partner_no, GROUP_ADMINISTRATORS, &administrators), ERR_OK);
    assert_int_equal(group_store_find_kind(tx, TENANT_PARTNER, partner_no, GROUP_SUPPORT, &support), ERR_OK);
    assert_int_equal(group_store_find_kind(tx, TENANT_ORGANIZATION, 1, GROUP_ADMINISTRATORS, &of_lab), ERR_OK);
    assert_int_equal(group_store_remove(tx, administrators, user_no), ERR_OK);
    assert_int_equal(group_store_add(tx, support, user_no), ERR_OK);
    assert_int_equal(group_store_remove(tx, of_lab, user_no), ERR_OK);
    assert_int_equal(access_changed(admin, tx, TENANT_PARTNER, partner_no), ERR_OK);
    assert_int_equal(access_changed(admin, tx, TENANT_ORGANIZATION, 1), ERR_OK);
    admin->reply->status = 200;
}

static void what_takes_long_ends_with_the_session(void **state)
{
    struct world *world = *state;
    struct signed_in ada = sign_in(world, EMAIL, WORLD_PASSWORD);
    struct standing partner = stands_for(world, ada.cookie, TENANT_PARTNER, PERMISSION_DEVICES_READ);
    struct standing lab = stands_for(world, ada.cookie, TENANT_ORGANIZATION, PERMISSION_VIEW);
    assert_int_equal(world_run(world, &world->user, demote, NULL), 200);
    assert_true(standing_renew(&partner, &world->domain)); /* Support reads */
    assert_int_equal(partner.principal.role.tenant, ROLE_MEMBER);
    assert_false(standing_renew(&lab, &world->domain)); /* in no group: sees nothing */
    partner.principal.needs = PERMISSION_SETTINGS_WRITE;
    assert_false(standing_renew(&partner, &world->domain));
    partner.principal.needs = PERMISSION_DEVICES_READ;
    world_now += WEB_SESSION_IDLE_MAX_MS; /* looking is no use of the session */
    assert_true(standing_renew(&partner, &world->domain));
    world_now += 1;
    assert_false(standing_renew(&partner, &world->domain));
}

static void what_takes_long_ends_with_the_key(void **state)
{
    struct world *world = *state;
    char key[API_KEY_CHARS + 1], id[UUID_TEXT_BYTES];
    struct principal principal;
    struct standing standing;
    assert_int_equal(world_body(world, &world->partner, api_key_create, "{\"name\":\"export\"}"), 201);
    world_get(world, "key", key, sizeof key);
    world_get(world, "id", id, sizeof id);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_OK);
    standing_init(&standing, &world->domain, &principal, str_from_cstr(key), STR(""), false);
    assert_true(standing_renew(&standing, &world->domain));
    assert_int_equal(world_id(world, &world->partner, api_key_revoke, id), 200);
    assert_false(standing_renew(&standing, &world->domain));
}

static void guessing_is_limited(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sign_in(world, EMAIL, "wrong horse battery").status, 401);
    }
    struct signed_in result = sign_in(world, "ADA@northlight.example", WORLD_PASSWORD); /* even the right one, by now */
    assert_error(world, result.status, 429, "Too many requests");
    assert_in_range(result.retry_after_s, 1, 60);
    assert_int_equal(sign_in_from(world, EMAIL, WORLD_PASSWORD, "192.0.2.8", false).status, 200); /* others are not */
    world_now += 60000;
    assert_int_equal(sign_in(world, EMAIL, WORLD_PASSWORD).status, 200);
}

static void right_ones_do_not_count(void **state)
{
    struct world *world = *state;
    world->settings.limits_failed_signins_account = 3;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sign_in(world, EMAIL, WORLD_PASSWORD).status, 200);
    }
}

static void an_address_is_limited_over_all_accounts(void **state)
{
    struct world *world = *state;
    world->settings.limits_failed_signins_address = 6;
    char email[64];
    for (int i = 0; i < 6; i++) {
        snprintf(email, sizeof email, "user%d@northlight.example", i);
        assert_int_equal(sign_in(world, email, "wrong horse battery").status, 401);
    }
    assert_int_equal(sign_in(world, EMAIL, WORLD_PASSWORD).status, 429);
    assert_int_equal(sign_in_from(world, EMAIL, WORLD_PASSWORD, "192.0.2.7", true).status, 200); /* exempt network */
}

/* All at once must not slip through between the check and the count. */
static void parallel_guesses_are_limited(void **state)
{
    struct world *world = *state;
    enum { GUESSES = 15 };
    struct sign_in *guesses[GUESSES], *done[GUESSES];
    unsigned refused = 0;
    for (int i = 0; i < GUESSES; i++) {
        guesses[i] = sign_in_new(&world->domain, STR(EMAIL), STR("wrong horse battery"), STR("192.0.2.9"), false);
        guesses[i]->user = &done[i];
        sign_in_submit(guesses[i], NULL, on_finished);
    }
    world_drain(world);
    for (int i = 0; i < GUESSES; i++) {
        refused += guesses[i]->reply.status == 429;
        sign_in_free(guesses[i]);
    }
    assert_int_equal(refused, GUESSES - 10);
}

static void sessions_end_when_idle(void **state)
{
    struct world *world = *state;
    struct signed_in ada = sign_in(world, EMAIL, WORLD_PASSWORD);
    for (int i = 0; i < 3; i++) {
        world_now += WEB_SESSION_IDLE_MAX_MS;
        assert_true(is_signed_in(world, ada.cookie)); /* each use starts the time anew */
        housekeeping_tick(&world->domain);
        world_drain(world);
    }
    world_restart(world); /* the last use was written */
    assert_true(is_signed_in(world, ada.cookie));
    world_now += WEB_SESSION_IDLE_MAX_MS + 1;
    assert_false(is_signed_in(world, ada.cookie));
    housekeeping_tick(&world->domain);
    world_drain(world);
    world_now -= WEB_SESSION_IDLE_MAX_MS; /* gone from memory and from the store, not merely hidden */
    assert_false(is_signed_in(world, ada.cookie));
    world_restart(world);
    assert_false(is_signed_in(world, ada.cookie));
}

static struct web_session_row session_of(struct world *world, const char *cookie)
{
    uint8_t hash[SHA256_BYTES];
    struct web_session_row row;
    assert_true(web_session_token_hash(&world->domain, str_from_cstr(cookie), false, hash));
    assert_true(web_session_find(&world->domain, hash, &row));
    return row;
}

static void sign_out(struct admin *admin, struct store_tx *tx, void *session)
{
    session_sign_out(admin, tx, ((struct web_session_row *)session)->token_hash);
}

static void signing_out_ends_one_session(void **state)
{
    struct world *world = *state;
    struct signed_in here = sign_in(world, EMAIL, WORLD_PASSWORD), there = sign_in(world, EMAIL, WORLD_PASSWORD);
    struct web_session_row session = session_of(world, here.cookie);
    assert_int_equal(world_run(world, &world->user, sign_out, &session), 200);
    assert_false(is_signed_in(world, here.cookie));
    assert_true(is_signed_in(world, there.cookie));
}

struct opening {
    int64_t user_no, partner_no;
    char cookie[128];
};

static void open_session(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct opening *opening = arg;
    char token[WEB_SESSION_TOKEN_CHARS + 1];
    struct web_session_row row = {.user_no = opening->user_no, .partner_no = opening->partner_no};
    assert_int_equal(web_session_open(admin, tx, &row, token), ERR_OK);
    snprintf(opening->cookie, sizeof opening->cookie, "muster=%s", token);
    admin_reply_success(admin);
}

static void a_person_has_a_bounded_number_of_sessions(void **state)
{
    struct world *world = *state;
    struct signed_in oldest = sign_in(world, EMAIL, WORLD_PASSWORD);
    struct opening opening = {.user_no = session_of(world, oldest.cookie).user_no, .partner_no = world->partner.partner_no};
    char second[128];
    for (int i = 1; i < WEB_SESSIONS_OF_USER_MAX; i++) {
        world_now += 1000;
        assert_int_equal(world_run(world, &world->user, open_session, &opening), 200);
        if (i == 1) {
            strcpy(second, opening.cookie);
        }
    }
    assert_true(is_signed_in(world, oldest.cookie));
    world_now += 1000;
    assert_int_equal(world_run(world, &world->user, open_session, &opening), 200);
    assert_false(is_signed_in(world, oldest.cookie));
    assert_true(is_signed_in(world, second));
    assert_true(is_signed_in(world, opening.cookie));
    world_restart(world);
    assert_false(is_signed_in(world, oldest.cookie));
    assert_true(is_signed_in(world, second));
}

struct switching {
    struct web_session_row session;
    const char *body;
};

static void switch_tenant(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct switching *switching = arg;
    struct json *body = NULL;
    assert_int_equal(json_parse(str_from_cstr(switching->body), NULL, &body), ERR_OK);
    session_switch_tenant(admin, tx, &switching->session, body);
    json_free(body);
}

static void tenants_are_switched(void **state)
{
    struct world *world = *state;
    struct world_tenants others = world_second_tenants(world);
    assert_int_equal(world_body(world, &world->user, organization_create,
                                "{\"name\":\"Harbour\",\"admin_contact_email\":\"a@b.example\",\"admin\":\"me\"}"),
                     200);
    char id[UUID_TEXT_BYTES], body[128];
    world_get(world, "id", id, sizeof id);
    struct signed_in ada = sign_in(world, EMAIL, WORLD_PASSWORD);
    assert_has(world, "\"name\":\"Harbour\"");
    struct switching switching = {.session = session_of(world, ada.cookie), .body = body};
    snprintf(body, sizeof body, "{\"kind\":\"organization\",\"id\":\"%s\"}", id);
    assert_int_equal(world_run(world, &world->user, switch_tenant, &switching), 200);
    struct principal principal;
    char csrf[CSRF_TOKEN_CHARS + 1];
    assert_true(web_session_resolve(&world->domain, str_from_cstr(ada.cookie), false, TENANT_ORGANIZATION, &principal, csrf));
    struct organization_info organization;
    assert_true(catalog_organization(world->domain.catalog, principal.organization_no, &organization));
    assert_true(str_eq(organization.name, STR("Harbour")));
    /* Not somebody else's, and nothing made up. */
    struct organization_info foreign;
    assert_true(catalog_organization(world->domain.catalog, others.organization.organization_no, &foreign));
    uuid_format(&foreign.id, id);
    snprintf(body, sizeof body, "{\"kind\":\"organization\",\"id\":\"%s\"}", id);
    assert_error(world, world_run(world, &world->user, switch_tenant, &switching), 404, "Tenant not found");
    switching.body = "{\"kind\":\"planet\",\"id\":\"x\"}";
    assert_error(world, world_run(world, &world->user, switch_tenant, &switching), 422, "Kind is invalid");
    switching.body = "{}";
    assert_error(world, world_run(world, &world->user, switch_tenant, &switching), 422, "Parameter kind is required");
}

static void suspended_tenants_are_closed(void **state)
{
    struct world *world = *state;
    struct signed_in ada = sign_in(world, EMAIL, WORLD_PASSWORD);
    struct partner_info partner;
    assert_true(catalog_partner(world->domain.catalog, world->partner.partner_no, &partner));
    partner.suspended = true;
    catalog_put_partner(world->domain.catalog, &partner);
    assert_false(is_signed_in(world, ada.cookie));
}

static void on_changed(struct password_change *change)
{
    *(struct password_change **)change->user = change;
}

static unsigned change_password(struct world *world, const char *cookie, const char *current, const char *password)
{
    struct web_session_row session = session_of(world, cookie);
    struct password_change *done = NULL;
    struct principal principal = {.kind = PRINCIPAL_USER, .user_no = session.user_no};
    struct password_change *change =
        password_change_new(&world->domain, &principal, session.token_hash, str_from_cstr(current),
                            str_from_cstr(password), STR("192.0.2.7"));
    change->user = &done;
    password_change_submit(change, NULL, on_changed);
    world_drain(world);
    assert_ptr_equal(done, change);
    snprintf(world->text, sizeof world->text, "%.*s", STR_ARG(buf_str(&change->reply.body)));
    unsigned status = change->reply.status;
    password_change_free(change);
    return status;
}

static void changing_the_password_ends_other_sessions(void **state)
{
    struct world *world = *state;
    struct signed_in here = sign_in(world, EMAIL, WORLD_PASSWORD), there = sign_in(world, EMAIL, WORLD_PASSWORD);
    assert_error(world, change_password(world, here.cookie, "wrong horse battery", "another long password"), 422,
                 "Current is invalid");
    assert_error(world, change_password(world, here.cookie, WORLD_PASSWORD, "short"), 422,
                 "Password is too short (minimum is 12 characters)");
    assert_true(is_signed_in(world, there.cookie));
    assert_int_equal(change_password(world, here.cookie, WORLD_PASSWORD, "another long password"), 200);
    assert_true(is_signed_in(world, here.cookie));
    assert_false(is_signed_in(world, there.cookie));
    assert_int_equal(sign_in(world, EMAIL, WORLD_PASSWORD).status, 401);
    assert_int_equal(sign_in(world, EMAIL, "another long password").status, 200);
    world_restart(world);
    assert_true(is_signed_in(world, here.cookie));
    assert_false(is_signed_in(world, there.cookie));
}

static void preferences_are_the_portals_own(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_bare(world, &world->user, preferences_read), 200);
    assert_string_equal(world->text, "{}");
    assert_int_equal(world_body(world, &world->user, preferences_write, "{\"theme\":\"dark\",\"cols\":[1,2]}"), 200);
    assert_int_equal(world_bare(world, &world->user, preferences_read), 200);
    assert_string_equal(world->text, "{\"theme\":\"dark\",\"cols\":[1,2]}");
    static char large[20000];
    int head = snprintf(large, sizeof large, "{\"x\":\"");
    memset(large + head, 'x', 17000);
    strcpy(large + head + 17000, "\"}");
    assert_error(world, world_body(world, &world->user, preferences_write, large), 413, "Payload too large");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_start_set_up, world_end)

static void on_reset(struct password_reset *reset)
{
    *(struct password_reset **)reset->user = reset;
}

static unsigned reset_with(struct world *world, const char *token, const char *password)
{
    struct password_reset *done = NULL;
    struct password_reset *reset = password_reset_new(&world->domain, str_from_cstr(token), str_from_cstr(password),
                                                      STR("192.0.2.7"), false);
    reset->user = &done;
    password_reset_submit(reset, NULL, on_reset);
    world_drain(world);
    assert_ptr_equal(done, reset);
    unsigned status = reset->reply.status;
    snprintf(world->text, sizeof world->text, "%.*s", STR_ARG(buf_str(&reset->reply.body)));
    password_reset_free(reset);
    return status;
}

static void reset_links_live_a_day(void **state)
{
    struct world *world = *state;
    struct reset_link link;
    struct signed_in ada = sign_in(world, EMAIL, WORLD_PASSWORD);
    reset_link_prepare(&link, &world->domain, STR("nobody@northlight.example"));
    assert_int_equal(store_run_now(world->store, &link.op), ERR_NOT_FOUND);
    reset_link_prepare(&link, &world->domain, STR(EMAIL));
    assert_int_equal(store_run_now(world->store, &link.op), ERR_OK);
    assert_int_equal(strlen(link.token), RESET_TOKEN_CHARS);
    world_now += RESET_LINK_LIFE_MS;
    assert_error(world, reset_with(world, link.token, "another battery horse"), 404, "Reset link not found");
    world_now -= 1;
    assert_int_equal(reset_with(world, link.token, "another battery horse"), 200);
    assert_error(world, reset_with(world, link.token, "another battery horse"), 404, "Reset link not found");
    assert_false(is_signed_in(world, ada.cookie));
    assert_int_equal(sign_in(world, EMAIL, WORLD_PASSWORD).status, 401);
    assert_int_equal(sign_in(world, EMAIL, "another battery horse").status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(right_and_wrong),
        TEST(cookies_are_told_apart),
        TEST(what_takes_long_ends_with_the_session),
        TEST(what_takes_long_ends_with_the_key),
        TEST(guessing_is_limited),
        TEST(right_ones_do_not_count),
        TEST(an_address_is_limited_over_all_accounts),
        TEST(parallel_guesses_are_limited),
        TEST(sessions_end_when_idle),
        TEST(signing_out_ends_one_session),
        TEST(a_person_has_a_bounded_number_of_sessions),
        TEST(tenants_are_switched),
        TEST(suspended_tenants_are_closed),
        TEST(changing_the_password_ends_other_sessions),
        TEST(preferences_are_the_portals_own),
        TEST(reset_links_live_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
