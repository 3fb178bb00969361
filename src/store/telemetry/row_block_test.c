/* Blocks of rows: what goes in comes out, whatever the values; a damaged block is noticed and never read beyond. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "store/telemetry/row_block.h"

#define DAY 20513

static const struct sample_row samples[] = {
    {.position = {DAY, 7}, .device_no = 1, .status = STATUS_ONLINE, .at_ms = 1772360100000, .received_ms = 1772360100000,
     .device_timestamp_ms = INT64_MIN, .values = STR_INIT("values")},
    {.position = {DAY, 8}, .previous = {DAY, 7}, .device_no = 1, .epoch = 3, .kind = SAMPLE_SWEPT, .status = STATUS_OFFLINE,
     .at_ms = 1772360099000, .received_ms = 1772360100005, .device_timestamp_ms = 0, .message = STR_INIT(""),
     .values = STR_INIT("")},
    {.position = {DAY, 9}, .previous = {DAY - 40, 900000}, .device_no = INT64_MAX, .epoch = UINT32_MAX,
     .kind = SAMPLE_RECOVERED, .status = STATUS_ERROR, .override = true, .at_ms = 0, .received_ms = INT64_MAX,
     .device_timestamp_ms = INT64_MAX, .message = STR_INIT("door open"), .values = STR_INIT("v")},
    {.position = {DAY, 10}, .previous = {DAY + 1, 3}, .device_no = 2, .at_ms = INT64_MIN, .received_ms = -5,
     .device_timestamp_ms = -1, .values = STR_INIT("x")},
};
enum { COUNT = sizeof samples / sizeof samples[0] };

static void assert_same(const struct sample_row *a, const struct sample_row *b)
{
    assert_true(a->position.day == b->position.day && a->position.seq == b->position.seq);
    assert_true(a->previous.day == b->previous.day && a->previous.seq == b->previous.seq);
    assert_true(a->device_no == b->device_no && a->epoch == b->epoch && a->kind == b->kind && a->status == b->status);
    assert_true(a->override == b->override && a->at_ms == b->at_ms && a->received_ms == b->received_ms);
    assert_true(a->device_timestamp_ms == b->device_timestamp_ms);
    assert_true((a->message.ptr == NULL) == (b->message.ptr == NULL) && str_eq(a->message, b->message));
    assert_true(str_eq(a->values, b->values));
}

static void fill(struct row_block *block)
{
    row_block_init(block);
    row_block_begin(block, DAY, samples[0].position.seq);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(row_block_add(block, &samples[i]));
    }
}

static void test_rows_come_back(void **state)
{
    struct row_block block;
    struct sample_row row;
    unsigned count = 0;
    (void)state;
    fill(&block);
    struct row_block_reader reader = row_block_read(buf_str(&block.bytes), DAY, block.first_seq, block.count);
    for (; row_block_next(&reader, &row); count++) {
        assert_same(&row, &samples[count]);
    }
    assert_int_equal(count, COUNT);
    assert_false(reader.cursor.failed);
    assert_int_equal(cursor_left(&reader.cursor), 0);
    row_block_deinit(&block);
}

static void test_every_shorter_block_is_damaged(void **state)
{
    struct row_block block;
    (void)state;
    fill(&block);
    for (size_t len = 0; len < block.bytes.len; len++) {
        char *copy = mem_dup(block.bytes.data, len + 1); /* nothing is read behind it */
        struct row_block_reader reader = row_block_read(str_from(copy, len), DAY, 7, COUNT);
        struct sample_row row;
        while (row_block_next(&reader, &row)) {
        }
        assert_true(reader.cursor.failed);
        mem_free(copy);
    }
    row_block_deinit(&block);
}

static void test_a_full_block_refuses_and_an_empty_one_takes_anything(void **state)
{
    static char text[ROW_BLOCK_BYTES + 100];
    struct row_block block;
    struct sample_row row = samples[0];
    (void)state;
    memset(text, 'x', sizeof text);
    row_block_init(&block);
    row_block_begin(&block, DAY, 7);
    row.values = str_from(text, ROW_BLOCK_BYTES / 2 - 40);
    assert_true(row_block_add(&block, &row));
    assert_true(row_block_add(&block, &row));
    size_t before = block.bytes.len;
    assert_true(before <= ROW_BLOCK_BYTES);
    assert_false(row_block_add(&block, &row));
    assert_true(block.bytes.len == before && block.count == 2);
    row_block_begin(&block, DAY, 9);
    row.values = str_from(text, sizeof text);
    assert_true(row_block_add(&block, &row));
    assert_int_equal(block.count, 1);
    row_block_deinit(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_every_shorter_block_is_damaged),
        cmocka_unit_test(test_a_full_block_refuses_and_an_empty_one_takes_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
