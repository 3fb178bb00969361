#include "codec/config/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void trace_item(void *user, const struct config_item *item, struct config_mistakes *mistakes)
{
    struct buf *out = user;
    if (!item->name.ptr) {
        buf_printf(out, "%u [%.*s|%.*s]\n", item->line, STR_ARG(item->section), STR_ARG(item->section_name));
    } else if (str_eq(item->name, STR("unknown"))) {
        config_mistake_add(mistakes, item->line, "unknown setting \"%.*s\"", STR_ARG(item->value));
    } else {
        buf_printf(out, "%u %.*s: %.*s=<%.*s>\n", item->line, STR_ARG(item->section), STR_ARG(item->name),
                   STR_ARG(item->value));
    }
}

static void assert_parsed_bytes(struct str text, const char *expected, const char *expected_mistakes)
{
    struct buf out;
    struct config_mistakes mistakes;
    buf_init(&out, 1 << 20);
    config_mistakes_init(&mistakes);
    enum err err = config_parse(text, trace_item, &out, &mistakes);
    assert_int_equal(err, mistakes.count ? ERR_INVALID : ERR_OK);
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buf_clear(&out);
    for (size_t i = 0; i < mistakes.count; i++) {
        buf_printf(&out, "%u: %s\n", mistakes.items[i].line, mistakes.items[i].text);
    }
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected_mistakes);
    config_mistakes_deinit(&mistakes);
    buf_deinit(&out);
}

static void assert_parsed(const char *text, const char *expected, const char *expected_mistakes)
{
    assert_parsed_bytes(str_from_cstr(text), expected, expected_mistakes);
}

static void test_parse(void **state)
{
    (void)state;
    assert_parsed("", "", "");
    assert_parsed("\xef\xbb\xbf" "a = 1\n# comment\n; comment\n\n[server]\nb=2 ; why\n  c  =  x y  \n\te = \" s \"\n"
                  "[listener mqtt-local]\nport = 1883\n[ listener   other ] # c\nurl = a=b#c;d",
                  "1 : a=<1>\n5 [server|]\n6 server: b=<2>\n7 server: c=<x y>\n8 server: e=< s >\n"
                  "9 [listener|mqtt-local]\n10 listener: port=<1883>\n11 [listener|other]\n12 listener: url=<a=b#c;d>\n",
                  "");
    assert_parsed("a = 1\r\nb =\r\n", "1 : a=<1>\n2 : b=<>\n", "");
}

static void test_every_mistake(void **state)
{
    (void)state;
    assert_parsed("a = 1\nnonsense\n[open\nunknown = 7\n= 1\n[]\n[x] y\nb = 2\n", "1 : a=<1>\n8 : b=<2>\n",
                  "2: expected `name = value`: nonsense\n3: expected `[section]` or `[section name]`: [open\n"
                  "4: unknown setting \"7\"\n5: a setting without a name\n"
                  "6: expected `[section]` or `[section name]`: []\n7: expected `[section]` or `[section name]`: [x] y\n");
}

static void test_hostile(void **state)
{
    struct buf text;
    (void)state;
    assert_parsed_bytes(STR("a\0b = 1\nb = \xff\nc = 1"), "3 : c=<1>\n",
                        "1: the line is not valid UTF-8 text\n2: the line is not valid UTF-8 text\n");
    assert_parsed("unknown = \x1b[31m", "", "1: unknown setting \"?[31m\"\n");
    buf_init(&text, 2 << 20);
    buf_append_cstr(&text, "a = ");
    while (text.len < CONFIG_LINE_BYTES_MAX) {
        buf_append_cstr(&text, "x");
    }
    struct config_mistakes mistakes;
    struct buf out;
    buf_init(&out, 1 << 20);
    config_mistakes_init(&mistakes);
    assert_int_equal(config_parse(buf_str(&text), trace_item, &out, &mistakes), ERR_OK);
    assert_int_equal(out.len, sizeof "1 : a=<>\n" - 1 + CONFIG_LINE_BYTES_MAX - 4);
    buf_append_cstr(&text, "x");
    assert_int_equal(config_parse(buf_str(&text), trace_item, &out, &mistakes), ERR_INVALID);
    assert_int_equal(mistakes.count, 1);
    while (text.len <= CONFIG_FILE_BYTES_MAX) {
        buf_append_cstr(&text, "\nx = 1234567890");
    }
    assert_int_equal(config_parse(buf_str(&text), trace_item, &out, &mistakes), ERR_INVALID);
    assert_int_equal(mistakes.count, 2);
    config_mistakes_deinit(&mistakes);
    buf_deinit(&out);
    buf_deinit(&text);
}

static void test_bool(void **state)
{
    bool value = true;
    (void)state;
    assert_true(config_to_bool(STR("off"), &value) && !value);
    assert_true(config_to_bool(STR("Yes"), &value) && value);
    assert_false(config_to_bool(STR("2"), &value));
    assert_false(config_to_bool(STR(""), &value));
    assert_true(value);
}

static void test_duration(void **state)
{
    uint64_t ms = 5;
    (void)state;
    assert_true(config_to_duration_ms(STR("0"), &ms) && ms == 0);
    assert_true(config_to_duration_ms(STR("250ms"), &ms) && ms == 250);
    assert_true(config_to_duration_ms(STR("10s"), &ms) && ms == 10000);
    assert_true(config_to_duration_ms(STR("5 m"), &ms) && ms == 300000);
    assert_true(config_to_duration_ms(STR("2h"), &ms) && ms == 7200000);
    assert_true(config_to_duration_ms(STR("7d"), &ms) && ms == 604800000);
    assert_false(config_to_duration_ms(STR("10"), &ms));
    assert_false(config_to_duration_ms(STR("-1s"), &ms));
    assert_false(config_to_duration_ms(STR("1.5s"), &ms));
    assert_false(config_to_duration_ms(STR("s"), &ms));
    assert_false(config_to_duration_ms(STR("1S"), &ms));
    assert_false(config_to_duration_ms(STR("18446744073709551615d"), &ms));
    assert_false(config_to_duration_ms(STR("18446744073709551616ms"), &ms));
    assert_int_equal(ms, 604800000);
}

static void test_size(void **state)
{
    uint64_t bytes = 5;
    (void)state;
    assert_true(config_to_size(STR("4096"), &bytes) && bytes == 4096);
    assert_true(config_to_size(STR("16B"), &bytes) && bytes == 16);
    assert_true(config_to_size(STR("256KiB"), &bytes) && bytes == 262144);
    assert_true(config_to_size(STR("4 MiB"), &bytes) && bytes == 4194304);
    assert_true(config_to_size(STR("1GiB"), &bytes) && bytes == 1073741824);
    assert_false(config_to_size(STR("1K"), &bytes));
    assert_false(config_to_size(STR("1KB"), &bytes));
    assert_false(config_to_size(STR(""), &bytes));
    assert_false(config_to_size(STR("99999999999TiB"), &bytes));
    assert_int_equal(bytes, 1073741824);
}

static void test_address(void **state)
{
    struct config_address address;
    (void)state;
    assert_true(config_to_address(STR("127.0.0.1:1883"), &address));
    assert_true(str_eq(address.host, STR("127.0.0.1")) && address.port == 1883 && !address.is_off);
    assert_true(config_to_address(STR("[::1]:65535"), &address));
    assert_true(str_eq(address.host, STR("::1")) && address.port == 65535);
    assert_true(config_to_address(STR("localhost:0"), &address));
    assert_true(config_to_address(STR("off"), &address) && address.is_off);
    static const struct str bad[] = {
        STR_INIT(""),          STR_INIT(":1883"),       STR_INIT("127.0.0.1"),  STR_INIT("127.0.0.1:"), STR_INIT("1.2.3.4:65536"),
        STR_INIT("::1:1883"),  STR_INIT("[::1]"),       STR_INIT("[::1]1883"),  STR_INIT("[]:1"),       STR_INIT("[::1:1883"),
        STR_INIT("h:-1"),      STR_INIT("h:1 "),        STR_INIT("h h:1"),      STR_INIT("1.2.3.4:0x5"), STR_INIT("offf"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(config_to_address(bad[i], &address));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_every_mistake), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_bool),  cmocka_unit_test(test_duration),      cmocka_unit_test(test_size),
        cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
