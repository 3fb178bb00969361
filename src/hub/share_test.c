/* Groups of shared subscriptions, when members leave while a message is on its way to them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "hub/session.h"
#include "hub/share.h"

static void take(struct share_member *member, void *arg)
{
    *(struct share_member **)arg = member;
}

static struct share_member *choose(struct shares *shares, int64_t tenant_no)
{
    struct share_member *member = NULL;
    shares_choose(shares, PARTY_ORGANIZATION, tenant_no, STR("a/b"), take, &member);
    return member;
}

static void a_message_finds_another_member(void **state)
{
    (void)state;
    struct shares *shares = shares_new();
    struct session first = {.party = PARTY_ORGANIZATION, .owner_no = 1}, second = first;
    struct share_member *a = share_join(shares, &first, STR("$share/g/a/+"));
    struct share_member *b = share_join(shares, &second, STR("$share/g/a/+"));
    assert_true(str_eq(share_member_filter(a), STR("$share/g/a/+")));
    assert_null(choose(shares, 2));
    struct share_member *chosen = choose(shares, 1);
    assert_ptr_equal(chosen, a);
    share_leave(shares, a);
    assert_null(chosen->session);
    struct share_member *other = share_choose_other(shares, chosen);
    assert_ptr_equal(other, b);
    share_leave(shares, b);
    assert_true(shares_are_empty(shares));
    assert_null(share_choose_other(shares, other));
    share_member_unref(chosen);
    share_member_unref(other);
    shares_free(shares);
}

static void who_is_online_comes_first(void **state)
{
    (void)state;
    struct shares *shares = shares_new();
    struct session first = {.party = PARTY_ORGANIZATION, .owner_no = 1}, second = first;
    struct share_member *a = share_join(shares, &first, STR("$share/g/a/b"));
    struct share_member *b = share_join(shares, &second, STR("$share/g/a/b"));
    share_set_online(shares, b, true);
    for (int i = 0; i < 3; i++) {
        struct share_member *chosen = choose(shares, 1);
        assert_ptr_equal(chosen, b);
        share_member_unref(chosen);
    }
    share_set_online(shares, b, false);
    struct share_member *chosen = choose(shares, 1);
    assert_ptr_equal(chosen, a);
    share_member_unref(chosen);
    share_leave(shares, a);
    share_leave(shares, b);
    shares_free(shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_message_finds_another_member),
                                       cmocka_unit_test(who_is_online_comes_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
