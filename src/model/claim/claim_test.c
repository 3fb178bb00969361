/* Whose a device is: claim, look-up, assignment, un-claim, move, deletion, keys; what each tenant sees. */
#include "model/testing/device_test_support.h"

#include "base/crypto.h"
#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_edit.h"
#include "model/incident/incident.h"
#include "model/registration/replacement.h"

#define PANEL(sn, mac) "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"" sn "\",\"mac\":\"" mac "\"}"
#define BOX(key, id) "{\"hardware_key\":\"" key "\",\"firmware_version\":\"1.0.0\",\"sn\":\"" id "\",\"cloud_id\":\"" id "\"}"

#define WRAP(name, call) \
    static void name(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body) \
    { \
        (void)device; \
        (void)body; \
        call; \
    }
WRAP(claim_run, device_claim(admin, tx, body))
WRAP(lookup_run, device_claim_lookup(admin, tx, body))
WRAP(assign_run, device_assign(admin, tx, body))
WRAP(unclaim_run, device_unclaim(admin, tx, device))
WRAP(move_run, device_move(admin, tx, device, body))
WRAP(update_run, device_update(admin, tx, device, body))
WRAP(delete_run, device_delete(admin, tx, device))
WRAP(rotate_run, device_rotate_key(admin, tx, device))
WRAP(kick_run, device_kick(admin, tx, device))
WRAP(suspend_run, device_suspend_incidents(admin, tx, device, true))
WRAP(resume_run, device_suspend_incidents(admin, tx, device, false))
WRAP(replace_run, device_replace(admin, tx, device, body))
WRAP(get_run, device_answer(admin, tx, device->no))
WRAP(send_run, command_send(admin, tx, device, body))
WRAP(put_run, configuration_put(admin, tx, device, body))
WRAP(versions_run, configuration_versions(admin, tx, device))

static struct answer org(struct fixture *f, int64_t organization_no, const struct device_brief *device, test_admin_fn run,
                         const char *body)
{
    return manage(f, organization_user(organization_no), device, run, body);
}

static void test_claim_errors(void **state)
{
    struct fixture *f = *state;
    register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL);
    register_device(f, BOX(KEY_DRAFT, "NL01draft001"), NULL);
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{}"), 422, "Parameter space_id is required");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":99}"), 404, "Space not found");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":\"x\"}"), 404, "Space not found");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":3}"), 404, "Space not found"); /* the lab's */
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1}"), 422, "Cloud id can't be blank");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1,\"cloud_id\":\" \"}"), 422, "Cloud id can't be blank");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1,\"sn\":\"x\"}"), 422, "Mac can't be blank");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1,\"mac\":\"x\"}"), 422, "Sn can't be blank");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1,\"cloud_id\":\"NL01nobody\"}"), 404, "Device not found");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1,\"cloud_id\":\"NL01draft001\"}"), 404, "Device not found");
    expect_error(org(f, OTHER_ORGANIZATION, NULL, claim_run, "{\"space_id\":4,\"cloud_id\":\"NL01draft001\"}"), 404,
                 "Device not found");
    expect_status(org(f, LAB, NULL, claim_run, "{\"space_id\":3,\"cloud_id\":\"NL01draft001\"}"), 200);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":\"2\",\"cloud_id\":\"NL01abcdefgh\"}"), 200);
    expect_error(org(f, LAB, NULL, claim_run, "{\"space_id\":3,\"cloud_id\":\"NL01abcdefgh\"}"), 422, "Device is already claimed");
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"cloud_id\":\"NL01abcdefgh\"}"), 422,
                 "Device is already claimed");
}

static void test_claimed_device(void **state)
{
    struct fixture *f = *state;
    char wanted[2048], id[UUID_TEXT_BYTES], now[TIME_TEXT_BYTES];
    struct device_brief device = register_device(f, PANEL("A-1", "AA:BB:CC:DD:EE:01"), NULL);
    uuid_format(&device.id, id);
    time_format(test_now_ms, now);
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"name\":\"Lobby panel\",\"sn\":\"A-1\",\"mac\":\"AA:BB:CC:DD:EE:01\",\"cloud_id\":null,\"status\":null,"
             "\"effective_status\":\"never_seen\",\"merged_effective_status\":\"never_seen\",\"last_seen_at\":null,\"details\":{},"
             "\"state\":{},\"model\":{\"id\":\"03000000-0000-0000-0000-000000000001\",\"name\":\"Panel\",\"sub_model\":null},"
             "\"firmware\":{\"version\":\"1.0.0\"},\"space\":{\"id\":2,\"full_path\":\"Harbour College/Lobby\"},\"space_id\":2,"
             "\"space_name\":\"Lobby\",\"space_tree_path_name\":\"Harbour College/Lobby\",\"custom_parameters\":{},"
             "\"partner\":\"Northlight\",\"parent_id\":null,\"config_version\":0,\"applied_config_version\":0,"
             "\"incidents_suspended\":false,\"host_address\":null,\"created_at\":\"%s\",\"claimed_at\":\"%s\",\"connected\":false,"
             "\"connected_since\":null,\"refused_registration_at\":null,\"replacement_until\":null,\"replacement_sn\":null,\"merged_device_ids\":[],"
             "\"virtual\":false}",
             id, now, now);
    expect(org(f, ORGANIZATION, NULL, claim_run,
               "{\"space_id\":2,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\",\"name\":\"Lobby panel\"}"), 200, wanted);
    struct device_brief hot = hot_of(f, &device);
    assert_int_equal(hot.organization_no, ORGANIZATION);
    assert_int_equal(hot.space_no, ROOM);
    assert_int_equal(hot.space_version, 1);
    assert_int_equal(hot.info_version, 1);
    const struct event *event = last_event(f, EVENT_DEVICE_CLAIMED);
    assert_int_equal(event->organization_no, ORGANIZATION);
    assert_int_equal(event->push, PUSH_SPACE);
    assert_int_equal(test_number(f, "SELECT count(*) FROM audit WHERE action = 'device.claim'"), 1);
}

static void test_qr_code(void **state)
{
    struct fixture *f = *state;
    uint8_t hash[SHA256_BYTES];
    char digits[2 * SHA256_BYTES + 1], body[128];
    register_device(f, PANEL("A-1", "AA:BB:CC:DD:EE:01"), NULL);
    sha256("aa-bb-cc-dd-ee-01A-1", 20, hash); /* the label spells the MAC in its own way */
    hex_encode(hash, sizeof hash, digits);
    snprintf(body, sizeof body, "{\"space_id\":2,\"cloud_id\":\"OT02%.20s\"}", digits);
    expect_error(org(f, ORGANIZATION, NULL, claim_run, body), 404, "Device not found"); /* another maker's code */
    snprintf(body, sizeof body, "{\"space_id\":2,\"cloud_id\":\"NL01%.20s\"}", digits);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, body), 200);
}

static void test_ambiguous(void **state)
{
    struct fixture *f = *state;
    register_device(f, PANEL("A-1", "AA:BB:CC:DD:EE:01"), NULL);
    register_device(f, "{\"hardware_key\":\"" KEY_OTHER "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\",\"mac\":\"aa-bb-cc-dd-ee-01\"}",
                    NULL);
    expect_error(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\"}"), 422,
                 "Provided identifiers are ambiguous");
    expect_error(org(f, ORGANIZATION, NULL, lookup_run, "{\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\"}"), 422,
                 "Provided identifiers are ambiguous");
}

static void test_lookup(void **state)
{
    struct fixture *f = *state;
    char wanted[256], id[UUID_TEXT_BYTES], body[256];
    struct device_brief box = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL);
    register_device(f, BOX(KEY_DRAFT, "NL01draft001"), NULL);
    uuid_format(&box.id, id);
    snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_APP "\",\"firmware_version\":\"1.0.0\",\"sn\":\"c\",\"cloud_id\":\"NL01child0001\","
             "\"parent_id\":\"%s\"}", id);
    test_exec(f, "UPDATE model SET published = 1 WHERE no = 4");
    register_device(f, body, NULL);
    expect(org(f, ORGANIZATION, NULL, lookup_run, "{\"cloud_id\":\"NL01nobody\"}"), 200, "{\"result\":\"not_registered\"}");
    expect(org(f, ORGANIZATION, NULL, lookup_run, "{\"cloud_id\":\"NL01draft001\"}"), 200, "{\"result\":\"unpublished\"}");
    struct model_info app;
    assert_true(catalog_model(f->domain.catalog, 4, &app));
    app.published = true;
    catalog_put_model(f->domain.catalog, &app);
    expect(org(f, ORGANIZATION, NULL, lookup_run, "{\"cloud_id\":\"NL01child0001\"}"), 200, "{\"result\":\"child\"}");
    snprintf(wanted, sizeof wanted, "{\"result\":\"claimable\",\"device_id\":\"%s\",\"model\":\"Box\",\"sn\":\"NL01abcdefgh\",\"children\":1}", id);
    expect(org(f, ORGANIZATION, NULL, lookup_run, "{\"cloud_id\":\"NL01abcdefgh\"}"), 200, wanted);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"cloud_id\":\"NL01abcdefgh\"}"), 200);
    snprintf(wanted, sizeof wanted, "{\"result\":\"claimed_here\",\"device_id\":\"%s\"}", id);
    expect(org(f, ORGANIZATION, NULL, lookup_run, "{\"cloud_id\":\"NL01abcdefgh\"}"), 200, wanted);
    expect(org(f, LAB, NULL, lookup_run, "{\"cloud_id\":\"NL01abcdefgh\"}"), 200, "{\"result\":\"claimed_elsewhere\"}");
    expect_error(org(f, LAB, NULL, lookup_run, "{}"), 422, "Cloud id can't be blank");
}

/* What an owner set is not the next one's: suspended incidents, a name, a replacement that is waited for. */
static void test_unclaim_forgets_settings(void **state)
{
    struct fixture *f = *state;
    struct device_brief named = register_device(f, "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\","
                                                   "\"mac\":\"aabbccddee01\",\"name\":\"Its own\"}", NULL);
    struct device_brief plain = register_device(f, PANEL("A-2", "AA:BB:CC:DD:EE:02"), NULL);
    const struct device_brief *const devices[] = {&named, &plain};
    for (int i = 0; i < 2; i++) {
        const char *body = i ? "{\"space_id\":2,\"mac\":\"aabbccddee02\",\"sn\":\"A-2\",\"name\":\"Vault\"}"
                             : "{\"space_id\":2,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\"}";
        expect_status(org(f, ORGANIZATION, NULL, claim_run, body), 200);
        expect_status(ask(f, devices[i], DEVICE_UPDATE, i ? "{\"sub_model\":\"x\"}" : "{\"name\":\"Its newer one\"}"), 200);
        expect_status(org(f, ORGANIZATION, devices[i], update_run, "{\"name\":\"Safe of Harbour College\"}"), 200);
        expect_status(org(f, ORGANIZATION, devices[i], suspend_run, NULL), 200);
        expect_status(org(f, ORGANIZATION, devices[i], replace_run, "{\"sn\":\"A-9\"}"), 200);
        expect_status(org(f, ORGANIZATION, devices[i], unclaim_run, NULL), 200);
        struct answer answer = manage(f, partner_user(PARTNER), devices[i], get_run, NULL);
        assert_non_null(strstr(answer.text, i ? "\"name\":\"Panel\",\"organization\":null" : "\"name\":\"Its newer one\",\"organization\":null"));
        assert_non_null(strstr(answer.text, "\"replacement_until\":null,\"replacement_sn\":null"));
        answer_free(&answer);
    }
    expect_status(org(f, LAB, NULL, claim_run, "{\"space_id\":3,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\"}"), 200);
    struct answer answer = org(f, LAB, &named, get_run, NULL);
    assert_non_null(strstr(answer.text, "\"incidents_suspended\":false"));
    answer_free(&answer);
    expect_status(ask(f, &named, DEVICE_INCIDENT_CREATE, "{\"title\":\"Fan\"}"), 200);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 1);
}

/* Also the one that it says again, when what it said before was not kept. */
static void test_unclaim_gives_back_the_name(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\","
                                                    "\"mac\":\"aabbccddee01\",\"name\":\"Its own\"}", NULL);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\"}"), 200);
    test_exec(f, "UPDATE device SET reported_name = NULL");
    expect_status(ask(f, &device, DEVICE_UPDATE, "{\"name\":\"Its own\"}"), 200);
    expect_status(org(f, ORGANIZATION, &device, update_run, "{\"name\":\"Safe of Harbour College\"}"), 200);
    expect_status(ask(f, &device, DEVICE_UPDATE, "{\"sub_model\":\"x\"}"), 200); /* says no name */
    expect_status(org(f, ORGANIZATION, &device, unclaim_run, NULL), 200);
    struct answer answer = manage(f, partner_user(PARTNER), &device, get_run, NULL);
    assert_non_null(strstr(answer.text, "\"name\":\"Its own\",\"organization\":null"));
    answer_free(&answer);
}

static void test_unclaim(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL("A-1", "AA:BB:CC:DD:EE:01"), NULL), hot;
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\"}"), 200);
    expect_status(org(f, ORGANIZATION, &device, send_run, "{\"name\":\"reboot\"}"), 200);
    expect_status(org(f, ORGANIZATION, &device, put_run, "{\"config\":{\"a\":1}}"), 200);
    expect_status(org(f, ORGANIZATION, &device, update_run, "{\"custom_parameters\":{\"Community\":\"public\"}}"), 200);
    expect_status(ask(f, &device, DEVICE_TELEMETRY, "{\"telemetries\":{\"secret\":1}}"), 201);
    test_exec(f, "INSERT INTO history (device_no, epoch, at, status, state) VALUES (1, 0, 1, 1, '{}')");
    struct answer answer = ask(f, &device, DEVICE_INFO_GET, NULL);
    assert_non_null(strstr(answer.text, "secret"));
    answer_free(&answer);
    assert_true(hot_of(f, &device).command_waiting);
    expect(org(f, ORGANIZATION, &device, unclaim_run, NULL), 200, "{\"success\":true}");
    hot = hot_of(f, &device);
    assert_int_equal(hot.organization_no, 0);
    assert_int_equal(hot.space_version, 0);
    assert_int_equal(hot.epoch, 1);
    assert_int_equal(hot.info_version, 2);
    assert_int_equal(hot.config_version, 1); /* configuration stays */
    assert_false(hot.command_waiting);
    assert_int_equal(last_event(f, EVENT_DEVICE_UNCLAIMED)->organization_no, ORGANIZATION);
    assert_int_equal(last_event(f, EVENT_DEVICE_UNCLAIMED)->push, PUSH_SPACE | PUSH_COMMAND | PUSH_CHILDREN);
    assert_int_equal(test_number(f, "SELECT status FROM command"), COMMAND_ABORTED);
    expect_error(org(f, ORGANIZATION, &device, get_run, NULL), 404, "Device not found");
    /* the next owner finds nothing of the former one */
    expect_status(org(f, LAB, NULL, claim_run, "{\"space_id\":3,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\"}"), 200);
    assert_int_equal(hot_of(f, &device).space_version, 2); /* never a value again */
    answer = org(f, LAB, &device, get_run, NULL);
    assert_null(strstr(answer.text, "secret"));
    assert_null(strstr(answer.text, "public"));
    answer_free(&answer);
    answer = org(f, LAB, &device, versions_run, NULL);
    assert_null(strstr(answer.text, "Ada"));
    answer_free(&answer);
    commands_tick(&f->domain); /* the purge follows in slices */
    assert_int_equal(test_number(f, "SELECT count(*) FROM history"), 0);
    expect(manage(f, partner_user(PARTNER), &device, unclaim_run, NULL), 200, "{\"success\":true}");
    expect_error(manage(f, partner_user(PARTNER), &device, unclaim_run, NULL), 422, "Device is not claimed");
}

static void test_assign(void **state)
{
    struct fixture *f = *state;
    char body[512], id[UUID_TEXT_BYTES], foreign_id[UUID_TEXT_BYTES];
    struct device_brief box = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL);
    struct device_brief foreign = register_device(
        f, "{\"hardware_key\":\"" KEY_OTHER "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\",\"mac\":\"x\"}", NULL);
    uuid_format(&box.id, id);
    uuid_format(&foreign.id, foreign_id);
#define HARBOUR "02000000-0000-0000-0000-000000000001"
    expect_error(manage(f, partner_user(PARTNER), NULL, assign_run, "{}"), 422, "Parameter device_ids is required");
    snprintf(body, sizeof body, "{\"device_ids\":[\"%s\"]}", id);
    expect_error(manage(f, partner_user(PARTNER), NULL, assign_run, body), 422, "Parameter organization_id is required");
    snprintf(body, sizeof body, "{\"device_ids\":[\"%s\"],\"organization_id\":\"02000000-0000-0000-0000-000000000003\"}", id);
    expect_error(manage(f, partner_user(PARTNER), NULL, assign_run, body), 404, "Organization not found");
    snprintf(body, sizeof body, "{\"device_ids\":[\"%s\"],\"organization_id\":\"" HARBOUR "\",\"space_id\":3}", id);
    expect_error(manage(f, partner_user(PARTNER), NULL, assign_run, body), 404, "Space not found");
    snprintf(body, sizeof body, "{\"device_ids\":[\"%s\",\"%s\"],\"organization_id\":\"" HARBOUR "\"}", id, foreign_id);
    expect_error(manage(f, partner_user(PARTNER), NULL, assign_run, body), 404, "Device not found");
    assert_int_equal(hot_of(f, &box).organization_no, 0); /* all or none */
    assert_int_equal(test_number(f, "SELECT count(*) FROM device WHERE organization_no IS NOT NULL"), 0);
    snprintf(body, sizeof body, "{\"device_ids\":[\"%s\"],\"organization_id\":\"" HARBOUR "\"}", id);
    expect(manage(f, partner_user(PARTNER), NULL, assign_run, body), 200, "{\"success\":true}");
    assert_int_equal(hot_of(f, &box).space_no, ROOT_SPACE);
    expect_error(manage(f, partner_user(PARTNER), NULL, assign_run, body), 422, "Device is already claimed");
}

static void test_move(void **state)
{
    struct fixture *f = *state;
    char body[256], id[UUID_TEXT_BYTES];
    struct device_brief box = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL);
    uuid_format(&box.id, id);
    snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_APP "\",\"firmware_version\":\"1.0.0\",\"sn\":\"c\",\"cloud_id\":\"NL01child0001\","
             "\"parent_id\":\"%s\"}", id);
    struct device_brief app = register_device(f, body, NULL);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"cloud_id\":\"NL01abcdefgh\"}"), 200);
    expect_error(org(f, ORGANIZATION, &box, move_run, "{}"), 422, "Parameter space_id is required");
    expect_error(org(f, ORGANIZATION, &box, move_run, "{\"space_id\":3}"), 404, "Space not found");
    expect_error(org(f, ORGANIZATION, &app, move_run, "{\"space_id\":1}"), 422, "Application devices follow their parent");
    expect_error(org(f, ORGANIZATION, &app, unclaim_run, NULL), 422, "Application devices follow their parent");
    struct answer answer = org(f, ORGANIZATION, &box, move_run, "{\"space_id\":\"1\"}");
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_number(json_get(answer.json, "space_id")), 1);
    answer_free(&answer);
    assert_int_equal(hot_of(f, &box).space_version, 2);
    assert_int_equal(hot_of(f, &app).space_no, ROOT_SPACE);
    assert_int_equal(hot_of(f, &app).space_version, 2);
    expect_status(org(f, ORGANIZATION, &box, move_run, "{\"space_id\":1}"), 200);
    assert_int_equal(hot_of(f, &box).space_version, 2); /* it is there already */
    expect_status(org(f, ORGANIZATION, &box, unclaim_run, NULL), 200);
    assert_int_equal(hot_of(f, &app).organization_no, 0);
}

static void test_update(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL("A-1", "AA:BB:CC:DD:EE:01"), NULL);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"mac\":\"aabbccddee01\",\"sn\":\"A-1\"}"), 200);
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"name\":\"\"}"), 422, "Name can't be blank");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"name\":null}"), 422, "Name can't be blank");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"name\":{}}"), 422, "Name is invalid");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"configuration\":7}"), 422, "Configuration must be an object");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"custom_parameters\":[]}"), 422, "Custom parameters must be an object");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"name\":\"x\",\"custom_parameters\":{\"Unknown\":1}}"), 422,
                 "Unknown parameter Unknown");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"custom_parameters\":{\"Port\":\"x\"}}"), 422, "Port is invalid");
    expect_error(org(f, ORGANIZATION, &device, update_run, "{\"custom_parameters\":{\"Password\":\"*****\"}}"), 422,
                 "Password is invalid"); /* there is none to keep */
    assert_int_equal(hot_of(f, &device).info_version, 1); /* nothing was changed by the refused ones */
    struct answer answer = org(f, ORGANIZATION, &device, update_run,
                               "{\"name\":\"Desk\",\"configuration\":{\"a\":1},\"custom_parameters\":{\"Password\":\"s3cret\",\"Port\":\"161\"}}");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.text, "\"custom_parameters\":{\"Password\":\"*****\",\"Port\":161}"));
    assert_non_null(strstr(answer.text, "\"name\":\"Desk\""));
    assert_non_null(strstr(answer.text, "\"config_version\":1,"));
    answer_free(&answer);
    assert_int_equal(hot_of(f, &device).info_version, 2);
    assert_int_equal(hot_of(f, &device).config_version, 1);
    assert_int_equal(test_number(f, "SELECT count(*) FROM device WHERE custom_parameters LIKE '%s3cret%'"), 0); /* sealed */
    expect_status(org(f, ORGANIZATION, &device, update_run, "{\"custom_parameters\":{\"Password\":\"*****\"}}"), 200);
    answer = ask(f, &device, DEVICE_INFO_GET, NULL);
    assert_non_null(strstr(answer.text, "\"custom\":{\"Password\":\"s3cret\"},\"name\":\"Desk\""));
    answer_free(&answer);
}

static void test_delete(void **state)
{
    struct fixture *f = *state;
    char body[256], id[UUID_TEXT_BYTES], child_id[UUID_TEXT_BYTES];
    struct device_brief box = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL), gone;
    uuid_format(&box.id, id);
    snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_APP "\",\"firmware_version\":\"1.0.0\",\"sn\":\"c\",\"cloud_id\":\"NL01child0001\","
             "\"parent_id\":\"%s\"}", id);
    struct device_brief app = register_device(f, body, NULL);
    snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"p\",\"mac\":\"AA:BB:CC:DD:EE:01\","
             "\"parent_id\":\"%s\"}", id);
    struct device_brief physical = register_device(f, body, NULL);
    uuid_format(&physical.id, child_id);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"cloud_id\":\"NL01abcdefgh\"}"), 200);
    expect_status(org(f, ORGANIZATION, &physical, send_run, "{\"name\":\"reboot\"}"), 200);
    snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"q\",\"mac\":\"AA:BB:CC:DD:EE:02\","
             "\"parent_id\":\"%s\"}", id);
    struct device_brief second = register_device(f, body, NULL);
    expect_status(org(f, ORGANIZATION, &second, send_run, "{\"name\":\"reboot\"}"), 200);
    size_t told = count_events(f, EVENT_CHILD_COMMAND);
    expect_status(org(f, ORGANIZATION, &second, delete_run, NULL), 200);
    assert_int_equal(count_events(f, EVENT_CHILD_COMMAND), told + 1); /* what waits for its children is less */
    assert_int_equal(last_event(f, EVENT_CHILD_COMMAND)->device_no, box.no);
    expect_error(org(f, LAB, &box, delete_run, NULL), 404, "Device not found");
    expect_error(manage(f, partner_user(OTHER_PARTNER), &box, delete_run, NULL), 404, "Errors::NotFound");
    expect(ask(f, &box, DEVICE_DELETE, NULL), 200, "{\"success\":true}");
    assert_false(device_table_find_no(f->domain.devices, box.no, &gone));
    assert_false(device_table_find_no(f->domain.devices, app.no, &gone)); /* follows */
    assert_int_equal(hot_of(f, &physical).parent_no, 0);                  /* detached */
    assert_int_equal(count_events(f, EVENT_DEVICE_DELETED), 3);
    assert_int_equal(test_number(f, "SELECT count(*) FROM audit WHERE action = 'device.delete' AND actor_kind = 'device'"), 1);
    expect_error(ask(f, &box, DEVICE_CONFIG_GET, NULL), 401, "Not authorized");
    expect_error(ask(f, &box, DEVICE_DELETE, NULL), 401, "Not authorized");
    /* identifiers are free at once */
    struct device_brief again = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL);
    assert_false(uuid_eq(&again.id, &box.id));
    assert_true(again.no > physical.no);
    expect(org(f, ORGANIZATION, &physical, delete_run, NULL), 200, "{\"success\":true}");
    expect_error(org(f, ORGANIZATION, &physical, delete_run, NULL), 404, "Device not found");
    assert_int_equal(test_number(f, "SELECT count(*) FROM command"), 0);
    assert_int_equal(test_number(f, "SELECT count(*) FROM claim_code"), 0);
}

static void test_rotate_and_kick(void **state)
{
    struct fixture *f = *state;
    char key[33];
    struct device_brief device = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), key), found;
    struct answer answer = manage(f, partner_user(PARTNER), &device, rotate_run, NULL);
    char id[UUID_TEXT_BYTES], fresh[33];
    uuid_format(&device.id, id);
    assert_int_equal(answer.status, 200);
    snprintf(fresh, sizeof fresh, "%.*s", STR_ARG(json_string(json_get(answer.json, "access_key"))));
    answer_free(&answer);
    assert_int_equal(strlen(fresh), 32);
    assert_int_equal(credentials_check_device(&f->domain, str_from_cstr(id), str_from_cstr(key), &found), CREDENTIAL_UNKNOWN);
    assert_int_equal(credentials_check_device(&f->domain, str_from_cstr(id), str_from_cstr(fresh), &found), CREDENTIAL_OK);
    assert_int_equal(count_events(f, EVENT_DEVICE_KEY_CHANGED), 1);
    expect(manage(f, partner_user(PARTNER), &device, kick_run, NULL), 200, "{\"success\":true}");
    assert_int_equal(count_events(f, EVENT_DEVICE_KICK), 1);
    expect_error(manage(f, partner_user(OTHER_PARTNER), &device, rotate_run, NULL), 404, "Errors::NotFound");
}

struct page_wish {
    struct device_query query;
    struct page page;
};
static struct page_wish wish;

static void list_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    (void)body;
    struct device_query query = wish.query;
    device_list(admin, tx, &query, wish.page);
}

static void expect_list(struct fixture *f, struct principal principal, const char *const *names, size_t count)
{
    struct answer answer = manage(f, principal, NULL, list_run, NULL);
    const struct json *rows = json_get(answer.json, principal.tenant_kind == TENANT_PARTNER ? "data" : "items");
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_count(rows), count);
    for (size_t i = 0; i < count; i++) {
        assert_true(str_eq(json_string(json_get(json_at(rows, i), "name")), str_from_cstr(names[i])));
    }
    answer_free(&answer);
}

static void test_lists(void **state)
{
    struct fixture *f = *state;
    char body[256];
    for (int i = 1; i <= 7; i++) {
        snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_CLOUD "\",\"firmware_version\":\"1.0.0\",\"sn\":\"S%d\",\"cloud_id\":\"NL01box0000%d\","
                 "\"mac\":\"AA:BB:CC:DD:EE:0%d\",\"name\":\"Box %d\"}", i, i, i, i);
        register_device(f, body, NULL);
    }
    register_device(f, "{\"hardware_key\":\"" KEY_OTHER "\",\"firmware_version\":\"1.0.0\",\"sn\":\"S1\",\"mac\":\"AABBCCDDEE01\"}", NULL);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":1,\"cloud_id\":\"NL01box00001\"}"), 200);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"cloud_id\":\"NL01box00002\"}"), 200);
    expect_status(org(f, LAB, NULL, claim_run, "{\"space_id\":3,\"cloud_id\":\"NL01box00003\"}"), 200);
    struct principal partner = partner_user(PARTNER), organization = organization_user(ORGANIZATION);
#define LIST(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
    wish = (struct page_wish){.query.status = -1, .page = {1, 100}};
    expect_list(f, partner, LIST("Box 1", "Box 2", "Box 3", "Box 4", "Box 5", "Box 6", "Box 7"));
    expect_list(f, organization, LIST("Box 1", "Box 2"));
    wish.page = (struct page){2, 3};
    expect_list(f, partner, LIST("Box 4", "Box 5", "Box 6"));
    wish.page = (struct page){3, 3};
    expect_list(f, partner, LIST("Box 7"));
    wish.page = (struct page){9, 3};
    expect_list(f, partner, NULL, 0);
    wish.page = (struct page){1, 100};
    wish.query.filter = (struct device_filter){.sn = STR("S1")};
    expect_list(f, partner, LIST("Box 1"));
    wish.query.filter = (struct device_filter){.mac_normal = STR("aabbccddee04")};
    expect_list(f, partner, LIST("Box 4"));
    wish.query.filter = (struct device_filter){.cloud_id = STR("NL01box00005")};
    expect_list(f, partner, LIST("Box 5"));
    wish.query.filter = (struct device_filter){.owner_no = LAB};
    expect_list(f, partner, LIST("Box 3"));
    wish.query.filter = (struct device_filter){.unclaimed = true, .search = STR("BOX")};
    expect_list(f, partner, LIST("Box 4", "Box 5", "Box 6", "Box 7"));
    wish.query.filter = (struct device_filter){.search = STR("ox_")}; /* no wildcards */
    expect_list(f, partner, NULL, 0);
    wish.query.filter = (struct device_filter){.model_no = 2};
    expect_list(f, organization, LIST("Box 1", "Box 2"));
    wish.query.filter = (struct device_filter){.model_no = -1};
    expect_list(f, partner, NULL, 0);
    wish.query.filter = (struct device_filter){.space_no = 1}; /* with the spaces below it */
    expect_list(f, organization, LIST("Box 1", "Box 2"));
    wish.query.filter = (struct device_filter){.space_no = 2};
    expect_list(f, organization, LIST("Box 2"));
    wish.query.filter = (struct device_filter){.space_no = 3}; /* another tenant's */
    expect_list(f, organization, NULL, 0);
    /* by id, whole or in part */
    struct device_brief second;
    assert_true(device_table_find_no(f->domain.devices, 2, &second));
    char id[UUID_TEXT_BYTES];
    uuid_format(&second.id, id);
    wish.query.filter = (struct device_filter){.search = str_from(id, 13)};
    expect_list(f, partner, LIST("Box 2"));
    /* status is the hot record's */
    expect_status(ask(f, &second, DEVICE_TELEMETRY, "{}"), 201);
    wish.query = (struct device_query){.status = STATUS_ONLINE};
    expect_list(f, partner, LIST("Box 2"));
    wish.query = (struct device_query){.status = STATUS_NEVER_SEEN};
    wish.page = (struct page){2, 4};
    expect_list(f, partner, LIST("Box 6", "Box 7"));
    struct answer answer = manage(f, partner, NULL, list_run, NULL);
    assert_non_null(strstr(answer.text, "\"page_info\":{\"has_next\":false,\"total_count\":6}"));
    answer_free(&answer);
}

static void run_incident(struct test_op *test, struct store_tx *tx,
                         enum err (*run)(struct device_change *change, int64_t device_no))
{
    struct arena arena;
    struct device_change change;
    arena_init(&arena);
    device_change_init(&change, &test->f->domain, tx, &arena, TRANSPORT_NONE);
    test->op.err = run(&change, *(int64_t *)test->arg);
    arena_deinit(&arena);
}

static void open_run(struct test_op *test, struct store_tx *tx)
{
    run_incident(test, tx, incident_open_offline);
}

static void close_run(struct test_op *test, struct store_tx *tx)
{
    run_incident(test, tx, incident_close_offline);
}

static void test_offline_incident(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, BOX(KEY_CLOUD, "NL01abcdefgh"), NULL);
    int64_t no = device.no, unknown = 99;
    assert_int_equal(test_run(f, open_run, NULL, &no), ERR_OK); /* unclaimed: none */
    assert_int_equal(test_run(f, open_run, NULL, &unknown), ERR_OK);
    assert_int_equal(count_events(f, EVENT_INCIDENT), 0);
    expect_status(org(f, ORGANIZATION, NULL, claim_run, "{\"space_id\":2,\"cloud_id\":\"NL01abcdefgh\"}"), 200);
    assert_int_equal(test_run(f, open_run, NULL, &no), ERR_OK);
    assert_int_equal(test_run(f, open_run, NULL, &no), ERR_OK); /* one at most */
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident WHERE title = 'Device offline' AND issue = 'offline' "
                                    "AND priority = 2 AND closed_at IS NULL"), 1);
    assert_int_equal(count_events(f, EVENT_INCIDENT), 1);
    assert_non_null(strstr(last_event(f, EVENT_INCIDENT)->payload.ptr, "\"status\":\"active\",\"priority\":\"high\""));
    test_now_ms += 1000;
    assert_int_equal(test_run(f, close_run, NULL, &no), ERR_OK);
    assert_int_equal(test_run(f, close_run, NULL, &no), ERR_OK);
    assert_int_equal(count_events(f, EVENT_INCIDENT), 2);
    assert_int_equal(test_number(f, "SELECT closed_at FROM incident"), test_now_ms);
    expect(org(f, ORGANIZATION, &device, suspend_run, NULL), 200, "{\"success\":true}");
    assert_int_equal(test_run(f, open_run, NULL, &no), ERR_OK);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 1);
    expect(org(f, ORGANIZATION, &device, resume_run, NULL), 200, "{\"success\":true}");
    assert_int_equal(test_run(f, open_run, NULL, &no), ERR_OK);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claim_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claimed_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_qr_code, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ambiguous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lookup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unclaim, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unclaim_forgets_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unclaim_gives_back_the_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_update, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotate_and_kick, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_offline_incident, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
