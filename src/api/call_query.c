/* Query parameters as handlers read them (management-api.md 1.3.2, 1.4, 1.5). */
#include "api/api_internal.h"
#include "base/clock.h"

static bool query_parameter(struct call *call, struct str wanted, struct str *ret_value)
{
    struct str rest = call->query;
    struct str name, value;
    enum err err;
    bool found = false;
    while ((err = http1_query_next(&rest, &call->arena, &name, &value)) != ERR_NOT_FOUND) {
        if (err == ERR_OK && str_eq(name, wanted) && value.len > 0) {
            *ret_value = value;
            found = true;
        }
    }
    return found;
}

bool call_query(struct call *call, const char *name, struct str *ret_value)
{
    struct str wanted = str_from_cstr(name);
    if (call->query.len > 0 && query_parameter(call, wanted, ret_value)) {
        return true;
    }
    if (!http_call_only_reads(call)) {
        return false;
    }
    const struct json *member = json_get_str(call->body, wanted);
    struct str text;
    if (json_is_bool(member)) {
        text = json_bool(member) ? STR("true") : STR("false");
    } else if (!json_to_text(member, &call->arena, &text) || text.len == 0) {
        return false;
    }
    *ret_value = text;
    return true;
}

bool call_query_int(struct call *call, const char *name, int64_t *ret_value)
{
    struct str text;
    return call_query(call, name, &text) && str_to_i64(text, ret_value);
}

bool call_query_time(struct call *call, const char *name, int64_t *time)
{
    struct str text;
    double number;
    if (!call_query(call, name, &text) || str_eq(text, STR("null"))) {
        return true;
    }
    if (str_to_double(text, &number) ? time_from_number(number, time) : time_parse_iso(text, time)) {
        return true;
    }
    reply_error(&call->reply, 422, "Timestamp is invalid");
    return false;
}

#define PAGE_MAX (INT64_C(1) << 40)

void call_paging(struct call *call, int64_t default_per_page, int64_t cap, struct paging *ret_paging)
{
    static const char *const names[] = {"per_page", "page_size", "page-size", "limit"};
    int64_t page = 1, per_page = 0;
    call_query_int(call, "page", &page);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && per_page < 1; i++) {
        call_query_int(call, names[i], &per_page);
    }
    per_page = per_page < 1 ? default_per_page : per_page > cap ? cap : per_page;
    page = page < 1 ? 1 : page > PAGE_MAX ? PAGE_MAX : page;
    *ret_paging = (struct paging){page, per_page, (page - 1) * per_page};
}
