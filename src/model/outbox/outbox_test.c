/* What is told to the outside is queued with what it tells of, in order, bounded, and tried again as
 * management-api.md 8.1 says. */
#include "model/testing/world_fixture.h"

#include "base/crypto.h"
#include "model/management/masked_url.h"
#include "model/outbox/daily_summary.h"
#include "model/outbox/delivery.h"
#include "model/outbox/mail.h"
#include "model/outbox/mail_text.h"
#include "model/outbox/webhook.h"
#include "model/ports/daily_summary_store.h"
#include "model/ports/setup_store.h"

#define RUN(world, function, arg) world_run((world), &(world)->partner, (function), (arg))

static void set_webhook(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct buf sealed;
    buf_init(&sealed, 1024);
    seal(admin->domain->keys.seal_key, STR("s3cret"), &sealed);
    struct webhook_row row = {.partner_no = admin->principal.partner_no, .url = STR("https://example.com/hook"),
                              .secret_sealed = buf_str(&sealed), .events = str_from_cstr(arg)};
    assert_int_equal(webhook_store_put(tx, &row), ERR_OK);
    buf_deinit(&sealed);
    admin->reply->status = 200;
}

static void change_license(struct admin *admin, struct store_tx *tx, void *arg)
{
    const int *device_no = arg;
    struct uuid device = uuid_random();
    struct webhook_license license = {.partner_no = admin->principal.partner_no, .device_no = *device_no,
                                      .license_id = uuid_random(), .device_id = *device_no ? &device : NULL,
                                      .action = STR("assign"), .state = STR("assigned")};
    assert_int_equal(webhook_license_updated(admin->domain, tx, &license), ERR_OK);
    admin->reply->status = 200;
}

struct due {
    int64_t nos[16];
    size_t count;
    char body[512];
};

static void note_due(const struct delivery_row *row, void *arg)
{
    struct due *due = arg;
    snprintf(due->body, sizeof due->body, "%.*s", STR_ARG(row->body));
    due->nos[due->count++] = row->no;
}

static void read_due(struct admin *admin, struct store_tx *tx, void *arg)
{
    assert_int_equal(delivery_store_due(tx, TENANT_PARTNER, admin->principal.partner_no, world_now, 16, note_due, arg),
                     ERR_OK);
    admin->reply->status = 200;
}

static struct due due_now(struct world *world)
{
    struct due due = {.count = 0};
    RUN(world, read_due, &due);
    return due;
}

struct attempt_made {
    int64_t no;
    struct delivery_outcome outcome;
    struct delivery_row row; /* afterwards */
    int64_t waiting;
};

static void attempt(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct attempt_made *made = arg;
    assert_int_equal(delivery_attempted(admin->domain, tx, made->no, &made->outcome), ERR_OK);
    assert_int_equal(delivery_store_find(tx, made->no, admin->arena, &made->row), ERR_OK);
    made->waiting = delivery_queue_store_count(tx, TENANT_PARTNER, admin->principal.partner_no);
    admin->reply->status = 200;
}

static void queues_only_what_is_wanted(void **state)
{
    struct world *world = *state;
    int none = 0;
    RUN(world, change_license, &none);
    assert_int_equal(due_now(world).count, 0); /* no webhook */
    RUN(world, set_webhook, "[\"claimed_device\"]");
    RUN(world, change_license, &none);
    assert_int_equal(due_now(world).count, 0); /* not this event */
    RUN(world, set_webhook, NULL);
    RUN(world, change_license, &none);
    struct due due = due_now(world);
    assert_int_equal(due.count, 1);
    assert_non_null(strstr(due.body, "{\"event_type\":\"license_updated\",\"license_id\":\""));
    assert_non_null(strstr(due.body, "\"device_id\":null,\"action\":\"assign\",\"state\":\"assigned\"}"));
    assert_null(strstr(due.body, "s3cret"));
}

static void change_and_fail(struct admin *admin, struct store_tx *tx, void *arg)
{
    change_license(admin, tx, arg);
    reply_error(admin->reply, 422, "No");
}

static void goes_with_its_transaction(void **state)
{
    struct world *world = *state;
    int none = 0;
    RUN(world, set_webhook, NULL);
    RUN(world, change_and_fail, &none);
    assert_int_equal(due_now(world).count, 0);
}

static void keeps_the_order_of_a_device(void **state)
{
    struct world *world = *state;
    int one = 1, two = 2;
    RUN(world, set_webhook, NULL);
    RUN(world, change_license, &one);
    RUN(world, change_license, &one);
    RUN(world, change_license, &two);
    struct due due = due_now(world);
    assert_int_equal(due.count, 2); /* the first of each device */
    struct attempt_made made = {.no = due.nos[0], .outcome = {.status = 500, .error = STR("HTTP status 500")}};
    RUN(world, attempt, &made);
    assert_int_equal(made.row.state, DELIVERY_WAITING);
    assert_int_equal(made.row.due_at, world_now + 10000);
    assert_int_equal(due_now(world).count, 1); /* the second still waits for the first */
    world_now += 10000;
    RUN(world, attempt, &made);
    assert_int_equal(made.row.due_at, world_now + 60000);
    world_now += 60000;
    assert_int_equal(made.waiting, 3);
    RUN(world, attempt, &made);
    assert_int_equal(made.row.state, DELIVERY_FAILED); /* after the third try */
    assert_int_equal(made.row.attempts, 3);
    assert_int_equal(made.waiting, 2);
    due = due_now(world);
    assert_int_equal(due.count, 2);
    assert_true(due.nos[1] > made.no && due.nos[0] > made.no);
}

static void survives_a_restart(void **state)
{
    struct world *world = *state;
    int one = 1;
    RUN(world, set_webhook, NULL);
    RUN(world, change_license, &one);
    RUN(world, change_license, &one);
    struct due due = due_now(world);
    world_restart(world);
    assert_int_equal(due_now(world).nos[0], due.nos[0]);
    struct attempt_made made = {.no = due.nos[0], .outcome = {.status = 204}};
    RUN(world, attempt, &made);
    assert_int_equal(made.row.state, DELIVERY_DELIVERED);
    due = due_now(world);
    assert_int_equal(due.count, 1);
    assert_true(due.nos[0] > made.no);
}

static void keeps_what_is_too_much_as_failed(void **state)
{
    struct world *world = *state;
    int one = 1;
    world->settings.notify_webhook_queue = 2;
    RUN(world, set_webhook, NULL);
    RUN(world, change_license, &one);
    RUN(world, change_license, &one);
    RUN(world, change_license, &one);
    struct attempt_made made = {.no = 1, .outcome = {.status = 200}};
    RUN(world, attempt, &made);
    assert_int_equal(made.waiting, 1);
    made.no = 2;
    RUN(world, attempt, &made);
    assert_int_equal(due_now(world).count, 0); /* the third was given up at once */
}

/* --- mail --- */

static void set_relay(struct admin *admin, struct store_tx *tx, void *arg)
{
    assert_int_equal(setting_store_set(tx, STR("smtp_host"), str_from_cstr(arg)), ERR_OK);
    admin->reply->status = 200;
}

struct mailing {
    struct mail mail;
    struct mail_row row;
};

static void note_mail(const struct mail_row *row, void *arg)
{
    struct mailing *mailing = arg;
    mailing->row.no = row->no;
}

static void send_mail(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct mailing *mailing = arg;
    assert_int_equal(mail_queue(admin->domain, tx, &mailing->mail), ERR_OK);
    assert_int_equal(mail_store_list(tx, 0, 0, (struct page){1, 1}, note_mail, mailing), ERR_OK);
    assert_int_equal(mail_store_find(tx, mailing->row.no, admin->arena, &mailing->row), ERR_OK);
    admin->reply->status = 200;
}

static void lists_mail_without_a_relay(void **state)
{
    struct world *world = *state;
    struct mailing mailing = {.mail = {.kind = MAIL_INVITATION, .tenant_kind = TENANT_PARTNER, .tenant_no = 1,
                                       .to = STR("bo@harbour.example"), .tenant_name = STR("North\r\nlight"),
                                       .by = STR("Ada"), .link_path = STR("/invitation/TOKEN"),
                                       .link_expires_at = WORLD_START_MS + 1000}};
    RUN(world, send_mail, &mailing);
    assert_int_equal(mailing.row.state, MAIL_LISTED);
    assert_int_equal(mailing.row.due_at, TIME_NONE);
    assert_true(str_eq(mailing.row.subject, STR("Invitation to North  light")));
    assert_false(str_contains_nocase(mailing.row.text, STR("TOKEN")));
    assert_false(str_contains_nocase(mailing.row.link_sealed, STR("TOKEN")));
    struct buf link;
    buf_init(&link, 1024);
    assert_true(seal_open(world->domain.keys.seal_key, mailing.row.link_sealed, &link));
    assert_true(str_eq(buf_str(&link), STR("https://muster.example:8443/invitation/TOKEN")));
    buf_deinit(&link);
}

static void mail_waits_for_the_relay(void **state)
{
    struct world *world = *state;
    world->settings.notify_mail_queue = 1;
    RUN(world, set_relay, "mail.example");
    struct mailing mailing = {.mail = {.kind = MAIL_TICKET, .to = STR("bo@harbour.example"), .title = STR("Dark"),
                                       .text = STR("It is dark."), .by = STR("Ada")}};
    RUN(world, send_mail, &mailing);
    assert_int_equal(mailing.row.state, MAIL_WAITING);
    assert_int_equal(mailing.row.due_at, world_now);
    assert_true(str_eq(mailing.row.text, STR("Ada wrote:\n\nIt is dark.")));
    RUN(world, send_mail, &mailing);
    assert_int_equal(mailing.row.state, MAIL_FAILED);
    assert_true(str_eq(mailing.row.error, STR("Too many mails were waiting")));
    mailing.mail.to = STR("bo@harbour.example>\r\nRCPT TO:<eve@example.com");
    RUN(world, send_mail, &mailing);
    assert_int_equal(mailing.row.state, MAIL_FAILED);
    assert_true(str_eq(mailing.row.error, STR("The address is invalid")));
}

static void mail_comes_in_bursts_of_a_limit(void **state)
{
    struct world *world = *state;
    struct mailing mailing = {.mail = {.kind = MAIL_CLAIM, .tenant_kind = TENANT_ORGANIZATION, .tenant_no = 1,
                                       .to = STR("bo@harbour.example"), .title = STR("Panel"), .where = STR("Room")}};
    int64_t last = 0;
    for (int i = 0; i < MAIL_BURST_CLAIMS + 2; i++) {
        RUN(world, send_mail, &mailing);
        assert_int_equal(mailing.row.no != last, i < MAIL_BURST_CLAIMS);
        last = mailing.row.no;
    }
    assert_true(str_contains_nocase(mailing.row.text, STR("no more of these are mailed")));
    world_now += MAIL_BURST_MS;
    RUN(world, send_mail, &mailing);
    assert_true(mailing.row.no != last);
    assert_true(str_eq(mailing.row.text, STR("Somebody claimed Panel into Room.")));
}

struct mail_try {
    int64_t no;
    struct mail_outcome outcome;
    struct mail_row row;
};

static void try_mail(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct mail_try *made = arg;
    assert_int_equal(mail_attempted(admin->domain, tx, made->no, &made->outcome), ERR_OK);
    assert_int_equal(mail_store_find(tx, made->no, admin->arena, &made->row), ERR_OK);
    admin->reply->status = 200;
}

static void mail_is_tried_for_hours(void **state)
{
    static const int64_t pauses_min[] = {1, 5, 30, 120, 360};
    struct world *world = *state;
    RUN(world, set_relay, "mail.example");
    struct mailing mailing = {.mail = {.kind = MAIL_INVITATION, .to = STR("bo@harbour.example"), .link_path = STR("/x"),
                                       .link_expires_at = WORLD_START_MS + INT64_C(86400000)}};
    RUN(world, send_mail, &mailing);
    struct mail_try made = {.no = mailing.row.no, .outcome = {.error = STR("No connection")}};
    for (size_t i = 0; i < sizeof pauses_min / sizeof pauses_min[0]; i++) {
        RUN(world, try_mail, &made);
        assert_int_equal(made.row.state, MAIL_WAITING);
        assert_int_equal(made.row.due_at, world_now + pauses_min[i] * 60000);
        world_now = made.row.due_at;
    }
    RUN(world, try_mail, &made);
    assert_int_equal(made.row.state, MAIL_FAILED);
    assert_non_null(made.row.link_sealed.ptr); /* to be handed on by other means */
    RUN(world, send_mail, &mailing);
    made = (struct mail_try){.no = mailing.row.no};
    RUN(world, try_mail, &made);
    assert_int_equal(made.row.state, MAIL_SENT);
    assert_null(made.row.link_sealed.ptr);
}

static int64_t mails_of(struct store_tx *tx, const struct principal *who)
{
    return mail_store_count(tx, TENANT_ORGANIZATION, who->organization_no);
}

/* The rows of the two alternate. */
static void mail_to_both(struct admin *admin, struct store_tx *tx, void *arg)
{
    const struct principal *const *who = arg;
    for (int i = 0; i < 100; i++) {
        struct mail mail = {.kind = MAIL_TICKET, .tenant_kind = TENANT_ORGANIZATION, .tenant_no = who[i % 2]->organization_no,
                            .to = STR("bo@harbour.example"), .title = STR("Dark")};
        assert_int_equal(mail_queue(admin->domain, tx, &mail), ERR_OK);
    }
    admin->reply->status = 200;
}

static void check_kept(struct admin *admin, struct store_tx *tx, void *arg)
{
    assert_in_range(mails_of(tx, arg), 5, 5 + 16);
    admin->reply->status = 200;
}

/* Whoever's row has not the number at which is trimmed is trimmed too. */
static void finished_mails_are_kept_up_to_a_limit(void **state)
{
    struct world *world = *state;
    struct world_tenants other = world_second_tenants(world);
    world->settings.notify_deliveries_kept = 5;
    const struct principal *both[] = {&other.organization, &world->organization};
    RUN(world, mail_to_both, both);
    RUN(world, check_kept, &world->organization);
    RUN(world, check_kept, &other.organization);
}

/* An invitation, and more sign-ups behind it than are kept. */
static void mail_sign_ups(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct mailing *mailing = arg;
    struct mail mail = {.kind = MAIL_INVITATION, .tenant_kind = TENANT_PARTNER, .tenant_no = 1, .to = STR("bo@harbour.example")};
    assert_int_equal(mail_queue(admin->domain, tx, &mail), ERR_OK);
    mail.kind = MAIL_SIGN_UP;
    for (int i = 0; i < MAIL_BURST_SIGN_UPS + 3; i++) {
        assert_int_equal(mail_queue(admin->domain, tx, &mail), ERR_OK);
    }
    assert_int_equal(mail_store_find(tx, 1, admin->arena, &mailing->row), ERR_OK);
    mailing->row.no = mail_store_count(tx, TENANT_PARTNER, 1);
    admin->reply->status = 200;
}

static void sign_ups_displace_no_other_mail(void **state)
{
    struct world *world = *state;
    struct mailing mailing = {0};
    world->settings.notify_deliveries_kept = 5;
    RUN(world, mail_sign_ups, &mailing);
    assert_int_equal(mailing.row.kind, MAIL_INVITATION);
    assert_in_range(mailing.row.no, 1 + 5, 1 + 5 + 16);
}

static void sign_ups_come_in_bursts_of_a_limit(void **state)
{
    struct world *world = *state;
    struct mailing mailing = {0};
    RUN(world, mail_sign_ups, &mailing);
    assert_int_equal(mailing.row.no, 1 + MAIL_BURST_SIGN_UPS);
}

static void sign_ups_wait_apart(void **state)
{
    static const enum mail_kind kinds[] = {MAIL_SIGN_UP, MAIL_SIGN_UP, MAIL_INVITATION, MAIL_TICKET, MAIL_SIGN_UP, MAIL_INVITATION};
    struct world *world = *state;
    struct mailing mailing = {.mail = {.tenant_kind = TENANT_PARTNER, .tenant_no = 1, .to = STR("bo@harbour.example")}};
    world->settings.notify_mail_queue = 2;
    RUN(world, set_relay, "mail.example");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        mailing.mail.kind = kinds[i];
        RUN(world, send_mail, &mailing);
        assert_int_equal(mailing.row.state, i < 4 ? MAIL_WAITING : MAIL_FAILED);
    }
}

static const struct str many[] = {STR_INIT("a@x.example"), STR_INIT("b@x.example"), STR_INIT("c@x.example")};

static void mail_many(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct mailing *mailing = arg;
    assert_int_equal(mail_queue_each(admin->domain, tx, &mailing->mail, many, 3), ERR_OK);
    assert_int_equal(mail_store_list(tx, 0, 0, (struct page){1, 1}, note_mail, mailing), ERR_OK);
    assert_int_equal(mail_store_find(tx, mailing->row.no, admin->arena, &mailing->row), ERR_OK);
    admin->reply->status = 200;
}

static void a_burst_ends_within_the_recipients(void **state)
{
    struct world *world = *state;
    struct mailing mailing = {.mail = {.kind = MAIL_CLAIM, .tenant_kind = TENANT_ORGANIZATION, .tenant_no = 1, .title = STR("Panel")}};
    for (int i = 0; i < 5; i++) {
        RUN(world, mail_many, &mailing);
    }
    assert_int_equal(mailing.row.no, MAIL_BURST_CLAIMS);
    assert_true(str_contains_nocase(mailing.row.text, STR("no more of these are mailed")));
    world->settings.notify_mail_queue = 2;
    RUN(world, set_relay, "mail.example");
    mailing.mail.kind = MAIL_TICKET;
    RUN(world, mail_many, &mailing);
    assert_int_equal(mailing.row.state, MAIL_FAILED); /* the third does not fit any more */
}

/* --- the daily summary --- */

struct schedule {
    const struct principal *who;
    const char *settings;
    int64_t mails;
    int64_t due_in; /* after what was due now */
};

static void schedule_now(struct admin *admin, struct store_tx *tx, void *arg)
{
    const struct schedule *schedule = arg;
    int64_t no = schedule->who->organization_no;
    assert_int_equal(tenant_settings_store_put(tx, TENANT_ORGANIZATION, no, str_from_cstr(schedule->settings)), ERR_OK);
    assert_int_equal(daily_summary_store_put(tx, no, world_now - 1000 + no), ERR_OK);
    admin->reply->status = 200;
}

static void look(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct schedule *schedule = arg;
    int64_t nos[8];
    size_t count = 0;
    schedule->mails = mails_of(tx, schedule->who);
    for (schedule->due_in = 0;; schedule->due_in += 60000) {
        assert_int_equal(daily_summary_store_due(tx, world_now + schedule->due_in, nos, 8, &count), ERR_OK);
        for (size_t i = 0; i < count; i++) {
            if (nos[i] == schedule->who->organization_no) {
                admin->reply->status = 200;
                return;
            }
        }
    }
}

static void one_summary_that_fails_leaves_the_others_alone(void **state)
{
    struct world *world = *state;
    struct world_tenants other = world_second_tenants(world);
    struct schedule broken = {.who = &world->organization, .settings = "{\"daily_report_hour\":"};
    struct schedule fine = {.who = &other.organization,
                            .settings = "{\"daily_report_hour\":12,\"notification_emails\":[\"a@x.example\",\"b@x.example\"]}"};
    RUN(world, schedule_now, &broken);
    RUN(world, schedule_now, &fine);
    daily_summaries_start(&world->domain);
    world_drain(world);
    RUN(world, look, &broken);
    RUN(world, look, &fine);
    assert_int_equal(fine.mails, 2);
    assert_int_equal(fine.due_in, 105 * 60000); /* 12:00, it is 10:15 */
    assert_int_equal(broken.mails, 0);
    assert_int_equal(broken.due_in, 60 * 60000);
}

static void addresses(void **state)
{
    (void)state;
    assert_true(mail_address_is_valid(STR("a@b")));
    assert_true(mail_address_is_valid(STR("j\xc3\xb8rgen+x@harbour.example")));
    static const char *const wrong[] = {"", "a@", "@b", "ab", "a@b@c", "a b@c", "a@b\n", "<a@b>", "a,b@c", "\"a\"@b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(mail_address_is_valid(str_from_cstr(wrong[i])));
    }
}

static void secrets_in_urls(void **state)
{
    static const char *const rows[][3] = {
        {"https://host.example/hook", "https://host.example/hook", "\"https://host.example*****\""},
        {"https://ada:pw@host.example:8443/a/b?token=T#f", "https://*****@host.example:8443/a/b?*****", "\"https://host.example:8443*****\""},
        {"http://host.example?t", "http://host.example?*****", "\"http://host.example*****\""},
        {"http://a@b@host#x@y", "http://*****@host?*****", "\"http://host*****\""},
        {"no url", "no url", "\"no url\""},
    };
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json *url = json_new_string(str_from_cstr(rows[i][0])), *array = json_new_array(), *object = json_new_object();
        json_append(array, url);
        json_set(object, STR("a"), array);
        struct json *masked = masked_urls(&arena, object);
        struct buf text;
        buf_init(&text, 1024);
        json_write(&text, json_first(json_get(masked, "a")));
        struct str mask = masked_url(&arena, str_from_cstr(rows[i][0]));
        char shown[128], whole[128];
        snprintf(whole, sizeof whole, "%.*s", STR_ARG(mask));
        snprintf(shown, sizeof shown, "%.*s", STR_ARG(buf_str(&text)));
        assert_string_equal(whole, rows[i][1]);
        assert_string_equal(shown, rows[i][2]);
        buf_deinit(&text);
        json_free(masked);
        json_free(object);
    }
    arena_deinit(&arena);
}

static void every_kind_has_a_text(void **state)
{
    struct world *world = *state;
    for (int kind = MAIL_INVITATION; kind < MAIL_KIND_END; kind++) {
        struct mail mail = {.kind = (enum mail_kind)kind, .title = STR("T"), .text = STR("x"), .where = STR("W")};
        struct str subject, text;
        mail_text(&mail, &world->arena, &subject, &text);
        assert_non_null(mail_kind_name(mail.kind));
        assert_true(subject.len > 0 && text.len > 0);
    }
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_start_set_up, world_end)
    const struct CMUnitTest tests[] = {
        IN_WORLD(queues_only_what_is_wanted), IN_WORLD(goes_with_its_transaction), IN_WORLD(keeps_the_order_of_a_device),
        IN_WORLD(survives_a_restart),         IN_WORLD(keeps_what_is_too_much_as_failed),
        IN_WORLD(lists_mail_without_a_relay), IN_WORLD(mail_waits_for_the_relay),
        IN_WORLD(finished_mails_are_kept_up_to_a_limit), IN_WORLD(a_burst_ends_within_the_recipients),
        IN_WORLD(sign_ups_displace_no_other_mail), IN_WORLD(sign_ups_come_in_bursts_of_a_limit), IN_WORLD(sign_ups_wait_apart),
        IN_WORLD(one_summary_that_fails_leaves_the_others_alone), cmocka_unit_test(secrets_in_urls),
        IN_WORLD(mail_comes_in_bursts_of_a_limit), IN_WORLD(mail_is_tried_for_hours), IN_WORLD(every_kind_has_a_text),      cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
