/* The retained messages of a topic space: counts, cursors in a changing list. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "hub/retained.h"

static void put(struct retained *r, int64_t device_no, const char *name, const char *payload, int64_t expires_at_ms)
{
    struct device_brief device = {.no = device_no, .epoch = 1};
    struct message_parts parts = {.topic = str_from_cstr(name), .payload = str_from_cstr(payload), .retain = true};
    struct message *message = message_new(&parts, &device);
    message->expires_at_ms = expires_at_ms;
    retained_put(r, message);
    message_unref(message);
}

/* The payloads that the cursor still has, as one text. */
static const char *rest_of(struct retained *r, struct retained_cursor *cursor, const char *filter)
{
    static char out[128];
    size_t len = 0;
    struct message *message;
    enum retained_next next;
    out[0] = '\0';
    while ((next = retained_cursor_next(r, cursor, str_from_cstr(filter), &message)) != RETAINED_END) {
        if (next == RETAINED_FOUND) {
            len += (size_t)snprintf(out + len, sizeof out - len, "%.*s", STR_ARG(message_payload(message)));
        }
        message_unref(message);
    }
    return out;
}

static void a_message_replaces_and_is_cleared(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    put(r, 1, "a", "1", MESSAGE_NEVER_EXPIRES);
    put(r, 1, "a", "2", MESSAGE_NEVER_EXPIRES);
    assert_int_equal(retained_count(r), 1);
    struct message *message = retained_get(r, STR("a"));
    assert_true(str_eq(message_payload(message), STR("2")));
    put(r, 1, "a", "", MESSAGE_NEVER_EXPIRES);
    assert_true(str_eq(message_payload(message), STR("2"))); /* who holds it keeps it */
    message_unref(message);
    assert_null(retained_get(r, STR("a")));
    assert_int_equal(retained_count(r), 0);
    retained_free(r);
}

static void cursors_survive_changes(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    struct retained_cursor all, one, none;
    put(r, 1, "d/1/a", "a", MESSAGE_NEVER_EXPIRES);
    put(r, 1, "d/1/b", "b", MESSAGE_NEVER_EXPIRES);
    put(r, 2, "d/2/c", "c", MESSAGE_NEVER_EXPIRES);
    put(r, 1, "d/1/d", "d", MESSAGE_NEVER_EXPIRES);
    retained_cursor_begin(r, &all, STR("#"), 0);
    retained_cursor_begin(r, &one, STR("d/+/+"), 1);
    retained_cursor_begin(r, &none, STR("#"), 7);
    struct message *message;
    assert_int_equal(retained_cursor_next(r, &all, STR("#"), &message), RETAINED_FOUND);
    assert_true(str_eq(message_payload(message), STR("a")));
    message_unref(message);
    put(r, 1, "d/1/b", "", MESSAGE_NEVER_EXPIRES);  /* the next one goes */
    put(r, 2, "d/2/c", "C", MESSAGE_NEVER_EXPIRES); /* newer than the cursors */
    put(r, 1, "d/1/e", "e", MESSAGE_NEVER_EXPIRES);
    assert_string_equal(rest_of(r, &all, "#"), "d");
    assert_string_equal(rest_of(r, &one, "d/+/+"), "ad");
    assert_string_equal(rest_of(r, &none, "#"), "");
    retained_remove_device(r, 1);
    assert_int_equal(retained_count(r), 1);
    retained_cursor_end(r, &one);
    retained_cursor_end(r, &all);
    retained_cursor_end(r, &none);
    retained_cursor_begin(r, &all, STR("d/#"), 0);
    assert_string_equal(rest_of(r, &all, "d/#"), "C");
    retained_cursor_end(r, &all);
    retained_free(r);
}

static void a_long_list_is_read_whole(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    struct retained_cursor cursor;
    for (int i = 0; i < 2000; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "t/%d", i);
        put(r, i + 1, topic, "x", MESSAGE_NEVER_EXPIRES);
    }
    retained_cursor_begin(r, &cursor, STR("+/1999"), 0);
    struct message *message;
    unsigned turns = 1;
    enum retained_next next;
    while ((next = retained_cursor_next(r, &cursor, STR("+/1999"), &message)) == RETAINED_LATER) {
        turns++;
    }
    assert_int_equal(next, RETAINED_FOUND);
    message_unref(message);
    assert_true(turns >= 8); /* none of them looks at more than 256 */
    assert_string_equal(rest_of(r, &cursor, "+/1999"), "");
    retained_cursor_end(r, &cursor);
    retained_free(r);
}

/* A filter without wildcards is found at once, however many there are. */
static void one_topic_is_not_searched(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    struct retained_cursor now, none, later;
    for (int i = 0; i < 2000; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "t/%d", i);
        put(r, i + 1, topic, "x", MESSAGE_NEVER_EXPIRES);
    }
    struct message *message;
    retained_cursor_begin(r, &now, STR("t/1999"), 0);
    retained_cursor_begin(r, &none, STR("t/2000"), 0);
    retained_cursor_begin(r, &later, STR("t/7"), 8);
    put(r, 8, "t/7", "y", MESSAGE_NEVER_EXPIRES); /* newer than the cursor: it was received as it came */
    assert_int_equal(retained_cursor_next(r, &now, STR("t/1999"), &message), RETAINED_FOUND);
    message_unref(message);
    assert_int_equal(retained_cursor_next(r, &now, STR("t/1999"), &message), RETAINED_END);
    assert_int_equal(retained_cursor_next(r, &none, STR("t/2000"), &message), RETAINED_END);
    assert_int_equal(retained_cursor_next(r, &later, STR("t/7"), &message), RETAINED_END);
    retained_cursor_end(r, &now);
    retained_cursor_end(r, &none);
    retained_cursor_end(r, &later);
    retained_free(r);
}

struct counted_sweep {
    struct retained_sweep sweep;
    size_t removed;
    char last[32];
};

static void count_expired(struct retained_sweep *sweep, struct str topic)
{
    struct counted_sweep *counted = container_of(sweep, struct counted_sweep, sweep);
    counted->removed++;
    snprintf(counted->last, sizeof counted->last, "%.*s", (int)topic.len, topic.ptr);
}

static void what_is_too_old_goes(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    put(r, 1, "a", "1", 100);
    put(r, 1, "b", "1", 200);
    put(r, 1, "c", "1", MESSAGE_NEVER_EXPIRES);
    struct counted_sweep counted = {.sweep.on_expired = count_expired};
    assert_false(retained_expire(r, &counted.sweep, 99));
    assert_int_equal(counted.removed, 0);
    assert_false(retained_expire(r, &counted.sweep, 150));
    assert_int_equal(counted.removed, 1);
    assert_string_equal(counted.last, "a");
    assert_int_equal(retained_count(r), 2);
    assert_false(retained_remove_stale(r, 1, 1));
    assert_true(retained_remove_stale(r, 1, 2));
    assert_int_equal(retained_count(r), 0);
    retained_free(r);
}

/* The lock is free between the slices of a sweep: what happens there does not disturb it. */
static void a_sweep_goes_in_slices(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    char name[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "t/%d", i);
        put(r, 1 + i % 3, name, "x", i % 2 ? 100 : MESSAGE_NEVER_EXPIRES);
    }
    struct retained_cursor reader;
    retained_cursor_begin(r, &reader, STR("#"), 0);
    struct counted_sweep counted = {.sweep.on_expired = count_expired};
    unsigned slices = 1;
    for (size_t before = 2000; retained_expire(r, &counted.sweep, 100); slices++) {
        assert_true(retained_count(r) < before && before - retained_count(r) <= 256);
        before = retained_count(r);
        if (slices == 1) {
            retained_remove_device(r, 1); /* with what it would come to next */
            put(r, 2, "t/1", "again", MESSAGE_NEVER_EXPIRES);
            before = retained_count(r);
        }
    }
    assert_true(slices > 3);
    assert_true(counted.removed > 0);
    size_t left = 0;
    for (int i = 0; i < 2000; i += 2) {
        left += i % 3 != 0;
    }
    assert_int_equal(retained_count(r), left + 1); /* the other devices', and the new one */
    retained_cursor_end(r, &reader);
    retained_free(r);
}

static void room_counts_the_others(void **state)
{
    (void)state;
    struct retained *r = retained_new();
    struct device_brief device = {.no = 1, .epoch = 1};
    struct message_parts parts = {.topic = STR("n"), .payload = STR("123456789"), .retain = true};
    struct message *message = message_new(&parts, &device);
    struct retained_limit two = {2, 0}, bytes = {0, 12};
    put(r, 1, "a", "1", MESSAGE_NEVER_EXPIRES);
    put(r, 2, "x", "1", MESSAGE_NEVER_EXPIRES);
    assert_true(retained_has_room(r, message, &two));
    assert_true(retained_has_room(r, message, &bytes));
    put(r, 1, "b", "1", MESSAGE_NEVER_EXPIRES);
    assert_false(retained_has_room(r, message, &two));
    assert_false(retained_has_room(r, message, &bytes));
    retained_put(r, message); /* its own place does not count */
    put(r, 1, "b", "", MESSAGE_NEVER_EXPIRES);
    assert_true(retained_has_room(r, message, &two));
    message->epoch = 2; /* nor what an earlier owner left */
    assert_true(retained_has_room(r, message, &(struct retained_limit){1, 0}));
    message_unref(message);
    retained_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_replaces_and_is_cleared), cmocka_unit_test(cursors_survive_changes),
        cmocka_unit_test(one_topic_is_not_searched),
        cmocka_unit_test(a_long_list_is_read_whole),         cmocka_unit_test(what_is_too_old_goes),
        cmocka_unit_test(a_sweep_goes_in_slices),
        cmocka_unit_test(room_counts_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
