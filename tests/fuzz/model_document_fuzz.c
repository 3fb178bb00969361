/* Documents that people and devices hand in, on the domain's pure parts. The first byte chooses: a rule's definition (the
 * text up to the first newline) judged on a state (the rest), fields of a form, a table of claims, or bytes as a stored
 * state holds them. */
#undef NDEBUG
#include <assert.h>

#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/claim/claim_csv.h"
#include "model/management/form.h"
#include "model/rule/rule_definition.h"
#include "model/telemetry/flat.h"
#include "model/telemetry/state.h"

#define TEXT_BYTES_MAX ((size_t)1024 * 1024)

/* A state is the same after it was written as JSON and read. */
static void check_flat(struct str flat, struct arena *arena)
{
    struct buf text;
    struct json *doc = NULL;
    buf_init(&text, 16 * TEXT_BYTES_MAX);
    flat_write_json(&text, flat, true, STR(""));
    assert(!text.failed && json_parse(buf_str(&text), &(struct json_limits){.bytes_max = SIZE_MAX}, &doc) == ERR_OK);
    assert(str_eq(flat_from_json(doc, arena), flat));
    struct flat_iter iter = flat_iter(flat);
    struct flat_entry entry, found;
    struct str last = {NULL, 0};
    while (flat_next(&iter, &entry)) {
        assert(!last.ptr || str_cmp(last, entry.key) < 0);
        assert(flat_find(flat, entry.key, &found) && str_eq(found.bytes, entry.bytes));
        last = entry.key;
    }
    assert(iter.left == 0);
    json_free(doc);
    buf_deinit(&text);
}

static void check_rule(struct str text, struct str state_text, struct arena *arena)
{
    struct json *json = NULL, *state = NULL;
    struct rule_definition definition;
    struct buf reason;
    buf_init(&reason, TEXT_BYTES_MAX);
    bool parsed = json_parse(text, NULL, &json) == ERR_OK && rule_definition_parse(json, arena, &definition, &reason);
    assert(!json || parsed || reason.len > 0);
    assert(utf8_is_valid(buf_str(&reason)));
    if (json_parse(state_text, NULL, &state) == ERR_OK && json_is_object(state)) {
        struct str flat = flat_from_json(state, arena);
        check_flat(flat, arena);
        if (parsed) {
            struct rule_subject subject = {.entries = NULL};
            struct rule_mismatch mismatch;
            rule_subject_set(&subject, flat);
            (void)rule_definition_matches(&definition, &subject, &mismatch);
            rule_subject_deinit(&subject);
        }
    }
    json_free(json);
    json_free(state);
    buf_deinit(&reason);
}

static void check_form(struct admin *admin, struct str text)
{
    struct json *body = NULL;
    struct str value = STR("");
    int64_t whole = 0, time = 0;
    bool flag = false;
    if (json_parse(text, NULL, &body) == ERR_OK && json_is_object(body)) {
        bool ok = form_required_text(admin, body, "name", 255, &value);
        assert(ok == !reply_is_error(admin->reply));
        if (ok) {
            assert(value.len > 0 && utf8_length(value) <= 255);
            (void)form_is_email(value);
        }
        assert(!form_int(admin, body, "count", -5, 100, &whole) || (whole >= -5 && whole <= 100));
        (void)form_bool(admin, body, "flag", &flag);
        (void)form_time(admin, body, "at", &time);
        (void)form_label(admin->arena, "communication_protocol");
    }
    json_free(body);
}

static void check_claims(struct admin *admin, struct str text)
{
    struct claim_csv csv;
    memset(&csv, 0, sizeof csv);
    bool ok = claim_csv_init(&csv, admin, text, STR("7"));
    assert(ok == !reply_is_error(admin->reply));
    for (size_t i = 0; ok && i < csv.batch.count; i++) { /* each row is what an API call could have sent */
        struct json *again = NULL;
        struct buf written;
        buf_init(&written, TEXT_BYTES_MAX);
        json_write(&written, csv.rows[i]);
        assert(!written.failed && json_parse(buf_str(&written), NULL, &again) == ERR_OK && json_eq(again, csv.rows[i]));
        json_free(again);
        buf_deinit(&written);
    }
    claim_csv_deinit(&csv);
}

/* Of the disk: whatever it holds, reading ends, and what is read lies in it. */
static void check_stored(struct str bytes)
{
    struct flat_iter iter = flat_iter(bytes);
    struct flat_entry entry;
    while (flat_next(&iter, &entry)) {
        assert(entry.bytes.ptr >= bytes.ptr && entry.bytes.ptr + entry.bytes.len <= bytes.ptr + bytes.len);
    }
    state_unref(state_from_json(bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str rest = str_from(data + 1, size - 1);
    struct arena arena;
    struct reply reply;
    struct admin admin;
    struct principal nobody = {.kind = PRINCIPAL_NONE};
    arena_init(&arena);
    reply_init(&reply);
    admin_init(&admin, NULL, &arena, &reply, &nobody, STR(""));
    switch (data[0] % 4) {
    case 0: {
        struct str first = str_split(&rest, '\n');
        check_rule(first, rest, &arena);
        break;
    }
    case 1:
        check_form(&admin, rest);
        break;
    case 2:
        check_claims(&admin, rest);
        break;
    default:
        check_stored(rest);
        break;
    }
    reply_deinit(&reply);
    arena_deinit(&arena);
    return 0;
}
