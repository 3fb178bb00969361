/* Lists of devices and their histories in a real database: which indexes they take does not change what they find. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/ports/device_store.h"
#include "store/sqlite/tx.h"
#include "store/store.h"

enum { ROWS = 200, PAGE = 7 };

struct fixture {
    char dir[64];
    struct store *store;
};

struct rows {
    int64_t at[ROWS], device[ROWS];
    size_t count;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    snprintf(f->dir, sizeof f->dir, "/tmp/muster-lists-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    struct store_config config = {.data_dir = f->dir};
    assert_int_equal(store_open(&config, &f->store), ERR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    store_close(f->store);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    mem_free(f);
    return 0;
}

static void in_store(struct fixture *f, void (*body)(struct op *op, struct store_tx *tx))
{
    struct op op = {.lane = LANE_REGISTRY, .run = body};
    assert_int_equal(store_run_now(f->store, &op), ERR_OK);
}

#define WRITE(tx, sql)                              \
    do {                                            \
        struct query q_;                            \
        query_begin(&q_, tx, sql);                  \
        assert_int_equal(query_finish(&q_), ERR_OK); \
    } while (0)

/* Ten devices, every third of another organization, two with rows of a former owner; several rows at the same time. */
static void write_rows(struct store_tx *tx)
{
    WRITE(tx, "INSERT INTO partner (no, id, name, short_code, created_at) VALUES (1, x'01', 'P', 'PP', 0)");
    WRITE(tx, "INSERT INTO model (no, id, partner_no, name, auth_cloud_id, protocol, device_type, api_version, enabled_tabs, created_at, "
              "updated_at) VALUES (1, x'01', 1, 'M', 0, 1, 1, 7, '[]', 0, 0)");
    WRITE(tx, "INSERT INTO device (no, id, model_no, partner_no, organization_no, key_hash, epoch, key_issued_at, created_at, sn, mac, "
              "name, firmware_version) WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10) "
              "SELECT i, randomblob(16), 1, 1, 1 + (i % 3 = 0), x'00', i % 2, 0, 0, 'SN' || i, 'aa:bb', 'Panel ' || i, '1' FROM c");
    WRITE(tx, "INSERT INTO history (device_no, epoch, at, status, state) WITH RECURSIVE c (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c "
              "WHERE i < 199) SELECT 1 + i * 7 % 10, i % 4 = 0, 1000 + i / 3, i % 2, '{}' FROM c");
}

static void add_row(const struct history_row *row, void *arg)
{
    struct rows *rows = arg;
    assert_true(rows->count < ROWS);
    rows->at[rows->count] = row->at;
    rows->device[rows->count++] = row->device_no;
}

static void read_in_pages(struct store_tx *tx, const struct history_filter *filter, int64_t total, struct rows *ret_rows)
{
    *ret_rows = (struct rows){0};
    for (int64_t offset = 0; offset < ROWS; offset += PAGE) {
        assert_int_equal(history_store_list(tx, filter, total, PAGE, offset, add_row, ret_rows), ERR_OK);
    }
}

static void compare(struct store_tx *tx, const struct history_filter *filter)
{
    struct rows few, many;
    int64_t total = 0;
    assert_int_equal(history_store_count(tx, filter, &total), ERR_OK);
    read_in_pages(tx, filter, 0, &few);
    read_in_pages(tx, filter, INT64_MAX, &many);
    assert_true(total > 0);
    assert_int_equal(few.count, total);
    assert_int_equal(many.count, total);
    assert_memory_equal(few.at, many.at, sizeof few.at);
    assert_memory_equal(few.device, many.device, sizeof few.device);
}

static void compare_all(struct op *op, struct store_tx *tx)
{
    (void)op;
    write_rows(tx);
    const struct device_filter tenants[] = {{.organization_no = 1}, {.partner_no = 1}, {.organization_no = 2}, {.organization_no = 1, .name = STR("L 1")}};
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        for (int status = -1; status <= 1; status++) {
            for (int ascending = 0; ascending <= 1; ascending++) {
                compare(tx, &(struct history_filter){.devices = tenants[i], .from = 1003, .to = 1060, .status = status, .ascending = ascending});
            }
        }
    }
    compare(tx, &(struct history_filter){.devices = tenants[0], .device_no = 1, .from = 0, .to = INT64_MAX, .status = -1});
}

static void both_ways_find_the_same_history(void **state)
{
    in_store(*state, compare_all);
}

static void count_devices(struct store_tx *tx, struct device_filter filter, int64_t expected)
{
    int64_t count = -1;
    assert_int_equal(device_store_count(tx, &filter, &count), ERR_OK);
    assert_int_equal(count, expected);
}

/* management-api.md 1.8: the name alone, or any of the texts, each by itself. */
static void search_all(struct op *op, struct store_tx *tx)
{
    (void)op;
    write_rows(tx);
    count_devices(tx, (struct device_filter){.partner_no = 1, .search = STR("sn1")}, 2);
    count_devices(tx, (struct device_filter){.partner_no = 1, .name = STR("sn1")}, 0);
    count_devices(tx, (struct device_filter){.partner_no = 1, .name = STR("panel 1")}, 2);
    count_devices(tx, (struct device_filter){.organization_no = 2, .search = STR("PANEL")}, 3);
    count_devices(tx, (struct device_filter){.organization_no = 1, .search = STR("A:B")}, 7);
    count_devices(tx, (struct device_filter){.partner_no = 1, .search = STR("1SN1")}, 0);
    count_devices(tx, (struct device_filter){.partner_no = 1, .model_no = 1, .search = STR("panel 10")}, 1);
    count_devices(tx, (struct device_filter){.partner_no = 1, .model_no = 1}, 10);
    count_devices(tx, (struct device_filter){.partner_no = 1, .model_no = 2}, 0);
}

static void a_search_looks_at_each_text(void **state)
{
    in_store(*state, search_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_ways_find_the_same_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_search_looks_at_each_text, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
