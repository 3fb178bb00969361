#include "api/openapi/openapi.h"

#include "api/openapi/description.h"
#include "api/openapi/notation.h"

#define STATUS_DIGITS 3

const struct description *const description_tables[] = {
    device_descriptions,
    file_descriptions,
    fleet_descriptions,
    incident_descriptions,
    license_descriptions,
    organization_descriptions,
    partner_descriptions,
    rollout_descriptions,
    people_descriptions,
    sign_up_descriptions,
    session_descriptions,
    support_descriptions,
};
const unsigned description_table_count = sizeof description_tables / sizeof description_tables[0];

/* --- one operation --- */

/* Who may call it stands in the first segments of its path. */
static const char *scheme_of(struct str path)
{
    if (str_starts_with(path, STR("/core/v1/organization"))) {
        return "organization";
    }
    if (str_starts_with(path, STR("/core/v1/partner"))) {
        return "partner";
    }
    if (str_starts_with(path, STR("/v1/devices/:id"))) {
        return "device";
    }
    return NULL;
}

/* "/devices/:id" as "/devices/{id}". */
static void write_path(struct buf *out, struct str path)
{
    for (struct str rest = path, segment = str_split(&rest, '/'); segment.ptr; segment = str_split(&rest, '/')) {
        if (segment.len && segment.ptr[0] == ':') {
            buf_printf(out, "{%.*s}", (int)segment.len - 1, segment.ptr + 1);
        } else {
            buf_append_str(out, segment);
        }
        if (!rest.ptr) {
            break;
        }
        buf_append_u8(out, '/');
    }
}

static void write_parameter_head(struct json_writer *w, struct str name, const char *in, bool required)
{
    json_begin_object(w);
    json_field_str(w, "name", name);
    json_field_cstr(w, "in", in);
    json_field_bool(w, "required", required);
    json_name(w, "schema");
}

static bool write_parameters(struct json_writer *w, const struct description *it)
{
    json_name(w, "parameters");
    json_begin_array(w);
    struct str rest = str_from_cstr(it->path);
    while (rest.ptr) {
        struct str segment = str_split(&rest, '/');
        if (segment.len && segment.ptr[0] == ':') {
            write_parameter_head(w, str_sub(segment, 1, segment.len - 1), "path", true);
            json_put_raw(w, STR("{\"type\":\"string\"}"));
            json_end_object(w);
        }
    }
    struct str fields = str_from_cstr(it->query);
    struct notation_field field;
    while (notation_next(&fields, &field)) {
        write_parameter_head(w, field.name, "query", field.required);
        if (!notation_type(w, field.type)) {
            return false;
        }
        json_end_object(w);
    }
    json_end_array(w);
    return fields.len == 0;
}

static bool write_content(struct json_writer *w, const char *mime, struct str type)
{
    json_name(w, "content");
    json_begin_object(w);
    json_name(w, mime);
    json_begin_object(w);
    json_name(w, "schema");
    bool known = notation_type(w, type);
    json_end_object(w);
    json_end_object(w);
    return known;
}

static bool write_body(struct json_writer *w, const struct description *it)
{
    if (!it->body) {
        return true;
    }
    struct str type = str_from_cstr(it->body);
    const char *mime = "application/json";
    if (str_starts_with(type, STR("multipart "))) {
        mime = "multipart/form-data";
        type = str_sub(type, 10, type.len);
    } else if (str_eq(type, STR("bytes"))) {
        mime = "application/octet-stream";
    }
    json_name(w, "requestBody");
    json_begin_object(w);
    bool known = write_content(w, mime, type);
    json_end_object(w);
    return known;
}

/* What a reply holds: "items X" and "data X" are the pages of the two APIs (management-api.md 1.5), "success" is
 * {"success":true}, "none" no body, "bytes" a file, "events" a stream of server-sent events, "csv" a table; else a type. */
static bool write_reply_content(struct json_writer *w, struct str type)
{
    struct buf page;
    buf_init(&page, 4096);
    const char *mime = "application/json";
    if (str_starts_with(type, STR("items "))) {
        buf_printf(&page, "{items! [%.*s]; next_page! int?; has_next_page! bool}", STR_ARG(str_sub(type, 6, type.len)));
        type = buf_str(&page);
    } else if (str_starts_with(type, STR("data "))) {
        buf_printf(&page, "{data! [%.*s]; page_info! {has_next! bool; total_count! int(0..)}}", STR_ARG(str_sub(type, 5, type.len)));
        type = buf_str(&page);
    } else if (str_eq(type, STR("success"))) {
        type = STR("{success! bool}");
    } else if (str_eq(type, STR("events"))) {
        mime = "text/event-stream";
        type = STR("text");
    } else if (str_eq(type, STR("csv"))) {
        mime = "text/csv";
        type = STR("text");
    } else if (str_eq(type, STR("bytes"))) {
        mime = "application/octet-stream";
    }
    bool known = write_content(w, mime, type);
    buf_deinit(&page);
    return known;
}

static bool write_replies(struct json_writer *w, const struct description *it)
{
    struct str type = str_from_cstr(it->reply);
    struct str status = STR("200");
    if (type.len > STATUS_DIGITS && type.ptr[0] >= '2' && type.ptr[0] <= '5' && type.ptr[STATUS_DIGITS] == ' ') {
        status = str_sub(type, 0, STATUS_DIGITS);
        type = str_sub(type, STATUS_DIGITS + 1, type.len);
    }
    bool known = type.len > 0;
    json_name(w, "responses");
    json_begin_object(w);
    json_name_str(w, status);
    json_begin_object(w);
    json_field_cstr(w, "description", "Done.");
    if (known && !str_eq(type, STR("none"))) {
        known = write_reply_content(w, type);
    }
    json_end_object(w);
    json_name(w, "default");
    json_begin_object(w);
    json_field_cstr(w, "description", "Refused: the first check that failed, in one sentence.");
    known = known && write_content(w, "application/json", STR("Error"));
    json_end_object(w);
    json_end_object(w);
    return known;
}

static bool write_operation(struct json_writer *w, const struct description *it)
{
    struct buf text;
    buf_init(&text, 4096);
    for (const char *at = it->method; *at; at++) {
        buf_append_u8(&text, (uint8_t)(*at | 0x20));
    }
    json_name_str(w, buf_str(&text));
    for (const char *at = it->path; *at; at++) { /* "get_v1_devices_id": unique, since paths are */
        buf_append_u8(&text, *at == '/' || *at == '.' ? '_' : (uint8_t)(*at == ':' ? '.' : *at));
    }
    json_begin_object(w);
    json_field_str(w, "operationId", buf_str(&text));
    buf_deinit(&text);
    json_field_cstr(w, "summary", it->summary);
    const char *scheme = scheme_of(str_from_cstr(it->path));
    if (scheme) {
        json_name(w, "security");
        json_begin_array(w);
        json_begin_object(w);
        json_name(w, scheme);
        json_put_raw(w, STR("[]"));
        json_end_object(w);
        json_end_array(w);
    }
    bool known = write_parameters(w, it) && write_body(w, it) && write_replies(w, it);
    json_end_object(w);
    return known;
}

/* --- the document --- */

static bool is_first_of_its_path(const struct description *table, const struct description *it)
{
    for (const struct description *at = table; at < it; at++) {
        if (strcmp(at->path, it->path) == 0) {
            return false;
        }
    }
    return true;
}

static bool write_paths(struct json_writer *w, const struct description *table)
{
    for (const struct description *it = table; it->method; it++) {
        if (!is_first_of_its_path(table, it)) {
            continue;
        }
        struct buf path;
        buf_init(&path, 4096);
        write_path(&path, str_from_cstr(it->path));
        json_name_str(w, buf_str(&path));
        buf_deinit(&path);
        json_begin_object(w);
        for (const struct description *same = it; same->method; same++) {
            if (strcmp(same->path, it->path) == 0 && !write_operation(w, same)) {
                return false;
            }
        }
        json_end_object(w);
    }
    return true;
}

static bool write_components(struct json_writer *w)
{
    json_name(w, "components");
    json_begin_object(w);
    json_name(w, "securitySchemes");
    json_begin_object(w);
    static const char *const schemes[][2] = {
        {"device", "The device's access key."},
        {"organization", "A key of the organization (mo_...), or a session that acts for it."},
        {"partner", "A key of the partner (mp_...), or a session that acts for it."},
    };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        json_name(w, schemes[i][0]);
        json_begin_object(w);
        json_field_cstr(w, "type", "apiKey");
        json_field_cstr(w, "in", "header");
        json_field_cstr(w, "name", "Authorization");
        json_field_cstr(w, "description", schemes[i][1]);
        json_end_object(w);
    }
    json_end_object(w);
    json_name(w, "schemas");
    json_begin_object(w);
    for (const struct object_description *it = object_descriptions; it->name; it++) {
        json_name(w, it->name);
        if (!notation_object(w, str_from_cstr(it->fields))) {
            return false;
        }
    }
    json_end_object(w);
    json_end_object(w);
    return true;
}

bool openapi_write(struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_cstr(&w, "openapi", "3.1.0");
    json_name(&w, "info");
    json_begin_object(&w);
    json_field_cstr(&w, "title", "Muster");
    json_field_cstr(&w, "version", MUSTER_VERSION);
    json_end_object(&w);
    json_name(&w, "paths");
    json_begin_object(&w);
    for (unsigned i = 0; i < description_table_count; i++) {
        if (!write_paths(&w, description_tables[i])) {
            return false;
        }
    }
    json_end_object(&w);
    if (!write_components(&w)) {
        return false;
    }
    json_end_object(&w);
    return !out->failed;
}

static void get_openapi(struct call *call, struct store_tx *tx)
{
    (void)tx;
    call->reply.status = 200;
    call_header(call, "Cache-Control", "no-cache");
    if (!openapi_write(&call->reply.body)) {
        reply_error(&call->reply, 500, "Internal error");
    }
}

const struct route openapi_routes[] = {
    {"GET", "/core/v1/openapi.json", ACCESS_PUBLIC, PLACE_WORK, 0, get_openapi},
    {0},
};
