/* Failed attempts: what counts together, and what does not (management-api.md 1.7). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/account/attempts.h"

#define NOW INT64_C(1772360100000)
#define MINUTE 60000

static int set_up(void **state)
{
    *state = attempts_new();
    return 0;
}

static int tear_down(void **state)
{
    attempts_free(*state);
    return 0;
}

static bool take_at(void **state, int64_t now, const char *address, const char *account)
{
    unsigned retry_after_s = 0;
    struct attempts_limits limits = {.account_max = 2, .address_max = 4};
    bool taken = attempts_take(*state, now, str_from_cstr(address), str_from_cstr(account), limits, &retry_after_s);
    assert_true(taken ? retry_after_s == 0 : retry_after_s >= 1 && retry_after_s <= 60);
    return taken;
}

static bool take(void **state, const char *address, const char *account)
{
    return take_at(state, NOW, address, account);
}

static void an_account_counts_per_address(void **state)
{
    assert_true(take(state, "192.0.2.1", "ada@example.com"));
    assert_true(take(state, "192.0.2.1", "ADA@example.com"));
    assert_false(take(state, "192.0.2.1", "ada@example.com"));
    assert_true(take(state, "192.0.2.2", "ada@example.com")); /* nobody locks it out from elsewhere */
    assert_true(take(state, "192.0.2.1", "eve@example.com"));
    assert_true(take_at(state, NOW + MINUTE, "192.0.2.1", "ada@example.com"));
}

static void an_address_counts_for_all_accounts(void **state)
{
    static const char *const accounts[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(take(state, "192.0.2.1", accounts[i]));
    }
    assert_false(take(state, "192.0.2.1", "e"));
    assert_true(take(state, "192.0.2.2", "e"));
}

static void an_ipv6_network_is_one_guesser(void **state)
{
    assert_true(take(state, "2001:db8::1", "ada"));
    assert_true(take(state, "2001:db8::ffff:2", "ada"));
    assert_false(take(state, "2001:db8:0:0:9::", "ada"));
    assert_true(take(state, "2001:db8::3", "b"));
    assert_true(take(state, "2001:db8::4", "c"));
    assert_false(take(state, "2001:db8::5", "d"));
    assert_true(take(state, "2001:db8:0:1::1", "ada"));
}

static void a_success_does_not_count(void **state)
{
    for (int i = 0; i < 10; i++) {
        assert_true(take(state, "2001:db8::1", "ada"));
        attempts_give_back(*state, NOW, STR("2001:db8::1"), STR("ada"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_account_counts_per_address),
        TEST(an_address_counts_for_all_accounts),
        TEST(an_ipv6_network_is_one_guesser),
        TEST(a_success_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
