#include "codec/http1/http1_head.h"

static bool is_token_char(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
        return true;
    }
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

/* RFC 9112 section 2.2 lets a server take a bare LF for a line end; another program on the way may see it otherwise,
 * so here a line ends in CRLF and neither occurs inside. A name that is a token rules out folded lines (section 5.2)
 * and a blank before the colon (section 5.1). */
enum http1_error http1_line_check(struct str line, bool is_first)
{
    if (!str_ends_with(line, STR("\r\n"))) {
        return HTTP1_BAD_REQUEST;
    }
    struct str content = str_sub(line, 0, line.len - 2);
    for (size_t i = 0; i < content.len; i++) {
        unsigned char c = (unsigned char)content.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return HTTP1_BAD_REQUEST;
        }
    }
    struct str value = content;
    bool named = is_first || content.len == 0 || (is_token(str_split(&value, ':')) && value.ptr);
    return named ? HTTP1_ERROR_NONE : HTTP1_BAD_REQUEST;
}

static enum http1_error version_parse(struct str version, unsigned *ret_minor)
{
    bool well_formed = version.len == 8 && str_starts_with(version, STR("HTTP/")) && version.ptr[5] >= '0' &&
                       version.ptr[5] <= '9' && version.ptr[6] == '.' && version.ptr[7] >= '0' && version.ptr[7] <= '9';
    if (!well_formed) {
        return HTTP1_BAD_REQUEST;
    }
    if (version.ptr[5] != '1' || version.ptr[7] > '1') {
        return HTTP1_VERSION_NOT_SUPPORTED;
    }
    *ret_minor = version.ptr[7] == '1' ? 1 : 0;
    return HTTP1_ERROR_NONE;
}

/* What is behind "http://host" (RFC 9112 section 3.2.2); ptr NULL if the target is not in that form. */
static struct str behind_authority(struct str target)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!str_eq_nocase(str_sub(target, 0, schemes[i].len), schemes[i])) {
            continue;
        }
        size_t at = schemes[i].len;
        while (at < target.len && target.ptr[at] != '/' && target.ptr[at] != '?') {
            at++;
        }
        return at > schemes[i].len ? str_sub(target, at, target.len) : (struct str){NULL, 0};
    }
    return (struct str){NULL, 0};
}

static enum http1_error target_parse(struct http1_head *head)
{
    struct str target = head->target;
    for (size_t i = 0; i < target.len; i++) {
        if (target.ptr[i] <= ' ' || target.ptr[i] > '~' || target.ptr[i] == '#') {
            return HTTP1_BAD_REQUEST;
        }
    }
    bool asterisk = str_eq(target, STR("*")) && str_eq(head->method, STR("OPTIONS"));
    if (!asterisk && !str_starts_with(target, STR("/"))) {
        target = behind_authority(target);
        if (!target.ptr) {
            return HTTP1_BAD_REQUEST;
        }
    }
    head->query = target;
    head->path = str_split(&head->query, '?');
    if (head->path.len == 0) {
        head->path = STR("/");
    }
    return HTTP1_ERROR_NONE;
}

enum http1_error http1_request_line_parse(struct str line, struct http1_head *head)
{
    struct str rest = str_sub(line, 0, line.len - 2);
    head->method = str_split(&rest, ' ');
    head->target = str_split(&rest, ' ');
    if (!is_token(head->method) || head->target.len == 0 || !rest.ptr) {
        return HTTP1_BAD_REQUEST;
    }
    enum http1_error error = version_parse(rest, &head->minor_version);
    if (error) {
        return error;
    }
    return str_eq(head->method, STR("CONNECT")) ? HTTP1_NOT_IMPLEMENTED : target_parse(head);
}

static size_t count_headers(const struct http1_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        count += str_eq_nocase(head->headers[i].name, str_from_cstr(name));
    }
    return count;
}

/* RFC 9112 section 3.2: exactly one with HTTP/1.1, never more than one. */
static bool host_is_valid(const struct http1_head *head)
{
    size_t count = count_headers(head, "host");
    if (count > 1 || (count == 0 && head->minor_version > 0)) {
        return false;
    }
    for (size_t i = 0; i < head->host.len; i++) {
        char c = head->host.ptr[i];
        if (c <= ' ' || c > '~' || strchr("/?#@\\\"<>^`{|}", c)) {
            return false;
        }
    }
    return true;
}

/* RFC 9112 section 6: where does the body end? Any doubt is refused. */
static enum http1_error framing_check(const struct http1_head *head)
{
    size_t lengths = count_headers(head, "content-length");
    size_t codings = count_headers(head, "transfer-encoding");
    uint64_t length = 0;
    if (lengths + codings == 0) {
        return head->has_content_length || head->is_chunked ? HTTP1_BAD_REQUEST : HTTP1_ERROR_NONE;
    }
    if (lengths + codings > 1) {
        return HTTP1_BAD_REQUEST;
    }
    if (lengths == 1) {
        bool agreed = str_to_u64(http1_header(head, "content-length"), &length) && head->has_content_length &&
                      length == head->content_length;
        return agreed ? HTTP1_ERROR_NONE : HTTP1_BAD_REQUEST;
    }
    if (head->minor_version == 0 || !head->is_chunked) {
        return HTTP1_BAD_REQUEST;
    }
    bool only_chunked = str_eq_nocase(http1_header(head, "transfer-encoding"), STR("chunked"));
    return only_chunked ? HTTP1_ERROR_NONE : HTTP1_NOT_IMPLEMENTED;
}

enum http1_error http1_headers_check(struct http1_head *head)
{
    head->host = http1_header(head, "host");
    if (!host_is_valid(head)) {
        return HTTP1_BAD_REQUEST;
    }
    enum http1_error error = framing_check(head);
    if (error) {
        return error;
    }
    struct str expect = http1_header(head, "expect");
    if (expect.ptr && head->minor_version > 0) { /* RFC 9110 section 10.1.1 */
        if (!str_eq_nocase(expect, STR("100-continue"))) {
            return HTTP1_EXPECTATION_FAILED;
        }
        head->expects_continue = head->is_chunked || head->content_length > 0;
    }
    return HTTP1_ERROR_NONE;
}

struct str http1_header(const struct http1_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (str_eq_nocase(head->headers[i].name, str_from_cstr(name))) {
            return head->headers[i].value;
        }
    }
    return (struct str){NULL, 0};
}

bool http1_header_has_token(const struct http1_head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct str rest = head->headers[i].value;
        if (!str_eq_nocase(head->headers[i].name, str_from_cstr(name))) {
            continue;
        }
        while (rest.ptr) {
            if (str_eq_nocase(str_trim(str_split(&rest, ',')), str_from_cstr(token))) {
                return true;
            }
        }
    }
    return false;
}
