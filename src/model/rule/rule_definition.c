#include "model/rule/rule_definition.h"

#include <stdlib.h>

#include "base/mem.h"

static const char *const type_names[] = {[RULE_NUMBER] = "number", [RULE_STRING] = "string", [RULE_BOOLEAN] = "boolean"};
enum { TYPE_COUNT = sizeof type_names / sizeof type_names[0] };

#define FOR(type) (1u << (type))
#define FOR_ANY (FOR(RULE_NUMBER) | FOR(RULE_STRING) | FOR(RULE_BOOLEAN))
static const struct {
    const char *name;
    unsigned types;
} operators[RULE_OPERATOR_COUNT] = {
    [RULE_EQ] = {"eq", FOR_ANY},
    [RULE_NE] = {"ne", FOR(RULE_NUMBER) | FOR(RULE_STRING)},
    [RULE_GT] = {"gt", FOR(RULE_NUMBER)},
    [RULE_GTE] = {"gte", FOR(RULE_NUMBER)},
    [RULE_LT] = {"lt", FOR(RULE_NUMBER)},
    [RULE_LTE] = {"lte", FOR(RULE_NUMBER)},
    [RULE_BETWEEN] = {"between", FOR(RULE_NUMBER)},
    [RULE_CONTAINS] = {"contains", FOR(RULE_STRING)},
    [RULE_STARTS_WITH] = {"starts_with", FOR(RULE_STRING)},
    [RULE_ENDS_WITH] = {"ends_with", FOR(RULE_STRING)},
    [RULE_IN] = {"in", FOR(RULE_STRING)},
    [RULE_EXISTS] = {"exists", FOR_ANY},
    [RULE_MISSING] = {"missing", FOR_ANY},
};

const char *rule_type_name(enum rule_type type)
{
    return type_names[type];
}

const char *rule_flat_type_name(enum flat_type type)
{
    switch (type) {
    case FLAT_NULL: return "null";
    case FLAT_FALSE:
    case FLAT_TRUE: return "boolean";
    case FLAT_NUMBER: return "number";
    case FLAT_STRING: return "string";
    }
    return "null";
}

/* ---- reading ---- */

static bool read_type(const struct json *json, enum rule_type *ret_type)
{
    struct str name = json_string(json);
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (str_eq(name, str_from_cstr(type_names[i]))) {
            *ret_type = (enum rule_type)i;
            return true;
        }
    }
    return false;
}

static bool read_operator(const struct json *json, enum rule_type type, enum rule_operator *ret_operator)
{
    struct str name = json_string(json);
    for (int i = 0; i < RULE_OPERATOR_COUNT; i++) {
        if (str_eq(name, str_from_cstr(operators[i].name)) && (operators[i].types & FOR(type))) {
            *ret_operator = (enum rule_operator)i;
            return true;
        }
    }
    return false;
}

static bool read_between(const struct json *value, struct rule_condition *condition)
{
    const struct json *low = json_at(value, 0), *high = json_at(value, 1);
    condition->low = json_number(low);
    condition->high = json_number(high);
    return json_is_array(value) && json_count(value) == 2 && json_is_number(low) && json_is_number(high) &&
           condition->low <= condition->high;
}

static bool read_text(const struct json *value, struct arena *arena, struct str *ret_text)
{
    if (!json_is_string(value) || json_string(value).len > RULE_TEXT_BYTES_MAX) {
        return false;
    }
    *ret_text = arena_str(arena, json_string(value));
    return true;
}

static bool read_texts(const struct json *value, struct arena *arena, struct rule_condition *condition)
{
    bool list = condition->operator == RULE_IN;
    size_t count = list ? json_count(value) : 1, i = 0;
    if (list && (!json_is_array(value) || count == 0 || count > RULE_TEXTS_MAX)) {
        return false;
    }
    condition->texts = arena_alloc(arena, count * sizeof *condition->texts);
    condition->text_count = count;
    for (const struct json *text = list ? json_first(value) : value; i < count; text = json_next(text), i++) {
        if (!read_text(text, arena, &condition->texts[i])) {
            return false;
        }
    }
    return true;
}

static bool read_value(const struct json *value, struct arena *arena, struct rule_condition *condition)
{
    if (condition->operator == RULE_EXISTS || condition->operator == RULE_MISSING) {
        return true;
    }
    switch (condition->type) {
    case RULE_NUMBER:
        if (condition->operator == RULE_BETWEEN) {
            return read_between(value, condition);
        }
        condition->low = json_number(value);
        return json_is_number(value);
    case RULE_STRING:
        return read_texts(value, arena, condition);
    case RULE_BOOLEAN:
        condition->flag = json_bool(value);
        return json_is_bool(value);
    }
    return false;
}

/* The member that is wrong; NULL: none. */
static const char *read_condition(const struct json *json, struct arena *arena, struct rule_condition *condition)
{
    struct str key = json_string(json_get(json, "key"));
    const struct json *type = json_get(json, "type"), *operator = json_get(json, "operator");
    if (str_is_empty(key) || key.len > RULE_KEY_BYTES_MAX) {
        return "key";
    }
    condition->key = arena_str(arena, key);
    if (!read_type(type, &condition->type)) {
        return "type";
    }
    if (!read_operator(operator, condition->type, &condition->operator)) {
        return "operator";
    }
    return read_value(json_get(json, "value"), arena, condition) ? NULL : "value";
}

static bool read_list(const struct json *definition, const char *name, struct arena *arena, struct rule_condition **ret_list,
                      size_t *ret_count, struct buf *reason)
{
    const struct json *list = json_get(definition, name);
    size_t count = json_count(list), i = 0;
    if (json_is_missing(list)) {
        return true;
    }
    if (!json_is_array(list) || count > RULE_CONDITIONS_MAX) {
        buf_append_cstr(reason, name);
        return false;
    }
    struct rule_condition *conditions = arena_alloc(arena, (count + 1) * sizeof *conditions);
    for (const struct json *item = json_first(list); item; item = json_next(item), i++) {
        const char *wrong = read_condition(item, arena, &conditions[i]);
        if (wrong) {
            buf_printf(reason, "%s[%zu].%s", name, i, wrong);
            return false;
        }
    }
    *ret_list = conditions;
    *ret_count = count;
    return true;
}

bool rule_definition_parse(const struct json *json, struct arena *arena, struct rule_definition *ret_definition,
                           struct buf *reason)
{
    struct rule_definition definition = {0};
    if (!json_is_missing(json) && !json_is_object(json)) {
        buf_append_cstr(reason, "must be an object");
        return false;
    }
    if (!read_list(json, "all", arena, &definition.all, &definition.all_count, reason) ||
        !read_list(json, "any", arena, &definition.any, &definition.any_count, reason)) {
        return false;
    }
    *ret_definition = definition;
    return true;
}

/* ---- evaluating ---- */

static bool type_fits(enum rule_type type, enum flat_type found)
{
    switch (type) {
    case RULE_NUMBER: return found == FLAT_NUMBER;
    case RULE_STRING: return found == FLAT_STRING;
    case RULE_BOOLEAN: return found == FLAT_TRUE || found == FLAT_FALSE;
    }
    return false;
}

static bool contains(struct str text, struct str piece)
{
    return piece.len == 0 || (text.len >= piece.len && memmem(text.ptr, text.len, piece.ptr, piece.len) != NULL);
}

static bool text_is_one_of(const struct rule_condition *condition, struct str text)
{
    for (size_t i = 0; i < condition->text_count; i++) {
        if (str_eq(condition->texts[i], text)) {
            return true;
        }
    }
    return false;
}

static bool compares(const struct rule_condition *condition, const struct flat_entry *value)
{
    bool equal = condition->type == RULE_NUMBER   ? value->number == condition->low
                 : condition->type == RULE_STRING ? str_eq(value->text, condition->texts[0])
                                                  : (value->type == FLAT_TRUE) == condition->flag;
    switch (condition->operator) {
    case RULE_EQ: return equal;
    case RULE_NE: return !equal;
    case RULE_GT: return value->number > condition->low;
    case RULE_GTE: return value->number >= condition->low;
    case RULE_LT: return value->number < condition->low;
    case RULE_LTE: return value->number <= condition->low;
    case RULE_BETWEEN: return value->number >= condition->low && value->number <= condition->high;
    case RULE_CONTAINS: return contains(value->text, condition->texts[0]);
    case RULE_STARTS_WITH: return str_starts_with(value->text, condition->texts[0]);
    case RULE_ENDS_WITH: return str_ends_with(value->text, condition->texts[0]);
    case RULE_IN: return text_is_one_of(condition, value->text);
    case RULE_EXISTS:
    case RULE_MISSING:
    case RULE_OPERATOR_COUNT: break;
    }
    return false;
}

void rule_subject_set(struct rule_subject *state, struct str flat)
{
    struct flat_iter iter = flat_iter(flat);
    struct flat_entry entry;
    state->count = 0;
    while (flat_next(&iter, &entry)) {
        if (state->count == state->room) {
            state->room = state->room ? state->room * 2 : 16;
            state->entries = mem_realloc(state->entries, state->room * sizeof *state->entries);
        }
        state->entries[state->count++] = entry;
    }
}

void rule_subject_deinit(struct rule_subject *state)
{
    mem_free(state->entries);
    *state = (struct rule_subject){0};
}

static int by_key(const void *key, const void *entry)
{
    return str_cmp(*(const struct str *)key, ((const struct flat_entry *)entry)->key);
}

static bool condition_holds(const struct rule_condition *condition, const struct rule_subject *state,
                            struct rule_mismatch *mismatch)
{
    const struct flat_entry *value =
        state->count ? bsearch(&condition->key, state->entries, state->count, sizeof *state->entries, by_key) : NULL;
    bool found = value;
    if (condition->operator == RULE_EXISTS || condition->operator == RULE_MISSING) {
        return found == (condition->operator == RULE_EXISTS);
    }
    if (!found) {
        return false;
    }
    if (!type_fits(condition->type, value->type)) {
        if (!mismatch->key.ptr) {
            *mismatch = (struct rule_mismatch){condition->key, condition->type, value->type};
        }
        return false;
    }
    return compares(condition, value);
}

bool rule_definition_matches(const struct rule_definition *definition, const struct rule_subject *state,
                             struct rule_mismatch *ret_mismatch)
{
    bool all = true, any = definition->any_count == 0;
    *ret_mismatch = (struct rule_mismatch){0};
    for (size_t i = 0; i < definition->all_count; i++) { /* to the end: each tells of its own mismatch */
        all &= condition_holds(&definition->all[i], state, ret_mismatch);
    }
    for (size_t i = 0; i < definition->any_count; i++) {
        any |= condition_holds(&definition->any[i], state, ret_mismatch);
    }
    return definition->all_count + definition->any_count > 0 && all && any;
}
