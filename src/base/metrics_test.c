#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

static void test_render(void **state)
{
    struct buf out;
    (void)state;
    metric_add(METRIC_CONNECTIONS, 3);
    metric_add(METRIC_CONNECTIONS, -1);
    assert_int_equal(metric_get(METRIC_CONNECTIONS), 2);
    buf_init(&out, 1 << 20);
    metrics_render(&out);
    buf_append_u8(&out, 0);
    assert_false(out.failed);
    assert_non_null(strstr((const char *)out.data, "# HELP muster_connections open connections of every kind\n"
                                                   "# TYPE muster_connections gauge\nmuster_connections 2\n"));
    assert_non_null(strstr((const char *)out.data, "# TYPE muster_sent_bytes_total counter\nmuster_sent_bytes_total 0\n"));
    buf_deinit(&out);
}

static void *count_some(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        metric_add(METRIC_HTTP_REQUESTS, 1);
    }
    return metric_own;
}

static void test_threads_count_together(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    void *shard, *again;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_some, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &shard);
    }
    assert_int_equal(metric_get(METRIC_HTTP_REQUESTS), THREADS * 1000);
    /* One after the other: they need one shard, and what was counted in it stays. */
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[0], NULL, count_some, NULL);
        pthread_join(threads[0], &again);
        assert_true(i == 0 || again == shard);
        shard = again;
    }
    assert_int_equal(metric_get(METRIC_HTTP_REQUESTS), (THREADS + 3) * 1000);
}

#define METRIC_NAME(id, name, type, help) name,
static const char *const names[] = {METRICS(METRIC_NAME)};

/* A name twice would make Prometheus refuse the whole page. */
static void test_names_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(names[i], names[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_threads_count_together),
        cmocka_unit_test(test_names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
