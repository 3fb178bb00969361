/* Keys, command definitions, spaces, customers, the audit log, repeats; and that a tenant sees its own and nothing else
 * (management-api.md 1.2, 1.3.3, 3.5, 4, 5.2, 5.3, 10.3). */
#include "model/testing/world_fixture.h"

#include "base/crypto.h"
#include "model/account/api_key.h"
#include "model/management/audit.h"
#include "model/command/command_definition.h"
#include "model/account/credentials_table.h"
#include "model/maker/hardware_key.h"
#include "model/housekeeping.h"
#include "model/management/idempotency.h"
#include "model/maker/partner.h"
#include "model/maker/product_model.h"
#include "model/customer/space.h"

#define MODEL "{\"name\":\"Panel 55\",\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\"}"

static void make_model(struct world *world, char id[UUID_TEXT_BYTES])
{
    assert_int_equal(world_body(world, &world->partner, product_model_create, MODEL), 201);
    world_get(world, "id", id, UUID_TEXT_BYTES);
}

/* --- API keys --- */

static void api_keys_are_shown_once_and_revoked(void **state)
{
    struct world *world = *state;
    char key[64], id[UUID_TEXT_BYTES];
    struct principal principal;
    assert_int_equal(world_body(world, &world->partner, api_key_create, "{\"name\":\"CI\",\"scope\":\"read\"}"), 201);
    world_get(world, "key", key, sizeof key);
    world_get(world, "id", id, sizeof id);
    assert_int_equal(strlen(key), 46);
    assert_memory_equal(key, "mp_", 3);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_OK);
    assert_int_equal(principal.scope, SCOPE_READ);
    assert_int_equal(principal.tenant_kind, TENANT_PARTNER);
    assert_int_equal(world_page(world, &world->partner, api_key_list), 200);
    assert_has(world, "\"name\":\"CI\",\"scope\":\"read\"");
    assert_has_not(world, key);
    world_restart(world);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_OK);
    assert_error(world, world_id(world, &world->organization, api_key_revoke, id), 404, "API key not found");
    assert_int_equal(world_id(world, &world->partner, api_key_revoke, id), 200);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_UNKNOWN);
    assert_error(world, world_id(world, &world->partner, api_key_revoke, id), 404, "API key not found");
    assert_error(world, world_id(world, &world->partner, api_key_revoke, "x"), 404, "API key not found");
    assert_int_equal(world_page(world, &world->partner, api_key_list), 200);
    assert_has_not(world, "\"name\":\"CI\"");
    world_restart(world);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_UNKNOWN);
}

static void api_keys_expire(void **state)
{
    struct world *world = *state;
    char key[64];
    struct principal principal;
    assert_error(world, world_body(world, &world->organization, api_key_create, "{\"name\":\"\"}"), 422,
                 "Name can't be blank");
    assert_error(world, world_body(world, &world->organization, api_key_create, "{}"), 422, "Parameter name is required");
    assert_error(world, world_body(world, &world->organization, api_key_create, "{\"name\":\"a\",\"scope\":\"root\"}"),
                 422, "Scope is invalid");
    assert_error(world,
                 world_body(world, &world->organization, api_key_create,
                            "{\"name\":\"a\",\"expires_at\":\"2025-01-01T00:00:00Z\"}"),
                 422, "Expires at is invalid");
    assert_int_equal(world_body(world, &world->organization, api_key_create,
                                "{\"name\":\"a\",\"expires_at\":\"2026-03-01T10:20:00Z\"}"),
                     201);
    world_get(world, "key", key, sizeof key);
    assert_memory_equal(key, "mo_", 3);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_OK);
    assert_int_equal(principal.scope, SCOPE_FULL);
    world_now += 5 * 60000;
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_UNKNOWN);
}

static void last_use_is_written_lazily(void **state)
{
    struct world *world = *state;
    char key[64];
    struct principal principal;
    assert_int_equal(world_body(world, &world->partner, api_key_create, "{\"name\":\"CI\"}"), 201);
    world_get(world, "key", key, sizeof key);
    world_now += 1000;
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_OK);
    assert_int_equal(world_page(world, &world->partner, api_key_list), 200);
    assert_has_not(world, "\"last_used_at\":\"2026-03-01T10:15:01.000Z\"");
    world_now += 60000;
    housekeeping_tick(&world->domain);
    world_drain(world);
    assert_int_equal(world_page(world, &world->partner, api_key_list), 200);
    assert_has(world, "\"last_used_at\":\"2026-03-01T10:15:01.000Z\"");
    /* A clock set back does not stop it until the old time comes again. */
    world_now -= INT64_C(86400000);
    int64_t before = world->domain.credentials->housekept_at;
    housekeeping_tick(&world->domain);
    world_drain(world);
    assert_true(world->domain.credentials->housekept_at < before);
}

static void suspended_tenants_have_no_keys(void **state)
{
    struct world *world = *state;
    char key[64];
    struct principal principal;
    assert_int_equal(world_body(world, &world->organization, api_key_create, "{\"name\":\"a\"}"), 201);
    world_get(world, "key", key, sizeof key);
    struct partner_info partner;
    assert_true(catalog_partner(world->domain.catalog, world->partner.partner_no, &partner));
    partner.suspended = true;
    catalog_put_partner(world->domain.catalog, &partner);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &principal), CREDENTIAL_SUSPENDED);
}

static void devices_are_checked_by_id_and_key(void **state)
{
    struct world *world = *state;
    struct device_brief device = {.no = 1, .id = uuid_random()}, found;
    char id[UUID_TEXT_BYTES];
    uuid_format(&device.id, id);
    domain_key_hash(&world->domain, STR("0123456789abcdef0123456789abcdef"), device.key_hash);
    device_table_put(world->domain.devices, &device);
    struct str key = STR("0123456789abcdef0123456789abcdef");
    assert_int_equal(credentials_check_device(&world->domain, str_from_cstr(id), key, &found), CREDENTIAL_OK);
    for (char *c = id; *c; c++) {
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 32 : *c);
    }
    assert_int_equal(credentials_check_device(&world->domain, str_from_cstr(id), key, &found), CREDENTIAL_OK);
    assert_int_equal(credentials_check_device(&world->domain, str_from_cstr(id), STR("0"), &found), CREDENTIAL_UNKNOWN);
    assert_int_equal(credentials_check_device(&world->domain, str_from_cstr(id), STR(""), &found), CREDENTIAL_UNKNOWN);
    assert_int_equal(credentials_check_device(&world->domain, STR("x"), key, &found), CREDENTIAL_UNKNOWN);
    device.suspended = true;
    device_table_put(world->domain.devices, &device);
    assert_int_equal(credentials_check_device(&world->domain, str_from_cstr(id), key, &found), CREDENTIAL_SUSPENDED);
}

/* --- hardware keys --- */

static void hardware_keys(void **state)
{
    struct world *world = *state;
    char model[UUID_TEXT_BYTES], id[UUID_TEXT_BYTES], key[UUID_TEXT_BYTES], again[UUID_TEXT_BYTES];
    make_model(world, model);
    assert_error(world, world_id_body(world, &world->partner, hardware_key_create, model, "{}"), 422,
                 "Parameter name is required");
    assert_error(world,
                 world_id_body(world, &world->partner, hardware_key_create, model, "{\"name\":\"B\",\"expected_count\":0}"),
                 422, "Expected count is invalid");
    assert_error(world,
                 world_id_body(world, &world->partner, hardware_key_create, model,
                               "{\"name\":\"B\",\"enforce_count\":true}"),
                 422, "Parameter expected_count is required");
    assert_error(world,
                 world_id_body(world, &world->partner, hardware_key_create, model,
                               "{\"name\":\"B\",\"enforce_count\":\"maybe\"}"),
                 422, "Enforce count is invalid");
    assert_int_equal(world_id_body(world, &world->partner, hardware_key_create, model,
                                   "{\"name\":\"Batch 7\",\"expected_count\":500,\"enforce_count\":true}"),
                     201);
    assert_has(world, "\"expected_count\":500,\"used_count\":0,\"enforce_count\":true");
    assert_has(world, "\"revoked_at\":null,\"first_used_at\":null,\"last_used_at\":null}");
    world_get(world, "id", id, sizeof id);
    world_get(world, "key", key, sizeof key);
    struct uuid uuid;
    assert_true(uuid_parse(str_from_cstr(key), &uuid));
    assert_int_equal(world_two_body(world, &world->partner, hardware_key_update, model, id,
                                    "{\"name\":\"Batch 8\",\"enforce_count\":false,\"expected_count\":null}"),
                     200);
    assert_has(world, "\"name\":\"Batch 8\"");
    assert_has(world, "\"expected_count\":null");
    world_get(world, "key", again, sizeof again);
    assert_string_equal(key, again); /* readable again */
    world_now += 1000;
    assert_int_equal(world_two(world, &world->partner, hardware_key_revoke, model, id), 200);
    assert_has(world, "\"revoked_at\":\"2026-03-01T10:15:01.000Z\"");
    world_now += 1000;
    assert_int_equal(world_two(world, &world->partner, hardware_key_revoke, model, id), 200);
    assert_has(world, "\"revoked_at\":\"2026-03-01T10:15:01.000Z\""); /* the first time stays */
    assert_error(world, world_two(world, &world->partner, hardware_key_revoke, model, model), 404,
                 "Hardware key not found");
    assert_int_equal(world_id_page(world, &world->partner, hardware_key_list, model), 200);
    assert_has(world, key);
}

static void list_audit(struct admin *admin, struct store_tx *tx, void *filter)
{
    audit_list(admin, tx, filter, (struct page){1, 100});
}

static void everything_is_audited_without_secrets(void **state)
{
    struct world *world = *state;
    char model[UUID_TEXT_BYTES], key[64], api_key[64];
    make_model(world, model);
    assert_int_equal(world_id_body(world, &world->partner, hardware_key_create, model, "{\"name\":\"Batch 7\"}"), 201);
    world_get(world, "key", key, sizeof key);
    assert_int_equal(world_id_page(world, &world->partner, hardware_key_list, model), 200);
    assert_int_equal(world_body(world, &world->partner, api_key_create, "{\"name\":\"CI\"}"), 201);
    world_get(world, "key", api_key, sizeof api_key);
    assert_int_equal(world_id_body(world, &world->user, product_model_update, model, "{\"name\":\"Panel 56\"}"), 200);
    struct audit_filter all = {.from = TIME_NONE, .to = TIME_NONE};
    assert_int_equal(world_run(world, &world->partner, list_audit, &all), 200);
    assert_has(world, "\"actor_kind\":\"key\",\"actor\":\"Set-up\",\"address\":\"192.0.2.7\",\"action\":\"model.create\"");
    assert_has(world, "\"action\":\"hardware_key.read\",\"object_kind\":\"model\"");
    assert_has(world, "\"actor_kind\":\"user\",\"actor\":\"Ada\",\"address\":\"192.0.2.7\",\"action\":\"model.update\"");
    assert_has(world, "\"detail\":{\"before\":{\"name\":\"Panel 55\"},\"after\":{\"name\":\"Panel 56\"}}");
    assert_has(world, "\"action\":\"setup.finish\"");
    assert_has_not(world, key);
    assert_has_not(world, api_key);
    struct audit_filter one = {.action = STR("api_key.create"), .from = TIME_NONE, .to = TIME_NONE};
    assert_int_equal(world_run(world, &world->partner, list_audit, &one), 200);
    assert_has(world, "\"total_count\":1}");
    struct audit_filter later = {.from = world_now + 1, .to = TIME_NONE};
    assert_int_equal(world_run(world, &world->partner, list_audit, &later), 200);
    assert_has(world, "\"data\":[]");
    /* Another tenant has a log of its own. */
    assert_int_equal(world_run(world, &world->organization, list_audit, &all), 200);
    assert_string_equal(world->text, "{\"items\":[],\"next_page\":null,\"has_next_page\":false}");
    /* Old rows leave. */
    world_now += INT64_C(401) * 86400000;
    housekeeping_tick(&world->domain);
    world_drain(world);
    assert_int_equal(world_run(world, &world->partner, list_audit, &all), 200);
    assert_has(world, "\"data\":[]");
}

/* --- command definitions --- */

static unsigned define(struct world *world, const char *model, const char *body)
{
    return world_id_body(world, &world->partner, command_definition_create, model, body);
}

static void command_definitions(void **state)
{
    struct world *world = *state;
    char model[UUID_TEXT_BYTES], id[UUID_TEXT_BYTES];
    make_model(world, model);
    assert_error(world, define(world, model, "{}"), 422, "Parameter friendly_name is required");
    assert_error(world, define(world, model, "{\"friendly_name\":\"Beep\"}"), 422, "Parameter name is required");
    assert_error(world, define(world, model, "{\"friendly_name\":\"Beep\",\"name\":\"be ep\"}"), 422, "Name is invalid");
    assert_error(world, define(world, model, "{\"friendly_name\":\"Beep\",\"name\":\"reboot\"}"), 422,
                 "Name has already been taken");
    assert_error(world, define(world, model, "{\"friendly_name\":\"B\",\"name\":\"b\",\"timeout_seconds\":-1}"), 422,
                 "Timeout seconds is invalid");
    assert_error(world, define(world, model, "{\"friendly_name\":\"B\",\"name\":\"b\",\"file_type\":\"movie\"}"), 422,
                 "File type is invalid");
    assert_int_equal(define(world, model,
                            "{\"friendly_name\":\"Set input\",\"name\":\"set_input\",\"timeout_seconds\":60,"
                            "\"custom_fields\":[{\"name\":\"input\",\"label\":\"Input\",\"type\":\"select\","
                            "\"required\":\"true\",\"options\":[{\"label\":\"HDMI 1\",\"value\":33}]}]}"),
                     201);
    assert_has(world, "\"description\":\"\",\"active\":true,\"with_file\":false,\"file_type\":null,\"timeout_seconds\":60,"
                      "\"custom_fields\":[{\"name\":\"input\",\"label\":\"Input\",\"type\":\"select\",\"required\":true,"
                      "\"typeName\":\"staticListSingle\",\"options\":{\"33\":{\"label\":\"HDMI 1\",\"order\":1,"
                      "\"value\":\"33\"}}}]}");
    world_get(world, "id", id, sizeof id);
    assert_int_equal(world_two_body(world, &world->partner, command_definition_update, model, id,
                                    "{\"active\":false,\"custom_fields\":[]}"),
                     200);
    assert_has(world, "\"name\":\"set_input\",\"friendly_name\":\"Set input\",\"description\":\"\",\"active\":false");
    assert_has(world, "\"custom_fields\":[]");
    assert_error(world,
                 world_two_body(world, &world->partner, command_definition_update, model, id, "{\"name\":\"dump\"}"), 422,
                 "Name has already been taken");
    assert_int_equal(world_two(world, &world->partner, command_definition_delete, model, id), 200);
    assert_error(world, world_two(world, &world->partner, command_definition_delete, model, id), 404,
                 "Command not found");
}

static unsigned with_fields(struct world *world, const char *model, const char *fields)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"friendly_name\":\"X\",\"name\":\"x\",\"custom_fields\":%s}", fields);
    return define(world, model, body);
}

static void custom_fields(void **state)
{
    struct world *world = *state;
    char model[UUID_TEXT_BYTES];
    make_model(world, model);
#define INVALID "Custom fields is invalid: "
    assert_error(world, with_fields(world, model, "{}"), 422, "Custom fields is invalid");
    assert_error(world, with_fields(world, model, "[{}]"), 422, INVALID "a field needs a name");
    assert_error(world, with_fields(world, model, "[{\"name\":\"a\"}]"), 422, INVALID "a has no valid type");
    assert_error(world, with_fields(world, model, "[{\"name\":\"a\",\"type\":\"text\",\"required\":\"x\"}]"), 422,
                 INVALID "a has no valid required");
    assert_error(world, with_fields(world, model, "[{\"name\":\"a\",\"type\":\"text\"},{\"name\":\"a\",\"type\":\"date\"}]"),
                 422, INVALID "a is there twice");
    assert_error(world, with_fields(world, model, "[{\"name\":\"a\",\"type\":\"select\"}]"), 422,
                 INVALID "a is a static list and needs options");
    assert_error(world,
                 with_fields(world, model,
                             "[{\"name\":\"a\",\"type\":\"select\",\"typeName\":\"staticListSingle\",\"options\":[\"x\"],"
                             "\"path\":\"details.x\"}]"),
                 422, INVALID "a is a static list and takes no path");
    assert_error(world,
                 with_fields(world, model, "[{\"name\":\"a\",\"type\":\"multiselect\",\"typeName\":\"dynamicListMulti\"}]"),
                 422, INVALID "a is a dynamic list and needs a path");
    assert_error(world,
                 with_fields(world, model,
                             "[{\"name\":\"a\",\"type\":\"select\",\"typeName\":\"dynamicListSingle\",\"path\":\"d.x\","
                             "\"options\":[\"x\"]}]"),
                 422, INVALID "a is a dynamic list and takes no options");
    assert_error(world,
                 with_fields(world, model,
                             "[{\"name\":\"a\",\"type\":\"select\",\"typeName\":\"staticListMulti\",\"options\":[\"x\"]}]"),
                 422, INVALID "a has a typeName that does not fit its type");
    assert_int_equal(with_fields(world, model,
                                 "[{\"name\":\"a\",\"type\":\"select\",\"path\":\"details.inputs\"},"
                                 "{\"name\":\"b\",\"type\":\"multiselect\",\"options\":{\"1\":\"One\",\"2\":"
                                 "{\"label\":\"Two\",\"order\":7}},\"default\":[\"1\"]}]"),
                     201);
    assert_has(world, "{\"name\":\"a\",\"label\":\"a\",\"type\":\"select\",\"required\":false,\"typeName\":"
                      "\"dynamicListSingle\",\"path\":\"details.inputs\"}");
    assert_has(world, "\"typeName\":\"staticListMulti\",\"options\":{\"1\":{\"label\":\"One\",\"order\":1,\"value\":\"1\"},"
                      "\"2\":{\"label\":\"Two\",\"order\":7,\"value\":\"2\"}},\"default\":[\"1\"]}");
}

/* --- spaces --- */

static void list_spaces(struct admin *admin, struct store_tx *tx, void *filter)
{
    space_list(admin, tx, filter, (struct page){1, 2});
}

static unsigned make_space(struct world *world, const char *body)
{
    return world_body(world, &world->organization, space_create, body);
}

static void spaces(void **state)
{
    struct world *world = *state;
    struct space_filter filter = {.created_before = TIME_NONE, .created_after = TIME_NONE};
    assert_int_equal(world_run(world, &world->organization, list_spaces, &filter), 200);
    assert_has(world, "{\"items\":[{\"id\":1,\"name\":\"Northlight Lab\",\"parent_id\":null,\"space_type\":\"root\","
                      "\"full_path\":\"Northlight Lab\",\"path\":\"Northlight Lab\",\"config\":{},\"devices_count\":0,");
    assert_error(world, make_space(world, "{}"), 422, "Parameter name is required");
    assert_error(world, make_space(world, "{\"name\":\"a/b\"}"), 422, "Name is invalid");
    assert_error(world, make_space(world, "{\"name\":\"North\",\"parent_id\":99}"), 404, "Space not found");
    assert_error(world, make_space(world, "{\"name\":\"North\",\"parent_id\":\"x\"}"), 404, "Space not found");
    assert_error(world, make_space(world, "{\"name\":\"North\",\"config\":7}"), 422, "Config must be an object");
    assert_error(world, make_space(world, "{\"name\":\"North\",\"config\":{\"priority_factor\":\"9\"}}"), 422,
                 "Config is invalid");
    assert_int_equal(make_space(world, "{\"name\":\"North\",\"space_type\":\"site\",\"config\":{\"general\":"
                                       "{\"temperature_units\":\"celsius\"},\"priority_factor\":\"1\",\"unknown\":1}}"),
                     200);
    assert_has(world, "\"parent_id\":1,\"space_type\":\"site\",\"full_path\":\"Northlight Lab/North\"");
    assert_has(world, "\"config\":{\"temperature_units\":\"celsius\",\"priority_factor\":\"1\"}");
    assert_error(world, make_space(world, "{\"name\":\"North\"}"), 422, "Name has already been taken");
    assert_int_equal(make_space(world, "{\"name\":\"Lobby\",\"parent_id\":\"2\"}"), 200);
    assert_has(world, "\"id\":3,\"name\":\"Lobby\",\"parent_id\":2,\"space_type\":\"space\",\"full_path\":"
                      "\"Northlight Lab/North/Lobby\"");
    assert_int_equal(world_run(world, &world->organization, list_spaces, &filter), 200);
    assert_has(world, "\"next_page\":2,\"has_next_page\":true}");
    filter.path_includes = STR("north/lob");
    assert_int_equal(world_run(world, &world->organization, list_spaces, &filter), 200);
    assert_has(world, "{\"items\":[{\"id\":3,");
    assert_has(world, "\"next_page\":null,\"has_next_page\":false}");
    assert_int_equal(world_id(world, &world->organization, space_read, "3"), 200);
    assert_error(world, world_id(world, &world->organization, space_read, "4"), 404, "Space not found");
    assert_true(catalog_space_is_within(world->domain.catalog, 3, 2));
    assert_true(catalog_space_is_within(world->domain.catalog, 3, 3));
    assert_false(catalog_space_is_within(world->domain.catalog, 2, 3));
    world_restart(world);
    assert_true(catalog_space_is_within(world->domain.catalog, 3, 1));
    char body[64];
    for (int depth = 3; depth <= SPACE_DEPTH_MAX; depth++) { /* 3 lies at depth 2 */
        snprintf(body, sizeof body, "{\"name\":\"d\",\"parent_id\":%d}", depth);
        assert_int_equal(make_space(world, body), 200);
    }
    assert_error(world, make_space(world, "{\"name\":\"d\",\"parent_id\":17}"), 422,
                 "Parent is too deep (maximum depth is 16)");
}

/* --- customers --- */

static void customers(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES], key[64];
    struct principal customer;
#define CREATE(body) world_body(world, &world->partner, organization_create, body)
    assert_error(world, CREATE("{}"), 422, "Parameter name is required");
    assert_error(world, CREATE("{\"name\":\"H\"}"), 422, "Parameter admin_contact_email is required");
    assert_error(world, CREATE("{\"name\":\"H\",\"admin_contact_email\":\"x\"}"), 422,
                 "Admin contact email is not an email");
    assert_error(world, CREATE("{\"name\":\"H\",\"admin_contact_email\":\"a@b\",\"admin\":\"you\"}"), 422,
                 "Admin is invalid");
    assert_int_equal(CREATE("{\"name\":\"Harbour College\",\"admin_contact_email\":\"a@b\",\"admin_contact_name\":\"Al\"}"),
                     200);
    assert_has(world, "\"name\":\"Harbour College\",\"lab\":false,\"created_at\":");
    assert_has(world, "\"contacts\":{\"admin_email\":\"a@b\",\"admin_name\":\"Al\",\"finance_email\":null,"
                      "\"finance_name\":null},\"api_key\":\"mo_");
    world_get(world, "id", id, sizeof id);
    world_get(world, "api_key", key, sizeof key);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &customer), CREDENTIAL_OK);
    assert_int_equal(world_bare(world, &customer, organization_info), 200);
    assert_has(world, "\"name\":\"Harbour College\",\"created_at\":\"2026-03-01T10:15:00.000Z\",\"lab\":false,\"partner\":"
                      "\"Northlight\",\"domain\":\"https://muster.example:8443\",\"mobile_domain\":"
                      "\"https://muster.example:8443\",\"pricing_plan\":\"self-hosted\"");
    assert_has(world, "\"statistics\":{\"devices\":0,\"users\":1,\"groups\":2,\"spaces\":1,\"open_tickets\":0,"
                      "\"open_incidents\":0,\"pending_invoices\":0}}");
    assert_int_equal(world_bare(world, &customer, organization_overview), 200);
    assert_int_equal(world_id(world, &world->partner, organization_read, id), 200);
    assert_has(world, "\"sandbox\":false");
    assert_has_not(world, key);
    assert_int_equal(world_search(world, &world->partner, organization_list, "HARB"), 200);
    assert_has(world, "\"total_count\":1}");
    assert_int_equal(world_search(world, &world->partner, organization_list, ""), 200);
    assert_has(world, "\"name\":\"Northlight Lab\",\"display_name\":null,\"lab\":true");
    assert_has(world, "\"total_count\":2}");
}

static void settings_of(struct admin *admin, struct store_tx *tx)
{
    partner_settings(admin, tx, NULL);
}

static void settings_and_overview(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_bare(world, &world->partner, settings_of), 200);
    assert_has(world, "{\"name\":\"Northlight\",\"short_code\":\"nl7Q\",\"public_url\":\"https://muster.example:8443\","
                      "\"mqtt_url\":\"mqtt://muster.example:1883\",\"domain\":null,");
    assert_has(world, "\"self_signup\":false,");
    assert_has(world, "\"webhook\":null");
    struct device_brief device = {.no = 1, .id = uuid_random(), .partner_no = world->partner.partner_no,
                                  .status = STATUS_ONLINE, .connected = true};
    device_table_put(world->domain.devices, &device);
    device = (struct device_brief){.no = 2, .id = uuid_random(), .partner_no = world->partner.partner_no + 1,
                                   .status = STATUS_ERROR};
    device_table_put(world->domain.devices, &device);
    assert_int_equal(world_bare(world, &world->partner, partner_overview), 200);
    assert_string_equal(world->text,
                        "{\"devices\":{\"online\":1,\"offline\":0,\"error\":0,\"never_seen\":0,\"total\":1,\"unclaimed\":1,"
                        "\"connected\":1},\"registrations_today\":0,\"registrations_refused_today\":0,"
                        "\"messages_per_minute\":0,\"models\":0,\"organizations\":1,\"open_incidents\":"
                        "{\"critical\":0,\"high\":0,\"moderate\":0,\"low\":0,\"planning\":0},\"firmware\":[]}");
}

/* --- a tenant sees its own and nothing else --- */

static void nobody_sees_another_tenant(void **state)
{
    struct world *world = *state;
    char model[UUID_TEXT_BYTES], organization[UUID_TEXT_BYTES], key_id[UUID_TEXT_BYTES];
    struct world_tenants others = world_second_tenants(world);
    make_model(world, model);
    assert_int_equal(world_id_body(world, &world->partner, hardware_key_create, model, "{\"name\":\"B\"}"), 201);
    world_get(world, "id", key_id, sizeof key_id);
    assert_int_equal(world_body(world, &world->partner, organization_create,
                                "{\"name\":\"Harbour\",\"admin_contact_email\":\"a@b\"}"),
                     200);
    world_get(world, "id", organization, sizeof organization);

    assert_error(world, world_id(world, &others.partner, product_model_read, model), 404, "Model not found");
    assert_error(world, world_id_body(world, &others.partner, product_model_update, model, "{\"name\":\"X\"}"), 404,
                 "Model not found");
    assert_error(world, world_id(world, &others.partner, product_model_delete, model), 404, "Model not found");
    assert_error(world, world_id_body(world, &others.partner, product_model_clone, model, "{\"name\":\"X\"}"), 404,
                 "Model not found");
    assert_error(world, world_id_page(world, &others.partner, product_model_versions, model), 404, "Model not found");
    assert_error(world, world_two(world, &others.partner, product_model_restore, model, "1"), 404, "Model not found");
    assert_error(world, world_id_page(world, &others.partner, hardware_key_list, model), 404, "Model not found");
    assert_error(world, world_two(world, &others.partner, hardware_key_revoke, model, key_id), 404, "Model not found");
    assert_error(world, world_id_page(world, &others.partner, command_definition_list, model), 404, "Model not found");
    assert_error(world, world_id_body(world, &others.partner, command_definition_create, model, "{}"), 404,
                 "Model not found");
    assert_error(world, world_id(world, &others.partner, organization_read, organization), 404,
                 "Organization not found");
    assert_error(world, world_id(world, &others.organization, organization_model_read, model), 404, "Model not found");
    assert_error(world, world_id(world, &others.organization, space_read, "1"), 404, "Space not found");
    assert_error(world, world_body(world, &others.organization, space_create, "{\"name\":\"X\",\"parent_id\":1}"), 404,
                 "Space not found");

    assert_int_equal(world_search(world, &others.partner, product_model_list, ""), 200);
    assert_has(world, "\"data\":[]");
    assert_int_equal(world_search(world, &others.partner, organization_list, ""), 200);
    assert_has_not(world, "Harbour");
    assert_has(world, "\"total_count\":1}");
    assert_int_equal(world_page(world, &others.partner, api_key_list), 200);
    assert_has(world, "\"data\":[]");
    assert_int_equal(world_page(world, &others.organization, api_key_list), 200);
    assert_has(world, "\"items\":[]");
    struct audit_filter all = {.from = TIME_NONE, .to = TIME_NONE};
    assert_int_equal(world_run(world, &others.partner, list_audit, &all), 200);
    assert_has(world, "\"data\":[]");
    struct space_filter filter = {.created_before = TIME_NONE, .created_after = TIME_NONE};
    assert_int_equal(world_run(world, &others.organization, list_spaces, &filter), 200);
    assert_has(world, "Southlight Lab");
    assert_has_not(world, "Northlight");
    /* Names are taken per partner only. */
    assert_int_equal(world_body(world, &others.partner, product_model_create, MODEL), 201);
    assert_has(world, "\"vendor\":\"Southlight\"");
}

/* --- repeats --- */

struct once {
    struct idempotency_call call;
    const char *answer;
    enum idempotency_result result;
};

static void run_once(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct once *once = arg;
    once->call.principal = &admin->principal;
    once->result = idempotency_lookup(admin->domain, tx, &once->call, admin->reply);
    if (once->result == IDEMPOTENCY_NEW) {
        buf_append_cstr(&admin->reply->body, once->answer);
        admin->reply->status = 201;
        idempotency_store(admin->domain, tx, &once->call, admin->reply);
    }
}

static void repeats_get_the_first_reply(void **state)
{
    struct world *world = *state;
    struct once once = {.call = {.route = STR("POST /core/v1/partner/models"), .path = STR("/core/v1/partner/models"),
                                 .key = STR("k-1"), .body = STR("{}")},
                        .answer = "{\"key\":\"secret\"}"};
    assert_int_equal(world_run(world, &world->partner, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_NEW);
    once.answer = "{\"key\":\"another\"}";
    assert_int_equal(world_run(world, &world->partner, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_REPEAT);
    assert_string_equal(world->text, "{\"key\":\"secret\"}");
    once.call.body = STR("{\"a\":1}");
    assert_error(world, world_run(world, &world->partner, run_once, &once), 422,
                 "Idempotency-Key was used with another request");
    once.call.body = STR("{}");
    once.call.query = STR("dry=true");
    assert_error(world, world_run(world, &world->partner, run_once, &once), 422,
                 "Idempotency-Key was used with another request");
    once.call.query = (struct str){NULL, 0};
    once.call.path = STR("/core/v1/partner/models/other");
    assert_error(world, world_run(world, &world->partner, run_once, &once), 422,
                 "Idempotency-Key was used with another request");
    once.call.path = STR("/core/v1/partner/models/");
    assert_int_equal(world_run(world, &world->partner, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_REPEAT);
    /* Scoped to principal and route. */
    assert_int_equal(world_run(world, &world->organization, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_NEW);
    once.call.route = STR("POST /core/v1/partner/api_keys");
    assert_int_equal(world_run(world, &world->partner, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_NEW);
    once.call.key = STR("");
    assert_error(world, world_run(world, &world->partner, run_once, &once), 422, "Idempotency-Key is invalid");
    /* For a day. */
    once.call = (struct idempotency_call){.route = STR("POST /core/v1/partner/models"), .path = STR("/core/v1/partner/models"),
                                          .key = STR("k-1"), .body = STR("{}")};
    world_now += IDEMPOTENCY_LIFE_MS - 1;
    assert_int_equal(world_run(world, &world->partner, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_REPEAT);
    world_now += 1;
    assert_int_equal(world_run(world, &world->partner, run_once, &once), 201);
    assert_int_equal(once.result, IDEMPOTENCY_NEW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_start_set_up, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(api_keys_are_shown_once_and_revoked),
        TEST(api_keys_expire),
        TEST(last_use_is_written_lazily),
        TEST(suspended_tenants_have_no_keys),
        TEST(devices_are_checked_by_id_and_key),
        TEST(hardware_keys),
        TEST(everything_is_audited_without_secrets),
        TEST(command_definitions),
        TEST(custom_fields),
        TEST(spaces),
        TEST(customers),
        TEST(settings_and_overview),
        TEST(nobody_sees_another_tenant),
        TEST(repeats_get_the_first_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
