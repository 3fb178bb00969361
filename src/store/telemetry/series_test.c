/* Series over what is open, ended and sealed, rows and roll-ups, against a naive reading of the same samples
 * (management-api.md 6.1). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/clock.h"
#include "base/test_await.h"
#include "store/telemetry/sealer.h"
#include "store/telemetry/telemetry_fixture.h"

#define SAMPLES_MAX 4000
#define POINTS_MAX 2000

static uint64_t seed;

static unsigned rnd(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* ---- what was reported ---- */

struct sample {
    int64_t at;
    bool has_number, has_text, has_switch;
    double number;
    unsigned text; /* which of the texts */
    bool on;
};
static struct sample samples[SAMPLES_MAX];
static size_t sample_count;

/* Sample times are all different: what comes first of two at once is nobody's business. Some come late. */
static int64_t next_time(void)
{
    for (;;) {
        int64_t at = fixture_now - (rnd(6) == 0 ? (int64_t)rnd(7200000) : (int64_t)rnd(1000));
        bool taken = false;
        for (size_t i = 0; i < sample_count && !taken; i++) {
            taken = samples[i].at == at;
        }
        if (!taken) {
            return at;
        }
    }
}

static void report(struct fixture *f)
{
    char body[256], time[TIME_TEXT_BYTES];
    struct sample *s = &samples[sample_count];
    *s = (struct sample){.at = next_time(), .has_number = rnd(4) != 0, .has_text = rnd(3) == 0, .has_switch = rnd(3) == 0};
    s->number = (double)rnd(2000) - 1000;
    s->text = rnd(4) ? 0 : 1 + rnd(2);
    s->on = rnd(5) != 0;
    time_format(s->at, time);
    int len = snprintf(body, sizeof body, "{\"timestamp\":\"%s\",\"telemetries\":{\"other\":1", time);
    len += s->has_number ? snprintf(body + len, sizeof body - (size_t)len, ",\"n\":%d", (int)s->number) : 0;
    len += s->has_text ? snprintf(body + len, sizeof body - (size_t)len, ",\"s\":\"text %u\"", s->text) : 0;
    len += s->has_switch ? snprintf(body + len, sizeof body - (size_t)len, ",\"b\":%s", s->on ? "true" : "false") : 0;
    snprintf(body + len, sizeof body - (size_t)len, "}}");
    assert_int_equal(fixture_report(f, 1, body, NULL), ERR_OK);
    sample_count++;
    fixture_now += 1 + rnd(rnd(20) ? 4000 : 1800000); /* now and then a gap */
}

static void rotate_run(struct op *op, struct store_tx *tx)
{
    (void)op;
    sample_store_rotate(tx, fixture_now);
}

static void seal_all(struct fixture *f)
{
    struct op rotate = {.lane = LANE_TELEMETRY, .run = rotate_run};
    struct segment_limits limits = {1, 1, 0, 0};
    struct segment_limits before = segments_limits(f->store->segments);
    segments_set_limits(f->store->segments, &limits);
    assert_int_equal(store_run_now(f->store, &rotate), ERR_OK);
    segments_set_limits(f->store->segments, &before);
    assert_true(sealer_run(f->store->sealer));
}

/* ---- the naive reading ---- */

static int by_time(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

struct expected {
    int64_t at;
    double min, avg, max;
};
static struct expected points[SAMPLES_MAX];

static size_t expected_numbers(int64_t from, int64_t to, unsigned limit)
{
    size_t count = 0, buckets = 0;
    for (size_t i = 0; i < sample_count; i++) {
        if (samples[i].has_number && samples[i].at >= from && samples[i].at <= to) {
            points[count++] = (struct expected){samples[i].at, samples[i].number, samples[i].number, samples[i].number};
        }
    }
    if (count <= limit) {
        return count;
    }
    int64_t width = (to - from) / limit + 1;
    for (size_t i = 0; i < count;) { /* in order of time, a bucket after the other */
        int64_t bucket = (points[i].at - from) / width;
        struct expected sum = {.at = from + bucket * width + width / 2, .min = INFINITY, .max = -INFINITY};
        unsigned in_it = 0;
        for (; i < count && (points[i].at - from) / width == bucket; i++, in_it++) {
            sum.min = fmin(sum.min, points[i].min);
            sum.max = fmax(sum.max, points[i].max);
            sum.avg += points[i].avg;
        }
        sum.avg /= in_it;
        points[buckets++] = sum;
    }
    return buckets;
}

static const struct json *points_of(struct json *reply)
{
    return json_get(json_first(json_get(reply, "series")), "points");
}

static void check_numbers(struct json *reply, int64_t from, int64_t to, unsigned limit)
{
    size_t count = expected_numbers(from, to, limit), i = 0;
    assert_int_equal(json_count(points_of(reply)), count);
    for (const struct json *point = json_first(points_of(reply)); point; point = json_next(point), i++) {
        const struct json *at = json_first(point), *min = json_next(at), *avg = json_next(min), *max = json_next(avg);
        assert_true(json_number(at) == (double)points[i].at);
        assert_true(json_number(min) == points[i].min && json_number(max) == points[i].max);
        assert_true(fabs(json_number(avg) - points[i].avg) < 1e-9);
        assert_null(json_next(max));
    }
}

/* The value of a sample under the key, as JSON writes it; NULL: it has none. */
static const char *value_of(const struct sample *s, bool text)
{
    static const char *const texts[] = {"text 0", "text 1", "text 2"};
    if (text) {
        return s->has_text ? texts[s->text] : NULL;
    }
    return !s->has_switch ? NULL : s->on ? "true" : "false";
}

static void check_changes(struct json *reply, int64_t from, int64_t to, bool text)
{
    const struct json *point = json_first(points_of(reply));
    const char *last = NULL;
    for (size_t i = 0; i < sample_count; i++) {
        const char *value = samples[i].at >= from && samples[i].at <= to ? value_of(&samples[i], text) : NULL;
        if (!value || (last && strcmp(value, last) == 0)) {
            continue;
        }
        last = value;
        assert_non_null(point);
        assert_true(json_number(json_first(point)) == (double)samples[i].at);
        const struct json *shown = json_next(json_first(point));
        assert_true(text ? str_eq(json_string(shown), str_from_cstr(value)) : json_bool(shown) == (strcmp(value, "true") == 0));
        point = json_next(point);
    }
    assert_null(point);
}

/* ---- the property ---- */

static void check_window(struct fixture *f)
{
    static const char *const keys[] = {"n", "n", "n", "s", "b"};
    struct read_op read = {.device_no = 1, .what = READ_SERIES, .key = keys[rnd(5)]};
    int64_t length = fixture_now - START_MS;
    struct json *reply = NULL;
    read.from_ms = START_MS - 3600000 + (int64_t)rnd((unsigned)(length + 3600000));
    read.to_ms = read.from_ms + (int64_t)rnd((unsigned)(length + 7200000));
    read.limit = rnd(3) ? 1 + rnd(200) : POINTS_MAX;
    const char *text = fixture_read(f, read);
    assert_int_equal(json_parse(str_from_cstr(text), &(struct json_limits){.bytes_max = SIZE_MAX}, &reply), ERR_OK);
    if (read.key[0] == 'n') {
        check_numbers(reply, read.from_ms, read.to_ms, read.limit);
    } else {
        check_changes(reply, read.from_ms, read.to_ms, read.key[0] == 's');
    }
    json_free(reply);
}

static void series_equal_a_naive_reading(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    sample_count = 0;
    seed = 20260301;
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 1 + rnd(60); i > 0; i--) {
            report(f);
        }
        if (rnd(3) == 0) {
            seal_all(f);
        }
        if (rnd(8) == 0) {
            fixture_flush(f);
        }
        struct sample kept[SAMPLES_MAX]; /* in order of arrival */
        memcpy(kept, samples, sizeof kept);
        qsort(samples, sample_count, sizeof *samples, by_time);
        for (unsigned i = 0; i < 20; i++) {
            check_window(f);
        }
        memcpy(samples, kept, sizeof kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(series_equal_a_naive_reading, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
