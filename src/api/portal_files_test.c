#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api_internal.h"
#include "base/mem.h"

static char folder[] = "/tmp/muster-portal-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    char assets[128];
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(assets, sizeof assets, "%s/assets", folder);
    if (mkdir(assets, 0700) != 0) {
        return -1;
    }
    write_file("index.html", "<page>");
    write_file("assets/a.js", "script");
    write_file(".secret", "hidden");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"index.html", "assets/a.js", ".secret"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/assets", folder);
    rmdir(path);
    return rmdir(folder);
}

/* Runs the route of a path and returns the status; 0: it has none. The call's reply stays for a look. */
static unsigned get(struct portal *portal, const char *path, struct call *call)
{
    static struct api api;
    api.portal = portal;
    *call = (struct call){.api = &api, .path = str_from_cstr(path)};
    reply_init(&call->reply);
    buf_init(&call->extra_headers, 4096);
    call->route = portal_route(portal, call->path);
    if (call->route) {
        call->route->handler(call, NULL);
    }
    return call->reply.status;
}

static void forget(struct call *call)
{
    reply_deinit(&call->reply);
    buf_deinit(&call->extra_headers);
    arena_deinit(&call->arena);
}

static void files_come_from_the_folder(void **state)
{
    (void)state;
    struct portal *portal = portal_new(folder);
    struct call call;
    static const struct {
        const char *path, *body, *mime, *cache;
    } cases[] = {
        {"/partners/", "<page>", "text/html; charset=utf-8", "no-cache"},
        {"/app", "<page>", "text/html; charset=utf-8", "no-cache"},
        {"/c/../../etc/passwd", "<page>", "text/html; charset=utf-8", "no-cache"},
        {"/assets/a.js", "script", "text/javascript; charset=utf-8", "immutable"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(get(portal, cases[i].path, &call), 200);
        assert_true(str_eq(buf_str(&call.reply.body), str_from_cstr(cases[i].body)));
        assert_true(str_eq(call.content_type, str_from_cstr(cases[i].mime)));
        assert_true(str_contains_nocase(buf_str(&call.extra_headers), str_from_cstr(cases[i].cache)));
        assert_true(str_contains_nocase(buf_str(&call.extra_headers), STR("frame-ancestors 'none'")));
        assert_int_equal(call.route->place, PLACE_WORK); /* a disk may block */
        forget(&call);
    }
    portal_free(portal);
}

static void nothing_else_comes_from_the_folder(void **state)
{
    (void)state;
    struct portal *portal = portal_new(folder);
    struct call call;
    static const char *const none[] = {"/.secret", "/assets/../.secret", "/../x", "/assets/%2e%2e/x", "/v1/devices",
                                       "/core/v1/partner", "/\\..\\x", "/"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(get(portal, none[i], &call), 0);
        forget(&call);
    }
    assert_int_equal(get(portal, "/assets", &call), 404); /* a folder */
    forget(&call);
    assert_int_equal(get(portal, "/assets/none.js", &call), 404);
    forget(&call);
    portal_free(portal);
}

static void embedded_files_have_variants_and_tags(void **state)
{
    (void)state;
    struct portal *portal = portal_new(NULL);
    struct call call;
    assert_int_equal(get(portal, "/partners/", &call), 200); /* also without a portal: then it says so */
    forget(&call);
    for (size_t i = 0; i < portal_embedded_count; i++) {
        const struct portal_file *file = &portal_embedded[i];
        assert_int_equal(get(portal, file->path, &call), 200);
        assert_int_equal(call.static_body.len, file->data_end - file->data);
        const struct route *route = call.route;
        forget(&call);
        struct api api = {.portal = portal};
        call = (struct call){.api = &api, .path = str_from_cstr(file->path), .accept_encoding = STR("gzip"),
                             .if_none_match = str_from_cstr(file->etag)};
        reply_init(&call.reply);
        buf_init(&call.extra_headers, 4096);
        route->handler(&call, NULL);
        assert_int_equal(call.reply.status, 304);
        forget(&call);
    }
    portal_free(portal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_from_the_folder),
        cmocka_unit_test(nothing_else_comes_from_the_folder),
        cmocka_unit_test(embedded_files_have_variants_and_tags),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
