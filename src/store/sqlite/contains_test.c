#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "store/sqlite/contains.h"
#include "store/sqlite/db.h"

static int64_t ask(sqlite3 *db, const char *expression)
{
    char sql[256];
    int64_t value = -1;
    snprintf(sql, sizeof sql, "SELECT %s", expression);
    assert_int_equal(db_read_number(db, sql, &value), ERR_OK);
    return value;
}

/* management-api.md 1.8 */
static void test_contains(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(contains_register(db), ERR_OK);
    static const struct {
        const char *expression;
        int64_t value;
    } cases[] = {
        {"contains('b', 'abc')", 1},           {"contains('bd', 'abc')", 0},
        {"contains('C', 'abc')", 1},           {"contains('bc', 'aBC')", 1},
        {"contains('abcd', 'abc')", 0},        {"contains('', 'abc')", 1},
        {"contains('', '')", 1},               {"contains('a', '')", 0},
        {"contains('a', NULL)", 0},            {"contains('', NULL)", 0},
        {"contains(NULL, 'a')", 0},            {"contains('x', 'a', NULL, 'xy')", 1},
        {"contains('%', 'a%b')", 1},           {"contains('_', 'ab')", 0},
        {"contains('aab', 'aaab')", 1},        {"contains('\xc3\xa9', 'caf\xc3\xa9')", 1},
        {"contains('\xc3\x89', '\xc3\xa9')", 0}, {"contains(7, 17)", 1},
        {"contains_first('b', 'ab' || char(31) || 'c')", 1}, {"contains_first('C', 'ab' || char(31) || 'c')", 0},
        {"contains_first('c', 'abc')", 1},     {"contains_first('a', NULL)", 0},
        {"contains_first('', char(31))", 1},   {"contains_first('a', '')", 0},
        {"contains_hex('0AF', x'10af')", 1},   {"contains_hex('', x'10af')", 0},
        {"contains_hex('A', NULL)", 0},        {"contains_hex('00', zeroblob(65))", 0},
        {"contains_hex('0000', x'0000')", 1},  {"contains_hex('AF1', x'10AF')", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (ask(db, cases[i].expression) != cases[i].value) {
            fail_msg("%s is not %d", cases[i].expression, (int)cases[i].value);
        }
    }
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_contains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
