#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/rate_limit.h"
#include "api/router.h"

static void handler(struct call *call, struct store_tx *tx)
{
    (void)call;
    (void)tx;
}

#define ROW(method, path) {method, path, ACCESS_PUBLIC, PLACE_LOOP, 0, handler}
static const struct route table[] = {
    ROW("GET", "/"),
    ROW("POST", "/v1/devices"),
    ROW("POST", "/v1/devices/telemetries"),
    ROW("GET", "/v1/devices/:id"),
    ROW("PUT", "/v1/devices/:id"),
    ROW("DELETE", "/v1/devices/:id"),
    ROW("POST", "/v1/devices/:id/dumps/:mime/:filename"),
    ROW("GET", "/core/v1/spaces/notes/:note"),
    ROW("GET", "/core/v1/spaces/:id/notes"),
    {0},
};
static const struct route second_table[] = {
    {"GET", "/v1/devices/:id", ACCESS_PROBE, PLACE_WORK, 0, handler},
    ROW("PATCH", "/v1/devices/:id"),
    {0},
};

struct fixture {
    struct router *router;
    struct arena arena;
    struct route_match match;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.router = router_new()};
    router_add(fixture.router, table);
    router_add(fixture.router, second_table);
    arena_init(&fixture.arena);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    router_free(fixture->router);
    arena_deinit(&fixture->arena);
    return 0;
}

static enum route_result find(struct fixture *fixture, const char *method, const char *path)
{
    fixture->match = (struct route_match){0};
    return router_find(fixture->router, str_from_cstr(method), str_from_cstr(path), &fixture->arena, &fixture->match);
}

static void assert_param(const struct fixture *fixture, size_t index, const char *value)
{
    assert_true(str_eq(fixture->match.params[index], str_from_cstr(value)));
}

static void routes_are_found(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *method, *path, *route;
    } cases[] = {
        {"GET", "/", "/"}, {"HEAD", "/", "/"},
        {"POST", "/v1/devices", "/v1/devices"}, {"POST", "/v1/devices/", "/v1/devices"},
        {"POST", "/v1/devices/telemetries", "/v1/devices/telemetries"},
        {"GET", "/v1/devices/x", "/v1/devices/:id"}, {"HEAD", "/v1/devices/x/", "/v1/devices/:id"},
        {"PATCH", "/v1/devices/x", "/v1/devices/:id"},
        {"GET", "/core/v1/spaces/notes/7", "/core/v1/spaces/notes/:note"},
        {"GET", "/core/v1/spaces/7/notes", "/core/v1/spaces/:id/notes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(find(fixture, cases[i].method, cases[i].path), ROUTE_FOUND);
        assert_string_equal(fixture->match.route->path, cases[i].route);
    }
}

static void the_first_of_equal_rows_counts(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(find(fixture, "GET", "/v1/devices/x"), ROUTE_FOUND);
    assert_int_equal(fixture->match.route->access, ACCESS_PUBLIC);
}

static void parameters_are_decoded_once_after_the_split(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(find(fixture, "POST", "/v1/devices/a%2Fb/dumps/text%2fplain/50%2525.txt"), ROUTE_FOUND);
    assert_param(fixture, 0, "a/b");
    assert_param(fixture, 1, "text/plain");
    assert_param(fixture, 2, "50%25.txt");
    assert_int_equal(find(fixture, "GET", "/v1/devices/%C3%BC"), ROUTE_FOUND);
    assert_param(fixture, 0, "\xc3\xbc");
}

static void fixed_names_are_never_ids(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(find(fixture, "GET", "/v1/devices/telemetries"), ROUTE_OTHER_METHODS);
    assert_true(str_eq(fixture->match.allow, STR("POST")));
    assert_int_equal(find(fixture, "GET", "/v1/devices/telemetries/command"), ROUTE_UNKNOWN);
    assert_int_equal(find(fixture, "POST", "/v1/devices/telemetrie%73"), ROUTE_FOUND); /* the name, however written */
    assert_string_equal(fixture->match.route->path, "/v1/devices/telemetries");
}

static void other_methods_are_listed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(find(fixture, "POST", "/v1/devices/x"), ROUTE_OTHER_METHODS);
    assert_true(str_eq(fixture->match.allow, STR("GET, HEAD, PUT, DELETE, PATCH")));
    assert_int_equal(find(fixture, "HEAD", "/v1/devices"), ROUTE_OTHER_METHODS);
    assert_true(str_eq(fixture->match.allow, STR("POST")));
    assert_int_equal(find(fixture, "OPTIONS", "/"), ROUTE_OTHER_METHODS);
}

static void unknown_and_bad_paths(void **state)
{
    struct fixture *fixture = *state;
    static const char *const unknown[] = {"/v1", "/v2/devices", "/v1/devices/x/y", "//v1/devices", "/V1/devices",
                                          "/v1/devices/x/dumps/a", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(find(fixture, "GET", unknown[i]), ROUTE_UNKNOWN);
    }
    static const char *const bad[] = {"/v1/devices/%zz", "/v1/devices/%", "/v1/devices/%ff", "/v1/devices/%00", "*"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(find(fixture, "GET", bad[i]), ROUTE_BAD_PATH);
    }
}

static void rates_are_counted_in_windows(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new();
    unsigned retry_after_s = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(rate_limit_take(limit, 7, 3, 1000 + (uint64_t)i, &retry_after_s));
    }
    assert_false(rate_limit_take(limit, 7, 3, 1500, &retry_after_s));
    assert_int_equal(retry_after_s, 30);
    assert_true(rate_limit_take(limit, 8, 3, 1500, &retry_after_s));
    assert_false(rate_limit_take(limit, 7, 3, 30999, &retry_after_s));
    assert_int_equal(retry_after_s, 1);
    assert_true(rate_limit_take(limit, 7, 3, 31000, &retry_after_s)); /* refusals did not prolong the window */
    assert_true(rate_limit_take(limit, 7, 0, 31000, &retry_after_s)); /* off */
    rate_limit_free(limit);
}

static void many_principals_do_not_grow_the_memory(void **state)
{
    (void)state;
    struct rate_limit *limit = rate_limit_new();
    unsigned retry_after_s;
    for (uint64_t key = 1; key < 300000; key++) {
        assert_true(rate_limit_take(limit, key * UINT64_C(0x9e3779b97f4a7c15), 1, 5000, &retry_after_s));
    }
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_of_equal_rows_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_are_decoded_once_after_the_split, setup, teardown),
        cmocka_unit_test_setup_teardown(fixed_names_are_never_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(other_methods_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_and_bad_paths, setup, teardown),
        cmocka_unit_test(rates_are_counted_in_windows),
        cmocka_unit_test(many_principals_do_not_grow_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
