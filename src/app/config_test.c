#include "app/config.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/settings_table.h"

/* Reads `text` as a file; returns the count of mistakes and what was printed. */
static int read_text(struct config *config, const char *text, char *printed, size_t printed_bytes)
{
    char path[] = "/tmp/muster-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    memset(printed, 0, printed_bytes);
    FILE *errors = fmemopen(printed, printed_bytes - 1, "w");
    config_init(config);
    int count = config_read_file(config, path, errors);
    fclose(errors);
    unlink(path);
    return count;
}

static void test_settings_and_listeners(void **state)
{
    (void)state;
    struct config config;
    char printed[2048];
    assert_int_equal(read_text(&config,
                               "[server]\npublic_url = https://hub.example.com\nloops = 2\n[http]\nrequest_timeout = 5s\n"
                               "body_max = 1MiB\n[listener a]\nkind = mqtt\naddress = 0.0.0.0:1883\n"
                               "[listener b]\nkind = mqtt\naddress = [::1]:0\n[listener c]\nkind=mqtts\naddress=off\n",
                               printed, sizeof printed), 0);
    assert_string_equal(config.settings.server_public_url, "https://hub.example.com");
    assert_int_equal(config.settings.server_loops, 2);
    assert_int_equal(config.settings.http_request_timeout, 5000);
    assert_int_equal(config.settings.http_body_max, 1024 * 1024);
    unsigned of_kind[LISTENER_KIND_COUNT] = {0};
    for (unsigned i = 0; i < config.listener_count; i++) {
        of_kind[config.listeners[i].kind]++;
    }
    assert_int_equal(of_kind[LISTENER_MQTT], 2);
    assert_int_equal(of_kind[LISTENER_MQTTS], 0);
    assert_int_equal(of_kind[LISTENER_HTTP], 1);
    config_deinit(&config);
}

static void test_open_listeners(void **state)
{
    (void)state;
    struct config config;
    char printed[2048];
    assert_int_equal(read_text(&config,
                               "[listener tools]\nkind = mqtt\naccess = open\naddress = 127.0.0.1:1884\n"
                               "[listener lab]\nkind = mqtts\naddress = 0.0.0.0:1885\nallow_remote = yes\naccess = open\n"
                               "[listener b]\nkind = http\naccess = credentials\naddress = 127.0.0.1:0\n",
                               printed, sizeof printed), 0);
    unsigned of_kind[LISTENER_KIND_COUNT] = {0};
    for (unsigned i = 0; i < config.listener_count; i++) {
        of_kind[config.listeners[i].kind]++;
        if (config.listeners[i].kind == LISTENER_MQTT_OPEN) {
            assert_string_equal(config.listeners[i].name, "tools");
        }
    }
    assert_int_equal(of_kind[LISTENER_MQTT], 1); /* the default stays */
    assert_int_equal(of_kind[LISTENER_MQTT_OPEN], 1);
    assert_int_equal(of_kind[LISTENER_MQTTS_OPEN], 1);
    assert_true(config_set_listener(&config, LISTENER_MQTT_OPEN, "127.0.0.1:0", stderr));
    assert_false(config_set_listener(&config, LISTENER_MQTT_OPEN, "0.0.0.0:0", stderr));
    config_deinit(&config);
    assert_int_equal(read_text(&config,
                               "[listener a]\nkind = mqtt\naccess = open\naddress = 0.0.0.0:1884\n"
                               "[listener b]\nkind = http\naccess = open\naddress = 127.0.0.1:0\n"
                               "[listener c]\nkind = mqtt\naccess = all\nallow_remote = perhaps\naddress = 127.0.0.1:0\n"
                               "[listener d]\nkind = mqtt-open\naddress = 127.0.0.1:0\n",
                               printed, sizeof printed), 5);
    config_deinit(&config);
}

static void test_proxied_listeners(void **state)
{
    (void)state;
    struct config config;
    char printed[2048];
    assert_int_equal(read_text(&config,
                               "[listener a]\nkind = https\naddress = 127.0.0.1:0\nproxy_protocol = yes\n"
                               "[listener b]\nkind = mqtt\naddress = 127.0.0.1:0\n[server]\ntrusted_proxies = 10.0.0.0/8\n",
                               printed, sizeof printed), 0);
    for (unsigned i = 0; i < config.listener_count; i++) {
        assert_int_equal(config.listeners[i].proxy_protocol, config.listeners[i].kind == LISTENER_HTTPS);
    }
    config_deinit(&config);
    static const char *const wrong[] = {
        "[listener a]\nkind = http\naddress = 127.0.0.1:0\nproxy_protocol = yes\n",
        "[server]\ntrusted_proxies = ::1\n[listener a]\nkind = metrics\naddress = 127.0.0.1:0\nproxy_protocol = yes\n",
        "[server]\ntrusted_proxies = ::1\n[listener a]\nkind = http\naddress = 127.0.0.1:0\nproxy_protocol = v2\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(&config, wrong[i], printed, sizeof printed), 1);
        assert_non_null(strstr(printed, "proxy_protocol"));
        config_deinit(&config);
    }
}

static void test_every_mistake_has_its_line(void **state)
{
    (void)state;
    struct config config;
    char printed[4096];
    int count = read_text(&config,
                          "loops = 1\n[server]\nloops = many\nnonsense = 1\n[nowhere]\nx = 1\n[listener a]\nkind = carrier\n"
                          "[listener b]\nkind = mqtt\n[listener c]\nkind = http\naddress = example:80:80\n",
                          printed, sizeof printed);
    assert_int_equal(count, 7);
    static const int lines[] = {1, 3, 4, 5, 8, 9, 13};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char part[16];
        snprintf(part, sizeof part, ":%d: ", lines[i]);
        if (!strstr(printed, part)) {
            fail_msg("no mistake at line %d in:\n%s", lines[i], printed);
        }
    }
    config_deinit(&config);
}

static void test_texts_have_their_form(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool fits;
    } cases[] = {
        {"public_url", "", true}, {"public_url", "https://hub.example.com", true}, {"public_url", "http://[::1]:8080/base", true},
        {"public_url", "https://hub.example.com/", false}, {"public_url", "mqtt://hub.example.com", false},
        {"public_url", "https://", false}, {"public_url", "https://hub\"x", false}, {"static_cert_url", "hub.example.com", false},
        {"mqtt_url", "mqtts://hub.example.com:8883", true}, {"mqtt_url", "wss://hub.example.com/mqtt", true},
        {"mqtt_url", "https://hub.example.com", false}, {"trusted_proxies", "10.0.0.0/8, ::1", true},
        {"trusted_proxies", "10.0.0.0/8, proxy", false}, {"limits_exempt", "10.0.0.0/33", false}, {"limits_exempt", "", true},
        {"log_level", "warn", true}, {"log_level", "loud", false}, {"log_format", "json", true}, {"log_format", "xml", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct settings settings;
        char mistake[256];
        settings_init(&settings);
        bool fits = settings_set(&settings, STR("server"), str_from_cstr(cases[i].name), str_from_cstr(cases[i].value), mistake, sizeof mistake);
        if (fits != cases[i].fits) {
            fail_msg("%s = %s", cases[i].name, cases[i].value);
        }
        settings_deinit(&settings);
    }
}

static void test_reload_keeps_what_is_fixed(void **state)
{
    (void)state;
    struct settings current, fresh;
    settings_init(&current);
    settings_init(&fresh);
    char mistake[128];
    assert_true(settings_set(&fresh, STR("server"), STR("loops"), STR("7"), mistake, sizeof mistake));
    assert_true(settings_set(&fresh, STR("limits"), STR("device_requests"), STR("7"), mistake, sizeof mistake));
    settings_keep_fixed(&fresh, &current);
    assert_int_equal(fresh.server_loops, current.server_loops);
    assert_int_equal(fresh.limits_device_requests, 7);
    settings_deinit(&current);
    settings_deinit(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_and_listeners),
        cmocka_unit_test(test_open_listeners),
        cmocka_unit_test(test_proxied_listeners),
        cmocka_unit_test(test_every_mistake_has_its_line),
        cmocka_unit_test(test_texts_have_their_form),
        cmocka_unit_test(test_reload_keeps_what_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
