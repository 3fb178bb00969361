/* The table against a plain array, and what it costs per device. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/device/device_table.h"

#define DEVICES 5000

static struct device_brief make(int64_t no)
{
    struct device_brief device = {.no = no,
                                  .id = uuid_random(),
                                  .model_no = 1 + no % 3,
                                  .partner_no = 1,
                                  .organization_no = no % 5,
                                  .parent_no = no / 2,
                                  .epoch = (uint32_t)no,
                                  .api_version = 7,
                                  .protocol = PROTOCOL_MQTT,
                                  .device_type = DEVICE_PHYSICAL,
                                  .offline_threshold_minutes = 5,
                                  .config_version = (int32_t)no,
                                  .status = STATUS_ERROR,
                                  .reported_status = STATUS_ONLINE,
                                  .swept = no % 2,
                                  .sample_seq = no * 1000};
    random_bytes(device.key_hash, sizeof device.key_hash);
    return device;
}

static void assert_same(const struct device_brief *a, const struct device_brief *b)
{
    assert_int_equal(a->no, b->no);
    assert_memory_equal(&a->id, &b->id, sizeof a->id);
    assert_memory_equal(a->key_hash, b->key_hash, sizeof a->key_hash);
    assert_int_equal(a->model_no, b->model_no);
    assert_int_equal(a->organization_no, b->organization_no);
    assert_int_equal(a->parent_no, b->parent_no);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->offline_threshold_minutes, b->offline_threshold_minutes);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->reported_status, b->reported_status);
    assert_int_equal(a->swept, b->swept);
    assert_int_equal(a->sample_seq, b->sample_seq);
}

static void set_threshold(struct device_brief *device, void *arg)
{
    device->offline_threshold_minutes = *(uint32_t *)arg;
}

static void found_by_both_keys_until_removed(void **state)
{
    (void)state;
    struct device_table *table = device_table_new();
    struct device_brief *all = mem_calloc(DEVICES, sizeof *all);
    for (int64_t i = 0; i < DEVICES; i++) {
        all[i] = make(1 + i * 3); /* numbers have gaps */
        device_table_put(table, &all[i]);
    }
    uint32_t threshold = 9;
    for (int64_t i = 0; i < DEVICES; i += 7) {
        all[i].offline_threshold_minutes = threshold;
        assert_true(device_table_change(table, all[i].no, set_threshold, &threshold));
    }
    for (int64_t i = 0; i < DEVICES; i += 2) {
        device_table_remove(table, all[i].no);
    }
    for (int64_t i = 0; i < DEVICES; i += 4) { /* a slot is used again */
        all[i] = make(all[i].no);
        device_table_put(table, &all[i]);
    }
    for (int64_t i = 0; i < DEVICES; i++) {
        bool present = i % 2 == 1 || i % 4 == 0;
        struct device_brief found;
        assert_int_equal(device_table_find(table, &all[i].id, &found), present);
        if (present) {
            assert_same(&found, &all[i]);
        }
        assert_int_equal(device_table_find_no(table, all[i].no, &found), present);
        assert_false(device_table_find_no(table, all[i].no + 1, &found));
    }
    assert_int_equal(device_table_count(table), DEVICES * 3 / 4);
    struct device_brief found;
    assert_false(device_table_find_no(table, 0, &found));
    assert_false(device_table_find_no(table, -5, &found));
    assert_false(device_table_find_no(table, INT64_MAX, &found));
    device_table_free(table);
    mem_free(all);
}

static void contact_only_grows_and_is_taken_once(void **state)
{
    (void)state;
    struct device_table *table = device_table_new();
    struct device_brief device = make(7);
    device_table_put(table, &device);
    assert_true(device_table_touch(table, 7, 1000));
    assert_true(device_table_touch(table, 7, 900));
    assert_false(device_table_touch(table, 8, 900));
    struct device_contact contacts[4];
    assert_int_equal(device_table_take_touched(table, contacts, 4), 1);
    assert_int_equal(contacts[0].no, 7);
    assert_int_equal(contacts[0].last_seen_ms, 1000);
    assert_int_equal(device_table_take_touched(table, contacts, 4), 0);
    device_table_touch(table, 7, 2000);
    device_table_remove(table, 7);
    assert_int_equal(device_table_take_touched(table, contacts, 4), 0);
    device_table_free(table);
}

static bool count_visit(const struct device_brief *device, void *arg)
{
    (void)device;
    return ++*(unsigned *)arg < 50;
}

static bool raise_threshold(struct device_brief *device, void *arg)
{
    (void)arg;
    device->offline_threshold_minutes = 77;
    return device->model_no == 2;
}

static void walks_see_every_device(void **state)
{
    (void)state;
    struct device_table *table = device_table_new();
    for (int64_t i = 1; i <= 100; i++) {
        struct device_brief device = make(i);
        device_table_put(table, &device);
    }
    unsigned visits = 0;
    device_table_each(table, count_visit, &visits);
    assert_int_equal(visits, 50);
    device_table_change_each(table, raise_threshold, NULL);
    for (int64_t i = 1; i <= 100; i++) {
        struct device_brief device;
        assert_true(device_table_find_no(table, i, &device));
        assert_int_equal(device.offline_threshold_minutes, device.model_no == 2 ? 77 : 5);
    }
    device_table_free(table);
}

/* More values than there are rows of kinds: what no record names any more is given out again. */
static unsigned walk_of(struct device_table *table, const struct device_owner *owner, bool seen[], unsigned *ret_turns)
{
    struct device_cursor cursor = {0};
    struct device_brief device;
    unsigned count = 0;
    enum device_next next;
    for (*ret_turns = 1; (next = device_table_next(table, &cursor, owner, &device)) != DEVICE_NEXT_END;) {
        *ret_turns += next == DEVICE_NEXT_LATER;
        if (next == DEVICE_NEXT_FOUND) {
            assert_false(seen[device.no]);
            assert_true(owner->organization_no == 0 || device.organization_no == owner->organization_no);
            assert_true(owner->partner_no == 0 || device.partner_no == owner->partner_no);
            seen[device.no] = true;
            count++;
        }
    }
    return count;
}

static void one_tenants_devices_in_turns(void **state)
{
    (void)state;
    static bool seen[4][4 * DEVICES + 1];
    struct device_table *table = device_table_new();
    unsigned turns;
    assert_int_equal(walk_of(table, &(struct device_owner){0}, seen[0], &turns), 0);
    for (int64_t i = 1; i <= 4 * DEVICES; i++) {
        struct device_brief device = make(i);
        device.partner_no = i == 77 ? 9 : 1;
        device_table_put(table, &device);
    }
    for (int64_t i = 10; i <= 4 * DEVICES; i += 10) {
        device_table_remove(table, i);
    }
    assert_int_equal(walk_of(table, &(struct device_owner){0}, seen[0], &turns), 4 * DEVICES - 4 * DEVICES / 10);
    assert_int_equal(walk_of(table, &(struct device_owner){.organization_no = 3}, seen[1], &turns), 4 * DEVICES / 5);
    assert_int_equal(walk_of(table, &(struct device_owner){.partner_no = 9}, seen[2], &turns), 1);
    assert_true(seen[2][77]);
    assert_true(turns > 2); /* 20,000 records of others */
    assert_int_equal(walk_of(table, &(struct device_owner){.partner_no = 9, .organization_no = 3}, seen[3], &turns), 0);
    device_table_free(table);
}

static void thresholds_may_change_for_ever(void **state)
{
    (void)state;
    struct device_table *table = device_table_new();
    struct device_brief other = make(4); /* of the same model */
    struct device_brief device = make(1);
    device_table_put(table, &other);
    device_table_put(table, &device);
    for (uint32_t minutes = 1; minutes <= (1u << 20) + 2; minutes++) {
        assert_true(device_table_change(table, 1, set_threshold, &minutes));
    }
    device.offline_threshold_minutes = (1u << 20) + 2;
    struct device_brief found;
    assert_true(device_table_find_no(table, 1, &found));
    assert_same(&found, &device);
    assert_true(device_table_find_no(table, 4, &found));
    assert_same(&found, &other);
    device_table_free(table);
}

static void cost_per_device(void **state)
{
    (void)state;
    struct device_table *table = device_table_new();
    enum { COUNT = 100000 };
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int64_t i = 1; i <= COUNT; i++) {
        struct device_brief device = make(i);
        device_table_put(table, &device);
    }
    size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    print_message("%zu bytes per device\n", bytes / COUNT);
    if (bytes > 0) { /* the sanitizers' allocator does not tell */
        assert_true(bytes / COUNT <= 192);
    }
    device_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_both_keys_until_removed),
        cmocka_unit_test(contact_only_grows_and_is_taken_once),
        cmocka_unit_test(walks_see_every_device),
        cmocka_unit_test(one_tenants_devices_in_turns),
        cmocka_unit_test(thresholds_may_change_for_ever),
        cmocka_unit_test(cost_per_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
