#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
        cmocka_unit_test(test_names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
