#include "app/bench/histogram.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static struct histogram histogram;

static void test_buckets_ascend(void **state)
{
    (void)state;
    unsigned last = 0;
    for (uint64_t value = 0; value < 100000; value++) {
        unsigned bucket = histogram_bucket(value);
        assert_true(bucket == last || bucket == last + 1);
        last = bucket;
    }
    assert_true(histogram_bucket(UINT64_MAX) < HISTOGRAM_BUCKETS);
    assert_int_equal(histogram_bucket(31), 31);
    assert_int_equal(histogram_bucket(64), histogram_bucket(65));
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_quantiles(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    histogram = (struct histogram){.count = 0};
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    uint64_t seed = 7;
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (seed >> 33) >> (i % 24);
        histogram_add(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], compare);
    static const double shares[] = {0.0001, 0.1, 0.5, 0.99, 0.9999, 1};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        uint64_t exact = values[(size_t)(shares[i] * COUNT + 0.5) - 1];
        uint64_t told = histogram_quantile(&histogram, shares[i]);
        assert_true(told >= exact);
        assert_true((double)told <= (double)exact * (1 + 1.0 / HISTOGRAM_STEPS) + 1);
    }
    assert_int_equal(histogram_quantile(&histogram, 1), histogram.max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_buckets_ascend), cmocka_unit_test(test_quantiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
