/* First start (portal.md 2): the link's life, one transaction, one winner, what it leaves behind. */
#include "model/testing/world_fixture.h"

#include "model/ports/user_store.h"
#include "model/account/web_session.h"

static void make_link(struct world *world, char token[SETUP_TOKEN_CHARS + 1])
{
    struct setup_link link;
    setup_link_prepare(&link, &world->domain);
    assert_int_equal(store_run_now(world->store, &link.op), ERR_OK);
    memcpy(token, link.token, sizeof link.token);
}

static void offer(struct admin *admin, struct store_tx *tx, void *token)
{
    setup_offer(admin, tx, str_from_cstr(token), NULL);
}

static unsigned get_offer(struct world *world, char *token)
{
    return world_run(world, &(struct principal){0}, offer, token);
}

static struct setup_request a_request(void)
{
    return (struct setup_request){
        .name = STR("Ada"),
        .email = STR("ada@northlight.example"),
        .password = STR(WORLD_PASSWORD),
        .partner_name = STR("Northlight"),
        .opens_session = true,
    };
}

/* What a finished attempt left in the test's hands. */
struct outcome {
    struct setup_run *run;
};

static void on_finished(struct setup_run *run)
{
    ((struct outcome *)run->user)->run = run;
}

static unsigned finish(struct world *world, const char *token, const struct setup_request *request,
                       struct outcome *outcome)
{
    struct setup_run *run = setup_run_new(&world->domain, request);
    run->user = outcome;
    setup_run_submit(run, str_from_cstr(token), NULL, on_finished);
    world_drain(world);
    assert_ptr_equal(outcome->run, run);
    snprintf(world->text, sizeof world->text, "%.*s", STR_ARG(buf_str(&run->reply.body)));
    return run->reply.status;
}

static unsigned finish_and_forget(struct world *world, const char *token, const struct setup_request *request)
{
    struct outcome outcome = {0};
    unsigned status = finish(world, token, request, &outcome);
    setup_run_free(outcome.run);
    return status;
}

static void nothing_exists_before(void **state)
{
    struct world *world = *state;
    assert_true(setup_is_needed(&world->domain));
    struct principal principal;
    assert_int_equal(credentials_check_api_key(&world->domain, STR(""), &principal), CREDENTIAL_UNKNOWN);
    assert_error(world, finish_and_forget(world, "nonsense", &(struct setup_request){.name = STR("x")}), 404,
                 "Setup link not found");
}

static void link_lives_for_a_day_and_until_the_next(void **state)
{
    struct world *world = *state;
    char first[SETUP_TOKEN_CHARS + 1], second[SETUP_TOKEN_CHARS + 1];
    make_link(world, first);
    assert_int_equal(get_offer(world, first), 200);
    assert_has(world, "{\"public_url\":\"https://muster.example:8443\",\"mqtt_url\":\"mqtt://muster.example:1883\","
                      "\"mqtts_url\":null,\"certificate_fingerprint\":null,\"short_code\":\"");
    make_link(world, second);
    assert_string_not_equal(first, second);
    assert_error(world, get_offer(world, first), 404, "Setup link not found");
    assert_int_equal(get_offer(world, second), 200);
    world_now += SETUP_LINK_LIFE_MS - 1;
    assert_int_equal(get_offer(world, second), 200);
    world_now += 1;
    assert_error(world, get_offer(world, second), 404, "Setup link not found");
    struct setup_request request = a_request();
    assert_error(world, finish_and_forget(world, second, &request), 404, "Setup link not found");
    assert_true(setup_is_needed(&world->domain));
}

static void fields_are_checked(void **state)
{
    struct world *world = *state;
    char token[SETUP_TOKEN_CHARS + 1];
    make_link(world, token);
    struct setup_request request = a_request();
    request.email = STR("ada");
    assert_error(world, finish_and_forget(world, token, &request), 422, "Email is invalid");
    request = a_request();
    request.password = STR("elevenchars");
    assert_error(world, finish_and_forget(world, token, &request), 422,
                 "Password is too short (minimum is 12 characters)");
    request = a_request();
    request.public_url = STR("https://muster.example/");
    assert_error(world, finish_and_forget(world, token, &request), 422, "Public url is invalid");
    request = a_request();
    request.mqtt_url = STR("http://muster.example");
    assert_error(world, finish_and_forget(world, token, &request), 422, "Mqtt url is invalid");
    request = a_request();
    request.short_code = STR("nl7");
    assert_error(world, finish_and_forget(world, token, &request), 422, "Short code is invalid");
    request = a_request();
    request.short_code = STR("nl-7");
    assert_error(world, finish_and_forget(world, token, &request), 422, "Short code is invalid");
    request = a_request();
    request.partner_name = STR(" ");
    assert_error(world, finish_and_forget(world, token, &request), 422, "Partner name can't be blank");
    assert_int_equal(get_offer(world, token), 200); /* the link is still there to try again */
}

static void body_is_parsed(struct admin *admin, struct store_tx *tx, void *text)
{
    (void)tx;
    struct json *body = NULL;
    struct setup_request request;
    assert_int_equal(json_parse(str_from_cstr(text), NULL, &body), ERR_OK);
    if (setup_request_parse(admin, body, &request)) {
        admin->reply->status = 200;
    }
    json_free(body);
}

static unsigned parse(struct world *world, const char *text)
{
    return world_run(world, &(struct principal){0}, body_is_parsed, (void *)(uintptr_t)text);
}

static void missing_fields_are_named(void **state)
{
    struct world *world = *state;
    assert_error(world, parse(world, "{}"), 422, "Parameter name is required");
    assert_error(world, parse(world, "{\"name\":\"A\"}"), 422, "Parameter email is required");
    assert_error(world, parse(world, "{\"name\":\"A\",\"email\":\"a@b\"}"), 422, "Parameter password is required");
    assert_error(world, parse(world, "{\"name\":\"A\",\"email\":\"a@b\",\"password\":\"p\"}"), 422,
                 "Parameter partner_name is required");
    assert_int_equal(parse(world, "{\"name\":\"A\",\"email\":\"a@b\",\"password\":\"p\",\"partner_name\":\"P\"}"), 200);
}

static void finishing_makes_everything_at_once(void **state)
{
    struct world *world = *state;
    char token[SETUP_TOKEN_CHARS + 1], cookie[128];
    make_link(world, token);
    struct setup_request request = a_request();
    request.public_url = STR("https://muster.example:8443"); /* as offered: stays whatever listens */
    request.mqtt_url = STR("mqtts://hub.northlight.example");
    struct outcome outcome = {0};
    assert_int_equal(finish(world, token, &request, &outcome), 201);
    assert_has(world, "\"name\":\"Ada\",\"email\":\"ada@northlight.example\",\"system_admin\":true,\"otp\":false}");
    assert_has(world, "{\"kind\":\"partner\",\"id\":");
    assert_has(world, "\"name\":\"Northlight Lab\"}]");
    assert_has_not(world, WORLD_PASSWORD);
    assert_false(setup_is_needed(&world->domain));
    snprintf(cookie, sizeof cookie, "muster=%s", outcome.run->session_token);
    setup_run_free(outcome.run);
    struct principal principal;
    char csrf[CSRF_TOKEN_CHARS + 1];
    assert_true(web_session_resolve(&world->domain, str_from_cstr(cookie), false, TENANT_PARTNER, &principal, csrf));
    assert_true(principal.system_admin);
    assert_true(web_session_resolve(&world->domain, str_from_cstr(cookie), false, TENANT_ORGANIZATION, &principal, csrf));
    struct organization_info lab;
    assert_true(catalog_organization(world->domain.catalog, principal.organization_no, &lab));
    assert_true(lab.lab);
    struct partner_info partner;
    assert_true(catalog_partner(world->domain.catalog, principal.partner_no, &partner));
    assert_int_equal(partner.short_code.len, 4);
    /* The link is dead, and everything survives a restart. */
    assert_error(world, get_offer(world, token), 404, "Setup link not found");
    world_restart(world);
    assert_false(setup_is_needed(&world->domain));
    assert_true(web_session_resolve(&world->domain, str_from_cstr(cookie), false, TENANT_ORGANIZATION, &principal, csrf));
    struct buf url;
    buf_init(&url, 512);
    assert_false(setup_public_url(&world->domain, &url));
    assert_true(setup_mqtt_url(&world->domain, &url));
    assert_true(str_eq(buf_str(&url), STR("mqtts://hub.northlight.example")));
    buf_deinit(&url);
    struct setup_link link;
    setup_link_prepare(&link, &world->domain);
    assert_int_equal(store_run_now(world->store, &link.op), ERR_STATE);
    assert_error(world, finish_and_forget(world, token, &request), 404, "Setup link not found");
}

static void two_browsers_one_wins(void **state)
{
    struct world *world = *state;
    char token[SETUP_TOKEN_CHARS + 1];
    make_link(world, token);
    struct setup_request request = a_request(), other = a_request();
    other.email = STR("eve@northlight.example");
    other.partner_name = STR("Southlight");
    struct outcome first = {0}, second = {0};
    struct setup_run *a = setup_run_new(&world->domain, &request), *b = setup_run_new(&world->domain, &other);
    a->user = &first;
    b->user = &second;
    setup_run_submit(a, str_from_cstr(token), NULL, on_finished);
    setup_run_submit(b, str_from_cstr(token), NULL, on_finished);
    world_drain(world); /* each stage of both before the next stage of either */
    assert_int_equal(first.run->reply.status, 201);
    assert_int_equal(second.run->reply.status, 404);
    assert_true(str_eq(reply_error_text(&second.run->reply), STR("Setup link not found")));
    setup_run_free(a);
    setup_run_free(b);
    struct partner_info partner;
    assert_true(catalog_partner(world->domain.catalog, 1, &partner));
    assert_true(str_eq(partner.name, STR("Northlight")));
    assert_false(catalog_partner(world->domain.catalog, 2, &partner));
}

static void command_line_gets_keys(void **state)
{
    struct world *world = *state;
    world_setup(world);
    assert_int_equal(world->partner.tenant_kind, TENANT_PARTNER);
    assert_int_equal(world->organization.tenant_kind, TENANT_ORGANIZATION);
    assert_int_equal(world->organization.partner_no, world->partner.partner_no);
    assert_int_equal(world->partner.scope, SCOPE_FULL);
    struct setup_request request = a_request();
    struct setup_run *run = setup_run_new(&world->domain, &request);
    setup_run_prepare(run);
    assert_int_equal(store_run_now(world->store, &run->op), ERR_STATE);
    assert_true(str_eq(reply_error_text(&run->reply), STR("Already set up")));
    setup_run_free(run);
}

static void a_name_with_a_slash(void **state)
{
    struct world *world = *state;
    struct setup_request request = a_request();
    request.partner_name = STR("Nordlys A/S");
    request.opens_session = false;
    struct setup_run *run = setup_run_new(&world->domain, &request);
    setup_run_prepare(run);
    assert_int_equal(store_run_now(world->store, &run->op), ERR_OK);
    assert_int_equal(run->reply.status, 201);
    setup_run_free(run);
    struct organization_info lab;
    assert_true(catalog_organization(world->domain.catalog, 1, &lab));
    assert_true(str_eq(lab.name, STR("Nordlys A/S Lab")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_start, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_exists_before),
        TEST(link_lives_for_a_day_and_until_the_next),
        TEST(fields_are_checked),
        TEST(missing_fields_are_named),
        TEST(finishing_makes_everything_at_once),
        TEST(two_browsers_one_wins),
        TEST(command_line_gets_keys),
        TEST(a_name_with_a_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
