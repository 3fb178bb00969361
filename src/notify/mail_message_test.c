/* Mails are well formed whatever people wrote into them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "notify/mail_message.h"

static struct mail_message sample(void)
{
    return (struct mail_message){.from = STR("muster@northlight.example"), .to = STR("bo@harbour.example"),
                                 .subject = STR("Hello"), .text = STR("One.\n\nTwo."), .at_ms = INT64_C(1772360100250)};
}

static const char *written(struct buf *out, const struct mail_message *message)
{
    buf_init(out, 1 << 20);
    mail_message_write(out, message);
    buf_append_u8(out, 0);
    assert_false(out->failed);
    return (const char *)out->data;
}

static void plain(void **state)
{
    (void)state;
    struct buf out;
    struct mail_message message = sample();
    assert_string_equal(written(&out, &message),
                        "From: <muster@northlight.example>\r\nTo: <bo@harbour.example>\r\nSubject: Hello\r\n"
                        "Date: Sun, 1 Mar 2026 10:15:00 +0000\r\n"
                        "Message-ID: <00000000-0000-0000-0000-000000000000@northlight.example>\r\n"
                        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                        "One.\r\n\r\nTwo.\r\n");
    buf_deinit(&out);
}

static void encoded(void **state)
{
    (void)state;
    struct buf out;
    struct mail_message message = sample();
    message.subject = STR("J\xc3\xb8rgen");
    message.text = STR("a=b \xc3\xb8 \nend ");
    message.link = STR("https://muster.example/x?a=1");
    const char *text = written(&out, &message);
    assert_non_null(strstr(text, "Subject: =?UTF-8?B?SsO4cmdlbg==?=\r\n"));
    assert_non_null(strstr(text, "\r\n\r\na=3Db =C3=B8=20\r\nend=20\r\n\r\nhttps://muster.example/x?a=3D1\r\n"));
    buf_deinit(&out);
}

static void no_line_is_too_long(void **state)
{
    (void)state;
    struct buf out, subject, body;
    struct mail_message message = sample();
    buf_init(&subject, 4096);
    buf_init(&body, 65536);
    for (int i = 0; i < 300; i++) {
        buf_append_cstr(&subject, i % 7 ? "x" : "\xe2\x82\xac");
        buf_append_cstr(&body, i % 5 ? "word " : "\xe2\x82\xac\xff=");
    }
    message.subject = buf_str(&subject);
    message.text = buf_str(&body);
    const char *text = written(&out, &message);
    for (const char *line = text; *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 78);
        line = end + 2;
    }
    buf_deinit(&out);
    buf_deinit(&subject);
    buf_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(encoded),
        cmocka_unit_test(no_line_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
