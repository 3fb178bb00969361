/* Device models: every refusal's text, what can never change, versions, publishing, icons (management-api.md 5.1). */
#include "model/testing/world_fixture.h"

#include "base/crypto.h"
#include "model/command/command_definition.h"
#include "model/maker/hardware_key.h"
#include "model/maker/product_model.h"
#include "store/sqlite/tx.h"

#define MINIMAL "{\"name\":\"Panel 55\",\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\"}"

static unsigned create(struct world *world, const char *body)
{
    return world_body(world, &world->partner, product_model_create, body);
}

static void make(struct world *world, const char *body, char id[UUID_TEXT_BYTES])
{
    assert_int_equal(create(world, body), 201);
    world_get(world, "id", id, UUID_TEXT_BYTES);
}

static unsigned update(struct world *world, const char *id, const char *body)
{
    return world_id_body(world, &world->partner, product_model_update, id, body);
}

static void creation_has_the_defaults(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_has(world, "\"name\":\"Panel 55\",\"icon_url\":null,\"sku\":null,\"authentication_method\":\"cloud_id\","
                      "\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\",\"api_version\":\"1.0.7\","
                      "\"offline_threshold_minutes\":5,\"enabled_tabs\":[\"overview\",\"telemetry\",\"commands\","
                      "\"configuration\",\"incidents\",\"files\",\"licenses\",\"history\",\"dumps\",\"events\","
                      "\"children\",\"details\",\"notes\"],\"published\":false,\"vendor\":\"Northlight\","
                      "\"devices_count\":0,\"created_at\":\"2026-03-01T10:15:00.000Z\"");
    assert_int_equal(world_id_page(world, &world->partner, command_definition_list, id), 200);
    assert_has(world, "\"name\":\"reboot\",\"friendly_name\":\"Reboot device\"");
    assert_has(world, "\"name\":\"dump\",\"friendly_name\":\"Create dump report\"");
    assert_has_not(world, "update_firmware");
    assert_int_equal(world_id_page(world, &world->partner, hardware_key_list, id), 200);
    assert_has(world, "\"name\":\"Default\"");
    assert_has(world, "\"page_info\":{\"has_next\":false,\"total_count\":1}");
    struct uuid uuid;
    struct model_info info;
    assert_true(uuid_parse(str_from_cstr(id), &uuid));
    assert_true(catalog_model_by_id(world->domain.catalog, &uuid, &info));
    assert_int_equal(info.protocol, PROTOCOL_MQTT);
    assert_int_equal(info.offline_threshold_minutes, 5);
}

static void creation_takes_what_is_given(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world,
         "{\"name\":\"Fob\",\"communication_protocol\":\"https\",\"device_type\":\"digital\",\"sku\":\"F-1\","
         "\"authentication_method\":\"mac_sn\",\"offline_threshold_minutes\":null,\"enabled_tabs\":[\"notes\","
         "\"overview\"],\"suggested_commands\":[\"update_firmware\"]}",
         id);
    assert_has(world, "\"sku\":\"F-1\",\"authentication_method\":\"mac_sn\",\"communication_protocol\":\"https\","
                      "\"device_type\":\"digital\",\"api_version\":\"1.0.7\",\"offline_threshold_minutes\":null,"
                      "\"enabled_tabs\":[\"overview\",\"notes\"]");
    assert_int_equal(world_id_page(world, &world->partner, command_definition_list, id), 200);
    assert_has(world, "\"name\":\"update_firmware\"");
    assert_has_not(world, "reboot");
    assert_int_equal(world_id_page(world, &world->partner, hardware_key_list, id), 200);
    assert_has(world, "\"data\":[]"); /* digital models have no keys */
    assert_error(world, world_id_body(world, &world->partner, hardware_key_create, id, "{\"name\":\"B\"}"), 422,
                 "Digital models have no hardware keys");
}

static void creation_refuses(void **state)
{
    struct world *world = *state;
    char long_name[400];
    snprintf(long_name, sizeof long_name, "{\"name\":\"%0256d\",\"communication_protocol\":\"mqtt\"}", 0);
    assert_error(world, create(world, "{}"), 422, "Parameter name is required");
    assert_error(world, create(world, "{\"name\":\"  \"}"), 422, "Name can't be blank");
    assert_error(world, create(world, "{\"name\":{}}"), 422, "Name is invalid");
    assert_error(world, create(world, long_name), 422, "Name is too long (maximum is 255 characters)");
    assert_error(world, create(world, "{\"name\":\"A\"}"), 422, "Parameter communication_protocol is required");
    assert_error(world, create(world, "{\"name\":\"A\",\"communication_protocol\":null}"), 422,
                 "Parameter communication_protocol is required");
    assert_error(world, create(world, "{\"name\":\"A\",\"communication_protocol\":\"coap\"}"), 422,
                 "Communication protocol is invalid");
    assert_error(world, create(world, "{\"name\":\"A\",\"communication_protocol\":\"mqtt\"}"), 422,
                 "Parameter device_type is required");
    assert_error(world, create(world, "{\"name\":\"A\",\"communication_protocol\":\"mqtt\",\"device_type\":\"x\"}"), 422,
                 "Device type is invalid");
#define BASE "{\"name\":\"A\",\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\","
    assert_error(world, create(world, BASE "\"authentication_method\":\"public_key\"}"), 422,
                 "Authentication method is invalid");
    assert_error(world, create(world, BASE "\"api_version\":\"1.0.8\"}"), 422, "Api version is invalid");
    assert_error(world, create(world, BASE "\"api_version\":\"1.0.3\"}"), 422, "Api version is invalid"); /* not in use */
    assert_error(world, create(world, BASE "\"offline_threshold_minutes\":0}"), 422,
                 "Offline threshold minutes is invalid");
    assert_error(world, create(world, BASE "\"offline_threshold_minutes\":43201}"), 422,
                 "Offline threshold minutes is invalid");
    assert_error(world, create(world, BASE "\"enabled_tabs\":[\"shop\"]}"), 422, "Enabled tabs is invalid");
    assert_error(world, create(world, BASE "\"enabled_tabs\":\"notes\"}"), 422, "Enabled tabs is invalid");
    assert_error(world, create(world, BASE "\"suggested_commands\":[\"explode\"]}"), 422,
                 "Suggested commands is invalid");
    assert_error(world, create(world, BASE "\"icon\":\"data:image/svg+xml;base64,PHN2Zz4=\"}"), 422, "Icon is invalid");
    assert_int_equal(create(world, MINIMAL), 201);
    assert_error(world, create(world, MINIMAL), 422, "Name has already been taken");
    /* A refused creation leaves nothing behind. */
    assert_int_equal(world_search(world, &world->partner, product_model_list, ""), 200);
    assert_has(world, "\"total_count\":1}");
}

static void immutable_fields_never_change(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_error(world, update(world, id, "{\"communication_protocol\":\"https\"}"), 422,
                 "Communication protocol cannot be changed after the model is created");
    assert_error(world, update(world, id, "{\"communication_protocol\":null}"), 422,
                 "Communication protocol cannot be changed after the model is created");
    assert_error(world, update(world, id, "{\"name\":\"\",\"communication_protocol\":\"coap\"}"), 422,
                 "Communication protocol cannot be changed after the model is created");
    assert_error(world, update(world, id, "{\"device_type\":\"digital\"}"), 422,
                 "Device type cannot be changed after the model is created");
    assert_error(world, update(world, id, "{\"api_version\":\"1.0.6\"}"), 422,
                 "API version can only be changed by a system administrator");
    world->user.system_admin = true; /* not even by this route for an administrator of the system */
    assert_error(world,
                 world_id_body(world, &world->user, product_model_update, id, "{\"communication_protocol\":\"https\"}"),
                 422, "Communication protocol cannot be changed after the model is created");
    assert_int_equal(update(world, id, "{\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\","
                                       "\"api_version\":\"1.0.7\",\"name\":\"Panel 56\"}"),
                     200);
    assert_has(world, "\"name\":\"Panel 56\"");
    assert_has(world, "\"communication_protocol\":\"mqtt\"");
}

/* A version whose document says something else, as a hand on the database could leave it. */
static void forge_version(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct uuid id;
    struct product_model_row row;
    assert_true(uuid_parse(str_from_cstr(arg), &id));
    assert_int_equal(product_model_store_find(tx, admin->principal.partner_no, &id, admin->arena, &row), ERR_OK);
    assert_int_equal(model_version_store_add(tx, row.no,
                                             STR("{\"name\":\"Forged\",\"sku\":null,\"authentication_method\":"
                                                 "\"cloud_id\",\"communication_protocol\":\"https\",\"device_type\":"
                                                 "\"digital\",\"api_version\":\"1.0.0\",\"offline_threshold_minutes\":9,"
                                                 "\"enabled_tabs\":[\"notes\"],\"published\":true}"),
                                             STR("x"), world_now),
                     ERR_OK);
    admin->reply->status = 200;
}

static void versions_are_kept_and_restored(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(update(world, id, "{\"name\":\"Panel 60\",\"offline_threshold_minutes\":30,\"sku\":\"P60\"}"), 200);
    assert_int_equal(update(world, id, "{\"name\":\"Panel 60\"}"), 200); /* no change, no version */
    assert_int_equal(world_id_page(world, &world->partner, product_model_versions, id), 200);
    assert_has(world, "\"total_count\":2}");
    assert_has(world, "{\"n\":2,\"created_at\":\"2026-03-01T10:15:00.000Z\",\"author\":\"Set-up\",\"document\":{\"name\":"
                      "\"Panel 60\",\"sku\":\"P60\"");
    assert_int_equal(world_two(world, &world->partner, product_model_restore, id, "1"), 200);
    assert_has(world, "\"name\":\"Panel 55\"");
    assert_has(world, "\"offline_threshold_minutes\":5");
    assert_has(world, "\"sku\":null");
    assert_error(world, world_two(world, &world->partner, product_model_restore, id, "17"), 404, "Version not found");
    assert_error(world, world_two(world, &world->partner, product_model_restore, id, "x"), 404, "Version not found");
    /* Restoring never touches what is immutable, whatever the version says. */
    assert_int_equal(world_run(world, &world->partner, forge_version, id), 200);
    assert_int_equal(world_two(world, &world->partner, product_model_restore, id, "4"), 200);
    assert_has(world, "\"name\":\"Forged\"");
    assert_has(world, "\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\",\"api_version\":\"1.0.7\","
                      "\"offline_threshold_minutes\":9,\"enabled_tabs\":[\"notes\"],\"published\":false");
}

static void restoring_a_taken_name_is_refused(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(update(world, id, "{\"name\":\"Panel 60\"}"), 200);
    assert_int_equal(create(world, MINIMAL), 201);
    assert_error(world, world_two(world, &world->partner, product_model_restore, id, "1"), 422,
                 "Name has already been taken");
    assert_error(world, update(world, id, "{\"name\":\"Panel 55\"}"), 422, "Name has already been taken");
    assert_error(world, update(world, id, "{\"name\":null}"), 422, "Name can't be blank");
}

/* A device of the model, as far as models care: a row that counts, and a hot record. */
static void add_device(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct uuid id;
    struct product_model_row row;
    assert_true(uuid_parse(str_from_cstr(arg), &id));
    assert_int_equal(product_model_store_find(tx, admin->principal.partner_no, &id, admin->arena, &row), ERR_OK);
    struct uuid device_id = uuid_random();
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO device (id, model_no, partner_no, key_hash, key_issued_at, name, firmware_version, "
                "created_at) VALUES (?1, ?2, ?3, x'00', 0, 'd', '1.0.0', 0)");
    query_bind_uuid(&q, 1, &device_id);
    query_bind_i64(&q, 2, row.no);
    query_bind_i64(&q, 3, row.partner_no);
    assert_int_equal(query_finish(&q), ERR_OK);
    struct device_brief brief = {.no = tx_last_row(tx), .id = device_id, .model_no = row.no,
                                 .partner_no = row.partner_no, .offline_threshold_minutes = 5};
    device_table_put(admin->domain->devices, &brief);
    admin->reply->status = 200;
}

static bool has_threshold(const struct device_brief *device, void *arg)
{
    *(uint32_t *)arg = device->offline_threshold_minutes;
    return true;
}

static void devices_bind_the_model(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(update(world, id, "{\"authentication_method\":\"mac_sn\"}"), 200);
    assert_int_equal(world_run(world, &world->partner, add_device, id), 200);
    assert_error(world, update(world, id, "{\"authentication_method\":\"cloud_id\"}"), 422,
                 "Authentication method cannot be changed after devices are registered");
    assert_int_equal(update(world, id, "{\"authentication_method\":\"mac_sn\",\"offline_threshold_minutes\":11}"), 200);
    assert_has(world, "\"devices_count\":1");
    uint32_t minutes = 0;
    device_table_each(world->domain.devices, has_threshold, &minutes);
    assert_int_equal(minutes, 11); /* the hot records follow */
    /* Restoring the first version, which said Cloud ID, leaves the method alone now. */
    assert_int_equal(world_two(world, &world->partner, product_model_restore, id, "1"), 200);
    assert_has(world, "\"authentication_method\":\"mac_sn\"");
    assert_int_equal(world_id(world, &world->partner, product_model_read, id), 200);
    assert_error(world, world_id(world, &world->partner, product_model_delete, id), 422, "Model has registered devices");
}

static void publish(struct admin *admin, struct store_tx *tx, void *arg)
{
    product_model_publish(admin, tx, str_from_cstr(arg), true);
}

static void unpublish(struct admin *admin, struct store_tx *tx, void *arg)
{
    product_model_publish(admin, tx, str_from_cstr(arg), false);
}

static void publishing(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(world_run(world, &world->partner, publish, id), 200);
    assert_has(world, "\"published\":true");
    assert_int_equal(world_run(world, &world->partner, unpublish, id), 200);
    assert_has(world, "\"published\":false");
    assert_int_equal(world_run(world, &world->partner, publish, id), 200);
    assert_int_equal(world_run(world, &world->partner, add_device, id), 200);
    assert_error(world, world_run(world, &world->partner, unpublish, id), 422, "Model has registered devices");
}

static void deletion(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(world_id(world, &world->partner, product_model_delete, id), 200);
    assert_string_equal(world->text, "{\"success\":true}");
    assert_error(world, world_id(world, &world->partner, product_model_delete, id), 404, "Model not found");
    assert_error(world, world_id(world, &world->partner, product_model_read, "nonsense"), 404, "Model not found");
    assert_error(world, update(world, id, "{}"), 404, "Model not found");
    assert_int_equal(create(world, MINIMAL), 201); /* the name is free again */
}

static void cloning(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES], clone[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(world_id_body(world, &world->partner, command_definition_create, id,
                                   "{\"name\":\"beep\",\"friendly_name\":\"Beep\"}"),
                     201);
    assert_error(world, world_id_body(world, &world->partner, product_model_clone, id, "{}"), 422,
                 "Parameter name is required");
    assert_error(world, world_id_body(world, &world->partner, product_model_clone, id, "{\"name\":\"Panel 55\"}"), 422,
                 "Name has already been taken");
    assert_error(world,
                 world_id_body(world, &world->partner, product_model_clone, id,
                               "{\"name\":\"C\",\"communication_protocol\":\"x\"}"),
                 422, "Communication protocol is invalid");
    assert_int_equal(world_id_body(world, &world->partner, product_model_clone, id,
                                   "{\"name\":\"Panel 55 H\",\"communication_protocol\":\"https\"}"),
                     201);
    assert_has(world, "\"communication_protocol\":\"https\"");
    world_get(world, "id", clone, sizeof clone);
    assert_string_not_equal(id, clone);
    assert_int_equal(world_id_page(world, &world->partner, command_definition_list, clone), 200);
    assert_has(world, "\"name\":\"beep\"");
    assert_has(world, "\"total_count\":3}");
    assert_int_equal(world_id_page(world, &world->partner, hardware_key_list, clone), 200);
    assert_has(world, "\"total_count\":1}");
}

struct icon_reply {
    char id[UUID_TEXT_BYTES];
    struct str type;
};

static void read_icon(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct icon_reply *icon = arg;
    product_model_icon(admin, tx, str_from_cstr(icon->id), &icon->type);
}

static void icons(void **state)
{
    struct world *world = *state;
    struct icon_reply icon = {.type = STR("")};
    make(world, MINIMAL, icon.id);
    assert_error(world, world_run(world, &world->partner, read_icon, &icon), 404, "Icon not found");
    /* The bytes must be what the address says. */
    assert_error(world, update(world, icon.id, "{\"icon\":\"data:image/png;base64,/9j/4AAQ\"}"), 422, "Icon is invalid");
    assert_error(world, update(world, icon.id, "{\"icon\":\"data:image/png;base64,***\"}"), 422, "Icon is invalid");
    assert_error(world, update(world, icon.id, "{\"icon\":\"https://example.com/a.png\"}"), 422, "Icon is invalid");
    assert_int_equal(update(world, icon.id, "{\"icon\":\"data:image/png;base64,iVBORw0KGgoAAAAN\"}"), 200);
    assert_has(world, "\"icon_url\":\"/core/v1/partner/models/");
    assert_int_equal(world_run(world, &world->partner, read_icon, &icon), 200);
    assert_true(str_eq(icon.type, STR("image/png")));
    assert_int_equal(world->reply.body.len, 12);
    assert_memory_equal(world->reply.body.data, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(update(world, icon.id, "{\"icon\":\"data:image/webp;base64,UklGRgAAAABXRUJQ\"}"), 200);
    assert_int_equal(update(world, icon.id, "{\"icon\":null}"), 200);
    assert_has(world, "\"icon_url\":null");
    char *huge = mem_alloc(400 * 1024);
    int head = snprintf(huge, 128, "{\"icon\":\"data:image/png;base64,");
    memset(huge + head, 'A', 360 * 1024);
    strcpy(huge + head + 360 * 1024, "\"}");
    assert_error(world, update(world, icon.id, huge), 422, "Icon is too large (maximum is 256 KiB)");
    mem_free(huge);
}

static void lower_version(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct uuid id;
    struct query q;
    assert_true(uuid_parse(str_from_cstr(arg), &id));
    query_begin(&q, tx, "UPDATE model SET api_version = 3 WHERE id = ?1");
    query_bind_uuid(&q, 1, &id);
    assert_int_equal(query_finish(&q), ERR_OK);
    admin->reply->status = 200;
}

static void api_versions_in_use_are_offered(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    assert_int_equal(world_run(world, &world->partner, lower_version, id), 200);
    assert_int_equal(create(world, "{\"name\":\"A\",\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\"}"), 201);
    assert_has(world, "\"api_version\":\"1.0.3\""); /* the highest in use, not the latest */
    assert_int_equal(create(world, "{\"name\":\"B\",\"communication_protocol\":\"mqtt\",\"device_type\":\"physical\","
                                   "\"api_version\":\"1.0.7\"}"),
                     201);
    assert_has(world, "\"api_version\":\"1.0.7\"");
}

static void list_for_organization(struct admin *admin, struct store_tx *tx, void *arg)
{
    organization_model_list(admin, tx, STR(""), arg != NULL, (struct page){1, 100});
}

static void customers_see_published_models(void **state)
{
    struct world *world = *state;
    char id[UUID_TEXT_BYTES];
    make(world, MINIMAL, id);
    /* The lab sees it before it is published. */
    assert_int_equal(world_run(world, &world->organization, list_for_organization, NULL), 200);
    assert_has(world, "\"vendor\":\"Northlight\",\"model\":\"Panel 55\",\"device_type\":\"physical\"");
    assert_has(world, "\"next_page\":null,\"has_next_page\":false}");
    assert_int_equal(world_run(world, &world->organization, list_for_organization, world), 200); /* edge_only */
    assert_string_equal(world->text, "{\"items\":[],\"next_page\":null,\"has_next_page\":false}");
    assert_int_equal(world_body(world, &world->partner, organization_create,
                                "{\"name\":\"Harbour College\",\"admin_contact_email\":\"it@harbour.example\"}"),
                     200);
    char key[64];
    struct principal customer;
    world_get(world, "api_key", key, sizeof key);
    assert_int_equal(credentials_check_api_key(&world->domain, str_from_cstr(key), &customer), CREDENTIAL_OK);
    assert_int_equal(world_run(world, &customer, list_for_organization, NULL), 200);
    assert_has(world, "\"items\":[]");
    assert_error(world, world_id(world, &customer, organization_model_read, id), 404, "Model not found");
    assert_int_equal(world_run(world, &world->partner, publish, id), 200);
    assert_int_equal(world_id(world, &customer, organization_model_read, id), 200);
    assert_has(world, "\"parameters\":[],\"commands\":[{\"id\":");
    assert_has(world, "\"config_schema\":null,\"widgets\":[],\"enabled_tabs\":[");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_start_set_up, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creation_has_the_defaults),
        TEST(creation_takes_what_is_given),
        TEST(creation_refuses),
        TEST(immutable_fields_never_change),
        TEST(versions_are_kept_and_restored),
        TEST(restoring_a_taken_name_is_refused),
        TEST(devices_bind_the_model),
        TEST(publishing),
        TEST(deletion),
        TEST(cloning),
        TEST(icons),
        TEST(api_versions_in_use_are_offered),
        TEST(customers_see_published_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
