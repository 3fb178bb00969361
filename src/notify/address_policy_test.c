/* No tenant reaches the inside with a webhook, in whatever way the address is written (management-api.md 8.1). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "notify/address_policy.h"

static bool is_allowed(const char *host, const char *allowed)
{
    struct net_address address;
    assert_true(net_address_parse(str_from_cstr(host), 80, &address));
    return address_is_allowed(&address, allowed);
}

static void refuses_the_inside(void **state)
{
    (void)state;
    static const char *const inside[] = {
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.100.100.200", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:c0a8:101::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    };
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        if (is_allowed(inside[i], "")) {
            fail_msg("%s is allowed", inside[i]);
        }
    }
}

static void allows_the_outside(void **state)
{
    (void)state;
    static const char *const outside[] = {
        "8.8.8.8", "172.32.0.1", "172.15.255.255", "100.63.0.1", "100.128.0.1", "169.253.1.1", "126.255.255.255",
        "2a00:1450:4001::1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    };
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        if (!is_allowed(outside[i], "")) {
            fail_msg("%s is refused", outside[i]);
        }
    }
}

static void allows_what_the_operator_allows(void **state)
{
    (void)state;
    assert_true(is_allowed("10.1.2.3", "192.168.0.0/16, 10.1.0.0/16"));
    assert_false(is_allowed("10.2.2.3", "192.168.0.0/16, 10.1.0.0/16"));
    assert_true(is_allowed("::ffff:10.1.2.3", "10.1.0.0/16"));
    assert_true(is_allowed("::1", "::1"));
    assert_false(is_allowed("127.0.0.1", "::1"));
    assert_false(is_allowed("127.0.0.1", "nonsense,,"));
    struct net_address local = {.any = {.sa_family = AF_UNIX}};
    assert_false(address_is_allowed(&local, "0.0.0.0/0,::/0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_the_inside),
        cmocka_unit_test(allows_the_outside),
        cmocka_unit_test(allows_what_the_operator_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
