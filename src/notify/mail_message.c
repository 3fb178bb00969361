#include "notify/mail_message.h"

#include <time.h>

#include "base/crypto.h"
#include "base/utf8.h"

enum { LINE_CHARS_MAX = 76, WORD_BYTES_MAX = 42 /* 56 characters of base64, with =?UTF-8?B? and ?= below 75 */ };

static void write_date(struct buf *out, int64_t at_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
               tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c > 0x7e) {
            return false;
        }
    }
    return !str_contains_nocase(text, STR("=?"));
}

/* RFC 2047: encoded words of whole characters, one a line. */
static void write_encoded(struct buf *out, struct str text)
{
    while (text.len) {
        size_t len = 0;
        for (size_t next; (next = utf8_next(str_sub(text, len, text.len))) && len + next <= WORD_BYTES_MAX;) {
            len += next;
        }
        len = len ? len : 1; /* no UTF-8: a byte at a time */
        buf_append_cstr(out, "=?UTF-8?B?");
        base64_encode(out, text.ptr, len);
        text = str_sub(text, len, text.len);
        buf_append_cstr(out, text.len ? "?=\r\n " : "?=");
    }
}

static void write_subject(struct buf *out, struct str subject)
{
    buf_append_cstr(out, "Subject: ");
    if (is_plain(subject) && subject.len < LINE_CHARS_MAX - 10) {
        buf_append_str(out, subject);
    } else {
        write_encoded(out, subject);
    }
    buf_append_cstr(out, "\r\n");
}

/* RFC 2045 section 6.7. Line ends of any kind become CRLF. */
static void write_quoted(struct buf *out, struct str text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n') {
            continue;
        }
        if (c == '\n' || c == '\r') {
            buf_append_cstr(out, "\r\n");
            column = 0;
            continue;
        }
        bool line_ends = i + 1 == text.len || text.ptr[i + 1] == '\n' || text.ptr[i + 1] == '\r';
        bool literal = (c > 0x20 && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !line_ends);
        size_t width = literal ? 1 : 3;
        if (column + width > LINE_CHARS_MAX - 1) {
            buf_append_cstr(out, "=\r\n");
            column = 0;
        }
        if (literal) {
            buf_append_u8(out, c);
        } else {
            buf_printf(out, "=%02X", c);
        }
        column += width;
    }
    buf_append_cstr(out, "\r\n");
}

void mail_message_write(struct buf *out, const struct mail_message *message)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&message->id, id);
    struct str domain = message->from;
    str_split(&domain, '@');
    buf_printf(out, "From: <%.*s>\r\nTo: <%.*s>\r\n", STR_ARG(message->from), STR_ARG(message->to));
    write_subject(out, message->subject);
    write_date(out, message->at_ms);
    buf_printf(out,
               "Message-ID: <%s@%.*s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
               id, STR_ARG(domain));
    write_quoted(out, message->text);
    if (message->link.len) {
        buf_append_cstr(out, "\r\n");
        write_quoted(out, message->link);
    }
}
