#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "io/connection_limits.h"
#include "io/net.h"

static struct net_address address_of(const char *host)
{
    struct net_address address;
    assert_true(net_address_parse(str_from_cstr(host), 80, &address));
    return address;
}

static void addresses_are_read_and_shown(void **state)
{
    (void)state;
    static const struct {
        const char *host, *shown;
        bool loopback, any;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:80", true, false}, {"localhost", "127.0.0.1:80", true, false},
        {"127.9.9.9", "127.9.9.9:80", true, false}, {"0.0.0.0", "0.0.0.0:80", false, true},
        {"::1", "[::1]:80", true, false},           {"[::1]", "[::1]:80", true, false},
        {"::", "[::]:80", false, true},             {"192.0.2.1", "192.0.2.1:80", false, false},
        {"2001:db8::7", "[2001:db8::7]:80", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_address address = address_of(cases[i].host);
        char text[NET_ADDRESS_TEXT_BYTES];
        net_address_format(&address, text);
        assert_string_equal(text, cases[i].shown);
        assert_int_equal(net_address_port(&address), 80);
        assert_int_equal(net_address_is_loopback(&address), cases[i].loopback);
        assert_int_equal(net_address_is_any(&address), cases[i].any);
    }
    static const char *const wrong[] = {"", "example.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "[127.0.0.1", "1.2.3.4 "};
    struct net_address address;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(net_address_parse(str_from_cstr(wrong[i]), 80, &address));
    }
    assert_false(net_address_parse(str_from("::1\0/x", 6), 80, &address)); /* what is behind a NUL counts */
}

static void networks_contain(void **state)
{
    (void)state;
    static const struct {
        const char *network, *host;
        bool inside;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},   {"10.0.0.0/8", "11.0.0.1", false},
        {"192.168.4.0/22", "192.168.7.255", true}, {"192.168.4.0/22", "192.168.8.0", false},
        {"192.0.2.7", "192.0.2.7", true},     {"192.0.2.7", "192.0.2.8", false},
        {"0.0.0.0/0", "1.2.3.4", true},       {"0.0.0.0/0", "::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true}, {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::/0", "::1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct network network;
        assert_true(network_parse(str_from_cstr(cases[i].network), &network));
        struct net_address address = address_of(cases[i].host);
        assert_int_equal(network_contains(&network, &address), cases[i].inside);
    }
    struct network network;
    static const char *const wrong[] = {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129", "/8"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(network_parse(str_from_cstr(wrong[i]), &network));
    }
}

static void limits_count_per_address_and_in_all(void **state)
{
    (void)state;
    struct network exempt;
    assert_true(network_parse(STR("198.51.100.0/24"), &exempt));
    struct connection_limits *limits = connection_limits_new(6, 2, &exempt, 1);
    struct net_address a = address_of("192.0.2.1"), b = address_of("192.0.2.2");
    struct net_address free_one = address_of("198.51.100.9"), loopback = address_of("127.0.0.1");
    struct connection_count *of_a[2], *of_b, *none, *of_exempt = NULL;
    assert_true(connection_limits_enter(limits, &a, &of_a[0]));
    assert_true(connection_limits_enter(limits, &a, &of_a[1]));
    assert_false(connection_limits_enter(limits, &a, &none));
    assert_true(connection_limits_enter(limits, &b, &of_b));
    for (int i = 0; i < 3; i++) {
        assert_true(connection_limits_enter(limits, i == 0 ? &loopback : &free_one, &none));
        assert_true(i == 0 || none == of_exempt);
        of_exempt = none;
    }
    assert_false(connection_limits_enter(limits, &free_one, &none)); /* six in all */
    connection_limits_leave(of_a[0]);
    assert_true(connection_limits_enter(limits, &a, &of_a[0]));
    connection_limits_change(limits, 0, 1, NULL, 0);
    assert_true(connection_limits_enter(limits, &free_one, &none)); /* exempt no more */
    assert_ptr_not_equal(none, of_exempt);
    connection_limits_leave(none);
    assert_false(connection_limits_enter(limits, &b, &none));
    connection_limits_leave(of_a[0]);
    connection_limits_leave(of_a[1]);
    connection_limits_leave(of_b);
    connection_limits_free(limits);
}

static void limits_count_whom_a_proxy_names(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(3, 1, NULL, 0);
    struct net_address a = address_of("192.0.2.1"), b = address_of("192.0.2.2"), loopback = address_of("127.0.0.1");
    struct connection_count *first, *second, *third, *none;
    assert_true(connection_limits_enter_unknown(limits, &first));
    assert_true(connection_limits_enter_unknown(limits, &second));
    assert_true(connection_limits_enter_unknown(limits, &third));
    assert_false(connection_limits_enter_unknown(limits, &none)); /* three in all */
    assert_true(connection_limits_identify(&first, &a));
    assert_false(connection_limits_identify(&second, &a));
    assert_true(connection_limits_identify(&second, &b));
    assert_true(connection_limits_identify(&third, &loopback));
    connection_limits_leave(first);
    assert_false(connection_limits_enter(limits, &b, &none));
    assert_true(connection_limits_enter(limits, &a, &first)); /* nothing is left of the one that was refused */
    connection_limits_leave(first);
    connection_limits_leave(second);
    connection_limits_leave(third);
    connection_limits_free(limits);
}

static void sets_of_networks_change(void **state)
{
    (void)state;
    struct network networks[2];
    assert_true(network_parse(STR("10.0.0.0/8"), &networks[0]) && network_parse(STR("2001:db8::/32"), &networks[1]));
    struct net_address inside = address_of("10.1.2.3"), other = address_of("2001:db8::1"), outside = address_of("192.0.2.1");
    struct network_set *set = network_set_new(NULL, 0);
    assert_false(network_set_contains(set, &inside));
    network_set_change(set, networks, 2);
    assert_true(network_set_contains(set, &inside) && network_set_contains(set, &other));
    assert_false(network_set_contains(set, &outside));
    network_set_change(set, networks + 1, 1);
    assert_false(network_set_contains(set, &inside));
    network_set_free(set);
}

static void limits_take_a_64_as_one_ipv6_address(void **state)
{
    (void)state;
    struct connection_limits *limits = connection_limits_new(0, 1, NULL, 0);
    struct net_address a = address_of("2001:db8::1"), same = address_of("2001:db8::ffff:1"), other = address_of("2001:db8:0:1::1");
    struct connection_count *first, *second, *none;
    assert_true(connection_limits_enter(limits, &a, &first));
    assert_false(connection_limits_enter(limits, &same, &none));
    assert_true(connection_limits_enter(limits, &other, &second));
    connection_limits_leave(first);
    connection_limits_leave(second);
    connection_limits_free(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_shown),
        cmocka_unit_test(networks_contain),
        cmocka_unit_test(limits_count_per_address_and_in_all),
        cmocka_unit_test(limits_count_whom_a_proxy_names),
        cmocka_unit_test(sets_of_networks_change),
        cmocka_unit_test(limits_take_a_64_as_one_ipv6_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
