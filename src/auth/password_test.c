#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "model/ports/password.h"

static void right_password_is_accepted(void **state)
{
    (void)state;
    char encoded[PASSWORD_HASH_BYTES];
    assert_int_equal(password_hash(STR("correct horse battery"), encoded), ERR_OK);
    assert_true(str_starts_with(str_from_cstr(encoded), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_true(password_verify(str_from_cstr(encoded), STR("correct horse battery")));
    assert_false(password_verify(str_from_cstr(encoded), STR("correct horse batterY")));
    assert_false(password_verify(str_from_cstr(encoded), STR("")));
    assert_false(password_is_outdated(str_from_cstr(encoded)));
    assert_true(password_is_outdated(STR("$argon2id$v=19$m=4096,t=2,p=1$c2FsdHNhbHQ$aGFzaA")));
}

static void salts_differ(void **state)
{
    (void)state;
    char a[PASSWORD_HASH_BYTES], b[PASSWORD_HASH_BYTES];
    assert_int_equal(password_hash(STR("correct horse battery"), a), ERR_OK);
    assert_int_equal(password_hash(STR("correct horse battery"), b), ERR_OK);
    assert_string_not_equal(a, b);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    static char longest[PASSWORD_BYTES_MAX + 1];
    memset(longest, 'x', sizeof longest);
    char encoded[PASSWORD_HASH_BYTES];
    assert_int_equal(password_hash((struct str){longest, sizeof longest}, encoded), ERR_INVALID);
    assert_int_equal(password_hash((struct str){longest, sizeof longest - 1}, encoded), ERR_OK);
    assert_false(password_verify(str_from_cstr(encoded), (struct str){longest, sizeof longest}));
    assert_false(password_verify(STR("not an encoded hash"), STR("correct horse battery")));
    assert_false(password_verify(STR("$argon2id$v=19$m=19456,t=2,p=1$"), STR("correct horse battery")));
}

/* An account that does not exist costs as much as one with a wrong password: within a factor of three, whatever else
 * the machine does (the work itself differs by nothing). */
static void unknown_account_takes_as_long(void **state)
{
    (void)state;
    char encoded[PASSWORD_HASH_BYTES];
    assert_int_equal(password_hash(STR("correct horse battery"), encoded), ERR_OK);
    uint64_t known = UINT64_MAX, unknown = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        uint64_t start = clock_monotonic_us();
        assert_false(password_verify(str_from_cstr(encoded), STR("wrong")));
        uint64_t middle = clock_monotonic_us();
        assert_false(password_verify(STR(""), STR("wrong")));
        uint64_t end = clock_monotonic_us();
        known = middle - start < known ? middle - start : known;
        unknown = end - middle < unknown ? end - middle : unknown;
    }
    assert_true(unknown * 3 > known && known * 3 > unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_password_is_accepted),
        cmocka_unit_test(salts_differ),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(unknown_account_takes_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
