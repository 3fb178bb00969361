/* Chunks give back exactly the rows they were made of, their roll-ups agree with the rows, and damaged ones are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "model/telemetry/flat.h"
#include "store/telemetry/chunk.h"
#include "store/telemetry/column.h"

#define DAY 20513
#define KEYS 7

static uint64_t seed;

static uint64_t rnd64(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return seed ^ seed >> 29;
}

static unsigned rnd(unsigned below)
{
    return (unsigned)(rnd64() >> 20) % below;
}

static double random_number(unsigned style)
{
    static const double special[] = {0,     -0.0,    1e300, -1e300, 5e-324,           1.7976931348623157e308, 0.1,
                                     1e-10, -273.15, 1e15,  1e16,   9007199254740992.0, 1.0 / 3,                123456789.123456789};
    switch (style) {
    case 0:
        return (double)(int)rnd(200) - 100;
    case 1:
        return ((double)(int)rnd(5000) - 1000) / 10;
    case 2:
        return (double)(int64_t)rnd64() / 1000;
    case 3:
        return special[rnd(sizeof special / sizeof special[0])];
    default:
        return (double)rnd(1000000) / (1 + rnd(999));
    }
}

/* Each key has its habit in a chunk, from which some values depart. */
static struct str random_values(struct arena *arena, const unsigned *styles)
{
    static const char *const keys[KEYS] = {"battery", "humidity", "mode", "on", "power", "temp", ""};
    struct flat_entry entries[KEYS];
    size_t count = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        if (rnd(20) == 0) {
            continue;
        }
        unsigned style = rnd(30) == 0 ? rnd(9) : styles[k];
        struct flat_entry *entry = &entries[count++];
        *entry = (struct flat_entry){.key = str_from_cstr(keys[k])};
        if (style < 5) {
            entry->type = FLAT_NUMBER;
            entry->number = random_number(style);
        } else if (style < 7) {
            entry->type = rnd(2) ? FLAT_TRUE : FLAT_FALSE;
        } else if (style == 7) {
            entry->type = FLAT_NULL;
        } else {
            entry->type = FLAT_STRING;
            entry->text = arena_printf(arena, "%.*s%u", (int)rnd(5), "text", rnd(3));
        }
    }
    return flat_encode(entries, count, arena);
}

struct made {
    struct arena arena;
    struct sample_row *rows;
    size_t count;
};

static void make(struct made *m, size_t count)
{
    unsigned styles[KEYS];
    int64_t at = INT64_C(1772360100000);
    int64_t seq = 1 + (int64_t)rnd(1000000);
    arena_init(&m->arena);
    m->count = count;
    m->rows = mem_calloc(count, sizeof *m->rows);
    for (unsigned k = 0; k < KEYS; k++) {
        styles[k] = rnd(9);
    }
    for (size_t i = 0; i < count; i++) {
        struct sample_row *row = &m->rows[i];
        at += 5000 + (int64_t)rnd(20) - 10;
        row->device_no = 77;
        row->epoch = 3;
        row->position = (struct sample_position){DAY, seq};
        row->previous = i > 0 ? m->rows[i - 1].position : (struct sample_position){0, 0};
        if (i == 0 && rnd(2)) {
            row->previous.day = DAY - (int)rnd(3);
            row->previous.seq = 1 + (int64_t)rnd(99);
        }
        row->kind = rnd(50) ? SAMPLE_REPORTED : rnd(2) ? SAMPLE_SWEPT : SAMPLE_RECOVERED;
        row->status = (enum device_status)(1 + rnd(3));
        row->override = rnd(40) == 0;
        row->received_ms = at;
        row->at_ms = rnd(10) ? at : at - (int64_t)rnd(100000000); /* late */
        row->device_timestamp_ms = rnd(4) ? INT64_MIN : rnd(20) ? row->at_ms : rnd(2) ? INT64_MAX : INT64_MIN + 1;
        row->message = rnd(20) ? (struct str){NULL, 0} : arena_printf(&m->arena, "%s", rnd(3) ? "hot" : "");
        row->values = random_values(&m->arena, styles);
        seq += 1 + (int64_t)rnd(2000);
    }
}

static void made_free(struct made *m)
{
    arena_deinit(&m->arena);
    mem_free(m->rows);
}

static void assert_same(const struct sample_row *a, const struct sample_row *b)
{
    assert_int_equal(a->position.day, b->position.day);
    assert_int_equal(a->position.seq, b->position.seq);
    assert_int_equal(a->previous.day, b->previous.day);
    assert_int_equal(a->previous.seq, b->previous.seq);
    assert_int_equal(a->device_no, b->device_no);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->override, b->override);
    assert_int_equal(a->at_ms, b->at_ms);
    assert_int_equal(a->received_ms, b->received_ms);
    assert_int_equal(a->device_timestamp_ms, b->device_timestamp_ms);
    assert_int_equal(a->message.ptr == NULL, b->message.ptr == NULL);
    assert_true(str_eq(a->message, b->message));
    assert_true(str_eq(a->values, b->values));
}

static void rows_come_back(void **state)
{
    (void)state;
    seed = 7;
    for (unsigned round = 0; round < 300; round++) {
        struct made m;
        struct buf chunk;
        struct chunk_rows rows;
        struct sample_run run;
        make(&m, round == 0 ? CHUNK_ROWS_MAX : 1 + rnd(rnd(4) ? 40 : 400));
        buf_init(&chunk, SIZE_MAX);
        assert_int_equal(chunk_encode(m.rows, m.count, &chunk), ERR_OK);
        assert_int_equal(chunk_decode(buf_str(&chunk), DAY, &rows), ERR_OK);
        assert_int_equal(rows.count, m.count);
        for (size_t i = 0; i < m.count; i++) {
            assert_same(&rows.rows[i], &m.rows[i]);
        }
        assert_int_equal(chunk_run(buf_str(&chunk), DAY, &run), ERR_OK);
        assert_int_equal(run.device_no, 77);
        assert_int_equal(run.epoch, 3);
        assert_int_equal(run.rows, m.count);
        assert_int_equal(run.first_seq, m.rows[0].position.seq);
        assert_int_equal(run.last_seq, m.rows[m.count - 1].position.seq);
        assert_int_equal(run.previous.day, m.rows[0].previous.day);
        assert_int_equal(run.previous.seq, m.rows[0].previous.seq);
        for (size_t i = 0; i < m.count; i++) {
            assert_true(m.rows[i].at_ms >= run.at_min_ms && m.rows[i].at_ms <= run.at_max_ms);
            assert_true(m.rows[i].received_ms <= run.received_max_ms);
        }
        chunk_rows_deinit(&rows);
        buf_deinit(&chunk);
        made_free(&m);
    }
}

/* ---- roll-ups ---- */

struct check {
    const struct made *made;
    struct str key;
    uint64_t numbers; /* in all roll-ups */
    int64_t before;
};

static bool check_rollup(const struct sample_rollup *rollup, void *arg)
{
    struct check *check = arg;
    double min = INFINITY, max = -INFINITY, sum = 0, size = 0, last = 0;
    int64_t last_at = INT64_MIN;
    uint64_t count = 0;
    for (size_t i = 0; i < check->made->count; i++) {
        const struct sample_row *row = &check->made->rows[i];
        struct flat_entry entry;
        if (row->at_ms < rollup->from_ms || row->at_ms > rollup->to_ms || !flat_find(row->values, check->key, &entry) ||
            entry.type != FLAT_NUMBER) {
            continue;
        }
        count++;
        min = entry.number < min ? entry.number : min;
        max = entry.number > max ? entry.number : max;
        sum += entry.number;
        size += fabs(entry.number);
        last = row->at_ms >= last_at ? entry.number : last;
        last_at = row->at_ms >= last_at ? row->at_ms : last_at;
    }
    assert_true(rollup->from_ms > check->before && rollup->from_ms % CHUNK_ROLLUP_MS == 0);
    assert_int_equal(rollup->to_ms, rollup->from_ms + CHUNK_ROLLUP_MS - 1);
    assert_true(count > 0 && count == rollup->count);
    assert_true(min == rollup->min && max == rollup->max && last == rollup->last);
    assert_true(isinf(sum) || isnan(sum) || isinf(size) || fabs(sum - rollup->sum) <= size * 1e-12);
    check->numbers += count;
    check->before = rollup->from_ms;
    return true;
}

static void rollups_agree_with_rows(void **state)
{
    (void)state;
    static const char *const keys[] = {"battery", "humidity", "mode", "on", "power", "temp", "", "other"};
    seed = 11;
    for (unsigned round = 0; round < 60; round++) {
        struct made m;
        struct buf chunk;
        make(&m, 1 + rnd(400));
        buf_init(&chunk, SIZE_MAX);
        assert_int_equal(chunk_encode(m.rows, m.count, &chunk), ERR_OK);
        for (unsigned k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            struct check check = {.made = &m, .key = str_from_cstr(keys[k]), .before = INT64_MIN};
            enum err err = chunk_rollups(buf_str(&chunk), check.key, check_rollup, &check);
            assert_int_equal(err, m.count < CHUNK_ROLLUP_ROWS_MIN ? ERR_NOT_FOUND : ERR_OK);
            uint64_t numbers = 0;
            for (size_t i = 0; i < m.count; i++) {
                struct flat_entry entry;
                numbers += flat_find(m.rows[i].values, check.key, &entry) && entry.type == FLAT_NUMBER;
            }
            assert_int_equal(check.numbers, err == ERR_OK ? numbers : 0);
        }
        buf_deinit(&chunk);
        made_free(&m);
    }
}

static bool refuse(const struct sample_rollup *rollup, void *arg)
{
    (void)rollup;
    (*(unsigned *)arg)++;
    return false;
}

static void a_visitor_may_stop(void **state)
{
    (void)state;
    struct made m;
    struct buf chunk;
    unsigned visits = 0;
    struct arena arena;
    arena_init(&arena);
    make(&m, 300);
    for (size_t i = 0; i < m.count; i++) {
        struct flat_entry entry = {.key = STR("n"), .type = FLAT_NUMBER, .number = (double)i};
        m.rows[i].values = flat_encode(&entry, 1, &arena);
    }
    buf_init(&chunk, SIZE_MAX);
    assert_int_equal(chunk_encode(m.rows, m.count, &chunk), ERR_OK);
    assert_int_equal(chunk_rollups(buf_str(&chunk), STR("n"), refuse, &visits), ERR_OK);
    assert_int_equal(visits, 1);
    buf_deinit(&chunk);
    arena_deinit(&arena);
    made_free(&m);
}

/* ---- what is damaged, and what cannot be kept ---- */

static void damaged_chunks_are_refused_or_harmless(void **state)
{
    (void)state;
    struct made m;
    struct buf chunk;
    struct chunk_rows rows;
    unsigned numbers = 0;
    seed = 5;
    make(&m, 60);
    buf_init(&chunk, SIZE_MAX);
    assert_int_equal(chunk_encode(m.rows, m.count, &chunk), ERR_OK);
    for (size_t len = 0; len < chunk.len; len++) {
        assert_int_equal(chunk_decode(str_from(chunk.data, len), DAY, &rows), ERR_INVALID);
    }
    for (unsigned i = 0; i < 4000; i++) {
        size_t at = rnd((unsigned)chunk.len);
        uint8_t before = chunk.data[at];
        chunk.data[at] ^= (uint8_t)(1u << rnd(8));
        if (chunk_decode(buf_str(&chunk), DAY, &rows) == ERR_OK) {
            chunk_rows_deinit(&rows);
        }
        enum err err = chunk_rollups(buf_str(&chunk), STR("temp"), refuse, &numbers);
        assert_true(err == ERR_OK || err == ERR_INVALID || err == ERR_NOT_FOUND);
        chunk.data[at] = before;
    }
    buf_deinit(&chunk);
    made_free(&m);
}

static void what_would_not_come_back_is_no_chunk(void **state)
{
    (void)state;
    struct made m;
    struct buf chunk;
    make(&m, 3);
    m.rows[2].previous.seq--; /* not the row before it */
    buf_init(&chunk, SIZE_MAX);
    assert_int_equal(chunk_encode(m.rows, m.count, &chunk), ERR_INTERNAL);
    made_free(&m);
    make(&m, 3);
    m.rows[1].values.len--; /* not a whole document */
    buf_clear(&chunk);
    assert_int_equal(chunk_encode(m.rows, m.count, &chunk), ERR_INTERNAL);
    buf_deinit(&chunk);
    made_free(&m);
}

static void varints_and_zigzag(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT64_C(1) << 62, UINT64_MAX - 1, UINT64_MAX};
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf out;
        buf_init(&out, 16);
        put_varint(&out, zigzag(values[i]));
        struct cursor c = cursor_make(out.data, out.len);
        assert_true(unzigzag(take_varint(&c)) == values[i]);
        assert_int_equal(cursor_left(&c), 0);
        buf_deinit(&out);
    }
    struct cursor endless = cursor_make("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
    take_varint(&endless);
    assert_true(endless.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(rollups_agree_with_rows),
        cmocka_unit_test(a_visitor_may_stop),
        cmocka_unit_test(damaged_chunks_are_refused_or_harmless),
        cmocka_unit_test(what_would_not_come_back_is_no_chunk),
        cmocka_unit_test(varints_and_zigzag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
